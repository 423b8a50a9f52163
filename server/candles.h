/* candles: for every symbol, what its price did in each second, minute and hour.
 *
 * Of trades, of all sources together; of the middle of quotes while a symbol has had no trade. Time
 * is the event's own (event_time_ns()), so a replay has the candles of the day it replays. A reset
 * clears everything, and so does the end of a seek. An event that comes late goes where it belongs
 * while that is kept.
 *
 * Seconds, minutes and hours are kept, other intervals put together from them. When memory reaches
 * its limit, the tier that takes most is kept for half as long, down to a minimum; after that new
 * symbols are refused.
 *
 * Threads: one thread; the counts are for any. */
#ifndef PRICECAST_SERVER_CANDLES_H
#define PRICECAST_SERVER_CANDLES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/event.h"
#include "feed/streams.h"
#include "server/text.h"

#define CANDLES_BYTES_DEFAULT (256u << 20)
#define CANDLES_BYTES_MIN     (1u << 20)
#define CANDLES_LIMIT_DEFAULT 500 /* candles in an answer */
#define CANDLES_LIMIT_MAX     5000
#define CANDLES_SECONDS       1800 /* for how long each tier is kept, at most */
#define CANDLES_MINUTES       1440
#define CANDLES_HOURS         720

struct candles_counts {
    _Atomic uint64_t symbols, bytes;
    _Atomic uint64_t late;      /* events too late for any candle that is kept */
    _Atomic uint64_t passed;    /* events without a time, or whose middle is no decimal */
    _Atomic uint64_t refused;   /* events for want of memory */
    _Atomic uint64_t shortened; /* times that a tier was kept for less long */
};

struct candles;

/* `streams` is borrowed. Returns NULL without memory. */
struct candles *candles_create(const struct streams *streams, size_t bytes_max);
void candles_destroy(struct candles *candles);

/* Of any kind. */
void candles_note(struct candles *candles, const struct price_event *event);

#define CANDLES_INTERVALS "1s, 5s, 15s, 1m, 5m, 15m, 1h, 4h or 1d"

/* Returns the interval's number, or -EINVAL. */
int candles_interval(const char *name);

struct candles_query {
    char symbol[NAME_BYTES_MAX + 1];
    int interval;      /* from candles_interval() */
    unsigned limit;    /* of the newest; 1 to CANDLES_LIMIT_MAX */
    int64_t before_us; /* only those that begin earlier; INT64_MAX: all */
};

/* Appends {"symbol":…,"seen":[…],"candles":[…]}, oldest first. `seen` names, for each stream of the
 * symbol, the last event that was looked at. Returns false if the symbol has never had an
 * event; then nothing is appended. */
bool candles_put(const struct candles *candles, const struct candles_query *query,
                 struct text *json);

/* Appends {"stats":[…]}: the last 24 hourly candles as one, of each symbol that `wanted` admits. */
void candles_put_stats(const struct candles *candles, bool (*wanted)(void *ctx, const char *symbol),
                       void *ctx, struct text *json);

const struct candles_counts *candles_counts(const struct candles *candles);

#endif
