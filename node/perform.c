/* Effects of the core, performed in order. */
#include "node.h"

#include <stdlib.h>

/* --- APPEND ------------------------------------------------------------------------------------------------------- */

/* What was sealed is kept a second time as evidence: the core lets go of its own copy when nothing has to be sent again
 * any more. */
static size_t sent_rows(const struct node_append *append, struct wire_row *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < append->count; i++) {
        if (append->rows[i].table != NODE_TABLE_BATCH_BYTES || append->rows[i].erase)
            continue;
        rows[count] = append->rows[i];
        rows[count++].table = NODE_TABLE_SENT;
    }
    return count;
}

static size_t sealed_here(const struct node_append *append)
{
    size_t count = 0;
    for (size_t i = 0; i < append->count; i++)
        count += append->rows[i].table == NODE_TABLE_BATCH_BYTES && !append->rows[i].erase;
    return count;
}

static void perform_append(struct node *node, const struct node_append *append)
{
    size_t more = append->payload_count + sealed_here(append);
    const struct wire_row *rows = append->rows;
    size_t count = append->count;
    if (more > 0) {
        struct wire_row *all = wire_arena_take(&node->arena, (count + more) * sizeof(*all));
        if (all == NULL)
            shell_fail(&node->shell, "内存预算不足", "the memory budget is too small", WIRE_NO_MEMORY);
        if (count > 0)
            memcpy(all, rows, count * sizeof(*all));
        count += sent_rows(append, all + count);
        count += node_rest_rows(node, append, &node->arena, all + count);
        rows = all;
    }
    shell_append(&node->shell, rows, count, append->ticket);
}

/* --- the others --------------------------------------------------------------------------------------------------- */

static void perform_piece(struct node *node, const struct node_piece *piece)
{
    const struct node_event *event = node->stepping.event;
    ENSURE(event->kind == NODE_ON_POLICY_PIECE);
    node_trust_keep_piece(node->trust, piece, event->u.policy_piece.piece->bytes);
}

static void perform(struct node *node, const struct node_effect *effect)
{
    switch (effect->kind) {
    case NODE_DO_APPEND:
        perform_append(node, &effect->u.append);
        break;
    case NODE_DO_SEND:
        node_post_send(node, &effect->u.send);
        break;
    case NODE_DO_FETCH:
        node_jobs_fetch(node->jobs, &effect->u.fetch);
        break;
    case NODE_DO_SEAL:
        node_jobs_seal(node->jobs, &effect->u.seal);
        break;
    case NODE_DO_DONE:
        node_desk_done(node->desk, &effect->u.done);
        break;
    case NODE_DO_CUT:
        node_link_cut(node, effect->u.cut.link);
        break;
    case NODE_DO_ALIVE:
        if (node->line[effect->u.alive].client != NULL)
            link_client_alive(node->line[effect->u.alive].client);
        break;
    case NODE_DO_KEEP_PIECE:
        perform_piece(node, &effect->u.piece);
        break;
    case NODE_DO_ERASE:
        node_jobs_erase(node->jobs, effect->u.erase);
        break;
    case NODE_DO_WAKE:
        shell_wake_at(&node->shell, effect->u.wake);
        break;
    case NODE_DO_NOTE:
        node_notes_add(node->notes, &effect->u.note);
        break;
    case NODE_DO_STOP:
        link_log_line(node->shell.log, LINK_ERROR, "store", "记录无法读取", "a row cannot be read",
                      LINK_TEXT("table", node_table_name(effect->u.stop.table)));
        shell_fail(&node->shell, "节点存储损坏", "the store is damaged", effect->u.stop.status);
    }
}

void node_step(struct node *node, struct node_event *event)
{
    struct node_event again = {.kind = NODE_ON_CONTINUE};
    struct node_event *now = event;
    ENSURE(node->stepping.event == NULL);
    node->stepping.event = event;
    keep_hold(node->shell.keep); /* a draft and the batch it is sealed into at once are one commit, not two */
    do {
        now->mono_ms = shell_mono_ms();
        now->wall_ms = shell_wall_ms();
        cert_random(now->random, sizeof(now->random));
        node_core_step(node->core, now, &node->out);
        for (size_t i = 0; i < node->out.count; i++)
            perform(node, &node->out.effects[i]);
        now = &again;
    } while (node->out.more);
    node->stepping.event = NULL;
    node->stepping.plain = node->stepping.salt = node->stepping.carried = NULL;
    node->stepping.whole = wire_bytes(NULL, 0);
    shell_post_flush(node->post, shell_committed(&node->shell));
    node_jobs_run(node->jobs);
    keep_release(node->shell.keep);
}

void node_on_stored(struct node *node)
{
    wire_arena_reset(&node->arena);
    struct node_event event = {.kind = NODE_ON_COMMITTED};
    keep_hold(node->shell.keep);
    if (shell_newly_committed(&node->shell, &event.u.ticket))
        node_step(node, &event);
    node_jobs_run(node->jobs);
    node_desk_flush(node->desk, shell_committed(&node->shell));
    keep_release(node->shell.keep);
}
