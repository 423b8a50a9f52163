/* event: what moves from a feed to everybody who listens.
 *
 * An event is one cache line without pointers, so that it can be copied into ring slots and last
 * value tables by plain word copies. It says which stream it belongs to by a small integer; the
 * names behind it are in feed/streams.h.
 *
 * Times are nanoseconds since the Unix epoch; on the wire and in recordings they are microseconds,
 * rounded down. Nanoseconds are kept inside because merging recordings orders by them. */
#ifndef PRICECAST_FEED_EVENT_H
#define PRICECAST_FEED_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "feed/decimal.h"

enum event_kind {
    EVENT_TRADE,   /* an execution: VALUE_PRICE, VALUE_SIZE, side */
    EVENT_QUOTE,   /* the best bid and ask: VALUE_BID … VALUE_ASK_SIZE */
    EVENT_FEED,    /* a source changed its state: `detail` is an enum feed_state */
    EVENT_RESET,   /* a new epoch began: `detail` is an enum reset_reason, `seq` the new epoch */
    EVENT_SETTLED, /* after a seek: what came since EVENT_RESET is how things stood there */
    EVENT_LAPPED,  /* made by the bus for one subscriber: it missed `seq` events */
};

#define EVENT_KINDS_PRICE 2 /* trade and quote, the kinds that carry prices */

enum trade_side { SIDE_NONE, SIDE_BUY, SIDE_SELL }; /* the taker's */
enum feed_state { FEED_UP, FEED_DOWN, FEED_PAUSED, FEED_ENDED };
enum reset_reason { RESET_SEEK, RESET_LOOP };

enum { VALUE_PRICE = 0, VALUE_SIZE = 1 };
enum { VALUE_BID = 0, VALUE_BID_SIZE = 1, VALUE_ASK = 2, VALUE_ASK_SIZE = 3 };
enum { EVENT_VALUES = 4 };

#define EVENT_NO_TIME   INT64_MIN
#define EVENT_NO_STREAM 0xffffffu
#define EVENT_NS_PER_US 1000

struct price_event {
    uint64_t seq;                    /* within stream and epoch, from 1; set by the bus */
    int64_t ts_ns;                   /* the source's own time, or EVENT_NO_TIME */
    int64_t recv_ns;                 /* received or recorded, or EVENT_NO_TIME */
    uint64_t mantissa[EVENT_VALUES]; /* with form[]: the decimals, see event_value() */
    uint8_t form[EVENT_VALUES];      /* DECIMAL_ABSENT: the source did not give it */
    uint32_t stream : 24;
    uint32_t kind : 4;   /* enum event_kind */
    uint32_t detail : 4; /* enum trade_side, feed_state or reset_reason */
};
_Static_assert(sizeof(struct price_event) == 64, "an event is one cache line");

static inline struct decimal event_value(const struct price_event *event, int which)
{
    return (struct decimal){.mantissa = event->mantissa[which], .form = event->form[which]};
}

static inline void event_set_value(struct price_event *event, int which, struct decimal value)
{
    event->mantissa[which] = value.mantissa;
    event->form[which] = value.form;
}

/* An event of `kind` with no times, no values and no side. */
static inline struct price_event event_make(enum event_kind kind)
{
    return (struct price_event){
        .ts_ns = EVENT_NO_TIME,
        .recv_ns = EVENT_NO_TIME,
        .form = {DECIMAL_ABSENT, DECIMAL_ABSENT, DECIMAL_ABSENT, DECIMAL_ABSENT},
        .stream = EVENT_NO_STREAM,
        .kind = kind,
    };
}

/* The time that orders and paces a replay: when it was received, else the source's own. */
static inline int64_t event_time_ns(const struct price_event *event)
{
    return event->recv_ns != EVENT_NO_TIME ? event->recv_ns : event->ts_ns;
}

static inline const char *event_kind_name(enum event_kind kind)
{
    return kind == EVENT_TRADE ? "trade" : "quote";
}

/* Whole microseconds, rounded down also before 1970. */
static inline int64_t event_us(int64_t ns)
{
    return ns / EVENT_NS_PER_US - (ns % EVENT_NS_PER_US < 0);
}

#endif
