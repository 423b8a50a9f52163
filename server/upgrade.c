#include "server/upgrade.h"

#include <string.h>
#include <strings.h>

#include "server/answer.h"
#include "server/http.h"
#include "server/request.h"
#include "server/shard.h"

enum {
    KEY_CHARS = 22, /* of 16 bytes in base64, before == */
    HEADER_MAX_BYTES = 512,
};

bool upgrade_key_is_good(const char *key)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return strspn(key, alphabet) == KEY_CHARS && strcmp(key + KEY_CHARS, "==") == 0;
}

bool upgrade_list_has(const char *list, const char *word)
{
    const size_t len = strlen(word);
    for (const char *at = list; *at != '\0'; at += strcspn(at, ",")) {
        at += strspn(at, ", \t");
        if (strncasecmp(at, word, len) == 0 && strchr(", \t", at[len]) != NULL)
            return true; /* the end of the text is found as well */
    }
    return false;
}

bool upgrade_version_is_good(const char *version)
{
    return strncmp(version, "HTTP/1.", 7) == 0 && version[7] >= '1' && version[7] <= '9' &&
           version[8] == '\0';
}

static bool is_get_of_ws(struct lws *wsi, struct answer *answer)
{
    char path[8];
    char *uri = NULL;
    int uri_len = 0;
    const int method = lws_http_get_uri_and_method(wsi, &uri, &uri_len);
    answer->head_only = method == LWSHUMETH_HEAD;
    const bool fits = method >= 0 && uri_len > 0 && uri_len < (int)sizeof path;
    if (fits)
        memcpy(path, uri, (size_t)uri_len);
    path[fits ? uri_len : 0] = '\0';
    if (strcmp(path, "/ws") != 0)
        answer_error(answer, 404, "not_found", "WebSockets live at /ws", NULL);
    else if (method != LWSHUMETH_GET)
        answer_error(answer, 405, "method_not_allowed", "GET only", "Allow: GET\r\n");
    else
        return true;
    return false;
}

/* Returns what is wrong with the handshake, or NULL. */
static const char *find_fault(struct lws *wsi)
{
    char text[HEADER_MAX_BYTES];
    if (!request_header(wsi, WSI_TOKEN_HTTP, text, sizeof text) || !upgrade_version_is_good(text))
        return "a WebSocket begins with HTTP/1.1";
    if (!request_header(wsi, WSI_TOKEN_HOST, text, sizeof text))
        return "Host is needed";
    if (!request_header(wsi, WSI_TOKEN_CONNECTION, text, sizeof text) ||
        !upgrade_list_has(text, "upgrade"))
        return "Connection: Upgrade is needed";
    if (!request_header(wsi, WSI_TOKEN_KEY, text, sizeof text) || !upgrade_key_is_good(text))
        return "Sec-WebSocket-Key is needed once: base64 of 16 bytes";
    /* lws drops those that offer only others without a word. */
    if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > 0 && !request_offers_subprotocol(wsi))
        return "the subprotocols are " HTTP_SUBPROTOCOL " and " HTTP_SUBPROTOCOL_BINARY;
    return NULL;
}

/* CVE-2025-11677: after an unknown Upgrade on a kept connection, lws 4.1.6 goes on with a header
 * block it has freed. So the value is copied, never read through the callback's pointer, and all
 * but "websocket" ends the connection; h2c with it, whose HTTP/2 has worse faults. */
int upgrade_confirm(struct shard *shard, struct lws *wsi)
{
    struct answer answer = {.wsi = wsi};
    char upgrade[16], version[8];
    if (!request_header(wsi, WSI_TOKEN_UPGRADE, upgrade, sizeof upgrade) ||
        strcasecmp(upgrade, "websocket") != 0)
        return -1;
    if (!is_get_of_ws(wsi, &answer))
        return -1;
    const char *fault = find_fault(wsi);
    if (!request_header(wsi, WSI_TOKEN_VERSION, version, sizeof version) ||
        strcmp(version, "13") != 0)
        answer_error(&answer, 426, "bad_request", "Sec-WebSocket-Version 13 is needed",
                     "Sec-WebSocket-Version: 13\r\n");
    else if (!request_origin_is_allowed(shard, wsi))
        answer_error(&answer, 403, "forbidden", "this origin is not allowed", NULL);
    else if (fault != NULL)
        answer_error(&answer, 400, "bad_request", fault, NULL);
    else
        return 0;
    return -1;
}
