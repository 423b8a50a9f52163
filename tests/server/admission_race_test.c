/* Connections come and go on every shard at once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/admission.h"

enum { THREADS = 4, ROUNDS = 20000, ADDRESSES = 3, LIMIT = 2 };

static _Atomic int inside[ADDRESSES], worst;

static enum admission_verdict enter(struct admission *admission, uint32_t host,
                                    struct visitor **out)
{
    const struct sockaddr_in from = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(0x0a000000 + host)};
    return admission_enter(admission, (const struct sockaddr *)&from, out);
}

static void *come_and_go(void *ctx)
{
    struct visitor *visitor;
    for (int i = 0; i < ROUNDS; i++) {
        if (enter(ctx, (unsigned)i % ADDRESSES, &visitor) != ADMITTED)
            continue;
        if (atomic_fetch_add(&inside[i % ADDRESSES], 1) >= LIMIT)
            atomic_store(&worst, 1);
        atomic_fetch_sub(&inside[i % ADDRESSES], 1);
        admission_leave(ctx, visitor);
    }
    return NULL;
}

static void threads_come_and_go(void **state)
{
    struct admission *admission = admission_create(THREADS, LIMIT);
    pthread_t threads[THREADS];
    struct visitor *visitor;
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, admission), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&worst), 0);
    assert_int_equal(admission_count(admission), 0);
    assert_int_equal(enter(admission, 0, &visitor), ADMITTED);
    admission_leave(admission, visitor);
    admission_destroy(admission);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_come_and_go)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
