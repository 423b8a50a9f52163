#include "tools/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of a stream that a binary client has been told of: no item of it has come. */
#define SEQ_DEFINED (-1)

static int reserve(struct ledger *ledger, uint32_t stream)
{
    if (stream < ledger->count)
        return 0;
    const uint32_t count = (stream + 32) * 2;
    int64_t *last_seq = reallocarray(ledger->last_seq, count, sizeof *last_seq);
    if (last_seq == NULL)
        return -ENOMEM;
    memset(last_seq + ledger->count, 0, (count - ledger->count) * sizeof *last_seq);
    ledger->last_seq = last_seq;
    ledger->count = count;
    return 0;
}

int ledger_enter(struct ledger *ledger, const struct digest *digest, bool is_binary,
                 struct ledger_fault *first)
{
    int faults = 0;
    for (size_t i = 0; i < digest->item_count; i++) {
        const struct digest_item *item = &digest->items[i];
        if (reserve(ledger, item->stream) != 0)
            return -ENOMEM;
        int64_t *last = &ledger->last_seq[item->stream];
        if (digest->type == MESSAGE_DEFINE) {
            *last = *last == 0 ? SEQ_DEFINED : *last;
            continue;
        }
        if ((*last == 0 && is_binary) || (*last > 0 && item->seq != *last + 1 + item->skipped)) {
            if (faults++ == 0)
                *first = (struct ledger_fault){item, *last};
        }
        *last = item->seq;
    }
    return faults;
}

void ledger_forget(struct ledger *ledger, bool is_binary)
{
    for (uint32_t i = 0; i < ledger->count; i++)
        if (ledger->last_seq[i] > 0)
            ledger->last_seq[i] = is_binary ? SEQ_DEFINED : 0;
}

void ledger_finish(struct ledger *ledger)
{
    free(ledger->last_seq);
    *ledger = (struct ledger){0};
}
