/* What the world knows of every envelope: who wrote what, and to whom the rules gave it when the ledger admitted it. */
#include "sim.h"

#include <stdlib.h>

uint64_t sim_hash64(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t h = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * 0x100000001b3ULL;
    return h ^ (h >> 29);
}

unsigned sim_region_index(const struct sim *sim, uint32_t region)
{
    unsigned i = 0;
    while (i < sim->region_count && sim->region[i] != region)
        i++;
    return i < sim->region_count ? i : SIM_REGIONS;
}

static struct sim_envelope *slot_of(const struct sim_model *model, uint32_t origin, const uint8_t *id)
{
    size_t i = (sim_hash64(id, WIRE_ID_BYTES) ^ origin) % model->capacity;
    while (model->slot[i].used &&
           (model->slot[i].origin != origin || memcmp(model->slot[i].id, id, WIRE_ID_BYTES) != 0))
        i = (i + 1) % model->capacity;
    return &model->slot[i];
}

static void grow(struct sim_model *model)
{
    struct sim_model larger = {.capacity = model->capacity == 0 ? 4096 : 2 * model->capacity, .count = model->count};
    larger.slot = calloc(larger.capacity, sizeof(*larger.slot));
    ENSURE(larger.slot != NULL);
    for (size_t i = 0; i < model->capacity; i++)
        if (model->slot[i].used)
            *slot_of(&larger, model->slot[i].origin, model->slot[i].id) = model->slot[i];
    free(model->slot);
    *model = larger;
}

struct sim_envelope *sim_model_find(struct sim *sim, uint32_t origin, const uint8_t *id)
{
    if (sim->model.capacity == 0)
        return NULL;
    struct sim_envelope *slot = slot_of(&sim->model, origin, id);
    return slot->used ? slot : NULL;
}

struct sim_envelope *sim_model_add(struct sim *sim, uint32_t origin, const uint8_t *id)
{
    if (2 * sim->model.count >= sim->model.capacity)
        grow(&sim->model);
    struct sim_envelope *slot = slot_of(&sim->model, origin, id);
    if (!slot->used) {
        slot->used = true;
        slot->origin = origin;
        memcpy(slot->id, id, WIRE_ID_BYTES);
        sim->model.count++;
    }
    return slot;
}
