/* listener: takes connections off a listening socket, one a shard.
 *
 * File descriptors may run out. The last ones are kept for everything else: connections that would
 * get one of those are closed at once. Out of descriptors all the same, a spare one is given up to
 * take the connection off the queue and refuse it, or the socket would be readable for ever; when
 * somebody else gets hold of the spare one, the listener rests until there is one again. Loop's
 * thread. */
#ifndef PRICECAST_SERVER_LISTENER_H
#define PRICECAST_SERVER_LISTENER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

struct listener {
    uv_poll_t poll;
    int fd, spare_fd;
    int fd_limit; /* no connection may have this descriptor or a higher one */
    bool is_open;
    /* Takes the connection's descriptor, which does not block. */
    void (*accepted)(struct listener *listener, int fd, const struct sockaddr *from);
    /* One was closed for want of descriptors. */
    void (*refused)(struct listener *listener);
};

/* Takes `fd`, a listening socket that does not block, in any case: see listener_close(). Set both
 * callbacks before. So many descriptors are kept for others, but not most of them. Returns 0 or a
 * negative errno. */
int listener_open(struct listener *listener, uv_loop_t *loop, int fd, unsigned kept);

/* Goes on after a rest, if it can. */
void listener_resume(struct listener *listener);

/* Does nothing when it is closed. The loop must run once more before the memory goes. */
void listener_close(struct listener *listener);

#endif
