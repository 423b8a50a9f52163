/* bundled: the recording inside the binary, which is replayed when no --feed is given. It was made
 * by our own simulator: see tools/make-recording. */
#ifndef PRICECAST_SERVER_BUNDLED_H
#define PRICECAST_SERVER_BUNDLED_H

#include <stdbool.h>
#include <stddef.h>

/* Makes it a file without a name and writes a path by which this process can open it. One thread.
 */
bool bundled_open(char *path, size_t path_size);

#endif
