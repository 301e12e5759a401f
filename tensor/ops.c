/* ops.c - the list of all ops: what the gradient check walks over. */
#include "tensor/ops.h"

#include <stddef.h>

const Op *const op_list[] = {
    &op_linear_op, &op_layer_norm_op, &op_activation_op, &op_attention_op, &op_embedding_op, &op_patches_op, &op_add_op,
    &op_dropout_op, &op_concat_op, &op_slice_op, &op_cross_entropy_op, &op_channels_last_op, &op_conv2d_op, &op_batch_norm_op,
    &op_pool_op, &op_scale_op,
    NULL
};
