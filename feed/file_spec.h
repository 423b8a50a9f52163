/* file_spec: the options of a recorded file as a SPEC gives them (feed/spec.h): `format`, `offset`,
 * and the keys of the formats. One thread. */
#ifndef PRICECAST_FEED_FILE_SPEC_H
#define PRICECAST_FEED_FILE_SPEC_H

#include <stddef.h>
#include <stdint.h>

#include "feed/file_producer.h"
#include "feed/spec.h"

/* Fills *out, but for the limit of a line, with what stands in the spec: borrowed from it.
 * *offset_ns is what `offset` adds to the file's clock, 0 without one. Returns 0, or -EINVAL with
 * one line in `error`. */
int file_spec_read(const struct spec *spec, struct file_options *out, int64_t *offset_ns,
                   char *error, size_t error_size);

#endif
