/* Binary frames read back by the tools, against the golden vectors of the server and the browser;
 * and cut off or changed anywhere, they are refused or understood, never read beyond their end. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/random.h"
#include "tests/support/vectors.h"
#include "tools/binary.h"

enum { BYTES_MAX = 4096 };

struct bytes {
    char at[BYTES_MAX];
    size_t len;
};

static void put_hex(struct bytes *bytes, const char *hex)
{
    for (; hex[0] != '\0'; hex += 2) {
        const char pair[] = {hex[0], hex[1], '\0'};
        assert_true(bytes->len < BYTES_MAX);
        bytes->at[bytes->len++] = (char)strtol(pair, NULL, 16);
    }
}

static struct bytes frame_of(const json_t *vector)
{
    struct bytes bytes = {.len = 0};
    const json_t *parts = json_object_get(vector, "bytes");
    for (size_t i = 0; i < json_array_size(parts); i++)
        put_hex(&bytes, json_string_value(json_array_get(parts, i)));
    return bytes;
}

static void put_name(struct bytes *bytes, const char *name)
{
    const size_t len = strlen(name);
    bytes->at[bytes->len++] = (char)len;
    memcpy(bytes->at + bytes->len, name, len);
    bytes->len += len;
}

static void define(struct binary *binary, const json_t *vector)
{
    struct bytes bytes = {.at = {1}, .len = 1};
    const json_t *streams = json_object_get(vector, "streams");
    const char *text;
    size_t len;
    for (size_t i = 0; i < json_array_size(streams); i++) {
        const json_t *stream = json_array_get(streams, i);
        const json_int_t number = json_integer_value(json_object_get(stream, "stream"));
        for (int k = 0; k < 3; k++)
            bytes.at[bytes.len++] = (char)(number >> 8 * k);
        const char *kind = json_string_value(json_object_get(stream, "kind"));
        bytes.at[bytes.len++] = strcmp(kind, "quote") == 0;
        put_name(&bytes, json_string_value(json_object_get(stream, "source")));
        put_name(&bytes, json_string_value(json_object_get(stream, "symbol")));
    }
    assert_int_equal(binary_text(binary, bytes.at, bytes.len, &text, &len), 0);
}

static bool is_definition(const json_t *vector)
{
    const json_t *type = json_object_get(json_object_get(vector, "message"), "type");
    return strcmp(json_string_value(type), "define") == 0;
}

static void golden_vectors_become_the_messages_they_stand_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        const struct bytes bytes = frame_of(vector);
        struct binary *binary = binary_create();
        const char *text;
        size_t len;
        assert_true(binary_is(bytes.at, bytes.len));
        define(binary, vector);
        assert_int_equal(binary_text(binary, bytes.at, bytes.len, &text, &len), 0);
        json_t *message = json_loadb(text, len, 0, NULL);
        assert_non_null(message);
        if (is_definition(vector))
            assert_int_equal(json_array_size(json_object_get(message, "data")),
                             json_array_size(json_object_get(vector, "streams")));
        else if (!json_equal(message, json_object_get(vector, "message")))
            fail_msg("%s: %.*s", json_string_value(json_object_get(vector, "name")), (int)len,
                     text);
        json_decref(message);
        binary_destroy(binary);
    }
}

static void what_was_forgotten_is_not_understood(void **state)
{
    (void)state;
    const json_t *vector = json_array_get(vectors, 2);
    const struct bytes bytes = frame_of(vector);
    struct binary *binary = binary_create();
    const char *text;
    size_t len;
    define(binary, vector);
    assert_int_equal(binary_text(binary, bytes.at, bytes.len, &text, &len), 0);
    binary_forget(binary);
    assert_int_not_equal(binary_text(binary, bytes.at, bytes.len, &text, &len), 0);
    binary_destroy(binary);
}

static void damaged_frames_are_json_or_refused(void **state)
{
    struct random random = {.state = random_seed_of(41)};
    size_t understood = 0, refused = 0;
    struct binary *binary = binary_create();
    (void)state;
    for (unsigned i = 0; i < 6000; i++) {
        const json_t *vector =
            json_array_get(vectors, random_below(&random, (unsigned)json_array_size(vectors)));
        struct bytes bytes = frame_of(vector);
        const char *text;
        size_t len;
        define(binary, vector);
        for (unsigned changes = random_below(&random, 3); changes > 0; changes--)
            bytes.at[random_below(&random, (unsigned)bytes.len)] = (char)random_below(&random, 256);
        if (random_chance(&random, 20))
            bytes.len = random_below(&random, (unsigned)bytes.len + 1);
        char *copy =
            malloc(bytes.len + 1); /* of its own size, so that the sanitizer sees its end */
        memcpy(copy, bytes.at, bytes.len);
        copy = realloc(copy, bytes.len > 0 ? bytes.len : 1);
        if (binary_text(binary, copy, bytes.len, &text, &len) == 0) {
            json_t *message = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
            if (message == NULL)
                fail_msg("%.*s", (int)len, text);
            json_decref(message);
            understood++;
        } else {
            refused++;
        }
        free(copy);
    }
    binary_destroy(binary);
    assert_true(understood > 500 && refused > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_vectors_become_the_messages_they_stand_for),
        cmocka_unit_test(what_was_forgotten_is_not_understood),
        cmocka_unit_test(damaged_frames_are_json_or_refused),
    };
    return cmocka_run_group_tests(tests, vectors_load, vectors_free);
}
