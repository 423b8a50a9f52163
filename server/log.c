#include "server/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/text.h"

enum { LINE_MAX_BYTES = 2048 };

static const char *const level_names[LOG_LEVELS] = {"debug", "info", "warn", "error"};

/* Set once before threads start. */
static enum log_level level_least = LOG_INFO;
static bool writes_json;

/* The line at the bottom of a terminal, written again after each line of the log. */
static pthread_mutex_t status_lock = PTHREAD_MUTEX_INITIALIZER;
static char status_line[512];

#define ERASE_LINE "\r\x1b[K"

static void write_out(const char *before, const struct text *line)
{
    struct text all = {0};
    pthread_mutex_lock(&status_lock);
    text_puts(&all, status_line[0] != '\0' ? ERASE_LINE : before);
    text_put(&all, line->bytes, line->len);
    text_puts(&all, status_line);
    if (!all.failed) {
        const ssize_t written = write(STDERR_FILENO, all.bytes, all.len);
        (void)written; /* a log that cannot be written is lost */
    }
    pthread_mutex_unlock(&status_lock);
    text_finish(&all);
}

void log_status(const char *line)
{
    const struct text nothing = {0};
    pthread_mutex_lock(&status_lock);
    const bool had_one = status_line[0] != '\0';
    snprintf(status_line, sizeof status_line, "%s", line);
    pthread_mutex_unlock(&status_lock);
    if (had_one || line[0] != '\0')
        write_out(ERASE_LINE, &nothing);
}

void log_init(enum log_level least, bool as_json)
{
    level_least = least;
    writes_json = as_json;
}

bool log_has(enum log_level level)
{
    return level >= level_least;
}

int log_level_parse(const char *name, enum log_level *out)
{
    for (int i = 0; i < LOG_LEVELS; i++) {
        if (strcmp(level_names[i], name) != 0)
            continue;
        *out = (enum log_level)i;
        return 0;
    }
    return -EINVAL;
}

/* C0 and DEL, and as UTF-8 the C1 controls, of which U+009B begins an escape sequence. */
static bool is_control(const char *at)
{
    const unsigned char first = (unsigned char)at[0], second = (unsigned char)at[1];
    return first < 0x20 || first == 0x7f || (first == 0xc2 && second >= 0x80 && second < 0xa0);
}

static void put_escaped(struct text *line, const char *message)
{
    for (const char *at = message; *at != '\0'; at++) {
        const bool is_second = at > message && (unsigned char)at[-1] == 0xc2 && is_control(at - 1);
        if (is_control(at) || is_second)
            text_printf(line, "\\x%02x", (unsigned char)*at);
        else
            text_put(line, at, 1);
    }
}

void log_line(enum log_level level, const char *format, ...)
{
    if (!log_has(level))
        return;
    char message[LINE_MAX_BYTES], when[32];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    struct text line = {0};
    if (writes_json) {
        text_printf(&line, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":", when,
                    now.tv_nsec / 1000000, level_names[level]);
        text_put_json(&line, message, strlen(message));
        text_puts(&line, "}\n");
    } else {
        text_printf(&line, "%s.%03ldZ %-5s ", when, now.tv_nsec / 1000000, level_names[level]);
        put_escaped(&line, message);
        text_puts(&line, "\n");
    }
    if (!line.failed)
        write_out("", &line);
    text_finish(&line);
}
