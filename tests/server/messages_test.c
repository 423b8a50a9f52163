/* Every message is JSON and has the members that PROTOCOL.md promises. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "feed/streams.h"
#include "server/messages.h"

struct fixture {
    struct streams *streams;
    struct fanout *fanout;
    struct text text;
    json_t *root; /* of the last look */
};

static void on_overflow(struct reader *reader)
{
    (void)reader;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->streams = streams_create(100);
    f->fanout = fanout_create(
        &(struct fanout_options){.streams = f->streams, .epoch = 1, .overflowed = on_overflow});
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    json_decref(f->root);
    text_finish(&f->text);
    fanout_destroy(f->fanout);
    streams_destroy(f->streams);
    free(f);
    return 0;
}

/* Parses what was put, exactly one object, and empties the text. */
static void look(struct fixture *f, const char *type)
{
    json_decref(f->root);
    f->root = json_loadb(f->text.bytes, f->text.len, JSON_REJECT_DUPLICATES, NULL);
    assert_true(json_is_object(f->root));
    assert_string_equal(json_string_value(json_object_get(f->root, "type")), type);
    text_clear(&f->text, 1000);
}

/* `expected` is the member's JSON text. */
static void expect_member(struct fixture *f, const char *name, const char *expected)
{
    char *text = json_dumps(json_object_get(f->root, name), JSON_COMPACT | JSON_ENCODE_ANY);
    if (expected == NULL)
        assert_null(text);
    else
        assert_string_equal(text, expected);
    free(text);
}

static void expect_now(struct fixture *f, const char *name)
{
    const int64_t ts = json_integer_value(json_object_get(f->root, name));
    assert_true(ts <= wall_us() && ts > wall_us() - 60000000);
}

static void publish(struct fixture *f, const char *symbol)
{
    struct price_event event = event_make(EVENT_TRADE);
    event.stream =
        (uint32_t)streams_intern(f->streams, "x", 1, symbol, strlen(symbol), EVENT_TRADE) &
        EVENT_NO_STREAM;
    event.seq = 1;
    fanout_event(f->fanout, &event, 0);
    fanout_flush(f->fanout, 0);
}

static struct command parse(const char *text)
{
    struct command command;
    struct command_error error;
    assert_true(command_parse(text, strlen(text), &command, &error));
    return command;
}

static void plan_make(struct plan *plan, const char *const *symbols, const unsigned *kinds,
                      size_t count)
{
    struct topics topics = {0};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(topics_set(&topics, &symbols[i], 1, kinds[i], (struct delivery){0}), 0);
    assert_int_equal(plan_init(plan, &topics), 0);
}

static void hello_says_who_and_in_which_epoch(void **state)
{
    struct fixture *f = *state;
    put_hello(&f->text, "replay", 0xabcdef, 5000);
    look(f, "hello");
    expect_member(f, "protocol", "\"pricecast.v1\"");
    expect_member(f, "server", "\"pricecast/" PRICECAST_VERSION "\"");
    expect_member(f, "epoch", "\"0000000000abcdef\"");
    expect_member(f, "mode", "\"replay\"");
    expect_member(f, "heartbeat_ms", "5000");
}

static void subscribed_tells_known_from_pending_and_rejected(void **state)
{
    static const char *const symbols[] = {"A", "NEW", "A*", "Z*"};
    static const unsigned kinds[] = {3, 3, 3, 3};
    struct fixture *f = *state;
    struct plan plan;
    publish(f, "A");
    struct command command = parse("{\"op\":\"subscribe\",\"id\":7,\"symbols\":"
                                   "[\"A\",\"NEW\",\"A*\",\"Z*\",\"\",\"b\\nc\"]}");
    plan_make(&plan, symbols, kinds, 4);
    put_subscribed(&f->text, f->fanout, &command, &plan);
    look(f, "subscribed");
    expect_member(f, "id", "7");
    expect_member(f, "symbols", "[\"A\",\"A*\"]");
    expect_member(f, "pending", "[\"NEW\",\"Z*\"]");
    expect_member(f, "rejected",
                  "[{\"symbol\":\"\",\"code\":\"bad_request\"},"
                  "{\"symbol\":\"b\\nc\",\"code\":\"bad_request\"}]");
    expect_member(f, "total", "2");
    command_finish(&command);
    plan_finish(&plan);
}

/* What is sent back must be UTF-8 even where a long symbol is cut. */
static void a_long_rejected_symbol_is_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    for (int before = 0; before < 3; before++) {
        struct text message = {0};
        text_puts(&message, "{\"op\":\"subscribe\",\"symbols\":[\"");
        for (int i = 0; i < before; i++)
            text_puts(&message, "x");
        for (int i = 0; i < 60; i++)
            text_puts(&message, "\xe2\x82\xac");
        text_puts(&message, "\"]}");
        text_put(&message, "", 1);
        struct command command = parse(message.bytes);
        put_subscribed(&f->text, f->fanout, &command, NULL);
        look(f, "subscribed");
        const json_t *item = json_array_get(json_object_get(f->root, "rejected"), 0);
        const size_t len = json_string_length(json_object_get(item, "symbol"));
        assert_in_range(len, 126, NAME_BYTES_MAX);
        assert_int_equal((len - (size_t)before) % 3, 0);
        expect_member(f, "total", "0");
        command_finish(&command);
        text_finish(&message);
    }
}

static void unsubscribed_repeats_the_symbols(void **state)
{
    static const char *const symbols[] = {"B"};
    static const unsigned kinds[] = {3};
    struct fixture *f = *state;
    struct plan plan;
    publish(f, "B");
    struct command command =
        parse("{\"op\":\"unsubscribe\",\"id\":\"x\",\"symbols\":[\"A\",\"q\\\"\"]}");
    plan_make(&plan, symbols, kinds, 1);
    put_unsubscribed(&f->text, f->fanout, &command, &plan);
    look(f, "unsubscribed");
    expect_member(f, "id", "\"x\"");
    expect_member(f, "symbols", "[\"A\",\"q\\\"\"]");
    expect_member(f, "total", "1");
    put_unsubscribed(&f->text, f->fanout, &command, NULL);
    look(f, "unsubscribed");
    expect_member(f, "total", "0");
    command_finish(&command);
    plan_finish(&plan);
}

/* One symbol may be two topics, with trades this way and quotes that way. */
static void subscriptions_list_each_symbol_once(void **state)
{
    static const char *const symbols[] = {"A*", "B", "*", "B", "A*", "A"};
    static const unsigned kinds[] = {1 << EVENT_TRADE, 1 << EVENT_TRADE, 3,
                                     1 << EVENT_QUOTE, 1 << EVENT_QUOTE, 3};
    struct fixture *f = *state;
    struct plan plan;
    publish(f, "A");
    struct command command = parse("{\"op\":\"list\",\"id\":9}");
    plan_make(&plan, symbols, kinds, 6);
    put_subscriptions(&f->text, &command, &plan);
    look(f, "subscriptions");
    expect_member(f, "id", "9");
    expect_member(f, "symbols", "[\"A\",\"B\",\"A*\",\"*\"]");
    put_unsubscribed(&f->text, f->fanout, &command, &plan);
    look(f, "unsubscribed");
    expect_member(f, "total", "3"); /* B is not known */
    put_subscriptions(&f->text, &command, NULL);
    look(f, "subscriptions");
    expect_member(f, "symbols", "[]");
    command_finish(&command);
    plan_finish(&plan);
}

static void pong_and_heartbeat_carry_the_time(void **state)
{
    struct fixture *f = *state;
    put_pong(&f->text, "3");
    look(f, "pong");
    expect_member(f, "id", "3");
    expect_now(f, "ts");
    put_pong(&f->text, "");
    look(f, "pong");
    expect_member(f, "id", NULL);
    put_heartbeat(&f->text);
    look(f, "heartbeat");
    expect_now(f, "ts");
}

static void feed_names_the_source_and_its_state(void **state)
{
    static const char *const names[] = {"\"up\"", "\"down\"", "\"paused\"", "\"ended\""};
    struct fixture *f = *state;
    for (unsigned i = 0; i < 4; i++) {
        struct price_event event = event_make(EVENT_FEED);
        event.detail = i & 15u;
        event.ts_ns = 1234567;
        put_feed(&f->text, "so\"urce", &event);
        look(f, "feed");
        expect_member(f, "source", "\"so\\\"urce\"");
        expect_member(f, "state", names[i]);
        expect_member(f, "ts", "1234");
    }
}

static void reset_names_the_epoch_and_the_reason(void **state)
{
    struct fixture *f = *state;
    put_reset(&f->text, UINT64_MAX, RESET_LOOP);
    look(f, "reset");
    expect_member(f, "epoch", "\"ffffffffffffffff\"");
    expect_member(f, "reason", "\"loop\"");
    put_reset(&f->text, 1, RESET_SEEK);
    look(f, "reset");
    expect_member(f, "epoch", "\"0000000000000001\"");
    expect_member(f, "reason", "\"seek\"");
}

static void shutdown_says_when_to_come_back(void **state)
{
    struct fixture *f = *state;
    put_shutdown(&f->text, 1840);
    look(f, "shutdown");
    expect_member(f, "reconnect_in_ms", "1840");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hello_says_who_and_in_which_epoch),
        TEST(subscribed_tells_known_from_pending_and_rejected),
        TEST(a_long_rejected_symbol_is_cut_between_characters),
        TEST(unsubscribed_repeats_the_symbols),
        TEST(subscriptions_list_each_symbol_once),
        TEST(pong_and_heartbeat_carry_the_time),
        TEST(feed_names_the_source_and_its_state),
        TEST(reset_names_the_epoch_and_the_reason),
        TEST(shutdown_says_when_to_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
