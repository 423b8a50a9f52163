/* The same items are the same bytes, whichever way they take: from an audience's shared text, from
 * a reader's queue, made for one that catches up alone, or out of the history. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/recovery.h"

enum { SYMBOLS = 4 };

/* A reader that keeps what it is sent as it is. */
struct tape {
    struct reader reader; /* first: reader_ops get this */
    struct fixture *fixture;
    struct text bytes;
};

struct fixture {
    enum encoding encoding;
    struct streams *streams;
    struct fanout *fanout;
    struct history *history;
    struct tape shared, alone;
    uint64_t seq[SYMBOLS]; /* of the trades of symbols A to D */
};

static enum write_result tape_write(struct reader *reader, const void *bytes, size_t len)
{
    struct tape *tape = (struct tape *)reader;
    text_put(&tape->bytes, bytes, len);
    return WRITE_DONE;
}

static void tape_begin(struct tape *tape, struct fixture *f)
{
    static const struct reader_ops ops = {tape_write};
    *tape = (struct tape){.fixture = f};
    reader_init(&tape->reader, f->fanout, &ops);
    tape->reader.encoding = f->encoding;
}

static void tape_end(struct tape *tape)
{
    reader_finish(&tape->reader);
    text_finish(&tape->bytes);
}

static void on_moved(struct reader *reader)
{
    (void)reader;
    fail_msg("nobody is slow here");
}

/* The history answers at once. */
static void on_ask(struct recall_request *request)
{
    struct history *history = ((struct tape *)request->reader)->fixture->history;
    request->more = history_recall(history, &request->recall, 0);
    recovery_answer(request);
}

static void put_resumed(struct reader *reader, uint64_t recovered, uint64_t lost, struct text *text)
{
    (void)reader;
    (void)text;
    assert_true(recovered > 0);
    assert_int_equal(lost, 0);
}

static void begin(struct fixture *f, enum encoding encoding)
{
    *f = (struct fixture){.encoding = encoding, .streams = streams_create(SYMBOLS)};
    const struct fanout_options options = {
        .streams = f->streams,
        .epoch = 7,
        .overflowed = on_moved,
        .aged = on_moved,
        .ask = on_ask,
        .put_resumed = put_resumed,
    };
    f->fanout = fanout_create(&options);
    f->history = history_create(
        &(struct history_options){.events_max = 100, .bytes_max = 1 << 20, .age_ns = 1});
    assert_true(f->fanout != NULL && f->history != NULL);
    tape_begin(&f->shared, f);
    tape_begin(&f->alone, f);
}

static void end(struct fixture *f)
{
    tape_end(&f->shared);
    tape_end(&f->alone);
    fanout_destroy(f->fanout);
    history_destroy(f->history);
    streams_destroy(f->streams);
}

/* One trade of each symbol in the text. */
static void turn(struct fixture *f, const char *text)
{
    for (; *text != '\0'; text++) {
        struct price_event event = event_make(EVENT_TRADE);
        const long stream = streams_intern(f->streams, "x", 1, text, 1, EVENT_TRADE);
        assert_true(stream >= 0);
        event.stream = (uint32_t)stream & EVENT_NO_STREAM;
        event.seq = ++f->seq[*text - 'A'];
        event.ts_ns = (int64_t)event.seq * 1000000;
        const uint64_t price = 6183763000 + event.seq;
        event_set_value(&event, VALUE_PRICE, (struct decimal){.mantissa = price, .form = 8});
        event_set_value(&event, VALUE_SIZE, (struct decimal){.mantissa = event.seq, .form = 2});
        fanout_event(f->fanout, &event, 0);
        history_note(f->history, &event, 0);
    }
    fanout_flush(f->fanout, 0);
}

static void topics_all(struct topics *topics, struct delivery delivery)
{
    static const char *const all[] = {"*"};
    assert_int_equal(topics_copy(topics, NULL, 0), 0);
    assert_int_equal(topics_set(topics, all, 1, KIND_BITS_ALL, delivery), 0);
}

static void subscribe(struct tape *tape, struct delivery delivery)
{
    struct topics topics;
    topics_all(&topics, delivery);
    assert_int_equal(reader_set_topics(&tape->reader, &topics, false), 0);
    reader_start(&tape->reader, false);
    topics_finish(&topics);
}

static void expect_same_bytes(struct fixture *f)
{
    assert_true(f->shared.bytes.len > 0);
    assert_int_equal(f->alone.bytes.len, f->shared.bytes.len);
    assert_memory_equal(f->alone.bytes.bytes, f->shared.bytes.bytes, f->shared.bytes.len);
    f->shared.bytes.len = f->alone.bytes.len = 0;
}

static const enum encoding encodings[] = {ENCODING_JSON, ENCODING_BINARY, ENCODING_SSE};
static const struct delivery deliveries[] = {
    {.mode = DELIVER_LATEST},
    {.mode = DELIVER_LATEST, .ohlc = true},
    {.mode = DELIVER_LATEST, .period_ms = 100},
    {.mode = DELIVER_LATEST, .period_ms = 100, .ohlc = true},
    {.mode = DELIVER_EVERY},
    {.mode = DELIVER_EVERY, .ohlc = true},
};

/* One reads, the other's socket is full for a turn: in the end both have read the same. D is new.
 */
static void catch_up_with(enum encoding encoding, const struct delivery *delivery)
{
    struct fixture f;
    begin(&f, encoding);
    subscribe(&f.shared, *delivery);
    subscribe(&f.alone, *delivery);
    turn(&f, "ABC");
    fanout_tick(f.fanout, 100);
    expect_same_bytes(&f);
    f.alone.reader.blocked = true;
    turn(&f, "AAAABCCD");
    fanout_tick(f.fanout, 200);
    assert_int_equal(f.alone.bytes.len, 0);
    reader_writeable(&f.alone.reader);
    fanout_flush(f.fanout, 200);
    fanout_tick(f.fanout, 300); /* with a rate its turn is the next tick */
    expect_same_bytes(&f);
    turn(&f, "DA");
    fanout_tick(f.fanout, 400);
    expect_same_bytes(&f);
    end(&f);
}

static void who_catches_up_reads_what_the_others_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
        for (size_t k = 0; k < sizeof deliveries / sizeof *deliveries; k++)
            catch_up_with(encodings[i], &deliveries[k]);
}

/* Many events between two ticks: the audience looks by itself, and what it finds is the same. */
static void who_joins_one_that_polls_reads_what_it_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
        struct fixture f;
        begin(&f, encodings[i]);
        const struct delivery delivery = {.mode = DELIVER_LATEST, .period_ms = 100};
        subscribe(&f.shared, delivery);
        subscribe(&f.alone, delivery);
        for (int64_t now_ms = 100; now_ms < 1000; now_ms += 200) {
            turn(&f, "ABCDABCDABCDABCD");
            fanout_tick(f.fanout, now_ms);
            expect_same_bytes(&f);
            f.alone.reader.blocked = true;
            turn(&f, "ABCD");
            fanout_tick(f.fanout, now_ms + 100);
            assert_int_equal(f.alone.bytes.len, 0);
            reader_writeable(&f.alone.reader);
            fanout_tick(f.fanout, now_ms + 200);
            expect_same_bytes(&f);
        }
        end(&f);
    }
}

/* One was there all the time, the other asks for what it missed. An event stream has an id in each
 * message, which says where it is; what is recovered has one in the end. */
static void who_comes_back_reads_what_was_sent_meanwhile(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        begin(&f, encodings[i]);
        const struct delivery delivery = {.mode = DELIVER_EVERY, .ohlc = true};
        subscribe(&f.shared, delivery);
        turn(&f, "ABACBAD");
        struct topics topics;
        struct recovery_wish wishes[SYMBOLS];
        for (uint32_t k = 0; k < SYMBOLS; k++)
            wishes[k] = (struct recovery_wish){.stream = k, .seq = 0};
        topics_all(&topics, delivery);
        assert_int_equal(reader_set_topics_after(&f.alone.reader, &topics, true, wishes, SYMBOLS),
                         0);
        topics_finish(&topics);
        recovery_begin(&f.alone.reader, wishes, SYMBOLS);
        assert_false(reader_is_recovering(&f.alone.reader));
        expect_same_bytes(&f);
        turn(&f, "AB");
        expect_same_bytes(&f);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_catches_up_reads_what_the_others_read),
        cmocka_unit_test(who_joins_one_that_polls_reads_what_it_reads),
        cmocka_unit_test(who_comes_back_reads_what_was_sent_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
