#include "link/config_inside.h"
#include "wire/ensure.h"
#include "wire/id.h"
#include "wire/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct raw_token {
    char *digest, *label, *unit;
    char **roles;
    unsigned roles_count;
};

struct raw {
    struct raw_token *tokens;
    unsigned tokens_count;
};

/* clang-format off */
#define WORD(name) CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw_token, name, 0, 200)
static const cyaml_schema_field_t token_fields[] = {
    WORD(digest), WORD(label), WORD(unit),
    CYAML_FIELD_SEQUENCE("roles", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw_token, roles, &config_word, 0, 8),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t token_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_token, token_fields)};
static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_SEQUENCE("tokens", CYAML_FLAG_POINTER, struct raw, tokens, &token_value, 0, LINK_TOKENS_MAX),
    CYAML_FIELD_END,
};
/* clang-format on */
static const cyaml_schema_value_t top = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, fields)};

static const char *const ROLES[] = {"duty", "logistics", "operator", "auditor", "admin"};
enum { ROLE_COUNT = sizeof ROLES / sizeof *ROLES };

static enum wire_status take_role(struct config_file *file, unsigned i, unsigned r, const char *read, unsigned *roles)
{
    char key[60];
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        if (strcmp(read, ROLES[role]) == 0) {
            *roles |= 1U << role;
            return WIRE_OK;
        }
    snprintf(key, sizeof key, "tokens[%u].roles[%u]", i, r);
    return config_refuse(file, key, "没有角色“%s”，可用：duty、logistics、operator、auditor、admin",
                         "there is no role \"%s\"; use duty, logistics, operator, auditor, admin", read);
}

static enum wire_status take_unit(struct config_file *file, unsigned i, const char *read, char **out)
{
    char key[40];
    if (!read)
        return WIRE_OK;
    snprintf(key, sizeof key, "tokens[%u].unit", i);
    if (!wire_unit_parse(read))
        return config_refuse(file, key, "没有单位“%s”", "there is no unit \"%s\"", read);
    *out = strdup(read);
    ENSURE(*out);
    return WIRE_OK;
}

static enum wire_status take_token(struct config_file *file, unsigned i, const struct raw_token *raw,
                                   struct link_tokens *tokens)
{
    struct link_token *out = &tokens->list[i];
    char key[40];
    snprintf(key, sizeof key, "tokens[%u].digest", i);
    bool digits = raw->digest && strlen(raw->digest) == 2 * sizeof out->digest &&
                  wire_unhex(raw->digest, sizeof out->digest, out->digest);
    if (!digits)
        return config_refuse(file, key, "应为令牌的 SHA-256，64 位十六进制数字",
                             "should be a token's SHA-256, 64 hex digits");
    for (unsigned j = 0; j < i; j++)
        if (memcmp(tokens->list[j].digest, out->digest, sizeof out->digest) == 0)
            return config_refuse(file, key, "与第 %u 个令牌相同", "the same as token %u", j + 1);
    snprintf(key, sizeof key, "tokens[%u].label", i);
    if (!raw->label || !*raw->label || strlen(raw->label) > LINK_TOKEN_LABEL_MAX)
        return config_refuse(file, key, "应写明人员或席位（至多 %d 字节）",
                             "should name the person or desk (at most %d bytes)", (int)LINK_TOKEN_LABEL_MAX);
    out->label = strdup(raw->label);
    ENSURE(out->label);
    enum wire_status status = take_unit(file, i, raw->unit, &out->unit);
    for (unsigned r = 0; status == WIRE_OK && r < raw->roles_count; r++)
        status = take_role(file, i, r, raw->roles[r], &out->roles);
    snprintf(key, sizeof key, "tokens[%u]", i);
    if (status == WIRE_OK && out->roles == 0)
        status = config_refuse(file, key, "至少写一个角色", "name at least one role");
    return status;
}

static enum wire_status check_mode(const char *path, struct wire_problem *problem)
{
    struct stat found;
    if (stat(path, &found) != 0)
        return wire_failf(problem, errno == ENOENT ? WIRE_NOT_FOUND : WIRE_IO, path, "无法读取令牌文件：%s",
                          "cannot read the file of tokens: %s", strerror(errno));
    if (found.st_mode & 077)
        return wire_fail(problem, WIRE_INVALID, path, "令牌文件可被他人读取。请执行 chmod 600",
                         "others may read the file of tokens. Run chmod 600 on it");
    return WIRE_OK;
}

static enum wire_status take(struct config_file *file, const void *read, void *into)
{
    const struct raw *raw = read;
    struct link_tokens *out = into;
    enum wire_status status = WIRE_OK;
    out->list = calloc(raw->tokens_count + 1, sizeof *out->list);
    ENSURE(out->list);
    out->count = raw->tokens_count;
    for (unsigned i = 0; status == WIRE_OK && i < raw->tokens_count; i++)
        status = take_token(file, i, &raw->tokens[i], out);
    return status;
}

enum wire_status link_tokens_load(const char *path, struct link_tokens *out, struct wire_problem *problem)
{
    *out = (struct link_tokens){0};
    enum wire_status status = check_mode(path, problem);
    if (status == WIRE_OK)
        status = config_load(path, &top, take, out, problem);
    if (status != WIRE_OK)
        link_tokens_close(out);
    return status;
}

void link_tokens_close(struct link_tokens *tokens)
{
    for (unsigned i = 0; i < tokens->count; i++) {
        free(tokens->list[i].label);
        free(tokens->list[i].unit);
    }
    free(tokens->list);
    *tokens = (struct link_tokens){0};
}
