/* Every option that would do nothing says so, and none of those that do something. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "server/agree.h"

static const struct feed_kinds recording = {.files = 1}, market = {.sims = 1},
                               live = {.live = 1, .endless = "push:"}, standard_input = {.live = 1},
                               mixed = {.files = 1, .live = 1, .endless = "push:"};

/* Takes NULL-ended options. */
static int check(const struct feed_kinds *feeds, char *error, size_t error_size, const char *first,
                 const char *second)
{
    char *argv[] = {(char *)"pricecast", (char *)first, (char *)second, NULL};
    struct options options;
    const int argc = first == NULL ? 1 : second == NULL ? 2 : 3;
    assert_int_equal(options_parse(argc, argv, &options, error, error_size), OPTIONS_RUN);
    error[0] = '\0';
    const int rc = agree_check(&options, feeds, error, error_size);
    options_finish(&options);
    return rc;
}

static void good(const struct feed_kinds *feeds, const char *first, const char *second)
{
    char error[1024];
    if (check(feeds, error, sizeof error, first, second) != 0)
        fail_msg("%s", error);
    assert_string_equal(error, "");
}

static void bad(const struct feed_kinds *feeds, const char *first, const char *second,
                const char *says)
{
    char error[1024];
    assert_int_equal(check(feeds, error, sizeof error, first, second), -EINVAL);
    if (strncmp(error, first, strlen(first)) != 0 || strstr(error, says) == NULL)
        fail_msg("%s", error);
}

static const char *const of_replays[][2] = {
    {"--speed", "2"},          {"--speed", "max"},     {"--start-paused", NULL},
    {"--wait-clients", "1"},   {"--max-gap", "1s"},    {"--lossless", NULL},
    {"--rebase", "now"},       {"--from", "+1s"},      {"--to", "+1s"},
    {"--from", "2024-01-01"},  {"--to", "2024-01-01"}, {"--loop", NULL},
    {"--reorder-window", "1"},
};
enum { OF_REPLAYS = sizeof of_replays / sizeof *of_replays, OF_RECORDINGS = 4 };

static void what_only_a_replay_follows_needs_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < OF_REPLAYS; i++) {
        good(&recording, of_replays[i][0], of_replays[i][1]);
        good(&mixed, of_replays[i][0], of_replays[i][1]);
        bad(&live, of_replays[i][0], of_replays[i][1], ": allowed with a recording");
        bad(&standard_input, of_replays[i][0], of_replays[i][1], ": allowed with a recording");
    }
}

static void a_simulated_market_has_no_dates_and_no_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < OF_REPLAYS - OF_RECORDINGS; i++)
        good(&market, of_replays[i][0], of_replays[i][1]);
    for (size_t i = OF_REPLAYS - OF_RECORDINGS; i < OF_REPLAYS; i++)
        bad(&market, of_replays[i][0], of_replays[i][1],
            ": allowed with a recording; none of the feeds is one");
    bad(&market, "--from", "2024-01-01", "--from with a date: ");
}

static void what_goes_on_for_ever_has_no_end_to_exit_at(void **state)
{
    (void)state;
    good(&recording, "--exit-at-end", NULL);
    good(&market, "--exit-at-end", NULL); /* --to +10s, or the command to stop */
    good(&standard_input, "--exit-at-end", NULL);
    bad(&live, "--exit-at-end", NULL, ": allowed with feeds that end; push: does not");
    bad(&mixed, "--exit-at-end", NULL, "push: does not");
}

static void what_is_as_it_would_be_anyway_is_no_matter(void **state)
{
    (void)state;
    good(&live, NULL, NULL);
    good(&live, "--speed", "1");
    good(&live, "--wait-clients", "0");
    good(&market, "--rebase", "now");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_only_a_replay_follows_needs_one),
        cmocka_unit_test(a_simulated_market_has_no_dates_and_no_end),
        cmocka_unit_test(what_goes_on_for_ever_has_no_end_to_exit_at),
        cmocka_unit_test(what_is_as_it_would_be_anyway_is_no_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
