/* streamset: small numbers, from 0, for the streams that messages speak of, so that what is known
 * of each can be kept in an array. One thread. */
#ifndef PRICECAST_TOOLS_STREAMSET_H
#define PRICECAST_TOOLS_STREAMSET_H

#include "tools/message.h"

struct streamset;

/* Returns NULL when memory is short. */
struct streamset *streamset_create(void);
void streamset_destroy(struct streamset *set);

/* Sets *out to the number of the item's stream, a new one if need be. Returns 0, -EBADMSG (names
 * too long) or -ENOMEM. */
int streamset_find(struct streamset *set, const struct item *item, uint32_t *out);

/* "KIND SOURCE SYMBOL", escapes as they came. */
const char *streamset_name(const struct streamset *set, uint32_t number);

#endif
