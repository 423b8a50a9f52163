/* feed: the ingester. Opens the sources, and plays them onto the bus from a thread of its own.
 *
 * The thread is an event loop (libuv): it sleeps until an event is due, a worker has read more, a
 * command arrives, or the bus has room again. Files are read, unpacked and parsed by workers.
 *
 * Threads: feed_create() to feed_destroy() belong to one thread. feed_command() and feed_status()
 * may be called by any thread in between. */
#ifndef PRICECAST_FEED_FEED_H
#define PRICECAST_FEED_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/bus.h"
#include "feed/outline.h"
#include "feed/when.h"

enum { FEED_SPECS_MAX = 256, FEED_NAME_MAX = 256 };
#define FEED_BUNDLED "bundled"

struct feed;

/* Calls from the feed thread. They must not block, nor call feed_destroy(). */
struct feed_hooks {
    void (*message)(void *ctx, const char *text); /* a line for the log */
    void (*ended)(void *ctx);                     /* every source has ended, for good */
    void *ctx;
};

struct feed_options {
    const char *const *specs; /* see feed/spec.h; FEED_BUNDLED means bundled_path */
    const char *bundled_path;
    size_t specs_count;
    double speed; /* recorded seconds a real second; 0: as fast as possible */
    bool loop, start_paused, lossless, rebase;
    bool wait; /* nothing is sent before FEED_GO */
    struct when from, to;
    int64_t max_gap_ns;        /* 0: off */
    int64_t reorder_window_ns; /* 0: off */
    size_t line_bytes_max;     /* 0: the reader's default */
    struct feed_hooks hooks;
};

/* Opens every source. Returns 0, or a negative errno with one line in `error` that names the feed
 * and what is wrong with it; -EINVAL for what no file could mend: a bad SPEC, key or value. */
int feed_create(const struct feed_options *options, struct bus *bus, struct feed **out, char *error,
                size_t error_size);

/* Starts and ends the thread; after feed_stop() no hook is called. Return 0 or a negative errno.
 * Whoever holds the bus unsubscribes before feed_destroy(): it may have been asked to tell the feed
 * when there is room. */
int feed_start(struct feed *feed);
void feed_stop(struct feed *feed);
void feed_destroy(struct feed *feed);

enum feed_action {
    FEED_GO,
    FEED_PAUSE,
    FEED_RESUME,
    FEED_STEP,
    FEED_SPEED,
    FEED_LOOP,
    FEED_SEEK,
    FEED_STOP, /* ends the replay as if its files had ended */
};

struct feed_command {
    enum feed_action action;
    uint64_t count; /* FEED_STEP: events */
    double speed;   /* FEED_SPEED: 0 is "max" */
    bool on;        /* FEED_LOOP */
    struct feed_target {
        enum { SEEK_TO_TIME, SEEK_BY, SEEK_TO_FRACTION } kind;
        int64_t ns;      /* since the epoch, or from where it stands */
        double fraction; /* 0 to 1 of the largest file's bytes */
    } target;            /* FEED_SEEK */
    /* Called on the feed thread when it has been obeyed, a seek when it has arrived; NULL: not. */
    void (*done)(void *ctx, bool ok);
    void *ctx;
};

/* Queues a command for the feed thread. Returns 0 or -ENOMEM. A stopped feed calls done() with
 * false. */
int feed_command(struct feed *feed, const struct feed_command *command);

/* Reads a target: an ISO time, an epoch time in s, ms, µs or ns, "+30s", "-2m", "50%". Returns 0 or
 * -EINVAL. Any thread. */
#define FEED_TARGET_ALLOWED WHEN_ALLOWED ", -30s, or a percentage (50%)"
int feed_target_parse(const char *text, struct feed_target *out);

enum feed_mode { FEED_MODE_REPLAY, FEED_MODE_SIM, FEED_MODE_LIVE };
enum feed_play { FEED_WAITING, FEED_PLAYING, FEED_IS_PAUSED, FEED_SEEKING, FEED_HAS_ENDED };

struct feed_input_status {
    char name[FEED_NAME_MAX];
    const char *format; /* of a file, else NULL … */
    int sure;           /* … and how sure the guess was of it, percent */
    uint64_t events, lines, ignored, bad, refused, late, bytes_read, bytes_total;
    bool broken;
    bool is_live;         /* then `lines` counts messages, and there is what follows */
    enum feed_state link; /* FEED_UP: connected, or waiting for others to connect */
    uint64_t reconnects;
    uint64_t gaps; /* messages or events missed on the way, by the upstream's count */
};

struct feed_status {
    enum feed_mode mode;
    enum feed_play play;
    double speed;
    bool loop;
    uint64_t loops;
    uint64_t events;
    int64_t position_ns; /* recorded time of the last event, or EVENT_NO_TIME */
    int64_t clock_ns;    /* recorded time that it has come to: it goes on between two events */
    bool rebased;        /* events are stamped with other times than the recorded ones */
    uint64_t lateness_p50_ns, lateness_p99_ns, lateness_max_ns; /* sent later than due */
    int64_t asked_ns, took_ns;        /* how long it should have run, and did, without pauses */
    uint64_t bytes_read, bytes_total; /* over all files; total 0: unknown */
    int64_t eta_ns; /* the rest of the files will take so long as it goes now; -1: not known */
    size_t inputs_count;
    struct feed_input_status *inputs; /* the caller frees it */
};

/* Returns 0 or -ENOMEM. */
int feed_status(struct feed *feed, struct feed_status *out);

/* When the recordings begin and end, see feed/outline.h. Any thread. */
bool feed_outline(struct feed *feed, struct outline *out);

/* What kind of data this is; does not change. Files make it a replay, else live sources live. */
enum feed_mode feed_mode(const struct feed *feed);

/* How many sources there are of each kind; does not change. */
struct feed_kinds {
    size_t files, sims, live;
    const char *endless; /* a live source that goes on for ever; the feed's. NULL: there is none */
};
void feed_kinds(const struct feed *feed, struct feed_kinds *out);

/* ---- push: what others publish through us; needs `push:` among the specs ---- */

enum {
    FEED_PUSH_BODY_MAX = 16 << 20,  /* bytes of one body */
    FEED_PUSH_QUEUE_MAX = 64 << 20, /* bytes of bodies that wait */
    FEED_PUSH_ERRORS_MAX = 8,
    FEED_PUSH_REASON_MAX = 160,
};

struct feed_push_result {
    int rc; /* 0, -EINVAL: the body was refused as a whole, -ECANCELED: the feed has stopped */
    uint64_t accepted, rejected, ignored; /* items; ignored: headers and states of recordings */
    size_t errors_count;
    struct feed_push_error {
        uint64_t item; /* the line, or the element of the array, from 1; 0: none of them alone */
        char reason[FEED_PUSH_REASON_MAX];
    } errors[FEED_PUSH_ERRORS_MAX]; /* of the first that were rejected; of a refused body: why */
};

/* Called on the feed thread, or by feed_destroy(). Must not block; *result is gone afterwards. */
typedef void feed_push_fn(void *ctx, const struct feed_push_result *result);

/* Publishes a body: one item as JSON, an array of them, or one a line. It is copied, and parsed by
 * a worker. Bodies go onto the bus in the order of the calls, their items stamped as received now.
 * Returns 0, and `done` is called exactly once, when the accepted items are on the bus; at the
 * latest feed_stop() and feed_destroy() see to it. Otherwise it is not called: -ENOENT (no push:
 * among the specs), -EMSGSIZE (body too long), -EAGAIN (too many bodies wait), -ECANCELED (stopped)
 * or -ENOMEM. Any thread. */
int feed_push(struct feed *feed, const char *body, size_t len, feed_push_fn *done, void *ctx);

#endif
