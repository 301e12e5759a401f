/* sample.c - what is there, then where.
 *
 * The number of objects is even over 1..max. They come in groups of one noun each (mostly of one, so that there is something to count),
 * groups have different nouns. Colours are even over those that the noun may wear in the split, sizes even; the members of a group share
 * a colour, and a size, half of the time.
 *
 * Places: start anywhere, push overlapping discs apart, round, and check; begin anew where that did not work out. Centres differ by
 * MIN_STEP pixels across the picture, so that "from left to right" is always plain to see, and as many down it, so that sides and heights
 * are equally frequent. */
#include "datasets/scenes/sample.h"

#include <math.h>
#include <stdlib.h>

enum { MIN_STEP = 3, PUSHES = 60, PLACINGS = 500, GROUP_MAX = 3 };

Rng scene_stream(uint64_t seed, Split split, int64_t index)
{
    return rng_stream(seed, RNG_SCENES, (uint64_t)split << 32 | (uint64_t)index);
}

static int below(Rng *r, int n) { return (int)rng_below(r, n); }

static int sample_noun(const Preset *p, Split split, const Scene *s, Rng *r)
{
    for (;;) {
        int  noun = below(r, noun_count());
        bool fits = preset_has(p, noun) && (split != SPLIT_ARTWORK || noun_has_held_out_drawing(noun));
        for (int i = 0; i < s->count; i++) fits &= s->object[i].noun != noun;
        if (fits) return noun;
    }
}

static int sample_colour(int noun, Split split, Rng *r)
{
    int held_out = noun_held_out_colour(noun);
    return split == SPLIT_PAIRS ? held_out : (held_out + 1 + below(r, COLOURS - 1)) % COLOURS;
}

static int sample_drawing(const Preset *p, int noun, Split split, Rng *r)
{
    int all = noun_drawings(noun), seen = noun_has_held_out_drawing(noun) ? all - 1 : all;
    if (split == SPLIT_ARTWORK) return all - 1;
    return below(r, seen < p->train_drawings ? seen : p->train_drawings);
}

static void sample_group(Scene *s, const Preset *p, Split split, int members, Rng *r)
{
    int  noun = sample_noun(p, split, s, r), colour = sample_colour(noun, split, r), large = below(r, 2);
    bool same_colour = below(r, 2), same_size = below(r, 2);

    for (int i = 0; i < members; i++) {
        Object *o = &s->object[s->count + i];
        *o = (Object){ .noun = noun, .drawing = sample_drawing(p, noun, split, r),
                       .colour = same_colour ? colour : sample_colour(noun, split, r), .large = same_size ? large : below(r, 2) };
        const int *side = p->side[o->large];
        o->side = side[0] + below(r, side[1] - side[0] + 1);
    }
    s->count += members;
}

static void sample_objects(Scene *s, const Preset *p, Split split, int wanted, Rng *r)
{
    for (s->count = 0; s->count < wanted;) {
        int left = wanted - s->count, members = below(r, 10) < 7 ? 1 : 2 + below(r, GROUP_MAX - 1);
        sample_group(s, p, split, members < left ? members : left, r);
    }
}

/* More than four large discs would not fit. Refusing as many small ones keeps the sizes even. */
static bool sizes_fit(const Scene *s)
{
    int large = 0;
    for (int i = 0; i < s->count; i++) large += s->object[i].large;
    return large <= 4 && s->count - large <= 4;
}

static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* One round of pushing apart; false when nothing had to move. */
static bool push(const Scene *s, double at[][2])
{
    bool moved = false;
    for (int i = 0; i < s->count; i++)
        for (int j = i + 1; j < s->count; j++) {
            double dx = at[j][0] - at[i][0], dy = at[j][1] - at[i][1], distance = sqrt(dx * dx + dy * dy) + 1e-6;
            double lacking = disc_radius(&s->object[i]) + disc_radius(&s->object[j]) + 1 - distance;
            if (lacking <= 0) continue;
            moved = true;
            for (int k = 0; k < 2; k++) {
                double half = 0.5 * lacking * (k ? dy : dx) / distance;
                double ri = disc_radius(&s->object[i]) + 1, rj = disc_radius(&s->object[j]) + 1;
                at[i][k] = clamp(at[i][k] - half, ri, SCENE_SIZE - ri);
                at[j][k] = clamp(at[j][k] + half, rj, SCENE_SIZE - rj);
            }
        }
    return moved;
}

static bool well_placed(const Scene *s)
{
    for (int i = 0; i < s->count; i++)
        for (int j = i + 1; j < s->count; j++) {
            const Object *a = &s->object[i], *b = &s->object[j];
            double dx = b->x - a->x, dy = b->y - a->y, apart = 0.95 * (disc_radius(a) + disc_radius(b));
            if (abs(b->x - a->x) < MIN_STEP || abs(b->y - a->y) < MIN_STEP || dx * dx + dy * dy < apart * apart) return false;
        }
    return true;
}

static bool place(Scene *s, Rng *r)
{
    double at[MAX_OBJECTS][2];
    for (int i = 0; i < s->count; i++) {
        double radius = disc_radius(&s->object[i]) + 1;
        for (int k = 0; k < 2; k++) at[i][k] = radius + (SCENE_SIZE - 2 * radius) * rng_uniform(r);
    }
    for (int i = 0; i < PUSHES && push(s, at); i++) { }
    for (int i = 0; i < s->count; i++) s->object[i].x = (int)(at[i][0] + 0.5), s->object[i].y = (int)(at[i][1] + 0.5);
    return well_placed(s);
}

/* Objects in random order of depth: groups were drawn together. */
static void shuffle_objects(Scene *s, Rng *r)
{
    for (int i = s->count - 1; i > 0; i--) {
        int j = below(r, i + 1);
        Object o = s->object[i];
        s->object[i] = s->object[j];
        s->object[j] = o;
    }
}

void scene_sample(Scene *s, const Preset *p, Split split, Rng *r)
{
    *s = (Scene){ .background = (Background)below(r, p->noise ? 3 : 2) };
    int wanted = 1 + below(r, p->max_objects);           /* once: begun anew with another count, crowded pictures would be rarer */
    for (;;) {
        do sample_objects(s, p, split, wanted, r); while (!sizes_fit(s));
        shuffle_objects(s, r);
        for (int i = 0; i < PLACINGS; i++)
            if (place(s, r)) return;
    }
}
