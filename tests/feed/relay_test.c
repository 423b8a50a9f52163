/* Another pricecast's messages: items go on as they came, and what was missed is counted. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "feed/relay.h"
#include "tests/support/live_bus.h"

enum { NOW_NS = 5000 };

struct fixture {
    struct live_bus bus;
    struct live live;
    struct live_link link;
    struct relay *relay;
};

static int setup(void **state)
{
    static struct fixture fixture;
    static const struct live_ops ops = {NULL, NULL, NULL};
    fixture = (struct fixture){.relay = relay_create()};
    live_bus_init(&fixture.bus);
    const struct live_hooks hooks = live_bus_hooks(&fixture.bus);
    const struct live_options options = {.name = "test", .hooks = &hooks, .bus = fixture.bus.bus};
    *state = &fixture;
    return live_init(&fixture.live, &ops, &options);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    live_unlink(&f->live, &f->link, FEED_DOWN, NOW_NS);
    live_finish(&f->live);
    relay_destroy(f->relay);
    live_bus_finish(&f->bus);
    return 0;
}

static const char *say(struct fixture *f, const char *text)
{
    relay_take(f->relay, &f->live, &f->link, text, strlen(text), NOW_NS);
    live_flush(&f->live);
    return live_bus_seen(&f->bus);
}

#define HELLO(epoch) "{\"type\":\"hello\",\"protocol\":\"pricecast.v1\",\"epoch\":\"" epoch "\"}"
#define TRADE(seq, more)                                                                           \
    "{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"x\",\"seq\":" #seq more                     \
    ",\"ts\":1,\"recv\":2,\"price\":\"1.50\"}"
#define UPDATE(items)   "{\"type\":\"update\",\"data\":[" items "]}"
#define SNAPSHOT(items) "{\"type\":\"snapshot\",\"data\":[" items "]}"

static void the_subscription_asks_for_every_event(void **state)
{
    (void)state;
    static const char *const symbols[] = {"BTC-*", "a\"b"};
    char *text = relay_subscribe(symbols, 2);
    assert_string_equal(text, "{\"op\":\"subscribe\",\"id\":1,\"mode\":\"every\",\"symbols\":"
                              "[\"BTC-*\",\"a\\\"b\"]}\n");
    free(text);
}

static void items_keep_their_source_and_times_and_get_our_numbers(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(say(f, HELLO("e1")), "");
    assert_string_equal(say(f, SNAPSHOT(TRADE(41, ))), "up x\nx S trade 1 1.50\n");
    assert_int_equal(f->bus.last.ts_ns, 1000);
    assert_int_equal(f->bus.last.recv_ns, 2000);
    assert_string_equal(say(f, UPDATE(TRADE(42, ) "," TRADE(43, ))),
                        "x S trade 2 1.50\nx S trade 3 1.50\n");
    assert_int_equal(f->live.counts.gaps, 0);
}

static void what_was_missed_is_counted(void **state)
{
    struct fixture *f = *state;
    say(f, HELLO("e1"));
    say(f, UPDATE(TRADE(1, )));
    say(f, UPDATE(TRADE(5, ",\"skipped\":3")));
    assert_int_equal(f->live.counts.gaps, 3);
    say(f, UPDATE(TRADE(7, )));
    assert_int_equal(f->live.counts.gaps, 4);
}

/* The snapshot after a reconnection repeats what we have, or tells how much went by meanwhile. */
static void nothing_comes_twice_after_a_reconnection(void **state)
{
    struct fixture *f = *state;
    say(f, HELLO("e1"));
    say(f, UPDATE(TRADE(7, )));
    relay_reset(f->relay);
    say(f, HELLO("e1"));
    assert_string_equal(say(f, SNAPSHOT(TRADE(7, ))), "");
    assert_string_equal(say(f, UPDATE(TRADE(8, ))), "x S trade 2 1.50\n");
    relay_reset(f->relay);
    say(f, HELLO("e1"));
    assert_string_equal(say(f, SNAPSHOT(TRADE(18, ))), "x S trade 3 1.50\n");
    assert_int_equal(f->live.counts.gaps, 9);
}

#define REPLAY(epoch) "{\"type\":\"hello\",\"epoch\":\"" epoch "\",\"mode\":\"replay\"}"
#define RESET(epoch, reason)                                                                       \
    "{\"type\":\"reset\",\"epoch\":\"" epoch "\",\"reason\":\"" reason "\"}"

/* A live upstream that was started again: what it sends is the same market. */
static void in_another_epoch_numbers_begin_again(void **state)
{
    struct fixture *f = *state;
    say(f, HELLO("e1"));
    say(f, UPDATE(TRADE(7, )));
    say(f, HELLO("e3"));
    assert_string_equal(say(f, UPDATE(TRADE(1, ))), "x S trade 2 1.50\n");
    assert_int_equal(f->live.counts.gaps, 0);
}

static void a_loop_is_passed_on(void **state)
{
    struct fixture *f = *state;
    say(f, REPLAY("e1"));
    say(f, UPDATE(TRADE(7, )));
    assert_string_equal(say(f, RESET("e2", "loop")), "reset loop\nup x\n");
    assert_string_equal(say(f, UPDATE(TRADE(1, ))), "x S trade 1 1.50\n");
    assert_string_equal(say(f, RESET("e2", "loop")), "");
    assert_int_equal(f->live.counts.gaps, 0);
}

static void a_seek_is_passed_on_with_the_snapshot_of_its_place(void **state)
{
    struct fixture *f = *state;
    say(f, REPLAY("e1"));
    say(f, UPDATE(TRADE(7, )));
    assert_string_equal(say(f, RESET("e2", "seek")), "reset seek\nup x\n");
    assert_string_equal(say(f, SNAPSHOT(TRADE(1, ))), "x S trade 1 1.50\nsettled\n");
    assert_string_equal(say(f, UPDATE(TRADE(2, ))), "x S trade 2 1.50\n");
    say(f, RESET("e3", "seek"));
    assert_string_equal(say(f, SNAPSHOT()), "settled\n");
    say(f, RESET("e4", "seek"));
    assert_string_equal(say(f, UPDATE(TRADE(1, ))), "settled\nx S trade 1 1.50\n");
}

/* Otherwise our clients would wait for the snapshot for ever. */
static void a_seek_is_settled_when_the_connection_is_lost(void **state)
{
    struct fixture *f = *state;
    say(f, REPLAY("e1"));
    say(f, RESET("e2", "seek"));
    relay_leave(f->relay, &f->live);
    assert_string_equal(live_bus_seen(&f->bus), "settled\n");
    relay_leave(f->relay, &f->live);
    assert_string_equal(live_bus_seen(&f->bus), "");
}

static void a_replay_found_in_another_epoch_has_been_moved(void **state)
{
    struct fixture *f = *state;
    say(f, REPLAY("e1"));
    say(f, UPDATE(TRADE(7, )));
    relay_reset(f->relay);
    assert_string_equal(say(f, REPLAY("e1")), "");
    relay_reset(f->relay);
    assert_string_equal(say(f, REPLAY("e2")), "reset seek\nup x\n");
    assert_string_equal(say(f, SNAPSHOT(TRADE(3, ))), "x S trade 1 1.50\nsettled\n");
}

static void states_are_passed_on(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(say(f, "{\"type\":\"feed\",\"source\":\"x\",\"state\":\"paused\"}"),
                        "paused x\n");
    assert_string_equal(say(f, SNAPSHOT(TRADE(1, ))), "x S trade 1 1.50\n");
    assert_string_equal(say(f, "{\"type\":\"feed\",\"source\":\"x\",\"state\":\"down\"}"),
                        "down x\n");
    assert_string_equal(say(f, "{\"type\":\"feed\",\"source\":\"x\",\"state\":\"odd\"}"), "");
}

static void other_messages_are_ignored_and_bad_ones_counted(void **state)
{
    struct fixture *f = *state;
    say(f, "{\"type\":\"heartbeat\",\"ts\":1}");
    say(f, "{\"type\":\"new kind\"}");
    say(f, "{}");
    assert_int_equal(f->live.counts.ignored, 3);
    say(f, "[]");
    say(f, "{\"type\":");
    say(f, UPDATE("{}"));
    say(f, UPDATE("7"));
    assert_int_equal(f->live.counts.bad, 3);
    say(f, "{\"type\":\"error\",\"code\":\"slow_consumer\",\"message\":\"too far behind\"}");
    assert_non_null(strstr(f->bus.messages, "it answers: slow_consumer: too far behind\n"));
}

static void a_shutdown_tells_how_long_to_wait(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(relay_wait_ms(f->relay), 0);
    say(f, "{\"type\":\"shutdown\",\"reconnect_in_ms\":1840}");
    assert_int_equal(relay_wait_ms(f->relay), 1840);
    say(f, "{\"type\":\"shutdown\",\"reconnect_in_ms\":99999999}");
    assert_int_equal(relay_wait_ms(f->relay), 60000);
    relay_reset(f->relay);
    assert_int_equal(relay_wait_ms(f->relay), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_subscription_asks_for_every_event),
        cmocka_unit_test_setup_teardown(items_keep_their_source_and_times_and_get_our_numbers,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_missed_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_comes_twice_after_a_reconnection, setup, teardown),
        cmocka_unit_test_setup_teardown(in_another_epoch_numbers_begin_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_loop_is_passed_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_seek_is_passed_on_with_the_snapshot_of_its_place, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_seek_is_settled_when_the_connection_is_lost, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_replay_found_in_another_epoch_has_been_moved, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(states_are_passed_on, setup, teardown),
        cmocka_unit_test_setup_teardown(other_messages_are_ignored_and_bad_ones_counted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_shutdown_tells_how_long_to_wait, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
