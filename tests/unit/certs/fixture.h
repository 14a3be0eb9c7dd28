/* One zoo a test; NOW is a day of the exercise. */
#pragma once
#include "certs/hash.h"
#include "support/zoo.h"
#include <criterion/criterion.h>

#define NOW INT64_C(1581040800000) /* 2020-02-07 10:00 +08:00 */
#define DAY (24 * 3600 * INT64_C(1000))

struct fixture {
    struct zoo zoo;
    struct cert_directory *directory;
    struct wire_hash hash;
};

static inline void fixture_open(struct fixture *fixture)
{
    zoo_open(&fixture->zoo, NOW);
    fixture->directory = zoo_directory(&fixture->zoo);
    fixture->hash = cert_hash_new();
}

static inline void fixture_close(struct fixture *fixture)
{
    cert_hash_close(&fixture->hash);
    cert_directory_free(&fixture->directory);
    zoo_close(&fixture->zoo);
}
