/* A receiver that does not read closes its window: everything on the way gets acknowledged, nothing
 * may follow, and the kernel begins to probe. A path that is too slow or broken looks the other way
 * round: segments are out, and their acknowledgements are missing. */
#include "server/peer.h"

#include <arpa/inet.h>
#include <linux/tcp.h> /* struct tcp_info of <netinet/tcp.h> ends too early */
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

enum { STATE_CLOSE = 7, STATE_CLOSE_WAIT = 8 }; /* of the kernel's tcp_states.h */
enum { LAG_MAX_US = 50000 /* a thread that is later than this is what makes clients wait */ };

/* A receiver without memory also drops what its window had allowed, so something may be on its way
 * again and again although the window is closed. */
static bool window_is_closed(const struct tcp_info *info, socklen_t len)
{
    const bool says_window = len >= offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(uint32_t);
    return (says_window && info->tcpi_snd_wnd == 0) || info->tcpi_probes > 0 ||
           (info->tcpi_unacked == 0 && info->tcpi_notsent_bytes > 0);
}

bool peer_read(int fd, struct peer *out)
{
    struct tcp_info info = {0}; /* older kernels fill less of it */
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return false;
    *out = (struct peer){
        .acked_bytes = info.tcpi_bytes_acked,
        .unsent_bytes = info.tcpi_notsent_bytes,
        .unacked = info.tcpi_unacked,
        .rtt_us = info.tcpi_rtt,
        .retransmits = info.tcpi_total_retrans,
        .silent_ms = info.tcpi_last_ack_recv,
        .has_ended = info.tcpi_state == STATE_CLOSE || info.tcpi_state == STATE_CLOSE_WAIT,
        .is_retrying = info.tcpi_retransmits > 0,
        .window_closed = window_is_closed(&info, len),
        .window_limits = info.tcpi_rwnd_limited > info.tcpi_busy_time / 2,
    };
    return true;
}

void peer_address(int fd, char out[PEER_ADDRESS_BYTES])
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[INET6_ADDRSTRLEN];
    out[0] = '\0';
    if (getpeername(fd, (struct sockaddr *)&address, &len) != 0)
        return;
    if (address.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(out, PEER_ADDRESS_BYTES, "%s:%u", host, ntohs(in->sin_port));
    } else if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&address;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(out, PEER_ADDRESS_BYTES, "[%s]:%u", host, ntohs(in6->sin6_port));
    }
}

enum peer_verdict peer_judge(const struct peer *peer, bool waits, uint64_t lag_us)
{
    if (waits && peer->window_closed)
        return PEER_IS_SLOW;
    if (waits && peer->is_retrying)
        return PEER_PATH_SLOW;
    if (waits && peer->window_limits)
        return PEER_IS_SLOW;
    if (lag_us > LAG_MAX_US)
        return PEER_WE_ARE_SLOW;
    return waits ? PEER_PATH_SLOW : PEER_OK;
}

const char *peer_verdict_name(enum peer_verdict verdict)
{
    static const char *const names[] = {"ok", "client", "network", "server"};
    return names[verdict];
}
