/* console: the replay's progress for the person who started it, and keys to control it.
 *
 * In a terminal: one line that renews itself, and single keys. Elsewhere: a line in the log every
 * now and then. Main thread only. */
#ifndef PRICECAST_SERVER_CONSOLE_H
#define PRICECAST_SERVER_CONSOLE_H

#include <stdbool.h>
#include <termios.h>

#include "feed/feed.h"
#include "server/progress.h"

#define CONSOLE_KEYS                                                                               \
    "space pause or resume, . step, left and right 10 s back and forth, down and up a minute,\n"   \
    "+ and - speed, 0 speed 1, m max, l loop, q quit"

struct console {
    struct feed *feed;
    bool has_terminal, has_keys;
    int interval_ms; /* between lines; -1: none */
    struct termios saved;
    struct progress progress;
};

/* `every_s`: seconds between lines in a log, 0: none; a terminal's line renews itself twice a
 * second. */
void console_open(struct console *console, struct feed *feed, unsigned every_s);
void console_close(struct console *console);

/* The descriptor to wait on for keys, or -1. */
int console_fd(const struct console *console);

/* Obeys the keys that have been pressed; returns false when it is time to quit. */
bool console_read(struct console *console);

/* Shows how things stand; call it every interval_ms. */
void console_show(struct console *console);

#endif
