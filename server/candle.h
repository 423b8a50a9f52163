/* candle: open, high, low, close and volume of one span of time, exact.
 *
 * Prices keep the text of the trades they come from; the volume is an exact sum of sizes. Within a
 * candle the order of arrival counts. Pure functions, any thread. */
#ifndef PRICECAST_SERVER_CANDLE_H
#define PRICECAST_SERVER_CANDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "feed/decimal.h"
#include "server/text.h"

__extension__ typedef __int128 candle_sum;

enum candle_price { CANDLE_OPEN, CANDLE_HIGH, CANDLE_LOW, CANDLE_CLOSE, CANDLE_PRICES };

struct candle {
    int64_t bucket; /* which span: its number since 1970 */
    uint64_t mantissa[CANDLE_PRICES];
    uint8_t form[CANDLE_PRICES];
    uint8_t volume_digits;  /* after the point */
    bool volume_is_unknown; /* it did not fit 38 digits */
    candle_sum volume;
};

_Static_assert(sizeof(struct candle) == 64, "a candle is one cache line");

static inline struct decimal candle_value(const struct candle *candle, enum candle_price which)
{
    return (struct decimal){.mantissa = candle->mantissa[which], .form = candle->form[which]};
}

/* A candle whose first price is `price`. */
struct candle candle_make(int64_t bucket, struct decimal price);
void candle_add_price(struct candle *candle, struct decimal price);
void candle_add_size(struct candle *candle, struct decimal size);

/* Adds what came later. */
void candle_merge(struct candle *candle, const struct candle *later);

/* Exactly the middle. Returns false if it takes more digits than a decimal has. */
bool candle_mid(struct decimal bid, struct decimal ask, struct decimal *out);

/* a - b, exactly. Returns false if it takes more digits than a decimal has. */
bool candle_difference(struct decimal a, struct decimal b, struct decimal *out);

/* As JSON: a string, for an unknown volume null. */
void candle_put_price(const struct candle *candle, enum candle_price which, struct text *json);
void candle_put_volume(const struct candle *candle, struct text *json);

#endif
