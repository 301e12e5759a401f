/* targets.h - may OUT and the report be written? Whatever is there and is not limn's own stays. */
#ifndef LIMN_PREPARE_TARGETS_H
#define LIMN_PREPARE_TARGETS_H

#include "datasets/prepare.h"

/* Told before anything is read: a file that is no store where the store shall be, one that is no report where the report shall be, a
 * device, a folder that is not there, the same file for both. */
bool targets_fit(const PrepareOptions *o, Err *err);

#endif
