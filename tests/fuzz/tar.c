/* tar.c - any bytes as a shard of a WebDataset (datasets/sources/webdataset.c), plain or compressed; then every picture that was found is
 * read from it (archive.c), forward and once more from the beginning. Headers get the checksum they should have, so that damage reaches what
 * lies behind it; not those whose last byte is not 0. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/archive.h"
#include "datasets/sources/source.h"
#include "tests/fuzz/input.h"

static void read_member(MemberReader *r, const Catalog *c, int64_t i)
{
    CatalogEntry e;
    size_t bytes;
    Err    err = { 0 };

    REQUIRE(catalog_entry(c, i, &e, &err) && e.member, "a picture that is in no shard");
    char *data = member_reader_read(r, e.file, e.member, &bytes, &err);
    REQUIRE(data || *err.text, "refused without a word");
    free(data);
    catalog_entry_free(&e);
}

static void mend(uint8_t *header)
{
    enum { SUM = 148, SUM_BYTES = 8, MAGIC = 257, BYTES = 512 };
    unsigned sum = 0;

    if (memcmp(header + MAGIC, "ustar", 5) != 0 || header[BYTES - 1]) return;
    memset(header + SUM, ' ', SUM_BYTES);
    for (int i = 0; i < BYTES; i++) sum += header[i];
    snprintf((char *)header + SUM, SUM_BYTES, "%06o", sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Err            err = { 0 };
    uint8_t       *copy = malloc(size + 1);
    REQUIRE(copy, "out of memory");
    memcpy(copy, data, size);
    for (size_t at = 0; at + 512 <= size; at += 512) mend(copy + at);
    const char    *shard = fuzz_file("train-0.tar", copy, size);
    PrepareOptions o = prepare_defaults();
    Catalog       *c = fuzz_catalog();
    MemberReader  *r = member_reader_new();

    o.inputs = &shard;
    o.input_count = 1;
    REQUIRE(source_webdataset.read(c, &o, &err), "a damaged shard stops everything: %s", err.text);
    for (int64_t i = 0; i < catalog_count(c); i++) read_member(r, c, i);
    if (catalog_count(c)) read_member(r, c, 0);
    member_reader_free(r);
    fuzz_catalog_end(c);
    free(copy);
    return 0;
}
