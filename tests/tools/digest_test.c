/* The load meter believes what a digest says about a thousand copies of a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/digest.h"

static int set_up(void **state)
{
    *state = digests_create();
    return *state == NULL;
}

static int tear_down(void **state)
{
    digests_destroy(*state);
    return 0;
}

static const struct digest *find(void **state, const char *text)
{
    return digests_find(*state, text, strlen(text));
}

#define ITEM(kind, seq) "{\"kind\":\"" kind "\",\"symbol\":\"A\",\"source\":\"x\",\"seq\":" seq "}"

static void items_are_counted_and_numbered_by_stream(void **state)
{
    const struct digest *digest =
        find(state, "{\"type\":\"update\",\"data\":[" ITEM("trade", "1") "," ITEM(
                        "quote", "5,\"skipped\":4,\"ts\":77") "," ITEM("trade", "2") "]}");

    assert_non_null(digest);
    assert_int_equal(digest->type, MESSAGE_UPDATE);
    assert_int_equal(digest->item_count, 3);
    assert_int_equal(digest->skipped, 4);
    assert_int_equal(digest->items[0].stream, digest->items[2].stream);
    assert_int_not_equal(digest->items[0].stream, digest->items[1].stream);
    assert_int_equal(digest->items[1].ts, 77);
    assert_int_equal(digest->items[2].seq, 2);
    assert_string_equal(digests_stream_name(*state, digest->items[1].stream), "quote x A");
}

/* The cache looks at the end of a message first; what differs elsewhere must still be seen. */
static void messages_that_end_alike_are_told_apart(void **state)
{
    char text[600];
    for (int round = 0; round < 2; round++) {
        for (int seq = 1; seq <= 9; seq++) {
            snprintf(text, sizeof text,
                     "{\"type\":\"update\",\"data\":[{\"kind\":\"trade\",\"symbol\":\"A\","
                     "\"source\":\"x\",\"seq\":%d,\"pad\":\"%0200d\"}]}",
                     seq, 0);
            const struct digest *digest = find(state, text);
            assert_non_null(digest);
            assert_int_equal(digest->items[0].seq, seq);
        }
    }
}

static void large_messages_are_understood_but_not_kept(void **state)
{
    static char text[200000];
    for (int seq = 1; seq <= 2; seq++) {
        snprintf(text, sizeof text,
                 "{\"type\":\"snapshot\",\"data\":[{\"kind\":\"trade\",\"symbol\":\"A\","
                 "\"source\":\"x\",\"seq\":%d,\"pad\":\"%0190000d\"}]}",
                 seq, 0);
        const struct digest *digest = find(state, text);
        assert_non_null(digest);
        assert_int_equal(digest->items[0].seq, seq);
    }
}

/* A bad message stays bad when it comes again. */
static void broken_messages_have_no_digest(void **state)
{
    static const char broken[] = "{\"type\":\"update\",\"data\":[{\"kind\":\"trade\"}]}";
    for (int round = 0; round < 2; round++) {
        assert_null(find(state, broken));
        assert_null(find(state, ""));
        assert_null(find(state, "{\"type\":\"update\",\"data\":["));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(items_are_counted_and_numbered_by_stream, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(messages_that_end_alike_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_messages_are_understood_but_not_kept, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(broken_messages_have_no_digest, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
