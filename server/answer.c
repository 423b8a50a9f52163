#include "server/answer.h"

#include <string.h>
#include <sys/socket.h>

/* No inline code, nothing from elsewhere. 'self' covers ws: on the same host. */
#define SECURITY_HEADERS                                                                           \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "           \
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "             \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"                              \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "Referrer-Policy: no-referrer\r\n"

const char answer_no_store[] = "Cache-Control: no-store\r\n";

static const char *status_text(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 409:
        return "Conflict";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 426:
        return "Upgrade Required";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

/* The answer has gone. Closing while the client still sends would reset the connection, and could
 * take the answer back before it is read (RFC 9112, section 9.6): so the rest of the body is read
 * and forgotten first, for a while. */
static int linger(const struct answer *answer)
{
    if (answer->body_left == 0 || answer->body_left > ANSWER_LINGER_BYTES)
        return -1;
    shutdown(lws_get_socket_fd(answer->wsi), SHUT_WR);
    lws_set_timeout(answer->wsi, PENDING_TIMEOUT_HTTP_CONTENT, ANSWER_LINGER_SEC);
    return 0;
}

int answer_send(struct answer *answer, const struct response *response)
{
    struct text out = {0};
    text_printf(&out,
                "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s" SECURITY_HEADERS
                "Connection: close\r\n\r\n",
                response->status, status_text(response->status), response->mime, response->body_len,
                response->headers ? response->headers : "");
    if (!answer->head_only)
        text_put(&out, response->body, response->body_len);
    answer->is_sent = true;
    int rc = -1;
    if (!out.failed &&
        lws_write(answer->wsi, (unsigned char *)out.bytes, out.len, LWS_WRITE_HTTP) >= 0) {
        if (lws_partial_buffered(answer->wsi)) {
            lws_set_timeout(answer->wsi, PENDING_TIMEOUT_HTTP_CONTENT, ANSWER_TAKEN_SEC);
            rc = 0;
        } else {
            rc = linger(answer);
        }
    }
    text_finish(&out);
    return rc;
}

int answer_json(struct answer *answer, int status, const struct text *json, const char *headers)
{
    const struct response response = {
        .status = json->failed ? 500 : status,
        .mime = "application/json",
        .headers = headers ? headers : answer_no_store,
        .body = json->bytes,
        .body_len = json->failed ? 0 : json->len,
    };
    return answer_send(answer, &response);
}

int answer_error(struct answer *answer, int status, const char *code, const char *message,
                 const char *headers)
{
    struct text json = {0};
    text_printf(&json, "{\"error\":{\"code\":\"%s\",\"message\":", code);
    text_put_json(&json, message, strlen(message));
    text_puts(&json, "}}");
    const int rc = answer_json(answer, status, &json, headers);
    text_finish(&json);
    return rc;
}

bool answer_event_stream(struct answer *answer, const char *headers, unsigned retry_ms)
{
    struct text out = {0};
    text_printf(&out,
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n%s" SECURITY_HEADERS
                "Connection: close\r\n\r\nretry: %u\n\n",
                headers, retry_ms);
    const bool ok = !out.failed && lws_write(answer->wsi, (unsigned char *)out.bytes, out.len,
                                             LWS_WRITE_HTTP) == (int)out.len;
    text_finish(&out);
    answer->is_sent = true;
    return ok;
}

/* ---- afterwards ---- */

bool answer_on_body(struct answer *answer, size_t len, int *out)
{
    answer->body_left -= len < answer->body_left ? len : answer->body_left;
    if (answer->is_sent)
        *out = answer->body_left == 0 && !lws_partial_buffered(answer->wsi) ? -1 : 0;
    return answer->is_sent;
}

int answer_on_writeable(struct answer *answer)
{
    return answer->is_sent && !lws_partial_buffered(answer->wsi) ? linger(answer) : 0;
}
