#include "tools/binary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/item.h"

enum { FRAME_DEFINE = 1, FRAME_SNAPSHOT = 2, FRAME_UPDATE = 3, FRAME_TYPES_END = 0x20 };
enum { TEXT_FIRST = 4096 };

struct definition {
    uint32_t prefix_len; /* 0: not defined */
    enum event_kind kind;
    char *prefix; /* owned: the item's text up to seq */
};

struct binary {
    struct definition *definitions; /* by number */
    uint32_t definitions_count;
    char *text;
    size_t text_len, text_size;
    const uint8_t *at, *end; /* of the frame */
    int64_t base_us;
};

struct binary *binary_create(void)
{
    return calloc(1, sizeof(struct binary));
}

void binary_forget(struct binary *binary)
{
    for (uint32_t i = 0; i < binary->definitions_count; i++)
        free(binary->definitions[i].prefix);
    free(binary->definitions);
    binary->definitions = NULL;
    binary->definitions_count = 0;
}

void binary_destroy(struct binary *binary)
{
    if (binary == NULL)
        return;
    binary_forget(binary);
    free(binary->text);
    free(binary);
}

bool binary_is(const char *bytes, size_t len)
{
    return len > 0 && (uint8_t)bytes[0] < FRAME_TYPES_END;
}

/* ---- text ---- */

static int reserve(struct binary *binary, size_t more)
{
    if (binary->text_size - binary->text_len >= more)
        return 0;
    const size_t size = 2 * (binary->text_len + more) + TEXT_FIRST;
    char *text = realloc(binary->text, size);
    if (text == NULL)
        return -ENOMEM;
    binary->text = text;
    binary->text_size = size;
    return 0;
}

static int put(struct binary *binary, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int put(struct binary *binary, const char *format, ...)
{
    if (reserve(binary, 256) != 0)
        return -ENOMEM;
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(binary->text + binary->text_len, 256, format, args);
    va_end(args);
    binary->text_len += (size_t)len;
    return 0;
}

static int put_prefix(struct binary *binary, const char *prefix, size_t len)
{
    if (reserve(binary, len + 512) != 0)
        return -ENOMEM;
    memcpy(binary->text + binary->text_len, prefix, len);
    binary->text_len += len;
    return 0;
}

static int put_decimal(struct binary *binary, const char *name, struct decimal value)
{
    char text[DECIMAL_TEXT_MAX];
    if (decimal_is_absent(value))
        return 0;
    const size_t len = decimal_format(value, text);
    return put(binary, ",\"%s\":\"%.*s\"", name, (int)len, text);
}

/* ---- fields ---- */

static int take(struct binary *binary, unsigned bytes, uint64_t *out)
{
    if ((size_t)(binary->end - binary->at) < bytes)
        return -EBADMSG;
    *out = 0;
    for (unsigned i = 0; i < bytes; i++)
        *out |= (uint64_t)binary->at[i] << 8 * i;
    binary->at += bytes;
    return 0;
}

static int take_signed(struct binary *binary, unsigned bytes, int64_t *out)
{
    uint64_t value;
    const int rc = take(binary, bytes, &value);
    if (rc == 0)
        *out = (int64_t)(value << (64 - 8 * bytes)) >> (64 - 8 * bytes);
    return rc;
}

/* `code` as in a record's head; *ns is EVENT_NO_TIME when absent. */
static int take_time(struct binary *binary, unsigned code, int64_t *ns)
{
    static const uint8_t widths[] = {0, 0, 2, 3, 8};
    int64_t us = 0;
    *ns = EVENT_NO_TIME;
    if (code == 0)
        return 0;
    if (code > 4 || (widths[code] > 0 && take_signed(binary, widths[code], &us) != 0))
        return -EBADMSG;
    if (code < 4)
        us += binary->base_us;
    if (us > INT64_MAX / EVENT_NS_PER_US || us <= INT64_MIN / EVENT_NS_PER_US)
        return -EBADMSG;
    *ns = us * EVENT_NS_PER_US;
    return 0;
}

static int take_significand(struct binary *binary, unsigned width, unsigned zeros, uint64_t *out)
{
    int rc = take(binary, width, out);
    for (; rc == 0 && zeros > 0; zeros--)
        rc = __builtin_mul_overflow(*out, 10, out) ? -EBADMSG : 0;
    return rc;
}

/* One value or, with `second`, two of one form. */
static int take_values(struct binary *binary, struct decimal *first, struct decimal *second)
{
    uint64_t control, form;
    if (take(binary, 1, &control) != 0)
        return -EBADMSG;
    const unsigned code = control & 31, width = (unsigned)(control >> 5) + 1;
    unsigned zeros = 0;
    if (code == 31) {
        *first = (struct decimal){.form = DECIMAL_ABSENT};
        return second != NULL || width != 1 ? -EBADMSG : 0;
    }
    if (code == 30) {
        if (take(binary, 1, &form) != 0 || (form & 0x60) != 0 || (form & 31) > DECIMAL_DIGITS_MAX)
            return -EBADMSG;
    } else if (code <= 8) {
        form = code;
    } else if (code <= 16) {
        form = 8;
        zeros = code - 8;
    } else if (code <= 21) {
        form = 5;
        zeros = code - 16;
    } else if (code <= 25) {
        form = 4;
        zeros = code - 21;
    } else if (code <= 27) {
        form = 2;
        zeros = code - 25;
    } else {
        form = code - 28 + 9;
    }
    first->form = (uint8_t)form;
    int rc = take_significand(binary, width, zeros, &first->mantissa);
    if (rc == 0 && second != NULL) {
        second->form = (uint8_t)form;
        rc = take_significand(binary, width, zeros, &second->mantissa);
    }
    return rc;
}

static int take_into(struct binary *binary, struct price_event *event, int first, int second)
{
    struct decimal a, b;
    const int rc = take_values(binary, &a, second >= 0 ? &b : NULL);
    if (rc != 0)
        return rc;
    event_set_value(event, first, a);
    if (second >= 0)
        event_set_value(event, second, b);
    return 0;
}

static int take_quote(struct binary *binary, bool in_pairs, struct price_event *event)
{
    int rc = 0;
    if (in_pairs) {
        rc = take_into(binary, event, VALUE_BID, VALUE_ASK);
        return rc != 0 ? rc : take_into(binary, event, VALUE_BID_SIZE, VALUE_ASK_SIZE);
    }
    for (int i = 0; rc == 0 && i < EVENT_VALUES; i++)
        rc = take_into(binary, event, i, -1);
    return rc;
}

static int take_trade(struct binary *binary, struct price_event *event)
{
    const int rc = take_into(binary, event, VALUE_PRICE, -1);
    if (rc != 0 || decimal_is_absent(event_value(event, VALUE_PRICE)))
        return -EBADMSG;
    return take_into(binary, event, VALUE_SIZE, -1);
}

/* ---- records ---- */

/* A volume of more than 64 bits. */
static int put_wide(struct binary *binary, const char *name, unsigned control)
{
    uint64_t form, low, high;
    char text[64], *first = text + sizeof text;
    if (take(binary, 1, &form) != 0 || take(binary, 8, &low) != 0 ||
        take(binary, (control >> 5) + 1, &high) != 0 || (form & 0x20) != 0)
        return -EBADMSG;
    const unsigned digits = form & 31;
    __extension__ unsigned __int128 rest = high;
    rest = rest << 64 | low;
    if (digits > DECIMAL_DIGITS_MAX)
        return -EBADMSG;
    for (unsigned at = 0; rest > 0 || at <= digits; at++, rest /= 10) {
        if (at == digits && at > 0)
            *--first = '.';
        *--first = (char)('0' + (int)(rest % 10));
    }
    if ((form & DECIMAL_NEGATIVE) != 0)
        *--first = '-';
    return put(binary, ",\"%s\":\"%.*s\"", name, (int)(text + sizeof text - first), first);
}

static int put_volume(struct binary *binary)
{
    struct decimal value;
    const uint8_t *at = binary->at;
    if (binary->end - at >= 2 && (at[0] & 31) == 30 && (at[1] & 0x40) != 0) {
        binary->at++;
        return put_wide(binary, "volume", at[0]);
    }
    const int rc = take_values(binary, &value, NULL);
    return rc != 0 ? rc : put_decimal(binary, "volume", value);
}

static int put_ohlc(struct binary *binary)
{
    static const char *const names[] = {"open", "high", "low"};
    struct decimal value;
    int rc = 0, prices = 0;
    for (int i = 0; rc == 0 && i < 3; i++) {
        rc = take_values(binary, &value, NULL);
        if (rc != 0)
            return rc;
        prices += !decimal_is_absent(value);
        rc = put_decimal(binary, names[i], value);
    }
    if (rc == 0)
        rc = put_volume(binary);
    if (rc == 0)
        rc = take_values(binary, &value, NULL);
    if (rc == 0 && prices != 3 && (prices != 0 || decimal_is_absent(value)))
        return -EBADMSG;
    if (rc == 0 && !decimal_is_absent(value))
        rc = value.form != 0 || value.mantissa > INT64_MAX
                 ? -EBADMSG
                 : put(binary, ",\"unseen\":%" PRIu64, value.mantissa);
    return rc;
}

static int put_clocks(struct binary *binary)
{
    int64_t ingest, bus, write;
    if (take_signed(binary, 8, &ingest) != 0 || take_signed(binary, 8, &bus) != 0 ||
        take_signed(binary, 8, &write) != 0)
        return -EBADMSG;
    int rc = put(binary, ",\"clocks\":{");
    if (rc == 0 && ingest != INT64_MIN)
        rc = put(binary, "\"ingest\":%" PRId64 ",", ingest);
    if (rc == 0 && bus != INT64_MIN)
        rc = put(binary, "\"bus\":%" PRId64 ",", bus);
    return rc != 0 ? rc : put(binary, "\"write\":%" PRId64 "}", write);
}

static int take_event(struct binary *binary, unsigned head, struct price_event *event,
                      uint64_t *skipped)
{
    static const uint8_t seq_widths[] = {2, 3, 4, 8}, skipped_widths[] = {0, 1, 4, 8};
    const unsigned what = head & 7;
    int rc = take(binary, seq_widths[head >> 10 & 3], &event->seq);
    if (rc == 0)
        rc = take(binary, skipped_widths[head >> 12 & 3], skipped);
    if (rc == 0 && (event->seq > INT64_MAX || *skipped > INT64_MAX))
        rc = -EBADMSG;
    if (rc == 0)
        rc = take_time(binary, head >> 3 & 7, &event->recv_ns);
    if (rc == 0)
        rc = take_time(binary, head >> 6 & 7, &event->ts_ns);
    if (rc != 0)
        return rc;
    if (what >= 3)
        return take_quote(binary, what == 3, event);
    event->detail = what & 3;
    return take_trade(binary, event);
}

static int put_item(struct binary *binary)
{
    uint64_t head, stream, skipped;
    if (take(binary, 2, &head) != 0 || take(binary, head & 0x200 ? 3 : 2, &stream) != 0 ||
        stream >= binary->definitions_count || binary->definitions[stream].prefix_len == 0)
        return -EBADMSG;
    const struct definition *definition = &binary->definitions[stream];
    struct price_event event = event_make(definition->kind);
    if ((head & 7) > 4 || ((head & 7) >= 3) != (definition->kind == EVENT_QUOTE))
        return -EBADMSG;
    int rc = take_event(binary, (unsigned)head, &event, &skipped);
    if (rc == 0)
        rc = put_prefix(binary, definition->prefix, definition->prefix_len);
    if (rc != 0)
        return rc;
    binary->text_len += item_rest(&event, binary->text + binary->text_len) - 1;
    if (skipped > 0)
        rc = put(binary, ",\"skipped\":%" PRIu64, skipped);
    if (rc == 0 && (head & 0x4000) != 0)
        rc = put_ohlc(binary);
    if (rc == 0 && (head & 0x8000) != 0)
        rc = put_clocks(binary);
    return rc != 0 ? rc : put(binary, "}");
}

static int put_items(struct binary *binary, bool is_snapshot)
{
    int rc = take_signed(binary, 7, &binary->base_us);
    if (rc == 0)
        rc = put(binary, "{\"type\":\"%s\",\"data\":[", is_snapshot ? "snapshot" : "update");
    for (bool is_first = true; rc == 0 && binary->at < binary->end; is_first = false) {
        if (!is_first)
            rc = put(binary, ",");
        if (rc == 0)
            rc = put_item(binary);
    }
    return rc;
}

/* ---- definitions ---- */

static int reserve_definition(struct binary *binary, uint32_t number)
{
    if (number < binary->definitions_count)
        return 0;
    const uint32_t count = number + number / 2 + 64;
    struct definition *grown = reallocarray(binary->definitions, count, sizeof *grown);
    if (grown == NULL)
        return -ENOMEM;
    memset(grown + binary->definitions_count, 0,
           (count - binary->definitions_count) * sizeof *grown);
    binary->definitions = grown;
    binary->definitions_count = count;
    return 0;
}

static int take_name(struct binary *binary, char out[NAME_BYTES_MAX + 1])
{
    uint64_t len;
    if (take(binary, 1, &len) != 0 || len > (size_t)(binary->end - binary->at) ||
        !name_is_valid((const char *)binary->at, len))
        return -EBADMSG;
    memcpy(out, binary->at, len);
    out[len] = '\0';
    binary->at += len;
    return 0;
}

static int keep_definition(struct binary *binary, const struct stream *stream)
{
    char prefix[ITEM_PREFIX_MAX];
    const size_t len = item_prefix(stream, prefix);
    char *kept = malloc(len);
    if (kept == NULL || reserve_definition(binary, stream->number) != 0) {
        free(kept);
        return -ENOMEM;
    }
    struct definition *definition = &binary->definitions[stream->number];
    free(definition->prefix);
    memcpy(kept, prefix, len);
    *definition = (struct definition){(uint32_t)len, stream->kind, kept};
    const int rc = put_prefix(binary, prefix, len);
    return rc != 0 ? rc : put(binary, "0}");
}

static int put_definitions(struct binary *binary)
{
    char source[NAME_BYTES_MAX + 1], symbol[NAME_BYTES_MAX + 1];
    uint64_t number, kind;
    int rc = put(binary, "{\"type\":\"define\",\"data\":[");
    for (bool is_first = true; rc == 0 && binary->at < binary->end; is_first = false) {
        if (take(binary, 3, &number) != 0 || take(binary, 1, &kind) != 0 || kind > 1 ||
            take_name(binary, source) != 0 || take_name(binary, symbol) != 0)
            return -EBADMSG;
        const struct stream stream = {(uint32_t)number, kind == 0 ? EVENT_TRADE : EVENT_QUOTE,
                                      symbol, source};
        if (!is_first)
            rc = put(binary, ",");
        if (rc == 0)
            rc = keep_definition(binary, &stream);
    }
    return rc;
}

int binary_text(struct binary *binary, const char *bytes, size_t len, const char **text,
                size_t *text_len)
{
    uint64_t type;
    int rc;
    binary->at = (const uint8_t *)bytes;
    binary->end = binary->at + len;
    binary->text_len = 0;
    if (take(binary, 1, &type) != 0)
        return -EBADMSG;
    if (type == FRAME_DEFINE)
        rc = put_definitions(binary);
    else if (type == FRAME_SNAPSHOT || type == FRAME_UPDATE)
        rc = put_items(binary, type == FRAME_SNAPSHOT);
    else
        rc = put(binary, "{\"type\":\"binary %u\",\"data\":[", (unsigned)type);
    if (rc == 0)
        rc = put(binary, "]}");
    if (rc != 0)
        return rc;
    *text = binary->text;
    *text_len = binary->text_len;
    return 0;
}
