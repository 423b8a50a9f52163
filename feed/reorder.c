/* A binary heap by time and order of arrival. */
#include "feed/reorder.h"

#include <stdlib.h>

struct reorder_entry {
    int64_t time_ns;
    uint64_t order;
    struct price_event event;
};

void reorder_init(struct reorder *reorder, int64_t window_ns)
{
    *reorder = (struct reorder){
        .window_ns = window_ns,
        .newest_ns = INT64_MIN,
        .passed_ns = INT64_MIN,
    };
}

void reorder_finish(struct reorder *reorder)
{
    free(reorder->heap);
    reorder->heap = NULL;
    reorder->count = reorder->size = 0;
}

void reorder_clear(struct reorder *reorder)
{
    reorder->count = 0;
    reorder->newest_ns = reorder->passed_ns = INT64_MIN;
}

static bool is_before(const struct reorder_entry *a, const struct reorder_entry *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->order < b->order;
}

static void swap(struct reorder_entry *a, struct reorder_entry *b)
{
    const struct reorder_entry kept = *a;
    *a = *b;
    *b = kept;
}

static bool heap_grow(struct reorder *reorder)
{
    if (reorder->count < reorder->size)
        return true;
    const size_t size = reorder->size ? reorder->size * 2 : 256;
    struct reorder_entry *grown = realloc(reorder->heap, size * sizeof *grown);
    if (grown == NULL)
        return false;
    reorder->heap = grown;
    reorder->size = size;
    return true;
}

bool reorder_push(struct reorder *reorder, const struct price_event *event)
{
    if (!heap_grow(reorder))
        return false;
    const bool is_timeless = event_time_ns(event) == EVENT_NO_TIME; /* stays where it came */
    const int64_t time_ns = is_timeless ? reorder->newest_ns : event_time_ns(event);
    size_t at = reorder->count++;
    reorder->heap[at] = (struct reorder_entry){time_ns, reorder->pushed++, *event};
    while (at > 0 && is_before(&reorder->heap[at], &reorder->heap[(at - 1) / 2])) {
        swap(&reorder->heap[at], &reorder->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    if (time_ns > reorder->newest_ns)
        reorder->newest_ns = time_ns;
    reorder->late += time_ns < reorder->passed_ns;
    return true;
}

const struct price_event *reorder_peek(const struct reorder *reorder, bool no_more)
{
    if (reorder->count == 0)
        return NULL;
    const struct reorder_entry *first = &reorder->heap[0];
    const bool is_due =
        first->time_ns == INT64_MIN || first->time_ns <= reorder->newest_ns - reorder->window_ns;
    return is_due || no_more || reorder->count >= REORDER_EVENTS_MAX ? &first->event : NULL;
}

void reorder_pop(struct reorder *reorder)
{
    struct reorder_entry *heap = reorder->heap;
    if (heap[0].time_ns > reorder->passed_ns)
        reorder->passed_ns = heap[0].time_ns;
    heap[0] = heap[--reorder->count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
            if (child < reorder->count && is_before(&heap[child], &heap[least]))
                least = child;
        if (least == at)
            return;
        swap(&heap[at], &heap[least]);
        at = least;
    }
}
