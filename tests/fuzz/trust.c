#include "trust.h"
#include "certs/make.h"
#include "wire/ensure.h"
#include <openssl/x509.h>

struct cert_directory *fuzz_directory_empty(void)
{
    static struct cert_directory *directory;
    if (directory != NULL)
        return directory;
    EVP_PKEY *key = cert_key_make(WIRE__USAGE__USAGE_IDENTITY);
    X509 *ca = cert_make_ca("fuzz", key, INT64_C(1577808000000), INT64_C(1893427200000));
    size_t size;
    uint8_t *der = ca == NULL ? NULL : cert_x509_der(ca, &size);
    ENSURE(der != NULL && cert_directory_new(wire_bytes(der, size), NULL, &directory, NULL) == WIRE_OK);
    OPENSSL_free(der);
    X509_free(ca);
    EVP_PKEY_free(key);
    return directory;
}
