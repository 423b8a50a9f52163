#include "server/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "feed/item.h"

void text_finish(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

void text_clear(struct text *text, size_t keep_max)
{
    if (text->size > keep_max)
        text_finish(text);
    text->len = 0;
    text->failed = false;
}

bool text_grow(struct text *text, size_t more)
{
    if (text->failed)
        return false;
    size_t size = text->size ? text->size : 256;
    while (size - text->len < more)
        size *= 2;
    char *grown = realloc(text->bytes, size);
    if (grown == NULL) {
        text->failed = true;
        return false;
    }
    text->bytes = grown;
    text->size = size;
    return true;
}

void text_puts(struct text *text, const char *string)
{
    text_put(text, string, strlen(string));
}

void text_put_integer(struct text *text, int64_t value)
{
    if (text_reserve(text, JSON_INTEGER_MAX))
        text->len += json_integer(value, text->bytes + text->len);
}

void text_put_json(struct text *text, const char *string, size_t len)
{
    if (text_reserve(text, 6 * len + 2))
        text->len += json_quote(string, len, text->bytes + text->len);
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int len = vsnprintf(NULL, 0, format, args);
    if (len >= 0 && text_reserve(text, (size_t)len + 1))
        text->len += (size_t)vsnprintf(text->bytes + text->len, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
}
