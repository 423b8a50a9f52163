#include "server/request.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "server/http.h"

bool request_header(struct lws *wsi, enum lws_token_indexes token, char *out, int size)
{
    out[0] = '\0';
    return lws_hdr_copy(wsi, out, size, token) > 0;
}

static bool origin_is_listed(const struct server_options *options, const char *origin)
{
    for (size_t i = 0; i < options->origins_count; i++)
        if (strcmp(options->origins[i], "*") == 0 || strcasecmp(options->origins[i], origin) == 0)
            return true;
    return false;
}

bool request_origin_is_allowed(struct shard *shard, struct lws *wsi)
{
    char origin[REQUEST_ORIGIN_BYTES], host[300], own[320];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) == 0)
        return true;
    if (!request_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin))
        return false;
    if (request_header(wsi, WSI_TOKEN_HOST, host, sizeof host)) {
        snprintf(own, sizeof own, "http://%s", host);
        if (strcasecmp(own, origin) == 0)
            return true;
        snprintf(own, sizeof own, "https://%s", host);
        if (strcasecmp(own, origin) == 0)
            return true;
    }
    return origin_is_listed(server_options(shard->server), origin);
}

static bool peer_is_local(struct lws *wsi)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&address, &len) != 0)
        return false;
    if (address.ss_family == AF_INET)
        return ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == 127;
    if (address.ss_family != AF_INET6)
        return false;
    const struct in6_addr *in6 = &((struct sockaddr_in6 *)&address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
}

/* Without brackets and port. */
static void host_name(char *host)
{
    char *end;
    if (host[0] == '[' && (end = strchr(host, ']')) != NULL) {
        *end = '\0';
        memmove(host, host + 1, strlen(host));
    } else if ((end = strrchr(host, ':')) != NULL) {
        *end = '\0';
    }
}

static bool host_is_ours(const struct server_options *options, struct lws *wsi)
{
    unsigned char address[sizeof(struct in6_addr)];
    char host[300], origin[320];
    if (!request_header(wsi, WSI_TOKEN_HOST, host, sizeof host))
        return lws_hdr_total_length(wsi, WSI_TOKEN_HOST) == 0;
    for (int i = 0; i < 2; i++) {
        snprintf(origin, sizeof origin, "%s://%s", i == 0 ? "http" : "https", host);
        if (origin_is_listed(options, origin))
            return true;
    }
    host_name(host);
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1 ||
           strcasecmp(host, "localhost") == 0 || strcasecmp(host, options->host) == 0;
}

bool request_is_local(struct shard *shard, struct lws *wsi)
{
    return peer_is_local(wsi) && lws_hdr_total_length(wsi, WSI_TOKEN_X_FORWARDED_FOR) == 0 &&
           host_is_ours(server_options(shard->server), wsi);
}

bool request_query(struct lws *wsi, const char *name, char *out, int size)
{
    const size_t name_len = strlen(name);
    for (int i = 0;; i++) {
        const int len = lws_hdr_copy_fragment(wsi, out, size, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (len < 0)
            break;
        if (strncmp(out, name, name_len) == 0 && out[name_len] == '=') {
            memmove(out, out + name_len + 1, strlen(out + name_len));
            return true;
        }
    }
    out[0] = '\0';
    return false;
}

bool request_accepts_gzip(struct lws *wsi)
{
    char accepts[256];
    double weight = 1;
    if (!request_header(wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING, accepts, sizeof accepts))
        return false;
    const char *gzip = strstr(accepts, "gzip");
    return gzip != NULL && (sscanf(gzip, "gzip ; q = %lf", &weight) != 1 || weight > 0);
}

/* lws itself takes lists of up to 127 bytes. */
bool request_offers_subprotocol(struct lws *wsi)
{
    char list[128], *rest = list;
    if (!request_header(wsi, WSI_TOKEN_PROTOCOL, list, sizeof list))
        return false;
    for (char *name; (name = strsep(&rest, ", \t")) != NULL;)
        if (strcmp(name, HTTP_SUBPROTOCOL) == 0 || strcmp(name, HTTP_SUBPROTOCOL_BINARY) == 0)
            return true;
    return false;
}
