/* A line is a line, whatever is logged: standard error goes through a pipe here. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/log.h"

struct fixture {
    int stderr_fd, pipe[2];
    char text[8192];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->stderr_fd = dup(STDERR_FILENO);
    if (pipe2(f->pipe, O_NONBLOCK) != 0)
        return -1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->stderr_fd);
    close(f->pipe[0]);
    close(f->pipe[1]);
    free(f);
    log_init(LOG_INFO, false);
    return 0;
}

/* Logs one message and reads what came out. */
static const char *logged(struct fixture *f, enum log_level level, const char *message)
{
    dup2(f->pipe[1], STDERR_FILENO);
    log_line(level, "%s", message);
    dup2(f->stderr_fd, STDERR_FILENO);
    const ssize_t len = read(f->pipe[0], f->text, sizeof f->text - 1);
    f->text[len > 0 ? len : 0] = '\0';
    return f->text;
}

static void a_line_has_time_level_and_message(void **state)
{
    struct fixture *f = *state;
    log_init(LOG_INFO, false);
    const char *line = logged(f, LOG_WARN, "session closed: reason=slow");
    int year, month, day, hour, minute, second, ms, end = 0;
    assert_int_equal(sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour,
                            &minute, &second, &ms, &end),
                     7);
    assert_string_equal(line + end, "warn  session closed: reason=slow\n");
}

static void lower_levels_are_not_written(void **state)
{
    struct fixture *f = *state;
    for (enum log_level least = LOG_DEBUG; least < LOG_LEVELS; least++) {
        log_init(least, false);
        for (enum log_level level = LOG_DEBUG; level < LOG_LEVELS; level++) {
            assert_int_equal(logged(f, level, "x")[0] != '\0', level >= least);
            assert_int_equal(log_has(level), level >= least);
        }
    }
}

static void control_characters_cannot_forge_a_line(void **state)
{
    struct fixture *f = *state;
    log_init(LOG_INFO, false);
    const char *line = logged(f, LOG_INFO, "a\nb\r\x1b[31m\x7f\xc3\xa9\tc");
    assert_non_null(strstr(line, "a\\x0ab\\x0d\\x1b[31m\\x7f\xc3\xa9\\x09"
                                 "c\n"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

/* U+0085 and U+009B are controls too: the latter begins an escape sequence in some terminals. */
static void neither_can_those_beyond_ascii(void **state)
{
    struct fixture *f = *state;
    log_init(LOG_INFO, false);
    const char *line = logged(f, LOG_INFO,
                              "a\xc2\x9b"
                              "31mb\xc2\x85\xc2\xa0");
    assert_null(strstr(line, "\xc2\x9b"));
    assert_null(strstr(line, "\xc2\x85"));
    assert_non_null(strstr(line, "\xc2\xa0"));
}

static void json_lines_are_json(void **state)
{
    struct fixture *f = *state;
    log_init(LOG_INFO, true);
    const char *line = logged(f, LOG_ERROR, "a\"b\\\nc");
    json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "level")), "error");
    assert_string_equal(json_string_value(json_object_get(root, "message")), "a\"b\\\nc");
    assert_int_equal(json_string_length(json_object_get(root, "time")), 24);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    json_decref(root);
}

static void a_long_message_is_cut_and_stays_one_line(void **state)
{
    struct fixture *f = *state;
    char message[6000];
    memset(message, 'x', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    log_init(LOG_INFO, false);
    const char *line = logged(f, LOG_INFO, message);
    assert_in_range(strlen(line), 2000, 2200);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void levels_have_names(void **state)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    enum log_level level = LOG_LEVELS;
    (void)state;
    for (int i = 0; i < LOG_LEVELS; i++) {
        assert_int_equal(log_level_parse(names[i], &level), 0);
        assert_int_equal(level, i);
    }
    assert_int_equal(log_level_parse("INFO", &level), -EINVAL);
    assert_int_equal(log_level_parse("", &level), -EINVAL);
    assert_int_equal(level, LOG_ERROR); /* untouched */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_time_level_and_message),
        TEST(lower_levels_are_not_written),
        TEST(control_characters_cannot_forge_a_line),
        TEST(neither_can_those_beyond_ascii),
        TEST(json_lines_are_json),
        TEST(a_long_message_is_cut_and_stays_one_line),
        TEST(levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
