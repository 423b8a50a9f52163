/* How things stood is written into a recording and found again, also what had been quiet for long.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>

#include "feed/file_producer.h"
#include "feed/native_state.h"
#include "feed/pack.h"
#include "feed/record_file.h"
#include "tests/support/temp_file.h"

#define S_NS INT64_C(1000000000)
#define T0   (INT64_C(1700000000) * S_NS)

enum { EVENTS = 60000, QUIET = 20, BUSY = QUIET }; /* streams 0 … QUIET - 1, and one more */

static struct price_event trade(uint32_t stream, int64_t recv_ns, uint64_t price)
{
    struct price_event event = event_make(EVENT_TRADE);
    event.stream = stream & EVENT_NO_STREAM;
    event.seq = 1;
    event.recv_ns = recv_ns;
    event_set_value(&event, VALUE_PRICE, (struct decimal){price, 2});
    return event;
}

static struct streams *make_streams(void)
{
    struct streams *streams = streams_create(QUIET + 1);
    char symbol[16];
    for (int i = 0; i <= QUIET; i++) {
        const int len = snprintf(symbol, sizeof symbol, "S%d", i);
        assert_int_equal(streams_intern(streams, "x", 1, symbol, (size_t)len, EVENT_TRADE), i);
    }
    return streams;
}

/* ---- one state ---- */

/* As it stands in a file: the content with the head of a skippable frame. */
static struct temp_file state_file(uint64_t offset, const void *content, size_t len)
{
    const uint32_t head[] = {PACK_LABEL_MAGIC, (uint32_t)len};
    struct bytes bytes = {0};
    for (uint64_t i = 0; i < offset; i++)
        bytes_add(&bytes, "x", 1);
    bytes_add(&bytes, head, sizeof head);
    bytes_add(&bytes, content, len);
    struct temp_file file = temp_file_make(bytes.data, bytes.len);
    free(bytes.data);
    return file;
}

static void the_latest_of_each_stream_is_read_back(void **state)
{
    struct native_state stand = {.latest = NULL};
    struct streams *streams = make_streams();
    void *content;
    char *text;
    size_t len;
    (void)state;
    assert_false(native_state_is_due(&stand)); /* of nothing */
    for (uint64_t i = 0; i < 3; i++) {
        const struct price_event a = trade(1, T0 + (int64_t)i * S_NS, 100 + i),
                                 b = trade(7, T0 + (int64_t)i * S_NS, 200 + i);
        native_state_note(&stand, &a, 100);
        native_state_note(&stand, &b, 100);
    }
    assert_false(native_state_is_due(&stand)); /* so soon */
    const struct price_event last = trade(1, T0, 100);
    native_state_note(&stand, &last, 10000);
    assert_true(native_state_is_due(&stand));
    assert_int_equal(native_state_pack(&stand, streams, 5, &content, &len), 0);
    assert_false(native_state_is_due(&stand));
    struct temp_file file = state_file(5, content, len);
    free(content);
    assert_int_equal(native_state_read(file.path, 5, &text, &len), 0);
    assert_non_null(memmem(text, len, "\"S1\"", 4));
    assert_non_null(memmem(text, len, "\"1.00\"", 6)); /* written last, however late */
    assert_non_null(memmem(text, len, "\"2.02\"", 6));
    assert_null(memmem(text, len, "\"1.02\"", 6));
    assert_int_equal(text[len - 1], '\n');
    free(text);
    temp_file_drop(&file);
    native_state_finish(&stand);
    streams_destroy(streams);
}

static void what_is_no_state_is_refused(void **state)
{
    struct native_state stand = {.latest = NULL};
    struct streams *streams = make_streams();
    const struct price_event event = trade(1, T0, 100);
    void *content;
    char *text;
    size_t len, text_len;
    (void)state;
    native_state_note(&stand, &event, 100);
    assert_int_equal(native_state_pack(&stand, streams, 0, &content, &len), 0);
    struct temp_file file = state_file(0, content, len);
    assert_int_equal(native_state_read(file.path, 1, &text, &text_len), -EBADMSG);
    assert_int_equal(native_state_read(file.path, 1000, &text, &text_len), -EBADMSG);
    assert_int_equal(native_state_read("/nonexistent", 0, &text, &text_len), -ENOENT);
    for (size_t at = 8; at < len; at++) { /* each byte counts, but for the reserved ones */
        struct temp_file broken = state_file(0, content, at);
        assert_int_equal(native_state_read(broken.path, 0, &text, &text_len), -EBADMSG);
        temp_file_drop(&broken);
    }
    for (size_t at = 0; at < 24; at++) {
        ((unsigned char *)content)[at] ^= 0x80;
        struct temp_file broken = state_file(0, content, len);
        const int rc = native_state_read(broken.path, 0, &text, &text_len);
        assert_int_equal(rc, at > 4 && at < 8 ? 0 : -EBADMSG);
        if (rc == 0)
            free(text);
        temp_file_drop(&broken);
        ((unsigned char *)content)[at] ^= 0x80;
    }
    free(content);
    temp_file_drop(&file);
    native_state_finish(&stand);
    streams_destroy(streams);
}

/* ---- in a recording ---- */

/* Each quiet stream has one trade: the first at the beginning, another every 2000 events. */
static struct temp_file record(enum pack_kind kind)
{
    const struct record_header header = {.created_ns = T0};
    struct temp_file temp = temp_file_make("", 0);
    struct streams *streams = make_streams();
    struct pack *pack;
    struct record_file *file;
    assert_int_equal(pack_open(dup(temp.fd), kind, &pack), 0);
    assert_int_equal(record_file_create(pack, streams, &header, &file), 0);
    for (uint32_t i = 0; i < EVENTS; i++) {
        const bool is_quiet = i % 2000 == 0 && i / 2000 < QUIET;
        const struct price_event event =
            trade(is_quiet ? i / 2000 : BUSY, T0 + i * (S_NS / 10), 1000 + i);
        assert_int_equal(record_file_event(file, &event), 0);
    }
    assert_int_equal(record_file_close(file, false), 0);
    streams_destroy(streams);
    return temp;
}

/* Reads on from where a seek to the event `target` begins: the latest price of each symbol before
 * it, by its number. Returns how many events that took. */
static size_t look(const char *path, uint32_t target, uint64_t *prices)
{
    static struct event_batch batch;
    const struct file_options options = {.path = path};
    const int64_t time_ns = T0 + target * (S_NS / 10);
    struct producer *producer;
    char error[500];
    size_t count = 0;
    assert_int_equal(file_producer_create(&options, &producer, error, sizeof error), 0);
    assert_int_equal(producer->ops->jump(producer, time_ns, 1), 0);
    memset(prices, 0, (QUIET + 1) * sizeof *prices);
    for (bool goes_on = true; goes_on;) {
        producer->ops->fill(producer, &batch);
        goes_on = batch.end == PRODUCER_MORE;
        for (size_t i = 0; i < batch.count && goes_on; i++) {
            const struct price_event *event = &batch.events[i];
            goes_on = event->recv_ns < time_ns;
            if (!goes_on)
                break;
            const char *symbol = streams_get(producer->streams, event->stream)->symbol;
            prices[atoi(symbol + 1)] = event->mantissa[VALUE_PRICE];
            count++;
        }
    }
    producer->ops->destroy(producer);
    return count;
}

static void a_seek_knows_what_was_quiet_for_long(void **state)
{
    struct temp_file file = record(PACK_ZSTD);
    uint64_t prices[QUIET + 1];
    (void)state;
    for (uint32_t target = 1999; target < EVENTS; target += 4321) {
        const size_t count = look(file.path, target, prices);
        for (uint32_t i = 0; i < QUIET; i++)
            assert_int_equal(prices[i], i * 2000 < target ? 1000 + i * 2000 : 0);
        assert_int_equal(prices[BUSY], 1000 + target - 1 - ((target - 1) % 2000 == 0));
        if (count > 20000) /* three frames' worth; there are eight */
            fail_msg("%zu events were read to get to %u", count, target);
    }
    temp_file_drop(&file);
}

/* Whoever reads it from the beginning does not see them. */
static void states_are_no_part_of_the_events(void **state)
{
    static struct event_batch batch;
    struct temp_file file = record(PACK_ZSTD);
    const struct file_options options = {.path = file.path};
    struct producer *producer;
    char error[500];
    size_t count = 0;
    (void)state;
    assert_int_equal(file_producer_create(&options, &producer, error, sizeof error), 0);
    do {
        producer->ops->fill(producer, &batch);
        for (size_t i = 0; i < batch.count; i++)
            assert_true(batch.events[i].mantissa[VALUE_PRICE] == 1000 + count++);
    } while (batch.end == PRODUCER_MORE);
    assert_int_equal(batch.end, PRODUCER_ENDED);
    assert_int_equal(count, EVENTS);
    producer->ops->destroy(producer);
    temp_file_drop(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_of_each_stream_is_read_back),
        cmocka_unit_test(what_is_no_state_is_refused),
        cmocka_unit_test(a_seek_knows_what_was_quiet_for_long),
        cmocka_unit_test(states_are_no_part_of_the_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
