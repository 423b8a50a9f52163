/* api: the JSON of /api/v1, made from one shard's view. Shard's thread. */
#ifndef PRICECAST_SERVER_API_H
#define PRICECAST_SERVER_API_H

#include "feed/feed.h"
#include "server/text.h"

struct shard;

void api_status(struct shard *shard, struct text *json);
void api_symbols(struct shard *shard, struct text *json);

/* `symbols` is a list of names and patterns separated by commas, or NULL for all. */
void api_latest(struct shard *shard, const char *symbols, struct text *json);

/* `may_control`: what the client that asks may do with it. */
void api_replay(struct shard *shard, bool may_control, struct text *json);
void api_replay_outline(struct shard *shard, struct text *json);

/* Reads a command. Returns NULL, or what is wrong with it (static). */
const char *api_replay_command(const char *body, size_t len, struct feed_command *out);

/* What came of a POST to /api/v1/publish. Any thread. */
void api_pushed(const struct feed_push_result *pushed, struct text *json);

#endif
