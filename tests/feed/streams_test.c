/* Numbers for names: stable, dense, bounded; and which names are names. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "feed/streams.h"

static long intern(struct streams *streams, const char *source, const char *symbol,
                   enum event_kind kind)
{
    return streams_intern(streams, source, strlen(source), symbol, strlen(symbol), kind);
}

static int setup(void **state)
{
    *state = streams_create(3000);
    return *state == NULL;
}

static int teardown(void **state)
{
    streams_destroy(*state);
    return 0;
}

static void the_same_names_and_kind_have_one_number(void **state)
{
    struct streams *streams = *state;
    assert_int_equal(intern(streams, "a", "X", EVENT_TRADE), 0);
    assert_int_equal(intern(streams, "a", "X", EVENT_QUOTE), 1);
    assert_int_equal(intern(streams, "b", "X", EVENT_TRADE), 2);
    assert_int_equal(intern(streams, "a", "Y", EVENT_TRADE), 3);
    assert_int_equal(intern(streams, "a", "X", EVENT_TRADE), 0);
    assert_int_equal(intern(streams, "b", "X", EVENT_TRADE), 2);
    assert_int_equal(streams_count(streams), 4);
}

/* "ab" + "c" is not "a" + "bc". */
static void names_do_not_run_together(void **state)
{
    assert_int_equal(intern(*state, "ab", "c", EVENT_TRADE), 0);
    assert_int_equal(intern(*state, "a", "bc", EVENT_TRADE), 1);
}

static void names_and_kind_can_be_asked_for(void **state)
{
    intern(*state, "a", "X", EVENT_TRADE);
    const struct stream *stream = streams_get(*state, 0);
    assert_int_equal(stream->number, 0);
    assert_int_equal(stream->kind, EVENT_TRADE);
    assert_string_equal(stream->symbol, "X");
    assert_string_equal(stream->source, "a");
}

/* Other threads keep what streams_get() gave them. */
static void entries_never_move(void **state)
{
    struct streams *streams = *state;
    char symbol[16];
    intern(streams, "a", "first", EVENT_TRADE);
    const struct stream *first = streams_get(streams, 0);
    for (int i = 1; i < 3000; i++) {
        snprintf(symbol, sizeof symbol, "S%d", i);
        assert_int_equal(intern(streams, "a", symbol, EVENT_TRADE), i);
    }
    assert_ptr_equal(streams_get(streams, 0), first);
    assert_string_equal(first->symbol, "first");
    assert_string_equal(streams_get(streams, 2999)->symbol, "S2999");
    assert_int_equal(intern(streams, "a", "S1500", EVENT_TRADE), 1500);
}

static void a_full_table_still_finds_what_it_has(void **state)
{
    struct streams *streams = streams_create(2);
    (void)state;
    assert_int_equal(intern(streams, "a", "X", EVENT_TRADE), 0);
    assert_int_equal(intern(streams, "a", "Y", EVENT_TRADE), 1);
    assert_int_equal(intern(streams, "a", "Z", EVENT_TRADE), -ENOSPC);
    assert_int_equal(intern(streams, "a", "Y", EVENT_TRADE), 1);
    assert_int_equal(streams_count(streams), 2);
    streams_destroy(streams);
}

static void a_table_has_room_for_1_to_its_limit(void **state)
{
    (void)state;
    assert_null(streams_create(0));
    assert_null(streams_create(STREAMS_MAX_LIMIT + 1));
    struct streams *largest = streams_create(STREAMS_MAX_LIMIT);
    assert_non_null(largest);
    streams_destroy(largest);
    streams_destroy(NULL);
}

static void only_the_stream_of_a_sources_states_needs_no_symbol(void **state)
{
    assert_int_equal(intern(*state, "a", "", EVENT_FEED), 0);
    assert_int_equal(intern(*state, "a", "", EVENT_TRADE), -EINVAL);
    assert_int_equal(intern(*state, "", "", EVENT_FEED), -EINVAL);
    assert_int_equal(intern(*state, "", "X", EVENT_TRADE), -EINVAL);
    assert_int_equal(streams_count(*state), 1);
}

static void a_name_has_1_to_128_bytes(void **state)
{
    char name[NAME_BYTES_MAX + 1];
    memset(name, 'x', sizeof name);
    assert_false(name_is_valid("", 0));
    assert_true(name_is_valid(name, 1));
    assert_true(name_is_valid(name, NAME_BYTES_MAX));
    assert_false(name_is_valid(name, NAME_BYTES_MAX + 1));
    assert_int_equal(streams_intern(*state, name, sizeof name, "X", 1, EVENT_TRADE), -EINVAL);
    assert_int_equal(streams_intern(*state, "a", 1, name, sizeof name, EVENT_TRADE), -EINVAL);
    assert_int_equal(
        streams_intern(*state, name, NAME_BYTES_MAX, name, NAME_BYTES_MAX, EVENT_TRADE), 0);
}

static void a_name_is_utf8_without_control_characters(void **state)
{
    static const char *const good[] = {"BTC-USD",
                                       "XBT/USD",
                                       "a b",
                                       "\"\\",
                                       "\xc3\xa4",
                                       "\xe2\x82\xac",
                                       "\xf0\x9f\x98\x80",
                                       "\xc2\xa0",
                                       "\xf4\x8f\xbf\xbf",
                                       "\xed\x9f\xbf"};
    static const char *const bad[] = {"a\n",
                                      "\x1f",
                                      "\x7f",
                                      "\xc2\x80",
                                      "\xc2\x9f",
                                      "\xff",
                                      "\x80",
                                      "\xc3",
                                      "\xc3(",
                                      "\xc0\xaf",
                                      "\xc1\xbf",
                                      "\xe2\x82",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "x\xf0\x9f\x98"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(name_is_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(name_is_valid(bad[i], strlen(bad[i])));
    assert_false(name_is_valid("a\0b", 3));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_names_and_kind_have_one_number),
        TEST(names_do_not_run_together),
        TEST(names_and_kind_can_be_asked_for),
        TEST(entries_never_move),
        TEST(a_full_table_still_finds_what_it_has),
        TEST(a_table_has_room_for_1_to_its_limit),
        TEST(only_the_stream_of_a_sources_states_needs_no_symbol),
        TEST(a_name_has_1_to_128_bytes),
        TEST(a_name_is_utf8_without_control_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
