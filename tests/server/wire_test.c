/* The JSON of snapshots and updates against the golden vectors that the binary encoding has, too:
 * the same items, letter by letter; and Server-Sent Events, which are that JSON in lines. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire.h"
#include "tests/support/frames.h"
#include "tests/support/vectors.h"

enum { STREAMS_MAX = 100000 };

static void ignore(void *ctx, uint32_t stream)
{
    (void)ctx, (void)stream;
}

/* ---- items of the vectors ---- */

/* Trades that come to what the item tells of those it skipped. */
static struct span span_of(const json_t *item)
{
    static const char *const prices[] = {"open", "high", "low"};
    struct span span = {0};
    const json_int_t skipped = json_integer_value(json_object_get(item, "skipped"));
    const json_int_t seen = json_object_get(item, "open") == NULL
                                ? 0
                                : skipped - json_integer_value(json_object_get(item, "unseen"));
    for (json_int_t i = 0; i < seen; i++) {
        struct price_event event = event_make(EVENT_TRADE);
        value_set(&event, VALUE_PRICE, item, prices[i < 3 ? i : 2]);
        const struct span_trade trade = span_trade_of(&event);
        span_add(&span, &trade);
    }
    const char *volume = string_of(item, "volume");
    for (const char *at = volume; seen > 0 && *at != '\0'; at++)
        if (*at != '.')
            span.candle.volume = span.candle.volume * 10 + (*at - '0');
    if (seen > 0 && strchr(volume, '.') != NULL)
        span.candle.volume_digits = (uint8_t)strlen(strchr(volume, '.') + 1);
    return span;
}

/* ---- a message of them ---- */

struct maker {
    struct streams *streams;
    struct book *book;
    struct text text;
};

static void maker_begin(struct maker *maker)
{
    *maker = (struct maker){.streams = streams_create(STREAMS_MAX)};
    maker->book = book_create(maker->streams);
    assert_non_null(maker->book);
}

static void maker_end(struct maker *maker)
{
    book_destroy(maker->book);
    streams_destroy(maker->streams);
    text_finish(&maker->text);
}

static void put_item(struct maker *maker, struct wire *wire, enum wire_type type,
                     const json_t *item, struct wire_clocks *clocks)
{
    const char *source = string_of(item, "source"), *symbol = string_of(item, "symbol");
    const bool is_trade = strcmp(string_of(item, "kind"), "trade") == 0;
    const long stream = streams_intern(maker->streams, source, strlen(source), symbol,
                                       strlen(symbol), is_trade ? EVENT_TRADE : EVENT_QUOTE);
    assert_true(stream >= 0 && book_learn(maker->book, (uint32_t)stream, ignore, NULL));
    const struct price_event event = event_of(item, (uint32_t)stream);
    book_entry(maker->book, (uint32_t)stream)->latest = event;
    const struct span span = span_of(item);
    const json_t *stamps = json_object_get(item, "clocks");
    struct wire_item made = {
        .stream = (uint32_t)stream,
        .event = &book_entry(maker->book, (uint32_t)stream)->latest,
        .skipped = (uint64_t)json_integer_value(json_object_get(item, "skipped")),
        .passed = json_object_get(item, "open") || json_object_get(item, "unseen") ? &span : NULL,
    };
    if (stamps != NULL) {
        clocks->has_ingest = json_object_get(stamps, "ingest") != NULL;
        clocks->write_us = json_integer_value(json_object_get(stamps, "write"));
        made.emitted_ns = json_integer_value(json_object_get(stamps, "bus")) * EVENT_NS_PER_US;
        wire->clocks = clocks;
    }
    wire_put(wire, type, maker->book, &made);
}

static void message_put(struct maker *maker, const json_t *message, enum encoding encoding,
                        const struct wire_place *place)
{
    const json_t *data = json_object_get(message, "data");
    const bool is_snapshot = strcmp(string_of(message, "type"), "snapshot") == 0;
    struct wire_clocks clocks = {0};
    struct wire wire = {.text = &maker->text, .encoding = encoding};
    for (size_t i = 0; i < json_array_size(data); i++)
        put_item(maker, &wire, is_snapshot ? WIRE_SNAPSHOT : WIRE_UPDATE, json_array_get(data, i),
                 &clocks);
    wire_end(&wire, place);
    if (json_array_size(data) == 0)
        wire_put_empty_snapshot(&maker->text, encoding, place);
    assert_false(maker->text.failed);
}

static void json_is_as_in_the_golden_vectors(void **state)
{
    size_t compared = 0;
    (void)state;
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *message = json_object_get(json_array_get(vectors, i), "message");
        struct seen_frame frame = {0};
        struct maker maker;
        if (!json_is_array(json_object_get(message, "data")))
            continue;
        maker_begin(&maker);
        message_put(&maker, message, ENCODING_JSON, NULL);
        assert_int_equal(frame_take(maker.text.bytes, maker.text.len, &frame), maker.text.len);
        char *expected = json_dumps(message, JSON_COMPACT);
        if (strlen(expected) != frame.len || memcmp(expected, frame.payload, frame.len) != 0)
            fail_msg("%.*s\nand not\n%s", (int)frame.len, frame.payload, expected);
        free(expected);
        maker_end(&maker);
        compared++;
    }
    assert_true(compared > 8);
}

static void events_are_the_same_json_in_lines(void **state)
{
    const struct wire_place place = {.epoch = 0xabc, .position = 12};
    (void)state;
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *message = json_object_get(json_array_get(vectors, i), "message");
        struct text expected = {0};
        struct maker maker;
        if (!json_is_array(json_object_get(message, "data")))
            continue;
        maker_begin(&maker);
        message_put(&maker, message, ENCODING_SSE, &place);
        char *json = json_dumps(message, JSON_COMPACT);
        text_printf(&expected, "data: %s\nid: 0000000000000abc-12\n\n", json);
        assert_int_equal(maker.text.len, expected.len);
        assert_memory_equal(maker.text.bytes, expected.bytes, expected.len);
        free(json);
        text_finish(&expected);
        maker_end(&maker);
    }
}

/* No message is longer than a MiB: a longer one goes on in the next, each with its own stamps. */
static void a_long_message_is_cut_and_every_piece_is_stamped(void **state)
{
    struct maker maker;
    struct wire_clocks clocks = {.write_us = 1795853958548797};
    char symbol[16];
    (void)state;
    maker_begin(&maker);
    struct wire wire = {.text = &maker.text, .encoding = ENCODING_JSON, .clocks = &clocks};
    enum { ITEMS = 12000 };
    for (uint32_t i = 0; i < ITEMS; i++) {
        snprintf(symbol, sizeof symbol, "S%u", i);
        const long stream =
            streams_intern(maker.streams, "x", 1, symbol, strlen(symbol), EVENT_TRADE);
        assert_true(book_learn(maker.book, (uint32_t)stream, ignore, NULL));
        struct price_event *event = &book_entry(maker.book, (uint32_t)stream)->latest;
        *event = event_make(EVENT_TRADE);
        event->stream = (uint32_t)stream & EVENT_NO_STREAM;
        event->seq = i + 1;
        event_set_value(event, VALUE_PRICE, (struct decimal){.mantissa = i});
        const struct wire_item item = {.stream = (uint32_t)stream, .event = event};
        wire_put(&wire, WIRE_UPDATE, maker.book, &item);
    }
    wire_end(&wire, NULL);
    size_t messages = 0, items = 0;
    for (size_t at = 0; at < maker.text.len; messages++) {
        struct seen_frame frame = {0};
        const size_t size = frame_take(maker.text.bytes + at, maker.text.len - at, &frame);
        assert_true(size > 0 && frame.len <= 1 << 20);
        json_t *root = json_loadb(frame.payload, frame.len, 0, NULL);
        const json_t *data = json_object_get(root, "data");
        for (size_t i = 0; i < json_array_size(data); i++, items++) {
            const json_t *stamps = json_object_get(json_array_get(data, i), "clocks");
            assert_int_equal(json_integer_value(json_object_get(stamps, "write")), clocks.write_us);
        }
        json_decref(root);
        at += size;
    }
    assert_true(messages > 1);
    assert_int_equal(items, ITEMS);
    maker_end(&maker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_as_in_the_golden_vectors),
        cmocka_unit_test(events_are_the_same_json_in_lines),
        cmocka_unit_test(a_long_message_is_cut_and_every_piece_is_stamped),
    };
    return cmocka_run_group_tests(tests, vectors_load, vectors_free);
}
