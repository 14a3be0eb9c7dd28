/* The node's core between an honest broker and a liar. The input is a list of moves: people publish and withdraw, the
 * store commits and answers, time passes, the process is killed; the broker of link "main" is that of the unit tests,
 * which checks that the node keeps the protocol; that of link "south" says the same things bent in any way. The core
 * audits itself after every step. At the end of some runs the honest broker must have judged all that was meant for it,
 * whatever the other said. */
#include "bend.h"
#include "target.h"
#include "unit/node-core/mock.h"
#include "wire/kind.h"
#include "wire/seal_check.h"

enum { MAIN, SOUTH, MOVES_MAX = 1500, DRAFTS_MAX = 400 };

struct play {
    struct world world;
    struct mock honest, liar;
    struct fuzz_input input;
    uint64_t published, delivered;
};

static struct play *play_of(struct mock *mock)
{
    return mock->world->context;
}

/* --- lies --------------------------------------------------------------------------------------------------------- */

static ProtobufCBinaryData bend_encoded(struct fuzz_input *input, const ProtobufCMessageDescriptor *type,
                                        ProtobufCBinaryData encoded, struct wire_arena *arena)
{
    enum wire_status status;
    ProtobufCMessage *message =
        wire_decode(type, wire_bytes(encoded.data, encoded.len), WIRE_STRICT_NONE, arena, &status);
    if (message == NULL)
        return encoded;
    bend_message(input, message, arena);
    struct wire_bytes bent = wire_encode(message, arena);
    ENSURE(bent.data != NULL);
    return strange_of(bent.data, bent.size);
}

static void bend_signed(struct fuzz_input *input, Wire__Signed *signed_, struct wire_arena *arena)
{
    const ProtobufCMessageDescriptor *type = signed_->type == WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT
                                                 ? &wire__receipt_statement__descriptor
                                                 : &wire__arrived_statement__descriptor;
    signed_->statement = bend_encoded(input, type, signed_->statement, arena);
}

static void bend_pulse(struct fuzz_input *input, Wire__Pulse *pulse, struct wire_arena *arena)
{
    bend_message(input, &pulse->base, arena);
    for (size_t i = 0; i < pulse->n_completeness; i++)
        pulse->completeness[i]->statement =
            bend_encoded(input, &wire__completeness_statement__descriptor, pulse->completeness[i]->statement, arena);
}

/* Headers as their origin may have written them; the proof is as good as before. */
static void bend_part(struct fuzz_input *input, Wire__Deliver *deliver, struct wire_arena *arena)
{
    enum wire_status status;
    Wire__Part *part = (Wire__Part *)wire_decode(
        &wire__part__descriptor, wire_bytes(deliver->part.data, deliver->part.len), WIRE_STRICT_NONE, arena, &status);
    for (size_t i = 0; part != NULL && i < part->n_envelope; i++) {
        ProtobufCBinaryData bent = bend_encoded(input, &wire__header__descriptor, part->envelope[i]->header, arena);
        if (wire_header_decode(&bent, arena, &status) != NULL)
            part->envelope[i]->header = bent;
    }
    if (part == NULL)
        return;
    struct wire_bytes encoded = wire_encode(&part->base, arena);
    ENSURE(encoded.data != NULL);
    deliver->part = strange_of(encoded.data, encoded.size);
}

static void bend(struct mock *mock, Wire__Frame *frame, struct wire_arena *arena)
{
    struct fuzz_input *input = &play_of(mock)->input;
    if (!fuzz_one_in(input, 2))
        return;
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_WELCOME:
        bend_message(input, &frame->welcome->base, arena);
        break;
    case WIRE__FRAME__BODY_RECEIPT:
        bend_signed(input, frame->receipt->signed_, arena);
        frame->receipt->number = strange_u64(input, frame->receipt->number);
        break;
    case WIRE__FRAME__BODY_DELIVER: {
        ProtobufCBinaryData part = frame->deliver->part;
        bend_message(input, &frame->deliver->base, arena);
        frame->deliver->part = part;
        bend_part(input, frame->deliver, arena);
        break;
    }
    case WIRE__FRAME__BODY_CREDIT:
        bend_message(input, &frame->credit->base, arena);
        break;
    case WIRE__FRAME__BODY_PULSE:
        bend_pulse(input, frame->pulse, arena);
        break;
    default:
        bend_message(input, &frame->bye->base, arena);
        break;
    }
}

/* What the shell may find out about a part. */
static void bend_deliver(struct fuzz_input *input, struct node_deliver *in, struct wire_arena *arena)
{
    static const enum wire_status parts[] = {WIRE_BAD_SIGNATURE, WIRE_BAD_ROOT, WIRE_UNKNOWN_SIGNER, WIRE_MIXED_BATCH};
    static const enum wire_status envelopes[] = {WIRE_OK,     WIRE_TAMPERED,   WIRE_BAD_HEADER,
                                                 WIRE_ERASED, WIRE_UNREADABLE, WIRE_CANNOT_OPEN};
    if (fuzz_one_in(input, 16)) { /* nothing of it is known, or all but that it is good */
        in->status = parts[fuzz_below(input, 4)];
        if (fuzz_one_in(input, 2)) {
            in->part = NULL;
            in->header = NULL;
            in->envelope_status = NULL;
        }
        return;
    }
    enum wire_status *status = (enum wire_status *)(uintptr_t)in->envelope_status;
    for (size_t i = 0; i < in->part->n_envelope; i++)
        if (in->header[i] != NULL)
            status[i] = fuzz_one_in(input, 8) ? envelopes[fuzz_below(input, 6)] : status[i];
    if (fuzz_one_in(input, 8))
        in->witness = NULL;
    else if (fuzz_one_in(input, 4))
        bend_message(input, (ProtobufCMessage *)(uintptr_t)&in->witness->base, arena);
}

static void bend_event(struct mock *mock, struct node_event *event, struct wire_arena *arena)
{
    struct fuzz_input *input = &play_of(mock)->input;
    if (event->kind == NODE_ON_DELIVER)
        bend_deliver(input, &event->u.deliver, arena);
    if (event->kind == NODE_ON_RECEIPT && fuzz_one_in(input, 32))
        event->u.receipt.status = WIRE_BAD_SIGNATURE;
    if (event->kind == NODE_ON_PULSE) {
        bool *good = (bool *)(uintptr_t)event->u.pulse.completeness_good;
        for (size_t i = 0; i < event->u.pulse.pulse->n_completeness && i < MOCK_LANES; i++)
            good[i] = good[i] && !fuzz_one_in(input, 8);
    }
}

static struct node_event on_south(struct play *play, enum node_event_kind kind)
{
    struct node_event event = world_event(&play->world, kind);
    event.u.link = SOUTH;
    return event;
}

static void policy_piece(struct play *play)
{
    struct fuzz_input *input = &play->input;
    Wire__PolicyPiece piece;
    wire__policy_piece__init(&piece);
    piece.version = strange_u64(input, 2);
    piece.total = (uint32_t)strange_u64(input, 300);
    piece.offset = (uint32_t)strange_u64(input, fuzz_one_in(input, 2) ? 100 : 0);
    struct wire_bytes bytes = fuzz_take(input, fuzz_u8(input));
    piece.bytes = strange_of(bytes.data, bytes.size);
    struct node_event event = on_south(play, NODE_ON_POLICY_PIECE);
    event.u.policy_piece = (struct node_policy_piece){.link = SOUTH, .piece = &piece};
    world_step(&play->world, &event);
}

static void directory_piece(struct play *play)
{
    struct fuzz_input *input = &play->input;
    ProtobufCBinaryData records[8];
    struct node_enrolment change = {.region = strange_region(input, 320000), .enrolled = fuzz_one_in(input, 2)};
    Wire__DirectoryPiece piece;
    wire__directory_piece__init(&piece);
    piece.n_record = fuzz_below(input, 9);
    piece.record = records;
    for (size_t i = 0; i < piece.n_record; i++)
        records[i] = strange_of("record", 6);
    struct node_totals totals;
    node_core_totals(play->world.core, &totals);
    piece.first_epoch = strange_u64(input, totals.directory_epoch + 1);
    piece.last_epoch = strange_u64(input, totals.directory_epoch + piece.n_record);
    struct node_event event = on_south(play, NODE_ON_DIRECTORY_PIECE);
    struct node_directory_piece *in = &event.u.directory_piece;
    *in = (struct node_directory_piece){.link = SOUTH, .piece = &piece};
    /* the shell's directory takes what follows on what it has */
    bool follows = piece.n_record > 0 && piece.first_epoch == totals.directory_epoch + 1;
    in->count_new = follows ? fuzz_below(input, (uint32_t)piece.n_record + 1) : 0;
    in->status = in->count_new == piece.n_record ? WIRE_OK : follows ? WIRE_INVALID : WIRE_GAP;
    in->directory = (struct node_directory){
        .epoch = totals.directory_epoch + in->count_new, .changes = &change, .count = in->count_new > 0 ? 1 : 0};
    world_step(&play->world, &event);
}

/* Frames that the honest broker has no occasion to send, and links that break. */
static void liar_moves(struct play *play)
{
    struct fuzz_input *input = &play->input;
    struct node_event event;
    if (!play->world.connected[SOUTH]) {
        world_up(&play->world, SOUTH);
        return;
    }
    switch (fuzz_below(input, 8)) {
    case 0:
        policy_piece(play);
        break;
    case 1:
        directory_piece(play);
        break;
    case 2:
        mock_bye(&play->liar, fuzz_one_in(input, 2) ? WIRE_SHUTTING_DOWN : WIRE_FORK_STOPPED);
        break;
    case 3:
        event = on_south(play, NODE_ON_BAD_FRAME);
        event.u.bad = (struct node_bad_frame){.link = SOUTH, .status = WIRE_BAD_FRAME};
        world_step(&play->world, &event);
        break;
    case 4:
        if (fuzz_one_in(input, 4))
            mock_lose(&play->liar);
        break;
    case 5:
        play->liar.standing = (Wire__Standing)fuzz_below(input, 4);
        break;
    case 6:
        play->liar.outcome = (Wire__ReceiptOutcome)fuzz_below(input, 5);
        play->liar.outcome_reason = WIRE_TAMPERED;
        play->liar.expects = fuzz_below(input, 8);
        break;
    default:
        mock_pulse(&play->liar);
        break;
    }
}

/* --- people, store, weather --------------------------------------------------------------------------------------- */

static const char *any_mechanism(struct play *play)
{
    static const char *const names[] = {"yangtze-delta", "zhuhai-macao", "national", "zhuhai-macao"};
    return names[fuzz_below(&play->input, 4)];
}

static void publish(struct play *play)
{
    struct fuzz_input *input = &play->input;
    struct world_draft drafts[4];
    size_t count = 1 + fuzz_below(input, 4);
    if (play->published + count > DRAFTS_MAX)
        return;
    for (size_t i = 0; i < count; i++) {
        drafts[i] = (struct world_draft){.n = fuzz_one_in(input, 24) ? UINT64_C(1) + fuzz_u8(input) : ++play->published,
                                         .mechanism = any_mechanism(play),
                                         .lane = (Wire__Lane)fuzz_below(input, WIRE_LANES),
                                         .payload_bytes = 1 + fuzz_u8(input) * 16u};
        if (fuzz_one_in(input, 6)) {
            drafts[i].action = fuzz_one_in(input, 2) ? WIRE__ACTION__UPDATE : WIRE__ACTION__CANCEL;
            drafts[i].names = 1 + fuzz_u8(input) % (play->published + 2);
        }
        if (fuzz_one_in(input, 8)) {
            drafts[i].asked_origin = 320000;
            drafts[i].asked = 1000000 + fuzz_u8(input) % (play->delivered + 1);
            drafts[i].kind = WIRE_KIND_ACKNOWLEDGEMENT;
        }
        if (fuzz_one_in(input, 12))
            drafts[i].expires_ms = play->world.wall_ms + fuzz_u16(input);
        if (fuzz_one_in(input, 24))
            drafts[i].payload_bytes = 100 * 1024;
    }
    world_publish(&play->world, drafts, count);
}

static void deliver(struct play *play, struct mock *mock)
{
    static const uint32_t kinds[] = {0, WIRE_KIND_ACKNOWLEDGEMENT, WIRE_KIND_OUTCOME, WIRE_KIND_REMINDER, 77};
    static const Wire__Action actions[] = {WIRE__ACTION__ISSUE, WIRE__ACTION__UPDATE, WIRE__ACTION__CANCEL};
    struct fuzz_input *input = &play->input;
    struct mock_envelope envelopes[4];
    size_t count = 1 + fuzz_below(input, 4);
    bool honest = mock == &play->honest;
    uint32_t kind = kinds[fuzz_below(input, honest ? 2 : 5)];
    if (play->delivered > 300 || mock->say_count > 200)
        return;
    for (size_t i = 0; i < count; i++) {
        envelopes[i] = (struct mock_envelope){.n = 1000000 + play->delivered++, .kind = kind};
        envelopes[i].answers = kind == WIRE_KIND_ACKNOWLEDGEMENT || kind == WIRE_KIND_OUTCOME
                                   ? 1 + fuzz_u8(input) % (play->published + 1)
                                   : 0;
        envelopes[i].final = fuzz_one_in(input, 2);
        envelopes[i].action = actions[fuzz_one_in(input, 6) ? fuzz_below(input, 3) : 0];
        envelopes[i].names = 1000000 + fuzz_u8(input) % play->delivered;
        envelopes[i].no_header = !honest && fuzz_one_in(input, 16);
        envelopes[i].clear = !honest && fuzz_one_in(input, 16);
        if (!honest && fuzz_one_in(input, 16))
            envelopes[i].n = 1000000 + fuzz_u8(input) % play->delivered;
    }
    const char *mechanism = honest ? (fuzz_one_in(input, 2) ? "national" : "yangtze-delta") : "zhuhai-macao";
    mock_deliver(mock, mechanism, (Wire__Lane)fuzz_below(input, WIRE_LANES), envelopes, count);
}

static void restart(struct play *play)
{
    mock_gone(&play->honest);
    mock_gone(&play->liar);
    world_crash(&play->world);
    world_boot(&play->world);
    world_policy(&play->world, 1);
    world_up(&play->world, MAIN);
    world_up(&play->world, SOUTH);
}

static void weather(struct play *play)
{
    struct fuzz_input *input = &play->input;
    struct world *world = &play->world;
    struct node_event event;
    switch (fuzz_below(input, 12)) {
    case 0:
        if (fuzz_one_in(input, 4))
            restart(play);
        break;
    case 1:
        event = world_event(world, NODE_ON_ROOM);
        event.u.room = fuzz_one_in(input, 2);
        world_step(world, &event);
        break;
    case 2:
        world->wall_ms += strange_ms(input, 40000) % INT64_C(400000000);
        world->wall_ms = world->wall_ms < 1 ? 1 : world->wall_ms;
        break;
    case 3:
        world_policy(world, 1 + fuzz_below(input, 4));
        break;
    case 4:
        world_erased(world);
        break;
    case 5:
        if (fuzz_one_in(input, 4))
            mock_lose(&play->honest);
        break;
    case 6:
        event = world_event(world, NODE_ON_RECONNECT);
        event.u.link = (uint8_t)fuzz_below(input, 2);
        world_step(world, &event);
        break;
    case 7: /* as if the process had been stopped */
        world_pass(world, (int64_t)fuzz_u16(input) * 60000);
        break;
    default:
        world_pass(world, fuzz_u16(input) % 6000);
        break;
    }
}

static void people(struct play *play, uint8_t what)
{
    switch (what) {
    case 0:
    case 1:
        publish(play);
        break;
    case 2:
        world_withdraw(&play->world, 1 + fuzz_u8(&play->input) % (play->published + 1));
        break;
    case 3:
        deliver(play, fuzz_one_in(&play->input, 2) ? &play->honest : &play->liar);
        break;
    default:
        if (!play->world.connected[MAIN])
            world_up(&play->world, MAIN);
        mock_pulse(&play->honest);
        break;
    }
}

static void move(struct play *play)
{
    struct world *world = &play->world;
    uint8_t what = fuzz_u8(&play->input) % 24;
    if (what < 5)
        people(play, what);
    else if (what < 8)
        world_commit(world);
    else if (what < 10)
        world_fetched(world);
    else if (what < 12)
        world_sealed(world);
    else if (what < 14)
        mock_hear(&play->honest);
    else if (what < 16)
        mock_speak(&play->honest);
    else if (what < 18)
        mock_hear(&play->liar);
    else if (what < 20)
        mock_speak(&play->liar);
    else if (what == 20)
        mock_arrive(fuzz_one_in(&play->input, 2) ? &play->honest : &play->liar);
    else if (what == 21)
        liar_moves(play);
    else
        weather(play);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static size_t drafts_of(const struct world *world, const char *link)
{
    struct node_key prefix = node_key_link(link);
    size_t count = 0;
    for (size_t at = rows_seek(&world->store, NODE_TABLE_DRAFT, node_key_bytes(&prefix));
         at < world->store.count && world->store.entry[at].table == NODE_TABLE_DRAFT; at++)
        count += world->store.entry[at].key.size >= prefix.size &&
                 memcmp(world->store.entry[at].key.data, prefix.data, prefix.size) == 0;
    return count;
}

/* The liar falls silent; what was meant for the honest broker is judged there within a bound. */
static void heal(struct play *play)
{
    struct world *world = &play->world;
    mock_lose(&play->liar);
    struct node_event event = world_event(world, NODE_ON_ROOM);
    event.u.room = true;
    world_step(world, &event);
    for (int i = 0; i < 80; i++) {
        if (!world->connected[MAIN])
            world_up(world, MAIN);
        mock_settle(&play->honest);
        world_pass(world, 2000);
        mock_pulse(&play->honest);
        mock_settle(&play->honest);
    }
    ENSURE(drafts_of(world, "main") == 0);
    for (size_t i = 0; i < play->honest.id_count; i++)
        ENSURE(play->honest.id[i].judged == 1);
}

static void play_open(struct play *play, struct fuzz_input input)
{
    static struct world_memory *memory;
    static void *honest_memory, *liar_memory;
    if (memory == NULL) {
        memory = world_memory_new();
        memory->hash = fuzz_hash();
        honest_memory = malloc(MOCK_BUILD_BYTES);
        liar_memory = malloc(MOCK_BUILD_BYTES);
        ENSURE(honest_memory != NULL && liar_memory != NULL);
    }
    world_open_in(&play->world, memory);
    play->world.context = play;
    play->world.options.lanes_max = 16;
    play->world.options.streams_max = 32;
    play->input = input;
    play->published = play->delivered = 0;
    mock_init_in(&play->honest, &play->world, MAIN, honest_memory);
    mock_init_in(&play->liar, &play->world, SOUTH, liar_memory);
    play->liar.bend = bend;
    play->liar.bend_event = bend_event;
    play->liar.rolled_back_allowed = true;
    world_boot(&play->world);
    world_policy(&play->world, 1);
    world_up(&play->world, MAIN);
    world_up(&play->world, SOUTH);
}

static void play_close(struct play *play)
{
    mock_close(&play->honest);
    mock_close(&play->liar);
    world_close(&play->world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct play play;
    struct fuzz_input input = fuzz_input_long(data, size);
    bool heals = fuzz_one_in(&input, 4);
    play_open(&play, input);
    for (int moves = 0; fuzz_more(&play.input) && moves < MOVES_MAX && !play.world.stopped; moves++)
        move(&play);
    if (heals && !play.world.stopped)
        heal(&play);
    ENSURE(!play.world.stopped); /* no broker can make a node give up its store */
    fuzz_count(play.world.steps);
    play_close(&play);
    return 0;
}
