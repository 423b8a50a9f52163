/* answer: a response to a request, written at once, and how its connection ends.
 *
 * Every response has the security headers, and closes its connection (http.h has the reason). What
 * the socket does not take, libwebsockets keeps; the connection lives until that has gone.
 *
 * The int returned is what libwebsockets' callback should return: -1 closes the connection. Shard's
 * thread. */
#ifndef PRICECAST_SERVER_ANSWER_H
#define PRICECAST_SERVER_ANSWER_H

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/text.h"

#define ANSWER_TAKEN_SEC    60 /* for a whole response to be taken */
#define ANSWER_LINGER_SEC   2  /* for a client to stop sending a body that was refused */
#define ANSWER_LINGER_BYTES (16u << 20)

/* How far it has come; one for each request. Without is_sent there is none yet. */
struct answer {
    struct lws *wsi;
    bool head_only; /* asked for by HEAD: the body's length is told, the body is not sent */
    bool is_sent;
    uint64_t body_left; /* of the request: announced, and not yet here */
};

struct response {
    int status;
    const char *mime;
    const char *headers; /* more of them, each ending in CRLF; NULL: none */
    const void *body;
    size_t body_len;
};

/* Not to be kept, the headers of most. */
extern const char answer_no_store[];

/* All of it is borrowed until the call returns. */
int answer_send(struct answer *answer, const struct response *response);

/* Sends JSON, with answer_no_store unless `headers` are given; 500 if there was no memory for it.
 */
int answer_json(struct answer *answer, int status, const struct text *json, const char *headers);

/* Sends {"error":{"code":…,"message":…}}. */
int answer_error(struct answer *answer, int status, const char *code, const char *message,
                 const char *headers);

/* Sends the head of Server-Sent Events. Returns whether the events can follow. */
bool answer_event_stream(struct answer *answer, const char *headers, unsigned retry_ms);

/* Bytes of the request's body have come. Returns false if they are the request's to read: there is
 * no answer yet. Else they are forgotten, and *out is what the callback should return. */
bool answer_on_body(struct answer *answer, size_t len, int *out);

/* The socket takes more. */
int answer_on_writeable(struct answer *answer);

#endif
