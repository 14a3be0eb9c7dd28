/* What a peer must not do ends its session and nothing else; what is late is ignored. */
#include "fake.h"
#include "wire/kind.h"
#include <criterion/criterion.h>

static struct fake fake;
static struct fake_node *from, *to;

static void setup(void)
{
    fake_start(&fake, 5);
    from = fake_node(&fake, 310000);
    to = fake_node(&fake, 330000);
    fake_connect(&fake, from);
    fake_connect(&fake, to);
    fake.last_cut = 0;
}

static void teardown(void)
{
    fake_close(&fake);
}

TestSuite(protocol, .init = setup, .fini = teardown);

static const struct fake_spec notice = {.kind = WIRE_KIND_CONTACT_NOTICE, .concerns = 330000};

static void cut_with(enum wire_status status)
{
    cr_assert_eq(fake.last_cut, status, "cut with %s", wire_status_name(fake.last_cut));
    cr_assert_eq(fake.notes[BROKER_NOTE_MISBEHAVED], 1);
    struct broker_totals totals;
    broker_core_totals(fake.core, &totals);
    cr_assert_eq(totals.misbehaved, 1);
    cr_assert_eq(totals.sessions, 1, "the other one goes on");
}

Test(protocol, submit_before_the_token_is_confirmed)
{
    fake_down(&fake, from);
    fake_hello(&fake, from);
    fake_commit(&fake);
    fake_publish(&fake, from, &notice);
    cut_with(WIRE_NOT_CONFIRMED);
}

Test(protocol, a_batch_that_names_no_stream)
{
    struct fake_batch *batch = fake_seal(&fake, from, "yangtze-delta", WIRE__LANE__URGENT, &notice, 1);
    batch->batch->seal->store_id.len = 5;
    struct broker_event event = fake_event(&fake, BROKER_EVENT_SUBMIT);
    event.submit =
        (struct broker_submit){.peer = from->peer, .frame_bytes = 10, .batch = batch->batch, .failed = WIRE_BAD_FRAME};
    fake_step(&fake, &event);
    cut_with(WIRE_BAD_FRAME);
}

Test(protocol, a_token_that_was_not_offered)
{
    fake_down(&fake, from);
    fake_hello(&fake, from);
    fake_commit(&fake);
    from->offered->random.data[0] ^= 1;
    fake_pulse(&fake, from);
    cut_with(WIRE_NOT_CONFIRMED);
}

Test(protocol, receipts_taken_that_were_never_sent)
{
    from->receipts_taken = 5;
    fake_pulse(&fake, from);
    cut_with(WIRE_UNEXPECTED_FRAME);
}

Test(protocol, wanting_more_than_a_frame)
{
    fake_want(&fake, from, WIRE__LANE__BULK, WIRE_FRAME_BYTES_MAX + 1);
    cut_with(WIRE_FRAME_TOO_LARGE);
}

/* --- ARRIVED
 * ---------------------------------------------------------------------------------------------------------- */
static void arrive_with(void (*spoil)(struct broker_arrived *arrived, Wire__ArrivedPart *part,
                                      Wire__ArrivedStatement *statement, struct broker_queue_row *row))
{
    fake_publish(&fake, from, &notice);
    fake_commit(&fake);
    struct fake_delivery *delivery = &to->inbox[0];
    struct broker_queue_name name = {330000, wire_bytes("yangtze-delta", 13), WIRE__LANE__URGENT};
    struct broker_queue_row row;
    cr_assert(broker_get_queue(fake_get(&fake.visible, BROKER_QUEUE, broker_key_queue_row(&name, 1)), &row));
    struct wire_bytes value = fake_get(&fake.visible, BROKER_BATCH, broker_key_serial(row.serial));
    Wire__LedgerBatch *batch = wire__ledger_batch__unpack(NULL, value.size, value.data);
    Wire__Arrival arrival = WIRE__ARRIVAL__INIT;
    Wire__Arrival *arrivals[] = {&arrival};
    Wire__ArrivedStatement statement = WIRE__ARRIVED_STATEMENT__INIT;
    Wire__Signed signed_ = WIRE__SIGNED__INIT;
    Wire__ArrivedPart part = WIRE__ARRIVED_PART__INIT;
    arrival.code = WIRE__VERDICT_CODE__ARRIVED;
    statement.recipient = 330000;
    statement.origin = 310000;
    statement.mechanism = batch->seal->mechanism;
    statement.lane = batch->seal->lane;
    statement.store_id = batch->seal->store_id;
    statement.root = batch->seal->root;
    statement.first = batch->seal->first;
    statement.n_arrival = 1;
    statement.arrival = arrivals;
    signed_.type = WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT;
    part.mechanism = batch->seal->mechanism;
    part.lane = batch->seal->lane;
    part.number = 1;
    part.chain = (ProtobufCBinaryData){WIRE_HASH_BYTES, delivery->chain.bytes};
    part.signed_ = &signed_;
    struct broker_event event = fake_event(&fake, BROKER_EVENT_ARRIVED);
    event.arrived =
        (struct broker_arrived){.peer = to->peer, .part = &part, .statement = &statement, .row = &row, .batch = batch};
    spoil(&event.arrived, &part, &statement, &row);
    fake_step(&fake, &event);
    wire__ledger_batch__free_unpacked(batch, NULL);
}

#define SPOIL(name, code)                                                                                              \
    static void spoil_##name(struct broker_arrived *arrived, Wire__ArrivedPart *part,                                  \
                             Wire__ArrivedStatement *statement, struct broker_queue_row *row)                          \
    {                                                                                                                  \
        (void)arrived, (void)part, (void)statement, (void)row;                                                         \
        code;                                                                                                          \
    }

SPOIL(nothing, )
SPOIL(signature, arrived->verified = WIRE_BAD_SIGNATURE)
SPOIL(number, part->number = 2)
SPOIL(lane, part->lane = WIRE__LANE__BULK)
SPOIL(chain, part->chain.data[0] ^= 1)
SPOIL(recipient, statement->recipient = 320000)
SPOIL(root, row->root.bytes[0] ^= 1)
SPOIL(index, statement->arrival[0]->index = 1)
SPOIL(missing, statement->n_arrival = 0)
SPOIL(code, statement->arrival[0]->code = WIRE__VERDICT_CODE__ADMITTED)
SPOIL(statement, arrived->statement = NULL)
SPOIL(known, arrived->known = true)

Test(protocol, arrived_as_it_should_be)
{
    arrive_with(spoil_nothing);
    cr_assert_eq(fake.notes[BROKER_NOTE_MISBEHAVED], 0);
    cr_assert_eq(fake.notes[BROKER_NOTE_ARRIVED], 1);
}

Test(protocol, arrived_twice_is_ignored)
{
    arrive_with(spoil_known);
    cr_assert_eq(fake.notes[BROKER_NOTE_MISBEHAVED], 0);
    cr_assert_eq(fake.notes[BROKER_NOTE_ARRIVED], 0);
}

#define REFUSES(name, status)                                                                                          \
    Test(protocol, arrived_with_a_wrong_##name)                                                                        \
    {                                                                                                                  \
        arrive_with(spoil_##name);                                                                                     \
        cut_with(status);                                                                                              \
        cr_assert_eq(fake_count(&fake.visible, BROKER_ARRIVAL), 0);                                                    \
    }

REFUSES(signature, WIRE_BAD_SIGNATURE)
REFUSES(number, WIRE_UNEXPECTED_FRAME)
REFUSES(lane, WIRE_UNEXPECTED_FRAME)
REFUSES(chain, WIRE_BAD_FRAME)
REFUSES(recipient, WIRE_BAD_FRAME)
REFUSES(root, WIRE_BAD_FRAME)
REFUSES(index, WIRE_BAD_FRAME)
REFUSES(missing, WIRE_BAD_FRAME)
REFUSES(code, WIRE_BAD_FRAME)
REFUSES(statement, WIRE_UNEXPECTED_FRAME)

/* --- HELLO
 * -------------------------------------------------------------------------------------------------------------- */
static void hello_with(uint32_t authenticated, uint32_t says, uint32_t version, size_t cursors)
{
    uint8_t nonce[WIRE_ID_BYTES] = {0};
    Wire__Hello hello = WIRE__HELLO__INIT;
    hello.region = says;
    hello.version_min = hello.version_max = version;
    hello.nonce = (ProtobufCBinaryData){sizeof nonce, nonce};
    hello.n_cursor = cursors; /* refused before they are looked at */
    struct broker_event event = fake_event(&fake, BROKER_EVENT_HELLO);
    event.hello = (struct broker_hello){.peer = 99, .region = authenticated, .hello = &hello};
    fake_step(&fake, &event);
}

Test(protocol, hello_that_is_not_accepted)
{
    static const struct {
        uint32_t authenticated, says, version;
        size_t cursors;
        enum wire_status status;
    } cases[] = {
        {310000, 320000, 1, 0, WIRE_FOREIGN_ORIGIN}, {350000, 350000, 1, 0, WIRE_NOT_ENROLLED},
        {310000, 310000, 2, 0, WIRE_VERSION},        {310000, 310000, 0, 0, WIRE_VERSION},
        {310000, 310000, 1, 5000, WIRE_BAD_FRAME},   {0, 0, 1, 0, WIRE_NOT_ENROLLED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hello_with(cases[i].authenticated, cases[i].says, cases[i].version, cases[i].cursors);
        cr_assert_eq(fake.last_cut, cases[i].status, "case %zu: %s", i, wire_status_name(fake.last_cut));
    }
    struct broker_totals totals;
    broker_core_totals(fake.core, &totals);
    cr_assert_eq(totals.sessions, 2, "those inside are not touched");
}

/* Frames that were under way when their session ended. */
Test(protocol, frames_of_a_session_that_is_gone)
{
    uint64_t gone = from->peer;
    fake_hello(&fake, from); /* takes over */
    fake_commit(&fake);
    fake_pulse(&fake, from);
    struct fake_batch *batch = fake_seal(&fake, from, "yangtze-delta", WIRE__LANE__URGENT, &notice, 1);
    uint64_t now = from->peer;
    from->peer = gone;
    fake_submit(&fake, from, batch, WIRE_OK, NULL);
    fake_give_credit(&fake, from);
    fake_pulse(&fake, from);
    fake_down(&fake, from);
    from->peer = now;
    cr_assert_eq(fake.notes[BROKER_NOTE_JUDGED], 0);
    struct broker_totals totals;
    broker_core_totals(fake.core, &totals);
    cr_assert_eq(totals.sessions, 2);
    cr_assert_eq(totals.misbehaved, 0);
}

/* A conflict counts as a fork; three stop the identity in the middle of its session. */
Test(protocol, three_conflicts_stop_an_identity)
{
    for (uint32_t lane = 1; lane <= 3; lane++) {
        struct fake_spec one = {.kind = WIRE_KIND_CONTACT_NOTICE, .concerns = 330000, .lane = lane + 1};
        struct fake_batch *batch = fake_seal(&fake, from, "yangtze-delta", lane, &one, 1);
        fake_submit(&fake, from, batch, WIRE_OK, NULL);
        struct fake_batch *other = fake_batch_make(&fake, 310000, from->store_id, "yangtze-delta", lane, 1, &notice, 1);
        fake_submit(&fake, from, other, WIRE_OK, NULL);
        fake_settle(&fake);
    }
    cr_assert_eq(from->conflicts, 3);
    cr_assert_eq(from->reason, WIRE_FORK_STOPPED);
    struct broker_health health;
    broker_core_health(fake.core, 310000, &health);
    cr_assert_eq(health.standing, WIRE__STANDING__STOPPED);
    cr_assert_eq(fake.notes[BROKER_NOTE_FORK_STOPPED], 1);
    fake_operator(&fake, BROKER_ACCEPT_FORK, 310000);
    cr_assert_eq(from->peer, 0, "comes anew");
    fake_connect(&fake, from);
    cr_assert_eq(from->standing, WIRE__STANDING__NORMAL, "its store was never another");
}

/* The broker ends between the PULSE that confirms a token and its commit, twice: the token that the node shows stays
 * good although a newer one was offered. Found by random sequences (seed 1003). */
Test(protocol, a_confirmation_that_was_lost_makes_no_fork)
{
    for (int i = 0; i < 2; i++) {
        fake_hello(&fake, from);
        fake_commit(&fake);
        fake_pulse(&fake, from); /* not committed */
        fake_restart(&fake);
        fake_hello(&fake, from);
        fake_commit(&fake); /* WELCOME is on its way, and lost */
        fake_restart(&fake);
        fake_hello(&fake, from);
        fake_commit(&fake);
        cr_assert_eq(from->standing, WIRE__STANDING__NORMAL, "round %d", i);
    }
}

/* --- completeness shown in HELLO
 * ---------------------------------------------------------------------------------------- */
static bool rolled_back_by(uint64_t generation, uint64_t number, const struct wire_digest *says,
                           const struct wire_digest *has)
{
    struct broker_totals totals;
    Wire__CompletenessStatement shown = WIRE__COMPLETENESS_STATEMENT__INIT;
    uint8_t nonce[WIRE_ID_BYTES] = {0};
    Wire__Hello hello = WIRE__HELLO__INIT;
    broker_core_totals(fake.core, &totals);
    shown.ledger_id = (ProtobufCBinaryData){WIRE_ID_BYTES, totals.ledger_id};
    shown.generation = generation;
    shown.recipient = 330000;
    shown.mechanism = (char *)(uintptr_t) "yangtze-delta";
    shown.lane = WIRE__LANE__URGENT;
    shown.number = number;
    shown.chain = (ProtobufCBinaryData){WIRE_HASH_BYTES, (uint8_t *)(uintptr_t)says->bytes};
    hello.region = 330000;
    hello.version_min = hello.version_max = 1;
    hello.nonce = (ProtobufCBinaryData){sizeof nonce, nonce};
    struct broker_event event = fake_event(&fake, BROKER_EVENT_HELLO);
    event.hello = (struct broker_hello){
        .peer = ++fake.next_peer, .region = 330000, .hello = &hello, .completeness = &shown, .completeness_chain = has};
    fake_step(&fake, &event);
    broker_core_totals(fake.core, &totals);
    return totals.reason == WIRE_ROLLED_BACK;
}

Test(protocol, completeness_that_the_ledger_does_not_know)
{
    fake_publish(&fake, from, &notice);
    fake_settle(&fake);
    const struct wire_digest other = {{1}};
    struct wire_digest right = to->cursors[0].chain;
    cr_assert_not(rolled_back_by(1, 1, &right, &right), "the same");
    cr_assert_not(rolled_back_by(1, 1, &other, NULL), "no longer retained: proves nothing");
    cr_assert_not(rolled_back_by(0, 9, &other, NULL), "of a generation whose loss was accepted");
    cr_assert(rolled_back_by(1, 1, &other, &right), "another hash at that number");
    fake_operator(&fake, BROKER_ACCEPT_LOSS, 0);
    cr_assert(rolled_back_by(2, 2, &right, NULL), "a number the ledger has not reached");
}
