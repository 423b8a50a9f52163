/* A series has a ring of candles for each tier. Each event goes into all of them: three cache
 * lines, where folding seconds into minutes later would have to know when a second is over for
 * good. */
#include "server/candles.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "server/candle_ring.h"

enum { TIERS = 3, RING_FIRST = 4 };
#define NS_PER_S INT64_C(1000000000)
#define US_PER_S INT64_C(1000000)

static const struct {
    int64_t span_s; /* of a candle */
    uint32_t depth, depth_min;
} tiers[TIERS] = {{1, CANDLES_SECONDS, 60}, {60, CANDLES_MINUTES, 60}, {3600, CANDLES_HOURS, 26}};

static const struct {
    const char *name;
    unsigned tier;
    int64_t factor; /* candles of the tier in one */
} intervals[] = {{"1s", 0, 1},   {"5s", 0, 5}, {"15s", 0, 15}, {"1m", 1, 1}, {"5m", 1, 5},
                 {"15m", 1, 15}, {"1h", 2, 1}, {"4h", 2, 4},   {"1d", 2, 24}};

#define NO_STREAM UINT32_MAX

struct series {
    struct candle_ring rings[TIERS];
    bool has_trades;
    uint32_t first_stream; /* its streams, the newest first, are chained; NO_STREAM: none */
    UT_hash_handle hh;
    char symbol[];
};

struct of_stream {
    struct series *series; /* NULL: not looked up */
    uint64_t seq;          /* of the newest event that was looked at, in this epoch */
    uint32_t next;         /* of the same series, or NO_STREAM */
};

struct candles {
    const struct streams *streams;
    struct of_stream *of_stream; /* owned array, by stream number */
    uint32_t of_stream_size;
    struct series *series; /* by symbol, owned */
    struct series *none;   /* of streams that were refused */
    size_t bytes_max;
    size_t tier_bytes[TIERS];
    uint32_t depth[TIERS];
    int64_t now_ns; /* of the last event */
    struct candles_counts counts;
};

static void count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* ---- memory ---- */

static void bytes_change(struct candles *candles, int64_t by)
{
    const uint64_t bytes = atomic_load_explicit(&candles->counts.bytes, memory_order_relaxed);
    atomic_store_explicit(&candles->counts.bytes, bytes + (uint64_t)by, memory_order_relaxed);
}

static bool ring_resize(struct candles *candles, unsigned tier, struct candle_ring *ring,
                        uint32_t size)
{
    const int64_t by = ((int64_t)size - ring->size) * (int64_t)sizeof *ring->list;
    if (!candle_ring_resize(ring, size))
        return false;
    candles->tier_bytes[tier] += (size_t)by;
    bytes_change(candles, by);
    return true;
}

static void ring_clear(struct candles *candles, unsigned tier, struct candle_ring *ring)
{
    const size_t bytes = ring->size * sizeof *ring->list;
    candles->tier_bytes[tier] -= bytes;
    bytes_change(candles, -(int64_t)bytes);
    candle_ring_finish(ring);
}

/* Keeps the tier that takes most for half as long. Returns false when all are at their minimum. */
static bool shorten(struct candles *candles)
{
    int most = -1;
    for (int tier = 0; tier < TIERS; tier++)
        if (candles->depth[tier] > tiers[tier].depth_min &&
            (most < 0 || candles->tier_bytes[tier] > candles->tier_bytes[most]))
            most = tier;
    if (most < 0)
        return false;
    const uint32_t half = candles->depth[most] / 2;
    candles->depth[most] = half > tiers[most].depth_min ? half : tiers[most].depth_min;
    count(&candles->counts.shortened);
    struct series *series, *next;
    HASH_ITER(hh, candles->series, series, next)
    if (series->rings[most].size > candles->depth[most])
        ring_resize(candles, (unsigned)most, &series->rings[most], candles->depth[most]);
    return true;
}

static bool has_room(struct candles *candles, size_t bytes)
{
    while (atomic_load_explicit(&candles->counts.bytes, memory_order_relaxed) + bytes >
           candles->bytes_max)
        if (!shorten(candles))
            return false;
    return true;
}

/* Returns false if the ring must do with the places it has. */
static bool ring_grow(struct candles *candles, unsigned tier, struct candle_ring *ring)
{
    const uint32_t wanted = ring->size == 0 ? RING_FIRST : 2 * ring->size;
    if (ring->size >= candles->depth[tier] ||
        !has_room(candles, (wanted - ring->size) * sizeof *ring->list))
        return false;
    const uint32_t depth = candles->depth[tier]; /* after has_room(), which may have lowered it */
    const uint32_t size = wanted < depth ? wanted : depth;
    return size > ring->size && ring_resize(candles, tier, ring, size);
}

enum placed { PLACED, TOO_LATE, NO_MEMORY };

/* A new candle in a place of its own, or NULL: it would be the oldest of a full ring. */
static struct candle *ring_insert(struct candles *candles, unsigned tier, struct candle_ring *ring,
                                  int64_t bucket)
{
    if (ring->count == ring->size && !ring_grow(candles, tier, ring)) {
        if (ring->count == 0 || bucket < candle_ring_at(ring, 0)->bucket)
            return NULL;
        candle_ring_drop_oldest(ring);
    }
    return bucket > ring->cut ? candle_ring_insert(ring, bucket) : NULL;
}

static enum placed ring_put(struct candles *candles, unsigned tier, struct candle_ring *ring,
                            int64_t bucket, struct decimal price, struct decimal size)
{
    struct candle *candle = candle_ring_find(ring, bucket);
    if (candle != NULL) {
        candle_add_price(candle, price);
    } else {
        candle = ring_insert(candles, tier, ring, bucket);
        if (candle == NULL)
            return ring->size == 0 ? NO_MEMORY : TOO_LATE;
        *candle = candle_make(bucket, price);
    }
    if (!decimal_is_absent(size))
        candle_add_size(candle, size);
    return PLACED;
}

/* ---- series ---- */

static struct series *series_add(struct candles *candles, const char *symbol)
{
    const size_t len = strlen(symbol), bytes = sizeof(struct series) + len + 1;
    struct series *series = has_room(candles, bytes) ? calloc(1, bytes) : NULL;
    if (series == NULL)
        return NULL;
    memcpy(series->symbol, symbol, len + 1);
    series->first_stream = NO_STREAM;
    for (unsigned tier = 0; tier < TIERS; tier++)
        candle_ring_finish(&series->rings[tier]);
    HASH_ADD_KEYPTR(hh, candles->series, series->symbol, len, series);
    bytes_change(candles, (int64_t)bytes);
    count(&candles->counts.symbols);
    return series;
}

static bool of_stream_reach(struct candles *candles, uint32_t stream)
{
    if (stream < candles->of_stream_size)
        return true;
    uint32_t size = candles->of_stream_size == 0 ? 64 : candles->of_stream_size;
    while (size <= stream)
        size *= 2;
    const size_t more = (size - candles->of_stream_size) * sizeof *candles->of_stream;
    if (!has_room(candles, more))
        return false;
    struct of_stream *grown = realloc(candles->of_stream, size * sizeof *grown);
    if (grown == NULL)
        return false;
    memset(grown + candles->of_stream_size, 0, more);
    bytes_change(candles, (int64_t)more);
    candles->of_stream = grown;
    candles->of_stream_size = size;
    return true;
}

/* NULL: there is no memory for it. */
static struct series *series_of(struct candles *candles, uint32_t stream)
{
    if (!of_stream_reach(candles, stream))
        return NULL;
    struct of_stream *of_stream = &candles->of_stream[stream];
    struct series *series = of_stream->series;
    if (series == NULL) {
        const char *symbol = streams_get(candles->streams, stream)->symbol;
        HASH_FIND(hh, candles->series, symbol, strlen(symbol), series);
        if (series == NULL)
            series = series_add(candles, symbol);
        of_stream->series = series != NULL ? series : candles->none;
        if (series != NULL) {
            of_stream->next = series->first_stream;
            series->first_stream = stream;
        }
    }
    return series == candles->none ? NULL : series;
}

static void series_clear(struct candles *candles, struct series *series)
{
    for (unsigned tier = 0; tier < TIERS; tier++)
        ring_clear(candles, tier, &series->rings[tier]);
    series->has_trades = false;
}

static void clear_all(struct candles *candles)
{
    struct series *series, *next;
    HASH_ITER(hh, candles->series, series, next)
    series_clear(candles, series);
    for (unsigned tier = 0; tier < TIERS; tier++)
        candles->depth[tier] = tiers[tier].depth;
    for (uint32_t i = 0; i < candles->of_stream_size; i++)
        if (candles->of_stream[i].series == candles->none)
            candles->of_stream[i].series = NULL;
    candles->now_ns = EVENT_NO_TIME;
}

/* ---- events ---- */

static void series_put(struct candles *candles, struct series *series, int64_t time_ns,
                       struct decimal price, struct decimal size)
{
    const int64_t second = candle_bucket(time_ns, NS_PER_S);
    const int64_t buckets[TIERS] = {second, candle_bucket(second, 60), candle_bucket(second, 3600)};
    bool placed = false, refused = false;
    for (unsigned tier = 0; tier < TIERS; tier++) {
        const enum placed result =
            ring_put(candles, tier, &series->rings[tier], buckets[tier], price, size);
        placed |= result == PLACED;
        refused |= result == NO_MEMORY;
    }
    if (refused)
        count(&candles->counts.refused);
    else if (!placed)
        count(&candles->counts.late);
}

static void note_price(struct candles *candles, const struct price_event *event)
{
    const bool is_trade = event->kind == EVENT_TRADE;
    struct series *series = series_of(candles, event->stream);
    if (series == NULL) {
        count(&candles->counts.refused);
        return;
    }
    candles->of_stream[event->stream].seq = event->seq;
    int64_t time_ns = event_time_ns(event);
    if (time_ns == EVENT_NO_TIME)
        time_ns = candles->now_ns; /* it goes along with the one before it */
    candles->now_ns = time_ns;
    struct decimal price = event_value(event, VALUE_PRICE), size = event_value(event, VALUE_SIZE);
    if (!is_trade) {
        const struct decimal bid = event_value(event, VALUE_BID);
        const struct decimal ask = event_value(event, VALUE_ASK);
        if (series->has_trades || decimal_is_absent(bid) || decimal_is_absent(ask))
            return;
        size.form = DECIMAL_ABSENT;
        if (!candle_mid(bid, ask, &price))
            price.form = DECIMAL_ABSENT;
    } else if (!series->has_trades) {
        series_clear(candles, series);
        series->has_trades = true;
    }
    if (time_ns == EVENT_NO_TIME || decimal_is_absent(price))
        count(&candles->counts.passed);
    else
        series_put(candles, series, time_ns, price, size);
}

static void forget_seqs(struct candles *candles)
{
    for (uint32_t i = 0; i < candles->of_stream_size; i++)
        candles->of_stream[i].seq = 0;
}

void candles_note(struct candles *candles, const struct price_event *event)
{
    if (event->kind == EVENT_RESET)
        forget_seqs(candles);
    if (event->kind < EVENT_KINDS_PRICE)
        note_price(candles, event);
    else if (event->kind == EVENT_RESET || event->kind == EVENT_SETTLED)
        clear_all(candles); /* before the latter came how things stood, not what happened */
}

/* ---- life ---- */

struct candles *candles_create(const struct streams *streams, size_t bytes_max)
{
    struct candles *candles = calloc(1, sizeof *candles);
    if (candles == NULL)
        return NULL;
    candles->streams = streams;
    candles->bytes_max = bytes_max;
    candles->none = calloc(1, sizeof *candles->none);
    if (candles->none == NULL) {
        free(candles);
        return NULL;
    }
    clear_all(candles);
    return candles;
}

void candles_destroy(struct candles *candles)
{
    if (candles == NULL)
        return;
    struct series *series, *next;
    HASH_ITER(hh, candles->series, series, next)
    {
        series_clear(candles, series);
        HASH_DEL(candles->series, series);
        free(series);
    }
    free(candles->of_stream);
    free(candles->none);
    free(candles);
}

const struct candles_counts *candles_counts(const struct candles *candles)
{
    return &candles->counts;
}

/* ---- answers ---- */

int candles_interval(const char *name)
{
    for (size_t i = 0; i < sizeof intervals / sizeof *intervals; i++)
        if (strcmp(intervals[i].name, name) == 0)
            return (int)i;
    return -EINVAL;
}

static void put_candle(const struct candle *candle, int64_t span_us, struct text *json)
{
    text_printf(json, "[%" PRId64, candle->bucket * span_us);
    for (unsigned i = 0; i < CANDLE_PRICES; i++) {
        text_puts(json, ",");
        candle_put_price(candle, i, json);
    }
    text_puts(json, ",");
    candle_put_volume(candle, json);
    text_puts(json, "]");
}

static const char *kind_name(const struct series *series)
{
    return event_kind_name(series->has_trades ? EVENT_TRADE : EVENT_QUOTE);
}

static void put_seen(const struct candles *candles, const struct series *series, struct text *json)
{
    const char *between = "";
    text_puts(json, "\"seen\":[");
    for (uint32_t i = series->first_stream; i != NO_STREAM; i = candles->of_stream[i].next) {
        const struct stream *stream = streams_get(candles->streams, i);
        if (candles->of_stream[i].seq == 0)
            continue;
        text_printf(json, "%s[", between);
        text_put_json(json, stream->source, strlen(stream->source));
        text_printf(json, ",\"%s\",%" PRIu64 "]", event_kind_name(stream->kind),
                    candles->of_stream[i].seq);
        between = ",";
    }
    text_puts(json, "]");
}

bool candles_put(const struct candles *candles, const struct candles_query *query,
                 struct text *json)
{
    const struct series *series;
    HASH_FIND(hh, candles->series, query->symbol, strlen(query->symbol), series);
    if (series == NULL)
        return false;
    const unsigned tier = intervals[query->interval].tier;
    const int64_t factor = intervals[query->interval].factor;
    const int64_t span_us = tiers[tier].span_s * factor * US_PER_S;
    /* rounded up: a candle that begins at before_us itself is not before it */
    const int64_t before = candle_bucket(query->before_us - 1, span_us) + 1;
    struct candle *newest = malloc(query->limit * sizeof *newest);
    json->failed |= newest == NULL;
    unsigned found = 0;
    if (newest != NULL)
        found = candle_ring_newest(&series->rings[tier], factor, before, query->limit, newest);
    text_puts(json, "{\"symbol\":");
    text_put_json(json, series->symbol, strlen(series->symbol));
    text_printf(json, ",\"interval\":\"%s\",\"kind\":\"%s\",", intervals[query->interval].name,
                kind_name(series));
    put_seen(candles, series, json);
    text_puts(json, ",\"candles\":[");
    while (found-- > 0) {
        put_candle(&newest[found], span_us, json);
        text_puts(json, found > 0 ? "," : "");
    }
    text_puts(json, "]}");
    free(newest);
    return true;
}

static double to_double(struct decimal value)
{
    double number = (double)value.mantissa;
    for (unsigned i = decimal_digits(value); i > 0; i--)
        number /= 10;
    return value.form & DECIMAL_NEGATIVE ? -number : number;
}

static void put_change(const struct candle *day, struct text *json)
{
    char number[DECIMAL_TEXT_MAX];
    const struct decimal open = candle_value(day, CANDLE_OPEN);
    struct decimal change;
    if (!candle_difference(candle_value(day, CANDLE_CLOSE), open, &change))
        return;
    text_puts(json, ",\"change\":\"");
    text_put(json, number, decimal_format(change, number));
    text_puts(json, "\"");
    if (open.mantissa != 0) /* a ratio for people; of a negative price, by its size */
        text_printf(json, ",\"change_pct\":%.4f",
                    100 * to_double(change) /
                        (to_double(open) < 0 ? -to_double(open) : to_double(open)));
}

static void put_day(const struct candles *candles, const struct series *series, const char *between,
                    struct text *json)
{
    static const char *const names[] = {"open", "high", "low", "last"};
    const struct candle_ring *ring = &series->rings[TIERS - 1];
    const int64_t hour = candle_bucket(candle_bucket(candles->now_ns, NS_PER_S), 3600);
    const uint32_t from = candle_ring_older(ring, hour - 23);
    struct candle day = *candle_ring_at(ring, from);
    for (uint32_t i = from + 1; i < ring->count; i++)
        candle_merge(&day, candle_ring_at(ring, i));
    text_printf(json, "%s{\"symbol\":", between);
    text_put_json(json, series->symbol, strlen(series->symbol));
    text_printf(json, ",\"kind\":\"%s\",\"from\":%" PRId64, kind_name(series),
                day.bucket * 3600 * US_PER_S);
    for (unsigned i = 0; i < CANDLE_PRICES; i++) {
        text_printf(json, ",\"%s\":", names[i]);
        candle_put_price(&day, i, json);
    }
    text_puts(json, ",\"volume\":");
    candle_put_volume(&day, json);
    put_change(&day, json);
    text_puts(json, "}");
}

void candles_put_stats(const struct candles *candles, bool (*wanted)(void *ctx, const char *symbol),
                       void *ctx, struct text *json)
{
    const struct series *series;
    const char *between = "";
    const int64_t hour = candle_bucket(candle_bucket(candles->now_ns, NS_PER_S), 3600);
    text_puts(json, "{\"stats\":[");
    for (series = candles->series; series != NULL; series = series->hh.next) {
        const struct candle_ring *ring = &series->rings[TIERS - 1];
        if (ring->count == 0 || candle_ring_at(ring, ring->count - 1)->bucket < hour - 23 ||
            !wanted(ctx, series->symbol))
            continue;
        put_day(candles, series, between, json);
        between = ",";
    }
    text_puts(json, "]}");
}
