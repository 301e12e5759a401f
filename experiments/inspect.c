/* inspect.c - what text and JSON share. */
#include "experiments/inspect.h"

#include <string.h>

bool inspect_open(Inspection *i, const char *path, int near_bits, Err *err)
{
    *i = (Inspection){ .path = path, .store = store_open(path, err) };
    if (!i->store || !(i->statistics = statistics_of(i->store, err))) return false;
    i->duplicates = duplicates_find(i->store, near_bits);
    return true;
}

void inspect_close(Inspection *i)
{
    duplicates_free(i->duplicates);
    statistics_free(i->statistics);
    store_close(i->store);
}

/* *at counts the pairs (a, b), a < b. */
bool inspect_next_leak(const Inspection *i, const Shared *shared, int *at, Leak *out)
{
    int splits = i->duplicates->splits;

    for (; *at < splits * splits; ++*at) {
        int a = *at / splits, b = *at % splits;
        if (a >= b || !shared->of[a][b]) continue;
        bool first_is_smaller = i->statistics->split[a].pictures < i->statistics->split[b].pictures;
        int  of = first_is_smaller ? a : b, in = first_is_smaller ? b : a;
        *out = (Leak){ of, in, shared->of[of][in], shared->of[in][of] };
        ++*at;
        return true;
    }
    return false;
}

/* Only the options tell files as they came from files encoded anew. */
const char *inspect_format(const Inspection *i)
{
    const char *said = json_string_value(json_object_get(json_object_get(store_provenance(i->store), "options"), "format"));
    return !store_holds_files(i->store) ? "raw" : said && strcmp(said, "original") == 0 ? "original" : "jpeg";
}
