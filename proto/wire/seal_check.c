#include "wire/seal_check.h"
#include "wire/codec.h"

struct wire_bytes wire_binary(const ProtobufCBinaryData *field)
{
    return wire_bytes(field->data, field->len);
}

bool wire_mechanism_right(const char *mechanism)
{
    size_t size = strnlen(mechanism, WIRE_MECHANISM_BYTES_MAX + 1);

    for (size_t i = 0; i < size; i++) {
        char c = mechanism[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return size >= 1 && size <= WIRE_MECHANISM_BYTES_MAX;
}

static bool seal_fields_right(const Wire__BatchSeal *seal)
{
    return seal->signer.len == WIRE_HASH_BYTES && seal->store_id.len == WIRE_ID_BYTES &&
           seal->root.len == WIRE_HASH_BYTES && seal->signature.len >= 1 &&
           seal->signature.len <= WIRE_SIGNATURE_BYTES_MAX && wire_mechanism_right(seal->mechanism);
}

static bool seal_ranges_right(const Wire__BatchSeal *seal)
{
    return seal->count >= 1 && seal->count <= WIRE_BATCH_ENVELOPES_MAX && seal->boxes <= WIRE_BOXES_MAX &&
           seal->first >= 1 && seal->first <= UINT64_MAX - seal->count && (uint32_t)seal->lane < WIRE_LANES;
}

enum wire_status wire_seal_check(const Wire__BatchSeal *seal)
{
    if (seal->suite != WIRE_SUITE_P256)
        return WIRE_WRONG_SUITE;
    return seal_fields_right(seal) && seal_ranges_right(seal) ? WIRE_OK : WIRE_BAD_FRAME;
}

bool wire_seal_has(const Wire__BatchSeal *seal, uint32_t index, const Wire__Header *header)
{
    return header->seq == seal->first + index && header->origin == seal->origin && header->lane == seal->lane &&
           wire_bytes_equal(wire_binary(&header->store_id), wire_binary(&seal->store_id)) &&
           strcmp(header->mechanism, seal->mechanism) == 0;
}

Wire__Header *wire_header_decode(const ProtobufCBinaryData *raw, struct wire_arena *arena, enum wire_status *status)
{
    Wire__Header *header;

    *status = WIRE_BAD_HEADER;
    if (raw->len == 0 || raw->len > WIRE_HEADER_BYTES_MAX)
        return NULL;
    header = (Wire__Header *)wire_decode_in_place(&wire__header__descriptor, wire_binary(raw), WIRE_STRICT_HEADER,
                                                  arena, status);
    if (header == NULL) {
        if (*status != WIRE_OVER_BUDGET && *status != WIRE_UNKNOWN_FIELD)
            *status = WIRE_BAD_HEADER;
        return NULL;
    }
    *status = wire_header_check(header);
    return *status == WIRE_OK ? header : NULL;
}

bool wire_box_right(const Wire__KeyBox *box)
{
    return box->region >= 100000 && box->region <= 999999 && box->certificate.len == WIRE_HASH_BYTES &&
           box->cms.len >= 1;
}
