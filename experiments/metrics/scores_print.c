/* scores_print.c - scores for people. */
#include <math.h>
#include <string.h>

#include "experiments/metrics/scores.h"

static void print_notes(const Scores *s, FILE *out)
{
    for (int m = 0; m < s->count; m++)
        if (s->list[m].note[0]) fprintf(out, "%s\n", s->list[m].note);
}

/* "0.5794"; a count, "292"; "-" where there is no score. */
static void score_text(double score, const char *mark, char text[32])
{
    bool count = score >= 10 && score == floor(score);
    if (isfinite(score)) snprintf(text, 32, "%s%.*f", mark, count ? 0 : 4, score);
    else strcpy(text, "-");
}

void scores_print(const Scores *s, FILE *out)
{
    int width = 10;

    for (int m = 0; m < s->count; m++)
        for (int k = 0; k < metric_scores(s->list[m].metric); k++)
            if ((int)strlen(s->list[m].metric->scores[k]) > width) width = (int)strlen(s->list[m].metric->scores[k]);
    for (int m = 0; m < s->count; m++)
        for (int k = 0; k < metric_scores(s->list[m].metric); k++) {
            char text[32];
            score_text(s->list[m].scores[k], "", text);
            fprintf(out, "%-*s %9s", width, s->list[m].metric->scores[k], text);
            if (s->intervals && s->list[m].statistics && !isnan(s->intervals[m][k].low))
                fprintf(out, "   [%.4f, %.4f]", s->intervals[m][k].low, s->intervals[m][k].high);
            fputc('\n', out);
        }
    print_notes(s, out);
}

/* Whether no other system has a better score. */
static bool is_best(const Scores *s, int count, int m, int k, int system)
{
    double sign = s[0].list[m].metric->lower_is_better ? -1 : 1;
    for (int i = 0; i < count; i++)
        if (sign * s[i].list[m].scores[k] > sign * s[system].list[m].scores[k]) return false;
    return true;
}

void scores_print_systems(const Scores *s, const char *const *names, int count, FILE *out)
{
    int width = 10;

    for (int i = 0; i < count; i++)
        if ((int)strlen(names[i]) > width) width = (int)strlen(names[i]);
    fprintf(out, "%-*s    images", width, "candidates");
    for (int m = 0; m < s->count; m++)
        for (int k = 0; k < metric_scores(s->list[m].metric); k++) fprintf(out, "  %8s", s->list[m].metric->scores[k]);
    for (int i = 0; i < count; i++) {
        fprintf(out, "\n%-*s  %8lld", width, names[i], (long long)s[i].list[0].images);
        for (int m = 0; m < s->count; m++)
            for (int k = 0; k < metric_scores(s->list[m].metric); k++) {
                char text[32];
                int  room = (int)strlen(s->list[m].metric->scores[k]);
                score_text(s[i].list[m].scores[k], is_best(s, count, m, k, i) ? "*" : "", text);
                fprintf(out, "  %*s", room > 8 ? room : 8, text);
            }
    }
    fputc('\n', out);
    print_notes(s, out);
}
