#include "server/candles_api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/candles.h"
#include "server/command.h"
#include "server/plan.h"

static const char no_memory[] = "out of memory";

struct candles_ask {
    struct keeper_task task; /* first */
    struct candles_query query;
    bool is_stats;
    bool all;         /* of the stats: no symbols were named */
    struct plan plan; /* else these */
    candles_answer_fn *answer;
    void *ctx;
};

void candles_ask_free(struct candles_ask *ask)
{
    if (ask == NULL)
        return;
    plan_finish(&ask->plan);
    free(ask);
}

/* ---- reading ---- */

/* Returns false unless the text is a whole number from min to max. */
static bool read_whole(const char *text, int64_t min, int64_t max, int64_t *out)
{
    char *end;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    const char first = text[text[0] == '-'];
    if (first < '0' || first > '9' || *end != '\0' || errno != 0 || number < min || number > max)
        return false;
    *out = number;
    return true;
}

static const char *query_read(const struct candles_params *params, struct candles_query *query)
{
    int64_t limit = CANDLES_LIMIT_DEFAULT;
    query->before_us = INT64_MAX;
    if (params->symbol == NULL || !name_is_valid(params->symbol, strlen(params->symbol)))
        return "symbol: the name of one, of 1 to 128 bytes";
    strcpy(query->symbol, params->symbol);
    query->interval = candles_interval(params->interval != NULL ? params->interval : "1m");
    if (query->interval < 0)
        return "interval: " CANDLES_INTERVALS;
    if (params->limit != NULL && !read_whole(params->limit, 1, CANDLES_LIMIT_MAX, &limit))
        return "limit: a whole number from 1 to 5000";
    query->limit = (unsigned)limit;
    if (params->before != NULL &&
        !read_whole(params->before, INT64_MIN + 1, INT64_MAX, &query->before_us))
        return "before: a time in whole microseconds";
    return NULL;
}

const char *candles_ask_candles(const struct candles_params *params, struct candles_ask **out)
{
    struct candles_ask *ask = calloc(1, sizeof *ask);
    const char *problem = ask == NULL ? no_memory : query_read(params, &ask->query);
    if (problem != NULL)
        candles_ask_free(ask);
    else
        *out = ask;
    return problem;
}

static const char *symbols_read(const char *symbols, struct plan *out)
{
    struct command command;
    struct command_error error;
    struct topics topics = {0};
    command_query_begin(&command);
    const char *problem = NULL;
    if (!command_query(&command, "symbols", symbols, &error))
        problem = "symbols: names and patterns with commas between";
    else if (topics_set(&topics, command.symbols, command.symbols_count, KIND_BITS_ALL,
                        command.delivery) != 0 ||
             plan_init(out, &topics) != 0)
        problem = no_memory;
    topics_finish(&topics);
    command_finish(&command);
    return problem;
}

const char *candles_ask_stats(const struct candles_params *params, struct candles_ask **out)
{
    struct candles_ask *ask = calloc(1, sizeof *ask);
    if (ask == NULL)
        return no_memory;
    ask->is_stats = true;
    ask->all = params->symbols == NULL || *params->symbols == '\0';
    const char *problem = ask->all ? NULL : symbols_read(params->symbols, &ask->plan);
    if (problem != NULL)
        candles_ask_free(ask);
    else
        *out = ask;
    return problem;
}

/* ---- answering, on the keeper's thread ---- */

static bool is_wanted(void *ctx, const char *symbol)
{
    const struct candles_ask *ask = ctx;
    return ask->all || plan_group(&ask->plan, symbol, EVENT_TRADE) >= 0;
}

static bool ask_run(struct keeper_task *task, struct keeper *keeper)
{
    struct candles_ask *ask = (struct candles_ask *)task;
    const struct candles *candles = keeper_candles(keeper);
    struct text json = {0};
    int status = 200;
    if (ask->is_stats) {
        candles_put_stats(candles, is_wanted, ask, &json);
    } else if (!candles_put(candles, &ask->query, &json)) {
        status = 404;
        text_puts(&json, "{\"error\":{\"code\":\"not_found\",\"message\":"
                         "\"no price of this symbol has been seen\"}}");
    }
    ask->answer(ask->ctx, status, &json);
    candles_ask_free(ask);
    return true;
}

static void ask_drop(struct keeper_task *task)
{
    struct candles_ask *ask = (struct candles_ask *)task;
    struct text none = {0};
    ask->answer(ask->ctx, 0, &none);
    candles_ask_free(ask);
}

void candles_ask_send(struct candles_ask *ask, struct keeper *keeper, candles_answer_fn *answer,
                      void *ctx)
{
    ask->answer = answer;
    ask->ctx = ctx;
    ask->task.run = ask_run;
    ask->task.drop = ask_drop;
    keeper_ask(keeper, &ask->task);
}
