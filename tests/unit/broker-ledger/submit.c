/* What the ledger says of a batch that comes: where its stream stands, and what its envelopes speak of. */
#include "rows.h"
#include "wire/limits.h"

static struct rows rows;
static uint8_t store[WIRE_ID_BYTES] = {1};
static uint32_t given_to[WIRE_RECIPIENTS_MAX];

static Wire__BatchSeal seal;
static Wire__Batch batch;
static Wire__Header header[WIRE_BATCH_ENVELOPES_MAX], *headers[WIRE_BATCH_ENVELOPES_MAX];
static Wire__Reference named[WIRE_BATCH_ENVELOPES_MAX], *list[WIRE_BATCH_ENVELOPES_MAX];
static uint8_t ids[WIRE_BATCH_ENVELOPES_MAX][WIRE_ID_BYTES], named_ids[WIRE_BATCH_ENVELOPES_MAX][WIRE_ID_BYTES];

static void setup(void)
{
    rows_open(&rows);
    for (uint32_t i = 0; i < WIRE_RECIPIENTS_MAX; i++)
        given_to[i] = 330000 + i;
}

static void teardown(void)
{
    rows_close(&rows);
}

TestSuite(submit, .init = setup, .fini = teardown);

static struct rows_batch plan(uint64_t serial, uint64_t first, uint32_t count, uint32_t id_from, size_t recipients)
{
    return (struct rows_batch){.store_id = store,
                               .serial = serial,
                               .first = first,
                               .count = count,
                               .id_from = id_from,
                               .to = given_to,
                               .to_count = recipients};
}

/* A batch of `origin` whose envelopes have ids from 9000 on. */
static struct broker_submit coming(uint32_t origin, uint64_t first, uint32_t count)
{
    wire__batch__init(&batch);
    wire__batch_seal__init(&seal);
    seal.origin = origin;
    seal.mechanism = (char *)"yangtze-delta";
    seal.lane = WIRE__LANE__ROUTINE;
    seal.store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, store};
    seal.first = first;
    seal.count = count;
    batch.seal = &seal;
    batch.n_envelope = count;
    for (uint32_t i = 0; i < count; i++) {
        wire__header__init(&header[i]);
        rows_id(ids[i], 9000 + i);
        header[i].origin = origin;
        header[i].id = (ProtobufCBinaryData){WIRE_ID_BYTES, ids[i]};
        header[i].number_date = 20200207;
        headers[i] = &header[i];
    }
    return (struct broker_submit){.peer = 1, .batch = &batch, .headers = headers};
}

/* Envelope i names rows_id(id) of 310000. */
static void names(uint32_t i, uint32_t id, Wire__Action action)
{
    wire__reference__init(&named[i]);
    rows_id(named_ids[i], id);
    named[i].origin = 310000;
    named[i].id = (ProtobufCBinaryData){WIRE_ID_BYTES, named_ids[i]};
    list[i] = &named[i];
    header[i].action = action;
    if (action == WIRE__ACTION__ISSUE) {
        header[i].in_reply_to = &named[i];
    } else {
        header[i].references = &list[i];
        header[i].n_references = 1;
    }
}

static void look(struct broker_submit *event)
{
    wire_arena_reset(&rows.look);
    cr_assert_eq(ledger_look_submit(&rows.ledger, event, &rows.look), WIRE_OK);
}

Test(submit, a_new_stream_begins_at_nothing)
{
    struct broker_submit event = coming(310000, 1, 2);
    look(&event);
    cr_expect_eq(event.stream.head, 0);
    cr_expect_null(event.stored);
    cr_assert_not_null(event.looks);
    cr_expect_not(event.looks[1].known);
    cr_expect_null(event.looks[1].parent);
    cr_assert_eq(event.number_count, 1);
    cr_expect_eq(event.numbers[0].serial, 0);
}

Test(submit, a_batch_offered_again_finds_what_was_said_of_it)
{
    struct rows_batch first = plan(1, 1, 3, 100, 1);
    rows_batch(&rows, &first);
    struct broker_submit event = coming(310000, 1, 3);
    look(&event);
    cr_expect_eq(event.stream.head, 3);
    cr_assert_not_null(event.stored);
    cr_expect_eq(event.stored->serial, 1);
    cr_expect_eq(event.stored->count, 3);
    cr_expect_eq(event.stored->root.bytes[0], 1);
    cr_assert_eq(event.stored->statement.size, 1);
    cr_expect_eq(event.stored->statement.data[0], 'S');
    cr_expect_null(event.looks, "only the next batch is looked at");
    event = coming(310000, 2, 3);
    look(&event);
    cr_expect_null(event.stored, "another cut");
}

Test(submit, a_batch_that_failed_is_not_looked_at)
{
    struct broker_submit event = coming(310000, 1, 2);
    event.failed = WIRE_BAD_SIGNATURE;
    event.headers = NULL;
    look(&event);
    cr_expect_null(event.looks);
}

Test(submit, names_that_no_stream_can_have_find_nothing)
{
    struct broker_submit event = coming(310000, 1, 1);
    seal.mechanism = (char *)"";
    event.failed = WIRE_BAD_FRAME;
    look(&event);
    seal.mechanism = (char *)"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    look(&event);
    seal.mechanism = (char *)"yangtze-delta";
    seal.store_id.len = 3;
    look(&event);
    cr_expect_null(event.looks);
}

Test(submit, an_id_that_was_judged_is_known_with_its_first_verdict)
{
    struct broker_envelope_row row = {
        .serial = 5, .index = 3, .code = WIRE__VERDICT_CODE__REFUSED, .reason = WIRE_NOBODY, .at_ms = 77};
    uint8_t id[WIRE_ID_BYTES];
    rows_id(id, 9001);
    rows_put(&rows, BROKER_ENVELOPE, broker_key_envelope(310000, id), broker_put_envelope(&rows.arena, &row));
    struct broker_submit event = coming(310000, 1, 3);
    look(&event);
    cr_expect_not(event.looks[0].known);
    cr_assert(event.looks[1].known);
    cr_expect_eq(event.looks[1].first.code, WIRE__VERDICT_CODE__REFUSED);
    cr_expect_eq(event.looks[1].first.reason, WIRE_NOBODY);
    cr_expect_eq(event.looks[1].first.at_ms, 77);
    event = coming(330000, 1, 3);
    look(&event);
    cr_expect_not(event.looks[1].known, "of another origin");
}

Test(submit, a_reply_finds_its_parent_and_what_it_owes)
{
    struct rows_batch notice = plan(7, 1, 2, 100, 2);
    rows_batch(&rows, &notice);
    rows_duty(&rows, 7, 1, 330001, WIRE__DUTY__SIGN_FOR, 5000);
    rows_duty(&rows, 7, 1, 330001, WIRE__DUTY__CLOSE, 6000);
    rows_duty(&rows, 7, 1, 330000, WIRE__DUTY__CLOSE, 7000);
    rows_duty(&rows, 8, 1, 330001, WIRE__DUTY__CLOSE, 8000);
    struct broker_submit event = coming(330001, 1, 3);
    names(0, 101, WIRE__ACTION__ISSUE);
    names(1, 555, WIRE__ACTION__ISSUE);
    names(2, 100, WIRE__ACTION__ISSUE);
    look(&event);
    const struct broker_envelope_look *one = &event.looks[0];
    cr_assert_not_null(one->parent);
    cr_expect(one->parent->found && one->parent->given);
    cr_expect_eq(one->parent->origin, 310000);
    cr_expect_str_eq(one->parent->mechanism, "yangtze-delta");
    cr_expect_eq(one->parent->lane, WIRE__LANE__ROUTINE);
    cr_expect_eq(one->parent->keep_until, 20200307);
    cr_expect_eq(one->named_serial, 7);
    cr_expect_eq(one->named_index, 1);
    cr_assert_eq(one->duty_count, 2, "its own, about this batch");
    cr_expect_eq(one->duties[0].next_ms + one->duties[1].next_ms, 11000);
    cr_expect(broker_bit(one->duties[0].row->owed, 1));
    cr_expect_eq(event.duty_count, 2, "each row once");
    cr_expect_eq(event.looks[2].duties, one->duties, "two answers to one batch share its rows");
    cr_expect_null(event.looks[1].parent, "not found");
    cr_expect_eq(event.looks[1].named_serial, 0);
}

Test(submit, a_reply_from_who_was_not_given_it_is_told_so)
{
    struct rows_batch notice = plan(7, 1, 2, 100, 2);
    rows_batch(&rows, &notice);
    struct broker_submit event = coming(110000, 1, 1);
    names(0, 101, WIRE__ACTION__ISSUE);
    look(&event);
    cr_assert_not_null(event.looks[0].parent);
    cr_expect_not(event.looks[0].parent->given);
    event = coming(330300, 1, 1);
    names(0, 101, WIRE__ACTION__ISSUE);
    look(&event);
    cr_expect(event.looks[0].parent->given, "a copy is enough");
}

Test(submit, what_was_refused_is_no_parent)
{
    struct broker_envelope_row row = {.serial = 5, .code = WIRE__VERDICT_CODE__REFUSED};
    uint8_t id[WIRE_ID_BYTES];
    rows_id(id, 100);
    rows_put(&rows, BROKER_ENVELOPE, broker_key_envelope(310000, id), broker_put_envelope(&rows.arena, &row));
    struct broker_submit event = coming(330000, 1, 1);
    names(0, 100, WIRE__ACTION__ISSUE);
    look(&event);
    cr_expect_null(event.looks[0].parent);
}

/* After a loss a batch of duplicates is offered again with its receipt: the index says "admitted" for what this batch
 * did not admit, and nobody knows any more to whom it went. */
Test(submit, what_is_known_by_a_duplicate_alone_cannot_be_answered_or_corrected)
{
    struct rows_batch duplicates = plan(7, 1, 2, 100, 2);
    duplicates.none_given = true;
    rows_batch(&rows, &duplicates);
    struct broker_submit event = coming(330001, 1, 2);
    names(0, 101, WIRE__ACTION__ISSUE);
    names(1, 101, WIRE__ACTION__CANCEL);
    look(&event);
    cr_expect_null(event.looks[0].parent);
    cr_expect_null(event.looks[1].original);
    cr_expect_eq(event.looks[0].named_serial, 0);
}

Test(submit, a_cancel_finds_its_original_and_everybodys_obligations)
{
    struct rows_batch notice = plan(7, 1, 2, 100, 3);
    rows_batch(&rows, &notice);
    rows_duty(&rows, 7, 1, 330001, WIRE__DUTY__SIGN_FOR, 5000);
    rows_duty(&rows, 7, 1, 330002, WIRE__DUTY__CLOSE, 6000);
    rows_duty(&rows, 6, 1, 330002, WIRE__DUTY__CLOSE, 6000);
    struct broker_submit event = coming(310000, 3, 2);
    names(0, 101, WIRE__ACTION__CANCEL);
    names(1, 101, WIRE__ACTION__UPDATE);
    look(&event);
    const struct rules_original *original = event.looks[0].original;
    cr_assert_not_null(original);
    cr_expect_eq(original->to_count, 3);
    cr_expect_eq(original->to[2], 330002);
    cr_expect_eq(original->cc[0], 330300);
    cr_expect_eq(original->kind, 3);
    cr_expect_str_eq(original->mechanism, "yangtze-delta");
    cr_expect_eq(event.looks[0].duty_count, 2);
    cr_assert_not_null(event.looks[1].original);
    cr_expect_eq(event.looks[1].duty_count, 0, "an update ends none");
}

/* It answers one notice and takes back another: the terms of the other one end. */
Test(submit, a_cancel_that_answers_names_what_it_cancels)
{
    struct rows_batch answered = plan(6, 1, 2, 100, 3), cancelled = plan(7, 3, 2, 102, 3);
    rows_batch(&rows, &answered);
    rows_batch(&rows, &cancelled);
    rows_duty(&rows, 6, 0, 310000, WIRE__DUTY__SIGN_FOR, 5000);
    rows_duty(&rows, 7, 1, 330001, WIRE__DUTY__SIGN_FOR, 6000);
    struct broker_submit event = coming(310000, 5, 1);
    names(0, 103, WIRE__ACTION__CANCEL);
    names(1, 100, WIRE__ACTION__ISSUE); /* lent to the first as what it answers */
    header[0].in_reply_to = header[1].in_reply_to;
    look(&event);
    const struct broker_envelope_look *one = &event.looks[0];
    cr_assert_not_null(one->parent);
    cr_expect_eq(one->named_serial, 7);
    cr_expect_eq(one->named_index, 1);
    cr_assert_eq(one->duty_count, 1, "what is owed about the batch of what it cancels");
    cr_expect_eq(one->duties[0].duty.serial, 7);
}

Test(submit, numbers_are_those_of_the_days_in_the_batch)
{
    rows_put(&rows, BROKER_NUMBER, broker_key_number(310000, 20200207), broker_put_u32(&rows.arena, 12));
    struct broker_submit event = coming(310000, 1, 40);
    for (uint32_t i = 0; i < 40; i++)
        header[i].number_date = 20200207 + i;
    look(&event);
    cr_expect_eq(event.number_count, BROKER_NUMBERS_MAX);
    cr_expect_eq(event.numbers[0].serial, 12);
    cr_expect_eq(event.numbers[1].serial, 0);
}

/* --- as much as one batch may ask for ----------------------------------------------------------------------------- */

/* Every desk answers a full batch at once; each answer asks about that batch, which is a megabyte. */
Test(submit, five_hundred_answers_to_one_large_batch_fit_the_memory)
{
    struct rows_batch notice = plan(7, 1, WIRE_BATCH_ENVELOPES_MAX, 0, WIRE_RECIPIENTS_MAX);
    notice.dispositions = WIRE_BATCH_ENVELOPES_MAX;
    rows_batch(&rows, &notice);
    struct broker_submit event = coming(330001, 1, WIRE_BATCH_ENVELOPES_MAX);
    for (uint32_t i = 0; i < WIRE_BATCH_ENVELOPES_MAX; i++)
        names(i, i, WIRE__ACTION__ISSUE);
    look(&event);
    for (uint32_t i = 0; i < WIRE_BATCH_ENVELOPES_MAX; i++)
        cr_assert(event.looks[i].parent != NULL && event.looks[i].parent->given, "%u", i);
}

Test(submit, five_hundred_cancels_fit_the_memory)
{
    struct rows_batch notice = plan(7, 1, WIRE_BATCH_ENVELOPES_MAX, 0, WIRE_RECIPIENTS_MAX);
    rows_batch(&rows, &notice);
    for (uint32_t i = 0; i < 5000; i++)
        rows_duty(&rows, 7, (uint16_t)(i % 10), 330000 + i / 10, WIRE__DUTY__SIGN_FOR, i);
    struct broker_submit event = coming(310000, WIRE_BATCH_ENVELOPES_MAX + 1, WIRE_BATCH_ENVELOPES_MAX);
    for (uint32_t i = 0; i < WIRE_BATCH_ENVELOPES_MAX; i++)
        names(i, i, WIRE__ACTION__CANCEL);
    look(&event);
    for (uint32_t i = 0; i < WIRE_BATCH_ENVELOPES_MAX; i++) {
        cr_assert_eq(event.looks[i].original->to[399], 330399);
        cr_expect_eq(event.looks[i].duty_count, BROKER_DUTIES_MAX);
    }
    cr_expect_eq(event.duty_count, BROKER_DUTIES_MAX, "no more than one SUBMIT changes");
}

/* --- damage ------------------------------------------------------------------------------------------------------- */

static enum wire_status with_row(uint8_t table, struct broker_key key)
{
    struct broker_submit event = coming(310000, 4, 1);
    names(0, 101, WIRE__ACTION__UPDATE);
    rows_put(&rows, table, key, wire_bytes("\xff", 1));
    return ledger_look_submit(&rows.ledger, &event, &rows.look);
}

static enum wire_status without(uint8_t table, struct broker_key key, uint64_t first)
{
    struct wire_row row = {.table = table, .erase = true, .key = wire_bytes(key.data, key.size)};
    struct broker_submit event = coming(310000, first, 1);
    names(0, 101, WIRE__ACTION__UPDATE);
    cr_assert_eq(keep_append(rows.ledger.keep, &row, 1, ++rows.ticket), WIRE_OK);
    return ledger_look_submit(&rows.ledger, &event, &rows.look);
}

Test(submit, every_row_that_cannot_be_read_is_damage)
{
    uint8_t id[WIRE_ID_BYTES];
    struct broker_stream stream = rows_stream(310000, "yangtze-delta", store);
    struct rows_batch notice = plan(7, 1, 3, 100, 2);
    rows_batch(&rows, &notice);
    cr_expect_eq(with_row(BROKER_BATCH, broker_key_serial(7)), WIRE_DAMAGED);
    cr_expect_eq(without(BROKER_BATCH, broker_key_serial(7), 4), WIRE_DAMAGED, "a batch that is gone");
    rows_batch(&rows, &notice);
    rows_id(id, 101);
    cr_expect_eq(with_row(BROKER_ENVELOPE, broker_key_envelope(310000, id)), WIRE_DAMAGED);
    rows_batch(&rows, &notice);
    rows_id(id, 9000);
    cr_expect_eq(with_row(BROKER_ENVELOPE, broker_key_envelope(310000, id)), WIRE_DAMAGED);
    cr_expect_eq(without(BROKER_ENVELOPE, broker_key_envelope(310000, id), 4), WIRE_OK);
    cr_expect_eq(without(BROKER_RECEIPT, broker_key_receipt(310000, 7), 1), WIRE_DAMAGED, "a receipt that is gone");
    rows_batch(&rows, &notice);
    cr_expect_eq(with_row(BROKER_STREAM_BATCH, broker_key_stream_batch(&stream, 4)), WIRE_DAMAGED);
    cr_expect_eq(with_row(BROKER_STREAM, broker_key_stream(&stream)), WIRE_DAMAGED);
}
