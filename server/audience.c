#include "server/audience.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/passed.h"
#include "server/shared_plan.h"

enum {
    FLUSH_BYTES = 64 << 10, /* about as much goes into one write: libwebsockets keeps the rest */
    KEEP_BYTES_MAX = 256 << 10,
    /* What makes it poll: so many events between two ticks, and for each of its streams 1 / … */
    POLL_EVENTS_MIN = 8,
    POLL_FROM = 2,
    POLL_UNTIL = 8, /* … and the least that keeps it at that */
    ENTRIES_AHEAD = 16,
    ENTRY_HOT = 128,
};

/* ---- fetching ahead ---- */

static void lines_prefetch(const void *from, size_t len)
{
    enum { LINE = 64 };
    for (size_t at = 0; at < len; at += LINE)
        __builtin_prefetch((const char *)from + at);
}

/* What a write to it looks at: a little at each end, and of what its owner keeps behind that. */
static void reader_prefetch(const struct reader *reader)
{
    enum { BEHIND = 48 };
    const size_t from = offsetof(struct reader, only_part);
    __builtin_prefetch(reader);
    lines_prefetch((const char *)reader + from, sizeof *reader - from + BEHIND);
}

/* ---- routes ---- */

static void route_note(const struct route *moved, uint32_t place)
{
    if (moved->audience != NULL)
        moved->audience->lanes[moved->index].place = place;
}

static void lane_wake(struct book *book, struct lane *lane)
{
    struct route moved;
    const uint32_t place = lane->place;
    lane->place = book_route_wake(book, lane->stream, place, &moved);
    route_note(&moved, place);
}

static void lane_sleep(struct book *book, struct lane *lane)
{
    struct route moved;
    const uint32_t place = lane->place;
    lane->place = book_route_sleep(book, lane->stream, place, &moved);
    route_note(&moved, place);
}

static void polling_set(struct audience *audience, bool polls)
{
    struct book *book = fanout_book(audience->fanout);
    if (audience->polls == polls)
        return;
    audience->polls = polls;
    for (uint32_t i = 0; i < audience->count; i++)
        (polls ? lane_sleep : lane_wake)(book, &audience->lanes[i]);
}

void audience_stop_polling(struct audience *audience)
{
    polling_set(audience, false);
}

/* ---- life and members ---- */

struct audience *audience_create(struct fanout *fanout, struct shared_plan *shared,
                                 struct delivery delivery)
{
    struct audience *audience = calloc(1, sizeof *audience);
    if (audience != NULL) {
        audience->fanout = fanout;
        audience->shared = shared;
        audience->delivery = delivery;
        audience->members = &audience->only_member;
        audience->members_size = 1;
        audience->passed = delivery.ohlc ? passed_create() : NULL;
        audience->open_wire = (struct wire){
            .text = &audience->open,
            .encoding = delivery.encoding,
            .clocks = fanout_clocks(fanout, &delivery),
        };
    }
    return audience;
}

void audience_destroy(struct audience *audience)
{
    if (audience == NULL)
        return;
    assert(audience->members_count == 0);
    struct book *book = fanout_book(audience->fanout);
    for (uint32_t i = 0; i < audience->count; i++) {
        struct lane *lane = &audience->lanes[i];
        struct route moved;
        if (!audience->polls)
            lane_sleep(book, lane);
        book_route_remove(book, lane->stream, lane->place, &moved);
        route_note(&moved, lane->place);
        book_entry(book, lane->stream)->watched -= audience->passed != NULL;
    }
    free(audience->lanes);
    free(audience->is_dirty);
    free(audience->dirty);
    free(audience->open_items);
    free(audience->open_trades);
    passed_destroy(audience->passed);
    if (audience->members != &audience->only_member)
        free(audience->members);
    text_finish(&audience->open);
    free(audience);
}

bool array_grow(void *array, size_t count, size_t element)
{
    void **at = array;
    void *grown = realloc(*at, count * element);
    if (grown != NULL)
        *at = grown;
    return grown != NULL;
}

/* What a plan names has mostly one stream each; all of it at once lies near the audience. */
static uint32_t first_size(const struct audience *audience)
{
    enum { FEW = 8, MANY = 256 };
    const size_t topics = shared_plan_plan(audience->shared)->count;
    return topics < FEW ? FEW : topics > MANY ? MANY : (uint32_t)topics;
}

bool audience_add_stream(struct audience *audience, uint32_t stream, uint64_t sent)
{
    if (audience->count == audience->size) {
        const uint32_t size = audience->size ? audience->size * 2 : first_size(audience);
        if (!array_grow(&audience->lanes, size, sizeof *audience->lanes) ||
            !array_grow(&audience->is_dirty, size, sizeof *audience->is_dirty) ||
            !array_grow(&audience->dirty, size, sizeof *audience->dirty))
            return false;
        audience->size = size;
    }
    const struct route route = {audience, audience->count};
    const long place = book_route_add(fanout_book(audience->fanout), stream, route);
    if (place < 0)
        return false;
    struct lane *lane = &audience->lanes[audience->count];
    *lane = (struct lane){.sent = sent, .stream = stream, .place = (uint32_t)place};
    audience->is_dirty[audience->count] = 0;
    audience->count++;
    if (!audience->polls)
        lane_wake(fanout_book(audience->fanout), lane);
    book_entry(fanout_book(audience->fanout), stream)->watched += audience->passed != NULL;
    passed_add_stream(audience);
    return true;
}

static bool members_grow(struct audience *audience)
{
    const bool was_one = audience->members == &audience->only_member;
    struct part **members = was_one ? NULL : audience->members;
    const uint32_t size = was_one ? 4 : audience->members_size * 2;
    if (!array_grow(&members, size, sizeof *members))
        return false;
    if (was_one)
        members[0] = audience->only_member;
    audience->members = members;
    audience->members_size = size;
    return true;
}

bool audience_join(struct audience *audience, struct part *part)
{
    if (audience->members_count == audience->members_size && !members_grow(audience))
        return false;
    part->audience = audience;
    part->member = audience->members_count;
    audience->members[audience->members_count++] = part;
    return true;
}

void audience_leave(struct part *part)
{
    struct audience *audience = part->audience;
    struct part *last = audience->members[--audience->members_count];
    audience->members[part->member] = last;
    last->member = part->member;
    part_rejoin(part);
}

bool audience_is_open(const struct audience *audience)
{
    return audience->open_wire.type != WIRE_NONE;
}

bool audience_is_behind(const struct audience *audience)
{
    const struct book *book = fanout_book(audience->fanout);
    for (uint32_t i = 0; audience->polls && i < audience->count; i++)
        if (book_entry(book, audience->lanes[i].stream)->latest.seq > audience->lanes[i].sent)
            return true;
    return audience->dirty_count > 0;
}

bool audience_is_waiting(const struct audience *audience)
{
    return audience_is_behind(audience) || audience_is_open(audience) ||
           (audience->wants_tick && !audience->polls);
}

/* ---- items ---- */

void audience_put_item(const struct audience *audience, struct wire *wire, enum wire_type type,
                       uint32_t index, uint64_t skipped, const struct span *passed)
{
    static const struct span unknown;
    struct book *book = fanout_book(audience->fanout);
    const uint32_t stream = audience->lanes[index].stream;
    const struct book_entry *entry = book_entry(book, stream);
    const bool wants_ohlc = audience->delivery.ohlc && entry->stream->kind == EVENT_TRADE;
    const struct wire_item item = {
        .stream = stream,
        .event = &entry->latest,
        .skipped = skipped,
        .passed = wants_ohlc && passed == NULL ? &unknown : passed,
        .emitted_ns = entry->emitted_ns,
    };
    wire_put(wire, type, book, &item);
}

/* What it lacks will come from the history, with the definitions it takes. */
static bool every_passes_over(const struct audience *audience, const struct reader *reader)
{
    return audience->delivery.mode == DELIVER_EVERY && recovery_skips(reader);
}

void audience_tell_members(struct audience *audience)
{
    const uint32_t first = audience->told;
    audience->told = audience->count;
    if (audience->delivery.encoding != ENCODING_BINARY || first == audience->count)
        return;
    for (uint32_t i = 0; i < audience->members_count; i++)
        if (!every_passes_over(audience, audience->members[i]->reader))
            reader_define(audience->members[i]->reader, audience, first);
}

/* ---- mode latest: the newest of each dirty stream ---- */

/* Members that cannot take this flush stand where the audience stood before it. */
static void members_detach_busy(struct audience *audience)
{
    for (uint32_t i = 0; i < audience->members_count; i++) {
        struct part *part = audience->members[i];
        if (part->sent == NULL && reader_is_blocked(part->reader) && !part_detach(part))
            part->reader->failed = true; /* no memory to remember where it stands */
    }
}

/* How many lanes a flush looks at, and which. */
static uint32_t looks(const struct audience *audience)
{
    return audience->polls ? audience->count : audience->dirty_count;
}

static uint32_t look_at(const struct audience *audience, uint32_t at)
{
    return audience->polls ? at : audience->dirty[at];
}

/* With a thousand audiences the entries that one of them looks at are in no near cache. */
static void entry_prefetch(const struct audience *audience, uint32_t at, uint32_t all)
{
    if (at >= all)
        return;
    const struct lane *lane = &audience->lanes[look_at(audience, at)];
    lines_prefetch(book_entry(fanout_book(audience->fanout), lane->stream), ENTRY_HOT);
}

/* Builds the next piece, from look `*at` on. */
static struct cargo latest_build(struct audience *audience, struct text *text, uint32_t *at)
{
    const uint32_t all = looks(audience);
    struct book *book = fanout_book(audience->fanout);
    struct wire wire = {
        .text = text,
        .encoding = audience->delivery.encoding,
        .clocks = fanout_clocks(audience->fanout, &audience->delivery),
    };
    struct cargo cargo = {0};
    for (uint32_t ahead = *at; ahead < *at + ENTRIES_AHEAD; ahead++)
        entry_prefetch(audience, ahead, all);
    for (; *at < all && text->len < FLUSH_BYTES; ++*at) {
        entry_prefetch(audience, *at + ENTRIES_AHEAD, all);
        const uint32_t index = look_at(audience, *at);
        struct lane *lane = &audience->lanes[index];
        const struct book_entry *entry = book_entry(book, lane->stream);
        const uint64_t seq = entry->latest.seq;
        if (!audience->polls)
            audience->is_dirty[index] = 0;
        if (seq <= lane->sent)
            continue;
        const uint64_t before = lane->sent, skipped = skipped_between(before, seq);
        audience_put_item(audience, &wire, WIRE_UPDATE, index, skipped,
                          passed_by_audience(audience, index));
        cargo_add(&cargo, skipped, entry->emitted_ns);
        passed_sent(audience, index, before);
        lane->sent = seq;
    }
    wire_end(&wire, *at == all ? fanout_place(audience->fanout) : NULL);
    return cargo;
}

/* A send takes longer than to fetch what the next ones need. */
static void members_prefetch(const struct audience *audience, uint32_t at)
{
    if (at + 2 < audience->members_count)
        __builtin_prefetch(audience->members[at + 2]);
    if (at + 1 < audience->members_count)
        reader_prefetch(audience->members[at + 1]->reader);
}

/* Members at the head first: they share one text, which catching up will overwrite. */
static void latest_send(struct audience *audience, const struct cargo *cargo)
{
    const struct text *text = fanout_scratch(audience->fanout);
    for (uint32_t i = 0; i < audience->members_count; i++) {
        struct part *part = audience->members[i];
        members_prefetch(audience, i);
        if (part->sent != NULL || part->reader->failed)
            continue;
        if (text->failed) {
            part->reader->failed = true; /* its bytes could not be made: it must not go on */
            continue;
        }
        reader_write(part->reader, text->bytes, text->len);
        reader_delivered(part->reader, text->len, cargo);
    }
}

/* Returns how many events that makes up for. */
static uint64_t latest_flush(struct audience *audience)
{
    uint64_t events = 0;
    audience_tell_members(audience);
    struct text *text = fanout_scratch(audience->fanout);
    for (uint32_t at = 0; at < looks(audience);) {
        members_detach_busy(audience);
        text_clear(text, KEEP_BYTES_MAX);
        const struct cargo cargo = latest_build(audience, text, &at);
        events += cargo.items + cargo.skipped;
        if (text->len > 0 || text->failed)
            latest_send(audience, &cargo);
    }
    audience->dirty_count = 0;
    passed_flushed(audience);
    for (uint32_t i = 0; i < audience->members_count; i++) {
        struct part *part = audience->members[i];
        if (part->sent != NULL && !reader_is_blocked(part->reader))
            part_catch_up(part);
    }
    return events;
}

/* ---- mode every: all of them, in order ---- */

static bool items_reserve(struct audience *audience)
{
    if (audience->open_count < audience->open_size)
        return true;
    const uint32_t size = audience->open_size ? audience->open_size * 2 : 64;
    if (!array_grow(&audience->open_items, size, sizeof *audience->open_items) ||
        (audience->passed != NULL &&
         !array_grow(&audience->open_trades, size, sizeof *audience->open_trades)))
        return false;
    audience->open_size = size;
    return true;
}

static void item_note(struct audience *audience, uint32_t stream, uint64_t events)
{
    const struct book_entry *entry = book_entry(fanout_book(audience->fanout), stream);
    if (!items_reserve(audience)) {
        audience->open.failed = true;
        return;
    }
    if (audience->passed != NULL)
        audience->open_trades[audience->open_count] = entry->stream->kind == EVENT_TRADE
                                                          ? span_trade_of(&entry->latest)
                                                          : (struct span_trade){0};
    audience->open_items[audience->open_count++] =
        (struct frame_item){.stream = stream, .events = (uint32_t)events};
}

static struct frame *open_frame(const struct audience *audience)
{
    struct frame *frame =
        frame_create(audience->open.bytes, audience->open.len, audience->open_items,
                     audience->open_trades, audience->open_count, fanout_epoch(audience->fanout));
    if (frame != NULL) {
        frame->cargo = audience->open_cargo;
        frame->delivery = audience->delivery;
    }
    return frame;
}

static void every_deliver(struct audience *audience)
{
    struct text *text = &audience->open;
    struct frame *frame = NULL; /* made when the first member has to queue it */
    for (uint32_t i = 0; i < audience->members_count; i++) {
        struct reader *reader = audience->members[i]->reader;
        if (reader->failed || audience->members[i]->sent != NULL)
            continue;
        if (!reader_is_blocked(reader)) {
            reader_write(reader, text->bytes, text->len);
            reader_delivered(reader, text->len, &audience->open_cargo);
        } else {
            if (frame == NULL)
                frame = open_frame(audience);
            if (frame == NULL || !reader_enqueue(reader, frame))
                reader->failed = true;
        }
    }
    frame_unref(frame);
}

static void every_flush(struct audience *audience)
{
    if (!audience_is_open(audience))
        return;
    audience_tell_members(audience);
    fanout_clocks(audience->fanout, &audience->delivery);
    wire_end(&audience->open_wire, fanout_place(audience->fanout));
    if (audience->open.failed) {
        for (uint32_t i = 0; i < audience->members_count; i++)
            audience->members[i]->reader->failed = true;
    } else {
        every_deliver(audience);
    }
    text_clear(&audience->open, KEEP_BYTES_MAX);
    audience->open_count = 0;
    audience->open_cargo = (struct cargo){0};
    for (uint32_t i = 0; i < audience->members_count; i++) {
        struct part *part = audience->members[i];
        if (part->sent != NULL && !recovery_skips(part->reader))
            part_catch_up(part);
    }
}

static void every_note(struct audience *audience, uint32_t index)
{
    struct lane *lane = &audience->lanes[index];
    const uint32_t stream = lane->stream;
    const struct book_entry *entry = book_entry(fanout_book(audience->fanout), stream);
    const uint64_t seq = entry->latest.seq, sent = lane->sent;
    if (seq <= sent)
        return;
    if (!audience_is_open(audience))
        fanout_clocks(audience->fanout, &audience->delivery);
    audience_put_item(audience, &audience->open_wire, WIRE_UPDATE, index,
                      skipped_between(sent, seq), NULL);
    item_note(audience, stream, seq - sent);
    cargo_add(&audience->open_cargo, skipped_between(sent, seq), entry->emitted_ns);
    lane->sent = seq;
    /* A slow rate may not gather without end: what is past the queue's limit does not wait. */
    size_t most = audience->delivery.period_ms > 0 ? fanout_queue_bytes_max(audience->fanout)
                                                   : (size_t)FLUSH_BYTES;
    if (audience->delivery.clocks && most > MESSAGE_BYTES_MAX / 2)
        most =
            MESSAGE_BYTES_MAX / 2; /* a message that ends before it is written has a wrong stamp */
    if (audience->open.len > most)
        every_flush(audience);
}

/* ---- both ---- */

void audience_note(struct audience *audience, uint32_t index)
{
    if (audience->delivery.mode == DELIVER_EVERY) {
        every_note(audience, index);
    } else if (!audience->is_dirty[index]) {
        audience->is_dirty[index] = 1;
        audience->dirty[audience->dirty_count++] = index;
    }
    fanout_touch(audience->fanout, audience);
}

/* In two steps: the second needs what the first has fetched. */
void audience_prefetch_notes(const struct route *next, size_t count)
{
    enum { FAR = 8, NEAR = 4, ITEM = 192 };
    if (count > FAR)
        lines_prefetch(next[FAR].audience, sizeof *next->audience);
    if (count <= NEAR)
        return;
    const struct audience *audience = next[NEAR].audience;
    if (audience->delivery.mode == DELIVER_EVERY) {
        __builtin_prefetch(&audience->lanes[next[NEAR].index]);
        __builtin_prefetch(&audience->open_items[audience->open_count]);
        lines_prefetch(audience->open.bytes + audience->open.len, ITEM);
    } else {
        __builtin_prefetch(&audience->is_dirty[next[NEAR].index]);
        __builtin_prefetch(&audience->dirty[audience->dirty_count]);
    }
}

void audience_flush(struct audience *audience)
{
    if (audience->delivery.mode == DELIVER_EVERY)
        every_flush(audience);
    else
        latest_flush(audience);
}

/* Being told of an event touches the audience; looking, each of its lanes and the book's entry. */
bool audience_tick(struct audience *audience)
{
    if (audience->delivery.mode == DELIVER_EVERY || audience->passed != NULL) {
        audience_flush(audience);
        return false;
    }
    const uint64_t events = latest_flush(audience);
    if (audience->polls)
        polling_set(audience, events > 0 && events * POLL_UNTIL >= audience->count);
    else
        polling_set(audience, events >= POLL_EVENTS_MIN && events * POLL_FROM >= audience->count);
    return audience->polls;
}

/* In steps, each of which needs what the one before it has fetched. */
void audience_prefetch(struct audience *const *next, size_t count)
{
    enum { LANES = 32, AUDIENCE_HOT = 128 };
    if (count > 3)
        lines_prefetch(next[3], AUDIENCE_HOT);
    if (count > 2) {
        const uint32_t lanes = next[2]->count;
        lines_prefetch(next[2]->lanes, (lanes < LANES ? lanes : LANES) * sizeof(struct lane));
        if (next[2]->members_count > 0)
            reader_prefetch(next[2]->members[0]->reader);
    }
}
