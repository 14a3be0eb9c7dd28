/* The CA's certificate and what it demands of every other. */
#include "certs/hash.h"
#include "certs/x509.h"
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

static enum wire_status no_ca(struct wire_problem *problem, const char *where, const char *zh, const char *en)
{
    char zh_text[256], en_text[256];
    snprintf(zh_text, sizeof zh_text, "%s。应为 lianfang-ca init 生成的 ca.pem", zh);
    snprintf(en_text, sizeof en_text, "%s; it must be the ca.pem that lianfang-ca init wrote", en);
    return wire_fail(problem, WIRE_INVALID, where, zh_text, en_text);
}

static void ca_domain(struct cert_ca *ca)
{
    uint8_t text[WIRE_HASH_BYTES + sizeof ca->installation];
    unsigned char *spki = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ca->x509), &spki);
    cert_sha256(spki, size > 0 ? (size_t)size : 0, text);
    OPENSSL_free(spki);
    size_t name = strlen(ca->installation);
    memcpy(text + WIRE_HASH_BYTES, ca->installation, name);
    cert_sha256(text, WIRE_HASH_BYTES + name, ca->domain);
}

static enum wire_status ca_inspect(struct cert_ca *ca, const char *where, struct wire_problem *problem)
{
    X509_NAME *name = X509_get_subject_name(ca->x509);
    if (X509_check_ca(ca->x509) != 1 || (X509_get_key_usage(ca->x509) & KU_KEY_CERT_SIGN) == 0)
        return no_ca(problem, where, "不是根证书", "not a certification authority's certificate");
    if (!cert_key_is_p256(ca->key))
        return no_ca(problem, where, "根证书密钥不是 P-256", "the CA's key is not P-256");
    if (X509_NAME_cmp(name, X509_get_issuer_name(ca->x509)) != 0 || X509_verify(ca->x509, ca->key) != 1)
        return no_ca(problem, where, "根证书不是自签名，或已损坏",
                     "the CA's certificate is not self-signed, or damaged");
    if (!cert_name_value(name, NID_commonName, 0, 1, ca->installation, sizeof ca->installation))
        return no_ca(problem, where, "根证书没有系统名称", "the CA's certificate bears no installation name");
    return WIRE_OK;
}

enum wire_status cert_ca_open(struct cert_ca *ca, struct wire_bytes bytes, const char *installation, const char *where,
                              struct wire_problem *problem)
{
    *ca = (struct cert_ca){.x509 = cert_x509_parse(bytes)};
    if (ca->x509 == NULL)
        return no_ca(problem, where, "不是证书", "not a certificate");
    ca->key = X509_get0_pubkey(ca->x509);
    enum wire_status status = ca_inspect(ca, where, problem);
    ERR_clear_error();
    if (status == WIRE_OK && installation != NULL && strcmp(installation, ca->installation) != 0)
        status = wire_failf(
            problem, WIRE_OTHER_INSTALLATION, where, "根证书属于系统“%s”，而配置写的是“%s”。请核对配置与 ca.pem",
            "the CA's certificate is of installation \"%s\", the configuration says \"%s\"; compare them",
            ca->installation, installation);
    ca->der = status == WIRE_OK ? cert_x509_der(ca->x509, &ca->der_size) : NULL;
    if (status == WIRE_OK && ca->der == NULL)
        status = WIRE_NO_MEMORY;
    if (status != WIRE_OK) {
        cert_ca_close(ca);
        return status;
    }
    ca->from_ms = cert_asn1_ms(X509_get0_notBefore(ca->x509));
    ca->until_ms = cert_asn1_ms(X509_get0_notAfter(ca->x509));
    ca_domain(ca);
    return WIRE_OK;
}

void cert_ca_close(struct cert_ca *ca)
{
    X509_free(ca->x509);
    OPENSSL_free(ca->der);
    *ca = (struct cert_ca){.x509 = NULL};
}

static bool adcode_read(const char *text, uint32_t *adcode)
{
    if (strlen(text) != 6 || strspn(text, "0123456789") != 6)
        return false;
    *adcode = (uint32_t)strtoul(text, NULL, 10);
    return true;
}

bool cert_subject_names(const struct cert_ca *ca, const char *installation, const char *role, const char *usage,
                        const char *adcode, struct cert_subject *subject)
{
    if (strcmp(installation, ca->installation) != 0 || !cert_role_parse(role, &subject->role) ||
        !cert_usage_parse(usage, &subject->usage) || !adcode_read(adcode, &subject->region) ||
        !cert_role_has(subject->role, subject->usage))
        return false;
    if ((subject->role == WIRE__ROLE__ROLE_BROKER) != (subject->region == 0))
        return false;
    if (subject->role == WIRE__ROLE__ROLE_SECRETARY)
        return cert_id_valid(subject->name);
    return strcmp(subject->name, adcode) == 0;
}

static bool subject_names(const struct cert_ca *ca, X509 *leaf, struct cert_subject *subject)
{
    const X509_NAME *name = X509_get_subject_name(leaf);
    char installation[sizeof ca->installation], role[16], usage[16], adcode[8];
    return cert_name_value(name, NID_organizationName, 0, 1, installation, sizeof installation) &&
           cert_name_value(name, NID_organizationalUnitName, 0, 2, role, sizeof role) &&
           cert_name_value(name, NID_organizationalUnitName, 1, 2, usage, sizeof usage) &&
           cert_name_value(name, NID_localityName, 0, 1, adcode, sizeof adcode) &&
           cert_name_value(name, NID_commonName, 0, 1, subject->name, sizeof subject->name) &&
           cert_subject_names(ca, installation, role, usage, adcode, subject);
}

static bool subject_usage(X509 *leaf, struct cert_subject *subject)
{
    uint32_t flags = X509_get_extension_flags(leaf);
    uint32_t demanded = subject->usage == WIRE__USAGE__USAGE_IDENTITY ? KU_DIGITAL_SIGNATURE : KU_KEY_AGREEMENT;
    if (X509_get_version(leaf) != 2 || (flags & (EXFLAG_CA | EXFLAG_CRITICAL | EXFLAG_INVALID)) != 0 ||
        (flags & EXFLAG_BCONS) == 0 || X509_get_key_usage(leaf) != demanded)
        return false;
    const EVP_PKEY *key = X509_get0_pubkey(leaf);
    if (subject->usage != WIRE__USAGE__USAGE_TRANSPORT)
        return cert_key_is_p256(key);
    size_t size = CERT_CURVE_BYTES;
    return key != NULL && EVP_PKEY_is_a(key, "X25519") &&
           EVP_PKEY_get_raw_public_key(key, subject->curve, &size) == 1 && size == CERT_CURVE_BYTES;
}

static bool subject_times(const struct cert_ca *ca, X509 *leaf, struct cert_subject *subject)
{
    subject->from_ms = cert_asn1_ms(X509_get0_notBefore(leaf));
    subject->until_ms = cert_asn1_ms(X509_get0_notAfter(leaf));
    return subject->from_ms >= ca->from_ms && subject->from_ms <= subject->until_ms &&
           subject->until_ms <= ca->until_ms;
}

static enum wire_status leaf_inspect(const struct cert_ca *ca, X509 *leaf, const char *where,
                                     struct cert_subject *subject, struct wire_problem *problem)
{
    if (X509_NAME_cmp(X509_get_issuer_name(leaf), X509_get_subject_name(ca->x509)) != 0 ||
        X509_get_signature_nid(leaf) != NID_ecdsa_with_SHA256 || X509_verify(leaf, ca->key) != 1)
        return wire_failf(problem, WIRE_INVALID, where, "证书不是由本系统“%s”的根证书签发。请向本系统的证书管理员申领",
                          "not issued by the CA of installation \"%s\"; ask its keeper for a certificate",
                          ca->installation);
    if (!subject_names(ca, leaf, subject))
        return wire_fail(problem, WIRE_INVALID, where, "证书主体不合规定（O、OU 角色、OU 用途、L 行政区划代码、CN）",
                         "the subject is not as it must be (O, OU role, OU usage, L adcode, CN)");
    if (!subject_usage(leaf, subject))
        return wire_failf(problem, WIRE_INVALID, where, "证书的密钥类型或密钥用途与其用途“%s”不符",
                          "key type or key usage do not fit the usage \"%s\"", cert_usage_name(subject->usage));
    if (!subject_times(ca, leaf, subject))
        return wire_fail(problem, WIRE_INVALID, where, "证书有效期超出根证书的有效期",
                         "valid for longer than the CA's own certificate");
    if (!cert_serial_bytes(X509_get0_serialNumber(leaf), subject->serial))
        return wire_fail(problem, WIRE_INVALID, where, "证书序列号过长", "the serial number is too long");
    return WIRE_OK;
}

enum wire_status cert_ca_check(const struct cert_ca *ca, X509 *leaf, const char *where, struct cert_subject *subject,
                               struct wire_problem *problem)
{
    *subject = (struct cert_subject){.region = 0};
    ERR_clear_error();
    enum wire_status status = leaf_inspect(ca, leaf, where, subject, problem);
    ERR_clear_error();
    if (status != WIRE_OK)
        return status;
    size_t size;
    uint8_t *der = cert_x509_der(leaf, &size);
    if (der == NULL)
        return WIRE_NO_MEMORY;
    cert_sha256(der, size, subject->digest);
    OPENSSL_free(der);
    return WIRE_OK;
}
