/* log: lines for people (or, as JSON, for machines) on standard error.
 *
 * A line is one write(), so threads do not mix; control characters are escaped, so nothing a client
 * or a feed sends can forge a line or drive a terminal. Any thread after log_init(). */
#ifndef PRICECAST_SERVER_LOG_H
#define PRICECAST_SERVER_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVELS };

/* Lines below `least` are not written. Before any other thread runs. */
void log_init(enum log_level least, bool as_json);

/* Would such a line be written? */
bool log_has(enum log_level level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Keeps `line` at the bottom of the terminal, below the log; "" takes it away. Only when standard
 * error is a terminal. */
void log_status(const char *line);

/* Returns 0 or -EINVAL; the names are debug, info, warn and error. */
int log_level_parse(const char *name, enum log_level *out);

#endif
