/* Who said what about which envelope: an acknowledgement or outcome ends what its own origin owes about what it
 * answers, a cancel what anybody owes about what it names. Said here a second time, apart from broker/core/duty.c. */
#include "sim.h"

#include "wire/kind.h"

#include <stdlib.h>

void sim_answers_add(struct sim_answers *answers, const Wire__Reference *about, uint32_t who, uint32_t duty)
{
    if (answers->count == answers->capacity) {
        answers->capacity = answers->capacity == 0 ? 256 : 2 * answers->capacity;
        answers->list = realloc(answers->list, answers->capacity * sizeof(*answers->list));
        ENSURE(answers->list != NULL);
    }
    struct sim_answer *answer = &answers->list[answers->count++];
    *answer = (struct sim_answer){.origin = about->origin, .who = who, .duty = duty};
    memcpy(answer->id, about->id.data, WIRE_ID_BYTES);
}

void sim_answers_of(struct sim_answers *answers, const Wire__Header *header)
{
    const Wire__Reference *about = header->in_reply_to;
    if (header->action == WIRE__ACTION__CANCEL) {
        sim_answers_add(answers, header->references[0], SIM_ANYBODY, SIM_ANY_DUTY);
        return;
    }
    if (header->kind == WIRE_KIND_ACKNOWLEDGEMENT)
        sim_answers_add(answers, about, header->origin, WIRE__DUTY__SIGN_FOR);
    if (header->kind != WIRE_KIND_OUTCOME)
        return;
    sim_answers_add(answers, about, header->origin, WIRE__DUTY__FIRST_FEEDBACK);
    if (header->progress == WIRE__PROGRESS__FINAL)
        sim_answers_add(answers, about, header->origin, WIRE__DUTY__CLOSE);
}

static int compare(const void *a, const void *b)
{
    const struct sim_answer *x = a, *y = b;
    int by_id = memcmp(x->id, y->id, WIRE_ID_BYTES);
    if (by_id != 0)
        return by_id;
    if (x->origin != y->origin)
        return x->origin < y->origin ? -1 : 1;
    if (x->who != y->who)
        return x->who < y->who ? -1 : 1;
    return x->duty < y->duty ? -1 : x->duty > y->duty;
}

void sim_answers_sort(struct sim_answers *answers)
{
    if (answers->count > 0)
        qsort(answers->list, answers->count, sizeof(*answers->list), compare);
}

bool sim_answers_have(const struct sim_answers *answers, uint32_t origin, const uint8_t *id, uint32_t who,
                      uint32_t duty)
{
    struct sim_answer key = {.origin = origin, .who = who, .duty = duty};
    memcpy(key.id, id, WIRE_ID_BYTES);
    return answers->count > 0 && bsearch(&key, answers->list, answers->count, sizeof key, compare) != NULL;
}

void sim_answers_free(struct sim_answers *answers)
{
    free(answers->list);
    *answers = (struct sim_answers){0};
}
