/* swarm: many WebSocket clients in one thread, and the count of what they receive.
 *
 * Clients connect at a set pace, subscribe as soon as they may, and from then on are counted. Some
 * may be slow: they stop reading once subscribed, to see what becomes of them and of the others.
 * With `has_check` every client holds the protocol's promise against every item it gets:
 * seq == previous seq of the stream + 1 + skipped; and of binary items, that their streams were
 * defined on this connection. One thread. */
#ifndef PRICECAST_TOOLS_SWARM_H
#define PRICECAST_TOOLS_SWARM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "feed/histogram.h"
#include "tools/dialect.h"
#include "tools/url.h"

struct swarm;

/* All pointers are borrowed until swarm_destroy(). */
struct swarm_settings {
    const struct url *url;
    const struct sockaddr *address;
    socklen_t address_len;
    size_t clients;
    size_t slow_clients; /* the first ones */
    double connects_per_s;
    enum dialect dialect;
    struct subscribe subscribe;
    size_t pick;   /* so many of the symbols, at random and other ones for each client; 0: all */
    double skew;   /* the symbol of rank n is picked with a weight of 1 / n^skew */
    bool is_mixed; /* clients by turns: latest, every, each without max_rate and with it */
    double churn_per_s; /* so often some client changes to other symbols */
    uint64_t seed;
    bool is_binary; /* the subprotocol: binary frames instead of JSON */
    bool has_check;
    const sigset_t *wait_mask; /* signals blocked while waiting; NULL: as they are */
};

struct swarm_counts {
    /* clients, since the start */
    size_t started, subscribed, failed, ended, slow_ended;
    /* what came in, since swarm_restart_counts() */
    uint64_t bytes;
    uint64_t frames;
    uint64_t update_frames, update_frame_bytes; /* as on the wire, header included */
    uint64_t updates;                           /* items in them */
    uint64_t snapshot_items;
    uint64_t skipped; /* events that update items stood for besides their own */
    uint64_t errors;  /* error messages */
    uint64_t churned; /* changes of subscription */
    /* since the start */
    uint64_t bad; /* messages that break the protocol */
    uint64_t checked, violations;
    struct histogram latency_us; /* of updates whose time is near this machine's clock */
};

/* Sets *out, or returns a negative errno. */
int swarm_create(const struct swarm_settings *settings, struct swarm **out);
void swarm_destroy(struct swarm *swarm);

/* Starts clients that are due, then waits for something to happen, at most until `until_ns` of
 * CLOCK_MONOTONIC, and handles it. Returns 0, -EINTR (a signal came) or another negative errno. */
int swarm_step(struct swarm *swarm, int64_t until_ns);

/* Every client has its subscription, or is gone. */
bool swarm_is_ready(const struct swarm *swarm);

/* Every client is gone. */
bool swarm_is_over(const struct swarm *swarm);

const struct swarm_counts *swarm_counts(const struct swarm *swarm);
void swarm_restart_counts(struct swarm *swarm);

/* The first failure, error message or broken promise in words, "" when there was none. */
const char *swarm_first_trouble(const struct swarm *swarm);

#endif
