/* test_config.c - typed configs: values, inheritance, overrides, and every mistake with its place. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/base/config.h"
#include "tensor/base/file.h"

typedef struct Sample {
    int64_t seed, batch;
    double  rate;
    bool    flip;
    char    name[CONFIG_TEXT], store[CONFIG_TEXT];
    int     schedule;
} Sample;

static const Field FIELDS[] = {
    FIELD_INT ("seed",           Sample, seed,     "1", 0, 9e15, "of everything"),
    FIELD_PATH("data.store",     Sample, store,    NULL, "where the pictures are"),
    FIELD_INT ("train.batch",    Sample, batch,    "32", 1, 65536, "captions in a batch"),
    FIELD_REAL("train.rate",     Sample, rate,     "1e-3", 0, 10, "peak learning rate"),
    FIELD_BOOL("data.flip",      Sample, flip,     "false", "mirror"),
    FIELD_TEXT("data.name",      Sample, name,     "", "for people"),
    FIELD_CHOICE("train.schedule", Sample, schedule, "cosine", "constant|linear|cosine", "after warm-up"),
    { 0 }
};

static char folder[64];

static char *in_folder(const char *name, const char *text)
{
    if (!*folder) {
        strcpy(folder, "/tmp/limn-test-XXXXXX");
        cr_assert(mkdtemp(folder));
    }
    char *path = path_join(folder, name);
    Err err = { 0 };
    if (text) cr_assert(file_put(path, text, strlen(text), &err), "%s", err.text);
    return path;
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (*folder) cr_assert(system(command) == 0);
}

static bool load(const char *text, Sample *s, Err *err)
{
    char *path = in_folder("c.yaml", text);
    bool fine  = config_load(FIELDS, s, path, NULL, 0, err);
    free(path);
    return fine;
}

static void expect_line(const Err *err, const char *piece)
{
    cr_expect(strstr(err->text, piece), "no '%s' in:\n%s", piece, err->text);
}

static int lines(const char *text)
{
    int n = *text != '\0';
    for (; *text; text++) n += *text == '\n';
    return n;
}

TestSuite(config, .fini = tear_down);

Test(config, reads_values_and_keeps_defaults)
{
    Sample s; Err err = { 0 };
    cr_assert(load("# a comment\nseed: 9000000000000000\ndata:\n  store: /x/y.h5\n  flip: true\n  name: \"a \\\"b\\\" # c\"\n"
                   "train: { batch: 64, schedule: linear }\n", &s, &err), "%s", err.text);
    cr_expect(s.seed == 9000000000000000 && s.batch == 64 && s.flip && s.schedule == 1 && s.rate == 1e-3);
    cr_expect_str_eq(s.store, "/x/y.h5");
    cr_expect_str_eq(s.name, "a \"b\" # c");
}

Test(config, reports_all_mistakes_together_with_file_and_line)
{
    Sample s; Err err = { 0 };
    cr_assert_not(load("sede: 3\ndata:\n  flip: maybe\ntrain:\n  batch: many\n  rate: 11\n  schedule: cosin\n  batch: 5\n"
                       "  batches: 4\ntrian:\n  rate: 1\ndata.store: x\n", &s, &err));
    cr_expect_eq(err.status, ERR_USAGE);
    expect_line(&err, "c.yaml:1: unknown key sede; the nearest known key is seed");
    expect_line(&err, "c.yaml:3: data.flip wants true or false, got 'maybe'");
    expect_line(&err, "c.yaml:5: train.batch wants a whole number from 1 to 65536, got 'many'");
    expect_line(&err, "c.yaml:6: train.rate wants a number from 0 to 10, got '11'");
    expect_line(&err, "c.yaml:7: train.schedule wants one of constant|linear|cosine, got 'cosin'");
    expect_line(&err, "c.yaml:8: train.batch is there twice, first on line 5");
    expect_line(&err, "c.yaml:9: unknown key train.batches; the nearest known key is train.batch");
    expect_line(&err, "c.yaml:10: unknown section trian; the nearest known section is train");
    cr_expect_eq(lines(err.text), 8, "%s", err.text);       /* data.store written flat is accepted */
}

Test(config, finds_the_right_name_in_the_wrong_section)
{
    Sample s; Err err = { 0 };
    cr_assert_not(load("data:\n  store: x\n  rate: 1\n", &s, &err));
    expect_line(&err, "c.yaml:3: unknown key data.rate; the nearest known key is train.rate");
}

Test(config, says_what_is_wrong_with_the_structure)
{
    Sample s;
    static const struct { const char *text, *error; } CASES[] = {
        { "train: 3\ndata: { store: x }\n", "c.yaml:1: train is a section" },
        { "train: [1, 2]\ndata: { store: x }\n", "c.yaml:1: train is a section" },
        { "data:\n  store: { a: b }\n", "c.yaml:2: data.store wants one value, got a mapping" },
        { "data:\n  store: [a, b]\n", "c.yaml:2: data.store wants one value, got a list" },
        { "data: { store: x }\ntrain:\n  batch: *other\n", "c.yaml:3" },
        { "data: { store: x }\n? [a, b]\n: 3\n", "a key has to be a plain name" },
        { "- 1\n- 2\n", "c.yaml:1: a config is a mapping" },
        { "just words\n", "c.yaml:1: a config is a mapping" },
        { "data:\n  store: x\n   flip: true\n", "not YAML" },
        { "data:\n  store: \"x\n", "not YAML" },
        { "data:\n\tstore: x\n", "not YAML" },
        { "data: { store: x }\ntrain:\n  batch: 3.5\n", "c.yaml:3: train.batch wants a whole number" },
        { "data: { store: x }\ntrain:\n  batch: 99999999999999999999\n", "c.yaml:3: train.batch wants a whole number" },
        { "data: { store: x }\ntrain:\n  batch:\n", "c.yaml:3: train.batch wants a whole number" },
        { "data: { store: x }\ntrain:\n  rate: nan\n", "c.yaml:3: train.rate wants a number" },
        { "# nothing\n", "data.store is missing: where the pictures are" },
        { "", "data.store is missing" },
        { "data: { store: \"\xff\" }\n", "it is not UTF-8" },
        { "data: { store: x }\ndata: { flip: true }\n", "c.yaml:2: data is there twice, first on line 1" },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        Err err = { 0 };
        cr_expect_not(load(CASES[i].text, &s, &err), "accepted: %s", CASES[i].text);
        expect_line(&err, CASES[i].error);
        cr_expect_eq(lines(err.text), 1, "%s", err.text);
        cr_expect_eq(err.status, ERR_USAGE);
    }
}

Test(config, names_the_line_of_a_syntax_error)
{
    Sample s; Err err = { 0 };
    cr_assert_not(load("data:\n  store: x\ntrain:\n  rate: [1\n", &s, &err));
    expect_line(&err, "c.yaml:5: not YAML: flow sequence without a closing bracket");
}

Test(config, of_a_base_is_overridden_by_the_file_and_that_by_the_command_line)
{
    Sample s; Err err = { 0 };
    char *overrides[] = { "train.rate=3e-4", "train.rate=2e-4" };
    free(in_folder("base.yaml", "data: { store: b.h5, name: base }\ntrain: { batch: 8, rate: 1 }\n"));
    char *path = in_folder("c.yaml", "base: base.yaml\ndata: { name: child }\n");
    cr_assert(config_load(FIELDS, &s, path, overrides, 2, &err), "%s", err.text);
    char *store = in_folder("b.h5", NULL);
    cr_expect_str_eq(s.store, store);
    cr_expect_str_eq(s.name, "child");
    cr_expect(s.batch == 8 && s.rate == 2e-4);
    free(store);
    free(path);
}

Test(config, reports_mistakes_of_the_base_the_file_and_the_command_line_together)
{
    Sample s; Err err = { 0 };
    char *overrides[] = { "train.rat=3", "nonsense", "train.batch=x" };
    free(in_folder("base.yaml", "data: { store: b.h5 }\ntrain: { batch: -8 }\n"));
    char *path = in_folder("c.yaml", "base: base.yaml\nseed: x\n");
    cr_assert_not(config_load(FIELDS, &s, path, overrides, 3, &err));
    expect_line(&err, "base.yaml:2: train.batch");
    expect_line(&err, "c.yaml:2: seed");
    expect_line(&err, "command line: unknown key train.rat; the nearest known key is train.rate");
    expect_line(&err, "command line: 'nonsense' is not section.key=value");
    expect_line(&err, "command line: train.batch wants");
    cr_expect_eq(lines(err.text), 5, "%s", err.text);
    free(path);
}

Test(config, whose_bases_form_a_circle_is_an_error)
{
    Sample s; Err err = { 0 };
    free(in_folder("a.yaml", "base: ./../nowhere\n"));
    free(in_folder("a.yaml", "base: b.yaml\n"));
    free(in_folder("b.yaml", "base: c.yaml\n"));
    char *path = in_folder("c.yaml", "base: a.yaml\n");
    cr_assert_not(config_load(FIELDS, &s, path, NULL, 0, &err));
    expect_line(&err, "its base leads back to");
    cr_expect_eq(lines(err.text), 1, "%s", err.text);
    free(path);
}

Test(config, names_a_missing_file_and_who_wanted_it)
{
    Sample s; Err err = { 0 };
    cr_assert_not(load("base: gone.yaml\n", &s, &err));
    expect_line(&err, "c.yaml: base: cannot read");
    expect_line(&err, "gone.yaml: No such file");
    Err second = { 0 };
    cr_assert_not(config_load(FIELDS, &s, "/no/such.yaml", NULL, 0, &second));
    expect_line(&second, "cannot read /no/such.yaml");
}

Test(config, paths_follow_file_home_and_working_folder)
{
    Sample s;
    char cwd[512], want[1024];
    cr_assert(getcwd(cwd, sizeof cwd));
    setenv("HOME", "/home/someone", 1);
    static const char *const GIVEN[] = { "x.h5", "sub/x.h5", "/x.h5", "~/x.h5", "./x.h5" };
    for (int i = 0; i < 5; i++) {
        Err err = { 0 };
        char text[128];
        snprintf(text, sizeof text, "data: { store: \"%s\" }\n", GIVEN[i]);
        cr_assert(load(text, &s, &err), "%s", err.text);
        const char *base = i < 2 ? folder : i == 2 ? "" : i == 3 ? "/home/someone" : cwd;
        snprintf(want, sizeof want, "%s/%s", base, GIVEN[i] + (i < 2 ? 0 : i == 2 ? 1 : 2));
        cr_expect_str_eq(s.store, want);
    }
    Err err = { 0 };
    char *overrides[] = { "data.store=x.h5" };
    cr_assert(config_load(FIELDS, &s, NULL, overrides, 1, &err), "%s", err.text);
    snprintf(want, sizeof want, "%s/x.h5", cwd);
    cr_expect_str_eq(s.store, want);
}

Test(config, dumped_is_a_config_that_loads_to_the_same)
{
    static const double RATES[] = { 0.1, 1.0 / 3, 1e-3, 3e-4, 0, 10, 5e-324, 0.1 + 0.2, 9.999999999999998 };
    static const char *const NAMES[] = { "", "plain", "true", "No", "12", "a: b # c", "\"q\" \\ 'x'", "tab\tline\nend ", "  lead",
                                         "b\xc3\xbc" "cher \xf0\x9f\x90\xb1", "- x", "*a", "~", "{", "\x01\x7f", "a,b]" };
    for (int i = 0; i < 16; i++) {
        Sample a, b; Err err = { 0 };
        memset(&a, 0, sizeof a);
        memset(&b, 0, sizeof b);
        a = (Sample){ .seed = 8999999999999999 - i, .batch = i + 1, .rate = RATES[i % 9], .flip = i & 1, .schedule = i % 3 };
        snprintf(a.name, sizeof a.name, "%s", NAMES[i]);
        snprintf(a.store, sizeof a.store, "/data/%s", NAMES[i]);
        char *text = config_dump(FIELDS, &a);
        cr_assert(load(text, &b, &err), "%s\n%s", err.text, text);
        cr_expect(a.seed == b.seed && a.batch == b.batch && a.rate == b.rate && a.flip == b.flip && a.schedule == b.schedule, "%s", text);
        cr_expect_str_eq(a.name, b.name);
        cr_expect_str_eq(a.store, b.store);
        char *again = config_dump(FIELDS, &b);
        cr_expect_str_eq(text, again);
        free(text);
        free(again);
    }
}

Test(config, help_lists_every_key_with_its_default_and_range)
{
    char  *text = NULL;
    size_t size;
    FILE  *out = open_memstream(&text, &size);
    config_help(FIELDS, out);
    fclose(out);
    for (const Field *f = FIELDS; f->key; f++) cr_expect(strstr(text, f->help), "%s", f->key);
    cr_expect(strstr(text, "a whole number from 1 to 65536; default: 32") && strstr(text, "must be given")
              && strstr(text, "one of constant|linear|cosine; default: cosine"), "%s", text);
    free(text);
}
