#include "server/recovery.h"

#include <errno.h>
#include <stdlib.h>

#include "server/audience.h"
#include "server/freshness.h"
#include "server/passed.h"

enum {
    LAST_ROUND_EVENTS = 512, /* so many may as well have new ones wait in the queue */
    KEEP_BYTES_MAX = 256 << 10,
};

struct recovery {
    struct recall_request *request; /* ours, or away */
    bool is_away, is_last;
    uint64_t wanted;         /* events asked for in all rounds … */
    uint64_t round_wanted;   /* … and in this one */
    uint64_t recovered;      /* events delivered */
    size_t ranges_size;      /* places in the request's ranges */
    struct wire_place place; /* of the last round, once it has begun … */
    bool has_place;          /* … and if a place says it all */
};

/* ---- life ---- */

void recall_request_free(struct recall_request *request)
{
    if (request == NULL)
        return;
    recall_finish(&request->recall);
    free(request);
}

static struct recovery *recovery_create(struct reader *reader)
{
    struct recovery *recovery = calloc(1, sizeof *recovery);
    if (recovery == NULL)
        return NULL;
    recovery->request = calloc(1, sizeof *recovery->request);
    if (recovery->request == NULL) {
        free(recovery);
        return NULL;
    }
    recovery->request->reader = reader;
    recovery->request->epoch = fanout_epoch(reader->fanout);
    return recovery;
}

void recovery_forget(struct reader *reader)
{
    struct recovery *recovery = reader->recovery;
    if (recovery == NULL)
        return;
    if (recovery->is_away)
        recovery->request->reader = NULL; /* who answers finds nobody */
    else
        recall_request_free(recovery->request);
    free(recovery);
    reader->recovery = NULL;
}

const struct wire_place *recovery_place(const struct reader *reader)
{
    const struct recovery *recovery = reader->recovery;
    return recovery != NULL && recovery->has_place ? &recovery->place : NULL;
}

bool reader_is_recovering(const struct reader *reader)
{
    return reader->recovery != NULL;
}

bool recovery_skips(const struct reader *reader)
{
    return reader->recovery != NULL && !reader->recovery->is_last;
}

/* ---- rounds ---- */

static bool range_add(struct recovery *recovery, const struct book_entry *entry, uint64_t from)
{
    const struct price_event *newest = &entry->latest;
    struct recall *recall = &recovery->request->recall;
    if (recall->count == recovery->ranges_size) {
        const size_t size = recovery->ranges_size ? recovery->ranges_size * 2 : 8;
        struct recall_range *grown = realloc(recall->ranges, size * sizeof *grown);
        if (grown == NULL)
            return false;
        recall->ranges = grown;
        recovery->ranges_size = size;
    }
    recall->ranges[recall->count++] = (struct recall_range){
        .stream = newest->stream,
        .from = from,
        .to = newest->seq,
        .newest = *newest,
        .newest_emitted_ns = entry->emitted_ns,
    };
    recovery->round_wanted += newest->seq - from;
    return true;
}

/* What the part has not been sent of one of its streams is asked for, and counts as sent. */
static bool stream_claim(struct recovery *recovery, struct part *part, uint32_t index)
{
    const struct audience *audience = part->audience;
    const struct book *book = fanout_book(audience->fanout);
    const struct book_entry *entry = book_entry(book, audience->lanes[index].stream);
    uint64_t *sent = &part->sent[index];
    if (*sent == SEQ_SNAPSHOT || *sent >= entry->latest.seq)
        return true;
    if (!range_add(recovery, entry, *sent))
        return false;
    *sent = entry->latest.seq;
    passed_part_sent(part, index);
    return true;
}

/* Where every event counts, all that was missed is asked for, wished for or not. */
static bool every_claim(struct recovery *recovery, struct part *part)
{
    if (!part_extend(part))
        return false;
    bool ok = true;
    for (uint32_t i = 0; ok && i < part->sent_count; i++)
        ok = stream_claim(recovery, part, i);
    return ok;
}

static bool parts_claim(struct reader *reader)
{
    bool ok = true;
    for (size_t i = 0; ok && i < reader->parts_count; i++) {
        struct part *part = &reader->parts[i];
        if (part->audience->delivery.mode != DELIVER_EVERY)
            continue;
        audience_flush(part->audience); /* now it stands where the book does */
        if (part->sent != NULL)
            ok = every_claim(reader->recovery, part);
    }
    return ok;
}

/* Finds a stream among the reader's parts; NULL if it is not wanted. */
static struct part *part_find(const struct reader *reader, uint32_t stream, uint32_t *index)
{
    const struct book_entry *entry = book_entry(fanout_book(reader->fanout), stream);
    for (uint32_t r = 0; r < entry->routes_count; r++)
        for (size_t i = 0; i < reader->parts_count; i++)
            if (reader->parts[i].audience == entry->routes[r].audience) {
                *index = entry->routes[r].index;
                return &reader->parts[i];
            }
    return NULL;
}

size_t recovery_count_used(const struct reader *reader, const struct recovery_wish *wishes,
                           size_t count)
{
    size_t used = 0;
    uint32_t index;
    for (size_t i = 0; i < count; i++)
        used += part_find(reader, wishes[i].stream, &index) != NULL;
    return used;
}

static bool wish_claim(struct reader *reader, const struct recovery_wish *wish)
{
    uint32_t index;
    struct part *part = part_find(reader, wish->stream, &index);
    if (part == NULL || part->sent == NULL)
        return true; /* not wanted, or it has everything */
    return part_extend(part) && stream_claim(reader->recovery, part, index);
}

/* Either the reader leaves its audiences' common place until the next round, or it is at their head
 * from now on and its queue takes what comes. */
static bool round_settle(struct reader *reader)
{
    struct recovery *recovery = reader->recovery;
    for (size_t i = 0; i < reader->parts_count; i++) {
        struct part *part = &reader->parts[i];
        if (part->audience->delivery.mode != DELIVER_EVERY)
            continue;
        if (recovery->is_last && part->sent != NULL)
            part_catch_up(part); /* snapshots of new streams may be due */
        else if (!recovery->is_last && part->sent == NULL && !part_detach(part))
            return false;
    }
    reader->queue_kept = reader->queue_count; /* built upon what is recovered */
    return true;
}

static bool has_every(const struct reader *reader)
{
    for (size_t i = 0; i < reader->parts_count; i++)
        if (reader->parts[i].audience->delivery.mode == DELIVER_EVERY)
            return true;
    return false;
}

/* The ranges are there: how to go on. */
static void round_begin(struct reader *reader, uint64_t before)
{
    struct recovery *recovery = reader->recovery;
    const uint64_t wanted = recovery->round_wanted;
    recovery->wanted += wanted;
    recovery->is_last =
        !has_every(reader) || wanted <= LAST_ROUND_EVENTS || (before > 0 && wanted > before / 2);
    const struct wire_place *place = fanout_place(reader->fanout);
    recovery->has_place = recovery->is_last && place != NULL && !reader_lacks_snapshots(reader);
    if (recovery->has_place)
        recovery->place = *place;
    recovery->request->recall.begun = false;
    recovery->request->more = recovery->request->recall.count > 0;
    if (!round_settle(reader))
        reader->failed = true;
}

static void round_next(struct reader *reader)
{
    struct recovery *recovery = reader->recovery;
    const uint64_t before = recovery->round_wanted;
    recovery->round_wanted = 0;
    recovery->request->recall.count = 0;
    if (!parts_claim(reader)) {
        reader->failed = true;
        return;
    }
    round_begin(reader, before);
}

/* ---- pieces ---- */

/* Does any of its subscriptions want more of an item than the event? */
static bool wants_extras(const struct reader *reader)
{
    bool wants = false;
    for (size_t i = 0; i < reader->parts_count; i++) {
        const struct delivery *delivery = &reader->parts[i].audience->delivery;
        wants |= delivery->ohlc || delivery->clocks;
    }
    return wants;
}

/* What an item carries besides, by the subscription that its stream belongs to. Of trades that the
 * history has let go nothing is known but their number. */
static void extras_set(struct reader *reader, struct wire *wire, struct wire_item *item)
{
    static const struct span unknown;
    uint32_t index;
    const struct part *part = part_find(reader, item->stream, &index);
    if (part == NULL)
        return;
    const struct delivery *delivery = &part->audience->delivery;
    if (delivery->ohlc && item->event->kind == EVENT_TRADE)
        item->passed = &unknown;
    if (delivery->clocks == (wire->clocks != NULL))
        return;
    wire_end(wire, NULL); /* a message has clocks or has none */
    wire->clocks = fanout_clocks(reader->fanout, delivery);
}

static void piece_write(struct reader *reader)
{
    struct recovery *recovery = reader->recovery;
    struct recall *recall = &recovery->request->recall;
    struct fanout_counts *counts = fanout_counts(reader->fanout);
    struct cargo cargo = {.items = (uint32_t)recall->events_count}; /* however old, not late */
    const bool extras = wants_extras(reader);
    struct text *text = fanout_scratch(reader->fanout);
    text_clear(text, KEEP_BYTES_MAX);
    for (size_t i = 0; i < recall->events_count; i++)
        reader_put_definition(reader, recall->events[i].stream, text);
    struct wire wire = {.text = text, .encoding = reader->encoding};
    for (size_t i = 0; i < recall->events_count; i++) {
        struct wire_item item = {
            .stream = recall->events[i].stream,
            .event = &recall->events[i],
            .skipped = recall->skipped[i],
            .emitted_ns = recall->emitted_ns[i],
        };
        if (extras)
            extras_set(reader, &wire, &item);
        wire_put(&wire, WIRE_UPDATE, fanout_book(reader->fanout), &item);
        cargo.skipped += item.skipped;
        count_add(&counts->skipped, item.skipped);
    }
    wire_end(&wire, NULL);
    count_add(&counts->recovered, recall->events_count);
    recovery->recovered += recall->events_count;
    recall->events_count = 0;
    if (text->failed) {
        reader->failed = true;
        return;
    }
    reader_write(reader, text->bytes, text->len);
    reader_delivered(reader, text->len, &cargo);
}

static void ask(struct reader *reader)
{
    struct recovery *recovery = reader->recovery;
    recovery->is_away = true;
    fanout_ask(reader->fanout, recovery->request);
}

static void tell_resumed(struct reader *reader, struct text *text)
{
    const struct recovery *recovery = reader->recovery;
    const uint64_t lost = recovery->wanted - recovery->recovered;
    count_add(&fanout_counts(reader->fanout)->lost, lost);
    text_clear(text, KEEP_BYTES_MAX);
    fanout_put_resumed(reader->fanout, reader, recovery->recovered, lost, text);
    reader->failed = reader->failed || text->failed;
}

/* Says so before what waits in the queue, which may then go. */
static void finish(struct reader *reader)
{
    struct text *text = fanout_scratch(reader->fanout);
    tell_resumed(reader, text);
    recovery_forget(reader);
    if (!reader->failed)
        reader_write(reader, text->bytes, text->len);
}

void recovery_go_on(struct reader *reader)
{
    for (;;) {
        const struct recovery *recovery = reader->recovery;
        reader_flush_ahead(reader);
        if (reader->blocked || reader->failed || reader->queue_ahead > 0 || recovery->is_away ||
            recovery->request->is_gone)
            return;
        if (recovery->request->recall.events_count > 0) {
            piece_write(reader);
        } else if (recovery->request->more) {
            ask(reader);
            return;
        } else if (recovery->is_last) {
            finish(reader);
            return;
        } else {
            round_next(reader);
        }
    }
}

/* ---- for the reader's owner ---- */

void recovery_begin(struct reader *reader, const struct recovery_wish *wishes, size_t count)
{
    reader->recovery = recovery_create(reader);
    bool ok = reader->recovery != NULL;
    for (size_t i = 0; ok && i < count; i++)
        ok = wish_claim(reader, &wishes[i]);
    if (ok)
        ok = parts_claim(reader);
    if (!ok) {
        reader->failed = true;
        return;
    }
    reader->queue_ahead = reader->queue_count;
    round_begin(reader, 0);
    recovery_go_on(reader);
    if (reader->recovery == NULL && !reader->blocked)
        reader_writeable(reader);
}

void recovery_answer(struct recall_request *request)
{
    struct reader *reader = request->reader;
    if (reader == NULL) {
        recall_request_free(request);
        return;
    }
    reader->recovery->is_away = false;
    if (!reader->blocked)
        reader_writeable(reader);
}

void recovery_abandon(struct reader *reader)
{
    if (reader->recovery == NULL)
        return;
    struct text text = {0};
    reader_drop_updates(reader);
    reader->recovery->has_place = false;
    tell_resumed(reader, &text);
    recovery_forget(reader);
    if (!reader->failed && !reader_send(reader, text.bytes, text.len))
        reader->failed = true;
    text_finish(&text);
}
