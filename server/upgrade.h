/* upgrade: what a request must hold to become a WebSocket (RFC 6455, 4.2.1). libwebsockets looks at
 * little of it, and hangs up without a word on what it does not like. Shard's thread. */
#ifndef PRICECAST_SERVER_UPGRADE_H
#define PRICECAST_SERVER_UPGRADE_H

#include <libwebsockets.h>
#include <stdbool.h>

struct shard;

/* LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: 0 lets a WebSocket handshake on /ws pass; what else wants to
 * become a WebSocket has been answered, and other upgrades are hung up on, because of what
 * lws 4.1.6 would do with them. */
int upgrade_confirm(struct shard *shard, struct lws *wsi);

/* Whether it is base64 of 16 bytes. */
bool upgrade_key_is_good(const char *key);

/* Whether a list with commas between has the word, in whatever case. */
bool upgrade_list_has(const char *list, const char *word);

/* Whether it is a version in which connections can be upgraded: HTTP/1.1, not 1.0. */
bool upgrade_version_is_good(const char *version);

#endif
