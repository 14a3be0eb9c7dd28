/* One envelope, one decision: may it travel, to whom, how fast, what do they owe, until when is it kept.
 *
 * Deny by default. The same code answers at the broker (hot path: no allocation, a few look-ups), at the node (preview,
 * choice of lane, whom to seal to, does a delivery belong here) and on the command line. DESIGN: docs/RULES.md.
 *
 * A question is about header fields only. Order of checks: header, issuer, reply or original, mechanism, rule, narrower
 * mechanism, lane, form, retention, recipients; the first failure is the verdict. */
#pragma once
#include "rules/policy.h"

/* What an acknowledgement or outcome answers, as the ledger (or the node's store) knows it. */
struct rules_parent {
    bool found;
    bool given; /* the question's origin was given it (主送 or 抄送) */
    uint32_t origin;
    const char *mechanism;
    Wire__Lane lane;
    Wire__Status status;
    uint32_t keep_until;
    uint32_t issuer_unit; /* the desk that sent it, which gets the answer; 0: command */
};

/* What an update or cancel names. */
struct rules_original {
    bool found;
    uint32_t origin;
    uint32_t kind;
    const char *mechanism;
    Wire__Lane lane;
    Wire__Status status;
    uint32_t keep_until;
    const uint32_t *to; /* regions it was given to, 主送 */
    size_t to_count;
    const uint32_t *cc; /* 抄送 */
    size_t cc_count;
};

struct rules_question {
    uint32_t origin;
    uint32_t issuer_region, issuer_unit;
    uint32_t kind;
    const char *mechanism; /* NULL (preview only): the narrowest */
    bool mechanism_reason; /* the header gives a reason for not taking the narrowest */
    Wire__Urgency urgency;
    Wire__Lane lane;
    Wire__PayloadForm form;
    Wire__Status status;
    Wire__Action action;
    bool in_reply_to; /* the header has one */
    Wire__Address *const *to, *const *cc;
    size_t to_count, cc_count;
    const uint32_t *concerns;
    size_t concerns_count;
    uint32_t keep_until; /* yyyymmdd */
    int64_t created_ms;
    int64_t expires_ms; /* 0: none */
    int64_t due_ms;     /* 0: none */
    int64_t now_ms;     /* wall clock */
    /* true: a draft; lane, form and keep_until are not set yet and not compared, mechanism may be NULL. */
    bool preview;
    const struct rules_parent *parent;                /* in_reply_to: NULL counts as not found */
    const struct rules_original *original;            /* update, cancel: NULL counts as not found */
    bool (*enrolled)(void *context, uint32_t adcode); /* has a node whose certificates are valid */
    void *context;
};

struct rules_recipient {
    uint32_t region;
    uint8_t unit;   /* the desk that owes: the first the rule names */
    uint16_t units; /* every desk the rule names, bit n = unit n (with `unit`) */
};

enum { RULES_DETAIL_BYTES = 64, RULES_ALLOWED_BYTES = 200 };

/* About 11 KiB: keep one per core, not on a deep stack. Entries beyond the counts are not set; texts are empty when
 * admitted. `rule_name` belongs to the policy. */
struct rules_decision {
    enum wire_status verdict; /* WIRE_OK: admit */
    uint32_t mechanism;       /* index in the policy, RULES_NONE when there is none */
    uint32_t rule;            /* number from 1; 0: implied (replies; corrections no rule covers any more) */
    const char *rule_name;    /* "reply", "update", "cancel" for 0; "" when no rule was found */
    Wire__Lane lane;
    bool sealed;
    uint32_t keep_until; /* the question's when it is within the rule; in a preview the latest day allowed */
    uint32_t elsewhere;  /* update with persons: the region the rules would give now, 0 = the same */
    size_t term_count, to_count, cc_count, not_enrolled_count;
    struct rules_term term[WIRE_TERMS_MAX];
    char detail[RULES_DETAIL_BYTES];                /* the region, kind, unit or mechanism the verdict speaks of */
    char allowed[RULES_ALLOWED_BYTES];              /* what would be allowed instead */
    struct rules_recipient to[WIRE_RECIPIENTS_MAX]; /* owe; by region once, in the order of the rule */
    struct rules_recipient cc[WIRE_RECIPIENTS_MAX]; /* do not owe; none of them in `to` */
    uint32_t not_enrolled[WIRE_RECIPIENTS_MAX];     /* would have got it, have no node */
};

/* Everything of a question that stands in the header; the rest (now, parent, original, enrolled, preview) is zero.
 * Borrows. */
void rules_question_of(const Wire__Header *header, struct rules_question *question);
/* Fills the decision and returns its verdict. Never fails otherwise. */
enum wire_status rules_decide(const struct rules_policy *policy, const struct rules_question *question,
                              struct rules_decision *decision);
/* The mechanism that must carry it: fewest members, then id in byte order, among those in force that have the origin
 * and every named or concerned region (after the step up) as members and a rule for kind and unit. RULES_NONE: no such.
 */
uint32_t rules_narrowest(const struct rules_policy *policy, const struct rules_question *question);

/* Does this decision give the envelope to `region` (as 主送 or 抄送)? */
bool rules_given_to(const struct rules_decision *decision, uint32_t region, bool *owes);

/* Days that only the node knows, from the payload; 0 = not known. */
struct rules_dates {
    int64_t created_ms;
    uint32_t last_exposure; /* yyyymmdd */
    uint32_t valid_until;   /* yyyymmdd */
};
/* The day to write into the header's keep_until under this rule. */
uint32_t rules_keep_until(const struct rules_rule *rule, const struct rules_dates *dates);
/* The latest keep_until the broker accepts, which cannot see the payload: R60 → creation + 60 d, RV → expiry (else
 * creation + 365 d) + 14 d. A creation more than 10 min after now counts as now. */
uint32_t rules_keep_limit(const struct rules_rule *rule, int64_t created_ms, int64_t expires_ms, int64_t now_ms);
