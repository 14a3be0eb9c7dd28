#include "broker/ledger/ledger.h"

#include "wire/canary.h"
#include "wire/codec.h"

static struct wire_bytes key_bytes(const struct broker_key *key)
{
    return wire_bytes(key->data, key->size);
}

/* One row of a fixed layout; found false without an error when there is none. */
static enum wire_status get(struct ledger *ledger, uint8_t table, struct broker_key key, bool *found)
{
    enum wire_status status = keep_get(ledger->keep, table, key_bytes(&key), &ledger->value);
    *found = status == WIRE_OK;
    return status == WIRE_NOT_FOUND ? WIRE_OK : status;
}

static struct wire_bytes value_of(const struct ledger *ledger)
{
    return wire_bytes(ledger->value.data, ledger->value.size);
}

static enum wire_status receipt_statement(struct ledger *ledger, uint32_t origin, uint64_t number,
                                          struct wire_arena *arena, struct wire_bytes *statement)
{
    enum wire_status status;
    struct broker_key key = broker_key_receipt(origin, number);
    struct wire_bytes row = ledger_row(ledger, BROKER_RECEIPT, key_bytes(&key), arena, &status);
    if (row.data == NULL)
        return status == WIRE_NOT_FOUND ? WIRE_DAMAGED : status;
    Wire__LedgerReceipt *receipt =
        (Wire__LedgerReceipt *)wire_decode(&wire__ledger_receipt__descriptor, row, WIRE_STRICT_NONE, arena, &status);
    if (receipt == NULL || !receipt->has_statement)
        return status == WIRE_OVER_BUDGET ? status : WIRE_DAMAGED;
    *statement = wire_bytes(receipt->statement.data, receipt->statement.len);
    return WIRE_OK;
}

static enum wire_status look_stream(struct ledger *ledger, const struct broker_stream *stream,
                                    struct broker_submit *event, struct wire_arena *arena)
{
    bool found;
    enum wire_status status = get(ledger, BROKER_STREAM, broker_key_stream(stream), &found);
    if (status != WIRE_OK)
        return status;
    if (found && !broker_get_stream(value_of(ledger), &event->stream))
        return WIRE_DAMAGED;
    status = get(ledger, BROKER_STREAM_BATCH, broker_key_stream_batch(stream, event->batch->seal->first), &found);
    if (status != WIRE_OK || !found)
        return status;
    struct broker_stream_batch_row row;
    if (!broker_get_stream_batch(value_of(ledger), &row))
        return WIRE_DAMAGED;
    struct broker_stored *stored = wire_arena_take(arena, sizeof(*stored));
    if (stored == NULL)
        return WIRE_NO_MEMORY;
    *stored = (struct broker_stored){.serial = row.serial, .count = row.count, .root = row.root};
    event->stored = stored;
    return receipt_statement(ledger, stream->origin, row.receipt_number, arena, &stored->statement);
}

/* Where the envelope (origin, id) was judged; false without an error: it was not, or was not admitted. */
static enum wire_status find(struct ledger *ledger, uint32_t origin, ProtobufCBinaryData id,
                             struct broker_envelope_row *row, bool *admitted)
{
    bool found = false;
    *admitted = false;
    if (id.len != WIRE_ID_BYTES)
        return WIRE_OK;
    enum wire_status status = get(ledger, BROKER_ENVELOPE, broker_key_envelope(origin, id.data), &found);
    if (status != WIRE_OK || !found)
        return status;
    if (!broker_get_envelope(value_of(ledger), row))
        return WIRE_DAMAGED;
    *admitted = row->code == WIRE__VERDICT_CODE__ADMITTED;
    return WIRE_OK;
}

/* What one SUBMIT's look-ups share. */
struct looking {
    struct ledger *ledger;
    struct wire_arena *arena;        /* what stays */
    struct broker_duty_look *duties; /* BROKER_DUTIES_MAX; NULL: none was asked for yet */
    size_t duty_count;
    struct owing { /* whose rows stand in `duties` already */
        uint64_t serial;
        uint32_t recipient; /* 0: everybody's */
        size_t from, count;
    } * owing; /* one an envelope at most */
    size_t owing_count;
};

struct duties {
    struct broker_duty_look *list;
    size_t count, max;
    bool damaged;
};

static bool duty_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct duties *duties = context;
    struct broker_duty_look *look = &duties->list[duties->count];
    if (!broker_duty_of_key(key, &look->duty) || !broker_get_i64(value, &look->next_ms) || look->next_ms < 0) {
        duties->damaged = true;
        return false;
    }
    return ++duties->count < duties->max;
}

static enum wire_status read_obligation(struct looking *looking, struct broker_duty_look *look)
{
    bool found;
    struct broker_obligation_row *row = wire_arena_take(looking->arena, sizeof(*row));
    if (row == NULL)
        return WIRE_NO_MEMORY;
    look->row = row;
    enum wire_status status =
        get(looking->ledger, BROKER_OBLIGATION, broker_key_obligation(look->next_ms, &look->duty), &found);
    if (status != WIRE_OK)
        return status;
    return found && broker_get_obligation(value_of(looking->ledger), row) ? WIRE_OK : WIRE_DAMAGED;
}

/* The rows with this prefix, as far as one SUBMIT may change that many. */
static enum wire_status read_duties(struct looking *looking, struct broker_key prefix, struct owing *out)
{
    struct duties duties = {.list = looking->duties + looking->duty_count,
                            .max = BROKER_DUTIES_MAX - looking->duty_count};
    if (duties.max == 0)
        return WIRE_OK;
    struct keep_range range = {.table = BROKER_OBLIGATION_OF, .prefix = key_bytes(&prefix)};
    enum wire_status status = keep_scan(looking->ledger->keep, &range, duty_visit, &duties, NULL);
    if (status == WIRE_OK && duties.damaged)
        status = WIRE_DAMAGED;
    for (size_t i = 0; i < duties.count && status == WIRE_OK; i++)
        status = read_obligation(looking, &duties.list[i]);
    out->from = looking->duty_count;
    out->count = duties.count;
    looking->duty_count += duties.count;
    return status;
}

static struct owing *known_owing(struct looking *looking, uint64_t serial, uint32_t recipient)
{
    for (size_t i = looking->owing_count; i-- > 0;) { /* answers to one batch stand together */
        if (looking->owing[i].serial == serial && looking->owing[i].recipient == recipient)
            return &looking->owing[i];
    }
    return NULL;
}

/* What `recipient` (0: anybody) owes about the batch; each row is read once a SUBMIT. */
static enum wire_status look_duties(struct looking *looking, uint64_t serial, uint32_t recipient,
                                    struct broker_envelope_look *look)
{
    if (looking->duties == NULL) {
        looking->duties = wire_arena_take(looking->arena, BROKER_DUTIES_MAX * sizeof(*looking->duties));
        looking->owing = wire_arena_take(looking->arena, WIRE_BATCH_ENVELOPES_MAX * sizeof(*looking->owing));
    }
    if (looking->duties == NULL || looking->owing == NULL)
        return WIRE_NO_MEMORY;
    struct owing *owing = known_owing(looking, serial, recipient);
    if (owing == NULL) {
        owing = &looking->owing[looking->owing_count++];
        *owing = (struct owing){.serial = serial, .recipient = recipient};
        enum wire_status status = read_duties(
            looking, recipient == 0 ? broker_key_duties_of(serial) : broker_key_duties_by(serial, recipient), owing);
        if (status != WIRE_OK)
            return status;
    }
    look->duties = looking->duties + owing->from;
    look->duty_count = owing->count;
    return WIRE_OK;
}

/* A batch is large and what is needed of it is small: it is decoded, asked and given back. */
static enum wire_status ask_parent(struct looking *looking, const struct broker_envelope_row *row, uint32_t asker,
                                   struct rules_parent *out, char mechanism[WIRE_MECHANISM_BYTES_MAX + 1])
{
    enum wire_status status;
    size_t mark = wire_arena_mark(looking->arena);
    Wire__LedgerBatch *batch = ledger_batch(looking->ledger, row->serial, looking->arena, &status);
    if (batch != NULL && (!broker_parent_of(batch, row->index, asker, looking->arena, out) ||
                          strlen(out->mechanism) > WIRE_MECHANISM_BYTES_MAX))
        status = looking->arena->exhausted ? WIRE_NO_MEMORY : WIRE_DAMAGED;
    if (status == WIRE_OK)
        strcpy(mechanism, out->mechanism);
    wire_arena_back(looking->arena, mark);
    return status == WIRE_NOT_FOUND ? WIRE_DAMAGED : status;
}

static enum wire_status look_parent(struct looking *looking, const Wire__Header *header,
                                    struct broker_envelope_look *look)
{
    const Wire__Reference *to = header->in_reply_to;
    struct broker_envelope_row row;
    bool admitted;
    enum wire_status status = find(looking->ledger, to->origin, to->id, &row, &admitted);
    if (status != WIRE_OK || !admitted)
        return status;
    struct rules_parent answer;
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    status = ask_parent(looking, &row, header->origin, &answer, mechanism);
    if (status != WIRE_OK || !answer.found)
        return status;
    struct rules_parent *parent = wire_arena_copy(looking->arena, &answer, sizeof(answer));
    if (parent == NULL)
        return WIRE_NO_MEMORY;
    parent->mechanism = wire_arena_text(looking->arena, mechanism, strlen(mechanism));
    if (parent->mechanism == NULL)
        return WIRE_NO_MEMORY;
    look->parent = parent;
    look->named_serial = row.serial;
    look->named_index = row.index;
    if (header->action == WIRE__ACTION__CANCEL) /* ends what is owed about what it cancels */
        return WIRE_OK;
    return look_duties(looking, row.serial, CANARY(ANSWER_FOR_ALL) ? 0 : header->origin, look);
}

/* As much of a rules_original as points elsewhere. */
struct original {
    struct rules_original answer;
    char mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    uint32_t to[WIRE_RECIPIENTS_MAX], cc[WIRE_RECIPIENTS_MAX];
};

static bool copy_regions(uint32_t to[WIRE_RECIPIENTS_MAX], const uint32_t *from, size_t count)
{
    if (count > WIRE_RECIPIENTS_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        to[i] = from[i];
    return true;
}

static bool copy_original(struct original *out)
{
    const struct rules_original *from = &out->answer;
    if (strlen(from->mechanism) > WIRE_MECHANISM_BYTES_MAX)
        return false;
    strcpy(out->mechanism, from->mechanism);
    return copy_regions(out->to, from->to, from->to_count) && copy_regions(out->cc, from->cc, from->cc_count);
}

static enum wire_status ask_original(struct looking *looking, const struct broker_envelope_row *row,
                                     struct original *out)
{
    enum wire_status status;
    size_t mark = wire_arena_mark(looking->arena);
    Wire__LedgerBatch *batch = ledger_batch(looking->ledger, row->serial, looking->arena, &status);
    if (batch != NULL && (!broker_original_of(batch, row->index, looking->arena, &out->answer) || !copy_original(out)))
        status = looking->arena->exhausted ? WIRE_NO_MEMORY : WIRE_DAMAGED;
    wire_arena_back(looking->arena, mark);
    return status == WIRE_NOT_FOUND ? WIRE_DAMAGED : status;
}

static const struct rules_original *keep_original(struct wire_arena *arena, const struct original *from)
{
    struct rules_original *kept = wire_arena_copy(arena, &from->answer, sizeof(from->answer));
    if (kept == NULL)
        return NULL;
    kept->mechanism = wire_arena_text(arena, from->mechanism, strlen(from->mechanism));
    kept->to = wire_arena_copy(arena, from->to, kept->to_count * sizeof(*kept->to));
    kept->cc = wire_arena_copy(arena, from->cc, kept->cc_count * sizeof(*kept->cc));
    return kept->mechanism == NULL || kept->to == NULL || kept->cc == NULL ? NULL : kept;
}

static enum wire_status look_original(struct looking *looking, const Wire__Header *header,
                                      struct broker_envelope_look *look)
{
    const Wire__Reference *to = header->references[0];
    struct broker_envelope_row row;
    bool admitted;
    enum wire_status status = find(looking->ledger, to->origin, to->id, &row, &admitted);
    if (status != WIRE_OK || !admitted)
        return status;
    struct original original;
    status = ask_original(looking, &row, &original);
    if (status != WIRE_OK || !original.answer.found)
        return status;
    look->original = keep_original(looking->arena, &original);
    if (look->original == NULL)
        return WIRE_NO_MEMORY;
    if (look->named_serial == 0 || header->action == WIRE__ACTION__CANCEL) {
        look->named_serial = row.serial;
        look->named_index = row.index;
    }
    if (header->action != WIRE__ACTION__CANCEL)
        return WIRE_OK;
    return look_duties(looking, row.serial, 0, look);
}

static enum wire_status look_envelope(struct looking *looking, const Wire__Header *header,
                                      struct broker_envelope_look *look)
{
    struct ledger *ledger = looking->ledger;
    enum wire_status status =
        get(ledger, BROKER_ENVELOPE, broker_key_envelope(header->origin, header->id.data), &look->known);
    if (status != WIRE_OK)
        return status;
    if (look->known && !broker_get_envelope(value_of(ledger), &look->first))
        return WIRE_DAMAGED;
    if (header->in_reply_to != NULL) {
        status = look_parent(looking, header, look);
        if (status != WIRE_OK)
            return status;
    }
    if (header->action != WIRE__ACTION__ISSUE && header->n_references > 0)
        status = look_original(looking, header, look);
    return status;
}

/* The highest serial known of each day that occurs in the batch. Days beyond BROKER_NUMBERS_MAX are left out: their
 * numbers are then not noted, which costs a person a number that stands twice, and nothing else. */
static enum wire_status look_numbers(struct ledger *ledger, struct broker_submit *event, struct wire_arena *arena)
{
    Wire__NumberHead *numbers = wire_arena_take(arena, BROKER_NUMBERS_MAX * sizeof(*numbers));
    if (numbers == NULL)
        return WIRE_NO_MEMORY;
    event->numbers = numbers;
    for (size_t i = 0; i < event->batch->n_envelope; i++) {
        uint32_t date = event->headers[i]->number_date;
        size_t at = 0;
        while (at < event->number_count && numbers[at].date != date)
            at++;
        if (at < event->number_count || at == BROKER_NUMBERS_MAX)
            continue;
        wire__number_head__init(&numbers[at]);
        numbers[at].date = date;
        bool found;
        enum wire_status status =
            get(ledger, BROKER_NUMBER, broker_key_number(event->batch->seal->origin, date), &found);
        if (status != WIRE_OK)
            return status;
        if (found && !broker_get_u32(value_of(ledger), &numbers[at].serial))
            return WIRE_DAMAGED;
        event->number_count++;
    }
    return WIRE_OK;
}

enum wire_status ledger_look_submit(struct ledger *ledger, struct broker_submit *event, struct wire_arena *arena)
{
    const Wire__BatchSeal *seal = event->batch->seal;
    struct broker_stream stream = {.origin = seal->origin,
                                   .mechanism = wire_bytes(seal->mechanism, strlen(seal->mechanism)),
                                   .lane = (uint32_t)seal->lane,
                                   .store_id = seal->store_id.data};
    if (stream.mechanism.size == 0 || stream.mechanism.size > WIRE_MECHANISM_BYTES_MAX ||
        seal->store_id.len != WIRE_ID_BYTES)
        return WIRE_OK; /* no such stream can exist; `failed` says so */
    enum wire_status status = look_stream(ledger, &stream, event, arena);
    if (status != WIRE_OK || event->failed != WIRE_OK || seal->first != event->stream.head + 1)
        return status;
    size_t count = event->batch->n_envelope;
    struct broker_envelope_look *looks = wire_arena_take(arena, count * sizeof(*looks));
    if (looks == NULL)
        return WIRE_NO_MEMORY;
    struct looking looking = {.ledger = ledger, .arena = arena};
    for (size_t i = 0; i < count && status == WIRE_OK; i++)
        status = look_envelope(&looking, event->headers[i], &looks[i]);
    event->looks = looks;
    event->duties = looking.duties;
    event->duty_count = looking.duty_count;
    return status == WIRE_OK ? look_numbers(ledger, event, arena) : status;
}

struct answered {
    struct broker_answered *list;
    size_t count, max;
    bool damaged;
};

static bool answered_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    (void)value;
    struct answered *answered = context;
    struct broker_answered *one = &answered->list[answered->count];
    answered->damaged = !broker_answered_of_key(key, &one->index, &one->duty);
    return !answered->damaged && ++answered->count < answered->max;
}

/* What was answered, or cancelled, before the part it belongs to arrived. */
static enum wire_status look_answered(struct ledger *ledger, uint64_t serial, uint32_t recipient,
                                      struct broker_arrived *event, struct wire_arena *arena)
{
    struct answered answered = {.max = WIRE_BATCH_ENVELOPES_MAX * 8};
    answered.list = wire_arena_take(arena, answered.max * sizeof(*answered.list));
    if (answered.list == NULL)
        return WIRE_NO_MEMORY;
    const uint32_t whom[2] = {recipient, 0};
    for (size_t i = 0; i < 2 && answered.count < answered.max; i++) {
        struct broker_key prefix = broker_key_answered_by(serial, whom[i]);
        struct keep_range range = {.table = BROKER_ANSWERED, .prefix = key_bytes(&prefix)};
        enum wire_status status = keep_scan(ledger->keep, &range, answered_visit, &answered, NULL);
        if (status != WIRE_OK || answered.damaged)
            return status != WIRE_OK ? status : WIRE_DAMAGED;
    }
    event->answered = answered.list;
    event->answered_count = answered.count;
    return WIRE_OK;
}

enum wire_status ledger_look_arrived(struct ledger *ledger, uint32_t region, struct broker_arrived *event,
                                     struct wire_arena *arena)
{
    const Wire__ArrivedPart *part = event->part;
    struct broker_queue_name queue = {.recipient = region,
                                      .mechanism = wire_bytes(part->mechanism, strlen(part->mechanism)),
                                      .lane = (uint32_t)part->lane};
    if (queue.mechanism.size == 0 || queue.mechanism.size > WIRE_MECHANISM_BYTES_MAX)
        return WIRE_OK;
    bool found;
    enum wire_status status = get(ledger, BROKER_QUEUE, broker_key_queue_row(&queue, part->number), &found);
    if (status != WIRE_OK || !found)
        return status;
    struct broker_queue_row *row = wire_arena_take(arena, sizeof(*row));
    if (row == NULL)
        return WIRE_NO_MEMORY;
    if (!broker_get_queue(value_of(ledger), row))
        return WIRE_DAMAGED;
    event->row = row;
    event->batch = ledger_batch(ledger, row->serial, arena, &status);
    if (event->batch == NULL)
        return status == WIRE_NOT_FOUND ? WIRE_DAMAGED : status;
    status = get(ledger, BROKER_ARRIVAL, broker_key_arrival(row->serial, region, part->number), &event->known);
    return status == WIRE_OK ? look_answered(ledger, row->serial, region, event, arena) : status;
}
