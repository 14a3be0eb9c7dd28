#include "lianfang/field.h"
#include "lianfang/world.h"

#include "certs/hash.h"
#include "wire/codec.h"
#include "wire/credit.h"
#include "wire/lane.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void option(struct member *member, int name, int value)
{
    if (zmq_setsockopt(member->socket, name, &value, sizeof(value)) != 0)
        plan_void("socket option %d: %s", name, zmq_strerror(errno));
}

static void key(struct member *member, int name, const uint8_t *bytes)
{
    if (zmq_setsockopt(member->socket, name, bytes, WIRE_HASH_BYTES) != 0)
        plan_void("CURVE key: %s", zmq_strerror(errno));
}

void member_send_bytes(struct member *member, const void *data, size_t size)
{
    if (zmq_send(member->socket, data, size, ZMQ_DONTWAIT) < 0)
        plan_void("%06u cannot send: %s", member->region, zmq_strerror(errno));
    loop_readable(member);
    member->world->frames_out++;
    member->world->bytes_out += size;
}

void member_send(struct member *member, Wire__Frame__BodyCase body, void *message)
{
    Wire__Frame frame;
    wire__frame__init(&frame);
    frame.body_case = body;
    frame.hello = message; /* whichever it is: members of one union */
    size_t mark = wire_arena_mark(&member->world->arena);
    struct wire_bytes bytes = wire_encode(&frame.base, &member->world->arena);
    ENSURE(bytes.data != NULL);
    member_send_bytes(member, bytes.data, bytes.size);
    wire_arena_back(&member->world->arena, mark);
}

/* Where each stream stands, for a broker that comes back. */
static size_t heads(const struct member *member, Wire__StreamHead *head, Wire__StreamHead **list)
{
    size_t count = 0;
    for (uint32_t i = 0; member->publisher >= 0 && i < member->world->flows; i++) {
        const struct stream *stream = &member->stream[i];
        if (stream->last == 0)
            continue;
        wire__stream_head__init(&head[count]);
        head[count].mechanism = (char *)(uintptr_t)stream->flow->mechanism;
        head[count].lane = stream->flow->lane;
        head[count].store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, (uint8_t *)(uintptr_t)stream->store_id};
        head[count].head = stream->last;
        head[count].has_receipted = true;
        head[count].receipted = stream->sent_count == 0 ? stream->last : stream->sent[stream->sent_head].first - 1;
        list[count] = &head[count];
        count++;
    }
    return count;
}

static size_t cursors(struct member *member, Wire__Cursor *cursor, Wire__Cursor **list)
{
    for (uint32_t i = 0; i < member->cursors; i++) {
        wire__cursor__init(&cursor[i]);
        cursor[i].mechanism = member->cursor[i].mechanism;
        cursor[i].lane = member->cursor[i].lane;
        cursor[i].generation = member->generation;
        cursor[i].number = member->cursor[i].number;
        cursor[i].chain = (ProtobufCBinaryData){WIRE_HASH_BYTES, member->cursor[i].chain.bytes};
        list[i] = &cursor[i];
    }
    return member->cursors;
}

static void hello(struct member *member)
{
    Wire__StreamHead head[FLOWS_MAX], *head_list[FLOWS_MAX];
    Wire__Cursor cursor[MEMBER_CURSORS], *cursor_list[MEMBER_CURSORS];
    uint8_t nonce[WIRE_ID_BYTES];
    Wire__Hello hello;
    Wire__Grant grant[WIRE_LANES], *grants[WIRE_LANES];
    cert_random(nonce, sizeof(nonce));
    wire__hello__init(&hello);
    hello.version_min = hello.version_max = WIRE_PROTOCOL_VERSION;
    hello.software = (char *)(uintptr_t) "bench";
    hello.region = member->region;
    hello.store_id = (ProtobufCBinaryData){WIRE_ID_BYTES, member->stream[0].store_id};
    hello.policy_version = member->world->policy_version;
    hello.directory_epoch = cert_directory_epoch(member->world->directory);
    hello.receipts_taken = member->receipts_taken;
    hello.token = member->has_token ? &member->token : NULL;
    hello.stream = head_list;
    hello.n_stream = heads(member, head, head_list);
    hello.cursor = cursor_list;
    hello.n_cursor = cursors(member, cursor, cursor_list);
    hello.nonce = (ProtobufCBinaryData){sizeof(nonce), nonce};
    for (size_t lane = 0; lane < WIRE_LANES; lane++) {
        member->submit[lane] = (struct lane_credit){0};
        member->deliver[lane] = (struct lane_credit){.granted = wire_credit_window((uint32_t)lane)};
        wire__grant__init(&grant[lane]);
        grant[lane].lane = (Wire__Lane)lane;
        grant[lane].offset = wire_credit_window((uint32_t)lane);
        grants[lane] = &grant[lane];
    }
    hello.grant = grants;
    hello.n_grant = WIRE_LANES;
    member_send(member, WIRE__FRAME__BODY_HELLO, &hello);
}

void member_connect(struct member *member)
{
    struct world *world = member->world;
    char endpoint[128];
    const struct cert_entry *broker =
        cert_directory_current(world->directory, 0, WIRE__USAGE__USAGE_TRANSPORT, world_wall_ms());
    member->socket = zmq_socket(world->zmq, ZMQ_DEALER);
    if (member->socket == NULL || broker == NULL)
        plan_void("no socket for %06u: %s", member->region, zmq_strerror(errno));
    option(member, ZMQ_LINGER, 0);
    option(member, ZMQ_RECONNECT_IVL, 500); /* while the broker is not there yet; what was sent waits */
    option(member, ZMQ_SNDHWM, 4096);
    option(member, ZMQ_RCVHWM, 0);
    option(member, ZMQ_SNDBUF, 128 * 1024);
    key(member, ZMQ_CURVE_SERVERKEY, broker->subject.curve);
    key(member, ZMQ_CURVE_PUBLICKEY, cert_identity_curve_public(member->identity));
    key(member, ZMQ_CURVE_SECRETKEY, cert_identity_curve_secret(member->identity));
    snprintf(endpoint, sizeof(endpoint), "tcp://%s:%d", world->plan->host, world->plan->port);
    if (zmq_connect(member->socket, endpoint) != 0)
        plan_void("%s: %s", endpoint, zmq_strerror(errno));
    loop_add(member);
    hello(member);
}

void member_disconnect(struct member *member)
{
    loop_remove(member);
    zmq_close(member->socket);
    member->socket = NULL;
    member->answers = 0; /* HELLO's cursors say it */
    wire_arena_reset(&member->answer_arena);
    member->world->live -= member->live;
    member->live = false;
}

/* --- what comes --------------------------------------------------------------------------------------------------- */

static void pulse(struct member *member, Wire__LineageToken *confirmed)
{
    Wire__Pulse pulse;
    wire__pulse__init(&pulse);
    pulse.serial = ++member->pulse_serial;
    pulse.mono_ms = (int64_t)(plan_now_ns() / 1000000);
    pulse.wall_ms = world_wall_ms();
    pulse.confirmed = confirmed;
    pulse.has_echo_mono_ms = member->echo_mono_ms != 0;
    pulse.echo_mono_ms = member->echo_mono_ms;
    member_send(member, WIRE__FRAME__BODY_PULSE, &pulse);
    member->pulse_at_ns = plan_now_ns() + member->pulse_every_ns;
}

void member_pulse(struct member *member)
{
    pulse(member, NULL);
}

static void take_grants(struct member *member, Wire__Grant *const *grants, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ((unsigned)grants[i]->lane < WIRE_LANES && grants[i]->offset > member->submit[grants[i]->lane].granted)
            member->submit[grants[i]->lane].granted = grants[i]->offset;
}

static void keep_token(struct member *member, const Wire__LineageToken *token)
{
    if (token->ledger_id.len != WIRE_ID_BYTES || token->random.len != WIRE_ID_BYTES)
        plan_void("a token that is none");
    memcpy(member->token_ledger, token->ledger_id.data, WIRE_ID_BYTES);
    memcpy(member->token_random, token->random.data, WIRE_ID_BYTES);
    member->token = *token;
    member->token.ledger_id.data = member->token_ledger;
    member->token.random.data = member->token_random;
    member->has_token = true;
}

static void on_welcome(struct member *member, Wire__Welcome *welcome)
{
    if (welcome->standing != WIRE__STANDING__NORMAL)
        plan_void("%06u is welcomed as %d", member->region, (int)welcome->standing);
    take_grants(member, welcome->grant, welcome->n_grant);
    member->generation = welcome->generation;
    for (size_t i = 0; i < welcome->n_number; i++)
        if (welcome->number[i]->serial > member->number_serial)
            member->number_serial = welcome->number[i]->serial;
    keep_token(member, welcome->token);
    member->pulse_every_ns = (uint64_t)welcome->pulse_ms * 1000000;
    pulse(member, welcome->token);
    member->live = true;
    member->world->live++;
}

static void on_credit(struct member *member, const Wire__Credit *credit)
{
    take_grants(member, credit->grant, credit->n_grant);
    if (credit->has_reason && credit->reason != WIRE_OK)
        plan_void("the broker grants nothing: %s", wire_status_name(credit->reason));
    if (credit->has_wanted && credit->has_wanted_lane && (unsigned)credit->wanted_lane < WIRE_LANES)
        member->deliver[credit->wanted_lane].wanted = credit->wanted;
}

/* What has an entry for each message is read in place; all else is decoded. */
static bool in_place(struct member *member, struct wire_bytes frame)
{
    struct wire_bytes rest = frame;
    struct field field;
    if (!field_next(&rest, &field) || rest.size != 0 || !field.is_bytes)
        return false;
    if (field.number == WIRE__FRAME__BODY_DELIVER)
        receive_part(member, field.bytes, frame.size);
    else if (field.number == WIRE__FRAME__BODY_RECEIPT)
        receive_receipt(member, field.bytes);
    else
        return false;
    return true;
}

void member_on_frame(struct member *member, const void *data, size_t size)
{
    struct world *world = member->world;
    enum wire_status status;
    wire_arena_reset(&world->arena);
    if (in_place(member, wire_bytes(data, size)))
        return;
    Wire__Frame *frame = (Wire__Frame *)wire_decode(&wire__frame__descriptor, wire_bytes(data, size), WIRE_STRICT_ALL,
                                                    &world->arena, &status);
    if (frame == NULL)
        plan_void("a frame of the broker: %s", wire_status_name(status));
    switch (frame->body_case) {
    case WIRE__FRAME__BODY_WELCOME:
        on_welcome(member, frame->welcome);
        break;
    case WIRE__FRAME__BODY_CREDIT:
        on_credit(member, frame->credit);
        break;
    case WIRE__FRAME__BODY_PULSE:
        member->echo_mono_ms = frame->pulse->mono_ms;
        break;
    case WIRE__FRAME__BODY_BYE:
        if (world->crowd && frame->bye->reason == WIRE_SHUTTING_DOWN)
            break; /* the round restarts the broker */
        plan_void("%06u got BYE: %s", member->region, wire_status_name(frame->bye->reason));
    default:
        break; /* directory, policy: ours are those it has */
    }
}
