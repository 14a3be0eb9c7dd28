/* What the rules must know of an envelope that another one answers or corrects. */
#include "node/store/read.h"

enum wire_status store_parent(struct store *store, uint32_t origin, const uint8_t id[WIRE_ID_BYTES],
                              struct wire_arena *arena, struct rules_parent *out)
{
    Wire__NodeKnown *known;
    Wire__NodeInbox *inbox = NULL;
    *out = (struct rules_parent){.origin = origin};
    enum wire_status status = store_known(store, origin, id, arena, &known);
    if (status != WIRE_OK || known == NULL || !known->has_order)
        return status;
    status = store_inbox_row(store, known->order, arena, &inbox);
    if (status != WIRE_OK || inbox == NULL)
        return status;
    const Wire__Header *header = node_read_header(wire_bytes(inbox->header.data, inbox->header.len), arena);
    if (header == NULL)
        return WIRE_OK; /* kept raw: nobody can answer it */
    out->found = out->given = true;
    out->issuer_unit = header->issuer_unit;
    out->mechanism = header->mechanism;
    out->lane = header->lane;
    out->status = header->status;
    out->keep_until = header->keep_until;
    return WIRE_OK;
}

/* Regions of the receipt, those that owe or those that do not. Before it, replies may have come from some of them. */
static uint32_t *regions(const Wire__NodeState *state, bool owes, struct wire_arena *arena, size_t *count)
{
    uint32_t *list = wire_arena_take(arena, (state->n_recipient + 1) * sizeof(*list));
    *count = 0;
    for (size_t i = 0; list != NULL && state->has_code && i < state->n_recipient; i++)
        if (!state->recipient[i]->owes == !owes)
            list[(*count)++] = state->recipient[i]->region;
    return list;
}

enum wire_status store_original(struct store *store, const uint8_t id[WIRE_ID_BYTES], struct wire_arena *arena,
                                struct rules_original *out)
{
    Wire__NodeState *state;
    Wire__Header *header = NULL;
    *out = (struct rules_original){0};
    enum wire_status status = store_state(store, id, arena, &state);
    if (status == WIRE_OK && state != NULL)
        status = store_header(store, id, arena, &header);
    if (status != WIRE_OK || state == NULL || header == NULL)
        return status;
    out->found = true;
    out->origin = header->origin;
    out->kind = header->kind;
    out->mechanism = header->mechanism;
    out->lane = header->lane;
    out->status = header->status;
    out->keep_until = header->keep_until;
    out->to = regions(state, true, arena, &out->to_count);
    out->cc = regions(state, false, arena, &out->cc_count);
    return out->to == NULL || out->cc == NULL ? WIRE_NO_MEMORY : WIRE_OK;
}
