#include "feed/backoff.h"

uint64_t backoff_next_ms(struct backoff *backoff, uint64_t lasted_ms, uint64_t random)
{
    if (lasted_ms >= BACKOFF_STABLE_MS)
        backoff->failures = 0;
    uint64_t bound = BACKOFF_FIRST_MS;
    for (unsigned i = 0; i < backoff->failures && bound < BACKOFF_MAX_MS; i++)
        bound *= 2;
    if (bound > BACKOFF_MAX_MS)
        bound = BACKOFF_MAX_MS;
    backoff->failures++;
    return BACKOFF_MIN_MS + random % (bound - BACKOFF_MIN_MS + 1);
}
