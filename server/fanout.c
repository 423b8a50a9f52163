#include "server/fanout.h"

#include <stdlib.h>
#include <string.h>

#include "server/audience.h"
#include "server/passed.h"
#include "server/recovery.h"
#include "server/shared_plan.h"

enum { PATIENCE_MS_MAX = 10 };

struct fanout {
    struct fanout_options options;
    struct wire_place place;
    bool place_is_vague;
    struct book *book;
    struct shared_plan *plans;
    struct audience *touched;  /* in this turn */
    struct audience **ticking; /* waiting for their time */
    size_t ticking_count, ticking_size;
    size_t ticking_moved; /* so many came or went since they were sorted */
    size_t rated;         /* audiences that may tick: there is room for all of them */
    int64_t next_tick_ms;
    uint32_t patient[PATIENCE_MS_MAX + 1]; /* how many audiences have so much patience */
    struct reader *readers;
    struct reader *overflowed;
    int full_readers;
    bool holds;         /* see fanout_hold() */
    bool out_of_memory; /* a stream could not be added: prices would be missing */
    struct text scratch;
    struct fanout_counts counts;
    struct freshness freshness;
    struct wire_clocks clocks;
    struct ageing ageing;
};

struct fanout *fanout_create(const struct fanout_options *options)
{
    struct fanout *fanout = calloc(1, sizeof *fanout);
    if (fanout == NULL)
        return NULL;
    fanout->options = *options;
    if (fanout->options.queue_bytes_max == 0)
        fanout->options.queue_bytes_max = READER_QUEUE_BYTES_DEFAULT;
    fanout->place = (struct wire_place){.epoch = options->epoch, .run = options->run};
    fanout->next_tick_ms = FANOUT_NO_TICK;
    fanout->ageing.next_ms = FANOUT_NO_TICK;
    fanout->book = book_create(options->streams);
    if (fanout->book == NULL) {
        free(fanout);
        return NULL;
    }
    return fanout;
}

void fanout_destroy(struct fanout *fanout)
{
    if (fanout == NULL)
        return;
    book_destroy(fanout->book);
    text_finish(&fanout->scratch);
    free(fanout->ticking);
    free(fanout);
}

/* ---- audiences ---- */

/* Half a period: what has come by then is on time for the tick. */
static uint32_t *patient_count(struct fanout *fanout, struct delivery delivery)
{
    const uint32_t half_ms = (delivery.period_ms + 1) / 2;
    return &fanout->patient[half_ms < PATIENCE_MS_MAX ? half_ms : PATIENCE_MS_MAX];
}

static bool ticks_reserve(struct fanout *fanout)
{
    if (fanout->rated < fanout->ticking_size)
        return true;
    const size_t size = fanout->ticking_size ? fanout->ticking_size * 2 : 16;
    if (!array_grow(&fanout->ticking, size, sizeof *fanout->ticking))
        return false;
    fanout->ticking_size = size;
    return true;
}

bool fanout_enter(struct fanout *fanout, struct delivery delivery)
{
    if (!ticks_reserve(fanout))
        return false;
    ++*patient_count(fanout, delivery);
    fanout->rated += delivery.period_ms > 0;
    return true;
}

static void touched_remove(struct fanout *fanout, const struct audience *audience)
{
    struct audience **at = &fanout->touched;
    while (*at != NULL && *at != audience)
        at = &(*at)->next;
    if (*at != NULL)
        *at = audience->next;
}

/* The last one takes its place. */
static void ticking_remove(struct fanout *fanout, struct audience *audience)
{
    struct audience *last = fanout->ticking[--fanout->ticking_count];
    fanout->ticking[audience->tick_place] = last;
    last->tick_place = audience->tick_place;
    audience->wants_tick = false;
    fanout->ticking_moved++;
}

static int compare_addresses(const void *a, const void *b)
{
    const uintptr_t left = (uintptr_t) * (struct audience *const *)a;
    const uintptr_t right = (uintptr_t) * (struct audience *const *)b;
    return (left > right) - (left < right);
}

/* What lies together in memory is flushed together: thousands of audiences, with their readers, are
 * on more pages than the processor remembers. */
static void ticking_sort(struct fanout *fanout)
{
    enum { FEW = 64, A_PART = 8 };
    const size_t count = fanout->ticking_count;
    if (count < FEW || fanout->ticking_moved * A_PART < count)
        return;
    qsort(fanout->ticking, count, sizeof *fanout->ticking, compare_addresses);
    for (size_t i = 0; i < count; i++)
        fanout->ticking[i]->tick_place = (uint32_t)i;
    fanout->ticking_moved = 0;
}

void fanout_leave(struct fanout *fanout, struct audience *audience)
{
    if (audience->touched)
        touched_remove(fanout, audience);
    else if (audience->wants_tick)
        ticking_remove(fanout, audience);
    --*patient_count(fanout, audience->delivery);
    fanout->rated -= audience->delivery.period_ms > 0;
}

/* ---- events ---- */

static void stream_added(void *ctx, uint32_t stream)
{
    struct fanout *fanout = ctx;
    shared_plans_offer(fanout->plans, stream);
}

void fanout_touch(struct fanout *fanout, struct audience *audience)
{
    if (audience->touched || audience->wants_tick)
        return;
    audience->touched = true;
    audience->next = fanout->touched;
    fanout->touched = audience;
}

void fanout_event(struct fanout *fanout, const struct price_event *event, int64_t emitted_ns)
{
    if (!book_learn(fanout->book, event->stream, stream_added, fanout)) {
        fanout->out_of_memory = true;
        return;
    }
    struct book_entry *entry = book_entry(fanout->book, event->stream);
    if (event->seq <= entry->latest.seq)
        return;
    if (event->kind < EVENT_KINDS_PRICE)
        fanout->place.position += event->seq - entry->latest.seq;
    if (entry->watched > 0 && !fanout->holds)
        for (uint32_t i = 0; i < entry->routes_count; i++)
            passed_note(entry->routes[i].audience, entry->routes[i].index);
    entry->latest = *event;
    entry->emitted_ns = emitted_ns;
    count_add(&fanout->counts.events, 1);
    if (fanout->holds)
        return;
    for (uint32_t i = 0; i < entry->routes_awake; i++) {
        audience_prefetch_notes(&entry->routes[i], entry->routes_awake - i);
        audience_note(entry->routes[i].audience, entry->routes[i].index);
    }
}

/* The next multiple of the period, so that all audiences of one rate share their ticks. */
static void tick_schedule(struct fanout *fanout, struct audience *audience, int64_t now_ms)
{
    const int64_t period = audience->delivery.period_ms;
    audience->due_ms = (now_ms / period + 1) * period;
    if (audience->due_ms < fanout->next_tick_ms)
        fanout->next_tick_ms = audience->due_ms;
    if (audience->wants_tick)
        return;
    audience->wants_tick = true;
    audience->tick_place = (uint32_t)fanout->ticking_count;
    fanout->ticking[fanout->ticking_count++] = audience;
    fanout->ticking_moved++;
}

static void overflows_handle(struct fanout *fanout)
{
    while (fanout->overflowed != NULL) {
        struct reader *reader = fanout->overflowed;
        fanout->overflowed = reader->next_overflowed;
        reader->overflowed = false;
        /* Since it was noted the socket may have taken the queue, or the reader may have left. */
        if (reader->failed || reader_plan(reader) == NULL ||
            reader->queue_bytes <= fanout->options.queue_bytes_max)
            continue;
        reader_fall_back(reader, ~0u);
        count_add(&fanout->counts.overflows, 1);
        fanout->options.overflowed(reader);
    }
}

void fanout_flush(struct fanout *fanout, int64_t now_ms)
{
    freshness_turn(&fanout->freshness);
    while (fanout->touched != NULL) {
        struct audience *audience = fanout->touched;
        fanout->touched = audience->next;
        audience->touched = false;
        if (audience->delivery.period_ms > 0)
            tick_schedule(fanout, audience, now_ms);
        else
            audience_flush(audience);
    }
    overflows_handle(fanout);
    book_turn(fanout->book);
}

void fanout_tick(struct fanout *fanout, int64_t now_ms)
{
    freshness_turn(&fanout->freshness);
    fanout->next_tick_ms = FANOUT_NO_TICK;
    ticking_sort(fanout);
    for (size_t i = 0; i < fanout->ticking_count;) {
        struct audience *audience = fanout->ticking[i];
        audience_prefetch(fanout->ticking + i + 1, fanout->ticking_count - i - 1);
        if (audience->due_ms > now_ms) {
            if (audience->due_ms < fanout->next_tick_ms)
                fanout->next_tick_ms = audience->due_ms;
            i++;
        } else if (audience_tick(audience) && now_ms != FANOUT_NO_TICK) {
            tick_schedule(fanout, audience, now_ms);
            i++;
        } else {
            ticking_remove(fanout, audience);
            audience_stop_polling(audience);
        }
    }
    overflows_handle(fanout);
    if (now_ms != FANOUT_NO_TICK)
        ageing_tick(&fanout->ageing, now_ms, fanout->options.aged);
    book_turn(fanout->book);
}

int64_t fanout_next_tick_ms(const struct fanout *fanout)
{
    const int64_t ageing_ms = fanout->ageing.next_ms;
    return ageing_ms < fanout->next_tick_ms ? ageing_ms : fanout->next_tick_ms;
}

/* Nothing has been sent of the new epoch, to anybody: so all members are at the head. */
static void audience_restart(struct audience *audience, void *ctx)
{
    (void)ctx;
    for (uint32_t i = 0; i < audience->count; i++)
        audience->lanes[i].sent = 0;
    for (uint32_t i = 0; i < audience->members_count; i++)
        part_rejoin(audience->members[i]);
    passed_clear(audience);
}

void fanout_reset(struct fanout *fanout, uint64_t epoch, int64_t now_ms)
{
    for (struct reader *reader = fanout->readers; reader != NULL; reader = reader->next)
        recovery_abandon(reader);
    fanout_flush(fanout, now_ms);
    fanout_tick(fanout, FANOUT_NO_TICK);
    book_reset(fanout->book);
    fanout->holds = false;
    fanout->place = (struct wire_place){.epoch = epoch};
    shared_plans_visit(fanout->plans, audience_restart, NULL);
}

void fanout_hold(struct fanout *fanout)
{
    fanout->holds = true;
}

/* It now stands where the book does; its members get there by snapshots. */
static void audience_settle(struct audience *audience, void *ctx)
{
    struct book *book = ctx;
    passed_clear(audience);
    for (uint32_t i = 0; i < audience->count; i++)
        audience->lanes[i].sent = book_entry(book, audience->lanes[i].stream)->latest.seq;
}

void fanout_settle(struct fanout *fanout)
{
    if (!fanout->holds)
        return;
    fanout->holds = false;
    shared_plans_visit(fanout->plans, audience_settle, fanout->book);
    for (struct reader *reader = fanout->readers; reader != NULL; reader = reader->next) {
        if (reader->shared == NULL)
            continue;
        reader_restart(reader);
        reader_start(reader, true);
    }
    book_turn(fanout->book);
}

unsigned fanout_patience_ms(const struct fanout *fanout)
{
    for (unsigned ms = 0; ms <= PATIENCE_MS_MAX; ms++)
        if (fanout->patient[ms] > 0)
            return ms;
    return 0;
}

bool fanout_is_full(const struct fanout *fanout)
{
    return fanout->options.lossless && fanout->full_readers > 0;
}

bool fanout_is_drained(const struct fanout *fanout)
{
    for (const struct reader *reader = fanout->readers; reader != NULL; reader = reader->next)
        if (!reader_is_drained(reader))
            return false;
    return true;
}

static void symbol_found(void *ctx, uint32_t stream)
{
    (void)stream;
    *(bool *)ctx = true;
}

bool fanout_topic_is_known(struct fanout *fanout, const char *symbol)
{
    bool found = false;
    if (!topic_is_pattern(symbol)) {
        book_symbol(fanout->book, symbol, symbol_found, &found);
        return found;
    }
    for (uint32_t i = 0; !found && i < book_count(fanout->book); i++) {
        const struct stream *stream = book_entry(fanout->book, i)->stream;
        found = stream->kind < EVENT_KINDS_PRICE && pattern_matches(symbol, stream->symbol);
    }
    return found;
}

/* ---- for the fan-out's other files ---- */

struct shared_plan **fanout_plans(struct fanout *fanout)
{
    return &fanout->plans;
}

void fanout_note_no_memory(struct fanout *fanout)
{
    fanout->out_of_memory = true;
}

struct book *fanout_book(const struct fanout *fanout)
{
    return fanout->book;
}

uint64_t fanout_epoch(const struct fanout *fanout)
{
    return fanout->place.epoch;
}

uint64_t fanout_run(const struct fanout *fanout)
{
    return fanout->place.run;
}

const struct wire_place *fanout_place(const struct fanout *fanout)
{
    return fanout->place_is_vague ? NULL : &fanout->place;
}

void fanout_set_vague(struct fanout *fanout, bool is_vague)
{
    fanout->place_is_vague = is_vague;
}

struct fanout_counts *fanout_counts(struct fanout *fanout)
{
    return &fanout->counts;
}

const struct histogram *fanout_ages(const struct fanout *fanout)
{
    return &fanout->freshness.ages;
}

struct freshness *fanout_freshness(struct fanout *fanout)
{
    return &fanout->freshness;
}

struct ageing *fanout_ageing(struct fanout *fanout)
{
    return &fanout->ageing;
}

const struct wire_clocks *fanout_clocks(struct fanout *fanout, const struct delivery *delivery)
{
    if (!delivery->clocks)
        return NULL;
    clocks_read(&fanout->clocks);
    fanout->clocks.has_ingest = fanout->options.has_ingest;
    return &fanout->clocks;
}

struct text *fanout_scratch(struct fanout *fanout)
{
    return &fanout->scratch;
}

void fanout_count_full(struct fanout *fanout, int change)
{
    fanout->full_readers += change;
}

void fanout_note_overflow(struct fanout *fanout, struct reader *reader)
{
    if (reader->overflowed)
        return;
    reader->overflowed = true;
    reader->next_overflowed = fanout->overflowed;
    fanout->overflowed = reader;
}

void fanout_forget_overflow(struct fanout *fanout, const struct reader *reader)
{
    struct reader **at = &fanout->overflowed;
    while (*at != NULL && *at != reader)
        at = &(*at)->next_overflowed;
    if (*at != NULL)
        *at = reader->next_overflowed;
}

void fanout_ask(struct fanout *fanout, struct recall_request *request)
{
    fanout->options.ask(request);
}

void fanout_put_resumed(struct fanout *fanout, struct reader *reader, uint64_t recovered,
                        uint64_t lost, struct text *text)
{
    fanout->options.put_resumed(reader, recovered, lost, text);
}

size_t fanout_queue_bytes_max(const struct fanout *fanout)
{
    return fanout->options.queue_bytes_max;
}

bool fanout_is_lossless(const struct fanout *fanout)
{
    return fanout->options.lossless;
}

bool fanout_holds(const struct fanout *fanout)
{
    return fanout->holds;
}

struct reader **fanout_readers(struct fanout *fanout)
{
    return &fanout->readers;
}
