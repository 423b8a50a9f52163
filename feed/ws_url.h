/* ws_url: a ws:// or wss:// feed spec as a place to connect to. Pure. */
#ifndef PRICECAST_FEED_WS_URL_H
#define PRICECAST_FEED_WS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/spec.h"

enum { WS_URL_HOST_MAX = 256 };

struct ws_url {
    bool tls;
    char host[WS_URL_HOST_MAX]; /* without brackets */
    uint16_t port;
    const char *path; /* points into the spec; "" if the URL has none */
};

/* Returns 0 or -EINVAL with one line in `error`. */
int ws_url_parse(const struct spec *spec, struct ws_url *out, char *error, size_t error_size);

/* The path with `more` appended (unless it ends with that already), then with the pairs of the spec
 * that are not in the NULL-ended list as its query. The caller frees it; NULL without memory. */
char *ws_url_path(const struct ws_url *url, const char *more, const struct spec *spec,
                  const char *const *keys);

#endif
