/* What the broker says itself: of each term one reminder and one overdue, and never of an exercise as if it were actual
 * (11). The broker's own envelopes are told apart by kind, by what they are about, by whom they are for and by the end
 * of the term. */
#include "sim.h"

#include "wire/id.h"

static void name_of(const Wire__Header *header, uint8_t out[WIRE_ID_BYTES])
{
    const uint64_t words[] = {header->kind, (uint64_t)header->due_ms, header->to[0]->region,
                              header->in_reply_to->origin};
    uint64_t name = sim_hash64(words, sizeof words);
    memset(out, 0, WIRE_ID_BYTES);
    memcpy(out, header->in_reply_to->id.data, WIRE_ID_BYTES);
    for (size_t i = 0; i < sizeof name; i++)
        out[i] ^= (uint8_t)(name >> (8 * i));
}

void sim_check_reminder(struct sim_broker *broker, const Wire__Header *header)
{
    static const uint8_t nothing[WIRE_ID_BYTES];
    enum { REMINDERS = UINT32_MAX }; /* no region */
    struct sim *sim = broker->process.sim;
    uint8_t name[WIRE_ID_BYTES];
    char text[WIRE_ID_TEXT];
    if (header->in_reply_to == NULL || header->n_to != 2 || /* one of the two is not enrolled now */
        memcmp(header->in_reply_to->id.data, nothing, WIRE_ID_BYTES) == 0)
        return; /* of a part that did not arrive */
    const uint8_t *about = header->in_reply_to->id.data;
    const struct sim_envelope *envelope = sim_model_find(sim, header->in_reply_to->origin, about);
    if (envelope != NULL && envelope->known && envelope->status != header->status)
        sim_fail(sim, 11, "%s speaks of %s with status %d, it has %d", broker->process.name, wire_id_text(about, text),
                 (int)header->status, (int)envelope->status);
    name_of(header, name);
    struct sim_envelope *said = sim_model_add(sim, (uint32_t)REMINDERS, name);
    if (said->life[broker->index] == broker->process.life && !broker->process.broken)
        sim_fail(sim, 3, "%s says twice to %06u that %s is due", broker->process.name, header->to[0]->region,
                 wire_id_text(about, text));
    said->life[broker->index] = broker->process.life;
}
