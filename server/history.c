/* Events lie in a slab and never move. Each is in two lists: of its stream, which answers what came
 * after a seq, and of all in the order of the bus, whose front is the next to go when memory or
 * time is up. A place in the slab stays valid memory for ever; whether it still holds the event one
 * looks for is seen from its stream and seq, so recalls keep plain numbers. */
#include "server/history.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = UINT32_MAX, CHUNK = 1024 };

struct held {
    struct price_event event;
    uint64_t position;
    int64_t at_ns;
    uint32_t older, newer;   /* of all; `newer` also links the free ones */
    uint32_t before, behind; /* of the stream */
};
_Static_assert(sizeof(struct held) == HISTORY_EVENT_BYTES, "what the documents say");

struct of_stream {
    uint64_t seq;           /* the last that came */
    uint64_t gone_seq;      /* the last that left … */
    uint64_t gone_position; /* … and its position */
    uint32_t first, last, count;
};

struct history {
    struct history_options options;
    uint64_t epoch;
    uint64_t position, base; /* positions in here count from base */
    uint64_t restored;       /* up to this one, events are of an earlier run */
    struct held **chunks;
    uint32_t chunks_count, held_max;
    uint32_t free, first, last; /* places */
    struct of_stream *streams;
    uint32_t streams_count;
    struct history_counts counts;
};

struct history *history_create(const struct history_options *options)
{
    struct history *history = calloc(1, sizeof *history);
    if (history == NULL)
        return NULL;
    history->options = *options;
    const uint64_t fits = options->bytes_max / HISTORY_EVENT_BYTES;
    history->held_max = fits < NONE ? (uint32_t)fits : NONE - 1;
    history->free = history->first = history->last = NONE;
    return history;
}

void history_destroy(struct history *history)
{
    if (history == NULL)
        return;
    for (uint32_t i = 0; i < history->chunks_count; i++)
        free(history->chunks[i]);
    free(history->chunks);
    free(history->streams);
    free(history);
}

static struct held *at(const struct history *history, uint32_t place)
{
    return &history->chunks[place / CHUNK][place % CHUNK];
}

static void add(_Atomic uint64_t *counter, uint64_t much)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + much,
                          memory_order_relaxed);
}

/* ---- places ---- */

static bool chunk_make(struct history *history)
{
    struct held **grown =
        realloc(history->chunks, (history->chunks_count + 1) * sizeof *history->chunks);
    if (grown == NULL)
        return false;
    history->chunks = grown;
    struct held *chunk = malloc(CHUNK * sizeof *chunk);
    if (chunk == NULL)
        return false;
    grown[history->chunks_count] = chunk;
    const uint32_t base = history->chunks_count++ * CHUNK;
    for (uint32_t i = CHUNK; i-- > 0;) {
        chunk[i].event.stream = EVENT_NO_STREAM;
        chunk[i].newer = history->free;
        history->free = base + i;
    }
    add(&history->counts.bytes, CHUNK * sizeof *chunk);
    return true;
}

static struct of_stream *stream_of(struct history *history, uint32_t stream)
{
    if (stream >= history->streams_count) {
        const uint32_t size = stream + stream / 2 + 64;
        struct of_stream *grown = realloc(history->streams, size * sizeof *grown);
        if (grown == NULL)
            return NULL;
        for (uint32_t i = history->streams_count; i < size; i++)
            grown[i] = (struct of_stream){.first = NONE, .last = NONE};
        history->streams = grown;
        history->streams_count = size;
    }
    return &history->streams[stream];
}

/* ---- going ---- */

static void unlink_of_all(struct history *history, const struct held *held)
{
    *(held->older == NONE ? &history->first : &at(history, held->older)->newer) = held->newer;
    *(held->newer == NONE ? &history->last : &at(history, held->newer)->older) = held->older;
}

/* A stream's oldest goes; it is always the front of its stream's list. */
static void let_go(struct history *history, uint32_t place, _Atomic uint64_t *reason)
{
    struct held *held = at(history, place);
    struct of_stream *stream = &history->streams[held->event.stream];
    stream->gone_seq = held->event.seq;
    stream->gone_position = held->position;
    stream->first = held->behind;
    if (held->behind == NONE)
        stream->last = NONE;
    else
        at(history, held->behind)->before = NONE;
    stream->count--;
    unlink_of_all(history, held);
    held->event.stream = EVENT_NO_STREAM;
    held->newer = history->free;
    history->free = place;
    add(reason, 1);
    add(&history->counts.held, (uint64_t)-1);
}

static void let_go_by_age(struct history *history, int64_t now_ns)
{
    while (history->first != NONE &&
           now_ns - at(history, history->first)->at_ns > history->options.age_ns)
        let_go(history, history->first, &history->counts.by_age);
}

/* ---- coming ---- */

static uint32_t place_take(struct history *history)
{
    const uint64_t held = atomic_load_explicit(&history->counts.held, memory_order_relaxed);
    const bool is_full = held >= history->held_max;
    if (!is_full && history->free == NONE)
        chunk_make(history);
    if ((is_full || history->free == NONE) && history->first != NONE)
        let_go(history, history->first, &history->counts.by_bytes);
    if (history->free == NONE || history->held_max == 0)
        return NONE;
    const uint32_t place = history->free;
    history->free = at(history, place)->newer;
    return place;
}

static void append(struct history *history, struct of_stream *stream, uint32_t place)
{
    struct held *held = at(history, place);
    held->older = history->last;
    held->newer = NONE;
    held->before = stream->last;
    held->behind = NONE;
    *(history->last == NONE ? &history->first : &at(history, history->last)->newer) = place;
    *(stream->last == NONE ? &stream->first : &at(history, stream->last)->behind) = place;
    history->last = stream->last = place;
    stream->count++;
    add(&history->counts.held, 1);
}

static void keep(struct history *history, struct of_stream *stream, const struct price_event *event,
                 int64_t at_ns)
{
    history->position += event->seq - stream->seq;
    stream->seq = event->seq;
    let_go_by_age(history, at_ns);
    if (stream->count > 0 && stream->count >= history->options.events_max)
        let_go(history, stream->first, &history->counts.by_count);
    const uint32_t place = history->options.events_max == 0 ? NONE : place_take(history);
    if (place == NONE) {
        stream->gone_seq = event->seq;
        stream->gone_position = history->position;
        add(history->options.events_max == 0 ? &history->counts.by_count
                                             : &history->counts.by_bytes,
            1);
        return;
    }
    struct held *held = at(history, place);
    held->event = *event;
    held->position = history->position;
    held->at_ns = at_ns;
    append(history, stream, place);
}

void history_note(struct history *history, const struct price_event *event, int64_t at_ns)
{
    struct of_stream *stream = stream_of(history, event->stream);
    if (stream == NULL || event->seq <= stream->seq)
        return;
    if (event->seq - stream->seq > 1)
        add(&history->counts.missed, event->seq - stream->seq - 1);
    keep(history, stream, event, at_ns);
}

/* What stood before the first event of each stream is put under all the positions there are. */
static void found_on(struct history *history, struct of_stream *stream, uint64_t seq)
{
    history->base += seq;
    stream->seq = stream->gone_seq = seq;
}

void history_restore(struct history *history, const struct price_event *event, int64_t at_ns)
{
    struct of_stream *stream = stream_of(history, event->stream);
    if (stream == NULL || event->seq <= stream->seq)
        return;
    if (stream->seq == 0)
        found_on(history, stream, event->seq - 1);
    keep(history, stream, event, at_ns);
    history->restored = history->position;
}

void history_restore_seq(struct history *history, uint32_t number, uint64_t seq)
{
    struct of_stream *stream = stream_of(history, number);
    if (stream == NULL || seq <= stream->seq)
        return;
    if (stream->seq == 0) {
        found_on(history, stream, seq);
        return;
    }
    history->position += seq - stream->seq;
    stream->seq = seq;
}

void history_reset(struct history *history, uint64_t epoch)
{
    while (history->first != NONE) {
        struct held *held = at(history, history->first);
        const uint32_t place = history->first;
        history->first = held->newer;
        held->event.stream = EVENT_NO_STREAM;
        held->newer = history->free;
        history->free = place;
    }
    history->last = NONE;
    for (uint32_t i = 0; i < history->streams_count; i++)
        history->streams[i] = (struct of_stream){.first = NONE, .last = NONE};
    atomic_store_explicit(&history->counts.held, 0, memory_order_relaxed);
    history->epoch = epoch;
    history->position = history->base = history->restored = 0;
}

uint64_t history_epoch(const struct history *history)
{
    return history->epoch;
}

uint64_t history_position(const struct history *history)
{
    return history->base + history->position;
}

uint64_t history_last_seq(const struct history *history, uint32_t stream)
{
    return stream < history->streams_count ? history->streams[stream].seq : 0;
}

const struct history_counts *history_counts(const struct history *history)
{
    return &history->counts;
}

uint64_t history_seq_at(struct history *history, uint32_t stream, uint64_t position, int64_t now_ns,
                        bool *exact)
{
    *exact = true;
    if (stream >= history->streams_count)
        return 0;
    let_go_by_age(history, now_ns);
    const struct of_stream *of = &history->streams[stream];
    const bool is_within = position >= history->base;
    const uint64_t within = is_within ? position - history->base : 0;
    uint32_t place = of->last, after = NONE;
    while (place != NONE && (!is_within || at(history, place)->position > within)) {
        after = place;
        place = at(history, place)->before;
    }
    uint64_t seq = of->gone_seq;
    if (place != NONE) {
        seq = at(history, place)->event.seq;
    } else if (seq > 0 && (!is_within || of->gone_position > within)) {
        *exact = false;
        return 0;
    }
    /* Events that never came here may stand on either side. */
    const uint64_t next = after != NONE ? at(history, after)->event.seq : of->seq + 1;
    *exact = next == seq + 1;
    return seq;
}

/* ---- recalls ---- */

void recall_finish(struct recall *recall)
{
    free(recall->ranges);
    recall->ranges = NULL;
    recall->count = recall->waiting = 0;
}

/* Sets where the range's next event stands. */
static void range_find(const struct history *history, struct recall_range *range)
{
    range->position = 0; /* what only the recall itself still has is older than all here */
    range->next = NONE;
    if (range->stream >= history->streams_count)
        return;
    const struct of_stream *stream = &history->streams[range->stream];
    uint32_t place = stream->last;
    while (place != NONE && at(history, place)->event.seq > range->from) {
        range->next = place;
        place = at(history, place)->before;
    }
    if (range->next == NONE)
        return;
    if (at(history, range->next)->event.seq > range->to)
        range->next = NONE;
    else
        range->position = at(history, range->next)->position;
}

/* What was next may have left since the last piece: then what is oldest now is next, and later. */
static bool range_is_stale(const struct history *history, const struct recall_range *range)
{
    if (range->next == NONE)
        return false;
    const struct held *held = at(history, range->next);
    return held->event.stream != range->stream || held->event.seq <= range->from ||
           held->position != range->position;
}

static bool comes_before(const struct recall_range *a, const struct recall_range *b)
{
    return a->position != b->position ? a->position < b->position : a->stream < b->stream;
}

static void heap_sink(struct recall *recall, size_t i)
{
    struct recall_range *ranges = recall->ranges;
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < recall->waiting; child++)
            if (comes_before(&ranges[child], &ranges[least]))
                least = child;
        if (least == i)
            return;
        const struct recall_range swap = ranges[i];
        ranges[i] = ranges[least];
        ranges[least] = swap;
        i = least;
    }
}

static void recall_begin(const struct history *history, struct recall *recall)
{
    recall->begun = true;
    recall->waiting = recall->count;
    for (size_t i = 0; i < recall->count; i++)
        range_find(history, &recall->ranges[i]);
    for (size_t i = recall->waiting / 2; i-- > 0;)
        heap_sink(recall, i);
}

/* Takes the next event of the range; false if it was the last. */
static bool range_take(const struct history *history, struct recall_range *range,
                       struct price_event *out, int64_t *emitted_ns)
{
    if (range->next == NONE) {
        *out = range->newest;
        *emitted_ns = range->newest_emitted_ns;
        range->from = range->to;
        return false;
    }
    const struct held *held = at(history, range->next);
    *out = held->event;
    *emitted_ns = held->position > history->restored ? held->at_ns : 0;
    range->from = held->event.seq;
    range->next = held->behind;
    if (range->from >= range->to)
        return false;
    if (range->next != NONE && at(history, range->next)->event.seq > range->to)
        range->next = NONE;
    /* Was it not kept, the newest follows at once. */
    range->position = range->next == NONE ? held->position : at(history, range->next)->position;
    return true;
}

static void recall_take(const struct history *history, struct recall *recall)
{
    const size_t i = recall->events_count++;
    const uint64_t from = recall->ranges[0].from;
    if (!range_take(history, recall->ranges, &recall->events[i], &recall->emitted_ns[i]))
        recall->ranges[0] = recall->ranges[--recall->waiting];
    recall->skipped[i] = recall->events[i].seq - from - 1;
}

bool history_recall(struct history *history, struct recall *recall, int64_t now_ns)
{
    let_go_by_age(history, now_ns);
    if (!recall->begun)
        recall_begin(history, recall);
    recall->events_count = 0;
    while (recall->waiting > 0 && recall->events_count < RECALL_EVENTS) {
        if (range_is_stale(history, recall->ranges))
            range_find(history, recall->ranges);
        else
            recall_take(history, recall);
        heap_sink(recall, 0);
    }
    return recall->waiting > 0;
}
