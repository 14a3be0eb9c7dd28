/* One header. Oracles: a header that is taken has sizes and ranges that everything behind it relies on, encodes to the
 * same again, and can be told as JSON. */
#include "schema/envelope.pb-c.h"
#include "target.h"
#include "wire/codec.h"
#include "wire/json.h"
#include "wire/seal_check.h"
#include "wire/time.h"

static void check_relied_on(const Wire__Header *header)
{
    ENSURE(header->id.len == WIRE_ID_BYTES && header->store_id.len == WIRE_ID_BYTES);
    ENSURE(header->digest.len == WIRE_HASH_BYTES && header->seq > 0);
    ENSURE(strlen(header->mechanism) >= 1 && strlen(header->mechanism) <= WIRE_MECHANISM_BYTES_MAX);
    ENSURE(wire_day_valid(header->keep_until) && wire_day_valid(header->number_date));
    ENSURE(header->n_to + header->n_cc <= WIRE_ADDRESSES_MAX && header->n_references <= WIRE_REFERENCES_MAX);
    ENSURE((unsigned)header->lane < WIRE_LANES && header->created_ms > 0);
    for (size_t i = 0; i < header->n_references; i++)
        ENSURE(header->references[i]->id.len == WIRE_ID_BYTES);
}

/* Unknown fields of 64 and up are dropped by re-encoding, so the first encoding is the reference. */
static void check_again(const Wire__Header *header, struct wire_arena *arena)
{
    struct wire_bytes encoded = fuzz_same_again(&header->base, arena);
    ProtobufCBinaryData raw = {.len = encoded.size, .data = (uint8_t *)(uintptr_t)encoded.data};
    enum wire_status status;
    ENSURE(encoded.size > WIRE_HEADER_BYTES_MAX || wire_header_decode(&raw, arena, &status) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char json[512 * 1024];
    struct wire_arena arena, again;
    enum wire_status status;
    ProtobufCBinaryData raw = {.len = size, .data = (uint8_t *)(uintptr_t)data};
    if (size > 2 * WIRE_HEADER_BYTES_MAX)
        return 0;
    fuzz_arena(0, wire_arena_budget(size), &arena);
    const Wire__Header *header = wire_header_decode(&raw, &arena, &status);
    ENSURE((header == NULL) == (status != WIRE_OK));
    if (header == NULL)
        return 0;
    check_relied_on(header);
    fuzz_arena(1, 1024 * 1024, &again);
    check_again(header, &again);
    struct wire_text text = {.data = json, .capacity = sizeof json};
    wire_json_write(&text, &header->base, NULL);
    ENSURE(text.size > 2 && (text.cut || text.data[text.size - 1] == '}'));
    return 0;
}
