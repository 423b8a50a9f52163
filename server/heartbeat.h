/* heartbeat: how long a session may be left in silence.
 *
 * A heartbeat to a connection that has gone cold costs about 10 µs of CPU, nearly all of it the
 * kernel's send(): every five seconds to each of 19,000 idle connections that is 4 % of a core. So
 * the more connections there are, the longer a new one may be left in silence; `hello` tells each
 * client its own interval, which then stays. Pure function, any thread. */
#ifndef PRICECAST_SERVER_HEARTBEAT_H
#define PRICECAST_SERVER_HEARTBEAT_H

/* A proxy between us and the client may close what is silent for a minute. */
#define HEARTBEAT_LONGEST_MS      40000
#define HEARTBEAT_CLIENTS_DEFAULT 250

/* The interval, in ms, of the newest of so many connections: `shortest_ms` for the first `step`,
 * twice that for the next `step`, and so on up to HEARTBEAT_LONGEST_MS; `shortest_ms` for all if
 * it is longer itself. `step` is not 0. */
unsigned heartbeat_interval_ms(unsigned shortest_ms, unsigned step, unsigned connections);

#endif
