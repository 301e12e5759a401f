/* config_print.c - a config as YAML, and its table as help. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tensor/base/config_value.h"

static size_t section_length(const Field *f)
{
    const char *dot = strchr(f->key, '.');
    return dot ? (size_t)(dot - f->key) : 0;
}

static bool same_section(const Field *a, const Field *b)
{
    size_t length = section_length(a);
    return length == section_length(b) && strncmp(a->key, b->key, length) == 0;
}

/* Calls `each` for all fields, section by section (those without one first), however the table is ordered. */
static void by_section(const Field *fields, void (*section)(FILE *out, const Field *first),
                       void (*each)(FILE *out, const Field *f, const void *from), FILE *out, const void *from)
{
    for (const Field *f = fields; f->key; f++)
        if (section_length(f) == 0) each(out, f, from);
    for (const Field *f = fields; f->key; f++) {
        const Field *first = fields;
        while (!same_section(first, f)) first++;
        if (first != f || section_length(f) == 0) continue;
        section(out, f);
        for (const Field *g = f; g->key; g++)
            if (same_section(f, g)) each(out, g, from);
    }
}

static void print_section(FILE *out, const Field *first)
{
    fprintf(out, "\n%.*s:\n", (int)section_length(first), first->key);
}

static const char *leaf(const Field *f)
{
    size_t length = section_length(f);
    return f->key + length + (length > 0);
}

/* ---- YAML -------------------------------------------------------------------------------------------------------- */

/* No reader can take it for anything but this text. */
static bool is_plain(const char *text)
{
    static const char *const SAFE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
    static const char *const TAKEN[] = { "true", "false", "null", "yes", "no", "on", "off", "y", "n" };

    for (size_t i = 0; i < sizeof TAKEN / sizeof *TAKEN; i++)
        if (strcasecmp(text, TAKEN[i]) == 0) return false;
    return (isalpha((unsigned char)*text) || *text == '/') && strspn(text, SAFE) == strlen(text);
}

/* Plain where that is safe, else double-quoted (YAML 1.2, section 7.3.1). */
static void print_yaml_text(FILE *out, const char *text)
{
    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')        fprintf(out, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7F)   fprintf(out, "\\x%02X", *c);
        else                                fputc(*c, out);
    }
    fputc('"', out);
}

static void print_yaml(FILE *out, const Field *f, const void *from)
{
    char *text = value_text(f, from);
    fprintf(out, "%s%s: ", section_length(f) ? "  " : "", leaf(f));
    if (f->type == FIELD_IS_TEXT || f->type == FIELD_IS_PATH) print_yaml_text(out, text);
    else                                                      fputs(text, out);
    fputc('\n', out);
    free(text);
}

char *config_dump(const Field *fields, const void *from)
{
    char  *text = NULL;
    size_t size;
    FILE  *out = open_memstream(&text, &size);
    REQUIRE(out, "config_dump: out of memory");
    by_section(fields, print_section, print_yaml, out, from);
    fclose(out);
    return text;
}

/* ---- help -------------------------------------------------------------------------------------------------------- */

static void print_help(FILE *out, const Field *f, const void *from)
{
    char wanted[256], usual[64];
    (void)from;

    value_wanted(f, wanted, sizeof wanted);
    if (f->type == FIELD_IS_TEXT) snprintf(wanted, sizeof wanted, "a text");
    if (f->type == FIELD_IS_PATH) snprintf(wanted, sizeof wanted, "a path");
    if (!f->fallback)      snprintf(usual, sizeof usual, "must be given");
    else if (!*f->fallback) snprintf(usual, sizeof usual, "empty");
    else                   snprintf(usual, sizeof usual, "%s", f->fallback);
    fprintf(out, "  %-18s %s\n  %-18s   %s; default: %s\n", leaf(f), f->help, "", wanted, usual);
}

void config_help(const Field *fields, FILE *out)
{
    by_section(fields, print_section, print_help, out, NULL);
}
