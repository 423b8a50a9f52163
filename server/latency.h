/* latency: what the shards have measured of freshness (freshness.h), together. Any thread. */
#ifndef PRICECAST_SERVER_LATENCY_H
#define PRICECAST_SERVER_LATENCY_H

#include "server/text.h"

struct server;

void latency_put_json(struct server *server, struct text *json); /* members, after others */
void latency_put_metrics(struct server *server, struct text *text);

#endif
