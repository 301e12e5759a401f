/* prove.c - is a store intact? By its table of parts alone, which names every array: HDF5 is not needed, and sees nothing of a
 * damaged file. The checksums of pictures are an array like others: when it is intact, so can be the pictures, whatever else is not. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datasets/buffer.h"
#include "datasets/store.h"
#include "datasets/store/file.h"
#include "tensor/base/file.h"

/* What is needed to find and check pictures and masks. */
typedef enum Needed { N_NAMES, N_NAME_OFFSETS, N_OFFSETS, N_SIZE, N_SUMS, N_MASK_SUMS, N_MASK_ITEMS, NEEDED } Needed;
static const char *const NEEDED_NAME[NEEDED] = { "items/name_bytes", "items/name_offsets", "images/offsets", "images/size", "images/xxh64",
                                                 "masks/xxh64", "masks/item_offsets" };
typedef struct Held { char *p; int64_t bytes; bool listed, intact; } Held;

typedef struct Check {
    const char       *path;
    int               fd;
    int64_t           file_bytes, done;
    Parts             parts;
    Held              held[NEEDED];
    Buffer            piece;
    const ProofWatch *watch;
    StoreProof       *proof;
} Check;

static void tell(Check *c, StoreDamage d)
{
    c->proof->damages++;
    c->proof->bad_parts += d.kind == DAMAGE_PART;
    c->proof->bad_pictures += d.kind == DAMAGE_PICTURE;
    c->proof->bad_masks += d.kind == DAMAGE_MASK;
    if (c->watch && c->watch->damaged) c->watch->damaged(&d, c->watch->context);
}

static bool read_at(Check *c, int64_t at, void *to, int64_t bytes, Err *err)
{
    int64_t got = file_read_at(c->fd, at, to, bytes);
    if (got != bytes)
        return fail(err, "%s: bytes %" PRId64 " to %" PRId64 " cannot be read: %s", c->path, at, at + bytes,
                    got < 0 ? strerror(errno) : "it was cut meanwhile");
    c->done += bytes;
    return !c->watch || !c->watch->step || c->watch->step(c->done, c->file_bytes, c->watch->context) || fail(err, "%s: stopped", c->path);
}

/* ---- parts with a hash -------------------------------------------------------------------------------------------------------- */
static int needed(const char *name)
{
    for (int i = 0; i < NEEDED; i++)
        if (strcmp(name, NEEDED_NAME[i]) == 0) return i;
    return -1;
}

/* In blocks; `keep`, of the part's size, may be NULL. */
static bool hash_part(Check *c, const Part *p, char *keep, char hash[65], Err *err)
{
    enum { BLOCK = 1 << 18 };
    Sha256 sha;

    sha256_begin(&sha);
    buffer_room(&c->piece, BLOCK);
    for (int64_t at = 0; at < p->bytes; at += BLOCK) {
        int64_t now = p->bytes - at < BLOCK ? p->bytes - at : BLOCK;
        char   *to = keep ? keep + at : c->piece.p;
        TRY(read_at(c, p->at + at, to, now, err));
        sha256_add(&sha, to, (size_t)now);
    }
    sha256_end(&sha, hash);
    return true;
}

static bool check_part(Check *c, const Part *p, Err *err)
{
    int   which = needed(p->name);
    Held *held = which < 0 ? NULL : &c->held[which];
    char  hash[65];
    StoreDamage damage = { DAMAGE_PART, p->at, p->at + p->bytes, p->at + p->bytes > c->file_bytes, p->name, -1, -1, NULL };

    c->proof->parts++;
    if (held) held->listed = true;
    if (damage.missing) return tell(c, damage), true;
    if (held) {
        held->bytes = p->bytes;
        free(held->p);
        held->p = malloc((size_t)p->bytes + 1);
        REQUIRE(held->p, "out of memory (%" PRId64 " bytes)", p->bytes);
        held->p[p->bytes] = 0;                   /* so that a name ends */
    }
    TRY(hash_part(c, p, held ? held->p : NULL, hash, err));
    bool intact = strcmp(hash, p->sha256) == 0;
    if (held) held->intact = intact;
    if (!intact) tell(c, damage);
    return true;
}

/* ---- pictures and masks -------------------------------------------------------------------------------------------------------- */
static int64_t number(const Held *h, int64_t k)
{
    int64_t v;
    memcpy(&v, h->p + 8 * k, sizeof v);
    return v;
}

static const char *name_of(const Check *c, int64_t item)
{
    const Held *names = &c->held[N_NAMES], *at = &c->held[N_NAME_OFFSETS];
    if (!names->intact || !at->intact || 8 * (item + 1) > at->bytes) return NULL;
    int64_t from = number(at, item);
    return from >= 0 && from < names->bytes ? names->p + from : NULL;
}

/* The first of these that cannot be relied on; NULL: none. */
static const char *lacking(const Check *c, const Needed *wanted, int count)
{
    for (int i = 0; i < count; i++)
        if (!c->held[wanted[i]].intact) return NEEDED_NAME[wanted[i]];
    return NULL;
}

static bool check_piece(Check *c, const Part *p, StoreDamage d, uint64_t sum, Err *err)
{
    d.part = p->name;
    d.missing = d.to > c->file_bytes;
    bool intact = !d.missing;
    if (intact) {
        buffer_room(&c->piece, (size_t)(d.to - d.from) + 1);
        TRY(read_at(c, d.from, c->piece.p, d.to - d.from, err));
        intact = xxh64(c->piece.p, (size_t)(d.to - d.from)) == sum;
    }
    if (!intact) d.name = name_of(c, d.item), tell(c, d);
    return true;
}

static void cannot(Check *c, const Part *p, const char *lack)
{
    tell(c, (StoreDamage){ DAMAGE_UNCHECKED, p->at, p->at + p->bytes, false, p->name, -1, -1, lack });
}

/* Bytes [*from, *to) of the part, of picture i; without offsets pictures lie behind each other as large as images/size says. */
static bool place(const Check *c, const Part *p, bool own, int64_t i, int64_t *from, int64_t *to)
{
    if (own) {
        *from = number(&c->held[N_OFFSETS], i);
        *to = number(&c->held[N_OFFSETS], i + 1);
    } else {
        int32_t side[2];
        memcpy(side, c->held[N_SIZE].p + 8 * i, sizeof side);
        if (side[0] < 0 || side[1] < 0 || side[0] > 65535 || side[1] > 65535) return false;
        *from = *to;
        *to += (int64_t)side[0] * side[1] * 3;
    }
    return *from >= 0 && *from <= *to && *to <= p->bytes;
}

static bool check_pictures(Check *c, const Part *p, Err *err)
{
    const Held *sums = &c->held[N_SUMS];
    bool        own = c->held[N_OFFSETS].listed || strcmp(p->name, "images/files") == 0;
    Needed      places = own ? N_OFFSETS : N_SIZE;
    const char *lack = lacking(c, (const Needed[]){ N_SUMS, places }, 2);
    int64_t     pictures = sums->bytes / 8, from = 0, to = 0;

    if (!lack && c->held[places].bytes < 8 * (pictures + own)) lack = NEEDED_NAME[places];
    for (int64_t i = 0; i < pictures && !lack; i++) {
        if (!place(c, p, own, i, &from, &to)) lack = NEEDED_NAME[places];
        else TRY(check_piece(c, p, (StoreDamage){ DAMAGE_PICTURE, p->at + from, p->at + to, false, NULL, i, -1, NULL },
                             (uint64_t)number(sums, i), err));
        c->proof->pictures++;
    }
    if (lack) cannot(c, p, lack);
    return true;
}

static bool check_masks(Check *c, const Part *p, Err *err)
{
    const Held *sums = &c->held[N_MASK_SUMS], *items = &c->held[N_MASK_ITEMS];
    const char *lack = lacking(c, (const Needed[]){ N_MASK_SUMS, N_MASK_ITEMS }, 2);
    int64_t     masks = sums->bytes / 8, all = items->bytes / 8 - 1;

    if (lack || !masks || all < 1) return cannot(c, p, lack ? lack : NEEDED_NAME[masks ? N_MASK_ITEMS : N_MASK_SUMS]), true;
    for (int64_t m = 0, item = 0, each = p->bytes / masks; m < masks; m++) {
        while (item < all - 1 && number(items, item + 1) <= m) item++;
        int64_t first = number(items, item);
        StoreDamage d = { DAMAGE_MASK, p->at + m * each, p->at + (m + 1) * each, false, NULL, item,
                          first >= 0 && first <= m ? m - first : m, NULL };
        TRY(check_piece(c, p, d, (uint64_t)number(sums, m), err));
        c->proof->masks++;
    }
    return true;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------------- */
static bool read_table(Check *c, Err *err)
{
    char    block[STORE_USER_BLOCK] = { 0 };
    bool    intact;
    int64_t end;
    struct stat st;

    if ((c->fd = open(c->path, O_RDONLY | O_CLOEXEC)) < 0 || fstat(c->fd, &st) != 0) return fail(err, "%s: %s", c->path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return fail(err, "%s: not a file", c->path);
    c->file_bytes = c->proof->bytes = st.st_size;
    TRY(read_at(c, 0, block, st.st_size < STORE_USER_BLOCK ? st.st_size : STORE_USER_BLOCK, err)
        && parts_salvage(block, c->path, &c->parts, &intact, &end, err));
    strcpy(c->proof->hash, intact ? c->parts.hash : "");
    if (!intact) tell(c, (StoreDamage){ DAMAGE_TABLE, 0, STORE_USER_BLOCK, false, NULL, -1, -1, NULL });
    else if (end != st.st_size)
        tell(c, (StoreDamage){ DAMAGE_LENGTH, end < st.st_size ? end : st.st_size, end < st.st_size ? st.st_size : end,
                               end > st.st_size, NULL, -1, -1, NULL });
    return true;
}

static bool check_all(Check *c, Err *err)
{
    TRY(read_table(c, err));
    for (int i = 0; i < c->parts.count; i++)
        if (!c->parts.part[i].by_item) TRY(check_part(c, &c->parts.part[i], err));
    bool bulk = false;
    for (int i = 0; i < c->parts.count; i++) {
        const Part *p = &c->parts.part[i];
        bulk |= p->by_item;
        if (p->by_item) TRY(strcmp(p->name, "masks/bits") ? check_pictures(c, p, err) : check_masks(c, p, err));
    }
    if (!bulk && c->file_bytes > STORE_USER_BLOCK)
        cannot(c, &(Part){ .at = STORE_USER_BLOCK, .bytes = c->file_bytes - STORE_USER_BLOCK, .name = "the pictures" }, "the table of parts");
    return true;
}

static bool conclude(const Check *c, Err *err)
{
    const StoreProof *p = c->proof;
    if (p->damages == 0) {                       /* every byte is what was written: now HDF5 may see it */
        Store *s = store_open(c->path, err);
        store_close(s);
        return s != NULL;
    }
    return fail(err, "%s: the store is damaged: %" PRId64 " of %" PRId64 " parts, %" PRId64 " of %" PRId64 " pictures and %" PRId64 " of %" PRId64
                " masks do not match their checksums; prepare it again, or copy it anew", c->path, p->bad_parts, p->parts, p->bad_pictures,
                p->pictures, p->bad_masks, p->masks);
}

bool store_prove(const char *path, const ProofWatch *w, StoreProof *out, Err *err)
{
    Check c = { .path = path, .fd = -1, .watch = w, .proof = out };

    *out = (StoreProof){ 0 };
    bool ok = check_all(&c, err) && conclude(&c, err);
    if (c.fd >= 0) close(c.fd);
    for (int i = 0; i < NEEDED; i++) free(c.held[i].p);
    free(c.piece.p);
    return ok;
}

void store_damage_text(const StoreDamage *d, char *text, size_t bytes)
{
    char where[64], what[400] = "";
    snprintf(where, sizeof where, "bytes %" PRId64 " to %" PRId64, d->from, d->to);
    if (d->mask >= 0) snprintf(what, sizeof what, "mask %" PRId64 " of ", d->mask);
    if (d->item >= 0)
        snprintf(what + strlen(what), sizeof what - strlen(what), "picture %" PRId64 "%s%.300s", d->item, d->name ? ", " : "",
                 d->name ? d->name : "");

    switch (d->kind) {
    case DAMAGE_TABLE:
        snprintf(text, bytes, "the table of parts (%s) does not match its hash: the rest is checked by what can be read of it", where);
        break;
    case DAMAGE_LENGTH:
        snprintf(text, bytes, d->missing ? "the file ends too early: %s are missing" : "there is something behind the end: %s are too many", where);
        break;
    case DAMAGE_PART: snprintf(text, bytes, "%s (%s) %s", d->part, where, d->missing ? "is cut off" : "does not match its SHA-256"); break;
    case DAMAGE_PICTURE:
    case DAMAGE_MASK: snprintf(text, bytes, "%s (%s) %s", what, where, d->missing ? "is cut off" : "does not match its checksum"); break;
    case DAMAGE_UNCHECKED: snprintf(text, bytes, "%s (%s) cannot be checked: %s is damaged", d->part, where, d->name); break;
    }
}
