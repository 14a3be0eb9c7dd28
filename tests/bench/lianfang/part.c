#include "lianfang/part.h"

#include "lianfang/field.h"
#include "wire/codec.h"
#include "wire/seal_check.h"

/* Fields of the header that are read (proto/schema/envelope.proto). */
enum {
    HEADER_VERSION = 1,
    HEADER_ID = 2,
    HEADER_ORIGIN = 5,
    HEADER_STORE = 8,
    HEADER_SEQ = 9,
    HEADER_MECHANISM = 10,
    HEADER_LANE = 11,
    HEADER_DIGEST = 33,
    HEADER_KNOWN = 34, /* the last one of this version */
    HEADER_CRITICAL = 63,
};

const void *part_decode(struct world *world, const ProtobufCMessageDescriptor *type, struct wire_bytes bytes)
{
    enum wire_status status;
    const void *message = wire_decode(type, bytes, WIRE_STRICT_ALL, &world->arena, &status);
    if (message == NULL)
        plan_void("%s: %s", type->name, wire_status_name(status));
    return message;
}

static const uint8_t *sized(struct wire_bytes bytes, size_t size)
{
    if (bytes.size != size)
        plan_void("a field of %zu bytes instead of %zu", bytes.size, size);
    return bytes.data;
}

/* --- one envelope ------------------------------------------------------------------------------------------------- */

struct heading {
    const uint8_t *id, *store, *digest;
    struct wire_bytes mechanism;
    uint64_t version, origin, seq, lane;
};

static void take_heading(struct heading *heading, const struct field *field)
{
    switch (field->number) {
    case HEADER_VERSION:
        heading->version = field->value;
        break;
    case HEADER_ID:
        heading->id = sized(field->bytes, WIRE_ID_BYTES);
        break;
    case HEADER_ORIGIN:
        heading->origin = field->value;
        break;
    case HEADER_STORE:
        heading->store = sized(field->bytes, WIRE_ID_BYTES);
        break;
    case HEADER_SEQ:
        heading->seq = field->value;
        break;
    case HEADER_MECHANISM:
        heading->mechanism = field->bytes;
        break;
    case HEADER_LANE:
        heading->lane = field->value;
        break;
    case HEADER_DIGEST:
        heading->digest = sized(field->bytes, WIRE_HASH_BYTES);
        break;
    default:
        if (field->number == 0 || (field->number > HEADER_KNOWN && field->number <= HEADER_CRITICAL))
            plan_void("a header with the field %u", field->number);
    }
}

/* Of the stream and at the place that the seal says. */
static void check_heading(const struct heading *heading, const Wire__BatchSeal *seal, uint32_t index)
{
    if (heading->id == NULL || heading->store == NULL || heading->digest == NULL ||
        heading->version != WIRE_PROTOCOL_VERSION)
        plan_void("a header cannot be read");
    if (index >= seal->count || heading->seq != seal->first + index || heading->origin != seal->origin ||
        heading->lane != (uint64_t)seal->lane || memcmp(heading->store, seal->store_id.data, WIRE_ID_BYTES) != 0 ||
        heading->mechanism.size != strlen(seal->mechanism) ||
        memcmp(heading->mechanism.data, seal->mechanism, heading->mechanism.size) != 0)
        plan_void("a header of another stream or place");
}

static void read_envelope(struct world *world, struct wire_bytes bytes, struct part *part)
{
    struct wire_bytes header = {0}, salt = {0}, payload = {0};
    struct heading heading = {0};
    struct field field;
    uint64_t index = UINT64_MAX;
    while (field_next(&bytes, &field))
        if (field.number == 1 && !field.is_bytes)
            index = field.value;
        else if (field.number == 2)
            header = field.bytes;
        else if (field.number == 3)
            salt = field.bytes;
        else if (field.number == 4)
            payload = field.bytes;
        else
            plan_void("an envelope with the field %u", field.number);
    if (part->seal == NULL || part->count == part->seal->count ||
        (part->count > 0 && index <= part->index[part->count - 1]))
        plan_void("an envelope out of place");
    struct wire_bytes rest = header;
    while (field_next(&rest, &field))
        take_heading(&heading, &field);
    check_heading(&heading, part->seal, (uint32_t)index);
    sized(salt, WIRE_SALT_BYTES);
    struct wire_digest digest = wire_payload_digest(&world->hash, salt, payload);
    if (memcmp(digest.bytes, heading.digest, WIRE_HASH_BYTES) != 0)
        plan_void("a payload is not what its header says");
    part->leaf[part->count] = wire_header_leaf(&world->hash, header);
    part->id[part->count] = heading.id;
    part->index[part->count++] = (uint32_t)index;
    part->have[index / 8] = (uint8_t)(part->have[index / 8] | 1u << index % 8);
}

/* --- the part ----------------------------------------------------------------------------------------------------- */

static void take_seal(struct world *world, struct wire_bytes bytes, struct part *part)
{
    part->seal = part_decode(world, &wire__batch_seal__descriptor, bytes);
    if (wire_seal_check(part->seal) != WIRE_OK)
        plan_void("a seal: %s", wire_status_name(wire_seal_check(part->seal)));
}

static void take_field(struct world *world, const struct field *field, struct part *part)
{
    if (field->number == 1 && part->seal == NULL)
        take_seal(world, field->bytes, part);
    else if (field->number == 2)
        read_envelope(world, field->bytes, part);
    else if (field->number == 3 && part->box == NULL)
        part->box = part_decode(world, &wire__key_box__descriptor, field->bytes);
    else if (field->number == 4 && !field->is_bytes)
        part->box_index = field->value;
    else if (field->number == 5 && part->proofs < WIRE_PROOF_HASHES_MAX)
        memcpy(part->proof[part->proofs++].bytes, sized(field->bytes, WIRE_HASH_BYTES), WIRE_HASH_BYTES);
    else
        plan_void("a part with the field %u", field->number);
}

static void hold_box(struct world *world, struct part *part)
{
    if (!wire_box_right(part->box) || part->box_index < part->seal->count ||
        part->box_index - part->seal->count >= part->seal->boxes)
        plan_void("a key box out of place");
    part->leaf[part->count] = wire_box_leaf(&world->hash, part->box->region, wire_binary(&part->box->certificate),
                                            wire_binary(&part->box->cms));
    part->have[part->box_index / 8] = (uint8_t)(part->have[part->box_index / 8] | 1u << part->box_index % 8);
}

static void check_root(struct world *world, struct part *part)
{
    struct wire_digest root;
    size_t held = part->count;
    if (part->box != NULL) {
        hold_box(world, part);
        held++;
    }
    if (!wire_merkle_proof_root(&world->hash, part->have, part->seal->count + part->seal->boxes, part->leaf, held,
                                part->proof, part->proofs, &root) ||
        memcmp(root.bytes, part->seal->root.data, WIRE_HASH_BYTES) != 0)
        plan_void("a part does not complete its root");
}

static void read_part(struct world *world, struct wire_bytes bytes, struct part *part)
{
    struct field field;
    while (field_next(&bytes, &field))
        take_field(world, &field, part);
    if (part->seal == NULL || part->count == 0)
        plan_void("a part of nothing");
    check_root(world, part);
    enum wire_status status = cert_verify_batch(world->directory, part->seal, world_wall_ms());
    if (status != WIRE_OK)
        plan_void("a part does not verify: %s", wire_status_name(status));
}

/* --- the delivery ------------------------------------------------------------------------------------------------- */

/* Stands in front of it: of which envelope, and a disposition that is kept as it came. */
static void read_given(struct wire_bytes bytes, struct part *part)
{
    struct field field;
    unsigned seen = 0;
    while (field_next(&bytes, &field)) {
        if (field.number == 0 || field.number > 3 || field.is_bytes != (field.number == 3))
            plan_void("a disposition with the field %u", field.number);
        if (field.number == 1 && (part->given >= part->count || field.value != part->index[part->given]))
            plan_void("a disposition of another envelope");
        seen |= 1u << field.number;
    }
    if (seen != (1u << 1 | 1u << 2 | 1u << 3))
        plan_void("a disposition that is none");
    part->given++;
}

static void check_witness(struct world *world, struct part *part)
{
    const Wire__Signed *witness = part_decode(world, &wire__signed__descriptor, part->witness);
    enum wire_status status =
        cert_verify_signed(world->directory, &world->hash, witness, WIRE__ROLE__ROLE_BROKER, 0, world_wall_ms());
    if (status != WIRE_OK || witness->type != WIRE__STATEMENT_TYPE__WITNESS_STATEMENT)
        plan_void("a witness does not verify: %s", wire_status_name(status));
    const Wire__WitnessStatement *statement =
        part_decode(world, &wire__witness_statement__descriptor, wire_binary(&witness->statement));
    if (!wire_bytes_equal(wire_binary(&statement->root), wire_binary(&part->seal->root)))
        plan_void("a witness of another batch");
}

static void take_delivery(struct world *world, const struct field *field, struct part *part)
{
    switch (field->number) {
    case 1:
        part->mechanism = field->bytes;
        break;
    case 2:
        part->lane = (uint32_t)field->value;
        break;
    case 3:
        part->number = field->value;
        break;
    case 4:
        sized(part->chain = field->bytes, WIRE_HASH_BYTES);
        break;
    case 5:
        part->generation = field->value;
        break;
    case 6:
        read_part(world, field->bytes, part);
        break;
    case 7:
        read_given(field->bytes, part);
        break;
    case 8:
        part->witness = field->bytes;
        break;
    case 9:
        break; /* sent before */
    default:
        plan_void("a delivery with the field %u", field->number);
    }
}

void part_read(struct world *world, struct wire_bytes deliver, struct part *part)
{
    struct field field;
    part->seal = NULL;
    part->box = NULL;
    part->count = part->given = part->proofs = 0;
    part->chain = part->witness = part->mechanism = wire_bytes(NULL, 0);
    memset(part->have, 0, sizeof(part->have));
    while (field_next(&deliver, &field))
        take_delivery(world, &field, part);
    if (part->count == 0 || part->given != part->count || part->chain.size == 0 || part->lane >= WIRE_LANES)
        plan_void("a delivery without part, chain or dispositions");
    check_witness(world, part);
}
