/* Files are mostly read in runs: as long as the leader's next event is before everybody else's
 * next one, nobody else needs to be looked at. */
#include "tools/feed_inputs.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/file_producer.h"
#include "feed/file_spec.h"
#include "feed/reorder.h"

enum { NONE = 0xffffffffu, FEED_NOTICE_BYTES = 400, PROBLEM_BYTES = 1024 };
/* Files are slightly out of order. Past `to` by more than this a file is not read further. */
#define DISORDER_MAX_NS INT64_C(60000000000)

struct input {
    struct producer *producer;
    struct event_batch *batch;
    size_t at;                       /* the next event of the batch */
    struct reorder reorder;          /* what has been read of it, where there is a window */
    const struct price_event *event; /* the next one, */
    int64_t time_ns;                 /* and its time, or if it has none that of the one before */
    int64_t offset_ns;               /* added to times */
    bool has_ended;                  /* there is no next event */
    uint32_t *map;                   /* to the common streams */
    uint32_t map_size;
    uint64_t events; /* of it, wanted or not */
    bool has_told_end;
};

struct feed_inputs {
    struct feed_inputs_options options;
    struct streams *streams;
    uint64_t *seqs; /* by stream */
    uint32_t seqs_size;
    struct input *inputs;
    size_t count;
    size_t leader;    /* whose event is next; `count` once all have ended */
    size_t rival;     /* who is next after the leader … */
    int64_t rival_ns; /* … and when; INT64_MAX: nobody */
    bool has_begun, is_broken, is_out_of_memory;
    int64_t first_ns; /* of all events, before the range is applied */
    struct price_event event;
};

/* ---- opening ---- */

/* Of several files the message must say which. */
static int options_read(const struct spec *spec, struct file_options *out, int64_t *offset_ns,
                        char *error, size_t error_size)
{
    char problem[PROBLEM_BYTES];
    const int rc = file_spec_read(spec, out, offset_ns, problem, sizeof problem);
    if (rc != 0)
        snprintf(error, error_size, "%s: %s", spec->kind == SPEC_STDIN ? "-" : spec->path, problem);
    return rc;
}

int feed_file_open(const char *text, size_t line_bytes_max, struct producer **out,
                   int64_t *offset_ns, char *error, size_t error_size)
{
    struct spec spec;
    snprintf(error, error_size, "%s: out of memory", text);
    int rc = spec_parse(text, &spec, error, error_size);
    if (rc != 0)
        return rc;
    struct file_options options = {.path = NULL};
    if (spec.kind != SPEC_FILE && spec.kind != SPEC_STDIN) {
        snprintf(error, error_size, "%s: allowed: PATH, file:PATH?key=value&…, or -", text);
        rc = -EINVAL;
    }
    if (rc == 0)
        rc = options_read(&spec, &options, offset_ns, error, error_size);
    if (rc == 0 && spec.kind == SPEC_STDIN)
        options.path = "/dev/stdin";
    options.line_bytes_max = line_bytes_max;
    options.streams_max = STREAMS_MAX_LIMIT;
    if (rc == 0)
        rc = file_producer_create(&options, out, error, error_size);
    spec_finish(&spec);
    return rc;
}

static int input_open(const struct feed_inputs_options *options, struct input *input,
                      const char *spec, char *error, size_t error_size)
{
    input->time_ns = INT64_MIN;
    reorder_init(&input->reorder, options->reorder_window_ns);
    input->batch = calloc(1, sizeof *input->batch);
    if (input->batch == NULL) {
        snprintf(error, error_size, "out of memory");
        return -ENOMEM;
    }
    return feed_file_open(spec, options->line_bytes_max, &input->producer, &input->offset_ns, error,
                          error_size);
}

/* Passes over what is before `from` if the file has an index. What is left of it is left out event
 * by event; so is all of it without an index, or where from or to count from the first event. */
static int input_skip(const struct feed_inputs_options *options, struct input *input, char *error,
                      size_t error_size)
{
    struct producer *producer = input->producer;
    if (options->from.kind != WHEN_AT || options->to.kind == WHEN_AFTER_START ||
        producer->ops->jump == NULL)
        return 0;
    const int rc = producer->ops->jump(producer, options->from.ns - input->offset_ns, 0);
    if (rc == 0 || rc == -ENOTSUP)
        return 0;
    snprintf(error, error_size, "%s: %s", producer->name, strerror(-rc));
    return rc;
}

/* Two readers would each get a part of it. */
static int specs_check(const struct feed_inputs_options *options, char *error, size_t error_size)
{
    bool has_standard_input = false;
    for (size_t i = 0; i < options->specs_count; i++) {
        const char *spec = options->specs[i];
        const bool is_it = spec[0] == '-' && (spec[1] == '\0' || spec[1] == '?');
        if (is_it && has_standard_input) {
            snprintf(error, error_size, "%s: there is only one standard input", spec);
            return -EINVAL;
        }
        has_standard_input |= is_it;
    }
    return 0;
}

int feed_inputs_open(const struct feed_inputs_options *options, struct feed_inputs **out,
                     char *error, size_t error_size)
{
    if (specs_check(options, error, error_size) != 0)
        return -EINVAL;
    struct feed_inputs *inputs = calloc(1, sizeof *inputs);
    if (inputs == NULL)
        return -ENOMEM;
    inputs->options = *options;
    inputs->streams = streams_create(STREAMS_MAX_LIMIT);
    inputs->inputs = calloc(options->specs_count, sizeof *inputs->inputs);
    snprintf(error, error_size, "out of memory");
    int rc = inputs->streams == NULL || inputs->inputs == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < options->specs_count && rc == 0; i++) {
        inputs->count++;
        rc = input_open(options, &inputs->inputs[i], options->specs[i], error, error_size);
        if (rc == 0)
            rc = input_skip(options, &inputs->inputs[i], error, error_size);
    }
    if (rc != 0)
        feed_inputs_close(inputs);
    else
        *out = inputs;
    return rc;
}

void feed_inputs_close(struct feed_inputs *inputs)
{
    if (inputs == NULL)
        return;
    for (size_t i = 0; i < inputs->count; i++) {
        struct input *input = &inputs->inputs[i];
        if (input->producer != NULL)
            input->producer->ops->destroy(input->producer);
        reorder_finish(&input->reorder);
        free(input->batch);
        free(input->map);
    }
    free(inputs->inputs);
    free(inputs->seqs);
    streams_destroy(inputs->streams);
    free(inputs);
}

/* ---- one file ---- */

bool feed_file_is_useless(const struct producer *producer, uint64_t events, uint64_t ignored,
                          uint64_t bad)
{
    const bool may_be_quiet = file_producer_format(producer) == &format_native;
    return events == 0 && bad + (may_be_quiet ? 0 : ignored) > 0;
}

/* The first bad line has been told. */
static void file_ended(struct feed_inputs *inputs, const struct input *input)
{
    const struct event_batch *batch = input->batch;
    char text[FEED_NOTICE_BYTES];
    if (feed_file_is_useless(input->producer, input->events, batch->ignored, batch->bad))
        inputs->is_broken = true;
    if (batch->bad < 2)
        return;
    snprintf(text, sizeof text, "%.300s: %" PRIu64 " of %" PRIu64 " lines were bad and left out",
             input->producer->name, batch->bad, batch->lines);
    inputs->options.message(inputs->options.ctx, text);
}

/* Returns whether there is more to read. */
static bool input_refill(struct feed_inputs *inputs, struct input *input)
{
    struct event_batch *batch = input->batch;
    do {
        if (input->has_told_end)
            return false;
        if (batch->end != PRODUCER_MORE) {
            inputs->is_broken |= batch->end == PRODUCER_BROKEN;
            input->has_told_end = true;
            file_ended(inputs, input);
            return false;
        }
        input->producer->ops->fill(input->producer, batch);
        input->at = 0;
        input->events += batch->count;
        if (batch->message[0] != '\0')
            inputs->options.message(inputs->options.ctx, batch->message);
    } while (batch->count == 0);
    return true;
}

static void tell_late(const struct feed_inputs *inputs, const struct input *input)
{
    char text[FEED_NOTICE_BYTES];
    snprintf(text, sizeof text,
             "%.300s: %" PRIu64 " events came later than --reorder-window allows",
             input->producer->name, input->reorder.late);
    inputs->options.message(inputs->options.ctx, text);
}

/* The next event in the order of times, or NULL. */
static const struct price_event *input_sorted(struct feed_inputs *inputs, struct input *input)
{
    struct reorder *reorder = &input->reorder;
    const struct price_event *event = reorder_peek(reorder, false);
    while (event == NULL) {
        if (input->at == input->batch->count && !input_refill(inputs, input))
            break;
        if (!reorder_push(reorder, &input->batch->events[input->at++])) {
            inputs->is_out_of_memory = inputs->is_broken = true;
            return NULL;
        }
        event = reorder_peek(reorder, false);
    }
    if (event == NULL)
        event = reorder_peek(reorder, true);
    if (event == NULL && reorder->late > 0)
        tell_late(inputs, input);
    return event;
}

/* Looks at the next event, if there is one. */
static void input_look(struct feed_inputs *inputs, struct input *input)
{
    if (input->reorder.window_ns > 0)
        input->event = input_sorted(inputs, input);
    else if (input->at < input->batch->count || input_refill(inputs, input))
        input->event = &input->batch->events[input->at];
    else
        input->event = NULL;
    input->has_ended = input->event == NULL;
    const int64_t time_ns = input->has_ended ? EVENT_NO_TIME : event_time_ns(input->event);
    if (time_ns != EVENT_NO_TIME &&
        __builtin_add_overflow(time_ns, input->offset_ns, &input->time_ns))
        input->time_ns = time_ns;
}

static void input_pass(struct input *input)
{
    if (input->reorder.window_ns > 0)
        reorder_pop(&input->reorder);
    else
        input->at++;
}

/* ---- merging ---- */

static bool goes_before(const struct feed_inputs *inputs, size_t a, size_t b)
{
    const struct input *first = &inputs->inputs[a], *second = &inputs->inputs[b];
    return first->time_ns < second->time_ns || (first->time_ns == second->time_ns && a < b);
}

static void choose_leader(struct feed_inputs *inputs)
{
    const size_t nobody = inputs->count;
    size_t leader = nobody, rival = nobody;
    for (size_t i = 0; i < inputs->count; i++) {
        if (inputs->inputs[i].has_ended)
            continue;
        if (leader == nobody || goes_before(inputs, i, leader)) {
            rival = leader;
            leader = i;
        } else if (rival == nobody || goes_before(inputs, i, rival)) {
            rival = i;
        }
    }
    inputs->leader = leader;
    inputs->rival = rival;
    inputs->rival_ns = rival == nobody ? INT64_MAX : inputs->inputs[rival].time_ns;
}

static void begin(struct feed_inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        input_look(inputs, &inputs->inputs[i]);
    choose_leader(inputs);
    inputs->has_begun = true;
    if (inputs->leader < inputs->count)
        inputs->first_ns = inputs->inputs[inputs->leader].time_ns;
}

/* The leader's event was used. */
static void advance(struct feed_inputs *inputs)
{
    struct input *leader = &inputs->inputs[inputs->leader];
    input_pass(leader);
    input_look(inputs, leader);
    const bool is_before = leader->time_ns < inputs->rival_ns ||
                           (leader->time_ns == inputs->rival_ns && inputs->leader < inputs->rival);
    if (leader->has_ended || !is_before)
        choose_leader(inputs);
}

/* ---- streams ---- */

/* Returns the stream's number in the common table, or NONE without memory. */
static uint32_t map_get(struct feed_inputs *inputs, struct input *input, uint32_t local)
{
    if (local >= input->map_size) {
        const uint32_t size = local * 2 + 64;
        uint32_t *grown = reallocarray(input->map, size, sizeof *grown);
        if (grown == NULL)
            return NONE;
        for (uint32_t i = input->map_size; i < size; i++)
            grown[i] = NONE;
        input->map = grown;
        input->map_size = size;
    }
    if (input->map[local] == NONE) {
        const struct stream *stream = streams_get(input->producer->streams, local);
        const long number = streams_intern(inputs->streams, stream->source, strlen(stream->source),
                                           stream->symbol, strlen(stream->symbol), stream->kind);
        input->map[local] = number < 0 ? NONE : (uint32_t)number;
    }
    return input->map[local];
}

static bool seq_take(struct feed_inputs *inputs, uint32_t stream, uint64_t *out)
{
    if (stream >= inputs->seqs_size) {
        const uint32_t size = stream * 2 + 64;
        uint64_t *grown = reallocarray(inputs->seqs, size, sizeof *grown);
        if (grown == NULL)
            return false;
        memset(grown + inputs->seqs_size, 0, (size - inputs->seqs_size) * sizeof *grown);
        inputs->seqs = grown;
        inputs->seqs_size = size;
    }
    *out = ++inputs->seqs[stream];
    return true;
}

/* ---- events ---- */

void feed_event_shift(struct price_event *event, int64_t offset_ns)
{
    if (event->ts_ns != EVENT_NO_TIME &&
        __builtin_add_overflow(event->ts_ns, offset_ns, &event->ts_ns))
        event->ts_ns = EVENT_NO_TIME;
    if (event->recv_ns != EVENT_NO_TIME &&
        __builtin_add_overflow(event->recv_ns, offset_ns, &event->recv_ns))
        event->recv_ns = EVENT_NO_TIME;
}

/* Makes the leader's event ours. */
static bool take_event(struct feed_inputs *inputs)
{
    struct input *leader = &inputs->inputs[inputs->leader];
    struct price_event *event = &inputs->event;
    *event = *leader->event;
    const uint32_t stream = map_get(inputs, leader, event->stream);
    if (stream == NONE || !seq_take(inputs, stream, &event->seq))
        return false;
    event->stream = stream & EVENT_NO_STREAM;
    feed_event_shift(event, leader->offset_ns);
    return true;
}

/* Is the leader's event within [from, to)? Ends a file that has left the range for good. */
static bool range_admits(const struct feed_inputs *inputs, struct input *leader)
{
    const struct feed_inputs_options *options = &inputs->options;
    const int64_t from = when_resolve(&options->from, inputs->first_ns, INT64_MIN);
    const int64_t to = when_resolve(&options->to, inputs->first_ns, INT64_MAX);
    if (leader->time_ns >= to && leader->time_ns - to >= DISORDER_MAX_NS) {
        leader->batch->end = PRODUCER_ENDED;
        leader->at = leader->batch->count - (leader->reorder.window_ns == 0);
    }
    return leader->time_ns >= from && leader->time_ns < to;
}

const struct price_event *feed_inputs_next(struct feed_inputs *inputs)
{
    if (inputs->is_out_of_memory)
        return NULL;
    if (!inputs->has_begun)
        begin(inputs);
    while (inputs->leader < inputs->count) {
        const bool is_wanted = range_admits(inputs, &inputs->inputs[inputs->leader]);
        if (is_wanted && !take_event(inputs)) {
            inputs->is_out_of_memory = inputs->is_broken = true;
            inputs->options.message(inputs->options.ctx, "out of memory for another stream");
            return NULL;
        }
        advance(inputs);
        if (is_wanted)
            return &inputs->event;
    }
    return NULL;
}

const struct streams *feed_inputs_streams(const struct feed_inputs *inputs)
{
    return inputs->streams;
}

bool feed_inputs_is_broken(const struct feed_inputs *inputs)
{
    return inputs->is_broken;
}

void feed_inputs_progress(const struct feed_inputs *inputs, uint64_t *read, uint64_t *total)
{
    bool is_known = true;
    *read = *total = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        const struct event_batch *batch = inputs->inputs[i].batch;
        is_known &= batch->bytes_total > 0;
        *read += batch->bytes_read;
        *total += batch->bytes_total;
    }
    if (!is_known)
        *total = 0;
}
