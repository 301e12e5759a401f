/* op_cases.h - one description of each op case: shapes and options. It drives the gradient checks, the agreement of each
 * backend with the reference, and the speed tests.
 *
 * A case applies one op to parameters with random values; its loss is a fixed random weighting of the outputs, so that no
 * other op of op_list takes part and a wrong gradient has one culprit. The rows are in op_case_rows.c; an op of op_list without a
 * row fails the suite.                                                                                              */
#ifndef LIMN_OP_CASES_H
#define LIMN_OP_CASES_H

#include "tensor/gradcheck.h"
#include "tensor/ops.h"

enum { FIRST = 1, SECOND = 2 };

typedef struct OpCase {
    const Op   *op;
    const char *detail;                          /* what is special: "transposed, gelu"                              */
    Shape       in[OP_MAX_IN];                   /* n = 0: no such input                                             */
    Shape       real_size[OP_MAX_IN];            /* as large as models have it, for speed; n = 0: not timed          */
    int         again[OP_MAX_IN];                /* FIRST, SECOND: this input is in[0], in[1] once more              */
    bool        training;                        /* dropout is on; batch norm's running statistics move              */
    double      spread;                          /* of the inputs' values; 0: 1                                      */
    bool        wants_probs, only_probs;         /* attention: ask for probs; let the loss read nothing else         */
    /* Options; which of them count depends on the op. */
    LinearOptions       linear;                  /* the residual is in[3]                                            */
    AttentionOptions    attention;
    int64_t             real_rows;               /* of packed attention at real size                                 */
    CrossEntropyOptions loss;
    ConvOptions         conv;
    int64_t             real_groups;             /* of conv at real size; 0: 1                                       */
    BatchNormOptions    batch_norm;              /* the residual is in[5]                                            */
    PoolOptions         pool;
    Activation          activation;
    double              eps, p;
    bool                whole;                   /* dropout of whole pictures: op_drop_path                          */
    int                 axis, size;
    int64_t             from, to;
    Shape               ids, real_ids;           /* shape of the ids: embedding rows, targets                        */
    const int32_t      *id_values;               /* NULL and at real size: made up                                   */
} OpCase;

extern const OpCase op_cases[];                  /* ends with op = NULL */
int  op_case_count(void);
void op_case_name(const OpCase *c, char name[static 160]);           /* "attention (causal, packed qkv)"           */

/* Where an op's inputs come from decides how its backward hands over their gradients, so both ways are checked. */
typedef enum OpInputs {
    INPUTS_COMPUTED,                             /* out of another op: no gradient yet, and their memory may be taken */
    INPUTS_SHARED                                /* leaves that another op reads too: add to the gradient there is    */
} OpInputs;

/* A case with its inputs made, ready to be applied many times. */
typedef struct OpRun {
    const OpCase *what;
    OpInputs      inputs;                        /* INPUTS_COMPUTED unless changed                                   */
    bool          real_size;
    Params       *params;
    Tensor       *in[OP_MAX_IN];                 /* batch norm's running statistics are buffers                      */
    int32_t      *ids, *memory_of, *key_lengths, *row_first;
} OpRun;

OpRun  *op_run_new(const OpCase *c, bool real_size);
void    op_run_free(OpRun *r);
void    op_run_forward(Tape *t, const OpRun *r, Tensor *out[OP_MAX_OUT]);   /* out[1] is NULL where there is none     */
Tensor *op_run_loss(Tape *t, void *run);                             /* for gradcheck: run is an OpRun               */

/* Every gradient of the case against finite differences, for both kinds of inputs; `where` starts with the case's name.
 * Means something in double only.                                                                                    */
GradReport op_case_gradients(const OpCase *c, const Backend *backend);

/* The largest difference of outputs, gradients and buffers between two backends, for both kinds of inputs, divided by the largest
 * magnitude in the reference's tensor; `where` names the tensor.                                                     */
typedef struct OpDifference { double worst; char where[320]; } OpDifference;
OpDifference op_case_difference(const OpCase *c, const Backend *backend, const Backend *reference, Team *team);

#endif
