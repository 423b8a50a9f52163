/* When recorded events are due, on a clock that the test moves. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "feed/pacer.h"
#include "tests/support/random.h"

#define S INT64_C(1000000000)
/* An instant of recording and one of now; nothing may depend on them. */
#define REC (1700000000 * S)
#define NOW (5000 * S)

static struct pacer pacer_at(double speed, int64_t max_gap_ns)
{
    struct pacer pacer;
    pacer_init(&pacer, speed, max_gap_ns);
    assert_true(pacer_due_ns(&pacer, REC, NOW) == (speed == 0 ? PACER_AT_ONCE : NOW));
    return pacer;
}

#define assert_due(pacer, event_ns, now_ns, due_ns)                                                \
    assert_int_equal(pacer_due_ns((pacer), (event_ns), (now_ns)) - NOW, (due_ns)-NOW)

static void the_first_event_is_due_at_once_and_others_as_far_behind_as_recorded(void **state)
{
    (void)state;
    struct pacer pacer = pacer_at(1, 0);
    assert_due(&pacer, REC + 3 * S, NOW, NOW + 3 * S);
    assert_due(&pacer, REC + 3 * S + 1, NOW + 4 * S, NOW + 3 * S + 1); /* late, and told so */
}

static void asking_again_changes_nothing(void **state)
{
    (void)state;
    struct pacer pacer = pacer_at(1, S);
    for (int i = 0; i < 10; i++)
        assert_due(&pacer, REC + 60 * S, NOW + i, NOW + S);
}

static void speed_divides_recorded_time(void **state)
{
    (void)state;
    struct pacer fast = pacer_at(10, 0), slow = pacer_at(0.5, 0);
    assert_due(&fast, REC + 30 * S, NOW, NOW + 3 * S);
    assert_due(&slow, REC + 30 * S, NOW, NOW + 60 * S);
}

static void at_speed_max_everything_is_due_at_once(void **state)
{
    (void)state;
    struct pacer pacer = pacer_at(0, 0);
    assert_true(pacer_due_ns(&pacer, REC + 1000 * S, NOW) == PACER_AT_ONCE);
}

/* A day in small steps ends where one big step does. */
static void rounding_does_not_add_up(void **state)
{
    (void)state;
    struct pacer pacer = pacer_at(3, 0);
    int64_t due = 0, event = REC;
    for (int i = 0; i < 864000; i++)
        due = pacer_due_ns(&pacer, event += S / 10, NOW);
    assert_in_range(due - NOW, 28800 * S - 1000, 28800 * S + 1000);
}

static void an_event_that_goes_back_in_time_is_due_before_the_one_it_follows(void **state)
{
    (void)state;
    struct pacer pacer = pacer_at(1, 0);
    assert_due(&pacer, REC + 5 * S, NOW, NOW + 5 * S);
    assert_due(&pacer, REC + 4 * S, NOW + 5 * S, NOW + 4 * S);
    assert_due(&pacer, REC + 6 * S, NOW + 5 * S, NOW + 6 * S);
}

static void longer_silences_are_cut_to_the_gap(void **state)
{
    (void)state;
    struct pacer pacer = pacer_at(1, 2 * S);
    assert_due(&pacer, REC + 2 * S, NOW, NOW + 2 * S); /* as long as allowed */
    assert_due(&pacer, REC + 100 * S, NOW, NOW + 4 * S);
    assert_due(&pacer, REC + 101 * S, NOW, NOW + 5 * S);
    assert_due(&pacer, REC + 200 * S, NOW, NOW + 7 * S);
    pacer_restart(&pacer);
    assert_due(&pacer, REC, NOW + 10 * S, NOW + 10 * S);
    assert_due(&pacer, REC + S, NOW + 10 * S, NOW + 11 * S);
}

/* The gap is one of the recording: at double speed it passes in half the time. */
static void the_gap_is_recorded_time(void **state)
{
    (void)state;
    struct pacer pacer = pacer_at(2, 10 * S);
    assert_due(&pacer, REC + 100 * S, NOW, NOW + 5 * S);
}

static void a_stop_moves_all_that_follows(void **state)
{
    (void)state;
    struct pacer pacer = pacer_at(1, 0);
    pacer_stop(&pacer, NOW + S);
    pacer_stop(&pacer, NOW + 2 * S); /* stopped already */
    pacer_continue(&pacer, NOW + 11 * S);
    pacer_continue(&pacer, NOW + 12 * S);
    assert_due(&pacer, REC + 3 * S, NOW + 12 * S, NOW + 13 * S);
}

static void a_change_of_speed_does_not_jump(void **state)
{
    (void)state;
    struct pacer pacer = pacer_at(1, 0);
    pacer_set_speed(&pacer, 2, NOW + 10 * S);
    assert_due(&pacer, REC + 10 * S, NOW + 10 * S, NOW + 10 * S); /* what is due now stays so */
    assert_due(&pacer, REC + 20 * S, NOW + 10 * S, NOW + 15 * S);
    pacer_set_speed(&pacer, 0.5, NOW + 12 * S);
    assert_due(&pacer, REC + 14 * S, NOW + 12 * S, NOW + 12 * S);
    assert_due(&pacer, REC + 15 * S, NOW + 12 * S, NOW + 14 * S);
}

static void speed_may_change_while_stopped(void **state)
{
    (void)state;
    struct pacer pacer = pacer_at(1, 0);
    pacer_stop(&pacer, NOW + 10 * S);
    pacer_set_speed(&pacer, 10, NOW + 50 * S);
    pacer_continue(&pacer, NOW + 100 * S);
    assert_due(&pacer, REC + 10 * S, NOW + 100 * S, NOW + 100 * S);
    assert_due(&pacer, REC + 20 * S, NOW + 100 * S, NOW + 101 * S);
}

static void from_max_it_goes_on_from_the_last_event(void **state)
{
    (void)state;
    struct pacer pacer = pacer_at(0, 0);
    pacer_due_ns(&pacer, REC + 500 * S, NOW);
    pacer_set_speed(&pacer, 1, NOW + S);
    assert_due(&pacer, REC + 500 * S, NOW + S, NOW + S);
    assert_due(&pacer, REC + 502 * S, NOW + S, NOW + 3 * S);
    pacer_set_speed(&pacer, 0, NOW + 2 * S);
    assert_true(pacer_due_ns(&pacer, REC + 900 * S, NOW + 2 * S) == PACER_AT_ONCE);
}

static void before_the_first_event_nothing_has_begun(void **state)
{
    struct pacer pacer;
    (void)state;
    pacer_init(&pacer, 1, 0);
    pacer_stop(&pacer, NOW);
    pacer_set_speed(&pacer, 4, NOW + S);
    pacer_continue(&pacer, NOW + 5 * S);
    assert_due(&pacer, REC, NOW + 9 * S, NOW + 9 * S);
    assert_due(&pacer, REC + 4 * S, NOW + 9 * S, NOW + 10 * S);
}

/* Whatever is done to it, time is never lost or won: at any moment the recorded instant that is due
 * is the sum of what ran at each speed. */
static void recorded_time_is_what_ran_at_each_speed(void **state)
{
    struct random random = {random_seed_of(3)};
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct pacer pacer = pacer_at(1, 0);
        double recorded = 0, speed = 1;
        int64_t now = NOW;
        bool stopped = false;
        for (int step = 0; step < 50; step++) {
            const int64_t passed = (int64_t)random_below(&random, 1000000000);
            now += passed;
            recorded += stopped ? 0 : (double)passed * speed;
            const unsigned dice = random_below(&random, 4);
            if (dice == 0) {
                speed = 0.25 * (1 + random_below(&random, 40));
                pacer_set_speed(&pacer, speed, now);
            } else if (dice == 1) {
                stopped = true;
                pacer_stop(&pacer, now);
            } else if (dice == 2) {
                stopped = false;
                pacer_continue(&pacer, now);
            } else if (!stopped) {
                const int64_t due = pacer_due_ns(&pacer, REC + (int64_t)recorded, now);
                assert_in_range(due - now + 1000, 0, 2000);
            }
        }
    }
}

static void the_clock_shows_what_is_due_between_events_too(void **state)
{
    (void)state;
    struct pacer pacer;
    pacer_init(&pacer, 2, 4 * S);
    assert_int_equal(pacer_clock_ns(&pacer, NOW, 7), 7);
    pacer_due_ns(&pacer, REC, NOW);
    assert_int_equal(pacer_clock_ns(&pacer, NOW + 3 * S, 0) - REC, 6 * S);
    pacer_stop(&pacer, NOW + 3 * S);
    assert_int_equal(pacer_clock_ns(&pacer, NOW + 9 * S, 0) - REC, 6 * S);
    pacer_continue(&pacer, NOW + 9 * S);
    pacer_due_ns(&pacer, REC + 60 * S, NOW + 9 * S); /* of these, 56 s are cut out */
    assert_int_equal(pacer_clock_ns(&pacer, NOW + 9 * S, 0) - REC, 62 * S);
    pacer_set_speed(&pacer, 0, NOW + 9 * S);
    assert_int_equal(pacer_clock_ns(&pacer, NOW + 9 * S, 7), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_event_is_due_at_once_and_others_as_far_behind_as_recorded),
        cmocka_unit_test(asking_again_changes_nothing),
        cmocka_unit_test(the_clock_shows_what_is_due_between_events_too),
        cmocka_unit_test(speed_divides_recorded_time),
        cmocka_unit_test(at_speed_max_everything_is_due_at_once),
        cmocka_unit_test(rounding_does_not_add_up),
        cmocka_unit_test(an_event_that_goes_back_in_time_is_due_before_the_one_it_follows),
        cmocka_unit_test(longer_silences_are_cut_to_the_gap),
        cmocka_unit_test(the_gap_is_recorded_time),
        cmocka_unit_test(a_stop_moves_all_that_follows),
        cmocka_unit_test(a_change_of_speed_does_not_jump),
        cmocka_unit_test(speed_may_change_while_stopped),
        cmocka_unit_test(from_max_it_goes_on_from_the_last_event),
        cmocka_unit_test(before_the_first_event_nothing_has_begun),
        cmocka_unit_test(recorded_time_is_what_ran_at_each_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
