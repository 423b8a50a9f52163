/* Passing over a text and walking into all of it must agree on whether it is JSON, and where not.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>

#include "feed/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct json_scan_token *token, const char *text, size_t size)
{
    int64_t integer;
    assert(token->text >= text && token->text + token->len <= text + size);
    if (token->type == SCAN_STRING) {
        char *out = malloc(token->len + 1);
        assert(out != NULL);
        const long len = json_scan_unescape(token, out, token->len);
        assert(len <= (long)token->len);
        assert(token->has_escapes || len == (long)token->len);
        free(out);
    }
    json_scan_integer(token, &integer);
}

static int walk_into_all(struct json_scan *scan, const char *text, size_t size)
{
    struct json_scan_token key, value;
    int rc = json_scan_top(scan, &value), depth = 0;
    for (;;) {
        if (rc < 0)
            return rc;
        if (rc == 0 && depth == 0 && value.type < SCAN_ARRAY)
            return json_scan_finish(scan);
        if (value.type >= SCAN_ARRAY && value.text != NULL) {
            if (json_scan_enter(scan) != 0)
                return -1;
            depth++;
        } else if (value.text != NULL) {
            look_at(&value, text, size);
        }
        rc = json_scan_next(scan, &key, &value);
        if (rc == 0) {
            value = (struct json_scan_token){.type = SCAN_NULL};
            if (--depth == 0)
                return json_scan_finish(scan);
        } else if (rc > 0 && key.text != NULL) {
            look_at(&key, text, size);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_scan_name names[] = {JSON_SCAN_NAME("a"), JSON_SCAN_NAME("b")};
    const char *text = (const char *)data;
    struct json_scan passed, walked, collected;
    struct json_scan_token top, found[2];
    json_scan_init(&passed, text, size);
    const bool is_good = json_scan_top(&passed, &top) == 0 && json_scan_finish(&passed) == 0;
    json_scan_init(&walked, text, size);
    assert((walk_into_all(&walked, text, size) == 0) == is_good);
    assert(json_scan_offset(&passed) == json_scan_offset(&walked));
    assert((json_scan_problem(&passed) == NULL) == is_good);
    json_scan_init(&collected, text, size);
    if (json_scan_top(&collected, &top) == 0 && top.type == SCAN_OBJECT &&
        json_scan_enter(&collected) == 0 && json_scan_collect(&collected, names, 2, found) == 0)
        for (int i = 0; i < 2; i++)
            assert(found[i].text == NULL || (found[i].text > text && found[i].text < text + size));
    return 0;
}
