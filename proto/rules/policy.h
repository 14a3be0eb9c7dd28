/* A policy: all mechanisms of one installation at one time, compiled to tables in the caller's memory.
 *
 * Immutable once compiled and free of pointers to its source; any thread may read it. What compiling refuses: unknown
 * regions, units, kinds, lanes, selectors; two rules that would answer one question alike; a seat or coordinator used
 * and not named; kinds with persons in clear, copied, or to more than one region; kinds that rules may not name
 * (replies and the broker's own); times and terms that are none. Each refusal names file:line:column, mechanism and
 * rule. */
#pragma once
#include "rules/source.h"
#include "schema/envelope.pb-c.h"
#include "schema/statement.pb-c.h"
#include "wire/limits.h"
#include "wire/status.h"
#include "wire/unit.h"
#include <stdbool.h>

enum {
    RULES_MECHANISMS_MAX = 64, /* of one installation */
    RULES_MEMBERS_MAX = 400,   /* = WIRE_RECIPIENTS_MAX: `members` must fit a disposition */
    RULES_PER_MECHANISM = 64,
    RULES_SELECTORS_MAX = 16, /* of one from, to or cc */
    RULES_KINDS_PER_RULE = 16,
    RULES_NAME_BYTES = 64,   /* of a rule's name, with its NUL */
    RULES_NONE = 0xffffffff, /* no mechanism */
    RULES_UNITS = 16,        /* numbers of wire/unit.h are below */
    RULES_UNIT_LIKE = 254,   /* the issuer's own unit, over there */
    RULES_UNIT_ANY = 255,    /* from: any unit; named: whichever unit the header names */
};

enum rules_who {
    RULES_REGION = 1, /* one region named in the rule */
    RULES_MEMBERS,
    RULES_LIAISONS,
    RULES_COORDINATOR,
    RULES_SEAT,
    RULES_CONCERNED, /* the region itself, else its city, else its province: first that is a member and enrolled */
    RULES_NAMED,     /* the addressees of the header, stepped up likewise */
    RULES_PAIRED,    /* the provinces paired with the concerned (else the issuing) region's city */
    RULES_UPPER,     /* the next member above the origin */
    RULES_LOWER,     /* the members within the origin */
};

struct rules_selector {
    enum rules_who who;
    uint32_t region; /* RULES_REGION, RULES_COORDINATOR: which */
    uint32_t unit;   /* wire/unit.h, RULES_UNIT_LIKE or RULES_UNIT_ANY */
};

struct rules_term {
    Wire__Duty duty;
    uint32_t minutes; /* from the broker's time of `arrived` */
    char source;      /* S the documents, L law, P published practice, D a default of ours */
    bool office_hours;
    bool by_due; /* in a rule: minutes come from the header's due time; absent there, nothing is owed */
};

enum rules_keep_how {
    RULES_KEEP_R60 =
        1,         /* later of last exposure + 28 d and creation + 14 d, at most creation + 60 d; no exposure: + 28 d */
    RULES_KEEP_RV, /* validity + 14 d */
    RULES_KEEP_DAYS,
    RULES_KEEP_YEARS,
};

struct rules_keep {
    enum rules_keep_how how;
    uint32_t amount; /* days or years */
    char source;
};

struct rules_rule {
    uint32_t number; /* from 1, in the order of the file */
    const char *name, *zh, *en;
    uint32_t line;
    bool persons; /* its kinds hold persons */
    bool sealed;
    bool highest_first;
    bool off;    /* persons across the border without an assessment number */
    char source; /* of the route; '\0': not stated */
    Wire__Lane lane;
    Wire__Lane lane_by_urgency[5]; /* by Wire__Urgency */
    int64_t from_ms, until_ms;     /* from_ms <= now < until_ms */
    struct rules_keep keep;
    struct rules_term term[WIRE_TERMS_MAX];
    size_t term_count;
    const uint32_t *kind;
    size_t kind_count;
    const struct rules_selector *from, *to, *cc;
    size_t from_count, to_count, cc_count;
};

struct rules_liaison {
    uint32_t region;
    const uint32_t *kind; /* that it may send */
    size_t kind_count;
};

struct rules_seat {
    uint32_t kind; /* 0: the default */
    uint32_t region, unit;
};

struct rules_pair {
    uint32_t city;
    int64_t from_ms, until_ms;
    const uint32_t *with;
    size_t with_count;
};

struct rules_mechanism {
    const char *id, *zh, *en, *file;
    const char *assessment; /* NULL: none */
    int64_t from_ms, until_ms;
    const uint32_t *member; /* by rising adcode */
    size_t member_count;
    const struct rules_liaison *liaison; /* by rising adcode */
    size_t liaison_count;
    uint32_t coordinator_region, coordinator_unit; /* 0: none */
    const struct rules_seat *seat;
    size_t seat_count;
    const struct rules_pair *pair; /* by rising city, then by rising from_ms */
    size_t pair_count;
    const struct rules_rule *rule;
    size_t rule_count;
};

struct rules_policy; /* opaque: lives in the memory given to rules_compile */

/* How much memory rules_compile needs for these sources (an upper bound). */
size_t rules_policy_size(const struct rules_source *mechanisms, size_t count);
/* `memory` must be aligned as malloc's and outlive the policy; it is all there is, nothing needs closing. `digest` (32
 * bytes) is SHA-256 of the signed PolicyText, NULL for zeros. Fails with INVALID (problem filled) or NO_MEMORY. */
enum wire_status rules_compile(const struct rules_source *mechanisms, size_t count, uint64_t version,
                               const uint8_t *digest, void *memory, size_t size, struct rules_policy **policy,
                               struct wire_problem *problem);

uint64_t rules_policy_version(const struct rules_policy *policy);
const uint8_t *rules_policy_digest(const struct rules_policy *policy); /* WIRE_HASH_BYTES */
/* Mechanisms stand in byte order of their ids. */
size_t rules_policy_count(const struct rules_policy *policy);
const struct rules_mechanism *rules_policy_at(const struct rules_policy *policy,
                                              uint32_t index);                        /* NULL beyond the last */
uint32_t rules_policy_find(const struct rules_policy *policy, const char *mechanism); /* RULES_NONE */
bool rules_is_member(const struct rules_policy *policy, uint32_t mechanism, uint32_t region);
/* A member, or a liaison (of any kind). */
bool rules_belongs(const struct rules_policy *policy, uint32_t mechanism, uint32_t region);
bool rules_in_force(const struct rules_mechanism *mechanism, int64_t now_ms);
/* The rule by its number (from 1); NULL for 0 and beyond the last. */
const struct rules_rule *rules_rule_at(const struct rules_mechanism *mechanism, uint32_t number);
