/* What every header must be, whatever batch it lies in. */
#include "wire/batch.h"
#include "wire/seal_check.h"
#include "wire/time.h"

static bool is_region(uint32_t adcode)
{
    return adcode >= 100000 && adcode <= 999999;
}

static bool references_right(const Wire__Header *header)
{
    if (header->n_references > WIRE_REFERENCES_MAX)
        return false;
    for (size_t i = 0; i < header->n_references; i++)
        if (header->references[i]->id.len != WIRE_ID_BYTES)
            return false;
    return header->in_reply_to == NULL || header->in_reply_to->id.len == WIRE_ID_BYTES;
}

static bool addresses_right(const Wire__Header *header)
{
    if (header->n_to > WIRE_ADDRESSES_MAX || header->n_cc > WIRE_ADDRESSES_MAX - header->n_to)
        return false;
    for (size_t i = 0; i < header->n_to; i++)
        if (!is_region(header->to[i]->region))
            return false;
    for (size_t i = 0; i < header->n_cc; i++)
        if (!is_region(header->cc[i]->region))
            return false;
    return true;
}

static bool concerns_right(const Wire__Header *header)
{
    if (header->n_concerns > WIRE_RECIPIENTS_MAX)
        return false;
    for (size_t i = 0; i < header->n_concerns; i++)
        if (!is_region(header->concerns[i]))
            return false;
    return true;
}

static bool identity_right(const Wire__Header *header)
{
    return header->version == WIRE_PROTOCOL_VERSION && header->id.len == WIRE_ID_BYTES &&
           wire_day_valid(header->number_date) && header->number_serial > 0 &&
           (header->origin == 0 || is_region(header->origin)) &&
           (header->issuer_region == 0 || is_region(header->issuer_region)) && header->store_id.len == WIRE_ID_BYTES &&
           header->seq > 0 && wire_mechanism_right(header->mechanism);
}

static bool times_right(const Wire__Header *header)
{
    return header->created_ms > 0 && wire_day_valid(header->keep_until) &&
           (!header->has_effective_ms || header->effective_ms > 0) &&
           (!header->has_expires_ms || header->expires_ms > 0) && (!header->has_due_ms || header->due_ms > 0);
}

enum wire_status wire_header_check(const Wire__Header *header)
{
    bool right = identity_right(header) && times_right(header) && header->digest.len == WIRE_HASH_BYTES &&
                 references_right(header) && addresses_right(header) && concerns_right(header);

    return right ? WIRE_OK : WIRE_BAD_HEADER;
}
