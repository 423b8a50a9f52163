#include "server/shard.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "server/command.h"
#include "server/connection.h"
#include "server/log.h"
#include "server/messages.h"
#include "server/obey.h"
#include "server/resume.h"

enum {
    TURN_EVENTS = 2048,         /* then the sockets have their turn */
    TURN_EVENTS_LOSSLESS = 256, /* so that one turn cannot fill a queue */
    GATHER_FROM_NS = 2000000,   /* a turn that took so long is followed by a pause … */
    GATHER_FACTOR = 2,          /* … of so many times that */
    KEPT_FDS = 16,
    CLOSE_SERVICE_RESTART = 1012,
};

/* ---- the bus ---- */

static void tell_all(struct shard *shard, const struct text *json)
{
    for (struct session *session = shard->sessions; session != NULL; session = session->next)
        session_say(session, json);
}

static void epoch_begin(struct shard *shard, uint64_t epoch, enum reset_reason reason)
{
    if (epoch == fanout_epoch(shard->fanout))
        return;
    fanout_reset(shard->fanout, epoch, shard_now_ms(shard));
    struct text json = {0};
    put_reset(&json, epoch, reason);
    tell_all(shard, &json);
    text_finish(&json);
    if (reason == RESET_SEEK)
        fanout_hold(shard->fanout);
}

static void on_visit(const struct price_event *event, void *ctx)
{
    struct shard *shard = ctx;
    /* An epoch that began meanwhile is caught up with in the next round. */
    if (bus_epoch(server_options(shard->server)->bus) == fanout_epoch(shard->fanout))
        fanout_event(shard->fanout, event, bus_emitted_ns(shard->sub));
}

/* Takes the latest of everything, in one epoch. */
static void catch_up(struct shard *shard)
{
    const struct bus *bus = server_options(shard->server)->bus;
    uint64_t epoch;
    do {
        epoch = bus_epoch(bus);
        epoch_begin(shard, epoch, RESET_LOOP);
    } while (bus_catch_up(shard->sub, on_visit, shard) != epoch);
}

static void on_state(struct shard *shard, const struct price_event *event)
{
    fanout_flush(shard->fanout, shard_now_ms(shard));
    fanout_event(shard->fanout, event, bus_emitted_ns(shard->sub));
    struct text json = {0};
    put_feed(&json,
             streams_get(bus_streams(server_options(shard->server)->bus), event->stream)->source,
             event);
    tell_all(shard, &json);
    text_finish(&json);
}

static void on_event(const struct price_event *event, void *ctx)
{
    struct shard *shard = ctx;
    switch ((enum event_kind)event->kind) {
    case EVENT_TRADE:
    case EVENT_QUOTE:
        stages_note(&shard->stages, event, bus_emitted_ns(shard->sub));
        fanout_event(shard->fanout, event, bus_emitted_ns(shard->sub));
        break;
    case EVENT_FEED:
        on_state(shard, event);
        break;
    case EVENT_RESET:
        epoch_begin(shard, event->seq, (enum reset_reason)event->detail);
        break;
    case EVENT_SETTLED:
        fanout_settle(shard->fanout);
        break;
    case EVENT_LAPPED:
        count_add(&fanout_counts(shard->fanout)->lapped, 1);
        count_add(&fanout_counts(shard->fanout)->lapped_events, event->seq);
        catch_up(shard);
        fanout_set_vague(shard->fanout, true);
        fanout_settle(shard->fanout); /* the mark may be among what was missed */
        break;
    }
}

static void on_tick(uv_timer_t *timer);

static void tick_schedule(struct shard *shard)
{
    const int64_t now = shard_now_ms(shard);
    int64_t next = fanout_next_tick_ms(shard->fanout);
    if (shard->has_news && shard->look_at_ms < next)
        next = shard->look_at_ms;
    if (next == shard->tick_at_ms)
        return;
    shard->tick_at_ms = next;
    if (next == FANOUT_NO_TICK)
        uv_timer_stop(&shard->tick);
    else
        uv_timer_start(&shard->tick, on_tick, next > now ? (uint64_t)(next - now) : 0, 0);
}

/* Takes what has come, then writes once an audience. */
static void take(struct shard *shard, int64_t came_ms)
{
    const bool lossless = server_options(shard->server)->lossless;
    const size_t limit = lossless ? TURN_EVENTS_LOSSLESS : TURN_EVENTS;
    shard->has_news = false;
    shard->stalled = fanout_is_full(shard->fanout);
    if (shard->stalled)
        return;
    if (shard->measures_stages)
        stages_turn(&shard->stages);
    const size_t count = bus_dispatch(shard->sub, limit);
    if (count < limit)
        fanout_set_vague(shard->fanout, false);
    fanout_flush(shard->fanout, came_ms);
    shard->behind = count == limit;
    if (shard->behind)
        uv_async_send(&shard->wake);
}

/* A send to thousands costs as much for one update as for several. So after a turn that was long
 * for its sends, what comes is gathered for a while: the core stays free, and nobody's updates are
 * much later than they would be if every one had its own round. */
static void gather_begin(struct shard *shard, uint64_t took_ns)
{
    const uint64_t most_ms = server_options(shard->server)->gather_ms;
    const uint64_t pause_ms = took_ns * GATHER_FACTOR / 1000000;
    shard->gather_until_ms = 0;
    if (took_ns < GATHER_FROM_NS || most_ms == 0 || shard->behind)
        return;
    uv_update_time(&shard->loop);
    shard->gather_until_ms =
        shard_now_ms(shard) + (int64_t)(pause_ms < most_ms ? pause_ms : most_ms);
}

/* Where all goes out at a rate, events may come in small heaps: several for each tick. */
static int64_t feed_patience_ns(unsigned patience_ms)
{
    const int64_t ns_a_ms = 1000000;
    return patience_ms < 2 ? 0 : patience_ms < 10 ? 2 * ns_a_ms : 5 * ns_a_ms;
}

/* One turn. */
static void drain(struct shard *shard)
{
    const int64_t now_ms = shard_now_ms(shard);
    const uint64_t began_ns = uv_hrtime();
    /* What was left to wait came before it was to be looked at: the tick of that moment is its. */
    const bool waited = shard->has_news && shard->look_at_ms <= now_ms;
    take(shard, waited ? shard->look_at_ms - 1 : now_ms);
    gather_begin(shard, uv_hrtime() - began_ns);
    const unsigned patience_ms = fanout_patience_ms(shard->fanout);
    bus_sub_set_patience(shard->sub, feed_patience_ns(patience_ms));
    tick_schedule(shard);
}

void shard_take_all(struct shard *shard)
{
    const uint64_t until = bus_emitted(server_options(shard->server)->bus);
    while (bus_sub_position(shard->sub) < until) {
        bus_dispatch(shard->sub, TURN_EVENTS);
        fanout_flush(shard->fanout, shard_now_ms(shard));
    }
    tick_schedule(shard);
}

static void on_tick(uv_timer_t *timer)
{
    struct shard *shard = timer->data;
    shard->tick_at_ms = FANOUT_NO_TICK;
    if (shard->has_news)
        drain(shard);
    const int64_t began_ms = shard_now_ms(shard);
    fanout_tick(shard->fanout, began_ms);
    uv_update_time(&shard->loop);
    if (shard_now_ms(shard) > began_ms) {
        shard->busy_from_ms = began_ms;
        shard->busy_until_ms = shard_now_ms(shard) + 1;
    }
    tick_schedule(shard);
}

void shard_freshen(struct shard *shard)
{
    if (shard->has_news)
        drain(shard);
}

/* The bus does not wake us a second time before we look: where all goes out at a rate, a look every
 * few milliseconds saves a wake-up an event. Returns false when it cannot wait. */
static bool news_wait(struct shard *shard)
{
    const unsigned patience_ms = fanout_patience_ms(shard->fanout);
    const int64_t now_ms = shard_now_ms(shard);
    const bool gathers = now_ms < shard->gather_until_ms;
    if ((patience_ms == 0 && !gathers) || shard->behind || shard->stalled ||
        atomic_load(&shard->asks_drained) || server_options(shard->server)->lossless)
        return false;
    if (!shard->has_news) {
        /* What came during a long tick must not miss the next one, or a rate would be halved as
         * soon as a tick takes longer than its period. */
        const int64_t came_ms = now_ms <= shard->busy_until_ms ? shard->busy_from_ms : now_ms;
        shard->has_news = true;
        shard->look_at_ms =
            patience_ms > 0 ? (came_ms / patience_ms + 1) * patience_ms : shard->gather_until_ms;
        tick_schedule(shard);
    }
    return true;
}

/* Right after drain(): what the bus still holds is not in the fan-out. */
static void drained_look(struct shard *shard)
{
    if (atomic_load(&shard->asks_drained) && !shard->stalled && !shard->behind)
        atomic_store(&shard->is_drained, fanout_is_drained(shard->fanout));
}

void shard_continue(struct shard *shard)
{
    /* Who has just become free may have to wait for a tick that nothing else has set: the bus may
     * be silent from now on. */
    fanout_flush(shard->fanout, shard_now_ms(shard));
    tick_schedule(shard);
    if (shard->stalled && !fanout_is_full(shard->fanout))
        uv_async_send(&shard->wake);
}

/* ---- accepting ---- */

static struct shard *shard_of(struct listener *listener)
{
    return (struct shard *)((char *)listener - offsetof(struct shard, listener));
}

static void on_refused(struct listener *listener)
{
    struct shard *shard = shard_of(listener);
    if (atomic_load(&shard->counts.refused) % 1000 == 0)
        log_line(LOG_WARN, "connection refused: no file descriptors left");
    count_add(&shard->counts.refused, 1);
}

static void on_accepted(struct listener *listener, int fd, const struct sockaddr *from)
{
    connection_enter(shard_of(listener), fd, from);
}

/* ---- the wheel ---- */

int64_t shard_now_ms(const struct shard *shard)
{
    return (int64_t)uv_now(&shard->loop);
}

void shard_watch(struct shard *shard, struct session *session, int64_t delay_ms)
{
    wheel_put(&shard->wheel, &session->watch, delay_ms);
}

/* How late the loop gets to what is due. Its timers count whole ms, so up to one is no lag. */
static void lag_note(struct shard *shard)
{
    const uint64_t now_ns = uv_hrtime(), period_ns = (uint64_t)shard->wheel.turn_ms * 1000000;
    const uint64_t due_ns = shard->turned_at_ns + period_ns;
    if (shard->turned_at_ns > 0) {
        const uint64_t lag_ns = now_ns > due_ns ? now_ns - due_ns : 0;
        const uint64_t faded_ns = shard->lag_recent_ns - shard->lag_recent_ns / 8;
        histogram_record(&shard->lag, lag_ns);
        shard->lag_recent_ns = lag_ns > faded_ns ? lag_ns : faded_ns;
    }
    shard->turned_at_ns = now_ns;
}

/* Puts the session into another slot. */
static void on_look(struct wheel_entry *entry)
{
    session_look((struct session *)((char *)entry - offsetof(struct session, watch)));
}

static void on_turn(uv_timer_t *timer)
{
    struct shard *shard = timer->data;
    lag_note(shard);
    wheel_turn(&shard->wheel, on_look);
    listener_resume(&shard->listener);
    if (shard->number == 0)
        server_sample(shard->server, shard_now_ms(shard));
}

/* ---- stopping ---- */

static void loop_stop(struct shard *shard)
{
    uv_stop(&shard->loop);
}

static void on_deadline(uv_timer_t *timer)
{
    loop_stop(timer->data);
}

void shard_session_ended(struct shard *shard)
{
    if (shard->stopping && shard->sessions == NULL)
        loop_stop(shard);
    else
        shard_continue(shard); /* it may have been the one that others waited for */
}

unsigned shard_reconnect_ms(void)
{
    unsigned random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = 0;
    return 500 + random % 4500;
}

static void stop_begin(struct shard *shard)
{
    shard->stopping = true;
    listener_close(&shard->listener);
    fanout_flush(shard->fanout, shard_now_ms(shard));
    fanout_tick(shard->fanout, FANOUT_NO_TICK);
    for (struct session *session = shard->sessions; session != NULL; session = session->next) {
        struct text json = {0};
        recovery_abandon(&session->reader);
        put_shutdown(&json, shard_reconnect_ms());
        session_say(session, &json);
        text_finish(&json);
        session_close(session, END_SHUTDOWN, CLOSE_SERVICE_RESTART, "shutdown");
    }
    uv_timer_start(&shard->deadline, on_deadline, SERVER_STOP_MS, 0);
    if (shard->sessions == NULL)
        loop_stop(shard);
}

/* Looked at in every turn, and nearly always empty. */
static struct shard_mail *inbox_take(struct shard *shard)
{
    if (atomic_load_explicit(&shard->inbox, memory_order_relaxed) == NULL)
        return NULL;
    return atomic_exchange(&shard->inbox, NULL);
}

static void inbox_read(struct shard *shard)
{
    for (struct shard_mail *mail = inbox_take(shard), *next; mail != NULL; mail = next) {
        next = mail->next;
        mail->deliver(shard, mail);
    }
}

static void on_wake(uv_async_t *async)
{
    struct shard *shard = async->data;
    if (shard->stopping)
        return;
    inbox_read(shard);
    if (atomic_load(&shard->must_stop)) {
        stop_begin(shard);
        return;
    }
    if (news_wait(shard))
        return;
    drain(shard);
    drained_look(shard);
}

/* ---- the thread ---- */

static void on_bus_news(void *ctx)
{
    shard_wake(ctx);
}

void shard_wake(struct shard *shard)
{
    uv_async_send(&shard->wake);
}

void shard_post(struct shard *shard, struct shard_mail *mail)
{
    mail->next = atomic_load(&shard->inbox);
    while (!atomic_compare_exchange_weak(&shard->inbox, &mail->next, mail))
        ;
    shard_wake(shard);
}

static void *shard_run(void *ctx)
{
    struct shard *shard = ctx;
    char name[16];
    snprintf(name, sizeof name, "shard-%u", shard->number);
    pthread_setname_np(pthread_self(), name);
    catch_up(shard);
    fanout_set_vague(shard->fanout, true);
    uv_async_send(&shard->wake); /* the first dispatch arms the bus's wake-up */
    uv_run(&shard->loop, UV_RUN_DEFAULT);
    return NULL;
}

int shard_start(struct shard *shard)
{
    const int rc = pthread_create(&shard->thread, NULL, shard_run, shard);
    shard->has_thread = rc == 0;
    return -rc;
}

void shard_join(struct shard *shard)
{
    if (!shard->has_thread)
        return;
    pthread_join(shard->thread, NULL);
    shard->has_thread = false;
}

/* ---- life ---- */

static int loop_create(struct shard *shard)
{
    const int rc = uv_loop_init(&shard->loop);
    if (rc != 0)
        return rc;
    shard->has_loop = true;
    uv_async_init(&shard->loop, &shard->wake, on_wake);
    uv_timer_init(&shard->loop, &shard->tick);
    uv_timer_init(&shard->loop, &shard->turn);
    uv_timer_init(&shard->loop, &shard->deadline);
    shard->wake.data = shard->tick.data = shard->turn.data = shard;
    shard->deadline.data = shard;
    return uv_timer_start(&shard->turn, on_turn, shard->wheel.turn_ms, shard->wheel.turn_ms);
}

static void on_overflowed(struct reader *reader)
{
    struct text json = {0};
    command_put_error(&json, "", "slow_consumer",
                      "too far behind: from now on only the latest of each stream is sent");
    session_say((struct session *)reader, &json);
    text_finish(&json);
}

static void on_aged(struct reader *reader)
{
    struct text json = {0};
    command_put_error(&json, "", "slow_consumer",
                      "what waited was older than max_age_ms: from now on only the latest of each "
                      "stream is sent");
    session_say((struct session *)reader, &json);
    text_finish(&json);
}

static void on_ask(struct recall_request *request)
{
    resume_ask(((struct session *)request->reader)->shard, request);
}

static unsigned turn_ms(const struct server_options *options)
{
    const unsigned ms = options->heartbeat_ms / 8;
    return ms < 10 ? 10 : ms > 250 ? 250 : ms;
}

static int bus_join(struct shard *shard)
{
    const struct server_options *options = server_options(shard->server);
    const struct bus_sub_options sub = {on_bus_news, shard, options->lossless};
    int rc = bus_subscribe(options->bus, &sub, &shard->sub);
    if (rc == 0 && bus_on(shard->sub, 0, on_event, shard) < 0)
        rc = -ENOMEM;
    return rc;
}

int shard_init(struct shard *shard, struct server *server, unsigned number, int listen_fd)
{
    const struct server_options *options = server_options(server);
    const struct fanout_options fanout = {
        .has_ingest = feed_mode(options->feed) != FEED_MODE_REPLAY,
        .streams = bus_streams(options->bus),
        .epoch = bus_epoch(options->bus),
        .run = server_crashes(server),
        .queue_bytes_max = options->queue_bytes_max,
        .lossless = options->lossless,
        .overflowed = on_overflowed,
        .aged = on_aged,
        .ask = on_ask,
        .put_resumed = obey_put_resumed,
    };
    *shard = (struct shard){
        .server = server,
        .number = number,
        .listener = {.accepted = on_accepted, .refused = on_refused},
        .tick_at_ms = FANOUT_NO_TICK,
        .wheel = {.turn_ms = turn_ms(options)},
        .fanout = fanout_create(&fanout),
    };
    shard->measures_stages = number == 0 && feed_mode(options->feed) != FEED_MODE_REPLAY;
    int rc = shard->fanout == NULL ? -ENOMEM : loop_create(shard);
    if (rc == 0)
        rc = listener_open(&shard->listener, &shard->loop, listen_fd, KEPT_FDS + options->shards);
    else
        close(listen_fd);
    if (rc == 0)
        rc = connection_context_create(shard);
    if (rc == 0)
        rc = bus_join(shard);
    return rc;
}

static void on_handle_closed(uv_handle_t *handle)
{
    (void)handle;
}

static void on_walk(uv_handle_t *handle, void *ctx)
{
    struct shard *shard = ctx;
    const void *ours[] = {&shard->wake, &shard->tick, &shard->turn, &shard->deadline};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (handle == ours[i] && !uv_is_closing(handle))
            uv_close(handle, on_handle_closed);
}

void shard_finish(struct shard *shard)
{
    if (shard->server == NULL)
        return;
    bus_unsubscribe(shard->sub);
    if (shard->has_loop) {
        listener_close(&shard->listener);
        if (shard->lws != NULL)
            lws_context_destroy(shard->lws);
        uv_walk(&shard->loop, on_walk, shard);
        while (uv_run(&shard->loop, UV_RUN_DEFAULT) != 0)
            ;
        if (shard->lws != NULL)
            lws_context_destroy(shard->lws); /* on a loop of ours, only the second call frees */
        uv_loop_close(&shard->loop);
    }
    for (struct shard_mail *mail = inbox_take(shard), *next; mail != NULL; mail = next) {
        next = mail->next;
        mail->discard(mail);
    }
    fanout_destroy(shard->fanout);
    shard->server = NULL;
}
