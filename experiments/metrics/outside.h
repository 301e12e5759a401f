/* outside.h - metrics that need large models of others: the files that their official tools read, and their results as metrics.
 *
 *     SPICE (Anderson et al. 2016)          java -jar spice-1.0.jar IN.json -out OUT.json
 *         in      [{"image_id": 17, "test": "a dog", "refs": ["a dog runs", …]}, …]              tokenised, as coco-caption gives it
 *         out     [{"image_id": 17, "scores": {"All": {"f": 0.4, …}, …}, …}, …]                  f counts; null: it has none
 *     CLIPScore (Hessel et al. 2021)        python clipscore.py IN/candidates.json IMAGES --references_json IN/references.json --save_per_instance OUT.json
 *         in      {"NAME": "A dog."} and {"NAME": ["A dog runs.", …]}                            NAME: the picture's file without .jpg
 *         out     {"NAME": {"CLIPScore": 0.8, "RefCLIPScore": 0.8}}                              the second only with references
 *
 * Pictures' names stand in the "images" of the references' file.                                                        */
#ifndef LIMN_OUTSIDE_H
#define LIMN_OUTSIDE_H

#include "experiments/metrics/caption_set.h"
#include "tensor/base/err.h"

bool outside_write_spice(const CaptionSet *s, const char *path, Err *err);
/* FOLDER/candidates.json and FOLDER/references.json; names from `references`, the file that the references came from. */
bool outside_write_clipscore(const CaptionSet *s, const char *references, const char *folder, Err *err);

#endif
