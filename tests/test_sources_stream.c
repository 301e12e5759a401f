/* test_sources_stream.c - the stream of elements that JSON sources are read from, and the ids in them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/id_map.h"
#include "datasets/sources/json_fields.h"
#include "datasets/sources/json_stream.h"
#include "source_case.h"
#include "tensor/base/file.h"

TestSuite(sources_stream, .init = source_begin, .fini = source_end);

static bool note(const JsonItem *i, void *context, Err *err)
{
    FILE *f = context;
    char *text = i->value ? json_dumps(i->value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    (void)err;
    fprintf(f, "%s[%lld]:%lld %.40s%s|", i->list, (long long)i->index, (long long)i->line, text ? text : problem_name(i->kind), text ? "" : " ");
    if (!text) fprintf(f, "%s|", i->why);
    free(text);
    return true;
}

/* "a[0]:1 element|…", and then the error. `lists` may be NULL. */
static char *stream(const char *data, size_t bytes, const char *const *lists)
{
    char  *text = NULL, *path = path_join(folder, "x.json");
    size_t size;
    FILE  *f = open_memstream(&text, &size);
    Err    err = { 0 };

    put_bytes("x.json", data, bytes);
    if (!json_stream(path, "x.json", lists, note, f, &err)) fputs(err.text, f);
    fclose(f);
    free(path);
    return text;
}

static char *members(const char *data) { return stream(data, strlen(data), (const char *const[]){ "a", "b", NULL }); }
static char *list(const char *data)    { return stream(data, strlen(data), NULL); }

Test(sources_stream, the_wanted_lists_of_an_object_are_streamed_with_their_lines)
{
    expect(members("\xEF\xBB\xBF{\"info\": {\"a\": [9]},\n \"n\": 5\n, \"a\": [1,\n {\"x\": [2]}, \"]\"\n],\r\n\"s\": \"\\\"a\\\": [\", \"b\":[],\"\\u0061\":[3]}\n"),
           "a[0]:3 1|a[1]:4 {\"x\":[2]}|a[2]:4 \"]\"|a[0]:6 3|");
    expect(members("{}"), "");
    expect(members("{\"c\": 1}"), "");
    expect(list(" [ true , null,-1.5e3]"), "[0]:1 true|[1]:1 null|[2]:1 -1500.0|");
    expect(list("[]"), "");
}

Test(sources_stream, an_element_that_is_none_spoils_no_other)
{
    expect(list("[{\"x\": tru}, [1}, \"\xff\",\n\"\\u0000\", {\"\\u0000\": 1}, 1e999, 99999999999999999999, 7]"),
           "[0]:1 bad-record |invalid token near 'tru'|[1]:1 bad-record |']' expected near '}'|"
           "[2]:1 invalid-text |unable to decode byte 0xff near '\"'|[3]:2 invalid-text |a text with a NUL character in it|"
           "[4]:2 invalid-text |a text with a NUL character in it|[5]:2 bad-record |real number overflow near '1e999'|"
           "[6]:2 bad-record |too big integer near '99999999999999999999'|[7]:2 7|");
}

Test(sources_stream, a_file_that_breaks_off_is_an_error_with_its_place)
{
    expect(list("[1,\n{\"x\": 2"), "[0]:1 1|x.json:2: a value does not end at byte 11: the file is damaged or was cut short");
    expect(list("[\"x"), "x.json:1: a value does not end at byte 3: the file is damaged or was cut short");
    expect(list("[\"x\\"), "x.json:1: a string does not end at byte 3: the file is damaged or was cut short");
    expect(list("[1"), "x.json:1: a value does not end at byte 2: the file is damaged or was cut short");
    expect(list("[1,"), "[0]:1 1|x.json:1: a value does not end at byte 3: the file is damaged or was cut short");
    expect(list("[1,]"), "[0]:1 1|x.json:1: a value is missing at byte 3: the file is damaged or was cut short");
    expect(list("[1 2]"), "[0]:1 1|x.json:1: ',' or ']' is missing at byte 3: the file is damaged or was cut short");
    expect(list("[1] 2"), "[0]:1 1|x.json:1: there is something behind the end at byte 4: the file is damaged or was cut short");
    expect(members("{\"a\": [1], \"c\": "), "a[0]:1 1|x.json:1: a value does not end at byte 16: the file is damaged or was cut short");
    expect(members("{\"a\": [1]"), "a[0]:1 1|x.json:1: ',' or '}' is missing at byte 9: the file is damaged or was cut short");
    expect(members("{\"a\" [1]}"), "x.json:1: ':' is missing at byte 5: the file is damaged or was cut short");
    expect(members("{a: [1]}"), "x.json:1: a key is missing at byte 1: the file is damaged or was cut short");
    expect(stream("[1]\0[2]", 7, NULL), "[0]:1 1|x.json:1: there is something behind the end at byte 3: the file is damaged or was cut short");
}

Test(sources_stream, a_file_of_another_kind_is_an_error)
{
    expect(list("{}"), "x.json: the file is not a JSON list");
    expect(list(""), "x.json: the file is not a JSON list");
    expect(members("[]"), "x.json: the file is not a JSON object with lists such as \"a\"");
    expect(members("{\"b\": {}}"), "x.json:1: \"b\" is not a list");
}

Test(sources_stream, elements_are_the_same_wherever_a_block_ends)
{
    static const char ELEMENT[] = "\"a\\\\\\\"b\"\n";
    enum { BLOCK = 1 << 18 };
    char *data = malloc(BLOCK + 64), *got;

    for (size_t lead = BLOCK - 16; lead < BLOCK + 4; lead++) {
        memset(data, ' ', lead);
        data[0] = '[';
        strcpy(data + lead, ELEMENT), strcat(data, ",7]");
        got = list(data);
        expect(got, "[0]:1 \"a\\\\\\\"b\"|[1]:2 7|");
        memset(data + 1, '1', lead - 1);
        data[1] = '"', data[lead - 1] = '"', data[lead] = ',';
        strcpy(data + lead + 1, ELEMENT), strcat(data, "]");
        got = list(data);
        cr_expect(strstr(got, "[1]:1 \"a\\\\\\\"b\"|") && strlen(got) < 80, "%zu: %s", lead, got);
        free(got);
    }
    free(data);
}

static void fill(Buffer *b, char c, size_t times)
{
    buffer_room(b, times + 1);
    memset(b->p + b->used, c, times);
    b->used += times;
    b->p[b->used] = 0;
}

Test(sources_stream, an_element_that_is_huge_or_deep_is_listed)
{
    Buffer huge = { 0 }, deep = { 0 }, open = { 0 };

    buffer_add(&huge, "[\"", 2), fill(&huge, 'x', JSON_STREAM_ELEMENT + (1 << 20)), buffer_add(&huge, "\",7]", 5);
    expect(list(huge.p), "[0]:1 bad-record |is larger than 16 MiB|[1]:1 7|");
    fill(&deep, '[', 200001), fill(&deep, ']', 200000), buffer_add(&deep, ",7]", 4);
    expect(list(deep.p), "[0]:1 bad-record |maximum parsing depth reached near '['|[1]:1 7|");
    fill(&open, '[', JSON_STREAM_ELEMENT + (2 << 20));
    char *got = list(open.p);
    cr_expect(strstr(got, "a value does not end"), "%s", got);
    free(got), free(huge.p), free(deep.p), free(open.p);
}

Test(sources_stream, ids_are_whole_numbers_in_any_form)
{
    static const struct { const char *text; bool fine; int64_t id; } CASES[] = {
        { "17", true, 17 }, { "17.0", true, 17 }, { "\"17\"", true, 17 }, { "-9223372036854775808", true, INT64_MIN }, { "17.5", false, 0 },
        { "\"17x\"", false, 0 }, { "\"\"", false, 0 }, { "1e300", false, 0 }, { "true", false, 0 }, { "null", false, 0 }, { "[17]", false, 0 },
        { "\"99999999999999999999\"", false, 0 } };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        int64_t id = 0;
        json_t *j = json_loads(CASES[i].text, JSON_DECODE_ANY, NULL);
        cr_expect(json_id(j, &id) == CASES[i].fine && id == CASES[i].id, "%s", CASES[i].text);
        json_decref(j);
    }
    cr_expect(!json_id(NULL, &(int64_t){ 0 }));
}

Test(sources_stream, sets_know_every_id)
{
    static const int64_t IDS[] = { 0, 1, -1, 511, 512, -512, -513, INT64_MAX, INT64_MIN, INT64_MIN + 1, 1LL << 40 };
    IdSet s = { 0 };
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof IDS / sizeof *IDS; i++) cr_expect(id_set_add(&s, IDS[i]) == !round, "%lld", (long long)IDS[i]);
    id_set_free(&s);
}
