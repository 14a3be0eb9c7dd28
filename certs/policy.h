/* Policies: a PolicyText signed by a secretary. Signed text: "lianfang policy v1" ‖ suite u16 ‖ domain 32 ‖
 * SHA-256(text) 32. */
#pragma once
#include "certs/directory.h"
#include "certs/identity.h"
#include "wire/arena.h"

/* Encoded SignedPolicy, in the arena. INVALID: the identity is no secretary, or the text names another installation. */
enum wire_status cert_policy_sign(struct cert_identity *secretary, const Wire__PolicyText *text,
                                  struct wire_arena *arena, struct wire_bytes *signed_policy,
                                  struct wire_problem *problem);

struct cert_policy {
    const Wire__PolicyText *text;    /* in the arena */
    uint8_t digest[WIRE_HASH_BYTES]; /* SHA-256 of the encoded text: the policy digest */
    struct cert_subject secretary;   /* who signed */
};

/* The carried certificate must be of this CA and role secretary, valid at the text's own signed_ms, which must not lie
 * after now_ms (five minutes allowed), and neither revoked by then nor compromised since. That it has expired since is
 * fine: a policy stays in force until another replaces it; what protects against an old one is its version. SYNTAX,
 * WRONG_SUITE, BAD_SIGNATURE, UNKNOWN_SIGNER, SIGNER_EXPIRED, SIGNER_REVOKED, OTHER_INSTALLATION, NO_MEMORY, each with
 * a problem. */
enum wire_status cert_policy_verify(struct cert_directory *directory, struct wire_bytes signed_policy, int64_t now_ms,
                                    struct wire_arena *arena, struct cert_policy *out, struct wire_problem *problem);
