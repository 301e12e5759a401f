/* split_names.h - the words that name splits, as folders, shards and columns have them. */
#ifndef LIMN_SPLIT_NAMES_H
#define LIMN_SPLIT_NAMES_H

#include <stddef.h>

/* train (training), val (valid, validation, dev) or test (testing, eval, evaluation), in any case; NULL: the word means no split. */
const char *split_named(const char *word, size_t bytes);
/* Of the first folder that is named so: "train" of "data/train/1.jpg". */
const char *split_of_folders(const char *path);
/* Of the first such word between the marks / - _ . and digits: "val" of "shards/flickr-val-0001.tar". */
const char *split_of_words(const char *path);

#endif
