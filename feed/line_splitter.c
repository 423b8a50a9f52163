/* Invariants: begin + searched <= end <= room; while is_passing nothing is kept. */
#include "feed/line_splitter.h"

#include <stdlib.h>
#include <string.h>

void line_splitter_finish(struct line_splitter *splitter)
{
    free(splitter->bytes);
    *splitter = (struct line_splitter){.line_max = splitter->line_max};
}

char *line_splitter_room(struct line_splitter *splitter, size_t *size)
{
    const size_t kept = splitter->end - splitter->begin;
    if (splitter->begin > 0)
        memmove(splitter->bytes, splitter->bytes + splitter->begin, kept);
    splitter->begin = 0;
    splitter->end = kept;
    if (splitter->room - kept < LINE_SPLITTER_READ_BYTES) {
        const size_t room = 2 * kept + LINE_SPLITTER_READ_BYTES;
        char *grown = realloc(splitter->bytes, room);
        if (grown == NULL)
            return NULL;
        splitter->bytes = grown;
        splitter->room = room;
    }
    *size = splitter->room - kept;
    return splitter->bytes + kept;
}

void line_splitter_read(struct line_splitter *splitter, size_t size)
{
    splitter->end += size;
}

static void pass_all(struct line_splitter *splitter)
{
    splitter->begin = splitter->end;
    splitter->searched = 0;
}

/* Only part of a line is there. */
static enum line_split keep_rest(struct line_splitter *splitter)
{
    const size_t kept = splitter->end - splitter->begin;
    splitter->searched = kept;
    /* One more byte may be the CR of the end. */
    const bool is_long = !splitter->is_passing && kept > splitter->line_max + 1;
    splitter->is_passing |= is_long;
    if (splitter->is_passing)
        pass_all(splitter);
    return is_long ? LINE_SPLIT_LONG : LINE_SPLIT_NONE;
}

enum line_split line_splitter_next(struct line_splitter *splitter, const char **text, size_t *len)
{
    for (;;) {
        const char *begin = splitter->bytes + splitter->begin;
        const size_t left = splitter->end - splitter->begin - splitter->searched;
        const char *lf = left == 0 ? NULL : memchr(begin + splitter->searched, '\n', left);
        if (lf == NULL)
            return keep_rest(splitter);
        splitter->begin = (size_t)(lf + 1 - splitter->bytes);
        splitter->searched = 0;
        if (splitter->is_passing) {
            splitter->is_passing = false;
            continue;
        }
        *text = begin;
        *len = (size_t)(lf - begin) - (lf > begin && lf[-1] == '\r');
        return *len > splitter->line_max ? LINE_SPLIT_LONG : LINE_SPLIT_LINE;
    }
}

enum line_split line_splitter_last(struct line_splitter *splitter, const char **text, size_t *len)
{
    if (splitter->begin == splitter->end || splitter->is_passing)
        return LINE_SPLIT_NONE;
    *text = splitter->bytes + splitter->begin;
    *len = splitter->end - splitter->begin;
    pass_all(splitter);
    return *len > splitter->line_max ? LINE_SPLIT_LONG : LINE_SPLIT_LINE;
}
