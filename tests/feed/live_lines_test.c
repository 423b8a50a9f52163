/* Lines that others write to a socket of ours: several at a time, however they cut them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "feed/live_lines.h"
#include "feed/live_set.h"
#include "tests/support/live_bus.h"

#define TRADE(source)                                                                              \
    "{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"" source "\",\"price\":\"1.50\"}"

enum { LINE_MAX_BYTES = 100 };

struct fixture {
    struct live_bus bus;
    uv_loop_t loop;
    struct live_set *set;
    char folder[64], path[80];
};

static void on_changed(void *ctx)
{
    (void)ctx;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.folder = "/tmp/pricecast-XXXXXX"};
    struct fixture *f = *state = &fixture;
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/socket", f->folder);
    live_bus_init(&f->bus);
    uv_loop_init(&f->loop);
    const struct live_set_options options = {
        .loop = &f->loop,
        .bus = f->bus.bus,
        .message_max = LINE_MAX_BYTES,
        .hooks = live_bus_hooks(&f->bus),
        .changed = on_changed,
    };
    f->set = live_set_create(&options);
    return f->set == NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    live_set_close(f->set);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    live_set_destroy(f->set);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_not_equal(access(f->path, F_OK), 0); /* the socket is gone */
    live_bus_finish(&f->bus);
    return rmdir(f->folder);
}

static int listen_at(struct fixture *f, const char *keys)
{
    char text[128], error[512];
    struct spec spec;
    snprintf(text, sizeof text, "unix:%s%s", f->path, keys);
    assert_int_equal(spec_parse(text, &spec, error, sizeof error), 0);
    const int rc = live_set_add(f->set, &spec, error, sizeof error);
    spec_finish(&spec);
    return rc;
}

static int begin(struct fixture *f, const char *keys)
{
    const int rc = listen_at(f, keys);
    if (rc == 0)
        live_set_start(f->set);
    return rc;
}

static int connect_to(const struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, f->path);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Runs the loop until this, exactly, has passed the bus since the last call. */
static void wait_for(struct fixture *f, const char *expected)
{
    f->bus.seen_len = 0;
    f->bus.seen[0] = '\0';
    while (strlen(live_bus_see_more(&f->bus)) < strlen(expected))
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_string_equal(f->bus.seen, expected);
}

static struct feed_input_status status_of(const struct fixture *f)
{
    struct feed_input_status status;
    live_set_status(f->set, &status);
    return status;
}

static void lines_become_events_however_they_are_cut(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(begin(f, ""), 0);
    const int fd = connect_to(f);
    put(fd, TRADE("x") "\n" TRADE("x") "\r\n\n{\"kind\":\"tra");
    wait_for(f, "up x\nx S trade 1 1.50\nx S trade 2 1.50\n");
    put(fd, "de\",\"symbol\":\"S\",\"source\":\"x\",\"price\":\"2\"}\n");
    wait_for(f, "x S trade 3 2\n");
    assert_true(f->bus.last.recv_ns > 0);
    put(fd, TRADE("x")); /* the last line needs no end */
    close(fd);
    wait_for(f, "x S trade 4 1.50\ndown x\n");
}

static void each_producer_brings_and_takes_its_own_sources(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(begin(f, ""), 0);
    const int a = connect_to(f), b = connect_to(f);
    put(a, TRADE("x") "\n" TRADE("y") "\n");
    wait_for(f, "up x\nx S trade 1 1.50\nup y\ny S trade 1 1.50\n");
    put(b, TRADE("y") "\n" TRADE("z") "\n");
    wait_for(f, "y S trade 2 1.50\nup z\nz S trade 1 1.50\n");
    close(a);
    wait_for(f, "down x\n");
    close(b);
    wait_for(f, "down y\ndown z\n");
}

static void bad_and_long_lines_are_counted_and_passed(void **state)
{
    struct fixture *f = *state;
    char line[10 * LINE_MAX_BYTES + 2];
    memset(line, 'x', sizeof line - 2);
    strcpy(line + sizeof line - 2, "\n");
    assert_int_equal(begin(f, ""), 0);
    const int fd = connect_to(f);
    put(fd, "nonsense\n");
    put(fd, line);
    put(fd, TRADE("x") "\n");
    wait_for(f, "up x\nx S trade 1 1.50\n");
    assert_int_equal(status_of(f).bad, 2);
    assert_int_equal(status_of(f).lines, 3);
    assert_true(status_of(f).is_live);
    close(fd);
    wait_for(f, "down x\n");
}

static void another_format_and_other_names_can_be_asked_for(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(begin(f, "?format=binance&source=here"), 0);
    const int fd = connect_to(f);
    put(fd, "1700000000000000000 {\"e\":\"trade\",\"s\":\"S\",\"p\":\"1.50\",\"q\":\"1\","
            "\"T\":1,\"m\":true}\n");
    wait_for(f, "up here\nhere S trade 1 1.50\n");
    assert_true(f->bus.last.recv_ns > INT64_C(1700000000000000000)); /* ours, not the line's */
    close(fd);
    wait_for(f, "down here\n");
}

static void what_cannot_be_is_refused_at_the_start(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(listen_at(f, "?format=odd"), -EINVAL);
    assert_int_equal(listen_at(f, "?symbols=A"), -EINVAL);
    assert_int_equal(listen_at(f, "/no/such/folder"), -ENOENT);
    assert_int_equal(live_set_count(f->set), 1); /* to be closed like the others */
}

/* A socket of a server that crashed must not keep the next one from starting; one that lives must.
 */
static void a_dead_socket_is_replaced_and_a_living_one_is_not(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, f->path);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(listen_at(f, ""), 0);
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(listen_at(f, ""), -EADDRINUSE);
}

static void there_may_be_so_many_producers(void **state)
{
    struct fixture *f = *state;
    int fds[LIVE_LINES_PEERS_MAX + 1];
    assert_int_equal(begin(f, ""), 0);
    for (int i = 0; i <= LIVE_LINES_PEERS_MAX; i++) {
        fds[i] = connect_to(f);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    char byte;
    while (recv(fds[LIVE_LINES_PEERS_MAX], &byte, 1, MSG_DONTWAIT) != 0)
        uv_run(&f->loop, UV_RUN_NOWAIT); /* the last one is hung up on */
    put(fds[0], TRADE("x") "\n");
    put(fds[LIVE_LINES_PEERS_MAX - 1], TRADE("y") "\n");
    while (status_of(f).events < 2)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_non_null(strstr(f->bus.messages, "a producer was refused: 64 are connected"));
    for (int i = 0; i <= LIVE_LINES_PEERS_MAX; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_become_events_however_they_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(each_producer_brings_and_takes_its_own_sources, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(bad_and_long_lines_are_counted_and_passed, setup, teardown),
        cmocka_unit_test_setup_teardown(another_format_and_other_names_can_be_asked_for, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused_at_the_start, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dead_socket_is_replaced_and_a_living_one_is_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(there_may_be_so_many_producers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
