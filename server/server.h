/* server: the service threads behind one port, HTTP and WebSocket.
 *
 * Each shard is a thread with an event loop, a libwebsockets context, a listening socket of its own
 * on the shared port (SO_REUSEPORT: the kernel spreads connections), and a subscription to the bus.
 * Shards share nothing but the counters here.
 *
 * Threads: server_create() to server_destroy() belong to one thread; the counters may be read by
 * any. */
#ifndef PRICECAST_SERVER_SERVER_H
#define PRICECAST_SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/bus.h"
#include "feed/feed.h"
#include "feed/recorder.h"
#include "feed/restore.h"
#include "server/history.h"

#define SERVER_SHARDS_MAX            128
#define SERVER_CLIENTS_DEFAULT       10000
#define SERVER_MESSAGE_BYTES_DEFAULT (64u << 10)
#define SERVER_SYMBOLS_MAX           10000 /* for a session; also the default */
#define SERVER_PATTERNS_DEFAULT      256
#define SERVER_HEARTBEAT_DEFAULT     5000 /* ms */
#define SERVER_GATHER_DEFAULT_MS     5
#define SERVER_STUCK_DEFAULT_S       30
#define SERVER_STOP_MS               1200 /* how long clients get to take their leave */
#define SERVER_URL_BYTES             300

struct server;

struct server_options {
    const char *host; /* name or address, without brackets */
    uint16_t port;    /* 0: a free one */
    unsigned shards;
    unsigned heartbeat_ms;      /* the shortest, see heartbeat_interval_ms() */
    unsigned heartbeat_clients; /* its `step` */
    unsigned gather_ms;      /* how long updates may wait for others after a turn that took long */
    unsigned clients_max;    /* connections of any kind, over all shards */
    unsigned clients_per_ip; /* of these from one address; 0: any number */
    size_t queue_bytes_max;
    size_t message_bytes_max; /* a longer one from a client is answered with too_large */
    size_t symbols_max;       /* symbols and patterns of a session */
    size_t patterns_max;      /* of these with a `*`: each is matched to every stream */
    uint64_t stuck_ms; /* a session whose socket takes nothing for so long is closed; 0: never */
    bool lossless;
    struct history_options history; /* what is kept for those who come back */
    size_t candle_bytes;            /* memory for candles */
    const char *const *origins;     /* allowed besides our own; "*" allows all */
    size_t origins_count;
    const char *web_root;  /* the dashboard's files are read from here; NULL: the embedded ones */
    unsigned wait_clients; /* calls subscribed() when so many have; 0: never */
    struct bus *bus;       /* borrowed, as is feed, until server_destroy() */
    struct feed *feed;
    const struct restored *restored; /* NULL, or what the bus goes on from; until server_create() */
    struct recorder *recorder;       /* NULL: nothing is recorded */
    void (*subscribed)(void *ctx);   /* from a shard's thread, once */
    void *ctx;
};

/* Opens the port and prepares the shards. Returns 0 or a negative errno with one line in `error`.
 */
int server_create(const struct server_options *options, struct server **out, char *error,
                  size_t error_size);

/* Starts the threads. Returns 0 or a negative errno. */
int server_start(struct server *server);

/* Waits until nothing waits for any client, at most timeout_ms; returns whether that came true. */
bool server_drain(struct server *server, int timeout_ms);

/* Stops accepting, tells every client (shutdown, close 1012), and ends the threads. */
void server_stop(struct server *server);
void server_destroy(struct server *server);

/* "http://127.0.0.1:8080/" as a browser on this machine would write it. */
const char *server_url(const struct server *server);

#endif
