#include "tools/wsframe.h"

#include <errno.h>
#include <string.h>

enum { LEN_16 = 126, LEN_64 = 127, MASK_BYTES = 4 };

static uint64_t read_big_endian(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static size_t write_big_endian(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return bytes;
}

int wsframe_decode(const void *at, size_t have, struct wsframe *out)
{
    const uint8_t *bytes = at;
    if (have < 2)
        return -EAGAIN;
    struct wsframe frame = {
        .is_final = bytes[0] & 0x80,
        .is_masked = bytes[1] & 0x80,
        .opcode = bytes[0] & 0x0f,
        .payload_len = bytes[1] & 0x7f,
    };
    const size_t len_bytes = frame.payload_len == LEN_64 ? 8 : frame.payload_len == LEN_16 ? 2 : 0;
    frame.header_len = 2 + len_bytes + (frame.is_masked ? MASK_BYTES : 0);
    if (have < frame.header_len)
        return -EAGAIN;
    if (len_bytes > 0)
        frame.payload_len = read_big_endian(bytes + 2, len_bytes);

    const bool is_control = frame.opcode >= WSFRAME_CLOSE;
    if ((bytes[0] & 0x70) != 0 || frame.opcode > WSFRAME_PONG ||
        (frame.opcode > WSFRAME_BINARY && !is_control) || frame.payload_len >> 63 != 0)
        return -EPROTO;
    if (is_control && (!frame.is_final || frame.payload_len > WSFRAME_CONTROL_MAX))
        return -EPROTO;
    *out = frame;
    return 0;
}

size_t wsframe_header(uint8_t opcode, uint64_t payload_len, bool is_client, uint8_t *out)
{
    const uint8_t mask_bit = is_client ? 0x80 : 0;
    size_t len = 2;
    out[0] = 0x80 | opcode;
    if (payload_len < LEN_16) {
        out[1] = mask_bit | (uint8_t)payload_len;
    } else if (payload_len <= UINT16_MAX) {
        out[1] = mask_bit | LEN_16;
        len += write_big_endian(out + len, payload_len, 2);
    } else {
        out[1] = mask_bit | LEN_64;
        len += write_big_endian(out + len, payload_len, 8);
    }
    if (is_client) {
        memset(out + len, 0, MASK_BYTES);
        len += MASK_BYTES;
    }
    return len;
}
