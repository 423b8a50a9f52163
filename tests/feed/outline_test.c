/* Where a recording begins and ends, and how its events are spread, whatever its size and format.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>

#include "feed/file_producer.h"
#include "feed/outline.h"
#include "feed/producer.h"
#include "tests/support/temp_file.h"

#define S_NS INT64_C(1000000000)
#define T0   (INT64_C(1700000000) * S_NS)

static const _Atomic bool never;
static const struct when unset;

/* `count` trades that begin at T0 + from_s, `step_ms` apart. */
static struct temp_file recording(double from_s, int count, int64_t step_ms)
{
    struct temp_file file = temp_file_make("", 0);
    FILE *out = fdopen(dup(file.fd), "w");
    assert_non_null(out);
    fputs("{\"pricecast\":1}\n", out);
    for (int i = 0; i < count; i++)
        fprintf(out,
                "{\"kind\":\"trade\",\"symbol\":\"A\",\"source\":\"x\",\"seq\":%d,\"recv\":%lld,"
                "\"price\":\"1.5\"}\n",
                i + 1,
                (long long)((T0 + (int64_t)(from_s * 1e9)) / 1000 + i * step_ms * INT64_C(1000)));
    fclose(out);
    return file;
}

static struct producer *open_producer(const struct temp_file *file)
{
    char error[200];
    struct producer *producer;
    const struct file_options options = {.path = file->path};
    assert_int_equal(file_producer_create(&options, &producer, error, sizeof error), 0);
    return producer;
}

static int outline_of(struct temp_file file, uint64_t read_bytes_max, const _Atomic bool *abandon,
                      struct outline *out)
{
    struct producer *producer = open_producer(&file);
    const int rc = outline_read(producer, read_bytes_max, abandon, out);
    producer->ops->destroy(producer);
    temp_file_drop(&file);
    return rc;
}

static double sum(const struct outline *outline, int from, int to)
{
    double total = 0;
    for (int i = from; i < to; i++)
        total += outline->events[i];
    return total;
}

static void a_file_that_is_read_whole_is_told_exactly(void **state)
{
    (void)state;
    struct outline outline;
    assert_int_equal(outline_of(recording(0, 24001, 100), OUTLINE_READ_BYTES, &never, &outline), 0);
    assert_true(outline.is_exact);
    assert_int_equal(outline.from_ns, T0);
    assert_int_equal(outline.to_ns, T0 + 2400 * S_NS);
    assert_true(fabs(sum(&outline, 0, OUTLINE_PARTS) - 24001) < 1e-3);
    for (int i = 0; i < OUTLINE_PARTS; i++)
        assert_true(fabs(outline.events[i] - 100) < 15);
}

static void a_single_event_is_an_outline_of_no_length(void **state)
{
    (void)state;
    struct outline outline;
    assert_int_equal(outline_of(recording(0, 1, 1), OUTLINE_READ_BYTES, &never, &outline), 0);
    assert_int_equal(outline.from_ns, outline.to_ns);
    assert_true(fabs(sum(&outline, 0, OUTLINE_PARTS) - 1) < 1e-9);
}

static void a_larger_file_is_sampled(void **state)
{
    (void)state;
    struct outline outline;
    assert_int_equal(outline_of(recording(0, 24001, 100), 1000, &never, &outline), 0);
    assert_false(outline.is_exact);
    assert_in_range(outline.from_ns - T0, 0, S_NS);
    assert_in_range(T0 + 2400 * S_NS - outline.to_ns, 0, 10 * S_NS);
    const double all = sum(&outline, 0, OUTLINE_PARTS);
    assert_true(fabs(sum(&outline, 0, OUTLINE_PARTS / 2) / all - 0.5) < 0.02);
}

static void what_is_no_longer_wanted_is_not_read(void **state)
{
    (void)state;
    static const _Atomic bool abandon = true;
    struct outline outline;
    assert_int_equal(outline_of(recording(0, 100, 100), OUTLINE_READ_BYTES, &abandon, &outline),
                     -ECANCELED);
}

static void two_outlines_make_one(void **state)
{
    (void)state;
    struct outline first, second;
    outline_of(recording(0, 1001, 100), OUTLINE_READ_BYTES, &never, &first);
    outline_of(recording(100, 2001, 100), OUTLINE_READ_BYTES, &never, &second);
    outline_merge(&first, &second);
    assert_int_equal(first.from_ns, T0);
    assert_int_equal(first.to_ns, T0 + 300 * S_NS);
    assert_true(fabs(sum(&first, 0, OUTLINE_PARTS) - 3002) < 1e-3);
    assert_true(fabs(sum(&first, 0, OUTLINE_PARTS / 3) - 1001) < 20);
}

static void what_is_outside_a_range_does_not_count(void **state)
{
    (void)state;
    struct outline outline, copy;
    outline_of(recording(0, 2401, 100), OUTLINE_READ_BYTES, &never, &outline);
    copy = outline;
    assert_true(outline_clip(&copy, T0 + 60 * S_NS, T0 + 120 * S_NS));
    assert_int_equal(copy.from_ns, T0 + 60 * S_NS);
    assert_int_equal(copy.to_ns, T0 + 120 * S_NS);
    assert_true(fabs(sum(&copy, 0, OUTLINE_PARTS) - 600) < 20);
    copy = outline;
    assert_true(outline_clip(&copy, INT64_MIN, INT64_MAX));
    assert_memory_equal(&copy, &outline, sizeof copy);
    assert_false(outline_clip(&copy, T0 + 900 * S_NS, INT64_MAX));
}

static struct outline wait_for(struct outlines *outlines)
{
    struct outline outline;
    while (!outlines_get(outlines, &outline))
        sched_yield();
    return outline;
}

static void a_thread_finds_out_and_offsets_and_ranges_count(void **state)
{
    (void)state;
    struct temp_file file = recording(0, 1001, 100);
    const struct when from = {.kind = WHEN_AFTER_START, .ns = 10 * S_NS};
    struct outlines *outlines = outlines_create(&from, &unset);
    struct outline outline;
    assert_int_equal(outlines_add(outlines, open_producer(&file), 5 * S_NS), 0);
    assert_false(outlines_get(outlines, &outline));
    assert_int_equal(outlines_start(outlines), 0);
    outline = wait_for(outlines);
    assert_int_equal(outline.from_ns, T0 + 15 * S_NS);
    assert_int_equal(outline.to_ns, T0 + 105 * S_NS);
    outlines_destroy(outlines);
    temp_file_drop(&file);
}

static void it_can_be_ended_before_it_began_and_while_it_reads(void **state)
{
    (void)state;
    struct temp_file file = recording(0, 20000, 100);
    for (int started = 0; started < 2; started++) {
        struct outlines *outlines = outlines_create(&unset, &unset);
        outlines_add(outlines, open_producer(&file), 0);
        outlines_add(outlines, NULL, 0);
        if (started)
            outlines_start(outlines);
        outlines_destroy(outlines);
    }
    outlines_destroy(NULL);
    temp_file_drop(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_read_whole_is_told_exactly),
        cmocka_unit_test(a_single_event_is_an_outline_of_no_length),
        cmocka_unit_test(a_larger_file_is_sampled),
        cmocka_unit_test(what_is_no_longer_wanted_is_not_read),
        cmocka_unit_test(two_outlines_make_one),
        cmocka_unit_test(what_is_outside_a_range_does_not_count),
        cmocka_unit_test(a_thread_finds_out_and_offsets_and_ranges_count),
        cmocka_unit_test(it_can_be_ended_before_it_began_and_while_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
