/* caption_files.h - captions of images, one after the other, from a file of any of these forms:
 *
 *     {"annotations": [{"image_id": 17, "id": 3, "caption": "A dog."}, …]}      COCO's annotations; other members are passed over
 *     [{"image_id": 17, "caption": "A dog."}, …]                                COCO's results
 *     {"image_id": 17, "caption": "A dog."}                                     one a line, where the name ends in .jsonl
 *     FILE.h5, FILE.h5:SPLIT                                                    a store: image_id is the picture's index; split: train
 *
 * JSON is streamed: memory does not grow with the file.                                                                */
#ifndef LIMN_CAPTION_FILES_H
#define LIMN_CAPTION_FILES_H

#include <stdint.h>

#include "tensor/base/err.h"

typedef struct FileCaption { int64_t image, id; const char *text; } FileCaption;     /* id: the annotation's; -1 when it has none */
typedef bool CaptionEach(const FileCaption *c, void *context, Err *err);             /* false stops                               */

/* Calls `each` for every caption of the file, in its order. What is none of the forms is an error that names file, line and place; so is a
 * file without captions. */
bool captions_each(const char *path, CaptionEach *each, void *context, Err *err);

/* The same, while another thread reads ahead: for an `each` that takes its time. It is called on the caller's thread, in order; before an
 * error further on in the file is known. (caption_relay.c) */
bool captions_relay(const char *path, CaptionEach *each, void *context, Err *err);

#endif
