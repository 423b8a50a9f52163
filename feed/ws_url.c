#include "feed/ws_url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(char *error, size_t error_size, const char *what)
{
    snprintf(error, error_size, "%s; allowed: ws://HOST:PORT/PATH?key=value&… or wss://…", what);
    return -EINVAL;
}

/* `authority` is HOST, HOST:PORT or [IPV6]:PORT, `len` bytes. */
static const char *authority_parse(const char *authority, size_t len, struct ws_url *url)
{
    const char *const end = authority + len;
    const bool has_brackets = len > 0 && *authority == '[';
    const char *host_end = has_brackets ? memchr(authority, ']', len) : memchr(authority, ':', len);
    if (has_brackets && host_end == NULL)
        return "a bracket is missing";
    if (host_end == NULL)
        host_end = end;
    const char *host = authority + has_brackets;
    const size_t host_len = (size_t)(host_end - host);
    if (host_len == 0 || host_len >= sizeof url->host)
        return "no host";
    if (memchr(host, '@', (size_t)(end - host)) != NULL)
        return "no user names here";
    for (const char *at = host; at < host_end; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
            return "a bad host";
    memcpy(url->host, host, host_len);
    url->host[host_len] = '\0';
    const char *port = host_end + has_brackets;
    if (port == end)
        return NULL;
    char *port_end;
    const unsigned long number = *port == ':' ? strtoul(port + 1, &port_end, 10) : 0;
    if (number < 1 || number > 65535 || port[1] < '0' || port[1] > '9' || port_end != end)
        return "a bad port";
    url->port = (uint16_t)number;
    return NULL;
}

int ws_url_parse(const struct spec *spec, struct ws_url *out, char *error, size_t error_size)
{
    struct ws_url url = {.tls = strncmp(spec->path, "wss:", 4) == 0, .path = ""};
    const char *authority = spec->path + (url.tls ? 6 : 5);
    const size_t len = strcspn(authority, "/#");
    url.port = url.tls ? 443 : 80;
    const char *problem = authority_parse(authority, len, &url);
    if (problem != NULL)
        return refuse(error, error_size, problem);
    if (authority[len] == '/')
        url.path = authority + len;
    for (const char *at = url.path; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f || *at == '#')
            return refuse(error, error_size, "a bad path");
    *out = url;
    return 0;
}

static bool is_ours(const char *key, const char *const *keys)
{
    for (; *keys != NULL; keys++)
        if (strcmp(*keys, key) == 0)
            return true;
    return false;
}

/* What may stand in a query as it is; the value was unescaped when the spec was parsed. */
static bool is_plain(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("-._~!$'()*,;:@/?=", c) != NULL);
}

static char *value_append(char *to, const char *value)
{
    for (; *value != '\0'; value++)
        to += sprintf(to, is_plain((unsigned char)*value) ? "%c" : "%%%02X", (unsigned char)*value);
    return to;
}

/* How much of the URL's own path goes before what an exchange appends: people copy URLs from an
 * exchange's manual with that part in them, or with a slash at the end. */
static size_t path_length(const struct ws_url *url, const char *more)
{
    size_t len = strlen(url->path);
    if (strncmp(url->path, more, len) == 0 && (more[len] == '?' || more[len] == '\0'))
        return 0;
    if (*more == '/' && len > 0 && url->path[len - 1] == '/')
        len--;
    return len;
}

char *ws_url_path(const struct ws_url *url, const char *more, const struct spec *spec,
                  const char *const *keys)
{
    const size_t path_len = path_length(url, more);
    size_t size = path_len + strlen(more) + 2;
    for (size_t i = 0; i < spec->pairs_count; i++)
        size += strlen(spec->pairs[i].key) + 3 * strlen(spec->pairs[i].value) + 2;
    char *path = malloc(size);
    if (path == NULL)
        return NULL;
    char *at = path + sprintf(path, "%s%.*s%s", path_len == 0 && *more != '/' ? "/" : "",
                              (int)path_len, url->path, more);
    bool has_query = strchr(path, '?') != NULL;
    for (size_t i = 0; i < spec->pairs_count; i++) {
        if (is_ours(spec->pairs[i].key, keys))
            continue;
        at += sprintf(at, "%c%s=", has_query ? '&' : '?', spec->pairs[i].key);
        at = value_append(at, spec->pairs[i].value);
        has_query = true;
    }
    return path;
}
