#include "tests/fuzz/format_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct format_options options = {.symbol = "S"};
    const bool as_written = memchr(data, '"', size) == NULL; /* "1""2" */
    return fuzz_format_with(&format_binance_csv, &options, as_written, data, size);
}
