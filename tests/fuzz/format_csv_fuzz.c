#include "tests/fuzz/format_fuzz.h"

/* The first byte chooses the options. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct format_options options[] = {
        {.symbol = "S"},
        {.columns = "ts,price,size,side", .symbol = "S"},
        {.columns = "ts,bid,bid_size,ask,ask_size", .symbol = "S", .one_sided = "1"},
        {.columns = "symbol,recv,bid,ask,price", .one_sided = "1", .tz = "-05:00"},
        {.columns = "ts,bid,ask", .symbol = "S", .date = "2014-05-01", .price_scale = "4"},
        {.columns = "ts,bid,ask,-", .symbol = "S", .delimiter = "semicolon", .skip = "1"},
    };
    if (size < 1)
        return 0;
    const struct format_options *chosen = &options[*data % (sizeof options / sizeof *options)];
    const bool as_written = chosen->price_scale == NULL && memchr(data, '"', size) == NULL;
    return fuzz_format_with(&format_csv, chosen, as_written, data + 1, size - 1);
}
