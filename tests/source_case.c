/* source_case.c - a folder of files, and a source over it. */
#include "source_case.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog_text.h"
#include "datasets/sources/source.h"
#include "tensor/base/file.h"
#include "vision/image.h"

enum { INPUTS = 8 };

char     folder[64];
Catalog *catalog;

void source_begin(void)
{
    strcpy(folder, "/tmp/limn-test-source-XXXXXX");
    cr_assert(mkdtemp(folder));
    catalog = catalog_new(folder);
}

void source_end(void)
{
    char command[128];
    catalog_free(catalog);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert(system(command) == 0);
}

/* ---- files ------------------------------------------------------------------------------------------------------------- */
void put_bytes(const char *name, const char *data, size_t bytes)
{
    char *path = path_join(folder, name), *slash = strrchr(path, '/');
    Err   err = { 0 };

    *slash = 0;
    cr_assert(folder_make(path, &err), "%s", err.text);
    *slash = '/';
    cr_assert(file_put(path, data, bytes, &err), "%s", err.text);
    free(path);
}

void put(const char *name, const char *text) { put_bytes(name, text, strlen(text)); }

void put_photo(const char *name, int width, int height)
{
    Image    im = image_new(width, height, 3);
    uint8_t *data;
    size_t   bytes;
    Err      err = { 0 };

    for (int k = 0; k < width * height * 3; k++) im.pixels[k] = (uint8_t)(k * 7);
    cr_assert(image_encode_jpeg(&im, 90, &data, &bytes, &err), "%s", err.text);
    put_bytes(name, (const char *)data, bytes);
    free(data);
    image_free(&im);
}

void expect(char *got, const char *wanted)
{
    char *first = got, line[512];
    const char *other = wanted;

    while (*first && *first == *other) first++, other++;
    while (first > got && first[-1] != '\n') first--, other--;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(first, "\n"), first);
    cr_expect_str_eq(got, wanted, "got    %s\nwanted %.*s\nin\n%s", line, (int)strcspn(other, "\n"), other, got);
    free(got);
}

/* ---- a source over them ------------------------------------------------------------------------------------------------ */
static bool run(const char *source, const char *const *inputs, const char *images, Err *err)
{
    PrepareOptions o = prepare_defaults();
    char *path[INPUTS] = { 0 }, *below = images ? path_join(folder, images) : NULL;
    const Source *s = source_find(source, err);

    for (; inputs[o.input_count]; o.input_count++) path[o.input_count] = *inputs[o.input_count] ? path_join(folder, inputs[o.input_count]) : strdup(folder);
    o.inputs = (const char *const *)path;
    o.images = below;
    bool ok = s && s->read(catalog, &o, err) && catalog_finish(catalog, err);
    for (int i = 0; i < o.input_count; i++) free(path[i]);
    free(below);
    return ok;
}

static const char *const WHOLE[] = { "", NULL };

char *seen_from_folder(void)
{
    char *text = catalog_text(catalog), *at;
    while ((at = strstr(text, folder))) {
        memcpy(at, "DIR", 3);
        memmove(at + 3, at + strlen(folder), strlen(at + strlen(folder)) + 1);
    }
    return text;
}

char *read_inputs(const char *source, const char *const *inputs, const char *images)
{
    Err err = { 0 };
    cr_assert(run(source, inputs, images, &err), "%s", err.text);
    return seen_from_folder();
}

char *read_by(const char *source) { return read_inputs(source, WHOLE, NULL); }

void expect_inputs_failure(const char *source, const char *const *inputs, const char *images, const char *words)
{
    Err err = { 0 };
    cr_expect(!run(source, inputs, images, &err) && strstr(err.text, words), "'%s' is not about '%s'", err.text, words);
}

void expect_failure(const char *source, const char *words) { expect_inputs_failure(source, WHOLE, NULL, words); }

PrepareSummary store_by(const char *source)
{
    const char    *input = folder;
    char          *out = path_join(folder, "out.h5");
    PrepareOptions o = prepare_defaults();
    PrepareSummary summary;
    Err            err = { 0 };

    o.inputs = &input;
    o.input_count = 1;
    o.out = out;
    o.size = 32;
    cr_assert(prepare_store(source_find(source, &err), &o, NULL, NULL, &summary, &err), "%s", err.text);
    cr_expect(file_exists(out));
    free(out);
    return summary;
}
