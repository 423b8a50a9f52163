#include "server/ageing.h"

#include "server/audience.h"

enum { NS_PER_MS = 1000000 };

/* When the frame becomes too old, or FANOUT_NO_TICK: it may wait for ever. */
static int64_t frame_due_ms(const struct frame *frame)
{
    if (frame->items_count == 0 || frame->delivery.age_max_ms == 0)
        return FANOUT_NO_TICK;
    /* One more: older, not as old. */
    return frame->cargo.oldest_ns / NS_PER_MS + frame->delivery.age_max_ms + 1;
}

static void list_add(struct ageing *ageing, struct reader *reader, int64_t at_ms)
{
    if (!reader->ageing) {
        reader->ageing = true;
        reader->ageing_at_ms = at_ms;
        reader->next_ageing = ageing->list;
        ageing->list = reader;
    } else if (at_ms < reader->ageing_at_ms) {
        reader->ageing_at_ms = at_ms;
    }
    if (at_ms < ageing->next_ms)
        ageing->next_ms = at_ms;
}

void ageing_note(struct ageing *ageing, struct reader *reader, const struct frame *frame)
{
    const int64_t due_ms = frame_due_ms(frame);
    if (due_ms != FANOUT_NO_TICK)
        list_add(ageing, reader, due_ms);
}

/* The groups that have a frame which is too old. Frames from before the last change of topics stay:
 * see queue_take_back(). */
static uint32_t groups_find(const struct reader *reader, int64_t now_ms, int64_t *next_ms)
{
    uint32_t groups = 0;
    for (uint32_t i = reader->queue_kept; i < reader->queue_count; i++) {
        const uint32_t at = (reader->queue_first + i) & (reader->queue_size - 1);
        const struct frame *frame = reader->queue[at];
        const int64_t due_ms = frame_due_ms(frame);
        if (due_ms <= now_ms)
            groups |= 1u << plan_delivery_group(reader_plan(reader), frame->delivery);
        else if (due_ms < *next_ms)
            *next_ms = due_ms;
    }
    return groups;
}

static void look(struct ageing *ageing, struct reader *reader, int64_t now_ms,
                 void (*aged)(struct reader *reader))
{
    int64_t next_ms = FANOUT_NO_TICK;
    if (reader->failed || reader_plan(reader) == NULL)
        return;
    const uint32_t groups = groups_find(reader, now_ms, &next_ms);
    if (groups != 0) {
        reader_fall_back(reader, groups);
        count_add(&fanout_counts(reader->fanout)->aged, 1);
        aged(reader);
    }
    if (next_ms != FANOUT_NO_TICK)
        list_add(ageing, reader, next_ms);
}

/* The list is emptied first: falling back may queue frames, and so list readers again. */
void ageing_tick(struct ageing *ageing, int64_t now_ms, void (*aged)(struct reader *reader))
{
    if (now_ms < ageing->next_ms)
        return;
    struct reader *all = ageing->list;
    ageing->list = NULL;
    ageing->next_ms = FANOUT_NO_TICK;
    while (all != NULL) {
        struct reader *reader = all;
        all = reader->next_ageing;
        reader->ageing = false;
        if (reader->ageing_at_ms <= now_ms)
            look(ageing, reader, now_ms, aged);
        else
            list_add(ageing, reader, reader->ageing_at_ms);
    }
}

void ageing_forget(struct ageing *ageing, const struct reader *reader)
{
    if (!reader->ageing)
        return;
    struct reader **at = &ageing->list;
    while (*at != NULL && *at != reader)
        at = &(*at)->next_ageing;
    if (*at != NULL)
        *at = reader->next_ageing;
}
