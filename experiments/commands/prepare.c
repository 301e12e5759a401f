/* prepare.c - `limn prepare SOURCE`: a data set into one store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/sources/source.h"
#include "experiments/commands/command.h"
#include "experiments/progress.h"
#include "tensor/base/json.h"

enum { KEY_OUT = 'o', KEY_WORKERS = 'w', KEY_LIST = 256, KEY_IMAGES, KEY_VARIANT, KEY_SIZE, KEY_RESIZE, KEY_FILTER, KEY_DRAFT, KEY_FORMAT,
       KEY_QUALITY, KEY_BOXES, KEY_VOCABULARY, KEY_MIN_COUNT, KEY_MAX_WORDS, KEY_SPLIT, KEY_STRICT, KEY_DRY_RUN, KEY_REPORT, KEY_RESTART,
       KEY_COUNT, KEY_SEED, KEY_PRESET, KEY_FONT, KEY_JSON, KEY_QUIET };

static const struct argp_option OPTIONS[] = {
    { "out", KEY_OUT, "FILE", 0, "The store to write (.h5)", 0 },
    { "images", KEY_IMAGES, "DIR", 0, "The folder of the pictures, where it is not the one that the source's layout has", 0 },
    { "variant", KEY_VARIANT, "NAME", 0, "Which of several forms (refcoco: unc, google or umd)", 0 },
    { "list", KEY_LIST, 0, 0, "List the sources and the layout that each expects; with SOURCE, of that one", 0 },
    { 0, 0, 0, 0, "Pictures:", 1 },
    { "size", KEY_SIZE, "PX", 0, "Pixels a side (224; scenes: 96); for --resize keep: of the longer side, at most (512)", 1 },
    { "resize", KEY_RESIZE, "MODE", 0, "squash (default), crop (shortest side, then centre), pad, or keep (proportions kept, only made smaller)", 1 },
    { "filter", KEY_FILTER, "NAME", 0, "nearest, bilinear, bicubic (default) or lanczos: Pillow's, to the byte", 1 },
    { "draft", KEY_DRAFT, 0, 0, "Decode large JPEGs at 1/2, 1/4 or 1/8, never below twice the stored size: half the time for 12-megapixel "
      "photographs, within 1 level of 255 on average", 1 },
    { "format", KEY_FORMAT, "KIND", 0, "raw: pixels (default); jpeg: a tenth of the size, slower to read; original: the files as they are, "
      "nothing resized", 1 },
    { "quality", KEY_QUALITY, "Q", 0, "Of --format jpeg, 1 to 100 (95)", 1 },
    { "boxes", KEY_BOXES, "FRAME", 0, "Were boxes drawn on pictures as they are stored, or turned upright by EXIF? stored, upright, or auto "
      "(default): upright where the annotations' width and height say so, else stored", 1 },
    { 0, 0, 0, 0, "Text:", 2 },
    { "vocabulary", KEY_VOCABULARY, "FROM", 0, "A tokenizer.json, a folder with one, another store, or none; default: built from the "
      "training texts", 2 },
    { "min-count", KEY_MIN_COUNT, "N", 0, "Words seen less often in training texts become <unk> (5)", 2 },
    { "max-words", KEY_MAX_WORDS, "N", 0, "At most so many ids, the most frequent words (no limit)", 2 },
    { 0, 0, 0, 0, "Splits, of pictures that have none of their own (default: all in train):", 3 },
    { "split", KEY_SPLIT, "NAME=WHAT", 0, "WHAT is a file of names, one a line, or a share such as 0.05, drawn by the SHA-256 of a picture's "
      "bytes: the same photograph is never on two sides. May be given several times", 3 },
    { 0, 0, 0, 0, "What is wrong with the data:", 4 },
    { "report", KEY_REPORT, "FILE", 0, "List it as JSON lines (OUT.report.jsonl); none: do not", 4 },
    { "strict", KEY_STRICT, 0, 0, "Any fault is an error", 4 },
    { "dry-run", KEY_DRY_RUN, 0, 0, "Check everything, every picture too, and write no store", 4 },
    { "restart", KEY_RESTART, 0, 0, "Throw away what an earlier, stopped run has done", 4 },
    { 0, 0, 0, 0, "scenes:", 5 },
    { "count", KEY_COUNT, "N", 0, "Training pictures (16000); the other splits follow in proportion", 5 },
    { "seed", KEY_SEED, "S", 0, "Same seed, same bytes (1)", 5 },
    { "preset", KEY_PRESET, "NAME", 0, "standard (default) or quick: fewer nouns, larger drawings", 5 },
    { "font", KEY_FONT, "FILE", 0, "NotoColorEmoji.ttf (default: Debian's)", 5 },
    { 0, 0, 0, 0, "General:", 6 },
    { "workers", KEY_WORKERS, "N", 0, "Threads; 0: all cores (default). The store does not depend on it", 6 },
    { "json", KEY_JSON, 0, 0, "Print the summary as JSON", 6 },
    { "quiet", KEY_QUIET, 0, 0, "No progress", 6 },
    { 0 }
};

typedef struct Arguments {
    const char    *source;
    PrepareOptions o;
    const char   **inputs;                       /* room for all arguments */
    const char    *report;
    bool           list, json, quiet, dry_run, quality, min_count, found, composing;        /* the last four: such an option was given */
} Arguments;

static int choice(struct argp_state *state, const char *option, const char *arg, const char *const *names)
{
    char all[128] = "";
    for (int i = 0; names[i]; i++) {
        if (strcmp(arg, names[i]) == 0) return i;
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
    }
    argp_error(state, "%s is %s, not '%s'", option, all, arg);
    return 0;
}

/* "val=lists/val.txt" or "val=0.05" */
static void split_rule(struct argp_state *state, PrepareOptions *o, char *arg)
{
    char *equals = strchr(arg, '='), *end;

    if (!equals || equals == arg || !equals[1]) argp_error(state, "--split is NAME=FILE or NAME=SHARE, not '%s'", arg);
    if (o->rules == PREPARE_SPLIT_RULES) argp_error(state, "more than %d times --split", PREPARE_SPLIT_RULES);
    if (!equals || o->rules == PREPARE_SPLIT_RULES) return;
    *equals = 0;
    SplitRule r = { .split = arg, .share = strtod(equals + 1, &end) };
    if (*end) r.list = equals + 1;
    else if (!(r.share > 0 && r.share <= 1)) argp_error(state, "--split %s=%s: a share lies between 0 and 1", arg, equals + 1);
    o->rule[o->rules++] = r;
}

static void check_together(struct argp_state *state, const Arguments *a)
{
    bool original = a->o.format == FORMAT_ORIGINAL;
    if (!a->source) argp_error(state, "which SOURCE? `limn prepare --list` shows them");
    if (!a->o.out && !a->dry_run) argp_error(state, "where to? --out FILE.h5 (or --dry-run)");
    if (a->quality && a->o.format != FORMAT_JPEG) argp_error(state, "--quality is for --format jpeg");
    if (original && (a->o.size || a->o.resize != RESIZE_SQUASH || a->o.draft))
        argp_error(state, "--format original keeps files as they are: no --size, --resize or --draft");
    if (a->o.vocabulary && (a->o.max_words || a->min_count))
        argp_error(state, "--min-count and --max-words are for a vocabulary that is built, --vocabulary names one");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    static const char *const MODES[] = { "squash", "crop", "pad", "keep", NULL }, *const FORMATS[] = { "raw", "jpeg", "original", NULL },
                      *const FRAMES[] = { "auto", "stored", "upright", NULL };
    Arguments *a = state->input;
    PrepareOptions *o = &a->o;

    switch (key) {
    case KEY_OUT: o->out = arg; break;
    case KEY_IMAGES: o->images = arg; a->found = true; break;
    case KEY_VARIANT: o->variant = arg; a->found = true; break;
    case KEY_WORKERS: o->workers = (int)option_number(state, "--workers", arg, 0, 64); break;
    case KEY_SIZE: o->size = (int)option_number(state, "--size", arg, 1, 4096); break;
    case KEY_RESIZE: o->resize = (ResizeMode)choice(state, "--resize", arg, MODES); a->found = true; break;
    case KEY_FILTER:
        if (!filter_find(arg, &o->filter)) argp_error(state, "--filter is nearest, bilinear, bicubic or lanczos, not '%s'", arg);
        a->found = true;
        break;
    case KEY_DRAFT: o->draft = a->found = true; break;
    case KEY_FORMAT: o->format = (StoredFormat)choice(state, "--format", arg, FORMATS); break;
    case KEY_QUALITY: o->quality = (int)option_number(state, "--quality", arg, 1, 100); a->quality = true; break;
    case KEY_BOXES: o->frame = (BoxFrame)choice(state, "--boxes", arg, FRAMES); a->found = true; break;
    case KEY_VOCABULARY: o->vocabulary = arg; a->found = true; break;
    case KEY_MIN_COUNT: o->min_count = option_number(state, "--min-count", arg, 1, INT32_MAX); a->min_count = a->found = true; break;
    case KEY_MAX_WORDS: o->max_words = option_number(state, "--max-words", arg, 5, INT32_MAX); a->found = true; break;
    case KEY_SPLIT: split_rule(state, o, arg); a->found = true; break;
    case KEY_REPORT: a->report = arg; a->found = true; break;
    case KEY_STRICT: o->strict = a->found = true; break;
    case KEY_DRY_RUN: a->dry_run = true; break;
    case KEY_RESTART: o->restart = true; break;
    case KEY_COUNT: o->count = option_number(state, "--count", arg, 1, 100000000); a->composing = true; break;
    case KEY_SEED: o->seed = (uint64_t)option_number(state, "--seed", arg, 0, INT64_MAX); a->composing = true; break;
    case KEY_PRESET: o->preset = arg; a->composing = true; break;
    case KEY_FONT: o->font = arg; a->composing = true; break;
    case KEY_LIST: a->list = true; break;
    case KEY_JSON: a->json = true; break;
    case KEY_QUIET: a->quiet = true; break;
    case ARGP_KEY_ARG:
        if (!a->source) a->source = arg;
        else a->inputs[o->input_count++] = arg;
        break;
    case ARGP_KEY_END:
        if (!a->list) check_together(state, a);
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* `name`: only that one; NULL: all. */
static bool list_sources(const char *name, Err *err)
{
    const Source *one = name ? source_find(name, err) : NULL;
    if (name && !one) return false;
    for (const Source *const *s = source_list(); *s; s++) {
        if (one && *s != one) continue;
        printf("%s\n    %s\n", (*s)->name, (*s)->help);
        for (const char *line = (*s)->layout; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
            printf("      %.*s\n", (int)strcspn(line, "\n"), line);
    }
    return true;
}

static json_t *summary_json(const char *out, const char *report, const PrepareSummary *s)
{
    json_t *splits = json_object(), *problems = json_object(), *notes = json_array();

    for (int i = 0; i < s->splits; i++)
        json_object_set_new(splits, s->split[i].name, json_pack("{s:I, s:I}", "pictures", (json_int_t)s->split[i].pictures, "captions",
                                                                (json_int_t)s->split[i].captions));
    for (int k = 0; k < PROBLEM_KINDS; k++)
        if (s->problems[k]) json_object_set_new(problems, problem_name((ProblemKind)k), json_integer(s->problems[k]));
    for (int i = 0; i < s->notes; i++) json_array_append_new(notes, json_text(s->note[i]));
    return json_pack("{s:s?, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:s?, s:o, s:I, s:I, s:s?, s:o}", "store", out, "pictures", (json_int_t)s->pictures,
                     "captions", (json_int_t)s->captions, "boxes", (json_int_t)s->boxes, "rejected", (json_int_t)s->rejected, "faults",
                     (json_int_t)s->faults, "problems", problems, "vocabulary", (json_int_t)s->words, "hash", *s->hash ? s->hash : NULL,
                     "splits", splits, "resumed", (json_int_t)s->resumed, "bytes_read", (json_int_t)s->bytes_read, "report", report, "notes", notes);
}

static void print_problems(const PrepareSummary *s, const char *report)
{
    int64_t all = 0;
    for (int k = 0; k < PROBLEM_KINDS; k++) {
        if (!s->problems[k]) continue;
        all += s->problems[k];
        printf("  %8lld %-14s %s\n", (long long)s->problems[k], problem_name((ProblemKind)k), problem_help((ProblemKind)k));
    }
    if (all && report) printf("  %s lists them, with file, line and reason\n", report);
}

static void print_summary(const char *out, const char *report, const PrepareSummary *s)
{
    if (out)
        printf("%s: %lld pictures, %lld captions, %lld boxes, vocabulary %lld, hash %.16s\n", out, (long long)s->pictures,
               (long long)s->captions, (long long)s->boxes, (long long)s->words, s->hash);
    else printf("%lld pictures could be stored; nothing was written\n", (long long)s->pictures);
    for (int i = 0; i < s->splits; i++)
        printf("  %-14s %7lld pictures %8lld captions\n", s->split[i].name, (long long)s->split[i].pictures,
               (long long)s->split[i].captions);
    if (s->composed)                             /* without looking: what any score must be held against */
        printf("  blind score (captions of other pictures): %.1f %% of objects named, %.1f %% of clauses true\n",
               100 * s->blind_named, 100 * s->blind_true);
    if (s->resumed) printf("  %lld pictures had been prepared by an earlier run\n", (long long)s->resumed);
    print_problems(s, report);
    for (int i = 0; i < s->notes; i++) printf("  note: %s\n", s->note[i]);
}

static bool fits(const Arguments *a, const Source *s, Err *err)
{
    if (s->layout && !a->o.input_count)
        return fail_usage(err, "%s wants to know where the data is: limn prepare %s INPUT --out FILE.h5", s->name, s->name);
    if (!s->layout && a->o.input_count) return fail_usage(err, "%s takes no input, got '%s'", s->name, a->o.inputs[0]);
    if (s->compose && a->found) return fail_usage(err, "%s composes its pictures: options for data that was found do not apply", s->name);
    if (!s->compose && a->composing) return fail_usage(err, "--count, --seed, --preset and --font are for scenes");
    return true;
}

static bool prepare(Arguments *a, Err *err)
{
    const Source *s = source_find(a->source, err);
    PrepareSummary summary;
    Progress p = progress_begin(a->source, 0, 0, a->quiet);
    char *beside = NULL;

    TRY(s && fits(a, s, err));
    if (a->dry_run) a->o.out = NULL;
    if (a->report) a->o.report = strcmp(a->report, "none") ? a->report : NULL;
    else if (a->o.out && !s->compose && asprintf(&beside, "%s.report.jsonl", a->o.out) >= 0) a->o.report = beside;
    command_catch_interrupts();
    bool ok = prepare_store(s, &a->o, command_show_pictures, &p, &summary, err);
    progress_end(&p);
    if (ok && a->json) {
        json_t *j = summary_json(a->o.out, a->o.report, &summary);
        json_dumpf(j, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(j);
    } else if (ok) print_summary(a->o.out, a->o.report, &summary);
    free(beside);
    return ok;
}

static int run(int argc, char **argv)
{
    static const struct argp ARGP = { OPTIONS, parse, "SOURCE [INPUT...] --out FILE.h5",
        "Turn a data set into one store: pictures, captions, boxes, splits, vocabulary and provenance. INPUT is a folder or files, as the "
        "source has them. What is wrong with the data never stops it: it is listed in the store and in a report, with file, line and reason."
        "\vThe same input and options give the same bytes, whatever the number of workers. A run that was stopped or killed goes on where it "
        "was when it is started again with the same options.", 0, 0, 0 };
    Arguments a = { .o = prepare_defaults(), .inputs = calloc((size_t)argc + 1, sizeof(char *)) };
    Err err = { 0 };

    REQUIRE(a.inputs, "out of memory");
    a.o.inputs = a.inputs;
    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    if (a.list) list_sources(a.source, &err);
    else prepare(&a, &err);
    free(a.inputs);
    return command_end("prepare", &err);
}

const Command command_prepare = { "prepare", "turn a data set into one store; --list shows the sources", run };
