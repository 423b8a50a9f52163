/* The table itself is made by embed.cmake, sorted by path. */
#include "web/assets.h"

#include <stdlib.h>
#include <string.h>

#include "assets_table.h"

static int compare_path(const void *path, const void *asset)
{
    return strcmp(path, ((const struct asset *)asset)->path);
}

const struct asset *asset_find(const char *path)
{
    if (strcmp(path, "/") == 0)
        path = "/index.html";
    return bsearch(path, assets, sizeof assets / sizeof *assets, sizeof *assets, compare_path);
}
