/* upgrade: what a request must hold to become a WebSocket (RFC 6455, 4.2.1). libwebsockets looks at
 * little of it, and hangs up without a word on what it does not like. Shard's thread. */
#ifndef PRICECAST_SERVER_UPGRADE_H
#define PRICECAST_SERVER_UPGRADE_H

#include <libwebsockets.h>
#include <stdbool.h>

struct shard;

/* LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: 0 lets a WebSocket handshake on /ws pass, and everything else
 * has been answered. Guards against what lws 4.1.6 does with other upgrades. */
int upgrade_confirm(struct shard *shard, struct lws *wsi);

/* Whether it is base64 of 16 bytes. */
bool upgrade_key_is_good(const char *key);

/* Whether a list with commas between has the word, in whatever case. */
bool upgrade_list_has(const char *list, const char *word);

/* Whether "HTTP/1.0" and the like is a version in which connections are upgraded. */
bool upgrade_version_is_good(const char *version);

#endif
