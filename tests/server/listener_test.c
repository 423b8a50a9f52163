/* Connections over loopback, taken by a loop that runs as long as something is awaited. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/listener.h"

enum { CONNECTIONS = 100 };

struct fixture {
    struct listener listener; /* first: callbacks get this */
    uv_loop_t loop;
    struct sockaddr_in address;
    int accepted[CONNECTIONS], clients[CONNECTIONS];
    unsigned accepted_count, refused, clients_count;
};

static void on_accepted(struct listener *listener, int fd, const struct sockaddr *from)
{
    struct fixture *f = (struct fixture *)listener;
    assert_int_equal(from->sa_family, AF_INET);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    f->accepted[f->accepted_count++] = fd;
}

static void on_refused(struct listener *listener)
{
    ((struct fixture *)listener)->refused++;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    socklen_t len = sizeof f->address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    f->address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)&f->address, len) != 0 || listen(fd, CONNECTIONS) != 0 ||
        getsockname(fd, (struct sockaddr *)&f->address, &len) != 0)
        return -1;
    f->listener.accepted = on_accepted;
    f->listener.refused = on_refused;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(listener_open(&f->listener, &f->loop, fd, 16), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    listener_close(&f->listener);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    for (unsigned i = 0; i < f->accepted_count; i++)
        close(f->accepted[i]);
    for (unsigned i = 0; i < f->clients_count; i++)
        close(f->clients[i]);
    free(f);
    return 0;
}

static int client_connect(struct fixture *f)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    f->clients[f->clients_count++] = fd;
    return connect(fd, (const struct sockaddr *)&f->address, sizeof f->address);
}

/* Handshakes are over when connect() returns, so what it waits for is sure to come. */
static void run_until(struct fixture *f, unsigned accepted, unsigned refused)
{
    while (f->accepted_count < accepted || f->refused < refused)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->accepted_count, accepted);
    assert_int_equal(f->refused, refused);
}

static void all_that_wait_are_taken(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < CONNECTIONS; i++)
        assert_int_equal(client_connect(f), 0);
    run_until(f, CONNECTIONS, 0);
}

static void expect_end(int client)
{
    char byte;
    assert_true(recv(client, &byte, 1, 0) <= 0); /* closed, or reset */
}

/* accept() gives out the lowest free one, which the client's is below. */
static void who_would_get_one_of_the_last_descriptors_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(client_connect(f), 0);
    f->listener.fd_limit = f->clients[0] + 1;
    run_until(f, 0, 1);
    expect_end(f->clients[0]);
    f->listener.fd_limit = f->clients[0] + 100;
    assert_int_equal(client_connect(f), 0);
    run_until(f, 1, 1);
}

/* Nothing is left: it refuses by its spare one, and goes on when there are others again. */
static void without_any_descriptor_it_refuses_and_goes_on(void **state)
{
    struct fixture *f = *state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(client_connect(f), 0);
    struct rlimit none = before;
    none.rlim_cur = (rlim_t)f->listener.spare_fd + 1; /* what is above is taken, or forbidden */
    int below[1024];
    unsigned count = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (count < 1024 && (below[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    run_until(f, 0, 1);
    expect_end(f->clients[0]);
    assert_true(f->listener.spare_fd >= 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (count > 0)
        close(below[--count]);
    assert_int_equal(client_connect(f), 0);
    run_until(f, 1, 1);
}

static void after_a_rest_it_goes_on(void **state)
{
    struct fixture *f = *state;
    close(f->listener.spare_fd); /* as if somebody else had got hold of it */
    f->listener.spare_fd = -1;
    uv_poll_stop(&f->listener.poll);
    assert_int_equal(client_connect(f), 0);
    listener_resume(&f->listener);
    run_until(f, 1, 0);
    assert_true(f->listener.spare_fd >= 0);
}

static void closed_it_takes_nobody(void **state)
{
    struct fixture *f = *state;
    listener_close(&f->listener);
    listener_resume(&f->listener);
    listener_close(&f->listener);
    assert_int_equal(client_connect(f), -1);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->accepted_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_that_wait_are_taken),
        TEST(who_would_get_one_of_the_last_descriptors_is_refused),
        TEST(without_any_descriptor_it_refuses_and_goes_on),
        TEST(after_a_rest_it_goes_on),
        TEST(closed_it_takes_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
