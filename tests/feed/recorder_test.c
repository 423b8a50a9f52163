/* What was on the bus is in the file, and comes out of it again. Parts, crashes and full disks are
 * in recorder_parts_test.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed/file_producer.h"
#include "feed/recorder.h"
#include "tests/support/random.h"

enum { STREAMS = 7, EVENTS_MAX = 5000 };

struct fixture {
    struct bus *bus;
    struct recorder *recorder;
    char directory[40], path[80];
    _Atomic unsigned messages;
    struct price_event emitted[EVENTS_MAX];
    size_t emitted_count;
    struct random random;
    struct event_batch batch;
};

static void on_message(void *ctx, const char *text)
{
    struct fixture *f = ctx;
    (void)text;
    atomic_fetch_add(&f->messages, 1);
}

static int setup(void **state)
{
    /* Names that JSON has to escape, and such as differ in the source or the kind only. */
    static const struct {
        const char *source, *symbol;
        enum event_kind kind;
    } names[STREAMS] = {
        {"x", "A", EVENT_TRADE},
        {"x", "A", EVENT_QUOTE},
        {"y", "A", EVENT_TRADE},
        {"x", "q\"uo\\te", EVENT_TRADE},
        {"x", "\xe2\x82\xac/\xc2\xa3", EVENT_QUOTE},
        {"s p", "B C", EVENT_QUOTE},
        {"x", "", EVENT_FEED},
    };
    struct fixture *f = calloc(1, sizeof *f);
    assert_int_equal(bus_create(&(struct bus_options){.ring_events = 8192}, &f->bus), 0);
    for (int i = 0; i < STREAMS; i++)
        assert_int_equal(bus_stream(f->bus, names[i].source, strlen(names[i].source),
                                    names[i].symbol, strlen(names[i].symbol), names[i].kind),
                         i);
    strcpy(f->directory, "/tmp/recorder_test_XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->random.state = random_seed_of(8);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    recorder_destroy(f->recorder);
    bus_destroy(f->bus);
    unlink(f->path);
    rmdir(f->directory);
    free(f);
    return 0;
}

static void record_to(struct fixture *f, const char *name, bool holds)
{
    char error[300];
    snprintf(f->path, sizeof f->path, "%s/%s", f->directory, name);
    const struct recorder_options options = {
        .path = f->path, .holds = holds, .message = on_message, .ctx = f};
    assert_int_equal(recorder_create(&options, f->bus, &f->recorder, error, sizeof error), 0);
}

static void record_end(struct fixture *f)
{
    assert_true(recorder_destroy(f->recorder));
    f->recorder = NULL;
}

static int64_t any_time(struct random *random)
{
    if (random_chance(random, 20))
        return EVENT_NO_TIME;
    /* Whole microseconds, also before 1970: the wire has no more. */
    return ((int64_t)(random_u64(random) >> 14) - (INT64_C(1) << 48)) * EVENT_NS_PER_US;
}

static struct price_event any_event(struct fixture *f)
{
    const uint32_t stream = random_below(&f->random, STREAMS - 1);
    struct price_event event = event_make(streams_get(bus_streams(f->bus), stream)->kind);
    event.stream = stream & EVENT_NO_STREAM;
    event.ts_ns = any_time(&f->random);
    event.recv_ns = any_time(&f->random);
    const bool is_trade = event.kind == EVENT_TRADE;
    if (is_trade)
        event.detail = random_below(&f->random, 3) & 15u;
    for (int i = 0; i < (is_trade ? 2 : 4); i++) {
        const uint8_t sign = random_chance(&f->random, 20) ? DECIMAL_NEGATIVE : 0;
        const struct decimal value = {
            .mantissa = random_u64(&f->random) >> random_below(&f->random, 64),
            .form = (uint8_t)(sign | random_below(&f->random, DECIMAL_DIGITS_MAX + 1)),
        };
        if (i == 0 || random_chance(&f->random, 80))
            event_set_value(&event, i, value);
    }
    return event;
}

static void emit(struct fixture *f, size_t count)
{
    while (count-- > 0) {
        struct price_event event = any_event(f);
        bus_emit(f->bus, &event, 1);
        f->emitted[f->emitted_count++] = event;
    }
}

static void emit_state(struct fixture *f, enum feed_state state)
{
    struct price_event event = event_make(EVENT_FEED);
    event.stream = STREAMS - 1;
    event.detail = state;
    event.ts_ns = 5000;
    bus_emit(f->bus, &event, 1);
}

static void expect_same(const struct fixture *f, const struct producer *file,
                        const struct price_event *got, const struct price_event *emitted)
{
    const struct stream *from = streams_get(bus_streams(f->bus), emitted->stream);
    const struct stream *to = streams_get(file->streams, got->stream);
    assert_string_equal(from->source, to->source);
    assert_string_equal(from->symbol, to->symbol);
    assert_int_equal(from->kind, to->kind);
    assert_int_equal(got->kind, emitted->kind);
    assert_int_equal(got->detail, emitted->detail);
    assert_true(got->ts_ns == emitted->ts_ns && got->recv_ns == emitted->recv_ns);
    assert_memory_equal(got->form, emitted->form, sizeof got->form);
    for (int i = 0; i < EVENT_VALUES; i++)
        if (!decimal_is_absent(event_value(emitted, i)))
            assert_true(got->mantissa[i] == emitted->mantissa[i]);
}

/* The file holds what was emitted, no more and no less, and nothing that is bad. */
static void expect_file(struct fixture *f)
{
    struct producer *file;
    char error[1024] = "";
    size_t count = 0;
    if (file_producer_create(&(struct file_options){.path = f->path}, &file, error, sizeof error) !=
        0)
        fail_msg("%s", error);
    do {
        file->ops->fill(file, &f->batch);
        if (f->emitted_count > 0)
            assert_string_equal(f->batch.message, "");
        else
            assert_non_null(strstr(f->batch.message, "no trades or quotes in 1 lines"));
        for (size_t i = 0; i < f->batch.count; i++) {
            assert_in_range(count, 0, f->emitted_count - 1);
            expect_same(f, file, &f->batch.events[i], &f->emitted[count++]);
        }
    } while (f->batch.end == PRODUCER_MORE);
    assert_int_equal(f->batch.end, PRODUCER_ENDED);
    assert_int_equal(f->batch.bad, 0);
    assert_int_equal(count, f->emitted_count);
    file->ops->destroy(file);
}

static void what_was_recorded_comes_back_the_same(void **state)
{
    static const char *const names[] = {"a.jsonl", "a.jsonl.gz", "a.jsonl.zst"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        f->emitted_count = 0;
        record_to(f, names[i], false);
        emit(f, 3000);
        record_end(f);
        expect_file(f);
        unlink(f->path);
    }
    assert_int_equal(atomic_load(&f->messages), 0);
}

static void a_recording_of_nothing_is_a_recording(void **state)
{
    struct fixture *f = *state;
    record_to(f, "a.zst", false);
    record_end(f);
    expect_file(f);
}

static void it_begins_where_it_was_told_to(void **state)
{
    struct fixture *f = *state;
    emit(f, 100);
    f->emitted_count = 0;
    record_to(f, "a", false);
    emit(f, 10);
    record_end(f);
    emit(f, 10);
    f->emitted_count = 10;
    expect_file(f);
}

/* Resets and states of sources stand in the file for people; a replay passes over them. */
static void notes_between_the_items_are_passed_over(void **state)
{
    struct fixture *f = *state;
    char text[8000] = "";
    record_to(f, "a", false);
    emit_state(f, FEED_UP);
    emit(f, 3);
    bus_reset(f->bus, RESET_SEEK);
    emit_state(f, FEED_PAUSED);
    emit(f, 3);
    emit_state(f, FEED_ENDED);
    record_end(f);
    expect_file(f);
    FILE *file = fopen(f->path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_memory_equal(text, "{\"pricecast\":1,", 15);
    const char *up =
        strstr(text, "{\"type\":\"feed\",\"source\":\"x\",\"state\":\"up\",\"ts\":5}\n");
    const char *reset = strstr(text, "{\"type\":\"reset\",\"epoch\":\"");
    const char *paused = strstr(text, "\"state\":\"paused\"");
    const char *ended = strstr(text, "\"state\":\"ended\"");
    assert_true(up != NULL && up < reset && reset < paused && paused < ended);
}

static void its_counts_are_right_at_the_end(void **state)
{
    struct fixture *f = *state;
    struct recorder_status status;
    record_to(f, "a", false);
    emit(f, 500);
    emit_state(f, FEED_ENDED);
    do { /* its thread gets there by itself */
        sched_yield();
        recorder_status(f->recorder, &status);
    } while (status.events < 500);
    assert_int_equal(status.events, 500);
    assert_int_equal(status.missed, 0);
    assert_int_equal(status.parts, 1);
    assert_false(status.failed);
    assert_true(status.bytes > 500 * 50);
}

/* --lossless: the writer of the bus waits, and the file lacks nothing. */
static void a_recorder_that_holds_the_bus_misses_nothing(void **state)
{
    struct fixture *f = *state;
    bus_destroy(f->bus);
    assert_int_equal(bus_create(&(struct bus_options){.ring_events = 64}, &f->bus), 0);
    for (int i = 0; i < STREAMS; i++) {
        const char symbol[2] = {(char)('A' + i), '\0'};
        bus_stream(f->bus, "x", 1, symbol, 1, i % 2 == 0 ? EVENT_TRADE : EVENT_QUOTE);
    }
    record_to(f, "a.zst", true);
    for (int i = 0; i < EVENTS_MAX; i++) {
        while (bus_room(f->bus) == 0)
            sched_yield();
        emit(f, 1);
    }
    record_end(f);
    expect_file(f);
    assert_int_equal(atomic_load(&f->messages), 0);
}

static void what_it_was_too_slow_for_is_told_at_its_end(void **state)
{
    struct fixture *f = *state;
    bus_destroy(f->bus);
    assert_int_equal(bus_create(&(struct bus_options){.ring_events = 64}, &f->bus), 0);
    const uint32_t stream = bus_stream(f->bus, "x", 1, "A", 1, EVENT_TRADE);
    record_to(f, "a", false);
    struct recorder_status status;
    do {
        struct price_event event = event_make(EVENT_TRADE);
        event.stream = stream & EVENT_NO_STREAM;
        bus_emit(f->bus, &event, 1);
        recorder_status(f->recorder, &status);
    } while (status.missed == 0);
    assert_false(recorder_destroy(f->recorder));
    f->recorder = NULL;
    assert_true(atomic_load(&f->messages) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_recorded_comes_back_the_same),
        TEST(a_recording_of_nothing_is_a_recording),
        TEST(it_begins_where_it_was_told_to),
        TEST(notes_between_the_items_are_passed_over),
        TEST(its_counts_are_right_at_the_end),
        TEST(a_recorder_that_holds_the_bus_misses_nothing),
        TEST(what_it_was_too_slow_for_is_told_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
