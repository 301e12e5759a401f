/* text_lines.c - any bytes as lines, and as rows of CSV or TSV (datasets/sources/text_lines.c). The first byte is the delimiter. */
#include "datasets/sources/text_lines.h"

#include <string.h>

#include "tests/fuzz/input.h"

static void read_lines(Catalog *c, const char *path)
{
    Err    err = { 0 };
    Lines *l = lines_open(c, path, "list.txt", &err);
    int64_t last = 0;

    REQUIRE(l, "%s", err.text);
    for (Line line; lines_next(l, &line); last = line.at.line)
        REQUIRE(strlen(line.text) == line.bytes && line.at.line > last, "a line that is none, or not in order");
    REQUIRE(lines_close(l, &err), "%s", err.text);
}

static void read_rows(Catalog *c, const char *path, char delimiter)
{
    Err   err = { 0 };
    Rows *r = rows_open(c, path, "table.csv", delimiter, &err);
    int64_t last = 0;

    if (!r) {
        REQUIRE(*err.text, "refused without a word");
        return;
    }
    int columns = 1;
    rows_column(r, "image");
    for (Row row; rows_next(r, &row); last = row.at.line) {
        REQUIRE(row.at.line > last, "rows not in order");
        for (int i = 0; i < columns; i++) REQUIRE(strlen(row.field[i]) == row.bytes[i], "a field that is none");
    }
    REQUIRE(rows_close(r, &err), "%s", err.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || !data[0] || data[0] == '"' || data[0] == '\n' || data[0] == '\r') return 0;
    Catalog    *c = fuzz_catalog();
    const char *path = fuzz_file("table", data + 1, size - 1);
    read_lines(c, path);
    read_rows(c, path, (char)data[0]);
    fuzz_catalog_end(c);
    return 0;
}
