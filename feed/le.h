/* le: integers in little-endian order, as zstd and what stands in its skippable frames have them.
 */
#ifndef PRICECAST_FEED_LE_H
#define PRICECAST_FEED_LE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void le_put_u32(unsigned char *out, uint32_t value)
{
    const uint32_t bytes = htole32(value);
    memcpy(out, &bytes, sizeof bytes);
}

static inline void le_put_u64(unsigned char *out, uint64_t value)
{
    const uint64_t bytes = htole64(value);
    memcpy(out, &bytes, sizeof bytes);
}

static inline uint64_t le_get_u64(const unsigned char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return le64toh(bytes);
}

#endif
