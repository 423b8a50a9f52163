/* assets: the dashboard's files, carried inside the binary.
 *
 * Everything is constant, lives as long as the program, and may be read from any thread. Bodies are
 * not end-marked. */
#ifndef PRICECAST_WEB_ASSETS_H
#define PRICECAST_WEB_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

struct asset {
    const char *path; /* as requested, without query: "/pricecast.js" */
    const char *mime; /* with its charset: a value for Content-Type */
    const char *etag; /* with its quotes; names the content, not the encoding */
    const unsigned char *body;
    size_t body_len;
    const unsigned char *gzip; /* the same compressed; NULL where that would not be smaller */
    size_t gzip_len;
    bool lasting; /* the path names the content: what is under it never changes */
};

/* Returns NULL when there is no such file. "/" is "/index.html"; anything else must match exactly,
 * so that no path can lead anywhere but into the table. */
const struct asset *asset_find(const char *path);

#endif
