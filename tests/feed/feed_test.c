/* Small recordings through the whole ingester and onto the bus, with a thread of its own. The test
 * waits for what it is to see, never for time. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/feed.h"
#include "tests/support/bell.h"
#include "tests/support/temp_file.h"

enum { FILES_MAX = 4, SEEN_BYTES = 16000 };
#define S INT64_C(1000000000)

struct fixture {
    struct bus *bus;
    struct bus_sub *sub;
    struct feed *feed;
    struct feed_options options;
    struct temp_file files[FILES_MAX];
    const char *specs[FILES_MAX];
    size_t files_count;
    struct bell bell;
    char seen[SEEN_BYTES];
    char messages[2000]; /* read after feed_stop() only */
    _Atomic unsigned ended, done, failed;
    char error[1500];
};

static void on_event(const struct price_event *event, void *ctx)
{
    static const char *const states[] = {"up", "down", "paused", "ended"};
    struct fixture *f = ctx;
    const size_t len = strlen(f->seen), room = sizeof f->seen - len;
    const char *space = len == 0 ? "" : " ";
    if (event->kind == EVENT_RESET || event->kind == EVENT_SETTLED) {
        snprintf(f->seen + len, room, "%s%s", space,
                 event->kind == EVENT_RESET ? "reset" : "settled");
        return;
    }
    const struct stream *stream = streams_get(bus_streams(f->bus), event->stream);
    if (event->kind == EVENT_FEED)
        snprintf(f->seen + len, room, "%s%s=%s", space, stream->source, states[event->detail]);
    else if (event->kind == EVENT_TRADE)
        snprintf(f->seen + len, room, "%s%s%d", space, stream->symbol,
                 (int)event->mantissa[VALUE_PRICE]);
    else
        snprintf(f->seen + len, room, "%s?", space);
}

static void on_message(void *ctx, const char *text)
{
    strcat(((struct fixture *)ctx)->messages, text);
}

static void on_ended(void *ctx)
{
    struct fixture *f = ctx;
    atomic_fetch_add(&f->ended, 1);
    bell_ring(&f->bell);
}

static void on_done(void *ctx, bool ok)
{
    struct fixture *f = ctx;
    atomic_fetch_add(ok ? &f->done : &f->failed, 1);
    bell_ring(&f->bell);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_int_equal(bus_create(&(struct bus_options){.ring_events = 4096}, &f->bus), 0);
    bell_init(&f->bell);
    const struct bus_sub_options options = {bell_ring, &f->bell, true};
    assert_int_equal(bus_subscribe(f->bus, &options, &f->sub), 0);
    bus_on(f->sub, 0, on_event, f);
    f->options.lossless = true; /* however fast it is, the test sees everything */
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    feed_stop(f->feed);
    bus_unsubscribe(f->sub); /* it may hold the feed up, and then tells it */
    feed_destroy(f->feed);
    for (size_t i = 0; i < f->files_count; i++)
        temp_file_drop(&f->files[i]);
    bus_destroy(f->bus);
    bell_finish(&f->bell);
    free(f);
    return 0;
}

/* Adds a recording of `source` with trades as in "A10 B12": symbol, second and price at once. */
static void add(struct fixture *f, const char *source, const char *script)
{
    struct bytes text = {0};
    char line[300];
    char symbol;
    int used;
    long number;
    bytes_add(&text, "{\"pricecast\":1}\n", 16);
    for (; sscanf(script, " %c%ld%n", &symbol, &number, &used) == 2; script += used) {
        const int len = snprintf(line, sizeof line,
                                 "{\"kind\":\"trade\",\"symbol\":\"%c\",\"source\":\"%s\","
                                 "\"recv\":%ld000000,\"price\":\"%ld\"}\n",
                                 symbol, source, 1700000000 + number, number);
        bytes_add(&text, line, (size_t)len);
    }
    if (*script != '\0') /* what is no trade is put as it is */
        bytes_add(&text, script, strlen(script));
    const size_t i = f->files_count++;
    f->files[i] = temp_file_make(text.data, text.len);
    f->specs[i] = f->files[i].path;
    free(text.data);
}

static int create(struct fixture *f)
{
    f->options.specs = f->specs;
    f->options.specs_count = f->options.specs_count ? f->options.specs_count : f->files_count;
    f->options.hooks = (struct feed_hooks){on_message, on_ended, f};
    return feed_create(&f->options, f->bus, &f->feed, f->error, sizeof f->error);
}

static void start(struct fixture *f)
{
    if (create(f) != 0)
        fail_msg("%s", f->error);
    assert_int_equal(feed_start(f->feed), 0);
}

static void look(struct fixture *f)
{
    while (bus_dispatch(f->sub, 100) == 100)
        ;
}

/* Waits until this is the last that passed the bus, and forgets it all after a look at it. */
static void expect(struct fixture *f, const char *all)
{
    for (look(f); strlen(f->seen) < strlen(all); look(f))
        bell_wait(&f->bell);
    assert_string_equal(f->seen, all);
    f->seen[0] = '\0';
}

static void wait_for_end(struct fixture *f)
{
    for (look(f); atomic_load(&f->ended) == 0; look(f)) /* it may wait for us */
        bell_wait(&f->bell);
    look(f);
}

/* Gives a command and waits until it has been obeyed, or refused. */
static bool command(struct fixture *f, struct feed_command command)
{
    const unsigned done = atomic_load(&f->done), failed = atomic_load(&f->failed);
    command.done = on_done;
    command.ctx = f;
    assert_int_equal(feed_command(f->feed, &command), 0);
    for (look(f); atomic_load(&f->done) == done && atomic_load(&f->failed) == failed; look(f))
        bell_wait(&f->bell);
    return atomic_load(&f->done) != done;
}

static struct feed_status status_of(struct fixture *f)
{
    struct feed_status status;
    assert_int_equal(feed_status(f->feed, &status), 0);
    return status;
}

/* ---- playing ---- */

static void everything_arrives_in_order(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A1 A4 A5");
    add(f, "y", "B2 B4 B6");
    start(f);
    wait_for_end(f);
    expect(f, "x=up A1 y=up B2 A4 B4 A5 B6 x=ended y=ended");
    feed_stop(f->feed);
    assert_int_equal(atomic_load(&f->ended), 1);
    assert_string_equal(f->messages, "");
    assert_int_equal(feed_mode(f->feed), FEED_MODE_REPLAY);
}

static void more_than_the_bus_holds_arrives_whole(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 20000 };
    char *script = malloc(MANY * 3 + 1);
    for (int i = 0; i < MANY; i++)
        memcpy(script + (ptrdiff_t)3 * i, "A7 ", 4);
    script[MANY * 3 - 1] = '\0';
    add(f, "x", script);
    bus_off(f->sub, 1);
    start(f);
    wait_for_end(f);
    assert_int_equal(bus_emitted(f->bus), MANY + 2);
    assert_int_equal(bus_sub_missed(f->sub), 0);
    free(script);
}

static void its_status_tells_how_it_stands(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A1 A4\nrubbish");
    add(f, "y", "B2");
    f->options.start_paused = true;
    start(f);
    assert_true(command(f, (struct feed_command){.action = FEED_PAUSE}));
    struct feed_status status = status_of(f);
    assert_int_equal(status.play, FEED_IS_PAUSED);
    assert_int_equal(status.inputs_count, 2);
    assert_string_equal(status.inputs[1].name, f->specs[1]);
    free(status.inputs);
    command(f, (struct feed_command){.action = FEED_RESUME});
    wait_for_end(f);
    status = status_of(f);
    assert_int_equal(status.mode, FEED_MODE_REPLAY);
    assert_int_equal(status.play, FEED_HAS_ENDED);
    assert_int_equal(status.events, 3);
    assert_true(status.position_ns == 1700000004 * S);
    assert_int_equal(status.inputs[0].events, 2);
    assert_int_equal(status.inputs[0].bad, 1);
    assert_int_equal(status.inputs[1].events, 1);
    assert_string_equal(status.inputs[0].format, "native");
    assert_int_equal(status.inputs[0].sure, 100);
    assert_int_equal(status.inputs[0].bytes_read, status.inputs[0].bytes_total);
    free(status.inputs);
    feed_stop(f->feed);
    if (strstr(f->messages, ":5: bad JSON") == NULL) /* the log hears of the rubbish */
        fail_msg("%s", f->messages);
}

/* Files are read ahead, which is no progress of the replay. */
static void bytes_read_are_those_of_what_was_sent(void **state)
{
    struct fixture *f = *state;
    struct feed_status status = {0};
    add(f, "x", "A1 A2 A3 A4");
    f->options.start_paused = true;
    start(f);
    assert_true(command(f, (struct feed_command){.action = FEED_STEP, .count = 2}));
    for (int tries = 0; tries < 20000 && status.events < 2; tries++) {
        free(status.inputs);
        status = status_of(f);
        usleep(1000); /* until the file has been read */
    }
    assert_int_equal(status.events, 2);
    assert_int_equal(status.bytes_read, status.bytes_total / 2);
    free(status.inputs);
    command(f, (struct feed_command){.action = FEED_RESUME});
    command(f, (struct feed_command){.action = FEED_SPEED, .speed = 0});
    wait_for_end(f);
    status = status_of(f);
    assert_int_equal(status.bytes_read, status.bytes_total);
    free(status.inputs);
}

/* Whoever asks may be faster than its thread. */
static void started_paused_it_says_so_from_the_first_moment(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A1");
    f->options.start_paused = true;
    assert_int_equal(create(f), 0);
    struct feed_status status = status_of(f);
    assert_int_equal(status.play, FEED_IS_PAUSED);
    free(status.inputs);
}

static void nothing_is_sent_before_it_is_told_to_go(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A1");
    f->options.wait = true;
    start(f);
    assert_true(command(f, (struct feed_command){.action = FEED_SPEED, .speed = 0}));
    struct feed_status status = status_of(f);
    assert_int_equal(status.play, FEED_WAITING);
    free(status.inputs);
    assert_string_equal(f->seen, "");
    assert_true(command(f, (struct feed_command){.action = FEED_GO}));
    wait_for_end(f);
    expect(f, "x=up A1 x=ended");
}

static void sources_are_counted_by_their_kind(void **state)
{
    struct fixture *f = *state;
    struct feed_kinds kinds;
    add(f, "x", "A1");
    f->specs[1] = "sim:";
    f->specs[2] = "push:";
    f->options.specs_count = 3;
    assert_int_equal(create(f), 0);
    feed_kinds(f->feed, &kinds);
    assert_true(kinds.files == 1 && kinds.sims == 1 && kinds.live == 1);
    assert_string_equal(kinds.endless, "push:");
}

static void a_simulated_market_plays_without_end(void **state)
{
    struct fixture *f = *state;
    f->specs[0] = "sim:?rate=1000&bursts=1";
    f->options.specs_count = 1;
    start(f);
    for (look(f); bus_emitted(f->bus) < 500; look(f))
        bell_wait(&f->bell);
    assert_int_equal(feed_mode(f->feed), FEED_MODE_SIM);
    struct feed_kinds kinds;
    feed_kinds(f->feed, &kinds);
    assert_true(kinds.files == 0 && kinds.sims == 1 && kinds.live == 0 && kinds.endless == NULL);
    assert_int_equal(atomic_load(&f->ended), 0);
    feed_stop(f->feed); /* in the middle */
}

/* ---- commands ---- */

static void paused_it_steps_and_then_goes_on(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A20 A30 A40 A50");
    f->options.start_paused = true;
    start(f);
    expect(f, "x=paused");
    assert_true(command(f, (struct feed_command){.action = FEED_STEP, .count = 1}));
    expect(f, "A10");
    assert_true(command(f, (struct feed_command){.action = FEED_STEP, .count = 2}));
    expect(f, "A20 A30");
    assert_true(command(f, (struct feed_command){.action = FEED_RESUME}));
    wait_for_end(f);
    expect(f, "x=up A40 A50 x=ended");
}

/* An hour between two events: only another speed gets it there. */
static void speed_changes_while_it_plays(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A3610 A7210");
    f->options.speed = 1;
    start(f);
    expect(f, "x=up A10");
    assert_true(command(f, (struct feed_command){.action = FEED_SPEED, .speed = 1e9}));
    expect(f, "A3610 A7210 x=ended");
    wait_for_end(f);
}

static void pausing_holds_it_and_is_seen(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A3610");
    f->options.speed = 1;
    start(f);
    expect(f, "x=up A10");
    assert_true(command(f, (struct feed_command){.action = FEED_PAUSE}));
    assert_true(command(f, (struct feed_command){.action = FEED_SPEED, .speed = 0}));
    expect(f, "x=paused");
    assert_int_equal(atomic_load(&f->ended), 0);
    assert_true(command(f, (struct feed_command){.action = FEED_RESUME}));
    expect(f, "x=up A3610 x=ended");
}

static void a_loop_begins_again_in_a_new_epoch_until_told_otherwise(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A11");
    f->options.loop = true;
    start(f);
    static const char turns[] =
        "x=up A10 A11 x=ended reset x=up A10 A11 x=ended reset x=up A10 A11 x=ended reset";
    for (look(f); strlen(f->seen) < sizeof turns; look(f))
        bell_wait(&f->bell);
    assert_memory_equal(f->seen, turns, sizeof turns - 1);
    bus_off(f->sub, 1);
    assert_true(command(f, (struct feed_command){.action = FEED_LOOP, .on = false}));
    wait_for_end(f);
    const struct feed_status status = status_of(f);
    assert_true(status.loops >= 3);
    assert_false(status.loop);
    free(status.inputs);
}

static void a_seek_tells_how_things_stood_and_goes_on_from_there(void **state)
{
    struct fixture *f = *state;
    const struct feed_target to = {.kind = SEEK_TO_TIME, .ns = 1700000035 * S};
    add(f, "x", "A10 B20 A30 A40 A50");
    f->options.start_paused = true;
    start(f);
    expect(f, "x=paused");
    assert_true(command(f, (struct feed_command){.action = FEED_SEEK, .target = to}));
    expect(f, "reset x=paused B20 A30 settled");
    assert_true(command(f, (struct feed_command){.action = FEED_RESUME}));
    expect(f, "x=up A40 A50 x=ended");
    wait_for_end(f);
    const struct feed_target back = {.kind = SEEK_BY, .ns = -15 * S};
    assert_true(command(f, (struct feed_command){.action = FEED_PAUSE}));
    assert_true(command(f, (struct feed_command){.action = FEED_SEEK, .target = back}));
    look(f);
    assert_non_null(strstr(f->seen, "reset x=paused B20 A30 settled"));
}

/* Paused after the end, it stays so where it is sent to; and what was stepped too far is over. */
static void a_seek_back_from_the_end_sends_no_more_than_is_asked_for(void **state)
{
    struct fixture *f = *state;
    const struct feed_target to = {.kind = SEEK_TO_TIME, .ns = 1700000020 * S};
    add(f, "x", "A10 A20 A30");
    f->options.start_paused = true;
    start(f);
    expect(f, "x=paused");
    assert_true(command(f, (struct feed_command){.action = FEED_STEP, .count = 100}));
    expect(f, "A10 A20 A30 x=ended");
    assert_true(command(f, (struct feed_command){.action = FEED_SEEK, .target = to}));
    expect(f, "reset x=paused A10 settled");
    assert_true(command(f, (struct feed_command){.action = FEED_STEP, .count = 1}));
    expect(f, "A20");
    assert_true(command(f, (struct feed_command){.action = FEED_RESUME}));
    expect(f, "x=up A30 x=ended");
    wait_for_end(f);
    assert_true(command(f, (struct feed_command){.action = FEED_PAUSE}));
    assert_true(command(f, (struct feed_command){.action = FEED_SEEK, .target = to}));
    expect(f, "reset x=paused A10 settled");
}

/* What comes after the target in the file comes after it here, whatever its time. */
static void a_seek_into_disorder_takes_the_order_of_the_file(void **state)
{
    struct fixture *f = *state;
    const struct feed_target to = {.kind = SEEK_TO_TIME, .ns = 1700000025 * S};
    add(f, "x", "A10 A30 B15 A40");
    f->options.start_paused = true;
    start(f);
    expect(f, "x=paused");
    assert_true(command(f, (struct feed_command){.action = FEED_SEEK, .target = to}));
    expect(f, "reset x=paused A10 settled");
    assert_true(command(f, (struct feed_command){.action = FEED_STEP, .count = 1}));
    expect(f, "A30");
    assert_true(command(f, (struct feed_command){.action = FEED_STEP, .count = 1}));
    expect(f, "B15");
}

static void stopping_the_replay_ends_it_as_its_files_would(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A10 A3610");
    f->options.speed = 1;
    f->options.loop = true;
    start(f);
    expect(f, "x=up A10");
    assert_true(command(f, (struct feed_command){.action = FEED_STOP}));
    wait_for_end(f);
    expect(f, "x=ended");
}

static void nothing_to_seek_in_is_told(void **state)
{
    struct fixture *f = *state;
    const struct feed_target to = {.kind = SEEK_TO_TIME, .ns = S};
    f->specs[0] = "sim:?rate=1";
    f->options.specs_count = 1;
    start(f);
    assert_false(command(f, (struct feed_command){.action = FEED_SEEK, .target = to}));
}

static void targets_are_read(void **state)
{
    static const char *const wrong[] = {"", "101%", "-1%", "%", "x%", "30s", "-", "+", "nan%"};
    struct feed_target target;
    (void)state;
    assert_int_equal(feed_target_parse("2023-11-14T22:13:20Z", &target), 0);
    assert_true(target.kind == SEEK_TO_TIME && target.ns == 1700000000 * S);
    assert_int_equal(feed_target_parse("+30s", &target), 0);
    assert_true(target.kind == SEEK_BY && target.ns == 30 * S);
    assert_int_equal(feed_target_parse("-2m", &target), 0);
    assert_true(target.kind == SEEK_BY && target.ns == -120 * S);
    assert_int_equal(feed_target_parse("50%", &target), 0);
    assert_true(target.kind == SEEK_TO_FRACTION && target.fraction == 0.5);
    assert_int_equal(feed_target_parse("100%", &target), 0);
    assert_int_equal(feed_target_parse("0%", &target), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (feed_target_parse(wrong[i], &target) != -EINVAL)
            fail_msg("%s was taken", wrong[i]);
}

/* ---- what cannot be played ---- */

static void refuse(struct fixture *f, const char *spec, int rc, const char *says)
{
    f->specs[0] = spec;
    f->options.specs_count = 1;
    f->error[0] = '\0';
    assert_int_equal(create(f), rc);
    assert_null(f->feed);
    if (strstr(f->error, spec) == NULL || strstr(f->error, says) == NULL ||
        strchr(f->error, '\n') != NULL)
        fail_msg("%s", f->error);
}

static void what_cannot_be_opened_is_named_with_the_reason(void **state)
{
    struct fixture *f = *state;
    refuse(f, "/nowhere/at.all", -ENOENT, "No such file");
    refuse(f, "file:/nowhere/at.all?format=native", -ENOENT, "No such file");
    refuse(f, "/tmp", -EISDIR, "directory");
    refuse(f, "/dev/null", -ENODATA, "");
    refuse(f, "gopher:x", -EINVAL, "unknown kind");
    refuse(f, "sim:?rate=0", -EINVAL, "rate=0");
    refuse(f, "file:/dev/null?colour=red", -EINVAL, "\"colour\"");
    refuse(f, "file:/dev/null?offset=soon", -EINVAL, "offset=soon");
}

/* A good one beside a bad one: all of it is given back. */
static void one_bad_feed_is_enough_to_refuse_them_all(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A1");
    f->specs[1] = "/nowhere/at.all";
    f->options.specs_count = 2;
    assert_int_equal(create(f), -ENOENT);
    assert_null(f->feed);
}

static void one_that_was_never_started_can_be_destroyed(void **state)
{
    struct fixture *f = *state;
    add(f, "x", "A1");
    assert_int_equal(create(f), 0);
    feed_stop(f->feed);
    feed_stop(NULL);
    feed_destroy(NULL);
    look(f);
    assert_string_equal(f->seen, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_arrives_in_order),
        TEST(more_than_the_bus_holds_arrives_whole),
        TEST(its_status_tells_how_it_stands),
        TEST(bytes_read_are_those_of_what_was_sent),
        TEST(started_paused_it_says_so_from_the_first_moment),
        TEST(nothing_is_sent_before_it_is_told_to_go),
        TEST(sources_are_counted_by_their_kind),
        TEST(a_simulated_market_plays_without_end),
        TEST(paused_it_steps_and_then_goes_on),
        TEST(speed_changes_while_it_plays),
        TEST(pausing_holds_it_and_is_seen),
        TEST(a_loop_begins_again_in_a_new_epoch_until_told_otherwise),
        TEST(a_seek_tells_how_things_stood_and_goes_on_from_there),
        TEST(a_seek_back_from_the_end_sends_no_more_than_is_asked_for),
        TEST(a_seek_into_disorder_takes_the_order_of_the_file),
        TEST(stopping_the_replay_ends_it_as_its_files_would),
        TEST(nothing_to_seek_in_is_told),
        TEST(targets_are_read),
        TEST(what_cannot_be_opened_is_named_with_the_reason),
        TEST(one_bad_feed_is_enough_to_refuse_them_all),
        TEST(one_that_was_never_started_can_be_destroyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
