#include "link/config_inside.h"
#include "wire/ensure.h"
#include "wire/id.h"
#include <stdio.h>
#include <stdlib.h>

enum { NAME_BYTES_MAX = 40, KEY_DIGITS = 64 };

struct raw_link {
    char *name, *endpoint, *key;
    char **mechanisms;
    unsigned mechanisms_count;
};

struct raw {
    char *region, *installation, *data, *identity, *ca, *directory, *tokens;
    struct raw_link *brokers;
    unsigned brokers_count;
    char **http;
    unsigned http_count;
    uint64_t map_mib;
    struct config_log_raw log;
    uint32_t pulse_ms;
};

/* clang-format off */
#define WORD(in, name) CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct in, name, 0, 1000)
static const cyaml_schema_field_t link_fields[] = {
    WORD(raw_link, name), WORD(raw_link, endpoint), WORD(raw_link, key),
    CYAML_FIELD_SEQUENCE("mechanisms", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw_link, mechanisms, &config_word, 0, LINK_HOSTED_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t link_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_link, link_fields)};
static const cyaml_schema_field_t fields[] = {
    WORD(raw, region), WORD(raw, installation), WORD(raw, data), WORD(raw, identity), WORD(raw, ca),
    WORD(raw, directory), WORD(raw, tokens),
    CYAML_FIELD_SEQUENCE("brokers", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw, brokers, &link_value, 0, LINK_BROKERS_MAX),
    CYAML_FIELD_SEQUENCE("http", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw, http, &config_word, 0, 2),
    CYAML_FIELD_UINT("map_mib", CYAML_FLAG_OPTIONAL, struct raw, map_mib),
    CYAML_FIELD_MAPPING("log", CYAML_FLAG_OPTIONAL, struct raw, log, config_log_fields),
    CYAML_FIELD_UINT("pulse_ms", CYAML_FLAG_OPTIONAL, struct raw, pulse_ms),
    CYAML_FIELD_END,
};
/* clang-format on */
static const cyaml_schema_value_t top = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, fields)};

static enum wire_status take_region(struct config_file *file, const char *read, uint32_t *out)
{
    *out = read ? wire_region_parse(read, strlen(read)) : 0;
    const struct wire_region *region = *out ? wire_region_find(*out) : NULL;
    if (!region)
        return config_refuse(file, "region", "应为 GB/T 2260 的六位行政区划代码，现为“%s”",
                             "should be a six-digit code of GB/T 2260, is \"%s\"", read ? read : "");
    if (region->successor)
        return config_refuse(file, "region", "代码 %u 已撤销，现用 %u", "code %u was abolished, it is %u now", *out,
                             region->successor);
    return WIRE_OK;
}

/* --- the links --- */

static enum wire_status take_name(struct config_file *file, unsigned i, const char *read,
                                  const struct link_node_config *config, char **out)
{
    char key[40];
    snprintf(key, sizeof key, "brokers[%u].name", i);
    size_t size = read ? strlen(read) : 0;
    if (size == 0 || size > NAME_BYTES_MAX || strspn(read, "abcdefghijklmnopqrstuvwxyz0123456789-") != size)
        return config_refuse(file, key, "名称应为小写字母、数字、连字符，至多 %d 个",
                             "a name of a-z, 0-9 and hyphens, at most %d", (int)NAME_BYTES_MAX);
    for (unsigned j = 0; j < i; j++)
        if (strcmp(config->brokers[j].name, read) == 0)
            return config_refuse(file, key, "“%s”已用于另一条链路", "another link has the name \"%s\"", read);
    *out = strdup(read);
    ENSURE(*out);
    return WIRE_OK;
}

static enum wire_status take_key(struct config_file *file, unsigned i, const char *read, struct link_broker_link *out)
{
    char key[40];
    snprintf(key, sizeof key, "brokers[%u].key", i);
    bool digits = read && strspn(read, "0123456789abcdefABCDEF") == strlen(read);
    if (digits && strlen(read) == KEY_DIGITS && wire_unhex(read, sizeof out->key, out->key)) {
        out->has_key = true;
        return WIRE_OK;
    }
    if (digits && strlen(read) > KEY_DIGITS / 2)
        return config_refuse(file, key, "密钥应为 %d 位十六进制数字，现有 %zu 位",
                             "a key has %d hex digits, this has %zu", (int)KEY_DIGITS, strlen(read));
    return config_path(file, key, read, true, &out->certificate);
}

/* No mechanism goes to two brokers; one link at most takes the rest. */
static enum wire_status check_overlap(struct config_file *file, const struct link_node_config *config, unsigned i)
{
    const struct link_broker_link *link = &config->brokers[i];
    char key[60];
    for (unsigned j = 0; j < i; j++) {
        const struct link_broker_link *other = &config->brokers[j];
        snprintf(key, sizeof key, "brokers[%u].mechanisms", i);
        if (link->mechanism_count == 0 && other->mechanism_count == 0)
            return config_refuse(file, link_place_find(&file->places, key) ? key : "brokers",
                                 "只能有一条链路承载其余机制（all），“%s”已是",
                                 "one link at most takes all the rest, \"%s\" does", other->name);
        for (unsigned m = 0; m < link->mechanism_count * other->mechanism_count; m++) {
            unsigned mine = m / other->mechanism_count;
            if (strcmp(link->mechanisms[mine], other->mechanisms[m % other->mechanism_count]) != 0)
                continue;
            snprintf(key, sizeof key, "brokers[%u].mechanisms[%u]", i, mine);
            return config_refuse(file, key, "“%s”已由链路“%s”承载", "\"%s\" goes over link \"%s\" already",
                                 link->mechanisms[mine], other->name);
        }
    }
    return WIRE_OK;
}

static enum wire_status take_link(struct config_file *file, unsigned i, const struct raw_link *raw,
                                  struct link_node_config *config)
{
    struct link_broker_link *out = &config->brokers[i];
    char key[40];
    enum wire_status status = take_name(file, i, raw->name, config, &out->name);
    snprintf(key, sizeof key, "brokers[%u].endpoint", i);
    if (status == WIRE_OK)
        status = config_endpoint(file, key, raw->endpoint, &out->endpoint);
    if (status == WIRE_OK)
        status = take_key(file, i, raw->key, out);
    snprintf(key, sizeof key, "brokers[%u].mechanisms", i);
    if (status == WIRE_OK)
        status = config_mechanisms(file, key, raw->mechanisms, raw->mechanisms_count, &out->mechanisms,
                                   &out->mechanism_count);
    return status == WIRE_OK ? check_overlap(file, config, i) : status;
}

static enum wire_status take_links(struct config_file *file, const struct raw *raw, struct link_node_config *out)
{
    if (raw->brokers_count == 0)
        return config_refuse(file, "brokers", "至少写一个交换中心", "name at least one broker");
    out->brokers = calloc(raw->brokers_count, sizeof *out->brokers);
    ENSURE(out->brokers);
    out->broker_count = raw->brokers_count;
    for (unsigned i = 0; i < raw->brokers_count; i++) {
        enum wire_status status = take_link(file, i, &raw->brokers[i], out);
        if (status != WIRE_OK)
            return status;
    }
    return WIRE_OK;
}

/* --- the whole --- */

static enum wire_status take_paths(struct config_file *file, const struct raw *raw, struct link_node_config *out)
{
    enum wire_status status = config_path(file, "data", raw->data, true, &out->data);
    if (status == WIRE_OK)
        status = config_path(file, "identity", raw->identity, true, &out->identity);
    if (status == WIRE_OK)
        status = config_path(file, "ca", raw->ca, true, &out->ca);
    if (status == WIRE_OK)
        status = config_path(file, "directory", raw->directory, false, &out->directory);
    if (status == WIRE_OK)
        status = config_path(file, "tokens", raw->tokens, false, &out->tokens);
    if (status == WIRE_OK && raw->http_count > 0 && !raw->tokens)
        status =
            config_refuse(file, "tokens", "开放 HTTP 时必须指定令牌文件", "with http a file of tokens is required");
    return status;
}

static enum wire_status take(struct config_file *file, const void *read, void *into)
{
    const struct raw *raw = read;
    struct link_node_config *out = into;
    enum wire_status status = take_region(file, raw->region, &out->region);
    if (status == WIRE_OK)
        status = config_installation(file, raw->installation, &out->installation);
    if (status == WIRE_OK)
        status = take_paths(file, raw, out);
    if (status == WIRE_OK)
        status = take_links(file, raw, out);
    if (status == WIRE_OK)
        status = config_http(file, raw->http, raw->http_count, &out->http);
    if (status == WIRE_OK)
        status = config_map(file, raw->map_mib, &out->map_bytes);
    if (status == WIRE_OK)
        status = config_log(file, &raw->log, &out->log);
    if (status == WIRE_OK)
        status = config_pulse(file, raw->pulse_ms, &out->pulse_ms);
    return status;
}

enum wire_status link_node_config_load(const char *path, struct link_node_config *out, struct wire_problem *problem)
{
    *out = (struct link_node_config){0};
    enum wire_status status = config_load(path, &top, take, out, problem);
    if (status != WIRE_OK)
        link_node_config_close(out);
    return status;
}

enum wire_status link_node_config_check_files(const struct link_node_config *config, struct wire_problem *problem)
{
    enum wire_status status = config_check_data(config->data, problem);
    if (status == WIRE_OK)
        status = config_check_readable(config->identity, true, problem);
    if (status == WIRE_OK)
        status = config_check_readable(config->ca, false, problem);
    if (status == WIRE_OK)
        status = config_check_readable(config->directory, false, problem);
    if (status == WIRE_OK)
        status = config_check_readable(config->tokens, false, problem);
    for (unsigned i = 0; status == WIRE_OK && i < config->broker_count; i++)
        status = config_check_readable(config->brokers[i].certificate, false, problem);
    return status;
}

void link_node_config_close(struct link_node_config *config)
{
    for (unsigned i = 0; i < config->broker_count; i++) {
        struct link_broker_link *link = &config->brokers[i];
        free(link->name);
        free(link->endpoint);
        free(link->certificate);
        config_list_free(link->mechanisms, link->mechanism_count);
    }
    free(config->brokers);
    char *const texts[] = {config->installation, config->data,   config->identity, config->ca,
                           config->directory,    config->tokens, config->log.path};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    config_http_close(&config->http);
    *config = (struct link_node_config){0};
}
