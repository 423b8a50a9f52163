/* url: where a server is, from what people paste. */
#ifndef PRICECAST_TOOLS_URL_H
#define PRICECAST_TOOLS_URL_H

#include <stdbool.h>

enum { URL_HOST_MAX = 255, URL_PATH_MAX = 4000 };

#define URL_DEFAULT "ws://127.0.0.1:8080/ws"
#define URL_ALLOWED "ws://HOST:PORT/PATH, also with wss, http or https"

struct url {
    bool is_tls;
    char host[URL_HOST_MAX + 1]; /* without the brackets of an IPv6 address */
    int port;
    char path[URL_PATH_MAX + 1]; /* with the query; "/ws" where the URL has no path of its own */
};

/* http and https are taken for ws and wss: the server prints the address of its dashboard. Returns
 * 0, or -EINVAL when the text is not what URL_ALLOWED says. */
int url_parse(const char *text, struct url *out);

/* Whether the word is meant as a URL and not as a symbol. */
bool url_is_likely(const char *text);

/* Writes `HOST:PORT`, as it belongs into a Host header; `out` has URL_HOST_MAX + 10 bytes. */
void url_authority(const struct url *url, char *out);

#endif
