#include "tools/symbols.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "feed/json_scan.h"

enum { ANSWER_BYTES_MAX = 64 << 20, TIMEOUT_S = 10 };

static int add(struct symbols *symbols, char *name)
{
    char **names =
        name == NULL ? NULL : reallocarray(symbols->names, symbols->count + 1, sizeof *names);
    if (names == NULL) {
        free(name);
        return -ENOMEM;
    }
    symbols->names = names;
    symbols->names[symbols->count++] = name;
    return 0;
}

void symbols_finish(struct symbols *symbols)
{
    for (size_t i = 0; i < symbols->count; i++)
        free(symbols->names[i]);
    free(symbols->names);
    *symbols = (struct symbols){0};
}

int symbols_split(const char *list, struct symbols *out)
{
    struct symbols symbols = {0};
    for (;; list++) {
        const size_t len = strcspn(list, ",");
        const int rc = len == 0 ? -EINVAL : add(&symbols, strndup(list, len));
        if (rc != 0) {
            symbols_finish(&symbols);
            return rc;
        }
        list += len;
        if (*list == '\0')
            break;
    }
    *out = symbols;
    return 0;
}

static int add_entry(struct json_scan *scan, struct symbols *symbols)
{
    static const struct json_scan_name names[] = {JSON_SCAN_NAME("symbol")};
    struct json_scan_token symbol;
    if (json_scan_collect(scan, names, 1, &symbol) != 0 || symbol.text == NULL ||
        symbol.type != SCAN_STRING)
        return -EBADMSG;
    char *name = malloc(symbol.len + 1);
    const long len = name == NULL ? -ENOMEM : json_scan_unescape(&symbol, name, symbol.len);
    if (len < 0) {
        free(name);
        return (int)len;
    }
    name[len] = '\0';
    return add(symbols, name);
}

/* {"symbols":[{"symbol":"BTC-USD",…},…]} */
static int parse_answer(const char *text, size_t len, struct symbols *out)
{
    struct json_scan scan;
    struct json_scan_token key, value;
    int rc;
    json_scan_init(&scan, text, len);
    if (json_scan_top(&scan, &value) != 0 || value.type != SCAN_OBJECT ||
        json_scan_enter(&scan) != 0)
        return -EBADMSG;
    do {
        if (json_scan_next(&scan, &key, &value) <= 0)
            return -EBADMSG;
    } while (key.len != strlen("symbols") || memcmp(key.text, "symbols", key.len) != 0);
    if (value.type != SCAN_ARRAY || json_scan_enter(&scan) != 0)
        return -EBADMSG;
    while ((rc = json_scan_next(&scan, &key, &value)) > 0) {
        rc = value.type == SCAN_OBJECT && json_scan_enter(&scan) == 0 ? add_entry(&scan, out)
                                                                      : -EBADMSG;
        if (rc != 0)
            return rc;
    }
    return rc < 0 ? -EBADMSG : 0;
}

static int read_all(int fd, char **out, size_t *out_len)
{
    size_t len = 0, size = 64 << 10;
    char *text = malloc(size);
    while (text != NULL) {
        const ssize_t got = recv(fd, text + len, size - len, 0);
        if (got < 0 || len + (size_t)got > ANSWER_BYTES_MAX) {
            const int error = got < 0 ? errno : EMSGSIZE;
            free(text);
            return -error;
        }
        if (got == 0) {
            *out = text;
            *out_len = len;
            return 0;
        }
        len += (size_t)got;
        if (len == size) {
            char *grown = realloc(text, size *= 2);
            if (grown == NULL)
                free(text);
            text = grown;
        }
    }
    return -ENOMEM;
}

static int ask(int fd, const struct url *url, const struct sockaddr *address, socklen_t address_len)
{
    char authority[URL_HOST_MAX + 10];
    char request[URL_HOST_MAX + 128];
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    url_authority(url, authority);
    const int len = snprintf(request, sizeof request,
                             "GET /api/v1/symbols HTTP/1.1\r\n"
                             "Host: %s\r\n"
                             "Connection: close\r\n"
                             "\r\n",
                             authority);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (connect(fd, address, address_len) != 0 || send(fd, request, (size_t)len, MSG_NOSIGNAL) < 0)
        return -errno;
    return 0;
}

int symbols_fetch(const struct url *url, const struct sockaddr *address, socklen_t address_len,
                  struct symbols *out)
{
    struct symbols symbols = {0};
    char *text = NULL;
    size_t len = 0;
    const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = fd < 0 ? -errno : ask(fd, url, address, address_len);
    if (rc == 0)
        rc = read_all(fd, &text, &len);
    if (rc == 0) {
        const char *body = memmem(text, len, "\r\n\r\n", 4);
        rc = body == NULL || len < 12 || memcmp(text + 8, " 200", 4) != 0
                 ? -EBADMSG
                 : parse_answer(body + 4, (size_t)(text + len - body - 4), &symbols);
    }
    free(text);
    if (fd >= 0)
        close(fd);
    if (rc != 0)
        symbols_finish(&symbols);
    else
        *out = symbols;
    return rc;
}
