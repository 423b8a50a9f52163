#include "server/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ACCEPTS_A_TURN = 64 };

/* As accept() gives out the lowest free descriptor, connections are refused before the process has
 * none left. */
static int fd_limit(unsigned kept)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    return (int)(limit.rlim_cur - (kept < limit.rlim_cur / 4 ? kept : limit.rlim_cur / 4));
}

static int spare_open(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Returns false if nobody waits after all, as cannot be seen without a descriptor, or it failed. */
static bool refuse_by_spare_fd(struct listener *listener)
{
    close(listener->spare_fd);
    const int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    listener->spare_fd = spare_open();
    if (listener->spare_fd < 0)
        uv_poll_stop(&listener->poll);
    if (fd >= 0)
        listener->refused(listener);
    return fd >= 0;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct listener *listener = poll->data;
    for (int i = 0; i < ACCEPTS_A_TURN && listener->is_open; i++) {
        struct sockaddr_storage from;
        struct sockaddr *const address = (struct sockaddr *)&from;
        socklen_t len = sizeof from;
        const int fd = accept4(listener->fd, address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= listener->fd_limit) {
            close(fd);
            listener->refused(listener);
        } else if (fd >= 0) {
            listener->accepted(listener, fd, address);
        } else if ((errno == EMFILE || errno == ENFILE) && listener->spare_fd >= 0) {
            if (!refuse_by_spare_fd(listener))
                break;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            break;
        }
    }
}

int listener_open(struct listener *listener, uv_loop_t *loop, int fd, unsigned kept)
{
    listener->fd = fd;
    listener->spare_fd = spare_open();
    listener->fd_limit = fd_limit(kept);
    listener->is_open = true;
    listener->poll.data = listener;
    int rc = uv_poll_init(loop, &listener->poll, fd);
    if (rc != 0)
        listener->poll.data = NULL; /* nothing to close */
    else
        rc = uv_poll_start(&listener->poll, UV_READABLE, on_readable);
    return rc;
}

void listener_resume(struct listener *listener)
{
    if (!listener->is_open || listener->spare_fd >= 0)
        return;
    listener->spare_fd = spare_open();
    if (listener->spare_fd >= 0)
        uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
}

void listener_close(struct listener *listener)
{
    if (!listener->is_open)
        return;
    listener->is_open = false;
    if (listener->poll.data != NULL)
        uv_close((uv_handle_t *)&listener->poll, on_closed);
    close(listener->fd);
    if (listener->spare_fd >= 0)
        close(listener->spare_fd);
}
