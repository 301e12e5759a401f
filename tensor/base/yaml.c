/* yaml.c - libfyaml with errors that name file and line. */
#include "tensor/base/yaml.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool is_utf8(const char *text, size_t bytes)
{
    json_t *j = json_stringn(text, bytes);       /* NULL for anything else; a NUL is allowed there, not here */
    json_decref(j);
    return j && !memchr(text, '\0', bytes);
}

/* libfyaml sees no document in a file of comments only, and calls that an error. */
static bool is_empty(const char *text)
{
    for (; *text; text += strcspn(text, "\n")) {
        text += strspn(text, " \t\r\n");
        if (*text && *text != '#') return false;
    }
    return true;
}

bool yaml_parse(const char *path, const char *text, size_t bytes, struct fy_document **out, Err *err)
{
    *out = NULL;
    if (!is_utf8(text, bytes)) return fail_also(err, ERR_USAGE, "%s: not YAML: it is not UTF-8 text", path);
    if (is_empty(text)) return true;

    struct fy_diag_cfg what;
    fy_diag_cfg_default(&what);
    what.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&what);
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_ALLOW_DUPLICATE_KEYS, .diag = diag };
    *out = fy_document_build_from_string(&cfg, text, bytes);

    void *at = NULL;
    struct fy_diag_error *e = *out ? NULL : fy_diag_errors_iterate(diag, &at);
    if (e)          fail_also(err, ERR_USAGE, "%s:%d: not YAML: %s", path, e->line, e->msg);
    else if (!*out) fail_also(err, ERR_USAGE, "%s: not YAML", path);
    fy_diag_destroy(diag);
    return *out != NULL;
}

int yaml_line(struct fy_node *scalar)
{
    struct fy_token *token = fy_node_get_scalar_token(scalar);
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    return mark ? mark->line + 1 : 1;
}

char *yaml_text(struct fy_node *n)
{
    size_t length = 0;
    if (n && (!fy_node_is_scalar(n) || fy_node_is_alias(n))) return NULL;
    const char *text = n ? fy_node_get_scalar(n, &length) : NULL;
    return text ? strndup(text, length) : strdup("");
}

const char *yaml_kind(struct fy_node *n)
{
    if (fy_node_is_alias(n))    return "an alias (*name), which configs do not use";
    if (fy_node_is_sequence(n)) return "a list";
    return "a mapping";
}

int yaml_line_of_earlier(struct fy_node *mapping, struct fy_node_pair *pair, const char *key)
{
    struct fy_node_pair *each;
    void *at = NULL;
    int   line = 0;

    while (!line && (each = fy_node_mapping_iterate(mapping, &at)) && each != pair) {
        char *other = yaml_text(fy_node_pair_key(each));
        if (other && strcmp(other, key) == 0) line = yaml_line(fy_node_pair_key(each));
        free(other);
    }
    return line;
}
