/* judge.h - how much of a caption is true, by clauses and by objects. */
#ifndef LIMN_SCENES_JUDGE_H
#define LIMN_SCENES_JUDGE_H

#include "datasets/scenes.h"
#include "datasets/scenes/grammar.h"

SceneScore scene_judge(const Scene *s, const char *caption);

/* ---- truth: a scene as JSON and back -------------------------------------------------------------------------------
 *     { "background": "noise",
 *       "objects": [ { "noun": "cat", "artwork": "1F63A", "colour": "red", "size": "small", "side": 16, "centre": [40, 62],
 *                      "box": [32, 55, 48, 69], "disc": 10.4, "area": 190, "visible": 190 }, … ],
 *       "relations": [ [0, "left", 1, 14.5], … ],       object, relation, object, margin in pixels; one way round only
 *       "counts": { "cat": 1, … } }                                                                                  */
json_t *truth_write(const Scene *s);
bool    truth_read(const json_t *truth, Scene *out);             /* false when it is not such a truth                    */

#endif
