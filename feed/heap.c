#include "feed/heap.h"

/* Timers that count milliseconds are up to one late. */
#define TICK_LATE_NS INT64_C(1000000)

int64_t heap_at_ns(int64_t now_ns, int64_t due_ns, int64_t patience_ns)
{
    const int64_t first_ns = due_ns > now_ns ? due_ns : now_ns + 1;
    if (patience_ns <= HEAP_APART_NS)
        return due_ns < now_ns + HEAP_APART_NS ? now_ns + HEAP_APART_NS : due_ns;
    if (due_ns >= now_ns + patience_ns)
        return due_ns;
    const int64_t offset_ns = patience_ns / 2 + TICK_LATE_NS / 2;
    return (first_ns - offset_ns + patience_ns - 1) / patience_ns * patience_ns + offset_ns;
}
