/* lottery: draws symbols at random, some more often than others, the same from the same seed. One
 * thread. */
#ifndef PRICECAST_TOOLS_LOTTERY_H
#define PRICECAST_TOOLS_LOTTERY_H

#include <stddef.h>
#include <stdint.h>

struct lottery {
    size_t count;
    double *weights; /* each added to those before */
    uint64_t random;
};

/* Of `count` symbols, the one of rank n, from 1, has a weight of 1 / n^skew. Returns 0 or -ENOMEM;
 * call lottery_finish() in any case. */
int lottery_init(struct lottery *lottery, size_t count, double skew, uint64_t seed);
void lottery_finish(struct lottery *lottery);

/* Fills `picks` with so many ranks, from 0, no two of them the same: at most as many as there are.
 */
void lottery_draw(struct lottery *lottery, uint32_t *picks, size_t wanted);

/* Any number, all alike. */
uint64_t lottery_random(struct lottery *lottery);

#endif
