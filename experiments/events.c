/* events.c - the few bytes of protocol buffer that TensorBoard wants, written by hand. */
#include "experiments/events.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensor/base/file.h"

struct Events { FileLog *log; };

/* Castagnoli's polynomial, reflected, bit by bit: an event is some 50 bytes. */
uint32_t crc32c(const void *data, size_t bytes)
{
    const uint8_t *p = data;
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < bytes; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static uint32_t masked(const void *data, size_t bytes)
{
    uint32_t crc = crc32c(data, bytes);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

typedef struct Message { uint8_t bytes[512]; size_t size; } Message;

static void put_bytes(Message *m, const void *data, size_t n)
{
    REQUIRE(m->size + n <= sizeof m->bytes, "events: a message of more than %zu bytes", sizeof m->bytes);
    memcpy(m->bytes + m->size, data, n);
    m->size += n;
}

static void put_little_endian(Message *m, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) put_bytes(m, &(uint8_t){ (uint8_t)(v >> 8 * i) }, 1);
}

static void put_varint(Message *m, uint64_t v)
{
    for (; v > 127; v >>= 7) put_bytes(m, &(uint8_t){ (uint8_t)(v | 128) }, 1);
    put_bytes(m, &(uint8_t){ (uint8_t)v }, 1);
}

static void put_double(Message *m, int field, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, 8);
    put_varint(m, (uint64_t)field << 3 | 1);
    put_little_endian(m, bits, 8);
}

static void put_float(Message *m, int field, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, 4);
    put_varint(m, (uint64_t)field << 3 | 5);
    put_little_endian(m, bits, 4);
}

static void put_nested(Message *m, int field, const void *data, size_t n)
{
    put_varint(m, (uint64_t)field << 3 | 2);
    put_varint(m, n);
    put_bytes(m, data, n);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool write_record(Events *e, const Message *event, Err *err)
{
    Message r = { .size = 0 };

    put_little_endian(&r, event->size, 8);
    put_little_endian(&r, masked(r.bytes, 8), 4);
    put_bytes(&r, event->bytes, event->size);
    put_little_endian(&r, masked(event->bytes, event->size), 4);
    return filelog_append(e->log, r.bytes, r.size, err);
}

Events *events_open(const char *path, int64_t cut_to, Err *err)
{
    FileLog *log = filelog_open(path, cut_to, err);
    if (!log) return NULL;

    Events *e = calloc(1, sizeof *e);
    REQUIRE(e, "out of memory");
    e->log = log;
    if (filelog_size(log) == 0) {
        Message m = { .size = 0 };
        put_double(&m, 1, now());
        put_nested(&m, 3, "brain.Event:2", 13);
        if (!write_record(e, &m, err)) {
            filelog_close(log, &(Err){ 0 });
            free(e);
            return NULL;
        }
    }
    return e;
}

bool events_scalar(Events *e, const char *tag, int64_t step, double value, Err *err)
{
    Message v = { .size = 0 }, summary = { .size = 0 }, event = { .size = 0 };

    put_nested(&v, 1, tag, strlen(tag));
    put_float(&v, 2, (float)value);
    put_nested(&summary, 1, v.bytes, v.size);
    put_double(&event, 1, now());
    put_varint(&event, 2 << 3);
    put_varint(&event, (uint64_t)step);
    put_nested(&event, 5, summary.bytes, summary.size);
    return write_record(e, &event, err);
}

int64_t events_size(const Events *e) { return filelog_size(e->log); }

bool events_sync(Events *e, Err *err) { return filelog_sync(e->log, err); }

bool events_close(Events *e, Err *err)
{
    if (!e) return true;
    bool ok = filelog_close(e->log, err);
    free(e);
    return ok;
}
