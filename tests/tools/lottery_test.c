/* Which symbols the load generator's clients take: the same in every run with the same seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lottery.h"

enum { SYMBOLS = 10, ROUNDS = 30000 };

/* How often each was drawn when one is drawn at a time. */
static void count_draws(double skew, unsigned counts[SYMBOLS])
{
    struct lottery lottery;
    assert_int_equal(lottery_init(&lottery, SYMBOLS, skew, 1), 0);
    memset(counts, 0, SYMBOLS * sizeof *counts);
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t pick;
        lottery_draw(&lottery, &pick, 1);
        assert_in_range(pick, 0, SYMBOLS - 1);
        counts[pick]++;
    }
    lottery_finish(&lottery);
}

/* The numbers of a seed are fixed, so the bounds hold always or never. */
static void without_skew_all_are_alike(void **state)
{
    unsigned counts[SYMBOLS];
    (void)state;
    count_draws(0, counts);
    for (int i = 0; i < SYMBOLS; i++)
        assert_in_range(counts[i], 2800, 3200);
}

static void with_skew_the_first_are_drawn_more_often(void **state)
{
    unsigned counts[SYMBOLS];
    const double all =
        1 + 1 / 2. + 1 / 3. + 1 / 4. + 1 / 5. + 1 / 6. + 1 / 7. + 1 / 8. + 1 / 9. + 1 / 10.;
    (void)state;
    count_draws(1, counts);
    for (int i = 0; i < SYMBOLS; i++) {
        const double expected = ROUNDS / all / (i + 1);
        assert_in_range(counts[i], (unsigned)(expected * 0.9), (unsigned)(expected * 1.1));
    }
}

static void no_symbol_is_drawn_twice_at_a_time(void **state)
{
    struct lottery lottery;
    uint32_t picks[SYMBOLS];
    (void)state;
    /* So steep that the last would never be drawn. */
    assert_int_equal(lottery_init(&lottery, SYMBOLS, 40, 7), 0);
    for (int round = 0; round < 100; round++) {
        unsigned seen = 0;
        lottery_draw(&lottery, picks, SYMBOLS);
        for (int i = 0; i < SYMBOLS; i++)
            seen |= 1u << picks[i];
        assert_int_equal(seen, (1u << SYMBOLS) - 1);
    }
    lottery_finish(&lottery);
}

static void the_seed_decides(void **state)
{
    static const uint64_t seeds[] = {5, 5, 6};
    uint32_t picks[3][6];
    uint64_t numbers[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct lottery lottery;
        assert_int_equal(lottery_init(&lottery, 1000, 1, seeds[i]), 0);
        lottery_draw(&lottery, picks[i], 6);
        numbers[i] = lottery_random(&lottery);
        assert_true(lottery_random(&lottery) != numbers[i]);
        lottery_finish(&lottery);
    }
    assert_memory_equal(picks[0], picks[1], sizeof picks[0]);
    assert_memory_not_equal(picks[0], picks[2], sizeof picks[0]);
    assert_true(numbers[0] == numbers[1] && numbers[0] != numbers[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_skew_all_are_alike),
        cmocka_unit_test(with_skew_the_first_are_drawn_more_often),
        cmocka_unit_test(no_symbol_is_drawn_twice_at_a_time),
        cmocka_unit_test(the_seed_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
