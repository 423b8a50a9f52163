/* Frames as RFC 6455 has them, at the borders of each length form. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/wsframe.h"

static void headers_are_read_as_they_were_written(void **state)
{
    static const uint64_t lengths[] = {0, 1, 125, 126, 65535, 65536, UINT64_C(1) << 40};
    static const size_t header_lens[] = {2, 2, 2, 4, 4, 10, 10};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (int is_client = 0; is_client <= 1; is_client++) {
            uint8_t header[WSFRAME_HEADER_MAX];
            struct wsframe frame;
            const size_t len = wsframe_header(WSFRAME_BINARY, lengths[i], is_client, header);
            assert_int_equal(len, header_lens[i] + (is_client ? 4 : 0));
            assert_int_equal(wsframe_decode(header, len, &frame), 0);
            assert_true(frame.is_final);
            assert_int_equal(frame.is_masked, is_client);
            assert_int_equal(frame.opcode, WSFRAME_BINARY);
            assert_int_equal(frame.header_len, len);
            assert_int_equal(frame.payload_len, lengths[i]);
        }
    }
}

/* A header may arrive byte by byte. */
static void a_part_of_a_header_waits_for_the_rest(void **state)
{
    uint8_t header[WSFRAME_HEADER_MAX];
    struct wsframe frame;
    const size_t len = wsframe_header(WSFRAME_TEXT, 70000, true, header);
    (void)state;
    for (size_t have = 0; have < len; have++)
        assert_int_equal(wsframe_decode(header, have, &frame), -EAGAIN);
    assert_int_equal(wsframe_decode(header, len, &frame), 0);
}

static void forbidden_headers_are_refused(void **state)
{
    static const uint8_t headers[][10] = {
        {0xc1, 0},                              /* a reserved bit */
        {0x83, 0},                              /* a reserved opcode */
        {0x8b, 0},                              /* a reserved control opcode */
        {0x09, 0},                              /* a ping in pieces */
        {0x89, 126, 0, 126},                    /* a ping of more than 125 bytes */
        {0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1}, /* a length of 64 bits */
    };
    struct wsframe frame;
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        assert_int_equal(wsframe_decode(headers[i], sizeof headers[i], &frame), -EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_as_they_were_written),
        cmocka_unit_test(a_part_of_a_header_waits_for_the_rest),
        cmocka_unit_test(forbidden_headers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
