#include "certs/directory.h"
#include "certs/file.h"
#include "certs/held.h"
#include "wire/ensure.h"
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

/* RFC 5280 5.3.1, by number. */
static const struct {
    int code;
    const char *name;
    bool orderly; /* nobody else held the key */
} reasons[] = {
    {CRL_REASON_UNSPECIFIED, "unspecified", false},
    {CRL_REASON_KEY_COMPROMISE, "key-compromise", false},
    {CRL_REASON_AFFILIATION_CHANGED, "affiliation-changed", true},
    {CRL_REASON_SUPERSEDED, "superseded", true},
    {CRL_REASON_CESSATION_OF_OPERATION, "cessation-of-operation", true},
    {CRL_REASON_PRIVILEGE_WITHDRAWN, "privilege-withdrawn", false},
};

int cert_reason_code(const char *reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(reasons[i].name, reason) == 0)
            return reasons[i].code;
    return -1;
}

static const char *reason_name(int code)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].code == code)
            return reasons[i].name;
    return reasons[0].name;
}

bool cert_reason_known(const char *reason)
{
    return cert_reason_code(reason) >= 0;
}

bool cert_reason_orderly(const char *reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(reasons[i].name, reason) == 0)
            return reasons[i].orderly;
    return false;
}

static X509_REVOKED *find_serial(X509_CRL *crl, const uint8_t serial[CERT_SERIAL_BYTES])
{
    X509_REVOKED *revoked = NULL;
    if (crl == NULL || sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)) <= 0)
        return NULL;
    ASN1_INTEGER *number = cert_serial_integer(serial);
    ENSURE(number != NULL);
    if (X509_CRL_get0_by_serial(crl, &revoked, number) != 1)
        revoked = NULL;
    ASN1_INTEGER_free(number);
    return revoked;
}

bool cert_crl_find(const struct cert_directory *directory, const uint8_t serial[CERT_SERIAL_BYTES], int64_t *revoked_ms,
                   const char **reason)
{
    X509_REVOKED *revoked = find_serial(directory->crl, serial);
    if (revoked == NULL)
        return false;
    ASN1_ENUMERATED *code = X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, NULL, NULL);
    *reason = reason_name(code == NULL ? CRL_REASON_UNSPECIFIED : (int)ASN1_ENUMERATED_get(code));
    ASN1_ENUMERATED_free(code);
    *revoked_ms = cert_asn1_ms(X509_REVOKED_get0_revocationDate(revoked));
    return true;
}

void cert_crl_apply(struct cert_directory *directory, struct cert_held *held)
{
    int64_t revoked_ms;
    const char *reason;
    if (!cert_crl_find(directory, held->entry.subject.serial, &revoked_ms, &reason))
        return;
    held->revoked_by_crl = true;
    held->entry.revoked_ms = revoked_ms;
    held->entry.compromised = !cert_reason_orderly(reason);
    snprintf(held->entry.reason, sizeof held->entry.reason, "%s", reason);
}

static uint64_t number_of(X509_CRL *crl)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    uint64_t value = 0;
    if (number == NULL || ASN1_INTEGER_get_uint64(&value, number) != 1)
        value = 0;
    ASN1_INTEGER_free(number);
    return value;
}

static enum wire_status inspect(const struct cert_directory *directory, X509_CRL *crl, struct wire_problem *problem)
{
    if (crl == NULL)
        return wire_fail(problem, WIRE_INVALID, "CRL", "不是吊销列表", "not a revocation list");
    if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(directory->ca.x509)) != 0 ||
        X509_CRL_verify(crl, directory->ca.key) != 1)
        return wire_fail(problem, WIRE_INVALID, "CRL", "吊销列表不是由本系统的根证书签署",
                         "the revocation list is not signed by this installation's CA");
    uint64_t number = number_of(crl);
    if (number == 0 || cert_asn1_ms(X509_CRL_get0_nextUpdate(crl)) == INT64_MIN)
        return wire_fail(problem, WIRE_INVALID, "CRL", "吊销列表缺少编号或下次更新时间",
                         "the revocation list has no number or no nextUpdate");
    if (number == directory->crl_number && X509_CRL_match(crl, directory->crl) == 0)
        return WIRE_EXISTS;
    if (number <= directory->crl_number)
        return wire_fail(
            problem, WIRE_INVALID, "CRL", "吊销列表比现有的旧，或与其同号而不同。请取得最新的 crl.der",
            "the revocation list is older than the one held, or another of the same number; get the newest crl.der");
    return WIRE_OK;
}

enum wire_status cert_directory_crl(struct cert_directory *directory, struct wire_bytes bytes,
                                    struct wire_problem *problem)
{
    X509_CRL *crl = cert_crl_parse(bytes);
    unsigned char *der = NULL;
    ERR_clear_error();
    enum wire_status status = inspect(directory, crl, problem);
    int size = status == WIRE_OK ? i2d_X509_CRL(crl, &der) : 0;
    ERR_clear_error();
    if (status == WIRE_OK && size <= 0)
        status = WIRE_NO_MEMORY;
    if (status != WIRE_OK) {
        X509_CRL_free(crl);
        return status;
    }
    X509_CRL_free(directory->crl);
    OPENSSL_free(directory->crl_der);
    directory->crl = crl;
    directory->crl_der = der;
    directory->crl_size = (size_t)size;
    directory->crl_number = number_of(crl);
    directory->crl_next_ms = cert_asn1_ms(X509_CRL_get0_nextUpdate(crl));
    for (size_t i = 0; i < directory->count; i++)
        cert_crl_apply(directory, directory->held[i]);
    return WIRE_OK;
}

enum wire_status cert_directory_crl_load(struct cert_directory *directory, const char *path,
                                         struct wire_problem *problem)
{
    struct cert_file file;
    enum wire_status status = cert_file_read(path, false, &file, problem);
    if (status == WIRE_OK)
        status = cert_directory_crl(directory, wire_bytes(file.data, file.size), problem);
    cert_file_close(&file);
    return status;
}

struct wire_bytes cert_directory_crl_bytes(const struct cert_directory *directory)
{
    return wire_bytes(directory->crl_der, directory->crl_size);
}

uint64_t cert_directory_crl_number(const struct cert_directory *directory)
{
    return directory->crl_number;
}

int64_t cert_directory_crl_next_ms(const struct cert_directory *directory)
{
    return directory->crl_next_ms;
}

enum cert_crl_state cert_directory_crl_state(const struct cert_directory *directory, int64_t at_ms)
{
    const int64_t day_ms = 24 * 3600 * INT64_C(1000);
    if (directory->crl == NULL || at_ms > directory->crl_next_ms + CERT_CRL_GRACE_DAYS * day_ms)
        return CERT_CRL_CLOSED;
    if (at_ms > directory->crl_next_ms)
        return CERT_CRL_GRACE;
    if (at_ms >= directory->crl_next_ms - CERT_CRL_URGENT_DAYS * day_ms)
        return CERT_CRL_URGENT;
    return at_ms >= directory->crl_next_ms - CERT_CRL_WARN_DAYS * day_ms ? CERT_CRL_WARN : CERT_CRL_FINE;
}

const char *cert_crl_state_name(enum cert_crl_state state)
{
    static const char *const names[] = {"fine", "warn", "urgent", "grace", "closed"};
    return (size_t)state < sizeof names / sizeof *names ? names[state] : "?";
}
