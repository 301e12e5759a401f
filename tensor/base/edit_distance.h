/* edit_distance.h - how unlike two words are, for "the nearest known key is". */
#ifndef LIMN_EDIT_DISTANCE_H
#define LIMN_EDIT_DISTANCE_H

/* Insertions, deletions and substitutions of bytes that make one of the other, of the first 128 each. */
int edit_distance(const char *a, const char *b);

#endif
