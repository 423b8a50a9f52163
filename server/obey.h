/* obey: does what a client says, and answers: its subscriptions, and how it goes on from what it
 * has. Shard's thread. */
#ifndef PRICECAST_SERVER_OBEY_H
#define PRICECAST_SERVER_OBEY_H

#include "server/command.h"
#include "server/session.h"

struct resume;

/* Not while a resume of the session's is under way. What is in the command may be taken; call
 * command_finish() all the same. */
void obey_command(struct session *session, struct command *command);

/* Subscribes as the command says, and goes on from what the client has; not once it is closing. The
 * command is as in obey_command(). */
void obey_resume(struct session *session, struct command *command, struct resume *resume);

/* fanout_options.put_resumed */
void obey_put_resumed(struct reader *reader, uint64_t recovered, uint64_t lost, struct text *text);

#endif
