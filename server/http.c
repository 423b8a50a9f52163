#include "server/http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <strings.h>

#include "server/answer.h"
#include "server/api.h"
#include "server/candles_api.h"
#include "server/clients.h"
#include "server/metrics.h"
#include "server/request.h"
#include "server/shard.h"
#include "server/webroot.h"
#include "web/assets.h"

enum { PATH_MAX_BYTES = 1024, QUERY_MAX_BYTES = 4096 };

/* ---- routes ---- */

/* The client may be imported by pages of other servers; what it may then do is another question. */
static const char cross_origin[] = "Access-Control-Allow-Origin: *\r\n";

static int serve_asset(struct http_request *request, const struct asset *asset)
{
    struct lws *wsi = request->answer.wsi;
    char known[200], headers[400];
    const bool gzip = asset->gzip != NULL && request_accepts_gzip(wsi);
    snprintf(headers, sizeof headers,
             "ETag: %s\r\nCache-Control: %s\r\nVary: Accept-Encoding\r\n%s%s", asset->etag,
             asset->lasting ? "public, max-age=31536000, immutable" : "no-cache",
             gzip ? "Content-Encoding: gzip\r\n" : "",
             strcmp(asset->path, "/pricecast.js") == 0 ? cross_origin : "");
    const bool fresh = request_header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, known, sizeof known) &&
                       (strstr(known, asset->etag) != NULL || strcmp(known, "*") == 0);
    const struct response response = {
        .status = fresh ? 304 : 200,
        .mime = asset->mime,
        .headers = headers,
        .body = gzip ? asset->gzip : asset->body,
        .body_len = fresh  ? 0
                    : gzip ? asset->gzip_len
                           : asset->body_len,
    };
    return answer_send(&request->answer, &response);
}

/* The embedded files, or those of --web-root in their place. */
static int serve_page(struct http_request *request, const char *path)
{
    const char *root = server_options(request->shard->server)->web_root;
    struct webroot_file file;
    const struct asset *asset = root == NULL ? asset_find(path) : NULL;
    int rc;
    if (root != NULL && webroot_read(root, path, &file)) {
        rc = serve_asset(request, &file.asset);
        webroot_finish(&file);
    } else if (asset != NULL) {
        rc = serve_asset(request, asset);
    } else {
        rc = answer_error(&request->answer, 404, "not_found", "there is no such page", NULL);
    }
    return rc;
}

static int serve_health(struct http_request *request, bool ok)
{
    struct text json = {0};
    text_puts(&json, ok ? "{\"status\":\"ok\"}" : "{\"status\":\"not ready\"}");
    const int rc = answer_json(&request->answer, ok ? 200 : 503, &json, NULL);
    text_finish(&json);
    return rc;
}

/* Only clients on this machine, and of pages only our own and those that are allowed. */
static bool may_control(const struct http_request *request)
{
    struct lws *wsi = request->answer.wsi;
    return request_is_local(request->shard, wsi) && request_origin_is_allowed(request->shard, wsi);
}

static int serve_api(struct http_request *request, const char *path)
{
    struct lws *wsi = request->answer.wsi;
    struct text json = {0};
    char symbols[QUERY_MAX_BYTES];
    if (strcmp(path, "/api/v1/status") == 0)
        api_status(request->shard, &json);
    else if (strcmp(path, "/api/v1/symbols") == 0)
        api_symbols(request->shard, &json);
    else if (strcmp(path, "/api/v1/replay") == 0)
        api_replay(request->shard, may_control(request), &json);
    else if (strcmp(path, "/api/v1/replay/outline") == 0)
        api_replay_outline(request->shard, &json);
    else if (strcmp(path, "/api/v1/latest") == 0)
        api_latest(request->shard,
                   request_query(wsi, "symbols", symbols, sizeof symbols) ? symbols : NULL, &json);
    else
        return answer_error(&request->answer, 404, "not_found", "there is no such route", NULL);
    const int rc = answer_json(&request->answer, 200, &json, NULL);
    text_finish(&json);
    return rc;
}

static int serve_metrics(struct http_request *request)
{
    struct text text = {0};
    metrics_put(request->shard, &text);
    const struct response response = {
        .status = text.failed ? 500 : 200,
        .mime = "text/plain; version=0.0.4; charset=utf-8",
        .headers = answer_no_store,
        .body = text.bytes,
        .body_len = text.failed ? 0 : text.len,
    };
    const int rc = answer_send(&request->answer, &response);
    text_finish(&text);
    return rc;
}

static int serve_candles(struct http_request *request, bool is_stats);

static int serve_clients(struct http_request *request);

static int answer_method(struct http_request *request, const char *path)
{
    static const struct {
        const char *path, *message, *allow;
    } posts[] = {
        {"/api/v1/publish", "POST only", "Allow: POST\r\n"},
        {"/api/v1/replay", "GET, HEAD and POST only", "Allow: GET, HEAD, POST\r\n"},
        {NULL, "GET and HEAD only", "Allow: GET, HEAD\r\n"},
    };
    size_t i = 0;
    while (posts[i].path != NULL && strcmp(posts[i].path, path) != 0)
        i++;
    return answer_error(&request->answer, 405, "method_not_allowed", posts[i].message,
                        posts[i].allow);
}

static int serve_get(struct http_request *request, const char *path)
{
    if (strcmp(path, "/healthz") == 0)
        return serve_health(request, true);
    if (strcmp(path, "/readyz") == 0)
        return serve_health(request, server_is_ready(request->shard->server));
    if (strcmp(path, "/metrics") == 0)
        return serve_metrics(request);
    if (strcmp(path, "/ws") == 0)
        return answer_error(&request->answer, 426, "bad_request", "/ws speaks WebSocket",
                            "Upgrade: websocket\r\n");
    if (strcmp(path, "/api/v1/candles") == 0 || strcmp(path, "/api/v1/stats") == 0)
        return serve_candles(request, path[8] == 's');
    if (strcmp(path, "/api/v1/clients") == 0)
        return serve_clients(request);
    if (strcmp(path, "/api/v1/publish") == 0)
        return answer_method(request, path);
    if (strncmp(path, "/api/", 5) == 0)
        return serve_api(request, path);
    return serve_page(request, path);
}

/* An origin that is allowed may also read the answer. */
static void put_cors(struct text *out, struct lws *wsi)
{
    char origin[REQUEST_ORIGIN_BYTES];
    if (request_header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin))
        text_printf(out, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", origin);
}

static int begin_sse(struct http_request *request)
{
    struct text cors = {0};
    put_cors(&cors, request->answer.wsi);
    const bool ok =
        !cors.failed &&
        answer_event_stream(&request->answer, cors.len > 0 ? cors.bytes : "", shard_reconnect_ms());
    text_finish(&cors);
    return ok ? HTTP_BECOMES_SESSION : -1;
}

static int serve_sse(struct http_request *request)
{
    struct command command;
    struct command_error error = {.code = "bad_request"};
    if (request->answer.head_only)
        return answer_error(&request->answer, 405, "method_not_allowed", "GET only",
                            "Allow: GET\r\n");
    if (!request_origin_is_allowed(request->shard, request->answer.wsi))
        return answer_error(&request->answer, 403, "forbidden", "this origin is not allowed", NULL);
    const enum session_query query = session_query_read(request->answer.wsi, &command, &error);
    command_finish(&command);
    if (query == QUERY_EMPTY)
        return answer_error(&request->answer, 400, "bad_request",
                            "symbols: names and patterns, with commas between", NULL);
    if (query == QUERY_BAD)
        return answer_error(&request->answer, 400, error.code, error.message, NULL);
    return begin_sse(request);
}

static size_t body_max(const struct http_request *request)
{
    return request->is_publish ? HTTP_PUBLISH_MAX : HTTP_BODY_MAX;
}

static int answer_too_large(struct http_request *request)
{
    return answer_error(&request->answer, 413, "too_large",
                        request->is_publish ? "a body has at most 1048576 bytes"
                                            : "a body has at most 65536 bytes",
                        NULL);
}

/* Returns false if the header is missing or no number. */
static bool body_length(struct lws *wsi, uint64_t *out)
{
    char length[24], *end;
    if (!request_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, length, sizeof length) ||
        length[0] < '0' || length[0] > '9')
        return false;
    *out = strtoull(length, &end, 10);
    return *end == '\0';
}

static int begin_post(struct http_request *request, const char *path)
{
    uint64_t length = 0;
    const bool has_length = body_length(request->answer.wsi, &length);
    request->answer.body_left = length;
    request->is_publish = strcmp(path, "/api/v1/publish") == 0;
    if (!request->is_publish && strcmp(path, "/api/v1/replay") != 0)
        return answer_method(request, path);
    if (!may_control(request))
        return answer_error(&request->answer, 403, "forbidden", "only from this machine", NULL);
    if (!has_length)
        return answer_error(&request->answer, 400, "bad_request", "Content-Length is needed", NULL);
    if (length > body_max(request))
        return answer_too_large(request);
    if (length == 0)
        return answer_error(&request->answer, 400, "bad_request", "the body is empty", NULL);
    request->waits_for_body = true;
    lws_set_timer_usecs(request->answer.wsi, HTTP_BODY_MS * LWS_US_PER_MS);
    return 0;
}

int http_on_request(struct http_request *request, struct shard *shard, struct lws *wsi)
{
    *request = (struct http_request){.shard = shard, .answer = {.wsi = wsi}};
    char *uri = NULL, path[PATH_MAX_BYTES];
    int uri_len = 0;
    count_add(&shard->counts.http_requests, 1);
    const int method = lws_http_get_uri_and_method(wsi, &uri, &uri_len);
    request->answer.head_only = method == LWSHUMETH_HEAD;
    if (method < 0 || uri_len <= 0 || uri_len >= (int)sizeof path)
        return answer_error(&request->answer, 400, "bad_request", "bad request line", NULL);
    memcpy(path, uri, (size_t)uri_len);
    path[uri_len] = '\0';
    if (method == LWSHUMETH_GET || method == LWSHUMETH_HEAD)
        return strcmp(path, "/sse") == 0 ? serve_sse(request) : serve_get(request, path);
    if (method == LWSHUMETH_POST)
        return begin_post(request, path);
    return answer_method(request, path);
}

/* ---- bodies ---- */

int http_on_body(struct http_request *request, const char *bytes, size_t len)
{
    int rc;
    if (answer_on_body(&request->answer, len, &rc))
        return rc;
    if (!request->waits_for_body)
        return -1;
    text_put(&request->body, bytes, len);
    if (request->body.failed) {
        request->waits_for_body = false;
        return answer_error(&request->answer, 500, "internal", "out of memory", NULL);
    }
    return 0;
}

/* ---- results from other threads ---- */

static void request_forget(struct http_request *request)
{
    if (request->id == 0)
        return;
    *request->link = request->next;
    if (request->next != NULL)
        request->next->link = request->link;
    request->id = 0;
}

/* The request may be gone. */
static void on_result(struct shard *shard, struct shard_mail *mail)
{
    struct http_result *result = (struct http_result *)mail;
    struct http_request *request = shard->requests;
    while (request != NULL && request->id != result->id)
        request = request->next;
    if (request == NULL) {
        http_result_free(result);
        return;
    }
    request_forget(request);
    request->result = result;
    lws_callback_on_writable(request->answer.wsi);
}

static void on_discard(struct shard_mail *mail)
{
    http_result_free((struct http_result *)mail);
}

/* Remembers the request until its result comes; returns what the result is to be, or NULL. */
static struct http_result *request_wait(struct http_request *request)
{
    struct shard *shard = request->shard;
    struct http_result *result = calloc(1, sizeof *result);
    if (result == NULL)
        return NULL;
    result->mail = (struct shard_mail){.deliver = on_result, .discard = on_discard};
    request->id = result->id = ++shard->last_request_id;
    result->shard = shard;
    request->next = shard->requests;
    request->link = &shard->requests;
    if (shard->requests != NULL)
        shard->requests->link = &request->next;
    shard->requests = request;
    lws_set_timeout(request->answer.wsi, PENDING_TIMEOUT_HTTP_CONTENT, ANSWER_TAKEN_SEC);
    return result;
}

/* Feed thread. */
static void on_obeyed(void *ctx, bool ok)
{
    struct http_result *result = ctx;
    result->status = ok ? 200 : 409;
    result->message = "there is no recording to do that with";
    shard_post(result->shard, &result->mail);
}

void http_result_free(struct http_result *result)
{
    if (result == NULL)
        return;
    text_finish(&result->json);
    free(result);
}

/* Feed thread. */
static void on_pushed(void *ctx, const struct feed_push_result *pushed)
{
    struct http_result *result = ctx;
    result->status = pushed->rc == 0 ? 200 : pushed->rc == -ECANCELED ? 503 : 400;
    result->message = "the body is not an event, an array of them, or JSON lines";
    api_pushed(pushed, &result->json);
    shard_post(result->shard, &result->mail);
}

static int answer_result(struct http_request *request)
{
    struct http_result *result = request->result;
    request->result = NULL;
    int rc;
    if (result->json.len > 0) {
        rc = answer_json(&request->answer, result->status, &result->json, NULL);
    } else if (result->status == 200) {
        struct text json = {0};
        api_replay(request->shard, true, &json);
        rc = answer_json(&request->answer, 200, &json, NULL);
        text_finish(&json);
    } else {
        rc =
            answer_error(&request->answer, result->status,
                         result->status == 500 ? "internal" : "bad_request", result->message, NULL);
    }
    http_result_free(result);
    return rc;
}

/* Another thread: the keeper's, or a shard's. */
static void on_gathered(void *ctx, int status, struct text *json)
{
    struct http_result *result = ctx;
    if (status == 0) { /* we are stopping */
        http_result_free(result);
        return;
    }
    result->status = status;
    if (json->failed) {
        text_finish(json);
        result->status = 500;
        result->message = "out of memory";
    }
    result->json = *json;
    shard_post(result->shard, &result->mail);
}

/* What the keeper knows is answered when it has come as far as the bus is now. */
static int serve_candles(struct http_request *request, bool is_stats)
{
    static const char *const names[] = {"symbol", "interval", "limit", "before", "symbols"};
    enum { NAMES = sizeof names / sizeof *names };
    struct lws *wsi = request->answer.wsi;
    char values[NAMES][QUERY_MAX_BYTES];
    const char *found[NAMES];
    for (int i = 0; i < NAMES; i++)
        found[i] = request_query(wsi, names[i], values[i], sizeof values[i]) ? values[i] : NULL;
    const struct candles_params params = {found[0], found[1], found[2], found[3], found[4]};
    struct candles_ask *ask = NULL;
    const char *problem =
        is_stats ? candles_ask_stats(&params, &ask) : candles_ask_candles(&params, &ask);
    if (problem != NULL)
        return answer_error(&request->answer, 400, "bad_request", problem, NULL);
    struct http_result *result = request_wait(request);
    if (result == NULL) {
        candles_ask_free(ask);
        return answer_error(&request->answer, 500, "internal", "out of memory", NULL);
    }
    candles_ask_send(ask, server_keeper(request->shard->server), on_gathered, result);
    return 0;
}

static int serve_clients(struct http_request *request)
{
    struct lws *wsi = request->answer.wsi;
    char offset[24], limit[24];
    struct clients_page page;
    if (!may_control(request))
        return answer_error(&request->answer, 403, "forbidden", "only from this machine", NULL);
    const char *problem =
        clients_page_read(request_query(wsi, "offset", offset, sizeof offset) ? offset : NULL,
                          request_query(wsi, "limit", limit, sizeof limit) ? limit : NULL, &page);
    if (problem != NULL)
        return answer_error(&request->answer, 400, "bad_request", problem, NULL);
    struct http_result *result = request_wait(request);
    if (result != NULL && clients_ask(request->shard->server, page, on_gathered, result) == 0)
        return 0;
    request_forget(request);
    http_result_free(result);
    return answer_error(&request->answer, 500, "internal", "out of memory", NULL);
}

static int publish_begin(struct http_request *request)
{
    struct feed *feed = server_options(request->shard->server)->feed;
    struct http_result *result = request_wait(request);
    const int rc = result == NULL
                       ? -ENOMEM
                       : feed_push(feed, request->body.bytes, request->body.len, on_pushed, result);
    if (rc == 0)
        return 0;
    request_forget(request);
    http_result_free(result);
    if (rc == -ENOENT)
        return answer_error(&request->answer, 409, "bad_request", "no --feed push: is given", NULL);
    if (rc == -EAGAIN)
        return answer_error(&request->answer, 503, "rate_limited", "too much waits to be published",
                            NULL);
    return answer_error(&request->answer, 500, "internal", "it could not be published", NULL);
}

int http_on_body_end(struct http_request *request)
{
    if (!request->waits_for_body)
        return -1;
    request->waits_for_body = false;
    lws_set_timer_usecs(request->answer.wsi, LWS_SET_TIMER_USEC_CANCEL);
    if (request->is_publish)
        return publish_begin(request);
    struct feed_command command;
    const char *problem = api_replay_command(request->body.bytes, request->body.len, &command);
    if (problem != NULL)
        return answer_error(&request->answer, 400, "bad_request", problem, NULL);
    command.done = on_obeyed;
    command.ctx = request_wait(request);
    if (command.ctx != NULL &&
        feed_command(server_options(request->shard->server)->feed, &command) == 0)
        return 0;
    request_forget(request);
    free(command.ctx);
    return answer_error(&request->answer, 500, "internal", "out of memory", NULL);
}

int http_on_timer(struct http_request *request)
{
    if (!request->waits_for_body)
        return 0;
    request->waits_for_body = false;
    return answer_error(&request->answer, 408, "timeout", "the body did not arrive in time", NULL);
}

int http_on_writeable(struct http_request *request)
{
    if (request->result != NULL)
        return answer_result(request);
    return answer_on_writeable(&request->answer);
}

void http_on_closed(struct http_request *request)
{
    request_forget(request);
    http_result_free(request->result);
    request->result = NULL;
    text_finish(&request->body);
}
