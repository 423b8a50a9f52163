/* clients: what /api/v1/clients tells of every session: what waits for it, what it has been sent,
 * how old that was, and whose fault it is that something waits.
 *
 * Each shard tells of its own sessions, on its own thread; the last one puts it together. */
#ifndef PRICECAST_SERVER_CLIENTS_H
#define PRICECAST_SERVER_CLIENTS_H

#include "server/text.h"

#define CLIENTS_LIMIT_DEFAULT 100 /* sessions in one answer */
#define CLIENTS_LIMIT_MAX     1000
#define CLIENTS_OFFSET_MAX    10000

struct server;

struct clients_page {
    unsigned offset, limit;
};

/* Reads what a query says, NULL: nothing. Returns NULL, or what is wrong (static). */
const char *clients_page_read(const char *offset, const char *limit, struct clients_page *out);

/* Asks every shard. `done` is called once, on some shard's thread: with 200 and the JSON (taken),
 * or with 0 if the server is stopping. Returns 0 or -ENOMEM, and then it is not called. */
int clients_ask(struct server *server, struct clients_page page,
                void (*done)(void *ctx, int status, struct text *json), void *ctx);

#endif
