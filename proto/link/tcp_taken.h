/* How much of a TCP connection the reader has read (Linux ≥ 4.1). A file of its own because <linux/tcp.h>, which has
 * tcpi_bytes_received, and <netinet/tcp.h>, which uv.h brings, exclude one another. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Bytes read so far by whoever reads `fd`, over all its descriptors. false: not a connection any more, or the kernel
 * does not say. */
bool link_tcp_taken(int fd, uint64_t *taken);
/* Bytes that the other side has acknowledged so far. false: as above. */
bool link_tcp_acknowledged(int fd, uint64_t *acknowledged);
