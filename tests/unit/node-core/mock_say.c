/* What the broker says, and the events that a node's shell makes of it. */
#include "mock_say.h"
#include "wire/ensure.h"
#include "wire/kind.h"
#include "wire/region.h"

static ProtobufCBinaryData bin(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}

static void say(struct mock *mock, const Wire__Frame *frame)
{
    size_t size = wire__frame__get_packed_size(frame);
    uint8_t *data = malloc(size + 1);
    ENSURE(data != NULL && mock->say_count < MOCK_SAYS);
    wire__frame__pack(frame, data);
    mock->say[mock->say_count++] = wire_bytes(data, size);
}

void mock_say_welcome(struct mock *mock, const struct mock_welcome *say_)
{
    Wire__Frame frame;
    Wire__Welcome welcome;
    Wire__LineageToken token;
    Wire__StreamHead heads[MOCK_STREAMS], *head_list[MOCK_STREAMS];
    Wire__Grant grants[WIRE_LANES], *grant_list[WIRE_LANES];
    uint8_t random[WIRE_ID_BYTES] = {0}, session[WIRE_ID_BYTES] = {0};
    wire__frame__init(&frame);
    wire__welcome__init(&welcome);
    wire__lineage_token__init(&token);
    wire_put_u64(random, mock->offered[1]);
    token.ledger_id = bin(mock->ledger_id, WIRE_ID_BYTES);
    token.generation = mock->generation;
    token.serial = mock->offered[0];
    token.random = bin(random, WIRE_ID_BYTES);
    welcome.version = WIRE_PROTOCOL_VERSION;
    welcome.session = bin(session, WIRE_ID_BYTES);
    welcome.nonce = bin(say_->nonce, WIRE_ID_BYTES);
    welcome.ledger_id = token.ledger_id;
    welcome.generation = mock->generation;
    welcome.token = &token;
    welcome.standing = say_->standing;
    welcome.head = head_list;
    for (size_t i = 0; i < mock->stream_count; i++) {
        wire__stream_head__init(&heads[i]);
        heads[i].mechanism = mock->stream[i].mechanism;
        heads[i].lane = mock->stream[i].lane;
        heads[i].store_id = bin(mock->stream[i].store_id, WIRE_ID_BYTES);
        heads[i].head = mock->stream[i].head;
        heads[i].has_frozen = mock->stream[i].frozen;
        heads[i].frozen = mock->stream[i].frozen;
        head_list[welcome.n_head++] = &heads[i];
    }
    welcome.grant = grant_list;
    for (size_t lane = 0; lane < WIRE_LANES; lane++) {
        wire__grant__init(&grants[lane]);
        grants[lane].lane = (Wire__Lane)lane;
        grants[lane].offset = mock->submit_granted[lane];
        grant_list[welcome.n_grant++] = &grants[lane];
    }
    welcome.wall_ms = mock->world->wall_ms;
    welcome.pulse_ms = WIRE_PULSE_MS;
    welcome.has_receipts_from = true;
    welcome.receipts_from = mock->receipts_taken + 1;
    frame.body_case = WIRE__FRAME__BODY_WELCOME;
    frame.welcome = &welcome;
    say(mock, &frame);
}

static void say_credit(struct mock *mock, Wire__Credit *credit)
{
    Wire__Frame frame;
    wire__frame__init(&frame);
    frame.body_case = WIRE__FRAME__BODY_CREDIT;
    frame.credit = credit;
    say(mock, &frame);
}

void mock_say_grant(struct mock *mock, Wire__Lane lane, uint64_t offset)
{
    Wire__Credit credit;
    Wire__Grant grant, *list[] = {&grant};
    if (offset <= mock->submit_granted[lane])
        return;
    wire__credit__init(&credit);
    wire__grant__init(&grant);
    mock->submit_granted[lane] = grant.offset = offset;
    grant.has_taken = true;
    grant.taken = mock->submit_used[lane];
    grant.lane = lane;
    credit.grant = list;
    credit.n_grant = 1;
    say_credit(mock, &credit);
}

void mock_say_wanted(struct mock *mock, Wire__Lane lane, uint64_t bytes)
{
    Wire__Credit credit;
    wire__credit__init(&credit);
    credit.has_wanted = credit.has_wanted_lane = true;
    credit.wanted = bytes;
    credit.wanted_lane = lane;
    say_credit(mock, &credit);
}

void mock_bye(struct mock *mock, enum wire_status reason)
{
    Wire__Frame frame;
    Wire__Bye bye;
    wire__frame__init(&frame);
    wire__bye__init(&bye);
    bye.reason = (uint32_t)reason;
    frame.body_case = WIRE__FRAME__BODY_BYE;
    frame.bye = &bye;
    say(mock, &frame);
}

/* The last number and running hash of each queue. */
void mock_pulse(struct mock *mock)
{
    Wire__Frame frame;
    Wire__Pulse pulse;
    Wire__Signed signed_[MOCK_LANES], *list[MOCK_LANES];
    struct wire_bytes statements[MOCK_LANES];
    static const uint8_t bytes[WIRE_HASH_BYTES] = {0x77};
    wire__frame__init(&frame);
    wire__pulse__init(&pulse);
    pulse.serial = 1;
    pulse.mono_ms = mock->world->mono_ms;
    pulse.wall_ms = mock->world->wall_ms;
    pulse.completeness = list;
    for (size_t i = 0; i < mock->part_count && !mock->says_no_more; i++) {
        const struct mock_part *part = &mock->part[i];
        bool last = true;
        for (size_t j = i + 1; j < mock->part_count; j++)
            last = last && (mock->part[j].lane != part->lane || strcmp(mock->part[j].mechanism, part->mechanism) != 0);
        if (!last || pulse.n_completeness == MOCK_LANES)
            continue;
        Wire__CompletenessStatement statement;
        wire__completeness_statement__init(&statement);
        statement.ledger_id = bin(mock->ledger_id, WIRE_ID_BYTES);
        statement.generation = mock->generation;
        statement.recipient = WORLD_REGION;
        statement.mechanism = (char *)(uintptr_t)part->mechanism;
        statement.lane = part->lane;
        statement.number = part->number;
        statement.chain = bin(part->chain.bytes, WIRE_HASH_BYTES);
        statement.at_ms = mock->world->wall_ms;
        size_t size = wire__completeness_statement__get_packed_size(&statement);
        uint8_t *data = malloc(size);
        ENSURE(data != NULL);
        wire__completeness_statement__pack(&statement, data);
        size_t at = pulse.n_completeness++;
        statements[at] = wire_bytes(data, size);
        wire__signed__init(&signed_[at]);
        signed_[at].type = WIRE__STATEMENT_TYPE__COMPLETENESS_STATEMENT;
        signed_[at].statement = bin(data, size);
        signed_[at].suite = 1;
        signed_[at].signer = bin(bytes, sizeof bytes);
        signed_[at].count = 1;
        signed_[at].signature = bin(bytes, sizeof bytes);
        list[at] = &signed_[at];
    }
    frame.body_case = WIRE__FRAME__BODY_PULSE;
    frame.pulse = &pulse;
    say(mock, &frame);
    for (size_t i = 0; i < pulse.n_completeness; i++)
        free((void *)(uintptr_t)statements[i].data);
}

/* --- parts ----------------------------------------------------------------------------------------------------------
 */

static void make_header(const struct mock_envelope *from, const struct mock_part *part, uint64_t seq, Wire__Header *h,
                        struct wire_arena *arena)
{
    uint8_t *id = wire_arena_take(arena, WIRE_ID_BYTES), *store = wire_arena_take(arena, WIRE_ID_BYTES);
    uint8_t *digest = wire_arena_take(arena, WIRE_HASH_BYTES);
    wire__header__init(h);
    world_id(from->n, id);
    memset(store, 0x32, WIRE_ID_BYTES);
    h->version = 1;
    h->id = bin(id, WIRE_ID_BYTES);
    h->number_date = 20200207;
    h->number_serial = (uint32_t)from->n;
    h->origin = h->issuer_region = from->origin == 0 ? 320000 : from->origin;
    h->issuer_unit = 2;
    h->store_id = bin(store, WIRE_ID_BYTES);
    h->seq = seq;
    h->mechanism = (char *)(uintptr_t)part->mechanism;
    h->lane = part->lane;
    h->kind = from->kind == 0 ? WIRE_KIND_MEASURE_BULLETIN : from->kind;
    h->status = WIRE__STATUS__TEST;
    h->action = from->action;
    h->created_ms = 1581040800000;
    const struct wire_kind *kind = wire_kind_find(h->kind);
    h->form = kind != NULL && kind->persons && !from->clear ? WIRE__PAYLOAD_FORM__SEALED : WIRE__PAYLOAD_FORM__CLEAR;
    h->keep_until = 20200401;
    h->digest = bin(digest, WIRE_HASH_BYTES);
    if (from->action != WIRE__ACTION__ISSUE) {
        uint8_t *named = wire_arena_take(arena, WIRE_ID_BYTES);
        world_id(from->names, named);
        h->references = wire_arena_take(arena, sizeof *h->references);
        h->references[0] = wire_arena_take(arena, sizeof *h->references[0]);
        wire__reference__init(h->references[0]);
        h->references[0]->origin = h->origin;
        h->references[0]->id = bin(named, WIRE_ID_BYTES);
        h->n_references = 1;
    }
    if (from->answers != 0) {
        uint8_t *asked = wire_arena_take(arena, WIRE_ID_BYTES);
        world_id(from->answers, asked);
        h->in_reply_to = wire_arena_take(arena, sizeof *h->in_reply_to);
        wire__reference__init(h->in_reply_to);
        h->in_reply_to->origin = WORLD_REGION;
        h->in_reply_to->id = bin(asked, WIRE_ID_BYTES);
        h->has_progress = true;
        h->progress = from->final ? WIRE__PROGRESS__FINAL : WIRE__PROGRESS__OPEN;
    }
}

static Wire__PartEnvelope *make_envelope(const struct mock_envelope *from, const struct mock_part *part, uint32_t index,
                                         struct wire_arena *arena)
{
    static const uint8_t salt[WIRE_SALT_BYTES];
    Wire__Header header;
    Wire__PartEnvelope *envelope = wire_arena_take(arena, sizeof *envelope);
    size_t size = from->payload_bytes == 0 ? 100 : from->payload_bytes;
    make_header(from, part, part->number * 1000 + index, &header, arena);
    struct wire_bytes encoded = wire_encode(&header.base, arena);
    uint8_t *payload = wire_arena_take(arena, size);
    ENSURE(envelope != NULL && encoded.data != NULL && payload != NULL);
    wire__part_envelope__init(envelope);
    envelope->index = index;
    envelope->header = bin(encoded.data, encoded.size);
    if (from->no_header)
        envelope->header = bin("\xff\xff\xff", 3); /* and who it is for stands elsewhere */
    envelope->has_salt = envelope->has_payload = from->status != WIRE_ERASED;
    envelope->salt = bin(salt, sizeof salt);
    envelope->payload = bin(payload, size);
    /* The check of the envelope travels in its first payload byte, for the fake shell. */
    payload[0] = (uint8_t)from->status;
    return envelope;
}

static Wire__DeliveredEnvelope *make_given(uint32_t index, Wire__Lane lane, struct wire_arena *arena)
{
    Wire__DeliveredEnvelope *given = wire_arena_take(arena, sizeof *given);
    Wire__Disposition *disposition = wire_arena_take(arena, sizeof *disposition);
    ENSURE(given != NULL && disposition != NULL);
    wire__delivered_envelope__init(given);
    wire__disposition__init(disposition);
    disposition->rule = 1;
    disposition->rule_name = (char *)(uintptr_t) "bulletins";
    disposition->lane = lane;
    disposition->keep_until = 20200401;
    given->index = index;
    given->owes = true;
    given->disposition = disposition;
    return given;
}

void mock_make_part(struct mock *mock, struct mock_part *part, const struct mock_envelope *envelopes, size_t count)
{
    static const uint8_t bytes[WIRE_HASH_BYTES] = {0x32};
    struct wire_arena arena;
    Wire__Frame frame;
    Wire__Deliver deliver;
    Wire__Part body;
    Wire__BatchSeal seal;
    Wire__Signed witness;
    wire_arena_over(&arena, mock->memory, MOCK_BUILD_BYTES);
    struct wire_digest *leaves = wire_arena_take(&arena, count * sizeof *leaves);
    struct wire_digest *scratch = wire_arena_take(&arena, count * sizeof *scratch);
    uint32_t *index = wire_arena_take(&arena, count * sizeof *index);
    wire__part__init(&body);
    wire__deliver__init(&deliver);
    body.envelope = wire_arena_take(&arena, count * sizeof *body.envelope);
    deliver.given = wire_arena_take(&arena, count * sizeof *deliver.given);
    for (uint32_t i = 0; i < count; i++) {
        body.envelope[i] = make_envelope(&envelopes[i], part, i, &arena);
        deliver.given[i] = make_given(i, part->lane, &arena);
        leaves[i] = wire_header_leaf(mock->world->options.hash,
                                     wire_bytes(body.envelope[i]->header.data, body.envelope[i]->header.len));
        index[i] = i;
    }
    body.n_envelope = deliver.n_given = count;
    memcpy(scratch, leaves, count * sizeof *scratch);
    struct wire_digest root = wire_merkle_root(mock->world->options.hash, scratch, count);
    wire__batch_seal__init(&seal);
    seal.suite = 1;
    seal.signer = bin(bytes, sizeof bytes);
    seal.origin = envelopes[0].origin == 0 ? 320000 : envelopes[0].origin;
    if (envelopes[0].kind >= WIRE_KIND_REMINDER)
        seal.origin = 0;
    seal.mechanism = part->mechanism;
    seal.lane = part->lane;
    seal.store_id = bin(bytes, WIRE_ID_BYTES);
    seal.first = part->number * 1000;
    seal.count = (uint32_t)count;
    seal.root = bin(root.bytes, WIRE_HASH_BYTES);
    seal.signature = bin(bytes, sizeof bytes);
    body.seal = &seal;
    struct wire_bytes encoded = wire_encode(&body.base, &arena);
    part->chain =
        wire_chain_next(mock->world->options.hash, part->chain, part->number, root.bytes, index, leaves, count);
    wire__signed__init(&witness);
    witness.type = WIRE__STATEMENT_TYPE__WITNESS_STATEMENT;
    witness.statement = bin("witness", 7);
    witness.suite = 1;
    witness.signer = bin(bytes, sizeof bytes);
    witness.count = 1;
    witness.signature = bin(bytes, sizeof bytes);
    deliver.mechanism = part->mechanism;
    deliver.lane = part->lane;
    deliver.number = part->number;
    deliver.chain = bin(part->chain.bytes, WIRE_HASH_BYTES);
    deliver.generation = mock->generation;
    deliver.part = bin(encoded.data, encoded.size);
    deliver.witness = &witness;
    wire__frame__init(&frame);
    frame.body_case = WIRE__FRAME__BODY_DELIVER;
    frame.deliver = &deliver;
    size_t size = wire__frame__get_packed_size(&frame);
    uint8_t *data = malloc(size);
    ENSURE(data != NULL);
    wire__frame__pack(&frame, data);
    part->frame = wire_bytes(data, size);
}

/* --- the shell's side -----------------------------------------------------------------------------------------------
 */

static void step(struct mock *mock, struct node_event *event, struct wire_arena *arena)
{
    if (mock->bend_event != NULL)
        mock->bend_event(mock, event, arena);
    world_step(mock->world, event);
}

static node_row_value look(struct mock *mock, enum node_table table, const struct node_key *key,
                           struct wire_arena *arena)
{
    struct wire_bytes value = world_look(mock->world, table, key);
    if (value.data == NULL)
        return value;
    return wire_bytes(wire_arena_copy(arena, value.size == 0 ? "" : (const void *)value.data, value.size), value.size);
}

static node_row_value look_ours(struct mock *mock, enum node_table table, const uint8_t *id, struct wire_arena *arena)
{
    struct node_key key = node_key_id(id);
    key = node_key_place(node_read_place(world_look(mock->world, NODE_TABLE_PLACE, &key)));
    return look(mock, table, &key, arena);
}

static node_row_value look_state(struct mock *mock, const uint8_t *id, struct wire_arena *arena)
{
    return look_ours(mock, NODE_TABLE_STATE, id, arena);
}

/* As the shell must: what names no stream is not looked up. */
static node_row_value look_batch(struct mock *mock, const char *mechanism, Wire__Lane lane,
                                 ProtobufCBinaryData store_id, uint64_t first, struct wire_arena *arena)
{
    size_t size = strlen(mechanism);
    if (size < 1 || size > WIRE_MECHANISM_BYTES_MAX || store_id.len != WIRE_ID_BYTES)
        return wire_bytes(NULL, 0);
    struct node_key key =
        node_key_batch(mock->world->options.link[mock->link].name, mechanism, lane, store_id.data, first);
    return look(mock, NODE_TABLE_BATCH, &key, arena);
}

static node_row_value look_receipt(struct mock *mock, const Wire__ReceiptStatement *s, struct wire_arena *arena)
{
    const char *link = mock->world->options.link[mock->link].name;
    if (s->store_id.len != WIRE_ID_BYTES || strlen(s->mechanism) > WIRE_MECHANISM_BYTES_MAX)
        return wire_bytes(NULL, 0);
    struct node_key batch = node_key_batch(link, s->mechanism, s->lane, s->store_id.data, s->first);
    struct node_key key = node_key_receipt(&batch, WIRE_REGION_BROKER, 0);
    return look(mock, NODE_TABLE_RECEIPT, &key, arena);
}

static void hear_verdicts(struct mock *mock, struct node_receipt *in, struct wire_arena *arena)
{
    const Wire__ReceiptStatement *statement = in->statement;
    size_t count = statement->n_verdict + 1;
    node_row_value *states = wire_arena_take(arena, count * sizeof *states);
    node_row_value *named = wire_arena_take(arena, count * sizeof *named);
    const Wire__Header **headers = wire_arena_take(arena, count * sizeof *headers);
    for (size_t i = 0; i < statement->n_verdict; i++) {
        const uint8_t *id = statement->verdict[i]->id.data;
        if (statement->verdict[i]->id.len != WIRE_ID_BYTES)
            continue;
        states[i] = look_state(mock, id, arena);
        headers[i] = node_read_header(look_ours(mock, NODE_TABLE_OUTBOX, id, arena), arena);
        const Wire__NodeState *state = states[i].data == NULL ? NULL : node_read_state(states[i], arena);
        if (state != NULL && state->has_named)
            named[i] = look_state(mock, state->named.data, arena);
    }
    if (statement->n_verdict == 0 && in->batch.data != NULL)
        states[0] = look_state(mock, node_read_batch(in->batch, arena)->id[0].data, arena);
    in->state = states;
    in->named = named;
    in->header = headers;
}

static void hear_arrivals(struct mock *mock, struct node_receipt *in, struct wire_arena *arena)
{
    const Wire__NodeBatch *batch = in->batch.data == NULL ? NULL : node_read_batch(in->batch, arena);
    node_row_value *states = wire_arena_take(arena, (in->arrived->n_arrival + 1) * sizeof *states);
    for (size_t i = 0; batch != NULL && i < in->arrived->n_arrival; i++)
        if (in->arrived->arrival[i]->index < batch->n_id)
            states[i] = look_state(mock, batch->id[in->arrived->arrival[i]->index].data, arena);
    in->state = states;
}

static void speak_receipt(struct mock *mock, const Wire__Receipt *receipt, size_t bytes, struct wire_arena *arena)
{
    struct node_event event = world_event(mock->world, NODE_ON_RECEIPT);
    struct node_receipt *in = &event.u.receipt;
    struct wire_bytes raw = wire_bytes(receipt->signed_->statement.data, receipt->signed_->statement.len);
    *in = (struct node_receipt){.link = mock->link, .frame_bytes = (uint32_t)bytes, .receipt = receipt};
    if (receipt->signed_->type == WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT) {
        Wire__ReceiptStatement *s = wire__receipt_statement__unpack(&arena->allocator, raw.size, raw.data);
        in->statement = s;
        in->batch = look_batch(mock, s->mechanism, s->lane, s->store_id, s->first, arena);
        in->stored = look_receipt(mock, s, arena);
        hear_verdicts(mock, in, arena);
    } else {
        Wire__ArrivedStatement *s = wire__arrived_statement__unpack(&arena->allocator, raw.size, raw.data);
        in->arrived = s;
        in->batch = look_batch(mock, s->mechanism, s->lane, s->store_id, s->first, arena);
        hear_arrivals(mock, in, arena);
    }
    step(mock, &event, arena);
}

static void look_up_envelope(struct mock *mock, struct node_deliver *in, size_t i, node_row_value *known,
                             node_row_value *named, node_row_value *asked, struct wire_arena *arena)
{
    const Wire__Header *header = in->header[i];
    const uint8_t *id = header != NULL ? header->id.data : in->leaf[i].bytes;
    struct node_key key = node_key_known(in->part->seal->origin, id);
    known[i] = look(mock, NODE_TABLE_KNOWN, &key, arena);
    if (header == NULL)
        return;
    if (header->n_references > 0) {
        key = node_key_known(header->origin, header->references[0]->id.data);
        named[i] = look(mock, NODE_TABLE_KNOWN, &key, arena);
    }
    if (header->in_reply_to != NULL && header->in_reply_to->origin == WORLD_REGION)
        asked[i] = look_state(mock, header->in_reply_to->id.data, arena);
}

static void speak_deliver(struct mock *mock, const Wire__Deliver *deliver, size_t bytes, struct wire_arena *arena)
{
    struct node_event event = world_event(mock->world, NODE_ON_DELIVER);
    struct node_deliver *in = &event.u.deliver;
    Wire__Part *part = wire__part__unpack(&arena->allocator, deliver->part.len, deliver->part.data);
    Wire__WitnessStatement witness;
    ENSURE(part != NULL);
    size_t count = part->n_envelope;
    Wire__Header **headers = wire_arena_take(arena, count * sizeof *headers);
    struct wire_digest *leaves = wire_arena_take(arena, count * sizeof *leaves);
    enum wire_status *statuses = wire_arena_take(arena, count * sizeof *statuses);
    node_row_value *looks = wire_arena_take(arena, 3 * count * sizeof *looks);
    wire__witness_statement__init(&witness);
    witness.ledger_id = bin(mock->ledger_id, WIRE_ID_BYTES);
    witness.generation = mock->generation;
    witness.root = part->seal->root;
    witness.admitted_ms = mock->world->wall_ms;
    witness.policy_digest = bin(mock->policy_digest, WIRE_HASH_BYTES);
    *in = (struct node_deliver){.link = mock->link,
                                .frame_bytes = (uint32_t)bytes,
                                .deliver = deliver,
                                .part = part,
                                .signer_region = part->seal->origin,
                                .header = (const Wire__Header *const *)headers,
                                .leaf = leaves,
                                .envelope_status = statuses,
                                .witness = &witness,
                                .known = looks,
                                .named = looks + count,
                                .asked = looks + 2 * count};
    for (size_t i = 0; i < count; i++) {
        const Wire__PartEnvelope *envelope = part->envelope[i];
        struct wire_bytes raw = wire_bytes(envelope->header.data, envelope->header.len);
        headers[i] = node_read_header(raw, arena);
        leaves[i] = wire_header_leaf(mock->world->options.hash, raw);
        statuses[i] = envelope->has_payload ? (enum wire_status)envelope->payload.data[0] : WIRE_ERASED;
        if (headers[i] == NULL)
            statuses[i] = WIRE_UNKNOWN_FIELD;
        look_up_envelope(mock, in, i, looks, looks + count, looks + 2 * count, arena);
    }
    step(mock, &event, arena);
}

static void speak_pulse(struct mock *mock, const Wire__Pulse *pulse, struct wire_arena *arena)
{
    struct node_event event = world_event(mock->world, NODE_ON_PULSE);
    bool good[MOCK_LANES];
    const Wire__CompletenessStatement *statements[MOCK_LANES];
    for (size_t i = 0; i < pulse->n_completeness; i++) {
        struct wire_bytes raw =
            wire_bytes(pulse->completeness[i]->statement.data, pulse->completeness[i]->statement.len);
        good[i] = true;
        statements[i] = wire__completeness_statement__unpack(&arena->allocator, raw.size, raw.data);
    }
    event.u.pulse =
        (struct node_pulse){.link = mock->link, .pulse = pulse, .completeness_good = good, .completeness = statements};
    step(mock, &event, arena);
}

static void speak(struct mock *mock, const Wire__Frame *frame, size_t bytes, struct wire_arena *arena)
{
    struct node_event event;
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_WELCOME:
        event = world_event(mock->world, NODE_ON_WELCOME);
        event.u.welcome = (struct node_welcome){.link = mock->link, .welcome = frame->welcome};
        step(mock, &event, arena);
        break;
    case WIRE__FRAME__BODY_RECEIPT:
        speak_receipt(mock, frame->receipt, bytes, arena);
        break;
    case WIRE__FRAME__BODY_DELIVER:
        speak_deliver(mock, frame->deliver, bytes, arena);
        break;
    case WIRE__FRAME__BODY_CREDIT:
        event = world_event(mock->world, NODE_ON_CREDIT);
        event.u.credit = (struct node_credit){.link = mock->link, .credit = frame->credit};
        step(mock, &event, arena);
        break;
    case WIRE__FRAME__BODY_PULSE:
        speak_pulse(mock, frame->pulse, arena);
        break;
    case WIRE__FRAME__BODY_BYE:
        event = world_event(mock->world, NODE_ON_BYE);
        event.u.bye = (struct node_bye){.link = mock->link, .bye = frame->bye};
        step(mock, &event, arena);
        break;
    default:
        ENSURE(false && "a broker does not send this");
    }
}

bool mock_speak(struct mock *mock)
{
    if (mock->say_count == 0 || !mock->world->connected[mock->link])
        return false;
    struct wire_bytes bytes = mock->say[0];
    mock->say_count--;
    memmove(mock->say, mock->say + 1, mock->say_count * sizeof bytes);
    struct wire_arena arena;
    wire_arena_over(&arena, mock->memory, MOCK_BUILD_BYTES);
    Wire__Frame *frame = wire__frame__unpack(&arena.allocator, bytes.size, bytes.data);
    ENSURE(frame != NULL);
    if (mock->bend != NULL)
        mock->bend(mock, frame, &arena);
    speak(mock, frame, bytes.size, &arena);
    free((void *)(uintptr_t)bytes.data);
    return true;
}
