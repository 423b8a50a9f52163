/* span: open, high, low and volume of trades of one stream that somebody was not sent.
 *
 * Prices keep the text of the trades they come from, the volume is their sizes' exact sum. A span
 * counts the trades it has seen, so that whoever knows how many there were knows whether some are
 * missing. A zeroed struct is an empty span. Pure functions, any thread. */
#ifndef PRICECAST_SERVER_SPAN_H
#define PRICECAST_SERVER_SPAN_H

#include <stdint.h>

#include "feed/event.h"
#include "server/candle.h"
#include "server/text.h"

/* What a span wants of a trade. */
struct span_trade {
    uint64_t seq;
    uint64_t mantissa[2]; /* VALUE_PRICE, VALUE_SIZE */
    uint8_t form[2];
};

struct span {
    struct candle candle; /* its `bucket` counts the trades */
};

static inline uint64_t span_seen(const struct span *span)
{
    return (uint64_t)span->candle.bucket;
}

static inline void span_clear(struct span *span)
{
    span->candle.bucket = 0;
}

struct span_trade span_trade_of(const struct price_event *event);

/* Adds one that came later. */
void span_add(struct span *span, const struct span_trade *trade);
void span_merge(struct span *span, const struct span *later);

/* Appends `,"open":"…","high":"…","low":"…","volume":"…"` of `passed` trades, as far as they were
 * seen, and `,"unseen":n` if some were not. */
void span_put(const struct span *span, uint64_t passed, struct text *json);

#endif
