/* feed_convert: one output made of any number of recordings. */
#ifndef PRICECAST_TOOLS_FEED_CONVERT_H
#define PRICECAST_TOOLS_FEED_CONVERT_H

#include <stddef.h>

#include "feed/when.h"
#include "tools/feed_output.h"

struct convert_options {
    const char *const *specs;
    size_t specs_count;
    struct when from, to;
    int64_t reorder_window_ns; /* 0: off */
    size_t line_bytes_max;     /* 0: the default */
    const char *path;          /* "-": stdout */
    enum output_format format;
    bool replaces;
    bool reports; /* progress on a terminal, and a line at the end */
    /* For the user, a line without its end. */
    void (*notice)(const char *text);
};

/* Returns an exit code, see tools/options.h. */
int feed_convert(const struct convert_options *options);

#endif
