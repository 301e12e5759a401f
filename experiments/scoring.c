/* scoring.c - captions as a CaptionSet, and RUN/scorings.jsonl. */
#include "experiments/scoring.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensor/base/file.h"
#include "tensor/base/json.h"

static const char RECORD[] = "scorings.jsonl";

CaptionSet *scoring_set(const Store *s, const Evaluation *e, const char *const *captions)
{
    CaptionSet *set = caption_set_new();

    for (int64_t i = 0; i < e->pictures; i++) {
        int64_t item = e->results[i].item, references = store_caption_count(s, item);
        if (!references) continue;
        int64_t image = caption_set_image(set, item);
        caption_set_candidate(set, image, captions ? captions[i] : e->results[i].text);
        for (int64_t k = 0; k < references; k++) caption_set_reference(set, image, store_caption(s, item, k));
    }
    return set;
}

/* ---- the record ---------------------------------------------------------------------------------------------------------- */

static json_t *time_now(void)
{
    char text[32];
    time_t now = time(NULL);
    struct tm utc;

    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    return json_string(text);
}

json_t *scoring_line(const Store *s, const char *split, const Evaluation *e, const char *weights, json_t *search, Err *err)
{
    char hex[65];

    if (!file_sha256(weights, hex, err)) {
        json_decref(search);
        return NULL;
    }
    hex[16] = 0;
    return json_pack("{s:o, s:s, s:s, s:s, s:I, s:o}", "time", time_now(), "split", split, "data", store_hash(s), "model", hex, "pictures",
                     (json_int_t)e->pictures, "search", search);
}

static bool same(const json_t *a, const json_t *b, const char *key) { return json_equal(json_object_get(a, key), json_object_get(b, key)); }

bool scorings_before(const char *folder, const json_t *line, ScoringsBefore *out, Err *err)
{
    char *path = path_join(folder, RECORD), *text = file_exists(path) ? file_read(path, NULL, err) : NULL;
    int   number = 1;

    *out = (ScoringsBefore){ 0 };
    for (char *at = text, *end; at && (end = strchr(at, '\n')) && !err->status; at = end + 1, number++) {
        json_t *before = json_loadb(at, (size_t)(end - at), 0, NULL);
        if (!before) fail(err, "%s:%d: not JSON", path, number);
        else if (same(before, line, "split") && same(before, line, "data")) {
            out->count++;
            out->otherwise += !same(before, line, "search") || !same(before, line, "model");
        }
        json_decref(before);
    }
    free(text);
    free(path);
    return err->status == 0;
}

bool scorings_add(const char *folder, const json_t *line, Err *err)
{
    char *path = path_join(folder, RECORD), *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)), *whole = NULL;
    FileLog *log = filelog_open(path, -1, err);

    REQUIRE(text && asprintf(&whole, "%s\n", text) > 0, "out of memory");
    bool ok = log && filelog_append(log, whole, strlen(whole), err);
    ok = log && filelog_close(log, ok ? err : &(Err){ 0 }) && ok;
    free(whole);
    free(text);
    free(path);
    return ok;
}
