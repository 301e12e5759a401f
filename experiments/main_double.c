/* main_double.c - limn-double: the part of limn that runs in double precision, `limn gradcheck`. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "bench/op_cases.h"
#include "experiments/experiment.h"
#include "experiments/gradcheck_captioner.h"
#include "tensor/base/json.h"

enum { KEY_BACKEND = 'b', KEY_OP = 'o', KEY_PER_TENSOR = 'n', KEY_JSON = 256 };

static const double OP_LIMIT = 1e-6, MODEL_LIMIT = 1e-5;

static const struct argp_option OPTIONS[] = {
    { "backend", KEY_BACKEND, "NAME", 0, "reference (default) or openblas", 0 },
    { "op", KEY_OP, "NAME", 0, "Only the cases of one op", 0 },
    { "probes", KEY_PER_TENSOR, "N", 0, "Elements probed in each parameter of the model; 0: all (default: 8)", 0 },
    { "json", KEY_JSON, 0, 0, "As JSON", 0 },
    { 0 }
};

enum { MOST_OVERRIDES = 64 };
typedef struct Arguments {
    const char *config, *backend, *op;
    char *overrides[MOST_OVERRIDES];
    int override_count, per_tensor;
    bool json;
} Arguments;
typedef struct Result { json_t *list; bool json; int failed, cases; } Result;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case KEY_BACKEND: a->backend = arg; break;
    case KEY_OP: a->op = arg; break;
    case KEY_PER_TENSOR:
        if (sscanf(arg, "%d", &a->per_tensor) != 1 || a->per_tensor < 0) argp_error(state, "--probes wants a number, got '%s'", arg);
        break;
    case KEY_JSON: a->json = true; break;
    case ARGP_KEY_ARG:
        if (!a->config) a->config = arg;
        else if (!strchr(arg, '=')) argp_error(state, "'%s' is no override; write section.key=value", arg);
        else if (a->override_count == MOST_OVERRIDES) argp_error(state, "more than %d overrides", MOST_OVERRIDES);
        else a->overrides[a->override_count++] = arg;
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static void tell(Result *r, const char *name, GradReport g, double limit)
{
    bool good = g.worst <= limit;

    r->cases++;
    r->failed += !good;
    if (r->json)
        json_array_append_new(r->list, json_pack("{s:s, s:o, s:s, s:f, s:I, s:b}", "name", name, "worst", json_number(g.worst), "where", g.where,
                                                 "limit", limit, "checked", (json_int_t)g.checked, "passed", good));
    else printf("%-6s %9.1e  %s%s%s\n", good ? "ok" : "WRONG", g.worst, name, good ? "" : "  at ", good ? "" : g.where);
}

static bool check_ops(const Arguments *a, const Backend *b, Result *r, Err *err)
{
    bool found = false;

    for (const OpCase *c = op_cases; c->op; c++) {
        char name[160];
        if (a->op && strcmp(c->op->name, a->op)) continue;
        op_case_name(c, name);
        tell(r, name, op_case_gradients(c, b), OP_LIMIT);
        found = true;
    }
    return found || fail_usage(err, "there is no op '%s'", a->op);
}

static bool check_model(const Arguments *a, const Backend *b, Result *r, Err *err)
{
    Experiment x;
    CaptionerConfig config;

    if (a->op) return true;
    if (a->config) {
        TRY(experiment_load(a->config, a->overrides, a->override_count, &x, err));
    } else {
        char *store = "data.store=none";
        TRY(experiment_load(NULL, &store, 1, &x, err));
    }
    TRY(experiment_captioner(&x, 100, &config, err));
    tell(r, a->config ? a->config : "captioner (the default config, in miniature)", gradcheck_captioner(&config, b, a->per_tensor), MODEL_LIMIT);
    return true;
}

int main(int argc, char **argv)
{
    static const struct argp ARGP = { OPTIONS, parse, "[CONFIG [SECTION.KEY=VALUE...]]", "Check every gradient against finite differences, in double precision: each op in "
        "every variant, and a whole captioner in miniature (the default one, or the one that CONFIG describes).\v"
        "The error of a gradient is |analytic - numeric| / max(1e-3, |analytic| + |numeric|); an op may have 1e-6, a model 1e-5. "
        "Exit status 1 when one is wrong.", 0, 0, 0 };
    Arguments a = { .backend = "reference", .per_tensor = 8 };
    Err err = { 0 };

    argp_err_exit_status = 2;
    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    Result r = { .list = json_array(), .json = a.json };
    const Backend *b = backend_find(a.backend, &err);
    if (b && check_ops(&a, b, &r, &err) && check_model(&a, b, &r, &err)) {
        if (a.json) {
            json_dumpf(r.list, stdout, JSON_INDENT(2));
            putchar('\n');
        } else printf("%d checked, %d wrong\n", r.cases, r.failed);
        if (r.failed) fail(&err, "%d of %d gradients are wrong", r.failed, r.cases);
    }
    json_decref(r.list);
    if (fflush(stdout) || ferror(stdout)) fail(&err, "cannot write the results to standard output");
    if (err.status) fprintf(stderr, "limn gradcheck: %s\n", err.text);
    return err.status;
}
