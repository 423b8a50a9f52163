#include "server/wire.h"

#include <inttypes.h>

#include "feed/item.h"
#include "server/frame.h"

enum { ITEM_ROOM = ITEM_BYTES_MAX + 128 }; /* with its skipped, a comma and the message's end */

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
    text_puts(text, "\n\n");
}

/* ---- items ---- */

static void put_json(struct text *text, struct book *book, const struct wire_item *item)
{
    size_t len;
    if (item->event == &book_entry(book, item->stream)->latest) {
        const char *made = book_text(book, item->stream, &len);
        text_put(text, made, made != NULL ? len : 0);
        text->failed |= made == NULL;
    } else {
        const char *prefix = book_prefix(book, item->stream, &len);
        text_put(text, prefix, prefix != NULL ? len : 0);
        text->failed |= prefix == NULL;
        if (text_reserve(text, ITEM_BYTES_MAX))
            text->len += item_rest(item->event, text->bytes + text->len) - 1;
    }
    if (item->skipped > 0) {
        text_put(text, ",\"skipped\":", 11);
        text_put_integer(text, (int64_t)item->skipped);
    }
    text_put(text, "}", 1);
}

/* ---- messages ---- */

void wire_put(struct wire *wire, enum wire_type type, struct book *book,
              const struct wire_item *item)
{
    struct text *text = wire->text;
    if (wire->type == type && text->len - wire->mark < MESSAGE_BYTES_MAX - ITEM_ROOM) {
        text_put(text, ",", 1);
    } else {
        wire_end(wire, NULL);
        wire->type = type;
        wire->mark = frame_open(text, wire->encoding);
        text_puts(text, heads[type]);
    }
    put_json(text, book, item);
}

void wire_end(struct wire *wire, const struct wire_place *place)
{
    if (wire->type == WIRE_NONE)
        return;
    text_put(wire->text, "]}", 2);
    frame_close(wire->text, wire->encoding, wire->mark, place);
    wire->type = WIRE_NONE;
}

void wire_put_empty_snapshot(struct text *text, enum encoding encoding)
{
    static const char json[] = "{\"type\":\"snapshot\",\"data\":[]}";
    wire_put_message(text, encoding, json, sizeof json - 1);
}

void wire_put_message(struct text *text, enum encoding encoding, const char *json, size_t len)
{
    const size_t mark = frame_open(text, encoding);
    text_put(text, json, len);
    frame_close(text, encoding, mark, NULL);
}
