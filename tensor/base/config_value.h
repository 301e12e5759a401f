/* config_value.h - one field: its text into its place and back. Private to tensor/base. */
#ifndef LIMN_CONFIG_VALUE_H
#define LIMN_CONFIG_VALUE_H

#include "tensor/base/config.h"

/* Stores `text` in the field. On failure says in `why` what the field wants and what it got, without the key.
 * `folder` (absolute) is what relative paths are relative to; NULL: the working folder.                        */
bool value_set(const Field *f, void *into, const char *text, const char *folder, char *why, size_t size);

/* The field's value as text that value_set reads back to the same value. malloc'd. */
char *value_text(const Field *f, const void *from);

/* "a whole number from 1 to 64", "one of constant|linear|cosine", … */
void value_wanted(const Field *f, char *text, size_t size);

/* An absolute path: '/x' as it is, '~/x' under the home, './x' under the working folder, else under `folder`. malloc'd. */
char *path_resolve(const char *path, const char *folder);

#endif
