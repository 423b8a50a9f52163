/* Whatever decimal_parse() takes is given back character for character and fits its limits. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "feed/decimal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_back(const char *text, size_t len, struct decimal *value)
{
    char out[DECIMAL_TEXT_MAX];
    const int rc = decimal_parse(text, len, value);
    assert(rc == 0 || rc == -EINVAL || rc == -ERANGE);
    if (rc != 0)
        return false;
    assert(len <= DECIMAL_TEXT_MAX && decimal_digits(*value) <= DECIMAL_DIGITS_MAX);
    assert(!decimal_is_absent(*value));
    assert(decimal_format(*value, out) == len);
    assert(memcmp(out, text, len) == 0);
    assert(decimal_compare(*value, *value) == 0);
    return true;
}

/* The first byte says where the input is cut into two texts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decimal a, b, scaled;
    if (size < 1)
        return 0;
    const char *text = (const char *)data + 1;
    const size_t len = size - 1, cut = data[0] < len ? data[0] : len;
    const bool has_a = read_back(text, cut, &a), has_b = read_back(text + cut, len - cut, &b);
    if (has_a && has_b)
        assert(decimal_compare(a, b) == -decimal_compare(b, a));
    if (decimal_parse_scaled(text, cut, data[0] & 31, &scaled) == 0) {
        assert(has_a && scaled.mantissa == a.mantissa);
        assert(decimal_digits(scaled) == (data[0] & 31u));
    }
    return 0;
}
