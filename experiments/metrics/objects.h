/* objects.h - which objects a caption names, by the rules of CHAIR (Rohrbach et al. 2018, "Object Hallucination in Image Captioning").
 *
 * The list has a line an object: its name, then its synonyms, between commas ("motorcycle, scooter, motor bike, moped"); the words of a
 * caption are compared with it in the singular. Two words count as one where the list has them so ("hot dog" is no dog), and where the
 * first would tell of an object that is not there ("baby elephant" of a person, "passenger train", "toilet seat", "home plate").      */
#ifndef LIMN_OBJECTS_H
#define LIMN_OBJECTS_H

#include "experiments/metrics/caption_set.h"
#include "tensor/base/err.h"

typedef struct Objects Objects;

/* A synonym of two objects is the later one's. Longer entries than of two words are passed over. NULL: could not be read. */
Objects    *objects_read(const char *path, Err *err);
void        objects_free(Objects *o);                                /* NULL is allowed                                */
int32_t     objects_count(const Objects *o);
const char *objects_name(const Objects *o, int32_t object);
int32_t     objects_find(const Objects *o, const char *name);        /* by name or synonym; -1: not in the list        */

/* The objects that a sentence names, in its order, each as often as it is named, into out[sentence's words]; how many they are. */
int32_t     objects_named(const Objects *o, const CaptionSet *s, const Sentence *sentence, int32_t *out);

#endif
