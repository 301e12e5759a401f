/* source.c - the table of data sources. */
#include "datasets/sources/source.h"

#include <stdio.h>
#include <string.h>

static const Source *const SOURCES[] = {
    &source_coco, &source_flickr30k, &source_flickr30k_entities, &source_flickr8k, &source_imagefolder, &source_jsonl, &source_karpathy,
    &source_phrase_boxes, &source_refcoco, &source_scenes, &source_visual_genome, &source_webdataset, NULL };

const Source *const *source_list(void) { return SOURCES; }

const Source *source_find(const char *name, Err *err)
{
    char names[256] = "";

    for (const Source *const *s = SOURCES; *s; s++) {
        if (strcmp((*s)->name, name) == 0) return *s;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", (*s)->name);
    }
    fail_usage(err, "there is no data source '%s'; there are: %s", name, names);
    return NULL;
}
