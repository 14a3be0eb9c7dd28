/* What a secretary can get wrong in a file, and the place that is named for it. */
#include "policies.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(rules_broken);

#define HEAD                                                                                                           \
    "mechanism: t\n"                      /*  1 */                                                                     \
    "name: {zh: 试, en: trial}\n"         /*  2 */                                                                     \
    "in force: {from: 2020-02-07}\n"      /*  3 */                                                                     \
    "members: [310000, 320000, 330000]\n" /*  4 */
#define RULE                                                                                                           \
    "rules:\n"                               /*  5 */                                                                  \
    "  - name: contacts\n"                   /*  6 */                                                                  \
    "    title: {zh: 密接, en: contacts}\n"  /*  7 */                                                                  \
    "    kinds: [contact-notice]\n"          /*  8 */                                                                  \
    "    from: [members/cdc]\n"              /*  9 */                                                                  \
    "    to: [concerned/cdc]\n"              /* 10 */                                                                  \
    "    lane: urgent\n"                     /* 11 */                                                                  \
    "    terms: {sign for: \"30 min, D\"}\n" /* 12 */                                                                  \
    "    keep: R60, D\n"                     /* 13 */                                                                  \
    "    source: S\n"                        /* 14 */
#define MEASURES                                                                                                       \
    "  - name: measures\n"                                                                                             \
    "    title: {zh: 措施, en: measures}\n"                                                                          \
    "    kinds: [measure-bulletin]\n"                                                                                  \
    "    from: [members/command]\n"                                                                                    \
    "    to: [members]\n"                                                                                              \
    "    lane: routine\n"                                                                                              \
    "    keep: 10 y, D\n"                                                                                              \
    "    source: S\n"

/* The whole file with one piece of it replaced. */
struct broken {
    const char *name;
    const char *instead, *of;
    enum wire_status status;
    const char *where;
    const char *says; /* part of the English text */
};

static const struct broken list[] = {
    {"unknown member", "320001", "320000", WIRE_INVALID, "t.yaml:4:19", "320001"},
    {"member twice", "310000, 330000]", "320000, 330000]", WIRE_INVALID, "t.yaml:4:19", "twice"},
    {"abolished code", "110103", "320000", WIRE_INVALID, "t.yaml:4:19", "no current region"},
    {"one member", "[310000]", "[310000, 320000, 330000]", WIRE_INVALID, "t.yaml:1:12", "2 to"},
    {"no time", "next spring", "2020-02-07", WIRE_INVALID, "t.yaml:3:18", "next spring"},
    {"until before from", "2020-02-07, until: 2020-02-06", "2020-02-07", WIRE_INVALID, "t.yaml:3:37", "not after"},
    {"bad id", "mechanism: T_1", "mechanism: t", WIRE_INVALID, "t.yaml:1:12", "lower-case"},
    {"unknown kind", "[contact-notices]", "[contact-notice]", WIRE_INVALID, "t.yaml:8:13", "contact-notices"},
    {"a reply", "[outcome]", "[contact-notice]", WIRE_INVALID, "t.yaml:8:13", "reply"},
    {"the broker's kind", "[reminder]", "[contact-notice]", WIRE_INVALID, "t.yaml:8:13", "broker"},
    {"persons and not", "[contact-notice, measure-bulletin]", "[contact-notice]", WIRE_INVALID, "t.yaml:8:29",
     "persons"},
    {"kind twice", "[contact-notice, contact-notice]", "[contact-notice]", WIRE_INVALID, "t.yaml:8:29", "twice"},
    {"unknown unit", "[members/cdcc]", "[members/cdc]", WIRE_INVALID, "t.yaml:9:12", "unknown unit"},
    {"unknown sender", "[everybody/cdc]", "[members/cdc]", WIRE_INVALID, "t.yaml:9:12", "unknown region or word"},
    {"sender concerned", "[concerned/cdc]", "[members/cdc]", WIRE_INVALID, "t.yaml:9:12", "cannot be a sender"},
    {"sender like unit", "[members/like-unit]", "[members/cdc]", WIRE_INVALID, "t.yaml:9:12", "like-unit"},
    {"sender far away", "[420000/cdc]", "[members/cdc]", WIRE_INVALID, "t.yaml:9:12", "speaks for"},
    {"sender twice", "[members/cdc, members/cdc]", "[members/cdc]", WIRE_INVALID, "t.yaml:9:25", "twice"},
    {"no recipient", "to: []", "to: [concerned/cdc]", WIRE_INVALID, "t.yaml:6:11", "1 to"},
    {"persons to members", "to: [members/cdc]", "to: [concerned/cdc]", WIRE_INVALID, "t.yaml:10:10", "one region"},
    {"persons to two", "to: [concerned/cdc, named/cdc]", "to: [concerned/cdc]", WIRE_INVALID, "t.yaml:10:25", "second"},
    {"persons copied", "to: [concerned/cdc]\n    copy: [320000/cdc]", "to: [concerned/cdc]", WIRE_INVALID,
     "t.yaml:11:12", "not copied"},
    {"persons in clear", "form: clear\n    lane: urgent", "lane: urgent", WIRE_INVALID, "t.yaml:11:11", "sealed"},
    {"persons for years", "keep: 10 y, D", "keep: R60, D", WIRE_INVALID, "t.yaml:13:11", "10 y"},
    {"seat without one", "from: [seat]", "from: [members/cdc]", WIRE_INVALID, "t.yaml:9:12", "no seat"},
    {"coordinator without one", "from: [coordinator]", "from: [members/cdc]", WIRE_INVALID, "t.yaml:9:12",
     "no coordinator"},
    {"liaisons without any", "from: [liaisons]", "from: [members/cdc]", WIRE_INVALID, "t.yaml:9:12", "no liaisons"},
    {"unknown lane", "lane: quick", "lane: urgent", WIRE_INVALID, "t.yaml:11:11", "quick"},
    {"lane when what", "lane: routine, urgent when hungry", "lane: urgent", WIRE_INVALID, "t.yaml:11:11", "hungry"},
    {"lane without when", "lane: routine, urgent", "lane: urgent", WIRE_INVALID, "t.yaml:11:11", "routine, urgent"},
    {"term without mark", "\"30 min\"", "\"30 min, D\"", WIRE_INVALID, "t.yaml:12:23", "30 min"},
    {"term of nothing", "\"0 min, D\"", "\"30 min, D\"", WIRE_INVALID, "t.yaml:12:23", "0 min"},
    {"term with another mark", "\"30 min, X\"", "\"30 min, D\"", WIRE_INVALID, "t.yaml:12:23", "30 min, X"},
    {"terms out of order", "\"30 min, D\", close: \"20 min, D\"", "\"30 min, D\"", WIRE_INVALID, "t.yaml:12:43",
     "before"},
    {"keep without mark", "keep: R60", "keep: R60, D", WIRE_INVALID, "t.yaml:13:11", "R60"},
    {"keep for ever", "keep: 99 y, D", "keep: R60, D", WIRE_INVALID, "t.yaml:13:11", "99 y"},
    {"source of what", "source: Q", "source: S", WIRE_INVALID, "t.yaml:14:13", "Q"},
    {"rule's name", "name: Contacts", "name: contacts", WIRE_INVALID, "t.yaml:6:11", "lower-case"},
    {"name twice", "name: contacts\n    title: {zh: 措施", "name: measures\n    title: {zh: 措施", WIRE_INVALID,
     "t.yaml:15:11", "rule 1"},
    {"contradiction",
     "kinds: [contact-notice]\n    from: [members]\n    to: [concerned]\n    lane: routine\n    keep: R60, D",
     "kinds: [measure-bulletin]\n    from: [members/command]\n    to: [members]\n    lane: routine\n    keep: 10 y, D",
     WIRE_INVALID, "t.yaml:18:12", "contradiction"},
    {"sealed measures", "lane: routine\n    form: sealed", "lane: routine", WIRE_INVALID, "t.yaml:21:11", "not sealed"},
    {"any unit of members", "to: [members/any]", "to: [members]", WIRE_INVALID, "t.yaml:19:10", "only `named`"},
    /* shape */
    {"a list where a word belongs", "lane: [urgent]", "lane: urgent", WIRE_INVALID, "t.yaml:11:11", ""},
    {"a word where a list belongs", "to: concerned/cdc", "to: [concerned/cdc]", WIRE_INVALID, "t.yaml:10:9", ""},
    {"unknown key", "lanes: urgent", "lane: urgent", WIRE_INVALID, "t.yaml:11:12", "lanes"},
    {"missing key", "", "    keep: R60, D\n", WIRE_INVALID, "t.yaml:13:13", "keep"},
    {"key twice", "lane: urgent\n    lane: routine", "lane: urgent", WIRE_SYNTAX, "t.yaml:12:5", "twice"},
    {"anchor", "lane: &l urgent", "lane: urgent", WIRE_SYNTAX, "t.yaml:11:11", "anchors"},
    {"alias", "lane: *l", "lane: urgent", WIRE_SYNTAX, "t.yaml:11:11", "anchors"},
    {"not closed", "to: [concerned/cdc", "to: [concerned/cdc]", WIRE_SYNTAX, "t.yaml:11:9", ""},
    {"a tab", "\tlane: urgent", "    lane: urgent", WIRE_SYNTAX, "t.yaml:11:1", "cannot start"},
    {"second document", "---\nrules:\n", "rules:\n", WIRE_SYNTAX, "t.yaml:5:1", "one document"},
};

static char *replaced(const char *text, const char *of, const char *instead)
{
    const char *at = strstr(text, of);
    cr_assert_not_null(at, "\"%s\" is not in the file", of);
    char *made = malloc(strlen(text) + strlen(instead) + 1);
    sprintf(made, "%.*s%s%s", (int)(at - text), text, instead, at + strlen(of));
    return made;
}

Test(rules_broken, the_whole_file_is_right)
{
    struct wire_problem problem;
    cr_assert_eq(policy_problem(HEAD RULE MEASURES, &problem), WIRE_OK, "%s: %s", problem.where, problem.en);
}

Test(rules_broken, each_is_told_with_its_place)
{
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct wire_problem problem;
        char *text = replaced(HEAD RULE MEASURES, list[i].of, list[i].instead);
        enum wire_status status = policy_problem(text, &problem);
        cr_expect_eq(status, list[i].status, "%s: %s, %s: %s", list[i].name, wire_status_name((uint32_t)status),
                     problem.where, problem.en);
        cr_expect_str_eq(problem.where, list[i].where, "%s: at %s, not %s: %s", list[i].name, problem.where,
                         list[i].where, problem.en);
        cr_expect(strstr(problem.en, list[i].says) != NULL, "%s: \"%s\" lacks \"%s\"", list[i].name, problem.en,
                  list[i].says);
        cr_expect(problem.zh[0] != '\0', "%s: no Chinese text", list[i].name);
        free(text);
    }
}

Test(rules_broken, a_problem_names_mechanism_and_rule_in_both_languages)
{
    struct wire_problem problem;
    char *text = replaced(HEAD RULE, "[members/cdc]", "[members/cdcc]");
    cr_assert_eq(policy_problem(text, &problem), WIRE_INVALID);
    cr_expect_str_eq(problem.en, "mechanism t / contacts: \"members/cdcc\": unknown unit");
    cr_expect_str_eq(problem.zh, "机制 t / contacts：“members/cdcc”：不认识的单位");
    free(text);
}

Test(rules_broken, an_empty_file_and_one_that_is_no_mapping)
{
    struct wire_problem problem;
    cr_expect_eq(policy_problem("", &problem), WIRE_SYNTAX);
    cr_expect_eq(policy_problem("# 只有注释\n", &problem), WIRE_SYNTAX);
    cr_expect_neq(policy_problem("- 1\n- 2\n", &problem), WIRE_OK);
    cr_expect_neq(policy_problem("310000\n", &problem), WIRE_OK);
}

Test(rules_broken, deep_nesting_is_refused_without_harm)
{
    struct wire_problem problem;
    char *text = malloc(20001);
    memset(text, '[', 20000);
    text[20000] = '\0';
    cr_expect_eq(policy_problem(text, &problem), WIRE_SYNTAX, "%s", problem.en);
    free(text);
}

Test(rules_broken, the_same_mechanism_in_two_files)
{
    struct rules_policy *policy = NULL;
    struct wire_problem problem = {0};
    struct link_policy_file files[] = {{"a.yaml", HEAD RULE, strlen(HEAD RULE)},
                                       {"b.yaml", HEAD RULE, strlen(HEAD RULE)}};
    cr_expect_eq(link_policy_load(files, 2, 1, NULL, &policy, &problem), WIRE_INVALID);
    cr_expect_str_eq(problem.where, "b.yaml:1:12");
    cr_expect(strstr(problem.en, "a.yaml") != NULL, "%s", problem.en);
}

/* Whatever is cut off a right file, it is refused or compiles, and nothing is read beyond it (under the sanitizers). */
Test(rules_broken, every_beginning_of_a_file)
{
    const char *text = HEAD RULE MEASURES;
    for (size_t size = 0; size <= strlen(text); size++) {
        char *copy = malloc(size == 0 ? 1 : size);
        struct rules_policy *policy = NULL;
        struct wire_problem problem = {0};
        memcpy(copy, text, size);
        struct link_policy_file file = {.name = "t.yaml", .text = copy, .size = size};
        enum wire_status status = link_policy_load(&file, 1, 1, NULL, &policy, &problem);
        cr_expect(status == WIRE_OK || problem.en[0] != '\0');
        link_policy_free(&policy);
        free(copy);
    }
}

Test(rules_broken, too_little_memory_is_told)
{
    struct link_policy_source *source = NULL;
    struct link_policy_file file = {.name = "t.yaml", .text = HEAD RULE, .size = strlen(HEAD RULE)};
    struct wire_problem problem = {0};
    cr_assert_eq(link_policy_read(&file, &source, &problem), WIRE_OK);
    size_t needed = rules_policy_size(link_policy_words(source), 1);
    void *memory = malloc(needed);
    struct rules_policy *policy = NULL;
    bool fits = false;
    for (size_t size = 0; size < needed; size += 16) {
        enum wire_status status = rules_compile(link_policy_words(source), 1, 1, NULL, memory, size, &policy, &problem);
        cr_expect_eq(status, fits || status == WIRE_OK ? WIRE_OK : WIRE_NO_MEMORY, "with %zu bytes", size);
        fits = status == WIRE_OK;
    }
    cr_expect_eq(rules_compile(link_policy_words(source), 1, 1, NULL, memory, needed, &policy, &problem), WIRE_OK);
    free(memory);
    link_policy_source_free(&source);
}
