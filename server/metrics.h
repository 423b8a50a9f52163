/* metrics: counters in the Prometheus text format, version 0.0.4. Shard's thread. */
#ifndef PRICECAST_SERVER_METRICS_H
#define PRICECAST_SERVER_METRICS_H

#include "server/text.h"

struct shard;

void metrics_put(struct shard *shard, struct text *text);

#endif
