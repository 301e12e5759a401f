/* judge.c - clauses against the truth. "a cat" holds when there is one at least (said twice: two), "two cats" when there are exactly two. */
#include "datasets/scenes/judge.h"

static bool same_phrase(const Phrase *a, const Phrase *b)
{
    return a->noun == b->noun && a->colour == b->colour && a->large == b->large && a->exactly == b->exactly;
}

static bool exists(const Claims *c, int at, const Scene *s)
{
    const Phrase *p = &c->clause[at].a;
    int wanted = p->count, there = phrase_matches(p, s);

    if (p->exactly) return there == wanted;
    for (int i = 0; i < at; i++)
        if (c->clause[i].kind == CLAUSE_EXISTS && same_phrase(&c->clause[i].a, p)) wanted++;
    return there >= wanted;
}

static bool related(const Clause *c, const Scene *s)
{
    for (int i = 0; i < s->count; i++)
        for (int j = 0; j < s->count; j++)
            if (i != j && phrase_fits(&c->a, &s->object[i]) && phrase_fits(&c->b, &s->object[j])
                && relation_margin(&s->object[i], c->relation, &s->object[j]) >= 0) return true;
    return false;
}

/* How often a caption says a noun, a noun in a colour, a noun in a size; or how often the scene has them. */
typedef struct Tally { int noun[MAX_NOUNS], colour[MAX_NOUNS][COLOURS], size[MAX_NOUNS][2]; } Tally;

static void tally(Tally *t, int noun, int colour, int large, int count)
{
    t->noun[noun] += count;
    if (colour != ANY) t->colour[noun][colour] += count;
    if (large != ANY) t->size[noun][large] += count;
}

static int lesser(int a, int b) { return a < b ? a : b; }

static void compare_tallies(const Tally *said, const Tally *there, SceneScore *out)
{
    for (int n = 0; n < noun_count(); n++) {
        out->named += lesser(said->noun[n], there->noun[n]);
        if (said->noun[n] > there->noun[n]) out->invented += said->noun[n] - there->noun[n];
        for (int c = 0; c < COLOURS; c++) {
            out->attributes += said->colour[n][c];
            out->right_attributes += lesser(said->colour[n][c], there->colour[n][c]);
        }
        for (int l = 0; l < 2; l++) {
            out->attributes += said->size[n][l];
            out->right_attributes += lesser(said->size[n][l], there->size[n][l]);
        }
    }
}

SceneScore scene_judge(const Scene *s, const char *caption)
{
    Claims claims;
    Tally  said = { 0 }, there = { 0 };
    SceneScore score = { .parsed = caption_parse(caption, &claims), .clauses = claims.count, .objects = s->count };

    for (int i = 0; i < s->count; i++) tally(&there, s->object[i].noun, s->object[i].colour, s->object[i].large, 1);
    for (int i = 0; i < claims.count; i++) {
        const Clause *c = &claims.clause[i];
        score.true_clauses += c->kind == CLAUSE_EXISTS ? exists(&claims, i, s) : related(c, s);
        if (c->kind == CLAUSE_EXISTS && c->a.noun != ANY) tally(&said, c->a.noun, c->a.colour, c->a.large, c->a.count);
    }
    compare_tallies(&said, &there, &score);
    return score;
}

SceneScore scenes_judge(const json_t *truth, const char *caption)
{
    Scene s;
    return truth_read(truth, &s) ? scene_judge(&s, caption) : (SceneScore){ 0 };
}
