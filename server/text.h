/* text: a growing buffer of bytes.
 *
 * Memory running out is remembered in `failed` and makes every later call do nothing, so callers
 * check once, at the end. One thread. A zeroed struct is an empty text. */
#ifndef PRICECAST_SERVER_TEXT_H
#define PRICECAST_SERVER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    char *bytes; /* owned; no end mark */
    size_t len, size;
    bool failed;
};

void text_finish(struct text *text);

/* Empties the text and keeps its memory, unless that is above keep_max bytes. */
void text_clear(struct text *text, size_t keep_max);

/* Makes room for `more` bytes behind `len`; returns false if there is no memory. */
bool text_grow(struct text *text, size_t more);
static inline bool text_reserve(struct text *text, size_t more)
{
    return (text->size - text->len >= more && !text->failed) || text_grow(text, more);
}

static inline void text_put(struct text *text, const void *bytes, size_t len)
{
    if (len == 0 || !text_reserve(text, len))
        return;
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

void text_puts(struct text *text, const char *string);
void text_put_integer(struct text *text, int64_t value);
void text_put_json(struct text *text, const char *string, size_t len); /* as a JSON string */
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
