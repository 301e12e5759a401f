/* captions.c - any bytes as a file of candidates or references (experiments/metrics/captions.c), and their scores. The first byte says which,
 * and whether it is JSON lines. */
#include "experiments/metrics/captions.h"

#include <math.h>
#include <string.h>

#include "experiments/metrics/metric.h"
#include "tests/fuzz/input.h"

static const char OTHER[] = "[{\"image_id\": 1, \"id\": 1, \"caption\": \"a dog runs\"}, {\"image_id\": 2, \"caption\": \"a cat\"}]";

static void score(const CaptionSet *s)
{
    static const char *const NAMES[] = { "bleu", "rouge", "cider" };

    for (size_t m = 0; m < sizeof NAMES / sizeof *NAMES; m++) {
        Scored got;
        Err    err = { 0 };
        REQUIRE(metric_measure(metric_find(NAMES[m]), s, &(MetricOptions){ 0 }, &got, &err), "%s", err.text);
        for (int k = 0; k < metric_scores(got.metric); k++)
            REQUIRE(got.scores[k] >= 0 && got.scores[k] <= (m == 2 ? 10.0001 : 1.0001), "%s is %g", NAMES[m], got.scores[k]);
        scored_free(&got);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    const char *name = data[0] & 1 ? "any.jsonl" : "any.json";
    const char *any = fuzz_file(name, data + 1, size - 1), *other = fuzz_file("other.json", OTHER, sizeof OTHER - 1);
    CaptionSet *s = caption_set_new();
    CaptionDoubts d;
    Err  err = { 0 };
    bool references = data[0] & 2;

    if (captions_read(references ? any : other, references ? other : any, s, &d, &err)) score(s);
    else REQUIRE(strstr(err.text, name), "refused without the file's name: '%s'", err.text);
    caption_set_free(s);
    return 0;
}
