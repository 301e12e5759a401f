/* problem.c - the table of problems. */
#include "datasets/problem.h"

#include "tensor/base/err.h"

static const struct { const char *name, *help; bool fault; } KINDS[PROBLEM_KINDS] = {
    [PROBLEM_BAD_IMAGE]   = { "damaged-image",   "pictures that cannot be decoded", true },
    [PROBLEM_NO_IMAGE]    = { "no-image",        "annotations of pictures that are not there", true },
    [PROBLEM_NO_CAPTION]  = { "no-caption",      "pictures about which nothing is said", true },
    [PROBLEM_NO_SPLIT]    = { "no-split",        "pictures in none of the lists of splits", true },
    [PROBLEM_DUPLICATE]   = { "duplicate",       "ids, names or entries that stand there twice", true },
    [PROBLEM_EMPTY_TEXT]  = { "empty-text",      "captions or phrases without a character", true },
    [PROBLEM_BAD_TEXT]    = { "invalid-text",    "texts that are not valid UTF-8", true },
    [PROBLEM_BAD_BOX]     = { "bad-box",         "boxes without area or outside their picture", true },
    [PROBLEM_CLIPPED_BOX] = { "clipped-box",     "boxes that reached out of their picture and were cut", true },
    [PROBLEM_BAD_SPAN]    = { "bad-span",        "phrases that are not in their caption", true },
    [PROBLEM_BAD_RECORD]  = { "bad-record",      "lines or elements that are not what the format says", true },
    [PROBLEM_BAD_FILE]    = { "damaged-file",    "annotation files or shards that cannot be read to their end", true },
    [PROBLEM_BAD_PATH]    = { "bad-path",        "paths that lead out of the data set, or not to a plain file", true },
    [PROBLEM_OTHER_SIZE]  = { "other-size",      "pictures of another size than their annotations say; boxes were scaled", false },
    [PROBLEM_CUT_AWAY]    = { "cut-away",        "boxes of which the crop leaves nothing", false },
    [PROBLEM_UNKNOWN_TURN] = { "unknown-turn",   "pictures turned by EXIF whose boxes were taken as drawn before that; --boxes decides", false },
};

static bool known(ProblemKind k)
{
    REQUIRE((int)k >= 0 && k < PROBLEM_KINDS, "problem: kind %d of %d", (int)k, PROBLEM_KINDS);
    return true;
}

const char *problem_name(ProblemKind k) { return known(k) ? KINDS[k].name : ""; }
const char *problem_help(ProblemKind k) { return known(k) ? KINDS[k].help : ""; }
bool problem_is_fault(ProblemKind k)    { return known(k) && KINDS[k].fault; }
