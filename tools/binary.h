/* binary: the protocol's binary frames, turned into the JSON that says the same
 * (server/PROTOCOL.md, "Binary frames"), so that one path serves both encodings.
 *
 * A frame of definitions becomes {"type":"define","data":[…]} with an item of seq 0 for each stream
 * it defines. Written apart from the server's own encoder. One thread. */
#ifndef PRICECAST_TOOLS_BINARY_H
#define PRICECAST_TOOLS_BINARY_H

#include <stdbool.h>
#include <stddef.h>

struct binary;

/* Returns NULL when memory is short. */
struct binary *binary_create(void);
void binary_destroy(struct binary *binary);

/* Forgets all definitions: another server may give its numbers to other streams. */
void binary_forget(struct binary *binary);

/* JSON begins with a brace, a binary frame with a small number. */
bool binary_is(const char *bytes, size_t len);

/* Sets *text and *text_len, valid until the next call. Returns 0, -EBADMSG or -ENOMEM. */
int binary_text(struct binary *binary, const char *bytes, size_t len, const char **text,
                size_t *text_len);

#endif
