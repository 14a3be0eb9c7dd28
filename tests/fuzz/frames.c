/* A frame of a stranger: decoded within its budget, and then everything that gate and a node's intake ask of it before
 * any key is looked up. Oracles: the budget; what is taken encodes to what decodes to the same; gate takes what nodes
 * may send and nothing else. */
#include "broker/gate/gate.h"
#include "schema/trust.pb-c.h"
#include "target.h"
#include "trust.h"
#include "wire/codec.h"
#include "wire/statement.h"

enum { SLOT_FRAME, SLOT_PARTS, SLOT_AGAIN, SLOT_GATE };

static const ProtobufCMessageDescriptor *statement_type(Wire__StatementType type)
{
    switch (type) {
    case WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT:
        return &wire__receipt_statement__descriptor;
    case WIRE__STATEMENT_TYPE__WITNESS_STATEMENT:
        return &wire__witness_statement__descriptor;
    case WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT:
        return &wire__arrived_statement__descriptor;
    case WIRE__STATEMENT_TYPE__COMPLETENESS_STATEMENT:
        return &wire__completeness_statement__descriptor;
    default:
        return NULL;
    }
}

static void on_signed(const Wire__Signed *signed_)
{
    enum wire_status status;
    struct wire_arena arena;
    struct wire_digest root;
    uint8_t text[WIRE_SIGNED_TEXT_MAX], domain[WIRE_HASH_BYTES] = {0};
    if (signed_ == NULL)
        return;
    if (wire_signed_root(fuzz_hash(), signed_, &root) == WIRE_OK && signed_->signer.len == WIRE_HASH_BYTES)
        ENSURE(wire_statements_signed_text(signed_->suite, domain, signed_->signer.data, signed_->count, root.bytes,
                                           text) <= sizeof text);
    const ProtobufCMessageDescriptor *type = statement_type(signed_->type);
    ENSURE(type != NULL); /* the decoder knows the enum */
    fuzz_arena(SLOT_PARTS, wire_arena_budget(signed_->statement.len), &arena);
    const ProtobufCMessage *statement = wire_decode(type, wire_bytes(signed_->statement.data, signed_->statement.len),
                                                    WIRE_STRICT_ALL, &arena, &status);
    ENSURE((statement == NULL) == (status != WIRE_OK));
}

static void on_signed_list(Wire__Signed *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        on_signed(list[i]);
}

/* As gate does, by a broker that knows nobody. */
static struct gate *gate_of_nobody(void)
{
    static struct wire_hash hash;
    static struct gate gate;
    hash = *fuzz_hash();
    gate = (struct gate){.hash = &hash, .directory = fuzz_directory_empty()};
    return &gate;
}

static void on_submit(const Wire__Submit *submit)
{
    enum wire_status status;
    struct wire_arena arena;
    uint32_t at;
    fuzz_arena(SLOT_PARTS, wire_arena_budget(submit->batch.len), &arena);
    const Wire__Batch *batch = (const Wire__Batch *)wire_decode(
        &wire__batch__descriptor, wire_bytes(submit->batch.data, submit->batch.len), WIRE_STRICT_ALL, &arena, &status);
    if (batch != NULL) {
        static Wire__Header *headers[WIRE_BATCH_ENVELOPES_MAX];
        static struct wire_digest leaves[WIRE_BATCH_LEAVES_MAX];
        uint8_t text[WIRE_SIGNED_TEXT_MAX], domain[WIRE_HASH_BYTES] = {0};
        if (wire_batch_check(fuzz_hash(), batch, &arena, headers, leaves, &at) == WIRE_OK)
            ENSURE(wire_batch_signed_text(batch->seal, domain, text) <= sizeof text);
    }
    struct gate_submit out;
    uint32_t region = batch == NULL ? 0 : batch->seal->origin;
    fuzz_arena(SLOT_GATE, 4 * 1024 * 1024, &arena);
    gate_submit(gate_of_nobody(), region, submit, 1, &arena, &out);
    ENSURE((out.batch != NULL) == (batch != NULL) && out.failed != WIRE_OK && out.held == NULL);
    on_signed(submit->held);
}

static void on_arrived(const Wire__Arrived *arrived)
{
    for (size_t i = 0; i < arrived->n_part; i++) {
        struct wire_arena arena;
        Wire__ArrivedStatement *statement;
        on_signed(arrived->part[i]->signed_);
        fuzz_arena(SLOT_GATE, 1024 * 1024, &arena);
        ENSURE(gate_arrived(gate_of_nobody(), 310000, arrived->part[i], 1, &arena, &statement) != WIRE_OK);
    }
}

static void on_deliver(const Wire__Deliver *deliver)
{
    static Wire__Header *headers[WIRE_BATCH_ENVELOPES_MAX];
    static struct wire_digest leaves[WIRE_BATCH_ENVELOPES_MAX];
    struct wire_arena arena;
    enum wire_status status;
    uint32_t at;
    fuzz_arena(SLOT_PARTS, wire_arena_budget(deliver->part.len), &arena);
    const Wire__Part *part = (const Wire__Part *)wire_decode(
        &wire__part__descriptor, wire_bytes(deliver->part.data, deliver->part.len), WIRE_STRICT_ALL, &arena, &status);
    if (part != NULL && wire_part_check(fuzz_hash(), part, &arena, headers, leaves, &at) == WIRE_OK)
        ENSURE(part->n_envelope >= 1 && part->n_envelope <= WIRE_BATCH_ENVELOPES_MAX);
    on_signed(deliver->witness);
}

static void on_directory(const Wire__DirectoryPiece *piece)
{
    for (size_t i = 0; i < piece->n_record; i++) {
        struct wire_arena arena;
        enum wire_status status;
        fuzz_arena(SLOT_PARTS, wire_arena_budget(piece->record[i].len), &arena);
        wire_decode(&wire__directory_record__descriptor, wire_bytes(piece->record[i].data, piece->record[i].len),
                    WIRE_STRICT_ALL, &arena, &status);
    }
}

static void on_hello(const Wire__Hello *hello)
{
    struct wire_arena arena;
    on_signed(hello->newest_receipt);
    on_signed(hello->newest_completeness);
    fuzz_arena(SLOT_GATE, 1024 * 1024, &arena);
    ENSURE(gate_own_receipt(gate_of_nobody(), hello->newest_receipt, &arena) == NULL);
    ENSURE(gate_own_completeness(gate_of_nobody(), hello->newest_completeness, &arena) == NULL);
}

static void on_frame(const Wire__Frame *frame)
{
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_HELLO:
        on_hello(frame->hello);
        break;
    case WIRE__FRAME__BODY_WELCOME:
        on_signed_list(frame->welcome->completeness, frame->welcome->n_completeness);
        break;
    case WIRE__FRAME__BODY_SUBMIT:
        on_submit(frame->submit);
        break;
    case WIRE__FRAME__BODY_RECEIPT:
        on_signed(frame->receipt->signed_);
        break;
    case WIRE__FRAME__BODY_DELIVER:
        on_deliver(frame->deliver);
        break;
    case WIRE__FRAME__BODY_ARRIVED:
        on_arrived(frame->arrived);
        break;
    case WIRE__FRAME__BODY_PULSE:
        on_signed_list(frame->pulse->completeness, frame->pulse->n_completeness);
        break;
    case WIRE__FRAME__BODY_DIRECTORY:
        on_directory(frame->directory);
        break;
    default:
        break;
    }
}

static bool of_nodes(const Wire__Frame *frame)
{
    return frame->body_case == WIRE__FRAME__BODY_HELLO || frame->body_case == WIRE__FRAME__BODY_SUBMIT ||
           frame->body_case == WIRE__FRAME__BODY_ARRIVED || frame->body_case == WIRE__FRAME__BODY_CREDIT ||
           frame->body_case == WIRE__FRAME__BODY_PULSE || frame->body_case == WIRE__FRAME__BODY_BYE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_arena arena, again;
    enum wire_status status, gated;
    if (size > WIRE_FRAME_BYTES_MAX)
        return 0;
    fuzz_arena(SLOT_FRAME, wire_arena_budget(size), &arena);
    const Wire__Frame *frame = (const Wire__Frame *)wire_decode(&wire__frame__descriptor, wire_bytes(data, size),
                                                                WIRE_STRICT_ALL, &arena, &status);
    ENSURE((frame == NULL) == (status != WIRE_OK) && arena.used <= wire_arena_budget(size));
    fuzz_arena(SLOT_AGAIN, 64 * size + 1024 * 1024, &again);
    bool taken = gate_decode(wire_bytes(data, size), &again, &gated) != NULL;
    ENSURE(taken == (frame != NULL && of_nodes(frame)));
    if (frame == NULL)
        return 0;
    ENSURE(taken || gated == WIRE_UNEXPECTED_FRAME);
    wire_arena_reset(&again);
    fuzz_same_again(&frame->base, &again);
    on_frame(frame);
    return 0;
}
