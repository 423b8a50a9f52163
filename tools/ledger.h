/* ledger: what one client has had of each stream, held against the protocol's promise:
 * seq == previous seq of the stream + 1 + skipped; and of binary items, that their streams were
 * defined on this connection.
 *
 * Each client has one: 8 bytes for each stream it gets. One thread. */
#ifndef PRICECAST_TOOLS_LEDGER_H
#define PRICECAST_TOOLS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/digest.h"

/* Zeroed, it is one of a new connection. */
struct ledger {
    int64_t *last_seq; /* by stream number; 0: nothing yet */
    uint32_t count;
};

/* An item that breaks the promise. */
struct ledger_fault {
    const struct digest_item *item; /* of the digest */
    int64_t last_seq;               /* of its stream, before it; 0: it had not been defined */
};

/* Enters what a message brings: items, or definitions. `is_binary`: streams must be defined.
 * Returns how many items break the promise, and puts the first of them into *first; or -ENOMEM. */
int ledger_enter(struct ledger *ledger, const struct digest *digest, bool is_binary,
                 struct ledger_fault *first);

/* Numbers begin anew, as after a reset. Definitions stay. */
void ledger_forget(struct ledger *ledger, bool is_binary);

/* Frees what it holds, and zeroes it. */
void ledger_finish(struct ledger *ledger);

#endif
