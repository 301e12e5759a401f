/* problem.h - what can be wrong with a data set's parts, none of which stops a preparation: each is listed in the store and the report.
 *
 * A fault means that something was left out or mended and makes --strict fail; a note only says what a reader may want to know. */
#ifndef LIMN_PROBLEM_H
#define LIMN_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

typedef enum ProblemKind {
    PROBLEM_BAD_IMAGE,                           /* cannot be decoded, or is no picture                                 */
    PROBLEM_NO_IMAGE,                            /* annotations of a picture that is not there                          */
    PROBLEM_NO_CAPTION,                          /* a picture about which nothing is said                               */
    PROBLEM_NO_SPLIT,                            /* in none of the lists of a data set that has lists                   */
    PROBLEM_DUPLICATE,                           /* an id, name or list entry for the second time                       */
    PROBLEM_EMPTY_TEXT,                          /* a caption or phrase of blanks                                       */
    PROBLEM_BAD_TEXT,                            /* not valid UTF-8, or with a NUL in it                                */
    PROBLEM_BAD_BOX,                             /* no area, not finite, or wholly outside the picture: left out        */
    PROBLEM_CLIPPED_BOX,                         /* reaches out of the picture by more than a pixel: cut there          */
    PROBLEM_BAD_SPAN,                            /* a phrase that is not where its caption is said to have it           */
    PROBLEM_BAD_RECORD,                          /* a line, row or element that is not what the format says             */
    PROBLEM_BAD_FILE,                            /* one annotation file or shard of many that cannot be read (to its end) */
    PROBLEM_BAD_PATH,                            /* a path that leads out of its folder, or not to a plain file         */
    PROBLEM_OTHER_SIZE,                          /* note: boxes were scaled, the annotations speak of another size      */
    PROBLEM_CUT_AWAY,                            /* note: a box that the centre crop leaves nothing of                  */
    PROBLEM_UNKNOWN_TURN,                        /* note: boxes of a picture that EXIF turns; drawn before or after it? */
    PROBLEM_KINDS
} ProblemKind;

const char *problem_name(ProblemKind k);         /* "damaged-image": stable, for reports                                */
const char *problem_help(ProblemKind k);         /* "pictures that cannot be decoded"                                   */
bool        problem_is_fault(ProblemKind k);

typedef struct Problem {
    ProblemKind kind;
    const char *name;                            /* of the picture, caption, phrase … concerned; "" when there is none  */
    const char *file;                            /* the input it stands in, as seen from the input folder               */
    int64_t     line;                            /* in that file, from 1; 0: none                                       */
    const char *reason;                          /* a sentence without the names above: "ends too early"                */
} Problem;

#endif
