/* store_parts.c - any text as the table of parts with which a store begins, as it is and then with its hash put right. */
#include "datasets/store/file.h"

#include <string.h>

#include "tensor/base/file.h"
#include "tests/fuzz/input.h"

static void read_parts(const char block[STORE_USER_BLOCK], int64_t file_bytes)
{
    Parts   parts;
    Err     err = { 0 };
    int64_t end = STORE_USER_BLOCK;
    bool    intact;

    if (parts_salvage(block, "a.h5", &parts, &intact, &end, &err)) {
        int64_t at = STORE_USER_BLOCK;
        for (int i = 0; i < parts.count; at = parts.part[i].at + parts.part[i].bytes, i++)
            REQUIRE(parts.part[i].at >= at && parts.part[i].bytes >= 0, "a part over another");
        REQUIRE(parts.count <= STORE_MAX_PARTS && at == end, "parts that do not end where they should");
    }
    end = STORE_USER_BLOCK;
    if (!parts_read(block, "a.h5", file_bytes, &parts, &err)) {
        REQUIRE(*err.text, "refused without a word");
        return;
    }
    for (int i = 0; i < parts.count; i++) {
        REQUIRE(parts.part[i].at == end && parts.part[i].bytes >= 0, "parts with a gap");
        end += parts.part[i].bytes;
    }
    REQUIRE(end == file_bytes, "parts that are not the file");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { HASH = 7 + 64 + 1, ROOM = STORE_USER_BLOCK - HASH };
    char    block[STORE_USER_BLOCK] = { 0 };
    int64_t file_bytes = 0;

    if (size < sizeof file_bytes) return 0;
    memcpy(&file_bytes, data, sizeof file_bytes);
    data += sizeof file_bytes, size -= sizeof file_bytes;
    memcpy(block, data, size < STORE_USER_BLOCK ? size : STORE_USER_BLOCK);
    read_parts(block, file_bytes);

    /* The hash stands in the first line that begins with the word. */
    char *old = memmem(block, ROOM, "\nsha256 ", 8);
    size_t text = old ? (size_t)(old + 1 - block) : strnlen(block, ROOM - 1);
    if (text && block[text - 1] != '\n') block[text++] = '\n';
    memset(block + text, 0, sizeof block - text);
    char hash[65];
    sha256_hex(block, text, hash);
    memcpy(block + text, "sha256 ", 7);
    memcpy(block + text + 7, hash, 64);
    block[text + 71] = '\n';
    read_parts(block, file_bytes);
    return 0;
}
