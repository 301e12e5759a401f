/* world.c - the tables of the composed world. Colours are far apart in hue; backgrounds (paint.c) are pale and hardly coloured. */
#include "datasets/scenes/world.h"

#include <stdlib.h>
#include <string.h>

const Noun NOUNS[] = {
    { "cat",      "cats",      true,  { 0x1F431, 0x1F408, 0x1F63A, 0x1F638, 0x1F63D } },
    { "dog",      "dogs",      true,  { 0x1F436, 0x1F415, 0x1F429, 0x1F9AE } },
    { "horse",    "horses",    true,  { 0x1F434, 0x1F40E, 0x1F3A0 } },
    { "cow",      "cows",      false, { 0x1F42E, 0x1F404, 0x1F402 } },
    { "mouse",    "mice",      false, { 0x1F42D, 0x1F400, 0x1F401 } },
    { "monkey",   "monkeys",   true,  { 0x1F435, 0x1F412, 0x1F649, 0x1F648 } },
    { "bear",     "bears",     false, { 0x1F43B, 0x1F43C, 0x1F9F8 } },
    { "bird",     "birds",     true,  { 0x1F426, 0x1F99C, 0x1F985, 0x1F424 } },
    { "fish",     "fish",      true,  { 0x1F41F, 0x1F420, 0x1F421 } },
    { "rabbit",   "rabbits",   false, { 0x1F430, 0x1F407 } },
    { "pig",      "pigs",      false, { 0x1F437, 0x1F416 } },
    { "tiger",    "tigers",    false, { 0x1F42F, 0x1F405 } },
    { "tree",     "trees",     true,  { 0x1F333, 0x1F332, 0x1F334, 0x1F384 } },
    { "flower",   "flowers",   true,  { 0x1F33B, 0x1F338, 0x1F337, 0x1F339, 0x1F33C } },
    { "apple",    "apples",    false, { 0x1F34E, 0x1F34F } },
    { "cake",     "cakes",     true,  { 0x1F382, 0x1F370, 0x1F9C1 } },
    { "cup",      "cups",      true,  { 0x2615,  0x1F375, 0x1F964 } },
    { "glass",    "glasses",   false, { 0x1F377, 0x1F378, 0x1F379 } },
    { "car",      "cars",      true,  { 0x1F697, 0x1F698, 0x1F695, 0x1F693, 0x1F699 } },
    { "bus",      "buses",     false, { 0x1F68C, 0x1F68D, 0x1F68E } },
    { "truck",    "trucks",    false, { 0x1F69A, 0x1F69B, 0x1F6FB } },
    { "train",    "trains",    true,  { 0x1F682, 0x1F686, 0x1F684 } },
    { "boat",     "boats",     true,  { 0x26F5,  0x1F6A2, 0x1F6F6, 0x1F6A4 } },
    { "plane",    "planes",    false, { 0x2708,  0x1F6E9, 0x1F6EB } },
    { "house",    "houses",    true,  { 0x1F3E0, 0x1F3E1, 0x1F6D6, 0x1F3DA } },
    { "clock",    "clocks",    true,  { 0x1F550, 0x23F0,  0x1F570, 0x23F1 } },
    { "book",     "books",     false, { 0x1F4D6, 0x1F4D4, 0x1F4D3 } },
    { "shoe",     "shoes",     true,  { 0x1F45E, 0x1F45F, 0x1F460, 0x1F97E } },
    { "hat",      "hats",      true,  { 0x1F3A9, 0x1F452, 0x1F9E2 } },
    { "shirt",    "shirts",    false, { 0x1F455, 0x1F454, 0x1F3BD } },
    { "bag",      "bags",      false, { 0x1F45C, 0x1F392, 0x1F6CD } },
    { "umbrella", "umbrellas", true,  { 0x2602,  0x26F1,  0x2614 } },
    { "ball",     "balls",     true,  { 0x26BD,  0x1F3C0, 0x26BE, 0x1F3C8 } },
    { "phone",    "phones",    false, { 0x1F4F1, 0x260E,  0x1F4DE } },
    { "heart",    "hearts",    false, { 0x2764,  0x1F496, 0x1F498 } },
    { "moon",     "moons",     false, { 0x1F319, 0x1F315, 0x1F31B } },
    { "camera",   "cameras",   true,  { 0x1F4F7, 0x1F3A5, 0x1F4F9 } },
    { "envelope", "envelopes", false, { 0x2709,  0x1F48C, 0x1F4E7 } },
    { "cloud",    "clouds",    false, { 0x2601,  0x1F327, 0x1F329 } },
    { "medal",    "medals",    false, { 0x1F3C5, 0x1F396, 0x1F947 } },
};

const Colour COLOUR[COLOURS] = {
    { "red",    { 214,  38,  52 } }, { "orange", { 247, 142,  30 } }, { "yellow", { 250, 222,  60 } },
    { "green",  {  52, 158,  72 } }, { "blue",   {  40, 104, 214 } }, { "purple", { 146,  70, 186 } },
};
const char *const SIZE_NAME[2] = { "small", "large" };
const char *const SPLIT_NAME[SPLITS] = { "train", "val", "test-iid", "test-pairs", "test-artwork" };
const char *const BACKGROUND_NAME[3] = { "plain", "gradient", "noise" };
const char *const RELATION_NAME[RELATIONS] = { "left", "right", "above", "below", "larger", "smaller" };

/* A large drawing is at least 1.6 times a small one: 28/17 and 34/21. */
static const Preset PRESETS[] = {
    { .name = "standard", .max_objects = 6, .train_drawings = MAX_DRAWINGS, .side = { { 15, 17 }, { 28, 30 } },
      .paraphrase = true, .noise = true },
    { .name = "quick", .quick_nouns = true, .max_objects = 2, .train_drawings = 2, .side = { { 24, 25 }, { 40, 41 } } },
};
enum { PRESET_COUNT = sizeof PRESETS / sizeof *PRESETS, NOUN_COUNT = sizeof NOUNS / sizeof *NOUNS };
_Static_assert((int)NOUN_COUNT <= (int)MAX_NOUNS, "MAX_NOUNS is too small");

int noun_count(void) { return NOUN_COUNT; }

int noun_find(const char *word, bool *plural)
{
    for (int i = 0; i < NOUN_COUNT; i++) {
        bool one = strcmp(word, NOUNS[i].name) == 0, many = strcmp(word, NOUNS[i].plural) == 0;
        if (one != many) *plural = many;
        if (one || many) return i;
    }
    return -1;
}

int noun_drawings(int noun)
{
    int n = 0;
    while (n < MAX_DRAWINGS && NOUNS[noun].drawing[n]) n++;
    return n;
}

bool noun_has_held_out_drawing(int noun) { return noun_drawings(noun) >= 3; }

/* In turn, counted among the quick nouns and then among the others, so that either preset holds out all colours equally often. */
int noun_held_out_colour(int noun)
{
    int before = 0;
    for (int i = 0; i < NOUN_COUNT; i++)
        before += NOUNS[i].quick == NOUNS[noun].quick ? i < noun : NOUNS[i].quick;
    return before % COLOURS;
}

const Preset *preset_find(const char *name)
{
    for (int i = 0; i < PRESET_COUNT; i++)
        if (strcmp(name ? name : "standard", PRESETS[i].name) == 0) return &PRESETS[i];
    return NULL;
}

const char *preset_names(void) { return "standard, quick"; }
bool preset_has(const Preset *p, int noun) { return !p->quick_nouns || NOUNS[noun].quick; }

/* 0.65: a round drawing (a ball, a clock) leaves a ring of 0.15 of its side to be seen. */
double disc_radius(const Object *o) { return 0.65 * o->side; }

Relation relation_converse(Relation r) { return (Relation)((int)r ^ 1); }

double relation_margin(const Object *a, Relation r, const Object *b)
{
    if (r == LARGER || r == SMALLER) return a->large - b->large == (r == LARGER ? 1 : -1) ? 0 : -1;

    double dx = b->x - a->x, dy = b->y - a->y;
    double along  = r == LEFT ? dx : r == RIGHT ? -dx : r == ABOVE ? dy : -dy;
    double across = 1.5 * abs((int)(r == LEFT || r == RIGHT ? dy : dx));
    return along - (across > 12 ? across : 12);
}
