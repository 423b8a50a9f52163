/* A reader's queue holds whole frames that wait for its socket; what a "latest" part lacks is not
 * queued but computed when the socket is free. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/audience.h"
#include "server/passed.h"
#include "server/recovery.h"
#include "server/shared_plan.h"

/* A client that makes us answer but does not read fills its queue with answers. */
enum { QUEUE_ANSWERS_FACTOR = 4 };

#define SEQ_UNKNOWN (UINT64_MAX - 1) /* in a table by stream: was not covered before */

void reader_init(struct reader *reader, struct fanout *fanout, const struct reader_ops *ops)
{
    *reader = (struct reader){.ops = ops, .fanout = fanout};
    struct reader **first = fanout_readers(fanout);
    reader->next = *first;
    reader->link = first;
    if (*first != NULL)
        (*first)->link = &reader->next;
    *first = reader;
}

static bool queue_is_deep(const struct reader *reader)
{
    return reader->queue_bytes > fanout_queue_bytes_max(reader->fanout) / 4;
}

static void queue_bytes_set(struct reader *reader, size_t bytes)
{
    const bool was_deep = queue_is_deep(reader);
    reader->queue_bytes = bytes;
    fanout_count_full(reader->fanout, (int)queue_is_deep(reader) - (int)was_deep);
}

static struct frame *queue_pop(struct reader *reader)
{
    struct frame *frame = reader->queue[reader->queue_first];
    reader->queue_first = (reader->queue_first + 1) & (reader->queue_size - 1);
    reader->queue_count--;
    reader->queue_kept -= reader->queue_kept > 0;
    reader->queue_ahead -= reader->queue_ahead > 0;
    queue_bytes_set(reader, reader->queue_bytes - frame->len);
    return frame;
}

static void parts_leave(struct reader *reader)
{
    for (size_t i = 0; i < reader->parts_count; i++)
        audience_leave(&reader->parts[i]);
    if (reader->parts != &reader->only_part)
        free(reader->parts);
    reader->parts = NULL;
    reader->parts_count = 0;
    shared_plan_unref(reader->shared);
    reader->shared = NULL;
}

void reader_finish(struct reader *reader)
{
    if (reader->fanout == NULL)
        return;
    recovery_forget(reader);
    parts_leave(reader);
    while (reader->queue_count > 0)
        frame_unref(queue_pop(reader));
    free(reader->queue);
    free(reader->told);
    *reader->link = reader->next;
    if (reader->next != NULL)
        reader->next->link = reader->link;
    fanout_forget_overflow(reader->fanout, reader);
    ageing_forget(fanout_ageing(reader->fanout), reader);
    *reader = (struct reader){0};
}

/* ---- writing ---- */

bool reader_is_blocked(const struct reader *reader)
{
    return reader->blocked || reader->failed || reader->queue_count > 0 || reader->recovery != NULL;
}

void reader_write(struct reader *reader, const void *bytes, size_t len)
{
    const enum write_result result = reader->ops->write(reader, bytes, len);
    reader->totals.bytes += len;
    reader->blocked = result == WRITE_BLOCKED;
    reader->failed = reader->failed || result == WRITE_FAILED;
    if (reader->blocked)
        count_add(&fanout_counts(reader->fanout)->blocked, 1);
}

static bool queue_push(struct reader *reader, struct frame *frame)
{
    if (reader->queue_count == reader->queue_size) {
        const uint32_t size = reader->queue_size ? reader->queue_size * 2 : 8;
        struct frame **ring = malloc(size * sizeof *ring);
        if (ring == NULL)
            return false;
        for (uint32_t i = 0; i < reader->queue_count; i++)
            ring[i] = reader->queue[(reader->queue_first + i) & (reader->queue_size - 1)];
        free(reader->queue);
        reader->queue = ring;
        reader->queue_first = 0;
        reader->queue_size = size;
    }
    reader->queue[(reader->queue_first + reader->queue_count++) & (reader->queue_size - 1)] = frame;
    queue_bytes_set(reader, reader->queue_bytes + frame->len);
    return true;
}

bool reader_enqueue(struct reader *reader, struct frame *frame)
{
    if (!queue_push(reader, frame))
        return false;
    frame_ref(frame);
    ageing_note(fanout_ageing(reader->fanout), reader, frame);
    if (reader->queue_bytes > fanout_queue_bytes_max(reader->fanout) &&
        !fanout_is_lossless(reader->fanout))
        fanout_note_overflow(reader->fanout, reader);
    return true;
}

bool reader_has_unread_answers(const struct reader *reader)
{
    const size_t updates_max = fanout_queue_bytes_max(reader->fanout);
    return reader->queue_bytes > updates_max + QUEUE_ANSWERS_FACTOR * MESSAGE_BYTES_MAX;
}

bool reader_send(struct reader *reader, const void *bytes, size_t len)
{
    if (reader->failed)
        return false;
    if (!reader_is_blocked(reader)) {
        reader_write(reader, bytes, len);
        return !reader->failed;
    }
    if (reader_has_unread_answers(reader))
        return false;
    struct frame *frame = frame_create(bytes, len, NULL, NULL, 0, 0);
    if (frame == NULL)
        return false;
    if (queue_push(reader, frame))
        return true;
    frame_unref(frame);
    return false;
}

/* Returns true, and remembers the stream, if it is the first time. */
static bool told_first(struct reader *reader, uint32_t stream)
{
    uint8_t *byte = &reader->told[stream / 8];
    const uint8_t bit = (uint8_t)(1u << stream % 8);
    const bool is_first = (*byte & bit) == 0;
    *byte |= bit;
    return is_first;
}

static bool told_reserve(struct reader *reader)
{
    const uint32_t bytes = book_count(fanout_book(reader->fanout)) / 8 + 1;
    if (bytes <= reader->told_bytes)
        return true;
    uint8_t *grown = realloc(reader->told, bytes);
    if (grown == NULL)
        return false;
    memset(grown + reader->told_bytes, 0, bytes - reader->told_bytes);
    reader->told = grown;
    reader->told_bytes = bytes;
    return true;
}

void reader_put_definition(struct reader *reader, uint32_t stream, struct text *text)
{
    if (reader->encoding != ENCODING_BINARY)
        return;
    if (!told_reserve(reader)) {
        text->failed = true;
        return;
    }
    if (!told_first(reader, stream))
        return;
    struct wire wire = {.text = text, .encoding = reader->encoding};
    wire_put_definition(&wire, book_entry(fanout_book(reader->fanout), stream)->stream);
    wire_end(&wire, NULL);
}

void reader_define(struct reader *reader, const struct audience *audience, uint32_t first)
{
    if (reader->encoding != ENCODING_BINARY || reader->failed)
        return;
    if (!told_reserve(reader)) {
        reader->failed = true;
        return;
    }
    const struct book *book = fanout_book(reader->fanout);
    struct text text = {0};
    struct wire wire = {.text = &text, .encoding = reader->encoding};
    for (uint32_t i = first; i < audience->count; i++) {
        const uint32_t stream = audience->lanes[i].stream;
        if (told_first(reader, stream))
            wire_put_definition(&wire, book_entry(book, stream)->stream);
    }
    wire_end(&wire, NULL);
    if (text.failed || (text.len > 0 && !reader_send(reader, text.bytes, text.len)))
        reader->failed = true;
    text_finish(&text);
}

void reader_flush_ahead(struct reader *reader)
{
    while (reader->queue_ahead > 0 && !reader->blocked && !reader->failed) {
        struct frame *frame = queue_pop(reader);
        reader_write(reader, frame->bytes, frame->len);
        frame_unref(frame);
    }
}

void reader_writeable(struct reader *reader)
{
    reader->blocked = false;
    freshness_turn(fanout_freshness(reader->fanout));
    if (reader->recovery != NULL) {
        recovery_go_on(reader);
        if (reader->recovery != NULL)
            return;
    }
    while (reader->queue_count > 0 && !reader->blocked && !reader->failed) {
        struct frame *frame = queue_pop(reader);
        reader_write(reader, frame->bytes, frame->len);
        if (frame->cargo.items > 0)
            reader_delivered(reader, frame->len, &frame->cargo);
        frame_unref(frame);
    }
    for (size_t i = 0; i < reader->parts_count && !reader_is_blocked(reader); i++) {
        struct part *part = &reader->parts[i];
        if (part->sent == NULL)
            continue;
        if (part->audience->delivery.period_ms > 0)
            fanout_touch(reader->fanout, part->audience); /* its turn is the next tick */
        else
            part_catch_up(part);
    }
}

static uint64_t part_pending(const struct part *part)
{
    const struct audience *audience = part->audience;
    const struct book *book = fanout_book(audience->fanout);
    uint64_t pending = 0;
    for (uint32_t i = 0; part->sent != NULL && i < audience->count; i++) {
        const uint64_t seq = book_entry(book, audience->lanes[i].stream)->latest.seq;
        const uint64_t sent = i < part->sent_count ? part->sent[i] : 0;
        pending += seq > 0 && (sent == SEQ_SNAPSHOT || seq > sent);
    }
    return pending;
}

uint64_t reader_pending(const struct reader *reader)
{
    uint64_t pending = 0;
    for (uint32_t i = 0; i < reader->queue_count; i++)
        pending += reader->queue[(reader->queue_first + i) & (reader->queue_size - 1)]->cargo.items;
    for (size_t i = 0; i < reader->parts_count; i++)
        pending += part_pending(&reader->parts[i]);
    return pending;
}

bool reader_is_drained(const struct reader *reader)
{
    if (reader->failed)
        return true;
    bool drained = !reader_is_blocked(reader);
    for (size_t i = 0; i < reader->parts_count; i++)
        drained = drained && reader->parts[i].sent == NULL &&
                  !audience_is_waiting(reader->parts[i].audience);
    return drained;
}

/* ---- changing what it wants ---- */

const struct plan *reader_plan(const struct reader *reader)
{
    return reader->shared == NULL ? NULL : shared_plan_plan(reader->shared);
}

/* Where a reader stands, by stream. */
struct table {
    uint64_t *sent;     /* what it has been sent, what is queued included */
    struct span *spans; /* what was passed over since; NULL: nobody wants to know */
};

static void table_free(struct table *table)
{
    free(table->sent);
    free(table->spans);
}

static bool wants_ohlc(const struct reader *reader)
{
    bool wants = false;
    for (size_t i = 0; i < reader->parts_count; i++)
        wants |= reader->parts[i].audience->passed != NULL;
    return wants;
}

/* The spans are empty still. */
static bool table_make(struct reader *reader, struct table *out)
{
    const uint32_t streams = book_count(fanout_book(reader->fanout));
    struct table table = {.sent = malloc((streams + 1) * sizeof *table.sent)};
    if (table.sent == NULL)
        return false;
    if (wants_ohlc(reader))
        table.spans = calloc(streams + 1, sizeof *table.spans); /* without memory: not known */
    for (uint32_t i = 0; i < streams; i++)
        table.sent[i] = SEQ_UNKNOWN;
    for (size_t i = 0; i < reader->parts_count; i++) {
        const struct part *part = &reader->parts[i];
        const struct audience *audience = part->audience;
        for (uint32_t k = 0; k < audience->count; k++) {
            const struct lane *lane = &audience->lanes[k];
            table.sent[lane->stream] = part->sent == NULL     ? lane->sent
                                       : k < part->sent_count ? part->sent[k]
                                                              : 0;
        }
    }
    *out = table;
    return true;
}

/* Behind what the spans hold already. */
static void table_collect(const struct reader *reader, struct table *table)
{
    for (size_t i = 0; table->spans != NULL && i < reader->parts_count; i++)
        passed_collect(&reader->parts[i], table->spans);
}

/* Where a part begins: see reader_set_topics(). At the head it needs no table. */
static bool part_place(struct part *part, const struct table *table, bool snapshot)
{
    struct audience *audience = part->audience;
    const struct book *book = fanout_book(audience->fanout);
    if (!part_detach(part))
        return false;
    passed_place(part);
    bool at_head = true;
    for (uint32_t i = 0; i < audience->count; i++) {
        const struct lane *lane = &audience->lanes[i];
        const uint64_t seq = book_entry(book, lane->stream)->latest.seq;
        uint64_t sent = table->sent[lane->stream];
        if (table->spans != NULL)
            passed_set(part, i, &table->spans[lane->stream]);
        if (sent == SEQ_UNKNOWN)
            sent = seq > 0 && snapshot ? SEQ_SNAPSHOT : seq;
        at_head = at_head && sent == lane->sent;
        part->sent[i] = sent;
    }
    if (at_head)
        part_rejoin(part);
    return true;
}

/* Leaves the old audiences and joins those of `shared` (taken). Without memory the reader is lost.
 */
static int parts_join(struct reader *reader, struct shared_plan *shared, const struct table *table,
                      bool snapshot)
{
    const size_t groups = shared_plan_plan(shared)->groups_count;
    struct part *parts = &reader->only_part;
    if (groups > 1 && (parts = calloc(groups, sizeof *parts)) == NULL) {
        shared_plan_unref(shared);
        return -ENOMEM;
    }
    parts_leave(reader);
    reader->only_part = (struct part){0};
    reader->shared = shared;
    reader->parts = parts;
    for (size_t i = 0; i < groups; i++) {
        struct audience *audience = shared_plan_audience(shared, i);
        if (audience->delivery.mode == DELIVER_EVERY)
            audience_flush(audience); /* so that it stands where the book does */
        parts[i].reader = reader;
        if (!audience_join(audience, &parts[i])) {
            reader->failed = true;
            return -ENOMEM;
        }
        reader->parts_count++;
        reader_define(reader, audience, 0);
        if (!part_place(&parts[i], table, snapshot))
            reader->failed = true;
    }
    return reader->failed ? -ENOMEM : 0;
}

/* Takes *topics on success. */
static int topics_apply(struct reader *reader, struct topics *topics, const struct table *table,
                        bool snapshot)
{
    if (topics->count == 0) {
        topics_finish(topics);
        parts_leave(reader);
        return 0;
    }
    for (size_t i = 0; i < topics->count; i++)
        topics->list[i].delivery.encoding = (uint8_t)reader->encoding;
    struct plan plan;
    const int rc = plan_init(&plan, topics);
    if (rc != 0)
        return rc;
    struct shared_plan *shared = shared_plan_get(reader->fanout, &plan);
    if (shared == NULL) {
        plan_finish(&plan);
        return -ENOMEM;
    }
    return parts_join(reader, shared, table, snapshot);
}

int reader_set_topics(struct reader *reader, struct topics *topics, bool snapshot)
{
    return reader_set_topics_after(reader, topics, snapshot, NULL, 0);
}

int reader_set_topics_after(struct reader *reader, struct topics *topics, bool snapshot,
                            const struct recovery_wish *wishes, size_t count)
{
    /* What "every" audiences still hold back for a tick counts as sent: so let it be. */
    for (size_t i = 0; i < reader->parts_count; i++)
        if (audience_is_open(reader->parts[i].audience))
            audience_flush(reader->parts[i].audience);
    struct table table;
    if (!table_make(reader, &table))
        return -ENOMEM;
    table_collect(reader, &table);
    for (size_t i = 0; i < count; i++)
        if (table.sent[wishes[i].stream] == SEQ_UNKNOWN)
            table.sent[wishes[i].stream] = wishes[i].seq;
    const int rc = topics_apply(reader, topics, &table, snapshot);
    table_free(&table);
    return rc;
}

void reader_restart(struct reader *reader)
{
    for (size_t i = 0; i < reader->parts_count; i++) {
        struct part *part = &reader->parts[i];
        if (!part_detach(part)) {
            reader->failed = true;
            return;
        }
        for (uint32_t k = 0; k < part->sent_count; k++)
            if (part->sent[k] > 0)
                part->sent[k] = SEQ_SNAPSHOT;
    }
}

bool reader_lacks_snapshots(const struct reader *reader)
{
    for (size_t i = 0; i < reader->parts_count; i++) {
        const struct part *part = &reader->parts[i];
        for (uint32_t k = 0; part->sent != NULL && k < part->sent_count; k++)
            if (part->sent[k] == SEQ_SNAPSHOT)
                return true;
    }
    return false;
}

void reader_start(struct reader *reader, bool snapshot)
{
    if (snapshot && !reader_lacks_snapshots(reader)) {
        struct text empty = {0};
        wire_put_empty_snapshot(&empty, reader->encoding, fanout_place(reader->fanout));
        if (empty.failed || !reader_send(reader, empty.bytes, empty.len))
            reader->failed = true;
        text_finish(&empty);
    }
    for (size_t i = 0; i < reader->parts_count; i++) {
        struct part *part = &reader->parts[i];
        const bool whole = part->audience->delivery.mode == DELIVER_EVERY;
        if (part->sent != NULL && (whole || !reader_is_blocked(reader)))
            part_catch_up(part);
    }
    reader->queue_kept = reader->queue_count;
}

/* ---- falling back ---- */

static bool has_group(uint32_t groups, size_t group)
{
    return (groups >> group & 1) != 0;
}

/* The items will not be sent after all. The newest event of a stream does not count as passed over.
 */
static void items_take_back(const struct reader *reader, const struct frame_item *items,
                            const struct span_trade *trades, uint32_t count, struct table *table)
{
    const struct book *book = fanout_book(reader->fanout);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t stream = items[i].stream;
        table->sent[stream] -= items[i].events;
        if (table->spans != NULL && trades != NULL && trades[i].seq > 0 &&
            trades[i].seq < book_entry(book, stream)->latest.seq)
            span_add(&table->spans[stream], &trades[i]);
    }
}

/* What "every" audiences of these groups hold back for their tick will not be sent to this reader.
 */
static void open_take_back(const struct reader *reader, uint32_t groups, struct table *table)
{
    for (size_t i = 0; i < reader->parts_count; i++) {
        const struct audience *audience = reader->parts[i].audience;
        if (has_group(groups, i))
            items_take_back(reader, audience->open_items, audience->open_trades,
                            audience->open_count, table);
    }
}

/* Takes queued updates out again; what they held is no longer sent. Answers stay, and so does what
 * was queued up to the last change of topics: the snapshots that followed were built upon it. */
static void queue_take_back(struct reader *reader, uint32_t groups, struct table *table)
{
    const uint64_t epoch = fanout_epoch(reader->fanout);
    const struct plan *plan = reader_plan(reader);
    const uint32_t kept_before = reader->queue_kept;
    uint32_t kept = kept_before;
    const uint32_t ahead = reader->queue_ahead; /* at most as many: they stay, in front */
    for (uint32_t left = reader->queue_count; left > 0; left--) {
        struct frame *frame = queue_pop(reader);
        const bool stays = kept > 0 || frame->items_count == 0 ||
                           !has_group(groups, plan_delivery_group(plan, frame->delivery));
        kept -= kept > 0;
        if (stays) {
            queue_push(reader, frame); /* cannot fail: its place has just become free */
            continue;
        }
        if (frame->epoch == epoch)
            items_take_back(reader, frame->items, frame->trades, frame->items_count, table);
        frame_unref(frame);
    }
    reader->queue_kept = kept_before;
    reader->queue_ahead = ahead;
}

void reader_drop_updates(struct reader *reader)
{
    uint32_t ahead = reader->queue_ahead;
    for (uint32_t left = reader->queue_count, i = 0; left > 0; left--, i++) {
        struct frame *frame = queue_pop(reader);
        if (i < ahead || frame->items_count == 0)
            queue_push(reader, frame); /* cannot fail: its place has just become free */
        else
            frame_unref(frame);
    }
    reader->queue_kept = reader->queue_count;
    reader->queue_ahead = 0;
}

static int topics_fall_back(const struct plan *plan, uint32_t groups, struct topics *out)
{
    const int rc = topics_copy(out, plan->topics, plan->count);
    for (size_t i = 0; rc == 0 && i < plan->count; i++) {
        struct delivery *delivery = &out->list[i].delivery;
        if (!has_group(groups, plan->group_of[i]))
            continue;
        delivery->mode = DELIVER_LATEST;
        delivery->age_max_ms = 0;
    }
    return rc;
}

void reader_fall_back(struct reader *reader, uint32_t groups)
{
    const struct plan *plan = reader_plan(reader);
    struct topics topics;
    /* What the other groups hold back counts as sent: so let it be. */
    for (size_t i = 0; i < reader->parts_count; i++)
        if (!has_group(groups, i) && audience_is_open(reader->parts[i].audience))
            audience_flush(reader->parts[i].audience);
    struct table table = {0};
    if (plan == NULL || !table_make(reader, &table) ||
        topics_fall_back(plan, groups, &topics) != 0) {
        table_free(&table);
        reader->failed = true;
        return;
    }
    queue_take_back(reader, groups, &table);
    open_take_back(reader, groups, &table);
    table_collect(reader, &table);
    if (topics_apply(reader, &topics, &table, false) != 0) {
        topics_finish(&topics);
        reader->failed = true;
    }
    table_free(&table);
}
