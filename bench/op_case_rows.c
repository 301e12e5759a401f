/* op_case_rows.c - the cases themselves: small and odd shapes, every option of every op. */
#include "bench/op_cases.h"

#define S(...) { sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t), { __VA_ARGS__ } }
#define IDS(...) (const int32_t[]){ __VA_ARGS__ }

const OpCase op_cases[] = {
    /* linear: x, w, b, residual */
    { &op_linear_op, "no bias", { S(5,3), S(7,3) }, { S(800,256), S(2500,256) } },
    { &op_linear_op, "bias", { S(2,3,5), S(4,5), S(4) }, { S(8,197,192), S(576,192), S(576) } },
    { &op_linear_op, "one row", { S(1,6), S(3,6), S(3) }, { S(1,256), S(1024,256), S(1024) } },
    { &op_linear_op, "one output", { S(4,3), S(1,3), S(1) } },
    { &op_linear_op, "a convolution's weight", { S(2,4,12), S(5,3,2,2), S(5) }, { S(8,196,768), S(192,3,16,16), S(192) } },
    { &op_linear_op, "transposed", { S(3,5), S(5,4), S(4) }, { S(800,256), S(256,768), S(768) }, .linear = { .transposed = true } },
    { &op_linear_op, "gelu", { S(3,4), S(6,4), S(6) }, { S(8,197,192), S(768,192), S(768) }, .linear = { .activation = ACT_GELU } },
    { &op_linear_op, "gelu_new, transposed", { S(3,4), S(4,6), S(6) }, { S(800,256), S(256,1024), S(1024) },
      .linear = { .transposed = true, .activation = ACT_GELU_TANH } },
    { &op_linear_op, "quick_gelu, no bias", { S(3,4), S(6,4) }, .linear = { .activation = ACT_GELU_QUICK } },
    { &op_linear_op, "relu", { S(3,4), S(6,4), S(6) }, .linear = { .activation = ACT_RELU } },
    { &op_linear_op, "residual", { S(2,3,5), S(4,5), S(4), S(2,3,4) }, { S(8,197,768), S(192,768), S(192), S(8,197,192) } },
    { &op_linear_op, "residual is x", { S(3,5), S(5,5), S(5) }, .again = { [3] = FIRST } },
    { &op_linear_op, "gelu, residual", { S(3,5), S(4,5), S(4), S(3,4) }, .linear = { .activation = ACT_GELU } },
    { &op_linear_op, "relu, residual, transposed", { S(3,5), S(5,4), S(4), S(3,4) },
      .linear = { .activation = ACT_RELU, .transposed = true } },
    { &op_linear_op, "wider than a tile", { S(9,37), S(33,37), S(33), S(9,33) }, .linear = { .activation = ACT_GELU_TANH } },

    /* layer_norm: x, w, b */
    { &op_layer_norm_op, "one row", { S(7), S(7), S(7) }, .eps = 1e-5 },
    { &op_layer_norm_op, "rows", { S(2,3,8), S(8), S(8) }, { S(8,197,192), S(192), S(192) }, .eps = 1e-12 },
    { &op_layer_norm_op, "large eps", { S(5,19), S(19), S(19) }, .eps = 0.5 },

    /* activation: x */
    { &op_activation_op, "gelu", { S(3,11) }, { S(8,197,768) }, .activation = ACT_GELU },
    { &op_activation_op, "gelu_new", { S(3,11) }, { S(8,197,768) }, .activation = ACT_GELU_TANH },
    { &op_activation_op, "quick_gelu", { S(3,11) }, { S(8,197,768) }, .activation = ACT_GELU_QUICK },
    { &op_activation_op, "relu", { S(3,11) }, { S(8,197,768) }, .activation = ACT_RELU },

    /* attention: q, k, v */
    { &op_attention_op, "cross", { S(2,3,4), S(2,5,4), S(2,5,4) }, { S(40,20,256), S(40,197,256), S(40,197,256) },
      .attention = { .heads = 2 } },
    { &op_attention_op, "one head of one", { S(1,3,1), S(1,2,1), S(1,2,1) }, .attention = { .heads = 1 } },
    { &op_attention_op, "one query", { S(3,1,6), S(3,4,6), S(3,4,6) }, .attention = { .heads = 3 } },
    { &op_attention_op, "packed qkv", { S(2,5,12) }, { S(8,197,576) }, .again = { [1] = FIRST, [2] = FIRST },
      .attention = { .heads = 2, .width = 4, .k_at = 4, .v_at = 8 } },
    { &op_attention_op, "causal, packed qkv", { S(2,5,12) }, { S(40,20,768) }, .again = { [1] = FIRST, [2] = FIRST },
      .attention = { .heads = 2, .mask = MASK_CAUSAL, .width = 4, .k_at = 4, .v_at = 8 } },
    { &op_attention_op, "one tensor for q, k and v", { S(2,4,6) }, .again = { [1] = FIRST, [2] = FIRST },
      .attention = { .heads = 2, .mask = MASK_CAUSAL } },
    { &op_attention_op, "packed kv of fewer memories", { S(3,2,4), S(2,5,8) }, { S(40,20,256), S(8,197,512) }, .again = { [2] = SECOND },
      .attention = { .heads = 2, .width = 4, .v_at = 4, .memory_of = IDS(1,0,1) } },
    { &op_attention_op, "memory_of, key_lengths", { S(4,3,4), S(3,5,4), S(3,5,4) }, { S(40,20,256), S(8,197,256), S(8,197,256) },
      .attention = { .heads = 2, .memory_of = IDS(2,0,2,1), .key_lengths = IDS(3,5,1) } },
    { &op_attention_op, "fully masked row", { S(3,2,4), S(3,4,4), S(3,4,4) },
      .attention = { .heads = 2, .key_lengths = IDS(4,0,2) } },
    { &op_attention_op, "fully masked row, probs", { S(3,2,4), S(3,4,4), S(3,4,4) }, .wants_probs = true,
      .attention = { .heads = 2, .key_lengths = IDS(0,3,0) } },
    { &op_attention_op, "causal, key_lengths", { S(2,4,4), S(2,4,4), S(2,4,4) },
      .attention = { .heads = 1, .mask = MASK_CAUSAL, .key_lengths = IDS(2,3) } },
    { &op_attention_op, "prefix", { S(2,5,4), S(2,5,4), S(2,5,4) },
      .attention = { .heads = 2, .mask = MASK_PREFIX, .prefix = 3 } },
    { &op_attention_op, "prefix, query_offset", { S(2,2,4), S(2,6,4), S(2,6,4) },
      .attention = { .heads = 2, .mask = MASK_PREFIX, .prefix = 4, .query_offset = 2 } },
    { &op_attention_op, "query_offset, key_count", { S(2,2,4), S(2,7,4), S(2,7,4) },
      .attention = { .heads = 2, .mask = MASK_CAUSAL, .query_offset = 3, .key_count = 5 } },
    { &op_attention_op, "probs", { S(2,3,4), S(2,5,4), S(2,5,4) }, .wants_probs = true,
      .attention = { .heads = 2 } },
    { &op_attention_op, "probs, causal, packed qkv", { S(2,4,12) }, .again = { [1] = FIRST, [2] = FIRST }, .wants_probs = true,
      .attention = { .heads = 2, .mask = MASK_CAUSAL, .width = 4, .k_at = 4, .v_at = 8 } },
    { &op_attention_op, "only probs", { S(2,3,4), S(2,5,4), S(2,5,4) }, .wants_probs = true, .only_probs = true,
      .attention = { .heads = 2 } },
    { &op_attention_op, "dropout", { S(2,3,4), S(2,5,4), S(2,5,4) }, .training = true,
      .attention = { .heads = 2, .dropout = 0.3 } },
    { &op_attention_op, "dropout, probs, causal", { S(2,4,4), S(2,4,4), S(2,4,4) }, .training = true, .wants_probs = true,
      .attention = { .heads = 2, .mask = MASK_CAUSAL, .dropout = 0.5 } },
    { &op_attention_op, "longer than a tile", { S(1,35,6), S(1,67,6), S(1,67,6) },
      .attention = { .heads = 2, .mask = MASK_CAUSAL, .query_offset = 32 } },

    /* embedding: table */
    { &op_embedding_op, "repeated ids", { S(5,3) }, { S(2500,256) }, .ids = S(2,4), .real_ids = S(40,20),
      .id_values = IDS(4,0,4,4,1,0,2,4) },
    { &op_embedding_op, "one id", { S(3,7) }, .ids = S(1), .id_values = IDS(2) },

    /* patches: pixels */
    { &op_patches_op, "squares of 2", { S(2,3,4,6) }, { S(8,3,224,224) }, .size = 2 },
    { &op_patches_op, "squares of 1", { S(1,2,3,3) }, .size = 1 },
    { &op_patches_op, "the whole picture", { S(2,1,3,3) }, .size = 3 },

    /* add: x, y */
    { &op_add_op, "same shape", { S(3,4), S(3,4) }, { S(8,197,192), S(8,197,192) } },
    { &op_add_op, "a table over a batch", { S(3,2,4), S(2,4) }, { S(8,197,192), S(197,192) } },
    { &op_add_op, "a table with a leading 1", { S(3,2,4), S(1,2,4) } },
    { &op_add_op, "a row", { S(3,2,4), S(4) } },
    { &op_add_op, "x twice", { S(3,4) }, .again = { [1] = FIRST } },

    /* dropout: x */
    { &op_dropout_op, "p = 0.1", { S(4,9) }, { S(8,197,192) }, .training = true, .p = 0.1 },
    { &op_dropout_op, "p = 0.7", { S(4,9) }, .training = true, .p = 0.7 },

    /* concat: x, y */
    { &op_concat_op, "axis 0", { S(2,3), S(4,3) }, .axis = 0 },
    { &op_concat_op, "axis 1", { S(2,3,4), S(2,1,4) }, { S(40,197,256), S(40,20,256) }, .axis = 1 },
    { &op_concat_op, "last axis", { S(2,3,4), S(2,3,5) }, .axis = 2 },
    { &op_concat_op, "a class token before a batch", { S(1,1,4), S(3,2,4) }, { S(1,1,192), S(8,196,192) }, .axis = 1 },
    { &op_concat_op, "a token behind a batch", { S(3,2,4), S(1,2,4) }, .axis = 1 },

    /* slice: x */
    { &op_slice_op, "axis 0", { S(5,3) }, .axis = 0, .from = 1, .to = 3 },
    { &op_slice_op, "axis 1", { S(2,5,3) }, { S(8,197,192) }, .axis = 1, .from = 1, .to = 5 },
    { &op_slice_op, "last axis", { S(2,3,5) }, .axis = 2, .from = 4, .to = 5 },

    /* cross_entropy: logits */
    { &op_cross_entropy_op, "mean", { S(4,5) }, { S(800,2500) }, .ids = S(4), .real_ids = S(800),
      .id_values = IDS(0,4,2,2), .loss = { .ignore = -1 } },
    { &op_cross_entropy_op, "smoothing", { S(2,3,6) }, .ids = S(2,3), .id_values = IDS(0,1,2,3,4,5),
      .loss = { .smoothing = 0.1, .ignore = -1 } },
    { &op_cross_entropy_op, "ignored targets, smoothing", { S(2,3,6) }, .ids = S(2,3),
      .id_values = IDS(0,-1,2,5,-1,-1), .loss = { .smoothing = 0.2, .ignore = -1 } },
    { &op_cross_entropy_op, "a class is ignored", { S(4,5) }, .ids = S(4), .id_values = IDS(3,0,0,1),
      .loss = { .ignore = 0 } },
    { &op_cross_entropy_op, "normalizer", { S(4,5) }, .ids = S(4), .id_values = IDS(3,-1,0,1),
      .loss = { .ignore = -1, .normalizer = 7.5 } },
    { NULL }
};
