#include "certs/policy.h"
#include "certs/hash.h"
#include "certs/held.h"
#include "certs/verify.h"
#include "wire/codec.h"
#include <inttypes.h>
#include <openssl/err.h>

static const char policy_prefix[] = "lianfang policy v1";
enum { POLICY_TEXT_BYTES = sizeof policy_prefix - 1 + 2 + 2 * WIRE_HASH_BYTES, CLOCK_SLACK_MS = 5 * 60 * 1000 };

static void signed_text(const uint8_t domain[WIRE_HASH_BYTES], const uint8_t digest[WIRE_HASH_BYTES],
                        uint8_t out[POLICY_TEXT_BYTES])
{
    memcpy(out, policy_prefix, sizeof policy_prefix - 1);
    uint8_t *at = wire_put_u16(out + sizeof policy_prefix - 1, WIRE_SUITE_P256);
    memcpy(at, domain, WIRE_HASH_BYTES);
    memcpy(at + WIRE_HASH_BYTES, digest, WIRE_HASH_BYTES);
}

static enum wire_status may_sign(const struct cert_identity *secretary, const Wire__PolicyText *text,
                                 struct wire_problem *problem)
{
    if (cert_identity_role(secretary) != WIRE__ROLE__ROLE_SECRETARY)
        return wire_failf(problem, WIRE_INVALID, "policy",
                          "政策须由联席会议办公室（secretary）证书签署，而这是 %s 证书",
                          "a policy is signed with a secretary's certificate, and this is a %s's",
                          cert_role_name(cert_identity_role(secretary)));
    if (strcmp(text->installation, cert_identity_installation(secretary)) != 0)
        return wire_failf(problem, WIRE_OTHER_INSTALLATION, "policy", "政策属于系统“%s”，而证书属于“%s”",
                          "the policy is for installation \"%s\", the certificate of \"%s\"", text->installation,
                          cert_identity_installation(secretary));
    return WIRE_OK;
}

enum wire_status cert_policy_sign(struct cert_identity *secretary, const Wire__PolicyText *text,
                                  struct wire_arena *arena, struct wire_bytes *signed_policy,
                                  struct wire_problem *problem)
{
    enum wire_status status = may_sign(secretary, text, problem);
    if (status != WIRE_OK)
        return status;
    struct wire_bytes raw = wire_encode(&text->base, arena);
    if (raw.data == NULL)
        return wire_fail(problem, WIRE_NO_MEMORY, "policy", "政策过大", "the policy is too large");
    uint8_t digest[WIRE_HASH_BYTES], to_sign[POLICY_TEXT_BYTES], signature[WIRE_SIGNATURE_BYTES_MAX];
    size_t size;
    cert_sha256(raw.data, raw.size, digest);
    signed_text(cert_identity_domain(secretary), digest, to_sign);
    status = cert_sign(secretary, to_sign, sizeof to_sign, signature, &size);
    if (status != WIRE_OK)
        return wire_fail(problem, status, "policy", "签名失败", "signing failed");
    const struct cert_pair *pair = &secretary->pair[WIRE__USAGE__USAGE_IDENTITY];
    Wire__SignedPolicy policy = WIRE__SIGNED_POLICY__INIT;
    policy.text = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)raw.data, .len = raw.size};
    policy.suite = WIRE_SUITE_P256;
    policy.certificate = (ProtobufCBinaryData){.data = pair->der, .len = pair->der_size};
    policy.signature = (ProtobufCBinaryData){.data = signature, .len = size};
    *signed_policy = wire_encode(&policy.base, arena);
    return signed_policy->data == NULL
               ? wire_fail(problem, WIRE_NO_MEMORY, "policy", "政策过大", "the policy is too large")
               : WIRE_OK;
}

static enum wire_status check_signature(const struct cert_directory *directory, const Wire__SignedPolicy *policy,
                                        X509 *x509, const uint8_t digest[WIRE_HASH_BYTES], struct wire_problem *problem)
{
    uint8_t text[POLICY_TEXT_BYTES], text_digest[WIRE_HASH_BYTES];
    signed_text(directory->ca.domain, digest, text);
    cert_sha256(text, sizeof text, text_digest);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, X509_get0_pubkey(x509), NULL);
    ERR_clear_error();
    bool good =
        context != NULL && EVP_PKEY_verify_init(context) == 1 &&
        EVP_PKEY_verify(context, policy->signature.data, policy->signature.len, text_digest, sizeof text_digest) == 1;
    ERR_clear_error();
    EVP_PKEY_CTX_free(context);
    if (good)
        return WIRE_OK;
    return wire_fail(problem, WIRE_BAD_SIGNATURE, "policy",
                     "政策的签名无效：文件已损坏或被改动。请向联席会议办公室重新取得",
                     "the policy's signature does not verify: damaged or altered; get it from the secretary again");
}

/* Its own revocation: the certificate need not be in the directory, the CRL speaks of it all the same. */
static enum wire_status check_revoked(const struct cert_directory *directory, const struct cert_policy *policy,
                                      struct wire_problem *problem)
{
    int64_t revoked_ms = 0;
    const char *reason = "";
    bool compromised = false;
    const struct cert_entry *entry = cert_directory_find(directory, policy->secretary.digest);
    if (entry != NULL && entry->revoked_ms != 0) {
        revoked_ms = entry->revoked_ms;
        compromised = entry->compromised;
        reason = entry->reason;
    } else if (cert_crl_find(directory, policy->secretary.serial, &revoked_ms, &reason)) {
        compromised = !cert_reason_orderly(reason);
    }
    if (revoked_ms == 0 || (revoked_ms > policy->text->signed_ms && !compromised))
        return WIRE_OK;
    return wire_failf(problem, WIRE_SIGNER_REVOKED, "policy", "签署政策的证书“%s”已吊销（%s）。请用有效证书重新签署",
                      "the certificate \"%s\" that signed the policy is revoked (%s); sign it again with a valid one",
                      policy->secretary.name, reason);
}

static enum wire_status check_time(const struct cert_policy *policy, int64_t now_ms, struct wire_problem *problem)
{
    int64_t signed_ms = policy->text->signed_ms;
    if (signed_ms > now_ms + CLOCK_SLACK_MS)
        return wire_fail(problem, WIRE_SIGNER_EXPIRED, "policy", "政策的签署时间在将来。请核对双方时钟",
                         "the policy was signed in the future; check both clocks");
    if (signed_ms < policy->secretary.from_ms || signed_ms > policy->secretary.until_ms)
        return wire_failf(
            problem, WIRE_SIGNER_EXPIRED, "policy", "签署时证书“%s”不在有效期。请用有效证书重新签署",
            "the certificate \"%s\" was not valid when the policy was signed; sign it again with a valid one",
            policy->secretary.name);
    return WIRE_OK;
}

static enum wire_status check_secretary(const struct cert_directory *directory, X509 *x509,
                                        struct cert_subject *secretary, struct wire_problem *problem)
{
    enum wire_status status =
        x509 == NULL ? WIRE_INVALID : cert_ca_check(&directory->ca, x509, "policy", secretary, problem);
    if (x509 == NULL)
        wire_fail(problem, WIRE_INVALID, "policy", "政策所附证书无法读取",
                  "the certificate in the policy cannot be read");
    if (status == WIRE_NO_MEMORY)
        return status;
    if (status != WIRE_OK) {
        if (problem != NULL)
            problem->status = WIRE_UNKNOWN_SIGNER;
        return WIRE_UNKNOWN_SIGNER;
    }
    if (secretary->role == WIRE__ROLE__ROLE_SECRETARY && secretary->usage == WIRE__USAGE__USAGE_IDENTITY)
        return WIRE_OK;
    return wire_failf(problem, WIRE_UNKNOWN_SIGNER, "policy", "签署者“%s”不是联席会议办公室（secretary）",
                      "the signer \"%s\" is no secretary", secretary->name);
}

/* Decodes the text into out->text; OK only when it is for this installation. */
static enum wire_status read_text(const struct cert_directory *directory, struct wire_bytes raw,
                                  struct wire_arena *arena, struct cert_policy *out, struct wire_problem *problem)
{
    enum wire_status status;
    out->text =
        (const Wire__PolicyText *)wire_decode(&wire__policy_text__descriptor, raw, WIRE_STRICT_ALL, arena, &status);
    if (out->text == NULL)
        return wire_fail(problem, status == WIRE_OVER_BUDGET ? WIRE_NO_MEMORY : WIRE_SYNTAX, "policy", "政策无法解码",
                         "the policy cannot be decoded");
    if (strcmp(out->text->installation, directory->ca.installation) != 0)
        return wire_failf(problem, WIRE_OTHER_INSTALLATION, "policy", "政策属于系统“%s”，而这里是“%s”",
                          "the policy is for installation \"%s\", this is \"%s\"", out->text->installation,
                          directory->ca.installation);
    return WIRE_OK;
}

enum wire_status cert_policy_verify(struct cert_directory *directory, struct wire_bytes signed_policy, int64_t now_ms,
                                    struct wire_arena *arena, struct cert_policy *out, struct wire_problem *problem)
{
    *out = (struct cert_policy){.text = NULL};
    enum wire_status status;
    const Wire__SignedPolicy *policy = (const Wire__SignedPolicy *)wire_decode(
        &wire__signed_policy__descriptor, signed_policy, WIRE_STRICT_ALL, arena, &status);
    if (policy == NULL)
        return wire_fail(problem, status == WIRE_OVER_BUDGET ? WIRE_NO_MEMORY : WIRE_SYNTAX, "policy",
                         "不是已签署的政策文件", "not a signed policy");
    if (policy->suite != WIRE_SUITE_P256)
        return wire_fail(problem, WIRE_WRONG_SUITE, "policy", "不支持的密码套件", "the suite is not supported");
    cert_sha256(policy->text.data, policy->text.len, out->digest);
    X509 *x509 = cert_x509_parse(wire_bytes(policy->certificate.data, policy->certificate.len));
    status = check_secretary(directory, x509, &out->secretary, problem);
    if (status == WIRE_OK) /* nothing of the text is decoded before its signature is good */
        status = check_signature(directory, policy, x509, out->digest, problem);
    if (status == WIRE_OK)
        status = read_text(directory, wire_bytes(policy->text.data, policy->text.len), arena, out, problem);
    if (status == WIRE_OK)
        status = check_time(out, now_ms, problem);
    if (status == WIRE_OK)
        status = check_revoked(directory, out, problem);
    X509_free(x509);
    return status;
}
