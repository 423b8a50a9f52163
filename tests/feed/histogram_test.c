/* Percentiles are at most one bucket, a thirty-second, too high and never too low. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "feed/histogram.h"
#include "tests/support/random.h"

enum { VALUES = 3000 };

static int by_value(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static int setup(void **state)
{
    *state = calloc(2, sizeof(struct histogram));
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void expect_close(uint64_t got, uint64_t exact)
{
    if (got < exact || got - exact > exact / HISTOGRAM_STEPS)
        fail_msg("%llu for %llu", (unsigned long long)got, (unsigned long long)exact);
}

static void an_empty_one_says_zero(void **state)
{
    const struct histogram *histogram = *state;
    assert_int_equal(histogram_percentile(histogram, 0), 0);
    assert_int_equal(histogram_percentile(histogram, 0.5), 0);
    assert_int_equal(histogram_percentile(histogram, 1), 0);
}

static void small_values_are_exact(void **state)
{
    struct histogram *histogram = *state;
    for (uint64_t i = 0; i < 32; i++)
        histogram_record(histogram, i);
    assert_int_equal(histogram_percentile(histogram, 0), 0);
    assert_int_equal(histogram_percentile(histogram, 0.5), 15);
    assert_int_equal(histogram_percentile(histogram, 31.0 / 32), 30);
    assert_int_equal(histogram_percentile(histogram, 1), 31);
    assert_int_equal(histogram->count, 32);
    assert_int_equal(histogram->max, 31);
}

static void values_up_to_a_limit_are_counted(void **state)
{
    struct histogram *histogram = *state;
    uint64_t sum = 0;
    for (uint64_t i = 1; i <= 1000; i++) {
        histogram_record(histogram, i * 1000);
        sum += i * 1000;
    }
    assert_int_equal(histogram->sum, sum);
    assert_int_equal(histogram_count_to(histogram, 0), 0);
    assert_in_range(histogram_count_to(histogram, 500000), 500 - 16, 500);
    assert_int_equal(histogram_count_to(histogram, UINT64_MAX), 1000);
    histogram_record(histogram, UINT64_MAX);
    assert_int_equal(histogram_count_to(histogram, UINT64_MAX), 1001);
}

static void a_single_value_is_every_percentile_of_itself(void **state)
{
    struct histogram *histogram = *state;
    histogram_record(histogram, 1000003);
    for (int i = 0; i <= 10; i++)
        assert_int_equal(histogram_percentile(histogram, i / 10.0), 1000003);
}

static void all_of_64_bits_fits(void **state)
{
    struct histogram *histogram = *state;
    for (int i = 0; i < 64; i++) {
        const uint64_t power = UINT64_C(1) << i;
        histogram_record(histogram, power - 1);
        histogram_record(histogram, power);
    }
    histogram_record(histogram, UINT64_MAX);
    assert_true(histogram_percentile(histogram, 1) == UINT64_MAX);
    assert_true(histogram->max == UINT64_MAX);
    assert_int_equal(histogram->count, 129);
    expect_close(histogram_percentile(histogram, 0.5), (UINT64_C(1) << 32) - 1);
}

static void percentiles_are_within_a_bucket_of_the_exact_ones(void **state)
{
    struct random random = {random_seed_of(6)};
    struct histogram *histogram = *state;
    uint64_t *values = malloc(VALUES * sizeof *values);
    for (int round = 0; round < 30; round++) {
        *histogram = (struct histogram){0};
        for (int i = 0; i < VALUES; i++) {
            values[i] = random_u64(&random) >> random_below(&random, 64);
            histogram_record(histogram, values[i]);
        }
        qsort(values, VALUES, sizeof *values, by_value);
        for (int i = 1; i <= 100; i++) {
            const size_t rank = (size_t)ceil(i / 100.0 * VALUES);
            expect_close(histogram_percentile(histogram, i / 100.0), values[rank - 1]);
        }
        assert_true(histogram_percentile(histogram, 1) == values[VALUES - 1]); /* exact */
        assert_true(histogram->max == values[VALUES - 1]);
    }
    free(values);
}

static void many_at_once_are_as_many_one_by_one(void **state)
{
    struct histogram *one = *state, *many = one + 1;
    for (uint64_t value = 1; value < 100000; value *= 3) {
        for (int i = 0; i < 7; i++)
            histogram_record(one, value);
        histogram_record_many(many, value, 7);
    }
    assert_memory_equal(one, many, sizeof *one);
}

static void merging_is_recording_both(void **state)
{
    struct random random = {random_seed_of(7)};
    struct histogram *both = *state, *part = both + 1, *merged = calloc(1, sizeof *merged);
    for (int half = 0; half < 2; half++) {
        *part = (struct histogram){0};
        for (int i = 0; i < VALUES; i++) {
            const uint64_t value = random_u64(&random) >> random_below(&random, 64);
            histogram_record(both, value);
            histogram_record(part, value);
        }
        histogram_merge(merged, part);
    }
    assert_memory_equal(merged, both, sizeof *merged);
    free(merged);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_one_says_zero),
        TEST(small_values_are_exact),
        TEST(values_up_to_a_limit_are_counted),
        TEST(a_single_value_is_every_percentile_of_itself),
        TEST(all_of_64_bits_fits),
        TEST(percentiles_are_within_a_bucket_of_the_exact_ones),
        TEST(many_at_once_are_as_many_one_by_one),
        TEST(merging_is_recording_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
