/* A feed that is moved about without end while others look at it. For the thread sanitizer. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/feed.h"
#include "tests/support/bell.h"
#include "tests/support/temp_file.h"

enum { FILES = 2, TRADES = 3000, ROUNDS = 60 };
#define S INT64_C(1000000000)

struct fixture {
    struct bus *bus;
    struct bus_sub *sub;
    struct feed *feed;
    struct bell bell;
    _Atomic unsigned done;
    _Atomic bool is_over;
    uint64_t events;
};

static void on_event(const struct price_event *event, void *ctx)
{
    (void)event;
    ((struct fixture *)ctx)->events++;
}

static void on_message(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "%s\n", text);
    abort();
}

static void on_ended(void *ctx)
{
    bell_ring(&((struct fixture *)ctx)->bell);
}

static void on_done(void *ctx, bool ok)
{
    struct fixture *f = ctx;
    CHECK(ok);
    atomic_fetch_add(&f->done, 1);
    bell_ring(&f->bell);
}

/* Trades of a symbol, one a second. */
static struct temp_file recording(char symbol)
{
    struct bytes text = {0};
    char line[200];
    bytes_add(&text, "{\"pricecast\":1}\n", 16);
    for (int i = 0; i < TRADES; i++) {
        const int len = snprintf(line, sizeof line,
                                 "{\"kind\":\"trade\",\"symbol\":\"%c\",\"source\":\"x\","
                                 "\"recv\":%d000000,\"price\":\"1.5\"}\n",
                                 symbol, 1700000000 + i);
        bytes_add(&text, line, (size_t)len);
    }
    const struct temp_file file = temp_file_make(text.data, text.len);
    free(text.data);
    return file;
}

/* Gives a command, and reads what comes until it has been obeyed. */
static void command(struct fixture *f, struct feed_command command)
{
    const unsigned done = atomic_load(&f->done);
    command.done = on_done;
    command.ctx = f;
    assert_int_equal(feed_command(f->feed, &command), 0);
    for (;;) {
        while (bus_dispatch(f->sub, 100) == 100)
            ;
        if (atomic_load(&f->done) != done)
            return;
        bell_wait(&f->bell);
    }
}

static void *look(void *ctx)
{
    struct fixture *f = ctx;
    while (!atomic_load(&f->is_over)) {
        struct feed_status status;
        struct outline outline;
        CHECK(feed_status(f->feed, &status) == 0);
        CHECK(status.inputs_count == FILES);
        CHECK(status.bytes_read <= status.bytes_total);
        free(status.inputs);
        feed_outline(f->feed, &outline);
    }
    return NULL;
}

static void moving_about_and_looking_at_it_do_not_meet(void **state)
{
    struct fixture f = {0};
    struct temp_file files[FILES] = {recording('A'), recording('B')};
    const char *specs[FILES] = {files[0].path, files[1].path};
    const struct feed_options options = {
        .specs = specs,
        .specs_count = FILES,
        .loop = true,
        .lossless = true,
        .hooks = {on_message, on_ended, &f},
    };
    char error[500];
    pthread_t looker;
    (void)state;
    bell_init(&f.bell);
    assert_int_equal(bus_create(&(struct bus_options){.ring_events = 1024}, &f.bus), 0);
    const struct bus_sub_options sub = {bell_ring, &f.bell, true};
    assert_int_equal(bus_subscribe(f.bus, &sub, &f.sub), 0);
    bus_on(f.sub, 0, on_event, &f);
    if (feed_create(&options, f.bus, &f.feed, error, sizeof error) != 0)
        fail_msg("%s", error);
    assert_int_equal(feed_start(f.feed), 0);
    assert_int_equal(pthread_create(&looker, NULL, look, &f), 0);
    for (int i = 0; i < ROUNDS; i++) {
        const struct feed_target to = {
            .kind = i % 3 == 0 ? SEEK_TO_FRACTION : SEEK_TO_TIME,
            .ns = (1700000000 + i * (TRADES / ROUNDS)) * S,
            .fraction = i / (double)ROUNDS,
        };
        command(&f, (struct feed_command){.action = FEED_SEEK, .target = to});
        command(&f, (struct feed_command){.action = FEED_PAUSE});
        command(&f, (struct feed_command){.action = FEED_STEP, .count = 3});
        command(&f, (struct feed_command){.action = FEED_SPEED, .speed = i % 2 == 0 ? 1000 : 0});
        command(&f, (struct feed_command){.action = FEED_RESUME});
    }
    assert_true(f.events > ROUNDS);
    atomic_store(&f.is_over, true);
    pthread_join(looker, NULL);
    feed_stop(f.feed);
    bus_unsubscribe(f.sub); /* it may hold the feed up, and then tells it */
    feed_destroy(f.feed);
    bus_destroy(f.bus);
    bell_finish(&f.bell);
    for (int i = 0; i < FILES; i++)
        temp_file_drop(&files[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moving_about_and_looking_at_it_do_not_meet)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
