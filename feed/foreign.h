/* foreign: names what nobody here reads, so that an error can say what is to be done with it. Pure.
 */
#ifndef PRICECAST_FEED_FOREIGN_H
#define PRICECAST_FEED_FOREIGN_H

#include <stddef.h>

/* What a file is that begins like this (a few dozen bytes are enough), and what makes it readable,
 * as the end of a sentence: "a zip archive, which has to be unpacked first". NULL: text of some
 * kind, or nothing that is known. */
const char *foreign_name(const char *bytes, size_t len);

#endif
