/* 11. `exercise` and `test` can never be read as `actual`: what is read is what was written, status and payload. */
#include "sim.h"

#include "wire/id.h"

void sim_check_status(struct sim_node *node, const Wire__Header *header, struct wire_bytes plain, bool readable)
{
    struct sim *sim = node->process.sim;
    char text[WIRE_ID_TEXT];
    const struct sim_envelope *envelope = sim_model_find(sim, header->origin, header->id.data);
    if (envelope == NULL || !envelope->known)
        sim_fail(sim, 11, "%s reads %06u %s, which nobody wrote", node->process.name, header->origin,
                 wire_id_text(header->id.data, text));
    if (envelope->status != header->status)
        sim_fail(sim, 11, "%s reads %s with status %d, it was written with %d", node->process.name,
                 wire_id_text(header->id.data, text), (int)header->status, (int)envelope->status);
    if (readable && envelope->plain != sim_hash64(plain.data, plain.size))
        sim_fail(sim, 11, "%s reads %s, and it is not what was written", node->process.name,
                 wire_id_text(header->id.data, text));
}
