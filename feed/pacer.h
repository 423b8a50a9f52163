/* pacer: when each recorded event is due on the monotonic clock.
 *
 * Recorded time runs at `speed` from an anchor, a pair of one recorded and one real instant. Every
 * due time is computed from the anchor, never from the event before, so rounding does not add up.
 * Pauses, speed changes and waits move the anchor.
 *
 * A plain struct without a clock of its own: `now_ns` is passed in. One thread. */
#ifndef PRICECAST_FEED_PACER_H
#define PRICECAST_FEED_PACER_H

#include <stdbool.h>
#include <stdint.h>

#define PACER_AT_ONCE INT64_MIN /* due time at speed "max" */

struct pacer {
    double speed;       /* recorded seconds a real second; 0: as fast as possible */
    int64_t max_gap_ns; /* longer recorded silences are cut to this; 0: they are kept */
    bool anchored, stopped;
    int64_t anchor_event_ns, anchor_real_ns;
    int64_t stopped_at_ns; /* real */
    int64_t last_event_ns; /* recorded */
    int64_t cut_ns;        /* recorded time that max_gap_ns has taken out so far */
};

void pacer_init(struct pacer *pacer, double speed, int64_t max_gap_ns);

/* Forgets the anchor: the next event is due at once (start, seek, loop). */
void pacer_restart(struct pacer *pacer);

/* When the next event, recorded at event_ns, is due. Events are asked for in the order in which
 * they will be sent; asking again for the same one changes nothing. Not while stopped. */
int64_t pacer_due_ns(struct pacer *pacer, int64_t event_ns, int64_t now_ns);

/* Stops and continues recorded time; both may be called twice. */
void pacer_stop(struct pacer *pacer, int64_t now_ns);
void pacer_continue(struct pacer *pacer, int64_t now_ns);

/* The recorded time that has come, for people; `unset` before there is any, and at speed "max". */
int64_t pacer_clock_ns(const struct pacer *pacer, int64_t now_ns, int64_t unset);

/* Changes the speed without a jump: what is due now stays due now. */
void pacer_set_speed(struct pacer *pacer, double speed, int64_t now_ns);

#endif
