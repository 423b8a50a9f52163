/* What a client may say, and how it is told what it may not. Codes and texts are PROTOCOL.md's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/streams.h"
#include "server/command.h"

static struct command good(const char *text)
{
    struct command command;
    struct command_error error;
    if (!command_parse(text, strlen(text), &command, &error))
        fail_msg("%s: %s %s", text, error.code, error.message);
    return command;
}

static struct command_error bad_bytes(const char *text, size_t len)
{
    struct command command;
    struct command_error error;
    if (command_parse(text, len, &command, &error))
        fail_msg("%.100s was taken", text);
    assert_int_not_equal(error.message[0], '\0');
    return error;
}

static void expect_bad(const char *text, const char *code, const char *says)
{
    const struct command_error error = bad_bytes(text, strlen(text));
    if (strcmp(error.code, code) != 0 || strstr(error.message, says) == NULL)
        fail_msg("%s: %s: %s", text, error.code, error.message);
}

/* ---- ops ---- */

static void a_subscription_has_defaults(void **state)
{
    (void)state;
    struct command command = good("{\"op\":\"subscribe\",\"symbols\":[\"A\"]}");
    assert_int_equal(command.op, OP_SUBSCRIBE);
    assert_int_equal(command.symbols_count, 1);
    assert_string_equal(command.symbols[0], "A");
    assert_int_equal(command.rejected_count, 0);
    assert_int_equal(command.kinds, KIND_BITS_ALL);
    assert_int_equal(command.delivery.mode, DELIVER_LATEST);
    assert_int_equal(command.delivery.period_ms, 0);
    assert_false(command.delivery.ohlc || command.delivery.clocks);
    assert_true(command.snapshot);
    assert_string_equal(command.id, "");
    command_finish(&command);
}

static void a_subscription_says_how(void **state)
{
    (void)state;
    struct command command =
        good("{\"op\":\"subscribe\",\"id\":7,\"symbols\":[\"BTC-USD\",\"ETH-*\",\"*\"],"
             "\"kinds\":[\"quote\"],\"mode\":\"every\",\"max_rate\":10,\"snapshot\":false,"
             "\"ohlc\":true,\"clocks\":true,"
             "\"unknown\":{\"fields\":[\"are ignored\"]}}");
    assert_int_equal(command.symbols_count, 3);
    assert_string_equal(command.symbols[1], "ETH-*");
    assert_int_equal(command.kinds, 1 << EVENT_QUOTE);
    assert_int_equal(command.delivery.mode, DELIVER_EVERY);
    assert_int_equal(command.delivery.period_ms, 100);
    assert_true(command.delivery.ohlc && command.delivery.clocks);
    assert_false(command.snapshot);
    assert_string_equal(command.id, "7");
    command_finish(&command);
}

static void the_other_ops_are_known(void **state)
{
    (void)state;
    struct command command = good("{\"op\":\"unsubscribe\",\"id\":8,\"symbols\":[\"A\",\"B\"]}");
    assert_int_equal(command.op, OP_UNSUBSCRIBE);
    assert_int_equal(command.symbols_count, 2);
    command_finish(&command);
    command = good("{\"op\":\"list\",\"id\":9}");
    assert_int_equal(command.op, OP_LIST);
    command_finish(&command);
    command = good("{\"op\":\"ping\",\"symbols\":5}");
    assert_int_equal(command.op, OP_PING);
    command_finish(&command);
}

static void other_ops_are_unknown(void **state)
{
    (void)state;
    expect_bad("{\"op\":\"Subscribe\"}", "unknown_op", "subscribe, unsubscribe, list or ping");
    expect_bad("{\"op\":\"\"}", "unknown_op", "op");
    expect_bad("{}", "bad_request", "op");
    expect_bad("{\"op\":5}", "bad_request", "op");
}

/* ---- JSON ---- */

static void what_is_no_json_object_is_refused(void **state)
{
    (void)state;
    expect_bad("", "bad_json", "at byte");
    expect_bad("{\"op\":\"ping\"", "bad_json", "at byte");
    expect_bad("{\"op\":\"ping\"} x", "bad_json", "at byte");
    expect_bad("{'op':'ping'}", "bad_json", "at byte");
    expect_bad("{\"op\":\"ping\",\"op\":\"list\"}", "bad_json", "at byte"); /* which one? */
    expect_bad("[]", "bad_request", "object");
    expect_bad("{\"op\":\"ping\",\"id\":\"\xff\"}", "bad_json", "at byte");
    expect_bad("{\"op\":\"ping\",\"id\":\"\\u0000\"}", "bad_json", "at byte");
    assert_string_equal(bad_bytes("{\"op\":\"ping\"}\0", 14).code, "bad_json");
}

static void depth_has_a_limit(void **state)
{
    char text[200];
    (void)state;
    for (int depth = COMMAND_DEPTH_MAX - 1; depth <= COMMAND_DEPTH_MAX; depth++) {
        char *at = text + sprintf(text, "{\"op\":\"ping\",\"x\":");
        for (int i = 0; i < depth; i++)
            *at++ = '[';
        for (int i = 0; i < depth; i++)
            *at++ = ']';
        sprintf(at, "}");
        if (depth < COMMAND_DEPTH_MAX) {
            struct command command = good(text);
            command_finish(&command);
        } else {
            expect_bad(text, "bad_json", "16 deep");
        }
    }
    struct command command = good("{\"op\":\"ping\",\"x\":\"[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[\"}");
    command_finish(&command); /* brackets in strings are no depth */
}

/* ---- ids ---- */

static void expect_id(const char *id, const char *echo)
{
    char text[300];
    snprintf(text, sizeof text, "{\"op\":\"ping\",\"id\":%s}", id);
    struct command command = good(text);
    assert_string_equal(command.id, echo);
    command_finish(&command);
}

static void an_id_is_given_back_as_it_was(void **state)
{
    char longest[80];
    (void)state;
    expect_id("0", "0");
    expect_id("-9223372036854775808", "-9223372036854775808");
    expect_id("\"seven\"", "\"seven\"");
    expect_id("\"a\\\"b\\\\\"", "\"a\\\"b\\\\\"");
    expect_id("\"\\u0041\xc3\xa9\"", "\"A\xc3\xa9\"");
    expect_id("null", "");
    snprintf(longest, sizeof longest, "\"%064d\"", 0);
    expect_id(longest, longest);
}

static void other_ids_are_refused(void **state)
{
    static const char *const ids[] = {"1.5", "true", "[]", "{}"};
    char text[600];
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        snprintf(text, sizeof text, "{\"op\":\"ping\",\"id\":%s}", ids[i]);
        expect_bad(text, "bad_request", "id");
    }
    snprintf(text, sizeof text, "{\"op\":\"ping\",\"id\":\"%065d\"}", 0);
    expect_bad(text, "bad_request", "id");
    char *at = text + sprintf(text, "{\"op\":\"ping\",\"id\":\"");
    for (int i = 0; i < 64; i++)
        at += sprintf(at, "\\u0001");
    sprintf(at, "\"}");
    expect_bad(text, "bad_request", "escape");
}

static void a_refusal_carries_the_id_where_it_could_be_read(void **state)
{
    static const char text[] = "{\"op\":\"fly\",\"id\":\"x\"}";
    (void)state;
    assert_string_equal(bad_bytes(text, sizeof text - 1).id, "\"x\"");
    assert_string_equal(bad_bytes("{\"id\":7", 7).id, "");
    assert_string_equal(bad_bytes("{\"id\":7.5,\"op\":\"ping\"}", 22).id, "");
}

/* ---- symbols ---- */

static void symbols_must_be_an_array_of_strings_with_something_in_it(void **state)
{
    (void)state;
    expect_bad("{\"op\":\"subscribe\"}", "bad_request", "symbols");
    expect_bad("{\"op\":\"subscribe\",\"symbols\":[]}", "bad_request", "symbols");
    expect_bad("{\"op\":\"subscribe\",\"symbols\":\"A\"}", "bad_request", "symbols");
    expect_bad("{\"op\":\"subscribe\",\"symbols\":[\"A\",5]}", "bad_request", "symbols");
    expect_bad("{\"op\":\"unsubscribe\",\"symbols\":{}}", "bad_request", "symbols");
}

static void one_bad_symbol_is_rejected_and_the_others_count(void **state)
{
    char text[600], longest[NAME_BYTES_MAX + 1];
    (void)state;
    memset(longest, 'L', NAME_BYTES_MAX);
    longest[NAME_BYTES_MAX] = '\0';
    snprintf(text, sizeof text,
             "{\"op\":\"subscribe\",\"symbols\":[\"A\",\"\",\"%s\",\"%sx\",\"a\\nb\",\"B\"]}",
             longest, longest);
    struct command command = good(text);
    assert_int_equal(command.symbols_count, 3);
    assert_string_equal(command.symbols[0], "A");
    assert_string_equal(command.symbols[1], longest);
    assert_string_equal(command.symbols[2], "B");
    assert_int_equal(command.rejected_count, 3);
    assert_int_equal(command.rejected[0].len, 0);
    assert_int_equal(command.rejected[1].len, NAME_BYTES_MAX + 1);
    assert_string_equal(command.rejected[2].symbol, "a\nb");
    assert_string_equal(command.rejected[2].code, "bad_request");
    command_finish(&command);
}

static void a_message_has_at_most_ten_thousand_symbols(void **state)
{
    struct text text = {0};
    (void)state;
    text_puts(&text, "{\"op\":\"subscribe\",\"symbols\":[\"A\"");
    for (int i = 1; i < COMMAND_SYMBOLS_MAX; i++)
        text_puts(&text, ",\"A\"");
    const size_t len = text.len;
    struct command command;
    struct command_error error;
    text_puts(&text, "]}");
    assert_true(command_parse(text.bytes, text.len, &command, &error));
    assert_int_equal(command.symbols_count, COMMAND_SYMBOLS_MAX);
    command_finish(&command);
    text.len = len;
    text_puts(&text, ",\"A\"]}");
    assert_false(command_parse(text.bytes, text.len, &command, &error));
    assert_string_equal(error.code, "limit_exceeded");
    text_finish(&text);
}

/* ---- how ---- */

static void kinds_are_trade_and_quote(void **state)
{
    (void)state;
#define SUBSCRIBE "{\"op\":\"subscribe\",\"symbols\":[\"A\"],"
    struct command command = good(SUBSCRIBE "\"kinds\":[\"quote\",\"trade\",\"quote\"]}");
    assert_int_equal(command.kinds, KIND_BITS_ALL);
    command_finish(&command);
    command = good(SUBSCRIBE "\"kinds\":[\"trade\"]}");
    assert_int_equal(command.kinds, 1 << EVENT_TRADE);
    command_finish(&command);
    expect_bad(SUBSCRIBE "\"kinds\":[]}", "bad_request", "kinds");
    expect_bad(SUBSCRIBE "\"kinds\":null}", "bad_request", "kinds");
    expect_bad(SUBSCRIBE "\"kinds\":\"trade\"}", "bad_request", "kinds");
    expect_bad(SUBSCRIBE "\"kinds\":[\"trades\"]}", "bad_request", "kinds");
    expect_bad(SUBSCRIBE "\"kinds\":[5]}", "bad_request", "kinds");
}

static void modes_are_latest_and_every(void **state)
{
    (void)state;
    struct command command = good(SUBSCRIBE "\"mode\":\"latest\"}");
    assert_int_equal(command.delivery.mode, DELIVER_LATEST);
    command_finish(&command);
    expect_bad(SUBSCRIBE "\"mode\":\"all\"}", "bad_request", "mode");
    expect_bad(SUBSCRIBE "\"mode\":null}", "bad_request", "mode");
    expect_bad(SUBSCRIBE "\"mode\":1}", "bad_request", "mode");
}

static void expect_period(const char *rate, uint32_t period_ms)
{
    char text[100];
    snprintf(text, sizeof text, SUBSCRIBE "\"max_rate\":%s}", rate);
    struct command command = good(text);
    assert_int_equal(command.delivery.period_ms, period_ms);
    command_finish(&command);
}

/* Never more frames than were asked for: periods are rounded up. */
static void rates_become_whole_milliseconds(void **state)
{
    (void)state;
    expect_period("1000", 1);
    expect_period("999", 2);
    expect_period("10", 100);
    expect_period("3", 334);
    expect_period("0.5", 2000);
    expect_period("0.001", 1000000);
    expect_bad(SUBSCRIBE "\"max_rate\":0}", "bad_request", "max_rate");
    expect_bad(SUBSCRIBE "\"max_rate\":-1}", "bad_request", "max_rate");
    expect_bad(SUBSCRIBE "\"max_rate\":0.0009}", "bad_request", "max_rate");
    expect_bad(SUBSCRIBE "\"max_rate\":1000.1}", "bad_request", "max_rate");
    expect_bad(SUBSCRIBE "\"max_rate\":\"10\"}", "bad_request", "max_rate");
    expect_bad(SUBSCRIBE "\"max_rate\":null}", "bad_request", "max_rate");
}

static void an_age_has_limits_and_agrees_with_the_rate(void **state)
{
    (void)state;
    struct command command = good(SUBSCRIBE "\"max_age_ms\":3600000,\"max_rate\":2}");
    assert_int_equal(command.delivery.age_max_ms, 3600000);
    command_finish(&command);
    command = good(SUBSCRIBE "\"max_age_ms\":500,\"max_rate\":2}");
    assert_int_equal(command.delivery.age_max_ms, 500);
    command_finish(&command);
    expect_bad(SUBSCRIBE "\"max_age_ms\":499,\"max_rate\":2}", "bad_request", "max_age_ms");
    expect_bad(SUBSCRIBE "\"max_age_ms\":0}", "bad_request", "max_age_ms");
    expect_bad(SUBSCRIBE "\"max_age_ms\":3600001}", "bad_request", "max_age_ms");
    expect_bad(SUBSCRIBE "\"max_age_ms\":10.5}", "bad_request", "max_age_ms");
    expect_bad(SUBSCRIBE "\"max_age_ms\":\"10\"}", "bad_request", "max_age_ms");
    expect_bad(SUBSCRIBE "\"max_age_ms\":null}", "bad_request", "max_age_ms");
}

static void snapshot_is_a_boolean(void **state)
{
    (void)state;
    struct command command = good(SUBSCRIBE "\"snapshot\":true}");
    assert_true(command.snapshot);
    command_finish(&command);
    expect_bad(SUBSCRIBE "\"snapshot\":1}", "bad_request", "snapshot");
    expect_bad(SUBSCRIBE "\"snapshot\":\"false\"}", "bad_request", "snapshot");
}

/* ---- the same in a URL ---- */

static void a_query_says_the_same(void **state)
{
    static const char *const query[][2] = {
        {"symbols", "A,,B-*"}, {"kinds", "trade"},     {"mode", "every"},     {"max_rate", "4"},
        {"snapshot", "false"}, {"unknown", "ignored"}, {"max_age_ms", "900"},
    };
    struct command command;
    struct command_error error;
    (void)state;
    command_query_begin(&command);
    assert_int_equal(command.kinds, KIND_BITS_ALL);
    assert_true(command.snapshot);
    for (size_t i = 0; i < sizeof query / sizeof *query; i++)
        assert_true(command_query(&command, query[i][0], query[i][1], &error));
    assert_int_equal(command.op, OP_SUBSCRIBE);
    assert_int_equal(command.symbols_count, 2);
    assert_string_equal(command.symbols[0], "A");
    assert_string_equal(command.symbols[1], "B-*");
    assert_int_equal(command.kinds, 1 << EVENT_TRADE);
    assert_int_equal(command.delivery.mode, DELIVER_EVERY);
    assert_int_equal(command.delivery.period_ms, 250);
    assert_int_equal(command.delivery.age_max_ms, 900);
    assert_false(command.snapshot);
    assert_true(command_query(&command, "symbols", "C", &error)); /* the last one counts */
    assert_int_equal(command.symbols_count, 1);
    assert_string_equal(command.symbols[0], "C");
    command_finish(&command);
}

static void a_bad_query_is_refused_with_its_parameter(void **state)
{
    static const char *const queries[][2] = {
        {"symbols", ""},     {"symbols", ",,"},       {"symbols", "A,\xff"}, {"kinds", ""},
        {"kinds", "trade,"}, {"kinds", "tradequote"}, {"mode", ""},          {"mode", "EVERY"},
        {"max_rate", ""},    {"max_rate", "0"},       {"max_rate", "5x"},    {"max_rate", "nan"},
        {"max_rate", "inf"}, {"snapshot", ""},        {"snapshot", "1"},     {"max_age_ms", ""},
        {"max_age_ms", "0"}, {"max_age_ms", "5x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        struct command command;
        struct command_error error;
        command_query_begin(&command);
        if (command_query(&command, queries[i][0], queries[i][1], &error))
            fail_msg("%s=%s was taken", queries[i][0], queries[i][1]);
        assert_string_equal(error.code, "bad_request");
        assert_non_null(strstr(error.message, queries[i][0]));
        command_finish(&command);
    }
}

/* ---- errors ---- */

static void an_error_is_json_whatever_it_says(void **state)
{
    struct text text = {0};
    (void)state;
    command_put_error(&text, "\"x\"", "bad_json", "near \"\n\"");
    json_t *root = json_loadb(text.bytes, text.len, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "type")), "error");
    assert_string_equal(json_string_value(json_object_get(root, "id")), "x");
    assert_string_equal(json_string_value(json_object_get(root, "code")), "bad_json");
    assert_string_equal(json_string_value(json_object_get(root, "message")), "near \"\n\"");
    json_decref(root);
    text_clear(&text, 1000);
    command_put_error(&text, "", "internal", "m");
    root = json_loadb(text.bytes, text.len, 0, NULL);
    assert_non_null(root);
    assert_null(json_object_get(root, "id"));
    json_decref(root);
    text_finish(&text);
}

/* Found by fuzzing: the parser quotes what it read last, and that was half a character. */
static void an_error_is_utf8_whatever_it_quotes(void **state)
{
    static const char *const texts[] = {"{\"a\":\"\\\xc3\xa9\"}", "{\"a\":\xe2\x82\xac}",
                                        "\xf0\x9f\x98\x80"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct command_error error = bad_bytes(texts[i], strlen(texts[i]));
        assert_string_equal(error.code, "bad_json");
        struct text text = {0};
        command_put_error(&text, "", error.code, error.message);
        json_t *root = json_loadb(text.bytes, text.len, 0, NULL);
        assert_non_null(root);
        json_decref(root);
        text_finish(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subscription_has_defaults),
        cmocka_unit_test(a_subscription_says_how),
        cmocka_unit_test(the_other_ops_are_known),
        cmocka_unit_test(other_ops_are_unknown),
        cmocka_unit_test(what_is_no_json_object_is_refused),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(an_id_is_given_back_as_it_was),
        cmocka_unit_test(other_ids_are_refused),
        cmocka_unit_test(a_refusal_carries_the_id_where_it_could_be_read),
        cmocka_unit_test(symbols_must_be_an_array_of_strings_with_something_in_it),
        cmocka_unit_test(one_bad_symbol_is_rejected_and_the_others_count),
        cmocka_unit_test(a_message_has_at_most_ten_thousand_symbols),
        cmocka_unit_test(kinds_are_trade_and_quote),
        cmocka_unit_test(modes_are_latest_and_every),
        cmocka_unit_test(rates_become_whole_milliseconds),
        cmocka_unit_test(an_age_has_limits_and_agrees_with_the_rate),
        cmocka_unit_test(snapshot_is_a_boolean),
        cmocka_unit_test(a_query_says_the_same),
        cmocka_unit_test(a_bad_query_is_refused_with_its_parameter),
        cmocka_unit_test(an_error_is_json_whatever_it_says),
        cmocka_unit_test(an_error_is_utf8_whatever_it_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
