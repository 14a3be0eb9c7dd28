/* The terms of what arrived. Envelopes of a part that share a duty's terms, desk, status and keep-until share one row.
 */
#include "broker/core/inside.h"

struct group {
    struct broker_duty duty;
    const Wire__Term *term;
    struct broker_obligation_row row;
};

/* What all envelopes of one disposition share. */
struct given {
    const Wire__Disposition *disposition;
    int64_t first_due_ms; /* of its shortest term, from admission */
    uint8_t desk;
};

struct terms {
    struct broker_core *core;
    const struct broker_arrived *arrived;
    const struct region *region;
    struct given *given; /* a disposition; looked at once each */
    struct group **group;
    uint32_t groups;
    int64_t first_due_ms; /* of the part, from admission */
};

static bool in_office(const Wire__Term *term)
{
    return term->has_office_hours && term->office_hours;
}

static int64_t due_after(int64_t from_ms, const Wire__Term *term)
{
    return broker_due_ms(from_ms, (int64_t)term->minutes * MINUTE_MS, in_office(term));
}

static uint8_t desk_of(const Wire__Disposition *given, uint32_t region)
{
    for (size_t i = 0; i < given->n_to && i < given->n_to_unit; i++) {
        if (given->to[i] == region)
            return (uint8_t)given->to_unit[i];
    }
    return WIRE_UNIT_NONE;
}

static const struct given *given_of(struct terms *terms, const struct broker_fact *fact)
{
    if (fact->disposition == 0)
        return NULL;
    struct given *given = &terms->given[fact->disposition - 1];
    if (given->disposition != NULL)
        return given;
    given->disposition = broker_disposition(terms->arrived->batch, fact, &terms->core->out->arena);
    if (given->disposition == NULL)
        return NULL;
    given->desk = desk_of(given->disposition, terms->region->region);
    given->first_due_ms = INT64_MAX;
    for (size_t i = 0; i < given->disposition->n_term; i++) {
        int64_t due = due_after(terms->arrived->row->admitted_ms, given->disposition->term[i]);
        given->first_due_ms = due < given->first_due_ms ? due : given->first_due_ms;
    }
    return given;
}

static bool answered(const struct broker_arrived *arrived, uint32_t index, uint32_t duty)
{
    for (size_t i = 0; i < arrived->answered_count; i++) {
        if (arrived->answered[i].index == index &&
            (arrived->answered[i].duty == 0 || arrived->answered[i].duty == duty))
            return true;
    }
    return false;
}

static bool fits(const struct group *group, const struct broker_fact *fact, uint8_t desk, const Wire__Term *term)
{
    return group->term->duty == term->duty && group->term->minutes == term->minutes &&
           in_office(group->term) == in_office(term) && group->row.keep_until == fact->keep_until &&
           group->row.status == fact->status && group->row.unit == desk;
}

static struct group *group_new(struct terms *terms, const struct broker_fact *fact, uint8_t desk,
                               const Wire__Term *term)
{
    struct broker_core *core = terms->core;
    const Wire__BatchSeal *seal = terms->arrived->batch->seal;
    struct group *group = terms->group[terms->groups] = broker_take(core, sizeof *group);
    *group = (struct group){
        .term = term,
        .duty = {terms->arrived->row->serial, terms->region->region, terms->arrived->part->number, (uint8_t)term->duty,
                 (uint16_t)terms->groups},
        .row = {.origin = seal->origin,
                .step = BROKER_STEP_REMIND,
                .since_ms = core->wall_ms,
                .due_ms = due_after(core->wall_ms, term),
                .down_total_ms = terms->region->down_total_ms,
                .keep_until = fact->keep_until,
                .status = fact->status,
                .unit = desk,
                .lane = (uint8_t)seal->lane,
                .count = terms->arrived->row->count},
    };
    memcpy(group->row.mechanism, seal->mechanism, strlen(seal->mechanism) + 1);
    terms->groups++;
    return group;
}

static void start_term(struct terms *terms, const struct broker_fact *fact, uint32_t index, uint8_t desk,
                       const Wire__Term *term)
{
    uint32_t at = 0;
    while (at < terms->groups && !fits(terms->group[at], fact, desk, term))
        at++;
    struct group *group = at < terms->groups ? terms->group[at] : group_new(terms, fact, desk, term);
    broker_bit_set(group->row.owed, index);
}

/* The terms of one envelope: from now if it came. In any case what the part was to arrive by is found again. */
static void owe(struct terms *terms, uint32_t index, bool came)
{
    struct broker_fact fact;
    if (!broker_bit(terms->arrived->row->owes, index) || !broker_get_fact(terms->arrived->batch, index, &fact))
        return;
    const struct given *given = given_of(terms, &fact);
    if (given == NULL)
        return;
    if (given->first_due_ms < terms->first_due_ms)
        terms->first_due_ms = given->first_due_ms;
    for (size_t i = 0; came && i < given->disposition->n_term && i < WIRE_TERMS_MAX; i++) {
        const Wire__Term *term = given->disposition->term[i];
        if (!answered(terms->arrived, index, term->duty))
            start_term(terms, &fact, index, given->desk, term);
    }
}

static void groups_put(struct terms *terms)
{
    for (uint32_t i = 0; i < terms->groups; i++) {
        const struct group *group = terms->group[i];
        int64_t three_quarters = (int64_t)group->term->minutes * MINUTE_MS / 4 * 3;
        int64_t remind_ms = broker_due_ms(group->row.since_ms, three_quarters, in_office(group->term));
        broker_duty_put(terms->core, &group->duty, remind_ms, &group->row);
    }
}

uint32_t broker_terms_start(struct broker_core *core, const struct region *region, const struct broker_arrived *arrived)
{
    const Wire__ArrivedStatement *statement = arrived->statement;
    struct terms terms = {.core = core, .arrived = arrived, .region = region, .first_due_ms = INT64_MAX};
    uint32_t bad = 0;
    terms.given = broker_take(core, arrived->batch->n_disposition * sizeof *terms.given);
    terms.group = broker_take(core, statement->n_arrival * WIRE_TERMS_MAX * sizeof(struct group *));
    for (size_t i = 0; i < statement->n_arrival; i++) {
        bool came = statement->arrival[i]->code == WIRE__VERDICT_CODE__ARRIVED;
        owe(&terms, statement->arrival[i]->index, came);
        bad += !came;
    }
    groups_put(&terms);
    if (terms.first_due_ms != INT64_MAX) {
        struct broker_duty arrive = {arrived->row->serial, region->region, arrived->part->number, BROKER_DUTY_ARRIVE,
                                     0};
        broker_duty_erase(core, &arrive, terms.first_due_ms);
    }
    return bad;
}
