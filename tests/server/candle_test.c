/* One candle: its prices keep their text, its arithmetic is exact. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "server/candle.h"

static struct decimal decimal_of(const char *text)
{
    struct decimal value;
    assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
    return value;
}

static void assert_decimal(struct decimal value, const char *text)
{
    char is[DECIMAL_TEXT_MAX + 1];
    is[decimal_format(value, is)] = '\0';
    assert_string_equal(is, text);
}

static void assert_volume(const struct candle *candle, const char *text)
{
    struct text json = {0};
    candle_put_volume(candle, &json);
    text_put(&json, "", 1);
    assert_string_equal(json.bytes, text);
    text_finish(&json);
}

static void prices_keep_the_text_of_their_trades(void **state)
{
    (void)state;
    static const char *const prices[] = {"1.50", "1.5", "2", "1.4999", "1.499900", "1.7"};
    struct candle candle = candle_make(7, decimal_of(prices[0]));
    for (size_t i = 1; i < sizeof prices / sizeof *prices; i++)
        candle_add_price(&candle, decimal_of(prices[i]));
    assert_decimal(candle_value(&candle, CANDLE_OPEN), "1.50");
    assert_decimal(candle_value(&candle, CANDLE_HIGH), "2");
    assert_decimal(candle_value(&candle, CANDLE_LOW), "1.4999"); /* the first of equals */
    assert_decimal(candle_value(&candle, CANDLE_CLOSE), "1.7");
}

static void negative_prices_are_ordered(void **state)
{
    (void)state;
    struct candle candle = candle_make(7, decimal_of("-1.5"));
    candle_add_price(&candle, decimal_of("-37.63"));
    candle_add_price(&candle, decimal_of("0.01"));
    assert_decimal(candle_value(&candle, CANDLE_HIGH), "0.01");
    assert_decimal(candle_value(&candle, CANDLE_LOW), "-37.63");
}

static void volume_is_the_exact_sum(void **state)
{
    (void)state;
    struct candle candle = candle_make(7, decimal_of("1"));
    assert_volume(&candle, "\"0\"");
    candle_add_size(&candle, decimal_of("0.1"));
    candle_add_size(&candle, decimal_of("0.20"));
    assert_volume(&candle, "\"0.30\"");
    candle_add_size(&candle, decimal_of("18446744073709551615"));
    candle_add_size(&candle, decimal_of("18446744073709551615"));
    assert_volume(&candle, "\"36893488147419103230.30\"");
    candle_add_size(&candle, decimal_of("0.000000000000000001"));
    assert_volume(&candle, "\"36893488147419103230.300000000000000001\"");
}

/* Rather than a wrong figure there is none, also where a part of a longer candle has none. */
static void volume_of_too_many_digits_is_unknown(void **state)
{
    (void)state;
    struct candle candle = candle_make(7, decimal_of("1")), other = candle_make(8, decimal_of("1"));
    candle_add_size(&candle, decimal_of("18446744073709551615"));
    candle_add_size(&candle, decimal_of("0.000000000000000000000000000001"));
    assert_volume(&candle, "null");
    candle_add_size(&candle, decimal_of("1"));
    assert_volume(&candle, "null");
    candle_merge(&other, &candle);
    assert_volume(&other, "null");
}

static void candles_merge_in_the_order_of_time(void **state)
{
    (void)state;
    struct candle first = candle_make(7, decimal_of("5")), later = candle_make(8, decimal_of("3"));
    candle_add_price(&first, decimal_of("6"));
    candle_add_size(&first, decimal_of("1.5"));
    candle_add_price(&later, decimal_of("4"));
    candle_add_size(&later, decimal_of("2.25"));
    candle_merge(&first, &later);
    static const char *const expected[] = {"5", "6", "3", "4"};
    for (unsigned i = 0; i < CANDLE_PRICES; i++)
        assert_decimal(candle_value(&first, i), expected[i]);
    assert_volume(&first, "\"3.75\"");
}

static void middle_is_exact(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"1.49", "1.51", "1.50"},
        {"1.49", "1.5", "1.495"},
        {"61837.62000000", "61837.63000000", "61837.62500000"},
        {"2", "3", "2.5"},
        {"-1", "2", "0.5"},
        {"-3", "0", "-1.5"},
        {"18446744073709551615", "18446744073709551613", "18446744073709551614"},
        /* a digit more than fits, but for the zeros at its end */
        {"1844674407370955161.0", "1844674407370955160.0", "1844674407370955160.5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct decimal mid;
        assert_true(candle_mid(decimal_of(cases[i][0]), decimal_of(cases[i][1]), &mid));
        assert_decimal(mid, cases[i][2]);
    }
}

static void middle_that_is_no_decimal_is_refused(void **state)
{
    (void)state;
    struct decimal mid = decimal_of("7");
    assert_false(
        candle_mid(decimal_of("18446744073709551615"), decimal_of("18446744073709551614"), &mid));
    assert_false(candle_mid(decimal_of("18446744073709551615"),
                            decimal_of("0.000000000000000000000000000001"), &mid));
    assert_decimal(mid, "7");
}

static void difference_is_exact(void **state)
{
    (void)state;
    struct decimal difference;
    assert_true(candle_difference(decimal_of("1.5"), decimal_of("1.75"), &difference));
    assert_decimal(difference, "-0.25");
    assert_true(candle_difference(decimal_of("2.00"), decimal_of("2"), &difference));
    assert_decimal(difference, "0.00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_keep_the_text_of_their_trades),
        cmocka_unit_test(negative_prices_are_ordered),
        cmocka_unit_test(volume_is_the_exact_sum),
        cmocka_unit_test(volume_of_too_many_digits_is_unknown),
        cmocka_unit_test(candles_merge_in_the_order_of_time),
        cmocka_unit_test(middle_is_exact),
        cmocka_unit_test(middle_that_is_no_decimal_is_refused),
        cmocka_unit_test(difference_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
