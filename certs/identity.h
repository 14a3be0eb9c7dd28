/* Who this process is: its certificates and private keys, from a directory that `lianfang-ca issue` wrote.
 *
 *   ca.pem  identity.pem identity.key  seal.pem seal.key  transport.pem transport.key
 *   seal-*.pem seal-*.key      earlier seal keys, kept after a renewal: they still open what was sealed to them
 *
 * A broker has no seal, a secretary identity only. Keys are PKCS#8 PEM, plain or encrypted. Loading checks everything
 * that can be checked here and says what to do: unreadable, readable by others (refused), key and certificate of
 * different pairs, not of this CA, not yet valid, expired, another region's, another usage. Not thread-safe: one thread
 * signs. Private keys are wiped when freed. */
#pragma once
#include "certs/subject.h"

struct cert_identity;

struct cert_identity_options {
    const char *passphrase;   /* of the key files; NULL: they are not encrypted */
    const char *installation; /* what the configuration says; NULL: as the CA certificate says */
    int64_t now_ms;           /* 0: validity in time is not checked (tools that only open or show) */
};

enum wire_status cert_identity_load(const char *directory, const struct cert_identity_options *options,
                                    struct cert_identity **out, struct wire_problem *problem);
void cert_identity_free(struct cert_identity **identity);

/* All that is returned below is owned by the identity and lives as long as it. */
uint32_t cert_identity_region(const struct cert_identity *identity);
Wire__Role cert_identity_role(const struct cert_identity *identity);
const char *cert_identity_installation(const struct cert_identity *identity);
const uint8_t *cert_identity_domain(const struct cert_identity *identity); /* 32 bytes, certs/domain.h */
/* NULL when the role has no such certificate. */
const struct cert_subject *cert_identity_subject(const struct cert_identity *identity, Wire__Usage usage);
const uint8_t *cert_identity_digest(const struct cert_identity *identity, Wire__Usage usage); /* 32 bytes */
struct wire_bytes cert_identity_certificate(const struct cert_identity *identity,
                                            Wire__Usage usage);           /* DER; .data NULL */
struct wire_bytes cert_identity_ca(const struct cert_identity *identity); /* DER */
/* Raw 32-byte CURVE keys for ZMQ_CURVE_PUBLICKEY and _SECRETKEY; NULL for a secretary. */
const uint8_t *cert_identity_curve_public(const struct cert_identity *identity);
const uint8_t *cert_identity_curve_secret(const struct cert_identity *identity);
/* When the first of its certificates ends: for warnings and PULSE. */
int64_t cert_identity_until_ms(const struct cert_identity *identity);

/* ECDSA P-256 over SHA-256(text) by the identity key, DER. About 30 µs. CRYPTO when OpenSSL fails. */
enum wire_status cert_sign(struct cert_identity *identity, const void *text, size_t size,
                           uint8_t signature[WIRE_SIGNATURE_BYTES_MAX], size_t *signature_size);

/* A secret that only who holds this identity key can know, and the same whenever it is asked for: HMAC-SHA-256 under
 * the private scalar over "lianfang secret v1" ‖ label. So what is derived from it outlives a lost store, not a renewed
 * key. CRYPTO when OpenSSL fails; `out` is zeros then. */
enum wire_status cert_identity_secret(const struct cert_identity *identity, const char *label,
                                      uint8_t out[WIRE_HASH_BYTES]);
