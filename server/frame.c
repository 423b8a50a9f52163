/* Most messages have 126 to 65535 bytes and a header of four: that much is reserved, and only the
 * others are moved. */
#include "server/frame.h"

#include <assert.h>
#include <stdlib.h>

enum { HEADER_RESERVED = 4, HEADER_MAX = 10, FIN_TEXT = 0x81, FIN_BINARY = 0x82 };

size_t frame_begin(struct text *text)
{
    const size_t mark = text->len;
    if (text_reserve(text, HEADER_MAX))
        text->len += HEADER_RESERVED;
    return mark;
}

size_t frame_length(const struct text *text, size_t mark)
{
    return text->failed ? 0 : text->len - mark - HEADER_RESERVED;
}

static size_t header_make(unsigned char *out, unsigned char opcode, size_t len)
{
    out[0] = opcode;
    if (len < 126) {
        out[1] = (unsigned char)len;
        return 2;
    }
    const unsigned bytes = len <= 0xffff ? 2 : 8;
    out[1] = bytes == 2 ? 126 : 127;
    for (unsigned i = 0; i < bytes; i++)
        out[2 + i] = (unsigned char)(len >> 8 * (bytes - 1 - i));
    return 2 + bytes;
}

static void end_as(struct text *text, size_t mark, unsigned char opcode)
{
    unsigned char header[HEADER_MAX];
    if (!text_reserve(text, HEADER_MAX))
        return;
    const size_t len = text->len - mark - HEADER_RESERVED;
    assert(len <= MESSAGE_BYTES_MAX);
    const size_t header_len = header_make(header, opcode, len);
    char *at = text->bytes + mark;
    if (header_len != HEADER_RESERVED)
        memmove(at + header_len, at + HEADER_RESERVED, len);
    memcpy(at, header, header_len);
    text->len = mark + header_len + len;
}

void frame_end(struct text *text, size_t mark)
{
    end_as(text, mark, FIN_TEXT);
}

void frame_end_binary(struct text *text, size_t mark)
{
    end_as(text, mark, FIN_BINARY);
}

struct frame *frame_create(const void *bytes, size_t len, const struct frame_item *items,
                           const struct span_trade *trades, uint32_t items_count, uint64_t epoch)
{
    const size_t items_at = (len + 7) & ~(size_t)7;
    const size_t trades_at = items_at + items_count * sizeof *items;
    const size_t trades_len = trades != NULL ? items_count * sizeof *trades : 0;
    struct frame *frame = malloc(sizeof *frame + trades_at + trades_len + 8);
    if (frame == NULL)
        return NULL;
    frame->refs = 1;
    frame->cargo = (struct cargo){0};
    frame->delivery = (struct delivery){0};
    frame->len = (uint32_t)len;
    frame->epoch = epoch;
    frame->items_count = items_count;
    frame->items = (struct frame_item *)(void *)(frame->bytes + items_at);
    memcpy(frame->bytes, bytes, len);
    frame->trades = NULL;
    if (items_count > 0)
        memcpy(frame->items, items, items_count * sizeof *items);
    if (trades_len > 0) {
        frame->trades = (struct span_trade *)(void *)(frame->bytes + trades_at);
        memcpy(frame->trades, trades, trades_len);
    }
    return frame;
}

struct frame *frame_ref(struct frame *frame)
{
    frame->refs++;
    return frame;
}

void frame_unref(struct frame *frame)
{
    if (frame != NULL && --frame->refs == 0)
        free(frame);
}
