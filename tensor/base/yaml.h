/* yaml.h - small conveniences over libfyaml, shared by configs and sweeps: documents whose errors name file and line. */
#ifndef LIMN_YAML_H
#define LIMN_YAML_H

#include <libfyaml.h>

#include "tensor/base/err.h"

/* Text that was read from `path` into a document, to be freed by fy_document_destroy; *out is NULL, without an error, where there is
 * nothing but comments. Repeated keys are let through, so that the reader can name both lines. The text must outlive the document. */
bool yaml_parse(const char *path, const char *text, size_t bytes, struct fy_document **out, Err *err);

int         yaml_line(struct fy_node *scalar);   /* from 1 */
char       *yaml_text(struct fy_node *n);        /* a scalar's, malloc'd ("" for NULL); NULL for a list, a mapping or an alias */
const char *yaml_kind(struct fy_node *n);        /* of what is no scalar: "a list" */
/* The line where the same mapping has this key earlier; 0 where it has not. */
int         yaml_line_of_earlier(struct fy_node *mapping, struct fy_node_pair *pair, const char *key);

#endif
