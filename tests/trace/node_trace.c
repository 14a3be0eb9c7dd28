/* Traces of the node's core. A trace is a text: lines that begin with "> " are what happens, the lines below each are
 * the effects, exactly. The core runs among the fakes of tests/unit/node-core: a store, a shell and a small broker that
 * does what it should unless a line says otherwise.
 *
 *   node_trace <file>            0 when the effects are those of the file
 *   TRACE_WRITE=1 node_trace …   writes the file anew
 *
 * What can happen:
 *   boot | crash | lose-store          (crash: killed and booted again, without what was not committed)
 *   backup | restore                   of the disk; then booted again
 *   policy <version> [in <ms>]         directory <epoch> [+region] [-region] …
 *   up | lost | reconnect              of link main
 *   commit | fetched | sealed | erased one thing that waits; settle: all of them, until nothing waits
 *   pass <ms>                          time goes on, then TIMER
 *   jump <ms>                          the wall clock jumps, then TIMER
 *   room full | room free
 *   publish <n> [urgent …] [key=value …] [; <n> …]   mechanism kind action names asked final expires-in keep bytes
 *   withdraw <n>
 *   sealing <n> <status>               what the shell answers for envelope n from now on
 *   hear | speak | talk | settle-all   the broker hears one frame, says one, says all; everything until both rest
 *   standing <fork|rolled-back|stopped>      of the next WELCOME
 *   answer <bad-batch|conflict|expected-first> [status] [first]   to the next SUBMIT
 *   verdict <code> [status]            for every new envelope from now on
 *   credit <status>                    CREDIT without grants and with a reason; credit off: none comes back
 *   deliver <lane> <n> [key=value …] [; <n> …]
 *       mechanism origin kind action names answers final status no-header clear
 *   skip | mangle | forge              the broker loses the part it would send next, changes its running hash, signs
 *                                      for a hash that is not the one it sent
 *   overrun | hush | again             it sends without looking at credit, leaves completeness out of its pulses, says
 *                                      its newest receipt again
 *   lie <root|id|verdict>              in the next receipt: another root, first id, first verdict
 *   lie <fewer|hash|more>              in the next statement of completeness
 *   arrive | pulse | bye <status>      of the broker
 *   lose-ledger <batches>              the broker is restored to so many batches, its operator accepts the loss
 *   piece <version> <offset> <bytes> <total>         of a policy
 *   bad-frame <status>
 *   quiet <line>                       does it without showing effects
 * Lines with # are for readers. */
#include "unit/node-core/mock.h"
#include "wire/codec.h"
#include "wire/ensure.h"
#include "wire/kind.h"
#include "wire/lane.h"
#include <stdio.h>

enum { TEXT_BYTES = 4 * 1024 * 1024, SEALINGS = 16 };

struct trace {
    struct world world;
    struct mock mock;
    const char *file;
    int line;
    struct {
        uint8_t id[WIRE_ID_BYTES];
        enum wire_status status;
    } sealing[SEALINGS];
    size_t sealing_count;
    char lie[16];
    struct rows image; /* of the disk, taken by `backup` */
};

_Noreturn static void bad_line(const struct trace *trace, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", trace->file, trace->line, what);
    exit(2);
}

static enum wire_status seal_status(void *context, const uint8_t *id)
{
    const struct trace *trace = context;
    for (size_t i = 0; i < trace->sealing_count; i++)
        if (memcmp(trace->sealing[i].id, id, WIRE_ID_BYTES) == 0)
            return trace->sealing[i].status;
    return WIRE_OK;
}

static enum wire_status status_of(const struct trace *trace, const char *name)
{
    enum wire_status status = wire_status_parse(name);
    if (status == WIRE_NOT_FOUND && strcmp(name, "not-found") != 0)
        bad_line(trace, "no such status");
    return status;
}

/* The next word of the line; NULL at its end. */
static char *word(char **rest)
{
    char *start = *rest + strspn(*rest, " ");
    size_t size = strcspn(start, " ");
    if (size == 0)
        return NULL;
    *rest = start + size + (start[size] == ' ');
    start[size] = '\0';
    return start;
}

static char *needed(const struct trace *trace, char **rest)
{
    char *text = word(rest);
    if (text == NULL)
        bad_line(trace, "something is missing");
    return text;
}

static uint64_t number(const struct trace *trace, char **rest)
{
    char *text = needed(trace, rest), *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*end != '\0')
        bad_line(trace, "a number is wanted");
    return value;
}

static uint32_t kind_of(const struct trace *trace, const char *name)
{
    const struct wire_kind *kind = wire_kind_by_name(name);
    if (kind == NULL && strcmp(name, "unknown") != 0)
        bad_line(trace, "no such kind");
    return kind == NULL ? 77 : kind->number;
}

static Wire__Action action_of(const char *name)
{
    return strcmp(name, "cancel") == 0 ? WIRE__ACTION__CANCEL : WIRE__ACTION__UPDATE;
}

/* --- publish and deliver --------------------------------------------------------------------------------------------
 */

static void draft_word(struct trace *trace, struct world_draft *draft, char *text)
{
    char *value = strchr(text, '=');
    if (value == NULL) {
        if (strcmp(text, "final") == 0)
            draft->final = true;
        else if (!wire_lane_parse(text, &draft->lane))
            bad_line(trace, "no such lane");
        return;
    }
    *value++ = '\0';
    if (strcmp(text, "mechanism") == 0)
        draft->mechanism = value;
    else if (strcmp(text, "kind") == 0)
        draft->kind = kind_of(trace, value);
    else if (strcmp(text, "action") == 0)
        draft->action = action_of(value);
    else if (strcmp(text, "names") == 0)
        draft->names = strtoull(value, NULL, 10);
    else if (strcmp(text, "asked") == 0) {
        draft->asked_origin = 320000;
        draft->asked = strtoull(value, NULL, 10);
    } else if (strcmp(text, "expires-in") == 0)
        draft->expires_ms = trace->world.wall_ms + strtoll(value, NULL, 10);
    else if (strcmp(text, "keep") == 0)
        draft->keep_until = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(text, "bytes") == 0)
        draft->payload_bytes = (uint32_t)strtoul(value, NULL, 10);
    else
        bad_line(trace, "no such field");
}

static void publish(struct trace *trace, char *rest)
{
    struct world_draft drafts[64] = {{0}};
    size_t count = 0;
    for (;;) {
        ENSURE(count < 64);
        struct world_draft *draft = &drafts[count++];
        draft->lane = WIRE__LANE__ROUTINE;
        draft->n = number(trace, &rest);
        char *text;
        while ((text = word(&rest)) != NULL && strcmp(text, ";") != 0)
            draft_word(trace, draft, text);
        if (text == NULL)
            break;
    }
    world_publish(&trace->world, drafts, count);
}

static void envelope_word(struct trace *trace, struct mock_envelope *envelope, const char **mechanism, char *text)
{
    char *value = strchr(text, '=');
    if (value == NULL) {
        if (strcmp(text, "final") == 0)
            envelope->final = true;
        else if (strcmp(text, "no-header") == 0)
            envelope->no_header = true;
        else if (strcmp(text, "clear") == 0)
            envelope->clear = true;
        else
            bad_line(trace, "no such word");
        return;
    }
    *value++ = '\0';
    if (strcmp(text, "mechanism") == 0)
        *mechanism = value;
    else if (strcmp(text, "origin") == 0)
        envelope->origin = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(text, "kind") == 0)
        envelope->kind = kind_of(trace, value);
    else if (strcmp(text, "action") == 0)
        envelope->action = action_of(value);
    else if (strcmp(text, "names") == 0)
        envelope->names = strtoull(value, NULL, 10);
    else if (strcmp(text, "answers") == 0)
        envelope->answers = strtoull(value, NULL, 10);
    else if (strcmp(text, "status") == 0)
        envelope->status = status_of(trace, value);
    else if (strcmp(text, "bytes") == 0)
        envelope->payload_bytes = (uint32_t)strtoul(value, NULL, 10);
    else
        bad_line(trace, "no such field");
}

static void deliver(struct trace *trace, char *rest)
{
    struct mock_envelope envelopes[64] = {{0}};
    const char *mechanism = "yangtze-delta";
    Wire__Lane lane;
    size_t count = 0;
    if (!wire_lane_parse(needed(trace, &rest), &lane))
        bad_line(trace, "no such lane");
    for (;;) {
        ENSURE(count < 64);
        struct mock_envelope *envelope = &envelopes[count++];
        envelope->n = number(trace, &rest);
        char *text;
        while ((text = word(&rest)) != NULL && strcmp(text, ";") != 0)
            envelope_word(trace, envelope, &mechanism, text);
        if (text == NULL)
            break;
    }
    mock_deliver(&trace->mock, mechanism, lane, envelopes, count);
}

/* --- events that are made here --------------------------------------------------------------------------------------
 */

static void policy(struct trace *trace, char *rest)
{
    static const uint8_t stands_for_a_policy[16];
    struct node_event event = world_event(&trace->world, NODE_ON_POLICY);
    event.u.policy.policy = (const struct rules_policy *)(const void *)stands_for_a_policy;
    event.u.policy.version = number(trace, &rest);
    event.u.policy.in_force_ms = trace->world.wall_ms;
    char *in = word(&rest);
    if (in != NULL)
        event.u.policy.in_force_ms += (int64_t)number(trace, &rest);
    event.u.policy.bytes = wire_bytes("", 0);
    world_step(&trace->world, &event);
}

static void directory(struct trace *trace, char *rest)
{
    struct node_enrolment changes[32];
    struct node_event event = world_event(&trace->world, NODE_ON_DIRECTORY);
    event.u.directory = (struct node_directory){.epoch = number(trace, &rest), .changes = changes};
    char *text;
    while ((text = word(&rest)) != NULL && event.u.directory.count < 32)
        changes[event.u.directory.count++] =
            (struct node_enrolment){.region = (uint32_t)strtoul(text + 1, NULL, 10), .enrolled = text[0] == '+'};
    world_step(&trace->world, &event);
}

static void piece(struct trace *trace, char *rest)
{
    Wire__PolicyPiece message;
    struct node_event event = world_event(&trace->world, NODE_ON_POLICY_PIECE);
    wire__policy_piece__init(&message);
    message.version = number(trace, &rest);
    message.offset = (uint32_t)number(trace, &rest);
    message.bytes.len = (size_t)number(trace, &rest);
    message.total = (uint32_t)number(trace, &rest);
    message.bytes.data = calloc(1, message.bytes.len + 1);
    ENSURE(message.bytes.data != NULL);
    event.u.policy_piece.piece = &message;
    world_step(&trace->world, &event);
    free(message.bytes.data);
}

static void reconnect(struct trace *trace)
{
    struct node_event event = world_event(&trace->world, NODE_ON_RECONNECT);
    event.u.link = 0;
    world_step(&trace->world, &event);
}

static void room(struct trace *trace, char *rest)
{
    struct node_event event = world_event(&trace->world, NODE_ON_ROOM);
    event.u.room = strcmp(needed(trace, &rest), "free") == 0;
    world_step(&trace->world, &event);
}

static void bad_frame(struct trace *trace, char *rest)
{
    struct node_event event = world_event(&trace->world, NODE_ON_BAD_FRAME);
    event.u.bad.status = status_of(trace, needed(trace, &rest));
    world_step(&trace->world, &event);
}

static void jump(struct trace *trace, char *rest)
{
    char *text = needed(trace, &rest);
    trace->world.wall_ms += strtoll(text, NULL, 10);
    world_pass(&trace->world, 0);
}

static void credit(struct trace *trace, char *rest)
{
    struct node_event event = world_event(&trace->world, NODE_ON_CREDIT);
    Wire__Credit message;
    char *text = needed(trace, &rest);
    if (strcmp(text, "off") == 0) {
        trace->mock.no_credit_back = true;
        return;
    }
    wire__credit__init(&message);
    message.has_reason = true;
    message.reason = (uint32_t)status_of(trace, text);
    event.u.credit.credit = &message;
    world_step(&trace->world, &event);
}

/* --- the broker's doings --------------------------------------------------------------------------------------------
 */

static void standing(struct trace *trace, char *rest)
{
    const char *text = needed(trace, &rest);
    trace->mock.standing = strcmp(text, "fork") == 0          ? WIRE__STANDING__FORK
                           : strcmp(text, "rolled-back") == 0 ? WIRE__STANDING__ROLLED_BACK
                                                              : WIRE__STANDING__STOPPED;
}

static void answer(struct trace *trace, char *rest)
{
    const char *text = needed(trace, &rest);
    trace->mock.outcome = strcmp(text, "bad-batch") == 0  ? WIRE__RECEIPT_OUTCOME__BAD_BATCH
                          : strcmp(text, "conflict") == 0 ? WIRE__RECEIPT_OUTCOME__CONFLICT
                                                          : WIRE__RECEIPT_OUTCOME__EXPECTED_FIRST;
    trace->mock.outcome_reason = WIRE_OK;
    trace->mock.expects = 0;
    if (trace->mock.outcome == WIRE__RECEIPT_OUTCOME__EXPECTED_FIRST) {
        char *first = word(&rest);
        trace->mock.expects = first == NULL ? 0 : strtoull(first, NULL, 10);
    } else if ((text = word(&rest)) != NULL) {
        trace->mock.outcome_reason = status_of(trace, text);
    }
}

static void verdict(struct trace *trace, char *rest)
{
    const char *text = needed(trace, &rest), *reason = word(&rest);
    trace->mock.verdict = strcmp(text, "refused") == 0   ? WIRE__VERDICT_CODE__REFUSED
                          : strcmp(text, "expired") == 0 ? WIRE__VERDICT_CODE__EXPIRED
                                                         : WIRE__VERDICT_CODE__ADMITTED;
    trace->mock.verdict_reason = reason == NULL ? WIRE_OK : status_of(trace, reason);
}

static void sealing(struct trace *trace, char *rest)
{
    ENSURE(trace->sealing_count < SEALINGS);
    world_id(number(trace, &rest), trace->sealing[trace->sealing_count].id);
    trace->sealing[trace->sealing_count++].status = status_of(trace, needed(trace, &rest));
    for (size_t i = 0; i + 1 < trace->sealing_count; i++)
        if (memcmp(trace->sealing[i].id, trace->sealing[trace->sealing_count - 1].id, WIRE_ID_BYTES) == 0)
            trace->sealing[i].status = trace->sealing[trace->sealing_count - 1].status;
}

static void pass(struct trace *trace, char *rest)
{
    world_pass(&trace->world, (int64_t)number(trace, &rest));
}

static void withdraw(struct trace *trace, char *rest)
{
    world_withdraw(&trace->world, number(trace, &rest));
}

static void bye(struct trace *trace, char *rest)
{
    mock_bye(&trace->mock, status_of(trace, needed(trace, &rest)));
}

static void lose_ledger(struct trace *trace, char *rest)
{
    mock_lose_ledger(&trace->mock, number(trace, &rest));
}

static void lose_store(struct trace *trace)
{
    rows_clear(&trace->world.durable);
    trace->mock.rolled_back_allowed = true;
    mock_gone(&trace->mock);
    world_crash(&trace->world);
    world_boot(&trace->world);
}

static void talk(struct trace *trace)
{
    while (mock_speak(&trace->mock))
        continue;
}

static void back_up(struct trace *trace)
{
    rows_copy(&trace->image, &trace->world.durable);
}

static void restore(struct trace *trace)
{
    rows_copy(&trace->world.durable, &trace->image);
    trace->mock.rolled_back_allowed = true;
    mock_gone(&trace->mock);
    world_crash(&trace->world);
    world_boot(&trace->world);
}

static void crash(struct trace *trace)
{
    mock_gone(&trace->mock);
    world_crash(&trace->world);
    world_boot(&trace->world);
}

static void up(struct trace *trace)
{
    world_up(&trace->world, 0);
}

/* --- lies -----------------------------------------------------------------------------------------------------------
 */

static void sign_anew(Wire__Signed *signed_, const ProtobufCMessage *statement, struct wire_arena *arena)
{
    struct wire_bytes bytes = wire_encode(statement, arena);
    ENSURE(bytes.data != NULL);
    signed_->statement = (ProtobufCBinaryData){bytes.size, (uint8_t *)(uintptr_t)bytes.data};
}

static bool lie_in_receipt(const char *what, Wire__Signed *signed_, struct wire_arena *arena)
{
    Wire__ReceiptStatement *statement =
        wire__receipt_statement__unpack(&arena->allocator, signed_->statement.len, signed_->statement.data);
    if (signed_->type != WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT || statement == NULL || statement->n_verdict == 0)
        return false;
    if (strcmp(what, "root") == 0) {
        statement->root.data[0] ^= 0xff;
    } else if (strcmp(what, "id") == 0) {
        statement->verdict[0]->id.data[0] ^= 0xff;
    } else {
        statement->verdict[0]->code = WIRE__VERDICT_CODE__REFUSED;
        statement->verdict[0]->disposition = NULL;
    }
    sign_anew(signed_, &statement->base, arena);
    return true;
}

static bool lie_in_pulse(const char *what, const Wire__Pulse *pulse, struct wire_arena *arena)
{
    if (pulse->n_completeness == 0)
        return false;
    Wire__Signed *signed_ = pulse->completeness[0];
    Wire__CompletenessStatement *statement =
        wire__completeness_statement__unpack(&arena->allocator, signed_->statement.len, signed_->statement.data);
    ENSURE(statement != NULL);
    if (strcmp(what, "fewer") == 0)
        statement->number--;
    else if (strcmp(what, "more") == 0)
        statement->number++;
    else
        statement->chain.data[0] ^= 0xff;
    sign_anew(signed_, &statement->base, arena);
    return true;
}

static void bend(struct mock *mock, Wire__Frame *frame, struct wire_arena *arena)
{
    struct trace *trace = mock->world->context;
    bool done = false;
    if (frame->body_case == WIRE__FRAME__BODY_RECEIPT)
        done = lie_in_receipt(trace->lie, frame->receipt->signed_, arena);
    else if (frame->body_case == WIRE__FRAME__BODY_PULSE)
        done = lie_in_pulse(trace->lie, frame->pulse, arena);
    if (done)
        mock->bend = NULL;
}

static void lie(struct trace *trace, char *rest)
{
    snprintf(trace->lie, sizeof trace->lie, "%s", needed(trace, &rest));
    trace->mock.bend = bend;
}

/* What needs nothing more said. */
static bool plain(struct trace *trace, const char *verb)
{
    static const struct {
        const char *name;
        void (*world)(struct world *);
        bool (*one)(struct world *);
        void (*mock)(struct mock *);
        bool (*mock_one)(struct mock *);
        void (*trace)(struct trace *);
    } verbs[] = {
        {.name = "boot", .world = world_boot},     {.name = "settle", .world = world_settle},
        {.name = "commit", .one = world_commit},   {.name = "fetched", .one = world_fetched},
        {.name = "sealed", .one = world_sealed},   {.name = "erased", .one = world_erased},
        {.name = "lost", .mock = mock_lose},       {.name = "settle-all", .mock = mock_settle},
        {.name = "pulse", .mock = mock_pulse},     {.name = "skip", .mock = mock_skip},
        {.name = "mangle", .mock = mock_mangle},   {.name = "forge", .mock = mock_forge},
        {.name = "overrun", .mock = mock_overrun}, {.name = "hear", .mock_one = mock_hear},
        {.name = "speak", .mock_one = mock_speak}, {.name = "arrive", .mock_one = mock_arrive},
        {.name = "crash", .trace = crash},         {.name = "lose-store", .trace = lose_store},
        {.name = "reconnect", .trace = reconnect}, {.name = "up", .trace = up},
        {.name = "talk", .trace = talk},           {.name = "backup", .trace = back_up},
        {.name = "restore", .trace = restore},     {.name = "hush", .mock = mock_hush},
        {.name = "again", .mock = mock_repeat},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i].name) != 0)
            continue;
        if (verbs[i].world != NULL)
            verbs[i].world(&trace->world);
        else if (verbs[i].one != NULL)
            verbs[i].one(&trace->world);
        else if (verbs[i].mock != NULL)
            verbs[i].mock(&trace->mock);
        else if (verbs[i].mock_one != NULL)
            verbs[i].mock_one(&trace->mock);
        else
            verbs[i].trace(trace);
        return true;
    }
    return false;
}

static void do_line(struct trace *trace, char *line)
{
    static const struct {
        const char *name;
        void (*run)(struct trace *, char *);
    } verbs[] = {
        {"publish", publish},
        {"deliver", deliver},
        {"policy", policy},
        {"directory", directory},
        {"piece", piece},
        {"room", room},
        {"jump", jump},
        {"credit", credit},
        {"standing", standing},
        {"answer", answer},
        {"verdict", verdict},
        {"sealing", sealing},
        {"bad-frame", bad_frame},
        {"pass", pass},
        {"withdraw", withdraw},
        {"bye", bye},
        {"lose-ledger", lose_ledger},
        {"lie", lie},
    };
    char *rest = line;
    const char *verb = needed(trace, &rest);
    if (plain(trace, verb))
        return;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i].name) != 0)
            continue;
        verbs[i].run(trace, rest);
        return;
    }
    bad_line(trace, "nothing of this name can happen");
}

/* --- the file -------------------------------------------------------------------------------------------------------
 */

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, TEXT_BYTES);
    if (file == NULL || text == NULL) {
        perror(path);
        exit(2);
    }
    size_t size = fread(text, 1, TEXT_BYTES - 1, file);
    ENSURE(size < TEXT_BYTES - 1);
    fclose(file);
    return text;
}

static void run_line(struct trace *trace, const char *line, size_t size, struct wire_text *out)
{
    char copy[512];
    bool quiet;
    if (size >= sizeof copy)
        bad_line(trace, "too long");
    memcpy(copy, line, size);
    copy[size] = '\0';
    quiet = strncmp(copy, "quiet ", 6) == 0;
    trace->world.log.size = 0;
    do_line(trace, quiet ? copy + 6 : copy);
    if (!quiet)
        wire_text_add(out, trace->world.log.data == NULL ? "" : trace->world.log.data, trace->world.log.size);
    wire_text_string(out, "\n");
}

/* The trace as it should read: its own lines, and below each what happened now. */
static void replay(struct trace *trace, const char *text, struct wire_text *out)
{
    for (const char *at = text; *at != '\0';) {
        size_t size = strcspn(at, "\n");
        trace->line++;
        if (strncmp(at, "> ", 2) == 0 || at[0] == '#') {
            wire_text_add(out, at, size);
            wire_text_string(out, "\n");
            if (at[0] == '>')
                run_line(trace, at + 2, size - 2, out);
        }
        at += size + (at[size] == '\n');
    }
}

static int compare(const struct trace *trace, const char *old, const char *new)
{
    int line = 1;
    const char *a = old, *b = new;
    while (*a != '\0' && *a == *b) {
        line += *a == '\n';
        a++;
        b++;
    }
    if (*a == '\0' && *b == '\0')
        return 0;
    while (a > old && a[-1] != '\n') {
        a--;
        b--;
    }
    fprintf(stderr, "%s:%d: the effects differ\n- %.*s\n+ %.*s\n", trace->file, line, (int)strcspn(a, "\n"), a,
            (int)strcspn(b, "\n"), b);
    return 1;
}

static int write_file(const char *path, const struct wire_text *text)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(text->data, 1, text->size, file) != text->size || fclose(file) != 0) {
        perror(path);
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct trace *trace = calloc(1, sizeof *trace);
    struct wire_text out = {.grow = realloc};
    if (argc != 2 || trace == NULL) {
        fprintf(stderr, "usage: node_trace <file>\n");
        return 2;
    }
    trace->file = argv[1];
    char *text = read_file(argv[1]);
    world_open(&trace->world);
    trace->world.keep_log = true;
    trace->world.seal_status = seal_status;
    trace->world.context = trace;
    mock_init(&trace->mock, &trace->world, 0);
    trace->mock.policy_digest[0] = 1; /* not ours: the policies of a trace cannot be asked */
    replay(trace, text, &out);
    int result = getenv("TRACE_WRITE") != NULL ? write_file(argv[1], &out)
                                               : compare(trace, text, out.data == NULL ? "" : out.data);
    mock_close(&trace->mock);
    world_close(&trace->world);
    rows_clear(&trace->image);
    free(out.data);
    free(text);
    free(trace);
    return result;
}
