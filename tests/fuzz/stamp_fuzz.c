/* Whatever text: the readers stay inside of it and change their results on success only. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>

#include "feed/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t units[] = {1, 1000, 1000000, 1000000000, INT64_C(86400000000000)};
    const int64_t mark = INT64_C(0x1234567812345678);
    int64_t ns = mark;
    bool has_zone = false;
    if (size < 1)
        return 0;
    const char *text = (const char *)data + 1;
    const size_t len = size - 1;
    int rc = stamp_read_count(text, len, units[*data % 5], &ns);
    assert(rc == 0 || ((rc == -EINVAL || rc == -ERANGE) && ns == mark));
    ns = mark;
    rc = stamp_read_date(text, len, &ns, &has_zone);
    assert(rc == 0 || (rc == -EINVAL && ns == mark));
    ns = mark;
    rc = stamp_read_clock(text, len, &ns);
    assert(rc == 0 ? ns >= 0 && ns <= units[4] + units[3] : ns == mark);
    ns = mark;
    rc = stamp_read_offset(text, len, &ns);
    assert(rc == 0 ? ns < units[4] && ns > -units[4] : ns == mark);
    return 0;
}
