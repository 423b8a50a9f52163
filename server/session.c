#include "server/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/admission.h"
#include "server/command.h"
#include "server/heartbeat.h"
#include "server/log.h"
#include "server/messages.h"
#include "server/obey.h"
#include "server/peer.h"
#include "server/resume.h"
#include "server/shard.h"

enum {
    CLOSE_TOO_BIG = 1009,
    CLOSE_POLICY = 1008,
    CLOSE_STUCK = 4408,       /* as in HTTP: a timeout */
    NOTSENT_LOWAT = 64 << 10, /* unsent bytes the kernel takes: what waits can still be replaced */
};

static struct shard_counts *counts_of(struct session *session)
{
    return &session->shard->counts;
}

static void bump(_Atomic uint64_t *counter)
{
    count_add(counter, 1);
}

const char *session_end_name(enum session_end end)
{
    static const char *const names[SESSION_ENDS] = {
        [END_CLIENT] = "client",
        [END_STUCK] = "stuck",
        [END_BAD_MESSAGES] = "bad_messages",
        [END_TOO_BIG] = "too_big",
        [END_UNREAD_ANSWERS] = "unread_answers",
        [END_NO_MEMORY] = "no_memory",
        [END_WRITE_FAILED] = "write_failed",
        [END_SHUTDOWN] = "shutdown",
    };
    return names[end];
}

/* The first reason is the one that counts. */
static void end_set(struct session *session, enum session_end end)
{
    if (session->end == END_CLIENT)
        session->end = (uint8_t)end;
}

/* Where nothing else is known. */
static enum session_end end_of_failed(const struct session *session)
{
    return reader_has_unread_answers(&session->reader) ? END_UNREAD_ANSWERS : END_NO_MEMORY;
}

/* ---- writing ---- */

/* Without a word: the connection is lost, or memory is. lws notices its timers only after one of
 * its own callbacks, hence the nudge. */
static void kill_session(struct session *session, enum session_end end)
{
    end_set(session, end);
    lws_set_timeout(session->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
    lws_cancel_service(session->shard->lws);
}

/* Nothing a client says after the request of an event stream is for us. lws 4.1.6 does not read it
 * either, but finds the socket readable again and again, so it may look only while it must to find
 * it writeable (v4.1.6 lib/roles/h1/ops-h1.c). What has come by then is thrown away. */
static void ears_set(struct session *session, bool open)
{
    char waste[4096];
    if (session->reader.encoding != ENCODING_SSE || session->has_ears == open)
        return;
    session->has_ears = open;
    while (open && recv(lws_get_socket_fd(session->wsi), waste, sizeof waste, MSG_DONTWAIT) > 0)
        ;
    lws_rx_flow_control(session->wsi, open);
}

/* Most sockets take all at once: lws, which would look at much of its own first, then has no part
 * in it. Returns how much went. */
static size_t send_at_once(const struct session *session, const void *bytes, size_t len)
{
    /* It may hold what it answers by itself, as to a ping. */
    if (session->fd < 0 || lws_partial_buffered(session->wsi))
        return 0;
    const ssize_t sent = send(session->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? 0 : (size_t)sent; /* lws will meet the same error, and handle it */
}

/* The one place where bytes go to libwebsockets. LWS_WRITE_HTTP passes them through as they are on
 * an upgraded HTTP/1 connection (v4.1.6 lib/roles/ws/ops-ws.c, send_raw), so ready-made frames can
 * be shared; and nothing may be written while lws holds a rest, or the stream is corrupted. */
static enum write_result socket_write(struct reader *reader, const void *bytes, size_t len)
{
    struct session *session = (struct session *)reader;
    if (session->wsi == NULL)
        return WRITE_FAILED;
    const size_t sent = send_at_once(session, bytes, len);
    unsigned char *rest = (unsigned char *)bytes + sent;
    const size_t rest_len = len - sent;
    if (rest_len > 0 && lws_write(session->wsi, rest, rest_len, LWS_WRITE_HTTP) < (int)rest_len) {
        kill_session(session, END_WRITE_FAILED);
        return WRITE_FAILED;
    }
    session->sent_at_ms = shard_now_ms(session->shard);
    const bool blocked = rest_len > 0 && lws_partial_buffered(session->wsi) != 0;
    ears_set(session, blocked);
    session->blocked_at_ms = session->sent_at_ms;
    return blocked ? WRITE_BLOCKED : WRITE_DONE;
}

void session_say(struct session *session, const struct text *json)
{
    struct text frame = {0};
    wire_put_message(&frame, session->reader.encoding, json->bytes, json->len, NULL);
    if (json->failed || frame.failed || !reader_send(&session->reader, frame.bytes, frame.len)) {
        session->reader.failed = true;
        kill_session(session, end_of_failed(session));
    }
    text_finish(&frame);
}

void session_say_error(struct session *session, const char *id, const char *code,
                       const char *message)
{
    struct text json = {0};
    command_put_error(&json, id, code, message);
    session_say(session, &json);
    text_finish(&json);
}

/* ---- receiving ---- */

static const struct server_options *limits_of(const struct session *session)
{
    return server_options(session->shard->server);
}

static void on_bad_message(struct session *session, const struct command_error *error)
{
    bump(&counts_of(session)->bad_messages);
    session_say_error(session, error->id, error->code, error->message);
    if (++session->strikes >= SESSION_STRIKES_MAX)
        session_close(session, END_BAD_MESSAGES, CLOSE_POLICY, "ten bad messages in a row");
}

static void message_obey(struct session *session, const struct incoming_message *message)
{
    struct command command;
    struct command_error error = {.code = "bad_request", .message = "messages are text frames"};
    if (message->is_binary || !command_parse(message->bytes, message->len, &command, &error)) {
        on_bad_message(session, &error);
        return;
    }
    session->strikes = 0;
    shard_freshen(session->shard);
    obey_command(session, &command);
    command_finish(&command);
    shard_continue(session->shard);
}

static void message_defer(struct session *session, const struct incoming_message *message)
{
    const int rc = incoming_defer(&session->incoming, message);
    if (rc == -ENOMEM)
        session->reader.failed = true;
    if (rc != -ENOSPC)
        return;
    bump(&counts_of(session)->limits_exceeded);
    session_say_error(session, "", "limit_exceeded",
                      "too much was said before the end of a resume");
}

/* Commands are obeyed in their order, and while a resume is under way its topics stay as they are.
 */
static void on_message(struct session *session, struct incoming_message *message)
{
    message->is_binary = lws_frame_is_binary(session->wsi);
    bump(&counts_of(session)->messages_in);
    if (reader_is_recovering(&session->reader) || incoming_is_deferring(&session->incoming))
        message_defer(session, message);
    else
        message_obey(session, message);
}

void session_go_on(struct session *session)
{
    struct incoming *incoming = &session->incoming;
    struct incoming_message message;
    size_t at = 0;
    if (!incoming_is_deferring(incoming) || session->closing)
        return;
    while (!session->closing && !reader_is_recovering(&session->reader) &&
           incoming_next(incoming, &at, &message))
        message_obey(session, &message);
    if (!incoming_drop(incoming, at))
        session->reader.failed = true;
}

static void on_too_large(struct session *session)
{
    struct command_error error = {.code = "too_large"};
    snprintf(error.message, sizeof error.message, "a message has at most %zu bytes",
             limits_of(session)->message_bytes_max);
    on_bad_message(session, &error);
}

void session_receive(struct session *session, const char *bytes, size_t len)
{
    const bool is_last =
        lws_is_final_fragment(session->wsi) && lws_remaining_packet_payload(session->wsi) == 0;
    struct incoming_message message;
    if (session->closing)
        return;
    switch (incoming_take(&session->incoming, bytes, len, is_last,
                          limits_of(session)->message_bytes_max, &message)) {
    case INCOMING_PART:
        break;
    case INCOMING_MESSAGE:
        on_message(session, &message);
        incoming_forget(&session->incoming);
        break;
    case INCOMING_TOO_LARGE:
        on_too_large(session);
        break;
    case INCOMING_ENDLESS:
        session_close(session, END_TOO_BIG, CLOSE_TOO_BIG, "message too large");
        break;
    case INCOMING_NO_MEMORY:
        session->reader.failed = true;
        break;
    }
}

/* ---- life ---- */

enum session_query session_query_read(struct lws *wsi, struct command *out,
                                      struct command_error *error)
{
    char argument[4096];
    bool has_symbols = false;
    command_query_begin(out);
    for (int i = 0;; i++) {
        if (lws_hdr_copy_fragment(wsi, argument, sizeof argument, WSI_TOKEN_HTTP_URI_ARGS, i) < 0)
            return has_symbols ? QUERY_SUBSCRIBES : QUERY_EMPTY;
        char *value = strchr(argument, '=');
        if (value == NULL)
            continue;
        *value++ = '\0';
        has_symbols |= strcmp(argument, "symbols") == 0;
        if (!command_query(out, argument, value, error))
            return QUERY_BAD;
    }
}

/* A browser's EventSource that comes back names the last event it got. Takes the command if so. */
static bool resume_by_id(struct session *session, struct command *command)
{
    static const char name[] = "last-event-id:";
    char id[64];
    struct wire_place place;
    return session->reader.encoding == ENCODING_SSE &&
           lws_hdr_custom_copy(session->wsi, id, sizeof id, name, sizeof name - 1) > 0 &&
           resume_read_id(id, &place) && resume_ask_place(session, &place, command) == 0;
}

/* ?symbols=A,B&mode=every: a subscription in the URL. */
static void subscribe_by_query(struct session *session)
{
    struct command command;
    struct command_error error;
    const enum session_query query = session_query_read(session->wsi, &command, &error);
    if (query == QUERY_BAD)
        on_bad_message(session, &error);
    else if (query == QUERY_SUBSCRIBES && !resume_by_id(session, &command))
        obey_command(session, &command);
    command_finish(&command);
}

static void socket_tune(const struct session *session)
{
    const int fd = lws_get_socket_fd(session->wsi), lowat = NOTSENT_LOWAT;
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof lowat);
}

static void greet(struct session *session)
{
    struct text json = {0};
    put_hello(&json, server_mode_name(session->shard->server), fanout_epoch(session->shard->fanout),
              session->heartbeat_ms);
    session_say(session, &json);
    text_finish(&json);
    struct book *book = fanout_book(session->shard->fanout);
    for (uint32_t i = 0; i < book_count(book); i++) {
        const struct book_entry *entry = book_entry(book, i);
        if (entry->stream->kind != EVENT_FEED || entry->latest.seq == 0 ||
            entry->latest.detail == FEED_UP)
            continue; /* "up" goes without saying */
        struct text state = {0};
        put_feed(&state, entry->stream->source, &entry->latest);
        session_say(session, &state);
        text_finish(&state);
    }
}

/* How often it is looked at: for the heartbeat, and to notice in time that it is stuck. */
static int64_t look_interval_ms(const struct session *session)
{
    const int64_t beat_ms = session->heartbeat_ms;
    const int64_t stuck_ms = (int64_t)server_options(session->shard->server)->stuck_ms;
    return stuck_ms > 0 && stuck_ms / 4 < beat_ms ? stuck_ms / 4 : beat_ms;
}

bool session_open(struct session *session, struct shard *shard, struct lws *wsi,
                  enum encoding encoding)
{
    static const struct reader_ops ops = {socket_write};
    const struct server_options *options = server_options(shard->server);
    *session = (struct session){
        .shard = shard,
        .wsi = wsi,
        .fd = lws_is_ssl(wsi) ? -1 : lws_get_socket_fd(wsi),
        .heartbeat_ms = heartbeat_interval_ms(options->heartbeat_ms, options->heartbeat_clients,
                                              admission_count(server_admission(shard->server))),
    };
    reader_init(&session->reader, shard->fanout, &ops);
    session->reader.encoding = encoding;
    session->number = ++shard->last_session;
    session->since_us = wall_us();
    session->has_ears = true;
    session->next = shard->sessions;
    session->link = &shard->sessions;
    if (shard->sessions != NULL)
        shard->sessions->link = &session->next;
    shard->sessions = session;
    count_add(&shard->counts.sessions, 1);
    socket_tune(session);
    session->sent_at_ms = shard_now_ms(shard);
    greet(session);
    subscribe_by_query(session);
    shard_watch(shard, session, look_interval_ms(session));
    return !session->reader.failed;
}

void session_closed(struct session *session)
{
    if (session->shard == NULL)
        return;
    struct shard *shard = session->shard;
    session->wsi = NULL;
    if (session->reader.failed)
        end_set(session, end_of_failed(session));
    bump(&shard->counts.ended[session->end]);
    wheel_remove(&session->watch);
    reader_finish(&session->reader);
    incoming_finish(&session->incoming);
    free(session->resume_reply);
    resume_forget_place(session);
    *session->link = session->next;
    if (session->next != NULL)
        session->next->link = session->link;
    atomic_fetch_sub_explicit(&shard->counts.sessions, 1, memory_order_relaxed);
    session->shard = NULL;
    shard_session_ended(shard);
}

/* ---- closing ---- */

/* Under libuv lws sends a close frame only from LWS_CALLBACK_TIMER, and notices a timer only after
 * one of its own callbacks: hence writeable, then timer, then close. */
void session_close(struct session *session, enum session_end end, uint16_t code, const char *reason)
{
    if (session->closing || session->wsi == NULL)
        return;
    end_set(session, end);
    session->closing = true;
    session->close_code = code;
    session->close_reason = reason;
    session->close_by_ms = shard_now_ms(session->shard) + SESSION_CLOSE_MS;
    lws_callback_on_writable(session->wsi);
    shard_watch(session->shard, session, SESSION_CLOSE_MS);
}

void session_writeable(struct session *session)
{
    reader_writeable(&session->reader);
    ears_set(session, session->reader.blocked);
    session_go_on(session);
    if (session->closing && !reader_is_blocked(&session->reader))
        lws_set_timer_usecs(session->wsi, 1);
    else if (!session->reader.blocked)
        shard_continue(session->shard);
}

int session_close_now(struct session *session)
{
    if (!session->closing)
        return 0;
    session->reader.failed = true; /* nothing may follow the close frame */
    if (session->reader.encoding != ENCODING_SSE)
        lws_close_reason(session->wsi, session->close_code, (unsigned char *)session->close_reason,
                         strlen(session->close_reason));
    log_line(LOG_DEBUG, "session closed: code=%u reason=%s", session->close_code,
             session->close_reason);
    return -1;
}

/* A socket that is full, and of which the client has not taken a byte for too long. */
static bool is_stuck(struct session *session, int64_t now_ms)
{
    const int64_t limit_ms = (int64_t)server_options(session->shard->server)->stuck_ms;
    struct peer peer;
    if (limit_ms == 0 || !session->reader.blocked ||
        !peer_read(lws_get_socket_fd(session->wsi), &peer))
        return false;
    if (session->acked != (uint32_t)peer.acked_bytes) {
        session->acked = (uint32_t)peer.acked_bytes;
        session->progress_at_ms = now_ms;
    }
    return now_ms - session->progress_at_ms >= limit_ms;
}

/* The notice and the close frame arrive if the client reads after all. */
static void on_stuck(struct session *session)
{
    end_set(session, END_STUCK);
    session_say_error(session, "", "slow_consumer",
                      "nothing was taken for too long: the connection is closed");
    session_close(session, END_STUCK, CLOSE_STUCK, "nothing was taken for too long");
}

/* On an event stream lws does not notice that the client has left; and one that talks while it does
 * not read would keep us busy for nothing, see ears_set(). */
static bool has_left(const struct session *session)
{
    const int fd = lws_get_socket_fd(session->wsi);
    struct peer peer;
    char byte;
    return (peer_read(fd, &peer) && peer.has_ended) ||
           (session->has_ears && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0);
}

void session_look(struct session *session)
{
    const int64_t now_ms = shard_now_ms(session->shard);
    const int64_t beat_ms = session->heartbeat_ms;
    if (session->reader.failed || (session->closing && now_ms >= session->close_by_ms)) {
        kill_session(session, end_of_failed(session));
        shard_watch(session->shard, session, SESSION_CLOSE_MS);
        return;
    }
    if (session->closing) {
        shard_watch(session->shard, session, session->close_by_ms - now_ms);
        return;
    }
    if (session->reader.encoding == ENCODING_SSE && has_left(session)) {
        kill_session(session, END_CLIENT);
        shard_watch(session->shard, session, SESSION_CLOSE_MS);
        return;
    }
    if (is_stuck(session, now_ms)) {
        on_stuck(session);
        return;
    }
    if (now_ms - session->sent_at_ms >= beat_ms && !reader_is_blocked(&session->reader)) {
        struct text json = {0};
        put_heartbeat(&json);
        session_say(session, &json);
        text_finish(&json);
        bump(&session->shard->counts.heartbeats);
    }
    const int64_t beat_in_ms = session->sent_at_ms + beat_ms - now_ms;
    const int64_t interval_ms = look_interval_ms(session);
    shard_watch(session->shard, session,
                beat_in_ms > 0 && beat_in_ms < interval_ms ? beat_in_ms : interval_ms);
}
