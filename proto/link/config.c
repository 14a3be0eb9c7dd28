#define _GNU_SOURCE
#include "link/config_inside.h"
#include "wire/ensure.h"
#include "wire/limits.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INSTALLATION_BYTES_MAX = 63, PATH_BYTES_MAX = 1000, MAP_MIB_MAX = 16 * 1024 * 1024 };

const cyaml_schema_value_t config_word = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, PATH_BYTES_MAX)};

const cyaml_schema_field_t config_log_fields[] = {
    CYAML_FIELD_STRING_PTR("format", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_log_raw, format, 0, 20),
    CYAML_FIELD_STRING_PTR("level", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_log_raw, level, 0, 20),
    CYAML_FIELD_STRING_PTR("language", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_log_raw, language, 0,
                           20),
    CYAML_FIELD_STRING_PTR("file", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_log_raw, file, 0,
                           PATH_BYTES_MAX),
    CYAML_FIELD_END,
};

/* --- the file --- */

/* Reads, checks the keys, loads by the schema. On failure nothing is held. */
static enum wire_status file_open(struct config_file *file, const char *path, const cyaml_schema_value_t *top,
                                  void **raw, struct wire_problem *problem)
{
    *file = (struct config_file){.path = path, .problem = problem};
    char *text;
    size_t size;
    *raw = NULL;
    enum wire_status status = link_yaml_read(path, &text, &size, problem);
    if (status != WIRE_OK)
        return status;
    status = link_yaml_load_text(path, text, size, top, raw, problem);
    if (status == WIRE_OK)
        status = link_places_read(path, text, size, &file->places, problem);
    if (status != WIRE_OK) {
        link_yaml_free(top, *raw);
        *raw = NULL;
    }
    free(text);
    return status;
}

enum wire_status config_load(const char *path, const cyaml_schema_value_t *top, config_take *take, void *out,
                             struct wire_problem *problem)
{
    struct config_file file;
    void *raw;
    enum wire_status status = file_open(&file, path, top, &raw, problem);
    if (status != WIRE_OK)
        return status;
    status = take(&file, raw, out);
    link_yaml_free(top, raw);
    link_places_close(&file.places);
    return status;
}

enum wire_status config_refuse(struct config_file *file, const char *key, const char *zh, const char *en, ...)
{
    char where[256], zh_text[512], en_text[512];
    const struct link_place *place = link_place_find(&file->places, key);
    if (place)
        snprintf(where, sizeof where, "%s:%u:%u", file->path, place->line, place->column);
    else
        snprintf(where, sizeof where, "%s", file->path);
    va_list arguments, again;
    va_start(arguments, en);
    va_copy(again, arguments);
    vsnprintf(zh_text, sizeof zh_text, zh, arguments);
    vsnprintf(en_text, sizeof en_text, en, again);
    va_end(again);
    va_end(arguments);
    return wire_failf(file->problem, WIRE_INVALID, where, "%s：%s%.0s", "%s: %.0s%s", key, zh_text, en_text);
}

static enum wire_status missing(struct config_file *file, const char *key)
{
    return config_refuse(file, key, "缺少必填的项", "this key is required");
}

static char *copy(const char *text)
{
    char *out = strdup(text);
    ENSURE(out);
    return out;
}

/* --- single values --- */

enum wire_status config_installation(struct config_file *file, const char *read, char **out)
{
    if (!read)
        return missing(file, "installation");
    size_t size = strlen(read);
    bool clean = size > 0 && size <= INSTALLATION_BYTES_MAX;
    for (size_t i = 0; i < size; i++)
        clean = clean && (unsigned char)read[i] >= ' ' && read[i] != 0x7F;
    if (!clean)
        return config_refuse(file, "installation", "应为 1 至 %d 字节且无控制字符",
                             "1 to %d bytes without control characters", INSTALLATION_BYTES_MAX);
    *out = copy(read);
    return WIRE_OK;
}

/* As it is when absolute, else in the folder of the configuration file. */
static char *beside(const char *config, const char *path)
{
    const char *slash = strrchr(config, '/');
    char *out;
    if (path[0] == '/' || !slash)
        return copy(path);
    ENSURE(asprintf(&out, "%.*s/%s", (int)(slash - config), config, path) >= 0);
    return out;
}

enum wire_status config_path(struct config_file *file, const char *key, const char *read, bool required, char **out)
{
    *out = NULL;
    if (!read)
        return required ? missing(file, key) : WIRE_OK;
    if (!*read)
        return config_refuse(file, key, "路径不能为空", "the path is empty");
    *out = beside(file->path, read);
    return WIRE_OK;
}

/* "1234" or "*" (0); false: no port. */
static bool parse_port(const char *text, uint16_t *port)
{
    *port = 0;
    if (strcmp(text, "*") == 0)
        return true;
    size_t digits = strspn(text, "0123456789");
    unsigned long value = digits > 0 && digits <= 5 && !text[digits] ? strtoul(text, NULL, 10) : 65536;
    *port = (uint16_t)value;
    return value <= 65535;
}

enum wire_status config_endpoint(struct config_file *file, const char *key, const char *read, char **out)
{
    const char *host = read && strncmp(read, "tcp://", 6) == 0 ? read + 6 : NULL;
    const char *colon = host ? strrchr(host, ':') : NULL;
    uint16_t port;
    if (!read)
        return missing(file, key);
    if (!colon || colon == host || strlen(read) > 255 || strpbrk(read, " ;,") || !parse_port(colon + 1, &port))
        return config_refuse(file, key, "应写作 tcp://主机:端口，现为“%s”", "should read tcp://host:port, is \"%s\"",
                             read);
    *out = copy(read);
    return WIRE_OK;
}

enum wire_status config_map(struct config_file *file, uint64_t mib, uint64_t *bytes)
{
    if (mib == 0)
        mib = LINK_MAP_MIB_DEFAULT;
    if (mib < LINK_MAP_MIB_MIN || mib > MAP_MIB_MAX)
        return config_refuse(file, "map_mib", "应在 %d 至 %d 之间（MiB）", "should be from %d to %d (MiB)",
                             (int)LINK_MAP_MIB_MIN, (int)MAP_MIB_MAX);
    *bytes = mib * 1024 * 1024;
    return WIRE_OK;
}

enum wire_status config_pulse(struct config_file *file, uint32_t read, uint32_t *out)
{
    *out = read ? read : WIRE_PULSE_MS;
    if (*out < LINK_PULSE_MS_MIN || *out > LINK_PULSE_MS_MAX)
        return config_refuse(file, "pulse_ms", "应在 %d 至 %d 之间（毫秒）", "should be from %d to %d (milliseconds)",
                             (int)LINK_PULSE_MS_MIN, (int)LINK_PULSE_MS_MAX);
    return WIRE_OK;
}

/* --- HTTP: loopback host:port, or the path of a socket --- */

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

static enum wire_status http_tcp(struct config_file *file, const char *key, const char *read,
                                 struct link_http_address *out)
{
    const char *colon = strrchr(read, ':');
    size_t size = (size_t)(colon - read);
    const char *host = read;
    if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
        host++;
        size -= 2;
    }
    if (out->host)
        return config_refuse(file, key, "已有一个 TCP 地址", "there is a TCP address already");
    out->host = strndup(host, size);
    ENSURE(out->host);
    if (!parse_port(colon + 1, &out->port))
        return config_refuse(file, key, "端口无效：“%s”", "not a port: \"%s\"", colon + 1);
    if (!is_loopback(out->host))
        return config_refuse(file, key, "只能监听本机回环地址（127.0.0.1、[::1]），现为“%s”；远程访问请用反向代理",
                             "listens on loopback only (127.0.0.1, [::1]), is \"%s\"; put a reverse proxy in front for "
                             "remote use",
                             out->host);
    return WIRE_OK;
}

enum wire_status config_http(struct config_file *file, char *const *read, unsigned count, struct link_http_address *out)
{
    enum { SOCKET_PATH_MAX = 107 };
    for (unsigned i = 0; i < count; i++) {
        char key[32];
        snprintf(key, sizeof key, "http[%u]", i);
        enum wire_status status;
        if (strchr(read[i], ':') && !strchr(read[i], '/')) {
            status = http_tcp(file, key, read[i], out);
        } else if (out->unix_path) {
            status = config_refuse(file, key, "已有一个 Unix 套接字", "there is a Unix socket already");
        } else {
            status = config_path(file, key, read[i], true, &out->unix_path);
            if (status == WIRE_OK && strlen(out->unix_path) > SOCKET_PATH_MAX)
                status = config_refuse(file, key, "套接字路径超过 %d 字节", "a socket's path has at most %d bytes",
                                       SOCKET_PATH_MAX);
        }
        if (status != WIRE_OK)
            return status;
    }
    return WIRE_OK;
}

void config_http_close(struct link_http_address *http)
{
    free(http->host);
    free(http->unix_path);
}

/* --- lists --- */

static bool is_id(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && size <= WIRE_MECHANISM_BYTES_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

enum wire_status config_mechanisms(struct config_file *file, const char *key, char *const *read, unsigned count,
                                   char ***out, unsigned *out_count)
{
    if (count == 0 || (count == 1 && strcmp(read[0], "all") == 0))
        return WIRE_OK;
    *out = calloc(count, sizeof **out);
    ENSURE(*out);
    for (unsigned i = 0; i < count; i++) {
        char at[80];
        snprintf(at, sizeof at, "%.60s[%u]", key, i);
        if (!is_id(read[i]) || strcmp(read[i], "all") == 0)
            return config_refuse(file, at, "不是机制代号：“%s”（小写字母、数字、连字符；all 只能单独写）",
                                 "not a mechanism id: \"%s\" (a-z, 0-9 and hyphens; \"all\" stands alone)", read[i]);
        for (unsigned j = 0; j < i; j++)
            if (strcmp(read[i], read[j]) == 0)
                return config_refuse(file, at, "“%s”写了两次", "\"%s\" stands twice", read[i]);
        (*out)[i] = copy(read[i]);
        *out_count = i + 1;
    }
    return WIRE_OK;
}

void config_list_free(char **list, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

/* --- the log --- */

static enum wire_status choose(struct config_file *file, const char *key, const char *read, const char *const *names,
                               size_t count, size_t fallback, size_t *out)
{
    *out = fallback;
    if (!read)
        return WIRE_OK;
    for (*out = 0; *out < count; (*out)++)
        if (strcmp(read, names[*out]) == 0)
            return WIRE_OK;
    char all[128] = "";
    for (size_t i = 0; i < count; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", names[i]);
    return config_refuse(file, key, "不能是“%s”，可用：%s", "\"%s\" is none of: %s", read, all);
}

enum wire_status config_log(struct config_file *file, const struct config_log_raw *read, struct link_log_config *out)
{
    static const char *const formats[] = {"text", "json"};
    static const char *const levels[] = {"error", "warning", "notice", "info", "debug"};
    static const char *const languages[] = {"zh", "en"};
    size_t format, level, language;
    enum wire_status status = choose(file, "log.format", read->format, formats, 2, LINK_LOG_TEXT, &format);
    if (status == WIRE_OK)
        status = choose(file, "log.level", read->level, levels, 5, LINK_INFO, &level);
    if (status == WIRE_OK)
        status = choose(file, "log.language", read->language, languages, 2, WIRE_CHINESE, &language);
    if (status == WIRE_OK)
        status = config_path(file, "log.file", read->file, false, &out->path);
    if (status != WIRE_OK)
        return status;
    out->format = (enum link_log_format)format;
    out->level = (enum link_level)level;
    out->language = (enum wire_language)language;
    return WIRE_OK;
}

/* --- what the paths name --- */

enum wire_status config_check_readable(const char *path, bool folder, struct wire_problem *problem)
{
    struct stat found;
    if (!path)
        return WIRE_OK;
    if (stat(path, &found) != 0 || access(path, folder ? R_OK | X_OK : R_OK) != 0)
        return wire_failf(
            problem, errno == ENOENT ? WIRE_NOT_FOUND : WIRE_IO, path, "无法读取：%s。请检查配置中的路径与权限",
            "cannot be read: %s. Check the path in the configuration and its permissions", strerror(errno));
    if (S_ISDIR(found.st_mode) != folder)
        return wire_fail(problem, WIRE_INVALID, path, folder ? "应为目录" : "应为文件，而不是目录",
                         folder ? "should be a folder" : "should be a file, not a folder");
    return WIRE_OK;
}

enum wire_status config_check_data(const char *path, struct wire_problem *problem)
{
    if (access(path, F_OK) == 0) {
        enum wire_status status = config_check_readable(path, true, problem);
        if (status != WIRE_OK || access(path, W_OK) == 0)
            return status;
        return wire_failf(problem, WIRE_IO, path, "数据目录不可写：%s", "the data folder cannot be written: %s",
                          strerror(errno));
    }
    const char *slash = strrchr(path, '/');
    char *parent = slash ? strndup(path, (size_t)(slash - path) + 1) : copy(".");
    ENSURE(parent);
    bool can = access(parent, W_OK | X_OK) == 0;
    int error = errno;
    free(parent);
    if (can)
        return WIRE_OK;
    return wire_failf(problem, WIRE_IO, path, "无法建立数据目录：%s。请先建立其上级目录",
                      "the data folder cannot be made: %s. Make the folder above it first", strerror(error));
}
