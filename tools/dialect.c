#include "tools/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum dialect dialect_find(const char *name)
{
    if (name == NULL || strcmp(name, "pricecast") == 0)
        return DIALECT_PRICECAST;
    return strcmp(name, "bare") == 0 ? DIALECT_BARE : DIALECT_NATS;
}

/* The answer to PING says that the subscriptions before it are in force. */
static char *nats_greeting(const struct subscribe *what, long *out_len)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return NULL;
    fputs("CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false}\r\n", out);
    for (size_t i = 0; i < what->symbol_count; i++) {
        const char *symbol = what->symbols[i];
        fprintf(out, "SUB %s %zu\r\n", strcmp(symbol, "*") == 0 ? ">" : symbol, i + 1);
    }
    fputs("PING\r\n", out);
    if (fclose(out) != 0)
        return NULL;
    *out_len = (long)size;
    return text;
}

char *dialect_greeting(enum dialect dialect, const struct subscribe *what, long *out_len)
{
    *out_len = -1;
    if (dialect == DIALECT_NATS)
        return nats_greeting(what, out_len);
    if (dialect == DIALECT_BARE) {
        *out_len = 0;
        return NULL;
    }
    size_t len;
    char *text = subscribe_text(what, &len);
    if (text != NULL)
        *out_len = (long)len;
    return text;
}

/* "MSG subject sid bytes": the bytes follow the line, and a line's end follows them. */
static enum nats_op take_message(const char *line, size_t line_len, const char **at, size_t *left,
                                 const char **payload, size_t *payload_len)
{
    const char *number = line + line_len;
    while (number > line && number[-1] != ' ')
        number--;
    size_t len = 0;
    for (; number < line + line_len && len < *left; number++) {
        if (*number < '0' || *number > '9')
            return NATS_BAD;
        len = len * 10 + (size_t)(*number - '0');
    }
    if (*left < 2 || len > *left - 2 || memcmp(*at + len, "\r\n", 2) != 0)
        return NATS_BAD;
    *payload = *at;
    *payload_len = len;
    *at += len + 2;
    *left -= len + 2;
    return NATS_MESSAGE;
}

enum nats_op nats_next(const char **at, size_t *left, const char **payload, size_t *payload_len)
{
    if (*left == 0)
        return NATS_END;
    const char *line = *at, *end = memmem(line, *left, "\r\n", 2);
    if (end == NULL)
        return NATS_BAD;
    const size_t len = (size_t)(end - line);
    *at += len + 2;
    *left -= len + 2;
    if (len > 4 && memcmp(line, "MSG ", 4) == 0)
        return take_message(line, len, at, left, payload, payload_len);
    if (len == 4 && memcmp(line, "PING", 4) == 0)
        return NATS_PING;
    if (len == 4 && memcmp(line, "PONG", 4) == 0)
        return NATS_PONG;
    return len > 4 && memcmp(line, "-ERR", 4) == 0 ? NATS_BAD : NATS_OTHER;
}
