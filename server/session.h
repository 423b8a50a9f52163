/* session: one WebSocket connection, or one of Server-Sent Events, which only listens: answers
 * commands, keeps the line alive, and lends its socket to the fan-out as a reader. Lives in
 * libwebsockets' per-session memory. Shard's thread. */
#ifndef PRICECAST_SERVER_SESSION_H
#define PRICECAST_SERVER_SESSION_H

#include <libwebsockets.h>
#include <stdbool.h>

#include "server/command.h"
#include "server/fanout.h"
#include "server/incoming.h"
#include "server/text.h"
#include "server/wheel.h"

#define SESSION_TOPIC_BYTES_MAX (256u << 10) /* of their texts: a list of them is one message */
#define SESSION_STRIKES_MAX     10           /* bad messages in a row before it is closed */
#define SESSION_CLOSE_MS        1000         /* for the close to reach the client */

/* Why a session is over. */
enum session_end {
    END_CLIENT, /* it closed, or was lost */
    END_STUCK,
    END_BAD_MESSAGES,
    END_TOO_BIG,
    END_UNREAD_ANSWERS, /* it asked and asked, and did not read */
    END_NO_MEMORY,
    END_WRITE_FAILED,
    END_SHUTDOWN,
    SESSION_ENDS
};
const char *session_end_name(enum session_end end);

struct shard;

struct session {
    struct reader reader; /* first: reader_ops get this */
    struct shard *shard;
    struct lws *wsi; /* NULL: closed */
    int fd;          /* to send to without lws; -1: only lws may */
    bool has_ears;   /* SSE: lws looks at what comes in */
    uint8_t end;     /* enum session_end */
    uint16_t close_code;
    int64_t sent_at_ms;
    int64_t blocked_at_ms;        /* while the reader is blocked */
    struct session *next, **link; /* of the shard */
    struct wheel_entry watch;     /* of the shard's wheel */
    int64_t since_us;
    int64_t progress_at_ms;            /* its socket has taken something since, or nothing waited */
    uint32_t acked;                    /* what it had taken then */
    uint32_t number;                   /* on its shard, ever */
    struct incoming incoming;          /* also those that wait for the end of a resume */
    struct resume_reply *resume_reply; /* while a resume is under way */
    struct place_letter *place;        /* while it is looked up where one begins */
    uint8_t strikes;
    bool subscribed; /* once: for --wait-clients */
    bool closing;
    uint32_t heartbeat_ms; /* the longest silence, as hello told it */
    int64_t close_by_ms;
    const char *close_reason;
};

/* The connection is established, or with ENCODING_SSE the response has begun. Subscribes to what
 * the URL says. Returns false if it cannot be served. */
bool session_open(struct session *session, struct shard *shard, struct lws *wsi,
                  enum encoding encoding);
void session_closed(struct session *session);

/* Reads the subscription in a request's URL. In any case call command_finish(); *error is filled
 * when it is bad. */
enum session_query { QUERY_EMPTY, QUERY_SUBSCRIBES, QUERY_BAD };
enum session_query session_query_read(struct lws *wsi, struct command *out,
                                      struct command_error *error);

/* Bytes of a message have come. */
void session_receive(struct session *session, const char *bytes, size_t len);
void session_writeable(struct session *session);

/* Its resume may be over: obeys what has waited for that. Not while the bus is being read. */
void session_go_on(struct session *session);

/* Sends a message: JSON without framing. */
void session_say(struct session *session, const struct text *json);

/* Sends an error; `id` is the command's, "" without one. */
void session_say_error(struct session *session, const char *id, const char *code,
                       const char *message);

/* Closes as soon as what waits has been sent, or after SESSION_CLOSE_MS. `reason` is static. */
void session_close(struct session *session, enum session_end end, uint16_t code,
                   const char *reason);

/* From LWS_CALLBACK_TIMER: returns what the callback should return. */
int session_close_now(struct session *session);

/* From the wheel: heartbeats, deadlines, and whether it is stuck. */
void session_look(struct session *session);

#endif
