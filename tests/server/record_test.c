/* Binary frames against the golden vectors that tests/web/binary.test.js reads, too. Their bytes
 * were put down by hand, field by field. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "server/record.h"
#include "server/text.h"
#include "tests/support/vectors.h"

static struct stream stream_make(const json_t *definition)
{
    return (struct stream){
        .number = (uint32_t)json_integer_value(json_object_get(definition, "stream")),
        .kind = strcmp(string_of(definition, "kind"), "trade") == 0 ? EVENT_TRADE : EVENT_QUOTE,
        .symbol = string_of(definition, "symbol"),
        .source = string_of(definition, "source"),
    };
}

static uint32_t stream_find(const json_t *vector, const json_t *item)
{
    const json_t *streams = json_object_get(vector, "streams");
    for (size_t i = 0; i < json_array_size(streams); i++) {
        const struct stream stream = stream_make(json_array_get(streams, i));
        if (strcmp(stream.symbol, string_of(item, "symbol")) == 0 &&
            strcmp(stream.source, string_of(item, "source")) == 0 &&
            strcmp(event_kind_name(stream.kind), string_of(item, "kind")) == 0)
            return stream.number;
    }
    fail_msg("no such stream");
    return 0;
}

/* The span that an item tells of; returns how many were passed over. */
static uint64_t span_of(const json_t *item, struct span *span)
{
    static const char *const names[] = {"open", "high", "low"};
    const uint64_t skipped = (uint64_t)json_integer_value(json_object_get(item, "skipped"));
    const json_t *volume = json_object_get(item, "volume");
    struct price_event event = event_make(EVENT_TRADE);
    *span = (struct span){.candle.volume_is_unknown = volume == NULL};
    for (int i = 0; i < 3; i++) {
        value_set(&event, i, item, names[i]);
        span->candle.mantissa[i] = event.mantissa[i];
        span->candle.form[i] = event.form[i];
    }
    const char *text = volume != NULL ? json_string_value(volume) : "";
    const char *point = strchr(text, '.');
    for (const char *at = text; *at != '\0'; at++)
        if (*at >= '0' && *at <= '9')
            span->candle.volume = span->candle.volume * 10 + (*at - '0');
    if (text[0] == '-')
        span->candle.volume = -span->candle.volume;
    span->candle.volume_digits = point != NULL ? (uint8_t)strlen(point + 1) : 0;
    span->candle.bucket = (int64_t)skipped - json_integer_value(json_object_get(item, "unseen"));
    return skipped;
}

static int64_t clock_of(const json_t *clocks, const char *name)
{
    const json_t *us = json_object_get(clocks, name);
    return us == NULL ? RECORD_NO_CLOCK : json_integer_value(us);
}

static void extras_encode(const json_t *item, unsigned extras, struct text *out)
{
    unsigned char bytes[RECORD_BYTES_MAX];
    struct span span;
    if ((extras & RECORD_OHLC) != 0) {
        const uint64_t passed = span_of(item, &span);
        text_put(out, bytes, record_span(&span, passed, bytes));
    }
    const json_t *clocks = json_object_get(item, "clocks");
    if (clocks == NULL)
        return;
    text_put(out, bytes, record_clocks(clock_of(clocks, "ingest"), clock_of(clocks, "bus"), bytes));
    record_clock_write(clock_of(clocks, "write"), bytes);
    text_put(out, bytes, 8);
}

static void items_encode(const json_t *vector, const json_t *message, struct text *out)
{
    const json_t *data = json_object_get(message, "data");
    const bool is_snapshot = strcmp(string_of(message, "type"), "snapshot") == 0;
    int64_t base_us = 0;
    unsigned char header[RECORD_HEADER_BYTES];
    if (json_array_size(data) > 0) {
        const json_t *item = json_array_get(data, 0);
        const struct price_event first = event_of(item, stream_find(vector, item));
        base_us = record_base(&first);
    }
    record_header(is_snapshot ? RECORD_SNAPSHOT : RECORD_UPDATE, base_us, header);
    text_put(out, header, sizeof header);
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *item = json_array_get(data, i);
        const struct price_event event = event_of(item, stream_find(vector, item));
        unsigned char values[RECORD_VALUES_MAX], record[RECORD_BYTES_MAX];
        const size_t values_len = record_values(&event, values);
        const unsigned extras =
            (json_object_get(item, "open") || json_object_get(item, "unseen") ? RECORD_OHLC : 0) |
            (json_object_get(item, "clocks") ? RECORD_CLOCKS : 0);
        const size_t len =
            record_put(&event, (uint64_t)json_integer_value(json_object_get(item, "skipped")),
                       base_us, values, values_len, extras, record);
        assert_true(values_len <= sizeof values && len <= sizeof record);
        text_put(out, record, len);
        extras_encode(item, extras, out);
    }
}

static void definitions_encode(const json_t *vector, struct text *out)
{
    const json_t *streams = json_object_get(vector, "streams");
    text_put(out, "\x01", 1);
    for (size_t i = 0; i < json_array_size(streams); i++) {
        unsigned char definition[RECORD_DEFINITION_MAX];
        const struct stream stream = stream_make(json_array_get(streams, i));
        text_put(out, definition, record_definition(&stream, definition));
    }
}

static void expect_bytes(const json_t *vector, const struct text *made)
{
    struct text hex = {0}, expected = {0};
    const json_t *parts = json_object_get(vector, "bytes");
    for (size_t i = 0; i < json_array_size(parts); i++)
        text_puts(&expected, json_string_value(json_array_get(parts, i)));
    for (size_t i = 0; i < made->len; i++)
        text_printf(&hex, "%02x", (unsigned char)made->bytes[i]);
    text_put(&hex, "", 1);
    text_put(&expected, "", 1);
    if (strcmp(hex.bytes, expected.bytes) != 0)
        print_error("%s:\n", string_of(vector, "name"));
    assert_string_equal(hex.bytes, expected.bytes);
    text_finish(&hex);
    text_finish(&expected);
}

static void messages_are_encoded_as_in_the_golden_vectors(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        const json_t *message = json_object_get(vector, "message");
        struct text made = {0};
        if (json_is_true(json_object_get(vector, "decode_only")))
            continue;
        if (strcmp(string_of(message, "type"), "define") == 0)
            definitions_encode(vector, &made);
        else
            items_encode(vector, message, &made);
        expect_bytes(vector, &made);
        text_finish(&made);
        count++;
    }
    assert_true(count >= 8);
}

/* What a caller's buffers must hold. */
static void the_longest_record_fits(void **state)
{
    (void)state;
    struct price_event event = event_make(EVENT_QUOTE);
    unsigned char values[RECORD_VALUES_MAX], record[RECORD_BYTES_MAX];
    event.seq = UINT64_MAX;
    event.ts_ns = INT64_MIN + 1;
    event.recv_ns = INT64_MAX;
    for (int i = 0; i < EVENT_VALUES; i++)
        event_set_value(&event, i,
                        (struct decimal){.mantissa = UINT64_MAX, .form = DECIMAL_NEGATIVE | 30});
    const size_t values_len = record_values(&event, values);
    assert_int_equal(values_len, 1 + 4 * 10);
    assert_int_equal(record_put(&event, UINT64_MAX, 0, values, values_len, 0, record),
                     2 + 3 + 8 + 8 + 8 + 8 + 4 * 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_encoded_as_in_the_golden_vectors),
        cmocka_unit_test(the_longest_record_fits),
    };
    return cmocka_run_group_tests(tests, vectors_load, vectors_free);
}
