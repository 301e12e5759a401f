/* runs.c - `limn runs`: what run folders have reached, as a list or as a table over seeds. */
#include <stdlib.h>

#include "experiments/commands/command.h"
#include "experiments/runs.h"

enum { KEY_WHERE = 'w', KEY_COLUMNS = 'c', KEY_SORT = 's', KEY_FORMAT = 'f', KEY_EACH = 'e', KEY_OVER = 256, KEY_JSON };
enum { MOST = 256 };

static const struct argp_option OPTIONS[] = {
    { "each", KEY_EACH, 0, 0, "A row for every run instead of one for every setting", 0 },
    { "where", KEY_WHERE, "KEY=VALUE", 0, "Only runs of which this holds; also != < > <= >=; may be repeated", 0 },
    { "columns", KEY_COLUMNS, "KEY[,KEY...]", 0, "These columns instead of what differs and all figures", 0 },
    { "over", KEY_OVER, "KEY[,KEY...]", 0, "Average over runs that differ in these alone (default: seed)", 0 },
    { "sort", KEY_SORT, "KEY", 0, "By this column: settings upwards, figures from the best", 0 },
    { "format", KEY_FORMAT, "NAME", 0, "table (default), markdown, csv, latex or json", 0 },
    { "json", KEY_JSON, 0, 0, "The same as --format json", 0 },
    { 0 }
};

typedef struct Arguments {
    const char  *folders[MOST]; int folder_count;
    char        *where[MOST];
    TableOptions table;
    TableFormat  format;
} Arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case KEY_EACH: a->table.each = true; break;
    case KEY_COLUMNS: a->table.columns = arg; break;
    case KEY_OVER: a->table.over = arg; break;
    case KEY_SORT: a->table.sort = arg; break;
    case KEY_JSON: a->format = TABLE_JSON; break;
    case KEY_FORMAT:
        if (!table_format_named(arg, &a->format)) argp_error(state, "--format is table, markdown, csv, latex or json, not '%s'", arg);
        break;
    case KEY_WHERE:
        if (a->table.where_count == MOST) argp_error(state, "more than %d times --where", (int)MOST);
        a->where[a->table.where_count++] = arg;
        break;
    case ARGP_KEY_ARG:
        if (a->folder_count == MOST) argp_error(state, "more than %d folders", (int)MOST);
        a->folders[a->folder_count++] = arg;
        break;
    case ARGP_KEY_END:
        if (!a->folder_count) a->folders[a->folder_count++] = "runs";
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static int run(int argc, char **argv)
{
    static const struct argp ARGP = { OPTIONS, parse, "[FOLDER...]",
        "What the runs in and below FOLDER (default: runs) have reached: mean and sample standard deviation over the finished runs of a setting, "
        "those that differ in their seed alone; the best of every column marked."
        "\vKEY is a config key (train.rate), a figure (validation.loss, test.perplexity: what training logged as its best validation and what "
        "`limn evaluate` measured), or run, state or updates.", 0, 0, 0 };
    Arguments a = { .folder_count = 0 };
    RunList list = { 0 };
    RunTable table = { 0 };
    Err err = { 0 };

    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    a.table.where = a.where;
    if (runs_read(a.folders, a.folder_count, &list, &err)) {
        if (!list.count) fail(&err, "%s: there is no run in it", a.folders[0]);
        else if (runs_table(&list, &a.table, &table, &err)) runs_table_print(&table, a.format, stdout);
    }
    runs_table_free(&table);
    runs_free(&list);
    return command_end("runs", &err);
}

const Command command_runs = { "runs", "list runs; a table of mean and deviation over seeds", run };
