/* prepare.c - `limn prepare SOURCE`: a data set into one store. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/source.h"
#include "experiments/commands/command.h"
#include "experiments/progress.h"

enum { KEY_OUT = 'o', KEY_WORKERS = 'w', KEY_SIZE = 256, KEY_RESIZE, KEY_FILTER, KEY_DRAFT, KEY_FORMAT, KEY_MIN_COUNT, KEY_COUNT, KEY_SEED,
       KEY_PRESET, KEY_FONT, KEY_LIST, KEY_JSON, KEY_QUIET };

static const struct argp_option OPTIONS[] = {
    { "out", KEY_OUT, "FILE", 0, "The store to write (.h5)", 0 },
    { "list", KEY_LIST, 0, 0, "List the sources and the layout that each expects", 0 },
    { 0, 0, 0, 0, "Pictures:", 1 },
    { "size", KEY_SIZE, "PX", 0, "Pixels a side (default: 224; scenes: 96)", 1 },
    { "resize", KEY_RESIZE, "MODE", 0, "squash (default), crop (shortest side, then centre) or pad", 1 },
    { "filter", KEY_FILTER, "NAME", 0, "nearest, bilinear, bicubic (default) or lanczos: Pillow's, to the byte", 1 },
    { "draft", KEY_DRAFT, 0, 0, "Decode large JPEGs at 1/2, 1/4 or 1/8, never below twice the stored size: half the time for 12-megapixel "
      "photographs, within 1 level of 255 on average", 1 },
    { "format", KEY_FORMAT, "raw|jpeg", 0, "Keep pixels (default), or JPEG: a tenth of the size, slower to read", 1 },
    { 0, 0, 0, 0, "Text:", 2 },
    { "min-count", KEY_MIN_COUNT, "N", 0, "Words seen less often in training captions become <unk> (5; scenes: 1)", 2 },
    { 0, 0, 0, 0, "scenes:", 3 },
    { "count", KEY_COUNT, "N", 0, "Training pictures; the other splits follow in proportion", 3 },
    { "seed", KEY_SEED, "S", 0, "Same seed, same bytes (1)", 3 },
    { "preset", KEY_PRESET, "NAME", 0, "standard (default) or quick: fewer nouns, larger drawings", 3 },
    { "font", KEY_FONT, "FILE", 0, "NotoColorEmoji.ttf (default: Debian's)", 3 },
    { 0, 0, 0, 0, "General:", 4 },
    { "workers", KEY_WORKERS, "N", 0, "Threads; 0: all cores (default). The store does not depend on it", 4 },
    { "json", KEY_JSON, 0, 0, "Print the summary as JSON", 4 },
    { "quiet", KEY_QUIET, 0, 0, "No progress", 4 },
    { 0 }
};

typedef struct Arguments { const char *source; PrepareOptions o; bool list, json, quiet; } Arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const MODES[] = { "squash", "crop", "pad" };
    Arguments *a = state->input;
    int mode = 0;

    switch (key) {
    case KEY_OUT: a->o.out = arg; break;
    case KEY_WORKERS: a->o.workers = (int)option_number(state, "--workers", arg, 0, 1024); break;
    case KEY_SIZE: a->o.size = (int)option_number(state, "--size", arg, 1, 4096); break;
    case KEY_RESIZE:
        while (mode < 3 && strcmp(arg, MODES[mode])) mode++;
        if (mode == 3) argp_error(state, "--resize is squash, crop or pad, not '%s'", arg);
        a->o.resize = (ResizeMode)mode;
        break;
    case KEY_FILTER:
        if (!filter_find(arg, &a->o.filter)) argp_error(state, "--filter is nearest, bilinear, bicubic or lanczos, not '%s'", arg);
        break;
    case KEY_DRAFT: a->o.draft = true; break;
    case KEY_FORMAT:
        if (strcmp(arg, "raw") && strcmp(arg, "jpeg")) argp_error(state, "--format is raw or jpeg, not '%s'", arg);
        a->o.jpeg = !strcmp(arg, "jpeg");
        break;
    case KEY_MIN_COUNT: a->o.min_count = option_number(state, "--min-count", arg, 1, INT32_MAX); break;
    case KEY_COUNT: a->o.count = option_number(state, "--count", arg, 1, 100000000); break;
    case KEY_SEED: a->o.seed = (uint64_t)option_number(state, "--seed", arg, 0, INT64_MAX); break;
    case KEY_PRESET: a->o.preset = arg; break;
    case KEY_FONT: a->o.font = arg; break;
    case KEY_LIST: a->list = true; break;
    case KEY_JSON: a->json = true; break;
    case KEY_QUIET: a->quiet = true; break;
    case ARGP_KEY_ARG:
        if (!a->source) a->source = arg;
        else if (!a->o.input) a->o.input = arg;
        else argp_error(state, "one SOURCE and one FOLDER; '%s' is too much", arg);
        break;
    case ARGP_KEY_END:
        if (a->list) break;
        if (!a->source) argp_error(state, "which SOURCE? `limn prepare --list` shows them");
        if (!a->o.out) argp_error(state, "where to? --out FILE.h5");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static void list_sources(void)
{
    for (const Source *const *s = source_list(); *s; s++) {
        printf("%s\n    %s\n", (*s)->name, (*s)->help);
        for (const char *line = (*s)->layout; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
            printf("      %.*s\n", (int)strcspn(line, "\n"), line);
    }
}

static volatile sig_atomic_t interrupted;
static void interrupt(int signal_number) { (void)signal_number; interrupted = 1; }

static bool show(int64_t done, int64_t total, void *context)
{
    Progress *p = context;
    double spent = seconds_now() - p->started;

    p->total = total;
    progress_show(p, done, "", spent > 0.2 ? (double)done / spent : 0, "images");
    return !interrupted;
}

static void print_summary(const char *out, const PrepareSummary *s, bool as_json)
{
    if (as_json) {
        json_t *splits = json_object();
        for (int i = 0; i < s->splits; i++)
            json_object_set_new(splits, s->split[i].name, json_pack("{s:I, s:I}", "pictures", (json_int_t)s->split[i].pictures, "captions",
                                                                    (json_int_t)s->split[i].captions));
        json_t *j = json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:o}", "store", out, "pictures", (json_int_t)s->pictures, "captions",
                              (json_int_t)s->captions, "rejected", (json_int_t)s->rejected, "vocabulary", (json_int_t)s->words, "hash",
                              s->hash, "splits", splits);
        json_dumpf(j, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(j);
        return;
    }
    printf("%s: %lld pictures, %lld captions, vocabulary %lld, %lld rejected, hash %.16s\n", out, (long long)s->pictures,
           (long long)s->captions, (long long)s->words, (long long)s->rejected, s->hash);
    for (int i = 0; i < s->splits; i++)
        printf("  %-14s %7lld pictures %8lld captions\n", s->split[i].name, (long long)s->split[i].pictures,
               (long long)s->split[i].captions);
    if (s->composed)                             /* without looking: what any score must be held against */
        printf("  blind score (captions of other pictures): %.1f %% of objects named, %.1f %% of clauses true\n",
               100 * s->blind_named, 100 * s->blind_true);
    if (s->rejected) printf("  `limn inspect %s` lists what was rejected, with the reasons\n", out);
}

static bool prepare(const Arguments *a, Err *err)
{
    const Source *s = source_find(a->source, err);
    PrepareSummary summary;
    Progress p = progress_begin(a->source, 0, 0, a->quiet);

    TRY(s != NULL);
    if (s->layout && !a->o.input) return fail_usage(err, "%s wants a folder: limn prepare %s FOLDER --out FILE.h5", s->name, s->name);
    if (!s->layout && a->o.input) return fail_usage(err, "%s takes no folder, got '%s'", s->name, a->o.input);
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    bool ok = s->prepare(&a->o, show, &p, err) && prepare_summarize(a->o.out, &summary, err);
    progress_end(&p);
    if (ok) print_summary(a->o.out, &summary, a->json);
    return ok;
}

static int run(int argc, char **argv)
{
    static const struct argp ARGP = { OPTIONS, parse, "SOURCE [FOLDER] --out FILE.h5",
        "Turn a data set into one store: resized pictures, captions, splits, vocabulary and provenance. Pictures that cannot be read never "
        "stop it; they are listed in the store with the reason.\vThe same input and options give the same bytes.", 0, 0, 0 };
    Arguments a = { .o = prepare_defaults() };
    Err err = { 0 };

    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    if (a.list) list_sources();
    else prepare(&a, &err);
    return command_end("prepare", &err);
}

const Command command_prepare = { "prepare", "turn a data set into one store; --list shows the sources", run };
