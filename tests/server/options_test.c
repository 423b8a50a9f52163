/* Every option takes what it should and refuses the rest with one line. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/bus.h"
#include "server/options.h"
#include "server/server.h"
#include "tests/support/temp_file.h"

#define S INT64_C(1000000000)
enum { ARGS_MAX = 24 };

static char error[1024];

/* Takes NULL-ended arguments. The caller calls options_finish(). */
static enum options_result parse(struct options *out, ...)
{
    char *argv[ARGS_MAX] = {(char *)"pricecast"};
    int argc = 1;
    va_list args;
    va_start(args, out);
    for (char *arg; (arg = va_arg(args, char *)) != NULL;)
        argv[argc++] = arg;
    va_end(args);
    error[0] = '\0';
    return options_parse(argc, argv, out, error, sizeof error);
}

static struct options good(const char *first, const char *second)
{
    struct options options;
    if (parse(&options, first, second, NULL) != OPTIONS_RUN)
        fail_msg("%s %s: %s", first == NULL ? "" : first, second == NULL ? "" : second, error);
    return options;
}

static void expect_error(const char *says)
{
    if (strstr(error, says) == NULL || strchr(error, '\n') != NULL)
        fail_msg("\"%s\" does not say \"%s\" in one line", error, says);
}

static void bad(const char *first, const char *second, const char *says)
{
    struct options options;
    if (parse(&options, first, second, NULL) != OPTIONS_BAD)
        fail_msg("%s %s was taken", first, second ? second : "");
    expect_error(first);
    if (second != NULL)
        expect_error(second);
    expect_error(says);
    options_finish(&options);
}

static void without_arguments_the_defaults_hold(void **state)
{
    (void)state;
    struct options options = good(NULL, NULL);
    assert_string_equal(options.listen, "127.0.0.1:8080");
    assert_string_equal(options.host, "127.0.0.1");
    assert_int_equal(options.port, 8080);
    assert_int_equal(options.feeds.count, 0);
    assert_true(options.speed == 1);
    assert_false(options.loop || options.start_paused || options.exit_at_end || options.lossless ||
                 options.rebase || options.log_json);
    assert_int_equal(options.from.kind, WHEN_UNSET);
    assert_int_equal(options.to.kind, WHEN_UNSET);
    assert_int_equal(options.max_gap_ns, 0);
    assert_int_equal(options.wait_clients, 0);
    assert_in_range(options.shards, 1, SERVER_SHARDS_MAX);
    assert_int_equal(options.log_level, LOG_INFO);
    assert_null(options.record);
    assert_null(options.config);
    options_finish(&options);
}

static void flags_are_set_and_take_no_value(void **state)
{
    static const struct {
        const char *name;
        size_t at;
    } flags[] = {
        {"--loop", offsetof(struct options, loop)},
        {"--start-paused", offsetof(struct options, start_paused)},
        {"--exit-at-end", offsetof(struct options, exit_at_end)},
        {"--lossless", offsetof(struct options, lossless)},
        {"--log-json", offsetof(struct options, log_json)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        struct options options = good(flags[i].name, NULL);
        assert_true(*(bool *)((char *)&options + flags[i].at));
        options_finish(&options);
        char with_value[40];
        snprintf(with_value, sizeof with_value, "%s=true", flags[i].name);
        assert_int_equal(parse(&options, with_value, NULL), OPTIONS_BAD);
        expect_error(flags[i].name);
        expect_error("no value");
        options_finish(&options);
    }
}

static void what_is_kept_for_resuming_has_bounds(void **state)
{
    (void)state;
    struct options options = good("--resume-bytes", "3K");
    assert_int_equal(options.resume_bytes, 3072);
    assert_int_equal(options.resume_age_ns, INT64_C(300000000000));
    assert_int_equal(options.resume_events, 4096);
    options_finish(&options);
    options = good("--resume-bytes", "0");
    assert_int_equal(options.resume_bytes, 0);
    options_finish(&options);
    options = good("--resume-age", "90s");
    assert_int_equal(options.resume_age_ns, INT64_C(90000000000));
    options_finish(&options);
    bad("--resume-bytes", "4X", "bytes, or a number with K, M or G");
    bad("--resume-bytes", "-1", "bytes, or a number with K, M or G");
    bad("--resume-age", "long", "seconds");
}

static void candles_get_a_million_bytes_at_least(void **state)
{
    (void)state;
    struct options options = good("--candle-bytes", "1M");
    assert_int_equal(options.candle_bytes, 1 << 20);
    options_finish(&options);
    bad("--candle-bytes", "1048575", "at least 1048576 bytes");
    bad("--candle-bytes", "0", "at least 1048576 bytes");
}

static void numbers_reach_their_limits_and_no_further(void **state)
{
    static const struct {
        const char *name;
        size_t at;
        unsigned long long min, max;
    } numbers[] = {
        {"--wait-clients", offsetof(struct options, wait_clients), 0, 1000000},
        {"--drain-timeout", offsetof(struct options, drain_s), 0, 86400},
        {"--shards", offsetof(struct options, shards), 1, SERVER_SHARDS_MAX},
        {"--max-clients", offsetof(struct options, clients_max), 1, 1000000},
        {"--max-clients-per-ip", offsetof(struct options, clients_per_ip), 0, 1000000},
        {"--max-message-bytes", offsetof(struct options, message_bytes), 1024, 1u << 20},
        {"--max-symbols", offsetof(struct options, symbols_max), 1, SERVER_SYMBOLS_MAX},
        {"--max-patterns", offsetof(struct options, patterns_max), 0, SERVER_SYMBOLS_MAX},
        {"--max-queue-bytes", offsetof(struct options, queue_bytes), 4096, 1u << 30},
        {"--max-streams", offsetof(struct options, streams_max), 1, STREAMS_MAX_LIMIT},
        {"--max-line-bytes", offsetof(struct options, line_bytes), 64, 1u << 30},
        {"--bus-events", offsetof(struct options, ring_events), BUS_RING_EVENTS_MIN,
         BUS_RING_EVENTS_MAX},
        {"--gather-ms", offsetof(struct options, gather_ms), 0, 1000},
        {"--heartbeat-ms", offsetof(struct options, heartbeat_ms), 50, 3600000},
        {"--heartbeat-clients", offsetof(struct options, heartbeat_clients), 1, 1000000},
        {"--resume-events", offsetof(struct options, resume_events), 0, 1u << 30},
    };
    static const char *const wrong[] = {
        "", "x", "-1", "+5", " 5", "5x", "1.5", "0x10", "99999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[32], range[80];
        const unsigned long long limits[] = {numbers[i].min, numbers[i].max};
        for (size_t k = 0; k < 2; k++) {
            snprintf(text, sizeof text, "%llu", limits[k]);
            struct options options;
            /* it must be able to let in those it waits for */
            const char *more = i == 0 ? "--max-clients=1000000" : NULL;
            if (parse(&options, numbers[i].name, text, more, NULL) != OPTIONS_RUN)
                fail_msg("%s %s: %s", numbers[i].name, text, error);
            assert_int_equal(*(uint64_t *)(void *)((char *)&options + numbers[i].at), limits[k]);
            options_finish(&options);
        }
        snprintf(range, sizeof range, "from %llu to %llu", numbers[i].min, numbers[i].max);
        snprintf(text, sizeof text, "%llu", numbers[i].max + 1);
        bad(numbers[i].name, text, range);
        if (numbers[i].min > 0) {
            snprintf(text, sizeof text, "%llu", numbers[i].min - 1);
            bad(numbers[i].name, text, range);
        }
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
            bad(numbers[i].name, wrong[k], range);
        bad(numbers[i].name, NULL, "allowed");
    }
}

static void the_bus_has_a_power_of_two(void **state)
{
    (void)state;
    bad("--bus-events", "1000", "a power of two");
}

/* What each takes, option_read_test.c tells. */
static void values_reach_their_own_fields(void **state)
{
    struct options options;
    (void)state;
    assert_int_equal(parse(&options, "--listen", "[::1]:8080", "--speed=0.25", "--from", "+1s",
                           "--to", "+2s", "--max-gap=3", "--reorder-window=4", "--rebase=now",
                           NULL),
                     OPTIONS_RUN);
    assert_string_equal(options.listen, "[::1]:8080");
    assert_string_equal(options.host, "::1");
    assert_int_equal(options.port, 8080);
    assert_true(options.speed == 0.25);
    assert_true(options.from.ns == S && options.to.ns == 2 * S);
    assert_true(options.max_gap_ns == 3 * S && options.reorder_window_ns == 4 * S);
    assert_true(options.rebase);
    options_finish(&options);
    assert_int_equal(parse(&options, "--log-level", "debug", "--record", "x.zst",
                           "--record-fsync=never", "--record-rotate=day", "--resume-age=0", NULL),
                     OPTIONS_RUN);
    assert_int_equal(options.log_level, LOG_DEBUG);
    assert_string_equal(options.record, "x.zst");
    assert_int_equal(options.record_sync, RECORDER_SYNC_NEVER);
    assert_true(options.record_rotate_day);
    assert_true(options.resume_age_ns == 0);
    options_finish(&options);
}

static void lists_gather_and_other_options_are_replaced(void **state)
{
    struct options options;
    (void)state;
    assert_int_equal(parse(&options, "--feed", "a", "--feed=b=c", "--allow-origin", "https://x",
                           "--record", "1", "--record", "2", NULL),
                     OPTIONS_RUN);
    assert_int_equal(options.feeds.count, 2);
    assert_string_equal(options.feeds.values[0], "a");
    assert_string_equal(options.feeds.values[1], "b=c");
    assert_int_equal(options.origins.count, 1);
    assert_string_equal(options.record, "2");
    options_finish(&options);
}

static void what_is_no_option_is_refused(void **state)
{
    (void)state;
    bad("--fast", NULL, "there is no such option");
    bad("file.zst", NULL, "there is no such option");
    bad("--", NULL, "there is no such option");
    bad("-l", NULL, "there is no such option");
    bad("-", NULL, "there is no such option");
    bad("", NULL, "there is no such option");
    bad("--=", NULL, "there is no such option");
    bad("--feeds=x", NULL, "there is no such option");
    bad("--listen", NULL, "HOST:PORT");
}

static void help_and_version_go_before_everything(void **state)
{
    struct options options;
    (void)state;
    assert_int_equal(parse(&options, "--nonsense", "--help", NULL), OPTIONS_HELP);
    options_finish(&options);
    assert_int_equal(parse(&options, "-h", NULL), OPTIONS_HELP);
    options_finish(&options);
    assert_int_equal(parse(&options, "--version", NULL), OPTIONS_VERSION);
    options_finish(&options);
}

static void settings_that_conflict_are_refused(void **state)
{
    struct options options;
    (void)state;
    assert_int_equal(parse(&options, "--loop", "--exit-at-end", NULL), OPTIONS_BAD);
    expect_error("--loop");
    expect_error("--exit-at-end");
    options_finish(&options);
    assert_int_equal(parse(&options, "--from", "+10s", "--to", "+10s", NULL), OPTIONS_BAD);
    expect_error("--from");
    expect_error("--to");
    options_finish(&options);
    assert_int_equal(parse(&options, "--from", "2024-01-02", "--to", "2024-01-01", NULL),
                     OPTIONS_BAD);
    options_finish(&options);
    assert_int_equal(parse(&options, "--from", "2024-01-02", "--to", "+1s", NULL), OPTIONS_RUN);
    options_finish(&options);
    assert_int_equal(parse(&options, "--wait-clients", "6", "--max-clients", "5", NULL),
                     OPTIONS_BAD);
    expect_error("--wait-clients 6");
    expect_error("--max-clients lets in, 5");
    options_finish(&options);
    assert_int_equal(parse(&options, "--wait-clients", "5", "--max-clients", "5", NULL),
                     OPTIONS_RUN);
    options_finish(&options);
}

/* How to record says nothing when nothing is recorded. */
static void how_to_record_needs_what(void **state)
{
    static const char *const how[][2] = {
        {"--record-rotate", "1h"},   {"--record-rotate", "100M"}, {"--record-rotate", "day"},
        {"--record-continue", NULL}, {"--record-fsync", "flush"}, {"--record-fsync", "interval"}};
    (void)state;
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        struct options options;
        assert_int_equal(parse(&options, how[i][0], how[i][1], NULL), OPTIONS_BAD);
        expect_error(how[i][0]);
        expect_error("allowed with --record PATH, which is missing");
        options_finish(&options);
        assert_int_equal(parse(&options, "--record=x", how[i][0], how[i][1], NULL), OPTIONS_RUN);
        options_finish(&options);
    }
}

/* ---- the file ---- */

static enum options_result with_file(struct options *out, const char *json, const char *more)
{
    struct temp_file file = temp_file_make(json, strlen(json));
    const enum options_result result = parse(out, "--config", file.path, more, NULL);
    temp_file_drop(&file);
    return result;
}

static void a_file_holds_the_same_options_with_underscores(void **state)
{
    struct options options;
    (void)state;
    const enum options_result result = with_file(
        &options,
        "{\"listen\":\"[::]:1\",\"feed\":[\"a\",\"b\"],\"speed\":2.5,\"start_paused\":true,"
        "\"loop\":false,\"max_gap\":3,\"from\":\"+1s\",\"rebase\":\"now\",\"log_level\":\"warn\","
        "\"max_clients\":5,\"allow-origin\":\"https://x\"}",
        NULL);
    if (result != OPTIONS_RUN)
        fail_msg("%s", error);
    assert_string_equal(options.host, "::");
    assert_int_equal(options.feeds.count, 2);
    assert_true(options.speed == 2.5);
    assert_true(options.start_paused && !options.loop && options.rebase);
    assert_true(options.max_gap_ns == 3000000000);
    assert_int_equal(options.log_level, LOG_WARN);
    assert_int_equal(options.clients_max, 5);
    assert_int_equal(options.origins.count, 1);
    options_finish(&options);
    assert_int_equal(with_file(&options, "{\"speed\":\"max\"}", NULL), OPTIONS_RUN);
    assert_true(options.speed == 0);
    options_finish(&options);
}

static void the_command_line_wins(void **state)
{
    struct options options;
    static const char file[] = "{\"feed\":[\"a\",\"b\"],\"speed\":2,\"max_clients\":5}";
    (void)state;
    assert_int_equal(with_file(&options, file, "--speed=3"), OPTIONS_RUN);
    assert_true(options.speed == 3);
    assert_int_equal(options.clients_max, 5);
    assert_int_equal(options.feeds.count, 2);
    options_finish(&options);
    assert_int_equal(with_file(&options, file, "--feed=c"), OPTIONS_RUN);
    assert_int_equal(options.feeds.count, 1); /* in place of the file's, not besides them */
    assert_string_equal(options.feeds.values[0], "c");
    options_finish(&options);
    /* An option of the line may be what makes the file agree with itself. */
    assert_int_equal(with_file(&options, "{\"loop\":true}", "--exit-at-end"), OPTIONS_BAD);
    options_finish(&options);
}

static void what_can_be_repeated_is_an_array_in_the_file(void **state)
{
    struct options options;
    static const char file[] =
        "{\"feed\":[\"a\",\"b\"],\"allow_origin\":[\"https://a\",\"https://b\"],"
        "\"record\":\"x\",\"record_rotate\":[\"100M\",\"1h\"]}";
    (void)state;
    assert_int_equal(with_file(&options, file, NULL), OPTIONS_RUN);
    assert_int_equal(options.feeds.count, 2);
    assert_int_equal(options.origins.count, 2);
    assert_int_equal(options.record_rotate_bytes, 100 << 20);
    assert_int_equal(options.record_rotate_ns, INT64_C(3600000000000));
    options_finish(&options);
    assert_int_equal(with_file(&options, file, "--record-rotate=day"), OPTIONS_RUN);
    assert_int_equal(options.record_rotate_bytes, 0); /* the line wins */
    assert_int_equal(options.record_rotate_ns, 0);
    assert_true(options.record_rotate_day);
    options_finish(&options);
}

static void a_bad_file_is_refused_in_one_line(void **state)
{
    static const struct {
        const char *json, *says;
    } files[] = {
        {"", ":1:1: '[' or '{' expected near end of file; allowed: JSON, {\"option\": value, …}"},
        {"[]", "not a JSON object; allowed: {\"option\": value, …}, _ for -"},
        {"{\"speed\":1,\"speed\":2}", ": duplicate object key near '\"speed\"'"},
        {"{\"speed\":\n\"a\nb\"}", ":2:"},
        {"{\n \"speed\": 1,\n \"loop\": tru\n}", ":3:12: invalid token near 'tru'; allowed: JSON"},
        {"{\"colour\":1}", ":1:2: there is no option \"colour\"; see --help"},
        {"{\"config\":\"x\"}", "\"config\""},
        {"{\"help\":true}", "\"help\""},
        {"{\"speed\":0}", ":1:2: --speed 0: allowed: a number above 0, or max"},
        {"{\"speed\":true}", "--speed true: allowed: X as a string or a number"},
        {"{\"speed\":[1]}", "--speed [1]: allowed: X as a string or a number"},
        {"{\"speed\":null}", "--speed null: allowed: X as"},
        {"{\"loop\":1}", "--loop 1: allowed: true or false"},
        {"{\"loop\":\"true\"}", "--loop \"true\": allowed: true or false"},
        {"{\"max_clients\":-1}", "--max-clients -1"},
        {"{\"max_clients\":1.5}", "--max-clients 1.5"},
        {"{\"max_clients\":1,\"max-clients\":2}", ":1:18: --max-clients twice: allowed: once"},
        {"{\"feed\":[1.5,{}]}", "--feed {}: allowed: SPEC as a string or a number, or an array of"},
        {"{\"feed\":null}", "--feed null"},
        {"{\"feed\":[\"speed\",{\"speed\":1}],\n\t\"speed\": 2}", "--feed"},
        {"{\"feed\":[\"speed\",\"a,{\"],\n\t\"speed\" : -2}",
         ":2:2: --speed -2: allowed: a number ab"},
        {"{\"feed\":\"\xc3\xa4\",\"speed\":-2}", ":1:13: --speed -2"},
        {"{\"feed\":\"\\\"\",\"sp\\u0065ed\":-2}", ":1:14: --speed -2"},
        {"\xef\xbb\xbf{\"speed\":-1}", "--speed -1"},
        {"{\"loop\":true,\"exit_at_end\":true}", "--loop"},
        {"{\"a\\nb\":1}", "--config"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct options options;
        if (with_file(&options, files[i].json, NULL) != OPTIONS_BAD)
            fail_msg("%s was taken", files[i].json);
        expect_error(files[i].says);
        options_finish(&options);
    }
    bad("--config", "/nowhere/at.all", "No such file");
    bad("--config", "/", "Is a directory");
    bad("--config", "/dev/zero", "allowed: up to 1 MiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_arguments_the_defaults_hold),
        cmocka_unit_test(flags_are_set_and_take_no_value),
        cmocka_unit_test(what_is_kept_for_resuming_has_bounds),
        cmocka_unit_test(candles_get_a_million_bytes_at_least),
        cmocka_unit_test(numbers_reach_their_limits_and_no_further),
        cmocka_unit_test(the_bus_has_a_power_of_two),
        cmocka_unit_test(values_reach_their_own_fields),
        cmocka_unit_test(lists_gather_and_other_options_are_replaced),
        cmocka_unit_test(what_is_no_option_is_refused),
        cmocka_unit_test(help_and_version_go_before_everything),
        cmocka_unit_test(settings_that_conflict_are_refused),
        cmocka_unit_test(how_to_record_needs_what),
        cmocka_unit_test(a_file_holds_the_same_options_with_underscores),
        cmocka_unit_test(the_command_line_wins),
        cmocka_unit_test(what_can_be_repeated_is_an_array_in_the_file),
        cmocka_unit_test(a_bad_file_is_refused_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
