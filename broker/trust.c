/* Directory, revocation list and policy: from the ledger and from files into the core.
 *
 * The ledger holds what was taken, in order with batches; the files are how an operator brings news: at start and on
 * SIGHUP whatever is new in them is checked, handed to the core and stored. The unit is what was signed: one directory
 * record, one list, one policy is taken whole or not at all, and what is wrong behind it or in another file does not
 * keep it out. */
#include "broker.h"

#include "certs/file.h"
#include "certs/policy.h"
#include "link/policy_yaml.h"
#include "shell/trust.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    RECORDS_MAX = 1024,
    POLICY_ARENA_BYTES = 64 * 1024 * 1024, /* untouched pages cost nothing */
    MINUTE_MS = 60 * 1000,
    DAY_MS = 24 * 60 * MINUTE_MS,
};

struct broker_trust {
    struct broker *broker;
    struct shell_enrolment enrolment; /* as the core was told */
    struct shell_policies policies;
    uint64_t epoch;           /* as the core was told */
    uint64_t stored_epoch;    /* of the ledger */
    int64_t seen_ms, next_ms; /* when validity was looked at last; when it may change next */
    struct wire_arena arena;
    struct broker_change changes[2 * SHELL_REGIONS_MAX]; /* scratch */
    size_t change_count;
};

struct broker_trust *broker_trust_new(struct broker *broker)
{
    struct broker_trust *trust = calloc(1, sizeof(*trust));
    ENSURE(trust != NULL);
    trust->broker = broker;
    wire_arena_over(&trust->arena, shell_pages(POLICY_ARENA_BYTES), POLICY_ARENA_BYTES);
    return trust;
}

void broker_trust_free(struct broker_trust **trust)
{
    if (*trust == NULL)
        return;
    shell_policies_close(&(*trust)->policies);
    free((*trust)->arena.base);
    free(*trust);
    *trust = NULL;
}

/* --- directory ---------------------------------------------------------------------------------------------------- */

static enum wire_status from_ledger(struct broker_trust *trust, struct wire_problem *problem)
{
    struct shell *shell = &trust->broker->shell;
    bool broken;
    if (shell->keep == NULL) /* -n without a ledger */
        return WIRE_OK;
    enum wire_status status = shell_directory_rows(shell, BROKER_DIRECTORY, &broken, problem);
    trust->stored_epoch = cert_directory_epoch(shell->directory);
    return status;
}

/* What we sign must be what others can verify: our own certificate is in the directory that they get. */
static enum wire_status find_own(const struct broker *broker, struct wire_problem *problem)
{
    const struct cert_entry *own = cert_directory_find(
        broker->shell.directory, cert_identity_digest(broker->shell.identity, WIRE__USAGE__USAGE_IDENTITY));
    if (own != NULL && cert_entry_at(own, shell_wall_ms()) == WIRE_OK)
        return WIRE_OK;
    return wire_fail(problem, own == NULL ? WIRE_NOT_FOUND : cert_entry_at(own, shell_wall_ms()),
                     broker->config.directory,
                     "本交换中心的身份证书不在目录中，或已过期、吊销；请用 lianfang-ca directory 重新发布目录",
                     "the broker's own identity certificate is not in the directory, or ended or revoked: publish the "
                     "directory again with lianfang-ca directory");
}

/* Names the file before what is wrong in it. */
static void say_file(struct wire_problem *problem, const char *path)
{
    char where[sizeof(problem->where)];
    if (strncmp(problem->where, path, strlen(path)) == 0)
        return;
    int size = snprintf(where, sizeof(where), "%s: %s", path, problem->where);
    if (size > 0 && (size_t)size < sizeof(where))
        memcpy(problem->where, where, (size_t)size + 1);
}

static enum wire_status crl_from_file(struct broker *broker, struct wire_problem *problem)
{
    enum wire_status status = cert_directory_crl_load(broker->shell.directory, broker->config.crl, problem);
    if (status != WIRE_OK && status != WIRE_EXISTS)
        say_file(problem, broker->config.crl);
    return status;
}

enum wire_status broker_trust_load(struct broker_trust *trust, struct wire_problem *problem)
{
    struct broker *broker = trust->broker;
    enum wire_status status = from_ledger(trust, problem);
    if (status == WIRE_OK)
        status = cert_directory_load(broker->shell.directory, broker->config.directory, problem);
    if (status == WIRE_OK)
        status = crl_from_file(broker, problem);
    return status == WIRE_OK || status == WIRE_EXISTS ? find_own(broker, problem) : status;
}

static void on_change(void *context, uint32_t region, bool enrolled)
{
    struct broker_trust *trust = context;
    trust->changes[trust->change_count++] = (struct broker_change){.region = region, .enrolled = enrolled};
}

/* What is new, at most RECORDS_MAX records; true: there is more. */
static bool tell_some(struct broker_trust *trust)
{
    const struct cert_directory *directory = trust->broker->shell.directory;
    struct broker_directory_record records[RECORDS_MAX];
    struct broker_event event = {.kind = BROKER_EVENT_DIRECTORY};
    uint64_t epoch = cert_directory_epoch(directory);
    bool more = epoch - trust->stored_epoch > RECORDS_MAX;
    if (more)
        epoch = trust->stored_epoch + RECORDS_MAX;
    size_t record_count = (size_t)(epoch - trust->stored_epoch);
    trust->change_count = 0;
    shell_enrolment_update(&trust->enrolment, directory, on_change, trust);
    if (trust->change_count == 0 && epoch == trust->epoch)
        return false;
    for (size_t i = 0; i < record_count; i++) {
        records[i].epoch = trust->stored_epoch + 1 + i;
        records[i].bytes = cert_directory_record(directory, records[i].epoch);
    }
    event.directory = (struct broker_directory){.epoch = epoch,
                                                .changes = trust->changes,
                                                .change_count = trust->change_count,
                                                .records = records,
                                                .record_count = record_count};
    trust->epoch = trust->stored_epoch = epoch;
    broker_step(trust->broker, &event);
    return more;
}

static void tell_directory(struct broker_trust *trust)
{
    while (tell_some(trust))
        continue;
}

static void sooner(int64_t *next_ms, int64_t now_ms, int64_t at_ms)
{
    if (at_ms > now_ms && at_ms < *next_ms)
        *next_ms = at_ms;
}

/* When some certificate begins, ends or is revoked next, or the list gets too old: until then nobody's right to be here
 * changes. */
static int64_t next_change_ms(const struct cert_directory *directory, int64_t now_ms)
{
    int64_t next_ms = now_ms + MINUTE_MS;
    for (size_t i = cert_directory_count(directory); i-- > 0;) {
        const struct cert_entry *entry = cert_directory_at(directory, i);
        sooner(&next_ms, now_ms, entry->subject.from_ms);
        sooner(&next_ms, now_ms, entry->subject.until_ms + 1);
        sooner(&next_ms, now_ms, entry->revoked_ms);
    }
    int64_t crl_ms = cert_directory_crl_next_ms(directory);
    sooner(&next_ms, now_ms, crl_ms + 1);
    sooner(&next_ms, now_ms, crl_ms + CERT_CRL_GRACE_DAYS * (int64_t)DAY_MS + 1);
    return next_ms;
}

static void refresh(struct broker_trust *trust)
{
    trust->seen_ms = shell_wall_ms();
    trust->next_ms = next_change_ms(trust->broker->shell.directory, trust->seen_ms);
    tell_directory(trust);
    if (trust->broker->server != NULL)
        link_server_recheck(trust->broker->server);
}

void broker_trust_second(struct broker_trust *trust)
{
    int64_t now_ms = shell_wall_ms();
    if (now_ms >= trust->next_ms || now_ms < trust->seen_ms)
        refresh(trust);
}

/* Past its date nobody new is let in for a while; those inside go on (docs/SECURITY.md). */
static bool inside(const struct broker *broker, uint32_t region)
{
    struct broker_health health;
    return broker_core_health(broker->core, region, &health) && health.link != BROKER_LINK_DOWN;
}

bool broker_trust_allow(void *ctx, const uint8_t key[LINK_KEY_BYTES], char user_id[LINK_USER_ID_BYTES])
{
    struct broker *broker = ctx;
    int64_t now_ms = shell_wall_ms();
    const struct cert_entry *entry = NULL;
    enum wire_status status = cert_directory_admit(broker->shell.directory, key, now_ms, &entry);
    if (status == WIRE_OK && entry->subject.role != WIRE__ROLE__ROLE_NODE)
        status = WIRE_NOT_ENROLLED;
    if (status == WIRE_OK) {
        enum cert_crl_state crl = cert_directory_crl_state(broker->shell.directory, now_ms);
        if (crl == CERT_CRL_CLOSED || (crl == CERT_CRL_GRACE && !inside(broker, entry->subject.region)))
            status = WIRE_CRL_STALE;
    }
    if (status != WIRE_OK) {
        if (broker_refused(broker, status))
            link_log_line(broker->shell.log, LINK_WARNING, "zap", "拒绝接入", "not let in",
                          LINK_UNSIGNED("region", entry == NULL ? 0 : entry->subject.region),
                          LINK_TEXT("reason", wire_status_name(status)), LINK_HEX("key", key, 8));
        return false;
    }
    snprintf(user_id, LINK_USER_ID_BYTES, "%06u", entry->subject.region);
    return true;
}

/* --- policy ------------------------------------------------------------------------------------------------------- */

/* A version says what its text is, for good. */
static enum wire_status check_version(const struct broker_trust *trust, const struct cert_policy *signed_,
                                      struct wire_problem *problem)
{
    uint64_t version = signed_->text->version;
    const struct shell_policies *held = &trust->policies;
    if (version > held->version ||
        (version == held->version && memcmp(signed_->digest, held->digest, WIRE_HASH_BYTES) == 0))
        return WIRE_OK;
    return wire_failf(problem, WIRE_INVALID, trust->broker->config.policy,
                      "政策版本 %llu 不高于已有的 %llu 而内容不同；请提高版本号并重新签署",
                      "policy version %llu is not above %llu, which is held, and is another text: raise it and sign "
                      "again",
                      (unsigned long long)version, (unsigned long long)held->version);
}

static enum wire_status offer_policy(struct broker_trust *trust, struct wire_bytes bytes, bool stored,
                                     struct wire_problem *problem)
{
    struct broker *broker = trust->broker;
    struct cert_policy signed_;
    enum wire_status status =
        cert_policy_verify(broker->shell.directory, bytes, shell_wall_ms(), &trust->arena, &signed_, problem);
    if (status == WIRE_OK)
        status = check_version(trust, &signed_, problem);
    if (status != WIRE_OK || signed_.text->version == trust->policies.version)
        return status;
    struct rules_policy *policy = NULL;
    status = shell_policy_compile(&signed_, &policy, problem);
    if (status == WIRE_OK)
        status = shell_policies_keep(&trust->policies, &signed_, policy, problem);
    if (status != WIRE_OK)
        return status;
    struct broker_event event = {.kind = BROKER_EVENT_POLICY};
    event.policy = (struct broker_policy){.policy = policy,
                                          .version = signed_.text->version,
                                          .in_force_ms = signed_.text->in_force_ms,
                                          .bytes = stored ? (struct wire_bytes){0} : bytes};
    memcpy(event.policy.digest.bytes, signed_.digest, WIRE_HASH_BYTES);
    broker_step(broker, &event);
    return WIRE_OK;
}

static enum wire_status policy_from_file(struct broker_trust *trust, struct wire_problem *problem)
{
    struct cert_file file = {0};
    enum wire_status status = cert_file_read(trust->broker->config.policy, false, &file, problem);
    if (status != WIRE_OK)
        return status;
    wire_arena_reset(&trust->arena);
    status = offer_policy(trust, wire_bytes(file.data, file.size), false, problem);
    if (status != WIRE_OK)
        say_file(problem, trust->broker->config.policy);
    cert_file_close(&file);
    return status;
}

/* --- policies of the ledger --------------------------------------------------------------------------------------- */

/* Verifies a stored version; false: it was good when it was stored and is not now. */
static bool read_stored(struct broker_trust *trust, uint64_t version, struct cert_policy *out, struct wire_bytes *bytes)
{
    struct wire_problem problem = {0};
    wire_arena_reset(&trust->arena);
    *bytes = broker_trust_policy(trust, version, &trust->arena);
    if (bytes->data != NULL && cert_policy_verify(trust->broker->shell.directory, *bytes, shell_wall_ms(),
                                                  &trust->arena, out, &problem) == WIRE_OK)
        return true;
    link_log_problem(trust->broker->shell.log, LINK_ERROR, "policy", &problem);
    return false;
}

/* The newest that is in force and those that wait for their time; older ones can never be in force again. A policy that
 * is bad does not keep a later one out. */
static void policies_from_ledger(struct broker_trust *trust)
{
    struct shell_versions versions = shell_policy_versions(&trust->broker->shell, BROKER_POLICY);
    struct cert_policy signed_;
    struct wire_bytes bytes;
    size_t from = versions.count;
    for (bool in_force = false; from > 0 && !in_force;)
        in_force =
            read_stored(trust, versions.list[--from], &signed_, &bytes) && signed_.text->in_force_ms <= shell_wall_ms();
    for (size_t i = from; i < versions.count; i++) {
        struct wire_problem problem = {0};
        if (read_stored(trust, versions.list[i], &signed_, &bytes) &&
            offer_policy(trust, bytes, true, &problem) != WIRE_OK)
            link_log_problem(trust->broker->shell.log, LINK_ERROR, "policy", &problem);
    }
    free(versions.list);
}

static enum wire_status check_hosted(const struct broker *broker, const struct rules_policy *policy,
                                     struct wire_problem *problem)
{
    for (unsigned i = 0; i < broker->config.hosts_count; i++)
        if (rules_policy_find(policy, broker->config.hosts[i]) == RULES_NONE)
            return wire_failf(problem, WIRE_NOT_FOUND, broker->shell.config_path, "hosts 中的机制 %s 不在政策中",
                              "hosts names %s, which is no mechanism of the policy", broker->config.hosts[i]);
    return WIRE_OK;
}

enum wire_status broker_trust_check(struct broker_trust *trust, struct wire_problem *problem)
{
    struct cert_file file = {0};
    struct cert_policy signed_;
    struct wire_bytes bytes;
    struct rules_policy *policy = NULL;
    struct shell_versions versions = shell_policy_versions(&trust->broker->shell, BROKER_POLICY);
    if (versions.count > 0 && read_stored(trust, versions.list[versions.count - 1], &signed_, &bytes)) {
        trust->policies.version = signed_.text->version;
        memcpy(trust->policies.digest, signed_.digest, WIRE_HASH_BYTES);
    }
    free(versions.list);
    enum wire_status status = cert_file_read(trust->broker->config.policy, false, &file, problem);
    wire_arena_reset(&trust->arena);
    if (status == WIRE_OK)
        status = cert_policy_verify(trust->broker->shell.directory, wire_bytes(file.data, file.size), shell_wall_ms(),
                                    &trust->arena, &signed_, problem);
    if (status == WIRE_OK)
        status = check_version(trust, &signed_, problem);
    if (status == WIRE_OK)
        status = shell_policy_compile(&signed_, &policy, problem);
    if (status != WIRE_OK)
        say_file(problem, trust->broker->config.policy);
    if (status == WIRE_OK)
        status = check_hosted(trust->broker, policy, problem);
    link_policy_free(&policy);
    cert_file_close(&file);
    return status;
}

struct wire_bytes broker_trust_policy(struct broker_trust *trust, uint64_t version, struct wire_arena *arena)
{
    struct broker_key key = broker_key_version(version);
    enum wire_status status;
    return ledger_row(&trust->broker->ledger, BROKER_POLICY, wire_bytes(key.data, key.size), arena, &status);
}

void broker_trust_boot(struct broker_trust *trust)
{
    struct broker *broker = trust->broker;
    struct wire_problem problem = {0};
    refresh(trust);
    policies_from_ledger(trust);
    if (policy_from_file(trust, &problem) != WIRE_OK)
        link_log_problem(broker->shell.log, trust->policies.version == 0 ? LINK_ERROR : LINK_WARNING, "policy",
                         &problem);
}

void broker_trust_send_crl(struct broker_trust *trust)
{
    struct broker *broker = trust->broker;
    struct broker_totals totals;
    struct broker_health health;
    broker_core_totals(broker->core, &totals);
    for (uint32_t i = 0; i < totals.regions; i++)
        if (broker_core_health(broker->core, broker_core_region_at(broker->core, i), &health) && health.peer != 0)
            broker_post_crl(broker->post, health.peer);
    broker_post_flush(broker->post, shell_committed(&broker->shell));
}

static void keep_first(enum wire_status status, const struct wire_problem *found, enum wire_status *first,
                       struct wire_problem *problem)
{
    if (status == WIRE_OK || status == WIRE_EXISTS || *first != WIRE_OK)
        return;
    *first = status;
    *problem = *found;
}

enum wire_status broker_trust_reload(struct broker_trust *trust, struct wire_problem *problem)
{
    struct broker *broker = trust->broker;
    struct wire_problem found = {0};
    enum wire_status first = WIRE_OK;
    keep_first(cert_directory_load(broker->shell.directory, broker->config.directory, &found), &found, &first, problem);
    enum wire_status crl = crl_from_file(broker, &found);
    keep_first(crl, &found, &first, problem);
    refresh(trust);
    if (crl == WIRE_OK)
        broker_trust_send_crl(trust);
    keep_first(policy_from_file(trust, &found), &found, &first, problem);
    return first;
}
