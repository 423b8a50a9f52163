/* connection: what libwebsockets knows of: an HTTP request at first, a session once it is upgraded
 * or becomes a stream of events. What libwebsockets calls goes on from here to whichever it is.
 *
 * Private to the server. Shard's thread, but for the creating. */
#ifndef PRICECAST_SERVER_CONNECTION_H
#define PRICECAST_SERVER_CONNECTION_H

#include <sys/socket.h>

#include "server/shard.h"

/* Creates shard->lws on shard->loop, and its vhost: the shard's to destroy, also when this fails.
 * Returns 0 or -EIO. */
int connection_context_create(struct shard *shard);

/* A connection has been accepted: hands it to libwebsockets if admission lets it in, else answers
 * 503 or 429, and closes it. Takes `fd`. */
void connection_enter(struct shard *shard, int fd, const struct sockaddr *from);

#endif
