#include "server/heartbeat.h"

unsigned heartbeat_interval_ms(unsigned shortest_ms, unsigned step, unsigned connections)
{
    const unsigned most = HEARTBEAT_LONGEST_MS / shortest_ms;
    const unsigned times = connections == 0 ? 1 : (connections - 1) / step + 1;
    return shortest_ms * (times < most ? times : most > 1 ? most : 1);
}
