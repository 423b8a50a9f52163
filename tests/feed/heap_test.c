/* When a feed looks again, by example and for any distance. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdbool.h>

#include "feed/heap.h"
#include "tests/support/random.h"

#define MS INT64_C(1000000)

static const int64_t now = 7777 * MS + 123456;

static void without_patience_only_close_ones_go_together(void **state)
{
    (void)state;
    assert_true(heap_at_ns(now, now + 1, 0) == now + HEAP_APART_NS);
    assert_true(heap_at_ns(now, now - 5 * MS, 0) == now + HEAP_APART_NS);
    assert_true(heap_at_ns(now, now + MS, 0) == now + MS);
}

static void a_sparse_market_is_not_kept_waiting(void **state)
{
    (void)state;
    assert_true(heap_at_ns(now, now + 5 * MS, 5 * MS) == now + 5 * MS);
    assert_true(heap_at_ns(now, now + 500 * MS, 2 * MS) == now + 500 * MS);
}

static void with_patience_they_go_at_even_distances_between_the_ticks(void **state)
{
    (void)state;
    /* A tick of 10 ms takes place from 10 to 11: in the middle between two heaps. */
    assert_true(heap_at_ns(8 * MS, 8 * MS, 2 * MS) == 9 * MS + MS / 2);
    assert_true(heap_at_ns(9 * MS + MS / 2, 9 * MS + MS / 2, 2 * MS) == 11 * MS + MS / 2);
    assert_true(heap_at_ns(6 * MS, 6 * MS, 5 * MS) == 8 * MS);
    assert_true(heap_at_ns(8 * MS, 8 * MS, 5 * MS) == 13 * MS);
}

static void neither_early_nor_later_than_subscribers_bear(void **state)
{
    (void)state;
    struct random random = {.state = random_seed_of(3)};
    static const int64_t patiences[] = {0, 1, 200000, 200001, 2 * MS, 5 * MS, 5 * MS + 1};
    for (int i = 0; i < 100000; i++) {
        const int64_t patience = patiences[random_below(&random, 7)];
        const int64_t from = 20 * MS + random_below(&random, 20000000);
        const int64_t due = from - 10 * MS + random_below(&random, 20000000);
        const int64_t at = heap_at_ns(from, due, patience);
        const int64_t bears = patience > HEAP_APART_NS ? patience : HEAP_APART_NS;
        assert_true(at > from && at >= due);
        assert_true(at <= (due > from ? due : from) + bears);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_patience_only_close_ones_go_together),
        cmocka_unit_test(a_sparse_market_is_not_kept_waiting),
        cmocka_unit_test(with_patience_they_go_at_even_distances_between_the_ticks),
        cmocka_unit_test(neither_early_nor_later_than_subscribers_bear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
