/* http: requests other than WebSocket: the dashboard's files, the API, and the beginning of
 * Server-Sent Events.
 *
 * Every response closes its connection: libwebsockets 4.1.6 can be made to spin for ever by what
 * follows a response on a kept one. Lives in libwebsockets' per-session memory. Shard's thread. */
#ifndef PRICECAST_SERVER_HTTP_H
#define PRICECAST_SERVER_HTTP_H

#include <libwebsockets.h>
#include <stdbool.h>

#include "server/answer.h"
#include "server/shard.h"
#include "server/text.h"

#define HTTP_SUBPROTOCOL        "pricecast.v1.json"
#define HTTP_SUBPROTOCOL_BINARY "pricecast.v1.bin"
#define HTTP_BODY_MAX           (64u << 10)
#define HTTP_PUBLISH_MAX        (1u << 20)
#define HTTP_BODY_MS            4000 /* for a whole body; libwebsockets hangs up after 5 s */

struct shard;

struct http_request {
    struct shard *shard;
    struct answer answer;
    uint64_t id;                       /* while it waits for a result, else 0 */
    struct http_request *next, **link; /* of those that wait */
    bool waits_for_body;
    bool is_publish; /* else the body is for the replay */
    struct text body;
    struct http_result *result; /* owned; come, and not yet sent */
};

/* What another thread answers to a request. */
struct http_result {
    struct shard_mail mail; /* first */
    struct shard *shard;
    uint64_t id;
    int status;
    const char *message; /* static; of an error */
    struct text json;    /* the answer; empty: the state of the replay */
};

void http_result_free(struct http_result *result);

/* http_on_request() returns this when it has sent the head of Server-Sent Events: the connection is
 * a session from now on. */
#define HTTP_BECOMES_SESSION 1

/* Called from LWS_CALLBACK_HTTP and so on; each returns what the callback should return. */
int http_on_request(struct http_request *request, struct shard *shard, struct lws *wsi);
int http_on_body(struct http_request *request, const char *bytes, size_t len);
int http_on_body_end(struct http_request *request);
int http_on_writeable(struct http_request *request);
int http_on_timer(struct http_request *request);
void http_on_closed(struct http_request *request);

#endif
