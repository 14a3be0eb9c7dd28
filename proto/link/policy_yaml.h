/* Mechanism files and case files: YAML text in, rules structs out. Every problem names file:line:column.
 *
 * libcyaml checks the shape (types, missing and unknown keys), libyaml below it says where each word stands and whether
 * a key stands twice; rules_compile() understands the words. Anchors and aliases are refused: a secretary reads what
 * stands there. Not for hot paths; allocates with malloc. */
#pragma once
#include "rules/policy.h"
#include "rules/test.h"
#include <stddef.h>

enum { LINK_POLICY_FILE_BYTES_MAX = 256 * 1024 };

struct link_policy_file {
    const char *name; /* "yangtze-delta.yaml", as shown in problems */
    const char *text;
    size_t size;
};

/* One file's words, in their own memory. */
struct link_policy_source;
enum wire_status link_policy_read(const struct link_policy_file *file, struct link_policy_source **out,
                                  struct wire_problem *problem);
const struct rules_source *link_policy_words(const struct link_policy_source *source);
void link_policy_source_free(struct link_policy_source **source); /* NULL is allowed; nulls it */

/* Reads and compiles all files. The policy and its memory are one malloc block: free it with link_policy_free.
 * `digest` may be NULL (offline commands). Fails with SYNTAX, INVALID, NO_MEMORY. */
enum wire_status link_policy_load(const struct link_policy_file *files, size_t count, uint64_t version,
                                  const uint8_t *digest, struct rules_policy **policy, struct wire_problem *problem);
void link_policy_free(struct rules_policy **policy); /* NULL is allowed; nulls it */

/* Every *.yaml of a folder, or the one file that `path` names, by name in byte order. Texts belong to the list. */
struct link_policy_files {
    struct link_policy_file *file;
    size_t count;
};
enum wire_status link_policy_files_open(const char *path, struct link_policy_files *files,
                                        struct wire_problem *problem);
void link_policy_files_close(struct link_policy_files *files);
/* open, load, close. */
enum wire_status link_policy_load_path(const char *path, uint64_t version, struct rules_policy **policy,
                                       struct wire_problem *problem);

/* A case file for rules_test_text. */
struct link_cases;
enum wire_status link_cases_read(const struct link_policy_file *file, struct link_cases **out,
                                 struct wire_problem *problem);
const struct rules_case *link_cases_list(const struct link_cases *cases, size_t *count);
void link_cases_free(struct link_cases **cases);
