/* json_stream.c - any bytes as a JSON file whose lists are streamed (datasets/sources/json_stream.c). What jansson reads as a whole must come
 * out of the stream element by element. */
#include "datasets/sources/json_stream.h"

#include <string.h>

#include "tests/fuzz/input.h"

static const char *const EITHER[] = { "", "images", "annotations", NULL }, *const *const LISTS = EITHER + 1;

/* `whole`: the same file by jansson; NULL when it refused. */
typedef struct Seen { const json_t *whole; const char *list; int64_t next, line, all; } Seen;

static bool look(const JsonItem *i, void *context, Err *err)
{
    Seen *s = context;
    (void)err;

    if (!s->list || strcmp(s->list, i->list) != 0) s->next = 0;
    s->list = i->list;
    REQUIRE((i->index == s->next || i->index == 0) && i->line >= s->line, "elements not in order");
    REQUIRE(i->value || (*i->why && (i->kind == PROBLEM_BAD_TEXT || i->kind == PROBLEM_BAD_RECORD)), "refused without a word");
    if (s->whole) {
        const json_t *list = *i->list ? json_object_get(s->whole, i->list) : s->whole;
        REQUIRE(json_equal(i->value, json_array_get(list, (size_t)i->index)), "%s[%lld] is another one", i->list, (long long)i->index);
    }
    s->next = i->index + 1;
    s->line = i->line;
    s->all++;
    return true;
}

static bool is_list(const json_t *o, const char *key) { return !json_object_get(o, key) || json_is_array(json_object_get(o, key)); }

static void stream(const char *path, const char *const *lists, const json_t *whole, int64_t wanted)
{
    Seen seen = { .whole = whole };
    Err  err = { 0 };
    bool ok = json_stream(path, "x.json", lists, look, &seen, &err);

    REQUIRE(ok || strncmp(err.text, "x.json", 6) == 0, "refused without the file's name: '%s'", err.text);
    REQUIRE(!whole || (ok && seen.all == wanted), "%lld elements of %lld: %s", (long long)seen.all, (long long)wanted, err.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file("x.json", data, size);
    json_t *whole = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    bool    lists = json_is_object(whole) && is_list(whole, LISTS[0]) && is_list(whole, LISTS[1]);

    stream(path, NULL, json_is_array(whole) ? whole : NULL, (int64_t)json_array_size(whole));
    int64_t members = (int64_t)(json_array_size(json_object_get(whole, LISTS[0])) + json_array_size(json_object_get(whole, LISTS[1])));
    stream(path, LISTS, lists ? whole : NULL, members);
    stream(path, EITHER, lists || json_is_array(whole) ? whole : NULL, lists ? members : (int64_t)json_array_size(whole));
    json_decref(whole);
    return 0;
}
