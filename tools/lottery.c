#include "tools/lottery.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

int lottery_init(struct lottery *lottery, size_t count, double skew, uint64_t seed)
{
    *lottery = (struct lottery){
        .count = count,
        .weights = calloc(count, sizeof *lottery->weights),
        .random = seed,
    };
    if (lottery->weights == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        lottery->weights[i] = (i > 0 ? lottery->weights[i - 1] : 0) + pow((double)i + 1, -skew);
    return 0;
}

void lottery_finish(struct lottery *lottery)
{
    free(lottery->weights);
    lottery->weights = NULL;
}

uint64_t lottery_random(struct lottery *lottery)
{
    uint64_t z = lottery->random += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* One, by its weight. */
static uint32_t draw(struct lottery *lottery)
{
    const double all = lottery->weights[lottery->count - 1];
    const double at = (double)(lottery_random(lottery) >> 11) * 0x1p-53 * all;
    size_t low = 0, high = lottery->count - 1;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (lottery->weights[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return (uint32_t)low;
}

static bool is_among(const uint32_t *picks, size_t count, uint32_t pick)
{
    for (size_t i = 0; i < count; i++)
        if (picks[i] == pick)
            return true;
    return false;
}

void lottery_draw(struct lottery *lottery, uint32_t *picks, size_t wanted)
{
    enum { DRAWS_MAX = 64 }; /* then the next that is free: a steep skew leaves few to draw */
    assert(wanted <= lottery->count);
    for (size_t i = 0; i < wanted; i++) {
        uint32_t pick = draw(lottery);
        for (int draws = 1; is_among(picks, i, pick); draws++)
            pick = draws < DRAWS_MAX ? draw(lottery) : (uint32_t)((pick + 1) % lottery->count);
        picks[i] = pick;
    }
}
