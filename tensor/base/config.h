/* config.h - typed configuration from YAML (libfyaml), described by tables.
 *
 *     static const Field FIELDS[] = {
 *         FIELD_INT ("train.batch", Experiment, train.batch, "32", 1, 65536, "captions in a batch"),
 *         FIELD_REAL("train.lr",    Experiment, train.lr,    "1e-3", 0, 10,  "peak learning rate"),
 *         …, { 0 } };
 *
 * A key is "section.name". Unknown keys, wrong types, values out of range and duplicates are all reported together, each
 * with file, line and (for unknown keys) the nearest known key. `base: other.yaml` (relative to the file) is read first.
 * Overrides ("train.lr=3e-4") win and are reported as "command line". Errors have status ERR_USAGE.                   */
#ifndef LIMN_CONFIG_H
#define LIMN_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tensor/base/err.h"

typedef enum FieldType {
    FIELD_IS_INT,                    /* int64_t                                                                  */
    FIELD_IS_REAL,                   /* double                                                                   */
    FIELD_IS_BOOL,                   /* bool                                                                     */
    FIELD_IS_TEXT,                   /* char[CONFIG_TEXT]                                                        */
    FIELD_IS_PATH,                   /* char[CONFIG_TEXT]; relative to the config file unless it starts with '/',
                                      * '~' (home) or './' (the working folder); empty stays empty               */
    FIELD_IS_CHOICE                  /* int: index into the '|'-separated `choices`                              */
} FieldType;

enum { CONFIG_TEXT = 1024 };

typedef struct Field {
    const char *key;
    FieldType   type;
    size_t      offset;
    const char *fallback;            /* default, as one would write it; NULL: the key must be given              */
    double      min, max;            /* inclusive, for INT and REAL                                              */
    const char *choices;             /* "constant|linear|cosine", for CHOICE                                     */
    const char *help;                /* one line                                                                 */
} Field;

#define FIELD_INT(key, S, m, fallback, min, max, help)  { key, FIELD_IS_INT,  offsetof(S, m), fallback, min, max, NULL, help }
#define FIELD_REAL(key, S, m, fallback, min, max, help) { key, FIELD_IS_REAL, offsetof(S, m), fallback, min, max, NULL, help }
#define FIELD_BOOL(key, S, m, fallback, help)           { key, FIELD_IS_BOOL, offsetof(S, m), fallback, 0, 0, NULL, help }
#define FIELD_TEXT(key, S, m, fallback, help)           { key, FIELD_IS_TEXT, offsetof(S, m), fallback, 0, 0, NULL, help }
#define FIELD_PATH(key, S, m, fallback, help)           { key, FIELD_IS_PATH, offsetof(S, m), fallback, 0, 0, NULL, help }
#define FIELD_CHOICE(key, S, m, fallback, choices, help) { key, FIELD_IS_CHOICE, offsetof(S, m), fallback, 0, 0, choices, help }

/* Fills `into` from the defaults, the file (NULL: none) and the overrides ("section.key=value", `count` of them). */
bool config_load(const Field *fields, void *into, const char *path, char *const *overrides, int count, Err *err);

/* One field at a time. NULL: there is no such key. */
const Field *config_field(const Field *fields, const char *key);
/* The value as text that reads back to the same; malloc'd. */
char *config_get(const Field *fields, const void *from, const char *key);
/* Appends to err what is wrong with key or value, after "where: ". `folder`: what a relative path is relative to; NULL: the working folder. */
bool  config_set(const Field *fields, void *into, const char *key, const char *text, const char *folder, const char *where, Err *err);

/* The resolved config as YAML, itself a valid config (paths absolute). malloc'd. */
char *config_dump(const Field *fields, const void *from);

/* Every key with its default, range or choices and help, for `limn train --help-config`. */
void config_help(const Field *fields, FILE *out);

#endif
