#include "server/console.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "server/log.h"

enum { TERMINAL_INTERVAL_MS = 500, LINE_BYTES = 400 };

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Keys without Enter, but only while the terminal is ours: a background job may not touch it. */
static bool keys_open(struct console *console)
{
    struct termios raw;
    if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp() ||
        tcgetattr(STDIN_FILENO, &console->saved) != 0)
        return false;
    raw = console->saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* ISIG stays: Ctrl-C is still a signal */
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

void console_open(struct console *console, struct feed *feed, unsigned every_s)
{
    *console = (struct console){.feed = feed, .has_terminal = isatty(STDERR_FILENO) == 1};
    console->has_keys = console->has_terminal && keys_open(console);
    console->interval_ms = console->has_terminal ? TERMINAL_INTERVAL_MS
                           : every_s > 0         ? (int)every_s * 1000
                                                 : -1;
    if (console->has_keys)
        log_line(LOG_INFO, "keys: space . arrows + - 0 m l q (see --help)");
}

void console_close(struct console *console)
{
    log_status("");
    if (console->has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &console->saved);
    console->has_keys = false;
}

int console_fd(const struct console *console)
{
    return console->has_keys ? STDIN_FILENO : -1;
}

/* A status line that runs over the edge could not be taken back. */
static unsigned columns_of_terminal(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void console_show(struct console *console)
{
    struct feed_status status;
    char line[LINE_BYTES];
    if (feed_status(console->feed, &status) != 0)
        return;
    const unsigned columns = console->has_terminal ? columns_of_terminal() - 1 : UINT_MAX;
    progress_line(&console->progress, &status, now_ms(), columns, line, sizeof line);
    free(status.inputs);
    if (console->has_terminal)
        log_status(line);
    else
        log_line(LOG_INFO, "%s", line);
}

static void command(struct console *console, struct feed_command command)
{
    feed_command(console->feed, &command);
}

static void seek_by(struct console *console, int seconds)
{
    command(console, (struct feed_command){
                         .action = FEED_SEEK,
                         .target = {.kind = SEEK_BY, .ns = seconds * INT64_C(1000000000)},
                     });
}

/* Keys that depend on how things stand. */
static void toggle(struct console *console, char key)
{
    struct feed_status status;
    if (feed_status(console->feed, &status) != 0)
        return;
    const double speed = status.speed > 0 ? status.speed : 1;
    struct feed_command to = {.action = FEED_SPEED};
    if (key == ' ')
        to.action = status.play == FEED_IS_PAUSED ? FEED_RESUME : FEED_PAUSE;
    else if (key == 'l')
        to = (struct feed_command){.action = FEED_LOOP, .on = !status.loop};
    else
        to.speed = key == '+' ? speed * 2 : speed / 2;
    free(status.inputs);
    command(console, to);
}

/* Arrows come as ESC [ A (up), B (down), C (right), D (left). */
static void arrow(struct console *console, char last)
{
    static const struct {
        char last;
        int seconds;
    } arrows[] = {{'A', 60}, {'B', -60}, {'C', 10}, {'D', -10}};
    for (size_t i = 0; i < sizeof arrows / sizeof *arrows; i++)
        if (arrows[i].last == last)
            seek_by(console, arrows[i].seconds);
}

bool console_read(struct console *console)
{
    char keys[64];
    const ssize_t count = read(STDIN_FILENO, keys, sizeof keys);
    if (count <= 0)
        console->has_keys = count < 0; /* the terminal has gone */
    for (ssize_t i = 0; i < count; i++) {
        if (keys[i] == '\x1b' && i + 2 < count && keys[i + 1] == '[') {
            arrow(console, keys[i + 2]);
            i += 2;
        } else if (keys[i] == 'q') {
            return false;
        } else if (strchr(" +-l", keys[i]) != NULL) {
            toggle(console, keys[i]);
        } else if (keys[i] == '.') {
            command(console, (struct feed_command){.action = FEED_STEP, .count = 1});
        } else if (keys[i] == '0' || keys[i] == 'm') {
            command(console, (struct feed_command){.action = FEED_SPEED, .speed = keys[i] == '0'});
        }
    }
    return true;
}
