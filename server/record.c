/* Every item is made from a head of 16 bits, which says how wide the fields are that follow, and
 * those fields. Widths are chosen for the common case: within a frame times differ by milliseconds,
 * and the trailing zeros that some exchanges write ("61837.63000000") are a number in a table. */
#include "server/record.h"

#include <string.h>

enum { TIME_ABSENT, TIME_BASE, TIME_I16, TIME_I24, TIME_I64 };
enum { WHAT_TRADE, WHAT_BUY, WHAT_SELL, WHAT_QUOTE_PAIRS, WHAT_QUOTE };
enum { HEAD_RECV = 3, HEAD_TS = 6, HEAD_STREAM = 9, HEAD_SEQ = 10, HEAD_SKIPPED = 12 };
enum { FORM_EXPLICIT = 30, FORM_ABSENT = 31, EXPLICIT_WIDE = 0x40 };

static unsigned char *put(unsigned char *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *at++ = (unsigned char)(value >> 8 * i);
    return at;
}

void record_header(enum record_frame type, int64_t base_us, unsigned char *out)
{
    out[0] = (unsigned char)type;
    put(out + 1, (uint64_t)base_us, 7);
}

int64_t record_base(const struct price_event *event)
{
    const int64_t ns = event_time_ns(event);
    return ns == EVENT_NO_TIME ? 0 : event_us(ns);
}

/* ---- decimals ---- */

/* A decimal without the trailing zeros that its form's number stands for. */
struct compact {
    uint64_t significand;
    unsigned code;
};

/* The first form of so many digits after the point whose zeros are counted, 0: they are not. */
static unsigned first_form(unsigned digits)
{
    switch (digits) {
    case 8:
        return 9;
    case 5:
        return 17;
    case 4:
        return 22;
    case 2:
        return 26;
    default:
        return 0;
    }
}

/* Drops at most zeros_max zeros. */
static struct compact compact(struct decimal value, unsigned zeros_max)
{
    const unsigned digits = decimal_digits(value), first = first_form(digits);
    struct compact out = {.significand = value.mantissa, .code = digits};
    if (decimal_is_absent(value))
        return (struct compact){.code = FORM_ABSENT};
    if ((value.form & DECIMAL_NEGATIVE) != 0 || digits > 10) {
        out.code = FORM_EXPLICIT;
        return out;
    }
    if (digits > 8)
        out.code = 28 + digits - 9;
    unsigned zeros = 0;
    while (first > 0 && zeros < digits && zeros < zeros_max && out.significand % 10 == 0) {
        out.significand /= 10;
        zeros++;
    }
    if (zeros > 0)
        out.code = first + zeros - 1;
    return out;
}

static unsigned zeros_of(struct compact value)
{
    const unsigned code = value.code;
    return code < 9 || code > 27 ? 0
           : code < 17           ? code - 8
           : code < 22           ? code - 16
           : code < 26           ? code - 21
                                 : code - 25;
}

static unsigned width_of(uint64_t value)
{
    return value == 0 ? 1 : 8 - (unsigned)__builtin_clzll(value) / 8;
}

static unsigned char *put_decimal(unsigned char *at, struct decimal value)
{
    const struct compact short_form = compact(value, DECIMAL_DIGITS_MAX);
    if (short_form.code == FORM_ABSENT) {
        *at++ = FORM_ABSENT;
        return at;
    }
    const unsigned width = width_of(short_form.significand);
    *at++ = (unsigned char)(short_form.code | (width - 1) << 5);
    if (short_form.code == FORM_EXPLICIT)
        *at++ = value.form;
    return put(at, short_form.significand, width);
}

/* Two values of one form behind one control byte; NULL if they have none in common. */
static unsigned char *put_pair(unsigned char *at, struct decimal a, struct decimal b)
{
    struct compact left = compact(a, DECIMAL_DIGITS_MAX), right = compact(b, DECIMAL_DIGITS_MAX);
    if (a.form != b.form || left.code >= FORM_EXPLICIT || right.code >= FORM_EXPLICIT)
        return NULL;
    if (left.code != right.code) {
        const unsigned zeros = zeros_of(left) < zeros_of(right) ? zeros_of(left) : zeros_of(right);
        left = compact(a, zeros);
        right = compact(b, zeros);
    }
    const unsigned width = width_of(left.significand | right.significand);
    *at++ = (unsigned char)(left.code | (width - 1) << 5);
    at = put(at, left.significand, width);
    return put(at, right.significand, width);
}

/* ---- records ---- */

static size_t quote_values(const struct price_event *event, unsigned char *out)
{
    unsigned char *at =
        put_pair(out + 1, event_value(event, VALUE_BID), event_value(event, VALUE_ASK));
    if (at != NULL)
        at = put_pair(at, event_value(event, VALUE_BID_SIZE), event_value(event, VALUE_ASK_SIZE));
    out[0] = at != NULL ? WHAT_QUOTE_PAIRS : WHAT_QUOTE;
    if (at == NULL) {
        at = out + 1;
        for (int i = 0; i < EVENT_VALUES; i++)
            at = put_decimal(at, event_value(event, i));
    }
    return (size_t)(at - out);
}

size_t record_values(const struct price_event *event, unsigned char *out)
{
    if (event->kind == EVENT_QUOTE)
        return quote_values(event, out);
    out[0] = event->detail == SIDE_BUY    ? WHAT_BUY
             : event->detail == SIDE_SELL ? WHAT_SELL
                                          : WHAT_TRADE;
    unsigned char *at = put_decimal(out + 1, event_value(event, VALUE_PRICE));
    at = put_decimal(at, event_value(event, VALUE_SIZE));
    return (size_t)(at - out);
}

static unsigned time_code(int64_t ns, int64_t base_us)
{
    if (ns == EVENT_NO_TIME)
        return TIME_ABSENT;
    const int64_t delta = event_us(ns) - base_us;
    if (delta == 0)
        return TIME_BASE;
    if (delta >= -0x8000 && delta < 0x8000)
        return TIME_I16;
    return delta >= -0x800000 && delta < 0x800000 ? TIME_I24 : TIME_I64;
}

static unsigned char *put_time(unsigned char *at, unsigned code, int64_t ns, int64_t base_us)
{
    static const uint8_t widths[] = {0, 0, 2, 3, 8};
    if (widths[code] == 0)
        return at;
    const int64_t us = event_us(ns);
    return put(at, (uint64_t)(code == TIME_I64 ? us : us - base_us), widths[code]);
}

size_t record_put(const struct price_event *event, uint64_t skipped, int64_t base_us,
                  const unsigned char *values, size_t values_len, unsigned extras,
                  unsigned char *out)
{
    static const uint8_t seq_widths[] = {2, 3, 4, 8}, skipped_widths[] = {0, 1, 4, 8};
    const unsigned recv = time_code(event->recv_ns, base_us);
    const unsigned ts = time_code(event->ts_ns, base_us);
    const bool is_wide = event->stream > 0xffff;
    const unsigned seq = event->seq >> 16 == 0   ? 0
                         : event->seq >> 24 == 0 ? 1
                         : event->seq >> 32 == 0 ? 2
                                                 : 3;
    const unsigned passed = skipped == 0 ? 0 : skipped <= 0xff ? 1 : skipped >> 32 == 0 ? 2 : 3;
    const unsigned head = values[0] | recv << HEAD_RECV | ts << HEAD_TS |
                          (unsigned)is_wide << HEAD_STREAM | seq << HEAD_SEQ |
                          passed << HEAD_SKIPPED | extras;
    unsigned char *at = put(out, head, 2);
    at = put(at, event->stream, is_wide ? 3 : 2);
    at = put(at, event->seq, seq_widths[seq]);
    at = put(at, skipped, skipped_widths[passed]);
    at = put_time(at, recv, event->recv_ns, base_us);
    at = put_time(at, ts, event->ts_ns, base_us);
    memcpy(at, values + 1, values_len - 1);
    return (size_t)(at - out) + values_len - 1;
}

/* ---- what may follow ---- */

static unsigned char *put_volume(unsigned char *at, const struct candle *candle)
{
    const bool is_negative = candle->volume < 0;
    candle_sum rest = is_negative ? -candle->volume : candle->volume;
    const uint8_t form = (uint8_t)(candle->volume_digits | (is_negative ? DECIMAL_NEGATIVE : 0));
    const uint64_t low = (uint64_t)rest, high = (uint64_t)(rest >> 64);
    if (candle->volume_is_unknown)
        return put_decimal(at, (struct decimal){.form = DECIMAL_ABSENT});
    if (high == 0)
        return put_decimal(at, (struct decimal){.mantissa = low, .form = form});
    const unsigned width = width_of(high);
    *at++ = (unsigned char)(FORM_EXPLICIT | (width - 1) << 5);
    *at++ = form | EXPLICIT_WIDE;
    at = put(at, low, 8);
    return put(at, high, width);
}

size_t record_span(const struct span *span, uint64_t passed, unsigned char *out)
{
    const uint64_t seen = span_seen(span);
    unsigned char *at = out;
    for (unsigned i = 0; i < CANDLE_CLOSE; i++) {
        struct decimal price = {.form = DECIMAL_ABSENT};
        if (seen > 0)
            price = candle_value(&span->candle, i);
        at = put_decimal(at, price);
    }
    if (seen > 0)
        at = put_volume(at, &span->candle);
    else
        *at++ = FORM_ABSENT;
    struct decimal unseen = {.form = DECIMAL_ABSENT};
    if (seen < passed)
        unseen = (struct decimal){.mantissa = passed - seen};
    at = put_decimal(at, unseen);
    return (size_t)(at - out);
}

size_t record_clocks(int64_t ingest_us, int64_t bus_us, unsigned char *out)
{
    put(out, (uint64_t)ingest_us, 8);
    put(out + 8, (uint64_t)bus_us, 8);
    return 16;
}

void record_clock_write(int64_t write_us, unsigned char *out)
{
    put(out, (uint64_t)write_us, 8);
}

size_t record_definition(const struct stream *stream, unsigned char *out)
{
    const size_t source_len = strlen(stream->source), symbol_len = strlen(stream->symbol);
    unsigned char *at = put(out, stream->number, 3);
    *at++ = stream->kind == EVENT_QUOTE;
    *at++ = (unsigned char)source_len;
    memcpy(at, stream->source, source_len);
    at += source_len;
    *at++ = (unsigned char)symbol_len;
    memcpy(at, stream->symbol, symbol_len);
    return (size_t)(at - out) + symbol_len;
}
