/* Cells come in order, stand in the line or in the struct, and fit what an independent count of
 * delimiters says. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "feed/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv csv = {.delimiter = ','};
    const char *text = (const char *)data;
    size_t bytes = 0;
    const int rc = csv_split(&csv, text, size);
    assert(rc == 0 || rc == -EINVAL || rc == -E2BIG);
    assert((rc == 0) == (csv.problem == NULL));
    for (size_t i = 0; rc == 0 && i < csv.count; i++) {
        const struct csv_cell *cell = &csv.cells[i];
        const bool is_in_line = cell->text >= text && cell->text + cell->len <= text + size;
        const bool is_in_room = csv.room != NULL && cell->text >= csv.room &&
                                cell->text + cell->len <= csv.room + csv.room_size;
        assert(is_in_line || is_in_room);
        bytes += cell->len;
    }
    if (rc == 0 && memchr(data, '"', size) == NULL) {
        size_t cells = 1;
        for (size_t i = 0; i < size; i++)
            cells += data[i] == ',';
        assert(csv.count == cells && bytes + cells - 1 == size);
    }
    csv_finish(&csv);
    return 0;
}
