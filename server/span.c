#include "server/span.h"

struct span_trade span_trade_of(const struct price_event *event)
{
    return (struct span_trade){
        .seq = event->seq,
        .mantissa = {event->mantissa[VALUE_PRICE], event->mantissa[VALUE_SIZE]},
        .form = {event->form[VALUE_PRICE], event->form[VALUE_SIZE]},
    };
}

static struct decimal value_of(const struct span_trade *trade, int which)
{
    return (struct decimal){.mantissa = trade->mantissa[which], .form = trade->form[which]};
}

void span_add(struct span *span, const struct span_trade *trade)
{
    const struct decimal price = value_of(trade, VALUE_PRICE), size = value_of(trade, VALUE_SIZE);
    if (span->candle.bucket == 0)
        span->candle = candle_make(0, price);
    else
        candle_add_price(&span->candle, price);
    if (!decimal_is_absent(size))
        candle_add_size(&span->candle, size);
    span->candle.bucket++;
}

void span_merge(struct span *span, const struct span *later)
{
    if (later->candle.bucket == 0)
        return;
    if (span->candle.bucket == 0) {
        *span = *later;
        return;
    }
    candle_merge(&span->candle, &later->candle);
    span->candle.bucket += later->candle.bucket;
}

static void put_price(const struct span *span, const char *name, enum candle_price which,
                      struct text *json)
{
    text_puts(json, name);
    candle_put_price(&span->candle, which, json);
}

void span_put(const struct span *span, uint64_t passed, struct text *json)
{
    const uint64_t seen = span_seen(span);
    if (seen > 0) {
        put_price(span, ",\"open\":", CANDLE_OPEN, json);
        put_price(span, ",\"high\":", CANDLE_HIGH, json);
        put_price(span, ",\"low\":", CANDLE_LOW, json);
        if (!span->candle.volume_is_unknown) {
            text_puts(json, ",\"volume\":");
            candle_put_volume(&span->candle, json);
        }
    }
    if (seen < passed) {
        text_puts(json, ",\"unseen\":");
        text_put_integer(json, (int64_t)(passed - seen));
    }
}
