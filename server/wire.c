#include "server/wire.h"

#include <inttypes.h>

#include "feed/item.h"
#include "server/frame.h"
#include "server/record.h"

enum {
    ITEM_ROOM = ITEM_BYTES_MAX + 512, /* with all that may follow it, and the message's end */
    STAMP_DIGITS = 16,                /* until the year 2286 */
};

static const char *const heads[] = {
    [WIRE_SNAPSHOT] = "{\"type\":\"snapshot\",\"data\":[",
    [WIRE_UPDATE] = "{\"type\":\"update\",\"data\":[",
};

/* ---- framing ---- */

static size_t frame_open(struct text *text, enum encoding encoding)
{
    if (encoding != ENCODING_SSE)
        return frame_begin(text);
    const size_t mark = text->len;
    text_puts(text, "data: ");
    return mark;
}

static void frame_close(struct text *text, enum encoding encoding, size_t mark,
                        const struct wire_place *place)
{
    if (encoding != ENCODING_SSE) {
        frame_end(text, mark);
        return;
    }
    if (place != NULL)
        text_printf(text, "\nid: %016" PRIx64 "-%" PRIu64, place->epoch, place->position);
    if (place != NULL && place->run > 0)
        text_printf(text, ".%" PRIu64, place->run);
    text_puts(text, "\n\n");
}

static void put_framed(struct text *text, enum encoding encoding, const char *json, size_t len,
                       const struct wire_place *place)
{
    const size_t mark = frame_open(text, encoding);
    text_put(text, json, len);
    frame_close(text, encoding, mark, place);
}

/* ---- clocks ---- */

/* When a message is written is known at its end. Until then the places for it are a chain: each
 * holds where the one before is. */
static void stamp_reserve(struct wire *wire, size_t len)
{
    struct text *text = wire->text;
    if (!text_reserve(text, len))
        return;
    memcpy(text->bytes + text->len, &wire->stamp, sizeof wire->stamp);
    wire->stamp = text->len;
    text->len += len;
}

static void stamp_write(const struct wire *wire, char *at)
{
    if (wire->encoding == ENCODING_BINARY) {
        record_clock_write(wire->clocks->write_us, (unsigned char *)at);
        return;
    }
    int64_t rest = wire->clocks->write_us;
    for (int i = STAMP_DIGITS; i-- > 0; rest /= 10)
        at[i] = (char)(rest > 0 || i == STAMP_DIGITS - 1 ? '0' + rest % 10 : ' ');
}

static void stamps_write(struct wire *wire)
{
    while (wire->stamp != 0 && !wire->text->failed) {
        char *at = wire->text->bytes + wire->stamp;
        memcpy(&wire->stamp, at, sizeof wire->stamp);
        stamp_write(wire, at);
    }
    wire->stamp = 0;
}

/* RECORD_NO_CLOCK where it is not known. */
static void clocks_of(const struct wire *wire, const struct wire_item *item, int64_t *ingest_us,
                      int64_t *bus_us)
{
    const struct wire_clocks *clocks = wire->clocks;
    const int64_t recv_ns = item->event->recv_ns;
    *ingest_us =
        clocks->has_ingest && recv_ns != EVENT_NO_TIME ? event_us(recv_ns) : RECORD_NO_CLOCK;
    *bus_us = item->emitted_ns > 0 ? event_us(item->emitted_ns + clocks->wall_offset_ns)
                                   : RECORD_NO_CLOCK;
}

static void put_clock(struct text *text, const char *name, int64_t us)
{
    if (us == RECORD_NO_CLOCK)
        return;
    text_puts(text, name);
    text_put_integer(text, us);
    text_puts(text, ",");
}

static void put_clocks(struct wire *wire, const struct wire_item *item)
{
    int64_t ingest_us, bus_us;
    clocks_of(wire, item, &ingest_us, &bus_us);
    text_puts(wire->text, ",\"clocks\":{");
    put_clock(wire->text, "\"ingest\":", ingest_us);
    put_clock(wire->text, "\"bus\":", bus_us);
    text_puts(wire->text, "\"write\":");
    stamp_reserve(wire, STAMP_DIGITS);
    text_puts(wire->text, "}");
}

/* ---- items ---- */

static bool tells_ohlc(const struct wire_item *item)
{
    return item->passed != NULL && item->skipped > 0;
}

/* What goes before an item's closing brace. */
static void put_json_extras(struct wire *wire, const struct wire_item *item)
{
    struct text *text = wire->text;
    if (text->failed)
        return;
    text->len--;
    if (item->skipped > 0) {
        text_put(text, ",\"skipped\":", 11);
        text_put_integer(text, (int64_t)item->skipped);
    }
    if (tells_ohlc(item))
        span_put(item->passed, item->skipped, text);
    if (wire->clocks != NULL)
        put_clocks(wire, item);
    text_put(text, "}", 1);
}

static void put_json(struct wire *wire, struct book *book, const struct wire_item *item,
                     bool is_first)
{
    struct text *text = wire->text;
    const bool comma = !is_first;
    size_t len;
    if (item->event == &book_entry(book, item->stream)->latest) {
        const char *made = book_text(book, item->stream, &len);
        text->failed |= made == NULL;
        if (made != NULL)
            text_put(text, made - comma, len + comma);
    } else {
        const char *prefix = book_prefix(book, item->stream, &len);
        text->failed |= prefix == NULL;
        text_put(text, ",", comma);
        text_put(text, prefix, prefix != NULL ? len : 0);
        if (text_reserve(text, ITEM_BYTES_MAX))
            text->len += item_rest(item->event, text->bytes + text->len);
    }
    if (item->skipped > 0 || wire->clocks != NULL)
        put_json_extras(wire, item);
}

static void put_extras(struct wire *wire, const struct wire_item *item)
{
    struct text *text = wire->text;
    int64_t ingest_us, bus_us;
    if (tells_ohlc(item))
        text->len +=
            record_span(item->passed, item->skipped, (unsigned char *)text->bytes + text->len);
    if (wire->clocks == NULL)
        return;
    clocks_of(wire, item, &ingest_us, &bus_us);
    text->len += record_clocks(ingest_us, bus_us, (unsigned char *)text->bytes + text->len);
    stamp_reserve(wire, 8);
}

static void put_record(struct wire *wire, struct book *book, const struct wire_item *item)
{
    const unsigned extras =
        (tells_ohlc(item) ? RECORD_OHLC : 0u) | (wire->clocks != NULL ? RECORD_CLOCKS : 0u);
    struct text *text = wire->text;
    unsigned char own[RECORD_VALUES_MAX];
    const unsigned char *values = own;
    size_t len;
    if (item->event == &book_entry(book, item->stream)->latest)
        values = book_values(book, item->stream, &len);
    else
        len = record_values(item->event, own);
    text->failed |= values == NULL;
    if (!text_reserve(text, RECORD_BYTES_MAX))
        return;
    text->len += record_put(item->event, item->skipped, wire->base_us, values, len, extras,
                            (unsigned char *)text->bytes + text->len);
    if (extras != 0)
        put_extras(wire, item);
}

/* ---- messages ---- */

static bool has_room(const struct wire *wire)
{
    return wire->text->len - wire->mark < MESSAGE_BYTES_MAX - ITEM_ROOM;
}

static void header_put(struct wire *wire, enum record_frame type, int64_t base_us, size_t len)
{
    unsigned char header[RECORD_HEADER_BYTES];
    record_header(type, base_us, header);
    text_put(wire->text, header, len);
    wire->base_us = base_us;
}

/* Returns true if the message was open already. */
static bool message_open(struct wire *wire, enum wire_type type)
{
    if (wire->type == type && has_room(wire))
        return true;
    wire_end(wire, NULL);
    wire->type = type;
    wire->mark = frame_open(wire->text, wire->encoding);
    return false;
}

void wire_put(struct wire *wire, enum wire_type type, struct book *book,
              const struct wire_item *item)
{
    const bool was_open = message_open(wire, type);
    if (wire->encoding == ENCODING_BINARY) {
        if (!was_open)
            header_put(wire, type == WIRE_SNAPSHOT ? RECORD_SNAPSHOT : RECORD_UPDATE,
                       record_base(item->event), RECORD_HEADER_BYTES);
        put_record(wire, book, item);
        return;
    }
    if (!was_open)
        text_puts(wire->text, heads[type]);
    put_json(wire, book, item, !was_open);
}

void wire_put_definition(struct wire *wire, const struct stream *stream)
{
    if (!message_open(wire, WIRE_DEFINE))
        header_put(wire, RECORD_DEFINE, 0, 1);
    if (text_reserve(wire->text, RECORD_DEFINITION_MAX))
        wire->text->len +=
            record_definition(stream, (unsigned char *)wire->text->bytes + wire->text->len);
}

void wire_end(struct wire *wire, const struct wire_place *place)
{
    if (wire->type == WIRE_NONE)
        return;
    if (wire->clocks != NULL)
        stamps_write(wire);
    if (wire->encoding == ENCODING_BINARY) {
        frame_end_binary(wire->text, wire->mark);
    } else {
        text_put(wire->text, "]}", 2);
        frame_close(wire->text, wire->encoding, wire->mark, place);
    }
    wire->type = WIRE_NONE;
}

void wire_put_empty_snapshot(struct text *text, enum encoding encoding,
                             const struct wire_place *place)
{
    static const char json[] = "{\"type\":\"snapshot\",\"data\":[]}";
    if (encoding != ENCODING_BINARY) {
        put_framed(text, encoding, json, sizeof json - 1, place);
        return;
    }
    struct wire wire = {.text = text, .mark = frame_begin(text)};
    header_put(&wire, RECORD_SNAPSHOT, 0, RECORD_HEADER_BYTES);
    frame_end_binary(text, wire.mark);
}

void wire_put_message(struct text *text, enum encoding encoding, const char *json, size_t len,
                      const struct wire_place *place)
{
    put_framed(text, encoding, json, len, place);
}
