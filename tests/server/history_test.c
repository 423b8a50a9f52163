/* What those who come back may rely on. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/history.h"
#include "tests/support/random.h"

static const struct history_options roomy = {
    .events_max = 1000, .bytes_max = 1 << 20, .age_ns = 1000};

static struct price_event event_of(uint32_t stream, uint64_t seq)
{
    struct price_event event = event_make(EVENT_TRADE);
    event.stream = stream & EVENT_NO_STREAM;
    event.seq = seq;
    event.ts_ns = (int64_t)(seq * 1000 + stream);
    return event;
}

static struct history *history_of(const struct history_options *options)
{
    struct history *history = history_create(options);
    assert_non_null(history);
    return history;
}

static void note(struct history *history, uint32_t stream, uint64_t seq, int64_t at_ns)
{
    const struct price_event event = event_of(stream, seq);
    history_note(history, &event, at_ns);
}

static struct recall recall_of(size_t count, const uint64_t (*ranges)[3])
{
    struct recall recall = {.ranges = calloc(count, sizeof *recall.ranges), .count = count};
    assert_non_null(recall.ranges);
    for (size_t i = 0; i < count; i++) {
        const uint32_t stream = (uint32_t)ranges[i][0];
        recall.ranges[i] = (struct recall_range){.stream = stream,
                                                 .from = ranges[i][1],
                                                 .to = ranges[i][2],
                                                 .newest = event_of(stream, ranges[i][2])};
    }
    return recall;
}

/* One piece; checks that it is exactly these (stream, seq). */
static void expect_piece(struct history *history, struct recall *recall, int64_t now_ns,
                         const uint64_t (*items)[2], size_t count, bool more)
{
    assert_int_equal(history_recall(history, recall, now_ns), more);
    assert_int_equal(recall->events_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(recall->events[i].stream, items[i][0]);
        assert_int_equal(recall->events[i].seq, items[i][1]);
        assert_int_equal(recall->events[i].ts_ns, items[i][1] * 1000 + items[i][0]);
    }
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* In the order of the bus, whatever the order of the streams asked for. */
static void what_was_missed_comes_back_in_order(void **state)
{
    (void)state;
    struct history *history = history_of(&roomy);
    note(history, 0, 1, 0), note(history, 1, 1, 0), note(history, 0, 2, 0);
    note(history, 2, 1, 0), note(history, 1, 2, 0), note(history, 0, 3, 0);
    struct recall recall = recall_of(2, (const uint64_t[][3]){{1, 0, 2}, {0, 1, 3}});
    const uint64_t items[][2] = {{1, 1}, {0, 2}, {1, 2}, {0, 3}};
    expect_piece(history, &recall, 0, items, COUNT(items), false);
    assert_int_equal(history_position(history), 6);
    recall_finish(&recall);
    history_destroy(history);
}

static void nothing_after_the_end_of_the_range(void **state)
{
    (void)state;
    struct history *history = history_of(&roomy);
    for (uint64_t seq = 1; seq <= 9; seq++)
        note(history, 0, seq, 0);
    struct recall recall = recall_of(1, (const uint64_t[][3]){{0, 3, 5}});
    const uint64_t items[][2] = {{0, 4}, {0, 5}};
    expect_piece(history, &recall, 0, items, COUNT(items), false);
    recall_finish(&recall);
    history_destroy(history);
}

static void large_recalls_come_in_pieces(void **state)
{
    (void)state;
    struct history *history = history_of(&roomy);
    for (uint64_t seq = 1; seq <= 700; seq++)
        note(history, 0, seq, 0);
    struct recall recall = recall_of(1, (const uint64_t[][3]){{0, 0, 700}});
    uint64_t next = 1;
    for (bool more = true; more;) {
        more = history_recall(history, &recall, 0);
        assert_in_range(recall.events_count, 1, RECALL_EVENTS);
        for (size_t i = 0; i < recall.events_count; i++)
            assert_int_equal(recall.events[i].seq, next++);
    }
    assert_int_equal(next, 701);
    recall_finish(&recall);
    history_destroy(history);
}

/* The bound by number is each stream's own: a busy one does not push out a quiet one. */
static void a_stream_keeps_so_many(void **state)
{
    (void)state;
    struct history_options options = roomy;
    options.events_max = 3;
    struct history *history = history_of(&options);
    note(history, 1, 1, 0);
    for (uint64_t seq = 1; seq <= 10; seq++)
        note(history, 0, seq, 0);
    struct recall recall = recall_of(2, (const uint64_t[][3]){{0, 2, 10}, {1, 0, 1}});
    const uint64_t items[][2] = {{1, 1}, {0, 8}, {0, 9}, {0, 10}};
    expect_piece(history, &recall, 0, items, COUNT(items), false);
    assert_int_equal(history_counts(history)->by_count, 7);
    assert_int_equal(history_counts(history)->held, 4);
    recall_finish(&recall);
    history_destroy(history);
}

/* The bound by bytes is of all streams: the oldest of any goes first. */
static void all_together_keep_so_many_bytes(void **state)
{
    (void)state;
    struct history_options options = roomy;
    options.bytes_max = 4 * HISTORY_EVENT_BYTES + 95;
    struct history *history = history_of(&options);
    note(history, 0, 1, 0), note(history, 1, 1, 0), note(history, 0, 2, 0);
    note(history, 1, 2, 0), note(history, 1, 3, 0), note(history, 0, 3, 0);
    assert_int_equal(history_counts(history)->held, 4);
    assert_int_equal(history_counts(history)->by_bytes, 2);
    struct recall recall = recall_of(2, (const uint64_t[][3]){{0, 0, 3}, {1, 0, 3}});
    const uint64_t items[][2] = {{0, 2}, {1, 2}, {1, 3}, {0, 3}};
    expect_piece(history, &recall, 0, items, COUNT(items), false);
    recall_finish(&recall);
    history_destroy(history);
}

static void what_is_too_old_goes(void **state)
{
    (void)state;
    struct history *history = history_of(&roomy);
    note(history, 0, 1, 0), note(history, 0, 2, 500), note(history, 1, 1, 500);
    note(history, 0, 3, 1000); /* seq 1 is as old as may be */
    assert_int_equal(history_counts(history)->held, 4);
    note(history, 0, 4, 1001);
    assert_int_equal(history_counts(history)->by_age, 1);
    /* Also when nothing comes any more. */
    struct recall recall = recall_of(1, (const uint64_t[][3]){{0, 0, 4}});
    const uint64_t items[][2] = {{0, 3}, {0, 4}};
    expect_piece(history, &recall, 1501, items, COUNT(items), false);
    assert_int_equal(history_counts(history)->by_age, 3);
    recall_finish(&recall);
    history_destroy(history);
}

/* However little is kept, one who comes back is told the newest, so the seqs can say the rest. */
static void the_newest_always_comes(void **state)
{
    (void)state;
    static const struct history_options none[] = {
        {.events_max = 0, .bytes_max = 1 << 20, .age_ns = 1000},
        {.events_max = 10, .bytes_max = 0, .age_ns = 1000},
        {.events_max = 10, .bytes_max = 1 << 20, .age_ns = 0},
    };
    for (size_t i = 0; i < COUNT(none); i++) {
        struct history *history = history_of(&none[i]);
        for (uint64_t seq = 1; seq <= 5; seq++)
            note(history, 0, seq, (int64_t)seq);
        struct recall recall =
            recall_of(2, (const uint64_t[][3]){{0, 2, 5}, {7, 0, 3}}); /* 7: never heard of */
        const uint64_t items[][2] = {{0, 5}, {7, 3}};
        expect_piece(history, &recall, 100, items, COUNT(items), false);
        assert_int_equal(history_counts(history)->held, 0);
        recall_finish(&recall);
        history_destroy(history);
    }
}

/* Between two pieces the rest may be pushed out: what is there then goes on in order. */
static void a_recall_outlives_what_leaves_meanwhile(void **state)
{
    (void)state;
    struct history_options options = roomy;
    options.events_max = 300;
    struct history *history = history_of(&options);
    for (uint64_t seq = 1; seq <= 300; seq++)
        note(history, 0, seq, 0);
    struct recall recall = recall_of(1, (const uint64_t[][3]){{0, 0, 300}});
    assert_true(history_recall(history, &recall, 0));
    for (uint64_t seq = 301; seq <= 590; seq++)
        note(history, 0, seq, 0);
    assert_false(history_recall(history, &recall, 0));
    assert_int_equal(recall.events_count, 10);
    assert_int_equal(recall.events[0].seq, 291);
    assert_int_equal(recall.events[9].seq, 300);
    recall_finish(&recall);

    recall = recall_of(1, (const uint64_t[][3]){{0, 300, 590}});
    assert_true(history_recall(history, &recall, 0));
    for (uint64_t seq = 591; seq <= 1200; seq++)
        note(history, 0, seq, 0);
    assert_false(history_recall(history, &recall, 0)); /* all of it is gone: only the newest */
    assert_int_equal(recall.events_count, 1);
    assert_int_equal(recall.events[0].seq, 590);
    recall_finish(&recall);
    history_destroy(history);
}

static void a_new_epoch_forgets(void **state)
{
    (void)state;
    struct history *history = history_of(&roomy);
    note(history, 0, 1, 0), note(history, 0, 2, 0);
    history_reset(history, 77);
    assert_int_equal(history_epoch(history), 77);
    assert_int_equal(history_position(history), 0);
    note(history, 0, 1, 0);
    struct recall recall = recall_of(1, (const uint64_t[][3]){{0, 0, 1}});
    const uint64_t items[][2] = {{0, 1}};
    expect_piece(history, &recall, 0, items, COUNT(items), false);
    recall_finish(&recall);
    history_destroy(history);
}

/* ---- positions ---- */

static void expect_seq_at(struct history *history, uint32_t stream, uint64_t position, uint64_t seq,
                          bool exact)
{
    bool is_exact;
    assert_int_equal(history_seq_at(history, stream, position, 0, &is_exact), seq);
    assert_int_equal(is_exact, exact);
}

static void a_position_tells_where_each_stream_stood(void **state)
{
    (void)state;
    struct history_options options = roomy;
    options.events_max = 3;
    struct history *history = history_of(&options);
    note(history, 0, 1, 0), note(history, 1, 1, 0), note(history, 0, 2, 0);
    note(history, 0, 3, 0), note(history, 1, 2, 0);
    expect_seq_at(history, 0, 0, 0, true);
    expect_seq_at(history, 1, 1, 0, true);
    expect_seq_at(history, 0, 2, 1, true);
    expect_seq_at(history, 0, 5, 3, true);
    expect_seq_at(history, 9, 5, 0, true);
    note(history, 0, 4, 0), note(history, 0, 5, 0); /* 1 and 2, at positions 1 and 3, leave */
    expect_seq_at(history, 0, 3, 2, true);
    expect_seq_at(history, 0, 2, 0, false);
    note(history, 0, 8, 0); /* two never came here: where they stood is not known */
    assert_int_equal(history_position(history), 10);
    assert_int_equal(history_counts(history)->missed, 2);
    expect_seq_at(history, 0, 8, 5, false);
    expect_seq_at(history, 0, 10, 8, true);
    history_destroy(history);
}

static void an_earlier_run_goes_on(void **state)
{
    (void)state;
    struct history *history = history_of(&roomy);
    struct price_event event = event_of(0, 40);
    history_restore(history, &event, 0);
    event = event_of(1, 7);
    history_restore(history, &event, 0);
    event = event_of(0, 41);
    history_restore(history, &event, 0);
    history_restore_seq(history, 2, 100);
    history_restore_seq(history, 1, 5); /* older than what is known */
    assert_int_equal(history_position(history), 41 + 7 + 100);
    note(history, 0, 42, 0);
    note(history, 2, 101, 0);
    assert_int_equal(history_counts(history)->missed, 0);
    struct recall recall = recall_of(2, (const uint64_t[][3]){{0, 39, 42}, {2, 90, 101}});
    const uint64_t items[][2] = {{0, 40}, {0, 41}, {0, 42}, {2, 101}};
    expect_piece(history, &recall, 0, items, COUNT(items), false);
    recall_finish(&recall);
    expect_seq_at(history, 0, 148, 41, true);
    expect_seq_at(history, 1, 148, 7, true);
    expect_seq_at(history, 2, 148, 100, true);
    expect_seq_at(history, 0, 147, 40, true);
    expect_seq_at(history, 2, 147, 100, true);
    expect_seq_at(history, 0, 100, 0, false);
    history_destroy(history);
}

/* Of an earlier run the clock said nothing that this one could tell. */
static void each_comes_back_with_the_time_at_which_the_bus_got_it(void **state)
{
    (void)state;
    struct history *history = history_of(&roomy);
    const struct price_event event = event_of(0, 5);
    history_restore(history, &event, 10);
    note(history, 0, 6, 20);
    note(history, 1, 1, 30);
    struct recall recall = recall_of(2, (const uint64_t[][3]){{0, 4, 7}, {1, 0, 1}});
    recall.ranges[0].newest_emitted_ns = 40; /* the one with seq 7 has not come here yet */
    assert_false(history_recall(history, &recall, 50));
    assert_int_equal(recall.events_count, 4);
    const int64_t times[4] = {0, 20, 40, 30};
    for (size_t i = 0; i < recall.events_count; i++)
        assert_int_equal(recall.emitted_ns[i], times[i]);
    recall_finish(&recall);
    history_reset(history, 2);
    note(history, 0, 1, 60);
    recall = recall_of(1, (const uint64_t[][3]){{0, 0, 1}});
    assert_false(history_recall(history, &recall, 60));
    assert_int_equal(recall.emitted_ns[0], 60);
    recall_finish(&recall);
    history_destroy(history);
}

/* ---- a model ---- */

enum { STREAMS = 5, EVENTS = 4000 };

/* Every recall ends where its streams do, goes up, and lacks only what the bounds took. */
static void any_recall_is_a_rising_suffix(void **state)
{
    (void)state;
    struct random random = {random_seed_of(4711)};
    const struct history_options options = {
        .events_max = 60, .bytes_max = 200 * HISTORY_EVENT_BYTES, .age_ns = 1 << 30};
    struct history *history = history_of(&options);
    uint64_t last[STREAMS] = {0};
    for (size_t n = 0; n < EVENTS; n++) {
        const uint32_t stream = random_below(&random, 1 + random_below(&random, STREAMS));
        note(history, stream, ++last[stream], 0);
        if (n % 37 != 0)
            continue;
        struct recall recall = {.ranges = calloc(STREAMS, sizeof *recall.ranges)};
        uint64_t from[STREAMS];
        for (uint32_t i = 0; i < STREAMS; i++) {
            const unsigned back = random_below(&random, 100);
            from[i] = last[i] > back ? last[i] - back : 0;
            if (from[i] < last[i])
                recall.ranges[recall.count++] = (struct recall_range){
                    .stream = i, .from = from[i], .to = last[i], .newest = event_of(i, last[i])};
        }
        for (bool more = true; more;) {
            more = history_recall(history, &recall, 0);
            for (size_t i = 0; i < recall.events_count; i++) {
                const uint32_t of = recall.events[i].stream;
                assert_true(recall.events[i].seq > from[of]);
                if (recall.events[i].seq != from[of] + 1) /* pushed out by one bound or the other */
                    assert_true(last[of] - from[of] > 60 || history_counts(history)->held == 200);
                from[of] = recall.events[i].seq;
            }
        }
        for (uint32_t i = 0; i < STREAMS; i++)
            assert_int_equal(from[i], last[i]);
        recall_finish(&recall);
        assert_true(history_counts(history)->held <= 200);
    }
    history_destroy(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_missed_comes_back_in_order),
        cmocka_unit_test(nothing_after_the_end_of_the_range),
        cmocka_unit_test(large_recalls_come_in_pieces),
        cmocka_unit_test(a_stream_keeps_so_many),
        cmocka_unit_test(all_together_keep_so_many_bytes),
        cmocka_unit_test(what_is_too_old_goes),
        cmocka_unit_test(the_newest_always_comes),
        cmocka_unit_test(a_recall_outlives_what_leaves_meanwhile),
        cmocka_unit_test(a_new_epoch_forgets),
        cmocka_unit_test(a_position_tells_where_each_stream_stood),
        cmocka_unit_test(an_earlier_run_goes_on),
        cmocka_unit_test(each_comes_back_with_the_time_at_which_the_bus_got_it),
        cmocka_unit_test(any_recall_is_a_rising_suffix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
