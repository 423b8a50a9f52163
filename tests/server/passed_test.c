/* What is told of trades that were passed over, and the stamps of the stages, by example.
 * fanout_model_test.c is the rule behind the first. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "tests/support/fake_reader.h"

enum { QUEUE_BYTES = 600 };

struct fixture {
    struct streams *streams;
    struct fanout *fanout;
    struct fake_reader a, b;
    int64_t now_ms;
    uint64_t seq;
};

static void on_overflow(struct reader *reader)
{
    ((struct fake_reader *)reader)->overflows++;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->streams = streams_create(10);
    f->fanout = fanout_create(&(struct fanout_options){
        .streams = f->streams,
        .epoch = 7,
        .queue_bytes_max = QUEUE_BYTES,
        .overflowed = on_overflow,
    });
    assert_non_null(f->fanout);
    fake_reader_join(&f->a, f->fanout);
    fake_reader_join(&f->b, f->fanout);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fake_reader_leave(&f->a);
    fake_reader_leave(&f->b);
    fanout_destroy(f->fanout);
    streams_destroy(f->streams);
    free(f);
    return 0;
}

/* A trade of A for each number: its price, and its size with two digits after the point. */
static void trade(struct fixture *f, unsigned price)
{
    struct price_event event = event_make(EVENT_TRADE);
    const long stream = streams_intern(f->streams, "x", 1, "A", 1, EVENT_TRADE);
    event.stream = (uint32_t)stream & EVENT_NO_STREAM;
    event.seq = ++f->seq;
    event_set_value(&event, VALUE_PRICE, (struct decimal){.mantissa = price});
    event_set_value(&event, VALUE_SIZE, (struct decimal){.mantissa = price, .form = 2});
    fanout_event(f->fanout, &event, 1);
}

static void tick(struct fixture *f)
{
    fanout_flush(f->fanout, f->now_ms);
    f->now_ms += 1000;
    fanout_tick(f->fanout, f->now_ms);
}

static void subscribe(struct fake_reader *fake, struct delivery delivery)
{
    static const char *const symbol = "A";
    struct topics topics = {0};
    assert_int_equal(topics_set(&topics, &symbol, 1, KIND_BITS_ALL, delivery), 0);
    assert_int_equal(reader_set_topics(&fake->reader, &topics, true), 0);
    reader_start(&fake->reader, true);
}

static const struct delivery plain = {.period_ms = 1000};
static const struct delivery ohlc = {.period_ms = 1000, .ohlc = true};
static const struct delivery ohlc_at_once = {.ohlc = true};

/* ---- ohlc ---- */

/* The delivered one does not count, nor does the one delivered before: sizes and volumes add up. */
static void an_item_tells_of_what_it_passed_over(void **state)
{
    struct fixture *f = *state;
    trade(f, 50);
    subscribe(&f->a, ohlc);
    assert_seen(&f->a, "snapshot(A1)");
    trade(f, 20);
    trade(f, 90);
    trade(f, 30);
    trade(f, 40);
    tick(f);
    assert_seen(&f->a, "update(A5+3[20 90 20 1.40])");
    trade(f, 10);
    tick(f);
    assert_seen(&f->a, "update(A6)");
}

static void who_does_not_ask_is_not_told(void **state)
{
    struct fixture *f = *state;
    trade(f, 50);
    subscribe(&f->a, plain);
    subscribe(&f->b, ohlc);
    trade(f, 20);
    trade(f, 90);
    tick(f);
    assert_seen(&f->a, "snapshot(A1) update(A3+1)");
    assert_seen(&f->b, "snapshot(A1) update(A3+1[20 20 20 0.20])");
}

/* What passed before somebody's snapshot was not passed over for him. */
static void who_joins_between_ticks_is_told_of_his_own_time(void **state)
{
    struct fixture *f = *state;
    trade(f, 50);
    subscribe(&f->a, ohlc);
    trade(f, 20);
    trade(f, 90);
    subscribe(&f->b, ohlc);
    trade(f, 30);
    trade(f, 40);
    tick(f);
    assert_seen(&f->a, "snapshot(A1) update(A5+3[20 90 20 1.40])");
    assert_seen(&f->b, "snapshot(A3) update(A5+1[30 30 30 0.30])");
    trade(f, 60);
    trade(f, 70);
    tick(f);
    assert_seen(&f->a, "update(A7+1[60 60 60 0.60])");
    assert_seen(&f->b, "update(A7+1[60 60 60 0.60])");
}

static void a_slow_reader_is_told_of_all_that_went_by(void **state)
{
    struct fixture *f = *state;
    trade(f, 50);
    subscribe(&f->a, ohlc_at_once);
    f->a.answer = WRITE_BLOCKED;
    for (unsigned price = 10; price <= 60; price += 10) {
        trade(f, price);
        tick(f);
    }
    trade(f, 35);
    tick(f);
    assert_seen(&f->a, "snapshot(A1) update(A2)");
    f->a.answer = WRITE_DONE;
    reader_writeable(&f->a.reader);
    assert_seen(&f->a, "update(A8+5[20 60 20 2.00])");
    trade(f, 1);
    tick(f);
    assert_seen(&f->a, "update(A9)");
}

/* What was queued and taken back again belongs to what was passed over. */
static void falling_back_from_every_tells_of_what_was_queued(void **state)
{
    struct fixture *f = *state;
    const struct delivery every = {.mode = DELIVER_EVERY, .ohlc = true};
    trade(f, 50);
    subscribe(&f->a, every);
    f->a.answer = WRITE_BLOCKED;
    for (unsigned i = 1; f->a.overflows == 0; i++) {
        trade(f, 100 - i);
        tick(f);
    }
    assert_seen(&f->a, "snapshot(A1) update(A2)");
    assert_int_equal(f->seq, 8); /* the prices 99 to 93, of which 99 was sent */
    trade(f, 70);
    tick(f);
    f->a.answer = WRITE_DONE;
    reader_writeable(&f->a.reader);
    assert_seen(&f->a, "update(A9+6[98 98 93 5.73])");
}

/* A shard that was lapped knows how many trades it did not see, and says so. */
static void what_the_shard_did_not_see_is_counted(void **state)
{
    struct fixture *f = *state;
    trade(f, 50);
    subscribe(&f->a, ohlc);
    f->seq += 4;
    trade(f, 20);
    trade(f, 30);
    tick(f);
    assert_seen(&f->a, "snapshot(A1) update(A7+5[20 20 20 0.20]?4)");
    f->seq += 2;
    trade(f, 40);
    tick(f);
    assert_seen(&f->a, "update(A10+2?2)");
}

/* One who asks later is told from then on. */
static void asking_later_counts_from_then_on(void **state)
{
    struct fixture *f = *state;
    trade(f, 50);
    subscribe(&f->a, plain);
    trade(f, 20);
    trade(f, 30);
    subscribe(&f->a, ohlc);
    assert_seen(&f->a, "snapshot(A1) snapshot() update(A3+1?1)");
    trade(f, 40);
    trade(f, 60);
    tick(f);
    assert_seen(&f->a, "update(A5+1[40 40 40 0.40])");
}

/* ---- clocks ---- */

/* A write as it is, for one who looks into items. */
struct raw_reader {
    struct reader reader;
    struct text bytes;
};

static enum write_result raw_write(struct reader *reader, const void *bytes, size_t len)
{
    struct raw_reader *raw = (struct raw_reader *)reader;
    text_put(&raw->bytes, bytes, len);
    return WRITE_DONE;
}

static void raw_join(struct raw_reader *raw, struct fixture *f, struct delivery delivery)
{
    static const struct reader_ops ops = {raw_write};
    *raw = (struct raw_reader){0};
    reader_init(&raw->reader, f->fanout, &ops);
    raw->reader.encoding = (enum encoding)delivery.encoding;
    struct fake_reader *fake = (struct fake_reader *)raw; /* subscribe() looks at the reader only */
    subscribe(fake, delivery);
}

static void raw_leave(struct raw_reader *raw)
{
    reader_finish(&raw->reader);
    text_finish(&raw->bytes);
}

/* Checks each item of the text's messages. */
static size_t clocks_check(const struct text *text)
{
    size_t items = 0;
    json_int_t write_us = 0;
    for (size_t at = 0; at < text->len;) {
        struct seen_frame frame = {0};
        at += frame_take(text->bytes + at, text->len - at, &frame);
        json_t *root = json_loadb(frame.payload, frame.len, 0, NULL);
        assert_non_null(root);
        const json_t *data = json_object_get(root, "data");
        for (size_t i = 0; i < json_array_size(data); i++, items++) {
            const json_t *clocks = json_object_get(json_array_get(data, i), "clocks");
            const json_int_t bus_us = json_integer_value(json_object_get(clocks, "bus"));
            assert_null(json_object_get(clocks, "ingest"));
            assert_true(i == 0 || json_integer_value(json_object_get(clocks, "write")) == write_us);
            write_us = json_integer_value(json_object_get(clocks, "write"));
            assert_true(bus_us > 0 && bus_us < write_us);
        }
        json_decref(root);
    }
    return items;
}

/* Items wait for the same write in each mode, and each tells the same moment of it. */
static void items_tell_when_they_passed_each_stage(void **state)
{
    struct fixture *f = *state;
    const struct delivery deliveries[] = {
        {.clocks = true},
        {.clocks = true, .period_ms = 1000},
        {.clocks = true, .mode = DELIVER_EVERY},
        {.clocks = true, .mode = DELIVER_EVERY, .period_ms = 1000},
    };
    struct raw_reader raw[4];
    trade(f, 1);
    for (int i = 0; i < 4; i++)
        raw_join(&raw[i], f, deliveries[i]);
    trade(f, 2);
    trade(f, 3);
    tick(f);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(clocks_check(&raw[i].bytes), i < 2 ? 2 : 3);
        raw_leave(&raw[i]);
    }
}

/* One batch, one stamp, the same bytes for all. */
static void stamped_bytes_are_shared_too(void **state)
{
    struct fixture *f = *state;
    struct raw_reader raw[4];
    for (int i = 0; i < 4; i++)
        raw_join(&raw[i], f,
                 (struct delivery){.clocks = true,
                                   .ohlc = true,
                                   .encoding = i < 2 ? ENCODING_JSON : ENCODING_BINARY});
    for (int i = 0; i < 4; i++)
        raw[i].bytes.len = 0;
    for (unsigned price = 1; price < 100; price++) {
        trade(f, price);
        trade(f, price);
        tick(f);
    }
    for (int i = 0; i < 4; i += 2) {
        assert_true(raw[i].bytes.len > 99 * 40);
        assert_int_equal(raw[i].bytes.len, raw[i + 1].bytes.len);
        assert_memory_equal(raw[i].bytes.bytes, raw[i + 1].bytes.bytes, raw[i].bytes.len);
    }
    for (int i = 0; i < 4; i++)
        raw_leave(&raw[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_item_tells_of_what_it_passed_over),
        TEST(who_does_not_ask_is_not_told),
        TEST(who_joins_between_ticks_is_told_of_his_own_time),
        TEST(a_slow_reader_is_told_of_all_that_went_by),
        TEST(falling_back_from_every_tells_of_what_was_queued),
        TEST(what_the_shard_did_not_see_is_counted),
        TEST(asking_later_counts_from_then_on),
        TEST(items_tell_when_they_passed_each_stage),
        TEST(stamped_bytes_are_shared_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
