/* A leaf certificate as our CA makes it (make.c), read where it lies.
 *
 * OpenSSL 3.0 searches its decoders for each key that it meets, which takes several times as long as verifying the CA's
 * signature, and an installation of 3,000 nodes has 9,000 certificates to read at each start. This reader knows one
 * form only: DER, these fields in this order, these extensions. It takes nothing that cert_ca_check would not, with the
 * same outcome (tests/unit/certs/leaf.c and the fuzz target `certs` compare them), signature, times and the key's point
 * included; what it does not take is not bad for that: ask cert_ca_check, which says what is wrong if something is.
 *
 * A reader belongs to one thread. One that has read CERT_LEAF_MANY verifies the CA's signatures by a table of its key's
 * multiples from there on (certs/multiples.h). Only certs/ includes this. */
#pragma once
#include "certs/multiples.h"
#include "certs/x509.h"

enum { CERT_KEY_ID_BYTES = 20, CERT_LEAF_MANY = 600 };

struct cert_leaf_reader;

/* `ca` must outlive it. NULL: no memory. */
struct cert_leaf_reader *cert_leaf_reader_new(const struct cert_ca *ca);
void cert_leaf_reader_free(struct cert_leaf_reader **reader);
/* Fills *subject, and `key` with SHA-256 of the SubjectPublicKeyInfo. false: not of this form, or not good. */
bool cert_leaf_read(struct cert_leaf_reader *reader, struct wire_bytes der, struct cert_subject *subject,
                    uint8_t key[WIRE_HASH_BYTES]);
/* The point (CERT_POINT_BYTES, uncompressed) and the key id (CERT_KEY_ID_BYTES) of a certificate of this form that was
 * checked before. false: of another form, or no P-256 key. */
bool cert_leaf_agreement(struct wire_bytes der, struct wire_bytes *point, struct wire_bytes *key_id);
/* The P-256 key of a certificate that was checked before, of whatever form. NULL: it has none, or no memory. */
EVP_PKEY *cert_leaf_key(struct wire_bytes der);
