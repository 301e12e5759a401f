/* err.h - the two kinds of trouble.
 *
 * Bugs abort: a broken contract inside the program (a shape that does not fit) stops at once with REQUIRE.
 * The world returns an error: files, configs, checkpoints, images and arguments go through `fail`, which writes one
 * sentence (what was found, what was wanted, where, what to do) and returns false, so that a function can end with
 *     return fail(err, "%s:%d: %s wants a whole number, got '%s'", path, line, key, text);
 * Only the command line prints an Err and exits.                                                                   */
#ifndef LIMN_ERR_H
#define LIMN_ERR_H

#include <stdbool.h>

enum { ERR_FAILED = 1, ERR_USAGE = 2 };          /* the exit statuses of the command line */

typedef struct Err {
    int  status;                                 /* 0 while nothing went wrong            */
    char text[4096];
} Err;

/* Both return false. `fail` sets status ERR_FAILED, `fail_usage` ERR_USAGE (wrong arguments or config). */
bool fail(Err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool fail_usage(Err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends a further line to what is there (many mistakes, reported together). */
bool fail_also(Err *err, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

_Noreturn void contract_broken(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define REQUIRE(cond, ...) ((cond) ? (void)0 : contract_broken(__FILE__, __LINE__, __VA_ARGS__))
#define TRY(call) do { if (!(call)) return false; } while (0)

#endif
