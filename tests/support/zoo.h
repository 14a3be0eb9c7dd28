/* A zoo of certificates, good and bad, generated in a temporary folder and removed again; never committed.
 *
 * Folders below `root`, each as cert_identity_load wants it:
 *   310000 330000 330300   good nodes            broker      good broker
 *   secretary              good secretary        renewed     310000's second set; seal-old.* is its first seal
 *   expired 320000         over a day ago        future 340000   from tomorrow on
 *   revoked 350000         key-compromise, at zoo.revoked_ms
 *   superseded 360000      superseded, at zoo.revoked_ms
 *   other-ca 310000        from another installation's CA (ca.pem too)
 *   other-region           310000's, but its transport pair is 330000's
 *   wrong-usage            310000's, but transport.* is its seal pair
 *   self-signed            310000's subject, signed by itself; ca.pem is the right CA
 *   swapped                310000's, but transport.key is 330000's
 *   open-key               310000's, but identity.key may be read by all
 * Files: ca/directory.bin (all of the above that our CA issued), ca/crl.der, stale-crl.der (nextUpdate 3 days ago),
 * closed-crl.der (8 days ago). `ca` and `other` are the CAs' folders. */
#pragma once
#include "certs/directory.h"
#include "certs/identity.h"

enum { ZOO_PATH_MAX = 512 };
#define ZOO_INSTALLATION "联防试验 zoo"

struct zoo {
    char root[ZOO_PATH_MAX / 2];
    int64_t now_ms;     /* what the zoo was generated for */
    int64_t revoked_ms; /* an hour before now */
};

void zoo_open(struct zoo *zoo, int64_t now_ms); /* aborts with a message when something fails */
void zoo_close(struct zoo *zoo);                /* removes it all */
/* root/name; a static buffer would be a trap, so the caller's. */
char *zoo_path(const struct zoo *zoo, const char *name, char out[ZOO_PATH_MAX]);
struct cert_directory *zoo_directory(const struct zoo *zoo);                 /* directory.bin and crl.der loaded */
struct cert_identity *zoo_identity(const struct zoo *zoo, const char *name); /* aborts when it does not load */
void zoo_remove_tree(const char *path);
