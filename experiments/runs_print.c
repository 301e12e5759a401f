/* runs_print.c - a table of runs for people (text, Markdown, LaTeX) and for programs (CSV, JSON). */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/runs.h"
#include "tensor/base/json.h"

bool table_format_named(const char *name, TableFormat *out)
{
    static const char *const NAMES[] = { "table", "markdown", "csv", "latex", "json" };
    for (int i = 0; i < 5; i++)
        if (!strcmp(name, NAMES[i])) {
            *out = (TableFormat)i;
            return true;
        }
    return false;
}

/* ---- for people ---------------------------------------------------------------------------------------------------- */

/* Columns of a screen, not bytes. */
static int width_of(const char *text)
{
    int n = 0;
    for (; *text; text++) n += (*text & 0xC0) != 0x80;
    return n;
}

/* "0.812 ± 0.013"; the deviation only where there are several. */
static void figure_text(const Column *c, const Cell *cell, const char *sign, char *out, size_t size)
{
    if (!cell->n) snprintf(out, size, "-");
    else if (cell->n == 1) snprintf(out, size, "%.*f", c->decimals, cell->mean);
    else snprintf(out, size, "%.*f%s%.*f", c->decimals, cell->mean, sign, c->decimals, cell->deviation);
}

typedef struct Text { char s[1100]; } Text;

static Text text_cell(const RunTable *t, int row, int k)
{
    const Cell *c = &t->rows[row].cells[k];
    Text out;

    if (!t->columns[k].figure) snprintf(out.s, sizeof out.s, "%s", c->text);
    else {
        strcpy(out.s, c->best ? "* " : "");
        figure_text(&t->columns[k], c, " ± ", out.s + strlen(out.s), 256);
    }
    return out;
}

static void print_padded(FILE *out, const char *text, int width, bool right, bool last)
{
    int pad = width - width_of(text);
    fprintf(out, "%*s%s%*s%s", right ? pad : 0, "", text, right || last ? 0 : pad, "", last ? "\n" : "  ");
}

static void print_text(const RunTable *t, FILE *out)
{
    int *width = calloc((size_t)t->column_count + 1, sizeof *width);
    bool marked = false;

    for (int k = 0; k < t->column_count; k++) {
        width[k] = width_of(t->columns[k].key);
        for (int i = 0; i < t->row_count; i++) {
            int w = width_of(text_cell(t, i, k).s);
            width[k] = w > width[k] ? w : width[k];
            marked = marked || t->rows[i].cells[k].best;
        }
    }
    for (int k = 0; k < t->column_count; k++)
        print_padded(out, t->columns[k].key, width[k], t->columns[k].figure, k + 1 == t->column_count);
    for (int i = 0; i < t->row_count; i++)
        for (int k = 0; k < t->column_count; k++)
            print_padded(out, text_cell(t, i, k).s, width[k], t->columns[k].figure, k + 1 == t->column_count);
    if (marked) fputs("* the best of its column\n", out);
    for (int i = 0; i < t->note_count; i++) fprintf(out, "%s\n", t->notes[i]);
    free(width);
}

/* A backslash before what Markdown would take for more than itself. */
static void print_markdown_text(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (strchr("|*_`<\\", *text)) putc('\\', out);
        putc(*text, out);
    }
}

static void print_markdown(const RunTable *t, FILE *out)
{
    for (int k = 0; k < t->column_count; k++) {
        fputs("| ", out);
        print_markdown_text(t->columns[k].key, out);
        putc(' ', out);
    }
    fputs("|\n", out);
    for (int k = 0; k < t->column_count; k++) fputs(t->columns[k].figure ? "|---:" : "|---", out);
    fputs("|\n", out);
    for (int i = 0; i < t->row_count; i++) {
        for (int k = 0; k < t->column_count; k++) {
            const Cell *c = &t->rows[i].cells[k];
            char figure[256];
            fputs("| ", out);
            if (t->columns[k].figure) {
                figure_text(&t->columns[k], c, " ± ", figure, sizeof figure);
                fprintf(out, c->best ? "**%s**" : "%s", figure);
            } else print_markdown_text(c->text, out);
            putc(' ', out);
        }
        fputs("|\n", out);
    }
    for (int i = 0; i < t->note_count; i++) {
        fputs(i ? "- " : "\n- ", out);
        print_markdown_text(t->notes[i], out);
        putc('\n', out);
    }
}

static void print_latex_text(const char *text, FILE *out)
{
    for (; *text; text++)
        if (strchr("&%$#_{}", *text)) fprintf(out, "\\%c", *text);
        else if (*text == '\\') fputs("\\textbackslash{}", out);
        else if (*text == '~') fputs("\\textasciitilde{}", out);
        else if (*text == '^') fputs("\\textasciicircum{}", out);
        else putc(*text, out);
}

static void print_latex(const RunTable *t, FILE *out)
{
    fputs("\\begin{tabular}{", out);
    for (int k = 0; k < t->column_count; k++) putc(t->columns[k].figure ? 'r' : 'l', out);
    fputs("}\n\\hline\n", out);
    for (int k = 0; k < t->column_count; k++) {
        print_latex_text(t->columns[k].key, out);
        fputs(k + 1 < t->column_count ? " & " : " \\\\\n\\hline\n", out);
    }
    for (int i = 0; i < t->row_count; i++)
        for (int k = 0; k < t->column_count; k++) {
            const Cell *c = &t->rows[i].cells[k];
            char figure[256];
            if (t->columns[k].figure) {
                figure_text(&t->columns[k], c, " $\\pm$ ", figure, sizeof figure);
                fprintf(out, c->best ? "\\textbf{%s}" : "%s", figure);
            } else print_latex_text(c->text, out);
            fputs(k + 1 < t->column_count ? " & " : " \\\\\n", out);
        }
    fputs("\\hline\n\\end{tabular}\n", out);
    for (int i = 0; i < t->note_count; i++) fprintf(out, "%% %s\n", t->notes[i]);
}

/* ---- for programs -------------------------------------------------------------------------------------------------- */

/* RFC 4180. */
static void print_csv_text(const char *text, FILE *out)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"') putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

/* Three columns a figure: mean, deviation, and 1 for the best. */
static void print_csv(const RunTable *t, FILE *out)
{
    for (int k = 0; k < t->column_count; k++) {
        const char *key = t->columns[k].key;
        if (k) putc(',', out);
        if (t->columns[k].figure) fprintf(out, "%s,%s deviation,%s best", key, key, key);
        else print_csv_text(key, out);
    }
    putc('\n', out);
    for (int i = 0; i < t->row_count; i++) {
        for (int k = 0; k < t->column_count; k++) {
            const Cell *c = &t->rows[i].cells[k];
            if (k) putc(',', out);
            if (!t->columns[k].figure) print_csv_text(c->text, out);
            else if (!c->n) fputs(",,", out);
            else if (c->n == 1) fprintf(out, "%.9g,,%d", c->mean, c->best);
            else fprintf(out, "%.9g,%.9g,%d", c->mean, c->deviation, c->best);
        }
        putc('\n', out);
    }
}

/* A setting as the type of its config key. */
static json_t *setting_json(const char *key, const char *text)
{
    const Field *f = config_field(EXPERIMENT_FIELDS, key);
    bool whole = !strcmp(key, "runs") || (f && f->type == FIELD_IS_INT);

    if (!*text) return json_null();
    if (whole) return json_integer(strtoll(text, NULL, 10));
    if (f && f->type == FIELD_IS_REAL) return json_number(strtod(text, NULL));
    if (f && f->type == FIELD_IS_BOOL) return json_boolean(!strcmp(text, "true"));
    return json_text(text);
}

static void print_json(const RunTable *t, FILE *out)
{
    json_t *rows = json_array(), *notes = json_array();

    for (int i = 0; i < t->row_count; i++) {
        json_t *row = json_object();
        for (int k = 0; k < t->column_count; k++) {
            const Cell *c = &t->rows[i].cells[k];
            json_object_set_new(row, t->columns[k].key, !t->columns[k].figure ? setting_json(t->columns[k].key, c->text)
                : json_pack("{s:o, s:o, s:i, s:b}", "mean", json_number(c->mean), "deviation",
                            c->n > 1 ? json_number(c->deviation) : json_null(), "runs", c->n, "best", c->best));
        }
        json_array_append_new(rows, row);
    }
    for (int i = 0; i < t->note_count; i++) json_array_append_new(notes, json_text(t->notes[i]));
    json_t *all = json_pack("{s:o, s:o}", "rows", rows, "notes", notes);
    json_dumpf(all, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    putc('\n', out);
    json_decref(all);
}

void runs_table_print(const RunTable *t, TableFormat format, FILE *out)
{
    switch (format) {
    case TABLE_TEXT:     print_text(t, out);     break;
    case TABLE_MARKDOWN: print_markdown(t, out); break;
    case TABLE_CSV:      print_csv(t, out);      break;
    case TABLE_LATEX:    print_latex(t, out);    break;
    case TABLE_JSON:     print_json(t, out);     break;
    }
}
