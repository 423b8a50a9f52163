/* The more connections, the longer a new one is left in silence; never longer than the limit, and
 * all together cost little. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/heartbeat.h"

static void few_hear_it_as_often_as_asked_for(void **state)
{
    (void)state;
    assert_int_equal(heartbeat_interval_ms(5000, 250, 0), 5000);
    assert_int_equal(heartbeat_interval_ms(5000, 250, 1), 5000);
    assert_int_equal(heartbeat_interval_ms(5000, 250, 250), 5000);
}

static void each_further_step_waits_once_more(void **state)
{
    (void)state;
    assert_int_equal(heartbeat_interval_ms(5000, 250, 251), 10000);
    assert_int_equal(heartbeat_interval_ms(5000, 250, 500), 10000);
    assert_int_equal(heartbeat_interval_ms(5000, 250, 501), 15000);
    assert_int_equal(heartbeat_interval_ms(5000, 1, 3), 15000);
}

static void none_waits_longer_than_the_limit(void **state)
{
    (void)state;
    assert_int_equal(heartbeat_interval_ms(5000, 250, 2000), 40000);
    assert_int_equal(heartbeat_interval_ms(5000, 250, 2001), 40000);
    assert_int_equal(heartbeat_interval_ms(5000, 1, UINT32_MAX), 40000);
    assert_int_equal(heartbeat_interval_ms(50, 1, UINT32_MAX), 40000);
    assert_int_equal(heartbeat_interval_ms(30000, 1, 1000), 30000); /* twice would be too long */
}

static void what_is_asked_for_may_be_longer_than_the_limit(void **state)
{
    (void)state;
    assert_int_equal(heartbeat_interval_ms(40000, 250, 100000), 40000);
    assert_int_equal(heartbeat_interval_ms(3600000, 1, 1), 3600000);
    assert_int_equal(heartbeat_interval_ms(3600000, 1, 100000), 3600000);
}

/* 0.5 µs a second for each are 5 % of a heartbeat that costs 10 µs. */
static void many_idle_connections_hear_few_heartbeats(void **state)
{
    (void)state;
    double a_second = 0;
    for (unsigned i = 1; i <= 19000; i++)
        a_second += 1000.0 / heartbeat_interval_ms(5000, HEARTBEAT_CLIENTS_DEFAULT, i);
    assert_true(a_second / 19000 < 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_hear_it_as_often_as_asked_for),
        cmocka_unit_test(each_further_step_waits_once_more),
        cmocka_unit_test(none_waits_longer_than_the_limit),
        cmocka_unit_test(what_is_asked_for_may_be_longer_than_the_limit),
        cmocka_unit_test(many_idle_connections_hear_few_heartbeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
