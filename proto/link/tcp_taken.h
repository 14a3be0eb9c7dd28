/* How much of a TCP connection the reader has read (Linux ≥ 4.1). A file of its own because <linux/tcp.h>, which has
 * tcpi_bytes_received, and <netinet/tcp.h>, which uv.h brings, exclude one another. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Whoever reads `fd`, over all its descriptors, has read more than `bound` bytes so far. false, too: not a connection
 * any more, or the kernel does not say. Asked of every connection several times a second: what came in all is mostly
 * not above the bound, and then what of it is unread is not asked for. */
bool link_tcp_taken_above(int fd, uint64_t bound);
/* Bytes that the other side has acknowledged so far. false: as above. */
bool link_tcp_acknowledged(int fd, uint64_t *acknowledged);
