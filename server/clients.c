/* A shard may have tens of thousands of sessions, and others wait while it tells of them: so each
 * is only looked at, and the slowest, as many as the page may need, are kept in a heap whose top is
 * the least slow. What costs more, such as asking the kernel, is done for those. */
#include "server/clients.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/peer.h"
#include "server/shard.h"

struct row {
    const struct session *session; /* valid on its shard only */
    int64_t blocked_ms;
    size_t queued_bytes;
    uint32_t age_us;
    unsigned visit; /* where its text is */
    size_t at, len;
};

struct visit {
    struct shard_mail mail; /* first */
    struct clients_ask *ask;
    unsigned number;
    struct row *rows; /* the slowest of one shard, as a heap */
    size_t count, total;
    struct text json;
};

struct clients_ask {
    struct clients_page page;
    void (*done)(void *ctx, int status, struct text *json);
    void *ctx;
    _Atomic unsigned left; /* visits that are not over */
    _Atomic bool is_dropped;
    unsigned count;
    struct visit visits[];
};

/* ---- the page ---- */

static bool number_read(const char *text, unsigned min, unsigned max, unsigned *out)
{
    char *end;
    if (text == NULL)
        return true;
    const unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || number < min || number > max)
        return false;
    *out = (unsigned)number;
    return true;
}

const char *clients_page_read(const char *offset, const char *limit, struct clients_page *out)
{
    *out = (struct clients_page){.limit = CLIENTS_LIMIT_DEFAULT};
    if (!number_read(limit, 1, CLIENTS_LIMIT_MAX, &out->limit))
        return "limit: a whole number from 1 to 1000";
    if (!number_read(offset, 0, CLIENTS_OFFSET_MAX, &out->offset))
        return "offset: a whole number from 0 to 10000";
    return NULL;
}

/* ---- the slowest ---- */

/* Below 0: `a` is the slower one. */
static int by_slowness(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    if (left->blocked_ms != right->blocked_ms)
        return left->blocked_ms > right->blocked_ms ? -1 : 1;
    if (left->queued_bytes != right->queued_bytes)
        return left->queued_bytes > right->queued_bytes ? -1 : 1;
    return (left->age_us < right->age_us) - (left->age_us > right->age_us);
}

static void rows_swap(struct row *a, struct row *b)
{
    const struct row row = *a;
    *a = *b;
    *b = row;
}

static void heap_sink(struct row *rows, size_t count)
{
    for (size_t at = 0, child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && by_slowness(&rows[child], &rows[child + 1]) < 0)
            child++;
        if (by_slowness(&rows[at], &rows[child]) >= 0)
            return;
        rows_swap(&rows[at], &rows[child]);
    }
}

static void heap_add(struct row *rows, size_t *count, size_t max, const struct row *row)
{
    if (*count == max) {
        if (by_slowness(row, &rows[0]) < 0) {
            rows[0] = *row;
            heap_sink(rows, max);
        }
        return;
    }
    rows[*count] = *row;
    for (size_t at = (*count)++; at > 0; at = (at - 1) / 2) {
        if (by_slowness(&rows[(at - 1) / 2], &rows[at]) >= 0)
            return;
        rows_swap(&rows[at], &rows[(at - 1) / 2]);
    }
}

static struct row row_of(const struct session *session, unsigned visit, int64_t now_ms)
{
    return (struct row){
        .session = session,
        .blocked_ms = session->reader.blocked ? now_ms - session->blocked_at_ms : 0,
        .queued_bytes = session->reader.queue_bytes,
        .age_us = session->reader.totals.age_mean_us,
        .visit = visit,
    };
}

/* ---- telling of one ---- */

static void put_deliveries(struct text *json, const struct plan *plan)
{
    text_printf(json, ",\"topics\":%zu,\"deliveries\":[", plan ? plan->count : 0);
    for (size_t i = 0; plan != NULL && i < plan->groups_count; i++) {
        const struct delivery *delivery = &plan->groups[i];
        text_printf(json, "%s{\"mode\":\"%s\"", i == 0 ? "" : ",",
                    delivery->mode == DELIVER_EVERY ? "every" : "latest");
        if (delivery->period_ms > 0)
            text_printf(json, ",\"max_rate\":%.6g", 1000.0 / delivery->period_ms);
        if (delivery->age_max_ms > 0)
            text_printf(json, ",\"max_age_ms\":%u", delivery->age_max_ms);
        if (delivery->ohlc)
            text_puts(json, ",\"ohlc\":true");
        if (delivery->clocks)
            text_puts(json, ",\"clocks\":true");
        text_puts(json, "}");
    }
    text_puts(json, "]");
}

static void put_connection(struct text *json, const struct session *session, const struct row *row)
{
    const int fd = lws_get_socket_fd(session->wsi);
    struct peer peer = {0};
    const bool is_known = peer_read(fd, &peer);
    const enum peer_verdict verdict = peer_judge(&peer, reader_is_blocked(&session->reader),
                                                 session->shard->lag_recent_ns / 1000);
    text_printf(json, ",\"blocked_ms\":%" PRId64, row->blocked_ms);
    if (is_known)
        text_printf(json,
                    ",\"tcp\":{\"rtt_us\":%u,\"unacked\":%u,\"unsent_bytes\":%u,"
                    "\"retransmits\":%u,\"window_closed\":%s}",
                    peer.rtt_us, peer.unacked, peer.unsent_bytes, peer.retransmits,
                    peer.window_closed ? "true" : "false");
    text_printf(json, ",\"verdict\":\"%s\"}", peer_verdict_name(verdict));
}

static void put_session(struct text *json, const struct session *session, const struct row *row)
{
    const struct reader *reader = &session->reader;
    const struct reader_totals *totals = &reader->totals;
    char address[PEER_ADDRESS_BYTES];
    peer_address(lws_get_socket_fd(session->wsi), address);
    text_printf(json,
                "{\"id\":\"%u-%u\",\"shard\":%u,\"peer\":\"%s\",\"since\":%" PRId64
                ",\"transport\":\"%s\",\"encoding\":\"%s\",\"heartbeat_ms\":%u",
                session->shard->number, session->number, session->shard->number, address,
                session->since_us, reader->encoding == ENCODING_SSE ? "sse" : "ws",
                reader->encoding == ENCODING_BINARY ? "bin" : "json", session->heartbeat_ms);
    put_deliveries(json, reader_plan(reader));
    text_printf(json,
                ",\"pending\":{\"events\":%" PRIu64
                ",\"bytes\":%zu},\"delivered\":{\"items\":%" PRIu64 ",\"bytes\":%" PRIu64
                "},\"skipped\":%" PRIu64 ",\"age_us\":{\"last\":%u,\"mean\":%u,\"max\":%u}",
                reader_pending(reader), reader->queue_bytes, totals->items, totals->bytes,
                totals->skipped, totals->age_us, totals->age_mean_us, totals->age_max_us);
    if (session->closing)
        text_printf(json, ",\"closing\":\"%s\"", session_end_name(session->end));
    put_connection(json, session, row);
}

/* ---- all together ---- */

static void ask_free(struct clients_ask *ask)
{
    for (unsigned i = 0; i < ask->count; i++) {
        free(ask->visits[i].rows);
        text_finish(&ask->visits[i].json);
    }
    free(ask);
}

static void put_page(struct text *json, struct clients_ask *ask, const struct row *rows,
                     size_t count, size_t total)
{
    const size_t first = ask->page.offset;
    text_printf(json, "{\"total\":%zu,\"offset\":%zu,\"clients\":[", total, first);
    for (size_t i = first; i < count && i < first + ask->page.limit; i++) {
        text_puts(json, i == first ? "" : ",");
        text_put(json, ask->visits[rows[i].visit].json.bytes + rows[i].at, rows[i].len);
    }
    text_puts(json, "]}");
}

static void merge(struct clients_ask *ask, struct text *json)
{
    size_t count = 0, total = 0;
    for (unsigned i = 0; i < ask->count; i++) {
        count += ask->visits[i].count;
        total += ask->visits[i].total;
        json->failed |= ask->visits[i].json.failed;
    }
    struct row *rows = malloc((count + 1) * sizeof *rows);
    json->failed |= rows == NULL;
    if (json->failed) {
        free(rows);
        return;
    }
    size_t at = 0;
    for (unsigned i = 0; i < ask->count; i++) {
        memcpy(rows + at, ask->visits[i].rows, ask->visits[i].count * sizeof *rows);
        at += ask->visits[i].count;
    }
    qsort(rows, count, sizeof *rows, by_slowness);
    put_page(json, ask, rows, count, total);
    free(rows);
}

/* The last one to leave has everything. */
static void visit_end(struct visit *visit)
{
    struct clients_ask *ask = visit->ask;
    if (atomic_fetch_sub(&ask->left, 1) > 1)
        return;
    struct text json = {0};
    if (atomic_load(&ask->is_dropped)) {
        ask->done(ask->ctx, 0, &json);
    } else {
        merge(ask, &json);
        ask->done(ask->ctx, 200, &json);
    }
    ask_free(ask);
}

static void on_visit(struct shard *shard, struct shard_mail *mail)
{
    struct visit *visit = (struct visit *)mail;
    const struct clients_page page = visit->ask->page;
    const int64_t now_ms = shard_now_ms(shard);
    for (const struct session *session = shard->sessions; session != NULL;
         session = session->next) {
        const struct row row = row_of(session, visit->number, now_ms);
        visit->total++;
        heap_add(visit->rows, &visit->count, page.offset + page.limit, &row);
    }
    for (size_t i = 0; i < visit->count; i++) {
        struct row *row = &visit->rows[i];
        row->at = visit->json.len;
        put_session(&visit->json, row->session, row);
        row->len = visit->json.len - row->at;
    }
    visit_end(visit);
}

static void on_no_visit(struct shard_mail *mail)
{
    struct visit *visit = (struct visit *)mail;
    atomic_store(&visit->ask->is_dropped, true);
    visit_end(visit);
}

int clients_ask(struct server *server, struct clients_page page,
                void (*done)(void *ctx, int status, struct text *json), void *ctx)
{
    const unsigned count = server_shards(server);
    struct clients_ask *ask = calloc(1, sizeof *ask + count * sizeof *ask->visits);
    if (ask == NULL)
        return -ENOMEM;
    *ask = (struct clients_ask){.page = page, .done = done, .ctx = ctx, .left = count};
    for (; ask->count < count; ask->count++) {
        struct visit *visit = &ask->visits[ask->count];
        visit->mail = (struct shard_mail){.deliver = on_visit, .discard = on_no_visit};
        visit->ask = ask;
        visit->number = ask->count;
        visit->rows = malloc((page.offset + page.limit) * sizeof *visit->rows);
        if (visit->rows == NULL) {
            ask_free(ask);
            return -ENOMEM;
        }
    }
    for (unsigned i = 0; i < count; i++) /* the last of them may free it all */
        shard_post(server_shard(server, i), &ask->visits[i].mail);
    return 0;
}
