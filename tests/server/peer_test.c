/* What the kernel tells of a connection, and who is to blame when something waits. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/clients.h"
#include "server/peer.h"

struct pair {
    int listener, near, far;
    char far_address[PEER_ADDRESS_BYTES]; /* as the near end should see it */
};

static void pair_open(struct pair *pair, int receive_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    pair->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(pair->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(pair->listener, 1), 0);
    assert_int_equal(getsockname(pair->listener, (struct sockaddr *)&address, &len), 0);
    pair->far = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(pair->far, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    assert_int_equal(connect(pair->far, (struct sockaddr *)&address, len), 0);
    pair->near = accept4(pair->listener, NULL, NULL, SOCK_NONBLOCK);
    assert_true(pair->near >= 0);
    assert_int_equal(getsockname(pair->far, (struct sockaddr *)&address, &len), 0);
    snprintf(pair->far_address, sizeof pair->far_address, "127.0.0.1:%u", ntohs(address.sin_port));
}

static void pair_close(const struct pair *pair)
{
    close(pair->near);
    close(pair->far);
    close(pair->listener);
}

static void one_that_does_not_read_closes_its_window(void **state)
{
    static const char bytes[1000];
    struct pair pair;
    struct peer peer;
    char address[PEER_ADDRESS_BYTES];
    (void)state;
    pair_open(&pair, 4096);
    peer_address(pair.near, address);
    assert_string_equal(address, pair.far_address);
    assert_true(peer_read(pair.near, &peer));
    assert_false(peer.window_closed);
    assert_int_equal(peer_judge(&peer, false, 0), PEER_OK);
    const uint64_t acked = peer.acked_bytes;
    do { /* until the kernel takes no more, and has learned why */
        while (send(pair.near, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
            ;
        assert_true(errno == EAGAIN);
        assert_true(peer_read(pair.near, &peer));
    } while (!peer.window_closed);
    assert_true(peer.unsent_bytes > 0 && peer.acked_bytes > acked);
    assert_int_equal(peer_judge(&peer, true, 0), PEER_IS_SLOW);
    pair_close(&pair);
}

static void what_is_no_connection_has_no_peer(void **state)
{
    struct peer peer;
    char address[PEER_ADDRESS_BYTES];
    int fds[2];
    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_false(peer_read(fds[0], &peer));
    peer_address(fds[0], address);
    assert_string_equal(address, "");
    close(fds[0]);
    close(fds[1]);
}

static void the_one_who_is_late_is_to_blame(void **state)
{
    static const struct {
        struct peer peer;
        bool waits;
        uint64_t lag_us;
        enum peer_verdict verdict;
    } cases[] = {
        {{0}, false, 0, PEER_OK},
        {{.unacked = 10}, false, 0, PEER_OK},
        {{.unacked = 10}, true, 0, PEER_PATH_SLOW},
        {{.unacked = 10, .is_retrying = true}, true, 1000000, PEER_PATH_SLOW},
        {{.window_closed = true}, true, 0, PEER_IS_SLOW},
        {{.window_closed = true, .is_retrying = true}, true, 0, PEER_IS_SLOW},
        {{.window_limits = true, .unacked = 1}, true, 0, PEER_IS_SLOW},
        {{0}, false, 1000000, PEER_WE_ARE_SLOW},
        {{.unacked = 10}, true, 1000000, PEER_WE_ARE_SLOW},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (peer_judge(&cases[i].peer, cases[i].waits, cases[i].lag_us) != cases[i].verdict)
            fail_msg("case %zu", i);
    assert_string_equal(peer_verdict_name(PEER_OK), "ok");
    assert_string_equal(peer_verdict_name(PEER_IS_SLOW), "client");
    assert_string_equal(peer_verdict_name(PEER_PATH_SLOW), "network");
    assert_string_equal(peer_verdict_name(PEER_WE_ARE_SLOW), "server");
}

static void a_page_has_limits(void **state)
{
    struct clients_page page;
    (void)state;
    assert_null(clients_page_read(NULL, NULL, &page));
    assert_true(page.offset == 0 && page.limit == CLIENTS_LIMIT_DEFAULT);
    assert_null(clients_page_read("10000", "1000", &page));
    assert_true(page.offset == 10000 && page.limit == 1000);
    assert_non_null(strstr(clients_page_read("10001", NULL, &page), "offset"));
    assert_non_null(strstr(clients_page_read("-1", NULL, &page), "offset"));
    assert_non_null(strstr(clients_page_read(NULL, "0", &page), "limit"));
    assert_non_null(strstr(clients_page_read(NULL, "1001", &page), "limit"));
    assert_non_null(strstr(clients_page_read(NULL, "5x", &page), "limit"));
    assert_non_null(strstr(clients_page_read(NULL, "", &page), "limit"));
    assert_non_null(strstr(clients_page_read(NULL, "99999999999999999999", &page), "limit"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_does_not_read_closes_its_window),
        cmocka_unit_test(what_is_no_connection_has_no_peer),
        cmocka_unit_test(the_one_who_is_late_is_to_blame),
        cmocka_unit_test(a_page_has_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
