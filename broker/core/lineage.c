/* Is the store of this node the one we know? And is this ledger the one that node knows? DESIGN.md, "Restored, cloned,
 * lost stores". Of each region the ledger keeps the last token confirmed and the last offered and accepts either. */
#include "broker/core/inside.h"
#include "wire/canary.h"
#include "wire/codec.h"

bool broker_token_whole(const Wire__LineageToken *message)
{
    return message != NULL && message->ledger_id.len == WIRE_ID_BYTES &&
           message->random.len == sizeof((struct token *)NULL)->random;
}

static void token_of(struct token *out, const Wire__LineageToken *message)
{
    *out = (struct token){.set = false};
    if (!broker_token_whole(message))
        return;
    out->set = true;
    memcpy(out->ledger_id, message->ledger_id.data, WIRE_ID_BYTES);
    out->generation = message->generation;
    out->serial = message->serial;
    memcpy(out->random, message->random.data, sizeof out->random);
}

static bool same(const struct token *a, const struct token *b)
{
    return a->set && b->set && a->generation == b->generation && a->serial == b->serial &&
           memcmp(a->ledger_id, b->ledger_id, WIRE_ID_BYTES) == 0 &&
           memcmp(a->random, b->random, sizeof a->random) == 0;
}

Wire__LineageToken *broker_token_message(struct broker_core *core, const struct token *token)
{
    if (!token->set)
        return NULL;
    Wire__LineageToken *out = broker_take(core, sizeof *out);
    wire__lineage_token__init(out);
    out->ledger_id = broker_data(token->ledger_id, WIRE_ID_BYTES);
    out->generation = token->generation;
    out->serial = token->serial;
    out->random = broker_data(token->random, sizeof token->random);
    return out;
}

Wire__Standing broker_lineage_judge(struct broker_core *core, struct region *region, const Wire__LineageToken *message)
{
    struct token token;
    token_of(&token, message);
    if (region->stopped)
        return WIRE__STANDING__STOPPED;
    /* Showing the offered one proves that it was stored, even if its confirmation never came or was lost with us: it
     * must outlive the next offer. */
    if (same(&token, &region->offered_token))
        region->confirmed_token = region->offered_token;
    if (same(&token, &region->confirmed_token))
        return WIRE__STANDING__NORMAL;
    if (!token.set) /* a store that never confirmed has sealed nothing: it is new, not lost */
        return region->confirmed_token.set ? WIRE__STANDING__FORK : WIRE__STANDING__NORMAL;
    if (memcmp(token.ledger_id, core->ledger_id, WIRE_ID_BYTES) != 0)
        return WIRE__STANDING__FORK;
    if (token.generation > core->generation ||
        (token.generation == core->generation && token.serial > core->token_serial))
        return CANARY(MISS_ROLLBACK) ? WIRE__STANDING__NORMAL : WIRE__STANDING__ROLLED_BACK;
    if (token.generation <= core->lost_generation && token.serial > core->lost_token_serial)
        return WIRE__STANDING__NORMAL; /* offered in the part of the ledger that was lost and written off */
    return WIRE__STANDING__FORK;
}

void broker_lineage_offer(struct broker_core *core, struct region *region, const uint8_t random[16])
{
    struct token *token = &region->offered_token;
    *token = (struct token){.set = true, .generation = core->generation, .serial = ++core->token_serial};
    memcpy(token->ledger_id, core->ledger_id, WIRE_ID_BYTES);
    memcpy(token->random, random, sizeof token->random);
}

bool broker_lineage_confirm(struct broker_core *core, struct region *region, const Wire__LineageToken *message)
{
    struct token token;
    token_of(&token, message);
    if (!same(&token, &region->offered_token))
        return false;
    region->confirmed_token = region->offered_token;
    broker_lineage_row(core, region);
    return true;
}

/* A fork, at HELLO or by a conflict; the third in an hour stops the identity. */
void broker_lineage_fork(struct broker_core *core, struct region *region)
{
    int64_t since = core->wall_ms - HOUR_MS;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < region->forks; i++) {
        if (region->fork_ms[i] > since)
            region->fork_ms[kept++] = region->fork_ms[i];
    }
    if (kept < BROKER_FORKS_MAX)
        region->fork_ms[kept++] = core->wall_ms;
    region->forks = kept;
    broker_note(core, BROKER_NOTE_FORK, WIRE_FORKED, region->region, kept, 0, 0);
    if (kept < BROKER_FORKS_MAX)
        return;
    region->stopped = true;
    region->standing = WIRE__STANDING__STOPPED;
    broker_note(core, BROKER_NOTE_FORK_STOPPED, WIRE_FORK_STOPPED, region->region, kept, 0, 0);
}

void broker_lineage_row(struct broker_core *core, const struct region *region)
{
    Wire__LedgerLineage row;
    wire__ledger_lineage__init(&row);
    row.confirmed = broker_token_message(core, &region->confirmed_token);
    row.offered = broker_token_message(core, &region->offered_token);
    row.n_fork_ms = region->forks;
    row.fork_ms = (int64_t *)(uintptr_t)region->fork_ms;
    row.has_stopped = row.stopped = region->stopped;
    broker_row_put(core, BROKER_LINEAGE, broker_key_region(region->region), broker_pack(core, &row.base));
}

bool broker_lineage_boot(struct broker_core *core, struct wire_bytes key, struct wire_bytes value)
{
    enum wire_status status;
    const Wire__LedgerLineage *row = (const Wire__LedgerLineage *)wire_decode(
        &wire__ledger_lineage__descriptor, value, WIRE_STRICT_NONE, &core->out->arena, &status);
    struct region *region = row == NULL || key.size != 4 ? NULL : broker_region_make(core, wire_get_u32(key.data));
    if (region == NULL)
        return false;
    token_of(&region->confirmed_token, row->confirmed);
    token_of(&region->offered_token, row->offered);
    for (size_t i = 0; i < row->n_fork_ms && region->forks < BROKER_FORKS_MAX; i++)
        region->fork_ms[region->forks++] = row->fork_ms[i];
    region->stopped = row->has_stopped && row->stopped;
    return true;
}

/* --- a rolled-back ledger ------------------------------------------------------------------------------------------
 */
static bool ours(const struct broker_core *core, const ProtobufCBinaryData *ledger_id)
{
    return ledger_id->len == WIRE_ID_BYTES && memcmp(ledger_id->data, core->ledger_id, WIRE_ID_BYTES) == 0;
}

static bool receipt_unknown(const struct broker_core *core, const Wire__ReceiptStatement *shown)
{
    if (shown == NULL || !ours(core, &shown->ledger_id))
        return false;
    return shown->generation > core->generation ||
           (shown->generation == core->generation && shown->ledger_serial > core->serial);
}

/* Completeness of the present generation must be what the ledger has at that number. A row that is retained no longer
 * proves nothing. */
static bool completeness_unknown(struct broker_core *core, const struct broker_hello *hello)
{
    const Wire__CompletenessStatement *shown = hello->completeness;
    const struct wire_digest *chain = hello->completeness_chain;
    if (shown == NULL || !ours(core, &shown->ledger_id) || shown->recipient != hello->region ||
        shown->generation < core->generation || shown->number == 0)
        return false;
    if (shown->generation > core->generation)
        return true;
    const struct region *region = broker_region_find(core, shown->recipient);
    uint32_t mechanism = broker_mechanism_find(core, wire_bytes(shown->mechanism, strlen(shown->mechanism)));
    const struct queue *queue =
        region == NULL || mechanism == NONE
            ? NULL
            : broker_queue_find(core, broker_region_index(core, region), mechanism, (uint32_t)shown->lane);
    if (queue == NULL || shown->number > queue->last || shown->chain.len != WIRE_HASH_BYTES)
        return true;
    return chain != NULL && memcmp(chain->bytes, shown->chain.data, WIRE_HASH_BYTES) != 0;
}

bool broker_is_behind(struct broker_core *core, const struct broker_hello *hello)
{
    bool receipt = receipt_unknown(core, hello->receipt);
    if (CANARY(MISS_ROLLBACK) || (!receipt && !completeness_unknown(core, hello)))
        return false;
    if (!core->rolled_back)
        broker_note(core, BROKER_NOTE_ROLLED_BACK, WIRE_ROLLED_BACK, hello->region,
                    receipt ? hello->receipt->ledger_serial : hello->completeness->number, core->serial, 0);
    core->rolled_back = true;
    return true;
}

void broker_meta_row(struct broker_core *core)
{
    Wire__LedgerMeta row;
    wire__ledger_meta__init(&row);
    row.format = 1;
    row.ledger_id = broker_data(core->ledger_id, WIRE_ID_BYTES);
    row.generation = core->generation;
    row.token_serial = core->token_serial;
    row.has_rolled_back = row.rolled_back = core->rolled_back;
    row.has_lost_generation = row.has_lost_token_serial = core->lost_generation != 0;
    row.lost_generation = core->lost_generation;
    row.lost_token_serial = core->lost_token_serial;
    broker_row_put(core, BROKER_META, broker_key_meta(), broker_pack(core, &row.base));
}

/* --- what an operator decides ----------------------------------------------------------------------------------------
 */
static void cut_all(struct broker_core *core, enum wire_status status)
{
    for (uint32_t i = 0; i < core->active_count; i++)
        core->regions[core->active[i]].cut_status = status;
    broker_tell_all(core, TELL_CUT);
}

static void accept_fork(struct broker_core *core, uint32_t adcode)
{
    struct region *region = broker_region_find(core, adcode);
    if (region == NULL || !region->stopped)
        return;
    region->stopped = false;
    region->forks = 0;
    broker_rows_open(core);
    broker_lineage_row(core, region);
    broker_rows_close(core);
    if (region->peer != 0) { /* its next HELLO is judged anew */
        region->cut_status = WIRE_FORKED;
        broker_tell(core, region, TELL_CUT);
    }
}

static void accept_loss(struct broker_core *core)
{
    core->lost_generation = core->generation++;
    core->lost_token_serial = core->token_serial;
    core->rolled_back = false;
    broker_rows_open(core);
    broker_meta_row(core);
    broker_rows_close(core);
    broker_note(core, BROKER_NOTE_RECOVERED, WIRE_OK, 0, core->generation, 0, 0);
    cut_all(core, WIRE_ROLLED_BACK);
}

void broker_on_operator(struct broker_core *core, const struct broker_event *event)
{
    switch (event->operator_.operation) {
    case BROKER_ACCEPT_FORK:
        accept_fork(core, event->operator_.region);
        break;
    case BROKER_ACCEPT_LOSS:
        accept_loss(core);
        break;
    case BROKER_SHUT_DOWN:
        core->shutting_down = true;
        cut_all(core, WIRE_SHUTTING_DOWN);
        break;
    default:
        wire_ensure_failed("an operation that is none", __FILE__, __LINE__);
    }
}
