/* The parts of rules_compile; only this room includes it. */
#pragma once
#include "rules/tables.h"

/* What is being compiled and where its memory comes from. */
struct rules_compiling {
    const struct rules_source *source;    /* the mechanism at work */
    const struct rules_source_rule *rule; /* the rule at work, or NULL */
    uint8_t *memory;
    size_t size, used;
    struct wire_problem *problem;
};

/* Zeroed and 16-byte aligned from the caller's block; NULL when it is used up. */
void *rules_take(struct rules_compiling *c, size_t size);
const char *rules_copy_text(struct rules_compiling *c, const char *text); /* NULL stays NULL */
/* INVALID, with file:line:column of `word`, mechanism and rule before the text. Both formats take the same arguments.
 */
enum wire_status rules_refuse(struct rules_compiling *c, const struct rules_word *word, const char *zh, const char *en,
                              ...) __attribute__((format(printf, 3, 5), format(printf, 4, 5)));
enum wire_status rules_no_memory(struct rules_compiling *c);

/* Members, liaisons, seats, pairs, coordinator and times of one mechanism (compile_members.c). */
enum wire_status rules_compile_members(struct rules_compiling *c, struct rules_mechanism *m);
/* One rule after the members are known (compile_rule.c). */
enum wire_status rules_compile_rule(struct rules_compiling *c, const struct rules_mechanism *m,
                                    struct rules_rule *rule);
/* No two rules may answer one question alike (contradiction.c). */
enum wire_status rules_compile_contradictions(struct rules_compiling *c, const struct rules_mechanism *m);
/* Look-up tables over all mechanisms (index.c). */
enum wire_status rules_compile_index(struct rules_compiling *c, struct rules_policy *policy);

/* A kind that rules may name: with persons or without, no reply, not the broker's own. */
enum wire_status rules_compile_kind(struct rules_compiling *c, const struct rules_word *word, uint32_t *kind);
/* A rising list of region codes without repeats. */
enum wire_status rules_compile_regions(struct rules_compiling *c, const struct rules_words *words,
                                       const uint32_t **list);
enum wire_status rules_compile_period(struct rules_compiling *c, const struct rules_word *from,
                                      const struct rules_word *until, int64_t *from_ms, int64_t *until_ms);
/* Sorts numbers upwards. */
void rules_sort(uint32_t *list, size_t count);
/* How particular a `from` selector is: a named region before a wider one, then seat, coordinator, liaisons, members. */
int rules_from_rank(const struct rules_selector *from);
/* Do these two rules share a moment in force? */
bool rules_overlap(const struct rules_rule *a, const struct rules_rule *b);
