#include "feed/pacer.h"

#include <assert.h>

#define REACH_NS (INT64_MAX / 2)

/* Beyond a lifetime all durations are the same: speeds may be anything above 0. */
static int64_t to_ns(double ns)
{
    return ns >= (double)REACH_NS ? REACH_NS : ns <= -(double)REACH_NS ? -REACH_NS : (int64_t)ns;
}

static int64_t minus(int64_t a, int64_t b)
{
    int64_t result;
    return !__builtin_sub_overflow(a, b, &result) ? result : a < 0 ? INT64_MIN : INT64_MAX;
}

void pacer_init(struct pacer *pacer, double speed, int64_t max_gap_ns)
{
    *pacer = (struct pacer){.speed = speed, .max_gap_ns = max_gap_ns};
}

void pacer_restart(struct pacer *pacer)
{
    pacer->anchored = false;
    pacer->cut_ns = 0;
}

/* Recorded time without the gaps that were cut out. */
static int64_t shortened(struct pacer *pacer, int64_t event_ns)
{
    const int64_t gap = minus(event_ns, pacer->last_event_ns);
    if (pacer->max_gap_ns > 0 && gap > pacer->max_gap_ns)
        pacer->cut_ns += gap - pacer->max_gap_ns;
    if (event_ns > pacer->last_event_ns)
        pacer->last_event_ns = event_ns;
    return minus(event_ns, pacer->cut_ns);
}

int64_t pacer_due_ns(struct pacer *pacer, int64_t event_ns, int64_t now_ns)
{
    assert(!pacer->stopped);
    if (!pacer->anchored) {
        pacer->anchored = true;
        pacer->anchor_event_ns = event_ns;
        pacer->last_event_ns = event_ns;
        pacer->anchor_real_ns = now_ns;
        pacer->cut_ns = 0;
    }
    const int64_t event = shortened(pacer, event_ns);
    if (pacer->speed == 0)
        return PACER_AT_ONCE;
    const int64_t since = minus(event, pacer->anchor_event_ns);
    /* 1 is exact; elsewhere a double's 53 bits err by less than a microsecond in 100 days. */
    if (pacer->speed == 1 && since < REACH_NS && since > -REACH_NS)
        return pacer->anchor_real_ns + since;
    return pacer->anchor_real_ns + to_ns((double)since / pacer->speed);
}

void pacer_stop(struct pacer *pacer, int64_t now_ns)
{
    if (pacer->stopped)
        return;
    pacer->stopped = true;
    pacer->stopped_at_ns = now_ns;
}

void pacer_continue(struct pacer *pacer, int64_t now_ns)
{
    if (!pacer->stopped)
        return;
    pacer->stopped = false;
    pacer->anchor_real_ns += now_ns - pacer->stopped_at_ns;
}

int64_t pacer_clock_ns(const struct pacer *pacer, int64_t now_ns, int64_t unset)
{
    if (!pacer->anchored || pacer->speed == 0)
        return unset;
    const int64_t at_ns = pacer->stopped ? pacer->stopped_at_ns : now_ns;
    const int64_t ran_ns = to_ns((double)(at_ns - pacer->anchor_real_ns) * pacer->speed);
    return minus(minus(pacer->anchor_event_ns, -ran_ns), -pacer->cut_ns);
}

void pacer_set_speed(struct pacer *pacer, double speed, int64_t now_ns)
{
    const int64_t at_ns = pacer->stopped ? pacer->stopped_at_ns : now_ns;
    if (pacer->anchored && pacer->speed == 0) {
        /* "max" has no clock: go on from the last event. */
        pacer->anchor_event_ns = minus(pacer->last_event_ns, pacer->cut_ns);
        pacer->anchor_real_ns = at_ns;
    } else if (pacer->anchored) {
        const int64_t ran_ns = to_ns((double)(at_ns - pacer->anchor_real_ns) * pacer->speed);
        pacer->anchor_event_ns = minus(pacer->anchor_event_ns, -ran_ns);
        pacer->anchor_real_ns = at_ns;
    }
    pacer->speed = speed;
}
