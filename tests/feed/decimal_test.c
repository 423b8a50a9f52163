/* Every text that is taken comes back as it was; every other is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "feed/decimal.h"

static struct decimal parse(const char *text)
{
    struct decimal value;
    assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
    return value;
}

static void expect_round_trip(const char *text)
{
    char out[DECIMAL_TEXT_MAX];
    const size_t len = decimal_format(parse(text), out);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(out, text, len);
}

static uint64_t random_next(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

/* Values of every magnitude, 19 and 20 digits among them, the point anywhere. */
static void random_texts_come_back_as_they_were(void **state)
{
    uint64_t random = 88172645463325252;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char digits[32], text[128];
        const uint64_t mantissa = random_next(&random) >> random_next(&random) % 64;
        const int places = (int)(random_next(&random) % (DECIMAL_DIGITS_MAX + 1));
        const int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)mantissa);
        const int whole = len > places ? len - places : 0;
        snprintf(text, sizeof text, "%s%.*s%s%.*s%s", random % 2 ? "-" : "", whole > 0 ? whole : 1,
                 whole > 0 ? digits : "0", places > 0 ? "." : "", places > len ? places - len : 0,
                 "000000000000000000000000000000", places > 0 ? digits + whole : "");
        expect_round_trip(text);
        const struct decimal value = parse(text);
        assert_true(value.mantissa == mantissa);
        assert_int_equal(decimal_digits(value), places);
    }
}

static void zeros_and_signs_are_kept(void **state)
{
    static const char *const texts[] = {"0",       "-0",    "0.0",  "-0.00", "0.000027850",
                                        "1300.34", "100.0", "1000", "-1",    "61837.63000000"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_round_trip(texts[i]);
}

/* ---- both sides of each limit ---- */

static void the_mantissa_is_below_2_to_the_64(void **state)
{
    static const char *const too_big[] = {"18446744073709551616",  "1844674407370955161.6",
                                          "-18446744073709551616", "99999999999999999999",
                                          "184467440737095516150", "1.8446744073709551616"};
    struct decimal value = {7, 3};
    (void)state;
    expect_round_trip("9999999999999999999");
    expect_round_trip("18446744073709551615");
    expect_round_trip("-1844674407370955161.5");
    for (size_t i = 0; i < sizeof too_big / sizeof *too_big; i++)
        assert_int_equal(decimal_parse(too_big[i], strlen(too_big[i]), &value), -ERANGE);
    assert_int_equal(value.mantissa, 7); /* unchanged on failure */
    assert_int_equal(value.form, 3);
}

static void thirty_digits_after_the_point_pass_and_31_do_not(void **state)
{
    struct decimal value;
    (void)state;
    expect_round_trip("0.000000000000000000000000000001");
    expect_round_trip("-0.000000000018446744073709551615"); /* the longest but for its zeros */
    assert_int_equal(decimal_parse("0.0000000000000000000000000000001", 33, &value), -ERANGE);
}

static void what_could_not_be_given_back_is_refused(void **state)
{
    static const char *const bad[] = {
        "",    "-",   ".",    "1.",   ".5",  "-.5",      "+1",     "01",    "-01",      "00",
        "1e5", "1E5", "NaN",  "nan",  "inf", "-inf",     " 1",     "1 ",    "1,5",      "1.2.3",
        "--1", "1-",  "1.-5", "0x10", "1_0", "\xd9\xa1", "1.5e-8", "1e400", "Infinity",
    };
    struct decimal value;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(decimal_parse(bad[i], strlen(bad[i]), &value), -EINVAL);
    assert_int_equal(decimal_parse("1\0", 2, &value), -EINVAL);
    assert_int_equal(decimal_parse("1\0002", 3, &value), -EINVAL);
    assert_int_equal(decimal_parse("1.\0", 3, &value), -EINVAL);
    assert_int_equal(decimal_parse("\0", 1, &value), -EINVAL);
}

/* ---- order ---- */

static void order_is_by_value_whatever_the_form(void **state)
{
    static const char *const ascending[] = {"-18446744073709551615",
                                            "-2",
                                            "-1.5",
                                            "-1.49",
                                            "-0.000000000000000000000000000001",
                                            "0",
                                            "0.000000000000000000000000000001",
                                            "0.01",
                                            "0.1",
                                            "1",
                                            "1.000000000000000001",
                                            "9.99",
                                            "10",
                                            "1844674407370955161.5",
                                            "18446744073709551615"};
    enum { COUNT = sizeof ascending / sizeof *ascending };
    (void)state;
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++) {
            const int order = decimal_compare(parse(ascending[i]), parse(ascending[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

static void equal_values_of_different_form_are_equal(void **state)
{
    static const char *const pairs[][2] = {{"1", "1.000"},
                                           {"0", "-0.00"},
                                           {"-5.10", "-5.1"},
                                           {"0", "0.000000000000000000000000000000"},
                                           {"100", "100.00000000000000000"}};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(decimal_compare(parse(pairs[i][0]), parse(pairs[i][1])), 0);
        assert_int_equal(decimal_compare(parse(pairs[i][1]), parse(pairs[i][0])), 0);
    }
}

/* ---- scaled ---- */

static void a_scale_moves_the_point_of_an_integer(void **state)
{
    static const struct {
        const char *text, *want;
        unsigned scale;
    } cases[] = {{"1821000", "182.1000", 4},
                 {"-5", "-0.05", 2},
                 {"0", "0.0000", 4},
                 {"7", "7", 0},
                 {"1", "0.000000000000000000000000000001", 30}};
    char out[DECIMAL_TEXT_MAX];
    struct decimal value;
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(
            decimal_parse_scaled(cases[i].text, strlen(cases[i].text), cases[i].scale, &value), 0);
        assert_int_equal(decimal_format(value, out), strlen(cases[i].want));
        assert_memory_equal(out, cases[i].want, strlen(cases[i].want));
    }
}

static void a_scale_is_refused_for_what_has_a_point_and_above_30(void **state)
{
    struct decimal value;
    (void)state;
    assert_int_equal(decimal_parse_scaled("1.5", 3, 2, &value), -EINVAL);
    assert_int_equal(decimal_parse_scaled("1.0", 3, 0, &value), -EINVAL);
    assert_int_equal(decimal_parse_scaled("x", 1, 2, &value), -EINVAL);
    assert_int_equal(decimal_parse_scaled("1", 1, 31, &value), -ERANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_texts_come_back_as_they_were),
        cmocka_unit_test(zeros_and_signs_are_kept),
        cmocka_unit_test(the_mantissa_is_below_2_to_the_64),
        cmocka_unit_test(thirty_digits_after_the_point_pass_and_31_do_not),
        cmocka_unit_test(what_could_not_be_given_back_is_refused),
        cmocka_unit_test(order_is_by_value_whatever_the_form),
        cmocka_unit_test(equal_values_of_different_form_are_equal),
        cmocka_unit_test(a_scale_moves_the_point_of_an_integer),
        cmocka_unit_test(a_scale_is_refused_for_what_has_a_point_and_above_30),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
