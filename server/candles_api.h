/* candles_api: what clients ask about candles, and the keeper's answers. */
#ifndef PRICECAST_SERVER_CANDLES_API_H
#define PRICECAST_SERVER_CANDLES_API_H

#include "server/keeper.h"
#include "server/text.h"

/* The parameters of a request as they came; NULL: absent. */
struct candles_params {
    const char *symbol, *interval, *limit, *before; /* of /api/v1/candles */
    const char *symbols;                            /* of /api/v1/stats */
};

/* Called once, on the keeper's thread, with the answer (taken); a status of 0 and an empty text
 * mean that there will be none. */
typedef void candles_answer_fn(void *ctx, int status, struct text *json);

struct candles_ask;

/* Return NULL and set *out (owned), or what is wrong (static). Any thread. */
const char *candles_ask_candles(const struct candles_params *params, struct candles_ask **out);
const char *candles_ask_stats(const struct candles_params *params, struct candles_ask **out);

/* Takes the ask. */
void candles_ask_send(struct candles_ask *ask, struct keeper *keeper, candles_answer_fn *answer,
                      void *ctx);
void candles_ask_free(struct candles_ask *ask);

#endif
