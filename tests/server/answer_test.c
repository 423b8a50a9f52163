/* What a client gets as an answer, and when its connection ends. libwebsockets is played by the
 * test, on one end of a socket pair. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/answer.h"

enum { CLOSE = -1, GO_ON = 0 };

static struct {
    char written[4000]; /* the last response */
    int fds[2];         /* ours and the client's */
    int write_rc;       /* if negative, what lws_write() returns */
    int timeout_s;      /* the last that was set */
    bool is_partial;    /* the socket has not taken all */
} lws_fake;

/* These stand in for libwebsockets' own, which are in a shared library. */

int lws_write(struct lws *wsi, unsigned char *bytes, size_t len, enum lws_write_protocol protocol)
{
    (void)wsi;
    assert_int_equal(protocol, LWS_WRITE_HTTP);
    assert_true(len < sizeof lws_fake.written);
    memcpy(lws_fake.written, bytes, len);
    lws_fake.written[len] = '\0';
    return lws_fake.write_rc < 0 ? lws_fake.write_rc : (int)len;
}

int lws_partial_buffered(struct lws *wsi)
{
    (void)wsi;
    return lws_fake.is_partial;
}

void lws_set_timeout(struct lws *wsi, enum pending_timeout reason, int seconds)
{
    (void)wsi;
    (void)reason;
    lws_fake.timeout_s = seconds;
}

lws_sockfd_type lws_get_socket_fd(struct lws *wsi)
{
    (void)wsi;
    return lws_fake.fds[0];
}

static int setup(void **state)
{
    (void)state;
    memset(&lws_fake, 0, sizeof lws_fake);
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, lws_fake.fds);
}

static int teardown(void **state)
{
    (void)state;
    close(lws_fake.fds[0]);
    close(lws_fake.fds[1]);
    return 0;
}

static bool client_sees_the_end(void)
{
    char byte;
    const ssize_t got = read(lws_fake.fds[1], &byte, 1);
    assert_true(got == 0 || (got < 0 && errno == EAGAIN));
    return got == 0;
}

static int send_hello(struct answer *answer)
{
    const struct response hello = {.status = 200,
                                   .mime = "text/plain",
                                   .headers = "X-A: b\r\n",
                                   .body = "hello",
                                   .body_len = 5};
    return answer_send(answer, &hello);
}

static void expect(const char *part)
{
    if (strstr(lws_fake.written, part) == NULL)
        fail_msg("%s is not in %s", part, lws_fake.written);
}

static const char *body(void)
{
    return strstr(lws_fake.written, "\r\n\r\n") + 4;
}

static void expect_headers_of_all(void)
{
    expect("\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; ");
    expect("\r\nX-Content-Type-Options: nosniff\r\n");
    expect("\r\nReferrer-Policy: no-referrer\r\n");
    expect("\r\nConnection: close\r\n");
}

static void a_response_is_whole_and_ends_the_connection(void **state)
{
    struct answer answer = {0};
    (void)state;
    assert_int_equal(send_hello(&answer), CLOSE);
    assert_true(answer.is_sent);
    assert_memory_equal(lws_fake.written, "HTTP/1.1 200 OK\r\n", 17);
    expect("\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nX-A: b\r\n");
    expect_headers_of_all();
    assert_string_equal(body(), "hello");
}

static void a_head_tells_the_length_only(void **state)
{
    struct answer answer = {.head_only = true};
    struct text json = {0};
    (void)state;
    text_puts(&json, "{\"a\":1}");
    assert_int_equal(answer_json(&answer, 200, &json, NULL), CLOSE);
    expect(
        "\r\nContent-Type: application/json\r\nContent-Length: 7\r\nCache-Control: no-store\r\n");
    assert_string_equal(body(), "");
    text_finish(&json);
    assert_int_equal(answer_error(&answer, 404, "x", "y", NULL), CLOSE); /* errors are no other */
    expect("\r\nContent-Length: 36\r\n");
    assert_string_equal(body(), "");
}

static void json_without_memory_is_an_error(void **state)
{
    struct answer answer = {0};
    struct text json = {0};
    (void)state;
    text_puts(&json, "{\"a\":");
    json.failed = true;
    answer_json(&answer, 200, &json, NULL);
    assert_memory_equal(lws_fake.written, "HTTP/1.1 500 Internal Server Error\r\n", 36);
    assert_string_equal(body(), "");
    text_finish(&json);
}

static void errors_are_json(void **state)
{
    struct answer answer = {0};
    (void)state;
    answer_error(&answer, 405, "method_not_allowed", "not \"this\"", "Allow: GET\r\n");
    assert_memory_equal(lws_fake.written, "HTTP/1.1 405 Method Not Allowed\r\n", 33);
    expect("\r\nAllow: GET\r\n");
    expect_headers_of_all();
    assert_string_equal(body(), "{\"error\":{\"code\":\"method_not_allowed\","
                                "\"message\":\"not \\\"this\\\"\"}}");
}

static void every_status_has_its_words(void **state)
{
    static const struct {
        int status;
        const char *line;
    } all[] = {
        {304, "HTTP/1.1 304 Not Modified\r\n"},        {400, "HTTP/1.1 400 Bad Request\r\n"},
        {403, "HTTP/1.1 403 Forbidden\r\n"},           {404, "HTTP/1.1 404 Not Found\r\n"},
        {408, "HTTP/1.1 408 Request Timeout\r\n"},     {409, "HTTP/1.1 409 Conflict\r\n"},
        {413, "HTTP/1.1 413 Content Too Large\r\n"},   {426, "HTTP/1.1 426 Upgrade Required\r\n"},
        {503, "HTTP/1.1 503 Service Unavailable\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct answer answer = {0};
        answer_error(&answer, all[i].status, "x", "y", NULL);
        assert_memory_equal(lws_fake.written, all[i].line, strlen(all[i].line));
    }
}

static void what_the_socket_does_not_take_at_once_may_take_a_while(void **state)
{
    struct answer answer = {0};
    (void)state;
    assert_int_equal(answer_on_writeable(&answer), GO_ON); /* nothing has been sent */
    lws_fake.is_partial = true;
    assert_int_equal(send_hello(&answer), GO_ON);
    assert_int_equal(lws_fake.timeout_s, ANSWER_TAKEN_SEC);
    assert_int_equal(answer_on_writeable(&answer), GO_ON);
    lws_fake.is_partial = false;
    assert_int_equal(answer_on_writeable(&answer), CLOSE);
}

static void a_connection_that_fails_is_closed(void **state)
{
    struct answer answer = {.body_left = 10};
    (void)state;
    lws_fake.write_rc = -1;
    assert_int_equal(send_hello(&answer), CLOSE);
}

/* Closed at once, its reset could take the answer away from a client that still sends. */
static void who_still_sends_a_body_can_end_it(void **state)
{
    struct answer answer = {.body_left = 100};
    int rc = 7;
    (void)state;
    assert_false(answer_on_body(&answer, 30, &rc)); /* the request's, as long as it may be */
    assert_int_equal(rc, 7);
    assert_int_equal(send_hello(&answer), GO_ON);
    assert_int_equal(lws_fake.timeout_s, ANSWER_LINGER_SEC);
    assert_true(client_sees_the_end());
    assert_true(answer_on_body(&answer, 69, &rc));
    assert_int_equal(rc, GO_ON);
    assert_true(answer_on_body(&answer, 5, &rc)); /* more than it said */
    assert_int_equal(rc, CLOSE);
}

static void its_end_does_not_cut_off_an_answer_that_is_still_going(void **state)
{
    struct answer answer = {.body_left = 10};
    int rc;
    (void)state;
    lws_fake.is_partial = true;
    assert_int_equal(send_hello(&answer), GO_ON);
    assert_false(client_sees_the_end());
    assert_true(answer_on_body(&answer, 10, &rc));
    assert_int_equal(rc, GO_ON);
    lws_fake.is_partial = false;
    assert_int_equal(answer_on_writeable(&answer), CLOSE);
}

static void nobody_waits_for_a_body_without_end(void **state)
{
    struct answer answer = {.body_left = ANSWER_LINGER_BYTES + 1};
    (void)state;
    assert_int_equal(send_hello(&answer), CLOSE);
    answer = (struct answer){.body_left = ANSWER_LINGER_BYTES};
    assert_int_equal(send_hello(&answer), GO_ON);
}

static void an_event_stream_begins_and_stays_open(void **state)
{
    struct answer answer = {0};
    (void)state;
    assert_true(answer_event_stream(&answer, "Vary: Origin\r\n", 1234));
    assert_memory_equal(lws_fake.written, "HTTP/1.1 200 OK\r\n", 17);
    expect("\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n");
    expect("\r\nVary: Origin\r\n");
    expect_headers_of_all();
    assert_string_equal(body(), "retry: 1234\n\n");
    assert_true(answer.is_sent);
    lws_fake.write_rc = -1;
    assert_false(answer_event_stream(&answer, "", 1234));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_response_is_whole_and_ends_the_connection),
        TEST(a_head_tells_the_length_only),
        TEST(json_without_memory_is_an_error),
        TEST(errors_are_json),
        TEST(every_status_has_its_words),
        TEST(what_the_socket_does_not_take_at_once_may_take_a_while),
        TEST(a_connection_that_fails_is_closed),
        TEST(who_still_sends_a_body_can_end_it),
        TEST(its_end_does_not_cut_off_an_answer_that_is_still_going),
        TEST(nobody_waits_for_a_body_without_end),
        TEST(an_event_stream_begins_and_stays_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
