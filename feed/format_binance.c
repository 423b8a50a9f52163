/* Collector lines of Binance streams: `<receive ns> <json>`, as hftbacktest's collector writes
 * them. What the JSON means is in exchange_binance.c. */
#include <errno.h>

#include "feed/exchange.h"

/* Returns how many bytes the receive time and the space take, or 0. */
static size_t read_recv(const char *text, size_t len, int64_t *ns)
{
    size_t at = 0;
    while (at < len && text[at] >= '0' && text[at] <= '9')
        at++;
    const struct json_scan_token digits = {.text = text, .len = at, .type = SCAN_NUMBER};
    if (at == 0 || at == len || text[at] != ' ' || json_scan_integer(&digits, ns) != 0)
        return 0;
    return at + 1;
}

static int create(const struct format_options *options, void **out, char *error, size_t error_size)
{
    (void)options, (void)error, (void)error_size;
    *out = exchange_open(&exchange_binance);
    return *out == NULL ? -ENOMEM : 0;
}

static void destroy(void *parser)
{
    exchange_close(parser);
}

static enum format_result parse_line(void *parser, const char *text, size_t len,
                                     struct format_output *out)
{
    struct exchange_message message;
    message.offset = read_recv(text, len, &message.recv_ns);
    if (message.offset == 0)
        return format_bad(out, "no receive time in nanoseconds and a space in front");
    message.text = text + message.offset;
    message.len = len - message.offset;
    return exchange_parse(parser, &message, out);
}

/* Other exchanges' messages come in such lines too; ours name an event or a stream. */
static int guess(const struct line *lines, size_t count, const char **why)
{
    size_t with_time = 0, ours = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t ns;
        const size_t prefix = read_recv(lines[i].text, lines[i].len, &ns);
        with_time += prefix > 0;
        ours += prefix > 0 && exchange_of_message(lines[i].text + prefix, lines[i].len - prefix) ==
                                  &exchange_binance;
    }
    *why = with_time == 0 ? "no receive time in front of JSON" : "no Binance messages";
    return (int)(95 * ours / count);
}

static const char *const keys[] = {"symbol", "source", NULL};

const struct format format_binance = {
    .name = "binance",
    .content = "Binance stream messages, each after its receive time in nanoseconds and a space",
    .takes = "trade, aggTrade and bookTicker messages",
    .keys = keys,
    .guess = guess,
    .create = create,
    .destroy = destroy,
    .parse_line = parse_line,
};
