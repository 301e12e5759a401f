/* test_prepare_damage.c - a data set full of damage of every kind: each is listed with kind, file, line and reason, none stops anything, and
 * what is good is all there. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/sources/source.h"
#include "tensor/base/file.h"
#include "tests/damaged_pictures.h"
#include "tests/prepare_case.h"

TestSuite(prepare_damage, .init = source_begin, .fini = source_end);

/* ---- what is planted ---------------------------------------------------------------------------------------------------- */
typedef struct Planted { const char *kind, *name, *file, *words; int64_t line; } Planted;
enum { MOST = 160 };
static Planted planted[MOST];
static int     planted_count, good_count;
static FILE   *text;                             /* of the annotation file at hand                                      */
static const char *file;
static int64_t line;

static void list(const char *kind, const char *name, const char *words)
{
    cr_assert_lt(planted_count, MOST);
    planted[planted_count++] = (Planted){ kind, name, file, words, line };
}

/* A line of the file. */
static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vfprintf(text, format, ap);
    va_end(ap);
    fputc('\n', text);
    line++;
}

/* One about which there is something to list. */
#define BAD(kind, name, words, ...) (say(__VA_ARGS__), list(kind, name, words))

static void open_file(const char *name, char **memory, size_t *bytes)
{
    file = name;
    line = 0;
    text = open_memstream(memory, bytes);
}

static void close_file(char **memory, size_t *bytes)
{
    char path[128];
    fclose(text);
    snprintf(path, sizeof path, "data/%s", file);
    put_bytes(path, *memory, *bytes);
    free(*memory);
}

/* ---- checks -------------------------------------------------------------------------------------------------------------- */
static void expect_no_path(const char *name)
{
    size_t bytes;
    Err    err = { 0 };
    char  *data = file_read(in_folder(name), &bytes, &err);
    cr_assert(data && bytes);
    cr_assert_null(memmem(data, bytes, folder + 1, strlen(folder + 1)), "%s has the path of the data in it", name);
    free(data);
}

static int entries(void)
{
    DIR *d = opendir(folder);
    int  n = 0;
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static void expect_planted(const char *report)
{
    for (int i = 0; i < planted_count; i++)
        cr_expect(report_has(report, planted[i].kind, planted[i].name, planted[i].file, planted[i].line, planted[i].words), "not listed: %s %s at %s:%d %s",
                  planted[i].kind, planted[i].name, planted[i].file, (int)planted[i].line, planted[i].words);
    cr_expect_eq(report_lines(report), planted_count, "%d lines, %d planted", report_lines(report), planted_count);
}

/* The first fault of the report, as --strict tells it: "FILE:LINE: NAME: REASON". */
static void first_fault(const char *report, char *out, size_t room)
{
    FILE *f = fopen(in_folder(report), "r");
    char *said = NULL;
    size_t bytes = 0;
    *out = 0;
    while (!*out && getline(&said, &bytes, f) > 0) {
        json_t *o = json_loads(said, 0, NULL);
        const char *kind = json_string_value(json_object_get(o, "kind")), *name = json_string_value(json_object_get(o, "name"));
        if (strcmp(kind, "other-size") && strcmp(kind, "cut-away")) {
            char number[24] = "";
            if (json_object_get(o, "line")) snprintf(number, sizeof number, ":%d", (int)json_integer_value(json_object_get(o, "line")));
            snprintf(out, room, "%s%s: %s%s%s", json_string_value(json_object_get(o, "file")), number, name, *name ? ": " : "",
                     json_string_value(json_object_get(o, "reason")));
        }
        json_decref(o);
    }
    free(said);
    fclose(f);
}

/* All that must hold of any damaged data set. */
static void check(const char *source, PrepareOptions o, const char *out)
{
    PrepareSummary sum, dry_sum;
    Err  err = { 0 };
    char report[64], there[65], dry[65], first[1024];

    cr_assert(prepare_data(source, &o, &sum, &err), "%s", err.text);
    snprintf(report, sizeof report, "%s.report.jsonl", out);
    if (getenv("KEEP")) { char c[300]; snprintf(c, 300, "cp %s /tmp/prepare-tests/kept-%s.jsonl", in_folder(report), source); if (system(c)) abort(); }
    expect_planted(report);
    expect_same_lists(out, report);
    cr_expect_eq(sum.pictures, good_count, "%d good pictures of %d", (int)sum.pictures, good_count);
    expect_no_path(out);
    expect_no_path(report);

    int before = entries();
    PrepareOptions check_only = o;
    check_only.out = NULL;
    check_only.report = in_folder("dry.jsonl");
    cr_assert(prepare_data(source, &check_only, &dry_sum, &err), "%s", err.text);
    cr_expect_str_eq(hash_of("dry.jsonl", dry), hash_of(report, there), "a dry run reports the same");
    cr_expect_eq(dry_sum.pictures, good_count);
    cr_expect_eq(entries(), before + 1, "and writes nothing else");

    first_fault(report, first, sizeof first);
    check_only.strict = true;
    cr_expect(!prepare_data(source, &check_only, NULL, &err) && strstr(err.text, first), "'%s' does not name '%s'", err.text, first);
    o.strict = true;
    o.out = in_folder("strict.h5");
    cr_expect(!prepare_data(source, &o, NULL, &err) && strstr(err.text, first) && strstr(err.text, "--strict"), "'%s' does not name '%s'", err.text, first);
    cr_expect(!file_exists(in_folder("strict.h5")));
}

/* ---- limn's own form: every kind of picture, caption and box ------------------------------------------------------------ */
static void say_pictures(void)
{
    for (const DamagedPicture *p = put_damaged_pictures(); p->name; p++) {
        say("{\"image\": \"%s\", \"caption\": \"A picture.\"}", p->name);
        if (p->kind) list(p->kind, p->name, p->words);
        else good_count++;
    }
}

/* A good picture, for a line that says something odd about it; its name. */
static const char *fresh(void)
{
    static char name[64][16];
    static int  at;
    char path[32];
    cr_assert_lt(at, 64);
    snprintf(name[at], sizeof name[at], "f%02d.png", at);
    snprintf(path, sizeof path, "data/%s", name[at]);
    put_striped(path, at, 20, 10);
    return name[at++];
}

static void say_captions(void)
{
    static const char BADTEXT[] = "invalid-text", RECORD[] = "bad-record";
    const char *n = fresh();
    good_count++;                                /* with one good caption among the bad ones */
    say("{\"image\": \"%s\", \"captions\": [\"\", \" \\t \", \"\\u00a0\\u3000\", 7, \"A good one.\"]}", n);
    for (int i = 0; i < 3; i++) list("empty-text", n, "a caption is empty");
    list(RECORD, n, "a caption is no text");
    BAD(BADTEXT, "", "byte 0xff", "{\"image\": \"%s\", \"caption\": \"not \xff utf-8\"}", n);
    BAD(BADTEXT, "", "byte 0xc3", "{\"image\": \"%s\", \"caption\": \"cut \xc3\"}", n);
    BAD(BADTEXT, "", "byte 0xed", "{\"image\": \"%s\", \"caption\": \"a surrogate \xed\xa0\x80\"}", n);
    BAD(RECORD, "", "not JSON", "{\"image\": \"%s\", \"caption\": \"half a pair \\ud800\"}", n);
    BAD(BADTEXT, "", "NUL", "{\"image\": \"%s\", \"caption\": \"a NUL \\u0000\"}", n);
    BAD(BADTEXT, "", "NUL", "{\"image\": \"%s\", \"caption\": \"a bare NUL %c\"}", n, 0);
    n = fresh();
    char *longest = malloc(CATALOG_LONGEST + 2);
    memset(longest, 'a', CATALOG_LONGEST + 1);
    longest[CATALOG_LONGEST + 1] = 0;
    BAD(BADTEXT, n, "longer than a million", "{\"image\": \"%s\", \"caption\": \"%s\"}", n, longest);
    list("no-caption", n, "nothing is said");
    free(longest);
    n = fresh();
    BAD(RECORD, n, "not a list", "{\"image\": \"%s\", \"captions\": \"A dog.\"}", n);
    list("no-caption", n, "nothing is said");
    n = fresh();
    BAD("no-caption", n, "nothing is said", "{\"image\": \"%s\"}", n);
}

static void say_records(void)
{
    static const char RECORD[] = "bad-record", PATH[] = "bad-path";
    const char *n = fresh();
    good_count++;
    BAD(RECORD, "", "not JSON", "{\"image\": \"%s\", \"caption\": \"cut", n);
    BAD(RECORD, "", "not JSON", "{\"image\": \"%s\", \"image\": \"%s\", \"caption\": \"twice\"}", n, n);
    BAD(RECORD, "", "not JSON", "{\"image\": \"%s\", \"caption\": \"NaN\", \"width\": NaN}", n);
    BAD(RECORD, "", "not JSON", "%s\tA dog.", n);
    BAD(RECORD, "", "not a JSON object", "[\"%s\", \"A dog.\"]", n);
    BAD(RECORD, "", "no \"image\"", "{\"caption\": \"A dog.\"}");
    BAD(RECORD, "", "no \"image\"", "{\"image\": 3, \"caption\": \"A dog.\"}");
    BAD(RECORD, "", "no \"image\"", "{\"image\": \"\", \"caption\": \"A dog.\"}");
    BAD(PATH, "../out.jpg", "leads out", "{\"image\": \"../out.jpg\", \"caption\": \"A dog.\"}");
    BAD(PATH, "a/../../out.jpg", "leads out", "{\"image\": \"a/../../out.jpg\", \"caption\": \"A dog.\"}");
    BAD(PATH, "/etc/passwd", "leads out", "{\"image\": \"/etc/passwd\", \"caption\": \"A dog.\"}");
    BAD(RECORD, "", "'captoin' means nothing", "{\"image\": \"%s\", \"captoin\": \"A dog.\", \"caption\": \"A dog.\"}", n);
    BAD("duplicate", n, "there before", "{\"image\": \"%s\", \"caption\": \"Again.\"}", n);
    n = fresh();
    good_count++;
    BAD(RECORD, n, "no text", "{\"image\": \"%s\", \"caption\": \"A dog.\", \"split\": 5}", n);
}

static void say_boxes(void)
{
    static const char RECORD[] = "bad-record", BOX[] = "bad-box", SPAN[] = "bad-span";
    static const struct { const char *kind, *words, *box; } BOXES[] = {
        { BOX, "no area", "{\"box\": [3, 4, 3, 8]}" }, { BOX, "no area", "{\"box\": [9, 4, 3, 8], \"phrase\": \"turned\"}" },
        { BOX, "outside", "{\"box\": [20, 0, 30, 5]}" }, { BOX, "outside", "{\"box\": [-9, -9, 0, 0]}" },
        { BOX, "not finite", "{\"box\": [-1.7e308, 0, 1.7e308, 5]}" },
        { "clipped-box", "reached out", "{\"box\": [-3, 0, 30, 5]}" }, { "clipped-box", "reached out", "{\"box\": [-1e300, -1e300, 1e300, 1e300]}" },
        { RECORD, "four numbers", "{\"box\": [1, 2, 3]}" }, { RECORD, "four numbers", "{\"box\": [1, 2, 3, 4, 5]}" },
        { RECORD, "four numbers", "{\"box\": [\"1\", 2, 3, 4]}" }, { RECORD, "four numbers", "{\"phrase\": \"nowhere\"}" },
        { RECORD, "not an object", "[1, 2, 3, 4]" }, { RECORD, "kind other", "{\"box\": [1, 2, 3, 4], \"kind\": \"thing\"}" },
        { RECORD, "phrase that is no text", "{\"box\": [1, 2, 3, 4], \"phrase\": 6}" },
        { RECORD, "no whole number", "{\"box\": [1, 2, 3, 4], \"entity\": 1.5}" },
        { "empty-text", "phrase of a box is empty", "{\"box\": [1, 2, 3, 4], \"phrase\": \" \"}" },
        { SPAN, "not there", "{\"box\": [1, 2, 3, 4], \"caption\": 0, \"span\": [0, 99]}" },
        { SPAN, "not there", "{\"box\": [1, 2, 3, 4], \"caption\": 0, \"span\": [2, 2]}" },
        { SPAN, "not there", "{\"box\": [1, 2, 3, 4], \"caption\": 0, \"span\": [0, 3]}" },      /* in the middle of ü */
        { SPAN, "outside the captions", "{\"box\": [1, 2, 3, 4], \"caption\": 5, \"span\": [0, 1]}" },
        { SPAN, "outside the captions", "{\"box\": [1, 2, 3, 4], \"caption\": 0, \"span\": [5, 1]}" },
        { SPAN, "two whole numbers", "{\"box\": [1, 2, 3, 4], \"caption\": 0, \"span\": [0]}" },
        { SPAN, "two whole numbers", "{\"box\": [1, 2, 3, 4], \"caption\": 0}" },
    };
    for (size_t i = 0; i < sizeof BOXES / sizeof *BOXES; i++) {
        const char *n = fresh();
        good_count++;
        BAD(BOXES[i].kind, n, BOXES[i].words, "{\"image\": \"%s\", \"caption\": \"Grün.\", \"boxes\": [%s]}", n, BOXES[i].box);
    }
    const char *n = fresh();
    BAD("bad-record", "", "not JSON", "{\"image\": \"%s\", \"caption\": \"x\", \"boxes\": [{\"box\": [1e999, 0, 1, 1]}]}", n);
    n = fresh();
    good_count++;
    BAD("bad-record", n, "not a list", "{\"image\": \"%s\", \"caption\": \"x\", \"boxes\": 3}", n);
}

/* Root reads every file: become nobody while it lasts. */
static bool less_rights(void)
{
    return geteuid() != 0 || (chmod(folder, 0777) == 0 && seteuid(65534) == 0);
}

Test(prepare_damage, of_every_kind_is_listed_and_stops_nothing)
{
    char  *memory;
    size_t bytes;
    open_file("all.jsonl", &memory, &bytes);
    say_pictures();
    say_captions();
    say_records();
    say_boxes();
    close_file(&memory, &bytes);
    cr_assert_gt(planted_count, 40 + 40);

    bool root = geteuid() == 0;
    cr_assert(less_rights());
    check("jsonl", case_options("a.h5"), "a.h5");
    cr_assert(!root || seteuid(0) == 0);
}
