/* Handlers that come and go, also while they run. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "feed/handlers.h"

static struct handlers handlers;
static unsigned calls[4];
static int ids[4];

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        calls[i] = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    handlers_clear(&handlers);
    return 0;
}

static void count(const struct price_event *event, void *ctx)
{
    (void)event;
    ++*(unsigned *)ctx;
}

/* One run, with so many events of a kind. */
static void run(enum event_kind kind, unsigned times)
{
    const struct price_event event = event_make(kind);
    const size_t present = handlers_begin(&handlers);
    for (unsigned i = 0; i < times; i++)
        handlers_call(&handlers, present, &event);
    handlers_end(&handlers);
}

static int add(bus_handler_fn *call, void *ctx)
{
    return handlers_add(&handlers, 0, false, call, ctx);
}

static void kinds_choose_what_a_handler_sees(void **state)
{
    (void)state;
    handlers_add(&handlers, 1u << EVENT_TRADE, false, count, &calls[0]);
    handlers_add(&handlers, 1u << EVENT_TRADE | 1u << EVENT_QUOTE, false, count, &calls[1]);
    add(count, &calls[2]); /* 0: all */
    run(EVENT_TRADE, 2);
    run(EVENT_QUOTE, 3);
    run(EVENT_RESET, 4);
    assert_int_equal(calls[0], 2);
    assert_int_equal(calls[1], 5);
    assert_int_equal(calls[2], 9);
}

static void take_turn(const struct price_event *event, void *ctx)
{
    (void)event;
    assert_int_equal(calls[0]++, *(unsigned *)ctx);
}

static void they_run_in_the_order_they_were_added(void **state)
{
    static unsigned turns[] = {0, 1, 2};
    (void)state;
    const int gone = add(count, &calls[1]);
    for (int i = 0; i < 3; i++)
        assert_true(add(take_turn, &turns[i]) > 0);
    assert_true(handlers_remove(&handlers, gone));
    run(EVENT_TRADE, 1);
    assert_int_equal(calls[0], 3);
}

static void once_is_called_once(void **state)
{
    (void)state;
    const int id = handlers_add(&handlers, 1u << EVENT_QUOTE, true, count, &calls[0]);
    run(EVENT_TRADE, 3); /* not its kind: it goes on waiting */
    assert_int_equal(calls[0], 0);
    run(EVENT_QUOTE, 3);
    assert_int_equal(calls[0], 1);
    assert_false(handlers_remove(&handlers, id));
    assert_int_equal(handlers.count, 0);
}

static void removing_says_whether_there_was_one_and_ids_are_not_used_again(void **state)
{
    (void)state;
    const int id = add(count, &calls[0]), other = add(count, &calls[0]);
    assert_int_not_equal(id, other);
    assert_true(handlers_remove(&handlers, id));
    assert_false(handlers_remove(&handlers, id));
    assert_false(handlers_remove(&handlers, 0));
    assert_false(handlers_remove(&handlers, 1000));
    run(EVENT_TRADE, 1);
    assert_int_equal(calls[0], 1);
    handlers_clear(&handlers);
    const int later = add(count, &calls[0]);
    assert_true(later != id && later != other);
}

static void count_and_leave(const struct price_event *event, void *ctx)
{
    count(event, ctx);
    assert_true(handlers_remove(&handlers, ids[0]));
    assert_false(handlers_remove(&handlers, ids[0]));
}

static void a_handler_may_remove_itself(void **state)
{
    (void)state;
    ids[0] = add(count_and_leave, &calls[0]);
    add(count, &calls[1]);
    run(EVENT_TRADE, 3);
    assert_int_equal(calls[0], 1);
    assert_int_equal(calls[1], 3);
}

static void remove_the_other(const struct price_event *event, void *ctx)
{
    count(event, ctx);
    handlers_remove(&handlers, ids[1]);
}

static void a_removed_one_is_not_called_again_even_for_this_event(void **state)
{
    (void)state;
    add(remove_the_other, &calls[0]);
    ids[1] = add(count, &calls[1]);
    run(EVENT_TRADE, 2);
    assert_int_equal(calls[0], 2);
    assert_int_equal(calls[1], 0);
}

static void add_many(const struct price_event *event, void *ctx)
{
    (void)event;
    for (int i = 0; i < 20; i++) /* the list has to grow under the run */
        add(count, ctx);
}

static void one_added_meanwhile_waits_for_the_next_run(void **state)
{
    (void)state;
    handlers_add(&handlers, 0, true, add_many, &calls[0]);
    add(count, &calls[1]);
    run(EVENT_TRADE, 2);
    assert_int_equal(calls[0], 0);
    assert_int_equal(calls[1], 2);
    run(EVENT_TRADE, 1);
    assert_int_equal(calls[0], 20);
    assert_int_equal(calls[1], 3);
}

static void again_once(const struct price_event *event, void *ctx)
{
    count(event, ctx);
    handlers_add(&handlers, 0, true, again_once, ctx);
}

static void once_may_sign_up_again(void **state)
{
    (void)state;
    handlers_add(&handlers, 0, true, again_once, &calls[0]);
    for (int i = 0; i < 10; i++)
        run(EVENT_TRADE, 2);
    assert_int_equal(calls[0], 10);
    assert_int_equal(handlers.count, 1); /* those that are over take no place */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kinds_choose_what_a_handler_sees),
        TEST(they_run_in_the_order_they_were_added),
        TEST(once_is_called_once),
        TEST(removing_says_whether_there_was_one_and_ids_are_not_used_again),
        TEST(a_handler_may_remove_itself),
        TEST(a_removed_one_is_not_called_again_even_for_this_event),
        TEST(one_added_meanwhile_waits_for_the_next_run),
        TEST(once_may_sign_up_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
