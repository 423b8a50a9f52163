/* What a reader gets, by example. fanout_model_test.c is the rule behind them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>

#include "tests/support/fanout_fixture.h"

/* ---- snapshots ---- */

static void a_snapshot_is_followed_by_every_later_event(void **state)
{
    struct fixture *f = *state;
    turn(f, "AAABB");
    subscribe(&f->a, "*", DELIVER_EVERY, 0, true);
    subscribe(&f->b, "A", DELIVER_LATEST, 0, true);
    assert_seen(&f->a, "snapshot(A3 B2)");
    assert_seen(&f->b, "snapshot(A3)");
    turn(f, "AB");
    assert_seen(&f->a, "update(A4 B3)");
    assert_seen(&f->b, "update(A4)");
}

/* Who joins between an event and the end of its turn has it in the snapshot and not again. */
static void joining_within_a_turn_repeats_nothing(void **state)
{
    struct fixture *f = *state;
    turn(f, "A");
    subscribe(&f->a, "A", DELIVER_EVERY, 0, false);
    publish(f, "A");
    subscribe(&f->b, "A", DELIVER_EVERY, 0, true);
    assert_seen(&f->b, "snapshot(A2)");
    turn(f, "A");
    assert_seen(&f->b, "update(A3)");
    assert_seen(&f->a, "update(A2) update(A3)");

    publish(f, "A");
    subscribe(&f->b, "A", DELIVER_LATEST, 0, true);
    flush(f);
    assert_seen(&f->b, "update(A4) snapshot()");
}

static void without_snapshot_the_next_event_is_the_first(void **state)
{
    struct fixture *f = *state;
    turn(f, "AAA");
    subscribe(&f->a, "A", DELIVER_LATEST, 0, false);
    subscribe(&f->b, "A", DELIVER_EVERY, 0, false);
    flush(f);
    assert_seen(&f->a, "");
    turn(f, "A");
    assert_seen(&f->a, "update(A4)");
    assert_seen(&f->b, "update(A4)");
}

/* So a client knows that there was nothing, and need not wait. */
static void a_snapshot_of_nothing_is_an_empty_one(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "A", DELIVER_LATEST, 0, true);
    assert_seen(&f->a, "snapshot()");
    turn(f, "A");
    assert_seen(&f->a, "update(A1)");
}

static void a_large_snapshot_comes_in_parts_between_which_others_are_served(void **state)
{
    struct fixture *f = *state;
    char name[8];
    enum { MANY = 3000 };
    for (int i = 0; i < MANY; i++) {
        struct price_event event = event_make(EVENT_TRADE);
        const int len = snprintf(name, sizeof name, "s%d", i);
        event.stream =
            (uint32_t)streams_intern(f->streams, "x", 1, name, (size_t)len, EVENT_TRADE) &
            EVENT_NO_STREAM;
        event.seq = 1;
        fanout_event(f->fanout, &event, 0);
    }
    flush(f);
    subscribe(&f->b, "A", DELIVER_EVERY, 0, false);
    f->a.answer = WRITE_BLOCKED;
    subscribe(&f->a, "*", DELIVER_LATEST, 0, true);
    assert_int_equal(f->a.writes, 1);
    turn(f, "A");
    assert_seen(&f->b, "update(A1)");
    for (int i = 0; i < 20; i++)
        reader_writeable(&f->a.reader);
    assert_in_range(f->a.frames, 4, 20);
    assert_in_range(f->a.longest, 1000, 40000);
    unblock(&f->a);
    assert_true(reader_is_drained(&f->a.reader));
    unsigned items = 0;
    for (size_t i = 0; i < f->a.seen.len; i++)
        items += f->a.seen.bytes[i] == 's' && f->a.seen.bytes[i + 1] >= '0' &&
                 f->a.seen.bytes[i + 1] <= '9';
    assert_int_equal(items, MANY);
}

/* ---- the two modes ---- */

static void latest_carries_the_newest_of_a_turn_and_counts_the_rest(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "*", DELIVER_LATEST, 0, false);
    turn(f, "AABAB");
    assert_seen(&f->a, "update(A3+2 B2+1)");
    turn(f, "A");
    assert_seen(&f->a, "update(A4)");
}

static void every_carries_all_in_order_of_arrival(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "*", DELIVER_EVERY, 0, false);
    turn(f, "AABAB");
    assert_seen(&f->a, "update(A1 A2 B1 A3 B2)");
}

static void what_the_bus_lapped_is_counted_as_skipped(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "A", DELIVER_EVERY, 0, false);
    subscribe(&f->b, "A", DELIVER_LATEST, 0, false);
    turn(f, "A3A");
    assert_seen(&f->a, "update(A1 A5+3)");
    assert_seen(&f->b, "update(A5+4)");
}

static void an_event_told_twice_is_delivered_once(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "A", DELIVER_EVERY, 0, false);
    turn(f, "AA");
    f->seq[0] = 0;
    turn(f, "AAA");
    assert_seen(&f->a, "update(A1 A2) update(A3)");
}

static void readers_of_equal_plans_share_their_bytes(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "A", DELIVER_LATEST, 0, false);
    subscribe(&f->b, "A", DELIVER_LATEST, 0, false);
    turn(f, "A");
    assert_seen(&f->a, "update(A1)");
    assert_seen(&f->b, "update(A1)");
    assert_int_equal(atomic_load(&fanout_counts(f->fanout)->frames), 2);
    assert_int_equal(atomic_load(&fanout_counts(f->fanout)->items), 2);
    assert_int_equal(atomic_load(&fanout_counts(f->fanout)->events), 1);
}

/* What a socket does not take of a write is kept for each session. */
static void a_turn_is_written_in_pieces(void **state)
{
    struct fixture *f = *state;
    char many[9000];
    memset(many, 'A', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    subscribe(&f->a, "A", DELIVER_EVERY, 0, false);
    for (int i = 0; i < 3; i++)
        publish(f, many);
    flush(f);
    assert_in_range(f->a.longest, 60 << 10, 66 << 10);
    assert_int_equal(f->a.writes, f->a.frames);
}

/* ---- plans that change ---- */

static void a_pattern_takes_in_streams_that_come_later(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "*", DELIVER_LATEST, 0, true);
    subscribe(&f->b, "Z", DELIVER_EVERY, 0, true);
    turn(f, "AZZ");
    assert_seen(&f->a, "snapshot() update(A1 Z2+1)");
    assert_seen(&f->b, "snapshot() update(Z1 Z2)");
    assert_true(fanout_topic_is_known(f->fanout, "Z"));
    assert_true(fanout_topic_is_known(f->fanout, "*"));
    assert_false(fanout_topic_is_known(f->fanout, "Y"));
    assert_false(fanout_topic_is_known(f->fanout, "Y*"));
}

static void subscribing_again_changes_the_way_and_keeps_the_position(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "A", DELIVER_LATEST, 0, false);
    turn(f, "AA");
    assert_seen(&f->a, "update(A2+1)");
    subscribe(&f->a, "A", DELIVER_EVERY, 0, true); /* what it has needs no snapshot */
    turn(f, "AA");
    assert_seen(&f->a, "snapshot() update(A3 A4)");
    subscribe(&f->a, "*", DELIVER_LATEST, 0, true);
    turn(f, "AAB");
    assert_seen(&f->a, "snapshot() update(B1) update(A5 A6)"); /* a name goes over a pattern */
    unsubscribe(&f->a, "A");
    turn(f, "AA");
    assert_seen(&f->a, "update(A8+1)"); /* the pattern has it still */
}

static void only_streams_that_are_new_get_a_snapshot(void **state)
{
    struct fixture *f = *state;
    turn(f, "AB");
    subscribe(&f->a, "A", DELIVER_LATEST, 0, true);
    subscribe(&f->a, "B", DELIVER_EVERY, 0, true);
    assert_seen(&f->a, "snapshot(A1) snapshot(B1)");
}

static void after_unsubscribing_nothing_comes(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "A", DELIVER_LATEST, 0, false);
    subscribe(&f->a, "B", DELIVER_EVERY, 0, false);
    turn(f, "AB");
    f->a.seen.len = 0;
    unsubscribe(&f->a, "A");
    turn(f, "AB");
    assert_seen(&f->a, "update(B2)");
    unsubscribe(&f->a, "B");
    turn(f, "AB");
    assert_seen(&f->a, "");
    assert_null(reader_plan(&f->a.reader));
    assert_true(reader_is_drained(&f->a.reader));
}

static void sixteen_ways_of_delivery_are_the_limit(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < PLAN_GROUPS_MAX; i++) {
        const char symbol[2] = {(char)('A' + i), '\0'};
        subscribe(&f->a, symbol, DELIVER_LATEST, i, false);
    }
    const char *more = "Z";
    assert_int_equal(
        subscribe_all(&f->a, &more, 1, (struct delivery){.mode = DELIVER_EVERY}, false), -E2BIG);
    turn(f, "AZ"); /* the plan it had is as it was */
    assert_seen(&f->a, "update(A1)");
}

/* ---- epochs ---- */

static void a_new_epoch_begins_with_nothing_known(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "*", DELIVER_LATEST, 0, false);
    subscribe(&f->b, "*", DELIVER_EVERY, 0, false);
    turn(f, "AAAB");
    publish(f, "A"); /* is delivered still: it belongs to the old epoch */
    fanout_reset(f->fanout, 8, f->now_ms);
    assert_seen(&f->a, "update(A3+2 B1) update(A4)");
    assert_seen(&f->b, "update(A1 A2 A3 B1) update(A4)");
    assert_int_equal(fanout_epoch(f->fanout), 8);
    memset(f->seq, 0, sizeof f->seq);
    turn(f, "AA");
    assert_seen(&f->a, "update(A2+1)");
    assert_seen(&f->b, "update(A1 A2)");
}

static void a_blocked_reader_of_latest_starts_the_new_epoch_at_its_newest(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "A", DELIVER_LATEST, 0, false);
    f->a.answer = WRITE_BLOCKED;
    turn(f, "A");
    turn(f, "AAA");
    fanout_reset(f->fanout, 8, f->now_ms);
    memset(f->seq, 0, sizeof f->seq);
    turn(f, "AA");
    unblock(&f->a);
    assert_seen(&f->a, "update(A1) update(A2+1)");
}

static void an_epoch_ends_what_rates_hold_back(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "A", DELIVER_LATEST, 1000, false);
    turn(f, "AA");
    fanout_reset(f->fanout, 8, f->now_ms);
    assert_seen(&f->a, "update(A2+1)");
    assert_true(fanout_next_tick_ms(f->fanout) == FANOUT_NO_TICK);
}

static void seek_to(struct fixture *f, uint64_t epoch)
{
    fanout_reset(f->fanout, epoch, f->now_ms);
    fanout_hold(f->fanout);
    memset(f->seq, 0, sizeof f->seq);
}

static void after_a_seek_a_snapshot_tells_how_things_stand(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "*", DELIVER_LATEST, 0, false);
    subscribe(&f->b, "*", DELIVER_EVERY, 100, false);
    turn(f, "A");
    seek_to(f, 8);
    assert_seen(&f->a, "update(A1)");
    assert_seen(&f->b, "update(A1)");
    turn(f, "AAB");
    assert_seen(&f->a, "");
    fanout_settle(f->fanout);
    assert_seen(&f->a, "snapshot(A2 B1)");
    assert_seen(&f->b, "snapshot(A2 B1)");
    fanout_settle(f->fanout); /* it has */
    turn(f, "AA");
    fanout_tick(f->fanout, f->now_ms + 100);
    assert_seen(&f->a, "update(A4+1)");
    assert_seen(&f->b, "update(A3 A4)");
}

/* Half of how things stand would be wrong, so nobody is told before all of it is known. */
static void who_joins_during_a_seek_is_told_once_it_has_settled(void **state)
{
    struct fixture *f = *state;
    turn(f, "AB");
    subscribe(&f->b, "A", DELIVER_LATEST, 0, false);
    f->b.answer = WRITE_BLOCKED;
    turn(f, "A");
    seek_to(f, 8);
    turn(f, "A");
    subscribe(&f->a, "*", DELIVER_EVERY, 0, true);
    subscribe(&f->a, "A", DELIVER_LATEST, 0, true);
    unblock(&f->b);
    turn(f, "AB");
    assert_seen(&f->b, "update(A2)");
    f->a.seen.len = 0; /* at most an empty snapshot */
    fanout_settle(f->fanout);
    text_put(&f->a.seen, "", 1);
    assert_non_null(strstr(f->a.seen.bytes, "snapshot(A2)"));
    assert_non_null(strstr(f->a.seen.bytes, "snapshot(B1)"));
    assert_null(strstr(f->a.seen.bytes, "update"));
    f->a.seen.len = 0;
    assert_seen(&f->b, "snapshot(A2)");
    turn(f, "AB");
    assert_seen(&f->b, "update(A3)");
    f->a.seen.len = 0;
}

static void a_seek_during_a_seek_begins_afresh(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "A", DELIVER_EVERY, 0, false);
    seek_to(f, 8);
    turn(f, "AAA");
    seek_to(f, 9);
    turn(f, "A");
    fanout_settle(f->fanout);
    assert_seen(&f->a, "snapshot(A1)");
    turn(f, "A");
    assert_seen(&f->a, "update(A2)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_snapshot_is_followed_by_every_later_event),
        TEST(joining_within_a_turn_repeats_nothing),
        TEST(without_snapshot_the_next_event_is_the_first),
        TEST(a_snapshot_of_nothing_is_an_empty_one),
        TEST(a_large_snapshot_comes_in_parts_between_which_others_are_served),
        TEST(latest_carries_the_newest_of_a_turn_and_counts_the_rest),
        TEST(every_carries_all_in_order_of_arrival),
        TEST(what_the_bus_lapped_is_counted_as_skipped),
        TEST(an_event_told_twice_is_delivered_once),
        TEST(readers_of_equal_plans_share_their_bytes),
        TEST(a_turn_is_written_in_pieces),
        TEST(a_pattern_takes_in_streams_that_come_later),
        TEST(subscribing_again_changes_the_way_and_keeps_the_position),
        TEST(only_streams_that_are_new_get_a_snapshot),
        TEST(after_unsubscribing_nothing_comes),
        TEST(sixteen_ways_of_delivery_are_the_limit),
        TEST(a_new_epoch_begins_with_nothing_known),
        TEST(a_blocked_reader_of_latest_starts_the_new_epoch_at_its_newest),
        TEST(an_epoch_ends_what_rates_hold_back),
        TEST(after_a_seek_a_snapshot_tells_how_things_stand),
        TEST(who_joins_during_a_seek_is_told_once_it_has_settled),
        TEST(a_seek_during_a_seek_begins_afresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
