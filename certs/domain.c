#include "certs/domain.h"
#include "certs/x509.h"

enum wire_status cert_domain(struct wire_bytes bytes, const char *installation, uint8_t out[WIRE_HASH_BYTES])
{
    struct cert_ca ca = {.x509 = NULL};
    enum wire_status status = cert_ca_open(&ca, bytes, installation, "", NULL);
    if (status == WIRE_OK)
        memcpy(out, ca.domain, WIRE_HASH_BYTES);
    cert_ca_close(&ca);
    return status;
}

enum wire_status cert_installation(struct wire_bytes bytes, char out[CERT_INSTALLATION_BYTES_MAX + 1])
{
    struct cert_ca ca = {.x509 = NULL};
    enum wire_status status = cert_ca_open(&ca, bytes, NULL, "", NULL);
    if (status == WIRE_OK)
        memcpy(out, ca.installation, sizeof ca.installation);
    cert_ca_close(&ca);
    return status;
}
