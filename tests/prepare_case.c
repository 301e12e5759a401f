/* prepare_case.c - a small data set, and whole preparations over it. */
#include "prepare_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/source.h"
#include "tensor/base/file.h"
#include "vision/image.h"

const char *in_folder(const char *name)
{
    static char path[8][256];
    static int  at;
    at = (at + 1) % 8;
    snprintf(path[at], sizeof path[at], "%s/%s", folder, name);
    return path[at];
}

char *hash_of(const char *name, char hex[65])
{
    Err err = { 0 };
    cr_assert(file_sha256(in_folder(name), hex, &err), "%s", err.text);
    return hex;
}

/* ---- data -------------------------------------------------------------------------------------------------------------- */
void put_striped(const char *name, int kind, int width, int height)
{
    Image    im = image_new(width, height, 3);
    uint8_t *data;
    size_t   bytes;
    Err      err = { 0 };
    bool     png = strstr(name, ".png") != NULL;

    for (int k = 0; k < width * height * 3; k++) im.pixels[k] = (uint8_t)(k / 3 % width * 5 + kind * 29 + k % 3 * 60);
    cr_assert(png ? image_encode_png(&im, &data, &bytes, &err) : image_encode_jpeg(&im, 92, &data, &bytes, &err), "%s", err.text);
    put_bytes(name, (const char *)data, bytes);
    free(data);
    image_free(&im);
}

void put_flickr8k(int photos)
{
    static const char *const LIST[] = { "data/Flickr_8k.trainImages.txt", "data/Flickr_8k.devImages.txt", "data/Flickr_8k.testImages.txt" };
    char  *text[4];
    size_t bytes[4];
    FILE  *f[4];

    for (int k = 0; k < 4; k++) f[k] = open_memstream(&text[k], &bytes[k]);
    for (int i = 0; i < photos; i++) {
        char name[64];
        snprintf(name, sizeof name, "data/images/p%02d.jpg", i);
        put_striped(name, i, i ? 50 + i % 40 : CASE_SIDE, i ? 90 - i % 40 : CASE_SIDE);
        fprintf(f[i < photos / 2 ? 0 : i < photos * 3 / 4 ? 1 : 2], "p%02d.jpg\n", i);
        fprintf(f[3], "p%02d.jpg#0\tA dog number %d .\np%02d.jpg#1\tA Dog runs.\r\n", i, i, i);
    }
    for (int k = 0; k < 4; k++) {
        fclose(f[k]);
        put(k < 3 ? LIST[k] : "data/Flickr8k.token.txt", text[k]);
        free(text[k]);
    }
}

/* ---- preparing --------------------------------------------------------------------------------------------------------- */
PrepareOptions case_options(const char *out)
{
    static char        input[256], report[300];
    static const char *inputs[] = { input };
    PrepareOptions     o = prepare_defaults();

    snprintf(input, sizeof input, "%s", in_folder("data"));
    snprintf(report, sizeof report, "%s%s", in_folder(out ? out : "dry"), out ? ".report.jsonl" : ".jsonl");
    o.inputs = inputs;
    o.input_count = 1;
    o.out = out ? in_folder(out) : NULL;
    o.report = report;
    o.size = CASE_SIDE;
    o.min_count = 2;
    o.workers = 2;
    return o;
}

bool prepare_data(const char *source, const PrepareOptions *o, PrepareSummary *out, Err *err)
{
    PrepareSummary ignored;
    const Source  *s = source_find(source, err);
    *err = (Err){ 0 };
    return prepare_store(s, o, NULL, NULL, out ? out : &ignored, err);
}

void prepare_well(const char *source, const PrepareOptions *o)
{
    Err err;
    cr_assert(prepare_data(source, o, NULL, &err), "%s", err.text);
}

/* ---- what was listed --------------------------------------------------------------------------------------------------- */
static json_t *read_report(const char *report)
{
    FILE   *f = fopen(in_folder(report), "r");
    json_t *all = json_array();
    char   *line = NULL;
    size_t  room = 0;

    cr_assert(f, "there is no report %s", report);
    while (getline(&line, &room, f) > 0) {
        json_error_t why;
        json_t *o = json_loads(line, 0, &why);
        cr_assert(o, "a line of the report is not JSON: %s: %s", why.text, line);
        json_array_append_new(all, o);
    }
    free(line);
    fclose(f);
    return all;
}

int report_lines(const char *report)
{
    json_t *all = read_report(report);
    int     count = (int)json_array_size(all);
    json_decref(all);
    return count;
}

static bool same(const json_t *o, const char *key, const char *wanted)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text && strcmp(text, wanted) == 0;
}

bool report_has(const char *report, const char *kind, const char *name, const char *file, int64_t line, const char *words)
{
    json_t *all = read_report(report), *o;
    size_t  i;
    bool    found = false;

    json_array_foreach(all, i, o)
        found |= same(o, "kind", kind) && same(o, "name", name) && (!file || same(o, "file", file))
              && (line < 0 || json_integer_value(json_object_get(o, "line")) == line)
              && strstr(json_string_value(json_object_get(o, "reason")), words);
    json_decref(all);
    return found;
}

void expect_same_lists(const char *store, const char *report)
{
    json_t *all = read_report(report);
    Err     err = { 0 };
    Store  *s = store_open(in_folder(store), &err);

    cr_assert(s, "%s", err.text);
    cr_assert_eq((int64_t)json_array_size(all), store_rejected(s), "the report has %zu, the store %d", json_array_size(all), (int)store_rejected(s));
    for (int64_t i = 0; i < store_rejected(s); i++) {
        const json_t *o = json_array_get(all, (size_t)i);
        Problem       p = store_rejected_at(s, i);
        cr_assert(same(o, "kind", problem_name(p.kind)) && same(o, "name", p.name) && same(o, "file", p.file) && same(o, "reason", p.reason)
                  && json_integer_value(json_object_get(o, "line")) == p.line, "%d: %s %s: %s", (int)i, problem_name(p.kind), p.name, p.reason);
    }
    store_close(s);
    json_decref(all);
}
