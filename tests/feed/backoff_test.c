/* How long to wait: between bounds that grow, and forgotten only after a stable minute. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "feed/backoff.h"

/* The longest wait is drawn by the random number that leaves the largest rest. */
static uint64_t longest(struct backoff backoff)
{
    uint64_t most = 0;
    for (uint64_t random = 0; random < BACKOFF_MAX_MS + 1; random++) {
        struct backoff copy = backoff;
        const uint64_t ms = backoff_next_ms(&copy, 0, random);
        assert_in_range(ms, BACKOFF_MIN_MS, BACKOFF_MAX_MS);
        most = ms > most ? ms : most;
    }
    return most;
}

static void bounds_double_up_to_the_limit(void **state)
{
    (void)state;
    static const uint64_t bounds[] = {500, 1000, 2000, 4000, 8000, 15000, 15000, 15000};
    struct backoff backoff = {0};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        assert_int_equal(longest(backoff), bounds[i]);
        backoff_next_ms(&backoff, 0, 7);
    }
}

/* Nobody tries at once, whatever chance says. */
static void the_shortest_wait_is_the_floor(void **state)
{
    (void)state;
    struct backoff backoff = {0};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(backoff_next_ms(&backoff, 0, 0), BACKOFF_MIN_MS);
}

/* A server that accepts and hangs up at once must not be tried ever more often. */
static void only_a_stable_connection_begins_anew(void **state)
{
    (void)state;
    struct backoff backoff = {0};
    for (int i = 0; i < 6; i++)
        backoff_next_ms(&backoff, BACKOFF_STABLE_MS - 1, 7);
    assert_int_equal(longest(backoff), BACKOFF_MAX_MS);
    backoff_next_ms(&backoff, BACKOFF_STABLE_MS, 7);
    assert_int_equal(backoff.failures, 1);
    assert_int_equal(longest(backoff), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_double_up_to_the_limit),
        cmocka_unit_test(the_shortest_wait_is_the_floor),
        cmocka_unit_test(only_a_stable_connection_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
