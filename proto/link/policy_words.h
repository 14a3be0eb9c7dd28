/* From what libcyaml read to what rules_compile understands: each text gets its place. Only the policy_*.c files
 * include it. */
#pragma once
#include "link/policy_raw.h"
#include "link/yaml_places.h"
#include "rules/source.h"
#include "rules/test.h"
#include <stdbool.h>
#include <stddef.h>

/* Blocks that live and die together. */
struct policy_pool {
    void *first;
    bool failed;
};
void *policy_pool_take(struct policy_pool *pool, size_t count, size_t size); /* zeroed; NULL sets failed */
void policy_pool_close(struct policy_pool *pool);

/* Texts stay raw's, lists are the pool's. false: no memory. */
bool policy_words_of(const char *file, const struct policy_raw *raw, const struct link_places *places,
                     struct policy_pool *pool, struct rules_source *out);
/* raw->cases_count of them. */
const struct rules_case *policy_cases_of(const char *file, const struct policy_raw_cases *raw,
                                         const struct link_places *places, struct policy_pool *pool);
