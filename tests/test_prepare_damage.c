/* test_prepare_damage.c - a data set full of damage of every kind: each is listed with kind, file, line and reason, none stops anything, and
 * what is good is all there. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/damaged_pictures.h"
#include "tests/planted.h"

TestSuite(prepare_damage, .init = source_begin, .fini = source_end);

/* ---- limn's own form: every kind of picture, caption and box ------------------------------------------------------------ */
static void say_pictures(void)
{
    for (const DamagedPicture *p = put_damaged_pictures(); p->name; p++) {
        say("{\"image\": \"%s\", \"caption\": \"A picture.\"}", p->name);
        if (p->kind) plant(p->kind, p->name, p->words);
        else planted_good++;
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
    planted_good++;                                /* with one good caption among the bad ones */
    say("{\"image\": \"%s\", \"captions\": [\"\", \" \\t \", \"\\u00a0\\u3000\", 7, \"A good one.\"]}", n);
    for (int i = 0; i < 3; i++) plant("empty-text", n, "a caption is empty");
    plant(RECORD, n, "a caption is no text");
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
    plant("no-caption", n, "nothing is said");
    free(longest);
    n = fresh();
    BAD(RECORD, n, "not a list", "{\"image\": \"%s\", \"captions\": \"A dog.\"}", n);
    plant("no-caption", n, "nothing is said");
    n = fresh();
    BAD("no-caption", n, "nothing is said", "{\"image\": \"%s\"}", n);
}

static void say_records(void)
{
    static const char RECORD[] = "bad-record", PATH[] = "bad-path";
    const char *n = fresh();
    planted_good++;
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
    planted_good++;
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
        planted_good++;
        BAD(BOXES[i].kind, n, BOXES[i].words, "{\"image\": \"%s\", \"caption\": \"Grün.\", \"boxes\": [%s]}", n, BOXES[i].box);
    }
    const char *n = fresh();
    BAD("bad-record", "", "not JSON", "{\"image\": \"%s\", \"caption\": \"x\", \"boxes\": [{\"box\": [1e999, 0, 1, 1]}]}", n);
    n = fresh();
    planted_good++;
    BAD("bad-record", n, "not a list", "{\"image\": \"%s\", \"caption\": \"x\", \"boxes\": 3}", n);
}

/* Root reads every file: become nobody while it lasts. */
static bool less_rights(void)
{
    return geteuid() != 0 || (chmod(folder, 0777) == 0 && seteuid(65534) == 0);
}

Test(prepare_damage, of_every_kind_is_listed_and_stops_nothing)
{
    planted_file("all.jsonl");
    say_pictures();
    say_captions();
    say_records();
    say_boxes();
    planted_file_end();
    cr_assert_gt(planted_all, 40 + 40);

    bool root = geteuid() == 0;
    cr_assert(less_rights());
    expect_damage("jsonl", case_options("a.h5"), "a.h5");
    cr_assert(!root || seteuid(0) == 0);
}
