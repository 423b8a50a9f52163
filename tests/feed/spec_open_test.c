/* Which producer a SPEC becomes, and which cannot be had twice. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "feed/feed.h"
#include "feed/spec_open.h"
#include "tests/support/temp_file.h"

static const char recording[] = "{\"pricecast\":1}\n"
                                "{\"kind\":\"trade\",\"symbol\":\"A\",\"source\":\"x\","
                                "\"recv\":1700000000000000,\"price\":\"1.5\"}\n";

static struct temp_file file_make(void)
{
    return temp_file_make(recording, sizeof recording - 1);
}

static struct spec parsed(const char *text)
{
    struct spec spec;
    char error[300];
    if (spec_parse(text, &spec, error, sizeof error) != 0)
        fail_msg("%s", error);
    return spec;
}

static struct producer *opened(const char *text, const struct spec_open_options *options,
                               int64_t *offset_ns)
{
    struct spec spec = parsed(text);
    struct producer *producer = NULL;
    char error[300];
    *offset_ns = -1;
    if (spec_open(&spec, options, &producer, offset_ns, error, sizeof error) != 0)
        fail_msg("%s", error);
    spec_finish(&spec); /* nothing of it may be needed any more */
    return producer;
}

/* Of the next batch; destroys the producer. */
static size_t count_events(struct producer *producer)
{
    static struct event_batch batch;
    producer->ops->fill(producer, &batch);
    producer->ops->destroy(producer);
    return batch.count;
}

static void a_file_is_read(void **state)
{
    struct temp_file file = file_make();
    int64_t offset_ns;
    (void)state;
    struct producer *producer = opened(file.path, &(struct spec_open_options){0}, &offset_ns);
    assert_int_equal(offset_ns, 0);
    assert_string_equal(producer->format, "native");
    assert_int_equal(count_events(producer), 1);
    temp_file_drop(&file);
}

static void its_options_hold(void **state)
{
    struct temp_file file = file_make();
    char text[200];
    int64_t offset_ns;
    (void)state;
    snprintf(text, sizeof text, "file:%s?offset=-5s", file.path);
    struct producer *producer = opened(text, &(struct spec_open_options){0}, &offset_ns);
    assert_true(offset_ns == INT64_C(-5000000000));
    producer->ops->destroy(producer);
    const struct spec_open_options short_lines = {.line_bytes_max = 20};
    producer = opened(file.path, &short_lines, &offset_ns);
    assert_int_equal(count_events(producer), 0); /* its only trade is too long a line */
    temp_file_drop(&file);
}

static void the_bundled_recording_has_a_name_of_its_own(void **state)
{
    struct temp_file file = file_make();
    const struct spec_open_options options = {.bundled_path = file.path};
    struct spec spec = parsed(FEED_BUNDLED);
    int64_t offset_ns;
    char error[300];
    struct producer *producer;
    (void)state;
    assert_int_equal(count_events(opened(FEED_BUNDLED, &options, &offset_ns)), 1);
    assert_int_equal(spec_open(&spec, &(struct spec_open_options){0}, &producer, &offset_ns, error,
                               sizeof error),
                     -ENOENT); /* with none it is a file like any */
    spec_finish(&spec);
    temp_file_drop(&file);
}

static void a_market_is_simulated(void **state)
{
    int64_t offset_ns;
    (void)state;
    struct producer *producer =
        opened("sim:?symbols=1&rate=10", &(struct spec_open_options){0}, &offset_ns);
    assert_int_equal(offset_ns, 0);
    assert_null(producer->format);
    assert_true(count_events(producer) > 0);
}

static void what_cannot_be_opened_is_said(void **state)
{
    static const struct {
        const char *text;
        int rc;
        const char *says;
    } wrong[] = {
        {"/nowhere/at.all", -ENOENT, "No such file"},
        {"file:/dev/null?offset=soon", -EINVAL, "offset=soon"},
        {"sim:?rate=0", -EINVAL, "rate=0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct spec spec = parsed(wrong[i].text);
        struct producer *producer = NULL;
        int64_t offset_ns;
        char error[300] = "";
        assert_int_equal(spec_open(&spec, &(struct spec_open_options){0}, &producer, &offset_ns,
                                   error, sizeof error),
                         wrong[i].rc);
        assert_null(producer);
        assert_non_null(strstr(error, wrong[i].says));
        assert_null(spec_open_again(&spec, &(struct spec_open_options){0}, &offset_ns));
        spec_finish(&spec);
    }
}

static struct producer *again(const char *text, int64_t *offset_ns)
{
    struct spec spec = parsed(text);
    struct producer *producer = spec_open_again(&spec, &(struct spec_open_options){0}, offset_ns);
    spec_finish(&spec);
    return producer;
}

/* A second reader of a FIFO would take the first one's lines; opening it could wait for ever. */
static void a_file_can_be_had_twice_and_nothing_else(void **state)
{
    struct temp_file file = file_make();
    char text[200], folder[] = "/tmp/spec-open-XXXXXX", fifo[60];
    int64_t offset_ns = 0;
    (void)state;
    snprintf(text, sizeof text, "file:%s?offset=2s", file.path);
    struct producer *producer = again(text, &offset_ns);
    assert_non_null(producer);
    assert_true(offset_ns == INT64_C(2000000000));
    assert_int_equal(count_events(producer), 1);
    temp_file_drop(&file);

    assert_null(again("sim:?rate=10", &offset_ns));
    assert_non_null(mkdtemp(folder));
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_null(again(fifo, &offset_ns));
    unlink(fifo);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read),
        cmocka_unit_test(its_options_hold),
        cmocka_unit_test(the_bundled_recording_has_a_name_of_its_own),
        cmocka_unit_test(a_market_is_simulated),
        cmocka_unit_test(what_cannot_be_opened_is_said),
        cmocka_unit_test(a_file_can_be_had_twice_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
