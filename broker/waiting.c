/* What came in and waits for its turn (gate/turns.h): the loop hears it slice by slice and looks at its sockets and at
 * what was committed in between. */
#include "broker.h"

#include "broker/gate/turns.h"

#include <stdlib.h>

enum { SLICE_NS = 200 * 1000 /* what is begun is ended */ };

struct frame {
    struct gate_frame head;
    struct link_kept *kept;
    char user_id[LINK_USER_ID_BYTES];
};

struct broker_waiting {
    struct broker *broker;
    struct gate_turns turns;
};

struct broker_waiting *broker_waiting_new(struct broker *broker)
{
    struct broker_waiting *waiting = calloc(1, sizeof(*waiting));
    ENSURE(waiting != NULL);
    waiting->broker = broker;
    gate_turns_open(&waiting->turns, LINK_PEER_SLOTS);
    return waiting;
}

static void drop(struct gate_frame *head)
{
    struct frame *frame = (struct frame *)head;
    link_kept_free(&frame->kept);
    free(frame);
}

void broker_waiting_free(struct broker_waiting **waiting)
{
    struct gate_frame *head;
    if (*waiting == NULL)
        return;
    while ((head = gate_turns_take(&(*waiting)->turns)) != NULL)
        drop(head);
    gate_turns_close(&(*waiting)->turns);
    free(*waiting);
    *waiting = NULL;
}

/* false: nothing waits. */
static bool hear_next(struct broker_waiting *waiting)
{
    struct gate_frame *head = gate_turns_take(&waiting->turns);
    if (head == NULL)
        return false;
    broker_hear(waiting->broker, head->peer, ((struct frame *)head)->user_id, head->raw);
    drop(head);
    return true;
}

static void put(struct broker_waiting *waiting, link_peer peer, const char *user_id, struct wire_bytes payload,
                enum gate_turn turn)
{
    struct frame *frame = calloc(1, sizeof(*frame));
    ENSURE(frame != NULL && strlen(user_id) < sizeof(frame->user_id));
    frame->head = (struct gate_frame){.raw = payload, .peer = peer, .slot = LINK_PEER_SLOT(peer), .turn = turn};
    strcpy(frame->user_id, user_id);
    frame->kept = link_server_keep(waiting->broker->server, &frame->head.raw);
    gate_turns_put(&waiting->turns, &frame->head);
}

void broker_on_message(void *ctx, link_peer peer, const char *user_id, struct wire_bytes payload)
{
    struct broker *broker = ctx;
    enum gate_turn turn = gate_glance(payload);
    if (gate_turns_now(&broker->waiting->turns, LINK_PEER_SLOT(peer), turn))
        broker_hear(broker, peer, user_id, payload);
    else
        put(broker->waiting, peer, user_id, payload, turn);
    while (gate_turns_full(&broker->waiting->turns))
        hear_next(broker->waiting);
}

/* Nothing waits: what goes when the disk has the one append under way is made while it is written. With more of them
 * under way there is more to sign at one time later. */
static void look_ahead(struct broker *broker)
{
    uint64_t last = broker->shell.ticket_last;
    if (broker->waiting->turns.frames == 0 && shell_committed(&broker->shell) + 1 == last && !broker->shell.stopping)
        broker_post_ahead(broker->post, last);
}

static void on_turn(uv_idle_t *turn)
{
    struct broker *broker = turn->data;
    uint64_t from = uv_hrtime();
    while (hear_next(broker->waiting) && uv_hrtime() - from < SLICE_NS)
        continue;
    if (broker->waiting->turns.frames > 0 && !broker->shell.stopping)
        uv_idle_start(turn, on_turn);
    else
        uv_idle_stop(turn);
    look_ahead(broker);
}

void broker_on_turn_end(void *ctx)
{
    struct broker *broker = ctx;
    if (!uv_is_active((uv_handle_t *)&broker->turn))
        on_turn(&broker->turn);
}

void broker_waiting_end(struct broker_waiting *waiting, link_peer peer, bool heard)
{
    struct gate_frame *head;
    while ((head = gate_turns_take_of(&waiting->turns, peer, LINK_PEER_SLOT(peer))) != NULL) {
        if (heard)
            broker_hear(waiting->broker, peer, ((struct frame *)head)->user_id, head->raw);
        drop(head);
    }
}
