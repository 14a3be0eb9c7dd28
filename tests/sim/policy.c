/* Two mechanisms in three versions. Short terms, so that hours of them fit a run; every lane; narrower and wider. */
#include "sim.h"

#include "link/policy_yaml.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD(id, members, from)                                                                                        \
    "mechanism: " id "\nname:\n  zh: 模拟\n  en: simulated\nin force:\n  from: " from "\n" members
#define RULE(name, kinds, from, to, lane, rest)                                                                        \
    "  - name: " name "\n    title:\n      zh: 规则\n      en: a rule\n    kinds: [" kinds "]\n    from: [" from       \
    "]\n    to: [" to "]\n    lane: " lane "\n" rest "    source: D\n"
#define TERMS        "    terms:\n      sign for: 2 min, D\n      first feedback: 6 min, D\n      close: 10 min, D\n"
#define KEEP         "    keep: 1 y, D\n"
#define KEEP_PERSONS "    keep: R60, D\n"

static const char *const nation[] = {
    HEAD("nation", "%s", "2020-01-20") "rules:\n" RULE("contacts", "contact-notice", "members/cdc", "concerned/cdc",
                                                       "urgent", TERMS KEEP_PERSONS)
        RULE("measures", "measure-bulletin", "members/command", "members/command", "routine, flash when immediate",
             "    terms:\n      sign for: 3 min, D\n" KEEP)
            RULE("supplies", "supply-request", "members/logistics", "named/logistics, 100000/logistics",
                 "bulk, urgent when immediate", TERMS KEEP),
    HEAD("nation", "%s", "2020-01-20") "rules:\n" RULE("contacts", "contact-notice", "members/cdc", "concerned/cdc",
                                                       "urgent", TERMS KEEP_PERSONS)
        RULE("measures", "measure-bulletin", "members/command", "100000/command", "urgent, flash when immediate",
             "    copy: [members/health]\n    terms:\n      sign for: 4 min, D\n" KEEP)
            RULE("supplies", "supply-request", "members/logistics", "100000/logistics", "bulk, urgent when immediate",
                 TERMS KEEP),
    HEAD("nation", "%s", "2020-01-20") "rules:\n" RULE("measures", "measure-bulletin", "members/command",
                                                       "members/command", "routine, flash when immediate", KEEP)
        RULE("supplies", "supply-request", "members/logistics", "named/logistics", "bulk, urgent when immediate",
             TERMS KEEP),
};

#define MEMBERS_DELTA "members:\n  - 310000\n  - 320000\n  - 330000\n  - 340000\n"

static const char *const delta[] = {
    HEAD("delta", MEMBERS_DELTA, "2020-02-07") "rules:\n" RULE(
        "contacts", "contact-notice", "members/cdc", "concerned/cdc, concerned/command", "urgent", TERMS KEEP_PERSONS)
        RULE("measures", "measure-bulletin", "members/command", "members/command", "routine, flash when immediate",
             "    terms:\n      sign for: 2 min, D\n" KEEP),
    HEAD("delta", MEMBERS_DELTA, "2020-02-07") "rules:\n" RULE("measures", "measure-bulletin", "members/command",
                                                               "members/command", "urgent, flash when immediate", KEEP)
        RULE("supplies", "supply-request", "members/logistics", "members/logistics", "bulk", TERMS KEEP),
    HEAD("delta", MEMBERS_DELTA, "2020-02-07") "rules:\n" RULE("contacts", "contact-notice", "members/cdc",
                                                               "concerned/cdc", "routine", TERMS KEEP_PERSONS),
};

/* All of this world but one county, and some that have no node. */
static char *write_nation(const struct sim *sim, size_t text)
{
    static const uint32_t always[] = {100000, 110000, 120000, 130000, 310000, 320000,
                                      330000, 330300, 340000, 420000, 440000};
    enum { ALWAYS = sizeof always / sizeof *always };
    char members[20 * (SIM_REGIONS + ALWAYS) + 20] = "members:\n", *out = NULL;
    for (size_t i = 0; i < ALWAYS; i++)
        sprintf(members + strlen(members), "  - %06u\n", always[i]);
    for (unsigned i = 0; i < sim->region_count; i++) {
        char line[20];
        sprintf(line, "  - %06u\n", sim->region[i]);
        if (sim->region[i] != 330421 && strstr(members, line) == NULL)
            strcat(members, line);
    }
    ENSURE(asprintf(&out, nation[text], members) > 0);
    return out;
}

static void compile(struct sim *sim, struct sim_policy *policy, size_t text)
{
    struct wire_problem problem = {0};
    char *nation_text = write_nation(sim, text);
    struct link_policy_file files[2] = {
        {.name = "nation.yaml", .text = nation_text, .size = strlen(nation_text)},
        {.name = "delta.yaml", .text = delta[text], .size = strlen(delta[text])},
    };
    struct wire_bytes piece = wire_bytes(policy->bytes, policy->size);
    sim->hash.digest(sim->hash.context, &piece, 1, policy->digest.bytes);
    enum wire_status status =
        link_policy_load(files, 2, policy->version, policy->digest.bytes, &policy->policy, &problem);
    if (status != WIRE_OK)
        fprintf(stderr, "%s: %s\n", problem.where, problem.en);
    ENSURE(status == WIRE_OK);
    free(nation_text);
}

void sim_policies_make(struct sim *sim)
{
    for (size_t i = 0; i < SIM_POLICIES; i++) {
        struct sim_policy *policy = &sim->policy[sim->policy_count++];
        policy->version = i + 1;
        policy->size = (size_t)sim_between(sim, 100, i % 2 == 0 ? 2000 : 600 * 1024);
        policy->bytes = malloc(policy->size);
        ENSURE(policy->bytes != NULL);
        sim_random_bytes(sim, policy->bytes, policy->size < 64 ? policy->size : 64);
        memset(policy->bytes + 64, (int)i, policy->size - 64);
        compile(sim, policy, i == 0 ? 0 : sim_below(sim, sizeof nation / sizeof *nation));
    }
}

void sim_policies_free(struct sim *sim)
{
    for (size_t i = 0; i < sim->policy_count; i++) {
        free(sim->policy[i].bytes);
        link_policy_free(&sim->policy[i].policy);
    }
}

const struct sim_policy *sim_policy_of(const struct sim *sim, struct wire_bytes bytes)
{
    for (size_t i = 0; i < sim->policy_count; i++)
        if (wire_bytes_equal(bytes, wire_bytes(sim->policy[i].bytes, sim->policy[i].size)))
            return &sim->policy[i];
    return NULL;
}
