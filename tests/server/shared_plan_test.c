/* Who shares with whom, and which streams their audiences have. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/audience.h"
#include "server/shared_plan.h"
#include "tests/support/fanout_fixture.h"

static const struct delivery latest = {.mode = DELIVER_LATEST};
static const struct delivery every = {.mode = DELIVER_EVERY};

/* Of one or two topics, in this order. */
static struct shared_plan *get(struct fixture *f, const char *first, struct delivery one,
                               const char *second, struct delivery two)
{
    struct topics topics = {0};
    struct plan plan;
    assert_int_equal(topics_set(&topics, &first, 1, KIND_BITS_ALL, one), 0);
    if (second != NULL)
        assert_int_equal(topics_set(&topics, &second, 1, KIND_BITS_ALL, two), 0);
    assert_int_equal(plan_init(&plan, &topics), 0);
    struct shared_plan *shared = shared_plan_get(f->fanout, &plan);
    assert_non_null(shared);
    return shared;
}

static struct shared_plan *get_one(struct fixture *f, const char *symbol, struct delivery delivery)
{
    return get(f, symbol, delivery, NULL, delivery);
}

static struct audience *audience_of(const struct shared_plan *shared, struct delivery delivery)
{
    return shared_plan_audience(shared, plan_delivery_group(shared_plan_plan(shared), delivery));
}

static void count_audience(struct audience *audience, void *ctx)
{
    assert_non_null(audience);
    ++*(unsigned *)ctx;
}

static unsigned count_audiences(struct fixture *f)
{
    unsigned count = 0;
    shared_plans_visit(*fanout_plans(f->fanout), count_audience, &count);
    return count;
}

static void equal_plans_are_one(void **state)
{
    struct fixture *f = *state;
    struct shared_plan *one = get(f, "A", latest, "B", every);
    struct shared_plan *two = get(f, "B", every, "A", latest); /* names have no order */
    assert_ptr_equal(one, two);
    assert_int_equal(count_audiences(f), 2);
    shared_plan_unref(one);
    assert_int_equal(count_audiences(f), 2);
    shared_plan_unref(two);
    assert_int_equal(count_audiences(f), 0);
    shared_plan_unref(NULL);
}

static void whatever_differs_sets_them_apart(void **state)
{
    static const struct delivery others[] = {
        {.mode = DELIVER_EVERY}, {.period_ms = 100}, {.encoding = ENCODING_BINARY},
        {.ohlc = true},          {.clocks = true},   {.mode = DELIVER_EVERY, .age_max_ms = 1000},
    };
    enum { OTHERS = sizeof others / sizeof *others };
    struct fixture *f = *state;
    struct shared_plan *plans[OTHERS + 3] = {get_one(f, "A", latest), get_one(f, "AB", latest),
                                             get(f, "A", latest, "B", latest)};
    for (size_t i = 0; i < OTHERS; i++)
        plans[3 + i] = get_one(f, "A", others[i]);
    for (size_t i = 0; i < OTHERS + 3; i++)
        for (size_t k = 0; k < i; k++)
            assert_ptr_not_equal(plans[i], plans[k]);
    for (size_t i = 0; i < OTHERS + 3; i++)
        shared_plan_unref(plans[i]);
    assert_int_equal(count_audiences(f), 0);
}

static void audiences_have_the_streams_their_topics_want(void **state)
{
    struct fixture *f = *state;
    turn(f, "ABBC");
    struct shared_plan *shared = get(f, "B", every, "*", latest);
    const struct audience *named = audience_of(shared, every), *rest = audience_of(shared, latest);
    assert_ptr_not_equal(named, rest);
    assert_int_equal(named->count, 1);
    assert_int_equal(named->lanes[0].sent, 2); /* what there is goes into a snapshot */
    assert_int_equal(rest->count, 2);
    turn(f, "DDA"); /* one that comes later has been sent to nobody */
    assert_int_equal(named->count, 1);
    assert_int_equal(rest->count, 3);
    shared_plan_unref(shared);
}

static void without_a_pattern_others_are_not_looked_at(void **state)
{
    struct fixture *f = *state;
    turn(f, "AB");
    struct shared_plan *shared = get(f, "B", latest, "Z", latest);
    const struct audience *audience = audience_of(shared, latest);
    assert_int_equal(audience->count, 1);
    turn(f, "AYZ");
    assert_int_equal(audience->count, 2);
    shared_plan_unref(shared);
    turn(f, "BZ"); /* and nobody is left to be told */
}

/* A turn may be under way, or a tick be waited for, when the last one goes. */
static void nothing_waits_for_a_plan_that_is_gone(void **state)
{
    struct fixture *f = *state;
    const struct delivery at_a_rate = {.period_ms = 10};
    struct shared_plan *rated = get_one(f, "A", at_a_rate), *other = get_one(f, "B", at_a_rate);
    assert_int_equal(fanout_patience_ms(f->fanout), 5);
    turn(f, "AB");
    assert_true(fanout_next_tick_ms(f->fanout) != FANOUT_NO_TICK);
    shared_plan_unref(rated); /* while it waits for a tick */
    fanout_tick(f->fanout, 1000);
    assert_true(fanout_next_tick_ms(f->fanout) == FANOUT_NO_TICK);
    publish(f, "B");
    shared_plan_unref(other); /* in the middle of a turn */
    struct shared_plan *prompt = get_one(f, "B", latest);
    assert_int_equal(fanout_patience_ms(f->fanout), 0);
    publish(f, "B");
    shared_plan_unref(prompt);
    flush(f);
    fanout_tick(f->fanout, 2000);
    assert_int_equal(count_audiences(f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equal_plans_are_one),
        TEST(whatever_differs_sets_them_apart),
        TEST(audiences_have_the_streams_their_topics_want),
        TEST(without_a_pattern_others_are_not_looked_at),
        TEST(nothing_waits_for_a_plan_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
