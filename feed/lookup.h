/* lookup: a host's addresses, looked up on a thread of its own.
 *
 * The system's resolver cannot be interrupted, and takes ten seconds and more where nobody answers.
 * libuv's lookups would hold up the end of the loop for that long, and the files that are read by
 * the same workers; this one can be left alone.
 *
 * Threads: everything belongs to the loop's thread. */
#ifndef PRICECAST_FEED_LOOKUP_H
#define PRICECAST_FEED_LOOKUP_H

#include <netdb.h>
#include <uv.h>

struct lookup;

/* `error` is 0, and `found` has addresses of stream sockets until the call returns, or one of
 * getaddrinfo(3)'s. The lookup is gone by then. */
typedef void lookup_fn(void *ctx, int error, const struct addrinfo *found);

/* Blocks, and may be running for as long as it likes after lookup_abandon(). */
typedef int lookup_resolve_fn(const char *host, struct addrinfo **out);

/* Begins to look `host` up with `resolve`; NULL: the system's resolver. Sets *out and returns 0,
 * then calls done() once from the loop; or returns a negative errno. */
int lookup_start(uv_loop_t *loop, const char *host, lookup_resolve_fn *resolve, lookup_fn *done,
                 void *ctx, struct lookup **out);

/* done() will not be called. The loop must run once more before it is closed. */
void lookup_abandon(struct lookup *lookup);

#endif
