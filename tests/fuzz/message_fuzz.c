/* Whatever a server sends, taking it apart must neither crash nor read beyond it; and a second look
 * must find the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/digest.h"
#include "tools/tap_print.h"

/* Making them costs much more than a message. A message that was seen before need not be parsed. */
enum { RUNS_PER_DIGESTS = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_items(FILE *to, const char *text, size_t len)
{
    struct message message;
    struct items items;
    struct item item;
    if (message_parse(text, len, &message) != 0 || items_begin(&items, &message) != 0)
        return;
    while (items_next(&items, &item) > 0) {
        assert(item.text >= text && item.text + item.len <= text + len);
        tap_print_item(to, &item, false);
        tap_print_json(to, &item);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *sink;
    static struct digests *digests;
    static int run;
    if (sink == NULL)
        sink = fopen("/dev/null", "w");
    if (run++ % RUNS_PER_DIGESTS == 0) {
        digests_destroy(digests);
        digests = digests_create();
    }
    char *text = malloc(size + 1); /* of its own, so that the sanitizer sees its end */
    assert(text != NULL && digests != NULL && sink != NULL);
    if (size > 0)
        memcpy(text, data, size);
    const struct digest *digest = digests_find(digests, text, size);
    const size_t count = digest != NULL ? digest->item_count : 0;
    const struct digest *again = digests_find(digests, text, size);
    assert((digest == NULL) == (again == NULL) && (again == NULL || again->item_count == count));
    print_items(sink, text, size);
    free(text);
    return 0;
}
