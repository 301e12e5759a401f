/* blind.c - what one scores without looking: captions of other pictures, and the most frequent answer to each choice. */
#include <stdlib.h>
#include <string.h>

#include "datasets/scenes/judge.h"
#include "datasets/scenes/sample.h"

enum { BLIND_PICTURES = 2000 };

typedef struct Votes { int64_t noun[MAX_NOUNS], colour[COLOURS], size[2], side[4], comparison[2], count[MAX_OBJECTS + 1]; } Votes;

static void vote(Votes *v, const Scene *s, const char *caption)
{
    Claims claims;
    caption_parse(caption, &claims);
    v->count[s->count]++;
    for (int i = 0; i < claims.count; i++) {
        const Clause *c = &claims.clause[i];
        if (c->kind == CLAUSE_RELATION && c->relation < LARGER) v->side[c->relation]++;
        else if (c->kind == CLAUSE_RELATION) v->comparison[c->relation - LARGER]++;
        if (c->kind != CLAUSE_EXISTS || c->a.noun == ANY) continue;
        v->noun[c->a.noun] += c->a.count;
        if (c->a.colour != ANY) v->colour[c->a.colour] += c->a.count;
        if (c->a.large != ANY) v->size[c->a.large] += c->a.count;
    }
}

static double most(const int64_t *votes, int n)
{
    int64_t sum = 0, best = 0;
    for (int i = 0; i < n; i++) {
        sum += votes[i];
        if (votes[i] > best) best = votes[i];
    }
    return sum ? (double)best / (double)sum : 0;
}

static void shuffle_captions(const Scene *scene, const Caption *caption, SceneBlind *out)
{
    int64_t clauses = 0, true_clauses = 0, objects = 0, named = 0, parsed = 0;

    for (int i = 0; i < BLIND_PICTURES; i++)
        for (int k = 0; k < CAPTIONS; k++) {
            SceneScore score = scene_judge(&scene[(i + 1) % BLIND_PICTURES], caption[i * CAPTIONS + k].text);
            clauses += score.clauses, true_clauses += score.true_clauses;
            objects += score.objects, named += score.named, parsed += score.parsed;
        }
    out->true_clauses = (double)true_clauses / (double)clauses;
    out->named = (double)named / (double)objects;
    out->parsed = (double)parsed / (BLIND_PICTURES * CAPTIONS);
}

bool scenes_blind(const ScenesOptions *o, SceneBlind *out, Err *err)
{
    const Preset *p = preset_find(o->preset);
    if (!p) return fail_usage(err, "scenes has no preset '%s'; there are: %s", o->preset, preset_names());

    Scene   *scene = malloc(BLIND_PICTURES * sizeof *scene);
    Caption *caption = malloc(BLIND_PICTURES * CAPTIONS * sizeof *caption);
    Votes    votes = { 0 };
    REQUIRE(scene && caption, "out of memory");
    for (int i = 0; i < BLIND_PICTURES; i++) {
        Rng r = scene_stream(o->seed, SPLIT_IID, i);
        scene_sample(&scene[i], p, SPLIT_IID, &r);
        for (int k = 0; k < CAPTIONS; k++) {
            caption_write(&caption[i * CAPTIONS + k], &scene[i], p, k, &r);
            vote(&votes, &scene[i], caption[i * CAPTIONS + k].text);
        }
    }
    int nouns = 0;
    for (int n = 0; n < noun_count(); n++) nouns += preset_has(p, n);
    *out = (SceneBlind){ .noun = most(votes.noun, MAX_NOUNS), .colour = most(votes.colour, COLOURS), .size = most(votes.size, 2),
                         .side = most(votes.side, 4), .comparison = most(votes.comparison, 2), .count = most(votes.count, MAX_OBJECTS + 1),
                         .noun_chance = 1.0 / nouns, .colour_chance = 1.0 / COLOURS, .size_chance = 0.5, .side_chance = 0.25,
                         .comparison_chance = 0.5, .count_chance = 1.0 / p->max_objects };
    shuffle_captions(scene, caption, out);
    free(scene);
    free(caption);
    return true;
}
