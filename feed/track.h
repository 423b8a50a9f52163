/* track: one timeline. Merges its inputs by time and sends each event when it is due.
 *
 * Recordings share one track, so that several files play as one; simulated markets have another,
 * which runs on the wall clock. Events merge by receive time (source time where there is none);
 * equal times keep the order in which the inputs were added, then the order within the input.
 *
 * Sources are announced on the bus: "up" before their first event, "ended" after their last, and
 * "paused" meanwhile.
 *
 * Threads: the feed thread only. Times are ns; `now_ns` is CLOCK_MONOTONIC and passed in. */
#ifndef PRICECAST_FEED_TRACK_H
#define PRICECAST_FEED_TRACK_H

#include <stdbool.h>

#include "feed/bus.h"
#include "feed/histogram.h"
#include "feed/input.h"
#include "feed/pacer.h"
#include "feed/when.h"

enum { TRACK_INPUTS_MAX = 256 };

struct track_options {
    double speed; /* 0: as fast as possible */
    int64_t max_gap_ns;
    struct when from, to; /* [from, to) of recorded time */
    bool rebase;   /* stamp events with the wall clock, keeping what lies between ts and recv */
    bool lossless; /* wait for subscribers that hold the bus */
    /* A seek has arrived: called before anything of the new place is sent. */
    void (*arrived)(void *ctx);
    /* And after the prelude. */
    void (*settled)(void *ctx);
    void *ctx;
};

/* What the merge looks at stands apart from the events, so that it fits into a cache line or two.
 */
struct track_head {
    enum input_state state; /* INPUT_WAITS: look again */
    uint32_t source_stream;
    int64_t time_ns;
    bool is_prelude; /* it tells how things stood where a seek went */
};

struct track {
    struct track_options options;
    struct bus *bus;
    struct pacer pacer;
    struct input *inputs[TRACK_INPUTS_MAX]; /* owned */
    struct track_head *heads;               /* the next event of each input, if it is known … */
    struct price_event *head_events;        /* … which is this */
    size_t inputs_count;
    struct histogram *lateness; /* borrowed; ns from due to sent, of paced events */
    uint64_t announced_epoch;   /* of `announced` */
    uint8_t *announced;         /* by bus stream: enum feed_state + 1, or 0 */
    uint32_t announced_size;
    bool paused, waits_for_room, ended;
    enum {
        SEEK_NONE,
        SEEK_LEADS,
        SEEK_FOLLOWS
    } seeking; /* one input by fraction, or all by time */
    size_t seek_leader;
    bool settling;            /* a prelude is being sent */
    int64_t prelude_until_ns; /* after a seek: what is earlier is sent at once */
    bool started;             /* first_ns is known */
    int64_t first_ns;         /* time of the first event, before `from` is applied */
    int64_t position_ns;      /* recorded time of the last event sent, or EVENT_NO_TIME */
    int64_t rebase_ns;        /* added to times at speed "max" */
    uint64_t sent, out_of_range;
    int64_t asked_ns, took_ns;             /* how long it should have run, and did, without stops */
    int64_t paced_event_ns, paced_real_ns; /* up to here; EVENT_NO_TIME after a stop */
    uint64_t steps;                        /* events to send although paused */
    bool stepped;                          /* some were: recorded time goes on from there */
};

/* What a pump returns besides a time at which to call again. */
#define TRACK_AGAIN INT64_MIN       /* call again soon: there is more that is due */
#define TRACK_WAITS INT64_MAX       /* until an input, room on the bus or a command says so */
#define TRACK_ENDED (INT64_MAX - 1) /* every input has ended */

void track_init(struct track *track, const struct track_options *options, struct bus *bus,
                struct histogram *lateness);
void track_finish(struct track *track); /* no input may be busy */

/* Takes `input`. Returns 0, -ENOSPC or -ENOMEM. */
int track_add(struct track *track, struct input *input);
void track_start(struct track *track);

/* Sends what is due by now_ns, at most a few thousand events. `room` is called when the track
 * waits for room on the bus and there is some again: from any thread, see bus_want_room(). */
int64_t track_pump(struct track *track, int64_t now_ns, void (*room)(void *ctx), void *ctx);

/* Pausing twice is pausing once. track_step() sends `count` events while paused. */
void track_pause(struct track *track, int64_t now_ns);
void track_resume(struct track *track, int64_t now_ns);
void track_step(struct track *track, uint64_t count);
void track_set_speed(struct track *track, double speed, int64_t now_ns);

/* Starts again from the beginning. */
void track_rewind(struct track *track);

/* Sends nothing more: every input has ended. */
void track_end(struct track *track);

/* Goes to a time, or to a fraction of the largest file. Until every input is there the track waits;
 * then track_pump() calls options.arrived, sends the prelude, the latest event of each stream
 * before the target, and calls options.settled. Also revives a track that has ended. */
void track_seek(struct track *track, const struct input_target *target);
bool track_is_seeking(const struct track *track);

#endif
