/* Lines come out the same however their bytes come in. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "feed/line_splitter.h"

enum { LINE_MAX_BYTES = 10, SEEN_MAX = 512 };

/* All lines, with | behind each; ! stands for one that was too long. */
struct seen {
    char text[SEEN_MAX];
    size_t len;
};

static void note(struct seen *seen, enum line_split split, const char *text, size_t len)
{
    if (split == LINE_SPLIT_LONG) {
        text = "!";
        len = 1;
    }
    memcpy(seen->text + seen->len, text, len);
    seen->len += len;
    seen->text[seen->len++] = '|';
    seen->text[seen->len] = '\0';
}

static void feed(struct line_splitter *splitter, const char *bytes, size_t len, struct seen *seen)
{
    size_t room = 0, line_len = 0;
    const char *line = NULL;
    enum line_split split;
    char *to = line_splitter_room(splitter, &room);
    assert_non_null(to);
    assert_true(room >= LINE_SPLITTER_READ_BYTES);
    memcpy(to, bytes, len);
    line_splitter_read(splitter, len);
    while ((split = line_splitter_next(splitter, &line, &line_len)) != LINE_SPLIT_NONE)
        note(seen, split, line, line_len);
}

/* Cut into pieces of `step` bytes. */
static struct seen split(const char *bytes, size_t step)
{
    struct line_splitter splitter = {.line_max = LINE_MAX_BYTES};
    struct seen seen = {.len = 0};
    const size_t len = strlen(bytes);
    for (size_t at = 0; at < len; at += step)
        feed(&splitter, bytes + at, len - at < step ? len - at : step, &seen);
    const char *line = NULL;
    size_t line_len = 0;
    const enum line_split last = line_splitter_last(&splitter, &line, &line_len);
    if (last != LINE_SPLIT_NONE)
        note(&seen, last, line, line_len);
    assert_int_equal(line_splitter_last(&splitter, &line, &line_len), LINE_SPLIT_NONE);
    line_splitter_finish(&splitter);
    return seen;
}

static void check(const char *bytes, const char *expected)
{
    for (size_t step = 1; step <= strlen(bytes); step++)
        assert_string_equal(split(bytes, step).text, expected);
}

static void lines_end_with_lf_or_crlf_and_may_be_empty(void **state)
{
    (void)state;
    check("one\ntwo\r\n\n\r\nfive\n", "one|two|||five|");
}

static void the_last_line_needs_no_end(void **state)
{
    (void)state;
    check("one\ntwo", "one|two|");
    check("one\n", "one|");
}

static void the_limit_is_met_and_passed(void **state)
{
    (void)state;
    check("0123456789\n0123456789\r\n", "0123456789|0123456789|");
    check("0123456789a\nb\n", "!|b|");
    check("0123456789abcdefghijklmnop\nb\n", "!|b|");
    check("b\n0123456789abcdefghijklmnop", "b|!|");
}

static void nothing_gives_nothing(void **state)
{
    (void)state;
    struct line_splitter splitter = {.line_max = LINE_MAX_BYTES};
    const char *line;
    size_t len;
    assert_int_equal(line_splitter_last(&splitter, &line, &len), LINE_SPLIT_NONE);
    line_splitter_finish(&splitter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_with_lf_or_crlf_and_may_be_empty),
        cmocka_unit_test(the_last_line_needs_no_end),
        cmocka_unit_test(the_limit_is_met_and_passed),
        cmocka_unit_test(nothing_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
