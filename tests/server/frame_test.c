/* Headers against RFC 6455, section 5.2, byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/frame.h"
#include "tests/support/frames.h"

static void put_message(struct text *text, size_t len)
{
    const size_t mark = frame_begin(text);
    for (size_t i = 0; i < len; i++) {
        const char c = (char)('a' + i % 26);
        text_put(text, &c, 1);
    }
    assert_int_equal(frame_length(text, mark), len);
    frame_end(text, mark);
    assert_false(text->failed);
}

static void expect_header(size_t len, const void *header, size_t header_len)
{
    struct text text = {0};
    put_message(&text, len);
    assert_int_equal(text.len, header_len + len);
    assert_memory_equal(text.bytes, header, header_len);
    for (size_t i = 0; i < len; i += i < 100 ? 1 : 997)
        assert_int_equal(text.bytes[header_len + i], 'a' + i % 26);
    text_finish(&text);
}

static void up_to_125_bytes_the_length_is_one_byte(void **state)
{
    (void)state;
    expect_header(0, "\x81\x00", 2);
    expect_header(1, "\x81\x01", 2);
    expect_header(125, "\x81\x7d", 2);
}

static void from_126_to_65535_bytes_it_is_two_more(void **state)
{
    (void)state;
    expect_header(126, "\x81\x7e\x00\x7e", 4);
    expect_header(256, "\x81\x7e\x01\x00", 4);
    expect_header(65535, "\x81\x7e\xff\xff", 4);
}

static void from_65536_bytes_it_is_eight_more(void **state)
{
    (void)state;
    expect_header(65536, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
    expect_header(MESSAGE_BYTES_MAX, "\x81\x7f\x00\x00\x00\x00\x00\x10\x00\x00", 10);
}

static void messages_of_any_length_follow_one_another(void **state)
{
    static const size_t lengths[] = {0, 125, 126, 70000, 3, 65535, 65536, 125, 200};
    struct text text = {0};
    size_t at = 0;
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        put_message(&text, lengths[i]);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct seen_frame frame = {0};
        const size_t size = frame_take(text.bytes + at, text.len - at, &frame);
        assert_int_not_equal(size, 0);
        assert_int_equal(frame.len, lengths[i]);
        for (size_t k = 0; k < frame.len; k++)
            assert_int_equal(frame.payload[k], 'a' + k % 26);
        at += size;
    }
    assert_int_equal(at, text.len);
    text_finish(&text);
}

static void a_failed_text_has_no_frame(void **state)
{
    struct text text = {0};
    (void)state;
    const size_t mark = frame_begin(&text);
    text.failed = true;
    assert_int_equal(frame_length(&text, mark), 0);
    frame_end(&text, mark);
    assert_true(text.failed);
    text_finish(&text);
}

static void a_frame_keeps_copies_of_bytes_and_items(void **state)
{
    char bytes[] = "hello";
    struct frame_item items[] = {{1, 2}, {3, 4}};
    (void)state;
    for (size_t len = 0; len <= 5; len++) {
        bytes[0] = 'h';
        items[1].events = 4;
        struct frame *frame = frame_create(bytes, len, items, NULL, 2, 99);
        bytes[0] = 'j';
        items[1].events = 5;
        assert_int_equal(frame->len, len);
        assert_memory_equal(frame->bytes, "hello", len);
        assert_int_equal(frame->items_count, 2);
        assert_int_equal(frame->items[1].events, 4);
        assert_int_equal(frame->epoch, 99);
        frame_unref(frame);
    }
}

static void a_frame_lives_as_long_as_somebody_holds_it(void **state)
{
    (void)state;
    struct frame *frame = frame_create("x", 1, NULL, NULL, 0, 0);
    assert_ptr_equal(frame_ref(frame), frame);
    frame_unref(frame);
    assert_int_equal(frame->bytes[0], 'x'); /* ASan would tell */
    frame_unref(frame);
    frame_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_to_125_bytes_the_length_is_one_byte),
        cmocka_unit_test(from_126_to_65535_bytes_it_is_two_more),
        cmocka_unit_test(from_65536_bytes_it_is_eight_more),
        cmocka_unit_test(messages_of_any_length_follow_one_another),
        cmocka_unit_test(a_failed_text_has_no_frame),
        cmocka_unit_test(a_frame_keeps_copies_of_bytes_and_items),
        cmocka_unit_test(a_frame_lives_as_long_as_somebody_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
