/* Inside of a compiled policy; only this room includes it. */
#pragma once
#include "rules/policy.h"

/* One way a rule may be used: by which of its `from` selectors. Two bytes of rule index, one of selector. */
struct rules_candidate {
    uint16_t rule;
    uint16_t from;
};

/* What may apply to one kind from one unit in one mechanism: candidates [first, first + count), most particular first.
 */
struct rules_slot {
    uint32_t first;
    uint32_t count;
};

struct rules_index {
    const struct rules_slot *slot; /* [kind index × RULES_UNITS + unit] */
    const struct rules_candidate *candidate;
};

/* The mechanisms that a region belongs to, narrowest first: order[first .. first + count). */
struct rules_belonging {
    uint32_t region;
    uint32_t first;
    uint32_t count;
};

struct rules_policy {
    uint64_t version;
    uint8_t digest[WIRE_HASH_BYTES];
    struct rules_mechanism *mechanism; /* in byte order of ids */
    struct rules_index *index;         /* one a mechanism */
    size_t count;
    uint32_t *kind; /* numbers of every kind some rule names, rising */
    size_t kind_count;
    struct rules_belonging *belonging; /* by rising region */
    size_t belonging_count;
    uint32_t *order;
};

/* Candidates of (kind, unit) in a mechanism; NULL with *count 0 when there are none. */
const struct rules_candidate *rules_candidates(const struct rules_policy *policy, uint32_t mechanism, uint32_t kind,
                                               uint32_t unit, size_t *count);
const struct rules_belonging *rules_belonging_of(const struct rules_policy *policy, uint32_t region);
/* The seat for a kind: its own, else the default, else NULL. */
const struct rules_seat *rules_seat_for(const struct rules_mechanism *mechanism, uint32_t kind);
const struct rules_liaison *rules_liaison_find(const struct rules_mechanism *mechanism, uint32_t region);
/* May this liaison send this kind? NULL: no. */
bool rules_liaison_may(const struct rules_liaison *liaison, uint32_t kind);
/* The unit a `from` selector admits, for this kind; RULES_UNIT_ANY: each. */
uint32_t rules_from_unit(const struct rules_mechanism *mechanism, const struct rules_selector *from, uint32_t kind);
/* Is the number in this rising list? */
bool rules_listed(const uint32_t *list, size_t count, uint32_t number);
