/* One connection over a socket pair: whatever the pieces in which bytes arrive, the messages are
 * the same; and what no server may send ends the connection. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/wsclient.h"
#include "tools/wsframe.h"

#define ANSWER "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"

struct fixture {
    struct wsclient client;
    int server;
    char *scratch;
    char messages[4096]; /* each with a "|" behind */
};

static void record(void *ctx, struct wsclient *client, const char *text, size_t len,
                   size_t wire_bytes)
{
    struct fixture *f = ctx;
    (void)client;
    assert_true(wire_bytes > 0);
    assert_true(strlen(f->messages) + len + 2 < sizeof f->messages);
    strcat(strncat(f->messages, text, len), "|");
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (f == NULL || bind(listener, (struct sockaddr *)&address, len) != 0 ||
        listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        return -1;
    f->scratch = malloc(WSCLIENT_SCRATCH_BYTES);
    const int rc = wsclient_init(&f->client, (struct sockaddr *)&address, len, "GET", 3);
    f->server = accept(listener, NULL, NULL);
    close(listener);
    *state = f;
    return rc != 0 || f->server < 0 || f->scratch == NULL || wsclient_write(&f->client) != 0 ? -1
                                                                                             : 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    wsclient_finish(&f->client);
    close(f->server);
    free(f->scratch);
    free(f);
    return 0;
}

/* Sends to the client and lets it read until it has everything; returns the last result. */
static ssize_t deliver(struct fixture *f, const void *bytes, size_t len)
{
    ssize_t got = 0, all = 0;
    fcntl(f->client.fd, F_SETFL, 0); /* wait for the bytes instead of asking again */
    assert_int_equal(send(f->server, bytes, len, MSG_NOSIGNAL), len);
    while (all < (ssize_t)len) {
        got = wsclient_read(&f->client, f->scratch, record, f);
        if (got < 0)
            return got;
        all += got;
    }
    return got;
}

static size_t put_frame(uint8_t *at, uint8_t first_byte, const char *payload)
{
    const size_t header_len = wsframe_header(first_byte & 15, strlen(payload), false, at);
    at[0] = first_byte;
    memcpy(at + header_len, payload, strlen(payload));
    return header_len + strlen(payload);
}

/* Text, a message in three pieces with a ping between, and an empty one. */
static size_t put_conversation(uint8_t *at)
{
    uint8_t *const begin = at;
    memcpy(at, ANSWER, strlen(ANSWER));
    at += strlen(ANSWER);
    at += put_frame(at, 0x81, "one");
    at += put_frame(at, 0x01, "t");
    at += put_frame(at, 0x89, "are you there");
    at += put_frame(at, 0x00, "w");
    at += put_frame(at, 0x80, "o");
    at += put_frame(at, 0x81, "");
    at += put_frame(at, 0x8a, "");
    return (size_t)(at - begin);
}

static void assert_pong(struct fixture *f)
{
    uint8_t got[64], pong[64];
    size_t len = wsframe_header(WSFRAME_PONG, strlen("are you there"), true, pong);
    memcpy(pong + len, "are you there", strlen("are you there"));
    len += strlen("are you there");
    assert_int_equal(recv(f->server, got, 3, MSG_WAITALL), 3); /* the request */
    assert_int_equal(recv(f->server, got, len, MSG_WAITALL), len);
    assert_memory_equal(got, pong, len);
}

static void messages_arrive_whole(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[512];
    assert_true(deliver(f, bytes, put_conversation(bytes)) > 0);
    assert_string_equal(f->messages, "one|two||");
    assert_pong(f);
    assert_null(f->client.kept.at); /* an idle connection holds nothing */
    assert_null(f->client.unsent.at);
}

static void bytes_may_come_one_by_one(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[512];
    const size_t len = put_conversation(bytes);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(deliver(f, bytes + i, 1), 1);
    assert_string_equal(f->messages, "one|two||");
    assert_pong(f);
}

static ssize_t deliver_after_upgrade(struct fixture *f, const void *bytes, size_t len)
{
    assert_true(deliver(f, ANSWER, strlen(ANSWER)) > 0);
    return deliver(f, bytes, len);
}

static void a_refused_upgrade_tells_its_status(void **state)
{
    struct fixture *f = *state;
    static const char answer[] = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(deliver(f, answer, strlen(answer)), -EPROTO);
    assert_int_equal(f->client.http_status, 503);
}

static void a_close_tells_its_code_and_is_answered(void **state)
{
    struct fixture *f = *state;
    static const uint8_t expected[] = {0x88, 0x82, 0, 0, 0, 0, 1001 >> 8, 1001 & 255};
    static const uint8_t close_frame[] = {0x88, 2, 1001 >> 8, 1001 & 255};
    uint8_t got[3 + sizeof expected];
    assert_int_equal(deliver_after_upgrade(f, close_frame, sizeof close_frame), -ESHUTDOWN);
    assert_int_equal(f->client.close_code, 1001);
    assert_int_equal(recv(f->server, got, sizeof got, MSG_WAITALL), sizeof got);
    assert_memory_equal(got + 3, expected, sizeof expected);
}

static void masked_frames_are_refused(void **state)
{
    static const uint8_t frame[] = {0x81, 0x81, 0, 0, 0, 0, 'x'};
    assert_int_equal(deliver_after_upgrade(*state, frame, sizeof frame), -EPROTO);
}

static void a_continuation_of_nothing_is_refused(void **state)
{
    static const uint8_t frame[] = {0x80, 1, 'x'};
    assert_int_equal(deliver_after_upgrade(*state, frame, sizeof frame), -EPROTO);
}

static void a_message_within_another_is_refused(void **state)
{
    static const uint8_t frames[] = {0x01, 1, 'x', 0x81, 1, 'y'};
    assert_int_equal(deliver_after_upgrade(*state, frames, sizeof frames), -EPROTO);
}

/* Refused by its header: nobody waits for the bytes. */
static void a_message_above_the_limit_is_refused(void **state)
{
    uint8_t header[WSFRAME_HEADER_MAX];
    const size_t len = wsframe_header(WSFRAME_TEXT, (1u << 20) + 1, false, header);
    assert_int_equal(deliver_after_upgrade(*state, header, len), -EMSGSIZE);
}

static void an_end_without_close_is_told(void **state)
{
    struct fixture *f = *state;
    shutdown(f->server, SHUT_WR);
    fcntl(f->client.fd, F_SETFL, 0);
    assert_int_equal(wsclient_read(&f->client, f->scratch, record, f), -ECONNRESET);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_arrive_whole),
        TEST(bytes_may_come_one_by_one),
        TEST(a_refused_upgrade_tells_its_status),
        TEST(a_close_tells_its_code_and_is_answered),
        TEST(masked_frames_are_refused),
        TEST(a_continuation_of_nothing_is_refused),
        TEST(a_message_within_another_is_refused),
        TEST(a_message_above_the_limit_is_refused),
        TEST(an_end_without_close_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
