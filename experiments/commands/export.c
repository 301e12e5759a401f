/* export.c - `limn export`: a store given back in an open form. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/export/form.h"
#include "experiments/commands/command.h"
#include "experiments/progress.h"

enum { KEY_OUT = 'o', KEY_WORKERS = 'w', KEY_TO = 256, KEY_SPLIT, KEY_NO_IMAGES, KEY_OVERWRITE, KEY_LIST, KEY_JSON, KEY_QUIET };

static const struct argp_option OPTIONS[] = {
    { "to", KEY_TO, "FORM", 0, "coco or jsonl", 0 },
    { "out", KEY_OUT, "DIR", 0, "The folder to write: new or empty, or the same export, stopped earlier, that goes on", 0 },
    { "list", KEY_LIST, 0, 0, "List the forms and what is written", 0 },
    { "split", KEY_SPLIT, "NAME", 0, "Only this split; may be given several times", 0 },
    { "no-images", KEY_NO_IMAGES, 0, 0, "The same annotations, without the pictures", 0 },
    { "overwrite", KEY_OVERWRITE, 0, 0, "Write into a folder that holds something else: files of the same names are replaced, annotations of an "
      "earlier export are removed, the rest stays", 0 },
    { "workers", KEY_WORKERS, "N", 0, "Threads; 0: all cores (default). The files do not depend on it", 0 },
    { "json", KEY_JSON, 0, 0, "Print the summary as JSON", 0 },
    { "quiet", KEY_QUIET, 0, 0, "No progress", 0 },
    { 0 }
};

typedef struct Arguments {
    ExportOptions o;
    const char  **splits;                        /* room for all arguments */
    bool          list, json, quiet;
} Arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case KEY_TO: a->o.form = arg; break;
    case KEY_OUT: a->o.out = arg; break;
    case KEY_SPLIT: a->splits[a->o.split_count++] = arg; break;
    case KEY_NO_IMAGES: a->o.no_images = true; break;
    case KEY_OVERWRITE: a->o.overwrite = true; break;
    case KEY_WORKERS: a->o.workers = (int)option_number(state, "--workers", arg, 0, 64); break;
    case KEY_LIST: a->list = true; break;
    case KEY_JSON: a->json = true; break;
    case KEY_QUIET: a->quiet = true; break;
    case ARGP_KEY_ARG:
        if (a->o.store) argp_error(state, "one STORE, please; '%s' is too much", arg);
        a->o.store = arg;
        break;
    case ARGP_KEY_END:
        if (a->list) break;
        if (!a->o.store) argp_error(state, "which STORE?");
        if (!a->o.form) argp_error(state, "to what? --to coco or --to jsonl");
        if (!a->o.out) argp_error(state, "where to? --out DIR");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static void list_forms(void)
{
    for (const ExportForm *const *f = export_forms(); *f; f++) {
        printf("%s\n    %s\n", (*f)->name, (*f)->help);
        for (const char *line = (*f)->layout, *end; *line; line = end + (*end == '\n')) {
            end = strchrnul(line, '\n');
            printf("      %.*s\n", (int)(end - line), line);
        }
    }
}

static void print_json(const ExportOptions *o, const ExportSummary *s)
{
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "store", o->store, "hash", s->hash, "to", o->form, "out", o->out,
                          "pictures", (json_int_t)s->pictures, "captions", (json_int_t)s->captions, "boxes", (json_int_t)s->boxes, "written",
                          (json_int_t)s->written, "kept", (json_int_t)s->kept, "left_out", (json_int_t)s->left_out);
    json_dumpf(j, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(j);
}

static void print_text(const ExportOptions *o, const ExportSummary *s)
{
    printf("%s: %lld pictures, %lld captions, %lld boxes\n", o->out, (long long)s->pictures, (long long)s->captions, (long long)s->boxes);
    if (s->kept) printf("  %lld pictures were there already\n", (long long)s->kept);
    if (s->left_out) printf("  %lld damaged pictures were left out\n", (long long)s->left_out);
}

static int run(int argc, char **argv)
{
    static const struct argp ARGP = { OPTIONS, parse, "STORE --to FORM --out DIR",
        "Give a store back in an open form: pictures as files, annotations beside them. Files that the store keeps leave it byte for byte, "
        "pixels as PNG, which loses nothing; boxes speak of the pixels of the files."
        "\v`limn prepare jsonl DIR` reads --to jsonl back whole. DIR/export.json says what was exported and what stays in the store. An export "
        "that was stopped goes on when it is started again: pictures that are there with the right content are kept. A picture that is damaged "
        "in the store is left out and listed; the exit status is then 1.", 0, 0, 0 };
    Arguments a = { .splits = calloc((size_t)argc + 1, sizeof(char *)) };
    ExportSummary summary = { 0 };
    Err err = { 0 };

    REQUIRE(a.splits, "out of memory");
    a.o.splits = a.splits;
    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    if (a.list) list_forms();
    else {
        Progress p = progress_begin("exporting", 0, 0, a.quiet);
        command_catch_interrupts();
        export_store(&a.o, command_show_pictures, &p, &summary, &err);
        progress_end(&p);
        if (summary.complete && a.json) print_json(&a.o, &summary);
        else if (summary.complete) print_text(&a.o, &summary);
    }
    free(a.splits);
    return command_end("export", &err);
}

const Command command_export = { "export", "a store given back in an open form: COCO or JSON lines, with its pictures", run };
