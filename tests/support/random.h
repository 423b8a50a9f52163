/* random: repeatable randomness for tests. The seed is fixed unless PRICECAST_TEST_SEED gives
 * another; print it when a test fails. */
#ifndef PRICECAST_TESTS_SUPPORT_RANDOM_H
#define PRICECAST_TESTS_SUPPORT_RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_seed_of(uint64_t fixed)
{
    const char *text = getenv("PRICECAST_TEST_SEED");
    return text != NULL ? strtoull(text, NULL, 0) : fixed;
}

/* splitmix64 */
static inline uint64_t random_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static inline uint64_t random_u64(struct random *random)
{
    const uint64_t out = random_mix(random->state);
    random->state += 0x9e3779b97f4a7c15u;
    return out;
}

/* 0 to below - 1 */
static inline unsigned random_below(struct random *random, unsigned below)
{
    return (unsigned)(random_u64(random) % below);
}

static inline bool random_chance(struct random *random, unsigned percent)
{
    return random_below(random, 100) < percent;
}

#endif
