/* The first track with inputs is the one whose time, speed and pauses people see; events and bytes
 * are those of all sources. */
#include "feed/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int report_init(struct report *report, const struct report_on *on, enum feed_mode mode,
                bool rebased)
{
    size_t count = live_set_count(on->live);
    for (size_t i = 0; i < on->tracks_count; i++)
        count += on->tracks[i].inputs_count;
    *report = (struct report){
        .on = *on,
        .status = {.mode = mode, .rebased = rebased, .inputs_count = count},
    };
    pthread_mutex_init(&report->lock, NULL);
    report->status.inputs = calloc(count + 1, sizeof *report->status.inputs);
    return report->status.inputs == NULL ? -ENOMEM : 0;
}

void report_finish(struct report *report)
{
    pthread_mutex_destroy(&report->lock);
    free(report->status.inputs);
}

void report_pace_anew(struct report *report)
{
    report->pace_from.is_set = false;
}

/* ---- the copy ---- */

static enum feed_play play_of(const struct report_on *on, const struct report_facts *facts)
{
    if (facts->ended)
        return FEED_HAS_ENDED;
    if (facts->holding)
        return FEED_WAITING;
    bool paused = false;
    for (size_t i = 0; i < on->tracks_count; i++) {
        if (track_is_seeking(&on->tracks[i]))
            return FEED_SEEKING;
        paused |= on->tracks[i].inputs_count > 0 && on->tracks[i].paused;
    }
    return paused ? FEED_IS_PAUSED : FEED_PLAYING;
}

static void input_fill(const struct input *input, struct feed_input_status *out)
{
    struct input_counts counts;
    input_counts(input, &counts);
    *out = (struct feed_input_status){
        .events = counts.events,
        .lines = counts.lines,
        .ignored = counts.ignored,
        .bad = counts.bad,
        .refused = counts.refused,
        .late = counts.late,
        .bytes_read = counts.bytes_read,
        .bytes_total = counts.bytes_total,
        .broken = counts.broken,
    };
    out->format = input_format(input, &out->sure);
    snprintf(out->name, sizeof out->name, "%s", input_name(input));
}

static int64_t eta_guess(struct report *report)
{
    const struct feed_status *status = &report->status;
    if (!report->pace_from.is_set) {
        report->pace_from.is_set = true;
        report->pace_from.took_ns = status->took_ns;
        report->pace_from.bytes_read = status->bytes_read;
    }
    const uint64_t from = report->pace_from.bytes_read, read = status->bytes_read;
    if (status->play != FEED_PLAYING || status->loop || read <= from || read > status->bytes_total)
        return -1;
    return (int64_t)((double)(status->took_ns - report->pace_from.took_ns) *
                     (double)(status->bytes_total - read) / (double)(read - from));
}

/* After a step, and where nothing is paced, only the events tell. */
static int64_t clock_of(const struct track *track, int64_t now_ns)
{
    const int64_t position_ns = track->position_ns;
    if (position_ns == EVENT_NO_TIME || track->ended || track->stepped || track_is_seeking(track) ||
        track->settling)
        return position_ns;
    const int64_t clock_ns = pacer_clock_ns(&track->pacer, now_ns, position_ns);
    return clock_ns > position_ns ? clock_ns : position_ns;
}

static void tracks_fill(struct feed_status *status, const struct report_on *on, int64_t now_ns)
{
    size_t at = 0;
    status->events = 0;
    status->speed = 1;
    status->position_ns = status->clock_ns = EVENT_NO_TIME;
    for (size_t i = 0; i < on->tracks_count; i++) {
        const struct track *track = &on->tracks[i];
        status->events += track->sent;
        if (track->inputs_count > 0 && status->position_ns == EVENT_NO_TIME) {
            status->position_ns = track->position_ns;
            status->clock_ns = clock_of(track, now_ns);
            status->speed = track->pacer.speed;
            status->asked_ns = track->asked_ns;
            status->took_ns = track->took_ns;
        }
        for (size_t k = 0; k < track->inputs_count; k++)
            input_fill(track->inputs[k], &status->inputs[at++]);
    }
    status->events += live_set_status(on->live, &status->inputs[at]);
}

void report_refresh(struct report *report, const struct report_facts *facts, int64_t now_ns,
                    bool forced)
{
    if (!forced && now_ns - report->at_ns < REPORT_EVERY_NS)
        return;
    pthread_mutex_lock(&report->lock);
    report->at_ns = now_ns;
    struct feed_status *status = &report->status;
    status->play = play_of(&report->on, facts);
    status->loop = facts->loop;
    status->loops = facts->loops;
    tracks_fill(status, &report->on, now_ns);
    status->bytes_read = status->bytes_total = 0;
    for (size_t i = 0; i < status->inputs_count; i++) {
        status->bytes_read += status->inputs[i].bytes_read;
        status->bytes_total += status->inputs[i].bytes_total;
    }
    status->eta_ns = eta_guess(report);
    pthread_mutex_unlock(&report->lock);
}

/* ---- its readers ---- */

int report_read(struct report *report, int64_t now_ns, struct feed_status *out)
{
    const size_t count = report->status.inputs_count;
    struct feed_input_status *inputs = calloc(count + 1, sizeof *inputs);
    if (inputs == NULL)
        return -ENOMEM;
    pthread_mutex_lock(&report->lock);
    *out = report->status;
    if (out->play == FEED_PLAYING && out->clock_ns != EVENT_NO_TIME)
        out->clock_ns += (int64_t)((double)(now_ns - report->at_ns) * out->speed);
    memcpy(inputs, report->status.inputs, count * sizeof *inputs);
    pthread_mutex_unlock(&report->lock);
    out->inputs = inputs;
    out->lateness_p50_ns = histogram_percentile(report->on.lateness, 0.5);
    out->lateness_p99_ns = histogram_percentile(report->on.lateness, 0.99);
    out->lateness_max_ns = atomic_load(&report->on.lateness->max);
    return 0;
}
