/* truth.c - a scene as JSON and back (judge.h has the form). */
#include <stdio.h>
#include <string.h>

#include "datasets/scenes/judge.h"

static json_t *write_object(const Object *o)
{
    char code_point[16];
    snprintf(code_point, sizeof code_point, "%04X", NOUNS[o->noun].drawing[o->drawing]);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:[i,i], s:[i,i,i,i], s:f, s:i, s:i}", "noun", NOUNS[o->noun].name, "artwork", code_point,
                     "colour", COLOUR[o->colour].name, "size", SIZE_NAME[o->large], "side", o->side, "centre", o->x, o->y, "box", o->box[0],
                     o->box[1], o->box[2], o->box[3], "disc", disc_radius(o), "area", o->area, "visible", o->visible);
}

static json_t *write_relations(const Scene *s)
{
    json_t *all = json_array();
    for (int i = 0; i < s->count; i++)
        for (int j = i + 1; j < s->count; j++)
            for (int r = 0; r < RELATIONS; r++) {
                double margin = relation_margin(&s->object[i], (Relation)r, &s->object[j]);
                if (margin >= 0) json_array_append_new(all, json_pack("[i,s,i,f]", i, RELATION_NAME[r], j, margin));
            }
    return all;
}

static json_t *write_counts(const Scene *s)
{
    json_t *counts = json_object();
    for (int i = 0; i < s->count; i++) {
        const char *noun = NOUNS[s->object[i].noun].name;
        json_object_set_new(counts, noun, json_integer(json_integer_value(json_object_get(counts, noun)) + 1));
    }
    return counts;
}

json_t *truth_write(const Scene *s)
{
    json_t *objects = json_array();
    for (int i = 0; i < s->count; i++) json_array_append_new(objects, write_object(&s->object[i]));
    return json_pack("{s:s, s:o, s:o, s:o}", "background", BACKGROUND_NAME[s->background], "objects", objects, "relations", write_relations(s),
                     "counts", write_counts(s));
}

static int find_drawing(int noun, const char *code_point)
{
    unsigned value = 0;
    sscanf(code_point, "%x", &value);
    for (int d = 0; d < noun_drawings(noun); d++)
        if (NOUNS[noun].drawing[d] == value) return d;
    return -1;
}

static bool read_object(json_t *j, Object *o)
{
    const char *noun, *artwork, *colour, *size;
    bool plural = false;

    *o = (Object){ .colour = -1, .large = -1 };
    if (json_unpack(j, "{s:s, s:s, s:s, s:s, s:i, s:[i,i], s:[i,i,i,i], s:i, s:i}", "noun", &noun, "artwork", &artwork, "colour", &colour, "size",
                    &size, "side", &o->side, "centre", &o->x, &o->y, "box", &o->box[0], &o->box[1], &o->box[2], &o->box[3], "area", &o->area,
                    "visible", &o->visible)) return false;
    o->noun = noun_find(noun, &plural);
    for (int i = 0; i < COLOURS; i++) if (!strcmp(colour, COLOUR[i].name)) o->colour = i;
    for (int i = 0; i < 2; i++) if (!strcmp(size, SIZE_NAME[i])) o->large = i;
    o->drawing = o->noun < 0 ? -1 : find_drawing(o->noun, artwork);
    return o->noun >= 0 && o->drawing >= 0 && o->colour >= 0 && o->large >= 0;
}

bool truth_read(const json_t *truth, Scene *out)
{
    const char *background = json_string_value(json_object_get(truth, "background"));
    json_t *objects = json_object_get(truth, "objects"), *j;
    size_t i;

    *out = (Scene){ .count = (int)json_array_size(objects) };
    if (!background || out->count < 1 || out->count > MAX_OBJECTS) return false;
    for (int b = 0; b < 3; b++) if (!strcmp(background, BACKGROUND_NAME[b])) out->background = (Background)b;
    json_array_foreach(objects, i, j)
        if (!read_object(j, &out->object[i])) return false;
    return true;
}
