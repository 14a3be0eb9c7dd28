/* What goes out next: flash before all, then urgent, routine and bulk by bytes, 16:4:1. A lane without credit is passed
 * over, so no lane waits for another; but when all lanes together have as much under way as may stand in front of a
 * flash, the one whose turn it is waits and keeps its turn. */
#include "broker/core/inside.h"
#include "wire/lane.h"

/* A queue of this lane whose next row is at hand, the one after that served last first. */
static struct queue *lane_queue(struct broker_core *core, const struct region *region, uint32_t lane)
{
    struct queue *first = NULL;
    bool passed = false;
    for (uint32_t at = region->first_queue; at != NONE; at = core->queues[at].next_of_region) {
        struct queue *queue = &core->queues[at];
        bool ready = queue->lane == lane && queue->rows > 0 && core->window[queue->head].number == queue->send_next;
        if (ready && passed)
            return queue;
        if (ready && first == NULL)
            first = queue;
        passed |= at == region->turn[lane];
    }
    return first;
}

struct choice {
    struct queue *queue[WIRE_LANES]; /* with a row at hand; NULL = none */
    uint32_t lane;                   /* whose turn it is; WIRE_LANES = none has credit */
    bool clear;                      /* it may go now */
};

static struct choice choose(struct broker_core *core, struct region *region)
{
    struct choice choice = {.lane = WIRE_LANES};
    uint64_t least = UINT64_MAX;
    for (uint32_t lane = 0; lane < WIRE_LANES; lane++) {
        struct queue *queue = choice.queue[lane] = lane_queue(core, region, lane);
        if (queue == NULL || !wire_credit_holds(&region->credit, lane, core->window[queue->head].cost))
            continue;
        uint64_t turn = wire_credit_turn(&region->credit, lane);
        if (turn < least) {
            least = turn;
            choice.lane = lane;
        }
    }
    choice.clear = choice.lane < WIRE_LANES &&
                   wire_credit_clear(&region->credit, choice.lane, core->window[choice.queue[choice.lane]->head].cost);
    return choice;
}

static void account(struct region *region, uint32_t lane, uint32_t cost)
{
    wire_credit_use(&region->credit, lane, cost);
    region->out[lane].asked = false;
    for (uint32_t i = 0; i < WIRE_LANES; i++)
        region->out[i].crowded = false;
}

static void deliver_row(struct broker_core *core, struct region *region, struct queue *queue)
{
    const struct window_row *row = &core->window[queue->head];
    Wire__Deliver *deliver = broker_take(core, sizeof *deliver);
    struct window_row *copy = broker_take(core, sizeof *copy);
    *copy = *row;
    wire__deliver__init(deliver);
    deliver->mechanism = core->mechanisms[queue->mechanism];
    deliver->lane = (Wire__Lane)queue->lane;
    deliver->number = row->number;
    deliver->chain = broker_data(copy->chain.bytes, WIRE_HASH_BYTES);
    deliver->generation = core->generation;
    deliver->witness = broker_unsigned(core, WIRE__STATEMENT_TYPE__WITNESS_STATEMENT, wire_bytes(NULL, 0));
    deliver->has_again = deliver->again = row->number <= queue->sent_high;
    struct broker_send *send = broker_send(core, region->peer, row->ticket, WIRE__FRAME__BODY_DELIVER, &deliver->base);
    send->part.serial = row->serial;
    send->part.recipient = region->region;
    send->part.count = row->count;
    send->part.session = region->session_count;
    send->part.cost = row->cost;
    memcpy(send->part.given, row->given, sizeof row->given);
    memcpy(send->part.owes, row->owes, sizeof row->owes);

    account(region, queue->lane, row->cost);
    region->turn[queue->lane] = (uint32_t)(queue - core->queues);
    queue->send_next = row->number + 1;
    if (queue->sent_high < row->number)
        queue->sent_high = row->number;
    broker_window_pop(core, queue);
}

/* Something else may go before a row of this lane that is over 256 KiB: smaller rows, and large ones of lanes ahead. */
static bool others_first(const struct broker_core *core, const struct choice *choice, uint32_t lane)
{
    for (uint32_t i = 0; i < WIRE_LANES; i++) {
        if (i == lane || choice->queue[i] == NULL)
            continue;
        if (i < lane || core->window[choice->queue[i]->head].cost <= WIRE_BATCH_BYTES_MAX)
            return true;
    }
    return false;
}

/* A row that may be larger than what its lane has left asks, once. A node need not send a grant that is worth less than
 * a quarter of the window, so what fits three quarters comes by itself. Over 256 KiB only while no other lane has
 * anything to send. */
static void ask(struct broker_core *core, struct region *region, const struct choice *choice)
{
    for (uint32_t lane = 0; lane < WIRE_LANES; lane++) {
        struct lane_out *out = &region->out[lane];
        if (choice->queue[lane] == NULL || out->asked)
            continue;
        uint32_t cost = core->window[choice->queue[lane]->head].cost;
        if (cost <= region->credit.lane[lane].window / 4 * 3 ||
            (cost > WIRE_BATCH_BYTES_MAX && others_first(core, choice, lane)))
            continue;
        out->asked = true;
        region->ask_lane = lane;
        region->ask_cost = cost;
        broker_tell(core, region, TELL_ASK);
        return;
    }
}

/* A row over 256 KiB has its grant, and then something else went first. A node says what it took when a quarter of a
 * window is worth it; asked, it says all. */
static void ask_again(struct broker_core *core, struct region *region, const struct choice *choice)
{
    struct lane_out *out = &region->out[choice->lane];
    uint32_t cost = core->window[choice->queue[choice->lane]->head].cost;
    if (out->crowded || cost <= WIRE_BATCH_BYTES_MAX)
        return;
    out->crowded = true;
    region->ask_lane = choice->lane;
    region->ask_cost = cost;
    broker_tell(core, region, TELL_ASK);
}

void broker_deliver(struct broker_core *core, struct region *region)
{
    for (int turn = 0; turn < DELIVERS_A_TURN; turn++) {
        for (uint32_t at = region->first_queue; at != NONE; at = core->queues[at].next_of_region)
            broker_window_want(core, region, &core->queues[at]);
        struct choice choice = choose(core, region);
        if (choice.lane == WIRE_LANES) {
            ask(core, region, &choice);
            return;
        }
        if (!choice.clear) {
            ask_again(core, region, &choice);
            return;
        }
        deliver_row(core, region, choice.queue[choice.lane]);
        if (!broker_out_has_room(core))
            break;
    }
    broker_tell(core, region, TELL_DELIVER);
}

void broker_on_sent(struct broker_core *core, const struct broker_event *event)
{
    const struct broker_sent *sent = &event->sent;
    struct region *region = broker_region_of_peer(core, sent->peer);
    ENSURE(sent->lane < WIRE_LANES && sent->bytes <= sent->cost);
    if (region == NULL || region->session_count != sent->session)
        return;
    wire_credit_correct(&region->credit, sent->lane, sent->cost - sent->bytes);
    if (sent->bytes < sent->cost)
        broker_tell(core, region, TELL_DELIVER);
}
