/* err.c - error sentences, and the end of a broken contract. */
#include "tensor/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool say(Err *err, int status, bool append, const char *fmt, va_list ap)
{
    size_t used = append ? strlen(err->text) : 0;

    if (used && used + 1 < sizeof err->text) err->text[used++] = '\n';
    vsnprintf(err->text + used, sizeof err->text - used, fmt, ap);
    if (status > err->status) err->status = status;
    return false;
}

bool fail(Err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(err, ERR_FAILED, false, fmt, ap);
    va_end(ap);
    return false;
}

bool fail_usage(Err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(err, ERR_USAGE, false, fmt, ap);
    va_end(ap);
    return false;
}

bool fail_also(Err *err, int status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(err, status, true, fmt, ap);
    va_end(ap);
    return false;
}

_Noreturn void contract_broken(const char *file, int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "limn: bug at %s:%d: ", file, line);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}
