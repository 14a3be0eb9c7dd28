#include "link/tcp_taken.h"
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

bool link_tcp_taken_above(int fd, uint64_t bound)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    int unread = 0;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
        return false;
    /* `unread` is of a moment later, so it can only be too large: the answer errs to the reader's credit */
    uint64_t received = info.tcpi_bytes_received;
    return received > bound && ioctl(fd, SIOCINQ, &unread) == 0 && received > bound + (uint64_t)unread;
}

bool link_tcp_acknowledged(int fd, uint64_t *acknowledged)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked)
        return false;
    *acknowledged = info.tcpi_bytes_acked;
    return true;
}
