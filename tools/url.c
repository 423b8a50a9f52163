#include "tools/url.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct scheme {
    const char *name;
    bool is_tls;
} schemes[] = {{"ws://", false}, {"wss://", true}, {"http://", false}, {"https://", true}};

bool url_is_likely(const char *text)
{
    return strstr(text, "://") != NULL;
}

/* Returns what follows the scheme, or NULL. */
static const char *take_scheme(const char *text, bool *is_tls)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        const size_t len = strlen(schemes[i].name);
        if (strncasecmp(text, schemes[i].name, len) == 0) {
            *is_tls = schemes[i].is_tls;
            return text + len;
        }
    }
    return NULL;
}

static const char *take_host(const char *at, char *out)
{
    const bool is_bracketed = *at == '[';
    if (is_bracketed)
        at++;
    const size_t len = strcspn(at, is_bracketed ? "]" : ":/?#");
    if (len == 0 || len > URL_HOST_MAX || (is_bracketed && at[len] != ']'))
        return NULL;
    memcpy(out, at, len);
    out[len] = '\0';
    return at + len + is_bracketed;
}

static const char *take_port(const char *at, int *out)
{
    if (*at != ':')
        return at;
    char *end;
    const long port = strtol(at + 1, &end, 10);
    if (!isdigit((unsigned char)at[1]) || port < 1 || port > 65535)
        return NULL;
    *out = (int)port;
    return end;
}

static int take_path(const char *at, char *out)
{
    const size_t len = strcspn(at, "#");
    const char *prefix = "";
    if (*at == '/' && (len == 1 || at[1] == '?'))
        at++;
    if (len == 0 || *at == '\0' || *at == '?' || *at == '#')
        prefix = "/ws";
    const int written =
        snprintf(out, URL_PATH_MAX + 1, "%s%.*s", prefix, (int)strcspn(at, "#"), at);
    if (written > URL_PATH_MAX || out[0] != '/')
        return -EINVAL;
    for (const char *c = out; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return -EINVAL; /* it goes into a request line */
    }
    return 0;
}

int url_parse(const char *text, struct url *out)
{
    struct url url = {0};
    const char *at = take_scheme(text, &url.is_tls);
    if (at == NULL)
        return -EINVAL;
    url.port = url.is_tls ? 443 : 80;
    at = take_host(at, url.host);
    if (at != NULL)
        at = take_port(at, &url.port);
    if (at == NULL || take_path(at, url.path) != 0)
        return -EINVAL;
    *out = url;
    return 0;
}

void url_authority(const struct url *url, char *out)
{
    const bool is_v6 = strchr(url->host, ':') != NULL;
    snprintf(out, URL_HOST_MAX + 10, "%s%s%s:%d", is_v6 ? "[" : "", url->host, is_v6 ? "]" : "",
             url->port);
}
