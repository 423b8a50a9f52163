/* Updates that are held back for a rate: when they come, and what they then say. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/book.h"
#include "tests/support/fanout_fixture.h"

static void a_rate_holds_updates_back_until_its_tick(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "A", DELIVER_LATEST, 100, false);
    subscribe(&f->b, "A", DELIVER_EVERY, 100, false);
    assert_true(fanout_next_tick_ms(f->fanout) == FANOUT_NO_TICK);
    f->now_ms = 230;
    turn(f, "AA");
    turn(f, "A");
    assert_seen(&f->a, "");
    assert_int_equal(fanout_next_tick_ms(f->fanout), 300);
    assert_false(fanout_is_drained(f->fanout));
    fanout_tick(f->fanout, 299);
    assert_seen(&f->a, "");
    fanout_tick(f->fanout, 300);
    assert_seen(&f->a, "update(A3+2)");
    assert_seen(&f->b, "update(A1 A2 A3)");
    assert_true(fanout_next_tick_ms(f->fanout) == FANOUT_NO_TICK);
    assert_true(fanout_is_drained(f->fanout));
}

/* Told of so many events between two ticks, an audience would rather look for itself. */
static void one_of_a_dense_market_polls_until_that_is_quiet(void **state)
{
    struct fixture *f = *state;
    const uint32_t symbol_a = 0; /* the first stream that comes */
    subscribe(&f->a, "A", DELIVER_LATEST, 100, false);
    f->now_ms = 230;
    turn(f, "AAAAAAAA");
    assert_int_equal(book_entry(fanout_book(f->fanout), symbol_a)->routes_awake, 1);
    fanout_tick(f->fanout, 300);
    assert_seen(&f->a, "update(A8+7)");
    assert_int_equal(book_entry(fanout_book(f->fanout), symbol_a)->routes_awake, 0);
    assert_int_equal(fanout_next_tick_ms(f->fanout), 400);
    assert_true(fanout_is_drained(f->fanout));
    turn(f, "AA");
    assert_false(fanout_is_drained(f->fanout));
    fanout_tick(f->fanout, 399);
    assert_seen(&f->a, "");
    /* Whoever joins stands where the book does, and still gets no event twice. */
    subscribe(&f->b, "A", DELIVER_LATEST, 100, true);
    assert_seen(&f->b, "snapshot(A10)");
    f->a.answer = WRITE_BLOCKED;
    fanout_tick(f->fanout, 400);
    assert_seen(&f->a, "update(A10+1)");
    turn(f, "A");
    fanout_tick(f->fanout, 500);
    assert_seen(&f->b, "update(A11)");
    assert_seen(&f->a, "");
    f->a.answer = WRITE_DONE;
    reader_writeable(&f->a.reader);
    fanout_tick(f->fanout, 600);
    assert_seen(&f->a, "update(A11)");
    assert_int_equal(book_entry(fanout_book(f->fanout), symbol_a)->routes_awake, 1);
    assert_true(fanout_next_tick_ms(f->fanout) == FANOUT_NO_TICK);
    turn(f, "A");
    assert_true(fanout_next_tick_ms(f->fanout) != FANOUT_NO_TICK);
    fanout_tick(f->fanout, 700);
    assert_seen(&f->a, "update(A12)");
    assert_seen(&f->b, "update(A12)");
}

/* So many that they are sorted for their ticks; and some leave while others wait for theirs. */
static void hundreds_of_own_sets_tick_while_some_come_and_go(void **state)
{
    enum { READERS = 300 };
    struct fixture *f = *state;
    struct fake_reader *readers = calloc(READERS, sizeof *readers);
    char symbols[READERS][2];
    unsigned seen = 0, expected = 0;
    for (int i = 0; i < READERS; i++) {
        symbols[i][0] = (char)('A' + i % 26);
        symbols[i][1] = '\0';
        fake_reader_join(&readers[i], f->fanout);
        const struct delivery delivery = {.period_ms = (uint32_t)(100 + i / 26)};
        const char *const symbol = symbols[i];
        assert_int_equal(subscribe_all(&readers[i], &symbol, 1, delivery, false), 0);
    }
    for (int round = 0; round < 20; round++) {
        f->now_ms += 1000;
        turn(f, "ZYXWVUTSRQPONMLKJIHGFEDCBA");
        for (int i = round; i < READERS; i += 29) {
            seen += readers[i].frames;
            fake_reader_leave(&readers[i]);
            fake_reader_join(&readers[i], f->fanout);
            const char *const symbol = symbols[(i + round) % READERS];
            const struct delivery delivery = {.period_ms = (uint32_t)(100 + i)};
            assert_int_equal(subscribe_all(&readers[i], &symbol, 1, delivery, false), 0);
            expected--; /* it left before its tick, or came after the event */
        }
        expected += READERS;
        fanout_tick(f->fanout, f->now_ms + 1000);
        assert_true(fanout_is_drained(f->fanout));
    }
    for (int i = 0; i < READERS; i++) {
        seen += readers[i].frames;
        fake_reader_leave(&readers[i]);
    }
    assert_int_equal(seen, expected);
    free(readers);
}

static void at_most_one_frame_comes_in_a_period(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "A", DELIVER_LATEST, 50, false);
    for (f->now_ms = 1000; f->now_ms < 2000; f->now_ms++) {
        turn(f, "A");
        if (fanout_next_tick_ms(f->fanout) <= f->now_ms)
            fanout_tick(f->fanout, f->now_ms);
    }
    assert_in_range(f->a.frames, 18, 20);
}

/* A slow rate over many events must not gather them without end. */
static void what_a_rate_holds_back_is_limited_too(void **state)
{
    struct fixture *f = *state;
    subscribe(&f->a, "A", DELIVER_EVERY, 1000000, false);
    f->a.answer = WRITE_BLOCKED;
    for (int i = 0; i < 200; i++)
        turn(f, "AAAAA");
    assert_in_range(f->a.reader.queue_bytes, 0, 4 * QUEUE_BYTES);
    assert_int_equal(f->a.overflows, 1);
    f->now_ms += 2000000;
    unblock(&f->a);
    flush(f);
    fanout_tick(f->fanout, f->now_ms);
    fanout_tick(f->fanout, f->now_ms + 2000000);
    assert_true(reader_is_drained(&f->a.reader));
    assert_non_null(strstr(f->a.seen.bytes, "A1000+"));
    f->a.seen.len = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rate_holds_updates_back_until_its_tick),
        TEST(one_of_a_dense_market_polls_until_that_is_quiet),
        TEST(hundreds_of_own_sets_tick_while_some_come_and_go),
        TEST(at_most_one_frame_comes_in_a_period),
        TEST(what_a_rate_holds_back_is_limited_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
