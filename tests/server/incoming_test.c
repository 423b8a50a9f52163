/* Messages, from the pieces they come in, in their order. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/incoming.h"

enum { MAX = 10 };

static struct incoming incoming;
static struct incoming_message message;

static int teardown(void **state)
{
    (void)state;
    incoming_finish(&incoming);
    incoming = (struct incoming){0};
    return 0;
}

static enum incoming_result take(const char *text, bool is_last)
{
    return incoming_take(&incoming, text, strlen(text), is_last, MAX, &message);
}

/* A whole message has come, which is this. */
static void expect(enum incoming_result result, const char *text)
{
    assert_int_equal(result, INCOMING_MESSAGE);
    assert_int_equal(message.len, strlen(text));
    assert_memory_equal(message.bytes, text, message.len);
    incoming_forget(&incoming);
}

static void one_that_comes_whole_is_not_copied(void **state)
{
    static const char text[] = "hello";
    (void)state;
    assert_int_equal(take(text, true), INCOMING_MESSAGE);
    assert_ptr_equal(message.bytes, text);
    assert_null(incoming.piece.bytes);
    expect(take("", true), "");
}

static void pieces_are_put_together(void **state)
{
    (void)state;
    assert_int_equal(take("he", false), INCOMING_PART);
    assert_int_equal(take("", false), INCOMING_PART);
    assert_int_equal(take("ll", false), INCOMING_PART);
    expect(take("o", true), "hello");
    assert_null(incoming.piece.bytes); /* nothing is kept for the next one */
    assert_int_equal(take("ab", false), INCOMING_PART);
    expect(take("", true), "ab"); /* the last may be empty */
    expect(take("cd", true), "cd");
}

static void the_limit_is_of_the_whole_message(void **state)
{
    (void)state;
    expect(take("0123456789", true), "0123456789");
    assert_int_equal(take("01234567890", true), INCOMING_TOO_LARGE);
    assert_int_equal(take("01234567", false), INCOMING_PART);
    expect(take("89", true), "0123456789");
    assert_int_equal(take("01234567", false), INCOMING_PART);
    assert_int_equal(take("890", false), INCOMING_PART);
    assert_int_equal(take("1", false), INCOMING_PART); /* small again, but of the same */
    assert_int_equal(take("2", true), INCOMING_TOO_LARGE);
    expect(take("next", true), "next");
}

static void not_even_what_is_thrown_away_may_go_on_for_ever(void **state)
{
    enum { CHUNK = 4096 };
    char *chunk = malloc(CHUNK);
    size_t sent = 0;
    (void)state;
    memset(chunk, 'x', CHUNK);
    for (; sent + CHUNK <= INCOMING_DISCARD_BYTES_MAX; sent += CHUNK)
        assert_int_equal(incoming_take(&incoming, chunk, CHUNK, false, MAX, &message),
                         INCOMING_PART);
    assert_null(incoming.piece.bytes);
    assert_int_equal(incoming_take(&incoming, "x", 1, true, MAX, &message), INCOMING_ENDLESS);
    free(chunk);
}

static int defer(const char *text, bool is_binary)
{
    return incoming_defer(&incoming, &(struct incoming_message){text, strlen(text), is_binary});
}

static void expect_next(size_t *at, const char *text, bool is_binary)
{
    assert_true(incoming_next(&incoming, at, &message));
    assert_int_equal(message.len, strlen(text));
    assert_memory_equal(message.bytes, text, message.len);
    assert_int_equal(message.is_binary, is_binary);
}

static void what_waits_keeps_its_order(void **state)
{
    size_t at = 0;
    (void)state;
    assert_false(incoming_is_deferring(&incoming));
    assert_false(incoming_next(&incoming, &at, &message));
    assert_int_equal(defer("one", false), 0);
    assert_int_equal(defer("", false), 0);
    assert_int_equal(defer("\1\2", true), 0);
    expect_next(&at, "one", false);
    expect_next(&at, "", false);
    assert_true(incoming_is_deferring(&incoming)); /* what comes now still comes later */
    assert_true(incoming_drop(&incoming, at));
    assert_int_equal(defer("four", false), 0);
    at = 0;
    expect_next(&at, "\1\2", true);
    expect_next(&at, "four", false);
    assert_false(incoming_next(&incoming, &at, &message));
    assert_true(incoming_drop(&incoming, at));
    assert_false(incoming_is_deferring(&incoming));
    assert_null(incoming.deferred.bytes);
}

static void waiting_is_limited_and_what_was_kept_stays_whole(void **state)
{
    const size_t half = INCOMING_DEFERRED_BYTES_MAX / 2;
    char *bytes = malloc(half);
    size_t at = 0;
    (void)state;
    memset(bytes, 'x', half);
    const struct incoming_message large = {bytes, half, false};
    assert_int_equal(incoming_defer(&incoming, &large), 0);
    assert_int_equal(incoming_defer(&incoming, &large), -ENOSPC);
    assert_int_equal(defer("small", false), 0);
    assert_true(incoming_next(&incoming, &at, &message));
    assert_int_equal(message.len, half);
    expect_next(&at, "small", false);
    assert_false(incoming_next(&incoming, &at, &message));
    free(bytes);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_comes_whole_is_not_copied),
        TEST(pieces_are_put_together),
        TEST(the_limit_is_of_the_whole_message),
        TEST(not_even_what_is_thrown_away_may_go_on_for_ever),
        TEST(what_waits_keeps_its_order),
        TEST(waiting_is_limited_and_what_was_kept_stays_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
