/* What the tools may rely on when they take the server's messages apart. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tools/message.h"

static int parse(const char *text, struct message *out)
{
    return message_parse(text, strlen(text), out);
}

static void assert_token(const struct json_scan_token *token, const char *text)
{
    assert_non_null(token->text);
    assert_int_equal(token->len, strlen(text));
    assert_memory_equal(token->text, text, token->len);
}

/* Prices must not become numbers on the way, and --json promises the item byte for byte. */
static void items_keep_every_byte(void **state)
{
    static const char first[] = "{\"kind\":\"trade\",\"symbol\":\"A\",\"source\":\"x\",\"seq\":41,"
                                "\"ts\":5,\"recv\":6,\"price\":\"0.10\",\"size\":\"1\"}";
    static const char second[] =
        "{ \"kind\":\"quote\", \"symbol\":\"B]}\\\"\", \"source\":\"x\","
        "\"seq\":7, \"skipped\":3, \"recv\":9, \"bid\":\"61837.63000000\"}";
    char text[512];
    struct message message;
    struct items items;
    struct item item;
    (void)state;
    strcpy(text, "{\"type\":\"update\",\"data\":[");
    strcat(strcat(strcat(strcat(text, first), " , "), second), "]}");

    assert_int_equal(parse(text, &message), 0);
    assert_int_equal(message.type, MESSAGE_UPDATE);
    assert_int_equal(items_begin(&items, &message), 0);
    assert_int_equal(items_next(&items, &item), 1);
    assert_int_equal(item.len, strlen(first));
    assert_memory_equal(item.text, first, item.len);
    assert_int_equal(item.seq, 41);
    assert_int_equal(item.skipped, 0);
    assert_int_equal(item.ts, 5);
    assert_token(&item.fields[ITEM_PRICE], "0.10");
    assert_int_equal(items_next(&items, &item), 1);
    assert_int_equal(item.len, strlen(second));
    assert_memory_equal(item.text, second, item.len);
    assert_int_equal(item.skipped, 3);
    assert_int_equal(item.ts, 9); /* when it was received, as the source gave no time */
    assert_token(&item.fields[ITEM_BID], "61837.63000000");
    assert_null(item.fields[ITEM_ASK].text);
    assert_int_equal(items_next(&items, &item), 0);
}

/* The protocol may grow: what is unknown is skipped, not refused. */
static void unknown_types_and_fields_are_ignored(void **state)
{
    struct message message;
    (void)state;
    assert_int_equal(parse("{\"new\":{\"type\":\"update\"},\"type\":\"fresh\"}", &message), 0);
    assert_int_equal(message.type, MESSAGE_OTHER);
    assert_int_equal(parse("{\"x\":[1,[2]],\"type\":\"hello\",\"heartbeat_ms\":5000}", &message),
                     0);
    assert_int_equal(message.type, MESSAGE_HELLO);
    assert_int_equal(message_integer(&message, FIELD_HEARTBEAT_MS, -1), 5000);
    assert_int_equal(message_integer(&message, FIELD_TOTAL, -1), -1);
}

static void what_is_no_message_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "null",
                                        "[]",
                                        "{}",
                                        "{\"type\":5}",
                                        "{\"type\":\"update\"",
                                        "{\"type\":\"a\"} x",
                                        "{\"type\":}"};
    struct message message;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(parse(texts[i], &message), -EBADMSG);
}

/* Without these an item cannot be told from another one. */
static void items_without_a_stream_or_seq_are_refused(void **state)
{
    static const char *const datas[] = {
        "{\"type\":\"update\",\"data\":[{\"symbol\":\"A\",\"source\":\"x\",\"seq\":1}]}",
        "{\"type\":\"update\",\"data\":[{\"kind\":\"trade\",\"source\":\"x\",\"seq\":1}]}",
        "{\"type\":\"update\",\"data\":[{\"kind\":\"trade\",\"symbol\":\"A\",\"seq\":1}]}",
        "{\"type\":\"update\",\"data\":[{\"kind\":\"trade\",\"symbol\":\"A\",\"source\":\"x\"}]}",
        "{\"type\":\"update\",\"data\":[{\"kind\":\"\",\"symbol\":\"\",\"source\":\"\",\"seq\":"
        "\"1\"}]}",
        "{\"type\":\"update\",\"data\":[7]}"};
    struct message message;
    struct items items;
    struct item item;
    (void)state;
    for (size_t i = 0; i < sizeof datas / sizeof *datas; i++) {
        assert_int_equal(parse(datas[i], &message), 0);
        assert_int_equal(items_begin(&items, &message), 0);
        assert_int_equal(items_next(&items, &item), -EBADMSG);
    }
    assert_int_equal(parse("{\"type\":\"update\"}", &message), 0);
    assert_int_equal(items_begin(&items, &message), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_keep_every_byte),
        cmocka_unit_test(unknown_types_and_fields_are_ignored),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(items_without_a_stream_or_seq_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
