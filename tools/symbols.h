/* symbols: which symbols a server knows, asked over HTTP. */
#ifndef PRICECAST_TOOLS_SYMBOLS_H
#define PRICECAST_TOOLS_SYMBOLS_H

#include <stddef.h>
#include <sys/socket.h>

#include "tools/url.h"

struct symbols {
    char **names;
    size_t count;
};

/* Splits a list at its commas. Returns 0, -EINVAL (an empty name) or -ENOMEM. */
int symbols_split(const char *list, struct symbols *out);

/* Reads GET /api/v1/symbols; blocks, for 10 seconds at most between two bytes. Returns 0, -EBADMSG
 * (not the answer expected) or another negative errno. */
int symbols_fetch(const struct url *url, const struct sockaddr *address, socklen_t address_len,
                  struct symbols *out);

void symbols_finish(struct symbols *symbols);

#endif
