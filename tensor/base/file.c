/* file.c - write aside, flush, fsync, rename, fsync the folder.
 *
 * The part file is held with flock while it is written, so that file_begin can tell the parts that dead processes left
 * behind (nobody holds them, and the process in their name is gone) and remove them.                                */
#include "tensor/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tensor/base/file_seam.h"

enum { BUFFER = 1 << 20 };

struct FileWriter {
    char  *path, *part;
    int    fd;
    size_t used;
    char   buffer[BUFFER];
};

static void *need(void *memory)
{
    if (!memory) {
        fprintf(stderr, "limn: out of memory\n");
        exit(ERR_FAILED);
    }
    return memory;
}

static bool cannot(Err *err, const char *verb, const char *path)
{
    return fail(err, "cannot %s %s: %s", verb, path, strerror(errno));
}

static bool cannot_write(Err *err, const FileWriter *w)
{
    int cause = errno;                           /* access() sets it anew */
    const char *left = access(w->path, F_OK) == 0 ? "; the file that was there is unchanged" : "";
    return fail(err, "cannot write %s: %s%s", w->path, strerror(cause), left);
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

char *path_join(const char *folder, const char *name)
{
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') length--;

    const char *slash = length == 0 || (length == 1 && folder[0] == '/') ? "" : "/";
    char *path = NULL;
    if (asprintf(&path, "%.*s%s%s", (int)length, folder, slash, name) < 0) path = NULL;
    return need(path);
}

bool path_stays_inside(const char *path)
{
    int depth = 0;

    if (*path == '/') return false;
    for (const char *part = path; *part;) {
        size_t bytes = strcspn(part, "/");
        if (bytes == 2 && memcmp(part, "..", 2) == 0) depth--;
        else if (bytes && !(bytes == 1 && *part == '.')) depth++;
        if (depth < 0) return false;
        part += bytes;
        part += *part == '/';
    }
    return true;
}

/* The folder of a path, malloc'd: "a/b" -> "a", "/b" -> "/", "b" -> ".". */
static char *path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)        return need(strdup("."));
    if (slash == path) return need(strdup("/"));
    return need(strndup(path, (size_t)(slash - path)));
}

static const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

bool file_bytes(const char *path, int64_t *bytes, Err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) return fail(err, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode)) return fail(err, "%s: is a folder, a file is wanted", path);
    if (!S_ISREG(st.st_mode)) return fail(err, "%s: is not a plain file", path);
    *bytes = st.st_size;
    return true;
}

bool folder_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool folder_make(const char *path, Err *err)
{
    char *sofar = need(strdup(path));
    bool  fine  = true;

    for (char *end = sofar; fine && end; ) {
        end = strchr(end + (*end != '\0'), '/');
        if (end) *end = '\0';
        if (mkdir(sofar, 0777) != 0 && !folder_exists(sofar)) fine = cannot(err, "make the folder", sofar);
        if (end) *end = '/';
    }
    free(sofar);
    return fine;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Does a file of that name, PREFIX.part-PID (PREFIX NULL: any), come from a process that is dead, or from us in an earlier life? */
static bool is_left_over(const char *name, const char *prefix)
{
    const char *part = prefix ? name + strlen(prefix) : strstr(name, ".part-");

    if ((prefix && strncmp(name, prefix, strlen(prefix)) != 0) || !part || strncmp(part, ".part-", 6) != 0) return false;
    char *end;
    long  pid = strtol(part + 6, &end, 10);
    return !*end && pid > 0 && (pid == getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH));
}

/* Nobody may hold it. */
static void remove_left_overs(const char *folder, const char *prefix)
{
    DIR *dir = opendir(folder);

    for (struct dirent *e; dir && (e = readdir(dir)); ) {
        if (!is_left_over(e->d_name, prefix)) continue;
        char *part = path_join(folder, e->d_name);
        int   fd   = open(part, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) unlink(part);
        if (fd >= 0) close(fd);
        free(part);
    }
    if (dir) closedir(dir);
}

static void remove_left_overs_of(const char *path)
{
    char *folder = path_folder(path);
    remove_left_overs(folder, path_name(path));
    free(folder);
}

void folder_forget_parts(const char *folder) { remove_left_overs(folder, NULL); }

static void writer_free(FileWriter *w)
{
    if (w->fd >= 0) close(w->fd);
    free(w->path);
    free(w->part);
    free(w);
}

static int open_part(const char *part) { return open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); }

/* alone: look for what was left of that file by others. */
static FileWriter *begin(const char *path, bool alone, Err *err)
{
    FileWriter *w = need(malloc(sizeof *w));
    *w = (FileWriter){ .path = need(strdup(path)), .fd = -1 };
    if (asprintf(&w->part, "%s.part-%ld", path, (long)getpid()) < 0) need(w->part = NULL);

    if (folder_exists(path)) errno = EISDIR;
    else {
        if (alone) remove_left_overs_of(path);
        w->fd = open_part(w->part);
        if (w->fd < 0 && errno == EEXIST && !alone) {
            remove_left_overs_of(path);
            w->fd = open_part(w->part);
        }
    }
    if (w->fd < 0) {
        cannot(err, "write", path);
        writer_free(w);
        return NULL;
    }
    flock(w->fd, LOCK_EX | LOCK_NB);             /* only a mark for remove_left_overs: file systems without it do too */
    return w;
}

FileWriter *file_begin(const char *path, Err *err) { return begin(path, true, err); }

static bool flush(FileWriter *w, Err *err)
{
    if (!seam_write(w->fd, w->buffer, w->used)) return cannot_write(err, w);
    w->used = 0;
    return true;
}

bool file_write(FileWriter *w, const void *data, size_t bytes, Err *err)
{
    if (bytes > BUFFER - w->used) TRY(flush(w, err));
    if (bytes >= BUFFER) return seam_write(w->fd, data, bytes) || cannot_write(err, w);
    if (bytes) memcpy(w->buffer + w->used, data, bytes);
    w->used += bytes;
    return true;
}

bool file_printf(FileWriter *w, Err *err, const char *fmt, ...)
{
    char   *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int length = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (length < 0) need(text = NULL);

    bool fine = file_write(w, text, (size_t)length, err);
    free(text);
    return fine;
}

static bool sync_folder_of(const char *path)
{
    char *folder = path_folder(path);
    int   fd     = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool  fine   = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);       /* EINVAL: this file system has no such thing */
    int   cause  = errno;
    if (fd >= 0) close(fd);
    free(folder);
    errno = cause;
    return fine;
}

bool file_commit(FileWriter *w, Err *err)
{
    bool fine = flush(w, err);
    if (fine && !seam_fsync(w->fd)) fine = cannot_write(err, w);
    if (fine && rename(w->part, w->path) != 0) fine = cannot_write(err, w);
    if (!fine) unlink(w->part);
    else if (!sync_folder_of(w->path)) fine = cannot(err, "make lasting", w->path);
    writer_free(w);
    return fine;
}

void file_abandon(FileWriter *w)
{
    if (!w) return;
    unlink(w->part);
    writer_free(w);
}

void file_forget_parts(const char *path)
{
    glob_t found;
    char  *pattern = malloc(2 * strlen(path) + sizeof ".part-[0-9]*"), *to = pattern;
    REQUIRE(pattern, "out of memory");
    for (const char *c = path; *c; *to++ = *c++)
        if (strchr("*?[\\", *c)) *to++ = '\\';
    strcpy(to, ".part-[0-9]*");
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) unlink(found.gl_pathv[i]);
        globfree(&found);
    }
    free(pattern);
}

static bool put(FileWriter *w, const void *data, size_t bytes, Err *err)
{
    if (!w) return false;
    if (!file_write(w, data, bytes, err)) {
        file_abandon(w);
        return false;
    }
    return file_commit(w, err);
}

bool file_put(const char *path, const void *data, size_t bytes, Err *err) { return put(begin(path, true, err), data, bytes, err); }
bool file_put_among(const char *path, const void *data, size_t bytes, Err *err) { return put(begin(path, false, err), data, bytes, err); }

/* ---- reading ----------------------------------------------------------------------------------------------------- */

char *file_read(const char *path, size_t *bytes, Err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        cannot(err, "read", path);
        if (fd >= 0) close(fd);
        return NULL;
    }

    size_t room = (st.st_size > 0 ? (size_t)st.st_size : 0) + 1, used = 0;       /* pipes say 0: the buffer grows */
    char  *text = need(malloc(room));
    for (;;) {
        if (used + 1 >= room) text = need(realloc(text, room = 2 * room + 4096));
        ssize_t n = read(fd, text + used, room - used - 1);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            cannot(err, "read", path);
            free(text);
            text = NULL;
        }
        if (n <= 0) break;
        used += (size_t)n;
    }
    close(fd);
    if (text) text[used] = '\0';
    if (text && bytes) *bytes = used;
    return text;
}
