/* Look-ups: exact, also over what is not committed yet; absent rows are no error; damaged ones are. */
#include "shelf.h"

static struct shelf shelf;

static void setup(void)
{
    shelf_open(&shelf);
}

static void teardown(void)
{
    shelf_close(&shelf);
}

TestSuite(look, .init = setup, .fini = teardown);

static struct node_fetch fetch_of(enum node_table table, struct node_key prefix)
{
    return (struct node_fetch){.request = 7, .table = table, .prefix = prefix, .rows_max = 10, .states = true};
}

static void put_draft(uint64_t order, uint8_t id)
{
    Wire__NodeDraft draft = WIRE__NODE_DRAFT__INIT;
    draft.id = shelf_bin(shelf_id(&shelf, id), WIRE_ID_BYTES);
    draft.bytes = 100;
    draft.keep_until = 20300207;
    draft.created_ms = NOW;
    draft.order = order;
    draft.place = shelf_place(draft.id.data);
    draft.mechanism = MECHANISM;
    draft.lane = WIRE__LANE__ROUTINE;
    draft.link = LINK;
    shelf_put_message(&shelf, NODE_TABLE_DRAFT, node_key_draft(LINK, MECHANISM, WIRE__LANE__ROUTINE, order),
                      &draft.base);
}

Test(look, a_fetch_sees_rows_that_are_not_committed_and_their_states)
{
    Wire__Header header = shelf_header(&shelf, REGION, 2, 2);
    Wire__NodeState state = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_DRAFT);
    put_draft(1, 1);
    put_draft(2, 2);
    shelf_outbox(&shelf, &header, &state);
    struct node_fetch fetch = fetch_of(NODE_TABLE_DRAFT, node_key_lane(LINK, MECHANISM, WIRE__LANE__ROUTINE));
    struct node_fetched fetched;
    cr_assert_eq(store_look_fetched(&shelf.store, &fetch, &shelf.arena, &fetched), WIRE_OK);
    cr_assert_eq(fetched.request, 7);
    cr_assert_eq(fetched.count, 2);
    cr_assert(fetched.end);
    cr_assert_null(fetched.state[0].data, "the first has no STATE row");
    Wire__NodeState *read = node_read_state(fetched.state[1], &shelf.arena);
    cr_assert_not_null(read);
    cr_assert_eq(read->state, WIRE__NODE_OUTBOX_STATE__NODE_DRAFT);
}

Test(look, a_fetch_stops_at_its_bounds_and_says_that_there_is_more)
{
    for (uint8_t i = 1; i <= 5; i++)
        put_draft(i, i);
    struct node_fetch fetch = fetch_of(NODE_TABLE_DRAFT, node_key_lane(LINK, MECHANISM, WIRE__LANE__ROUTINE));
    struct node_fetched fetched;
    fetch.rows_max = 3;
    fetch.from = node_key_draft(LINK, MECHANISM, WIRE__LANE__ROUTINE, 2);
    cr_assert_eq(store_look_fetched(&shelf.store, &fetch, &shelf.arena, &fetched), WIRE_OK);
    cr_assert_eq(fetched.count, 3);
    cr_assert_not(fetched.end);
    cr_assert_eq(node_read_draft(fetched.rows[0].value, &shelf.arena)->order, 2);
    fetch.from = node_key_draft(LINK, MECHANISM, WIRE__LANE__ROUTINE, 3);
    cr_assert_eq(store_look_fetched(&shelf.store, &fetch, &shelf.arena, &fetched), WIRE_OK);
    cr_assert_eq(fetched.count, 3);
    cr_assert(fetched.end);
}

Test(look, a_fetch_of_many_rows_grows)
{
    for (uint64_t i = 1; i <= 200; i++)
        put_draft(i, (uint8_t)i);
    struct node_fetch fetch = fetch_of(NODE_TABLE_DRAFT, node_key_lane(LINK, MECHANISM, WIRE__LANE__ROUTINE));
    struct node_fetched fetched;
    fetch.rows_max = 200;
    cr_assert_eq(store_look_fetched(&shelf.store, &fetch, &shelf.arena, &fetched), WIRE_OK);
    cr_assert_eq(fetched.count, 200);
    cr_assert_eq(node_read_draft(fetched.rows[199].value, &shelf.arena)->order, 200);
}

Test(look, a_held_row_brings_its_own_state_and_that_of_what_it_waits_for)
{
    Wire__Header parent = shelf_header(&shelf, REGION, 1, 1);
    Wire__NodeState admitted = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    shelf_outbox(&shelf, &parent, &admitted);
    Wire__Header held = shelf_header(&shelf, REGION, 2, 2);
    Wire__NodeState state = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_HELD);
    shelf_outbox(&shelf, &held, &state);
    shelf_put(&shelf, NODE_TABLE_HELD, node_key_held(parent.id.data, held.id.data), (struct wire_bytes){0});
    struct node_fetch fetch = fetch_of(NODE_TABLE_HELD, (struct node_key){.size = 0});
    struct node_fetched fetched;
    cr_assert_eq(store_look_fetched(&shelf.store, &fetch, &shelf.arena, &fetched), WIRE_OK);
    cr_assert_eq(fetched.count, 1);
    cr_assert_eq(node_read_state(fetched.state[0], &shelf.arena)->state, WIRE__NODE_OUTBOX_STATE__NODE_HELD);
    cr_assert_eq(node_read_state(fetched.state[1], &shelf.arena)->state, WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
}

static Wire__NodeBatch batch_of(ProtobufCBinaryData *ids, size_t count)
{
    static uint8_t root[WIRE_HASH_BYTES];
    Wire__NodeBatch batch = WIRE__NODE_BATCH__INIT;
    batch.root = shelf_bin(root, sizeof root);
    batch.count = (uint32_t)count;
    batch.frame_bytes = 1000;
    batch.sealed_ms = NOW;
    batch.id = ids;
    batch.n_id = count;
    batch.keep_until = 20300207;
    return batch;
}

Test(look, a_batch_row_brings_the_states_of_all_its_ids)
{
    uint8_t store_id[WIRE_ID_BYTES] = {9};
    ProtobufCBinaryData ids[3];
    for (uint8_t i = 0; i < 3; i++)
        ids[i] = shelf_bin(shelf_id(&shelf, i), WIRE_ID_BYTES);
    Wire__NodeBatch batch = batch_of(ids, 3);
    Wire__Header header = shelf_header(&shelf, REGION, 2, 2);
    Wire__NodeState state = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_SEALED);
    shelf_outbox(&shelf, &header, &state);
    shelf_put_message(&shelf, NODE_TABLE_BATCH, node_key_batch(LINK, MECHANISM, WIRE__LANE__ROUTINE, store_id, 1),
                      &batch.base);
    struct node_fetch fetch =
        fetch_of(NODE_TABLE_BATCH, node_key_stream(LINK, MECHANISM, WIRE__LANE__ROUTINE, store_id));
    struct node_fetched fetched;
    cr_assert_eq(store_look_fetched(&shelf.store, &fetch, &shelf.arena, &fetched), WIRE_OK);
    cr_assert_null(fetched.state[0].data);
    cr_assert_null(fetched.state[1].data);
    cr_assert_not_null(fetched.state[2].data);
}

/* --- RECEIPT ------------------------------------------------------------------------------------------------------ */

static Wire__ReceiptStatement statement_of(Wire__Verdict **verdicts, size_t count, uint8_t *store_id)
{
    Wire__ReceiptStatement statement = WIRE__RECEIPT_STATEMENT__INIT;
    statement.mechanism = MECHANISM;
    statement.lane = WIRE__LANE__ROUTINE;
    statement.store_id = shelf_bin(store_id, WIRE_ID_BYTES);
    statement.first = 1;
    statement.verdict = verdicts;
    statement.n_verdict = count;
    return statement;
}

Test(look, a_receipt_finds_batch_states_headers_and_what_they_correct)
{
    uint8_t store_id[WIRE_ID_BYTES] = {9};
    Wire__Header original = shelf_header(&shelf, REGION, 1, 1);
    Wire__NodeState admitted = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    shelf_outbox(&shelf, &original, &admitted);
    Wire__Header update = shelf_header(&shelf, REGION, 2, 2);
    Wire__NodeState sealed = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_SEALED);
    sealed.has_named = true;
    sealed.named = original.id;
    Wire__Reference named = WIRE__REFERENCE__INIT, *references[] = {&named};
    named.origin = REGION;
    named.id = original.id;
    update.action = WIRE__ACTION__UPDATE;
    update.references = references;
    update.n_references = 1;
    shelf_outbox(&shelf, &update, &sealed);
    Wire__NodeBatch batch = batch_of(&update.id, 1);
    shelf_put_message(&shelf, NODE_TABLE_BATCH, node_key_batch(LINK, MECHANISM, WIRE__LANE__ROUTINE, store_id, 1),
                      &batch.base);
    Wire__Verdict known = WIRE__VERDICT__INIT, unknown = WIRE__VERDICT__INIT;
    known.id = update.id;
    unknown.id = shelf_bin(shelf_id(&shelf, 77), WIRE_ID_BYTES);
    Wire__Verdict *verdicts[] = {&known, &unknown};
    Wire__ReceiptStatement statement = statement_of(verdicts, 2, store_id);
    struct node_receipt event = {.statement = &statement};
    cr_assert_eq(store_look_receipt(&shelf.store, LINK, &event, &shelf.arena), WIRE_OK);
    cr_assert_not_null(event.batch.data);
    cr_assert_not_null(event.state[0].data);
    cr_assert_eq(event.header[0]->number_serial, 2);
    cr_assert_eq(node_read_state(event.named[0], &shelf.arena)->state, WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    cr_assert_null(event.state[1].data);
    cr_assert_null(event.header[1]);
}

Test(look, an_arrival_is_looked_up_by_the_ids_of_its_batch)
{
    uint8_t store_id[WIRE_ID_BYTES] = {9};
    Wire__Header header = shelf_header(&shelf, REGION, 2, 2);
    Wire__NodeState state = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    ProtobufCBinaryData ids[] = {shelf_bin(shelf_id(&shelf, 1), WIRE_ID_BYTES), header.id};
    Wire__NodeBatch batch = batch_of(ids, 2);
    shelf_outbox(&shelf, &header, &state);
    shelf_put_message(&shelf, NODE_TABLE_BATCH, node_key_batch(LINK, MECHANISM, WIRE__LANE__ROUTINE, store_id, 1),
                      &batch.base);
    Wire__Arrival second = WIRE__ARRIVAL__INIT, beyond = WIRE__ARRIVAL__INIT;
    second.index = 1;
    beyond.index = 2; /* a recipient may say anything */
    Wire__Arrival *arrivals[] = {&second, &beyond};
    Wire__ArrivedStatement arrived = WIRE__ARRIVED_STATEMENT__INIT;
    arrived.mechanism = MECHANISM;
    arrived.lane = WIRE__LANE__ROUTINE;
    arrived.store_id = shelf_bin(store_id, WIRE_ID_BYTES);
    arrived.first = 1;
    arrived.arrival = arrivals;
    arrived.n_arrival = 2;
    struct node_receipt event = {.arrived = &arrived};
    cr_assert_eq(store_look_receipt(&shelf.store, LINK, &event, &shelf.arena), WIRE_OK);
    cr_assert_not_null(event.state[0].data);
    cr_assert_null(event.state[1].data);
}

Test(look, a_batch_knows_the_places_of_its_own)
{
    uint8_t store_id[WIRE_ID_BYTES] = {9}, row[8] = {0};
    Wire__Header inside = shelf_header(&shelf, REGION, 1, 1), outside = shelf_header(&shelf, REGION, 2, 2);
    Wire__NodeState sealed = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_SEALED);
    uint64_t place = shelf_place(inside.id.data);
    Wire__NodeBatch batch = batch_of(&inside.id, 1);
    batch.place = &place;
    batch.n_place = 1;
    shelf_outbox(&shelf, &inside, &sealed);
    shelf_outbox(&shelf, &outside, &sealed);
    wire_put_u64(row, 7777); /* if it were asked, nothing would be found */
    shelf_put(&shelf, NODE_TABLE_PLACE, node_key_id(inside.id.data), wire_bytes(row, sizeof row));
    shelf_put_message(&shelf, NODE_TABLE_BATCH, node_key_batch(LINK, MECHANISM, WIRE__LANE__ROUTINE, store_id, 1),
                      &batch.base);
    Wire__Verdict verdict = WIRE__VERDICT__INIT, *verdicts[] = {&verdict};
    Wire__ReceiptStatement statement = statement_of(verdicts, 1, store_id);
    struct node_receipt event = {.statement = &statement};
    verdict.id = inside.id;
    cr_assert_eq(store_look_receipt(&shelf.store, LINK, &event, &shelf.arena), WIRE_OK);
    cr_assert_eq(event.header[0]->number_serial, 1);
    verdict.id = outside.id; /* the broker judges by id, whatever the batch here holds */
    cr_assert_eq(store_look_receipt(&shelf.store, LINK, &event, &shelf.arena), WIRE_OK);
    cr_assert_eq(event.header[0]->number_serial, 2);
}

Test(look, a_batch_called_bad_brings_the_state_of_its_first)
{
    uint8_t store_id[WIRE_ID_BYTES] = {9};
    Wire__Header header = shelf_header(&shelf, REGION, 2, 2);
    Wire__NodeState sealed = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_SEALED);
    Wire__NodeBatch batch = batch_of(&header.id, 1);
    shelf_outbox(&shelf, &header, &sealed);
    shelf_put_message(&shelf, NODE_TABLE_BATCH, node_key_batch(LINK, MECHANISM, WIRE__LANE__ROUTINE, store_id, 1),
                      &batch.base);
    Wire__ReceiptStatement statement = statement_of(NULL, 0, store_id);
    statement.outcome = WIRE__RECEIPT_OUTCOME__BAD_BATCH;
    struct node_receipt event = {.statement = &statement};
    cr_assert_eq(store_look_receipt(&shelf.store, LINK, &event, &shelf.arena), WIRE_OK);
    cr_assert_not_null(event.state[0].data);
    cr_assert_eq(event.header[0]->number_serial, 2);
}

Test(look, a_receipt_with_impossible_names_finds_nothing)
{
    uint8_t store_id[WIRE_ID_BYTES] = {9};
    Wire__ReceiptStatement statement = statement_of(NULL, 0, store_id);
    struct node_receipt event = {.statement = &statement};
    statement.mechanism = "a-mechanism-whose-name-is-longer-than-any-may-be";
    cr_assert_eq(store_look_receipt(&shelf.store, LINK, &event, &shelf.arena), WIRE_OK);
    cr_assert_null(event.batch.data);
    statement.mechanism = MECHANISM;
    statement.store_id.len = 3;
    cr_assert_eq(store_look_receipt(&shelf.store, LINK, &event, &shelf.arena), WIRE_OK);
    cr_assert_null(event.batch.data);
}

/* --- DELIVER ------------------------------------------------------------------------------------------------------ */

Test(look, a_delivery_is_compared_with_inbox_and_outbox)
{
    Wire__Header there = shelf_header(&shelf, 330000, 1, 1), ours = shelf_header(&shelf, REGION, 2, 2);
    Wire__NodeState admitted = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    shelf_inbox(&shelf, 1, &there);
    shelf_outbox(&shelf, &ours, &admitted);
    Wire__Header cancel = shelf_header(&shelf, 330000, 3, 3), reply = shelf_header(&shelf, 330000, 4, 4);
    Wire__Reference names = WIRE__REFERENCE__INIT, answers = WIRE__REFERENCE__INIT, *list[] = {&names};
    names.origin = 330000;
    names.id = there.id;
    answers.origin = REGION;
    answers.id = ours.id;
    cancel.action = WIRE__ACTION__CANCEL;
    cancel.references = list;
    cancel.n_references = 1;
    reply.in_reply_to = &answers;
    const Wire__Header *headers[] = {&there, &cancel, &reply, NULL};
    Wire__PartEnvelope envelope[4], *envelopes[4];
    struct wire_digest leaf[4] = {{{0}}};
    for (size_t i = 0; i < 4; i++) {
        wire__part_envelope__init(&envelope[i]);
        envelopes[i] = &envelope[i];
    }
    memset(leaf[3].bytes, 5, WIRE_HASH_BYTES);
    Wire__NodeKnown raw = WIRE__NODE_KNOWN__INIT;
    shelf_put_message(&shelf, NODE_TABLE_KNOWN, node_key_known(330000, node_leaf_id(leaf[3].bytes)), &raw.base);
    Wire__BatchSeal seal = WIRE__BATCH_SEAL__INIT;
    Wire__Part part = WIRE__PART__INIT;
    seal.origin = 330000;
    part.seal = &seal;
    part.envelope = envelopes;
    part.n_envelope = 4;
    struct node_deliver event = {.part = &part, .header = headers, .leaf = leaf};
    cr_assert_eq(store_look_deliver(&shelf.store, REGION, &event, &shelf.arena), WIRE_OK);
    cr_assert_not_null(event.known[0].data);
    cr_assert_null(event.known[1].data);
    cr_assert_not_null(event.named[1].data);
    cr_assert_not_null(event.asked[2].data);
    cr_assert_null(event.asked[1].data);
    cr_assert_not_null(event.known[3].data, "an unreadable header is known by its leaf");
}

/* --- PUBLISH, WITHDRAW -------------------------------------------------------------------------------------------- */

Test(look, a_correction_names_the_last_successor_of_its_original)
{
    Wire__Header first = shelf_header(&shelf, REGION, 1, 1), second = shelf_header(&shelf, REGION, 2, 2);
    Wire__NodeState replaced = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_REPLACED);
    Wire__NodeState admitted = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    replaced.has_successor = true;
    replaced.successor = second.id;
    shelf_outbox(&shelf, &first, &replaced);
    shelf_outbox(&shelf, &second, &admitted);
    Wire__Header update = shelf_header(&shelf, REGION, 3, 3);
    Wire__Reference names = WIRE__REFERENCE__INIT, *list[] = {&names};
    names.origin = REGION;
    names.id = first.id;
    update.action = WIRE__ACTION__UPDATE;
    update.references = list;
    update.n_references = 1;
    struct node_draft draft = {.header = &update};
    cr_assert_eq(store_look_draft(&shelf.store, &draft, &shelf.arena), WIRE_OK);
    cr_assert_null(draft.own.data);
    cr_assert_arr_eq(draft.named_id, second.id.data, WIRE_ID_BYTES);
    cr_assert_eq(node_read_state(draft.named, &shelf.arena)->state, WIRE__NODE_OUTBOX_STATE__NODE_ADMITTED);
    cr_assert_arr_eq(names.id.data, first.id.data, WIRE_ID_BYTES, "the caller's header is left as it is");
}

Test(look, a_circle_of_successors_ends)
{
    Wire__Header one = shelf_header(&shelf, REGION, 1, 1), two = shelf_header(&shelf, REGION, 2, 2);
    Wire__NodeState state = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_REPLACED);
    uint8_t id[WIRE_ID_BYTES];
    state.has_successor = true;
    state.successor = two.id;
    shelf_outbox(&shelf, &one, &state);
    state.successor = one.id;
    shelf_outbox(&shelf, &two, &state);
    memcpy(id, one.id.data, sizeof id);
    cr_assert_eq(store_successor(&shelf.store, id, &shelf.arena), WIRE_OK);
}

Test(look, a_reply_finds_what_it_answers_and_a_withdrawal_too)
{
    Wire__Header there = shelf_header(&shelf, 330000, 1, 1), reply = shelf_header(&shelf, REGION, 2, 2);
    Wire__NodeState state = shelf_state(WIRE__NODE_OUTBOX_STATE__NODE_DRAFT);
    Wire__Reference answers = WIRE__REFERENCE__INIT;
    shelf_inbox(&shelf, 1, &there);
    answers.origin = 330000;
    answers.id = there.id;
    reply.in_reply_to = &answers;
    struct node_draft draft = {.header = &reply};
    cr_assert_eq(store_look_draft(&shelf.store, &draft, &shelf.arena), WIRE_OK);
    cr_assert_not_null(draft.asked.data);
    shelf_outbox(&shelf, &reply, &state);
    struct node_withdraw withdraw = {.id = reply.id.data};
    cr_assert_eq(store_look_withdraw(&shelf.store, &withdraw, &shelf.arena), WIRE_OK);
    cr_assert_not_null(withdraw.state.data);
    cr_assert_eq(withdraw.header->number_serial, 2);
    cr_assert_not_null(withdraw.asked.data);
    withdraw = (struct node_withdraw){.id = shelf_id(&shelf, 99)};
    cr_assert_eq(store_look_withdraw(&shelf.store, &withdraw, &shelf.arena), WIRE_OK);
    cr_assert_null(withdraw.state.data);
    cr_assert_null(withdraw.header);
}

Test(look, a_damaged_row_is_damage_and_no_absence)
{
    Wire__Header *header;
    uint8_t *id = shelf_id(&shelf, 1);
    shelf_put_place(&shelf, id);
    shelf_put(&shelf, NODE_TABLE_OUTBOX, node_key_place(shelf_place(id)), wire_bytes("\xff\xff\xff", 3));
    cr_assert_eq(store_header(&shelf.store, id, &shelf.arena, &header), WIRE_DAMAGED);
    cr_assert_eq(store_header(&shelf.store, shelf_id(&shelf, 2), &shelf.arena, &header), WIRE_OK);
    cr_assert_null(header);
    shelf_put(&shelf, NODE_TABLE_PLACE, node_key_id(id), wire_bytes("1", 1));
    cr_assert_eq(store_header(&shelf.store, id, &shelf.arena, &header), WIRE_DAMAGED);
}

Test(look, an_arena_that_is_used_up_is_told)
{
    uint8_t memory[64];
    struct wire_arena small;
    struct wire_bytes value;
    struct node_key key = node_key_place(1);
    wire_arena_over(&small, memory, sizeof memory);
    shelf_put(&shelf, NODE_TABLE_OUTBOX, key, wire_bytes(shelf.memory, 200));
    cr_assert_eq(store_row(&shelf.store, NODE_TABLE_OUTBOX, &key, &small, &value), WIRE_NO_MEMORY);
}
