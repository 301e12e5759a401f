/* record.h - one item and its problems as bytes, and back; private to this folder.
 *
 * A record is what a journal consists of, and stands on its own:
 *     RecordHead, then `meta` bytes (numbers, then texts, in the order in which store/record.c puts them), the picture, the masks
 * The head has the XXH64 of the meta, and the meta those of the picture and of each mask: a torn or damaged record is seen.   */
#ifndef LIMN_STORE_RECORD_H
#define LIMN_STORE_RECORD_H

#include "datasets/buffer.h"
#include "datasets/store.h"

typedef struct RecordHead { uint64_t magic, meta, picture, masks, sum; } RecordHead;         /* sizes in bytes; sum of the meta */
struct StoreRecord { Buffer bytes; };

bool record_head_fits(const RecordHead *h);      /* the magic, and sizes that make sense */

/* A meta taken apart; the pointers point into it and into `memory`. */
typedef struct RecordView {
    bool            stored;                      /* an item, not only problems                                          */
    StoreItem       item;                        /* without pixels, file and mask                                       */
    uint64_t        picture_sum;
    const uint8_t  *mask_sums;                   /* mask_objects u64, not aligned                                       */
    const Problem  *problems; int problem_count;
    Buffer          memory;                      /* kept from one record to the next                                    */
} RecordView;
bool record_view(const char *meta, size_t bytes, RecordView *out);               /* false: it makes no sense            */
void record_view_free(RecordView *v);

#endif
