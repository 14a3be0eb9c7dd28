/* One mechanism file as it was written: words and where they stand, nothing understood yet.
 *
 * Whoever reads a file (proto/link/policy_yaml.h reads YAML) fills these structs; rules_compile() understands them and
 * names file, line and column of what it cannot accept. Texts are NUL-terminated UTF-8 and borrowed: the compiled
 * policy copies what it keeps, so the source may be freed after rules_compile(). The format is docs/RULES.md. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct rules_word {
    const char *text;      /* NULL: not written */
    uint32_t line, column; /* from 1 */
};

struct rules_words {
    const struct rules_word *item;
    size_t count;
};

/* A region that is no member but may receive, and may send the kinds listed. */
struct rules_source_liaison {
    struct rules_word region;
    struct rules_words may_send;
};

/* Where letters and ledgers go: "310000/cooperation-office". `kind` not written: the default. */
struct rules_source_seat {
    struct rules_word kind;
    struct rules_word at;
};

/* Paired aid: from a day on, these provinces stand behind this city. The latest entry in force of a city counts alone.
 */
struct rules_source_pair {
    struct rules_word city;
    struct rules_words with;
    struct rules_word from, until;
};

struct rules_source_rule {
    uint32_t line, column;
    struct rules_word name;   /* [a-z0-9-], unique in its mechanism; travels in receipts */
    struct rules_word zh, en; /* its title, for people */
    struct rules_words kinds; /* "contact-notice" or 密接协查 */
    struct rules_words from;  /* "members/cdc", "420000/logistics", "liaisons/command", "seat" */
    struct rules_words
        to; /* "concerned/cdc", "members/like-unit", "named/health", "100000/logistics", "paired/logistics" */
    struct rules_words cc;      /* as `to`; they owe nothing */
    struct rules_word lane;     /* "routine" or "routine, urgent when immediate" */
    struct rules_word sign_for; /* "30 min, D" · "4 h, D, office hours" · "due, D": by the due time of the header */
    struct rules_word first_feedback;
    struct rules_word close;
    struct rules_word keep;          /* "R60, S" · "RV, D" · "14 d, D" · "10 y, D" */
    struct rules_word form;          /* "sealed", "clear"; not written: sealed for kinds with persons, else clear */
    struct rules_word highest_first; /* "true": a concerned region's widest member gets it, nobody is copied */
    struct rules_word from_time, until_time;
    struct rules_word route_source; /* S, L, P or D: where the route stands */
};

struct rules_source {
    const char *file; /* as shown in problems: "yangtze-delta.yaml" */
    struct rules_word mechanism;
    struct rules_word zh, en;
    struct rules_word from_time; /* first moment in force */
    struct rules_word
        until_time; /* not written: open. A day counts whole; with a time: the first moment no longer in force */
    struct rules_word assessment; /* number of the cross-border assessment; without it kinds with persons are off
                                     where a member lies outside the mainland's jurisdiction (71, 81, 82) */
    struct rules_words members;
    const struct rules_source_liaison *liaisons;
    size_t liaison_count;
    struct rules_word coordinator; /* "310000/command" */
    const struct rules_source_seat *seats;
    size_t seat_count;
    const struct rules_source_pair *pairs;
    size_t pair_count;
    const struct rules_source_rule *rules;
    size_t rule_count;
};
