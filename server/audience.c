#include "server/audience.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/passed.h"

enum {
    CATCH_UP_BYTES = 32 << 10, /* a piece: newer values may replace what has not been written */
    FLUSH_BYTES = 64 << 10,    /* about as much goes into one write: libwebsockets keeps the rest */
    KEEP_BYTES_MAX = 256 << 10,
};

/* ---- life and members ---- */

struct audience *audience_create(struct fanout *fanout, struct shared_plan *shared,
                                 struct delivery delivery)
{
    struct audience *audience = calloc(1, sizeof *audience);
    if (audience != NULL) {
        audience->fanout = fanout;
        audience->shared = shared;
        audience->delivery = delivery;
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
        struct route moved;
        book_route_remove(book, audience->streams[i], audience->places[i], &moved);
        book_entry(book, audience->streams[i])->watched -= audience->passed != NULL;
        if (moved.audience != NULL)
            moved.audience->places[moved.index] = audience->places[i];
    }
    free(audience->streams);
    free(audience->places);
    free(audience->sent);
    free(audience->is_dirty);
    free(audience->dirty);
    free(audience->open_items);
    free(audience->open_trades);
    passed_destroy(audience->passed);
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

bool audience_add_stream(struct audience *audience, uint32_t stream, uint64_t sent)
{
    if (audience->count == audience->size) {
        const uint32_t size = audience->size ? audience->size * 2 : 8;
        if (!array_grow(&audience->streams, size, sizeof *audience->streams) ||
            !array_grow(&audience->places, size, sizeof *audience->places) ||
            !array_grow(&audience->sent, size, sizeof *audience->sent) ||
            !array_grow(&audience->is_dirty, size, sizeof *audience->is_dirty) ||
            !array_grow(&audience->dirty, size, sizeof *audience->dirty))
            return false;
        audience->size = size;
    }
    const struct route route = {audience, audience->count};
    const long place = book_route_add(fanout_book(audience->fanout), stream, route);
    if (place < 0)
        return false;
    audience->streams[audience->count] = stream;
    audience->places[audience->count] = (uint32_t)place;
    audience->sent[audience->count] = sent;
    audience->is_dirty[audience->count] = 0;
    audience->count++;
    book_entry(fanout_book(audience->fanout), stream)->watched += audience->passed != NULL;
    passed_add_stream(audience);
    return true;
}

bool audience_join(struct audience *audience, struct part *part)
{
    if (audience->members_count == audience->members_size) {
        const uint32_t size = audience->members_size ? audience->members_size * 2 : 4;
        if (!array_grow(&audience->members, size, sizeof *audience->members))
            return false;
        audience->members_size = size;
    }
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

bool audience_is_waiting(const struct audience *audience)
{
    return audience->dirty_count > 0 || audience_is_open(audience) || audience->wants_tick;
}

/* ---- items ---- */

/* What stands between the last seq sent and the newest, not counting it. */
static uint64_t skipped_between(uint64_t sent, uint64_t seq)
{
    return sent == SEQ_SNAPSHOT || seq <= sent ? 0 : seq - sent - 1;
}

/* The latest event of one of the audience's streams. */
static void put_item(const struct audience *audience, struct wire *wire, enum wire_type type,
                     uint32_t index, uint64_t skipped, const struct span *passed)
{
    static const struct span unknown;
    struct book *book = fanout_book(audience->fanout);
    const uint32_t stream = audience->streams[index];
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

/* Before a binary item of a new stream every member hears of that. */
static void members_tell(struct audience *audience)
{
    const uint32_t first = audience->told;
    audience->told = audience->count;
    if (audience->delivery.encoding != ENCODING_BINARY || first == audience->count)
        return;
    for (uint32_t i = 0; i < audience->members_count; i++)
        if (!every_passes_over(audience, audience->members[i]->reader))
            reader_define(audience->members[i]->reader, audience->streams + first,
                          audience->count - first);
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

/* Builds the next piece, from the dirty stream `*at` on. */
static struct cargo latest_build(struct audience *audience, struct text *text, uint32_t *at)
{
    struct book *book = fanout_book(audience->fanout);
    struct wire wire = {
        .text = text,
        .encoding = audience->delivery.encoding,
        .clocks = fanout_clocks(audience->fanout, &audience->delivery),
    };
    struct cargo cargo = {0};
    for (; *at < audience->dirty_count && text->len < FLUSH_BYTES; ++*at) {
        const uint32_t index = audience->dirty[*at];
        const struct book_entry *entry = book_entry(book, audience->streams[index]);
        const uint64_t seq = entry->latest.seq;
        audience->is_dirty[index] = 0;
        if (seq <= audience->sent[index])
            continue;
        const uint64_t before = audience->sent[index], skipped = skipped_between(before, seq);
        put_item(audience, &wire, WIRE_UPDATE, index, skipped, passed_by_audience(audience, index));
        cargo_add(&cargo, skipped, entry->emitted_ns);
        passed_sent(audience, index, before);
        audience->sent[index] = seq;
    }
    wire_end(&wire, *at == audience->dirty_count ? fanout_place(audience->fanout) : NULL);
    return cargo;
}

/* A send takes longer than to fetch what the next ones need. */
static void members_prefetch(const struct audience *audience, uint32_t at)
{
    enum { LINE = 64, LINES = 7 };
    if (at + 2 < audience->members_count)
        __builtin_prefetch(audience->members[at + 2]);
    if (at + 1 >= audience->members_count)
        return;
    const char *reader = (const char *)audience->members[at + 1]->reader;
    for (int i = 0; i < LINES; i++)
        __builtin_prefetch(reader + i * LINE);
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

static void latest_flush(struct audience *audience)
{
    members_tell(audience);
    struct text *text = fanout_scratch(audience->fanout);
    for (uint32_t at = 0; at < audience->dirty_count;) {
        members_detach_busy(audience);
        text_clear(text, KEEP_BYTES_MAX);
        const struct cargo cargo = latest_build(audience, text, &at);
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
    members_tell(audience);
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
    const uint32_t stream = audience->streams[index];
    const struct book_entry *entry = book_entry(fanout_book(audience->fanout), stream);
    const uint64_t seq = entry->latest.seq, sent = audience->sent[index];
    if (seq <= sent)
        return;
    if (!audience_is_open(audience))
        fanout_clocks(audience->fanout, &audience->delivery);
    put_item(audience, &audience->open_wire, WIRE_UPDATE, index, skipped_between(sent, seq), NULL);
    item_note(audience, stream, seq - sent);
    cargo_add(&audience->open_cargo, skipped_between(sent, seq), entry->emitted_ns);
    audience->sent[index] = seq;
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

void audience_flush(struct audience *audience)
{
    if (audience->delivery.mode == DELIVER_EVERY)
        every_flush(audience);
    else
        latest_flush(audience);
}

/* ---- one that is not at the head ---- */

bool part_detach(struct part *part)
{
    const struct audience *audience = part->audience;
    const size_t size = audience->count * sizeof *part->sent;
    uint64_t *sent = malloc(size + sizeof *sent);
    if (sent == NULL)
        return false;
    if (size > 0)
        memcpy(sent, audience->sent, size);
    free(part->sent);
    part->sent = sent;
    part->sent_count = audience->count;
    part->next = 0;
    passed_detach(part);
    return true;
}

void part_rejoin(struct part *part)
{
    free(part->sent);
    part->sent = NULL;
    passed_forget(part);
}

/* It has been sent nothing of them. */
bool part_extend(struct part *part)
{
    const uint32_t count = part->audience->count;
    if (part->sent_count == count)
        return true;
    if (!array_grow(&part->sent, count, sizeof *part->sent))
        return false;
    for (uint32_t i = part->sent_count; i < count; i++)
        part->sent[i] = 0;
    part->sent_count = count;
    return true;
}

/* Builds the next piece, at most `bytes_max`; returns how many items, 0 when nothing is lacking.
 * The cargo is that of updates: a snapshot is not late, however old its values. */
static uint32_t part_build(struct part *part, struct text *text, size_t bytes_max,
                           struct cargo *cargo)
{
    struct audience *audience = part->audience;
    const struct book *book = fanout_book(audience->fanout);
    struct wire wire = {
        .text = text,
        .encoding = audience->delivery.encoding,
        .clocks = fanout_clocks(audience->fanout, &audience->delivery),
    };
    uint32_t items = 0, looked = 0;
    for (; looked < audience->count && text->len < bytes_max; looked++) {
        const uint32_t index = part->next < audience->count ? part->next : 0;
        part->next = index + 1;
        const struct book_entry *entry = book_entry(book, audience->streams[index]);
        const uint64_t seq = entry->latest.seq;
        uint64_t *sent = &part->sent[index];
        if (seq == 0 || (*sent != SEQ_SNAPSHOT && seq <= *sent))
            continue;
        const uint64_t skipped = skipped_between(*sent, seq);
        put_item(audience, &wire, *sent == SEQ_SNAPSHOT ? WIRE_SNAPSHOT : WIRE_UPDATE, index,
                 skipped, passed_by_part(part, index));
        passed_part_sent(part, index);
        count_add(&fanout_counts(audience->fanout)->skipped, skipped);
        if (*sent != SEQ_SNAPSHOT)
            cargo_add(cargo, skipped, entry->emitted_ns);
        *sent = seq;
        items++;
    }
    wire_end(&wire, looked == audience->count ? fanout_place(audience->fanout) : NULL);
    return items;
}

/* One that came back may have been sent more than the book knows: see reader_set_topics_after(). */
static bool part_is_ahead(const struct part *part)
{
    const struct book *book = fanout_book(part->audience->fanout);
    for (uint32_t i = 0; i < part->sent_count; i++)
        if (part->sent[i] != SEQ_SNAPSHOT &&
            part->sent[i] > book_entry(book, part->audience->streams[i])->latest.seq)
            return true;
    return false;
}

void part_catch_up(struct part *part)
{
    struct audience *audience = part->audience;
    struct reader *reader = part->reader;
    const bool whole = audience->delivery.mode == DELIVER_EVERY;
    if (fanout_holds(audience->fanout))
        return; /* half of how things stand would be wrong; fanout_settle() tells it all */
    members_tell(audience);
    if (!part_extend(part)) {
        reader->failed = true;
        return;
    }
    if (audience->dirty_count > 0)
        passed_go_alone(part);
    while (!reader->failed && (whole || !reader_is_blocked(reader))) {
        struct text *text = fanout_scratch(audience->fanout);
        text_clear(text, KEEP_BYTES_MAX);
        struct cargo cargo = {0};
        const uint32_t items = part_build(part, text, CATCH_UP_BYTES, &cargo);
        if (text->failed) {
            reader->failed = true;
        } else if (items == 0) {
            if (audience->dirty_count == 0 && !audience_is_open(audience) && !part_is_ahead(part))
                part_rejoin(part);
            return;
        } else if (!reader_send(reader, text->bytes, text->len)) {
            reader->failed = true;
        }
        cargo.items = items;
        reader_delivered(reader, text->len, &cargo);
    }
}
