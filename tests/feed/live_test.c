/* What a live source tells the bus: states around prices, in order, and the times it came in. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/support/live_bus.h"

enum { RECV_NS = 5000 };

struct fixture {
    struct live_bus bus;
    struct live live;
    struct live_link link, other;
};

static int setup(void **state)
{
    static struct fixture fixture;
    static const struct live_ops ops = {NULL, NULL, NULL};
    fixture = (struct fixture){.live = {.ops = NULL}};
    live_bus_init(&fixture.bus);
    const struct live_hooks hooks = live_bus_hooks(&fixture.bus);
    const struct live_options options = {.name = "test", .hooks = &hooks, .bus = fixture.bus.bus};
    *state = &fixture;
    return live_init(&fixture.live, &ops, &options);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    live_unlink(&f->live, &f->link, FEED_DOWN, RECV_NS);
    live_unlink(&f->live, &f->other, FEED_DOWN, RECV_NS);
    live_finish(&f->live);
    live_bus_finish(&f->bus);
    return 0;
}

/* Gets a trade over a link. */
static void trade(struct fixture *f, struct live_link *link, const char *source)
{
    char item[256];
    const int len = snprintf(item, sizeof item,
                             "{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"%s\",\"ts\":1,"
                             "\"recv\":2,\"price\":\"1.50\"}",
                             source);
    const enum format_result result =
        format_native.parse_line(NULL, item, (size_t)len, live_output(&f->live));
    live_take(&f->live, link, result, (size_t)len, RECV_NS);
}

static const char *seen(struct fixture *f)
{
    live_flush(&f->live);
    return live_bus_seen(&f->bus);
}

static void a_source_is_up_before_its_first_event_and_down_after_its_last(void **state)
{
    struct fixture *f = *state;
    trade(f, &f->link, "x");
    trade(f, &f->link, "x");
    live_unlink(&f->live, &f->link, FEED_DOWN, RECV_NS);
    assert_string_equal(seen(f), "up x\nx S trade 1 1.50\nx S trade 2 1.50\ndown x\n");
    live_unlink(&f->live, &f->link, FEED_DOWN, RECV_NS);
    assert_string_equal(seen(f), "");
    trade(f, &f->link, "x");
    assert_string_equal(seen(f), "up x\nx S trade 3 1.50\n");
}

static void a_lost_link_takes_down_all_its_sources_and_no_others(void **state)
{
    struct fixture *f = *state;
    trade(f, &f->link, "x");
    trade(f, &f->link, "y");
    trade(f, &f->other, "y");
    trade(f, &f->other, "z");
    seen(f);
    live_unlink(&f->live, &f->link, FEED_DOWN, RECV_NS);
    assert_string_equal(seen(f), "down x\n");
    live_unlink(&f->live, &f->other, FEED_DOWN, RECV_NS);
    assert_string_equal(seen(f), "down y\ndown z\n");
}

/* An upstream that says "paused" goes on meaning it when it repeats a price. */
static void what_the_upstream_says_of_a_source_holds_until_the_link_is_lost(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(live_say(&f->live, &f->link, "x", 1, FEED_PAUSED, RECV_NS), 0);
    trade(f, &f->link, "x");
    assert_string_equal(seen(f), "paused x\nx S trade 1 1.50\n");
    assert_int_equal(live_say(&f->live, &f->link, "x", 1, FEED_UP, RECV_NS), 0);
    assert_int_equal(live_say(&f->live, &f->link, "x", 1, FEED_PAUSED, RECV_NS), 0);
    live_unlink(&f->live, &f->link, FEED_DOWN, RECV_NS);
    trade(f, &f->link, "x");
    assert_string_equal(seen(f), "up x\npaused x\ndown x\nup x\nx S trade 2 1.50\n");
}

static void an_ended_source_does_not_go_down(void **state)
{
    struct fixture *f = *state;
    trade(f, &f->link, "x");
    live_unlink(&f->live, &f->link, FEED_ENDED, RECV_NS);
    assert_string_equal(seen(f), "up x\nx S trade 1 1.50\nended x\n");
    assert_int_equal(live_say(&f->live, &f->link, "x", 1, FEED_ENDED, RECV_NS), 0);
    live_unlink(&f->live, &f->link, FEED_DOWN, RECV_NS);
    assert_string_equal(seen(f), "");
}

/* A recording beside us may begin anew; clients have then forgotten what they knew. */
static void states_are_told_again_after_a_reset(void **state)
{
    struct fixture *f = *state;
    trade(f, &f->link, "x");
    trade(f, &f->other, "y");
    live_unlink(&f->live, &f->other, FEED_DOWN, RECV_NS);
    seen(f);
    bus_reset(f->bus.bus, RESET_LOOP);
    trade(f, &f->link, "x");
    assert_string_equal(seen(f), "reset loop\nup x\ndown y\nx S trade 1 1.50\n");
}

static void events_are_stamped_when_they_arrive_unless_they_keep_their_times(void **state)
{
    struct fixture *f = *state;
    trade(f, &f->link, "x");
    seen(f);
    assert_int_equal(f->bus.last.recv_ns, RECV_NS);
    assert_int_equal(f->bus.last.ts_ns, 1000);
    static const char item[] = "{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"x\",\"recv\":2,"
                               "\"price\":\"1\"}";
    const enum format_result result =
        format_native.parse_line(NULL, item, sizeof item - 1, live_output(&f->live));
    live_take(&f->live, &f->link, result, sizeof item - 1, EVENT_NO_TIME);
    seen(f);
    assert_int_equal(f->bus.last.recv_ns, 2000);
}

static void more_than_an_outbox_arrives_whole(void **state)
{
    struct fixture *f = *state;
    enum { EVENTS = 3 * LIVE_OUTBOX_EVENTS + 7 };
    for (int i = 0; i < EVENTS; i++) {
        trade(f, &f->link, "x");
        live_bus_seen(&f->bus);
    }
    seen(f);
    assert_int_equal(f->bus.last.seq, EVENTS);
    assert_int_equal(f->live.counts.events, EVENTS);
    assert_int_equal(f->live.counts.messages, EVENTS);
}

static void the_first_bad_message_is_told_and_all_are_counted(void **state)
{
    struct fixture *f = *state;
    trade(f, &f->link, "x");
    for (int i = 0; i < 3; i++) {
        const enum format_result result =
            format_native.parse_line(NULL, "nonsense", 8, live_output(&f->live));
        live_take(&f->live, &f->link, result, 8, RECV_NS);
    }
    live_bad(&f->live, 100, "too long");
    assert_string_equal(f->bus.messages,
                        "test: message 2: bad JSON: no JSON value at byte 1 of the line; "
                        "further bad ones are only counted\n");
    assert_int_equal(f->live.counts.bad, 4);
    assert_int_equal(f->live.counts.messages, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_source_is_up_before_its_first_event_and_down_after_its_last, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_link_takes_down_all_its_sources_and_no_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            what_the_upstream_says_of_a_source_holds_until_the_link_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(an_ended_source_does_not_go_down, setup, teardown),
        cmocka_unit_test_setup_teardown(states_are_told_again_after_a_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(
            events_are_stamped_when_they_arrive_unless_they_keep_their_times, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_an_outbox_arrives_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_bad_message_is_told_and_all_are_counted, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
