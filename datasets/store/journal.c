/* journal.c - opening, going on with, appending to and reading a journal. */
#include "datasets/store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/store/file.h"

static const char FIRST_LINE[] = "limn journal, layout 2\n";
typedef struct Intro { char line[sizeof FIRST_LINE - 1]; uint64_t bytes, sum; } Intro;

/* Its owner removes it when done, so what we locked may just have ceased to be the file of that name. */
static int lock(const char *path, Err *err)
{
    for (;;) {
        struct stat ours, there;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0) return fail(err, "cannot write %s: %s", path, strerror(errno)), -1;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) fail(err, "%s: another process is writing this store", path);
            else fail(err, "cannot lock %s: %s", path, strerror(errno));
            close(fd);
            return -1;
        }
        if (fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev) return fd;
        close(fd);
    }
}

bool journal_bytes(const Journal *j, int64_t at, void *to, int64_t bytes, Err *err)
{
    int64_t got = file_read_at(j->fd, at, to, bytes);
    return got == bytes || fail(err, "%s: cannot be read back: %s", j->path, got < 0 ? strerror(errno) : "it was cut short");
}

/* ---- what an earlier writer left -------------------------------------------------------------------------------------- */
typedef enum Found { FOUND_NOTHING, FOUND_OURS, FOUND_OTHER, FOUND_NO_JOURNAL } Found;

static Found find_head(const Journal *j, const char *head)
{
    Intro   in;
    int64_t bytes = (int64_t)strlen(head);

    int64_t got = file_read_at(j->fd, 0, &in, sizeof in);
    if (got > 0 && memcmp(in.line, FIRST_LINE, got < 12 ? (size_t)got : 12) != 0) return FOUND_NO_JOURNAL;      /* not even "limn journal" */
    if (got != sizeof in || memcmp(in.line, FIRST_LINE, sizeof in.line) != 0) return FOUND_NOTHING;
    if (in.bytes > 1u << 28) return FOUND_NOTHING;
    char *there = malloc((size_t)in.bytes + 1);
    REQUIRE(there, "out of memory");
    bool whole = file_read_at(j->fd, sizeof in, there, (int64_t)in.bytes) == (int64_t)in.bytes && xxh64(there, (size_t)in.bytes) == in.sum;
    bool same = whole && (int64_t)in.bytes == bytes && memcmp(there, head, (size_t)bytes) == 0;
    free(there);
    return same ? FOUND_OURS : whole ? FOUND_OTHER : FOUND_NOTHING;
}

static bool sums_fit(const RecordView *v, const char *bulk, const RecordHead *h)
{
    if (v->stored && xxh64(bulk, (size_t)h->picture) != v->picture_sum) return false;
    int64_t masks = v->stored ? v->item.mask_objects : 0;
    for (int64_t i = 0; i < masks; i++) {
        uint64_t sum, each = h->masks / (uint64_t)masks;
        memcpy(&sum, v->mask_sums + (size_t)i * sizeof sum, sizeof sum);
        if (xxh64(bulk + h->picture + (uint64_t)i * each, (size_t)each) != sum) return false;
    }
    return true;
}

/* The size of the whole record at `at`; 0 when there is none, or only a part of one. */
static int64_t check_record(const Journal *j, int64_t at, int64_t file_bytes, Buffer *room, RecordView *v)
{
    RecordHead h;
    if (file_read_at(j->fd, at, &h, sizeof h) != sizeof h || !record_head_fits(&h)) return 0;
    int64_t body = (int64_t)(h.meta + h.picture + h.masks);
    if (body > file_bytes - at - (int64_t)sizeof h) return 0;

    room->used = 0;
    buffer_room(room, (size_t)body + 1);
    if (file_read_at(j->fd, at + (int64_t)sizeof h, room->p, body) != body || xxh64(room->p, (size_t)h.meta) != h.sum) return 0;
    return record_view(room->p, (size_t)h.meta, v) && sums_fit(v, room->p + h.meta, &h) ? (int64_t)sizeof h + body : 0;
}

static int64_t find_records(Journal *j)
{
    struct stat st;
    Buffer      room = { 0 };
    RecordView  v = { 0 };
    int64_t     at = j->begin, bytes;

    if (fstat(j->fd, &st) != 0) return at;
    while ((bytes = check_record(j, at, st.st_size, &room, &v)) > 0) {
        buffer_add(&j->at, &at, sizeof at);
        j->items += v.stored;
        at += bytes;
    }
    free(room.p);
    record_view_free(&v);
    return at;
}

/* ---- opening and closing ----------------------------------------------------------------------------------------------- */
static bool begin(Journal *j, const char *head, Err *err)
{
    Intro in = { .bytes = strlen(head), .sum = xxh64(head, strlen(head)) };
    memcpy(in.line, FIRST_LINE, sizeof in.line);
    return (j->log = filelog_open(j->path, 0, err)) && filelog_append(j->log, &in, sizeof in, err)
        && filelog_append(j->log, head, strlen(head), err);
}

bool journal_open(Journal *j, const char *store, const char *head, bool keep, bool restart, Err *err)
{
    *j = (Journal){ .path = malloc(strlen(store) + sizeof ".journal"), .fd = -1 };
    REQUIRE(j->path, "out of memory");
    strcpy(stpcpy(j->path, store), ".journal");
    if ((j->fd = lock(j->path, err)) < 0) return false;
    file_forget_parts(store);

    j->begin = (int64_t)(sizeof(Intro) + strlen(head));
    Found found = keep && !restart ? find_head(j, head) : FOUND_NOTHING;
    if (found == FOUND_NO_JOURNAL)
        return fail(err, "%s is there and is no journal of limn's: it stays; choose another name for the store, remove it, or --restart", j->path);
    if (found == FOUND_OTHER)
        return fail(err, "%s holds what was prepared with other options or inputs: start with the same ones to go on, "
                    "or with --restart to throw it away", j->path);
    if (found == FOUND_NOTHING) return begin(j, head, err);
    return (j->log = filelog_open(j->path, find_records(j), err)) != NULL;
}

void journal_close(Journal *j, bool keep)
{
    Err ignored = { 0 };

    if (j->fd >= 0) {
        /* One that we could not use stays as it is; one to be removed is emptied first: closing would flush it all to the disk. */
        if (j->log && !keep && ftruncate(j->fd, 0) == 0) unlink(j->path);
        if (j->log) filelog_close(j->log, &ignored);
        close(j->fd);                            /* last: it holds the lock */
    }
    free(j->at.p);
    free(j->meta.p);
    free(j->path);
    *j = (Journal){ .fd = -1 };
}

/* ---- records ----------------------------------------------------------------------------------------------------------- */
bool journal_append(Journal *j, const StoreRecord *r, Err *err)
{
    int64_t    at = filelog_size(j->log);
    RecordHead h;
    TRY(filelog_append(j->log, r->bytes.p, r->bytes.used, err));
    memcpy(&h, r->bytes.p, sizeof h);
    buffer_add(&j->at, &at, sizeof at);
    j->items += h.picture > 0;
    return true;
}

bool journal_read(Journal *j, int64_t record, RecordView *v, JournalBulk *bulk, Err *err)
{
    int64_t    at = ((const int64_t *)(const void *)j->at.p)[record];
    RecordHead h;

    TRY(journal_bytes(j, at, &h, sizeof h, err));
    if (!record_head_fits(&h)) return fail(err, "%s: does not read back as it was written", j->path);
    j->meta.used = 0;
    buffer_room(&j->meta, (size_t)h.meta + 1);
    at += (int64_t)sizeof h;
    TRY(journal_bytes(j, at, j->meta.p, (int64_t)h.meta, err));
    if (bulk) *bulk = (JournalBulk){ at + (int64_t)h.meta, (int64_t)h.picture, (int64_t)h.masks };
    return (xxh64(j->meta.p, (size_t)h.meta) == h.sum && record_view(j->meta.p, (size_t)h.meta, v))
        || fail(err, "%s: does not read back as it was written", j->path);
}
