/* Every option that would do nothing says so, and none of those that do something. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "server/agree.h"

static const struct feed_kinds recording = {.files = 1}, market = {.sims = 1},
                               live = {.live = 1, .endless = "push:"}, standard_input = {.live = 1},
                               mixed = {.files = 1, .live = 1, .endless = "push:"};

struct told {
    size_t count;
    char line[256]; /* the last one */
};

static void tell(void *ctx, const char *line)
{
    struct told *told = ctx;
    told->count++;
    snprintf(told->line, sizeof told->line, "%s", line);
}

static struct told check(const struct feed_kinds *feeds, const char *first, const char *second)
{
    char *argv[] = {(char *)"pricecast", (char *)first, (char *)second, NULL};
    char error[1024];
    struct options options;
    struct told told = {0};
    const int argc = first == NULL ? 1 : second == NULL ? 2 : 3;
    assert_int_equal(options_parse(argc, argv, &options, error, sizeof error), OPTIONS_RUN);
    agree_check(&options, feeds, tell, &told);
    options_finish(&options);
    return told;
}

static void good(const struct feed_kinds *feeds, const char *first, const char *second)
{
    const struct told told = check(feeds, first, second);
    if (told.count != 0)
        fail_msg("%s", told.line);
}

static void idle(const struct feed_kinds *feeds, const char *first, const char *second,
                 const char *says)
{
    const struct told told = check(feeds, first, second);
    assert_int_equal(told.count, 1);
    if (strncmp(told.line, first, strlen(first)) != 0 || strstr(told.line, says) == NULL)
        fail_msg("%s", told.line);
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
        idle(&live, of_replays[i][0], of_replays[i][1],
             " does nothing: none of the feeds is a recording");
        idle(&standard_input, of_replays[i][0], of_replays[i][1],
             " does nothing: none of the feeds is a recording");
    }
}

static void a_simulated_market_has_no_dates_and_no_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < OF_REPLAYS - OF_RECORDINGS; i++)
        good(&market, of_replays[i][0], of_replays[i][1]);
    for (size_t i = OF_REPLAYS - OF_RECORDINGS; i < OF_REPLAYS; i++)
        idle(&market, of_replays[i][0], of_replays[i][1],
             " does nothing: none of the feeds is a recording");
    idle(&market, "--from", "2024-01-01", "--from with a date does nothing");
}

static void what_goes_on_for_ever_has_no_end_to_exit_at(void **state)
{
    (void)state;
    good(&recording, "--exit-at-end", NULL);
    good(&market, "--exit-at-end", NULL); /* --to +10s, or the command to stop */
    good(&standard_input, "--exit-at-end", NULL);
    idle(&live, "--exit-at-end", NULL, " does nothing: push: does not end");
    idle(&mixed, "--exit-at-end", NULL, "push: does not end");
}

static void what_is_as_it_would_be_anyway_is_no_matter(void **state)
{
    (void)state;
    good(&live, NULL, NULL);
    good(&live, "--speed", "1");
    good(&live, "--wait-clients", "0");
    good(&market, "--rebase", "now");
}

static void recordings_and_markets_are_replays(void **state)
{
    (void)state;
    assert_true(agree_has_replay(&recording));
    assert_true(agree_has_replay(&market));
    assert_true(agree_has_replay(&mixed));
    assert_false(agree_has_replay(&live));
    assert_false(agree_has_replay(&standard_input));
}

static void each_idle_option_is_told(void **state)
{
    (void)state;
    const struct options options = {.speed = 2, .loop = true, .exit_at_end = true};
    struct told told = {0};
    agree_check(&options, &live, tell, &told);
    assert_int_equal(told.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_only_a_replay_follows_needs_one),
        cmocka_unit_test(a_simulated_market_has_no_dates_and_no_end),
        cmocka_unit_test(what_goes_on_for_ever_has_no_end_to_exit_at),
        cmocka_unit_test(what_is_as_it_would_be_anyway_is_no_matter),
        cmocka_unit_test(recordings_and_markets_are_replays),
        cmocka_unit_test(each_idle_option_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
