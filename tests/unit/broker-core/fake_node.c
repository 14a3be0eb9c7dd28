/* The nodes of the fake: what they remember, what they say, and the ledger's look-ups that come with it. */
#include "fake.h"
#include "wire/codec.h"
#include "wire/ensure.h"
#include <stdlib.h>

enum { DELIVERY_MAX = 256 };

void fake_node_frame(struct fake *fake, const struct fake_send *send);
void fake_node_cut(struct fake *fake, uint64_t peer, enum wire_status status);
void fake_node_piece(struct fake *fake, uint64_t peer);

void fake_arena(struct fake *fake, struct wire_arena *arena)
{
    wire_arena_over(arena, fake->lent->look_memory, FAKE_LOOK_BYTES);
}

struct fake_node *fake_node(struct fake *fake, uint32_t region)
{
    for (uint32_t i = 0; i < fake->node_count; i++) {
        if (fake->nodes[i].region == region)
            return &fake->nodes[i];
    }
    ENSURE(fake->node_count < FAKE_NODES_MAX);
    struct fake_node *node = &fake->nodes[fake->node_count++];
    *node = (struct fake_node){.region = region};
    for (size_t i = 0; i < WIRE_ID_BYTES; i++)
        node->store_id[i] = (uint8_t)fake_random(fake);
    static const uint64_t windows[WIRE_LANES] = {64 * 1024, 160 * 1024, 192 * 1024, 160 * 1024};
    memcpy(node->window, windows, sizeof windows);
    return node;
}

static struct fake_node *node_of(struct fake *fake, uint64_t peer)
{
    for (uint32_t i = 0; i < fake->node_count && peer != 0; i++) {
        if (fake->nodes[i].peer == peer)
            return &fake->nodes[i];
    }
    return NULL;
}

/* --- what nodes are told
 * ---------------------------------------------------------------------------------------------- */
static Wire__LineageToken *token_copy(const Wire__LineageToken *token)
{
    uint8_t raw[256];
    size_t size = wire__lineage_token__pack(token, raw);
    return wire__lineage_token__unpack(NULL, size, raw);
}

static void token_set(Wire__LineageToken **slot, const Wire__LineageToken *token)
{
    Wire__LineageToken *copy = token == NULL ? NULL : token_copy(token);
    if (*slot != NULL)
        wire__lineage_token__free_unpacked(*slot, NULL);
    *slot = copy;
}

static void take_grants(struct fake_node *node, Wire__Grant *const *grants, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ENSURE(grants[i]->offset >= node->granted[grants[i]->lane]);
        node->granted[grants[i]->lane] = grants[i]->offset;
    }
}

static void on_welcome(struct fake_node *node, const Wire__Welcome *welcome)
{
    node->welcomed = true;
    node->standing = welcome->standing;
    token_set(&node->offered, welcome->token);
    take_grants(node, welcome->grant, welcome->n_grant);
    if (welcome->receipts_from > 0)
        node->receipts_taken = welcome->receipts_from - 1;
}

static void on_statement(struct fake_node *node, const Wire__ReceiptStatement *statement)
{
    node->bad_batches += statement->outcome == WIRE__RECEIPT_OUTCOME__BAD_BATCH;
    node->conflicts += statement->outcome == WIRE__RECEIPT_OUTCOME__CONFLICT;
    node->expected_first += statement->outcome == WIRE__RECEIPT_OUTCOME__EXPECTED_FIRST;
    for (size_t i = 0; i < statement->n_verdict; i++) {
        Wire__VerdictCode code = statement->verdict[i]->code;
        node->admitted += code == WIRE__VERDICT_CODE__ADMITTED;
        node->refused += code == WIRE__VERDICT_CODE__REFUSED;
        node->duplicate += code == WIRE__VERDICT_CODE__DUPLICATE;
        node->expired += code == WIRE__VERDICT_CODE__EXPIRED;
    }
}

static void hold(struct fake_node *node, const Wire__Receipt *receipt, const Wire__ReceiptStatement *statement)
{
    for (uint32_t i = 0; i < node->sealed_count; i++) {
        struct fake_batch *batch = node->sealed[i];
        const Wire__BatchSeal *seal = batch->batch->seal;
        struct wire_bytes told = wire_bytes(receipt->signed_->statement.data, receipt->signed_->statement.len);
        if (seal->first == statement->first && seal->lane == statement->lane && !wire_bytes_equal(batch->held, told) &&
            memcmp(seal->root.data, statement->root.data, WIRE_HASH_BYTES) == 0)
            batch->held = wire_bytes(wire_arena_copy(&batch->arena, told.data, told.size), told.size);
    }
}

static void on_receipt(struct fake_node *node, const Wire__Receipt *receipt)
{
    if (receipt->number != 0) {
        ENSURE(receipt->number == node->receipts_taken + 1);
        node->receipts_taken = receipt->number;
    }
    if (receipt->signed_->type == WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT) {
        node->arrivals++;
        return;
    }
    Wire__ReceiptStatement *statement =
        wire__receipt_statement__unpack(NULL, receipt->signed_->statement.len, receipt->signed_->statement.data);
    ENSURE(statement != NULL && statement->origin == node->region);
    on_statement(node, statement);
    hold(node, receipt, statement);
    wire__receipt_statement__free_unpacked(statement, NULL);
}

static struct fake_cursor *cursor_of(struct fake_node *node, const char *mechanism, uint32_t lane)
{
    for (uint32_t i = 0; i < node->cursor_count; i++) {
        if (node->cursors[i].lane == lane && strcmp(node->cursors[i].mechanism, mechanism) == 0)
            return &node->cursors[i];
    }
    ENSURE(node->cursor_count < FAKE_CURSORS_MAX);
    struct fake_cursor *cursor = &node->cursors[node->cursor_count++];
    *cursor = (struct fake_cursor){.lane = lane};
    memcpy(cursor->mechanism, mechanism, strlen(mechanism) + 1);
    return cursor;
}

void fake_keep_delivery(struct fake_node *node, const Wire__Deliver *deliver, const struct fake_send *send)
{
    struct fake_delivery *out = &node->inbox[node->inbox_count++];
    *out = (struct fake_delivery){.lane = (uint32_t)deliver->lane,
                                  .number = deliver->number,
                                  .serial = send->part.serial,
                                  .count = send->part.count};
    memcpy(out->mechanism, deliver->mechanism, strlen(deliver->mechanism) + 1);
    memcpy(out->chain.bytes, deliver->chain.data, WIRE_HASH_BYTES);
    memcpy(out->given, send->part.given, sizeof out->given);
}

static void on_deliver(struct fake_node *node, const Wire__Deliver *deliver, const struct fake_send *send)
{
    struct fake_cursor *cursor = cursor_of(node, deliver->mechanism, (uint32_t)deliver->lane);
    bool again = deliver->has_again && deliver->again;
    node->got[deliver->lane] += send->part.cost - send->part.cost / 16; /* what SENT says */
    ENSURE(node->got[deliver->lane] <= node->gives[deliver->lane]);
    ENSURE(deliver->number == cursor->number + 1 || again);
    ENSURE(node->inbox_count < DELIVERY_MAX);
    if (deliver->number > cursor->number) {
        cursor->number = deliver->number;
        memcpy(cursor->chain.bytes, deliver->chain.data, WIRE_HASH_BYTES);
        node->delivered++;
    } else {
        node->delivered_again++;
    }
    fake_keep_delivery(node, deliver, send);
}

static void on_credit(struct fake_node *node, const Wire__Credit *credit)
{
    take_grants(node, credit->grant, credit->n_grant);
    node->reason = credit->has_reason ? credit->reason : 0;
    if (credit->has_wanted) {
        node->wanted = credit->wanted;
        node->wanted_lane = (uint32_t)credit->wanted_lane;
    }
}

void fake_node_frame(struct fake *fake, const struct fake_send *send)
{
    struct fake_node *node = node_of(fake, send->peer);
    Wire__Frame *frame = wire__frame__unpack(NULL, send->size, send->frame);
    ENSURE(frame != NULL);
    if (fake->on_frame != NULL)
        fake->on_frame(fake, send, frame);
    if (node == NULL) {
        wire__frame__free_unpacked(frame, NULL);
        return;
    }
    if (frame->body_case == WIRE__FRAME__BODY_WELCOME)
        on_welcome(node, frame->welcome);
    if (frame->body_case == WIRE__FRAME__BODY_RECEIPT)
        on_receipt(node, frame->receipt);
    if (frame->body_case == WIRE__FRAME__BODY_DELIVER)
        on_deliver(node, frame->deliver, send);
    if (frame->body_case == WIRE__FRAME__BODY_CREDIT)
        on_credit(node, frame->credit);
    wire__frame__free_unpacked(frame, NULL);
}

/* What waits for a commit is not sent any more. */
static void forget_sends(struct fake *fake, uint64_t peer)
{
    for (struct fake_send **link = &fake->sends; *link != NULL;) {
        struct fake_send *send = *link;
        if (send->peer != peer) {
            link = &send->next;
            continue;
        }
        *link = send->next;
        if (fake->send_end == &send->next)
            fake->send_end = link;
        free(send->frame);
        free(send);
    }
}

void fake_node_cut(struct fake *fake, uint64_t peer, enum wire_status status)
{
    struct fake_node *node = node_of(fake, peer);
    (void)status;
    forget_sends(fake, peer);
    if (node != NULL)
        node->peer = 0;
}

void fake_node_piece(struct fake *fake, uint64_t peer)
{
    (void)fake;
    ENSURE(peer != 0);
}

/* --- HELLO
 * -------------------------------------------------------------------------------------------------------------- */
static Wire__StreamHead **heads_of(const struct fake *fake, uint32_t region, struct wire_arena *arena, size_t *count)
{
    struct broker_key prefix = broker_key_streams_of(region);
    struct wire_bytes bytes = wire_bytes(prefix.data, prefix.size);
    Wire__StreamHead **list = wire_arena_take(arena, FAKE_STREAMS_MAX * sizeof *list);
    *count = 0;
    for (const struct fake_row *row = fake_scan(&fake->visible, BROKER_STREAM, bytes, bytes, NULL);
         row != NULL && *count < FAKE_STREAMS_MAX; row = fake_scan(&fake->visible, BROKER_STREAM, bytes, bytes, row)) {
        struct broker_stream stream;
        struct broker_stream_row value;
        ENSURE(broker_stream_of_key(wire_bytes(row->key, row->key_size), &stream));
        ENSURE(broker_get_stream(wire_bytes(row->value, row->value_size), &value));
        Wire__StreamHead *head = list[(*count)++] = wire_arena_take(arena, sizeof *head);
        wire__stream_head__init(head);
        head->mechanism = wire_arena_text(arena, (const char *)stream.mechanism.data, stream.mechanism.size);
        head->lane = (Wire__Lane)stream.lane;
        head->store_id.data = wire_arena_copy(arena, stream.store_id, WIRE_ID_BYTES);
        head->store_id.len = WIRE_ID_BYTES;
        head->head = value.head;
        head->has_frozen = head->frozen = value.frozen_outcome != 0;
    }
    return list;
}

static Wire__NumberHead **numbers_of(const struct fake *fake, uint32_t region, struct wire_arena *arena, size_t *count)
{
    struct broker_key prefix = broker_key_region(region);
    struct wire_bytes bytes = wire_bytes(prefix.data, prefix.size);
    Wire__NumberHead **list = wire_arena_take(arena, 16 * sizeof *list);
    *count = 0;
    for (const struct fake_row *row = fake_scan(&fake->visible, BROKER_NUMBER, bytes, bytes, NULL);
         row != NULL && *count < 16; row = fake_scan(&fake->visible, BROKER_NUMBER, bytes, bytes, row)) {
        Wire__NumberHead *head = list[(*count)++] = wire_arena_take(arena, sizeof *head);
        wire__number_head__init(head);
        head->date = wire_get_u32(row->key + 4);
        ENSURE(broker_get_u32(wire_bytes(row->value, row->value_size), &head->serial));
    }
    return list;
}

static const struct wire_digest *chain_at(const struct fake *fake, uint32_t region, const struct fake_cursor *cursor,
                                          struct wire_arena *arena)
{
    struct broker_queue_name name = {region, wire_bytes(cursor->mechanism, strlen(cursor->mechanism)), cursor->lane};
    struct wire_bytes value = fake_get(&fake->visible, BROKER_QUEUE, broker_key_queue_row(&name, cursor->number));
    struct broker_queue_row row;
    if (value.data == NULL || !broker_get_queue(value, &row))
        return NULL;
    return wire_arena_copy(arena, &row.chain, sizeof row.chain);
}

static Wire__Hello *hello_make(struct fake *fake, struct fake_node *node, struct wire_arena *arena)
{
    Wire__Hello *hello = wire_arena_take(arena, sizeof *hello);
    wire__hello__init(hello);
    hello->version_min = hello->version_max = WIRE_PROTOCOL_VERSION;
    hello->software = (char *)(uintptr_t) "fake";
    hello->region = node->region;
    hello->store_id.data = node->store_id;
    hello->store_id.len = WIRE_ID_BYTES;
    hello->token = node->token;
    hello->n_cursor = node->cursor_count;
    hello->cursor = wire_arena_take(arena, FAKE_CURSORS_MAX * sizeof *hello->cursor);
    for (uint32_t i = 0; i < node->cursor_count; i++) {
        Wire__Cursor *cursor = hello->cursor[i] = wire_arena_take(arena, sizeof *cursor);
        wire__cursor__init(cursor);
        cursor->mechanism = node->cursors[i].mechanism;
        cursor->lane = (Wire__Lane)node->cursors[i].lane;
        cursor->generation = 1;
        cursor->number = node->cursors[i].number;
        cursor->chain.data = node->cursors[i].chain.bytes;
        cursor->chain.len = WIRE_HASH_BYTES;
    }
    hello->policy_version = 1;
    hello->directory_epoch = 4;
    hello->receipts_taken = node->receipts_taken;
    hello->n_grant = WIRE_LANES;
    hello->grant = wire_arena_take(arena, WIRE_LANES * sizeof *hello->grant);
    for (int lane = 0; lane < WIRE_LANES; lane++) {
        Wire__Grant *grant = hello->grant[lane] = wire_arena_take(arena, sizeof *grant);
        wire__grant__init(grant);
        grant->lane = (Wire__Lane)lane;
        grant->offset = node->gives[lane];
    }
    hello->nonce.data = wire_arena_take(arena, WIRE_ID_BYTES);
    hello->nonce.len = WIRE_ID_BYTES;
    (void)fake;
    return hello;
}

void fake_hello_event(struct fake *fake, struct fake_node *node, struct wire_arena *arena, struct broker_event *event)
{
    *event = fake_event(fake, BROKER_EVENT_HELLO);
    /* the inbox has what was delivered; what was not answered for is lost with the connection */
    node->peer = ++fake->next_peer;
    node->welcomed = false;
    node->inbox_count = 0;
    node->wanted = 0;
    memset(node->granted, 0, sizeof node->granted);
    memset(node->used, 0, sizeof node->used);
    memset(node->got, 0, sizeof node->got);
    memcpy(node->gives, node->window, sizeof node->gives);
    const struct wire_digest **chains = wire_arena_take(arena, FAKE_CURSORS_MAX * sizeof *chains);
    for (uint32_t i = 0; i < node->cursor_count; i++)
        chains[i] = chain_at(fake, node->region, &node->cursors[i], arena);
    event->hello.peer = node->peer;
    event->hello.region = node->region;
    event->hello.hello = hello_make(fake, node, arena);
    event->hello.heads = heads_of(fake, node->region, arena, &event->hello.head_count);
    event->hello.numbers = numbers_of(fake, node->region, arena, &event->hello.number_count);
    event->hello.chains = chains;
    ENSURE(!arena->exhausted);
}

void fake_hello_with(struct fake *fake, struct fake_node *node, const Wire__ReceiptStatement *receipt)
{
    struct wire_arena arena;
    fake_arena(fake, &arena);
    struct broker_event event;
    fake_hello_event(fake, node, &arena, &event);
    event.hello.receipt = receipt;
    fake_step(fake, &event);
}

void fake_hello(struct fake *fake, struct fake_node *node)
{
    fake_hello_with(fake, node, NULL);
}

void fake_pulse(struct fake *fake, struct fake_node *node)
{
    Wire__Pulse pulse;
    wire__pulse__init(&pulse);
    pulse.mono_ms = fake->mono_ms + 5000000;
    pulse.wall_ms = fake->wall_ms + 20;
    pulse.has_receipts_taken = true;
    pulse.receipts_taken = node->receipts_taken;
    if (node->welcomed && (node->standing == WIRE__STANDING__NORMAL || node->standing == WIRE__STANDING__FORK)) {
        token_set(&node->token, node->offered);
        pulse.confirmed = node->token;
    }
    struct broker_event event = fake_event(fake, BROKER_EVENT_PULSE);
    event.pulse.peer = node->peer;
    event.pulse.pulse = &pulse;
    fake_step(fake, &event);
}

void fake_connect(struct fake *fake, struct fake_node *node)
{
    fake_hello(fake, node);
    fake_settle(fake);
    if (node->peer != 0)
        fake_pulse(fake, node);
    fake_settle(fake);
}

void fake_down(struct fake *fake, struct fake_node *node)
{
    struct broker_event event = fake_event(fake, BROKER_EVENT_PEER_DOWN);
    event.peer_down.peer = node->peer;
    event.peer_down.status = WIRE_CLOSED;
    forget_sends(fake, node->peer);
    node->peer = 0;
    fake_step(fake, &event);
}

/* --- SUBMIT
 * ------------------------------------------------------------------------------------------------------------- */
static uint32_t mechanism_number(const char *mechanism)
{
    return (uint32_t)strlen(mechanism) % RULES_MECHANISMS_MAX;
}

struct fake_batch *fake_seal(struct fake *fake, struct fake_node *node, const char *mechanism, uint32_t lane,
                             const struct fake_spec *specs, uint32_t count)
{
    uint64_t *seq = &node->seq[mechanism_number(mechanism)][lane];
    struct fake_batch *batch =
        fake_batch_make(fake, node->region, node->store_id, mechanism, lane, *seq + 1, specs, count);
    *seq += count;
    ENSURE(node->sealed_count < FAKE_BATCHES_MAX);
    node->sealed[node->sealed_count++] = batch;
    return batch;
}

static const Wire__LedgerBatch *batch_row(const struct fake *fake, uint64_t serial, struct wire_arena *arena)
{
    struct wire_bytes value = fake_get(&fake->visible, BROKER_BATCH, broker_key_serial(serial));
    enum wire_status status;
    return value.data == NULL ? NULL
                              : (const Wire__LedgerBatch *)wire_decode(&wire__ledger_batch__descriptor, value,
                                                                       WIRE_STRICT_ALL, arena, &status);
}

enum { DUTIES = 1024 };

/* Each row stands once in the submit's list, as the core requires. */
static void look_duties(const struct fake *fake, struct broker_key prefix, struct wire_arena *arena,
                        struct broker_submit *submit, struct broker_envelope_look *look)
{
    struct wire_bytes bytes = wire_bytes(prefix.data, prefix.size);
    struct broker_duty_look *list = (struct broker_duty_look *)(uintptr_t)submit->duties;
    size_t first = 0;
    for (const struct fake_row *row = fake_scan(&fake->visible, BROKER_OBLIGATION_OF, bytes, bytes, NULL); row != NULL;
         row = fake_scan(&fake->visible, BROKER_OBLIGATION_OF, bytes, bytes, row)) {
        struct broker_duty_look one;
        struct broker_obligation_row *obligation = wire_arena_take(arena, sizeof *obligation);
        ENSURE(broker_duty_of_key(wire_bytes(row->key, row->key_size), &one.duty));
        ENSURE(broker_get_i64(wire_bytes(row->value, row->value_size), &one.next_ms));
        ENSURE(broker_get_obligation(
            fake_get(&fake->visible, BROKER_OBLIGATION, broker_key_obligation(one.next_ms, &one.duty)), obligation));
        one.row = obligation;
        size_t at = 0;
        while (at < submit->duty_count &&
               (list[at].duty.serial != one.duty.serial || list[at].duty.recipient != one.duty.recipient ||
                list[at].duty.number != one.duty.number || list[at].duty.duty != one.duty.duty ||
                list[at].duty.group != one.duty.group))
            at++;
        ENSURE(at < DUTIES);
        if (at == submit->duty_count)
            list[submit->duty_count++] = one;
        if (look->duty_count++ == 0)
            first = at;
    }
    look->duties = list + first; /* those of one prefix are neighbours: all of them were listed at once */
}

static void look_named(const struct fake *fake, uint32_t asker, const Wire__Header *header, struct wire_arena *arena,
                       struct broker_submit *submit, struct broker_envelope_look *look)
{
    const Wire__Reference *named = header->in_reply_to != NULL ? header->in_reply_to
                                   : header->n_references > 0  ? header->references[0]
                                                               : NULL;
    struct broker_envelope_row row;
    if (named == NULL)
        return;
    struct wire_bytes value =
        fake_get(&fake->visible, BROKER_ENVELOPE, broker_key_envelope(named->origin, named->id.data));
    if (value.data == NULL || !broker_get_envelope(value, &row))
        return;
    const Wire__LedgerBatch *batch = batch_row(fake, row.serial, arena);
    ENSURE(batch != NULL);
    look->named_serial = row.serial;
    look->named_index = row.index;
    if (header->in_reply_to != NULL) {
        struct rules_parent *parent = wire_arena_take(arena, sizeof *parent);
        if (broker_parent_of(batch, row.index, asker, arena, parent))
            look->parent = parent;
        look_duties(fake, broker_key_duties_by(row.serial, asker), arena, submit, look);
    } else {
        struct rules_original *original = wire_arena_take(arena, sizeof *original);
        if (broker_original_of(batch, row.index, arena, original))
            look->original = original;
        look_duties(fake, broker_key_duties_of(row.serial), arena, submit, look);
    }
}

static void look_all(const struct fake *fake, uint32_t asker, const struct fake_batch *batch, struct wire_arena *arena,
                     struct broker_submit *submit)
{
    size_t count = batch->batch->n_envelope;
    struct broker_envelope_look *looks = wire_arena_take(arena, count * sizeof *looks);
    submit->looks = looks;
    submit->duties = wire_arena_take(arena, DUTIES * sizeof *submit->duties);
    for (size_t i = 0; i < count; i++) {
        struct wire_bytes value =
            fake_get(&fake->visible, BROKER_ENVELOPE, broker_key_envelope(asker, batch->headers[i]->id.data));
        looks[i].known = value.data != NULL && broker_get_envelope(value, &looks[i].first);
        look_named(fake, asker, batch->headers[i], arena, submit, &looks[i]);
    }
}

static const struct broker_stored *stored_of(const struct fake *fake, const struct broker_stream *stream,
                                             uint64_t first, struct wire_arena *arena)
{
    struct broker_stream_batch_row row;
    struct wire_bytes value = fake_get(&fake->visible, BROKER_STREAM_BATCH, broker_key_stream_batch(stream, first));
    if (value.data == NULL || !broker_get_stream_batch(value, &row))
        return NULL;
    struct wire_bytes receipt =
        fake_get(&fake->visible, BROKER_RECEIPT, broker_key_receipt(stream->origin, row.receipt_number));
    enum wire_status status;
    const Wire__LedgerReceipt *decoded = (const Wire__LedgerReceipt *)wire_decode(
        &wire__ledger_receipt__descriptor, receipt, WIRE_STRICT_ALL, arena, &status);
    ENSURE(decoded != NULL);
    struct broker_stored *out = wire_arena_take(arena, sizeof *out);
    out->serial = row.serial;
    out->count = row.count;
    out->root = row.root;
    out->statement = wire_bytes(decoded->statement.data, decoded->statement.len);
    return out;
}

static uint32_t number_now(const struct fake *fake, uint32_t region, uint32_t date)
{
    uint32_t serial = 0;
    struct wire_bytes value = fake_get(&fake->visible, BROKER_NUMBER, broker_key_number(region, date));
    return value.data != NULL && broker_get_u32(value, &serial) ? serial : 0;
}

void fake_submit_event(struct fake *fake, struct fake_node *node, struct fake_batch *batch, struct wire_arena *arena,
                       struct broker_event *event)
{
    *event = fake_event(fake, BROKER_EVENT_SUBMIT);
    const Wire__BatchSeal *seal = batch->batch->seal;
    struct broker_submit *submit = &event->submit;
    struct broker_stream stream = {.origin = node->region,
                                   .mechanism = wire_bytes(seal->mechanism, strlen(seal->mechanism)),
                                   .lane = (uint32_t)seal->lane,
                                   .store_id = seal->store_id.data};
    struct wire_bytes value = fake_get(&fake->visible, BROKER_STREAM, broker_key_stream(&stream));
    if (value.data != NULL)
        ENSURE(broker_get_stream(value, &submit->stream));
    Wire__NumberHead *number = wire_arena_take(arena, sizeof *number);
    wire__number_head__init(number);
    number->date = batch->headers[0]->number_date;
    number->serial = number_now(fake, node->region, number->date);
    submit->peer = node->peer;
    submit->frame_bytes = batch->frame_bytes;
    submit->batch = batch->batch;
    submit->headers = batch->headers;
    submit->leaves = batch->leaves;
    submit->bad = batch->bad;
    submit->stored = stored_of(fake, &stream, seal->first, arena);
    look_all(fake, node->region, batch, arena, submit);
    submit->numbers = number;
    submit->number_count = 1;
    ENSURE(!arena->exhausted);
}

void fake_submit(struct fake *fake, struct fake_node *node, struct fake_batch *batch, enum wire_status failed,
                 const Wire__ReceiptStatement *held)
{
    struct wire_arena arena;
    fake_arena(fake, &arena);
    struct broker_event event;
    fake_submit_event(fake, node, batch, &arena, &event);
    event.submit.failed = failed;
    event.submit.held = held;
    node->used[batch->batch->seal->lane] += batch->frame_bytes;
    fake_step(fake, &event);
}

const uint8_t *fake_publish(struct fake *fake, struct fake_node *node, const struct fake_spec *spec)
{
    struct fake_batch *batch = fake_seal(fake, node, "yangtze-delta", fake_lane_of(spec), spec, 1);
    fake_submit(fake, node, batch, WIRE_OK, NULL);
    return batch->headers[0]->id.data;
}

/* --- ARRIVED, CREDIT
 * -------------------------------------------------------------------------------------------------- */
static void statement_fill(Wire__ArrivedStatement *statement, const struct fake_node *node,
                           const struct fake_delivery *delivery, const Wire__LedgerBatch *batch, Wire__VerdictCode code,
                           struct wire_arena *arena)
{
    wire__arrived_statement__init(statement);
    statement->recipient = node->region;
    statement->origin = batch->seal->origin;
    statement->mechanism = batch->seal->mechanism;
    statement->lane = batch->seal->lane;
    statement->store_id = batch->seal->store_id;
    statement->root = batch->seal->root;
    statement->first = batch->seal->first;
    statement->arrival = wire_arena_take(arena, delivery->count * sizeof *statement->arrival);
    for (uint32_t i = 0; i < delivery->count; i++) {
        if (!broker_bit(delivery->given, i))
            continue;
        Wire__Arrival *arrival = statement->arrival[statement->n_arrival++] = wire_arena_take(arena, sizeof *arrival);
        wire__arrival__init(arrival);
        arrival->index = i;
        arrival->code = code;
    }
}

static size_t look_answered(const struct fake *fake, uint64_t serial, uint32_t recipient, struct broker_answered *out,
                            size_t count)
{
    struct broker_key prefix = broker_key_answered_by(serial, recipient);
    struct wire_bytes bytes = wire_bytes(prefix.data, prefix.size);
    for (const struct fake_row *row = fake_scan(&fake->visible, BROKER_ANSWERED, bytes, bytes, NULL); row != NULL;
         row = fake_scan(&fake->visible, BROKER_ANSWERED, bytes, bytes, row))
        ENSURE(broker_answered_of_key(wire_bytes(row->key, row->key_size), &out[count].index, &out[count].duty)),
            count++;
    return count;
}

void fake_arrived_event(struct fake *fake, struct fake_node *node, Wire__VerdictCode code, struct wire_arena *arena,
                        struct broker_event *event)
{
    struct fake_delivery *delivery = wire_arena_copy(arena, &node->inbox[0], sizeof *delivery);
    memmove(node->inbox, node->inbox + 1, --node->inbox_count * sizeof node->inbox[0]);
    struct broker_queue_name name = {node->region, wire_bytes(delivery->mechanism, strlen(delivery->mechanism)),
                                     delivery->lane};
    struct broker_queue_row *row = wire_arena_take(arena, sizeof *row);
    struct wire_bytes value = fake_get(&fake->visible, BROKER_QUEUE, broker_key_queue_row(&name, delivery->number));
    ENSURE(value.data != NULL && broker_get_queue(value, row));
    const Wire__LedgerBatch *batch = batch_row(fake, row->serial, arena);
    Wire__ArrivedStatement *statement = wire_arena_take(arena, sizeof *statement);
    statement_fill(statement, node, delivery, batch, code, arena);
    Wire__Signed *signed_ = wire_arena_take(arena, sizeof *signed_);
    wire__signed__init(signed_);
    signed_->type = WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT;
    struct wire_bytes packed = wire_encode(&statement->base, arena);
    signed_->statement.data = (uint8_t *)(uintptr_t)packed.data;
    signed_->statement.len = packed.size;
    signed_->signature.data = (uint8_t *)(uintptr_t) "signature";
    signed_->signature.len = 9;
    Wire__ArrivedPart *part = wire_arena_take(arena, sizeof *part);
    wire__arrived_part__init(part);
    part->mechanism = delivery->mechanism;
    part->lane = (Wire__Lane)delivery->lane;
    part->number = delivery->number;
    part->chain.data = delivery->chain.bytes;
    part->chain.len = WIRE_HASH_BYTES;
    part->signed_ = signed_;
    struct broker_answered *answered = wire_arena_take(arena, 2048 * sizeof *answered);
    *event = fake_event(fake, BROKER_EVENT_ARRIVED);
    event->arrived = (struct broker_arrived){
        .peer = node->peer, .part = part, .statement = statement, .row = row, .batch = batch, .answered = answered};
    event->arrived.known =
        fake_get(&fake->visible, BROKER_ARRIVAL, broker_key_arrival(row->serial, node->region, delivery->number))
            .data != NULL;
    event->arrived.answered_count = look_answered(fake, row->serial, node->region, answered, 0);
    event->arrived.answered_count = look_answered(fake, row->serial, 0, answered, event->arrived.answered_count);
    ENSURE(!arena->exhausted);
}

bool fake_arrive(struct fake *fake, struct fake_node *node, Wire__VerdictCode code)
{
    if (node->inbox_count == 0 || node->peer == 0)
        return false;
    struct wire_arena arena;
    fake_arena(fake, &arena);
    struct broker_event event;
    fake_arrived_event(fake, node, code, &arena, &event);
    fake_step(fake, &event);
    return true;
}

void fake_give_credit(struct fake *fake, struct fake_node *node)
{
    Wire__Grant grants[WIRE_LANES];
    Wire__Grant *list[WIRE_LANES];
    Wire__Credit credit;
    wire__credit__init(&credit);
    credit.grant = list;
    credit.n_grant = WIRE_LANES;
    for (uint32_t lane = 0; lane < WIRE_LANES; lane++) {
        uint64_t offset = node->got[lane] + node->window[lane];
        if (node->wanted > node->window[lane] && node->wanted_lane == lane)
            offset = node->got[lane] + node->wanted;
        if (offset > node->gives[lane])
            node->gives[lane] = offset;
        wire__grant__init(&grants[lane]);
        grants[lane].lane = (Wire__Lane)lane;
        grants[lane].offset = node->gives[lane];
        grants[lane].has_taken = true;
        grants[lane].taken = node->got[lane];
        list[lane] = &grants[lane];
    }
    node->wanted = 0;
    credit.has_receipts_taken = true;
    credit.receipts_taken = node->receipts_taken;
    struct broker_event event = fake_event(fake, BROKER_EVENT_CREDIT);
    event.credit.peer = node->peer;
    event.credit.credit = &credit;
    fake_step(fake, &event);
}

void fake_want(struct fake *fake, struct fake_node *node, uint32_t lane, uint64_t bytes)
{
    Wire__Credit credit;
    wire__credit__init(&credit);
    credit.has_wanted = credit.has_wanted_lane = true;
    credit.wanted = bytes;
    credit.wanted_lane = (Wire__Lane)lane;
    struct broker_event event = fake_event(fake, BROKER_EVENT_CREDIT);
    event.credit.peer = node->peer;
    event.credit.credit = &credit;
    fake_step(fake, &event);
}
