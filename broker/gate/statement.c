#include "broker/gate/inside.h"

static ProtobufCMessage *decode(const ProtobufCMessageDescriptor *type, const Wire__Signed *signed_,
                                struct wire_arena *arena)
{
    enum wire_status status;
    return gate_message(type, wire_bytes(signed_->statement.data, signed_->statement.len), arena, &status);
}

enum wire_status gate_arrived(const struct gate *gate, uint32_t region, const Wire__ArrivedPart *part, int64_t wall_ms,
                              struct wire_arena *arena, Wire__ArrivedStatement **statement)
{
    *statement = NULL;
    if (part->signed_->type != WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT)
        return WIRE_BAD_FRAME;
    *statement = (Wire__ArrivedStatement *)decode(&wire__arrived_statement__descriptor, part->signed_, arena);
    if (*statement == NULL)
        return WIRE_BAD_FRAME;
    if ((*statement)->recipient != region)
        return WIRE_FOREIGN_ORIGIN;
    return cert_verify_signed(gate->directory, gate->hash, part->signed_, WIRE__ROLE__ROLE_NODE, region, wall_ms);
}

/* The signature of the broker itself, whenever it was made: its key may have been renewed since. */
static bool is_own(const struct gate *gate, const Wire__Signed *shown, Wire__StatementType type)
{
    return shown != NULL && shown->type == type &&
           cert_verify_signed(gate->directory, gate->hash, shown, WIRE__ROLE__ROLE_BROKER, 0, CERT_ANY_TIME) == WIRE_OK;
}

Wire__ReceiptStatement *gate_own_receipt(const struct gate *gate, const Wire__Signed *shown, struct wire_arena *arena)
{
    if (!is_own(gate, shown, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT))
        return NULL;
    return (Wire__ReceiptStatement *)decode(&wire__receipt_statement__descriptor, shown, arena);
}

Wire__CompletenessStatement *gate_own_completeness(const struct gate *gate, const Wire__Signed *shown,
                                                   struct wire_arena *arena)
{
    if (!is_own(gate, shown, WIRE__STATEMENT_TYPE__COMPLETENESS_STATEMENT))
        return NULL;
    return (Wire__CompletenessStatement *)decode(&wire__completeness_statement__descriptor, shown, arena);
}
