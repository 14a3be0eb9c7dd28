#include "world.h"
#include "wire/ensure.h"
#include "wire/kind.h"
#include <stdio.h>

enum { BUILD_BYTES = 16 * WIRE_FRAME_BYTES_MAX, LOOK_BYTES = 1024 * 1024 };

/* --- randomness and hashing that need no library --------------------------------------------------------------------
 */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t world_random(struct world *world)
{
    world->seed += UINT64_C(0x9e3779b97f4a7c15);
    return mix(world->seed);
}

static void digest(void *context, const struct wire_bytes *pieces, size_t count, uint8_t out[WIRE_HASH_BYTES])
{
    uint64_t h[4] = {1, 2, 3, 4};
    (void)context;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < pieces[i].size; j++)
            for (size_t k = 0; k < 4; k++)
                h[k] = mix(h[k] * 257 + pieces[i].data[j] + k + 1);
    for (size_t k = 0; k < 4; k++)
        wire_put_u64(out + 8 * k, h[k]);
}

static const struct wire_hash own_hash = {.context = NULL, .digest = digest};

void world_id(uint64_t n, uint8_t out[WIRE_ID_BYTES])
{
    memset(out, 0, WIRE_ID_BYTES);
    out[0] = 0x01;
    out[6] = 0x70;
    wire_put_u64(out + 8, n);
}

/* --- open, boot, crash ----------------------------------------------------------------------------------------------
 */

static void *taken(size_t size)
{
    void *memory = malloc(size);
    ENSURE(memory != NULL);
    return memory;
}

struct world_memory *world_memory_new(void)
{
    struct world_memory *lent = taken(sizeof *lent);
    *lent = (struct world_memory){.out = taken(sizeof *lent->out),
                                  .out_memory = taken(NODE_OUT_BYTES),
                                  .build_memory = taken(BUILD_BYTES),
                                  .seal_memory = taken(BUILD_BYTES),
                                  .look_memory = taken(LOOK_BYTES)};
    return lent;
}

void world_memory_free(struct world_memory *lent)
{
    free(lent->out);
    free(lent->out_memory);
    free(lent->build_memory);
    free(lent->seal_memory);
    free(lent->look_memory);
    free(lent->core);
    free(lent);
}

static void new_core(struct world *world)
{
    struct world_memory *lent = world->lent;
    size_t size = node_core_size(&world->options);
    if (lent->core_size < size) {
        free(lent->core);
        lent->core = taken(size);
        lent->core_size = size;
    }
    memset(lent->core, 0, size);
    world->core = node_core_init(lent->core, size, &world->options);
}

void world_open(struct world *world)
{
    world_open_in(world, world_memory_new());
    world->owns_memory = true;
}

void world_open_in(struct world *world, struct world_memory *memory)
{
    memset(world, 0, offsetof(struct world, pending));
    world->lent = memory;
    world->options = (struct node_options){.region = WORLD_REGION,
                                           .software = "test",
                                           .link = {{.name = "main"}, {.name = "south"}},
                                           .link_count = 2,
                                           .hash = memory->hash != NULL ? memory->hash : &own_hash,
                                           .lanes_max = 64,
                                           .streams_max = 64};
    world->options.link[1].mechanism[0] = "zhuhai-macao";
    world->options.link[1].mechanism_count = 1;
    world->wall_ms = wire_day_start(20200207) + 10 * 3600 * 1000;
    world->mono_ms = 1000;
    world->seed = 1;
    world->out = memory->out;
    node_out_init(world->out, memory->out_memory, NODE_OUT_BYTES);
    world->log.grow = realloc;
    new_core(world);
}

static void drop_waiting(struct world *world, int link)
{
    size_t kept = 0;
    for (size_t i = 0; i < world->waiting_count; i++) {
        if (link >= 0 && world->waiting[i].link != link)
            world->waiting[kept++] = world->waiting[i];
        else
            free((void *)(uintptr_t)world->waiting[i].frame.data);
    }
    world->waiting_count = kept;
}

static void drop_sent(struct world *world, int link)
{
    size_t kept = 0;
    for (size_t i = 0; i < world->sent_count; i++) {
        if (link >= 0 && world->sent[i].link != link)
            world->sent[kept++] = world->sent[i];
        else
            free((void *)(uintptr_t)world->sent[i].frame.data);
    }
    world->sent_count = kept;
}

static void drop_pending(struct world *world)
{
    for (size_t i = 0; i < world->pending_count; i++)
        rows_free_clone(world->pending[i].rows, world->pending[i].count);
    world->pending_count = 0;
}

void world_close(struct world *world)
{
    drop_waiting(world, -1);
    drop_sent(world, -1);
    drop_pending(world);
    rows_clear(&world->store);
    rows_clear(&world->durable);
    if (world->owns_memory)
        world_memory_free(world->lent);
    free(world->log.data);
}

void world_boot(struct world *world)
{
    for (size_t i = 0; i < world->store.count; i++) {
        const struct rows_entry *entry = &world->store.entry[i];
        if (!node_table_boots((enum node_table)entry->table))
            continue;
        struct node_event event = world_event(world, NODE_ON_BOOT_ROW);
        event.u.row = (struct wire_row){.table = entry->table, .key = entry->key, .value = entry->value};
        world_step(world, &event);
    }
    struct node_event event = world_event(world, NODE_ON_BOOT_DONE);
    world_step(world, &event);
}

void world_crash(struct world *world)
{
    drop_waiting(world, -1);
    drop_sent(world, -1);
    drop_pending(world);
    world->fetch_count = world->seal_count = 0;
    world->erase = 0;
    world->stopped = false;
    memset(world->connected, 0, sizeof world->connected);
    rows_copy(&world->store, &world->durable);
    new_core(world);
}

/* --- effects --------------------------------------------------------------------------------------------------------
 */

struct node_event world_event(struct world *world, enum node_event_kind kind)
{
    struct node_event event = {.kind = kind, .mono_ms = world->mono_ms, .wall_ms = world->wall_ms};
    for (size_t i = 0; i < sizeof event.random; i += 8)
        wire_put_u64(event.random + i, world_random(world));
    return event;
}

struct wire_bytes world_look(const struct world *world, enum node_table table, const struct node_key *key)
{
    return rows_get(&world->store, (uint8_t)table, node_key_bytes(key));
}

/* 0: not ours. */
static uint64_t place_of(const struct world *world, const uint8_t *id)
{
    struct node_key key = node_key_id(id);
    return node_read_place(world_look(world, NODE_TABLE_PLACE, &key));
}

struct wire_bytes world_look_ours(const struct world *world, enum node_table table, const uint8_t *id)
{
    struct node_key key = node_key_place(place_of(world, id));
    return world_look(world, table, &key);
}

static struct wire_bytes fake_payload(const uint8_t *id, uint32_t size)
{
    uint8_t *data = malloc(WIRE_SALT_BYTES + size);
    ENSURE(data != NULL);
    memset(data, 0x5a, WIRE_SALT_BYTES);
    for (uint32_t i = 0; i < size; i++)
        data[WIRE_SALT_BYTES + i] = id[(WIRE_ID_BYTES - 1 - i) % WIRE_ID_BYTES];
    return wire_bytes(data, WIRE_SALT_BYTES + size);
}

static struct wire_bytes payload_value(struct world *world, const struct node_payload *payload,
                                       const struct node_event *event)
{
    struct node_key key;
    switch (payload->kind) {
    case NODE_PAYLOAD_OF_DRAFT:
        return fake_payload(payload->id, event->u.publish.draft[payload->index].payload_bytes);
    case NODE_PAYLOAD_COPY:
        key = node_key_payload(payload->day, NODE_OURS, payload->from_number);
        break;
    default:
        key = node_payload_key(payload);
        break;
    }
    if (payload->kind == NODE_CARRIED_OF_PART)
        return fake_payload(payload->id, (uint32_t)event->u.deliver.part->envelope[payload->index]->payload.len);
    struct wire_bytes plain = world_look(world, NODE_TABLE_PAYLOAD, &key);
    ENSURE(plain.data != NULL); /* the core asked for a payload that is not there */
    return fake_payload(payload->id, (uint32_t)(plain.size - WIRE_SALT_BYTES));
}

static void perform_append(struct world *world, const struct node_append *append, const struct node_event *event)
{
    size_t count = append->count + append->payload_count;
    struct wire_row *rows = malloc((count + 1) * sizeof *rows);
    struct node_key *keys = malloc((append->payload_count + 1) * sizeof *keys);
    ENSURE(rows != NULL && keys != NULL && world->pending_count < WORLD_QUEUE_MAX);
    if (append->count > 0)
        memcpy(rows, append->rows, append->count * sizeof *rows);
    for (size_t i = 0; i < append->payload_count; i++) {
        const struct node_payload *payload = &append->payloads[i];
        bool carried = payload->kind == NODE_CARRIED_OF_SEALED || payload->kind == NODE_CARRIED_OF_PART;
        keys[i] = node_payload_key(payload);
        rows[append->count + i] = (struct wire_row){.table = carried ? NODE_TABLE_CARRIED : NODE_TABLE_PAYLOAD,
                                                    .key = node_key_bytes(&keys[i]),
                                                    .value = payload_value(world, payload, event)};
    }
    world->pending[world->pending_count++] =
        (struct world_append){.ticket = append->ticket, .rows = rows_clone(rows, count), .count = count};
    for (size_t i = 0; i < count; i++)
        rows_put(&world->store, &rows[i]);
    for (size_t i = append->count; i < count; i++)
        free((void *)(uintptr_t)rows[i].value.data);
    free(rows);
    free(keys);
}

/* Puts salts and payloads back into the batch, checks them against the headers, as the shell must. */
static void fill_batch(struct world *world, Wire__Submit *submit, const struct node_key *key, struct wire_arena *arena)
{
    struct wire_bytes stored = world_look(world, NODE_TABLE_BATCH_BYTES, key);
    ENSURE(stored.data != NULL);
    Wire__Batch *batch = wire__batch__unpack(&arena->allocator, stored.size, stored.data);
    ENSURE(batch != NULL);
    for (size_t i = 0; i < batch->n_envelope; i++) {
        Wire__Envelope *envelope = batch->envelope[i];
        Wire__Header *header = wire__header__unpack(&arena->allocator, envelope->header.len, envelope->header.data);
        ENSURE(header != NULL);
        struct node_key at = node_key_payload(header->keep_until, NODE_OURS, place_of(world, header->id.data));
        struct wire_bytes carried = world_look(world, NODE_TABLE_CARRIED, &at);
        if (carried.data == NULL) /* its day is over, or its key is lost: the broker says that the batch is bad */
            continue;
        envelope->salt = (ProtobufCBinaryData){.len = WIRE_SALT_BYTES, .data = (uint8_t *)(uintptr_t)carried.data};
        envelope->payload = (ProtobufCBinaryData){.len = carried.size - WIRE_SALT_BYTES,
                                                  .data = (uint8_t *)(uintptr_t)carried.data + WIRE_SALT_BYTES};
    }
    struct wire_bytes whole = wire_encode(&batch->base, arena);
    submit->batch = (ProtobufCBinaryData){.len = whole.size, .data = (uint8_t *)(uintptr_t)whole.data};
}

static Wire__Signed *stored_signed(struct world *world, enum node_table table, const struct node_key *key,
                                   struct wire_arena *arena)
{
    struct wire_bytes value = world_look(world, table, key);
    return value.data == NULL ? NULL : wire__signed__unpack(&arena->allocator, value.size, value.data);
}

static void sign(Wire__Frame *frame)
{
    static uint8_t bytes[WIRE_HASH_BYTES] = {0x5e};
    if (frame->body_case != WIRE__FRAME__BODY_ARRIVED)
        return;
    for (size_t i = 0; i < frame->arrived->n_part; i++) {
        Wire__Signed *signed_ = frame->arrived->part[i]->signed_;
        signed_->suite = 1;
        signed_->count = 1;
        signed_->signer = (ProtobufCBinaryData){.len = sizeof bytes, .data = bytes};
        signed_->signature = (ProtobufCBinaryData){.len = sizeof bytes, .data = bytes};
    }
}

static void fill(struct world *world, const struct node_send *send, struct wire_arena *arena)
{
    for (size_t i = 0; i < send->fill_count; i++) {
        const struct node_key *key = &send->fill[i].key;
        switch (send->fill[i].what) {
        case NODE_FILL_BATCH:
            fill_batch(world, send->frame->submit, key, arena);
            break;
        case NODE_FILL_HELD:
            send->frame->submit->held = stored_signed(world, NODE_TABLE_RECEIPT, key, arena);
            break;
        case NODE_FILL_NEWEST_RECEIPT:
            send->frame->hello->newest_receipt = stored_signed(world, NODE_TABLE_RECEIPT, key, arena);
            break;
        case NODE_FILL_COMPLETENESS:
            send->frame->hello->newest_completeness = stored_signed(world, NODE_TABLE_COMPLETENESS, key, arena);
            break;
        }
    }
    sign(send->frame);
}

static void release(struct world *world)
{
    uint64_t committed = world->pending_count == 0 ? UINT64_MAX : world->pending[0].ticket - 1;
    size_t kept = 0;
    for (size_t i = 0; i < world->waiting_count; i++) {
        if (world->waiting[i].after > committed) {
            world->waiting[kept++] = world->waiting[i];
            continue;
        }
        const struct node_key *batch = &world->waiting[i].batch; /* on disk before it is on the wire */
        ENSURE(batch->size == 0 ||
               rows_get(&world->durable, NODE_TABLE_BATCH_BYTES, node_key_bytes(batch)).data != NULL);
        ENSURE(world->sent_count < WORLD_QUEUE_MAX);
        world->sent[world->sent_count++] = world->waiting[i];
    }
    world->waiting_count = kept;
}

static void perform_send(struct world *world, const struct node_send *send)
{
    struct wire_arena arena;
    ENSURE(world->waiting_count < WORLD_QUEUE_MAX);
    wire_arena_over(&arena, world->lent->build_memory, BUILD_BYTES);
    fill(world, send, &arena);
    size_t bytes = wire__frame__get_packed_size(send->frame);
    uint8_t *data = malloc(bytes);
    ENSURE(data != NULL && bytes <= WIRE_FRAME_BYTES_MAX);
    wire__frame__pack(send->frame, data);
    if (!world->connected[send->link]) {
        free(data);
        return;
    }
    struct world_sent *sent = &world->waiting[world->waiting_count++];
    *sent = (struct world_sent){.link = send->link, .after = send->after, .frame = wire_bytes(data, bytes)};
    if (send->fill_count > 0 && send->fill[0].what == NODE_FILL_BATCH)
        sent->batch = send->fill[0].key;
    release(world);
}

static void end_session(struct world *world, uint8_t link)
{
    world->connected[link] = false;
    drop_waiting(world, link);
    drop_sent(world, link);
}

static void perform(struct world *world, const struct node_effect *effect, const struct node_event *event)
{
    switch (effect->kind) {
    case NODE_DO_APPEND:
        perform_append(world, &effect->u.append, event);
        break;
    case NODE_DO_SEND:
        perform_send(world, &effect->u.send);
        break;
    case NODE_DO_FETCH:
        ENSURE(world->fetch_count < 64);
        world->fetch[world->fetch_count++] = effect->u.fetch;
        break;
    case NODE_DO_SEAL:
        ENSURE(world->seal_count < 16);
        memcpy(world->seal_id[world->seal_count], effect->u.seal.id, effect->u.seal.count * WIRE_ID_BYTES);
        memcpy(world->seal_place[world->seal_count], effect->u.seal.place, effect->u.seal.count * sizeof(uint64_t));
        world->seal[world->seal_count++] = effect->u.seal;
        break;
    case NODE_DO_DONE:
        world->done = effect->u.done;
        memcpy(world->results, effect->u.done.result, effect->u.done.count * sizeof *world->results);
        world->done.result = world->results;
        if (world->on_done != NULL)
            world->on_done(world->context, world);
        break;
    case NODE_DO_CUT:
        end_session(world, effect->u.cut.link);
        break;
    case NODE_DO_ERASE:
        world->erase = effect->u.erase;
        break;
    case NODE_DO_NOTE:
        world->notes[effect->u.note.topic]++;
        break;
    case NODE_DO_STOP:
        world->stopped = true;
        break;
    default:
        break;
    }
}

void world_step(struct world *world, struct node_event *event)
{
    struct node_event next = *event;
    for (;;) {
        node_core_step(world->core, &next, world->out);
        node_core_audit(world->core);
        world->steps++;
        if (world->keep_log)
            node_core_text(&world->log, world->core, world->out);
        for (size_t i = 0; i < world->out->count; i++)
            perform(world, &world->out->effects[i], &next);
        if (!world->out->more)
            return;
        next = world_event(world, NODE_ON_CONTINUE);
    }
}

/* --- answers --------------------------------------------------------------------------------------------------------
 */

bool world_commit(struct world *world)
{
    if (world->pending_count == 0)
        return false;
    struct world_append append = world->pending[0];
    world->pending_count--;
    memmove(world->pending, world->pending + 1, world->pending_count * sizeof append);
    for (size_t i = 0; i < append.count; i++)
        rows_put(&world->durable, &append.rows[i]);
    rows_free_clone(append.rows, append.count);
    release(world);
    struct node_event event = world_event(world, NODE_ON_COMMITTED);
    event.u.ticket = append.ticket;
    world_step(world, &event);
    return true;
}

static bool starts_with(struct wire_bytes key, struct wire_bytes prefix)
{
    return key.size >= prefix.size && (prefix.size == 0 || memcmp(key.data, prefix.data, prefix.size) == 0);
}

static node_row_value state_of(const struct world *world, const uint8_t *id)
{
    return world_look_ours(world, NODE_TABLE_STATE, id);
}

/* The STATE look-ups that go with a row, appended to `states`. */
static size_t add_states(const struct world *world, const struct wire_row *row, node_row_value *states)
{
    struct wire_arena arena;
    size_t count = 0;
    if (row->table == NODE_TABLE_HELD) {
        states[count++] = state_of(world, node_key_last_id(row->key));
        states[count++] = state_of(world, row->key.data);
        return count;
    }
    if (row->table == NODE_TABLE_EXPIRY) {
        states[count++] = state_of(world, node_key_last_id(row->key));
        return count;
    }
    wire_arena_over(&arena, world->lent->look_memory, LOOK_BYTES);
    if (row->table == NODE_TABLE_DRAFT) {
        const Wire__NodeDraft *draft = node_read_draft(row->value, &arena);
        states[count++] = draft == NULL ? wire_bytes(NULL, 0) : state_of(world, draft->id.data);
    } else {
        const Wire__NodeBatch *batch = node_read_batch(row->value, &arena);
        for (size_t i = 0; i < batch->n_id; i++)
            states[count++] = state_of(world, batch->id[i].data);
    }
    return count;
}

bool world_fetched(struct world *world)
{
    if (world->fetch_count == 0)
        return false;
    struct node_fetch fetch = world->fetch[0];
    world->fetch_count--;
    memmove(world->fetch, world->fetch + 1, world->fetch_count * sizeof fetch);
    struct wire_bytes prefix = node_key_bytes(&fetch.prefix), from = node_key_bytes(&fetch.from);
    size_t at = rows_seek(&world->store, (uint8_t)fetch.table, from.size > 0 ? from : prefix);
    struct wire_row *rows = calloc(fetch.rows_max + 1, sizeof *rows);
    size_t states_a_row = fetch.table == NODE_TABLE_BATCH ? WIRE_BATCH_ENVELOPES_MAX : 2;
    node_row_value *states = calloc((fetch.rows_max + 1) * states_a_row, sizeof *states);
    struct node_event event = world_event(world, NODE_ON_FETCHED);
    struct node_fetched *fetched = &event.u.fetched;
    size_t state_count = 0;
    ENSURE(rows != NULL && states != NULL);
    *fetched = (struct node_fetched){.request = fetch.request, .rows = rows, .state = states, .end = true};
    for (; at < world->store.count; at++) {
        const struct rows_entry *entry = &world->store.entry[at];
        if (entry->table != fetch.table || !starts_with(entry->key, prefix))
            break;
        if (fetched->count == fetch.rows_max) {
            fetched->end = false;
            break;
        }
        rows[fetched->count] = (struct wire_row){.table = entry->table, .key = entry->key, .value = entry->value};
        if (fetch.states)
            state_count += add_states(world, &rows[fetched->count], states + state_count);
        fetched->count++;
    }
    struct wire_row *mine = rows_clone(rows, fetched->count); /* the step changes the store under its own rows */
    node_row_value *held = calloc(state_count + 1, sizeof *held);
    ENSURE(held != NULL);
    for (size_t i = 0; i < state_count; i++) {
        uint8_t *copy = malloc(states[i].size + 1);
        ENSURE(copy != NULL);
        if (states[i].size > 0)
            memcpy(copy, states[i].data, states[i].size);
        held[i] = states[i].data == NULL ? wire_bytes(NULL, 0) : wire_bytes(copy, states[i].size);
        if (states[i].data == NULL)
            free(copy);
    }
    fetched->rows = mine;
    fetched->state = held;
    world_step(world, &event);
    for (size_t i = 0; i < state_count; i++)
        free((void *)(uintptr_t)held[i].data);
    free(held);
    rows_free_clone(mine, fetched->count);
    free(rows);
    free(states);
    return true;
}

/* --- sealing --------------------------------------------------------------------------------------------------------
 */

static Wire__Envelope *seal_one(struct world *world, const struct node_seal *seal, const uint8_t *id, uint64_t seq,
                                struct wire_arena *arena)
{
    struct wire_bytes template = world_look_ours(world, NODE_TABLE_OUTBOX, id);
    ENSURE(template.data != NULL);
    Wire__Header *header = wire__header__unpack(&arena->allocator, template.size, template.data);
    ENSURE(header != NULL);
    struct node_key at = node_key_payload(header->keep_until, NODE_OURS, place_of(world, id));
    struct wire_bytes payload = world_look(world, NODE_TABLE_PAYLOAD, &at);
    ENSURE(payload.data != NULL);
    uint8_t *hash = wire_arena_take(arena, WIRE_HASH_BYTES);
    world->options.hash->digest(NULL, &payload, 1, hash);
    header->seq = seq;
    header->store_id = (ProtobufCBinaryData){.len = WIRE_ID_BYTES, .data = (uint8_t *)(uintptr_t)seal->store_id};
    header->digest = (ProtobufCBinaryData){.len = WIRE_HASH_BYTES, .data = hash};
    Wire__Envelope *envelope = wire_arena_take(arena, sizeof *envelope);
    ENSURE(envelope != NULL);
    wire__envelope__init(envelope);
    struct wire_bytes encoded = wire_encode(&header->base, arena);
    envelope->header = (ProtobufCBinaryData){.len = encoded.size, .data = (uint8_t *)(uintptr_t)encoded.data};
    return envelope;
}

static void seal_batch(const struct world *world, const struct node_seal *seal, Wire__Batch *batch,
                       Wire__BatchSeal *out, uint8_t root[WIRE_HASH_BYTES])
{
    static uint8_t signer[WIRE_HASH_BYTES] = {0x51};
    struct wire_digest leaves[WIRE_BATCH_ENVELOPES_MAX];
    for (size_t i = 0; i < batch->n_envelope; i++)
        leaves[i] = wire_header_leaf(world->options.hash,
                                     wire_bytes(batch->envelope[i]->header.data, batch->envelope[i]->header.len));
    struct wire_digest top = wire_merkle_root(world->options.hash, leaves, batch->n_envelope);
    memcpy(root, top.bytes, WIRE_HASH_BYTES);
    wire__batch_seal__init(out);
    out->suite = 1;
    out->signer = (ProtobufCBinaryData){.len = sizeof signer, .data = signer};
    out->origin = WORLD_REGION;
    out->mechanism = (char *)(uintptr_t)seal->mechanism;
    out->lane = seal->lane;
    out->store_id = (ProtobufCBinaryData){.len = WIRE_ID_BYTES, .data = (uint8_t *)(uintptr_t)seal->store_id};
    out->first = seal->first;
    out->count = (uint32_t)batch->n_envelope;
    out->root = (ProtobufCBinaryData){.len = WIRE_HASH_BYTES, .data = root};
    out->signature = (ProtobufCBinaryData){.len = sizeof signer, .data = signer};
    batch->seal = out;
}

/* Exactly what the SUBMIT frame of this batch takes. */
static uint32_t frame_bytes(struct world *world, const Wire__Batch *sealed, struct wire_arena *arena)
{
    Wire__Batch batch = *sealed;
    Wire__Submit submit;
    Wire__Frame frame;
    batch.envelope = wire_arena_take(arena, sealed->n_envelope * sizeof *batch.envelope);
    for (size_t i = 0; i < sealed->n_envelope; i++) {
        Wire__Envelope *envelope = batch.envelope[i] = wire_arena_copy(arena, sealed->envelope[i], sizeof *envelope);
        const Wire__Header *header = node_read_header(wire_bytes(envelope->header.data, envelope->header.len), arena);
        struct node_key at = node_key_payload(header->keep_until, NODE_OURS, place_of(world, header->id.data));
        struct wire_bytes plain = world_look(world, NODE_TABLE_PAYLOAD, &at);
        envelope->salt = (ProtobufCBinaryData){.len = WIRE_SALT_BYTES, .data = (uint8_t *)(uintptr_t)plain.data};
        envelope->payload =
            (ProtobufCBinaryData){.len = plain.size - WIRE_SALT_BYTES, .data = (uint8_t *)(uintptr_t)plain.data};
    }
    struct wire_bytes whole = wire_encode(&batch.base, arena);
    wire__submit__init(&submit);
    wire__frame__init(&frame);
    submit.batch = (ProtobufCBinaryData){.len = whole.size, .data = (uint8_t *)(uintptr_t)whole.data};
    frame.body_case = WIRE__FRAME__BODY_SUBMIT;
    frame.submit = &submit;
    return (uint32_t)wire__frame__get_packed_size(&frame);
}

static bool has_payload(struct world *world, const uint8_t *id)
{
    uint8_t memory[64 * 1024];
    struct wire_arena arena;
    wire_arena_over(&arena, memory, sizeof memory);
    const Wire__Header *header = node_read_header(world_look_ours(world, NODE_TABLE_OUTBOX, id), &arena);
    ENSURE(header != NULL);
    struct node_key at = node_key_payload(header->keep_until, NODE_OURS, place_of(world, id));
    return world_look(world, NODE_TABLE_PAYLOAD, &at).data != NULL;
}

bool world_sealed(struct world *world)
{
    if (world->seal_count == 0)
        return false;
    struct node_seal seal = world->seal[0];
    uint8_t ids[WIRE_BATCH_ENVELOPES_MAX][WIRE_ID_BYTES];
    memcpy(ids, world->seal_id[0], sizeof ids);
    world->seal_count--;
    memmove(world->seal, world->seal + 1, world->seal_count * sizeof seal);
    struct wire_arena arena;
    wire_arena_over(&arena, world->lent->seal_memory, BUILD_BYTES); /* effects of the step may need build_memory */
    struct node_event event = world_event(world, NODE_ON_SEALED);
    struct node_sealed *sealed = &event.u.sealed;
    enum wire_status status[WIRE_BATCH_ENVELOPES_MAX];
    node_row_value states[WIRE_BATCH_ENVELOPES_MAX];
    Wire__Envelope *envelopes[WIRE_BATCH_ENVELOPES_MAX];
    Wire__Batch batch;
    Wire__BatchSeal batch_seal;
    wire__batch__init(&batch);
    batch.envelope = envelopes;
    for (size_t i = 0; i < seal.count; i++) {
        struct wire_bytes value = world_look_ours(world, NODE_TABLE_STATE, ids[i]);
        ENSURE(place_of(world, ids[i]) == world->seal_place[0][i]);
        states[i].data = value.data == NULL ? NULL : wire_arena_copy(&arena, value.data, value.size);
        states[i].size = value.size;
        status[i] = world->seal_status == NULL ? WIRE_OK : world->seal_status(world->context, ids[i]);
        if (!has_payload(world, ids[i]))
            status[i] = WIRE_ERASED;
        if (status[i] == WIRE_OK) {
            envelopes[batch.n_envelope] = seal_one(world, &seal, ids[i], seal.first + batch.n_envelope, &arena);
            batch.n_envelope++;
        }
    }
    memmove(world->seal_id, world->seal_id + 1, world->seal_count * sizeof world->seal_id[0]);
    memmove(world->seal_place, world->seal_place + 1, world->seal_count * sizeof world->seal_place[0]);
    *sealed = (struct node_sealed){.request = seal.request, .count = seal.count, .state = states, .draft = status};
    if (batch.n_envelope > 0) {
        seal_batch(world, &seal, &batch, &batch_seal, sealed->root);
        sealed->batch = wire_encode(&batch.base, &arena);
        sealed->frame_bytes = frame_bytes(world, &batch, &arena);
    }
    world_step(world, &event);
    return true;
}

bool world_erased(struct world *world)
{
    uint32_t day = world->erase;
    if (day == 0)
        return false;
    world->erase = 0;
    static const uint8_t tables[] = {NODE_TABLE_PAYLOAD, NODE_TABLE_CARRIED};
    for (size_t t = 0; t < sizeof tables; t++) {
        for (size_t at = rows_seek(&world->store, tables[t], wire_bytes(NULL, 0)); at < world->store.count;) {
            struct rows_entry entry = world->store.entry[at];
            if (entry.table != tables[t] || wire_get_u32(entry.key.data) > day)
                break;
            struct wire_row gone = {.table = entry.table, .erase = true, .key = entry.key};
            struct wire_row *copy = rows_clone(&gone, 1);
            rows_put(&world->store, copy);
            rows_put(&world->durable, copy);
            rows_free_clone(copy, 1);
        }
    }
    struct node_event event = world_event(world, NODE_ON_ERASED);
    event.u.day = day;
    world_step(world, &event);
    return true;
}

void world_settle(struct world *world)
{
    for (size_t i = 0; i < 100000; i++)
        if (!world_commit(world) && !world_fetched(world) && !world_sealed(world) && !world_erased(world))
            return;
    ENSURE(false && "the core never comes to rest");
}

void world_pass(struct world *world, int64_t ms)
{
    world->mono_ms += ms;
    world->wall_ms += ms;
    struct node_event event = world_event(world, NODE_ON_TIMER);
    world_step(world, &event);
}

void world_up(struct world *world, uint8_t link)
{
    world->connected[link] = true;
    struct node_event event = world_event(world, NODE_ON_UP);
    event.u.link = link;
    world_step(world, &event);
}

void world_lost(struct world *world, uint8_t link)
{
    end_session(world, link);
    struct node_event event = world_event(world, NODE_ON_LOST);
    event.u.link = link;
    world_step(world, &event);
}

void world_policy(struct world *world, uint64_t version)
{
    /* The core hands the policy to rules_decide only where digests agree; these tests give other digests. */
    static const uint8_t stands_for_a_policy[16];
    struct node_event event = world_event(world, NODE_ON_POLICY);
    event.u.policy.policy = (const struct rules_policy *)(const void *)stands_for_a_policy;
    event.u.policy.version = version;
    event.u.policy.in_force_ms = world->wall_ms;
    memset(event.u.policy.digest, (int)version, WIRE_HASH_BYTES);
    event.u.policy.bytes = wire_bytes("policy", 6);
    world_step(world, &event);
}

/* --- local requests -------------------------------------------------------------------------------------------------
 */

struct template
{
    Wire__Header header;
    Wire__Reference reference, asked;
    Wire__Reference *references[1];
    uint8_t id[WIRE_ID_BYTES], named[WIRE_ID_BYTES], asked_id[WIRE_ID_BYTES];
};

static void make_header(struct world *world, const struct world_draft *draft, struct template *t)
{
    Wire__Header *h = &t->header;
    wire__header__init(h);
    world_id(draft->n, t->id);
    h->version = 1;
    h->id = (ProtobufCBinaryData){.len = WIRE_ID_BYTES, .data = t->id};
    h->origin = h->issuer_region = WORLD_REGION;
    h->issuer_unit = 2;
    h->mechanism = (char *)(uintptr_t)(draft->mechanism == NULL ? "yangtze-delta" : draft->mechanism);
    h->lane = draft->lane;
    h->kind = draft->kind == 0 ? WIRE_KIND_MEASURE_BULLETIN : draft->kind;
    h->status = WIRE__STATUS__TEST;
    h->action = draft->action;
    h->created_ms = world->wall_ms;
    h->has_expires_ms = draft->expires_ms != 0;
    h->expires_ms = draft->expires_ms;
    h->keep_until = draft->keep_until != 0 ? draft->keep_until : wire_day_add(wire_day_of(world->wall_ms), 30);
    if (draft->action != WIRE__ACTION__ISSUE) {
        wire__reference__init(&t->reference);
        world_id(draft->names, t->named);
        t->reference.origin = WORLD_REGION;
        t->reference.id = (ProtobufCBinaryData){.len = WIRE_ID_BYTES, .data = t->named};
        t->references[0] = &t->reference;
        h->references = t->references;
        h->n_references = 1;
    }
    if (draft->asked_origin != 0) {
        wire__reference__init(&t->asked);
        world_id(draft->asked, t->asked_id);
        t->asked.origin = draft->asked_origin;
        t->asked.id = (ProtobufCBinaryData){.len = WIRE_ID_BYTES, .data = t->asked_id};
        h->in_reply_to = &t->asked;
        h->has_progress = true;
        h->progress = draft->final ? WIRE__PROGRESS__FINAL : WIRE__PROGRESS__OPEN;
    }
}

void world_publish(struct world *world, const struct world_draft *drafts, size_t count)
{
    struct template *templates = calloc(count, sizeof *templates);
    struct node_draft *out = calloc(count, sizeof *out);
    ENSURE(templates != NULL && out != NULL);
    struct node_event event = world_event(world, NODE_ON_PUBLISH);
    for (size_t i = 0; i < count; i++) {
        struct template *t = &templates[i];
        make_header(world, &drafts[i], t);
        struct node_key asked = node_key_known(drafts[i].asked_origin, t->asked_id);
        out[i] = (struct node_draft){.header = &t->header,
                                     .payload_bytes = drafts[i].payload_bytes == 0 ? 100 : drafts[i].payload_bytes,
                                     .own = world_look_ours(world, NODE_TABLE_STATE, t->id),
                                     .named_id = t->named,
                                     .named = world_look_ours(world, NODE_TABLE_STATE, t->named),
                                     .asked = world_look(world, NODE_TABLE_KNOWN, &asked)};
    }
    event.u.publish = (struct node_publish){.request = 7, .draft = out, .count = count};
    world_step(world, &event);
    free(templates);
    free(out);
}

enum wire_status world_withdraw(struct world *world, uint64_t n)
{
    uint8_t id[WIRE_ID_BYTES];
    struct wire_arena arena;
    wire_arena_over(&arena, world->lent->look_memory, LOOK_BYTES);
    world_id(n, id);
    Wire__Header *header = node_read_header(world_look_ours(world, NODE_TABLE_OUTBOX, id), &arena);
    struct node_event event = world_event(world, NODE_ON_WITHDRAW);
    event.u.withdraw = (struct node_withdraw){
        .request = 8, .id = id, .state = world_look_ours(world, NODE_TABLE_STATE, id), .header = header};
    if (header != NULL && header->in_reply_to != NULL) {
        struct node_key asked = node_key_known(header->in_reply_to->origin, header->in_reply_to->id.data);
        event.u.withdraw.asked = world_look(world, NODE_TABLE_KNOWN, &asked);
    }
    world_step(world, &event);
    return world->results[0].status;
}

Wire__NodeState *world_state_row(struct world *world, const uint8_t *id, struct wire_arena *arena)
{
    return node_read_state(world_look_ours(world, NODE_TABLE_STATE, id), arena);
}

Wire__NodeOutboxState world_state(struct world *world, uint64_t n)
{
    uint8_t id[WIRE_ID_BYTES];
    struct wire_arena arena;
    wire_arena_over(&arena, world->lent->look_memory, LOOK_BYTES);
    world_id(n, id);
    Wire__NodeState *state = world_state_row(world, id, &arena);
    return state == NULL ? 0 : state->state;
}

Wire__Frame *world_take_frame(struct world *world, uint8_t link)
{
    for (size_t i = 0; i < world->sent_count; i++) {
        struct world_sent sent = world->sent[i];
        if (sent.link != link)
            continue;
        world->sent_count--;
        memmove(&world->sent[i], &world->sent[i + 1], (world->sent_count - i) * sizeof sent);
        Wire__Frame *frame = wire__frame__unpack(NULL, sent.frame.size, sent.frame.data);
        free((void *)(uintptr_t)sent.frame.data);
        ENSURE(frame != NULL);
        return frame;
    }
    return NULL;
}

void world_free_frame(Wire__Frame *frame)
{
    wire__frame__free_unpacked(frame, NULL);
}
