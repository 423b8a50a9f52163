#include "server/passed.h"

#include <stdlib.h>

#define NO_SLOT UINT32_MAX

/* Only streams of trades have a slot. */
struct passed {
    uint32_t *slots;           /* by the audience's number */
    uint32_t streams_size;     /* places for those */
    uint32_t count, size;      /* slots */
    struct span *spans;        /* by slot: between the audience's sent and the book's latest */
    struct span_trade *last;   /* the one with seq `sent`, known once it has been replaced */
    struct passed_part *parts; /* those not at the head */
};

struct passed_part {
    struct part *part;
    struct passed_part *next, **link;
    bool is_alone;
    uint32_t count;     /* of its spans; further ones are empty */
    struct span *spans; /* by slot */
};

struct passed *passed_create(void)
{
    return calloc(1, sizeof(struct passed));
}

void passed_destroy(struct passed *passed)
{
    if (passed == NULL)
        return;
    free(passed->slots);
    free(passed->spans);
    free(passed->last);
    free(passed);
}

static bool slot_reserve(struct passed *passed)
{
    if (passed->count < passed->size)
        return true;
    const uint32_t size = passed->size ? passed->size * 2 : 8;
    if (!array_grow(&passed->spans, size, sizeof *passed->spans) ||
        !array_grow(&passed->last, size, sizeof *passed->last))
        return false;
    passed->size = size;
    return true;
}

static const struct book_entry *entry_of(const struct audience *audience, uint32_t index)
{
    return book_entry(fanout_book(audience->fanout), audience->lanes[index].stream);
}

void passed_add_stream(struct audience *audience)
{
    struct passed *passed = audience->passed;
    const uint32_t index = audience->count - 1;
    if (passed == NULL)
        return;
    if (index >= passed->streams_size) {
        const uint32_t before = passed->streams_size;
        if (!array_grow(&passed->slots, audience->size, sizeof *passed->slots))
            return;
        passed->streams_size = audience->size;
        for (uint32_t i = before; i < passed->streams_size; i++)
            passed->slots[i] = NO_SLOT;
    }
    if (entry_of(audience, index)->stream->kind != EVENT_TRADE || !slot_reserve(passed))
        return;
    passed->spans[passed->count] = (struct span){0};
    passed->last[passed->count] = (struct span_trade){0};
    passed->slots[index] = passed->count++;
}

static uint32_t slot_of(const struct audience *audience, uint32_t index)
{
    const struct passed *passed = audience->passed;
    return passed != NULL && index < passed->streams_size ? passed->slots[index] : NO_SLOT;
}

/* ---- parts ---- */

static uint64_t part_sent(const struct part *part, uint32_t index)
{
    return index < part->sent_count ? part->sent[index] : 0;
}

/* NULL without memory. */
static struct span *part_span(struct passed_part *own, uint32_t slot)
{
    if (slot >= own->count) {
        const uint32_t count = own->part->audience->passed->count;
        if (!array_grow(&own->spans, count, sizeof *own->spans))
            return NULL;
        for (; own->count < count; own->count++)
            own->spans[own->count] = (struct span){0};
    }
    return &own->spans[slot];
}

static void part_attach(struct part *part, bool is_alone)
{
    struct passed *passed = part->audience->passed;
    passed_forget(part);
    if (passed == NULL)
        return;
    struct passed_part *own = calloc(1, sizeof *own);
    if (own == NULL)
        return;
    *own = (struct passed_part){
        .part = part, .next = passed->parts, .link = &passed->parts, .is_alone = is_alone};
    if (own->next != NULL)
        own->next->link = &own->next;
    passed->parts = own;
    part->passed = own;
}

/* An "every" audience never lags behind the book, so nothing could be added later. */
void passed_detach(struct part *part)
{
    part_attach(part, part->audience->delivery.mode == DELIVER_EVERY);
}

void passed_place(struct part *part)
{
    part_attach(part, true);
}

void passed_set(struct part *part, uint32_t index, const struct span *span)
{
    const uint32_t slot = slot_of(part->audience, index);
    if (part->passed == NULL || slot == NO_SLOT || span_seen(span) == 0)
        return;
    struct span *own = part_span(part->passed, slot);
    if (own != NULL)
        *own = *span;
}

void passed_forget(struct part *part)
{
    struct passed_part *own = part->passed;
    if (own == NULL)
        return;
    *own->link = own->next;
    if (own->next != NULL)
        own->next->link = own->link;
    free(own->spans);
    free(own);
    part->passed = NULL;
}

void passed_part_sent(struct part *part, uint32_t index)
{
    const uint32_t slot = slot_of(part->audience, index);
    if (part->passed != NULL && slot < part->passed->count)
        span_clear(&part->passed->spans[slot]);
}

/* ---- trades pass by ---- */

void passed_note(struct audience *audience, uint32_t index)
{
    struct passed *passed = audience->passed;
    const uint32_t slot = slot_of(audience, index);
    const struct price_event *old = &entry_of(audience, index)->latest;
    if (slot == NO_SLOT || old->seq == 0)
        return;
    const struct span_trade trade = span_trade_of(old);
    if (old->seq > audience->lanes[index].sent)
        span_add(&passed->spans[slot], &trade);
    else
        passed->last[slot] = trade;
    for (struct passed_part *own = passed->parts; own != NULL; own = own->next) {
        /* What a recovery passes over will be asked of the history. */
        if (!own->is_alone || recovery_skips(own->part->reader))
            continue;
        const uint64_t sent = part_sent(own->part, index);
        struct span *span = sent == SEQ_SNAPSHOT || old->seq <= sent ? NULL : part_span(own, slot);
        if (span != NULL)
            span_add(span, &trade);
    }
}

/* What members at the head get in one step lies for the part behind: the audience's last one, what
 * was passed over after it, and the newest, which does not count yet. */
static void part_add(struct passed_part *own, uint32_t index, uint32_t slot, uint64_t before,
                     struct span *into)
{
    const struct passed *passed = own->part->audience->passed;
    const uint64_t sent = part_sent(own->part, index);
    if (sent == SEQ_SNAPSHOT || sent > before)
        return;
    if (sent < before && passed->last[slot].seq == before)
        span_add(into, &passed->last[slot]);
    span_merge(into, &passed->spans[slot]);
}

void passed_sent(struct audience *audience, uint32_t index, uint64_t before)
{
    struct passed *passed = audience->passed;
    const uint32_t slot = slot_of(audience, index);
    if (slot == NO_SLOT)
        return;
    for (struct passed_part *own = passed->parts; own != NULL; own = own->next) {
        struct span *span = own->is_alone ? NULL : part_span(own, slot);
        if (span != NULL)
            part_add(own, index, slot, before, span);
    }
    span_clear(&passed->spans[slot]);
}

static bool is_ahead(const struct part *part)
{
    const struct audience *audience = part->audience;
    for (uint32_t i = 0; i < part->sent_count; i++)
        if (part->sent[i] != SEQ_SNAPSHOT && part->sent[i] > audience->lanes[i].sent)
            return true;
    return false;
}

void passed_flushed(struct audience *audience)
{
    if (audience->passed == NULL || audience->delivery.mode == DELIVER_EVERY)
        return;
    for (struct passed_part *own = audience->passed->parts; own != NULL; own = own->next)
        own->is_alone = own->is_alone && is_ahead(own->part);
}

void passed_clear(struct audience *audience)
{
    struct passed *passed = audience->passed;
    for (uint32_t i = 0; passed != NULL && i < passed->count; i++) {
        span_clear(&passed->spans[i]);
        passed->last[i] = (struct span_trade){0};
    }
}

/* Up to the book's latest, for one that does not go by itself. */
static void part_complete(struct passed_part *own, uint32_t index, uint32_t slot, struct span *span)
{
    const struct audience *audience = own->part->audience;
    if (entry_of(audience, index)->latest.seq > audience->lanes[index].sent)
        part_add(own, index, slot, audience->lanes[index].sent, span);
}

void passed_go_alone(struct part *part)
{
    struct passed_part *own = part->passed;
    if (own == NULL || own->is_alone)
        return;
    own->is_alone = true;
    for (uint32_t i = 0; i < part->audience->count; i++) {
        const uint32_t slot = slot_of(part->audience, i);
        struct span *span = slot == NO_SLOT ? NULL : part_span(own, slot);
        if (span != NULL)
            part_complete(own, i, slot, span);
    }
}

/* ---- asking ---- */

const struct span *passed_by_audience(const struct audience *audience, uint32_t index)
{
    const uint32_t slot = slot_of(audience, index);
    return slot == NO_SLOT ? NULL : &audience->passed->spans[slot];
}

const struct span *passed_by_part(const struct part *part, uint32_t index)
{
    const uint32_t slot = slot_of(part->audience, index);
    return part->passed != NULL && slot < part->passed->count ? &part->passed->spans[slot] : NULL;
}

void passed_collect(const struct part *part, struct span *spans)
{
    const struct audience *audience = part->audience;
    for (uint32_t i = 0; i < audience->count; i++) {
        const uint32_t slot = slot_of(audience, i);
        if (slot == NO_SLOT)
            continue;
        struct span *into = &spans[audience->lanes[i].stream];
        if (part->sent == NULL) {
            span_merge(into, &audience->passed->spans[slot]);
        } else if (part->passed != NULL) {
            struct span span = {0};
            if (slot < part->passed->count)
                span = part->passed->spans[slot];
            if (!part->passed->is_alone)
                part_complete(part->passed, i, slot, &span);
            span_merge(into, &span);
        }
    }
}
