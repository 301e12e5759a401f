/* entities_boxes.c - any bytes as an annotation of Flickr30k Entities, which is XML (datasets/sources/entities_boxes.c). */
#include "datasets/sources/entities_boxes.h"

#include <math.h>

#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EntityBoxes b = { 0 };
    Catalog    *c = fuzz_catalog();

    bool ok = entity_boxes_read(&b, c, fuzz_file("1.xml", data, size), "Annotations/1.xml", "1");
    REQUIRE(ok || (catalog_problems(c) && !entity_boxes_count(&b)), "refused without a word, or with rows");
    for (int64_t i = 0; i < entity_boxes_count(&b); i++) {
        const EntityBox *x = entity_boxes_at(&b, i);
        REQUIRE(x->entity >= 0 && x->line > 0 && isfinite(x->x0 + x->y0 + x->x1 + x->y1), "a row that is none");
    }
    entity_boxes_free(&b);
    fuzz_catalog_end(c);
    return 0;
}
