#include "feed/push_body.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void push_reject(struct feed_push_result *result, uint64_t item, const char *reason)
{
    result->rejected++;
    if (result->errors_count == FEED_PUSH_ERRORS_MAX)
        return;
    struct feed_push_error *error = &result->errors[result->errors_count++];
    error->item = item;
    snprintf(error->reason, sizeof error->reason, "%s", reason);
}

static void refuse(struct format_output *out, struct feed_push_result *result, const char *reason)
{
    char kept[FORMAT_REASON_MAX]; /* it may be out->reason, or in `result` */
    snprintf(kept, sizeof kept, "%s", reason);
    out->count = 0;
    *result = (struct feed_push_result){.rc = -EINVAL};
    push_reject(result, 0, kept);
    result->rejected = 0;
}

static void take_item(const char *text, size_t len, uint64_t item, struct format_output *out,
                      struct feed_push_result *result)
{
    const size_t before = out->count;
    switch (format_native.parse_line(NULL, text, len, out)) {
    case FORMAT_EVENTS:
        result->accepted += out->count - before;
        break;
    case FORMAT_IGNORED:
        result->ignored++;
        break;
    case FORMAT_BAD:
    case FORMAT_REFUSED:
        out->count = before;
        push_reject(result, item, out->reason);
        break;
    }
}

static void take_array(const char *body, size_t len, struct format_output *out,
                       struct feed_push_result *result)
{
    struct json_scan scan;
    struct json_scan_token key, value;
    uint64_t item = 0;
    json_scan_init(&scan, body, len);
    int rc = json_scan_top(&scan, &value);
    if (rc == 0)
        rc = json_scan_enter(&scan);
    while (rc == 0 && (rc = json_scan_next(&scan, &key, &value)) > 0) {
        item++;
        const bool is_object = value.type == SCAN_OBJECT;
        rc = is_object ? json_scan_pass(&scan, &value) : 0;
        if (is_object && rc == 0)
            take_item(value.text, value.len, item, out, result);
        else if (rc == 0)
            push_reject(result, item, "not a JSON object");
    }
    if (rc != 0 || json_scan_finish(&scan) != 0) {
        char reason[FORMAT_REASON_MAX];
        snprintf(reason, sizeof reason, "bad JSON: %s at byte %zu", json_scan_problem(&scan),
                 json_scan_offset(&scan) + 1);
        refuse(out, result, reason);
    }
}

static size_t space_length(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len &&
           (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n'))
        at++;
    return at;
}

static void take_lines(const char *body, size_t len, struct format_output *out,
                       struct feed_push_result *result)
{
    const char *at = body, *const end = body + len;
    for (uint64_t line = 1; at < end; line++) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        if (next == NULL)
            next = end;
        const size_t line_len = (size_t)(next - at);
        if (space_length(at, line_len) < line_len)
            take_item(at, line_len, line, out, result);
        at = next + (next < end);
    }
}

/* One object may stand over several lines. */
static bool is_one_object(const char *body, size_t len)
{
    struct json_scan scan;
    struct json_scan_token value;
    json_scan_init(&scan, body, len);
    return json_scan_top(&scan, &value) == 0 && value.type == SCAN_OBJECT &&
           json_scan_pass(&scan, &value) == 0 && json_scan_finish(&scan) == 0;
}

void push_parse(const char *body, size_t len, struct format_output *out,
                struct feed_push_result *result)
{
    *result = (struct feed_push_result){0};
    const size_t space = space_length(body, len);
    if (space == len)
        refuse(out, result, "the body is empty");
    else if (body[space] == '[')
        take_array(body, len, out, result);
    else if (is_one_object(body, len))
        take_item(body, len, 1, out, result);
    else
        take_lines(body, len, out, result);
}
