/* fake_reader: a reader of the fan-out without a socket. It notes what it is sent in short form,
 *
 *   snapshot(A3) update(A4 B9+2) {"type":"other",…}
 *
 * where A4 is the item of symbol A with seq 4 and +2 its `skipped`. What it tells of those follows
 * as [open high low volume], and those unseen as ?2. It blocks or fails when told to. For cmocka
 * programs. */
#ifndef PRICECAST_TESTS_SUPPORT_FAKE_READER_H
#define PRICECAST_TESTS_SUPPORT_FAKE_READER_H

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "server/fanout.h"
#include "tests/support/frames.h"

struct fake_reader {
    struct reader reader;     /* first: reader_ops get this */
    enum write_result answer; /* to the next writes */
    struct text seen;         /* see above; messages are set apart by a space */
    unsigned writes, frames, overflows;
    size_t longest; /* message */
};

static inline void fake_reader_note(struct fake_reader *fake, const char *payload, size_t len)
{
    json_t *root = json_loadb(payload, len, 0, NULL);
    assert_non_null(root);
    const char *type = json_string_value(json_object_get(root, "type"));
    const json_t *data = json_object_get(root, "data");
    if (fake->seen.len > 0)
        text_puts(&fake->seen, " ");
    if (!json_is_array(data))
        text_put(&fake->seen, payload, len);
    else
        text_printf(&fake->seen, "%s(", type);
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *item = json_array_get(data, i);
        text_printf(&fake->seen, "%s%s%lld", i == 0 ? "" : " ",
                    json_string_value(json_object_get(item, "symbol")),
                    (long long)json_integer_value(json_object_get(item, "seq")));
        if (json_object_get(item, "skipped") != NULL)
            text_printf(&fake->seen, "+%lld",
                        (long long)json_integer_value(json_object_get(item, "skipped")));
        if (json_object_get(item, "open") != NULL)
            text_printf(&fake->seen, "[%s %s %s %s]",
                        json_string_value(json_object_get(item, "open")),
                        json_string_value(json_object_get(item, "high")),
                        json_string_value(json_object_get(item, "low")),
                        json_string_value(json_object_get(item, "volume")));
        if (json_object_get(item, "unseen") != NULL)
            text_printf(&fake->seen, "?%lld",
                        (long long)json_integer_value(json_object_get(item, "unseen")));
    }
    if (json_is_array(data))
        text_puts(&fake->seen, ")");
    json_decref(root);
}

static inline enum write_result fake_reader_write(struct reader *reader, const void *bytes,
                                                  size_t len)
{
    struct fake_reader *fake = (struct fake_reader *)reader;
    fake->writes++;
    for (size_t at = 0; at < len && fake->answer != WRITE_FAILED;) {
        struct seen_frame frame = {0};
        const size_t size = frame_take((const char *)bytes + at, len - at, &frame);
        assert_int_not_equal(size, 0);
        fake_reader_note(fake, frame.payload, frame.len);
        fake->longest = frame.len > fake->longest ? frame.len : fake->longest;
        fake->frames++;
        at += size;
    }
    return fake->answer;
}

static inline void fake_reader_join(struct fake_reader *fake, struct fanout *fanout)
{
    static const struct reader_ops ops = {fake_reader_write};
    *fake = (struct fake_reader){.answer = WRITE_DONE};
    reader_init(&fake->reader, fanout, &ops);
}

static inline void fake_reader_leave(struct fake_reader *fake)
{
    reader_finish(&fake->reader);
    text_finish(&fake->seen);
}

/* What was seen since the last look. */
#define assert_seen(fake, expected)                                                                \
    do {                                                                                           \
        text_put(&(fake)->seen, "", 1);                                                            \
        assert_string_equal((fake)->seen.bytes, (expected));                                       \
        (fake)->seen.len = 0;                                                                      \
    } while (0)

#endif
