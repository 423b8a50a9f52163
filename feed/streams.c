/* Entries live in chunks that are allocated once and never move, so readers on other threads need
 * no lock: the release store of `count` makes an entry visible after it is complete. */
#include "feed/streams.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { CHUNK_STREAMS = 1024 };

/* The names stand behind the entry: key = kind, source, NUL, symbol, NUL. */
struct entry {
    struct stream stream;
    UT_hash_handle hh;
    char key[];
};

struct streams {
    struct entry *by_key;
    _Atomic uint32_t count;
    uint32_t max;
    struct stream **chunks; /* max / CHUNK_STREAMS pointers, filled as needed */
};

struct streams *streams_create(uint32_t max)
{
    if (max == 0 || max > STREAMS_MAX_LIMIT)
        return NULL;
    struct streams *streams = calloc(1, sizeof *streams);
    if (streams == NULL)
        return NULL;
    streams->max = max;
    streams->chunks = calloc((max + CHUNK_STREAMS - 1) / CHUNK_STREAMS, sizeof *streams->chunks);
    if (streams->chunks == NULL) {
        free(streams);
        return NULL;
    }
    return streams;
}

void streams_destroy(struct streams *streams)
{
    if (streams == NULL)
        return;
    struct entry *entry, *next;
    HASH_ITER(hh, streams->by_key, entry, next)
    {
        HASH_DEL(streams->by_key, entry);
        free(entry);
    }
    for (uint32_t i = 0; i * CHUNK_STREAMS < streams->max; i++)
        free(streams->chunks[i]);
    free(streams->chunks);
    free(streams);
}

/* Names are well-formed UTF-8 (RFC 3629): no overlong forms, surrogates or values past U+10FFFF. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    if (at[0] < 0x80)
        return 1;
    const size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

bool name_is_valid(const char *name, size_t len)
{
    if (len == 0 || len > NAME_BYTES_MAX)
        return false;
    const unsigned char *at = (const unsigned char *)name;
    for (size_t i = 0; i < len;) {
        const size_t length = utf8_length(at + i, len - i);
        const bool is_control =
            at[i] < 0x20 || at[i] == 0x7f || (at[i] == 0xc2 && at[i + 1] < 0xa0);
        if (length == 0 || is_control)
            return false;
        i += length;
    }
    return true;
}

static struct stream *slot_make(struct streams *streams, uint32_t number)
{
    struct stream **chunk = &streams->chunks[number / CHUNK_STREAMS];
    if (*chunk == NULL)
        *chunk = calloc(CHUNK_STREAMS, sizeof **chunk);
    return *chunk == NULL ? NULL : *chunk + number % CHUNK_STREAMS;
}

static long stream_add(struct streams *streams, const char *key, size_t key_len, size_t source_len)
{
    const uint32_t number = atomic_load_explicit(&streams->count, memory_order_relaxed);
    if (number >= streams->max)
        return -ENOSPC;
    struct stream *slot = slot_make(streams, number);
    struct entry *entry = slot == NULL ? NULL : calloc(1, sizeof *entry + key_len);
    if (entry == NULL)
        return -ENOMEM;
    memcpy(entry->key, key, key_len);
    entry->stream = (struct stream){
        .number = number,
        .kind = (enum event_kind)key[0],
        .source = entry->key + 1,
        .symbol = entry->key + 1 + source_len + 1,
    };
    HASH_ADD(hh, streams->by_key, key[0], key_len, entry);
    if (entry->hh.tbl == NULL) {
        free(entry);
        return -ENOMEM;
    }
    *slot = entry->stream;
    atomic_store_explicit(&streams->count, number + 1, memory_order_release);
    return number;
}

long streams_intern(struct streams *streams, const char *source, size_t source_len,
                    const char *symbol, size_t symbol_len, enum event_kind kind)
{
    char key[2 * NAME_BYTES_MAX + 3];
    if (source_len > NAME_BYTES_MAX || symbol_len > NAME_BYTES_MAX)
        return -EINVAL;
    key[0] = (char)kind;
    memcpy(key + 1, source, source_len);
    key[1 + source_len] = '\0';
    memcpy(key + 2 + source_len, symbol, symbol_len);
    key[2 + source_len + symbol_len] = '\0';
    const size_t key_len = source_len + symbol_len + 3;
    struct entry *found;
    HASH_FIND(hh, streams->by_key, key, key_len, found);
    if (found != NULL)
        return found->stream.number;
    if (!name_is_valid(source, source_len) ||
        (kind != EVENT_FEED && !name_is_valid(symbol, symbol_len)))
        return -EINVAL;
    return stream_add(streams, key, key_len, source_len);
}

const struct stream *streams_get(const struct streams *streams, uint32_t number)
{
    return streams->chunks[number / CHUNK_STREAMS] + number % CHUNK_STREAMS;
}

uint32_t streams_count(const struct streams *streams)
{
    return atomic_load_explicit(&streams->count, memory_order_acquire);
}

uint32_t streams_room(const struct streams *streams)
{
    return streams->max > STREAMS_MAX_DEFAULT ? streams->max : STREAMS_MAX_DEFAULT;
}
