/* The last values of one shard, their texts, and who wants them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/book.h"

struct fixture {
    struct streams *streams;
    struct book *book;
    uint32_t added[4000];
    size_t added_count;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->streams = streams_create(4000);
    f->book = book_create(f->streams);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    book_destroy(f->book);
    streams_destroy(f->streams);
    free(f);
    return 0;
}

static void note(void *ctx, uint32_t stream)
{
    struct fixture *f = ctx;
    f->added[f->added_count++] = stream;
}

static uint32_t intern(struct fixture *f, const char *source, const char *symbol,
                       enum event_kind kind)
{
    const long number =
        streams_intern(f->streams, source, strlen(source), symbol, strlen(symbol), kind);
    assert_true(number >= 0);
    return (uint32_t)number;
}

static void put(struct fixture *f, uint32_t stream, uint64_t seq)
{
    struct price_event *latest = &book_entry(f->book, stream)->latest;
    *latest = event_make(EVENT_TRADE);
    latest->stream = stream & EVENT_NO_STREAM;
    latest->seq = seq;
}

static void expect_text(struct fixture *f, uint32_t stream, const char *expected)
{
    size_t len;
    const char *text = book_text(f->book, stream, &len);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text, expected, len);
    assert_int_equal(text[-1], ',');
}

static void it_learns_streams_in_the_order_of_their_numbers(void **state)
{
    struct fixture *f = *state;
    intern(f, "x", "A", EVENT_TRADE);
    intern(f, "x", "", EVENT_FEED);
    intern(f, "x", "B", EVENT_QUOTE);
    assert_int_equal(book_count(f->book), 0);
    assert_true(book_learn(f->book, 1, note, f));
    assert_int_equal(book_count(f->book), 2);
    assert_true(book_learn(f->book, 1, note, f)); /* nothing new */
    assert_true(book_learn(f->book, 2, note, f));
    assert_int_equal(f->added_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(f->added[i], i);
        assert_int_equal(book_entry(f->book, i)->stream->number, i);
        assert_int_equal(book_entry(f->book, i)->latest.seq, 0);
    }
}

/* Audiences and texts keep pointers to entries. */
static void entries_do_not_move_as_the_book_grows(void **state)
{
    struct fixture *f = *state;
    char name[16];
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "S%d", i);
        intern(f, "x", name, EVENT_TRADE);
    }
    assert_true(book_learn(f->book, 0, note, f));
    const struct book_entry *first = book_entry(f->book, 0);
    assert_true(book_learn(f->book, 2999, note, f));
    assert_ptr_equal(book_entry(f->book, 0), first);
    assert_string_equal(book_entry(f->book, 2999)->stream->symbol, "S2999");
}

static void a_symbol_finds_its_streams_of_all_sources_and_kinds(void **state)
{
    struct fixture *f = *state;
    intern(f, "x", "A", EVENT_TRADE);
    intern(f, "y", "A", EVENT_TRADE);
    intern(f, "x", "AB", EVENT_TRADE);
    intern(f, "x", "", EVENT_FEED);
    intern(f, "x", "A", EVENT_QUOTE);
    assert_true(book_learn(f->book, 4, note, f));
    f->added_count = 0;
    book_symbol(f->book, "A", note, f);
    assert_int_equal(f->added_count, 3);
    assert_int_equal(f->added[0], 0);
    assert_int_equal(f->added[1], 1);
    assert_int_equal(f->added[2], 4);
    f->added_count = 0;
    book_symbol(f->book, "", note, f); /* states of sources are no symbol's */
    book_symbol(f->book, "a", note, f);
    book_symbol(f->book, "A*", note, f);
    assert_int_equal(f->added_count, 0);
}

static void the_text_is_the_item_and_a_comma_stands_before_it(void **state)
{
    struct fixture *f = *state;
    const uint32_t stream = intern(f, "x", "A", EVENT_TRADE);
    assert_true(book_learn(f->book, stream, note, f));
    put(f, stream, 41);
    expect_text(f, stream, "{\"kind\":\"trade\",\"symbol\":\"A\",\"source\":\"x\",\"seq\":41}");
}

static void the_text_is_made_once_for_an_event_and_anew_for_the_next(void **state)
{
    struct fixture *f = *state;
    const uint32_t stream = intern(f, "x", "A", EVENT_TRADE);
    size_t len;
    assert_true(book_learn(f->book, stream, note, f));
    put(f, stream, 1);
    const char *text = book_text(f->book, stream, &len);
    assert_ptr_equal(book_text(f->book, stream, &len), text);
    put(f, stream, 2);
    expect_text(f, stream, "{\"kind\":\"trade\",\"symbol\":\"A\",\"source\":\"x\",\"seq\":2}");
    book_turn(f->book);
    expect_text(f, stream, "{\"kind\":\"trade\",\"symbol\":\"A\",\"source\":\"x\",\"seq\":2}");
}

/* The new epoch's first event has the old one's seq: its text must not be taken for the old. */
static void a_reset_forgets_events_and_their_texts(void **state)
{
    struct fixture *f = *state;
    const uint32_t stream = intern(f, "x", "A", EVENT_TRADE);
    assert_true(book_learn(f->book, stream, note, f));
    put(f, stream, 1);
    expect_text(f, stream, "{\"kind\":\"trade\",\"symbol\":\"A\",\"source\":\"x\",\"seq\":1}");
    book_reset(f->book);
    assert_int_equal(book_entry(f->book, stream)->latest.seq, 0);
    assert_int_equal(book_count(f->book), 1);
    put(f, stream, 1);
    book_entry(f->book, stream)->latest.ts_ns = 5000;
    expect_text(f, stream,
                "{\"kind\":\"trade\",\"symbol\":\"A\",\"source\":\"x\",\"seq\":1,\"ts\":5}");
}

static void expect_routes(struct fixture *f, uint32_t stream, uint32_t awake, const char *indexes)
{
    const struct book_entry *entry = book_entry(f->book, stream);
    assert_int_equal(entry->routes_awake, awake);
    assert_int_equal(entry->routes_count, strlen(indexes));
    for (uint32_t i = 0; i < entry->routes_count; i++)
        assert_int_equal(entry->routes[i].index, indexes[i] - '0');
}

/* Who moves a route is told of the one that made room for it, and so of every route's place. */
static void routes_sleep_wake_and_leave_and_another_one_takes_the_place(void **state)
{
    struct fixture *f = *state;
    char somebody[4];
    struct route moved;
    const uint32_t stream = intern(f, "x", "A", EVENT_TRADE);
    assert_true(book_learn(f->book, stream, note, f));
    for (uint32_t i = 0; i < 4; i++) {
        const struct route route = {(struct audience *)(void *)&somebody[i], i};
        assert_int_equal(book_route_add(f->book, stream, route), i);
    }
    expect_routes(f, stream, 0, "0123");
    assert_int_equal(book_route_wake(f->book, stream, 2, &moved), 0);
    assert_int_equal(moved.index, 0); /* now at place 2 */
    assert_ptr_equal(moved.audience, &somebody[0]);
    assert_int_equal(book_route_wake(f->book, stream, 1, &moved), 1);
    assert_null(moved.audience); /* it was the first of those asleep */
    assert_int_equal(book_route_wake(f->book, stream, 3, &moved), 2);
    assert_int_equal(moved.index, 0);
    expect_routes(f, stream, 3, "2130");
    assert_int_equal(book_route_sleep(f->book, stream, 0, &moved), 2);
    assert_int_equal(moved.index, 3);
    expect_routes(f, stream, 2, "3120");
    book_route_remove(f->book, stream, 2, &moved);
    assert_int_equal(moved.index, 0);
    book_route_remove(f->book, stream, 2, &moved); /* the last itself: none moves */
    assert_null(moved.audience);
    expect_routes(f, stream, 2, "31");
    for (uint32_t i = 2; i-- > 0;) {
        assert_int_equal(book_route_sleep(f->book, stream, i, &moved), i);
        book_route_remove(f->book, stream, i, &moved);
    }
    expect_routes(f, stream, 0, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_learns_streams_in_the_order_of_their_numbers),
        TEST(entries_do_not_move_as_the_book_grows),
        TEST(a_symbol_finds_its_streams_of_all_sources_and_kinds),
        TEST(the_text_is_the_item_and_a_comma_stands_before_it),
        TEST(the_text_is_made_once_for_an_event_and_anew_for_the_next),
        TEST(a_reset_forgets_events_and_their_texts),
        TEST(routes_sleep_wake_and_leave_and_another_one_takes_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
