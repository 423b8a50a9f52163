/* What waits for a reader may have a limit of age; and what a reader is told of its own delivery.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "server/fanout.h"
#include "tests/support/fake_reader.h"

enum { QUEUE_BYTES = 4 << 20, NS_PER_MS = 1000000 };

struct fixture {
    struct streams *streams;
    struct fanout *fanout;
    struct fake_reader reader;
    uint64_t seq[26];
    int64_t now_ms;
};

static void on_aged(struct reader *reader)
{
    static const char told[] = "\x81\x07{\"s\":1}";
    assert_true(reader_send(reader, told, sizeof told - 1));
}

static void on_overflowed(struct reader *reader)
{
    (void)reader;
    fail_msg("the queue was not full");
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->now_ms = 5000;
    f->streams = streams_create(26);
    f->fanout = fanout_create(&(struct fanout_options){
        .streams = f->streams,
        .epoch = 7,
        .queue_bytes_max = QUEUE_BYTES,
        .overflowed = on_overflowed,
        .aged = on_aged,
    });
    assert_non_null(f->fanout);
    fake_reader_join(&f->reader, f->fanout);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fake_reader_leave(&f->reader);
    fanout_destroy(f->fanout);
    streams_destroy(f->streams);
    free(f);
    return 0;
}

/* A turn with one trade of each symbol in the text. */
static void turn(struct fixture *f, const char *text)
{
    for (; *text != '\0'; text++) {
        struct price_event event = event_make(EVENT_TRADE);
        const long stream = streams_intern(f->streams, "x", 1, text, 1, EVENT_TRADE);
        event.stream = (uint32_t)stream & EVENT_NO_STREAM;
        event.seq = ++f->seq[*text - 'A'];
        event_set_value(&event, VALUE_PRICE, (struct decimal){.mantissa = event.seq, .form = 2});
        fanout_event(f->fanout, &event, f->now_ms * NS_PER_MS);
    }
    fanout_flush(f->fanout, f->now_ms);
}

static void tick_at(struct fixture *f, int64_t now_ms)
{
    f->now_ms = now_ms;
    if (fanout_next_tick_ms(f->fanout) <= now_ms)
        fanout_tick(f->fanout, now_ms);
}

static void subscribe(struct fixture *f, const char *symbol, struct delivery delivery)
{
    struct topics topics;
    const struct plan *plan = reader_plan(&f->reader.reader);
    assert_int_equal(topics_copy(&topics, plan ? plan->topics : NULL, plan ? plan->count : 0), 0);
    assert_int_equal(topics_set(&topics, &symbol, 1, KIND_BITS_ALL, delivery), 0);
    assert_int_equal(reader_set_topics(&f->reader.reader, &topics, false), 0);
    reader_start(&f->reader.reader, false);
}

static void unblock(struct fixture *f)
{
    f->reader.answer = WRITE_DONE;
    reader_writeable(&f->reader.reader);
}

static uint64_t aged(struct fixture *f)
{
    return atomic_load(&fanout_counts(f->fanout)->aged);
}

static const struct delivery every = {.mode = DELIVER_EVERY};
static const struct delivery every_100ms = {.mode = DELIVER_EVERY, .age_max_ms = 100};

static void what_waits_too_long_is_replaced_by_the_latest(void **state)
{
    struct fixture *f = *state;
    subscribe(f, "A", every_100ms);
    f->reader.answer = WRITE_BLOCKED;
    turn(f, "A"); /* fills the socket */
    turn(f, "A");
    turn(f, "AA");
    assert_int_equal(fanout_next_tick_ms(f->fanout), 5101);
    tick_at(f, 5100);
    assert_int_equal(aged(f), 0);
    tick_at(f, 5101);
    assert_int_equal(aged(f), 1);
    assert_int_equal(fanout_next_tick_ms(f->fanout), FANOUT_NO_TICK);
    turn(f, "A");
    unblock(f);
    assert_seen(&f->reader, "update(A1) {\"s\":1} update(A5+3)");
}

static void what_has_gone_in_time_changes_nothing(void **state)
{
    struct fixture *f = *state;
    subscribe(f, "A", every_100ms);
    f->reader.answer = WRITE_BLOCKED;
    turn(f, "AA");
    turn(f, "A");
    f->now_ms += 90;
    unblock(f);
    f->reader.answer = WRITE_BLOCKED;
    turn(f, "A");
    turn(f, "A");
    tick_at(f, 5101); /* that of the first, which is gone */
    assert_int_equal(aged(f), 0);
    assert_int_equal(fanout_next_tick_ms(f->fanout), 5191);
    unblock(f);
    assert_seen(&f->reader, "update(A1 A2) update(A3) update(A4) update(A5)");
    tick_at(f, 5191);
    assert_int_equal(aged(f), 0);
    assert_int_equal(fanout_next_tick_ms(f->fanout), FANOUT_NO_TICK);
}

/* Each topic has its own limit: the others go on with every event. */
static void only_the_topics_that_say_so_are_moved(void **state)
{
    struct fixture *f = *state;
    const struct delivery longer = {.mode = DELIVER_EVERY, .age_max_ms = 200};
    subscribe(f, "A", every_100ms);
    subscribe(f, "B", every);
    subscribe(f, "C", longer);
    f->reader.answer = WRITE_BLOCKED;
    turn(f, "A");
    turn(f, "ABC");
    turn(f, "ABC");
    tick_at(f, 5101);
    assert_int_equal(aged(f), 1);
    turn(f, "ABC");
    tick_at(f, 5201);
    assert_int_equal(aged(f), 2);
    turn(f, "ABC");
    unblock(f);
    f->reader.seen.bytes[f->reader.seen.len] = '\0';
    const char *seen = f->reader.seen.bytes;
    assert_non_null(strstr(seen, "update(A1)"));
    assert_non_null(strstr(seen, "A5+3"));
    assert_non_null(strstr(seen, "C4+3"));
    assert_null(strstr(seen, "B4+"));
    assert_true(strstr(seen, "B1") < strstr(seen, "B2") && strstr(seen, "B2") < strstr(seen, "B3"));
    assert_non_null(strstr(seen, "B4"));
    assert_true(reader_is_drained(&f->reader.reader));
}

static void a_reader_that_left_is_not_looked_at(void **state)
{
    struct fixture *f = *state;
    subscribe(f, "A", every_100ms);
    f->reader.answer = WRITE_BLOCKED;
    turn(f, "A");
    turn(f, "A");
    fake_reader_leave(&f->reader);
    tick_at(f, 9000);
    assert_int_equal(aged(f), 0);
    fake_reader_join(&f->reader, f->fanout);
}

static void latest_has_nothing_that_could_grow_old(void **state)
{
    struct fixture *f = *state;
    subscribe(f, "A", (struct delivery){.mode = DELIVER_LATEST, .age_max_ms = 100});
    assert_int_equal(reader_plan(&f->reader.reader)->groups[0].age_max_ms, 0);
}

/* ---- what is told of a reader ---- */

static void totals_count_what_the_socket_took(void **state)
{
    struct fixture *f = *state;
    const struct reader_totals *totals = &f->reader.reader.totals;
    subscribe(f, "A", every);
    subscribe(f, "B", (struct delivery){.mode = DELIVER_LATEST});
    f->reader.answer = WRITE_BLOCKED;
    turn(f, "A");
    turn(f, "AAB");
    turn(f, "B");
    assert_int_equal(totals->items, 1);
    unblock(f);
    assert_int_equal(totals->items, 4);
    assert_int_equal(totals->skipped, 1);
    assert_int_equal(atomic_load(&fanout_counts(f->fanout)->items), 4);
    assert_true(totals->bytes > 4 * 60);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void ages_are_those_of_the_oldest_event_in_a_write(void **state)
{
    struct fixture *f = *state;
    const struct reader_totals *totals = &f->reader.reader.totals;
    subscribe(f, "*", every);
    f->now_ms = monotonic_ms() - 60000;
    turn(f, "A");
    assert_in_range(totals->age_us, 60000000, UINT32_MAX);
    f->now_ms = monotonic_ms();
    turn(f, "A");
    assert_in_range(totals->age_us, 0, 50000000);
    assert_in_range(totals->age_max_us, 60000000, UINT32_MAX);
    assert_in_range(totals->age_mean_us, totals->age_us + 1, totals->age_max_us - 1);
    assert_int_equal(atomic_load(&fanout_ages(f->fanout)->count), 2);
}

/* A gathering rate writes a message after the other, none longer than the protocol allows. */
static void a_message_never_exceeds_its_limit(void **state)
{
    struct fixture *f = *state;
    char many[9000];
    memset(many, 'A', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    subscribe(f, "A", (struct delivery){.mode = DELIVER_EVERY, .period_ms = 10});
    for (int i = 0; i < 3; i++)
        turn(f, many);
    tick_at(f, f->now_ms + 20);
    assert_int_equal(f->reader.writes, 1);
    assert_in_range(f->reader.frames, 2, 4);
    assert_in_range(f->reader.longest, MESSAGE_BYTES_MAX - 5000, MESSAGE_BYTES_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_waits_too_long_is_replaced_by_the_latest),
        TEST(what_has_gone_in_time_changes_nothing),
        TEST(only_the_topics_that_say_so_are_moved),
        TEST(a_reader_that_left_is_not_looked_at),
        TEST(latest_has_nothing_that_could_grow_old),
        TEST(totals_count_what_the_socket_took),
        TEST(ages_are_those_of_the_oldest_event_in_a_write),
        TEST(a_message_never_exceeds_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
