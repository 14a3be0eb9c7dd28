#include "link/policy_yaml.h"
#include "link/policy_words.h"
#include "link/yaml.h"
#include "wire/ensure.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct link_policy_source {
    char *file;
    struct policy_raw *raw;
    struct policy_pool pool;
    struct rules_source words;
};

struct link_cases {
    char *file;
    struct policy_raw_cases *raw;
    struct policy_pool pool;
    const struct rules_case *list;
};

/* Places first: they refuse what could be misread before libcyaml takes it for something else. */
static enum wire_status read_text(const struct link_policy_file *file, const cyaml_schema_value_t *schema,
                                  struct link_places *places, void **raw, struct wire_problem *problem)
{
    if (file->size > LINK_POLICY_FILE_BYTES_MAX)
        return wire_failf(problem, WIRE_SYNTAX, file->name, "文件超过 %d 字节", "the file is over %d bytes",
                          LINK_POLICY_FILE_BYTES_MAX);
    enum wire_status status = link_places_read(file->name, file->text, file->size, places, problem);
    if (status == WIRE_OK)
        status = link_yaml_load_text(file->name, file->text, file->size, schema, raw, problem);
    return status;
}

static enum wire_status no_memory(const char *name, struct wire_problem *problem)
{
    return wire_fail(problem, WIRE_NO_MEMORY, name, "内存不足", "no memory");
}

enum wire_status link_policy_read(const struct link_policy_file *file, struct link_policy_source **out,
                                  struct wire_problem *problem)
{
    struct link_places places = {0};
    struct link_policy_source *source = calloc(1, sizeof *source);
    enum wire_status status = WIRE_OK;
    void *raw = NULL;
    if (source == NULL || (source->file = strdup(file->name)) == NULL)
        status = no_memory(file->name, problem);
    if (status == WIRE_OK)
        status = read_text(file, &policy_raw_schema, &places, &raw, problem);
    if (status == WIRE_OK) {
        source->raw = raw;
        if (!policy_words_of(source->file, source->raw, &places, &source->pool, &source->words))
            status = no_memory(file->name, problem);
    }
    link_places_close(&places);
    if (status == WIRE_OK)
        *out = source;
    else
        link_policy_source_free(&source);
    return status;
}

const struct rules_source *link_policy_words(const struct link_policy_source *source)
{
    return &source->words;
}

void link_policy_source_free(struct link_policy_source **source)
{
    if (*source == NULL)
        return;
    if ((*source)->raw != NULL)
        link_yaml_free(&policy_raw_schema, (*source)->raw);
    policy_pool_close(&(*source)->pool);
    free((*source)->file);
    free(*source);
    *source = NULL;
}

static enum wire_status compile(struct link_policy_source *const *sources, size_t count, uint64_t version,
                                const uint8_t *digest, struct rules_policy **policy, struct wire_problem *problem)
{
    struct rules_source *words = calloc(count, sizeof *words);
    if (words == NULL)
        return no_memory("", problem);
    for (size_t i = 0; i < count; i++)
        words[i] = sources[i]->words;
    size_t size = rules_policy_size(words, count);
    void *memory = malloc(size);
    enum wire_status status = memory == NULL
                                  ? no_memory("", problem)
                                  : rules_compile(words, count, version, digest, memory, size, policy, problem);
    if (status == WIRE_OK)
        ENSURE((void *)*policy == memory);
    else
        free(memory);
    free(words);
    return status;
}

enum wire_status link_policy_load(const struct link_policy_file *files, size_t count, uint64_t version,
                                  const uint8_t *digest, struct rules_policy **policy, struct wire_problem *problem)
{
    struct link_policy_source *sources[RULES_MECHANISMS_MAX] = {NULL};
    enum wire_status status = WIRE_OK;
    if (count == 0 || count > RULES_MECHANISMS_MAX)
        return wire_failf(problem, WIRE_INVALID, "", "政策应有 1 到 %d 个机制文件",
                          "a policy has 1 to %d mechanism files", RULES_MECHANISMS_MAX);
    for (size_t i = 0; status == WIRE_OK && i < count; i++)
        status = link_policy_read(&files[i], &sources[i], problem);
    if (status == WIRE_OK)
        status = compile(sources, count, version, digest, policy, problem);
    for (size_t i = 0; i < count; i++)
        link_policy_source_free(&sources[i]);
    return status;
}

void link_policy_free(struct rules_policy **policy)
{
    free(*policy);
    *policy = NULL;
}

enum wire_status link_cases_read(const struct link_policy_file *file, struct link_cases **out,
                                 struct wire_problem *problem)
{
    struct link_places places = {0};
    struct link_cases *cases = calloc(1, sizeof *cases);
    enum wire_status status = WIRE_OK;
    void *raw = NULL;
    if (cases == NULL || (cases->file = strdup(file->name)) == NULL)
        status = no_memory(file->name, problem);
    if (status == WIRE_OK)
        status = read_text(file, &policy_raw_cases_schema, &places, &raw, problem);
    if (status == WIRE_OK) {
        cases->raw = raw;
        cases->list = policy_cases_of(cases->file, cases->raw, &places, &cases->pool);
        if (cases->list == NULL)
            status = no_memory(file->name, problem);
    }
    link_places_close(&places);
    if (status == WIRE_OK)
        *out = cases;
    else
        link_cases_free(&cases);
    return status;
}

const struct rules_case *link_cases_list(const struct link_cases *cases, size_t *count)
{
    *count = cases->raw->cases_count;
    return cases->list;
}

void link_cases_free(struct link_cases **cases)
{
    if (*cases == NULL)
        return;
    if ((*cases)->raw != NULL)
        link_yaml_free(&policy_raw_cases_schema, (*cases)->raw);
    policy_pool_close(&(*cases)->pool);
    free((*cases)->file);
    free(*cases);
    *cases = NULL;
}
