/* tokenize.c - `limn tokenize`: lines of text into the tokens that a scorer or a model sees, a line each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/commands/command.h"
#include "tensor/base/file.h"
#include "tensor/base/json.h"
#include "text/ptb.h"
#include "text/tokenizer.h"

enum { KEY_JSON = 256, KEY_LIST };

static const struct argp_option OPTIONS[] = {
    { "json", KEY_JSON, 0, 0, "An array of strings a line", 0 },
    { "list", KEY_LIST, 0, 0, "List what NAME can be, and leave", 0 },
    { 0 }
};

typedef struct Arguments { const char *name, **files; int file_count; bool json, list; } Arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case KEY_JSON: a->json = true; break;
    case KEY_LIST: a->list = true; break;
    case ARGP_KEY_ARG:
        if (!a->name) a->name = arg;
        else a->files[a->file_count++] = arg;
        break;
    case ARGP_KEY_END:
        if (!a->name && !a->list) argp_error(state, "which NAME? ptb, a RUN, a MODEL or a tokenizer.json");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static const char LIST[] =
    "ptb            coco-caption's tokens: Stanford's PTBTokenizer 3.4.1, lower case, less punctuation\n"
    "RUN or MODEL   the tokens of a folder's model, from its tokenizer.json\n"
    "FILE.json      those of a tokenizer.json\n";

/* ---- a line's tokens ------------------------------------------------------------------------------------------------------- */

typedef struct Printer { bool json; json_t *tokens; int64_t count; } Printer;

static void token(void *context, const char *text, size_t bytes)
{
    Printer *p = context;

    if (p->json) json_array_append_new(p->tokens, json_stringn(text, bytes));
    else {
        if (p->count) putchar(' ');
        fwrite(text, 1, bytes, stdout);
    }
    p->count++;
}

static void model_tokens(const Tokenizer *k, char *line, size_t bytes, Printer *p)
{
    /* What limn's tokenizers read ends at a NUL; to them it would be white space. */
    for (size_t i = 0; i < bytes; i++)
        if (!line[i]) line[i] = ' ';
    int32_t *ids = malloc((bytes + 1) * sizeof *ids);
    REQUIRE(ids, "out of memory");
    int64_t n = tokenizer_encode(k, line, ids, (int64_t)bytes + 1);
    for (int64_t i = 0; i < n; i++) {
        const char *text = tokenizer_token(k, ids[i]);
        token(p, text, strlen(text));
    }
    free(ids);
}

/* model NULL: ptb */
static void print_tokens(const Tokenizer *model, char *line, size_t bytes, bool json)
{
    Printer p = { .json = json, .tokens = json ? json_array() : NULL };

    if (model) model_tokens(model, line, bytes, &p);
    else ptb_tokenize(line, bytes, token, &p);
    if (json) json_dumpf(p.tokens, stdout, 0);
    json_decref(p.tokens);
    putchar('\n');
}

/* ---- files ------------------------------------------------------------------------------------------------------------------- */

/* Lines that are not what they seem: how many, and the first. */
typedef struct Doubt { int64_t lines, first; } Doubt;

static void doubt(Doubt *d, int64_t line)
{
    if (d->lines++ == 0) d->first = line;
}

static bool is_utf8(const char *text, size_t bytes)
{
    json_t *j = json_stringn(text, bytes);
    json_decref(j);
    return j != NULL;
}

static void say(const char *name, const Doubt *d, const char *what)
{
    if (d->lines)
        fprintf(stderr, "limn tokenize: %s:%lld: %s (%lld such line%s)\n", name, (long long)d->first, what, (long long)d->lines,
                d->lines == 1 ? "" : "s");
}

static bool tokenize_file(const Arguments *a, const Tokenizer *model, const char *path, Err *err)
{
    bool    is_stdin = !strcmp(path, "-");
    FILE   *f = is_stdin ? stdin : fopen(path, "r");
    const char *name = is_stdin ? "standard input" : path;
    Doubt   invalid = { 0 }, split = { 0 };
    char   *line = NULL;
    size_t  room = 0;
    ssize_t n;

    if (!f) return fail(err, "cannot read %s: %s", path, strerror(errno));
    for (int64_t number = 1; !ferror(stdout) && (n = getline(&line, &room, f)) > 0; number++) {
        if (line[n - 1] == '\n') line[--n] = '\0';
        if (n && line[n - 1] == '\r') line[--n] = '\0';
        if (!is_utf8(line, (size_t)n)) doubt(&invalid, number);
        if (!model && ptb_splits_lines(line)) doubt(&split, number);
        print_tokens(model, line, (size_t)n, a->json);
    }
    bool read = !ferror(f) || fail(err, "cannot read %s: %s", name, strerror(errno));
    free(line);
    if (!is_stdin) fclose(f);
    say(name, &invalid, "invalid UTF-8 is read as U+FFFD");
    say(name, &split, "holds a line separator (CR, VT, FF, U+2028 or U+2029), at which coco-caption begins a new caption");
    return read;
}

/* A tokenizer.json: the file itself, or that of a model's folder, or of a run's. */
static Tokenizer *find_tokenizer(const char *name, Err *err)
{
    static const char *const PLACES[] = { "tokenizer.json", "model/tokenizer.json" };

    for (int i = 0; folder_exists(name) && i < 2; i++) {
        char *path = path_join(name, PLACES[i]);
        Tokenizer *k = file_exists(path) ? tokenizer_read(path, err) : NULL;
        free(path);
        if (k || err->status) return k;
    }
    if (folder_exists(name)) return fail(err, "%s holds neither tokenizer.json nor model/tokenizer.json: is it a RUN or a MODEL?", name), NULL;
    if (!file_exists(name)) {
        fail_usage(err, "there is no tokenizer '%s': NAME is ptb, a RUN, a MODEL or a tokenizer.json", name);
        return NULL;
    }
    return tokenizer_read(name, err);
}

static void tokenize(const Arguments *a, Err *err)
{
    Tokenizer *model = !strcmp(a->name, "ptb") ? NULL : find_tokenizer(a->name, err);

    for (int i = 0; !err->status && i < a->file_count; i++) tokenize_file(a, model, a->files[i], err);
    if (!err->status && !a->file_count) tokenize_file(a, model, "-", err);
    tokenizer_free(model);
}

static int run(int argc, char **argv)
{
    static const struct argp ARGP = { OPTIONS, parse, "NAME [FILE...]",
        "Lines of text into tokens, separated by spaces, a line each: what a scorer or a model sees of a caption. Without a FILE, or for -, "
        "standard input is read."
        "\vNAME is one of\n"
        "  ptb            coco-caption's tokens: Stanford's PTBTokenizer 3.4.1, lower case,\n"
        "                 less punctuation (a space inside a token is a no-break space)\n"
        "  RUN or MODEL   the tokens of a folder's model, from its tokenizer.json\n"
        "  FILE.json      those of a tokenizer.json\n"
        "A line without tokens gives an empty line. Every line is tokenised by itself.", 0, 0, 0 };
    Arguments a = { .files = calloc((size_t)argc + 1, sizeof *a.files) };
    Err err = { 0 };

    REQUIRE(a.files, "out of memory");
    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    if (a.list) fputs(LIST, stdout);
    else tokenize(&a, &err);
    free(a.files);
    return command_end("tokenize", &err);
}

const Command command_tokenize = { "tokenize", "lines of text into the tokens that a scorer or a model sees", run };
