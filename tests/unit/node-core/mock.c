#include "mock.h"
#include "mock_say.h"
#include "wire/credit.h"
#include "wire/ensure.h"
#include "wire/kind.h"

static ProtobufCBinaryData bin(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}

/* What an honest broker may expect of the node. */
#define DEMAND(condition) ENSURE(mock->bend != NULL || (condition))

void mock_init(struct mock *mock, struct world *world, uint8_t link)
{
    void *memory = malloc(MOCK_BUILD_BYTES);
    ENSURE(memory != NULL);
    mock_init_in(mock, world, link, memory);
    mock->owns_memory = true;
}

void mock_init_in(struct mock *mock, struct world *world, uint8_t link, void *memory)
{
    memset(mock, 0, offsetof(struct mock, stream));
    mock->world = world;
    mock->memory = memory;
    for (uint32_t i = 0; i < WIRE_RECIPIENTS_MAX; i++)
        mock->to[i] = 320000 + i;
    mock->link = link;
    mock->generation = 1;
    memset(mock->ledger_id, 0xb0 + link, sizeof mock->ledger_id);
}

static void free_bytes(struct wire_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static struct wire_bytes pack(const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *data = malloc(size + 1);
    ENSURE(data != NULL);
    protobuf_c_message_pack(message, data);
    return wire_bytes(data, size);
}

static void say(struct mock *mock, const Wire__Frame *frame)
{
    ENSURE(mock->say_count < MOCK_SAYS);
    mock->say[mock->say_count++] = pack(&frame->base);
}

static void say_bytes(struct mock *mock, struct wire_bytes frame)
{
    uint8_t *copy = malloc(frame.size + 1);
    ENSURE(copy != NULL && mock->say_count < MOCK_SAYS);
    memcpy(copy, frame.data, frame.size);
    mock->say[mock->say_count++] = wire_bytes(copy, frame.size);
}

static void end_session(struct mock *mock)
{
    mock->session = mock->live = false;
    for (size_t i = 0; i < mock->say_count; i++)
        free_bytes(mock->say[i]);
    mock->say_count = 0;
    memset(mock->submit_granted, 0, sizeof mock->submit_granted);
    memset(mock->submit_used, 0, sizeof mock->submit_used);
    memset(mock->deliver_granted, 0, sizeof mock->deliver_granted);
    memset(mock->deliver_used, 0, sizeof mock->deliver_used);
    memset(mock->wanted, 0, sizeof mock->wanted);
}

void mock_gone(struct mock *mock)
{
    end_session(mock);
}

void mock_lose(struct mock *mock)
{
    end_session(mock);
    if (mock->world->connected[mock->link])
        world_lost(mock->world, mock->link);
}

void mock_close(struct mock *mock)
{
    end_session(mock);
    for (size_t i = 0; i < mock->batch_count; i++)
        free_bytes(mock->batch[i].statement);
    for (size_t i = 0; i < mock->receipt_count; i++)
        free_bytes(mock->receipt[i].signed_);
    for (size_t i = 0; i < mock->part_count; i++)
        free_bytes(mock->part[i].frame);
    if (mock->owns_memory)
        free(mock->memory);
}

/* --- receipts -------------------------------------------------------------------------------------------------------
 */

static void signed_of(Wire__Signed *signed_, Wire__StatementType type, struct wire_bytes statement)
{
    static const uint8_t bytes[WIRE_HASH_BYTES] = {0x77};
    wire__signed__init(signed_);
    signed_->type = type;
    signed_->statement = bin(statement.data, statement.size);
    signed_->suite = 1;
    signed_->signer = bin(bytes, sizeof bytes);
    signed_->count = 1;
    signed_->signature = bin(bytes, sizeof bytes);
}

static void say_receipt(struct mock *mock, uint64_t number, Wire__Signed *signed_)
{
    Wire__Receipt receipt;
    Wire__Frame frame;
    wire__receipt__init(&receipt);
    wire__frame__init(&frame);
    receipt.number = number;
    receipt.signed_ = signed_;
    frame.body_case = WIRE__FRAME__BODY_RECEIPT;
    frame.receipt = &receipt;
    say(mock, &frame);
}

static void send_receipts(struct mock *mock)
{
    while (mock->session && mock->receipts_sent < mock->receipt_count) {
        struct wire_bytes bytes = mock->receipt[mock->receipts_sent++].signed_;
        Wire__Signed *signed_ = wire__signed__unpack(NULL, bytes.size, bytes.data);
        ENSURE(signed_ != NULL);
        say_receipt(mock, mock->receipts_sent, signed_);
        wire__signed__free_unpacked(signed_, NULL);
    }
}

static uint64_t queue_receipt(struct mock *mock, Wire__StatementType type, struct wire_bytes statement)
{
    Wire__Signed signed_;
    signed_of(&signed_, type, statement);
    ENSURE(mock->receipt_count < MOCK_BATCHES);
    mock->receipt[mock->receipt_count++].signed_ = pack(&signed_.base);
    send_receipts(mock);
    return mock->receipt_count;
}

/* --- SUBMIT ---------------------------------------------------------------------------------------------------------
 */

static struct mock_stream *stream_of(struct mock *mock, const Wire__BatchSeal *seal)
{
    for (size_t i = 0; i < mock->stream_count; i++) {
        struct mock_stream *stream = &mock->stream[i];
        if (stream->lane == seal->lane && strcmp(stream->mechanism, seal->mechanism) == 0 &&
            memcmp(stream->store_id, seal->store_id.data, WIRE_ID_BYTES) == 0)
            return stream;
    }
    ENSURE(mock->stream_count < MOCK_STREAMS);
    struct mock_stream *stream = &mock->stream[mock->stream_count++];
    *stream = (struct mock_stream){.head = 0};
    strcpy(stream->mechanism, seal->mechanism);
    stream->lane = seal->lane;
    memcpy(stream->store_id, seal->store_id.data, WIRE_ID_BYTES);
    return stream;
}

static struct mock_id *find_id(struct mock *mock, const uint8_t *id)
{
    for (size_t i = 0; i < mock->id_count; i++)
        if (memcmp(mock->id[i].id, id, WIRE_ID_BYTES) == 0)
            return &mock->id[i];
    return NULL;
}

const struct mock_id *mock_find_id(const struct mock *mock, const uint8_t *id)
{
    return find_id((struct mock *)(uintptr_t)mock, id);
}

static void judge(struct mock *mock, const Wire__Header *header, Wire__Verdict *verdict, Wire__Disposition *disposition)
{
    static uint32_t cc[] = {330000};
    struct mock_id *known = find_id(mock, header->id.data);
    wire__verdict__init(verdict);
    verdict->seq = header->seq;
    verdict->id = header->id;
    if (known != NULL) {
        verdict->code = WIRE__VERDICT_CODE__DUPLICATE;
        verdict->has_first_code = true;
        verdict->first_code = known->code;
        mock->duplicates++;
        return;
    }
    ENSURE(mock->id_count < MOCK_IDS);
    known = &mock->id[mock->id_count++];
    *known = (struct mock_id){.judged = 0};
    memcpy(known->id, header->id.data, WIRE_ID_BYTES);
    known->judged++;
    known->code = verdict->code = mock->verdict == 0 ? WIRE__VERDICT_CODE__ADMITTED : mock->verdict;
    if (verdict->code != WIRE__VERDICT_CODE__ADMITTED) {
        verdict->has_reason = true;
        verdict->reason = (uint32_t)mock->verdict_reason;
        return;
    }
    wire__disposition__init(disposition);
    disposition->rule = 1;
    disposition->rule_name = (char *)(uintptr_t) "bulletins";
    disposition->lane = header->lane;
    disposition->to = mock->to;
    disposition->n_to = mock->recipients == 0 ? 1 : mock->recipients;
    disposition->cc = cc;
    disposition->n_cc = mock->nobody_copied ? 0 : 1;
    disposition->keep_until = header->keep_until;
    verdict->disposition = disposition;
}

static void statement_of(struct mock *mock, const Wire__BatchSeal *seal, Wire__ReceiptOutcome outcome,
                         Wire__ReceiptStatement *statement)
{
    wire__receipt_statement__init(statement);
    statement->ledger_id = bin(mock->ledger_id, WIRE_ID_BYTES);
    statement->generation = mock->generation;
    statement->origin = WORLD_REGION;
    statement->mechanism = seal->mechanism;
    statement->lane = seal->lane;
    statement->store_id = seal->store_id;
    statement->outcome = outcome;
    statement->first = seal->first;
    statement->count = seal->count;
    statement->root = seal->root;
    statement->at_ms = mock->world->wall_ms;
    statement->has_policy_digest = true;
    statement->policy_digest = bin(mock->policy_digest, WIRE_HASH_BYTES);
    statement->ledger_serial = outcome == WIRE__RECEIPT_OUTCOME__JUDGED ? ++mock->ledger_serial : mock->ledger_serial;
}

static void answer_now(struct mock *mock, const Wire__ReceiptStatement *statement)
{
    Wire__Signed signed_;
    struct wire_bytes bytes = pack(&statement->base);
    signed_of(&signed_, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, bytes);
    say_receipt(mock, 0, &signed_);
    free_bytes(bytes);
}

static uint32_t judge_all(struct mock *mock, const Wire__Batch *batch, Wire__ReceiptStatement *statement,
                          Wire__Verdict *verdicts, Wire__Disposition *dispositions, Wire__Header **headers)
{
    uint32_t admitted = 0;
    statement->n_verdict = batch->n_envelope;
    for (size_t i = 0; i < batch->n_envelope; i++) {
        headers[i] = wire__header__unpack(NULL, batch->envelope[i]->header.len, batch->envelope[i]->header.data);
        ENSURE(headers[i] != NULL);
        DEMAND(headers[i]->seq == batch->seal->first + i);
        judge(mock, headers[i], &verdicts[i], &dispositions[i]);
        statement->verdict[i] = &verdicts[i];
        admitted += verdicts[i].code == WIRE__VERDICT_CODE__ADMITTED;
    }
    return admitted;
}

static void store_batch(struct mock *mock, struct mock_stream *stream, const Wire__Batch *batch)
{
    size_t count = batch->n_envelope;
    Wire__ReceiptStatement statement;
    Wire__Verdict *verdicts = calloc(count, sizeof *verdicts);
    Wire__Verdict **list = calloc(count, sizeof *list);
    Wire__Disposition *dispositions = calloc(count, sizeof *dispositions);
    Wire__Header **headers = calloc(count, sizeof *headers);
    ENSURE(verdicts != NULL && list != NULL && dispositions != NULL && headers != NULL);
    statement_of(mock, batch->seal, WIRE__RECEIPT_OUTCOME__JUDGED, &statement);
    statement.verdict = list;
    uint32_t admitted = judge_all(mock, batch, &statement, verdicts, dispositions, headers);
    ENSURE(mock->batch_count < MOCK_BATCHES);
    struct mock_batch *stored = &mock->batch[mock->batch_count++];
    *stored = (struct mock_batch){.stream = (size_t)(stream - mock->stream),
                                  .first = batch->seal->first,
                                  .count = batch->seal->count,
                                  .statement = pack(&statement.base),
                                  .arrivals_due = admitted > 0 ? 2 : 0};
    memcpy(stored->root, batch->seal->root.data, WIRE_HASH_BYTES);
    stream->head = batch->seal->first + batch->seal->count - 1;
    stored->number = queue_receipt(mock, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, stored->statement);
    for (size_t i = 0; i < count; i++)
        wire__header__free_unpacked(headers[i], NULL);
    free(verdicts);
    free(list);
    free(dispositions);
    free(headers);
}

/* Offered again after a loss, with its receipt: that verdict stays. */
static void take_held(struct mock *mock, struct mock_stream *stream, const Wire__Batch *batch, const Wire__Signed *held)
{
    Wire__ReceiptStatement *statement =
        wire__receipt_statement__unpack(NULL, held->statement.len, held->statement.data);
    ENSURE(statement != NULL);
    DEMAND(statement->first == batch->seal->first);
    for (size_t i = 0; i < statement->n_verdict; i++) {
        if (find_id(mock, statement->verdict[i]->id.data) != NULL)
            continue;
        struct mock_id *id = &mock->id[mock->id_count++];
        *id = (struct mock_id){.judged = 0};
        memcpy(id->id, statement->verdict[i]->id.data, WIRE_ID_BYTES);
        id->code = statement->verdict[i]->code;
        id->judged = 1;
    }
    struct mock_batch *stored = &mock->batch[mock->batch_count++];
    *stored = (struct mock_batch){.stream = (size_t)(stream - mock->stream),
                                  .first = batch->seal->first,
                                  .count = batch->seal->count,
                                  .statement = pack(&statement->base)};
    memcpy(stored->root, batch->seal->root.data, WIRE_HASH_BYTES);
    stream->head = batch->seal->first + batch->seal->count - 1;
    stored->number = queue_receipt(mock, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, stored->statement);
    wire__receipt_statement__free_unpacked(statement, NULL);
}

static const struct mock_batch *find_batch(const struct mock *mock, const struct mock_stream *stream, uint64_t first)
{
    for (size_t i = mock->batch_count; i-- > 0;)
        if (!mock->batch[i].lost && mock->batch[i].stream == (size_t)(stream - mock->stream) &&
            mock->batch[i].first == first)
            return &mock->batch[i];
    return NULL;
}

static void repeat(struct mock *mock, struct mock_stream *stream, const Wire__BatchSeal *seal)
{
    const struct mock_batch *stored = find_batch(mock, stream, seal->first);
    Wire__ReceiptStatement statement;
    mock->resent++;
    if (stored != NULL && memcmp(stored->root, seal->root.data, WIRE_HASH_BYTES) == 0) {
        Wire__Signed signed_;
        signed_of(&signed_, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, stored->statement);
        say_receipt(mock, 0, &signed_);
        return;
    }
    DEMAND(mock->rolled_back_allowed); /* sealed bytes never change */
    stream->frozen = true;
    mock->conflicts++;
    statement_of(mock, seal, WIRE__RECEIPT_OUTCOME__CONFLICT, &statement);
    answer_now(mock, &statement);
}

static void answer_as_told(struct mock *mock, const Wire__BatchSeal *seal, struct mock_stream *stream)
{
    Wire__ReceiptStatement statement;
    statement_of(mock, seal, mock->outcome, &statement);
    if (mock->outcome == WIRE__RECEIPT_OUTCOME__EXPECTED_FIRST)
        statement.first = mock->expects != 0 ? mock->expects : stream->head + 1;
    statement.has_reason = mock->outcome_reason != WIRE_OK;
    statement.reason = (uint32_t)mock->outcome_reason;
    mock->outcome = 0;
    if (statement.outcome == WIRE__RECEIPT_OUTCOME__EXPECTED_FIRST) {
        answer_now(mock, &statement);
        return;
    }
    struct wire_bytes bytes = pack(&statement.base);
    queue_receipt(mock, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, bytes);
    free_bytes(bytes);
}

static void return_credit(struct mock *mock, Wire__Lane lane)
{
    Wire__Frame frame;
    Wire__Credit credit;
    Wire__Grant grant, *list[] = {&grant};
    if (mock->no_credit_back)
        return;
    wire__frame__init(&frame);
    wire__credit__init(&credit);
    wire__grant__init(&grant);
    uint64_t offset = mock->submit_used[lane] + wire_credit_window(lane);
    if (offset <= mock->submit_granted[lane])
        return;
    mock->submit_granted[lane] = grant.offset = offset;
    grant.has_taken = true;
    grant.taken = mock->submit_used[lane];
    grant.lane = lane;
    credit.grant = list;
    credit.n_grant = 1;
    frame.body_case = WIRE__FRAME__BODY_CREDIT;
    frame.credit = &credit;
    say(mock, &frame);
}

static void hear_submit(struct mock *mock, const Wire__Submit *submit, size_t frame_bytes)
{
    Wire__Batch *batch = wire__batch__unpack(NULL, submit->batch.len, submit->batch.data);
    ENSURE(batch != NULL);
    DEMAND(mock->live);
    const Wire__BatchSeal *seal = batch->seal;
    struct mock_stream *stream = stream_of(mock, seal);
    uint64_t last = seal->first + seal->count - 1;
    mock->submits++;
    mock->submit_used[seal->lane] += frame_bytes;
    DEMAND(mock->submit_used[seal->lane] <= mock->submit_granted[seal->lane]);
    if (mock->outcome != 0) {
        answer_as_told(mock, seal, stream);
    } else if (stream->frozen || last <= stream->head) {
        repeat(mock, stream, seal);
    } else if (seal->first != stream->head + 1) {
        mock->outcome = WIRE__RECEIPT_OUTCOME__EXPECTED_FIRST;
        answer_as_told(mock, seal, stream);
    } else if (submit->held != NULL) {
        take_held(mock, stream, batch, submit->held);
    } else {
        store_batch(mock, stream, batch);
    }
    return_credit(mock, seal->lane);
    wire__batch__free_unpacked(batch, NULL);
}

/* --- arrivals of what the node sent ---------------------------------------------------------------------------------
 */

static void say_arrived(struct mock *mock, const struct mock_batch *batch, uint32_t recipient)
{
    const struct mock_stream *stream = &mock->stream[batch->stream];
    Wire__ReceiptStatement *judged =
        wire__receipt_statement__unpack(NULL, batch->statement.size, batch->statement.data);
    Wire__ArrivedStatement statement;
    ENSURE(judged != NULL);
    Wire__Arrival *arrivals = calloc(judged->n_verdict, sizeof *arrivals);
    Wire__Arrival **list = calloc(judged->n_verdict, sizeof *list);
    ENSURE(arrivals != NULL && list != NULL);
    wire__arrived_statement__init(&statement);
    statement.recipient = recipient;
    statement.origin = WORLD_REGION;
    statement.mechanism = (char *)(uintptr_t)stream->mechanism;
    statement.lane = stream->lane;
    statement.store_id = bin(stream->store_id, WIRE_ID_BYTES);
    statement.root = bin(batch->root, WIRE_HASH_BYTES);
    statement.first = batch->first;
    statement.at_ms = mock->world->wall_ms;
    statement.arrival = list;
    for (size_t i = 0; i < judged->n_verdict; i++) {
        if (judged->verdict[i]->code != WIRE__VERDICT_CODE__ADMITTED)
            continue;
        Wire__Arrival *arrival = &arrivals[i];
        wire__arrival__init(arrival);
        arrival->index = (uint32_t)i;
        arrival->code = WIRE__VERDICT_CODE__ARRIVED;
        list[statement.n_arrival++] = arrival;
    }
    struct wire_bytes bytes = pack(&statement.base);
    queue_receipt(mock, WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT, bytes);
    free_bytes(bytes);
    free(arrivals);
    free(list);
    wire__receipt_statement__free_unpacked(judged, NULL);
}

bool mock_arrive(struct mock *mock)
{
    for (size_t i = 0; i < mock->batch_count; i++) {
        struct mock_batch *batch = &mock->batch[i];
        if (batch->lost || batch->arrivals_due == 0)
            continue;
        say_arrived(mock, batch, batch->arrivals_due == 2 ? 320000 : 330000);
        batch->arrivals_due--;
        mock->arrivals++;
        return true;
    }
    return false;
}

/* --- HELLO, PULSE, CREDIT -------------------------------------------------------------------------------------------
 */

static uint64_t token_random(const Wire__LineageToken *token)
{
    return wire_get_u64(token->random.data);
}

static bool is_fork(const struct mock *mock, const Wire__Hello *hello)
{
    if (!mock->known)
        return false;
    if (hello->token == NULL)
        return true;
    if (hello->token->serial == mock->confirmed[0] && token_random(hello->token) == mock->confirmed[1])
        return false;
    return hello->token->serial != mock->offered[0] || token_random(hello->token) != mock->offered[1];
}

static void rewind_receipts(struct mock *mock, const Wire__Hello *hello)
{
    /* What was taken is gone from the queue, also for an older copy of the store. */
    if (hello->receipts_taken > mock->receipts_taken)
        mock->receipts_taken = hello->receipts_taken;
    DEMAND(mock->receipts_taken <= mock->receipt_count);
    if (mock->receipts_taken > mock->receipt_count)
        mock->receipts_taken = mock->receipt_count;
    mock->receipts_sent = mock->receipts_taken;
}

static void rewind_parts(struct mock *mock, const Wire__Hello *hello)
{
    mock->part_sent = 0;
    for (size_t i = 0; i < mock->part_count; i++)
        mock->part[i].arrived = mock->part[i].lost;
    for (size_t i = 0; i < hello->n_cursor; i++) {
        const Wire__Cursor *cursor = hello->cursor[i];
        for (size_t j = 0; j < mock->part_count; j++)
            if (mock->part[j].lane == cursor->lane && strcmp(mock->part[j].mechanism, cursor->mechanism) == 0 &&
                mock->part[j].number <= cursor->number)
                mock->part[j].arrived = true;
    }
}

static void hear_hello(struct mock *mock, const Wire__Hello *hello)
{
    struct mock_welcome welcome = {.standing = mock->standing};
    end_session(mock);
    if (welcome.standing == WIRE__STANDING__NORMAL && is_fork(mock, hello))
        welcome.standing = WIRE__STANDING__FORK;
    mock->standing = WIRE__STANDING__NORMAL;
    mock->session = true;
    for (size_t i = 0; i < hello->n_grant; i++)
        mock->deliver_granted[hello->grant[i]->lane] = hello->grant[i]->offset;
    rewind_receipts(mock, hello);
    rewind_parts(mock, hello);
    mock->offered[0] = ++mock->serial;
    mock->offered[1] = world_random(mock->world);
    for (size_t lane = 0; lane < WIRE_LANES; lane++)
        mock->submit_granted[lane] = wire_credit_window((uint32_t)lane);
    memcpy(welcome.nonce, hello->nonce.data, WIRE_ID_BYTES);
    mock_say_welcome(mock, &welcome);
    send_receipts(mock);
}

static void hear_pulse(struct mock *mock, const Wire__Pulse *pulse)
{
    if (pulse->confirmed != NULL && pulse->confirmed->serial == mock->offered[0] &&
        token_random(pulse->confirmed) == mock->offered[1]) {
        memcpy(mock->confirmed, mock->offered, sizeof mock->confirmed);
        mock->known = mock->live = true;
        mock_send_parts(mock);
    }
    if (pulse->has_receipts_taken && pulse->receipts_taken > mock->receipts_taken)
        mock->receipts_taken = pulse->receipts_taken;
}

static void hear_credit(struct mock *mock, const Wire__Credit *credit)
{
    for (size_t i = 0; i < credit->n_grant; i++) {
        DEMAND(credit->grant[i]->offset >= mock->deliver_granted[credit->grant[i]->lane]);
        mock->deliver_granted[credit->grant[i]->lane] = credit->grant[i]->offset;
        mock->wanted[credit->grant[i]->lane] = false;
    }
    if (credit->has_receipts_taken && credit->receipts_taken > mock->receipts_taken)
        mock->receipts_taken = credit->receipts_taken;
    if (credit->has_wanted)
        mock_say_grant(mock, credit->wanted_lane, mock->submit_used[credit->wanted_lane] + credit->wanted);
    mock_send_parts(mock);
}

static void hear_arrived(struct mock *mock, const Wire__ArrivedPart *arrived)
{
    for (size_t i = 0; i < mock->part_count; i++) {
        struct mock_part *part = &mock->part[i];
        if (part->number != arrived->number || part->lane != arrived->lane ||
            strcmp(part->mechanism, arrived->mechanism) != 0)
            continue;
        struct node_key key =
            node_key_lane(mock->world->options.link[mock->link].name, arrived->mechanism, arrived->lane);
        DEMAND(rows_get(&mock->world->durable, NODE_TABLE_CURSOR, node_key_bytes(&key)).data != NULL);
        part->arrived = true;
    }
}

bool mock_hear(struct mock *mock)
{
    Wire__Frame *frame = world_take_frame(mock->world, mock->link);
    if (frame == NULL)
        return false;
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_HELLO:
        hear_hello(mock, frame->hello);
        break;
    case WIRE__FRAME__BODY_SUBMIT:
        hear_submit(mock, frame->submit, wire__frame__get_packed_size(frame));
        break;
    case WIRE__FRAME__BODY_PULSE:
        hear_pulse(mock, frame->pulse);
        break;
    case WIRE__FRAME__BODY_CREDIT:
        hear_credit(mock, frame->credit);
        break;
    case WIRE__FRAME__BODY_ARRIVED:
        for (size_t i = 0; i < frame->arrived->n_part; i++)
            hear_arrived(mock, frame->arrived->part[i]);
        break;
    default:
        ENSURE(false && "a node does not send this");
    }
    world_free_frame(frame);
    return true;
}

/* --- DELIVER --------------------------------------------------------------------------------------------------------
 */

void mock_send_parts(struct mock *mock)
{
    bool blocked[WIRE_LANES] = {false};
    if (!mock->live)
        return;
    for (size_t i = 0; i < mock->part_count; i++) {
        struct mock_part *part = &mock->part[i];
        if (part->arrived || blocked[part->lane] || i < mock->part_sent)
            continue;
        if (!mock->overruns && mock->deliver_used[part->lane] + part->frame.size > mock->deliver_granted[part->lane]) {
            blocked[part->lane] = true;
            if (!mock->wanted[part->lane])
                mock_say_wanted(mock, part->lane, part->frame.size);
            mock->wanted[part->lane] = true;
            return; /* parts of one session are sent in the order of this list */
        }
        mock->deliver_used[part->lane] += part->frame.size;
        mock->part_sent = i + 1;
        mock->delivered++;
        say_bytes(mock, part->frame);
    }
}

/* The oldest that has not arrived. */
static struct mock_part *next_part(struct mock *mock)
{
    for (size_t i = 0; i < mock->part_count; i++)
        if (!mock->part[i].arrived)
            return &mock->part[i];
    ENSURE(false && "there is no such part");
    return NULL;
}

void mock_skip(struct mock *mock)
{
    struct mock_part *part = next_part(mock);
    part->arrived = part->lost = true;
}

void mock_mangle(struct mock *mock)
{
    struct mock_part *part = next_part(mock);
    Wire__Frame *frame = wire__frame__unpack(NULL, part->frame.size, part->frame.data);
    ENSURE(frame != NULL);
    frame->deliver->chain.data[0] ^= 0xff;
    free_bytes(part->frame);
    part->frame = pack(&frame->base);
    wire__frame__free_unpacked(frame, NULL);
}

void mock_forge(struct mock *mock)
{
    ENSURE(mock->part_count > 0);
    mock->part[mock->part_count - 1].chain.bytes[0] ^= 0xff;
}

void mock_overrun(struct mock *mock)
{
    mock->overruns = true;
}

void mock_hush(struct mock *mock)
{
    mock->says_no_more = true;
}

void mock_repeat(struct mock *mock)
{
    Wire__Signed signed_;
    ENSURE(mock->batch_count > 0);
    signed_of(&signed_, WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT, mock->batch[mock->batch_count - 1].statement);
    say_receipt(mock, 0, &signed_);
}

void mock_deliver(struct mock *mock, const char *mechanism, Wire__Lane lane, const struct mock_envelope *envelopes,
                  size_t count)
{
    struct mock_part *part = &mock->part[mock->part_count];
    ENSURE(mock->part_count < MOCK_PARTS);
    *part = (struct mock_part){.lane = lane, .number = 1};
    strcpy(part->mechanism, mechanism);
    for (size_t i = 0; i < mock->part_count; i++) {
        if (mock->part[i].lane != lane || strcmp(mock->part[i].mechanism, mechanism) != 0)
            continue;
        part->number = mock->part[i].number + 1;
        part->chain = mock->part[i].chain;
    }
    mock_make_part(mock, part, envelopes, count);
    mock->part_count++;
    mock_send_parts(mock);
}

/* --- the rest -------------------------------------------------------------------------------------------------------
 */

void mock_lose_ledger(struct mock *mock, size_t batches)
{
    mock_lose(mock);
    for (size_t i = batches; i < mock->batch_count; i++)
        mock->batch[i].lost = true;
    for (size_t i = 0; i < mock->stream_count; i++) {
        mock->stream[i].head = 0;
        for (size_t j = 0; j < batches; j++)
            if (mock->batch[j].stream == i && !mock->batch[j].lost)
                mock->stream[i].head = mock->batch[j].first + mock->batch[j].count - 1;
    }
    mock->id_count = 0; /* and what it had judged */
    mock->generation++;
}

void mock_settle(struct mock *mock)
{
    for (size_t i = 0; i < 100000; i++) {
        bool moved = mock_hear(mock);
        moved = mock_speak(mock) || moved;
        world_settle(mock->world);
        if (!moved && mock->world->sent_count == 0)
            return;
    }
    ENSURE(false && "node and broker never come to rest");
}
