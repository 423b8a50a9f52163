/* request: what a request says, and from whom it is. During its callbacks only, while libwebsockets
 * has its headers. Shard's thread. */
#ifndef PRICECAST_SERVER_REQUEST_H
#define PRICECAST_SERVER_REQUEST_H

#include <libwebsockets.h>
#include <stdbool.h>

#define REQUEST_ORIGIN_BYTES 300

struct shard;

/* Copies a header; returns false if it is absent or does not fit. */
bool request_header(struct lws *wsi, enum lws_token_indexes token, char *out, int size);

/* The value of one query parameter, decoded; returns false if it is absent or too long. */
bool request_query(struct lws *wsi, const char *name, char *out, int size);

/* Browsers name the page's origin; it must be ours or an allowed one. Programs send none. */
bool request_origin_is_allowed(struct shard *shard, struct lws *wsi);

/* From this machine, and to it: not passed on by a proxy, nor by a browser whose page has given its
 * own name our address (DNS rebinding). So the host must be an address, localhost, the one we
 * listen on, or of an allowed origin. */
bool request_is_local(struct shard *shard, struct lws *wsi);
bool request_accepts_gzip(struct lws *wsi);
bool request_offers_subprotocol(struct lws *wsi); /* one of ours */

#endif
