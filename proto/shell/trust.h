/* Directory, enrolment, policies: what both daemons do with what was signed. Where it comes from, which of two versions
 * counts and what the core is told is each daemon's. */
#pragma once
#include "certs/policy.h"
#include "rules/policy.h"
#include "shell/shell.h"

enum { SHELL_REGIONS_MAX = 4096, SHELL_POLICIES_MAX = 1024 };

/* --- directory.c -------------------------------------------------------------------------------------------------- */

/* Adds the directory records of a table of the store, in order. *broken: it ends at a record that cannot be read or
 * taken, those before it are in. */
enum wire_status shell_directory_rows(struct shell *shell, uint8_t table, bool *broken, struct wire_problem *problem);

/* Who was enrolled when this was looked at last, by rising adcode. Starts zeroed. */
struct shell_enrolment {
    uint32_t region[SHELL_REGIONS_MAX];
    size_t count;
};
/* Says which regions came or went since then, by rising adcode: at most 2 × SHELL_REGIONS_MAX. */
void shell_enrolment_update(struct shell_enrolment *enrolment, const struct cert_directory *directory,
                            void (*change)(void *context, uint32_t region, bool enrolled), void *context);

/* --- policies.c --------------------------------------------------------------------------------------------------- */

/* Compiled policies; a core may use any that it was given as long as it lives. Starts zeroed. */
struct shell_policies {
    struct rules_policy *list[SHELL_POLICIES_MAX];
    size_t count;
    uint64_t version; /* of the newest; 0: none */
    uint8_t digest[WIRE_HASH_BYTES];
};
void shell_policies_close(struct shell_policies *policies);
/* The problem names file, line and column. The policy is the caller's: shell_policies_keep or link_policy_free. */
enum wire_status shell_policy_compile(const struct cert_policy *verified, struct rules_policy **policy,
                                      struct wire_problem *problem);
/* Takes a policy newer than all before. NO_MEMORY (and frees it) when there are too many. */
enum wire_status shell_policies_keep(struct shell_policies *policies, const struct cert_policy *verified,
                                     struct rules_policy *policy, struct wire_problem *problem);

struct shell_versions {
    uint64_t *list; /* rising; free it */
    size_t count, max;
};
/* The versions in a table of the store; none when the store is not open. */
struct shell_versions shell_policy_versions(struct shell *shell, uint8_t table);
