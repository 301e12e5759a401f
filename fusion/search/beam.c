/* beam.c - which extensions a beam takes: greedy, beam and diverse beam search (search.h). */
#include "fusion/search/engine.h"

#include <math.h>
#include <string.h>

static bool better(const Candidate *a, const Candidate *b)
{
    if (a->score_sum != b->score_sum)
        return a->score_sum > b->score_sum;
    return a->token != b->token ? a->token < b->token : a->row < b->row;
}

/* The best extensions of the lane's rows, in order, into `chosen`: twice the width, since at most half of them end. */
static void find_best(const Search *s, Lane *l, const int32_t *taken, Scratch *w)
{
    int count = 0, room = 2 * s->width;
    for (int64_t row = l->from; row < l->to; row++) {
        double sum = s->now.last[row] ? s->now.last[row]->score_sum : 0;
        row_scores(s, row, taken, w);
        for (int32_t v = 0; v < s->vocab; v++) {
            Candidate c = { sum + w->scores[v], w->log_probs[v], v, row };
            if (w->scores[v] == -INFINITY || (count == room && !better(&c, &l->chosen[count - 1])))
                continue;
            int at = count < room ? count++ : count - 1;
            for (; at > 0 && better(&c, &l->chosen[at - 1]); at--)
                l->chosen[at] = l->chosen[at - 1];
            l->chosen[at] = c;
        }
    }
    l->chosen_count = count;
}

/* Of these, the ones that end and are among the best `width`, and the best `width` that do not end, remain. */
static void keep_chosen(const Search *s, Lane *l)
{
    int kept = 0, going = 0;
    for (int i = 0; i < l->chosen_count; i++) {
        bool ends = l->chosen[i].token == s->o.eos;
        if (ends ? i < s->width : going < s->width) {
            going += !ends;
            l->chosen[kept++] = l->chosen[i];
        }
    }
    l->chosen_count = kept;
}

void beam_choose(const Search *s, int64_t picture, Scratch *w)
{
    Lane *lanes = &s->lane[picture * s->lanes];
    bool  diverse = s->lanes > 1;
    if (diverse)
        memset(w->taken, 0, (size_t)s->vocab * sizeof *w->taken);
    for (int g = 0; g < s->lanes; g++) {
        find_best(s, &lanes[g], diverse ? w->taken : NULL, w);
        keep_chosen(s, &lanes[g]);
        for (int i = 0; diverse && i < lanes[g].chosen_count; i++)
            w->taken[lanes[g].chosen[i].token] += lanes[g].chosen[i].token != s->o.eos;
    }
}
