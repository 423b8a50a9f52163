/* The merge keeps the next event of every input and looks for the earliest: with the handful of
 * files a replay has, a scan beats a heap. */
#include "feed/track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    OUTBOX_EVENTS = 256,
    PUMP_EVENTS_MAX = 8192, /* then the loop may look after commands */
};
/* Files are slightly out of order. Past `to` by more than this an input is not read further. */
#define DISORDER_MAX_NS INT64_C(60000000000)

struct outbox {
    struct bus *bus;
    size_t count;
    struct price_event events[OUTBOX_EVENTS];
};

static void outbox_flush(struct outbox *outbox)
{
    if (outbox->count > 0)
        bus_emit(outbox->bus, outbox->events, outbox->count);
    outbox->count = 0;
}

static void outbox_put(struct outbox *outbox, const struct price_event *event)
{
    if (outbox->count == OUTBOX_EVENTS)
        outbox_flush(outbox);
    outbox->events[outbox->count++] = *event;
}

static int64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- life ---- */

void track_init(struct track *track, const struct track_options *options, struct bus *bus,
                struct histogram *lateness)
{
    *track = (struct track){
        .options = *options,
        .bus = bus,
        .lateness = lateness,
        .position_ns = EVENT_NO_TIME,
        .prelude_until_ns = INT64_MIN,
        .paced_event_ns = EVENT_NO_TIME,
    };
    pacer_init(&track->pacer, options->speed, options->max_gap_ns);
}

void track_finish(struct track *track)
{
    for (size_t i = 0; i < track->inputs_count; i++)
        input_destroy(track->inputs[i]);
    track->inputs_count = 0;
    free(track->heads);
    free(track->head_events);
    track->heads = NULL;
    track->head_events = NULL;
    free(track->announced);
    track->announced = NULL;
}

int track_add(struct track *track, struct input *input)
{
    if (track->inputs_count == TRACK_INPUTS_MAX)
        return -ENOSPC;
    const size_t count = track->inputs_count + 1;
    struct track_head *heads = realloc(track->heads, count * sizeof *heads);
    if (heads != NULL)
        track->heads = heads;
    struct price_event *events = realloc(track->head_events, count * sizeof *events);
    if (events != NULL)
        track->head_events = events;
    if (heads == NULL || events == NULL)
        return -ENOMEM;
    heads[track->inputs_count] =
        (struct track_head){.state = INPUT_WAITS, .time_ns = EVENT_NO_TIME};
    track->inputs[track->inputs_count++] = input;
    return 0;
}

void track_start(struct track *track)
{
    for (size_t i = 0; i < track->inputs_count; i++)
        input_start(track->inputs[i]);
}

static void track_restart(struct track *track)
{
    for (size_t i = 0; i < track->inputs_count; i++) {
        track->heads[i].state = INPUT_WAITS;
        track->heads[i].time_ns = EVENT_NO_TIME;
    }
    track->ended = false;
    track->prelude_until_ns = INT64_MIN;
    track->position_ns = EVENT_NO_TIME;
    track->paced_event_ns = EVENT_NO_TIME;
    pacer_restart(&track->pacer);
}

void track_rewind(struct track *track)
{
    for (size_t i = 0; i < track->inputs_count; i++)
        input_rewind(track->inputs[i]);
    track_restart(track);
    track->started = false;
    track->seeking = SEEK_NONE;
}

void track_end(struct track *track)
{
    for (size_t i = 0; i < track->inputs_count; i++) {
        input_end(track->inputs[i]);
        track->heads[i].state = INPUT_WAITS;
    }
    track->seeking = SEEK_NONE;
}

/* ---- seeking ---- */

static size_t largest_input(const struct track *track)
{
    size_t largest = 0;
    uint64_t most = 0;
    for (size_t i = 0; i < track->inputs_count; i++) {
        struct input_counts counts;
        input_counts(track->inputs[i], &counts);
        if (counts.bytes_total <= most)
            continue;
        most = counts.bytes_total;
        largest = i;
    }
    return largest;
}

static void inputs_seek(struct track *track, int64_t time_ns, size_t but)
{
    const struct input_target target = {.time_ns = time_ns};
    for (size_t i = 0; i < track->inputs_count; i++)
        if (i != but)
            input_seek(track->inputs[i], &target);
}

void track_seek(struct track *track, const struct input_target *target)
{
    track_restart(track);
    track->steps = 0;
    track->seek_leader = track->inputs_count;
    track->seeking = SEEK_FOLLOWS;
    if (target->time_ns != EVENT_NO_TIME) {
        track->prelude_until_ns = target->time_ns;
        inputs_seek(track, target->time_ns, track->inputs_count);
        return;
    }
    track->seeking = SEEK_LEADS;
    track->seek_leader = largest_input(track);
    input_seek(track->inputs[track->seek_leader], target);
}

bool track_is_seeking(const struct track *track)
{
    return track->seeking != SEEK_NONE;
}

/* Returns whether every input has arrived. */
static bool seek_continue(struct track *track)
{
    if (track->seeking == SEEK_LEADS) {
        const struct input *leader = track->inputs[track->seek_leader];
        if (input_is_seeking(leader))
            return false;
        const int64_t found_ns = input_sought_ns(leader);
        track->prelude_until_ns = found_ns == EVENT_NO_TIME ? INT64_MAX / 2 : found_ns;
        inputs_seek(track, track->prelude_until_ns, track->seek_leader);
        track->seeking = SEEK_FOLLOWS;
    }
    for (size_t i = 0; i < track->inputs_count; i++)
        if (input_is_seeking(track->inputs[i]))
            return false;
    track->seeking = SEEK_NONE;
    track->options.arrived(track->options.ctx);
    track->settling = true;
    return true;
}

/* ---- states of sources ---- */

/* Remembers the state; returns false if the source is in it already. */
static bool state_note(struct track *track, uint32_t stream, enum feed_state state)
{
    const uint64_t epoch = bus_epoch(track->bus);
    if (track->announced_epoch != epoch && track->announced != NULL)
        memset(track->announced, 0, track->announced_size);
    track->announced_epoch = epoch;
    if (stream >= track->announced_size) {
        const uint32_t size = stream * 2 + 64;
        uint8_t *grown = realloc(track->announced, size);
        if (grown == NULL)
            return false;
        memset(grown + track->announced_size, 0, size - track->announced_size);
        track->announced = grown;
        track->announced_size = size;
    }
    if (track->announced[stream] == state + 1)
        return false;
    track->announced[stream] = (uint8_t)(state + 1);
    return true;
}

static struct price_event state_event(uint32_t stream, enum feed_state state)
{
    struct price_event event = event_make(EVENT_FEED);
    event.stream = stream & EVENT_NO_STREAM;
    event.detail = state;
    event.ts_ns = event.recv_ns = wall_ns();
    return event;
}

struct announcement {
    struct track *track;
    enum feed_state state;
};

static void state_emit(void *ctx, uint32_t stream)
{
    const struct announcement *announcement = ctx;
    if (!state_note(announcement->track, stream, announcement->state))
        return;
    struct price_event event = state_event(stream, announcement->state);
    bus_emit(announcement->track->bus, &event, 1);
}

static void announce(struct track *track, const struct input *input, enum feed_state state)
{
    struct announcement announcement = {track, state};
    input_sources(input, state_emit, &announcement);
}

static void announce_all(struct track *track, enum feed_state state)
{
    for (size_t i = 0; i < track->inputs_count; i++)
        announce(track, track->inputs[i], state);
}

/* Sources whose first event has been read but, as the track is paused, not sent. */
static void announce_heads(struct track *track)
{
    struct announcement paused = {track, FEED_PAUSED};
    for (size_t i = 0; i < track->inputs_count; i++)
        if (track->heads[i].state == INPUT_HAS_EVENT)
            state_emit(&paused, track->heads[i].source_stream);
}

/* ---- merging ---- */

/* Times stay where their differences fit into 64 bits. An event without one goes with the event
 * before it; the head's time is EVENT_NO_TIME only as long as no time has come at all. */
static void head_refresh(struct track *track, size_t i)
{
    const int64_t reach_ns = INT64_MAX / 2;
    struct track_head *head = &track->heads[i];
    head->state = input_peek(track->inputs[i], &track->head_events[i], &head->source_stream);
    const int64_t time_ns =
        head->state == INPUT_HAS_EVENT ? event_time_ns(&track->head_events[i]) : EVENT_NO_TIME;
    if (time_ns != EVENT_NO_TIME)
        head->time_ns = time_ns > reach_ns ? reach_ns : time_ns < -reach_ns ? -reach_ns : time_ns;
    /* In a file out of order its time may be later than the target's. It comes before that. */
    head->is_prelude =
        track->settling && head->state == INPUT_HAS_EVENT && input_is_prelude(track->inputs[i]);
    if (head->is_prelude && head->time_ns >= track->prelude_until_ns)
        head->time_ns = track->prelude_until_ns - 1;
}

static void head_pop(struct track *track, size_t i)
{
    input_pop(track->inputs[i]);
    head_refresh(track, i);
}

/* Finds the input with the earliest event; of equal ones the first. Returns INPUT_WAITS while any
 * input may still bring an earlier one. */
static enum input_state merge_find(struct track *track, size_t *out)
{
    enum input_state state = INPUT_ENDED;
    for (size_t i = 0; i < track->inputs_count; i++) {
        const struct track_head *head = &track->heads[i];
        if (head->state == INPUT_WAITS)
            head_refresh(track, i);
        if (head->state == INPUT_WAITS)
            return INPUT_WAITS;
        if (head->state == INPUT_ENDED)
            continue;
        if (state == INPUT_ENDED || head->time_ns < track->heads[*out].time_ns)
            *out = i;
        state = INPUT_HAS_EVENT;
    }
    return state;
}

/* Is the event within [from, to)? Ends an input that has left the range for good. */
static bool range_admits(struct track *track, size_t i)
{
    const int64_t time = track->heads[i].time_ns;
    if (time == EVENT_NO_TIME)
        return true;
    if (!track->started) {
        track->started = true;
        track->first_ns = time;
        track->rebase_ns = wall_ns() - time;
    }
    const int64_t from = when_resolve(&track->options.from, track->first_ns, INT64_MIN);
    const int64_t to = when_resolve(&track->options.to, track->first_ns, INT64_MAX);
    if ((time >= from || track->heads[i].is_prelude) && time < to)
        return true;
    track->out_of_range++;
    if (time >= to && time - to >= DISORDER_MAX_NS)
        input_end(track->inputs[i]);
    else
        input_pop(track->inputs[i]);
    head_refresh(track, i);
    return false;
}

/* ---- sending ---- */

/* Adds the step from the event before to what was asked for and to what it took. The first one of a
 * stretch counts from when it was due: if it is late, so are those behind it. */
static void pace_note(struct track *track, int64_t event_ns, int64_t due_ns, int64_t now_ns)
{
    const bool is_first = track->paced_event_ns == EVENT_NO_TIME;
    int64_t step = is_first ? 0 : event_ns - track->paced_event_ns;
    if (step > 0) {
        if (track->options.max_gap_ns > 0 && step > track->options.max_gap_ns)
            step = track->options.max_gap_ns;
        if (track->pacer.speed > 0)
            track->asked_ns += (int64_t)((double)step / track->pacer.speed);
    }
    if (!is_first)
        track->took_ns += now_ns - track->paced_real_ns;
    if (!is_first && track->pacer.speed == 0)
        track->asked_ns += now_ns - track->paced_real_ns; /* nothing is: as long as it takes */
    if (step > 0 || is_first)
        track->paced_event_ns = event_ns;
    track->paced_real_ns = is_first && due_ns != PACER_AT_ONCE ? due_ns : now_ns;
}

static void pace_interrupt(struct track *track)
{
    track->paced_event_ns = EVENT_NO_TIME;
}

static void time_shift(int64_t *time_ns, int64_t shift_ns)
{
    if (*time_ns != EVENT_NO_TIME && __builtin_add_overflow(*time_ns, shift_ns, time_ns))
        *time_ns = EVENT_NO_TIME;
}

/* Lays recorded times onto the wall clock: at the moment the event is due. */
static void rebase(struct track *track, size_t i, int64_t due_ns, int64_t wall_offset_ns)
{
    struct price_event *event = &track->head_events[i];
    const int64_t time_ns = track->heads[i].time_ns;
    if (time_ns == EVENT_NO_TIME)
        return; /* nor has the event any */
    const int64_t shift_ns =
        due_ns == PACER_AT_ONCE ? track->rebase_ns : due_ns + wall_offset_ns - time_ns;
    time_shift(&event->ts_ns, shift_ns);
    time_shift(&event->recv_ns, shift_ns);
}

static void send_event(struct track *track, size_t i, int64_t due_ns, int64_t wall_offset_ns,
                       struct outbox *outbox)
{
    const struct track_head *head = &track->heads[i];
    const enum feed_state state = track->paused ? FEED_PAUSED : FEED_UP;
    if (state_note(track, head->source_stream, state)) {
        const struct price_event up = state_event(head->source_stream, state);
        outbox_put(outbox, &up);
    }
    if (head->time_ns != EVENT_NO_TIME)
        track->position_ns = head->time_ns;
    track->sent++;
    if (track->options.rebase)
        rebase(track, i, due_ns, wall_offset_ns);
    outbox_put(outbox, &track->head_events[i]);
    head_pop(track, i);
}

/* Returns false, and stops recorded time, when the track has to wait for room. */
static bool room_take(struct track *track, size_t *room, struct outbox *outbox, int64_t now_ns,
                      void (*wake)(void *ctx), void *ctx)
{
    enum { MARGIN = 2 }; /* an event may bring its source's state along */
    if (!track->options.lossless || *room > MARGIN) {
        *room -= track->options.lossless ? MARGIN : 0;
        return true;
    }
    outbox_flush(outbox);
    *room = bus_room(track->bus);
    if (*room > MARGIN + OUTBOX_EVENTS || !bus_want_room(track->bus, wake, ctx))
        return true;
    track->waits_for_room = true;
    pace_interrupt(track);
    pacer_stop(&track->pacer, now_ns);
    return false;
}

/* The prelude is over. */
static void settle(struct track *track, struct outbox *outbox, bool is_within)
{
    if (!track->settling)
        return;
    track->settling = false;
    /* It now stands where it was sent, not at the last event before that; but not outside. */
    const int64_t to_ns = track->prelude_until_ns;
    if (is_within && to_ns > track->first_ns && to_ns > track->position_ns)
        track->position_ns = to_ns;
    outbox_flush(outbox);
    track->options.settled(track->options.ctx);
}

/* When the next event is due; an event without a time, what a prelude tells, and what is stepped to
 * are due at once. */
static int64_t due_find(struct track *track, size_t i, int64_t now_ns)
{
    const int64_t time_ns = track->heads[i].time_ns;
    if (track->heads[i].is_prelude)
        return now_ns;
    if (track->paused) {
        track->steps--;
        return now_ns;
    }
    if (time_ns == EVENT_NO_TIME)
        return now_ns;
    const int64_t due_ns = pacer_due_ns(&track->pacer, time_ns, now_ns);
    if (due_ns <= now_ns)
        pace_note(track, time_ns, due_ns, now_ns);
    return due_ns;
}

static int64_t pump(struct track *track, int64_t now_ns, struct outbox *outbox,
                    void (*room_wake)(void *ctx), void *ctx)
{
    const int64_t wall_offset_ns = wall_ns() - now_ns;
    size_t room = 0;
    for (int budget = PUMP_EVENTS_MAX; budget > 0; budget--) {
        size_t i = 0;
        const enum input_state state = merge_find(track, &i);
        if (state == INPUT_ENDED)
            settle(track, outbox, false);
        if (state != INPUT_HAS_EVENT)
            return state == INPUT_ENDED ? TRACK_ENDED : TRACK_WAITS;
        if (!range_admits(track, i))
            continue;
        if (!track->heads[i].is_prelude)
            settle(track, outbox, true);
        if (track->paused && track->steps == 0 && !track->heads[i].is_prelude)
            return TRACK_WAITS;
        if (!room_take(track, &room, outbox, now_ns, room_wake, ctx))
            return TRACK_WAITS;
        const int64_t due_ns = due_find(track, i, now_ns);
        if (due_ns > now_ns)
            return due_ns;
        if (due_ns != PACER_AT_ONCE)
            histogram_record(track->lateness, (uint64_t)(now_ns - due_ns));
        send_event(track, i, due_ns, wall_offset_ns, outbox);
    }
    return TRACK_AGAIN;
}

static void inputs_announce_end(struct track *track)
{
    for (size_t i = 0; i < track->inputs_count; i++)
        announce(track, track->inputs[i], FEED_ENDED);
    track->ended = true;
}

int64_t track_pump(struct track *track, int64_t now_ns, void (*room)(void *ctx), void *ctx)
{
    if (track->ended)
        return TRACK_ENDED;
    if (track->seeking != SEEK_NONE && !seek_continue(track))
        return TRACK_WAITS;
    if (track->waits_for_room) {
        track->waits_for_room = false;
        if (!track->paused)
            pacer_continue(&track->pacer, now_ns);
    }
    struct outbox outbox = {.bus = track->bus};
    const int64_t next = pump(track, now_ns, &outbox, room, ctx);
    outbox_flush(&outbox);
    if (track->paused)
        announce_heads(track);
    if (next == TRACK_ENDED)
        inputs_announce_end(track);
    return next;
}

/* ---- control ---- */

void track_pause(struct track *track, int64_t now_ns)
{
    if (track->paused)
        return;
    track->paused = true; /* also of one that has ended: a seek brings it back */
    pace_interrupt(track);
    pacer_stop(&track->pacer, now_ns);
    if (!track->ended)
        announce_all(track, FEED_PAUSED);
}

void track_resume(struct track *track, int64_t now_ns)
{
    if (!track->paused)
        return;
    track->paused = false;
    track->steps = 0;
    pacer_continue(&track->pacer, now_ns);
    if (track->stepped)
        pacer_restart(&track->pacer);
    track->stepped = false;
    announce_all(track, track->ended ? FEED_ENDED : FEED_UP);
}

void track_step(struct track *track, uint64_t count)
{
    if (!track->paused)
        return;
    track->steps += count;
    track->stepped = true;
}

void track_set_speed(struct track *track, double speed, int64_t now_ns)
{
    pace_interrupt(track);
    pacer_set_speed(&track->pacer, speed, now_ns);
}
