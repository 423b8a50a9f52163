#include "tests/fuzz/format_fuzz.h"

/* Digits may be written as escapes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct format_options options = {0};
    const bool as_written = memmem(data, size, "\\u", 2) == NULL;
    return fuzz_format_with(&format_cryptofeed2, &options, as_written, data, size);
}
