/* BLEU, ROUGE-L and CIDEr-D against pycocoevalcap: on captions composed for it (fixtures/metrics, by make_metrics.py), and on COCO's
 * where ../shared has them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "experiments/metrics/bleu.h"
#include "experiments/metrics/captions.h"
#include "experiments/metrics/cider.h"
#include "experiments/metrics/metric.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "tensor/base/team.h"

static const char *const NAMES[] = { "bleu", "rouge", "cider" };
enum { METRIC_COUNT = sizeof NAMES / sizeof *NAMES };

static CaptionSet *read_set(const char *folder)
{
    CaptionSet   *s = caption_set_new();
    CaptionDoubts d;
    Err   err = { 0 };
    char *references = path_join(folder, "references.json"), *candidates = path_join(folder, "candidates.json");

    cr_assert(captions_read(references, candidates, s, &d, &err), "%s", err.text);
    free(references);
    free(candidates);
    return s;
}

static CaptionSet *fixture(json_t **expected)
{
    char *folder = path_join(getenv("LIMN_FIXTURES"), "metrics"), *path = path_join(folder, "expected.json");
    Err   err = { 0 };
    CaptionSet *s = read_set(folder);

    *expected = json_read_file(path, &err);
    cr_assert(*expected, "%s", err.text);
    free(folder);
    free(path);
    return s;
}

static Scored measured(const char *name, const CaptionSet *s, const MetricOptions *o)
{
    Scored m;
    Err    err = { 0 };
    cr_assert(metric_measure(metric_find(name), s, o, &m, &err), "%s", err.text);
    return m;
}

static void expect_score(double got, const json_t *scores, const char *key, long long image)
{
    double wanted = json_number_value(json_object_get(scores, key));
    cr_expect(fabs(got - wanted) <= 1e-12 * (1 + fabs(wanted)), "image %lld: %s is %.17g, not %.17g", image, key, got, wanted);
}

Test(metrics, of_a_corpus_are_pycocoevalcaps)
{
    json_t     *expected;
    CaptionSet *s = fixture(&expected);

    for (int m = 0; m < METRIC_COUNT; m++) {
        Scored got = measured(NAMES[m], s, &(MetricOptions){ 0 });
        for (int k = 0; k < metric_scores(got.metric); k++)
            expect_score(got.scores[k], json_object_get(expected, "scores"), got.metric->scores[k], -1);
        scored_free(&got);
    }
    json_decref(expected);
    caption_set_free(s);
}

Test(metrics, of_each_image_are_pycocoevalcaps)
{
    json_t     *expected;
    CaptionSet *s = fixture(&expected);

    for (int m = 0; m < METRIC_COUNT; m++) {
        Scored got = measured(NAMES[m], s, &(MetricOptions){ 0 });
        int    scores = metric_scores(got.metric);
        for (int64_t i = 0; i < got.images; i++) {
            char id[24];
            snprintf(id, sizeof id, "%lld", (long long)caption_set_at(s, i)->id);
            const json_t *image = json_object_get(json_object_get(expected, "images"), id);
            cr_assert(image, "image %s", id);
            for (int k = 0; k < scores; k++) expect_score(got.each[i * scores + k], image, got.metric->scores[k], atoll(id));
        }
        scored_free(&got);
    }
    json_decref(expected);
    caption_set_free(s);
}

Test(metrics, do_not_depend_on_the_number_of_threads)
{
    json_t     *expected;
    CaptionSet *s = fixture(&expected);
    Team       *team = team_new(3);

    for (int m = 0; m < METRIC_COUNT; m++) {
        Scored one = measured(NAMES[m], s, &(MetricOptions){ 0 }), three = measured(NAMES[m], s, &(MetricOptions){ .team = team });
        size_t bytes = (size_t)one.images * (size_t)metric_scores(one.metric) * sizeof(double);
        cr_expect_arr_eq(one.each, three.each, bytes, "%s", NAMES[m]);
        cr_expect_arr_eq(one.scores, three.scores, sizeof one.scores, "%s", NAMES[m]);
        scored_free(&one);
        scored_free(&three);
    }
    team_free(team);
    json_decref(expected);
    caption_set_free(s);
}

/* COCO's demo results (../shared/data/coco-caption), and what coco-caption published and prints for them. */
Test(metrics, of_cocos_demo_are_those_that_coco_caption_prints)
{
    CaptionSet   *s = caption_set_new();
    CaptionDoubts d;
    Err    err = { 0 };
    char   path[3][512];
    const char *const FILES[] = { "annotations", "results", "expected" };

    for (int i = 0; i < 3; i++) snprintf(path[i], sizeof path[i], "%s/../shared/data/coco-caption/%s.json", getenv("LIMN_ROOT"), FILES[i]);
    if (!file_exists(path[0])) cr_skip_test("no ../shared/data/coco-caption here");
    cr_assert(captions_read(path[0], path[1], s, &d, &err), "%s", err.text);
    cr_expect_eq(caption_set_images(s), 1000);
    json_t *expected = json_read_file(path[2], &err);
    for (int m = 0; m < METRIC_COUNT; m++) {
        Scored got = measured(NAMES[m], s, &(MetricOptions){ 0 });
        for (int k = 0; k < metric_scores(got.metric); k++)
            expect_score(got.scores[k], json_object_get(expected, "reference_run_6_digits"), got.metric->scores[k], -1);
        if (m == 0) {
            double sum[2] = { 0 };
            for (int64_t i = 0; i < got.images; i++)
                for (int k = 0; k < 2; k++) sum[k] += got.statistics[i * got.metric->statistics + 2 * BLEU_ORDERS + k];
            cr_expect_eq(sum[0], 9893);
            cr_expect_eq(sum[1], 9855);
        }
        scored_free(&got);
    }
    json_decref(expected);
    caption_set_free(s);
}
