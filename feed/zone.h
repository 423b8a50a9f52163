/* zone: what a clock on the wall somewhere means in UTC.
 *
 * A zone is Z or UTC, a fixed offset (+02:00, -05:00), or a name of the IANA database as the system
 * has it (America/New_York), read from its compiled files in $TZDIR or /usr/share/zoneinfo. The C
 * library's own functions know only one zone for the whole process, so they are of no use here.
 *
 * Where clocks are put back an hour exists twice: its first pass is taken. Where they are put
 * forward an hour is missing: times in it count on as if they had not been. One thread for each. */
#ifndef PRICECAST_FEED_ZONE_H
#define PRICECAST_FEED_ZONE_H

#include <stddef.h>
#include <stdint.h>

struct zone;

/* Returns 0; -EINVAL (neither an offset nor a zone that the system knows) with one line in `error`;
 * or -ENOMEM. */
int zone_open(const char *name, struct zone **out, char *error, size_t error_size);
void zone_close(struct zone *zone);

/* `local_ns` is the clock's reading as if it showed UTC. */
int64_t zone_to_utc(struct zone *zone, int64_t local_ns);

#endif
