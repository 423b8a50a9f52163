#include "tools/feed_csv.h"

#include <string.h>

#include "feed/item.h"

static char *put_text(char *at, const char *text)
{
    const size_t len = strlen(text);
    memcpy(at, text, len);
    return at + len;
}

/* Names have no control characters, so only commas and quotes matter. */
static char *put_name(char *at, const char *name)
{
    if (strpbrk(name, ",\"") == NULL)
        return put_text(at, name);
    *at++ = '"';
    for (; *name != '\0'; name++) {
        if (*name == '"')
            *at++ = '"';
        *at++ = *name;
    }
    *at++ = '"';
    return at;
}

static char *put_time(char *at, int64_t ns)
{
    return ns == EVENT_NO_TIME ? at : at + json_integer(event_us(ns), at);
}

static char *put_value(char *at, const struct price_event *event, int which)
{
    const struct decimal value = event_value(event, which);
    *at++ = ',';
    return decimal_is_absent(value) ? at : at + decimal_format(value, at);
}

size_t csv_row(const struct stream *stream, const struct price_event *event, char *out)
{
    static const char *const sides[] = {[SIDE_NONE] = "", [SIDE_BUY] = "buy", [SIDE_SELL] = "sell"};
    char *at = put_time(out, event->ts_ns);
    *at++ = ',';
    at = put_time(at, event->recv_ns);
    *at++ = ',';
    at = put_name(at, stream->symbol);
    *at++ = ',';
    at = put_name(at, stream->source);
    *at++ = ',';
    at = put_text(at, event_kind_name(stream->kind));
    if (event->kind == EVENT_TRADE) {
        at = put_value(at, event, VALUE_PRICE);
        at = put_value(at, event, VALUE_SIZE);
        *at++ = ',';
        at = put_text(at, event->detail <= SIDE_SELL ? sides[event->detail] : "");
        at = put_text(at, ",,,,");
    } else {
        at = put_text(at, ",,,");
        at = put_value(at, event, VALUE_BID);
        at = put_value(at, event, VALUE_BID_SIZE);
        at = put_value(at, event, VALUE_ASK);
        at = put_value(at, event, VALUE_ASK_SIZE);
    }
    *at++ = '\n';
    return (size_t)(at - out);
}
