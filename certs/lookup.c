/* Who is there at a time: look-ups over the directory's history. */
#include "certs/directory.h"
#include "certs/held.h"
#include <stdlib.h>

const struct cert_entry *cert_directory_current(const struct cert_directory *directory, uint32_t region,
                                                Wire__Usage usage, int64_t at_ms)
{
    Wire__Role role = region == 0 ? WIRE__ROLE__ROLE_BROKER : WIRE__ROLE__ROLE_NODE;
    uint64_t hash = cert_holder_hash(region, role, usage);
    const struct cert_entry *newest = NULL;
    uint32_t newest_index = 0;
    size_t cursor = 0;
    for (uint32_t i; (i = cert_table_next(&directory->by_region, hash, &cursor)) != CERT_TABLE_NONE;) {
        const struct cert_entry *entry = &directory->held[i]->entry;
        if (cert_entry_at(entry, at_ms) != WIRE_OK)
            continue;
        int64_t ahead = newest == NULL ? 1 : entry->subject.from_ms - newest->subject.from_ms;
        if (ahead > 0 || (ahead == 0 && i > newest_index)) {
            newest = entry;
            newest_index = i;
        }
    }
    return newest;
}

bool cert_directory_enrolled(const struct cert_directory *directory, uint32_t region, int64_t at_ms)
{
    return cert_directory_current(directory, region, WIRE__USAGE__USAGE_IDENTITY, at_ms) != NULL &&
           cert_directory_current(directory, region, WIRE__USAGE__USAGE_TRANSPORT, at_ms) != NULL;
}

static int by_adcode(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

size_t cert_directory_regions(const struct cert_directory *directory, int64_t at_ms, uint32_t *out, size_t max)
{
    uint32_t *all = malloc((directory->count + 1) * sizeof *all);
    if (all == NULL)
        return 0;
    size_t candidates = 0, count = 0;
    for (size_t i = 0; i < directory->count; i++) {
        const struct cert_subject *subject = &directory->held[i]->entry.subject;
        if (subject->role == WIRE__ROLE__ROLE_NODE && subject->usage == WIRE__USAGE__USAGE_IDENTITY)
            all[candidates++] = subject->region;
    }
    qsort(all, candidates, sizeof *all, by_adcode);
    for (size_t i = 0; i < candidates; i++) {
        if ((i > 0 && all[i] == all[i - 1]) || !cert_directory_enrolled(directory, all[i], at_ms))
            continue;
        if (count < max)
            out[count] = all[i];
        count++;
    }
    free(all);
    return count;
}

enum wire_status cert_directory_admit(const struct cert_directory *directory, const uint8_t curve[CERT_CURVE_BYTES],
                                      int64_t at_ms, const struct cert_entry **entry)
{
    size_t cursor = 0;
    *entry = NULL;
    for (uint32_t i; (i = cert_table_next(&directory->by_curve, wire_get_u64(curve), &cursor)) != CERT_TABLE_NONE;) {
        const struct cert_entry *found = &directory->held[i]->entry;
        if (memcmp(found->subject.curve, curve, CERT_CURVE_BYTES) != 0)
            continue;
        *entry = found; /* the only one: no two certificates have one key */
        enum wire_status status = cert_entry_at(found, at_ms);
        return status == WIRE_SIGNER_REVOKED ? WIRE_REVOKED : status;
    }
    return WIRE_NOT_ENROLLED;
}
