/* What may be published: one item, an array, lines; and how mistakes are told. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/push_body.h"

#define ITEM "{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"x\",\"price\":\"1.50\"}"
#define BAD  "{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"x\"}"

struct parsed {
    struct feed_push_result result;
    size_t events;
};

/* From a copy of just that size, so that a sanitizer sees reading past the end. */
static struct parsed parse(const char *body)
{
    static const struct format_options none = {.symbol = NULL};
    struct parsed parsed;
    struct format_output out;
    struct streams *streams = streams_create(100);
    const size_t len = strlen(body);
    char *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, body, len);
    format_output_init(&out, streams, &none);
    push_parse(copy, len, &out, &parsed.result);
    parsed.events = out.count;
    format_output_finish(&out);
    streams_destroy(streams);
    free(copy);
    return parsed;
}

static void check(const char *body, uint64_t accepted, uint64_t rejected, uint64_t ignored)
{
    const struct parsed parsed = parse(body);
    assert_int_equal(parsed.result.rc, 0);
    assert_int_equal(parsed.result.accepted, accepted);
    assert_int_equal(parsed.events, accepted);
    assert_int_equal(parsed.result.rejected, rejected);
    assert_int_equal(parsed.result.ignored, ignored);
}

static void one_item_an_array_and_lines_are_taken(void **state)
{
    (void)state;
    check(ITEM, 1, 0, 0);
    check(" \r\n" ITEM "\n", 1, 0, 0);
    check("{\"kind\":\"trade\",\n \"symbol\":\"S\",\n \"source\":\"x\",\n \"price\":1}\n", 1, 0, 0);
    check("[]", 0, 0, 0);
    check("[" ITEM ",\n" ITEM "]\n", 2, 0, 0);
    check(ITEM "\n" ITEM, 2, 0, 0);
    check(ITEM "\r\n\r\n  \n" ITEM "\r\n", 2, 0, 0);
}

/* A recording can be posted as it is. */
static void headers_and_states_of_recordings_are_passed_over(void **state)
{
    (void)state;
    check("{\"pricecast\":1}\n" ITEM "\n{\"type\":\"feed\"}\n", 1, 0, 1);
}

static void a_bad_item_does_not_spoil_the_others(void **state)
{
    (void)state;
    struct parsed parsed = parse(ITEM "\nnonsense\n" ITEM "\n" BAD "\n");
    assert_int_equal(parsed.result.accepted, 2);
    assert_int_equal(parsed.result.rejected, 2);
    assert_int_equal(parsed.result.errors_count, 2);
    assert_int_equal(parsed.result.errors[0].item, 2);
    assert_non_null(strstr(parsed.result.errors[0].reason, "bad JSON"));
    assert_int_equal(parsed.result.errors[1].item, 4);
    assert_string_equal(parsed.result.errors[1].reason, "price is missing");
    parsed = parse("[" BAD "," ITEM ",7,{}]");
    assert_int_equal(parsed.result.accepted, 1);
    assert_int_equal(parsed.result.rejected, 3);
    assert_int_equal(parsed.result.errors[1].item, 3);
    assert_string_equal(parsed.result.errors[1].reason, "not a JSON object");
    assert_int_equal(parsed.result.errors[2].item, 4);
}

static void only_the_first_errors_are_kept(void **state)
{
    (void)state;
    struct parsed parsed = parse("x\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n");
    assert_int_equal(parsed.result.rejected, 12);
    assert_int_equal(parsed.result.errors_count, FEED_PUSH_ERRORS_MAX);
    assert_int_equal(parsed.result.errors[FEED_PUSH_ERRORS_MAX - 1].item, FEED_PUSH_ERRORS_MAX);
}

/* Half an array may be half of what was meant. */
static void a_broken_array_and_an_empty_body_are_refused_as_a_whole(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",           " \r\n",        "[",          "[" ITEM,
        "[" ITEM ",", "[" ITEM "] x", "[" ITEM "}", "[" ITEM " " ITEM "]",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        const struct parsed parsed = parse(bodies[i]);
        assert_int_equal(parsed.result.rc, -EINVAL);
        assert_int_equal(parsed.events, 0);
        assert_int_equal(parsed.result.accepted, 0);
        assert_int_equal(parsed.result.errors_count, 1);
        assert_int_equal(parsed.result.errors[0].item, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_item_an_array_and_lines_are_taken),
        cmocka_unit_test(headers_and_states_of_recordings_are_passed_over),
        cmocka_unit_test(a_bad_item_does_not_spoil_the_others),
        cmocka_unit_test(only_the_first_errors_are_kept),
        cmocka_unit_test(a_broken_array_and_an_empty_body_are_refused_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
