/* resume: what a client that comes back says it has, in the fan-out's terms, and the way of the
 * fan-out's questions to the keeper and back. See recovery.h for what happens then. Shard's thread.
 */
#ifndef PRICECAST_SERVER_RESUME_H
#define PRICECAST_SERVER_RESUME_H

#include "server/command.h"
#include "server/messages.h"
#include "server/recovery.h"

struct shard;
struct session;

struct resume {
    struct recovery_wish *wishes; /* owned; by stream, each once */
    size_t count;
    size_t listed;       /* streams that the client named */
    uint64_t lost;       /* events it lacks besides those that are wished for */
    bool from_elsewhere; /* of another epoch: there is nothing to recover */
};

/* Finds the command's streams. What the client cannot have, a seq of `ahead_max` or more above what
 * there is, is left out. Returns 0 or -ENOMEM. */
int resume_find(const struct command *command, struct fanout *fanout, uint64_t ahead_max,
                struct resume *out);
void resume_finish(struct resume *resume);

/* Of another epoch: sets how many of its streams the plan wants, and what is known to be missed of
 * them, as they begin with a snapshot or, without `snapshot`, with their next event. */
void resume_count_lost(const struct resume *resume, const struct reader *reader, bool snapshot,
                       uint64_t *lost, size_t *used);

/* The id of an event of /sse: everything up to a place. Returns false if it is none. */
bool resume_read_id(const char *id, struct wire_place *out);

/* Finds out where each stream stood at a place, and then calls obey_resume(). Takes the command
 * on success; 0 or -ENOMEM. While it is under way session->place is set: when the session ends
 * before, call resume_forget_place(). */
struct place_letter;
int resume_ask_place(struct session *session, const struct wire_place *place,
                     struct command *command);
void resume_forget_place(struct session *session);

/* fanout_options.ask of this shard's fan-out. */
void resume_ask(struct shard *shard, struct recall_request *request);

#endif
