#include "certs/evidence.h"
#include "wire/codec.h"
#include "wire/region.h"

static const struct {
    const char *name, *zh, *en;
} answers[] = {
    [CERT_VALID_NOW] = {"valid-now", "签名有效，签名证书目前有效", "valid; the signer's certificate is valid now"},
    [CERT_VALID_WHEN_ADMITTED] = {"valid-when-admitted", "收录时有效，签名证书此后过期或被吊销",
                                  "valid when admitted; the signer's certificate has expired or been revoked since"},
    [CERT_REVOKED_BEFORE] = {"revoked-before", "签名密钥在收录之前已被吊销",
                             "signed by a key revoked before it was admitted"},
    [CERT_NO_WITNESS] = {"no-witness", "签名证书已失效，且无可信的收录时间证明",
                         "the signer's certificate is no longer valid and nothing trustworthy says when it was signed"},
    [CERT_INVALID] = {"invalid", "无效", "invalid"},
};

const char *cert_validity_name(enum cert_validity validity)
{
    return (size_t)validity < sizeof answers / sizeof *answers ? answers[validity].name : "?";
}

const char *cert_validity_text(enum cert_validity validity, enum wire_language language)
{
    if ((size_t)validity >= sizeof answers / sizeof *answers)
        return "?";
    return language == WIRE_CHINESE ? answers[validity].zh : answers[validity].en;
}

enum cert_validity cert_validity(const struct cert_entry *signer, int64_t witness_ms, int64_t now_ms)
{
    if (cert_entry_at(signer, now_ms) == WIRE_OK)
        return CERT_VALID_NOW;
    if (witness_ms == 0)
        return CERT_NO_WITNESS;
    switch (cert_entry_at(signer, witness_ms)) {
    case WIRE_OK:
        return CERT_VALID_WHEN_ADMITTED;
    case WIRE_SIGNER_REVOKED:
        return CERT_REVOKED_BEFORE;
    default:
        return CERT_INVALID;
    }
}

/* T, or 0 when the witness proves nothing about this root. */
static int64_t witness_time(struct cert_directory *directory, const struct wire_hash *hash, const Wire__BatchSeal *seal,
                            const Wire__Signed *witness, struct wire_arena *arena)
{
    if (witness == NULL || witness->type != WIRE__STATEMENT_TYPE__WITNESS_STATEMENT ||
        cert_verify_signed(directory, hash, witness, WIRE__ROLE__ROLE_BROKER, WIRE_REGION_BROKER, CERT_ANY_TIME) !=
            WIRE_OK)
        return 0;
    enum wire_status status;
    const Wire__WitnessStatement *statement = (const Wire__WitnessStatement *)wire_decode(
        &wire__witness_statement__descriptor, wire_bytes(witness->statement.data, witness->statement.len),
        WIRE_STRICT_ALL, arena, &status);
    if (statement == NULL || !wire_bytes_equal(wire_bytes(statement->root.data, statement->root.len),
                                               wire_bytes(seal->root.data, seal->root.len)))
        return 0;
    const struct cert_entry *broker = cert_directory_find(directory, witness->signer.data);
    if (broker->compromised || cert_entry_at(broker, statement->admitted_ms) != WIRE_OK)
        return 0;
    return statement->admitted_ms;
}

enum wire_status cert_verify_evidence(struct cert_directory *directory, const struct wire_hash *hash,
                                      const Wire__BatchSeal *seal, const Wire__Signed *witness, int64_t now_ms,
                                      struct wire_arena *arena, enum cert_validity *validity, int64_t *admitted_ms)
{
    *validity = CERT_INVALID;
    *admitted_ms = 0;
    enum wire_status status = cert_verify_batch(directory, seal, CERT_ANY_TIME);
    if (status != WIRE_OK)
        return status;
    *admitted_ms = witness_time(directory, hash, seal, witness, arena);
    *validity = cert_validity(cert_directory_find(directory, seal->signer.data), *admitted_ms, now_ms);
    if (*validity != CERT_INVALID)
        return WIRE_OK;
    return WIRE_SIGNER_EXPIRED;
}
