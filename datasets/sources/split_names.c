/* split_names.c - a table of words. */
#include "datasets/sources/split_names.h"

#include <string.h>
#include <strings.h>

const char *split_named(const char *word, size_t bytes)
{
    static const struct { const char *word, *split; } WORDS[] = {
        { "train", "train" }, { "training", "train" }, { "val", "val" }, { "valid", "val" }, { "validation", "val" }, { "dev", "val" },
        { "test", "test" }, { "testing", "test" }, { "eval", "test" }, { "evaluation", "test" } };

    for (size_t k = 0; k < sizeof WORDS / sizeof *WORDS; k++)
        if (strlen(WORDS[k].word) == bytes && strncasecmp(WORDS[k].word, word, bytes) == 0) return WORDS[k].split;
    return NULL;
}

const char *split_of_folders(const char *path)
{
    const char *split = NULL, *slash;

    for (; !split && (slash = strchr(path, '/')); path = slash + 1) split = split_named(path, (size_t)(slash - path));
    return split;
}

const char *split_of_words(const char *path)
{
    static const char MARKS[] = "/-_.0123456789";
    const char *split = NULL;

    while (!split && *(path += strspn(path, MARKS))) {
        size_t bytes = strcspn(path, MARKS);
        split = split_named(path, bytes);
        path += bytes;
    }
    return split;
}
