/* file_log.c - files that only grow, and the lock that keeps two processes out of one folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tensor/base/file.h"
#include "tensor/base/file_seam.h"

struct FileLog    { char *path; int fd; int64_t size; };
struct FolderLock { int fd; };

static bool cannot(Err *err, const char *verb, const char *path)
{
    return fail(err, "cannot %s %s: %s", verb, path, strerror(errno));
}

/* ---- append-only files ------------------------------------------------------------------------------------------- */

static bool log_prepare(FileLog *l, int64_t cut_to, Err *err)
{
    struct stat st;

    if (l->fd < 0 || fstat(l->fd, &st) != 0) return cannot(err, "write", l->path);
    l->size = st.st_size;
    if (cut_to < 0) return true;
    if (l->size < cut_to)
        return fail(err, "%s has %lld bytes, but %lld were written to it: it was replaced or cut; put it back", l->path,
                    (long long)l->size, (long long)cut_to);
    if (ftruncate(l->fd, cut_to) != 0) return cannot(err, "cut", l->path);
    l->size = cut_to;
    return true;
}

FileLog *filelog_open(const char *path, int64_t cut_to, Err *err)
{
    FileLog *l = malloc(sizeof *l);
    REQUIRE(l, "filelog_open: out of memory");
    *l = (FileLog){ .path = strdup(path), .fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) };
    if (log_prepare(l, cut_to, err)) return l;
    if (l->fd >= 0) close(l->fd);
    free(l->path);
    free(l);
    return NULL;
}

bool filelog_append(FileLog *l, const void *data, size_t bytes, Err *err)
{
    if (!seam_write(l->fd, data, bytes)) {
        int cause = errno;
        if (ftruncate(l->fd, l->size) != 0) { }      /* no half line stays; if even that fails, the first cause is the news */
        errno = cause;
        return cannot(err, "append to", l->path);
    }
    l->size += (int64_t)bytes;
    return true;
}

int64_t filelog_size(const FileLog *l) { return l->size; }

bool filelog_sync(FileLog *l, Err *err) { return seam_fsync(l->fd) || cannot(err, "write", l->path); }

bool filelog_close(FileLog *l, Err *err)
{
    if (!l) return true;
    bool fine = filelog_sync(l, err);
    close(l->fd);
    free(l->path);
    free(l);
    return fine;
}

/* ---- locks ------------------------------------------------------------------------------------------------------- */

/* "process 4711 (limn)" from what the holder wrote into its lock. */
static void name_holder(int fd, char *text, size_t size)
{
    char    number[32], comm_path[64], comm[64] = "";
    ssize_t n   = pread(fd, number, sizeof number - 1, 0);
    number[n > 0 ? n : 0] = '\0';
    long    pid = strtol(number, NULL, 10);

    if (pid <= 0) {
        snprintf(text, size, "another process");
        return;
    }
    snprintf(comm_path, sizeof comm_path, "/proc/%ld/comm", pid);
    FILE *f = fopen(comm_path, "r");
    if (f && !fgets(comm, sizeof comm, f)) comm[0] = '\0';
    if (f) fclose(f);
    comm[strcspn(comm, "\n")] = '\0';
    snprintf(text, size, comm[0] ? "process %ld (%s)" : "process %ld", pid, comm);
}

FolderLock *folder_lock(const char *folder, Err *err)
{
    char *path = path_join(folder, ".lock");
    int   fd   = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    FolderLock *lock = NULL;

    if (fd < 0) {
        cannot(err, "lock the folder", folder);
    } else if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        /* Who holds it is only for the message of others: a full disk does not matter. */
        if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0) { }
        lock = malloc(sizeof *lock);
        REQUIRE(lock, "folder_lock: out of memory");
        lock->fd = fd;
    } else if (errno == EWOULDBLOCK) {
        char holder[128];
        name_holder(fd, holder, sizeof holder);
        fail(err, "%s is in use by %s; wait until it ends, or stop it", folder, holder);
    } else {
        cannot(err, "lock the folder", folder);
    }
    if (!lock && fd >= 0) close(fd);
    free(path);
    return lock;
}

void folder_unlock(FolderLock *l)
{
    if (!l) return;
    if (ftruncate(l->fd, 0) != 0) { }
    close(l->fd);
    free(l);
}

bool folder_in_use(const char *folder)
{
    char *path = path_join(folder, ".lock");
    int   fd   = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    /* A lock that was given back is empty; to leave it alone keeps out of the way of a process that is about to take it. */
    bool held = fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0) close(fd);
    free(path);
    return held;
}
