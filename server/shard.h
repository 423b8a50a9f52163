/* shard: one service thread, with its loop, its sessions and its place on the bus. Private to the
 * server. */
#ifndef PRICECAST_SERVER_SHARD_H
#define PRICECAST_SERVER_SHARD_H

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "server/admission.h"
#include "server/book.h"
#include "server/fanout.h"
#include "server/freshness.h"
#include "server/server.h"
#include "server/listener.h"
#include "server/session.h"
#include "server/wheel.h"

struct http_request;

/* What another thread has for a shard. Embedded first in the whole of it. */
struct shard_mail {
    struct shard_mail *next;
    void (*deliver)(struct shard *shard, struct shard_mail *mail); /* owns it; shard's thread */
    void (*discard)(struct shard_mail *mail);                      /* the shard has ended */
};

/* One writer each, but for those of the server, which all shards add to. */
struct shard_counts {
    _Atomic uint64_t resumes; /* asked for by clients that came back */
    _Atomic uint64_t sessions, http_requests, messages_in, bad_messages, accepted, refused;
    _Atomic uint64_t refused_per_ip;      /* of those refused, for too many from one address */
    _Atomic uint64_t limits_exceeded;     /* commands refused for a session's limits */
    _Atomic uint64_t heartbeats;          /* sent */
    _Atomic uint64_t ended[SESSION_ENDS]; /* sessions, by reason */
};

struct shard {
    struct server *server;
    unsigned number;
    uv_loop_t loop;
    struct lws_context *lws;
    struct lws_vhost *vhost;
    struct listener listener;
    struct visitor *entering; /* admitted, and not yet libwebsockets' */
    uv_async_t wake;          /* news on the bus, or a request of the server's */
    uv_timer_t tick;          /* audiences with a rate */
    uv_timer_t turn;          /* of the wheel */
    uv_timer_t deadline;      /* of the stop */
    pthread_t thread;
    bool has_loop, has_thread, stopping, stalled, behind;
    bool has_news; /* on the bus, to be taken at look_at_ms */
    int64_t look_at_ms;
    int64_t gather_until_ms;             /* news wait until then */
    int64_t busy_from_ms, busy_until_ms; /* of the last tick that took long */
    _Atomic bool must_stop, asks_drained, is_drained;
    struct bus_sub *sub;
    struct fanout *fanout;
    struct session *sessions;
    uint32_t last_session;         /* the number of the newest */
    struct wheel wheel;            /* sessions by when they are next looked at */
    int64_t tick_at_ms;            /* what the tick timer is set to */
    struct http_request *requests; /* that wait for another thread's result */
    uint64_t last_request_id;
    _Atomic(struct shard_mail *) inbox; /* newest first */
    struct shard_counts counts;
    bool measures_stages; /* shard 0 does, unless a recording is played */
    struct stages stages;
    struct histogram lag;   /* ns by which the wheel turned late */
    uint64_t lag_recent_ns; /* the worst of late, forgotten by and by */
    uint64_t turned_at_ns;
};

/* Everything but the thread. Returns 0 or a negative errno. Takes listen_fd. */
int shard_init(struct shard *shard, struct server *server, unsigned number, int listen_fd);
int shard_start(struct shard *shard);
void shard_join(struct shard *shard); /* after must_stop was set and shard_wake() called */
void shard_finish(struct shard *shard);
void shard_wake(struct shard *shard);                          /* any thread */
void shard_post(struct shard *shard, struct shard_mail *mail); /* takes it; any thread */

/* ---- for the session, on the shard's thread ---- */

int64_t shard_now_ms(const struct shard *shard);
/* Looks at a session again in about delay_ms. */
void shard_watch(struct shard *shard, struct session *session, int64_t delay_ms);
/* Takes news that were left to wait, for who is about to answer a client. */
void shard_freshen(struct shard *shard);
/* Takes up what was held back while a reader was too far behind, and sets timers. */
void shard_continue(struct shard *shard);
/* Takes all there is on the bus by now. */
void shard_take_all(struct shard *shard);
void shard_session_ended(struct shard *shard);
/* When a client should come back: all at once would hurt, so each is told another moment. */
unsigned shard_reconnect_ms(void);

/* ---- the server's, any thread ---- */

const struct server_options *server_options(const struct server *server);
const char *server_mode_name(const struct server *server);
unsigned server_shards(const struct server *server);
struct shard *server_shard(struct server *server, unsigned number);
uint64_t server_seq_gap(const struct server *server); /* these three: see struct restored */
uint64_t server_crashes(const struct server *server);
bool server_follows_crash(const struct server *server);
struct keeper *server_keeper(const struct server *server);
int64_t server_uptime_ms(const struct server *server);
bool server_is_ready(const struct server *server);
struct admission *server_admission(const struct server *server);
void server_count_subscriber(struct server *server);

/* Averages over the last seconds, kept by shard 0. */
struct server_rates {
    double events, items, frames, bytes;
};
void server_sample(struct server *server, int64_t now_ms);
struct server_rates server_rates(struct server *server);

#endif
