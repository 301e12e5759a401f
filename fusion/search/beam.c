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

/* Puts a candidate into its place in a list of the best `room`. */
static void offer(Candidate *list, int *count, int room, Candidate c)
{
    if (*count == room && !better(&c, &list[room - 1]))
        return;
    int at = *count < room ? (*count)++ : room - 1;
    for (; at > 0 && better(&c, &list[at - 1]); at--)
        list[at] = list[at - 1];
    list[at] = c;
}

/* The best extensions of the lane's rows in each bank, in order, into `chosen`: twice the width, since at most half of them end. */
static void find_best(const Search *s, Lane *l, const int32_t *taken, Scratch *w)
{
    int room = 2 * s->width;
    memset(w->filled, 0, (size_t)s->banks * sizeof *w->filled);
    for (int64_t row = l->from; row < l->to; row++) {
        double sum = s->now.last[row] ? s->now.last[row]->score_sum : 0;
        row_scores(s, row, taken, w);
        for (int32_t v = 0; v < s->vocab; v++) {
            int bank = s->banks > 1 ? w->needed[v] : 0, count = w->filled[bank];
            Candidate *list = l->chosen + bank * room;
            /* Nearly all fall out here. */
            if (w->scores[v] == -INFINITY || (count == room && sum + w->scores[v] < list[room - 1].score_sum))
                continue;
            offer(list, &w->filled[bank], room, (Candidate){ sum + w->scores[v], w->log_probs[v], v, row });
        }
    }
}

/* Of these, the ones that end and are among the best `width`, and the best `width` that do not end, remain. */
static void keep_chosen(const Search *s, Lane *l, const int *filled)
{
    int kept = 0;
    for (int bank = 0; bank < s->banks; bank++)
        for (int i = 0, going = 0; i < filled[bank]; i++) {
            Candidate c = l->chosen[bank * 2 * s->width + i];
            bool ends = c.token == s->o.eos;
            if (ends ? i >= s->width : going >= s->width)
                continue;
            going += !ends;
            l->chosen[kept++] = c;
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
        keep_chosen(s, &lanes[g], w->filled);
        for (int i = 0; diverse && i < lanes[g].chosen_count; i++)
            w->taken[lanes[g].chosen[i].token] += lanes[g].chosen[i].token != s->o.eos;
    }
}
