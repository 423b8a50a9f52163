/* Any text is a spec taken apart within its bounds, or refused with an error that fits its room. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An error is text that ends within its room, and nothing when there was none. */
static void check_error(int rc, const char *error, size_t room)
{
    assert(rc == 0 || rc == -EINVAL);
    assert(strnlen(error, room) < room);
    assert((rc == 0) == (error[0] == '\0'));
}

static void check_numbers(const struct spec *spec, const char *key)
{
    char error[64] = "";
    uint64_t whole = 7;
    double real = 7;
    int rc = spec_integer(spec, key, 5, 1000, &whole, error, sizeof error);
    check_error(rc, error, sizeof error);
    assert(whole >= 5 && whole <= 1000);
    error[0] = '\0';
    rc = spec_real(spec, key, 0.5, 1e6, &real, error, sizeof error);
    check_error(rc, error, sizeof error);
    assert(real >= 0.5 && real <= 1e6);
}

static void check_spec(const struct spec *spec)
{
    static const char *const allowed[] = {"rate", "symbols", "a rather long name", NULL};
    char error[40] = "";
    assert(spec->path != NULL && spec->pairs_count <= SPEC_PAIRS_MAX);
    for (size_t i = 0; i < spec->pairs_count; i++) {
        assert(spec->pairs[i].key[0] != '\0' && spec->pairs[i].value != NULL);
        assert(spec_value(spec, spec->pairs[i].key) != NULL);
        check_numbers(spec, spec->pairs[i].key);
    }
    check_error(spec_check_keys(spec, allowed, error, sizeof error), error, sizeof error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size), error[300] = "";
    struct spec spec;
    const int rc = spec_parse(text, &spec, error, sizeof error);
    check_error(rc, error, sizeof error);
    if (rc == 0) {
        check_spec(&spec);
        spec_finish(&spec);
    }
    free(text);
    return 0;
}
