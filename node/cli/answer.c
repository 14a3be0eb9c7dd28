/* Members of answers, and targets of calls. */
#include "link/http_client.h"
#include "node/cli/call.h"
#include <string.h>

const json_t *cli_at(const json_t *json, const char *path)
{
    while (json != NULL) {
        size_t size = strcspn(path, ".");
        json = json_object_getn(json, path, size);
        if (path[size] == '\0')
            return json;
        path += size + 1;
    }
    return NULL;
}

const char *cli_text_at(const json_t *json, const char *path)
{
    return json_string_value(cli_at(json, path));
}

int64_t cli_number_at(const json_t *json, const char *path)
{
    return json_integer_value(cli_at(json, path));
}

bool cli_flag_at(const json_t *json, const char *path)
{
    return json_is_true(cli_at(json, path));
}

const json_t *cli_list_at(const json_t *json, const char *name)
{
    const json_t *list = json_is_array(json) ? json : cli_at(json, name);
    return json_is_array(list) ? list : NULL;
}

bool cli_target(char out[CLI_TARGET_MAX], const char *before, const char *segment, const char *after)
{
    char encoded[512];
    if (link_http_encode(segment, encoded, sizeof encoded) >= sizeof encoded)
        return false;
    int size = snprintf(out, CLI_TARGET_MAX, "%s%s%s", before, encoded, after);
    return size > 0 && size < CLI_TARGET_MAX;
}

void cli_target_add(char target[CLI_TARGET_MAX], const char *name, const char *value)
{
    char encoded[512];
    if (value == NULL)
        return;
    link_http_encode(value, encoded, sizeof encoded);
    size_t size = strlen(target);
    snprintf(target + size, CLI_TARGET_MAX - size, "%c%s=%s", strchr(target, '?') == NULL ? '?' : '&', name, encoded);
}
