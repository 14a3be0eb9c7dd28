/* The next rows of a queue in memory.
 *
 *     send_next          gap (FETCH fills it from below)        last
 *        │ [fetched rows …] · · · · · · · · · [newest rows …]    │
 *
 * A new row is kept at once when it follows the newest kept or when none is kept, so that a queue whose node keeps up
 * never reads the ledger. Fetched rows come in at the front. Rows are a cache: they may be dropped at any time. */
#include "broker/core/inside.h"

/* Drops the rows of some queue that cannot be sent now anyway, for want of credit. A hand goes round the queues. */
static void reclaim(struct broker_core *core)
{
    for (uint32_t tries = 0; tries < RECLAIM_TRIES && tries < core->queue_count; tries++) {
        struct queue *queue = &core->queues[core->reclaim_at++ % core->queue_count];
        const struct wire_credit *credit = &core->regions[queue->region].credit;
        if (queue->rows > 1 && !wire_credit_holds(credit, queue->lane, core->window[queue->head].cost)) {
            broker_window_drop(core, queue);
            return;
        }
    }
}

static bool pool_empty(const struct broker_core *core)
{
    return core->window_free == NONE && core->window_used == core->options.window_rows;
}

static uint32_t row_take(struct broker_core *core)
{
    if (pool_empty(core))
        reclaim(core);
    if (core->window_free != NONE) {
        uint32_t at = core->window_free;
        core->window_free = core->window[at].next;
        return at;
    }
    return core->window_used < core->options.window_rows ? core->window_used++ : NONE;
}

static void row_fill(struct window_row *out, uint64_t number, uint64_t ticket, const struct broker_queue_row *row)
{
    out->next = NONE;
    out->cost = row->cost;
    out->number = number;
    out->serial = row->serial;
    out->ticket = ticket;
    out->admitted_ms = row->admitted_ms;
    out->count = row->count;
    out->chain = row->chain;
    memcpy(out->given, row->given, sizeof out->given);
    memcpy(out->owes, row->owes, sizeof out->owes);
}

bool broker_window_push(struct broker_core *core, struct queue *queue, uint64_t number, uint64_t ticket,
                        const struct broker_queue_row *row)
{
    const struct region *region = &core->regions[queue->region];
    if (region->peer == 0 || queue->rows >= BROKER_WINDOW_ROWS)
        return false;
    if (queue->rows > 0 && core->window[queue->tail].number + 1 != number)
        return false;
    uint32_t at = row_take(core); /* may drop rows, even of this queue */
    if (at == NONE)
        return false;
    row_fill(&core->window[at], number, ticket, row);
    if (queue->rows == 0)
        queue->head = at;
    else
        core->window[queue->tail].next = at;
    queue->tail = at;
    queue->rows++;
    return true;
}

void broker_window_pop(struct broker_core *core, struct queue *queue)
{
    uint32_t at = queue->head;
    ENSURE(queue->rows > 0);
    queue->head = core->window[at].next;
    if (--queue->rows == 0)
        queue->head = queue->tail = NONE;
    core->window[at].next = core->window_free;
    core->window_free = at;
}

/* Also forgets what was asked for: an answer that is under way bears another nonce. */
void broker_window_drop(struct broker_core *core, struct queue *queue)
{
    while (queue->rows > 0)
        broker_window_pop(core, queue);
    queue->fetching = false;
    queue->fetch_nonce = (queue->fetch_nonce + 1) & 0xffffff;
    queue->wait_ticket = 0;
}

/* --- asking the ledger ---------------------------------------------------------------------------------------------
 */
static bool wants(const struct broker_core *core, const struct queue *queue)
{
    if (queue->fetching || queue->wait_ticket != 0 || queue->send_next > queue->last)
        return false;
    return queue->rows == 0 || core->window[queue->head].number > queue->send_next;
}

void broker_window_want(struct broker_core *core, struct region *region, struct queue *queue)
{
    if (!wants(core, queue))
        return;
    if (!broker_fetch_take(core)) {
        if (!region->in_hungry) {
            region->in_hungry = true;
            broker_ring_add(&core->hungry, broker_region_index(core, region));
        }
        return;
    }
    struct broker_queue_name name = broker_queue_name(core, queue);
    queue->fetching = true;
    queue->fetch_nonce = (queue->fetch_nonce + 1) & 0xffffff;
    queue->fetch_complete = queue->tail_ticket <= core->committed;
    broker_fetch(core, REQUEST_QUEUE, queue->fetch_nonce, (uint32_t)(queue - core->queues), BROKER_QUEUE,
                 broker_key_queue_row(&name, queue->send_next), broker_key_queue(&name), BROKER_WINDOW_ROWS,
                 BROKER_WINDOW_ROWS * sizeof(struct broker_queue_row), false);
}

/* Puts a fetched row behind `after` (NONE: at the head). false: the pool is empty. */
static bool insert(struct broker_core *core, struct queue *queue, uint32_t *after, uint64_t number,
                   const struct broker_queue_row *row)
{
    if (pool_empty(core))
        return false; /* not reclaimed here: that could drop what is being filled */
    uint32_t at = row_take(core);
    row_fill(&core->window[at], number, queue->tail_ticket, row);
    core->window[at].next = *after == NONE ? queue->head : core->window[*after].next;
    if (*after == NONE)
        queue->head = at;
    else
        core->window[*after].next = at;
    if (core->window[at].next == NONE)
        queue->tail = at;
    queue->rows++;
    *after = at;
    return true;
}

/* What became of an answer. */
struct filled {
    uint32_t rows;    /* went in */
    uint64_t damaged; /* highest number of a row that cannot be read, 0 = none */
};

/* Rows below send_next or from the head of the window on are there already. */
static struct filled fill(struct broker_core *core, struct queue *queue, const struct broker_fetched *fetched)
{
    uint64_t below = queue->rows == 0 ? UINT64_MAX : core->window[queue->head].number;
    uint32_t after = NONE;
    struct filled filled = {0, 0};
    for (size_t i = 0; i < fetched->count; i++) {
        struct broker_queue_name name;
        struct broker_queue_row row;
        uint64_t number;
        if (!broker_queue_row_of_key(fetched->rows[i].key, &name, &number) || number < queue->send_next ||
            number >= below)
            continue;
        if (!broker_get_queue(fetched->rows[i].value, &row)) {
            broker_note(core, BROKER_NOTE_DAMAGED, WIRE_DAMAGED, core->regions[queue->region].region, BROKER_QUEUE,
                        number, 0);
            filled.damaged = number;
            continue;
        }
        if (!insert(core, queue, &after, number, &row))
            break;
        filled.rows++;
    }
    return filled;
}

/* Goes on behind rows that are no longer there or cannot be read: they block nothing. */
static void skip_to(struct broker_core *core, struct queue *queue, uint64_t next)
{
    if (queue->rows > 0 && core->window[queue->head].number < next)
        next = core->window[queue->head].number;
    if (next > queue->send_next)
        queue->send_next = next;
}

void broker_window_fetched(struct broker_core *core, uint32_t nonce, uint32_t index,
                           const struct broker_fetched *fetched)
{
    ENSURE(index < core->queue_count);
    struct queue *queue = &core->queues[index];
    struct region *region = &core->regions[queue->region];
    if (!queue->fetching || queue->fetch_nonce != nonce)
        return; /* of an earlier session */
    queue->fetching = false;
    if (pool_empty(core))
        reclaim(core);
    struct filled filled = fill(core, queue, fetched);
    if (filled.rows > 0) {
        if (queue->send_next <= queue->arrived + 1)
            queue->oldest_ms = core->window[queue->head].admitted_ms;
        skip_to(core, queue, UINT64_MAX);
    } else if (filled.damaged != 0) {
        skip_to(core, queue, filled.damaged + 1);
    } else if (fetched->count == 0 && !queue->fetch_complete) {
        if (queue->tail_ticket > core->committed) { /* else they were committed meanwhile: ask again */
            queue->wait_ticket = queue->tail_ticket;
            broker_ring_commit(core, region);
        }
    } else if (fetched->count == 0) {
        skip_to(core, queue, queue->last + 1);
    } else {
        return; /* no room in the pool: the next pulse tries again */
    }
    broker_tell(core, region, TELL_DELIVER);
}
