/* world.h - what a scene is made of: nouns with their drawings, colours, sizes, presets; and the scene itself.
 *
 * The folder holds one idea a file:
 *     world     the tables, and what is true of two objects        artwork   drawings out of the font, at the sizes needed
 *     sample    a random scene of a split                          paint     a scene as pixels, boxes and masks
 *     grammar   captions with the objects they mention             judge     captions back into clauses, against the truth
 *     truth     a scene as JSON and back                           blind     what one scores without looking
 *     prepare   the splits of a preset, into a store
 * Referring expressions and harder splits (grounding) belong beside them: a phrase generator next to grammar, a row in SPLITS. */
#ifndef LIMN_SCENES_WORLD_H
#define LIMN_SCENES_WORLD_H

#include <stdbool.h>
#include <stdint.h>

enum { SCENE_SIZE = 96, MAX_OBJECTS = 6, MAX_DRAWINGS = 5, MAX_NOUNS = 64, ANY = -1 };

/* The last drawing of a noun with three or more is held out for test-artwork. */
typedef struct Noun {
    const char *name, *plural;
    bool        quick;                           /* in the quick preset too                                              */
    uint32_t    drawing[MAX_DRAWINGS];           /* Unicode code points; 0 ends                                          */
} Noun;
extern const Noun NOUNS[];
int noun_count(void);
int noun_find(const char *word, bool *plural);   /* index, or -1; "fish" is both: *plural stays as it is                */
int noun_drawings(int noun);
bool noun_has_held_out_drawing(int noun);
/* The colour that the noun never wears outside test-pairs: each colour is held out equally often. */
int noun_held_out_colour(int noun);

typedef struct Colour { const char *name; uint8_t rgb[3]; } Colour;
enum { COLOURS = 6 };
extern const Colour COLOUR[COLOURS];
extern const char *const SIZE_NAME[2];           /* small, large                                                         */

typedef struct Preset {
    const char *name;
    bool        quick_nouns;
    int         max_objects, train_drawings;     /* of a noun, at most                                                   */
    int         side[2][2];                      /* pixels of the longer side of a drawing: small from..to, large from..to */
    bool        paraphrase;                      /* several ways to say it, or the first only                            */
    bool        noise;                           /* noise backgrounds besides plain and gradient                         */
} Preset;
const Preset *preset_find(const char *name);     /* NULL name: standard; NULL when there is none such                    */
const char   *preset_names(void);
bool          preset_has(const Preset *p, int noun);

typedef enum Split { SPLIT_TRAIN, SPLIT_VAL, SPLIT_IID, SPLIT_PAIRS, SPLIT_ARTWORK, SPLITS } Split;
extern const char *const SPLIT_NAME[SPLITS];

typedef struct Object {
    int noun, drawing, colour, large;            /* drawing: index into NOUNS[noun].drawing; large: 0 or 1               */
    int side, x, y;                              /* longer side of the drawing, and its centre, in pixels                */
    int box[4];                                  /* of the drawing: x0 y0 x1 y1, the last two exclusive                  */
    int visible, area;                           /* pixels of the drawing that no later object covers, and in all        */
} Object;

typedef enum Background { PLAIN, GRADIENT, NOISE } Background;
extern const char *const BACKGROUND_NAME[3];

typedef struct Scene { Background background; int count; Object object[MAX_OBJECTS]; } Scene;   /* later objects lie on top */

/* The disc behind a drawing. */
double disc_radius(const Object *o);

typedef enum Relation { LEFT, RIGHT, ABOVE, BELOW, LARGER, SMALLER, RELATIONS } Relation;
extern const char *const RELATION_NAME[RELATIONS];
Relation relation_converse(Relation r);
/* Pixels by which a is clearly r of b (negative: it is not, or not clearly): the centres differ by at least 12 pixels along the axis,
 * and by at least 1.5 times what they differ across it.  LARGER and SMALLER: 0 when it holds. */
double relation_margin(const Object *a, Relation r, const Object *b);

#endif
