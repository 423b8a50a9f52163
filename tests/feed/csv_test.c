/* Cutting a line into cells. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/csv.h"

/* The line stands in memory of its very size, so that ASan sees any byte too many. */
static int split(struct csv *csv, const char *text, char **copy)
{
    const size_t len = strlen(text);
    *copy = malloc(len > 0 ? len : 1);
    memcpy(*copy, text, len);
    return csv_split(csv, *copy, len);
}

/* `want` is the cells, joined by bars. */
static void expect_cells(const char *text, char delimiter, const char *want)
{
    struct csv csv = {.delimiter = delimiter};
    char got[256] = "", *copy;
    assert_int_equal(split(&csv, text, &copy), 0);
    for (size_t i = 0; i < csv.count; i++) {
        strcat(got, i > 0 ? "|" : "");
        strncat(got, csv.cells[i].text, csv.cells[i].len);
    }
    assert_string_equal(got, want);
    csv_finish(&csv);
    free(copy);
}

static void cells_are_what_stands_between_delimiters(void **state)
{
    (void)state;
    expect_cells("1,2.50,x", ',', "1|2.50|x");
    expect_cells("1;2,5;x", ';', "1|2,5|x");
    expect_cells("a\tb", '\t', "a|b");
    expect_cells("a", ',', "a");
    expect_cells("", ',', "");
    expect_cells(",,", ',', "||");
    expect_cells("1,", ',', "1|");
    expect_cells(" 1 ,2", ',', " 1 |2");
}

static void quotes_hold_delimiters_and_quotes(void **state)
{
    (void)state;
    expect_cells("\"a,b\",c", ',', "a,b|c");
    expect_cells("\"say \"\"hi\"\"\",\"\"", ',', "say \"hi\"|");
    expect_cells("x,\"1\"", ',', "x|1");
    expect_cells("5\"6,7", ',', "5\"6|7"); /* a quote inside of a cell is one */
}

static void broken_quotes_are_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text, *problem;
    } bad[] = {
        {"\"a", "a quote does not end"},
        {"a,\"", "a quote does not end"},
        {"\"a\"\"", "a quote does not end"},
        {"\"a\"b,c", "text behind a closing quote"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct csv csv = {.delimiter = ','};
        char *copy;
        assert_int_equal(split(&csv, bad[i].text, &copy), -EINVAL);
        assert_string_equal(csv.problem, bad[i].problem);
        csv_finish(&csv);
        free(copy);
    }
}

static void there_is_a_limit_to_the_number_of_cells(void **state)
{
    char text[CSV_CELLS_MAX + 1];
    struct csv csv = {.delimiter = ','};
    (void)state;
    memset(text, ',', sizeof text);
    assert_int_equal(csv_split(&csv, text, CSV_CELLS_MAX - 1), 0);
    assert_int_equal(csv.count, CSV_CELLS_MAX);
    assert_int_equal(csv_split(&csv, text, CSV_CELLS_MAX), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_what_stands_between_delimiters),
        cmocka_unit_test(quotes_hold_delimiters_and_quotes),
        cmocka_unit_test(broken_quotes_are_refused_with_a_reason),
        cmocka_unit_test(there_is_a_limit_to_the_number_of_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
