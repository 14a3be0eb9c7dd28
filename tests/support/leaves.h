/* Certificates that the zoo's CA would never make, signed by its key all the same: what certs/leaf.h reads of them,
 * compared with what OpenSSL does. */
#pragma once
#include "certs/leaf.h"
#include "support/zoo.h"

enum { LEAVES_HEAD = 4 /* of a certificate: tag and length */, LEAVES_BYTES_MAX = 64 * 1024 };

struct leaves {
    struct cert_ca ca;
    EVP_PKEY *key;
    struct cert_leaf_reader *reader;
};

void leaves_open(struct leaves *leaves, const struct zoo *zoo);
void leaves_close(struct leaves *leaves);
/* The part of a good certificate that is signed: at LEAVES_HEAD. */
struct wire_bytes leaves_signed_part(struct wire_bytes der);
/* A certificate around these bytes, whatever they are. Returns its size. */
size_t leaves_sign(const struct leaves *leaves, struct wire_bytes part, uint8_t out[LEAVES_BYTES_MAX]);
/* Aborts where cert_leaf_read takes what cert_ca_check does not, or reads something else in it. Whether it took it. */
bool leaves_compare(struct leaves *leaves, struct wire_bytes der);
