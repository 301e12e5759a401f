/* compare_print.c - a comparison for people: the table, the images that changed most, the errors. */
#include <math.h>
#include <string.h>
#include <stdlib.h>

#include "experiments/compare.h"

static const char *const SIDE_NAMES[SIDES] = { "A", "B" };

static void print_heading(const Comparison *c, FILE *out)
{
    for (int side = 0; side < SIDES; side++) {
        fprintf(out, "%s:", SIDE_NAMES[side]);
        for (int i = 0; i < c->size[side]; i++) fprintf(out, " %s", c->runs[c->first[side] + i].name);
        putc('\n', out);
    }
    fprintf(out, "%lld images, %lld references\n\n", (long long)c->images, (long long)c->references);
}

/* ---- scores --------------------------------------------------------------------------------------------------------------- */

/* Four decimals, one for what counts words. */
static int decimals(double value) { return fabs(value) < 100 ? 4 : 1; }

static void print_group(double mean, double deviation, bool several, FILE *out)
{
    fprintf(out, "  %8.*f", decimals(mean), mean);
    if (several) fprintf(out, " ± %-6.*f", decimals(mean), deviation);
}

static void print_p(double p, int width, FILE *out)
{
    if (isnan(p)) fprintf(out, "  %*s", width, "-");
    else          fprintf(out, "  %*.4f", width, p);
}

static void print_score(const Comparison *c, const Compared *s, int width, FILE *out)
{
    const Difference *d = &s->difference;
    char interval[64] = "-";

    if (!isnan(d->interval.low)) snprintf(interval, sizeof interval, "[%+.4f, %+.4f]", d->interval.low, d->interval.high);
    fprintf(out, "%-*s", width, s->metric->scores[s->score]);
    print_group(d->a, d->deviation_a, c->count > 2, out);
    print_group(d->b, d->deviation_b, c->count > 2, out);
    fprintf(out, "  %+8.*f  %-18s", decimals(fmax(fabs(d->a), fabs(d->b))), d->difference, interval);
    print_p(d->p, 9, out);
    if (c->count == 2) print_p(s->permutation, 11, out);
    print_p(s->holm, 7, out);
    fputs(s->metric->lower_is_better ? "  (lower is better)\n" : "\n", out);
}

static void print_scores(const Comparison *c, const CompareOptions *o, FILE *out)
{
    int width = 8, group = c->count > 2 ? 19 : 10, tested = 0;

    for (int i = 0; i < c->score_count; i++) {
        tested += !isnan(c->scores[i].holm);
        int n = (int)strlen(c->scores[i].metric->scores[c->scores[i].score]);
        if (n > width) width = n;
    }
    fprintf(out, "%-*s%*s%*s     B - A  95 %% interval       bootstrap%s     Holm\n", width, "", group, "A", group, "B",
            c->count == 2 ? "  permutation" : "");
    for (int i = 0; i < c->score_count; i++) print_score(c, &c->scores[i], width, out);
    putc('\n', out);
    if (c->count == 2)
        fprintf(out, "bootstrap, permutation: p of a difference as large between systems that are alike, by %d resamples of the images and by as\n"
                     "many random swaps of captions. Holm: that of the permutation, corrected for the scores tested at once (%d).\n",
                o->resampling.resamples, tested);
    else
        fprintf(out, "±: deviation over runs. bootstrap: p of a difference as large between systems that are alike, by %d resamples of the %s and of\n"
                     "the images. Holm: the same, corrected for the scores tested at once (%d).\n",
                o->resampling.resamples, o->resampling.paired_runs ? "pairs of runs" : "runs of each side", tested);
    for (int side = 0; side < SIDES && c->count > 2; side++)
        if (c->size[side] == 1) fprintf(out, "%s is one run: nothing here tells how far another seed would be from it.\n", SIDE_NAMES[side]);
    for (int i = 0; i < c->runs[0].scores.count; i++)
        if (c->runs[0].scores.list[i].note[0]) fprintf(out, "%s\n", c->runs[0].scores.list[i].note);
}

/* ---- images --------------------------------------------------------------------------------------------------------------- */

static const char *caption_of(const Comparison *c, int side, int run, int64_t image)
{
    return caption_set_at(c->runs[c->first[side] + run].set, image)->candidate.text;
}

static bool said_before(const Comparison *c, int side, int run, int64_t image)
{
    for (int i = 0; i < run; i++) if (!strcmp(caption_of(c, side, i, image), caption_of(c, side, run, image))) return true;
    return false;
}

static void print_image(const Comparison *c, const Compared *by, const ImageChange *x, FILE *out)
{
    const char *name = c->file_names[x->image];

    fprintf(out, "  %s%s%lld%s  %+.4f\n", name ? name : "", name ? " (" : "image ", (long long)caption_set_at(c->runs[0].set, x->image)->id,
            name ? ")" : "", x->change);
    for (int side = 0; side < SIDES; side++) {
        fprintf(out, "    %s %7.4f  %s\n", SIDE_NAMES[side], compared_image(c, by, side, x->image), caption_of(c, side, 0, x->image));
        for (int i = 1; i < c->size[side]; i++)
            if (!said_before(c, side, i, x->image)) fprintf(out, "    %s          %s\n", SIDE_NAMES[side], caption_of(c, side, i, x->image));
    }
}

static void print_changes(const Comparison *c, const Compared *by, int64_t count, FILE *out)
{
    ImageChange *list = comparison_changes(c, by);
    const char  *score = by->metric->scores[by->score], *of = c->count > 2 ? " (means over runs)" : "";

    if (list[c->images - 1].change > 0) fprintf(out, "\n%s rose most%s\n", score, of);
    for (int64_t i = 0; i < count && i < c->images && list[c->images - 1 - i].change > 0; i++)
        print_image(c, by, &list[c->images - 1 - i], out);
    if (list[0].change < 0) fprintf(out, "\n%s fell most%s\n", score, of);
    for (int64_t i = 0; i < count && i < c->images && list[i].change < 0; i++) print_image(c, by, &list[i], out);
    free(list);
}

void comparison_print(const Comparison *c, const CompareOptions *o, const Compared *by, int64_t images, FILE *out)
{
    print_heading(c, out);
    print_scores(c, o, out);
    if (by && images) print_changes(c, by, images, out);
    if (c->analysis.lexicon) {
        putc('\n', out);
        errors_print(&c->analysis, c->errors, SIDE_NAMES, SIDES, out);
    }
}
