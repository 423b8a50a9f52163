/* A fan-out with two readers, for tests that say by letters what happens: each is a trade of that
 * symbol. Include after cmocka.h. */
#ifndef PRICECAST_TESTS_SUPPORT_FANOUT_FIXTURE_H
#define PRICECAST_TESTS_SUPPORT_FANOUT_FIXTURE_H

#include <stdlib.h>

#include "tests/support/fake_reader.h"

enum { QUEUE_BYTES = 1000 };

struct fixture {
    struct streams *streams;
    struct fanout *fanout;
    struct fake_reader a, b;
    int64_t now_ms;
    uint64_t seq[26]; /* of the trades of symbols A to Z */
};

static inline void on_overflow(struct reader *reader)
{
    static const char slow[] = "\x81\x07{\"s\":1}";
    struct fake_reader *fake = (struct fake_reader *)reader;
    fake->overflows++;
    assert_true(reader_send(reader, slow, sizeof slow - 1));
}

static inline void fixture_begin(struct fixture *f, bool lossless)
{
    f->streams = streams_create(100000);
    f->fanout = fanout_create(&(struct fanout_options){
        .streams = f->streams,
        .epoch = 7,
        .queue_bytes_max = QUEUE_BYTES,
        .lossless = lossless,
        .overflowed = on_overflow,
    });
    assert_non_null(f->fanout);
    fake_reader_join(&f->a, f->fanout);
    fake_reader_join(&f->b, f->fanout);
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_begin(f, false);
    *state = f;
    return 0;
}

static inline int setup_lossless(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_begin(f, true);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    fake_reader_leave(&f->a);
    fake_reader_leave(&f->b);
    fanout_destroy(f->fanout);
    streams_destroy(f->streams);
    free(f);
    return 0;
}

/* One trade of each symbol in the text, in order; a digit passes over that many events first. */
static inline void publish(struct fixture *f, const char *text)
{
    for (uint64_t lapped = 0; *text != '\0'; text++) {
        if (*text >= '0' && *text <= '9') {
            lapped = (uint64_t)(*text - '0');
            continue;
        }
        struct price_event event = event_make(EVENT_TRADE);
        const long stream = streams_intern(f->streams, "x", 1, text, 1, EVENT_TRADE);
        assert_true(stream >= 0);
        event.stream = (uint32_t)stream & EVENT_NO_STREAM;
        event.seq = f->seq[*text - 'A'] += 1 + lapped;
        event_set_value(&event, VALUE_PRICE, (struct decimal){.mantissa = event.seq, .form = 2});
        fanout_event(f->fanout, &event, 0);
        lapped = 0;
    }
}

static inline void flush(struct fixture *f)
{
    fanout_flush(f->fanout, f->now_ms);
}

static inline void turn(struct fixture *f, const char *text)
{
    publish(f, text);
    flush(f);
}

static inline int subscribe_all(struct fake_reader *fake, const char *const *symbols, size_t count,
                                struct delivery delivery, bool snapshot)
{
    struct topics topics;
    const struct plan *plan = reader_plan(&fake->reader);
    assert_int_equal(topics_copy(&topics, plan ? plan->topics : NULL, plan ? plan->count : 0), 0);
    assert_int_equal(topics_set(&topics, symbols, count, KIND_BITS_ALL, delivery), 0);
    const int rc = reader_set_topics(&fake->reader, &topics, snapshot);
    if (rc == 0)
        reader_start(&fake->reader, snapshot);
    topics_finish(&topics);
    return rc;
}

static inline void subscribe(struct fake_reader *fake, const char *symbol, enum delivery_mode mode,
                             uint32_t period_ms, bool snapshot)
{
    const struct delivery delivery = {.mode = mode, .period_ms = period_ms};
    assert_int_equal(subscribe_all(fake, &symbol, 1, delivery, snapshot), 0);
}

static inline void unsubscribe(struct fake_reader *fake, const char *symbol)
{
    struct topics topics;
    const struct plan *plan = reader_plan(&fake->reader);
    assert_int_equal(topics_copy(&topics, plan->topics, plan->count), 0);
    assert_int_equal(topics_remove(&topics, &symbol, 1), 0);
    assert_int_equal(reader_set_topics(&fake->reader, &topics, false), 0);
    reader_start(&fake->reader, false);
}

static inline void unblock(struct fake_reader *fake)
{
    fake->answer = WRITE_DONE;
    reader_writeable(&fake->reader);
}

#define TEST(name)          cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_LOSSLESS(name) cmocka_unit_test_setup_teardown(name, setup_lossless, teardown)

#endif
