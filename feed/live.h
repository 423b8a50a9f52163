/* live: a source that speaks when it likes, as the feed thread sees it.
 *
 * What has arrived is parsed into live_output() and handed over with live_take(), which stamps the
 * events, translates their streams to the bus's and collects them; live_flush(), once a turn of the
 * loop, puts them onto the bus in one go.
 *
 * A live source has *links*: the connections through which it gets what it gets. Sources
 * (exchanges, that is, as named in the events) are announced up with their first event, and down
 * when the last link that brought them is lost, so that stale prices can be told from quiet ones. A
 * recording that begins anew resets the bus: states are then told again.
 *
 * Threads: the feed thread only. Times are ns since the epoch, by the wall clock, and passed in. */
#ifndef PRICECAST_FEED_LIVE_H
#define PRICECAST_FEED_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "feed/bus.h"
#include "feed/format.h"
#include "feed/stream_map.h"

enum {
    LIVE_NAME_MAX = 256,
    LIVE_OUTBOX_EVENTS = 512,
    LIVE_SOURCES_MAX = 1024, /* states of further ones are not announced; their prices are sent */
};

struct live;

/* Calls from the feed thread; they must not destroy anything. */
struct live_hooks {
    void (*message)(void *ctx, const char *text); /* a line for the log */
    void (*ended)(void *ctx);                     /* nothing more will come */
    void *ctx;
};

/* How each kind of live source is run. */
struct live_ops {
    void (*start)(struct live *live);   /* feed thread */
    void (*close)(struct live *live);   /* begins to close its handles: the loop then runs dry */
    void (*destroy)(struct live *live); /* all handles are closed, or it was never started */
};

struct live_counts {
    uint64_t events, messages, bytes;
    uint64_t ignored; /* messages of kinds that carry no trade or quote */
    uint64_t bad;     /* refused messages */
    uint64_t refused; /* events of streams the bus has no room for */
    uint64_t reconnects;
    uint64_t gaps; /* events or messages that were missed on the way, by the upstream's count */
};

struct live_source {
    uint32_t stream;   /* on the bus, of its states */
    uint32_t links;    /* that have brought it */
    uint8_t announced; /* enum feed_state + 1, or 0 */
    uint8_t said;      /* the same: what the upstream itself says of it */
};

/* One connection. Zeroed is a fresh one. */
struct live_link {
    uint32_t *sources; /* places in live->sources */
    size_t count;
};

struct live_options {
    const char *name;               /* for messages and status; copied, and cut to fit */
    struct format_options keys;     /* texts copied */
    const struct live_hooks *hooks; /* copied */
    uv_loop_t *loop;
    struct bus *bus;
};

/* Embedded as the first member of each kind of live source. */
struct live {
    const struct live_ops *ops;
    char name[LIVE_NAME_MAX];
    struct live_hooks hooks;
    uv_loop_t *loop;
    struct bus *bus;
    struct format_options keys; /* owned texts */
    struct streams *streams;    /* by which parsers number the events */
    struct format_output output;
    struct stream_map map;
    struct live_source *sources;
    size_t sources_count;
    struct live_counts counts;
    enum feed_state state; /* for status: FEED_UP: connected, or waiting for others to connect */
    uint64_t epoch;        /* in which `announced` was said */
    bool ended, has_told_bad;
    size_t outbox_count;
    struct price_event outbox[LIVE_OUTBOX_EVENTS];
};

/* `live` is zeroed. Returns 0 or -ENOMEM; call live_finish() in any case. */
int live_init(struct live *live, const struct live_ops *ops, const struct live_options *options);
void live_finish(struct live *live);

/* Where the next message is to be parsed to; emptied. */
struct format_output *live_output(struct live *live);

/* Takes a message of `bytes` whose parsing into live_output() gave `result`. Its events are stamped
 * as received at recv_ns; EVENT_NO_TIME keeps the times they have. */
void live_take(struct live *live, struct live_link *link, enum format_result result, size_t bytes,
               int64_t recv_ns);

/* Adds one event; `stream` is by live->streams. Where it counts as received: see live_take(). */
void live_put(struct live *live, struct live_link *link, const struct price_event *event,
              int64_t recv_ns);

/* Counts a message that is refused before it could be parsed. */
void live_bad(struct live *live, size_t bytes, const char *reason);

/* The upstream says that one of its sources is in this state, which holds until it says otherwise
 * or the link goes. Returns 0 or a negative errno, as streams_intern(). */
int live_say(struct live *live, struct live_link *link, const char *source, size_t source_len,
             enum feed_state state, int64_t now_ns);

/* The link is lost, or, with FEED_ENDED, has come to its end: so are the sources that no other link
 * has brought. Leaves *link fresh. */
void live_unlink(struct live *live, struct live_link *link, enum feed_state state, int64_t now_ns);

/* Puts what was collected onto the bus. */
void live_flush(struct live *live);

/* Nothing more will come; tells the hook. */
void live_end(struct live *live);

/* A line for the log that begins with the source's name. */
void live_tell(struct live *live, const char *format, ...) __attribute__((format(printf, 2, 3)));

int64_t live_wall_ns(void);

#endif
