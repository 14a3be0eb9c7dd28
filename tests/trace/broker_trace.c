/* Traces of the broker's core: what happens, line by line, and the exact effects.
 *
 *   broker_trace FILE...      each file must come out as it is
 *   TRACE_REWRITE=1           writes what comes out into the file instead
 *
 * A line is a command; lines that begin with "> " are the effects it had. The commands are the table at the end of this
 * file. The shell behind them is unit/broker-core/fake.h: appends wait for `commit`, fetches for `fetch`. */
#include "unit/broker-core/fake.h"
#include "wire/kind.h"
#include "wire/time.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 64, NAMES_MAX = 32, LINE_MAX_BYTES = 512 };

struct named {
    char name[16];
    uint32_t origin;
    uint8_t id[WIRE_ID_BYTES];
};

struct trace {
    struct fake fake;
    struct named names[NAMES_MAX];
    uint32_t name_count;
    struct fake_node saved_node;
    Wire__LineageToken *saved_token;
    struct fake_store saved_ledger;
    char *word[WORDS_MAX];
    uint32_t words;
    char *line;
    const char *file;
    uint32_t number;
};

static _Noreturn void wrong(const struct trace *trace, const char *what)
{
    fprintf(stderr, "%s:%u: %s\n", trace->file, trace->number, what);
    exit(2);
}

static uint64_t number_of(const struct trace *trace, uint32_t at)
{
    if (at >= trace->words)
        wrong(trace, "a number is missing");
    return strtoull(trace->word[at], NULL, 10);
}

static struct fake_node *node_at(struct trace *trace, uint32_t at)
{
    return fake_node(&trace->fake, (uint32_t)number_of(trace, at));
}

/* --- publish -------------------------------------------------------------------------------------------------------
 */
static const struct named *find_name(const struct trace *trace, const char *name)
{
    for (uint32_t i = 0; i < trace->name_count; i++) {
        if (strcmp(trace->names[i].name, name) == 0)
            return &trace->names[i];
    }
    wrong(trace, "no such name");
}

static void set_name(struct trace *trace, const char *name, uint32_t origin, const uint8_t *id)
{
    struct named *out = &trace->names[trace->name_count++];
    if (trace->name_count > NAMES_MAX || strlen(name) >= sizeof out->name)
        wrong(trace, "too many names, or too long");
    memcpy(out->name, name, strlen(name) + 1);
    out->origin = origin;
    memcpy(out->id, id, WIRE_ID_BYTES);
}

static uint32_t kind_of(const struct trace *trace, const char *name)
{
    const struct wire_kind *kind = wire_kind_by_name(name);
    if (kind == NULL)
        wrong(trace, "no such kind");
    return kind->number;
}

/* KIND [option VALUE]...; returns the word after it. */
static uint32_t parse_spec(struct trace *trace, uint32_t at, struct fake_spec *spec, const char **as)
{
    *spec = (struct fake_spec){.kind = kind_of(trace, trace->word[at++])};
    for (; at < trace->words && strcmp(trace->word[at], "+") != 0; at++) {
        const char *option = trace->word[at];
        const char *value = at + 1 < trace->words ? trace->word[at + 1] : "";
        bool takes = true;
        if (strcmp(option, "concerns") == 0) {
            spec->concerns = (uint32_t)atoi(value);
        } else if (strcmp(option, "to") == 0) {
            spec->to = (uint32_t)atoi(value);
        } else if (strcmp(option, "unit") == 0) {
            spec->unit = (uint32_t)atoi(value);
        } else if (strcmp(option, "bytes") == 0) {
            spec->payload_bytes = (uint32_t)atoi(value);
        } else if (strcmp(option, "lane") == 0) {
            spec->lane = (uint32_t)atoi(value) + 1;
        } else if (strcmp(option, "bad") == 0) {
            spec->bad = (uint32_t)wire_status_parse(value);
        } else if (strcmp(option, "expires") == 0) {
            spec->expires_ms = trace->fake.wall_ms + atoi(value);
        } else if (strcmp(option, "as") == 0) {
            *as = value;
        } else if (strcmp(option, "id") == 0) {
            spec->id = find_name(trace, value)->id;
        } else if (strcmp(option, "re") == 0 || strcmp(option, "cancel") == 0 || strcmp(option, "update") == 0) {
            spec->names = find_name(trace, value)->id;
            spec->names_origin = find_name(trace, value)->origin;
            if (option[0] != 'r')
                spec->action = option[0] == 'c' ? WIRE__ACTION__CANCEL : WIRE__ACTION__UPDATE;
        } else {
            takes = false;
            if (strcmp(option, "immediate") == 0)
                spec->urgency = WIRE__URGENCY__IMMEDIATE;
            else if (strcmp(option, "future") == 0)
                spec->urgency = WIRE__URGENCY__FUTURE;
            else if (strcmp(option, "final") == 0)
                spec->final = true;
            else if (strcmp(option, "no-box") == 0)
                spec->no_box = true;
            else
                wrong(trace, "no such option");
        }
        at += takes;
    }
    return at;
}

/* publish REGION KIND … [+ KIND …]: one batch */
static void publish(struct trace *trace)
{
    struct fake_spec specs[8];
    const char *names[8] = {NULL};
    uint32_t count = 0, at = 2;
    struct fake_node *node = node_at(trace, 1);
    while (at < trace->words && count < 8) {
        at = parse_spec(trace, at, &specs[count], &names[count]);
        count++;
        at++;
    }
    struct fake_batch *batch = fake_seal(&trace->fake, node, "yangtze-delta", fake_lane_of(&specs[0]), specs, count);
    for (uint32_t i = 0; i < count; i++) {
        if (names[i] != NULL)
            set_name(trace, names[i], node->region, batch->headers[i]->id.data);
    }
    fake_submit(&trace->fake, node, batch, WIRE_OK, NULL);
}

/* seal: as publish, but kept back */
static void seal_only(struct trace *trace)
{
    struct fake_spec spec;
    const char *name = NULL;
    struct fake_node *node = node_at(trace, 1);
    parse_spec(trace, 2, &spec, &name);
    struct fake_batch *batch = fake_seal(&trace->fake, node, "yangtze-delta", fake_lane_of(&spec), &spec, 1);
    if (name != NULL)
        set_name(trace, name, node->region, batch->headers[0]->id.data);
}

/* resend REGION N [held|held-of-another|broken STATUS]: the node's Nth sealed batch once more; of another: with the
 * receipt of a ledger that is gone */
static void resend(struct trace *trace)
{
    struct fake_node *node = node_at(trace, 1);
    uint64_t n = number_of(trace, 2);
    if (n == 0 || n > node->sealed_count)
        wrong(trace, "no such batch");
    struct fake_batch *batch = node->sealed[n - 1];
    Wire__ReceiptStatement *held = NULL;
    enum wire_status failed = WIRE_OK;
    if (trace->words > 3 && strncmp(trace->word[3], "held", 4) == 0)
        held = wire__receipt_statement__unpack(NULL, batch->held.size, batch->held.data);
    if (held != NULL && strcmp(trace->word[3], "held-of-another") == 0)
        memset(held->ledger_id.data, 0x99, held->ledger_id.len);
    if (trace->words > 4 && strcmp(trace->word[3], "broken") == 0)
        failed = wire_status_parse(trace->word[4]);
    fake_submit(&trace->fake, node, batch, failed, held);
    if (held != NULL)
        wire__receipt_statement__free_unpacked(held, NULL);
}

/* other REGION N: another batch with the numbers of the Nth */
static void other(struct trace *trace)
{
    struct fake_node *node = node_at(trace, 1);
    const Wire__BatchSeal *seal = node->sealed[number_of(trace, 2) - 1]->batch->seal;
    struct fake_spec spec = {.kind = WIRE_KIND_MEASURE_BULLETIN};
    struct fake_batch *batch = fake_batch_make(&trace->fake, node->region, node->store_id, seal->mechanism,
                                               (uint32_t)seal->lane, seal->first, &spec, 1);
    fake_submit(&trace->fake, node, batch, WIRE_OK, NULL);
}

/* --- stores that are saved and come back
 * ------------------------------------------------------------------------------ */
static Wire__LineageToken *token_copy(const Wire__LineageToken *token)
{
    uint8_t raw[256];
    return token == NULL ? NULL : wire__lineage_token__unpack(NULL, wire__lineage_token__pack(token, raw), raw);
}

static void backup(struct trace *trace)
{
    struct fake_node *node = node_at(trace, 1);
    trace->saved_node = *node;
    if (trace->saved_token != NULL)
        wire__lineage_token__free_unpacked(trace->saved_token, NULL);
    trace->saved_token = token_copy(node->token);
}

static void restore(struct trace *trace)
{
    struct fake_node *node = node_at(trace, 1);
    Wire__LineageToken *offered = node->offered;
    if (node->token != NULL)
        wire__lineage_token__free_unpacked(node->token, NULL);
    *node = trace->saved_node;
    node->offered = offered;
    node->token = token_copy(trace->saved_token);
    node->peer = 0;
}

/* lose REGION: the node's store is gone */
static void lose(struct trace *trace)
{
    struct fake_node *node = node_at(trace, 1);
    uint32_t region = node->region;
    if (node->token != NULL)
        wire__lineage_token__free_unpacked(node->token, NULL);
    if (node->offered != NULL)
        wire__lineage_token__free_unpacked(node->offered, NULL);
    struct fake_node empty = {.region = region};
    memcpy(empty.window, node->window, sizeof empty.window);
    for (size_t i = 0; i < WIRE_ID_BYTES; i++)
        empty.store_id[i] = (uint8_t)fake_random(&trace->fake);
    *node = empty;
}

static void ledger(struct trace *trace)
{
    if (trace->words > 1 && strcmp(trace->word[1], "save") == 0) {
        fake_store_copy(&trace->saved_ledger, &trace->fake.durable);
    } else {
        fake_store_copy(&trace->fake.durable, &trace->saved_ledger);
        fake_restart(&trace->fake);
    }
}

/* --- commands --------------------------------------------------------------------------------------------------------
 */
static void hello(struct trace *trace)
{
    struct fake_node *node = node_at(trace, 1);
    Wire__ReceiptStatement *shown = NULL;
    if (trace->words > 3 && strcmp(trace->word[2], "showing") == 0) {
        const struct fake_batch *batch = node->sealed[number_of(trace, 3) - 1];
        shown = wire__receipt_statement__unpack(NULL, batch->held.size, batch->held.data);
    }
    fake_hello_with(&trace->fake, node, shown);
    if (shown != NULL)
        wire__receipt_statement__free_unpacked(shown, NULL);
}

static void pulse(struct trace *trace)
{
    fake_pulse(&trace->fake, node_at(trace, 1));
}

static void down(struct trace *trace)
{
    fake_down(&trace->fake, node_at(trace, 1));
}

static void commit(struct trace *trace)
{
    fake_commit(&trace->fake);
}

static void fetch(struct trace *trace)
{
    fake_answer_fetch(&trace->fake);
}

static void settle(struct trace *trace)
{
    fake_settle(&trace->fake);
}

static void sealed(struct trace *trace)
{
    fake_answer_seal(&trace->fake, trace->words > 1 ? wire_status_parse(trace->word[1]) : WIRE_OK);
}

/* quietly COMMAND…: the effects are not shown */
static void arrived(struct trace *trace)
{
    Wire__VerdictCode code = WIRE__VERDICT_CODE__ARRIVED;
    if (trace->words > 2)
        code = strcmp(trace->word[2], "unreadable") == 0 ? WIRE__VERDICT_CODE__ARRIVED_UNREADABLE
                                                         : WIRE__VERDICT_CODE__REJECTED;
    fake_arrive(&trace->fake, node_at(trace, 1), code);
}

static void credit(struct trace *trace)
{
    fake_give_credit(&trace->fake, node_at(trace, 1));
}

static void window(struct trace *trace)
{
    node_at(trace, 1)->window[number_of(trace, 2)] = number_of(trace, 3);
}

static void want(struct trace *trace)
{
    fake_want(&trace->fake, node_at(trace, 1), (uint32_t)number_of(trace, 2), number_of(trace, 3));
}

/* pass N s|m|h|d: time goes by; timers are answered, and everything they ask for */
static int64_t span(struct trace *trace)
{
    int64_t factor = trace->words < 3           ? 1
                     : trace->word[2][0] == 's' ? 1000
                     : trace->word[2][0] == 'm' ? 60000
                     : trace->word[2][0] == 'h' ? 3600000
                                                : 86400000;
    return (int64_t)number_of(trace, 1) * factor;
}

static void pass(struct trace *trace)
{
    fake_pass(&trace->fake, span(trace));
}

/* idle N m: time goes by while connected nodes send their pulses; effects are shown for the last minute only */
static void idle(struct trace *trace)
{
    struct fake *fake = &trace->fake;
    bool tracing = fake->tracing;
    int64_t left = span(trace);
    for (fake->tracing = false; left > 0; left -= 4000) {
        fake_pass(fake, left < 4000 ? left : 4000);
        fake_settle(fake);
        for (uint32_t i = 0; i < fake->node_count; i++) {
            if (fake->nodes[i].peer != 0)
                fake_pulse(fake, &fake->nodes[i]);
        }
    }
    fake->tracing = tracing;
}

static void jump(struct trace *trace)
{
    trace->fake.wall_ms += span(trace);
}

static void enrol(struct trace *trace)
{
    fake_enrol(&trace->fake, (uint32_t)number_of(trace, 1), trace->word[0][0] == 'e');
}

static void policy(struct trace *trace)
{
    int64_t in = trace->words > 2 ? (int64_t)number_of(trace, 2) * 1000 : 0;
    fake_policy_event(&trace->fake, number_of(trace, 1), trace->fake.wall_ms + in);
}

static void room(struct trace *trace)
{
    fake_room(&trace->fake, trace->word[0][0] == 'f');
}

static void restart(struct trace *trace)
{
    fake_restart(&trace->fake);
}

static void accept_fork(struct trace *trace)
{
    fake_operator(&trace->fake, BROKER_ACCEPT_FORK, (uint32_t)number_of(trace, 1));
}

static void accept_loss(struct trace *trace)
{
    fake_operator(&trace->fake, BROKER_ACCEPT_LOSS, 0);
}

static void shut_down(struct trace *trace)
{
    fake_operator(&trace->fake, BROKER_SHUT_DOWN, 0);
}

static void show(struct trace *trace)
{
    struct fake_node *node = node_at(trace, 1);
    struct broker_health health;
    broker_core_health(trace->fake.core, node->region, &health);
    wire_text_format(&trace->fake.text,
                     "node: admitted %llu refused %llu duplicate %llu expired %llu, delivered %llu again %llu, "
                     "arrivals %llu\n",
                     (unsigned long long)node->admitted, (unsigned long long)node->refused,
                     (unsigned long long)node->duplicate, (unsigned long long)node->expired,
                     (unsigned long long)node->delivered, (unsigned long long)node->delivered_again,
                     (unsigned long long)node->arrivals);
    wire_text_format(&trace->fake.text, "link: state %d standing %d depth %llu %llu %llu %llu\n", (int)health.link,
                     (int)health.standing, (unsigned long long)health.depth[0], (unsigned long long)health.depth[1],
                     (unsigned long long)health.depth[2], (unsigned long long)health.depth[3]);
}

struct command {
    const char *name;
    void (*run)(struct trace *trace);
};

static const struct command commands[] = {
    {"hello", hello},
    {"pulse", pulse},
    {"down", down},
    {"publish", publish},
    {"seal", seal_only},
    {"resend", resend},
    {"other", other},
    {"commit", commit},
    {"fetch", fetch},
    {"settle", settle},
    {"sealed", sealed},
    {"arrived", arrived},
    {"credit", credit},
    {"window", window},
    {"want", want},
    {"pass", pass},
    {"idle", idle},
    {"jump", jump},
    {"enrol", enrol},
    {"revoke", enrol},
    {"policy", policy},
    {"full", room},
    {"room", room},
    {"restart", restart},
    {"backup", backup},
    {"restore", restore},
    {"lose", lose},
    {"ledger", ledger},
    {"show", show},
    {"accept-fork", accept_fork},
    {"accept-loss", accept_loss},
    {"shut-down", shut_down},
};

static void split(struct trace *trace, char *line)
{
    trace->words = 0;
    for (char *word = strtok(line, " "); word != NULL && trace->words < WORDS_MAX; word = strtok(NULL, " "))
        trace->word[trace->words++] = word;
}

/* "quietly …" runs a command without showing its effects; "connect R" is HELLO, commit and PULSE, quietly. */
static void run(struct trace *trace, char *line)
{
    split(trace, line);
    trace->fake.tracing = true;
    if (strcmp(trace->word[0], "quietly") == 0) {
        trace->fake.tracing = false;
        memmove(trace->word, trace->word + 1, --trace->words * sizeof trace->word[0]);
    }
    if (strcmp(trace->word[0], "connect") == 0) {
        trace->fake.tracing = false;
        fake_connect(&trace->fake, node_at(trace, 1));
        return;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, trace->word[0]) == 0) {
            commands[i].run(trace);
            return;
        }
    }
    wrong(trace, "no such command");
}

/* --- files -----------------------------------------------------------------------------------------------------------
 */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    if (file == NULL || text == NULL) {
        perror(path);
        exit(2);
    }
    size_t size = fread(text, 1, (1 << 20) - 1, file);
    text[size] = '\0';
    fclose(file);
    return text;
}

static void quote(struct wire_text *out, const struct wire_text *text)
{
    for (const char *at = text->data; text->size > 0 && *at != '\0';) {
        size_t size = strcspn(at, "\n");
        wire_text_format(out, "> %.*s\n", (int)size, at);
        at += size + (at[size] == '\n');
    }
}

static void run_lines(struct trace *trace, const char *text, struct wire_text *out)
{
    while (*text != '\0') {
        char line[LINE_MAX_BYTES];
        size_t size = strcspn(text, "\n");
        trace->number++;
        if (size >= sizeof line)
            wrong(trace, "the line is too long");
        memcpy(line, text, size);
        line[size] = '\0';
        text += size + (text[size] == '\n');
        if (strncmp(line, "> ", 2) == 0)
            continue;
        wire_text_format(out, "%s\n", line);
        if (line[0] == '\0' || line[0] == '#')
            continue;
        trace->fake.text.size = 0;
        run(trace, line);
        quote(out, &trace->fake.text);
    }
}

static void show_difference(const char *file, const char *is, const char *should)
{
    uint32_t line = 1;
    size_t start = 0;
    size_t at = 0;
    for (; is[at] == should[at] && is[at] != '\0'; at++) {
        if (is[at] == '\n') {
            line++;
            start = at + 1;
        }
    }
    fprintf(stderr, "%s:%u:\n  is     %.*s\n  should %.*s\n", file, line, (int)strcspn(is + start, "\n"), is + start,
            (int)strcspn(should + start, "\n"), should + start);
}

static bool run_file(const char *path)
{
    struct trace *trace = calloc(1, sizeof *trace);
    struct wire_text out = {.grow = realloc};
    char *text = read_file(path);
    if (trace == NULL)
        exit(2);
    trace->file = path;
    fake_start(&trace->fake, 1);
    run_lines(trace, text, &out);
    bool same = strcmp(out.data == NULL ? "" : out.data, text) == 0;
    if (!same && getenv("TRACE_REWRITE") != NULL) {
        FILE *file = fopen(path, "wb");
        same = file != NULL && fwrite(out.data, 1, out.size, file) == out.size && fclose(file) == 0;
    } else if (!same) {
        show_difference(path, out.data, text);
    }
    fake_store_close(&trace->saved_ledger);
    if (trace->saved_token != NULL)
        wire__lineage_token__free_unpacked(trace->saved_token, NULL);
    fake_close(&trace->fake);
    free(trace);
    free(out.data);
    free(text);
    return same;
}

int main(int count, char **arguments)
{
    bool right = count > 1;
    for (int i = 1; i < count; i++)
        right &= run_file(arguments[i]);
    return right ? 0 : 1;
}
