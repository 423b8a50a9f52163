/* What a handshake must hold. That a request without it is told so is in tests/system. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/upgrade.h"

static void a_key_is_16_bytes_in_base64(void **state)
{
    static const char *const bad[] = {
        "",
        "==",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZQ==x",
        "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==", /* lws puts two together */
        "dGhlIHNhbXBsZSBub25jZQ== ",                        /* with which lws would reckon */
        "dGhlIHNhbXBsZSBub25jZS4u",                         /* 18 */
        "dGhlIHNhbXBsZSBub25jZXM=",                         /* 17 */
        "dGhlIHNhbXBsZSBub24=",                             /* 14 */
        "dGhlIHNhbXBsZS!ub25jZQ==",
        "dGhlIHNhbXBsZS-ub25jZ_==",
        "=GhlIHNhbXBsZSBub25jZQ==",
    };
    (void)state;
    assert_true(upgrade_key_is_good("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_true(upgrade_key_is_good("AAAAAAAAAAAAAAAAAAAAAA=="));
    assert_true(upgrade_key_is_good("+/azAZ09+/azAZ09+/azAQ=="));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (upgrade_key_is_good(bad[i]))
            fail_msg("\"%s\" was taken", bad[i]);
}

static void words_are_found_in_lists(void **state)
{
    static const char *const has[] = {"upgrade",     "Upgrade",        "keep-alive, UPGRADE",
                                      "a,upgrade,b", ",, ,upgrade ,x", "x\t,\tupgrade\t"};
    static const char *const lacks[] = {"",         "upgrad",    "upgrades",         "x-upgrade",
                                        "up,grade", "a upgrade", "keep-alive, close"};
    (void)state;
    for (size_t i = 0; i < sizeof has / sizeof *has; i++)
        if (!upgrade_list_has(has[i], "upgrade"))
            fail_msg("\"%s\" has it", has[i]);
    for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++)
        if (upgrade_list_has(lacks[i], "upgrade"))
            fail_msg("\"%s\" does not", lacks[i]);
}

static void connections_are_upgraded_from_http_1_1_on(void **state)
{
    (void)state;
    assert_true(upgrade_version_is_good("HTTP/1.1"));
    assert_true(upgrade_version_is_good("HTTP/1.2"));
    static const char *const bad[] = {"",         "HTTP/1.0", "HTTP/0.9",  "HTTP/2.0",
                                      "http/1.1", "HTTP/1.",  "HTTP/1.1x", "HTTP/11.1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (upgrade_version_is_good(bad[i]))
            fail_msg("\"%s\" was taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_16_bytes_in_base64),
        cmocka_unit_test(words_are_found_in_lists),
        cmocka_unit_test(connections_are_upgraded_from_http_1_1_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
