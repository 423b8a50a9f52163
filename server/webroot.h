/* webroot: the dashboard's files from a folder (--web-root), for work on the dashboard. Any thread.
 */
#ifndef PRICECAST_SERVER_WEBROOT_H
#define PRICECAST_SERVER_WEBROOT_H

#include <stdbool.h>

#include "server/text.h"
#include "web/assets.h"

#define WEBROOT_FILE_MAX (16u << 20) /* bytes; a larger file is not served */

struct webroot_file {
    struct asset
        asset; /* points into this struct and to `path`; never has a gzip twin or is `lasting` */
    struct text body;
    char etag[60];
};

/* Whether the folder can be read and has an index.html. */
bool webroot_is_usable(const char *root);

/* Reads the file that `path` ("/" is "/index.html") names below `root`. Names that begin with a
 * dot, kinds we do not know, and what is no regular file are refused: returns false. Else
 * webroot_finish() frees it. `out` must not move meanwhile. */
bool webroot_read(const char *root, const char *path, struct webroot_file *out);
void webroot_finish(struct webroot_file *file);

#endif
