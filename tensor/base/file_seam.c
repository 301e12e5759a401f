/* file_seam.c - write and fsync, and the faults that a test asks for. */
#include "tensor/base/file_seam.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/base/err.h"

typedef struct Fault {
    bool    kill, fsync;
    int64_t at;                                  /* bytes that still go through; INT64_MAX: no such fault */
    int     cause;
} Fault;

static _Atomic int64_t bytes_so_far;

static int cause_named(const char *name)
{
    if (strcmp(name, "ENOSPC") == 0) return ENOSPC;
    if (strcmp(name, "EDQUOT") == 0) return EDQUOT;
    if (strcmp(name, "EIO") == 0)    return EIO;
    contract_broken(__FILE__, __LINE__, "LIMN_FAULT names '%s'; it knows ENOSPC, EDQUOT and EIO", name);
}

/* Read anew each time, so that a test can arm it in the middle. */
static Fault fault_wanted(void)
{
    const char *text = getenv("LIMN_FAULT");
    Fault f = { .at = INT64_MAX };
    char *end;

    if (!text || !*text) return f;
    if (strncmp(text, "fsync:", 6) == 0) {
        f.fsync = true;
        f.cause = cause_named(text + 6);
    } else if (strncmp(text, "kill:", 5) == 0) {
        f.kill = true;
        f.at   = strtoll(text + 5, &end, 10);
    } else if (strncmp(text, "write:", 6) == 0) {
        f.at    = strtoll(text + 6, &end, 10) - 1;           /* the N-th byte is the first that fails */
        f.cause = cause_named(*end == ':' ? end + 1 : end);
        if (f.at < 0) f.at = 0;
    } else {
        contract_broken(__FILE__, __LINE__, "LIMN_FAULT is '%s'; it knows write:N:CAUSE, kill:N and fsync:CAUSE", text);
    }
    return f;
}

static bool write_all(int fd, const char *data, size_t bytes)
{
    while (bytes) {
        ssize_t n = write(fd, data, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        data  += n;
        bytes -= (size_t)n;
    }
    return true;
}

bool seam_write(int fd, const void *data, size_t bytes)
{
    Fault   f      = fault_wanted();
    int64_t before = atomic_fetch_add(&bytes_so_far, (int64_t)bytes);
    int64_t after  = before + (int64_t)bytes;

    if (f.kill ? after < f.at : after <= f.at) return write_all(fd, data, bytes);
    if (f.at > before && !write_all(fd, data, (size_t)(f.at - before))) return false;
    if (f.kill) raise(SIGKILL);
    errno = f.cause;
    return false;
}

bool seam_fsync(int fd)
{
    Fault f = fault_wanted();
    if (f.fsync) {
        errno = f.cause;
        return false;
    }
    return fsync(fd) == 0;
}
