/* Any message of ours, read by wire/unpack.c and by protobuf-c. Oracle: both make the same of bytes that pass the
 * check, whether bytes fields are copied or lie where they lay; a decode that fails takes nothing from the arena. */
#include "wire/unpack.h"
#include "support/messages.h"
#include "target.h"

enum { SLOT_OURS, SLOT_BORROWED, SLOT_THEIRS, SLOT_BYTES };

static void ensure_same(const ProtobufCMessage *theirs, const ProtobufCMessage *ours)
{
    struct wire_arena arena;
    ENSURE((theirs == NULL) == (ours == NULL));
    if (theirs == NULL)
        return;
    size_t size = protobuf_c_message_get_packed_size(theirs);
    ENSURE(protobuf_c_message_get_packed_size(ours) == size && ours->n_unknown_fields == theirs->n_unknown_fields);
    fuzz_arena(SLOT_BYTES, 2 * size + 64, &arena);
    struct wire_bytes want = wire_encode(theirs, &arena), got = wire_encode(ours, &arena);
    ENSURE(want.data != NULL && wire_bytes_equal(want, got));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    struct wire_arena ours, borrowed, theirs;
    enum wire_status status, again;
    const ProtobufCMessageDescriptor *type = messages_at(fuzz_u8(&input) % messages_count());
    enum wire_strict strict = (enum wire_strict)fuzz_below(&input, 3);
    struct wire_bytes raw = fuzz_rest(&input);
    if (raw.size > 64 * 1024)
        return 0;
    fuzz_arena(SLOT_OURS, wire_arena_budget(raw.size), &ours);
    const ProtobufCMessage *copied = wire_decode(type, raw, strict, &ours, &status);
    ENSURE((copied != NULL) == (status == WIRE_OK) && (copied != NULL || ours.used == 0));
    fuzz_arena(SLOT_BORROWED, wire_arena_budget(raw.size), &borrowed);
    const ProtobufCMessage *in_place = wire_decode_in_place(type, raw, strict, &borrowed, &again);
    ENSURE(again == status && borrowed.used <= ours.used);
    if (copied == NULL)
        return 0;
    fuzz_arena(SLOT_THEIRS, 64 * raw.size + 64 * 1024, &theirs);
    const ProtobufCMessage *reference =
        protobuf_c_message_unpack(type, &theirs.allocator, raw.size, raw.size == 0 ? (const uint8_t *)"" : raw.data);
    ensure_same(reference, copied);
    ensure_same(reference, in_place);
    return 0;
}
