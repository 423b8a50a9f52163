#include "tools/subscribe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/item.h"

enum { FIXED_PART_MAX = 256 }; /* all but the symbols and kinds */

static size_t text_size(const struct subscribe *what)
{
    size_t size = FIXED_PART_MAX;
    for (size_t i = 0; i < what->symbol_count; i++)
        size += 6 * strlen(what->symbols[i]) + 3;
    return size + (what->kinds != NULL ? 3 * strlen(what->kinds) : 0);
}

static char *put_kinds(char *at, const char *kinds)
{
    at += sprintf(at, ",\"kinds\":[");
    for (bool is_first = true; *kinds != '\0'; is_first = false) {
        const size_t len = strcspn(kinds, ",");
        at += sprintf(at, "%s\"%.*s\"", is_first ? "" : ",", (int)len, kinds);
        kinds += len + (kinds[len] == ',');
    }
    return at + sprintf(at, "]");
}

static char *put_symbols(char *at, const struct subscribe *what)
{
    for (size_t i = 0; i < what->symbol_count; i++) {
        if (i > 0)
            *at++ = ',';
        at += json_quote(what->symbols[i], strlen(what->symbols[i]), at);
    }
    return at + sprintf(at, "]");
}

char *subscribe_text(const struct subscribe *what, size_t *out_len)
{
    char *text = malloc(text_size(what));
    if (text == NULL)
        return NULL;
    char *at = text + sprintf(text, "{\"op\":\"subscribe\",\"id\":%d,\"symbols\":[", SUBSCRIBE_ID);
    at = put_symbols(at, what);
    if (what->kinds != NULL)
        at = put_kinds(at, what->kinds);
    if (what->mode != NULL)
        at += sprintf(at, ",\"mode\":\"%s\"", what->mode);
    if (what->max_rate > 0)
        at += sprintf(at, ",\"max_rate\":%.10g", what->max_rate);
    if (what->has_ohlc)
        at += sprintf(at, ",\"ohlc\":true");
    if (what->has_clocks)
        at += sprintf(at, ",\"clocks\":true");
    if (what->has_no_snapshot)
        at += sprintf(at, ",\"snapshot\":false");
    at += sprintf(at, "}");
    *out_len = (size_t)(at - text);
    return text;
}

char *unsubscribe_text(const struct subscribe *what, size_t *out_len)
{
    char *text = malloc(text_size(what));
    if (text == NULL)
        return NULL;
    char *at = text + sprintf(text, "{\"op\":\"unsubscribe\",\"symbols\":[");
    at = put_symbols(at, what);
    at += sprintf(at, "}");
    *out_len = (size_t)(at - text);
    return text;
}
