/* freshness: how old prices are when they pass each stage on their way.
 *
 *   source -> ingest   from the source's own stamp to our receiving it (live sources only: in a
 *                      recording both are of the past)
 *   ingest -> bus      from then to the bus
 *   bus -> write       from there to the write that a client gets, once a write
 *
 * A reading of the clock costs a percent of a write: so a few writes share one. One thread records;
 * the histograms may be read by any. */
#ifndef PRICECAST_SERVER_FRESHNESS_H
#define PRICECAST_SERVER_FRESHNESS_H

#include "feed/event.h"
#include "feed/histogram.h"
#include "server/fanout.h"

struct freshness {
    struct histogram ages;
    int64_t now_ns;
    unsigned uses; /* of now_ns */
};

/* The clock is to be read anew. */
void freshness_turn(struct freshness *freshness);

/* For stamps on items. */
void clocks_read(struct wire_clocks *clocks);

/* Counts a write of updates, for its reader and for all. */
void reader_delivered(struct reader *reader, size_t bytes, const struct cargo *cargo);

/* The first two stages, as one shard sees them go by. */
struct stages {
    struct histogram ingest, bus;
    int64_t wall_offset_ns; /* of the wall clock from the monotonic one */
    unsigned left;          /* events still to be looked at in this turn */
};

void stages_turn(struct stages *stages);
void stages_note(struct stages *stages, const struct price_event *event, int64_t emitted_ns);

#endif
