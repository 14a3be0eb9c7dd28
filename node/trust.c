/* Directory, revocation list and policy: from the store, from files and from brokers into the core.
 *
 * Every certificate is checked against the CA here and every policy against its secretary's signature: a broker cannot
 * invent a province, nor a rule. Of a broker's word only a revocation counts at once. The newest revocation list lies
 * in the data folder, since it is signed and may be replaced only by a newer one. */
#include "node.h"

#include "certs/file.h"
#include "certs/policy.h"
#include "link/policy_yaml.h"
#include "shell/trust.h"
#include "wire/codec.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 64 * 1024 * 1024, POLICY_BYTES_MAX = 16 * 1024 * 1024 };

static const char CRL_FILE[] = "crl.der"; /* in the data folder */

/* A policy on its way from one broker. */
struct piece {
    uint8_t *data;
    size_t size, total;
};

struct node_trust {
    struct node *node;
    struct shell_enrolment enrolment; /* as the core was told */
    struct shell_policies policies;
    uint64_t epoch, stored_epoch;
    struct piece piece[NODE_LINKS_MAX];
    struct wire_arena arena;
    struct node_enrolment changes[2 * SHELL_REGIONS_MAX]; /* scratch */
    size_t change_count;
};

struct node_trust *node_trust_new(struct node *node)
{
    struct node_trust *trust = calloc(1, sizeof(*trust));
    ENSURE(trust != NULL);
    trust->node = node;
    wire_arena_over(&trust->arena, shell_pages(ARENA_BYTES), ARENA_BYTES);
    return trust;
}

void node_trust_free(struct node_trust **trust)
{
    if (*trust == NULL)
        return;
    shell_policies_close(&(*trust)->policies);
    for (size_t i = 0; i < NODE_LINKS_MAX; i++)
        free((*trust)->piece[i].data);
    free((*trust)->arena.base);
    free(*trust);
    *trust = NULL;
}

bool node_enrolled(void *context, uint32_t region)
{
    const struct node *node = context;
    return node_core_enrolled(node->core, region);
}

/* --- loading ------------------------------------------------------------------------------------------------------ */

static enum wire_status load_crl(struct node_trust *trust, struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    enum wire_status status = shell_path(trust->node->config.data, CRL_FILE, path, problem);
    if (status == WIRE_OK)
        status = cert_directory_crl_load(trust->node->shell.directory, path, problem);
    return status == WIRE_NOT_FOUND || status == WIRE_EXISTS ? WIRE_OK : status;
}

/* The directory ends before the first row that is not the next record; file and brokers bring the rest again, which
 * takes the place of what lies there. */
static void stopped_at_record(struct node_trust *trust, struct wire_problem *problem)
{
    link_log_problem(trust->node->shell.log, LINK_ERROR, "directory", problem);
    link_log_line(trust->node->shell.log, LINK_ERROR, "directory", "存储的目录记录不完整，其后的将重新取得",
                  "the stored directory breaks off, what follows is fetched again",
                  LINK_UNSIGNED("epoch", cert_directory_epoch(trust->node->shell.directory)),
                  LINK_TEXT("reason", wire_status_name(problem->status)));
    *problem = (struct wire_problem){.status = WIRE_OK};
}

static enum wire_status load_file(struct node_trust *trust, struct wire_problem *problem)
{
    struct node *node = trust->node;
    if (node->config.directory == NULL)
        return WIRE_OK;
    return cert_directory_load(node->shell.directory, node->config.directory, problem);
}

enum wire_status node_trust_load(struct node_trust *trust, struct wire_problem *problem)
{
    struct node *node = trust->node;
    bool broken;
    enum wire_status status = shell_directory_rows(&node->shell, NODE_TABLE_DIRECTORY, &broken, problem);
    if (broken)
        stopped_at_record(trust, problem);
    else if (status != WIRE_OK)
        return status;
    trust->stored_epoch = cert_directory_epoch(node->shell.directory);
    status = load_file(trust, problem);
    return status == WIRE_OK ? load_crl(trust, problem) : status;
}

/* --- who is enrolled ---------------------------------------------------------------------------------------------- */

static void on_change(void *context, uint32_t region, bool enrolled)
{
    struct node_trust *trust = context;
    trust->changes[trust->change_count++] = (struct node_enrolment){.region = region, .enrolled = enrolled};
}

static struct node_directory directory_now(struct node_trust *trust)
{
    const struct cert_directory *directory = trust->node->shell.directory;
    trust->change_count = 0;
    shell_enrolment_update(&trust->enrolment, directory, on_change, trust);
    return (struct node_directory){
        .epoch = cert_directory_epoch(directory), .changes = trust->changes, .count = trust->change_count};
}

/* Records that came from the file are stored, so that those that brokers send later follow on them. */
static void store_records(struct node_trust *trust)
{
    const struct cert_directory *directory = trust->node->shell.directory;
    for (uint64_t epoch = trust->stored_epoch + 1; epoch <= cert_directory_epoch(directory); epoch++) {
        struct node_key key = node_key_serial(epoch);
        struct wire_row row = {.table = NODE_TABLE_DIRECTORY,
                               .key = node_key_bytes(&key),
                               .value = cert_directory_record(directory, epoch)};
        shell_append_own(&trust->node->shell, &row, 1);
    }
    trust->stored_epoch = cert_directory_epoch(directory);
}

void node_trust_refresh(struct node_trust *trust)
{
    store_records(trust);
    struct node_event event = {.kind = NODE_ON_DIRECTORY};
    event.u.directory = directory_now(trust);
    if (event.u.directory.count == 0 && event.u.directory.epoch == trust->epoch)
        return;
    trust->epoch = event.u.directory.epoch;
    node_step(trust->node, &event);
}

static void take_crl(struct node_trust *trust, const Wire__DirectoryPiece *piece)
{
    char path[CERT_PATH_BYTES_MAX];
    struct wire_problem problem = {0};
    struct wire_bytes crl = wire_bytes(piece->crl.data, piece->crl.len);
    enum wire_status status = cert_directory_crl(trust->node->shell.directory, crl, &problem);
    if (status == WIRE_EXISTS)
        return;
    if (status == WIRE_OK)
        status = shell_path(trust->node->config.data, CRL_FILE, path, &problem);
    if (status == WIRE_OK)
        status = cert_file_write(path, crl, 0600, true, &problem);
    if (status != WIRE_OK)
        link_log_problem(trust->node->shell.log, LINK_WARNING, "directory", &problem);
}

static void refused_record(struct node_trust *trust, struct wire_problem *problem, enum wire_status status)
{
    if (problem->status != status) /* it was not even decoded */
        wire_fail(problem, status, "directory", wire_status_text(status, WIRE_CHINESE),
                  wire_status_text(status, WIRE_ENGLISH));
    link_log_problem(trust->node->shell.log, LINK_WARNING, "directory", problem);
}

static void add_records(struct node_trust *trust, const Wire__DirectoryPiece *piece, struct node_directory_piece *out)
{
    struct node *node = trust->node;
    struct wire_problem problem = {0};
    for (size_t i = 0; i < piece->n_record; i++) {
        ProtobufCBinaryData raw = piece->record[i];
        const Wire__DirectoryRecord *record = (const Wire__DirectoryRecord *)wire_decode(
            &wire__directory_record__descriptor, wire_bytes(raw.data, raw.len), WIRE_STRICT_NONE, &node->arena,
            &out->status);
        if (record != NULL)
            out->status = cert_directory_add(node->shell.directory, record, &problem);
        if (out->status == WIRE_EXISTS && out->count_new == 0) { /* known already; the new ones are behind it */
            out->status = WIRE_OK;
            continue;
        }
        if (out->status == WIRE_EXISTS) /* an old one among the new: what the core stores must follow on each other */
            out->status = WIRE_UNEXPECTED_FRAME;
        if (out->status != WIRE_OK) {
            refused_record(trust, &problem, out->status);
            return;
        }
        if (out->count_new++ == 0)
            out->first_new = i;
    }
}

/* Its WELCOME was taken. */
static bool has_session(const struct node *node, uint8_t link)
{
    struct node_health health;
    node_core_health(node->core, link, &health);
    return health.state >= NODE_UNCONFIRMED;
}

void node_trust_piece(struct node_trust *trust, uint8_t link, const Wire__DirectoryPiece *piece)
{
    struct node_event event = {.kind = NODE_ON_DIRECTORY_PIECE};
    struct node_directory_piece *out = &event.u.directory_piece;
    if (!has_session(trust->node, link))
        return; /* the core would not store what the directory has taken by then */
    store_records(trust);
    *out = (struct node_directory_piece){.link = link, .piece = piece, .status = WIRE_OK};
    add_records(trust, piece, out);
    if (piece->has_crl)
        take_crl(trust, piece);
    if (piece->has_next_broker_key && piece->next_broker_key.len == LINK_CLIENT_KEY_BYTES)
        node_link_next_key(trust->node, link, piece->next_broker_key.data);
    out->directory = directory_now(trust);
    trust->epoch = trust->stored_epoch = out->directory.epoch; /* the core stores what was new */
    node_step(trust->node, &event);
}

/* --- policy ------------------------------------------------------------------------------------------------------- */

static enum wire_status offer_policy(struct node_trust *trust, struct wire_bytes bytes, bool stored,
                                     struct wire_problem *problem)
{
    struct cert_policy signed_;
    struct rules_policy *policy = NULL;
    enum wire_status status =
        cert_policy_verify(trust->node->shell.directory, bytes, shell_wall_ms(), &trust->arena, &signed_, problem);
    if (status != WIRE_OK || signed_.text->version <= trust->policies.version) /* two brokers send the same one */
        return status;
    status = shell_policy_compile(&signed_, &policy, problem);
    if (status == WIRE_OK)
        status = shell_policies_keep(&trust->policies, &signed_, policy, problem);
    if (status != WIRE_OK)
        return status;
    struct node_event event = {.kind = NODE_ON_POLICY};
    event.u.policy = (struct node_policy){.policy = policy,
                                          .version = signed_.text->version,
                                          .in_force_ms = signed_.text->in_force_ms,
                                          .bytes = stored ? (struct wire_bytes){0} : bytes};
    memcpy(event.u.policy.digest, signed_.digest, WIRE_HASH_BYTES);
    node_step(trust->node, &event);
    return WIRE_OK;
}

void node_trust_keep_piece(struct node_trust *trust, const struct node_piece *from, ProtobufCBinaryData bytes)
{
    struct piece *piece = &trust->piece[from->link];
    if (from->total > POLICY_BYTES_MAX || (size_t)from->offset + bytes.len > from->total)
        return; /* the core does not ask for such; it is never whole then */
    if (from->offset == 0) {
        free(piece->data);
        *piece = (struct piece){.data = malloc(from->total), .total = from->total};
        ENSURE(piece->data != NULL || from->total == 0);
    }
    if (piece->data == NULL || piece->size != from->offset || piece->total != from->total)
        return;
    memcpy(piece->data + from->offset, bytes.data, bytes.len);
    piece->size += bytes.len;
    if (!from->whole || piece->size != piece->total)
        return;
    node_jobs_policy(trust->node->jobs, from->link, piece->data, piece->size);
    *piece = (struct piece){0};
}

void node_trust_policy(struct node_trust *trust, uint8_t link, struct wire_bytes bytes)
{
    struct wire_problem problem = {0};
    wire_arena_reset(&trust->arena);
    enum wire_status status = offer_policy(trust, bytes, false, &problem);
    node_alarm(trust->node->notes, "policy-refused", status != WIRE_OK, "收到的政策无法采用", "a policy was not taken");
    if (status == WIRE_OK)
        return;
    link_log_line(trust->node->shell.log, LINK_ERROR, "policy", "收到的政策无法采用", "a policy was not taken",
                  LINK_TEXT("link", trust->node->config.brokers[link].name));
    link_log_problem(trust->node->shell.log, LINK_ERROR, "policy", &problem);
}

static struct wire_bytes stored_policy(struct node_trust *trust, uint64_t version, struct wire_arena *arena)
{
    struct node_key key = node_key_serial(version);
    struct wire_bytes bytes;
    shell_check(&trust->node->shell, store_row(&trust->node->store, NODE_TABLE_POLICY, &key, arena, &bytes));
    return bytes;
}

/* A policy that was good when it was stored and is not now does not keep a later one out. */
static void policies_from_store(struct node_trust *trust)
{
    struct shell_versions versions = shell_policy_versions(&trust->node->shell, NODE_TABLE_POLICY);
    for (size_t i = 0; i < versions.count; i++) {
        struct wire_problem problem = {0};
        wire_arena_reset(&trust->arena);
        struct wire_bytes bytes = stored_policy(trust, versions.list[i], &trust->arena);
        if (offer_policy(trust, bytes, true, &problem) != WIRE_OK)
            link_log_problem(trust->node->shell.log, LINK_ERROR, "policy", &problem);
    }
    free(versions.list);
}

enum wire_status node_trust_check(struct node_trust *trust, struct wire_problem *problem)
{
    struct keep_value key = {0}, value = {0};
    struct cert_policy signed_;
    struct rules_policy *policy = NULL;
    enum wire_status status =
        keep_last(trust->node->shell.keep, NODE_TABLE_POLICY, (struct wire_bytes){0}, &key, &value);
    if (status == WIRE_OK)
        status = cert_policy_verify(trust->node->shell.directory, wire_bytes(value.data, value.size), shell_wall_ms(),
                                    &trust->arena, &signed_, problem);
    if (status == WIRE_OK)
        status = shell_policy_compile(&signed_, &policy, problem);
    link_policy_free(&policy);
    keep_value_close(&key);
    keep_value_close(&value);
    return status == WIRE_NOT_FOUND ? WIRE_OK : status; /* a new node gets its policy from the broker */
}

void node_trust_boot(struct node_trust *trust)
{
    trust->epoch = UINT64_MAX; /* the core is told in any case */
    node_trust_refresh(trust);
    policies_from_store(trust);
}

enum wire_status node_trust_reload(struct node_trust *trust, struct wire_problem *problem)
{
    enum wire_status status = load_file(trust, problem);
    if (status == WIRE_OK)
        status = load_crl(trust, problem);
    node_trust_refresh(trust); /* what was taken counts, even if something after it was wrong */
    return status;
}

const Wire__PolicyText *node_trust_policy_text(struct node_trust *trust, struct wire_arena *arena)
{
    const struct rules_policy *policy = node_core_policy(trust->node->core);
    enum wire_status status;
    if (policy == NULL)
        return NULL;
    struct wire_bytes bytes = stored_policy(trust, rules_policy_version(policy), arena);
    const Wire__SignedPolicy *signed_ =
        bytes.data == NULL ? NULL
                           : (const Wire__SignedPolicy *)wire_decode(&wire__signed_policy__descriptor, bytes,
                                                                     WIRE_STRICT_NONE, arena, &status);
    if (signed_ == NULL)
        return NULL;
    return (const Wire__PolicyText *)wire_decode(&wire__policy_text__descriptor,
                                                 wire_bytes(signed_->text.data, signed_->text.len), WIRE_STRICT_NONE,
                                                 arena, &status);
}
