/* Names are looked up by a resolver of the test's, which answers when it is told to. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "feed/lookup.h"
#include "tests/support/bell.h"

struct fixture {
    uv_loop_t loop;
    struct lookup *lookup;
    unsigned answers;
    int error;
    in_addr_t address;
};

static struct bell may_answer, has_answered; /* a lookup may outlive the test that left it */

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

static void on_done(void *ctx, int error, const struct addrinfo *found)
{
    struct fixture *f = ctx;
    f->answers++;
    f->error = error;
    if (found != NULL)
        f->address = ((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr.s_addr;
}

/* "fail" is not known; everything else is a number. */
static int resolve(const char *host, struct addrinfo **out)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    return strcmp(host, "fail") == 0 ? EAI_NONAME : getaddrinfo(host, NULL, &hints, out);
}

static int resolve_when_told(const char *host, struct addrinfo **out)
{
    bell_wait(&may_answer);
    const int rc = resolve(host, out);
    bell_ring(&has_answered);
    return rc;
}

static void start(struct fixture *f, const char *host, lookup_resolve_fn *by)
{
    assert_int_equal(lookup_start(&f->loop, host, by, on_done, f, &f->lookup), 0);
}

static void addresses_come_once(void **state)
{
    struct fixture *f = *state;
    start(f, "127.0.0.7", resolve);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->error, 0);
    assert_int_equal(f->address, inet_addr("127.0.0.7"));
}

static void the_system_resolves_by_default(void **state)
{
    struct fixture *f = *state;
    start(f, "127.0.0.8", NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->address, inet_addr("127.0.0.8"));
}

static void what_is_not_found_is_told(void **state)
{
    struct fixture *f = *state;
    start(f, "fail", resolve);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->error, EAI_NONAME);
    assert_int_equal(f->address, 0);
}

/* The loop ends while the resolver is still at it, and its answer is for nobody. */
static void an_abandoned_one_holds_up_nothing(void **state)
{
    struct fixture *f = *state;
    start(f, "127.0.0.9", resolve_when_told);
    lookup_abandon(f->lookup);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_false(uv_loop_alive(&f->loop));
    bell_ring(&may_answer);
    bell_wait(&has_answered);
    assert_int_equal(f->answers, 0);
}

/* Its answer is there, but the loop has not been told. */
static void an_answer_may_come_too_late(void **state)
{
    struct fixture *f = *state;
    bell_ring(&may_answer);
    start(f, "127.0.0.9", resolve_when_told);
    bell_wait(&has_answered);
    lookup_abandon(f->lookup);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->answers, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(addresses_come_once),         TEST(the_system_resolves_by_default),
        TEST(what_is_not_found_is_told),   TEST(an_abandoned_one_holds_up_nothing),
        TEST(an_answer_may_come_too_late),
    };
    bell_init(&may_answer);
    bell_init(&has_answered);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
