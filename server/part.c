/* A reader's share in an audience, while it is not at the head. */
#include <stdlib.h>

#include "server/audience.h"
#include "server/freshness.h"
#include "server/passed.h"

enum {
    CATCH_UP_BYTES = 32 << 10, /* a piece: newer values may replace what has not been written */
    KEEP_BYTES_MAX = 256 << 10,
};

bool part_detach(struct part *part)
{
    const struct audience *audience = part->audience;
    uint64_t *sent = malloc((audience->count + 1) * sizeof *sent);
    if (sent == NULL)
        return false;
    for (uint32_t i = 0; i < audience->count; i++)
        sent[i] = audience->lanes[i].sent;
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
        const struct book_entry *entry = book_entry(book, audience->lanes[index].stream);
        const uint64_t seq = entry->latest.seq;
        uint64_t *sent = &part->sent[index];
        if (seq == 0 || (*sent != SEQ_SNAPSHOT && seq <= *sent))
            continue;
        const uint64_t skipped = skipped_between(*sent, seq);
        audience_put_item(audience, &wire, *sent == SEQ_SNAPSHOT ? WIRE_SNAPSHOT : WIRE_UPDATE,
                          index, skipped, passed_by_part(part, index));
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
            part->sent[i] > book_entry(book, part->audience->lanes[i].stream)->latest.seq)
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
    audience_tell_members(audience);
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
            if (!audience_is_behind(audience) && !audience_is_open(audience) &&
                !part_is_ahead(part))
                part_rejoin(part);
            return;
        } else if (!reader_send(reader, text->bytes, text->len)) {
            reader->failed = true;
        }
        cargo.items = items;
        reader_delivered(reader, text->len, &cargo);
    }
}
