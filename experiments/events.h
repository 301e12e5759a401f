/* events.h - TensorBoard's event file: TFRecords (length, masked CRC-32C, data, masked CRC-32C) of Event protocol buffers
 *     Event { 1: double wall_time, 2: int64 step, 3: string file_version | 5: Summary { 1: Value { 1: tag, 2: float } } }  */
#ifndef LIMN_EVENTS_H
#define LIMN_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/base/err.h"

typedef struct Events Events;

/* Opens or creates; cuts back to cut_to bytes when >= 0 (a resumed run). */
Events *events_open(const char *path, int64_t cut_to, Err *err);
bool    events_scalar(Events *e, const char *tag, int64_t step, double value, Err *err);
int64_t events_size(const Events *e);
bool    events_sync(Events *e, Err *err);        /* what was written so far survives a power cut */
bool    events_close(Events *e, Err *err);

uint32_t crc32c(const void *data, size_t bytes);

#endif
