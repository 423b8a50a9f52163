/* Where to connect, and what is asked there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed/ws_url.h"

static const char *const keys[] = {"format", "symbols", NULL};

static void check(const char *text, bool tls, const char *host, unsigned port, const char *path)
{
    struct spec spec;
    struct ws_url url;
    char error[512] = "";
    assert_int_equal(spec_parse(text, &spec, error, sizeof error), 0);
    assert_int_equal(ws_url_parse(&spec, &url, error, sizeof error), 0);
    assert_int_equal(url.tls, tls);
    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    char *got = ws_url_path(&url, "", &spec, keys);
    assert_string_equal(got, path);
    free(got);
    spec_finish(&spec);
}

static void a_url_is_taken_apart(void **state)
{
    (void)state;
    check("ws://h", false, "h", 80, "/");
    check("wss://h.example", true, "h.example", 443, "/");
    check("ws://127.0.0.1:8080/ws", false, "127.0.0.1", 8080, "/ws");
    check("wss://[::1]:9443/a/b", true, "::1", 9443, "/a/b");
    check("wss://[::1]/", true, "::1", 443, "/");
}

/* Our keys are not the upstream's business; all others are. */
static void other_pairs_are_passed_on(void **state)
{
    (void)state;
    check("ws://h/ws?format=pricecast&token=a%26b%20c&symbols=A&x=1", false, "h", 80,
          "/ws?token=a%26b%20c&x=1");
    check("ws://h?streams=a@trade/b@trade", false, "h", 80, "/?streams=a@trade/b@trade");
}

/* What an exchange appends may be there already, and pairs come behind it. */
static void what_is_appended_stands_there_once(void **state)
{
    (void)state;
    static const struct {
        const char *text, *more, *path;
    } cases[] = {
        {"ws://h", "", "/"},
        {"ws://h/", "", "/"},
        {"ws://h", "/stream?streams=a", "/stream?streams=a"},
        {"ws://h/", "/stream?streams=a", "/stream?streams=a"},
        {"ws://h/stream", "/stream?streams=a", "/stream?streams=a"},
        {"ws://h/x/", "/stream", "/x/stream"},
        {"ws://h/stream", "/stream", "/stream"},
        {"ws://h/str", "/stream", "/str/stream"},
        {"ws://h?timeUnit=MICROSECOND", "/stream?streams=a",
         "/stream?streams=a&timeUnit=MICROSECOND"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct spec spec;
        struct ws_url url;
        char error[512];
        assert_int_equal(spec_parse(cases[i].text, &spec, error, sizeof error), 0);
        assert_int_equal(ws_url_parse(&spec, &url, error, sizeof error), 0);
        char *got = ws_url_path(&url, cases[i].more, &spec, keys);
        assert_string_equal(got, cases[i].path);
        free(got);
        spec_finish(&spec);
    }
}

static void what_cannot_be_connected_to_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "ws://",       "ws:///path", "ws://:80",    "ws://h:0",        "ws://h:65536",
        "ws://h:1x",   "ws://h:",    "ws://user@h", "ws://u:p@h:80/x", "ws://[::1",
        "ws://[::1]x", "ws://h/a#b", "ws://h/a\tb", "ws://h\xff/x",    "ws://h:+1",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct spec spec;
        struct ws_url url;
        char error[512] = "";
        assert_int_equal(spec_parse(cases[i], &spec, error, sizeof error), 0);
        assert_int_equal(ws_url_parse(&spec, &url, error, sizeof error), -EINVAL);
        assert_non_null(strstr(error, "allowed: ws://"));
        spec_finish(&spec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_taken_apart),
        cmocka_unit_test(other_pairs_are_passed_on),
        cmocka_unit_test(what_is_appended_stands_there_once),
        cmocka_unit_test(what_cannot_be_connected_to_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
