/* The broker's core between honest nodes and strangers. The input is a list of moves: three nodes that keep the
 * protocol (those of the unit tests, which check that the broker keeps it with them), two that send whatever a frame
 * can hold, an honest ledger, time, operators. The core audits itself after every step. Over all frames that leave: no
 * id has two verdicts, nobody is delivered what its disposition does not give. */
#include "strange.h"
#include "target.h"
#include "unit/broker-core/fake.h"
#include "wire/codec.h"
#include "wire/kind.h"
#include "wire/time.h"

enum { STRANGERS = 2, TOLD_MAX = 1024, MOVES_MAX = 1500 };

struct told {
    uint32_t origin, lane, code;
    uint64_t seq;
    uint8_t id[WIRE_ID_BYTES], store_id[WIRE_ID_BYTES];
};

struct world {
    struct fake fake;
    struct fuzz_input input;
    struct fake_node stranger[STRANGERS];
    struct told told[TOLD_MAX];
    size_t told_count;
    uint64_t policy_version;
};

static const uint32_t honest_regions[] = {310000, 320000, 330000};

/* --- what leaves -------------------------------------------------------------------------------------------------- */

static uint32_t region_of_peer(const struct world *world, uint64_t peer)
{
    for (uint32_t i = 0; i < world->fake.node_count; i++)
        if (world->fake.nodes[i].peer == peer)
            return world->fake.nodes[i].region;
    for (size_t i = 0; i < STRANGERS; i++)
        if (world->stranger[i].peer == peer)
            return world->stranger[i].region;
    return 0;
}

static void ensure_one_verdict(struct world *world, const Wire__ReceiptStatement *statement,
                               const Wire__Verdict *verdict)
{
    if (verdict->code == WIRE__VERDICT_CODE__DUPLICATE || verdict->id.len != WIRE_ID_BYTES)
        return;
    struct told now = {.origin = statement->origin,
                       .lane = (uint32_t)statement->lane,
                       .code = (uint32_t)verdict->code,
                       .seq = verdict->seq};
    memcpy(now.id, verdict->id.data, WIRE_ID_BYTES);
    memcpy(now.store_id, statement->store_id.data, WIRE_ID_BYTES);
    for (size_t i = 0; i < world->told_count; i++) {
        const struct told *told = &world->told[i];
        if (told->origin != now.origin || memcmp(told->id, now.id, sizeof now.id) != 0)
            continue;
        ENSURE(told->seq == now.seq && told->lane == now.lane && told->code == now.code);
        ENSURE(memcmp(told->store_id, now.store_id, sizeof now.store_id) == 0);
        return;
    }
    if (world->told_count < TOLD_MAX)
        world->told[world->told_count++] = now;
}

static void on_receipt(struct world *world, const Wire__Receipt *receipt)
{
    if (receipt->signed_->type != WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT)
        return;
    Wire__ReceiptStatement *statement =
        wire__receipt_statement__unpack(NULL, receipt->signed_->statement.len, receipt->signed_->statement.data);
    ENSURE(statement != NULL);
    for (size_t i = 0; i < statement->n_verdict; i++)
        ensure_one_verdict(world, statement, statement->verdict[i]);
    wire__receipt_statement__free_unpacked(statement, NULL);
}

static bool lists(const uint32_t *list, size_t count, uint32_t region)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == region)
            return true;
    return false;
}

static const Wire__LedgerBatch *batch_of(const struct fake *fake, uint64_t serial, struct wire_arena *arena)
{
    enum wire_status status;
    struct wire_bytes value = fake_get(&fake->visible, BROKER_BATCH, broker_key_serial(serial));
    return value.data == NULL ? NULL
                              : (const Wire__LedgerBatch *)wire_decode(&wire__ledger_batch__descriptor, value,
                                                                       WIRE_STRICT_ALL, arena, &status);
}

static void ensure_given(struct world *world, const struct fake_send *send)
{
    struct wire_arena arena;
    struct broker_fact fact;
    uint32_t region = region_of_peer(world, send->peer);
    fuzz_arena(1, 1024 * 1024, &arena);
    const Wire__LedgerBatch *batch = batch_of(&world->fake, send->part.serial, &arena);
    ENSURE(batch != NULL && (region == 0 || region == send->part.recipient));
    for (uint32_t i = 0; i < send->part.count; i++) {
        if (!broker_bit(send->part.given, i))
            continue;
        ENSURE(broker_get_fact(batch, i, &fact) && fact.disposition != 0);
        const Wire__Disposition *given = broker_disposition(batch, &fact, &arena);
        bool owes = given != NULL && lists(given->to, given->n_to, send->part.recipient);
        ENSURE(owes || (given != NULL && lists(given->cc, given->n_cc, send->part.recipient)));
        ENSURE(broker_bit(send->part.owes, i) == owes);
    }
}

static void token_set(Wire__LineageToken **slot, const Wire__LineageToken *token)
{
    uint8_t raw[256];
    ENSURE(token == NULL || wire__lineage_token__get_packed_size(token) <= sizeof raw);
    Wire__LineageToken *copy =
        token == NULL ? NULL : wire__lineage_token__unpack(NULL, wire__lineage_token__pack(token, raw), raw);
    if (*slot != NULL)
        wire__lineage_token__free_unpacked(*slot, NULL);
    *slot = copy;
}

static void stranger_deliver(struct fake_node *node, const Wire__Deliver *deliver, const struct fake_send *send)
{
    node->got[deliver->lane] += send->part.cost - send->part.cost / 16;
    if (node->inbox_count == sizeof node->inbox / sizeof *node->inbox)
        return;
    fake_keep_delivery(node, deliver, send);
}

static void to_stranger(struct fake_node *node, const struct fake_send *send, const Wire__Frame *frame)
{
    if (frame->body_case == WIRE__FRAME__BODY_WELCOME) {
        node->welcomed = true;
        node->standing = frame->welcome->standing;
        token_set(&node->offered, frame->welcome->token);
    }
    if (frame->body_case == WIRE__FRAME__BODY_DELIVER)
        stranger_deliver(node, frame->deliver, send);
    if (frame->body_case == WIRE__FRAME__BODY_RECEIPT && frame->receipt->number != 0)
        node->receipts_taken = frame->receipt->number;
}

static void on_frame(struct fake *fake, const struct fake_send *send, const Wire__Frame *frame)
{
    struct world *world = fake->context;
    if (frame->body_case == WIRE__FRAME__BODY_RECEIPT)
        on_receipt(world, frame->receipt);
    if (frame->body_case == WIRE__FRAME__BODY_DELIVER && send->part.serial != 0)
        ensure_given(world, send);
    for (size_t i = 0; i < STRANGERS; i++)
        if (world->stranger[i].peer == send->peer)
            to_stranger(&world->stranger[i], send, frame);
}

/* --- honest nodes ------------------------------------------------------------------------------------------------- */

static bool usable(const struct fake_node *node)
{
    return node->peer != 0 && node->welcomed && node->token != NULL && node->offered != NULL &&
           node->token->serial == node->offered->serial;
}

static struct fake_node *any_node(struct world *world)
{
    return fake_node(&world->fake, honest_regions[fuzz_below(&world->input, 3)]);
}

static const uint8_t *any_id(struct world *world, uint32_t *origin)
{
    if (world->told_count == 0)
        return NULL;
    const struct told *told = &world->told[fuzz_u16(&world->input) % world->told_count];
    *origin = told->origin;
    return told->id;
}

static void make_spec(struct world *world, uint32_t family, struct fake_spec *spec)
{
    static const uint32_t kinds[] = {WIRE_KIND_CONTACT_NOTICE, WIRE_KIND_MEASURE_BULLETIN, WIRE_KIND_MEASURE_BULLETIN,
                                     WIRE_KIND_SUPPLY_REQUEST, WIRE_KIND_ACKNOWLEDGEMENT,  WIRE_KIND_OUTCOME};
    struct fuzz_input *input = &world->input;
    uint32_t region = strange_region(input, 320000);
    *spec = (struct fake_spec){.kind = kinds[family % 6], .payload_bytes = 1u + fuzz_u8(input) * 8u};
    if (spec->kind == WIRE_KIND_CONTACT_NOTICE) {
        spec->concerns = region == 0 ? 310000 : region;
        spec->no_box = fuzz_one_in(input, 16);
    } else if (spec->kind == WIRE_KIND_SUPPLY_REQUEST) {
        spec->to = region == 0 ? 310000 : region;
    } else if (spec->kind == WIRE_KIND_MEASURE_BULLETIN) {
        spec->urgency = (Wire__Urgency)(1 + family % 3);
    } else {
        spec->names = any_id(world, &spec->names_origin);
        spec->final = fuzz_one_in(input, 2);
        spec->concerns = spec->kind == WIRE_KIND_OUTCOME ? spec->names_origin : 0;
    }
    if (fuzz_one_in(input, 12)) {
        spec->action = fuzz_one_in(input, 2) ? WIRE__ACTION__CANCEL : WIRE__ACTION__UPDATE;
        spec->names = any_id(world, &spec->names_origin);
    }
    uint32_t origin;
    if (fuzz_one_in(input, 16))
        spec->id = any_id(world, &origin);
    if (fuzz_one_in(input, 16))
        spec->expires_ms = world->fake.wall_ms + (int8_t)fuzz_u8(input) * 1000;
}

static struct fake_batch *honest_batch(struct world *world, struct fake_node *node)
{
    struct fake_spec specs[6];
    uint32_t family = fuzz_u8(&world->input), count = 1 + fuzz_below(&world->input, 6);
    for (uint32_t i = 0; i < count; i++)
        make_spec(world, family, &specs[i]);
    return fake_seal(&world->fake, node, "yangtze-delta", fake_lane_of(&specs[0]), specs, count);
}

static bool within_credit(const struct fake_node *node, const struct fake_batch *batch)
{
    uint32_t lane = (uint32_t)batch->batch->seal->lane;
    return node->used[lane] + batch->frame_bytes <= node->granted[lane];
}

static void honest_submit(struct world *world, struct fake_node *node)
{
    if (!usable(node) || node->sealed_count == 200)
        return;
    struct fake_batch *batch = node->sealed_count > 0 && fuzz_one_in(&world->input, 4)
                                   ? node->sealed[fuzz_u8(&world->input) % node->sealed_count]
                                   : honest_batch(world, node);
    if (within_credit(node, batch))
        fake_submit(&world->fake, node, batch, WIRE_OK, NULL);
}

static void honest_talk(struct world *world, struct fake_node *node)
{
    if (node->peer == 0 || fuzz_one_in(&world->input, 32))
        fake_hello(&world->fake, node);
    else if (node->welcomed)
        fake_pulse(&world->fake, node);
    if (node->peer != 0 && fuzz_one_in(&world->input, 32))
        fake_down(&world->fake, node);
}

/* --- strangers ---------------------------------------------------------------------------------------------------- */

static Wire__LineageToken *strange_token(struct world *world, const Wire__LineageToken *right, struct wire_arena *arena)
{
    static const uint8_t zeros[WIRE_ID_BYTES];
    struct fuzz_input *input = &world->input;
    Wire__LineageToken *token = wire_arena_take(arena, sizeof *token);
    wire__lineage_token__init(token);
    token->ledger_id = strange_binary(input, right != NULL ? right->ledger_id : strange_of(zeros, sizeof zeros), arena);
    token->generation = strange_u64(input, right != NULL ? right->generation : 1);
    token->serial = strange_u64(input, right != NULL ? right->serial : 1);
    token->random = strange_binary(input, right != NULL ? right->random : strange_of(zeros, sizeof zeros), arena);
    return fuzz_one_in(input, 8) ? NULL : token;
}

static Wire__Grant **strange_grants(struct world *world, size_t *count, uint64_t right, struct wire_arena *arena)
{
    struct fuzz_input *input = &world->input;
    *count = fuzz_below(input, 7);
    Wire__Grant **list = wire_arena_take(arena, 7 * sizeof *list);
    for (size_t i = 0; i < *count; i++) {
        list[i] = wire_arena_take(arena, sizeof **list);
        wire__grant__init(list[i]);
        list[i]->lane = (Wire__Lane)(fuzz_one_in(input, 4) ? fuzz_below(input, WIRE_LANES) : i % WIRE_LANES);
        list[i]->offset = strange_u64(input, right);
    }
    return list;
}

static const struct wire_digest *chain_at(const struct fake *fake, uint32_t region, const char *mechanism,
                                          uint32_t lane, uint64_t number, struct wire_arena *arena)
{
    struct broker_queue_name name = {region, wire_bytes(mechanism, strlen(mechanism)), lane};
    struct broker_queue_row row;
    if (name.mechanism.size < 1 || name.mechanism.size > WIRE_MECHANISM_BYTES_MAX)
        return NULL;
    struct wire_bytes value = fake_get(&fake->visible, BROKER_QUEUE, broker_key_queue_row(&name, number));
    return value.data != NULL && broker_get_queue(value, &row) ? wire_arena_copy(arena, &row.chain, sizeof row.chain)
                                                               : NULL;
}

static void strange_cursors(struct world *world, struct fake_node *node, Wire__Hello *hello, struct wire_arena *arena,
                            struct broker_event *event)
{
    static const uint8_t zeros[WIRE_HASH_BYTES];
    struct fuzz_input *input = &world->input;
    hello->n_cursor = fuzz_below(input, 6);
    hello->cursor = wire_arena_take(arena, 6 * sizeof *hello->cursor);
    const struct wire_digest **chains = wire_arena_take(arena, 6 * sizeof *chains);
    for (size_t i = 0; i < hello->n_cursor; i++) {
        Wire__Cursor *cursor = hello->cursor[i] = wire_arena_take(arena, sizeof *cursor);
        wire__cursor__init(cursor);
        cursor->mechanism = strange_text(input, "yangtze-delta", arena);
        cursor->lane = (Wire__Lane)fuzz_below(input, WIRE_LANES);
        cursor->generation = strange_u64(input, 1);
        cursor->number = strange_u64(input, fuzz_below(input, 4));
        chains[i] =
            chain_at(&world->fake, node->region, cursor->mechanism, (uint32_t)cursor->lane, cursor->number, arena);
        cursor->chain =
            strange_binary(input, strange_of(chains[i] != NULL ? chains[i]->bytes : zeros, WIRE_HASH_BYTES), arena);
    }
    event->hello.chains = chains;
}

static void strange_streams(struct world *world, struct fake_node *node, Wire__Hello *hello, struct wire_arena *arena)
{
    struct fuzz_input *input = &world->input;
    hello->n_stream = fuzz_below(input, 5);
    hello->stream = wire_arena_take(arena, 5 * sizeof *hello->stream);
    for (size_t i = 0; i < hello->n_stream; i++) {
        Wire__StreamHead *head = hello->stream[i] = wire_arena_take(arena, sizeof *head);
        wire__stream_head__init(head);
        head->mechanism = strange_text(input, "yangtze-delta", arena);
        head->lane = (Wire__Lane)fuzz_below(input, WIRE_LANES);
        head->store_id = strange_binary(input, strange_of(node->store_id, WIRE_ID_BYTES), arena);
        head->head = strange_u64(input, 1);
        head->has_receipted = fuzz_one_in(input, 2);
        head->receipted = strange_u64(input, 1);
    }
}

/* Statements with the broker's own signature, perhaps of a time that this ledger does not remember. */
static void strange_own(struct world *world, struct fake_node *node, struct wire_arena *arena,
                        struct broker_event *event)
{
    struct fuzz_input *input = &world->input;
    struct broker_totals totals;
    broker_core_totals(world->fake.core, &totals);
    if (fuzz_one_in(input, 32)) {
        Wire__ReceiptStatement *receipt = wire_arena_take(arena, sizeof *receipt);
        wire__receipt_statement__init(receipt);
        receipt->ledger_id = strange_binary(
            input, strange_of(wire_arena_copy(arena, totals.ledger_id, WIRE_ID_BYTES), WIRE_ID_BYTES), arena);
        receipt->generation = strange_u64(input, totals.generation);
        receipt->ledger_serial = strange_u64(input, totals.serial);
        receipt->origin = strange_region(input, node->region);
        event->hello.receipt = receipt;
    }
    if (fuzz_one_in(input, 32)) {
        Wire__CompletenessStatement *completeness = wire_arena_take(arena, sizeof *completeness);
        wire__completeness_statement__init(completeness);
        completeness->ledger_id = strange_of(wire_arena_copy(arena, totals.ledger_id, WIRE_ID_BYTES), WIRE_ID_BYTES);
        completeness->generation = strange_u64(input, totals.generation);
        completeness->recipient = strange_region(input, node->region);
        completeness->mechanism = strange_text(input, "yangtze-delta", arena);
        completeness->lane = (Wire__Lane)fuzz_below(input, WIRE_LANES);
        completeness->number = strange_u64(input, 1);
        const struct wire_digest *chain = chain_at(&world->fake, node->region, completeness->mechanism,
                                                   (uint32_t)completeness->lane, completeness->number, arena);
        static const uint8_t zeros[WIRE_HASH_BYTES];
        completeness->chain =
            strange_binary(input, strange_of(chain != NULL ? chain->bytes : zeros, WIRE_HASH_BYTES), arena);
        event->hello.completeness = completeness;
        event->hello.completeness_chain = chain;
    }
}

static void strange_hello(struct world *world, struct fake_node *node)
{
    struct fuzz_input *input = &world->input;
    struct wire_arena arena;
    fake_arena(&world->fake, &arena);
    struct broker_event event;
    fake_hello_event(&world->fake, node, &arena, &event);
    Wire__Hello *hello = (Wire__Hello *)(uintptr_t)event.hello.hello;
    hello->version_min = (uint32_t)strange_u64(input, 1);
    hello->version_max = (uint32_t)strange_u64(input, 1);
    hello->region = strange_region(input, node->region);
    hello->store_id = strange_binary(input, hello->store_id, &arena);
    hello->token = strange_token(world, node->token, &arena);
    hello->policy_version = strange_u64(input, 1);
    hello->directory_epoch = strange_u64(input, 4);
    hello->receipts_taken = strange_u64(input, node->receipts_taken);
    hello->nonce = strange_binary(input, hello->nonce, &arena);
    hello->grant = strange_grants(world, &hello->n_grant, 160 * 1024, &arena);
    strange_streams(world, node, hello, &arena);
    strange_cursors(world, node, hello, &arena, &event);
    strange_own(world, node, &arena, &event);
    fake_step(&world->fake, &event);
}

/* What the gate lets through of headers: sizes and ranges are right, nothing else. */
static void strange_header(struct fuzz_input *input, Wire__Header *header, struct wire_arena *arena)
{
    header->kind = fuzz_one_in(input, 4) ? (uint32_t)strange_u64(input, header->kind) : header->kind;
    header->status = (Wire__Status)(fuzz_one_in(input, 4) ? fuzz_below(input, 3) : 0);
    header->action = (Wire__Action)(fuzz_one_in(input, 4) ? fuzz_below(input, 3) : header->action);
    header->urgency = (Wire__Urgency)(fuzz_one_in(input, 4) ? fuzz_below(input, 5) : header->urgency);
    header->issuer_region = strange_region(input, header->issuer_region);
    header->issuer_unit = (uint32_t)strange_u64(input, header->issuer_unit);
    header->number_serial = 1 + (uint32_t)strange_u64(input, header->number_serial) / 2;
    header->number_date = wire_day_add(header->number_date, (int8_t)fuzz_u8(input) / 8);
    header->keep_until = wire_day_add(header->keep_until, (int8_t)fuzz_u8(input));
    header->created_ms = strange_positive_ms(input, header->created_ms);
    header->has_expires_ms = fuzz_one_in(input, 4);
    header->expires_ms = strange_positive_ms(input, header->created_ms);
    header->form = (Wire__PayloadForm)(fuzz_one_in(input, 8) ? fuzz_below(input, 2) : header->form);
    if (fuzz_one_in(input, 4)) {
        header->n_concerns = fuzz_below(input, 6);
        header->concerns = wire_arena_take(arena, 6 * sizeof *header->concerns);
        for (size_t i = 0; i < header->n_concerns; i++)
            header->concerns[i] = strange_region(input, 340000);
    }
    if (fuzz_one_in(input, 4)) {
        header->n_to = fuzz_below(input, 6);
        header->to = wire_arena_take(arena, 6 * sizeof *header->to);
        for (size_t i = 0; i < header->n_to; i++) {
            header->to[i] = wire_arena_take(arena, sizeof **header->to);
            wire__address__init(header->to[i]);
            header->to[i]->region = strange_region(input, 310000);
            header->to[i]->has_unit = fuzz_one_in(input, 2);
            header->to[i]->unit = (uint32_t)strange_u64(input, 2);
        }
    }
    ENSURE(!arena->exhausted);
}

static struct fake_batch *strange_batch(struct world *world, struct fake_node *node)
{
    struct fuzz_input *input = &world->input;
    struct fake_spec specs[6];
    struct wire_arena names;
    fuzz_arena(2, 4096, &names);
    uint32_t family = fuzz_u8(input), count = 1 + fuzz_below(input, 6);
    for (uint32_t i = 0; i < count; i++)
        make_spec(world, family, &specs[i]);
    const char *mechanism = "yangtze-delta";
    if (fuzz_one_in(input, 16))
        mechanism = strange_text(input, mechanism, &names);
    if (strlen(mechanism) < 1 || strlen(mechanism) > WIRE_MECHANISM_BYTES_MAX || mechanism[0] > 'z')
        mechanism = "nowhere";
    uint8_t store_id[WIRE_ID_BYTES];
    memcpy(store_id, node->store_id, sizeof store_id);
    store_id[0] ^= fuzz_one_in(input, 16);
    uint32_t lane = fuzz_one_in(input, 8) ? fuzz_below(input, WIRE_LANES) : fake_lane_of(&specs[0]);
    uint64_t *seq = &node->seq[0][lane];
    uint64_t first = strange_u64(input, *seq + 1);
    first = first < 1 || first > UINT64_MAX - count ? 1 : first;
    struct fake_batch *batch =
        fake_batch_make(&world->fake, node->region, store_id, mechanism, lane, first, specs, count);
    *seq = first == *seq + 1 ? *seq + count : *seq;
    for (uint32_t i = 0; i < count; i++) {
        strange_header(input, batch->headers[i], &batch->arena);
        batch->bad[i] = fuzz_one_in(input, 32) ? WIRE_BAD_HEADER : 0;
    }
    if (node->sealed_count < 200)
        node->sealed[node->sealed_count++] = batch;
    return batch;
}

/* Of what fails at the gate only the seal counts, and that may say anything. */
static void strange_failed(struct world *world, struct fake_node *node)
{
    static const enum wire_status reasons[] = {WIRE_BAD_SIGNATURE, WIRE_BAD_ROOT,    WIRE_FOREIGN_ORIGIN,
                                               WIRE_TAMPERED,      WIRE_MIXED_BATCH, WIRE_WRONG_SUITE,
                                               WIRE_OVER_BUDGET,   WIRE_BAD_FRAME};
    struct fuzz_input *input = &world->input;
    struct fake_batch *batch = strange_batch(world, node);
    Wire__BatchSeal *seal = batch->batch->seal;
    struct broker_event event = fake_event(&world->fake, BROKER_EVENT_SUBMIT);
    seal->origin = strange_region(input, seal->origin);
    seal->mechanism = strange_text(input, seal->mechanism, &batch->arena);
    seal->store_id = strange_binary(input, seal->store_id, &batch->arena);
    seal->root = strange_binary(input, seal->root, &batch->arena);
    seal->first = strange_u64(input, seal->first);
    seal->count = (uint32_t)strange_u64(input, seal->count);
    event.submit = (struct broker_submit){.peer = node->peer,
                                          .frame_bytes = batch->frame_bytes,
                                          .batch = batch->batch,
                                          .failed = reasons[fuzz_below(input, 8)]};
    size_t size = strlen(seal->mechanism);
    if (size >= 1 && size <= WIRE_MECHANISM_BYTES_MAX && seal->store_id.len == WIRE_ID_BYTES) {
        struct broker_stream stream = {.origin = node->region,
                                       .mechanism = wire_bytes(seal->mechanism, size),
                                       .lane = (uint32_t)seal->lane,
                                       .store_id = seal->store_id.data};
        struct wire_bytes value = fake_get(&world->fake.visible, BROKER_STREAM, broker_key_stream(&stream));
        if (value.data != NULL)
            ENSURE(broker_get_stream(value, &event.submit.stream));
    }
    fake_step(&world->fake, &event);
}

static void strange_submit(struct world *world, struct fake_node *node)
{
    struct fuzz_input *input = &world->input;
    if (fuzz_one_in(input, 8)) {
        strange_failed(world, node);
        return;
    }
    struct fake_batch *batch = node->sealed_count > 0 && fuzz_one_in(input, 6)
                                   ? node->sealed[fuzz_u8(input) % node->sealed_count]
                                   : strange_batch(world, node);
    const Wire__BatchSeal *seal = batch->batch->seal;
    if (seal->count != batch->batch->n_envelope || seal->store_id.len != WIRE_ID_BYTES || seal->first < 1 ||
        seal->root.len != WIRE_HASH_BYTES || seal->origin != node->region)
        return; /* spoiled by strange_failed: the gate would say so */
    struct wire_arena arena;
    fake_arena(&world->fake, &arena);
    struct broker_event event;
    if (strlen(seal->mechanism) < 1 || strlen(seal->mechanism) > WIRE_MECHANISM_BYTES_MAX ||
        seal->first > UINT64_MAX - seal->count)
        return;
    fake_submit_event(&world->fake, node, batch, &arena, &event);
    if (fuzz_one_in(input, 16))
        event.submit.frame_bytes = (uint32_t)strange_u64(input, batch->frame_bytes) % (WIRE_FRAME_BYTES_MAX + 1);
    fake_step(&world->fake, &event);
}

/* The look-ups of an ARRIVED about a part that it names. */
static void look_part(struct world *world, struct fake_node *node, struct wire_arena *arena, struct broker_event *event)
{
    struct broker_arrived *arrived = &event->arrived;
    struct broker_queue_name name = {node->region,
                                     wire_bytes(arrived->part->mechanism, strlen(arrived->part->mechanism)),
                                     (uint32_t)arrived->part->lane};
    arrived->row = NULL;
    arrived->batch = NULL;
    arrived->known = false;
    if (name.mechanism.size < 1 || name.mechanism.size > WIRE_MECHANISM_BYTES_MAX || arrived->verified != WIRE_OK)
        return;
    struct wire_bytes value =
        fake_get(&world->fake.visible, BROKER_QUEUE, broker_key_queue_row(&name, arrived->part->number));
    struct broker_queue_row *row = wire_arena_take(arena, sizeof *row);
    if (value.data == NULL || !broker_get_queue(value, row))
        return;
    arrived->row = row;
    arrived->batch = batch_of(&world->fake, row->serial, arena);
    ENSURE(arrived->batch != NULL);
    struct broker_key key = broker_key_arrival(row->serial, node->region, arrived->part->number);
    arrived->known = fake_get(&world->fake.visible, BROKER_ARRIVAL, key).data != NULL;
}

static void strange_statement(struct world *world, struct fake_node *node, Wire__ArrivedStatement *statement,
                              struct wire_arena *arena)
{
    struct fuzz_input *input = &world->input;
    statement->recipient = node->region; /* the gate has seen to that */
    statement->origin = strange_region(input, statement->origin);
    statement->mechanism = strange_text(input, statement->mechanism, arena);
    statement->lane = (Wire__Lane)(fuzz_one_in(input, 8) ? fuzz_below(input, WIRE_LANES) : statement->lane);
    statement->store_id = strange_binary(input, statement->store_id, arena);
    statement->root = strange_binary(input, statement->root, arena);
    statement->first = strange_u64(input, statement->first);
    statement->at_ms = strange_ms(input, world->fake.wall_ms);
    if (!fuzz_one_in(input, 4))
        return;
    statement->n_arrival = fuzz_below(input, 8);
    statement->arrival = wire_arena_take(arena, 8 * sizeof *statement->arrival);
    for (size_t i = 0; i < statement->n_arrival; i++) {
        statement->arrival[i] = wire_arena_take(arena, sizeof **statement->arrival);
        wire__arrival__init(statement->arrival[i]);
        statement->arrival[i]->index = (uint32_t)strange_u64(input, i);
        statement->arrival[i]->code = (Wire__VerdictCode)(1 + fuzz_below(input, 7));
    }
}

static void strange_arrived(struct world *world, struct fake_node *node)
{
    struct fuzz_input *input = &world->input;
    struct wire_arena arena;
    fake_arena(&world->fake, &arena);
    struct broker_event event;
    if (node->inbox_count == 0)
        return;
    struct fake_delivery again = node->inbox[0];
    fake_arrived_event(&world->fake, node, (Wire__VerdictCode)(5 + fuzz_below(input, 3)), &arena, &event);
    if (fuzz_one_in(input, 4)) /* it will be said again */
        node->inbox[node->inbox_count++] = again;
    if (fuzz_one_in(input, 2)) {
        Wire__ArrivedPart *part = (Wire__ArrivedPart *)(uintptr_t)event.arrived.part;
        part->mechanism = strange_text(input, part->mechanism, &arena);
        part->lane = (Wire__Lane)(fuzz_one_in(input, 8) ? fuzz_below(input, WIRE_LANES) : part->lane);
        part->number = strange_u64(input, part->number);
        part->chain = strange_binary(input, part->chain, &arena);
        event.arrived.verified = fuzz_one_in(input, 16) ? WIRE_BAD_SIGNATURE : WIRE_OK;
        strange_statement(world, node, (Wire__ArrivedStatement *)(uintptr_t)event.arrived.statement, &arena);
        if (fuzz_one_in(input, 16))
            event.arrived.statement = NULL;
        event.arrived.verified = event.arrived.statement == NULL ? WIRE_BAD_FRAME : event.arrived.verified;
        look_part(world, node, &arena, &event);
    }
    fake_step(&world->fake, &event);
}

static void strange_credit(struct world *world, struct fake_node *node)
{
    struct fuzz_input *input = &world->input;
    struct wire_arena arena;
    fake_arena(&world->fake, &arena);
    struct broker_event event = fake_event(&world->fake, BROKER_EVENT_CREDIT);
    Wire__Credit credit;
    wire__credit__init(&credit);
    credit.grant = strange_grants(world, &credit.n_grant, node->got[1] + 160 * 1024, &arena);
    credit.has_receipts_taken = fuzz_one_in(input, 2);
    credit.receipts_taken = strange_u64(input, node->receipts_taken);
    credit.has_wanted = fuzz_one_in(input, 4);
    credit.wanted = strange_u64(input, 300 * 1024);
    credit.has_wanted_lane = fuzz_one_in(input, 2);
    credit.wanted_lane = (Wire__Lane)fuzz_below(input, WIRE_LANES);
    event.credit = (struct broker_credit){.peer = node->peer, .credit = &credit};
    fake_step(&world->fake, &event);
}

static void strange_pulse(struct world *world, struct fake_node *node)
{
    static const uint8_t digest[WIRE_HASH_BYTES] = {0xd1};
    struct fuzz_input *input = &world->input;
    struct wire_arena arena;
    fake_arena(&world->fake, &arena);
    struct broker_event event = fake_event(&world->fake, BROKER_EVENT_PULSE);
    Wire__LaneQueue queue[6], *list[6];
    Wire__Pulse pulse;
    wire__pulse__init(&pulse);
    pulse.serial = strange_u64(input, 1);
    pulse.mono_ms = strange_ms(input, world->fake.mono_ms);
    pulse.wall_ms = strange_ms(input, world->fake.wall_ms);
    pulse.has_echo_mono_ms = pulse.has_echo_held_ms = fuzz_one_in(input, 2);
    pulse.echo_mono_ms = strange_ms(input, world->fake.mono_ms);
    pulse.echo_held_ms = strange_ms(input, 0);
    pulse.confirmed = strange_token(world, node->offered, &arena);
    if (pulse.confirmed != NULL && node->offered != NULL && pulse.confirmed->serial == node->offered->serial)
        token_set(&node->token, node->offered);
    pulse.n_queue = fuzz_below(input, 7);
    pulse.queue = list;
    for (size_t i = 0; i < pulse.n_queue; i++) {
        list[i] = &queue[i];
        wire__lane_queue__init(&queue[i]);
        queue[i].lane = (Wire__Lane)(i % WIRE_LANES);
        queue[i].depth = strange_u64(input, i);
        queue[i].oldest_ms = strange_ms(input, world->fake.wall_ms);
    }
    pulse.has_policy_digest = fuzz_one_in(input, 2);
    pulse.policy_digest = strange_binary(input, strange_of(digest, sizeof digest), &arena);
    pulse.has_receipts_taken = fuzz_one_in(input, 2);
    pulse.receipts_taken = strange_u64(input, node->receipts_taken);
    event.pulse = (struct broker_pulse){.peer = node->peer, .pulse = &pulse};
    fake_step(&world->fake, &event);
}

static void strange_down(struct world *world, struct fake_node *node)
{
    if (node->peer != 0 && fuzz_one_in(&world->input, 2)) {
        fake_down(&world->fake, node);
        return;
    }
    struct broker_event event = fake_event(&world->fake, BROKER_EVENT_PEER_DOWN); /* of nobody */
    event.peer_down = (struct broker_peer_down){.peer = UINT64_MAX, .status = WIRE_CLOSED};
    fake_step(&world->fake, &event);
}

/* A stranger that knows how to behave, so that it gets in. */
static void strange_entry(struct world *world, struct fake_node *node)
{
    if (node->peer == 0 || !node->welcomed)
        fake_hello(&world->fake, node);
    fake_commit(&world->fake);
    if (node->peer != 0 && node->welcomed)
        fake_pulse(&world->fake, node);
    fake_commit(&world->fake);
}

/* --- weather ------------------------------------------------------------------------------------------------------ */

static void weather(struct world *world)
{
    struct fuzz_input *input = &world->input;
    struct fake *fake = &world->fake;
    switch (fuzz_below(input, 16)) {
    case 0:
        fake_room(fake, fuzz_one_in(input, 2));
        break;
    case 1:
        if (!fuzz_one_in(input, 4))
            break;
        fake_restart(fake);
        for (size_t i = 0; i < STRANGERS; i++)
            world->stranger[i].peer = 0;
        break;
    case 2:
        fake->wall_ms += strange_ms(input, 31000) % INT64_C(400000000);
        fake->wall_ms = fake->wall_ms < 1 ? 1 : fake->wall_ms;
        break;
    case 3:
        fake_enrol(fake, strange_region(input, 340000), fuzz_one_in(input, 2));
        break;
    case 4:
        world->policy_version += fuzz_below(input, 3);
        fake_policy_event(fake, world->policy_version, fake->wall_ms + (int8_t)fuzz_u8(input) * 10000);
        break;
    case 5:
        if (fuzz_one_in(input, 2))
            fake_operator(fake, (enum broker_operation)(1 + fuzz_below(input, 2)), strange_region(input, 340000));
        break;
    case 6: /* as if the process had been stopped */
        fake->wake_ms = fake->mono_ms;
        fake->mono_ms += (int64_t)fuzz_u16(input) * 60000;
        fake->wall_ms += fuzz_u8(input) < 128 ? fake->mono_ms - fake->wake_ms : 0;
        fake_pass(fake, 0);
        break;
    default:
        fake_pass(fake, fuzz_u16(input) % 20000);
        break;
    }
}

static void honest_move(struct world *world, uint8_t what)
{
    struct fake_node *node = any_node(world);
    switch (what) {
    case 0:
    case 1:
        honest_submit(world, node);
        break;
    case 2:
        fake_arrive(&world->fake, node,
                    fuzz_one_in(&world->input, 16) ? WIRE__VERDICT_CODE__REJECTED : WIRE__VERDICT_CODE__ARRIVED);
        break;
    case 3:
        if (node->peer != 0 && node->welcomed)
            fake_give_credit(&world->fake, node);
        break;
    default:
        honest_talk(world, node);
        break;
    }
}

static void strange_move(struct world *world, uint8_t what)
{
    struct fake_node *node = &world->stranger[fuzz_one_in(&world->input, 8)];
    switch (what) {
    case 0:
        strange_hello(world, node);
        break;
    case 1:
    case 2:
        strange_submit(world, node);
        break;
    case 3:
        strange_arrived(world, node);
        break;
    case 4:
        strange_credit(world, node);
        break;
    case 5:
        strange_pulse(world, node);
        break;
    case 6:
        strange_down(world, node);
        break;
    default:
        strange_entry(world, node);
        break;
    }
}

static void move(struct world *world)
{
    uint8_t what = fuzz_u8(&world->input) % 20;
    if (what < 6)
        honest_move(world, what);
    else if (what < 14)
        strange_move(world, what - 6);
    else if (what < 16)
        fake_commit(&world->fake);
    else if (what == 16)
        fake_answer_fetch(&world->fake);
    else if (what == 17)
        fake_answer_seal(&world->fake, fuzz_one_in(&world->input, 8) ? WIRE_CRYPTO : WIRE_OK);
    else
        weather(world);
}

static void world_open(struct world *world, struct fuzz_input input)
{
    static struct fake_memory *memory;
    if (memory == NULL)
        memory = fake_memory_new();
    fake_open_in(&world->fake, 1, memory);
    world->fake.hash = *fuzz_hash();
    world->fake.options.regions_max = 12;
    world->fake.options.queues_max = 64;
    world->fake.options.mechanisms_max = 6;
    world->fake.options.window_rows = 96;
    fake_begin(&world->fake);
    world->fake.on_frame = on_frame;
    world->fake.context = world;
    world->input = input;
    world->told_count = 0;
    world->policy_version = 1;
    for (size_t i = 0; i < STRANGERS; i++) {
        static const uint64_t windows[WIRE_LANES] = {64 * 1024, 160 * 1024, 192 * 1024, 160 * 1024};
        world->stranger[i] = (struct fake_node){.region = i == 0 ? 340000 : 350000};
        memset(world->stranger[i].store_id, 0x77, WIRE_ID_BYTES);
        memcpy(world->stranger[i].window, windows, sizeof windows);
    }
}

static void world_close(struct world *world)
{
    for (size_t i = 0; i < STRANGERS; i++) {
        token_set(&world->stranger[i].token, NULL);
        token_set(&world->stranger[i].offered, NULL);
    }
    fake_close(&world->fake);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    world_open(&world, fuzz_input_long(data, size));
    for (int moves = 0; fuzz_more(&world.input) && moves < MOVES_MAX; moves++)
        move(&world);
    fake_settle(&world.fake);
    fuzz_count(world.fake.steps);
    world_close(&world);
    return 0;
}
