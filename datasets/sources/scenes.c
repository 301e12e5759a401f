/* scenes.c - composed pictures as a data source (datasets/scenes.h). */
#include "datasets/scenes.h"
#include "datasets/scenes/world.h"
#include "datasets/sources/source.h"

static bool compose(const PrepareOptions *o, PrepareProgress *progress, void *context, Err *err)
{
    if (o->size && o->size != SCENE_SIZE) return fail_usage(err, "scenes are composed at %d pixels a side; --size %d cannot be", SCENE_SIZE, o->size);
    if (o->format != FORMAT_RAW) return fail_usage(err, "scenes are kept as pixels; --format is for photographs");
    if (!o->out) return fail_usage(err, "scenes has nothing to check: --dry-run is for data that was found, not composed");

    ScenesOptions scenes = { .count = o->count ? o->count : 16000, .seed = o->seed, .preset = o->preset, .font = o->font, .workers = o->workers,
                             .restart = o->restart };
    return scenes_prepare(o->out, &scenes, progress, context, err);
}

const Source source_scenes = {
    .name = "scenes", .help = "composed pictures with captions and their whole truth (Noto Color Emoji); no input needed",
    .compose = compose,
};
