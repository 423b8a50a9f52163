/* live_set: all live sources of a feed.
 *
 * What arrives during one turn of the loop goes onto the bus at the end of that turn, each source's
 * in one go.
 *
 * Threads: live_set_push() any; creating, adding and destroying while no other thread uses the set;
 * the rest on the feed thread. */
#ifndef PRICECAST_FEED_LIVE_SET_H
#define PRICECAST_FEED_LIVE_SET_H

#include "feed/feed.h"
#include "feed/live.h"
#include "feed/spec.h"

struct live_set;

struct live_set_options {
    uv_loop_t *loop;
    struct bus *bus;
    size_t message_max; /* bytes of a line or message; 0: LINE_BYTES_MAX_DEFAULT */
    struct live_hooks hooks;
    void (*changed)(void *ctx); /* soon after counts or states have changed; hooks.ctx */
};

/* Does this spec name a live source? */
bool live_set_takes(const struct spec *spec);

/* Returns NULL without memory. */
struct live_set *live_set_create(const struct live_set_options *options);

/* Opens a source. Returns 0, or a negative errno with one line in `error`. */
int live_set_add(struct live_set *set, const struct spec *spec, char *error, size_t error_size);

void live_set_start(struct live_set *set);

/* Begins to close everything; the loop must run dry before the destroying. NULL is fine. */
void live_set_close(struct live_set *set);
void live_set_destroy(struct live_set *set);

/* How many sources there are; of no set, 0. */
size_t live_set_count(const struct live_set *set);

/* The name of a source that goes on for ever, as all but standard input do, or NULL. */
const char *live_set_endless(const struct live_set *set);

/* Will anything more come? */
bool live_set_is_running(const struct live_set *set);

/* Events of all sources so far; fills as many entries as there are sources. */
uint64_t live_set_status(const struct live_set *set, struct feed_input_status *out);

/* See feed_push(). */
int live_set_push(struct live_set *set, const char *body, size_t len, feed_push_fn *done,
                  void *ctx);

#endif
