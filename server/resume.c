#include "server/resume.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/keeper.h"
#include "server/obey.h"
#include "server/session.h"
#include "server/shard.h"

/* ---- what the client has ---- */

struct search {
    const struct resume_stream *wanted;
    const struct book *book;
    long found;
};

static void on_stream(void *ctx, uint32_t stream)
{
    struct search *search = ctx;
    const struct stream *names = book_entry(search->book, stream)->stream;
    if (names->kind == search->wanted->kind && strcmp(names->source, search->wanted->source) == 0)
        search->found = stream;
}

/* By stream; of the same one the highest seq first. */
static int by_stream(const void *a, const void *b)
{
    const struct recovery_wish *left = a, *right = b;
    if (left->stream != right->stream)
        return left->stream < right->stream ? -1 : 1;
    return left->seq > right->seq ? -1 : left->seq < right->seq;
}

static void sort(struct resume *resume)
{
    size_t kept = 0;
    qsort(resume->wishes, resume->count, sizeof *resume->wishes, by_stream);
    for (size_t i = 0; i < resume->count; i++)
        if (kept == 0 || resume->wishes[kept - 1].stream != resume->wishes[i].stream)
            resume->wishes[kept++] = resume->wishes[i];
    resume->count = kept;
}

int resume_find(const struct command *command, struct fanout *fanout, uint64_t ahead_max,
                struct resume *out)
{
    const struct book *book = fanout_book(fanout);
    char epoch[20];
    *out = (struct resume){
        .wishes = calloc(command->resume_count + 1, sizeof *out->wishes),
        .listed = command->resume_count,
    };
    if (out->wishes == NULL)
        return -ENOMEM;
    snprintf(epoch, sizeof epoch, "%016" PRIx64, fanout_epoch(fanout));
    out->from_elsewhere = strcmp(command->resume_epoch, epoch) != 0 || fanout_holds(fanout);
    for (size_t i = 0; i < command->resume_count; i++) {
        const struct resume_stream *wanted = &command->resume[i];
        struct search search = {wanted, book, -1};
        book_symbol(book, wanted->symbol, on_stream, &search);
        if (search.found < 0)
            continue;
        const uint64_t latest = book_entry(book, (uint32_t)search.found)->latest.seq;
        if (out->from_elsewhere || wanted->seq <= latest || wanted->seq - latest < ahead_max)
            out->wishes[out->count++] = (struct recovery_wish){(uint32_t)search.found, wanted->seq};
    }
    sort(out);
    return 0;
}

void resume_finish(struct resume *resume)
{
    free(resume->wishes);
    *resume = (struct resume){0};
}

void resume_count_lost(const struct resume *resume, const struct reader *reader, bool snapshot,
                       uint64_t *lost, size_t *used)
{
    *lost = 0;
    *used = 0;
    for (size_t i = 0; i < resume->count; i++) {
        const struct book_entry *entry =
            book_entry(fanout_book(reader->fanout), resume->wishes[i].stream);
        if (plan_group(reader_plan(reader), entry->stream->symbol, entry->stream->kind) < 0)
            continue;
        *lost += entry->latest.seq - (snapshot && entry->latest.seq > 0);
        ++*used;
    }
}

/* ---- to the keeper and back ---- */

struct letter {
    struct keeper_task task; /* on the way there */
    struct shard_mail mail;  /* on the way back */
    struct shard *shard;
    struct recall_request *request;
};

static struct letter *letter_of(struct shard_mail *mail)
{
    return (struct letter *)((char *)mail - offsetof(struct letter, mail));
}

/* Shard's thread. */
static void on_answer(struct shard *shard, struct shard_mail *mail)
{
    struct letter *letter = letter_of(mail);
    struct recall_request *request = letter->request;
    struct session *session = (struct session *)request->reader;
    free(letter);
    recovery_answer(request);
    if (session != NULL)
        session_go_on(session);
    shard_continue(shard);
}

static void on_discard(struct shard_mail *mail)
{
    struct letter *letter = letter_of(mail);
    recall_request_free(letter->request);
    free(letter);
}

/* Has the keeper seen what the shard had? The shard may have looked at the bus's latest events. */
static bool is_there(const struct history *history, const struct recall *recall)
{
    for (size_t i = 0; i < recall->count && !recall->begun; i++)
        if (history_last_seq(history, recall->ranges[i].stream) < recall->ranges[i].to)
            return false;
    return true;
}

/* Keeper's thread. */
static bool on_run(struct keeper_task *task, struct keeper *keeper)
{
    struct letter *letter = (struct letter *)task;
    struct recall_request *request = letter->request;
    struct history *history = keeper_history(keeper);
    const uint64_t epoch = history_epoch(history);
    if (epoch < request->epoch || (epoch == request->epoch && !is_there(history, &request->recall)))
        return false;
    request->is_gone = epoch != request->epoch;
    if (!request->is_gone)
        request->more = history_recall(history, &request->recall, keeper_now_ns());
    shard_post(letter->shard, &letter->mail);
    return true;
}

/* The shards have ended; who waits is freed by its session. */
static void on_drop(struct keeper_task *task)
{
    struct letter *letter = (struct letter *)task;
    shard_post(letter->shard, &letter->mail);
}

void resume_ask(struct shard *shard, struct recall_request *request)
{
    struct letter *letter = calloc(1, sizeof *letter);
    if (letter == NULL) {
        request->reader->failed = true;
        recovery_answer(request);
        return;
    }
    *letter = (struct letter){
        .task = {.run = on_run, .drop = on_drop},
        .mail = {.deliver = on_answer, .discard = on_discard},
        .shard = shard,
        .request = request,
    };
    keeper_ask(server_keeper(shard->server), &letter->task);
}

/* ---- from the id of an event ---- */

/* Goes to the keeper with a place and comes back with what each stream's seq was there. */
struct place_letter {
    struct keeper_task task;
    struct shard_mail mail;
    struct shard *shard;
    struct session *session; /* the shard's; NULL: it has ended */
    struct command command;
    struct wire_place place;
    uint64_t epoch; /* the shard's, when it was asked */
    struct resume resume;
    uint32_t streams; /* so many were looked at */
    uint64_t run;     /* the shard's: see struct wire_place */
    bool follows_crash;
};

bool resume_read_id(const char *id, struct wire_place *out)
{
    int end = -1, run_end = -1;
    *out = (struct wire_place){0};
    if (strspn(id, "0123456789abcdef") != 16 || id[16] != '-' || id[17] < '0' || id[17] > '9' ||
        sscanf(id, "%16" SCNx64 "-%19" SCNu64 "%n", &out->epoch, &out->position, &end) != 2)
        return false;
    if (id[end] == '\0')
        return true;
    return id[end] == '.' && id[end + 1] >= '0' && id[end + 1] <= '9' &&
           sscanf(id + end, ".%19" SCNu64 "%n", &out->run, &run_end) == 1 &&
           id[end + run_end] == '\0';
}

static struct place_letter *place_letter_of(struct shard_mail *mail)
{
    return (struct place_letter *)((char *)mail - offsetof(struct place_letter, mail));
}

static void place_letter_free(struct place_letter *letter)
{
    resume_finish(&letter->resume);
    command_finish(&letter->command);
    free(letter);
}

/* After an end without warning, a place may be of what was sent and not written: nobody knows any
 * more where streams stood there, and its numbers are those of others now. What had been written is
 * known of the last run only. */
static bool is_lost(const struct place_letter *letter, const struct keeper *keeper)
{
    const struct wire_place *place = &letter->place;
    if (place->run == letter->run)
        return false;
    return !letter->follows_crash || place->run + 1 != letter->run ||
           place->position > keeper_restored_position(keeper);
}

/* Keeper's thread. A stream of which it is not known where it stood is not wished for, but what may
 * have been lost of it counts. */
static bool on_place_run(struct keeper_task *task, struct keeper *keeper)
{
    struct place_letter *letter = (struct place_letter *)task;
    struct history *history = keeper_history(keeper);
    struct resume *resume = &letter->resume;
    const uint64_t epoch = history_epoch(history);
    if (epoch < letter->epoch)
        return false;
    resume->from_elsewhere = epoch != letter->place.epoch ||
                             letter->place.position > history_position(history) ||
                             is_lost(letter, keeper);
    for (uint32_t i = 0; i < letter->streams; i++) {
        bool is_exact = true;
        uint64_t seq = 0;
        if (!resume->from_elsewhere)
            seq = history_seq_at(history, i, letter->place.position, keeper_now_ns(), &is_exact);
        const uint64_t last = history_last_seq(history, i);
        if (is_exact)
            resume->wishes[resume->count++] = (struct recovery_wish){i, seq};
        else if (last > seq)
            resume->lost += last - seq - 1; /* the newest comes as a snapshot */
    }
    shard_post(letter->shard, &letter->mail);
    return true;
}

static void on_place_drop(struct keeper_task *task)
{
    struct place_letter *letter = (struct place_letter *)task;
    shard_post(letter->shard, &letter->mail);
}

/* Streams of prices only; those that came up since were not there at that place. */
static void wishes_settle(struct place_letter *letter, const struct book *book)
{
    struct resume *resume = &letter->resume;
    size_t kept = 0;
    for (size_t i = 0; i < resume->count; i++)
        if (book_entry(book, resume->wishes[i].stream)->stream->kind < EVENT_KINDS_PRICE)
            resume->wishes[kept++] = resume->wishes[i];
    resume->count = kept;
    const uint32_t known = book_count(book);
    struct recovery_wish *grown =
        realloc(resume->wishes, (kept + known - letter->streams + 1) * sizeof *grown);
    if (grown == NULL)
        return; /* they begin with a snapshot */
    resume->wishes = grown;
    for (uint32_t i = letter->streams; i < known; i++)
        if (book_entry(book, i)->stream->kind < EVENT_KINDS_PRICE)
            resume->wishes[resume->count++] = (struct recovery_wish){i, 0};
}

/* Shard's thread. */
static void on_place_answer(struct shard *shard, struct shard_mail *mail)
{
    struct place_letter *letter = place_letter_of(mail);
    struct session *session = letter->session;
    if (session != NULL) {
        session->place = NULL;
        shard_take_all(shard); /* another shard may have sent the client more than we have */
        letter->resume.from_elsewhere |=
            fanout_epoch(shard->fanout) != letter->place.epoch || fanout_holds(shard->fanout);
        wishes_settle(letter, fanout_book(shard->fanout));
        obey_resume(session, &letter->command, &letter->resume);
    }
    place_letter_free(letter);
    shard_continue(shard);
}

static void on_place_discard(struct shard_mail *mail)
{
    struct place_letter *letter = place_letter_of(mail);
    if (letter->session != NULL)
        letter->session->place = NULL;
    place_letter_free(letter);
}

int resume_ask_place(struct session *session, const struct wire_place *place,
                     struct command *command)
{
    struct shard *shard = session->shard;
    const uint32_t streams = book_count(fanout_book(shard->fanout));
    struct place_letter *letter = calloc(1, sizeof *letter);
    struct recovery_wish *wishes = calloc(streams + 1, sizeof *wishes);
    if (letter == NULL || wishes == NULL) {
        free(letter);
        free(wishes);
        return -ENOMEM;
    }
    *letter = (struct place_letter){
        .task = {.run = on_place_run, .drop = on_place_drop},
        .mail = {.deliver = on_place_answer, .discard = on_place_discard},
        .shard = shard,
        .session = session,
        .command = *command,
        .place = *place,
        .epoch = fanout_epoch(shard->fanout),
        .resume = {.wishes = wishes},
        .streams = streams,
        .run = fanout_run(shard->fanout),
        .follows_crash = server_follows_crash(shard->server),
    };
    *command = (struct command){0};
    session->place = letter;
    keeper_ask(server_keeper(shard->server), &letter->task);
    return 0;
}

void resume_forget_place(struct session *session)
{
    if (session->place != NULL)
        session->place->session = NULL;
    session->place = NULL;
}
