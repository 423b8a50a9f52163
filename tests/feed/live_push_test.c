/* The inbox of what others publish: in order, answered once each, whatever happens meanwhile. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "feed/feed.h"
#include "tests/support/live_bus.h"

enum { ANSWERS_MAX = 256 };

struct fixture {
    struct live_bus bus;
    struct feed *feed;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    size_t answers;
    struct feed_push_result results[ANSWERS_MAX];
};

static void on_done(void *ctx, const struct feed_push_result *result)
{
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->lock);
    f->results[f->answers++ % ANSWERS_MAX] = *result;
    pthread_cond_signal(&f->answered);
    pthread_mutex_unlock(&f->lock);
}

static void wait_for(struct fixture *f, size_t answers)
{
    pthread_mutex_lock(&f->lock);
    while (f->answers < answers)
        pthread_cond_wait(&f->answered, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static int make(void **state, const char *const *specs, uint32_t streams_max)
{
    static struct fixture fixture;
    char error[512] = "";
    fixture = (struct fixture){.answers = 0};
    struct fixture *f = *state = &fixture;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->answered, NULL);
    const struct bus_options bus = {.streams_max = streams_max};
    const struct bus_sub_options sub = {.wake = live_bus_wake};
    assert_int_equal(bus_create(&bus, &f->bus.bus), 0);
    assert_int_equal(bus_subscribe(f->bus.bus, &sub, &f->bus.sub), 0);
    assert_true(bus_on(f->bus.sub, 0, live_bus_on_event, &f->bus) > 0);
    const struct feed_options options = {
        .specs = specs,
        .specs_count = 1,
        .speed = 1,
        .hooks = {live_bus_message, live_bus_ended, &f->bus},
    };
    return feed_create(&options, f->bus.bus, &f->feed, error, sizeof error);
}

static int setup(void **state)
{
    static const char *const specs[] = {"push:"};
    return make(state, specs, 0);
}

/* Room for the source's states and two streams. */
static int setup_small(void **state)
{
    static const char *const specs[] = {"push:"};
    return make(state, specs, 3);
}

static int setup_without(void **state)
{
    static const char *const specs[] = {"sim:?symbols=1&rate=0.001"};
    return make(state, specs, 0);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    feed_stop(f->feed);
    feed_destroy(f->feed);
    live_bus_finish(&f->bus);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->answered);
    return 0;
}

static int push(struct fixture *f, const char *body)
{
    return feed_push(f->feed, body, strlen(body), on_done, f);
}

static int push_trade(struct fixture *f, const char *symbol, unsigned price)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"kind\":\"trade\",\"symbol\":\"%s\",\"source\":\"x\",\"price\":%u,\"recv\":1}",
             symbol, price);
    return push(f, body);
}

static void an_item_is_on_the_bus_when_it_is_answered(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(feed_mode(f->feed), FEED_MODE_LIVE);
    assert_int_equal(feed_start(f->feed), 0);
    assert_int_equal(push_trade(f, "S", 7), 0);
    wait_for(f, 1);
    assert_int_equal(f->results[0].rc, 0);
    assert_int_equal(f->results[0].accepted, 1);
    assert_string_equal(live_bus_seen(&f->bus), "up x\nx S trade 1 7\n");
    assert_true(f->bus.last.recv_ns > 1000); /* when we got it */
}

/* Long bodies go to a worker; short ones behind them wait their turn. */
static void bodies_keep_their_order(void **state)
{
    struct fixture *f = *state;
    enum { LINES = 400 };
    static char body[LINES * 100];
    size_t at = 0;
    for (int i = 0; i < LINES; i++)
        at += (size_t)sprintf(body + at,
                              "{\"kind\":\"trade\",\"symbol\":\"S\",\"source\":\"x\","
                              "\"price\":%d}\n",
                              i);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(feed_push(f->feed, body, at, on_done, f), 0);
        assert_int_equal(push_trade(f, "S", 1000 + (unsigned)i), 0);
    }
    assert_int_equal(feed_start(f->feed), 0);
    wait_for(f, 40);
    for (int i = 0; i < 40; i++)
        assert_int_equal(f->results[i].accepted, i % 2 == 0 ? LINES : 1);
    live_bus_seen(&f->bus);
    assert_int_equal(f->bus.last.seq, 20 * (LINES + 1));
    assert_int_equal(event_value(&f->bus.last, VALUE_PRICE).mantissa, 1019);
}

static void what_the_bus_has_no_room_for_is_rejected(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(feed_start(f->feed), 0);
    push_trade(f, "A", 1);
    push_trade(f, "B", 1);
    push_trade(f, "C", 1);
    wait_for(f, 3);
    assert_int_equal(f->results[1].accepted, 1);
    assert_int_equal(f->results[2].accepted, 0);
    assert_int_equal(f->results[2].rejected, 1);
    assert_int_equal(f->results[2].errors_count, 1);
    struct feed_status status;
    assert_int_equal(feed_status(f->feed, &status), 0);
    free(status.inputs);
}

static void limits_are_kept(void **state)
{
    struct fixture *f = *state;
    char *body = calloc(1, FEED_PUSH_BODY_MAX + 1);
    assert_non_null(body);
    memset(body, ' ', FEED_PUSH_BODY_MAX);
    assert_int_equal(feed_push(f->feed, body, FEED_PUSH_BODY_MAX + 1, on_done, f), -EMSGSIZE);
    size_t sent = 0;
    while (feed_push(f->feed, body, FEED_PUSH_BODY_MAX, on_done, f) == 0)
        sent++;
    assert_int_equal(sent, FEED_PUSH_QUEUE_MAX / FEED_PUSH_BODY_MAX);
    assert_int_equal(feed_push(f->feed, body, FEED_PUSH_BODY_MAX, on_done, f), -EAGAIN);
    free(body);
    feed_start(f->feed);
    wait_for(f, sent);
    assert_int_equal(f->results[0].rc, -EINVAL); /* nothing but space */
}

static void nobody_waits_for_a_feed_that_has_stopped(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(push_trade(f, "A", 1), 0);
    feed_start(f->feed);
    for (int i = 0; i < 100; i++)
        assert_int_equal(push_trade(f, "A", 1), 0);
    feed_stop(f->feed);
    assert_int_equal(f->answers, 101);
    assert_int_equal(push_trade(f, "A", 1), -ECANCELED);
    for (size_t i = 0; i < f->answers; i++)
        assert_true(f->results[i].rc == 0 || f->results[i].rc == -ECANCELED);
}

static void one_that_was_never_started_answers_too(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(push_trade(f, "A", 1), 0);
    feed_destroy(f->feed);
    f->feed = NULL;
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->results[0].rc, -ECANCELED);
}

static void without_push_among_the_feeds_there_is_none(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(push_trade(f, "A", 1), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_item_is_on_the_bus_when_it_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(bodies_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_bus_has_no_room_for_is_rejected, setup_small,
                                        teardown),
        cmocka_unit_test_setup_teardown(limits_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_waits_for_a_feed_that_has_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_was_never_started_answers_too, setup, teardown),
        cmocka_unit_test_setup_teardown(without_push_among_the_feeds_there_is_none, setup_without,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
