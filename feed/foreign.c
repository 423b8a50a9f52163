#include "feed/foreign.h"

#include <stdbool.h>
#include <string.h>

#define PACKED  ", which has to be unpacked first"
#define CONVERT ", which has to be converted to UTF-8 first"

static const struct magic {
    const char *bytes;
    size_t len;
    const char *name;
} magics[] = {
#define MAGIC(bytes, name)                                                                         \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, name                                                             \
    }
    MAGIC("PK\3\4", "a zip archive" PACKED),
    MAGIC("\xfd"
          "7zXZ",
          "xz data" PACKED),
    MAGIC("BZh", "bzip2 data" PACKED),
    MAGIC("\x04\x22\x4d\x18", "lz4 data" PACKED),
    MAGIC("7z\xbc\xaf\x27\x1c", "a 7z archive" PACKED),
    MAGIC("Rar!", "a rar archive" PACKED),
    MAGIC("]\0\0", "LZMA data, such as Dukascopy's .bi5 files" PACKED),
    MAGIC("DBN", "a binary file of Databento, which offers the same data as CSV"),
    MAGIC("PAR1", "a Parquet file, which has to be converted to CSV first"),
    MAGIC("\x89HDF", "an HDF5 file, which has to be converted to CSV first"),
    MAGIC("SQLite format 3", "an SQLite database, which has to be exported as CSV first"),
    MAGIC("\xff\xfe", "UTF-16 text" CONVERT),
    MAGIC("\xfe\xff", "UTF-16 text" CONVERT),
    MAGIC("[[", "one JSON array; its elements have to stand on a line each, in one of the formats"),
    MAGIC("[{", "one JSON array; its elements have to stand on a line each, in one of the formats"),
    MAGIC("<", "HTML or XML"),
#undef MAGIC
};

/* Half of it is zeros, the first or the second of each two bytes. */
static bool is_wide_text(const char *bytes, size_t len)
{
    enum { LOOKED_AT = 32 };
    size_t zeros[2] = {0, 0};
    if (len < LOOKED_AT)
        return false;
    for (size_t i = 0; i < LOOKED_AT; i++)
        zeros[i % 2] += bytes[i] == '\0';
    return (zeros[0] == 0 && zeros[1] == LOOKED_AT / 2) ||
           (zeros[1] == 0 && zeros[0] == LOOKED_AT / 2);
}

const char *foreign_name(const char *bytes, size_t len)
{
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if (len >= magics[i].len && memcmp(bytes, magics[i].bytes, magics[i].len) == 0)
            return magics[i].name;
    if (is_wide_text(bytes, len))
        return "UTF-16 text" CONVERT;
    return memchr(bytes, '\0', len < 64 ? len : 64) != NULL ? "binary data" : NULL;
}
