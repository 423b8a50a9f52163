#include "server/book.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "feed/item.h"
#include "server/record.h"
#include "server/text.h"

enum { CHUNK = 256, TURN_TEXT_KEEP_MAX = 4 << 20 };

struct symbol {
    UT_hash_handle hh;
    uint32_t *streams;
    uint32_t count;
    char name[];
};

struct book {
    const struct streams *streams;
    struct book_entry *
        *chunks; /* entries must not move: audiences keep their numbers, texts grow */
    uint32_t count, chunks_size;
    struct symbol *symbols;
    struct text texts; /* of this turn */
    uint64_t turn;
};

struct book *book_create(const struct streams *streams)
{
    struct book *book = calloc(1, sizeof *book);
    if (book != NULL) {
        book->streams = streams;
        book->turn = 1;
    }
    return book;
}

void book_destroy(struct book *book)
{
    if (book == NULL)
        return;
    for (uint32_t i = 0; i < book->count; i++) {
        free(book_entry(book, i)->prefix);
        free(book_entry(book, i)->routes);
    }
    for (uint32_t i = 0; i < book->chunks_size; i++)
        free(book->chunks[i]);
    free(book->chunks);
    struct symbol *symbol, *next;
    HASH_ITER(hh, book->symbols, symbol, next)
    {
        HASH_DEL(book->symbols, symbol);
        free(symbol->streams);
        free(symbol);
    }
    text_finish(&book->texts);
    free(book);
}

uint32_t book_count(const struct book *book)
{
    return book->count;
}

struct book_entry *book_entry(const struct book *book, uint32_t stream)
{
    return &book->chunks[stream / CHUNK][stream % CHUNK];
}

/* ---- learning streams ---- */

static bool symbol_note(struct book *book, const struct stream *stream)
{
    const size_t len = strlen(stream->symbol);
    struct symbol *symbol;
    HASH_FIND(hh, book->symbols, stream->symbol, len, symbol);
    if (symbol == NULL) {
        symbol = calloc(1, sizeof *symbol + len + 1);
        if (symbol == NULL)
            return false;
        memcpy(symbol->name, stream->symbol, len);
        HASH_ADD(hh, book->symbols, name[0], len, symbol);
        if (symbol->hh.tbl == NULL) {
            free(symbol);
            return false;
        }
    }
    uint32_t *grown = realloc(symbol->streams, (symbol->count + 1) * sizeof *grown);
    if (grown == NULL)
        return false;
    grown[symbol->count++] = stream->number;
    symbol->streams = grown;
    return true;
}

static bool chunk_make(struct book *book)
{
    struct book_entry **grown =
        realloc(book->chunks, (book->chunks_size + 1) * sizeof *book->chunks);
    if (grown == NULL)
        return false;
    book->chunks = grown;
    struct book_entry *chunk = aligned_alloc(_Alignof(struct book_entry), CHUNK * sizeof *chunk);
    if (chunk == NULL)
        return false;
    memset(chunk, 0, CHUNK * sizeof *chunk);
    grown[book->chunks_size++] = chunk;
    return true;
}

bool book_learn(struct book *book, uint32_t stream, void (*added)(void *ctx, uint32_t stream),
                void *ctx)
{
    while (book->count <= stream) {
        if (book->count == book->chunks_size * CHUNK && !chunk_make(book))
            return false;
        const struct stream *names = streams_get(book->streams, book->count);
        if (names->kind < EVENT_KINDS_PRICE && !symbol_note(book, names))
            return false;
        book_entry(book, book->count)->stream = names;
        book->count++;
        added(ctx, book->count - 1);
    }
    return true;
}

void book_symbol(const struct book *book, const char *symbol,
                 void (*visit)(void *ctx, uint32_t stream), void *ctx)
{
    struct symbol *found;
    HASH_FIND(hh, book->symbols, symbol, strlen(symbol), found);
    for (uint32_t i = 0; found != NULL && i < found->count; i++)
        visit(ctx, found->streams[i]);
}

/* ---- texts ---- */

static bool prefix_make(struct book_entry *entry)
{
    char prefix[ITEM_PREFIX_MAX];
    const size_t len = item_prefix(entry->stream, prefix);
    entry->prefix = malloc(len);
    if (entry->prefix == NULL)
        return false;
    memcpy(entry->prefix, prefix, len);
    entry->prefix_len = (uint32_t)len;
    return true;
}

const char *book_prefix(struct book *book, uint32_t stream, size_t *len)
{
    struct book_entry *entry = book_entry(book, stream);
    if (entry->prefix == NULL && !prefix_make(entry))
        return NULL;
    *len = entry->prefix_len;
    return entry->prefix;
}

static bool piece_is_made(const struct book *book, const struct book_entry *entry,
                          const struct book_piece *piece)
{
    return piece->turn == book->turn && piece->seq == entry->latest.seq;
}

/* What was appended to the texts since `at`. */
static struct book_piece piece_since(const struct book *book, const struct book_entry *entry,
                                     size_t at)
{
    return (struct book_piece){
        .at = at,
        .len = (uint32_t)(book->texts.len - at),
        .turn = book->turn,
        .seq = entry->latest.seq,
    };
}

const char *book_text(struct book *book, uint32_t stream, size_t *len)
{
    struct book_entry *entry = book_entry(book, stream);
    struct text *texts = &book->texts;
    if (!piece_is_made(book, entry, &entry->text)) {
        const size_t at = texts->len;
        if ((entry->prefix == NULL && !prefix_make(entry)) ||
            !text_reserve(texts, ITEM_BYTES_MAX + 1))
            return NULL;
        text_put(texts, ",", 1);
        text_put(texts, entry->prefix, entry->prefix_len);
        texts->len += item_rest(&entry->latest, texts->bytes + texts->len);
        entry->text = piece_since(book, entry, at);
    }
    *len = entry->text.len - 1;
    return texts->bytes + entry->text.at + 1;
}

const unsigned char *book_values(struct book *book, uint32_t stream, size_t *len)
{
    struct book_entry *entry = book_entry(book, stream);
    struct text *texts = &book->texts;
    if (!piece_is_made(book, entry, &entry->values)) {
        const size_t at = texts->len;
        if (!text_reserve(texts, RECORD_VALUES_MAX))
            return NULL;
        texts->len += record_values(&entry->latest, (unsigned char *)texts->bytes + at);
        entry->values = piece_since(book, entry, at);
    }
    *len = entry->values.len;
    return (const unsigned char *)texts->bytes + entry->values.at;
}

void book_turn(struct book *book)
{
    if (book->texts.len == 0)
        return;
    text_clear(&book->texts, TURN_TEXT_KEEP_MAX);
    book->turn++;
}

void book_reset(struct book *book)
{
    for (uint32_t i = 0; i < book->count; i++)
        book_entry(book, i)->latest.seq = 0;
    book->turn++;
}

/* ---- routes ---- */

long book_route_add(struct book *book, uint32_t stream, struct route route)
{
    struct book_entry *entry = book_entry(book, stream);
    if (entry->routes_count == entry->routes_size) {
        const uint32_t size = entry->routes_size ? entry->routes_size * 2 : 4;
        struct route *grown = realloc(entry->routes, size * sizeof *grown);
        if (grown == NULL)
            return -1;
        entry->routes = grown;
        entry->routes_size = size;
    }
    entry->routes[entry->routes_count] = route;
    return entry->routes_count++;
}

/* Two routes change places; *moved is what came to `place`. */
static uint32_t routes_swap(struct book_entry *entry, uint32_t place, uint32_t with,
                            struct route *moved)
{
    const struct route route = entry->routes[place];
    *moved = (struct route){0};
    if (place == with)
        return place;
    *moved = entry->routes[place] = entry->routes[with];
    entry->routes[with] = route;
    return with;
}

uint32_t book_route_wake(struct book *book, uint32_t stream, uint32_t place, struct route *moved)
{
    struct book_entry *entry = book_entry(book, stream);
    assert(place >= entry->routes_awake);
    return routes_swap(entry, place, entry->routes_awake++, moved);
}

uint32_t book_route_sleep(struct book *book, uint32_t stream, uint32_t place, struct route *moved)
{
    struct book_entry *entry = book_entry(book, stream);
    assert(place < entry->routes_awake);
    return routes_swap(entry, place, --entry->routes_awake, moved);
}

void book_route_remove(struct book *book, uint32_t stream, uint32_t place, struct route *moved)
{
    struct book_entry *entry = book_entry(book, stream);
    assert(place >= entry->routes_awake);
    routes_swap(entry, place, --entry->routes_count, moved);
}
