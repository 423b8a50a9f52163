#include "server/obey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/messages.h"
#include "server/recovery.h"
#include "server/resume.h"
#include "server/shard.h"

/* Returns false with the limit that is exceeded. */
static bool topics_allowed(const struct topics *topics, const struct server_options *limits,
                           char *said, size_t size)
{
    size_t bytes = 0, patterns = 0;
    for (size_t i = 0; i < topics->count; i++) {
        bytes += strlen(topics->list[i].symbol);
        patterns += topic_is_pattern(topics->list[i].symbol);
    }
    if (topics->count > limits->symbols_max || bytes > SESSION_TOPIC_BYTES_MAX)
        snprintf(said, size, "at most %zu symbols of together %u bytes a session",
                 limits->symbols_max, SESSION_TOPIC_BYTES_MAX);
    else if (patterns > limits->patterns_max)
        snprintf(said, size, "at most %zu patterns a session", limits->patterns_max);
    else
        return true;
    return false;
}

static void say_limit(struct session *session, const struct command *command, const char *limit)
{
    count_add(&session->shard->counts.limits_exceeded, 1);
    session_say_error(session, command->id, "limit_exceeded", limit);
}

/* How a resume will be answered. */
struct resume_reply {
    char id[sizeof((struct command *)NULL)->id];
    size_t ignored;
    uint64_t lost; /* besides what could have been recovered */
};

void obey_put_resumed(struct reader *reader, uint64_t recovered, uint64_t lost, struct text *text)
{
    struct session *session = (struct session *)reader;
    struct resume_reply *reply = session->resume_reply;
    const struct resumed resumed = {
        .recovered = recovered,
        .lost = lost + reply->lost,
        .ignored = reply->ignored,
        .epoch_changed = false,
    };
    struct text json = {0};
    put_resumed(&json, reply->id, &resumed);
    wire_put_message(text, reader->encoding, json.bytes, json.len, recovery_place(reader));
    text->failed |= json.failed;
    text_finish(&json);
    free(reply);
    session->resume_reply = NULL;
    if (incoming_is_deferring(&session->incoming))
        lws_callback_on_writable(session->wsi); /* session_go_on() from there */
}

/* What it has is of another epoch: that is said at once, and it begins anew. */
static void resume_refuse(struct session *session, const struct command *command,
                          const struct resume *resume)
{
    struct resumed resumed = {.epoch_changed = true};
    struct text json = {0};
    size_t used;
    resume_count_lost(resume, &session->reader, command->snapshot, &resumed.lost, &used);
    resumed.ignored = resume->listed > used ? resume->listed - used : 0;
    count_add(&fanout_counts(session->reader.fanout)->lost, resumed.lost);
    put_resumed(&json, command->id, &resumed);
    session_say(session, &json);
    text_finish(&json);
    reader_start(&session->reader, command->snapshot);
}

static void resume_begin(struct session *session, const struct command *command,
                         const struct resume *resume)
{
    struct resume_reply *reply = calloc(1, sizeof *reply);
    count_add(&session->shard->counts.resumes, 1);
    if (resume->from_elsewhere) {
        free(reply);
        resume_refuse(session, command, resume);
        return;
    }
    if (reply == NULL) {
        session->reader.failed = true;
        return;
    }
    memcpy(reply->id, command->id, sizeof reply->id);
    session->resume_reply = reply;
    /* It may be over, and answered, at once. */
    const size_t used = recovery_count_used(&session->reader, resume->wishes, resume->count);
    reply->ignored = resume->listed > used ? resume->listed - used : 0;
    reply->lost = resume->lost;
    count_add(&fanout_counts(session->reader.fanout)->lost, resume->lost);
    recovery_begin(&session->reader, resume->wishes, resume->count);
}

/* Takes what is in *resume; without one it is NULL. */
static void subscribe(struct session *session, struct command *command, struct resume *resume)
{
    struct topics topics;
    const struct plan *plan = reader_plan(&session->reader);
    int rc = topics_copy(&topics, plan ? plan->topics : NULL, plan ? plan->count : 0);
    if (rc == 0)
        rc = topics_set(&topics, command->symbols, command->symbols_count, command->kinds,
                        command->delivery);
    char limit[80];
    if (rc == 0 &&
        !topics_allowed(&topics, server_options(session->shard->server), limit, sizeof limit)) {
        topics_finish(&topics);
        say_limit(session, command, limit);
        return;
    }
    const bool recovers = resume != NULL && !resume->from_elsewhere;
    if (rc == 0)
        rc =
            reader_set_topics_after(&session->reader, &topics, command->snapshot,
                                    recovers ? resume->wishes : NULL, recovers ? resume->count : 0);
    if (rc != 0) {
        topics_finish(&topics);
        if (rc == -E2BIG)
            say_limit(session, command, "at most 16 different modes and rates a session");
        else
            session_say_error(session, command->id, "internal", "out of memory");
        return;
    }
    struct text json = {0};
    put_subscribed(&json, session->reader.fanout, command, reader_plan(&session->reader));
    session_say(session, &json);
    text_finish(&json);
    if (resume != NULL)
        resume_begin(session, command, resume);
    else
        reader_start(&session->reader, command->snapshot);
    if (!session->subscribed)
        server_count_subscriber(session->shard->server);
    session->subscribed = true;
}

void obey_resume(struct session *session, struct command *command, struct resume *resume)
{
    if (!session->closing)
        subscribe(session, command, resume);
}

static void on_subscribe(struct session *session, struct command *command)
{
    struct resume resume;
    if (command->resume_epoch == NULL) {
        subscribe(session, command, NULL);
        return;
    }
    shard_take_all(session->shard); /* another shard may have sent the client more than we have */
    if (resume_find(command, session->reader.fanout, server_seq_gap(session->shard->server),
                    &resume) != 0) {
        session_say_error(session, command->id, "internal", "out of memory");
        return;
    }
    subscribe(session, command, &resume);
    resume_finish(&resume);
}

static void on_unsubscribe(struct session *session, struct command *command)
{
    struct topics topics;
    const struct plan *plan = reader_plan(&session->reader);
    int rc = topics_copy(&topics, plan ? plan->topics : NULL, plan ? plan->count : 0);
    if (rc == 0)
        rc = topics_remove(&topics, command->symbols, command->symbols_count);
    if (rc == 0)
        rc = reader_set_topics(&session->reader, &topics, false);
    if (rc != 0) {
        topics_finish(&topics);
        session_say_error(session, command->id, "internal", "out of memory");
        return;
    }
    struct text json = {0};
    put_unsubscribed(&json, session->reader.fanout, command, reader_plan(&session->reader));
    session_say(session, &json);
    text_finish(&json);
    reader_start(&session->reader, false);
}

static void on_list(struct session *session, const struct command *command)
{
    struct text json = {0};
    put_subscriptions(&json, command, reader_plan(&session->reader));
    session_say(session, &json);
    text_finish(&json);
}

static void on_ping(struct session *session, const struct command *command)
{
    struct text json = {0};
    put_pong(&json, command->id);
    session_say(session, &json);
    text_finish(&json);
}

void obey_command(struct session *session, struct command *command)
{
    switch (command->op) {
    case OP_SUBSCRIBE:
        on_subscribe(session, command);
        break;
    case OP_UNSUBSCRIBE:
        on_unsubscribe(session, command);
        break;
    case OP_LIST:
        on_list(session, command);
        break;
    case OP_PING:
        on_ping(session, command);
        break;
    }
}
