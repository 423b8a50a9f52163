/* The load generator says when it measured itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tools/load_report.h"

static const struct swarm_counts counts;

static struct load_report measured(double asked_s, double seconds, double own_cpu_s)
{
    return (struct load_report){
        .counts = &counts,
        .clients = 1,
        .seconds = seconds,
        .asked_seconds = asked_s,
        .own_cpu_ns = (int64_t)(own_cpu_s * 1e9),
    };
}

static void a_run_in_good_time_needs_no_caution(void **state)
{
    (void)state;
    const struct load_report idle = measured(10, 10.1, 0.2), busy = measured(10, 10.1, 8);
    assert_null(load_report_caution(&idle));
    assert_null(load_report_caution(&busy));
    const struct load_report brief = measured(0.2, 0.6, 0.1); /* a few turns late is no lateness */
    assert_null(load_report_caution(&brief));
}

static void a_load_that_fills_its_core_is_told(void **state)
{
    (void)state;
    const struct load_report full = measured(10, 10.1, 9.6);
    assert_non_null(load_report_caution(&full));
    assert_non_null(strstr(load_report_caution(&full), "busy 95 %"));
}

static void a_load_that_got_no_time_is_told(void **state)
{
    (void)state;
    const struct load_report starved = measured(8, 25.9, 4);
    assert_string_equal(load_report_caution(&starved),
                        "8.0 s became 25.9 s: the machine was too busy for this program");
}

static void a_run_without_a_set_time_is_never_late(void **state)
{
    (void)state;
    const struct load_report whole = measured(0, 100, 1);
    assert_null(load_report_caution(&whole));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_in_good_time_needs_no_caution),
        cmocka_unit_test(a_load_that_fills_its_core_is_told),
        cmocka_unit_test(a_load_that_got_no_time_is_told),
        cmocka_unit_test(a_run_without_a_set_time_is_never_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
