/* ptb.h - the tokens that captions are compared by: Stanford's PTBTokenizer 3.4.1 with -preserveLines -lowerCase, then coco-caption's
 * removal of punctuation.
 *
 * A caption is tokenised by itself, as if a newline stood behind it. (coco-caption joins all captions with newlines and splits the output
 * again, so that a line separator inside one shifts the captions behind it; ptb_splits_lines finds such captions. There a caption's last
 * token may also depend on how the next one begins: "vitamin C." before "A dog".) A token may hold a no-break space, where Stanford's
 * does: "1 1/2", telephone numbers.                                                                                    */
#ifndef LIMN_PTB_H
#define LIMN_PTB_H

#include <stdbool.h>
#include <stddef.h>

/* Called for each token, in order; the text is valid during the call only. */
typedef void (*PtbToken)(void *context, const char *token, size_t bytes);

/* Tokens of text[0, bytes); invalid UTF-8 is read as U+FFFD, as Java reads it. Safe from any thread; allocates nothing that lasts. */
void ptb_tokenize(const char *text, size_t bytes, PtbToken each, void *context);

/* Tokens joined by single spaces, malloc'd: a line of coco-caption's tokenised captions. */
char *ptb_text(const char *text);

/* Does the caption hold a character at which the reference would begin a new caption? */
bool ptb_splits_lines(const char *text);

#endif
