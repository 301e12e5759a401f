/* form.c - the table of forms, and what they share: numbers and texts of JSON, boxes in the file's pixels, masks as runs. */
#include "datasets/export/form.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/json.h"

static const ExportForm *const FORMS[] = { &export_coco, &export_jsonl, NULL };

const ExportForm *const *export_forms(void) { return FORMS; }

const ExportForm *export_form(const char *name, Err *err)
{
    char all[128] = "";
    for (int i = 0; FORMS[i]; i++) {
        if (strcmp(FORMS[i]->name, name) == 0) return FORMS[i];
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? " or " : "", FORMS[i]->name);
    }
    fail_usage(err, "a STORE is exported to %s, not to '%s'", all, name);
    return NULL;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */
void json_add(Buffer *b, const char *format, ...)
{
    char    small[512];
    va_list ap;

    va_start(ap, format);
    int n = vsnprintf(small, sizeof small, format, ap);
    va_end(ap);
    REQUIRE(n >= 0 && n < (int)sizeof small, "json_add: %d characters", n);
    buffer_add(b, small, (size_t)n);
}

void json_add_text(Buffer *b, const char *text)
{
    json_t *j = json_text(text);
    char   *quoted = json_dumps(j, JSON_ENCODE_ANY);
    REQUIRE(quoted, "out of memory");
    buffer_add(b, quoted, strlen(quoted));
    free(quoted);
    json_decref(j);
}

double json_add_float(Buffer *b, double value)
{
    char   text[40];
    double said = 0;

    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        said = strtod(text, NULL);
        if ((float)said == (float)value) break;
    }
    buffer_add(b, text, strlen(text));
    return said;
}

void json_add_width(Buffer *b, double x0, double x1)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x1 - x0);
        double end = x0 + strtod(text, NULL);
        if ((float)end == (float)x1 && end <= x1) break;
    }
    buffer_add(b, text, strlen(text));
}

/* ---- boxes ------------------------------------------------------------------------------------------------------------- */
void export_box(const ExportPicture *p, const StoreBox *b, double out[4])
{
    static const int BACK[9] = { 1, 1, 2, 3, 4, 5, 8, 7, 6 };       /* what undoes each orientation */
    double box[4] = { (double)b->x0, (double)b->y0, (double)b->x1, (double)b->y1 };
    image_upright_box(BACK[p->orientation], p->width, p->height, box, out);
}

/* ---- composed pictures ----------------------------------------------------------------------------------------------- */
static void add_runs(Buffer *b, const uint8_t *bits, int width, int height)
{
    size_t row = (size_t)(width + 7) / 8;
    int    now = 0, run = 0;

    json_add(b, "{\"size\": [%d, %d], \"counts\": [", height, width);
    for (int x = 0; x < width; x++)
        for (int y = 0; y < height; y++) {
            int bit = bits[(size_t)y * row + (size_t)x / 8] >> (7 - x % 8) & 1;
            if (bit != now) {
                json_add(b, "%d, ", run);
                now = bit;
                run = 0;
            }
            run++;
        }
    json_add(b, "%d]}", run);
}

static bool add_masks(Buffer *b, Store *s, int64_t item, Err *err)
{
    int      width, height;
    store_stored_size(s, item, &width, &height);
    uint8_t *bits = malloc(store_mask_bytes(width, height));
    bool     ok = true;
    REQUIRE(bits, "out of memory");

    for (int64_t k = 0; k < store_mask_count(s, item) && ok; k++) {
        json_add(b, k ? ", " : ", \"masks\": [");
        ok = store_mask(s, item, k, bits, err);
        if (ok) add_runs(b, bits, width, height);
    }
    if (ok && store_mask_count(s, item)) json_add(b, "]");
    free(bits);
    return ok;
}

bool export_add_composed(Buffer *b, Store *s, int64_t item, Err *err)
{
    const char *truth = store_truth(s, item);

    if (truth) {
        json_add(b, ", \"truth\": ");
        buffer_add(b, truth, strlen(truth));
    }
    return add_masks(b, s, item, err);
}
