/* stream_map: from the streams of a source's own table to those of the bus.
 *
 * Parsers number streams in a table of their own, since they may run on a worker thread; the bus
 * has its own numbers, which only its writer hands out. A map remembers the pairs.
 *
 * Threads: the bus's writer. */
#ifndef PRICECAST_FEED_STREAM_MAP_H
#define PRICECAST_FEED_STREAM_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "feed/bus.h"

struct stream_mapping {
    uint32_t stream;        /* on the bus */
    uint32_t source_stream; /* there, of the states of its source */
};

/* To be embedded; `bus` and `streams` are borrowed. */
struct stream_map {
    struct bus *bus;
    const struct streams *streams; /* the source's own */
    struct stream_mapping *entries;
    uint32_t size;
    uint32_t *sources; /* the state streams of all entries, each once; on the bus */
    size_t sources_count;
};

void stream_map_init(struct stream_map *map, struct bus *bus, const struct streams *streams);
void stream_map_finish(struct stream_map *map);

/* Returns NULL when the bus has no room for the stream, or for want of memory. The result holds
 * until the next call. */
const struct stream_mapping *stream_map_get(struct stream_map *map, uint32_t local);

#endif
