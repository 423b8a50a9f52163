/* What people paste as an address, and what of it is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/url.h"

static void an_address_is_taken_apart(void **state)
{
    static const struct {
        const char *text, *host, *path, *authority;
        int port;
        bool is_tls;
    } cases[] = {
        {"ws://h:1/ws", "h", "/ws", "h:1", 1, false},
        {"wss://h", "h", "/ws", "h:443", 443, true},
        {"http://127.0.0.1:8080/", "127.0.0.1", "/ws", "127.0.0.1:8080", 8080, false},
        {"HTTPS://h:65535", "h", "/ws", "h:65535", 65535, true},
        {"http://h", "h", "/ws", "h:80", 80, false},
        {"ws://h?symbols=A", "h", "/ws?symbols=A", "h:80", 80, false},
        {"ws://h/?symbols=A", "h", "/ws?symbols=A", "h:80", 80, false},
        {"ws://h/prices/ws?x=1#y", "h", "/prices/ws?x=1", "h:80", 80, false},
        {"ws://[::1]:9/ws", "::1", "/ws", "[::1]:9", 9, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char authority[URL_HOST_MAX + 10];
        struct url url;
        assert_int_equal(url_parse(cases[i].text, &url), 0);
        assert_string_equal(url.host, cases[i].host);
        assert_string_equal(url.path, cases[i].path);
        assert_int_equal(url.port, cases[i].port);
        assert_int_equal(url.is_tls, cases[i].is_tls);
        url_authority(&url, authority);
        assert_string_equal(authority, cases[i].authority);
    }
}

/* Above all nothing that would break out of the request line. */
static void what_is_no_address_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "h:1",
                                        "ftp://h/",
                                        "ws://",
                                        "ws:///ws",
                                        "ws://h:0/",
                                        "ws://h:/",
                                        "ws://h:1x/",
                                        "ws://[::1",
                                        "ws://h:65536/",
                                        "ws://h/a b",
                                        "ws://h/a\r\nX: y",
                                        "ws://h:99999999999999999999/"};
    struct url url;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(url_parse(texts[i], &url), -EINVAL);
}

static void lengths_have_limits(void **state)
{
    char text[URL_PATH_MAX + 100];
    struct url url;
    (void)state;
    snprintf(text, sizeof text, "ws://h/%0*d", URL_PATH_MAX - 1, 0);
    assert_int_equal(url_parse(text, &url), 0);
    snprintf(text, sizeof text, "ws://h/%0*d", URL_PATH_MAX, 0);
    assert_int_equal(url_parse(text, &url), -EINVAL);
    snprintf(text, sizeof text, "ws://%0*d/", URL_HOST_MAX, 0);
    assert_int_equal(url_parse(text, &url), 0);
    snprintf(text, sizeof text, "ws://%0*d/", URL_HOST_MAX + 1, 0);
    assert_int_equal(url_parse(text, &url), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_taken_apart),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(lengths_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
