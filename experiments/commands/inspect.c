/* inspect.c - `limn inspect`: what is in a store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/store.h"
#include "experiments/commands/command.h"
#include "tensor/base/json.h"

enum { KEY_JSON = 256 };

static const struct argp_option OPTIONS[] = {
    { "json", KEY_JSON, 0, 0, "As JSON", 0 },
    { 0 }
};

typedef struct Arguments { const char *store; bool json; } Arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case KEY_JSON: a->json = true; break;
    case ARGP_KEY_ARG:
        if (a->store) argp_error(state, "one STORE, please; '%s' is too much", arg);
        a->store = arg;
        break;
    case ARGP_KEY_END:
        if (!a->store) argp_error(state, "which STORE?");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int words(const char *text)
{
    int n = 0;
    for (; *text; text++) n += *text != ' ' && (text[1] == ' ' || !text[1]);
    return n;
}

static json_t *describe_split(const Store *s, int split)
{
    int64_t count, captions = 0, boxes = 0, total = 0, longest = 0;
    const int64_t *items = store_split_items(s, split, &count);

    for (int64_t i = 0; i < count; i++) {
        captions += store_caption_count(s, items[i]);
        boxes += store_box_count(s, items[i]);
        for (int64_t k = 0; k < store_caption_count(s, items[i]); k++) {
            int n = words(store_caption(s, items[i], k));
            total += n;
            if (n > longest) longest = n;
        }
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:f, s:I}", "split", store_split_name(s, split), "pictures", (json_int_t)count, "captions",
                     (json_int_t)captions, "boxes", (json_int_t)boxes, "mean_words",
                     captions ? (double)total / (double)captions : 0.0, "longest", (json_int_t)longest);
}

static json_t *describe_problem(Problem p)
{
    return json_pack("{s:s, s:o, s:o, s:I, s:o}", "kind", problem_name(p.kind), "name", json_text(p.name), "file", json_text(p.file), "line",
                     (json_int_t)p.line, "reason", json_text(p.reason));
}

static json_t *describe(const Store *s)
{
    json_t *splits = json_array(), *rejected = json_array();
    json_error_t ignored;
    json_t *tokenizer = store_tokenizer(s) ? json_loads(store_tokenizer(s), 0, &ignored) : NULL;
    json_t *vocabulary = json_object_get(json_object_get(tokenizer, "model"), "vocab");

    for (int i = 0; i < store_splits(s); i++) json_array_append_new(splits, describe_split(s, i));
    for (int64_t i = 0; i < store_rejected(s); i++)
        json_array_append_new(rejected, describe_problem(store_rejected_at(s, i)));
    json_t *j = json_pack("{s:I, s:i, s:s, s:I, s:o, s:o, s:O?}", "pictures", (json_int_t)store_count(s), "size", store_size(s), "hash",
                          store_hash(s), "vocabulary", (json_int_t)json_object_size(vocabulary), "splits", splits, "rejected", rejected,
                          "provenance", (json_t *)store_provenance(s));
    json_decref(tokenizer);
    return j;
}

/* By kind, with the first few of each; --json lists them all. */
static void print_rejected(const Store *s)
{
    enum { SHOWN = 4 };
    int64_t count[PROBLEM_KINDS] = { 0 };

    printf("\n%lld rejected\n", (long long)store_rejected(s));
    for (int64_t i = 0; i < store_rejected(s); i++) count[store_rejected_at(s, i).kind]++;
    for (int kind = 0; kind < PROBLEM_KINDS; kind++) {
        if (!count[kind]) continue;
        printf("  %lld %s: %s\n", (long long)count[kind], problem_name((ProblemKind)kind), problem_help((ProblemKind)kind));
        for (int64_t i = 0, n = 0; i < store_rejected(s) && n < SHOWN; i++) {
            Problem p = store_rejected_at(s, i);
            if ((int)p.kind != kind) continue;
            char line[24] = "";
            if (p.line) snprintf(line, sizeof line, ":%lld", (long long)p.line);
            printf("      %s%s(%s%s): %s\n", p.name, *p.name ? " " : "", p.file, line, p.reason);
            n++;
        }
    }
}

static void print_text(const Store *s, const json_t *j)
{
    size_t i;
    json_t *row;

    printf("%lld pictures of %d px, vocabulary %lld, hash %.16s\n\n%-14s %9s %9s %7s %11s %8s\n", (long long)store_count(s), store_size(s),
           (long long)json_integer_value(json_object_get(j, "vocabulary")), store_hash(s), "split", "pictures", "captions", "boxes",
           "mean words", "longest");
    json_array_foreach(json_object_get(j, "splits"), i, row)
        printf("%-14s %9lld %9lld %7lld %11.1f %8lld\n", json_string_value(json_object_get(row, "split")),
               (long long)json_integer_value(json_object_get(row, "pictures")), (long long)json_integer_value(json_object_get(row, "captions")),
               (long long)json_integer_value(json_object_get(row, "boxes")), json_real_value(json_object_get(row, "mean_words")),
               (long long)json_integer_value(json_object_get(row, "longest")));
    print_rejected(s);
}

static int run(int argc, char **argv)
{
    static const struct argp ARGP = { OPTIONS, parse, "STORE", "What is in a store: splits, captions, vocabulary, rejected pictures, provenance.",
                                      0, 0, 0 };
    Arguments a = { 0 };
    Err err = { 0 };

    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    Store *s = store_open(a.store, &err);
    if (s) {
        json_t *j = describe(s);
        if (a.json) {
            json_dumpf(j, stdout, JSON_INDENT(2));
            putchar('\n');
        } else print_text(s, j);
        json_decref(j);
        store_close(s);
    }
    return command_end("inspect", &err);
}

const Command command_inspect = { "inspect", "what is in a store that `limn prepare` wrote", run };
