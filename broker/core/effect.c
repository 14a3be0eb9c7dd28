#include "broker/core/inside.h"
#include "wire/codec.h"

struct broker_effect *broker_effect(struct broker_core *core, enum broker_effect_kind kind)
{
    ENSURE(core->out->count < BROKER_EFFECTS_MAX);
    struct broker_effect *effect = &core->out->effects[core->out->count++];
    *effect = (struct broker_effect){.kind = kind};
    return effect;
}

bool broker_out_has_room(const struct broker_core *core)
{
    const struct wire_arena *arena = &core->out->arena;
    return core->out->count + EFFECTS_SPARE < BROKER_EFFECTS_MAX && arena->size - arena->used > ARENA_SPARE;
}

void broker_note(struct broker_core *core, enum broker_topic topic, enum wire_status status, uint32_t region,
                 uint64_t a, uint64_t b, uint64_t c)
{
    /* Nothing is decided on a note: where a flood of them would fill the effects, the rest is left out. */
    if (core->out->count + EFFECTS_SPARE < BROKER_EFFECTS_MAX)
        broker_effect(core, BROKER_NOTE)->note = (struct broker_note){topic, status, region, a, b, c};
}

void *broker_take(struct broker_core *core, size_t size)
{
    void *taken = wire_arena_take(&core->out->arena, size);
    ENSURE(taken != NULL);
    return taken;
}

struct wire_bytes broker_pack(struct broker_core *core, const ProtobufCMessage *message)
{
    struct wire_bytes packed = wire_encode(message, &core->out->arena);
    ENSURE(packed.data != NULL);
    return packed;
}

ProtobufCBinaryData broker_data(const void *data, size_t size)
{
    /* protobuf-c has no const; what we pack is only read. */
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}

void broker_rows_open(struct broker_core *core)
{
    core->rows_from = core->rows_used;
}

static struct wire_row *row_add(struct broker_core *core, enum broker_table table, const struct broker_key *key)
{
    ENSURE(core->rows_used < core->rows_max);
    struct wire_row *row = &core->rows[core->rows_used++];
    void *copy = wire_arena_copy(&core->out->arena, key->data, key->size);
    ENSURE(copy != NULL);
    *row = (struct wire_row){.table = (uint8_t)table, .key = wire_bytes(copy, key->size)};
    return row;
}

void broker_row_put(struct broker_core *core, enum broker_table table, struct broker_key key, struct wire_bytes value)
{
    ENSURE(value.data != NULL || value.size == 0);
    row_add(core, table, &key)->value = value;
}

void broker_row_erase(struct broker_core *core, enum broker_table table, struct broker_key key)
{
    row_add(core, table, &key)->erase = true;
}

struct broker_append *broker_rows_close(struct broker_core *core)
{
    ENSURE(!core->out->arena.exhausted);
    struct broker_append *append = &broker_effect(core, BROKER_APPEND)->append;
    append->ticket = ++core->ticket;
    append->rows = core->rows + core->rows_from;
    append->count = core->rows_used - core->rows_from;
    core->rows_from = core->rows_used;
    return append;
}

struct broker_send *broker_send(struct broker_core *core, uint64_t peer, uint64_t after, Wire__Frame__BodyCase body,
                                ProtobufCMessage *message)
{
    Wire__Frame *frame = broker_take(core, sizeof *frame);
    wire__frame__init(frame);
    frame->body_case = body;
    frame->hello = (Wire__Hello *)message; /* every member of the union is such a pointer */
    struct broker_send *send = &broker_effect(core, BROKER_SEND)->send;
    send->peer = peer;
    send->after = after;
    send->frame = frame;
    return send;
}

void broker_bye_and_cut(struct broker_core *core, uint64_t peer, enum wire_status status)
{
    Wire__Bye *bye = broker_take(core, sizeof *bye);
    wire__bye__init(bye);
    bye->reason = status;
    broker_send(core, peer, 0, WIRE__FRAME__BODY_BYE, &bye->base);
    broker_effect(core, BROKER_CUT)->cut = (struct broker_cut){peer, status};
}

Wire__Signed *broker_unsigned(struct broker_core *core, Wire__StatementType type, struct wire_bytes statement)
{
    Wire__Signed *unsigned_ = broker_take(core, sizeof *unsigned_);
    wire__signed__init(unsigned_);
    unsigned_->type = type;
    unsigned_->statement = broker_data(statement.data, statement.size);
    return unsigned_;
}

bool broker_fetch_take(struct broker_core *core)
{
    if (core->fetches >= BROKER_FETCHES_MAX)
        return false;
    core->fetches++;
    return true;
}

static struct wire_bytes key_kept(struct broker_core *core, const struct broker_key *key)
{
    void *copy = wire_arena_copy(&core->out->arena, key->data, key->size);
    ENSURE(copy != NULL);
    return wire_bytes(copy, key->size);
}

void broker_fetch(struct broker_core *core, enum request_kind kind, uint32_t nonce, uint32_t index,
                  enum broker_table table, struct broker_key from, struct broker_key prefix, uint32_t rows,
                  uint32_t bytes, bool exact)
{
    struct broker_fetch *fetch = &broker_effect(core, BROKER_FETCH)->fetch;
    fetch->request = (uint64_t)kind << 56 | (uint64_t)(nonce & 0xffffff) << 32 | index;
    fetch->table = (uint8_t)table;
    fetch->exact = exact;
    fetch->from = key_kept(core, &from);
    fetch->prefix = key_kept(core, &prefix);
    fetch->rows_max = rows;
    fetch->bytes_max = bytes;
}

void broker_on_fetched(struct broker_core *core, const struct broker_event *event)
{
    const struct broker_fetched *fetched = &event->fetched;
    uint32_t nonce = (uint32_t)(fetched->request >> 32) & 0xffffff;
    uint32_t index = (uint32_t)fetched->request;

    ENSURE(core->fetches > 0);
    core->fetches--;
    switch (fetched->request >> 56) {
    case REQUEST_QUEUE:
        broker_window_fetched(core, nonce, index, fetched);
        break;
    case REQUEST_RECEIPTS:
        broker_receipts_fetched(core, nonce, index, fetched);
        break;
    case REQUEST_OBLIGATIONS:
        broker_obligations_fetched(core, nonce, fetched);
        break;
    case REQUEST_LINKS:
        broker_links_fetched(core, index, fetched);
        break;
    default:
        wire_ensure_failed("a request that was never made", __FILE__, __LINE__);
    }
    /* One slot is free: a few of those that wait try; who finds none waits again, behind the others. */
    for (uint32_t tries = core->hungry.count < 4 ? core->hungry.count : 4; tries > 0; tries--) {
        struct region *region = &core->regions[broker_ring_take(&core->hungry)];
        region->in_hungry = false;
        broker_tell(core, region, TELL_RECEIPTS | TELL_DELIVER);
    }
}
