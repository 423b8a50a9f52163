/* A file from its name to its last event: batches, totals, messages and refusals. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>

#include "feed/file_producer.h"
#include "feed/item.h"
#include "tests/support/temp_file.h"

#define ITEM(price)                                                                                \
    "{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"x\",\"price\":\"" price "\"}\n"
#define FIXTURE(name) PRICECAST_SOURCE_DIR "/tests/fixtures/" name

/* One file, read to its end. */
struct run {
    struct temp_file file;
    struct producer *producer;
    struct event_batch batch; /* the last one */
    struct bytes items;       /* all events as items, one a line, seq 0 */
    uint64_t events, batches;
    char messages[2048]; /* all of them, each followed by a newline */
    char error[1024];
};

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct run));
    ((struct run *)*state)->file.fd = -1;
    return 0;
}

static int teardown(void **state)
{
    struct run *run = *state;
    if (run->producer != NULL)
        run->producer->ops->destroy(run->producer);
    if (run->file.fd >= 0)
        temp_file_drop(&run->file);
    free(run->items.data);
    free(run);
    return 0;
}

static int open_options(struct run *run, const struct file_options *options)
{
    const int rc = file_producer_create(options, &run->producer, run->error, sizeof run->error);
    assert_int_equal(rc == 0, run->error[0] == '\0');
    assert_null(strchr(run->error, '\n'));
    return rc;
}

static int open_bytes(struct run *run, const void *data, size_t len, const char *format)
{
    run->file = temp_file_make(data, len);
    return open_options(run, &(struct file_options){.path = run->file.path, .format = format});
}
#define OPEN(run, text, format) open_bytes((run), (text), sizeof(text) - 1, (format))

static void take_batch(struct run *run)
{
    char item[ITEM_BYTES_MAX];
    run->producer->ops->fill(run->producer, &run->batch);
    run->batches++;
    run->events += run->batch.count;
    assert_in_range(run->batch.count, 0, BATCH_EVENTS_MAX);
    for (size_t i = 0; i < run->batch.count; i++) {
        const struct price_event *event = &run->batch.events[i];
        size_t len = item_prefix(streams_get(run->producer->streams, event->stream), item);
        len += item_rest(event, item + len);
        item[len++] = '\n';
        bytes_add(&run->items, item, len);
    }
    if (run->batch.message[0] != '\0') {
        const size_t used = strlen(run->messages);
        snprintf(run->messages + used, sizeof run->messages - used, "%s\n", run->batch.message);
    }
}

static void take_all(struct run *run)
{
    do
        take_batch(run);
    while (run->batch.end == PRODUCER_MORE);
}

static void expect_totals(const struct run *run, uint64_t lines, uint64_t events, uint64_t ignored,
                          uint64_t bad)
{
    assert_int_equal(run->batch.lines, lines);
    assert_int_equal(run->events, events);
    assert_int_equal(run->batch.ignored, ignored);
    assert_int_equal(run->batch.bad, bad);
}

/* ---- what is good ---- */

static void a_binance_capture_is_recognised_and_read(void **state)
{
    struct run *run = *state;
    assert_int_equal(open_options(run, &(struct file_options){.path = FIXTURE("binance.capture")}),
                     0);
    assert_ptr_equal(file_producer_format(run->producer), &format_binance);
    take_all(run);
    expect_totals(run, 8, 5, 3, 0);
    assert_int_equal(run->batch.end, PRODUCER_ENDED);
    assert_string_equal(run->messages, "");
    assert_int_equal(streams_count(run->producer->streams), 4);
    assert_non_null(strstr(run->items.data, "\"bid\":\"0.000027850\",\"bid_size\":\"35\""));
    assert_non_null(strstr(run->items.data, "\"ts\":1700000000190123,\"recv\":1700000000184456,"
                                            "\"price\":\"-0.50\",\"size\":\"0\",\"side\":\"buy\""));
    assert_int_equal(run->batch.bytes_read, run->batch.bytes_total);
}

static void a_native_recording_is_recognised_and_read(void **state)
{
    struct run *run = *state;
    assert_int_equal(open_options(run, &(struct file_options){.path = FIXTURE("native.jsonl")}), 0);
    assert_ptr_equal(file_producer_format(run->producer), &format_native);
    take_all(run);
    expect_totals(run, 7, 4, 1, 0);
    assert_non_null(strstr(run->items.data, "\"symbol\":\"D\\\"EF\",\"source\":\"beta\""));
}

/* The name says nothing: a packed file may have any. */
static void packed_files_give_the_same_events(void **state)
{
    static const char text[] = "{\"pricecast\":1}\n" ITEM("1.0") ITEM("2.50");
    struct run *run = *state;
    struct bytes packed = {0};
    bytes_add_gzip(&packed, text, sizeof text - 1);
    assert_int_equal(open_bytes(run, packed.data, packed.len, NULL), 0);
    take_all(run);
    expect_totals(run, 3, 2, 0, 0);
    assert_int_equal(run->batch.bytes_read, packed.len);
    free(packed.data);
}

static void lines_of_more_streams_than_allowed_are_bad(void **state)
{
    struct run *run = *state;
    static const char text[] =
        "{\"pricecast\":1}\n"
        "{\"kind\":\"trade\",\"symbol\":\"A\",\"source\":\"x\",\"price\":\"1\"}\n"
        "{\"kind\":\"trade\",\"symbol\":\"B\",\"source\":\"x\",\"price\":\"1\"}\n"
        "{\"kind\":\"trade\",\"symbol\":\"A\",\"source\":\"x\",\"price\":\"2\"}\n";
    run->file = temp_file_make(text, sizeof text - 1);
    const struct file_options options = {.path = run->file.path, .streams_max = 1};
    assert_int_equal(open_options(run, &options), 0);
    take_all(run);
    expect_totals(run, 4, 2, 0, 1);
    assert_non_null(strstr(run->messages, ":3: too many streams"));
}

static void symbol_and_source_can_be_given(void **state)
{
    struct run *run = *state;
    const struct file_options options = {.path = FIXTURE("binance.capture"),
                                         .keys = {.symbol = "ONE", .source = "two"}};
    assert_int_equal(open_options(run, &options), 0);
    take_all(run);
    assert_int_equal(run->events, 5);
    assert_int_equal(streams_count(run->producer->streams), 2);
    assert_string_equal(streams_get(run->producer->streams, 0)->symbol, "ONE");
    assert_string_equal(streams_get(run->producer->streams, 1)->source, "two");
}

static struct bytes many_items(size_t count)
{
    struct bytes text = {0};
    for (size_t i = 0; i < count; i++) {
        char line[128];
        const int len = snprintf(line, sizeof line,
                                 "{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"x\",\"seq\":0,"
                                 "\"price\":\"%zu\"}\n",
                                 i);
        bytes_add(&text, line, (size_t)len);
    }
    return text;
}

/* Whatever the count has to do with the size of a batch, each event comes once and in order. */
static void batches_are_bounded_and_nothing_is_lost_between_them(void **state)
{
    static const size_t counts[] = {
        1,   BATCH_EVENTS_MAX - 1, BATCH_EVENTS_MAX, BATCH_EVENTS_MAX + 1, 3 * BATCH_EVENTS_MAX,
        7000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct bytes text = many_items(counts[i]);
        void *one;
        setup(&one);
        struct run *run = one;
        assert_int_equal(open_bytes(run, text.data, text.len, NULL), 0);
        take_all(run);
        assert_int_equal(run->events, counts[i]);
        assert_string_equal(run->items.data, text.data);
        teardown(&one);
        free(text.data);
    }
    (void)state;
}

static void a_rewind_begins_again_and_totals_go_on(void **state)
{
    struct run *run = *state;
    struct bytes text = many_items(50000); /* more than the reader keeps */
    assert_int_equal(open_bytes(run, text.data, text.len, NULL), 0);
    take_batch(run);
    assert_int_equal(run->producer->ops->rewind(run->producer), 0);
    run->items.len = 0;
    take_all(run);
    assert_string_equal(run->items.data, text.data);
    assert_int_equal(run->producer->ops->rewind(run->producer), 0);
    run->items.len = 0;
    take_all(run);
    assert_string_equal(run->items.data, text.data);
    assert_int_equal(run->batch.lines, 100000 + BATCH_EVENTS_MAX);
    assert_int_equal(run->batch.bytes_read, text.len);
    free(text.data);
}

static void the_end_is_repeated_without_news(void **state)
{
    struct run *run = *state;
    assert_int_equal(OPEN(run, ITEM("1") "junk\n", NULL), 0);
    take_all(run);
    take_batch(run);
    assert_int_equal(run->batch.end, PRODUCER_ENDED);
    assert_int_equal(run->batch.count, 0);
    assert_string_equal(run->batch.message, "");
}

/* A long stretch without events must not look like a standstill. */
static void empty_batches_report_progress(void **state)
{
    struct run *run = *state;
    struct bytes text = {0};
    bytes_add(&text, "{\"pricecast\":1}\n", 16);
    for (size_t i = 0; i < 2 * FILE_LINES_PER_FILL; i++)
        bytes_add(&text, "{\"type\":\"feed\"}\n", 16);
    assert_int_equal(open_bytes(run, text.data, text.len, NULL), 0);
    take_batch(run);
    assert_int_equal(run->batch.lines, FILE_LINES_PER_FILL);
    take_batch(run);
    assert_int_equal(run->batch.count, 0);
    assert_int_equal(run->batch.end, PRODUCER_MORE);
    assert_int_equal(run->batch.lines, 2 * FILE_LINES_PER_FILL);
    take_all(run);
    expect_totals(run, 2 * FILE_LINES_PER_FILL + 1, 0, 2 * FILE_LINES_PER_FILL, 0);
    free(text.data);
}

/* ---- what is bad ---- */

static void the_first_bad_line_is_reported_and_the_rest_counted(void **state)
{
    struct run *run = *state;
    char want[256];
    assert_int_equal(OPEN(run, ITEM("1") "\n" ITEM("x") "nonsense\n" ITEM("2") "\0\xff\n", NULL),
                     0);
    take_all(run);
    expect_totals(run, 6, 2, 0, 3);
    snprintf(want, sizeof want,
             "%s:3: price is not a decimal; the line is: "
             "{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"x\",\"price\":\"x\"}; "
             "further bad lines are only counted\n",
             run->file.path);
    assert_string_equal(run->messages, want);
    assert_int_equal(run->producer->ops->rewind(run->producer), 0);
    take_all(run);
    assert_string_equal(run->messages, want); /* once a file, not once a turn */
    assert_int_equal(run->batch.bad, 6);
}

static void a_line_above_the_limit_is_one_bad_line(void **state)
{
    static const char text[] = ITEM("1") ITEM("1.00000000000000000000000000") ITEM("2");
    struct run *run = *state;
    run->file = temp_file_make(text, sizeof text - 1);
    const struct file_options options = {.path = run->file.path, .line_bytes_max = 70};
    assert_int_equal(open_options(run, &options), 0);
    take_all(run);
    expect_totals(run, 3, 2, 0, 1);
    assert_non_null(strstr(run->messages, ":2: longer than 70 bytes (--max-line-bytes); "));
}

static void a_file_cut_short_gives_what_is_whole_and_says_where_it_ends(void **state)
{
    struct run *run = *state;
    struct bytes text = many_items(3000), packed = {0};
    char place[64];
    bytes_add_gzip(&packed, text.data, text.len);
    packed.len -= 100;
    assert_int_equal(open_bytes(run, packed.data, packed.len, NULL), 0);
    take_all(run);
    assert_int_equal(run->batch.end, PRODUCER_BROKEN);
    assert_true(run->events > 2000 && run->events < 3000);
    assert_memory_equal(run->items.data, text.data, run->items.len);
    snprintf(place, sizeof place, ": gzip data ends early at byte %zu (line %zu, ", packed.len,
             (size_t)run->events + 1);
    assert_non_null(strstr(run->messages, place));
    assert_non_null(strstr(run->messages, "; everything before it was replayed\n"));
    free(text.data);
    free(packed.data);
}

/* One message a batch holds: the second piece of news waits for the next one. */
static void a_bad_line_and_a_broken_end_are_both_told(void **state)
{
    struct run *run = *state;
    struct bytes packed = {0};
    bytes_add_gzip(&packed, ITEM("1") "junk\n", sizeof ITEM("1") + 4);
    packed.len -= 4;
    assert_int_equal(open_bytes(run, packed.data, packed.len, NULL), 0);
    take_all(run);
    assert_int_equal(run->batches, 2);
    assert_non_null(strstr(run->messages, ":2: bad JSON"));
    assert_non_null(strstr(run->messages, "gzip data ends early"));
    free(packed.data);
}

/* What is there is used, but whatever follows may have been a part of it. */
static void garbage_after_packed_data_breaks_the_file_off(void **state)
{
    struct run *run = *state;
    struct bytes packed[2] = {{0}};
    bytes_add_gzip(&packed[0], ITEM("1"), sizeof ITEM("1") - 1);
    bytes_add_zstd(&packed[1], ITEM("1"), sizeof ITEM("1") - 1, 1000);
    for (size_t i = 0; i < 2; i++) {
        char told[100];
        snprintf(told, sizeof told, ": something else follows the %s data at byte %zu (line 2, ",
                 i == 0 ? "gzip" : "zstd", packed[i].len);
        bytes_add(&packed[i], "??", 2);
        assert_int_equal(open_bytes(run, packed[i].data, packed[i].len, NULL), 0);
        take_all(run);
        assert_int_equal(run->batch.end, PRODUCER_BROKEN);
        expect_totals(run, 1, 1, 0, 0);
        assert_non_null(strstr(run->messages, told));
        free(packed[i].data);
        if (i == 0) {
            teardown(state);
            setup(state);
            run = *state;
        }
    }
}

static void a_later_version_in_the_middle_breaks_the_file_off(void **state)
{
    struct run *run = *state;
    struct bytes text = many_items(20);
    bytes_add(&text, "{\"pricecast\":2}\n" ITEM("2"), 16 + sizeof ITEM("2") - 1);
    assert_int_equal(open_bytes(run, text.data, text.len, NULL), 0);
    take_all(run);
    expect_totals(run, 21, 20, 0, 1);
    assert_int_equal(run->batch.end, PRODUCER_BROKEN);
    assert_non_null(strstr(run->messages, ":21: a recording of version 2; this program reads "
                                          "version 1; everything before it was replayed"));
    free(text.data);
}

/* ---- what is refused at once ---- */

static void expect_refusal(const char *text, size_t len, const struct file_options *options, int rc,
                           const char *error)
{
    void *state;
    setup(&state);
    struct run *run = state;
    struct file_options all = *options;
    if (text != NULL) {
        run->file = temp_file_make(text, len);
        all.path = run->file.path;
    }
    assert_int_equal(open_options(run, &all), rc);
    assert_null(run->producer);
    assert_memory_equal(run->error, all.path, strlen(all.path));
    assert_string_equal(run->error + strlen(all.path), error);
    teardown(&state);
}
#define REFUSES(text, rc, error, ...)                                                              \
    expect_refusal((text), sizeof(text) - 1, &(struct file_options){__VA_ARGS__}, (rc), (error))

static void files_without_lines_are_refused(void **state)
{
    (void)state;
    REFUSES("", -ENODATA, ": the file is empty");
    REFUSES("\n\r\n\n", -ENODATA, ": the first lines are all empty");
    REFUSES("\x1f\x8b\x08\x00\x00", -ENODATA,
            ": gzip data ends early at byte 5, before the first line ends");
    REFUSES("12345678901", -ENODATA,
            ": the first lines are longer than 10 bytes (--max-line-bytes)", .line_bytes_max = 10);
    expect_refusal(NULL, 0, &(struct file_options){.path = "/nonexistent"}, -ENOENT,
                   ": No such file or directory");
    expect_refusal(NULL, 0, &(struct file_options){.path = "/tmp"}, -EISDIR, ": Is a directory");
}

#define TRIED                                                                                      \
    "; tried: native 0% (no header {\"pricecast\":1} and no items), "                              \
    "binance 0% (no receive time in front of JSON), cryptofeed1 0% (no \"SECONDS: JSON\"), "       \
    "cryptofeed2 0% (no JSON with t, conn and ts), "                                               \
    "tardis 0% (no header with exchange, symbol, timestamp, local_timestamp), "                    \
    "binance-csv 0% (no rows id,price,quantity,…), "                                             \
    "csv 0% (no rows of as many fields, with numbers)"

static void content_of_no_format_is_refused_and_shown(void **state)
{
    (void)state;
    REFUSES("time price\t\x80\nx\n", -EILSEQ,
            ": format not recognised; line 1 is: time price\\x09\\x80" TRIED);
    REFUSES("\n0123456789012345678901234567890123456789012345678901234567890\n", -EILSEQ,
            ": format not recognised; line 2 is: "
            "012345678901234567890123456789012345678901234567890123456789..." TRIED);
}

static void a_format_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    REFUSES(ITEM("1"), -EINVAL,
            ": unknown format \"bitmap\"; allowed: native, binance, cryptofeed1, cryptofeed2, "
            "tardis, binance-csv, csv",
            .format = "bitmap");
    REFUSES("{}\n", -EILSEQ,
            ": the content is not of format binance: line 1: "
            "no receive time in nanoseconds and a space in front; the line is: {}",
            .format = "binance");
    REFUSES("{\"pricecast\":3}\n", -EILSEQ,
            ": format native: line 1: a recording of version 3; this program reads version 1; "
            "the line is: {\"pricecast\":3}",
            .format = "native");
}

/* A guess may be wrong: then it matters what else was thought of. */
static void a_guess_that_does_not_fit_is_refused_with_all_that_was_tried(void **state)
{
    (void)state;
    REFUSES("1,2,3\n1,2,4\n", -EILSEQ,
            ": format csv: line 1: columns= must name the 3 fields: there is no header; "
            "the line is: 1,2,3; tried: native 0% (no header {\"pricecast\":1} and no items), "
            "binance 0% (no receive time in front of JSON), cryptofeed1 0% (no \"SECONDS: JSON\"), "
            "cryptofeed2 0% (no JSON with t, conn and ts), "
            "tardis 0% (no header with exchange, symbol, timestamp, local_timestamp), "
            "binance-csv 0% (no rows id,price,quantity,…), csv 40%");
}

static void keys_that_a_format_does_not_take_are_refused(void **state)
{
    (void)state;
    REFUSES(ITEM("1"), -EINVAL,
            ": format native takes no tz=; allowed: symbol=, source=", .format = "native",
            .keys.tz = "UTC");
    REFUSES("exchange,symbol,timestamp,local_timestamp,x\n", -EINVAL,
            ": format tardis takes no columns=; allowed: symbol=, source=", .format = "tardis",
            .keys.columns = "ts,price");
}

static void a_file_without_prices_says_so(void **state)
{
    struct run *run = *state;
    assert_int_equal(OPEN(run, "1700000000.5: {\"event\":\"heartbeat\"}\n", NULL), 0);
    take_all(run);
    assert_int_equal(run->batch.end, PRODUCER_ENDED);
    assert_non_null(strstr(run->messages, "no trades or quotes in 1 lines (format cryptofeed1; "
                                          "1 ignored, 0 bad)"));
}

static void names_that_are_none_are_refused(void **state)
{
    (void)state;
    REFUSES(ITEM("1"), -EINVAL,
            ": symbol= must be 1 to 128 bytes of UTF-8 without control characters",
            .keys.symbol = "");
    REFUSES(ITEM("1"), -EINVAL,
            ": source= must be 1 to 128 bytes of UTF-8 without control characters",
            .keys.source = "a\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_binance_capture_is_recognised_and_read),
        TEST(a_native_recording_is_recognised_and_read),
        TEST(packed_files_give_the_same_events),
        TEST(lines_of_more_streams_than_allowed_are_bad),
        TEST(symbol_and_source_can_be_given),
        TEST(batches_are_bounded_and_nothing_is_lost_between_them),
        TEST(a_rewind_begins_again_and_totals_go_on),
        TEST(the_end_is_repeated_without_news),
        TEST(empty_batches_report_progress),
        TEST(the_first_bad_line_is_reported_and_the_rest_counted),
        TEST(a_line_above_the_limit_is_one_bad_line),
        TEST(a_file_cut_short_gives_what_is_whole_and_says_where_it_ends),
        TEST(a_bad_line_and_a_broken_end_are_both_told),
        TEST(garbage_after_packed_data_breaks_the_file_off),
        TEST(a_later_version_in_the_middle_breaks_the_file_off),
        TEST(files_without_lines_are_refused),
        TEST(content_of_no_format_is_refused_and_shown),
        TEST(a_format_that_does_not_fit_is_refused),
        TEST(a_guess_that_does_not_fit_is_refused_with_all_that_was_tried),
        TEST(keys_that_a_format_does_not_take_are_refused),
        TEST(a_file_without_prices_says_so),
        TEST(names_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
