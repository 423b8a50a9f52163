/* subscribe: the text of the protocol's subscribe command. */
#ifndef PRICECAST_TOOLS_SUBSCRIBE_H
#define PRICECAST_TOOLS_SUBSCRIBE_H

#include <stdbool.h>
#include <stddef.h>

enum { SUBSCRIBE_ID = 1 }; /* the answer's "id" */

struct subscribe {
    const char *const *symbols;
    size_t symbol_count;
    const char *mode;  /* NULL: the server's default, as below */
    const char *kinds; /* with commas between */
    double max_rate;   /* frames a second; 0: no limit */
    bool has_no_snapshot, has_ohlc, has_clocks;
};

/* Returns the command and its length, or NULL when memory is short. The caller frees it. */
char *subscribe_text(const struct subscribe *what, size_t *out_len);

/* The same for unsubscribing from its symbols. */
char *unsubscribe_text(const struct subscribe *what, size_t *out_len);

#endif
