/* pickle.c - any bytes as a pickle (datasets/sources/pickle.c), and those that are a list of dictionaries as references of RefCOCO. */
#include "datasets/sources/pickle.h"

#include <string.h>

#include "datasets/sources/source.h"
#include "tests/fuzz/input.h"

enum { MOST_VALUES = 1 << 20 };                  /* more are not walked through                                         */

/* The whole value is there and as deep and large as it says; both are added up anew. */
static void walk(const PickleValue *v, unsigned *depth, uint64_t *size)
{
    unsigned deepest = 0;

    REQUIRE(v->kind <= PICKLE_DICTIONARY, "a value of no kind");
    *depth = v->kind >= PICKLE_TUPLE;
    *size += 1;
    if (v->kind == PICKLE_TEXT || v->kind == PICKLE_BYTES) {
        REQUIRE(v->text[v->count] == 0, "a text that does not end");
        *size += v->count / PICKLE_TEXT_UNIT;
    }
    for (uint32_t i = 0; v->kind >= PICKLE_TUPLE && i < v->count; i++) {
        REQUIRE(v->kind != PICKLE_DICTIONARY || i % 2 || v->item[i]->kind < PICKLE_TUPLE, "a container as a key");
        unsigned below;
        walk(v->item[i], &below, size);
        if (below > deepest) deepest = below;
    }
    *depth += deepest;
    REQUIRE(*depth == v->depth && v->depth <= PICKLE_DEPTH, "%u levels deep, it says %u", *depth, v->depth);
    REQUIRE(v->kind != PICKLE_DICTIONARY || v->count % 2 == 0, "a key without a value");
}

static bool like_references(const PickleValue *v)
{
    for (uint32_t i = 0; pickle_is_list(v) && i < v->count; i++)
        if (v->item[i]->kind == PICKLE_DICTIONARY) return true;
    return false;
}

static void read_references(const uint8_t *data, size_t size)
{
    static const char INSTANCES[] =
        "{\"images\": [{\"id\": 7, \"file_name\": \"a.jpg\", \"width\": 64, \"height\": 48}, {\"id\": 12, \"file_name\": \"b.jpg\"}],"
        "\"annotations\": [{\"id\": 1001, \"image_id\": 7, \"bbox\": [1, 2, 3, 4]}, {\"id\": 1003, \"image_id\": 12, \"bbox\": [0, 0, 9, 9]}]}";
    const char    *inputs[] = { fuzz_file("refs.p", data, size), fuzz_file("instances.json", INSTANCES, sizeof INSTANCES - 1) };
    PrepareOptions o = prepare_defaults();
    Catalog       *c = fuzz_catalog();
    Err            err = { 0 };

    o.inputs = inputs;
    o.input_count = 2;
    o.images = fuzz_folder();
    REQUIRE(source_refcoco.read(c, &o, &err), "%s", err.text);
    fuzz_catalog_end(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Err      err = { 0 };
    unsigned depth;
    uint64_t values = 0;
    Pickle  *p = pickle_parse(data, size, "input", &err);

    if (!p) {
        REQUIRE(strncmp(err.text, "input: ", 7) == 0, "refused without a word");
        return 0;
    }
    const PickleValue *root = pickle_root(p);
    if (root->size <= MOST_VALUES) {
        walk(root, &depth, &values);
        REQUIRE(values == root->size, "%llu values, it says %u", (unsigned long long)values, root->size);
        if (like_references(root)) read_references(data, size);
    }
    pickle_free(p);
    return 0;
}
