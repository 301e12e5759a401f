/* name.h - names of pictures as names of files: safe on every system, and unique. */
#ifndef LIMN_EXPORT_NAME_H
#define LIMN_EXPORT_NAME_H

#include "datasets/sources/id_map.h"

/* "a/b.jpg" with ".png" -> "a/b.png", malloc'd. Sub-folders stay. What leads elsewhere ("..", a leading "/") goes; control characters,
 * the signs \ : * ? " < > |, a leading dot and a dot or blank at an end become "_". The extension of a picture makes room for the right
 * one; a part of more than 180 bytes is cut, and ends in a hash of the whole name. A name that would be the second of its kind in `taken`
 * (hashes of the paths) gets such a hash as well. */
char *export_name(const char *name, const char *extension, IdMap *taken);
/* For one part of a path: of a split, for instance. Dots become "-". */
char *export_part(const char *name, IdMap *taken);

#endif
