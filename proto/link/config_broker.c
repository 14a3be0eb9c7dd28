#include "link/config_inside.h"
#include "wire/ensure.h"
#include <stdio.h>
#include <stdlib.h>

struct raw {
    char *installation, *data, *identity, *ca, *directory, *crl, *policy;
    char **listen;
    unsigned listen_count;
    char **http;
    unsigned http_count;
    char **hosts;
    unsigned hosts_count;
    uint64_t map_mib;
    struct config_log_raw log;
    uint32_t pulse_ms;
};

/* clang-format off */
#define WORD(name) CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw, name, 0, 1000)
#define LIST(name, max) CYAML_FIELD_SEQUENCE(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw, name, &config_word, 0, max)
static const cyaml_schema_field_t fields[] = {
    WORD(installation), WORD(data), WORD(identity), WORD(ca), WORD(directory), WORD(crl), WORD(policy),
    LIST(listen, LINK_LISTEN_MAX), LIST(http, 2), LIST(hosts, LINK_HOSTED_MAX),
    CYAML_FIELD_UINT("map_mib", CYAML_FLAG_OPTIONAL, struct raw, map_mib),
    CYAML_FIELD_MAPPING("log", CYAML_FLAG_OPTIONAL, struct raw, log, config_log_fields),
    CYAML_FIELD_UINT("pulse_ms", CYAML_FLAG_OPTIONAL, struct raw, pulse_ms),
    CYAML_FIELD_END,
};
/* clang-format on */
static const cyaml_schema_value_t top = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, fields)};

static enum wire_status take_paths(struct config_file *file, const struct raw *raw, struct link_broker_config *out)
{
    const struct {
        const char *key, *read;
        char **out;
    } paths[] = {
        {"data", raw->data, &out->data}, {"identity", raw->identity, &out->identity},
        {"ca", raw->ca, &out->ca},       {"directory", raw->directory, &out->directory},
        {"crl", raw->crl, &out->crl},    {"policy", raw->policy, &out->policy},
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        enum wire_status status = config_path(file, paths[i].key, paths[i].read, true, paths[i].out);
        if (status != WIRE_OK)
            return status;
    }
    return WIRE_OK;
}

static enum wire_status take_listen(struct config_file *file, const struct raw *raw, struct link_broker_config *out)
{
    if (raw->listen_count == 0)
        return config_refuse(file, "listen", "至少写一个地址，例如 [tcp://0.0.0.0:7440]",
                             "name at least one address, e.g. [tcp://0.0.0.0:7440]");
    out->listen = calloc(raw->listen_count, sizeof *out->listen);
    ENSURE(out->listen);
    for (unsigned i = 0; i < raw->listen_count; i++) {
        char key[32];
        snprintf(key, sizeof key, "listen[%u]", i);
        enum wire_status status = config_endpoint(file, key, raw->listen[i], &out->listen[i]);
        if (status != WIRE_OK)
            return status;
        out->listen_count = i + 1;
    }
    return WIRE_OK;
}

static enum wire_status take(struct config_file *file, const void *read, void *into)
{
    const struct raw *raw = read;
    struct link_broker_config *out = into;
    enum wire_status status = config_installation(file, raw->installation, &out->installation);
    if (status == WIRE_OK)
        status = take_paths(file, raw, out);
    if (status == WIRE_OK)
        status = take_listen(file, raw, out);
    if (status == WIRE_OK)
        status = config_http(file, raw->http, raw->http_count, &out->http);
    if (status == WIRE_OK)
        status = config_mechanisms(file, "hosts", raw->hosts, raw->hosts_count, &out->hosts, &out->hosts_count);
    if (status == WIRE_OK)
        status = config_map(file, raw->map_mib, &out->map_bytes);
    if (status == WIRE_OK)
        status = config_log(file, &raw->log, &out->log);
    if (status == WIRE_OK)
        status = config_pulse(file, raw->pulse_ms, &out->pulse_ms);
    return status;
}

enum wire_status link_broker_config_load(const char *path, struct link_broker_config *out, struct wire_problem *problem)
{
    *out = (struct link_broker_config){0};
    enum wire_status status = config_load(path, &top, take, out, problem);
    if (status != WIRE_OK)
        link_broker_config_close(out);
    return status;
}

enum wire_status link_broker_config_check_files(const struct link_broker_config *config, struct wire_problem *problem)
{
    const char *const files[] = {config->ca, config->directory, config->crl, config->policy};
    enum wire_status status = config_check_data(config->data, problem);
    if (status == WIRE_OK)
        status = config_check_readable(config->identity, true, problem);
    for (size_t i = 0; status == WIRE_OK && i < sizeof files / sizeof *files; i++)
        status = config_check_readable(files[i], false, problem);
    return status;
}

void link_broker_config_close(struct link_broker_config *config)
{
    char *const texts[] = {config->installation, config->data, config->identity, config->ca,
                           config->directory,    config->crl,  config->policy,   config->log.path};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    config_list_free(config->listen, config->listen_count);
    config_list_free(config->hosts, config->hosts_count);
    config_http_close(&config->http);
    *config = (struct link_broker_config){0};
}
