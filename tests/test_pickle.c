/* test_pickle.c - the strict reader of pickles: what Python wrote is read as Python reads it, and everything else is refused with its
 * place, without a crash, a leak or much memory. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/buffer.h"
#include "datasets/sources/pickle.h"
#include "tensor/base/file.h"

/* ---- values written out, as fixtures/make_pickle.py does ------------------------------------------------------------------ */
static void put_text(FILE *f, const PickleValue *v)
{
    fputs(v->kind == PICKLE_BYTES ? "b\"" : "\"", f);
    for (uint32_t i = 0; i < v->count; i++) {
        unsigned char c = (unsigned char)v->text[i];
        fprintf(f, c >= 32 && c < 127 && c != '"' && c != '\\' ? "%c" : "\\x%02x", c);
    }
    fputc('"', f);
    cr_expect(v->text[v->count] == 0);
}

static void put_value(FILE *f, const PickleValue *v)
{
    static const char *const OPEN = "([{", *const CLOSE = ")]}";
    uint64_t bits;

    switch ((PickleKind)v->kind) {
    case PICKLE_NONE: fputs("null", f); return;
    case PICKLE_BOOLEAN: fputs(v->integer ? "true" : "false", f); return;
    case PICKLE_INTEGER: fprintf(f, "%" PRId64, v->integer); return;
    case PICKLE_REAL:
        memcpy(&bits, &v->real, sizeof bits);
        fprintf(f, "r%016" PRIx64, bits);
        return;
    case PICKLE_TEXT: case PICKLE_BYTES: put_text(f, v); return;
    case PICKLE_TUPLE: case PICKLE_LIST: case PICKLE_DICTIONARY: break;
    }
    fputc(OPEN[v->kind - PICKLE_TUPLE], f);
    for (uint32_t i = 0; i < v->count; i++) {
        if (i) fputc(v->kind == PICKLE_DICTIONARY && i % 2 ? ':' : ',', f);
        put_value(f, v->item[i]);
    }
    fputc(CLOSE[v->kind - PICKLE_TUPLE], f);
}

/* What bytes mean, or what is wrong with them; malloc'd. The reader gets a copy of just that size, so that one byte too far is seen. */
static char *meaning(const void *data, size_t bytes)
{
    char  *text = NULL, *copy = malloc(bytes ? bytes : 1);
    size_t size;
    Err    err = { 0 };

    memcpy(copy, data, bytes);
    Pickle *p = pickle_parse(copy, bytes, "x.p", &err);
    free(copy);
    if (!p) {
        cr_assert(*err.text, "refused without a word");
        return strdup(err.text);
    }
    FILE *f = open_memstream(&text, &size);
    put_value(f, pickle_root(p));
    fclose(f);
    pickle_free(p);
    return text;
}

static void expect_bytes(const void *data, size_t bytes, const char *wanted)
{
    char *got = meaning(data, bytes);
    cr_expect_str_eq(got, wanted, "got    %.300s\nwanted %.300s", got, wanted);
    free(got);
}

/* Wrong, for a reason that has these words in it. */
static void expect_refusal(const void *data, size_t bytes, const char *words)
{
    char *got = meaning(data, bytes);
    cr_expect(strncmp(got, "x.p: ", 5) == 0 && strstr(got, words), "'%.300s' is not about '%s'", got, words);
    free(got);
}

#define EXPECT(literal, wanted)  expect_bytes(literal, sizeof literal - 1, wanted)
#define REFUSE(literal, words)   expect_refusal(literal, sizeof literal - 1, words)

/* ---- what Python wrote ----------------------------------------------------------------------------------------------------- */
typedef struct Case { const char *name, *wanted; unsigned char *data; size_t bytes; } Case;

/* The next line of cases.tsv, which is cut up. */
static bool next_case(char **line, Case *c)
{
    char *hex, *rest;
    if (!**line) return false;
    c->name = *line;
    hex = strchr(c->name, '\t');
    *hex++ = 0;
    rest = strchr(hex, '\t');
    *rest++ = 0;
    c->wanted = rest;
    *line = strchr(rest, '\n') + 1;
    (*line)[-1] = 0;
    c->bytes = strlen(hex) / 2;
    c->data = malloc(c->bytes);
    for (size_t i = 0; i < c->bytes; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        c->data[i] = (unsigned char)byte;
    }
    return true;
}

static char *cases_text(void)
{
    /* Others than those that are kept may be named: make_pickle.py --random. */
    const char *other = getenv("LIMN_PICKLE_CASES");
    char *path = other ? strdup(other) : path_join(getenv("LIMN_FIXTURES"), "pickle/cases.tsv");
    Err   err = { 0 };
    size_t bytes;
    char *text = file_read(path, &bytes, &err);

    cr_assert(text, "%s", err.text);
    free(path);
    return text;
}

Test(pickle, what_python_wrote_is_read_as_python_reads_it)
{
    char *text = cases_text(), *line = text;
    int   count = 0;

    for (Case c; next_case(&line, &c); count++) {
        char *got = meaning(c.data, c.bytes);
        cr_expect_str_eq(got, c.wanted, "%s\ngot    %.500s\nwanted %.500s", c.name, got, c.wanted);
        free(got);
        free(c.data);
    }
    cr_expect(count >= 250, "%d cases", count);
    free(text);
}

Test(pickle, a_pickle_that_breaks_off_anywhere_is_refused)
{
    char *text = cases_text(), *line = text;

    for (Case c; next_case(&line, &c); free(c.data)) {
        size_t step = c.bytes > 600 ? c.bytes / 97 : 1;
        for (size_t bytes = 0; bytes < c.bytes; bytes += step) expect_refusal(c.data, bytes, "cut short");
    }
    free(text);
}

Test(pickle, any_byte_may_be_another_one)
{
    char *text = cases_text(), *line = text;

    for (Case c; next_case(&line, &c); free(c.data)) {
        if (c.bytes > 200) continue;
        for (size_t i = 0; i < c.bytes; i++) {
            unsigned char before = c.data[i];
            for (int other = 1; other < 256; other += 51) {
                c.data[i] = (unsigned char)(before + other);
                free(meaning(c.data, c.bytes));
            }
            c.data[i] = before;
        }
    }
    free(text);
}

/* ---- nothing is executed --------------------------------------------------------------------------------------------------- */
Test(pickle, every_opcode_that_is_not_plain_data_is_refused_by_name_and_offset)
{
    static const struct { unsigned char code; const char *name; } REFUSED[] = {
        { 'c', "GLOBAL" }, { 0x93, "STACK_GLOBAL" }, { 'R', "REDUCE" }, { 'b', "BUILD" }, { 'i', "INST" }, { 'o', "OBJ" },
        { 0x81, "NEWOBJ" }, { 0x92, "NEWOBJ_EX" }, { 'P', "PERSID" }, { 'Q', "BINPERSID" }, { 0x82, "EXT1" }, { 0x83, "EXT2" },
        { 0x84, "EXT4" }, { 0x8f, "EMPTY_SET" }, { 0x90, "ADDITEMS" }, { 0x91, "FROZENSET" }, { 0x96, "BYTEARRAY8" },
        { 0x97, "NEXT_BUFFER" }, { 0x98, "READONLY_BUFFER" } };

    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        char data[] = "(lp0\nNa?os\nsystem\n.", words[64];
        data[7] = (char)REFUSED[i].code;
        snprintf(words, sizeof words, "x.p: opcode %s at byte 7 is refused", REFUSED[i].name);
        expect_refusal(data, sizeof data - 1, words);
    }
    REFUSE("cos\nsystem\n(S'true'\ntR.", "opcode GLOBAL at byte 0 is refused");
}

Test(pickle, what_is_no_opcode_is_no_pickle)
{
    int unknown = 0;
    for (int code = 0; code < 256; code++) {
        char  data[] = { 'N', (char)code }, words[64];
        char *got = meaning(data, 2);
        snprintf(words, sizeof words, "x.p: 0x%02x at byte 1 is no opcode", code);
        unknown += strstr(got, words) != NULL;
        free(got);
    }
    cr_expect(unknown == 256 - 68, "%d bytes are no opcodes; Python 3.8 and later have 68", unknown);
    REFUSE("{\"images\": []}", "0x7b at byte 0 is no opcode: the file is no pickle");
    REFUSE("", "ends at byte 0");
}

/* ---- small things ------------------------------------------------------------------------------------------------------------ */
Test(pickle, whole_numbers_have_64_bits)
{
    EXPECT("I9223372036854775807\n.", "9223372036854775807");
    EXPECT("I-9223372036854775808\n.", "-9223372036854775808");
    EXPECT("L-12L\n.", "-12");
    EXPECT("L12\n.", "12");
    EXPECT("\x8a\x00.", "0");
    EXPECT("\x8a\x02\x00\xff.", "-256");
    EXPECT("\x8b\x01\x00\x00\x00\x7f.", "127");
    EXPECT("J\xff\xff\xff\xff.", "-1");
    EXPECT("M\xff\xff.", "65535");
    REFUSE("I9223372036854775808\n.", "opcode INT at byte 0 has a whole number beyond 64 bits");
    REFUSE("NL-9223372036854775809L\n.", "opcode LONG at byte 1 has a whole number beyond 64 bits");
    REFUSE("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.", "opcode LONG1 at byte 0 has a whole number of 9 bytes");
    REFUSE("\x8b\xff\xff\xff\xff.", "opcode LONG4 at byte 0 has a whole number of 4294967295 bytes");
}

Test(pickle, numbers_in_lines_are_nothing_else)
{
    EXPECT("I00\n.", "false");
    EXPECT("I01\n.", "true");
    EXPECT("I001\n.", "1");
    EXPECT("I1\n.", "1");
    EXPECT("F-inf\n.", "rfff0000000000000");
    EXPECT("F1e3\n.", "r408f400000000000");
    REFUSE("I\n1\n.", "INT at byte 0 has no whole number");
    REFUSE("I 1\n.", "INT");
    REFUSE("I+1\n.", "INT");
    REFUSE("I-\n1.", "INT");
    REFUSE("I1L\n.", "INT");
    REFUSE("I0x10\n.", "INT");
    REFUSE("L1LL\n.", "LONG");
    REFUSE("L1l\n.", "LONG");
    REFUSE("F\n1\n.", "FLOAT at byte 0 has no number");
    REFUSE("F 1\n.", "FLOAT");
    REFUSE("F0x1p3\n.", "FLOAT");
    REFUSE("Finfinity\n.", "FLOAT");
    REFUSE("F1.5.\n.", "FLOAT");
    REFUSE("F\n", "FLOAT");
    REFUSE("I\n", "INT");
}

Test(pickle, texts_of_python_2_lose_their_quotes_and_escapes)
{
    EXPECT("S'it\\'s \\\\ \"'\n.", "\"it's \\x5c \\x22\"");
    EXPECT("S\"it's\"\n.", "\"it's\"");
    EXPECT("S'\\a\\b\\f\\n\\r\\t\\v\\\"'\n.", "\"\\x07\\x08\\x0c\\x0a\\x0d\\x09\\x0b\\x22\"");
    EXPECT("S'\\x41\\xC3\\xa9\\101\\1012\\0\\08\\777'\n.", "\"A\\xc3\\xa9AA2\\x00\\x008\\xff\"");
    EXPECT("S'\\q\\N'\n.", "\"\\x5cq\\x5cN\"");
    EXPECT("S''\n.", "\"\"");
    REFUSE("S'\n.", "opcode STRING at byte 0 has a text without quotes");
    REFUSE("S'a\"\n.", "without quotes");
    REFUSE("Sab\n.", "without quotes");
    REFUSE("S\n.", "without quotes");
    REFUSE("S'a\\'\n.", "ends in a backslash");
    REFUSE("S'\\x4'\n.", "\\x without two digits");
    REFUSE("S'\\xg0'\n.", "\\x without two digits");
    REFUSE("S'a'", "line that does not end");
}

Test(pickle, unicode_lines_are_latin_1_with_two_escapes)
{
    EXPECT("Va\xe9\\u00e9\\U0001f600\n.", "\"a\\xc3\\xa9\\xc3\\xa9\\xf0\\x9f\\x98\\x80\"");
    EXPECT("V\\\\u0041\\n\\\n.", "\"\\x5c\\x5cu0041\\x5cn\\x5c\"");
    EXPECT("V\\ud800\n.", "\"\\xed\\xa0\\x80\"");
    REFUSE("V\\u004\n.", "opcode UNICODE at byte 0 has a \\u without all its digits");
    REFUSE("V\\U0001f60\n.", "has a \\U without all its digits");
    REFUSE("V\\U00110000\n.", "beyond U+10FFFF");
    REFUSE("V\\Uffffffff\n.", "beyond U+10FFFF");
}

Test(pickle, a_count_beyond_the_end_is_refused_before_memory_is_taken)
{
    REFUSE("T\xff\xff\xff\x7f" "abc.", "opcode BINSTRING at byte 0 reaches beyond the end");
    REFUSE("X\xff\xff\xff\xff" "abc.", "opcode BINUNICODE at byte 0 reaches beyond the end");
    REFUSE("\x8d\xff\xff\xff\xff\xff\xff\xff\xff" "abc.", "opcode BINUNICODE8 at byte 0 reaches beyond the end");
    REFUSE("\x8e\x00\x00\x00\x00\x00\x00\x00\x80" "abc.", "opcode BINBYTES8 at byte 0 reaches beyond the end");
    REFUSE("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff" "N.", "opcode FRAME at byte 2 reaches beyond the end");
    REFUSE("Nr\xff\xff\xff\xff.", "opcode LONG_BINPUT at byte 1 wants number 4294967295 of the memo, in so small a file");
    REFUSE("Np99999999999999999999\n.", "opcode PUT at byte 1 has a whole number beyond 64 bits");
    REFUSE("Np-1\n.", "opcode PUT at byte 1 has no number of the memo");
    REFUSE("Np1x\n.", "opcode PUT at byte 1 has no number of the memo");
    REFUSE("\x80\x06N.", "opcode PROTO at byte 0 says protocol 6");
}

/* ---- the machine --------------------------------------------------------------------------------------------------------------- */
Test(pickle, the_memo_gives_back_what_was_kept)
{
    EXPECT("(lp5\nS'a'\np2\nag2\nag2\na.", "[\"a\",\"a\",\"a\"]");
    EXPECT("](\x8c\x01" "a\x94\x8c\x01" "b\x94h\x00h\x01" "e.", "[\"a\",\"b\",\"a\",\"b\"]");
    EXPECT("](Nq\x07I1\n\x94h\x01j\x07\x00\x00\x00" "e.", "[null,1,1,null]");
    EXPECT("](Nq\x00I1\nq\x00I2\n\x94h\x01" "e.", "[null,1,2,2]");
    REFUSE("]h\x00.", "opcode BINGET at byte 1 wants number 0 of the memo, which is empty");
    REFUSE("]q\x05h\x04.", "wants number 4 of the memo, which is empty");
    REFUSE("g12\n.", "opcode GET at byte 0 wants number 12 of the memo, which is empty");
}

Test(pickle, a_value_that_is_not_there_is_missed)
{
    static const char *const NEED[] = { "0", "2", "a", "s", "]a", "Ns", "NNs", "\x85", "N\x86", "NN\x87", "p0\n", "q\x01", "\x94", ".",
                                        "](a", "}(NNs", "N(\x85", "N(p0\n", "N(.", "N(2", "(e", "(u" };
    static const char *const MARK[] = { "1", "t", "l", "d", "e", "u", "]Ne" };

    for (size_t i = 0; i < sizeof NEED / sizeof *NEED; i++) expect_refusal(NEED[i], strlen(NEED[i]), "wants a value that is not there");
    for (size_t i = 0; i < sizeof MARK / sizeof *MARK; i++) expect_refusal(MARK[i], strlen(MARK[i]), "wants a MARK that is not there");
}

Test(pickle, values_are_put_where_they_belong)
{
    EXPECT("(NI1\nI2\nt.", "(null,1,2)");
    EXPECT("(S'a'\nI1\nS'b'\nI2\nd.", "{\"a\":1,\"b\":2}");
    EXPECT("}S'a'\nNs(S'b'\nI2\nu.", "{\"a\":null,\"b\":2}");
    EXPECT("](e(I1\nI2\neI3\na.", "[1,2,3]");
    EXPECT("N0]2\x86.", "([],[])");
    EXPECT("I1\n(NN1.", "1");
    EXPECT("I1\n(0.", "1");
    REFUSE("NNa.", "opcode APPEND at byte 2 wants a list to add to");
    REFUSE("]NNs.", "opcode SETITEM at byte 3 wants a dictionary to add to");
    REFUSE(")Na.", "wants a list to add to");
    REFUSE("}(Nu.", "opcode SETITEMS at byte 3 has a key without a value");
    REFUSE("(Nd.", "opcode DICT at byte 2 has a key without a value");
    REFUSE("}]Ns.", "opcode SETITEM at byte 3 has a container as a key");
    REFUSE("NN.", "opcode STOP at byte 2 leaves values over");
    REFUSE("(N.", "opcode STOP at byte 2 leaves values over");
    REFUSE("N.\n", "opcode STOP at byte 1 is not the end");
}

/* ---- bombs ------------------------------------------------------------------------------------------------------------------------- */
Test(pickle, no_value_contains_itself)
{
    REFUSE("(lp0\ng0\na.", "opcode APPEND at byte 8 changes a value that stands in another: does it contain itself?");
    REFUSE("]q\x00(h\x00" "e.", "contain itself");
    REFUSE("(dp0\nS'a'\ng0\ns.", "contain itself");
    REFUSE("(lp0\n(lp1\ng0\naa.", "opcode APPEND at byte 14 changes a value that stands in another");
    REFUSE("(lp0\n(g0\ntp1\na.", "contain itself");
    REFUSE("]q\x00]q\x01h\x00" "ah\x00h\x01" "a0.", "contain itself");
    EXPECT("](Nl2\x86" "a.", "[([null],[null])]");
    REFUSE("]2\x85" "0Na.", "contain itself");
}

Test(pickle, values_are_at_most_so_deep)
{
    Buffer b = { 0 };
    char   words[64];

    for (int i = 0; i < 1000000; i++) buffer_add(&b, "(", 1);
    for (int i = 0; i < 1000000; i++) buffer_add(&b, i % 2 ? "l" : "t", 1);
    buffer_add(&b, ".", 1);
    snprintf(words, sizeof words, "at byte %d makes a value more than 64 levels deep", 1000000 + PICKLE_DEPTH);
    expect_refusal(b.p, b.used, words);
    b.used = 0;
    for (int i = 0; i < PICKLE_DEPTH - 1; i++) buffer_add(&b, "]", 1);
    for (int i = 0; i < PICKLE_DEPTH - 2; i++) buffer_add(&b, "a", 1);
    buffer_add(&b, "\x85.", 2);
    Err     err = { 0 };
    Pickle *p = pickle_parse(b.p, b.used, "x.p", &err);
    cr_assert(p, "%s", err.text);
    cr_expect(pickle_root(p)->depth == PICKLE_DEPTH);
    pickle_free(p);
    free(b.p);
}

Test(pickle, what_is_shared_counts_each_time)
{
    Buffer b = { 0 };

    /* Ten million million values in 120 bytes. */
    buffer_add(&b, "]", 1);
    for (int i = 0; i < 40; i++) buffer_add(&b, "2\x86", 2);
    buffer_add(&b, ".", 1);
    expect_refusal(b.p, b.used, "opcode TUPLE2 at byte 50 makes a value of more than 33554432 values");

    /* A gigabyte in one of 100,000 bytes. */
    b.used = 0;
    buffer_add(&b, "](X\xa0\x86\x01\x00", 7);
    for (int i = 0; i < 100000; i++) buffer_add(&b, "a", 1);
    for (int i = 0; i < 10000; i++) buffer_add(&b, "2", 1);
    buffer_add(&b, "e.", 2);
    expect_refusal(b.p, b.used, "more than 33554432 values or, of texts, 16 times as many bytes");
    free(b.p);
}

Test(pickle, memory_is_limited)
{
    enum { MANY = 24 << 20 };
    char *data = malloc(MANY);

    memset(data, ']', MANY);
    expect_refusal(data, MANY, "comes after 512 MiB of memory were taken");
    free(data);
}

Test(pickle, a_memo_with_a_far_number_does_not_take_what_the_file_is_many_times)
{
    enum { LARGE = 64 << 20 };
    static const char MEMO[] = "Nr\x00\x87\x93\x03";              /* 60 million */
    char *data = calloc(LARGE, 1);
    cr_assert(data);
    memcpy(data, MEMO, sizeof MEMO - 1);
    expect_refusal(data, LARGE, "opcode LONG_BINPUT at byte 1 comes after 512 MiB of memory were taken");
    free(data);
}

/* ---- values ---------------------------------------------------------------------------------------------------------------------------- */
Test(pickle, members_are_found_by_their_key)
{
    static const char DATA[] = "(S'a'\nI1\nI2\nI3\nV\\u00e9\nI4\nS'a'\nI5\nS'a\\x00b'\nNS't'\n)S'f'\nF2\nd.";
    Err     err = { 0 };
    int64_t id = 0;
    Pickle *p = pickle_parse(DATA, sizeof DATA - 1, "x.p", &err);
    cr_assert(p, "%s", err.text);
    const PickleValue *root = pickle_root(p);
    cr_expect(pickle_id(pickle_member(root, "a"), &id) && id == 5, "of equal keys the last");
    cr_expect(pickle_id(pickle_member(root, "\xc3\xa9"), &id) && id == 4);
    cr_expect(!pickle_member(root, "b") && !pickle_member(root, "") && !pickle_member(NULL, "a"));
    cr_expect(!pickle_member(pickle_member(root, "a"), "a"));
    cr_expect(pickle_is_list(pickle_member(root, "t")) && !pickle_is_list(root) && !pickle_is_list(NULL));
    cr_expect(!pickle_id(pickle_member(root, "f"), &id) && !pickle_id(NULL, &id));
    pickle_free(p);
    pickle_free(NULL);
}

Test(pickle, a_file_is_read_whole_or_named)
{
    char path[] = "/tmp/limn-test-pickle-XXXXXX";
    int  fd = mkstemp(path);
    Err  err = { 0 };

    cr_assert(write(fd, "I7\n.", 4) == 4);
    Pickle *p = pickle_read(path, "seven.p", &err);
    cr_expect(p && pickle_root(p)->integer == 7, "%s", err.text);
    pickle_free(p);
    cr_assert(ftruncate(fd, 0) == 0);
    cr_expect(!pickle_read(path, "seven.p", &err) && strstr(err.text, "seven.p: ends at byte 0"), "%s", err.text);
    cr_assert(ftruncate(fd, (off_t)PICKLE_MEMORY + 1) == 0);
    cr_expect(!pickle_read(path, "seven.p", &err) && strstr(err.text, "seven.p: a pickle of more than 512 MiB"), "%s", err.text);
    close(fd);
    unlink(path);
    cr_expect(!pickle_read(path, "seven.p", &err) && strstr(err.text, path), "%s", err.text);
}
