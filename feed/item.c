/* Hand-written because every delivered event passes here; nothing is allocated. */
#include "feed/item.h"

#include <string.h>

static char *put(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}
#define PUT(at, literal) put((at), literal, sizeof literal - 1)

size_t json_quote(const char *text, size_t len, char *out)
{
    static const char hex[] = "0123456789abcdef";
    char *at = out;
    *at++ = '"';
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            *at++ = '\\';
            *at++ = (char)c;
        } else if (c < 0x20) {
            at = PUT(at, "\\u00");
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
        } else {
            *at++ = (char)c;
        }
    }
    *at++ = '"';
    return (size_t)(at - out);
}

size_t json_integer(int64_t value, char *out)
{
    const struct decimal number = {
        .mantissa = value < 0 ? -(uint64_t)value : (uint64_t)value,
        .form = value < 0 ? DECIMAL_NEGATIVE : 0,
    };
    return decimal_format(number, out);
}

size_t item_prefix(const struct stream *stream, char *out)
{
    char *at = PUT(out, "{\"kind\":\"");
    const char *kind = event_kind_name(stream->kind);
    at = put(at, kind, strlen(kind));
    at = PUT(at, "\",\"symbol\":");
    at += json_quote(stream->symbol, strlen(stream->symbol), at);
    at = PUT(at, ",\"source\":");
    at += json_quote(stream->source, strlen(stream->source), at);
    at = PUT(at, ",\"seq\":");
    return (size_t)(at - out);
}

/* `name` is the whole `,"price":"` up to the value. */
static char *put_value(char *at, const char *name, size_t name_len, const struct price_event *event,
                       int which)
{
    const struct decimal value = event_value(event, which);
    if (decimal_is_absent(value))
        return at;
    at = put(at, name, name_len);
    at += decimal_format(value, at);
    *at++ = '"';
    return at;
}
#define PUT_VALUE(at, name, event, which)                                                          \
    put_value((at), ",\"" name "\":\"", sizeof name + 4, (event), (which))

size_t item_rest(const struct price_event *event, char *out)
{
    char *at = out + decimal_format((struct decimal){.mantissa = event->seq}, out);
    if (event->ts_ns != EVENT_NO_TIME) {
        at = PUT(at, ",\"ts\":");
        at += json_integer(event_us(event->ts_ns), at);
    }
    if (event->recv_ns != EVENT_NO_TIME) {
        at = PUT(at, ",\"recv\":");
        at += json_integer(event_us(event->recv_ns), at);
    }
    if (event->kind == EVENT_TRADE) {
        at = PUT_VALUE(at, "price", event, VALUE_PRICE);
        at = PUT_VALUE(at, "size", event, VALUE_SIZE);
        if (event->detail == SIDE_BUY)
            at = PUT(at, ",\"side\":\"buy\"");
        else if (event->detail == SIDE_SELL)
            at = PUT(at, ",\"side\":\"sell\"");
    } else {
        at = PUT_VALUE(at, "bid", event, VALUE_BID);
        at = PUT_VALUE(at, "bid_size", event, VALUE_BID_SIZE);
        at = PUT_VALUE(at, "ask", event, VALUE_ASK);
        at = PUT_VALUE(at, "ask_size", event, VALUE_ASK_SIZE);
    }
    *at++ = '}';
    return (size_t)(at - out);
}
