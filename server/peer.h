/* peer: what the kernel knows of the other end of a TCP connection. Any thread. */
#ifndef PRICECAST_SERVER_PEER_H
#define PRICECAST_SERVER_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_ADDRESS_BYTES 64

struct peer {
    uint64_t acked_bytes;  /* ever acknowledged by it, modulo 2^32 at least */
    uint32_t unsent_bytes; /* wait in our kernel for its window, or for the path */
    uint32_t unacked;      /* segments on their way */
    uint32_t rtt_us;
    uint32_t retransmits; /* ever */
    uint32_t silent_ms;   /* since its last acknowledgement */
    bool has_ended;       /* it sends nothing more */
    bool is_retrying;     /* the last segment was lost, and is being sent again */
    bool window_closed;   /* it takes nothing more at present, and is asked now and then */
    bool window_limits;   /* most of the time, its window was what held us up */
};

/* Returns false if `fd` is no TCP connection. */
bool peer_read(int fd, struct peer *out);

/* "127.0.0.1:4000", "[::1]:4000", or "" if unknown. */
void peer_address(int fd, char out[PEER_ADDRESS_BYTES]);

/* Whose fault it is that something waits. */
enum peer_verdict {
    PEER_OK,
    PEER_IS_SLOW,    /* it does not read: its receive buffer is full */
    PEER_PATH_SLOW,  /* what was sent has not been acknowledged */
    PEER_WE_ARE_SLOW /* our thread gets to it late */
};

/* `waits`: its socket takes nothing at present; `lag_us`: how late our thread has lately been. */
enum peer_verdict peer_judge(const struct peer *peer, bool waits, uint64_t lag_us);
const char *peer_verdict_name(enum peer_verdict verdict);

#endif
