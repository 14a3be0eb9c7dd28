#include "link/yaml.h"
#include "link/yaml_places.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 64, WORD_MAX = 64 };

/* --- the nearest known name --- */

static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < step ? change : step;
        }
    }
    return row[width];
}

const char *link_nearest(const char *word, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t size = strlen(word);
    size_t best = size / 3 + 2; /* further off than this is no slip of the finger */
    if (size > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) > WORD_MAX)
            continue;
        size_t away = distance(word, names[i]);
        if (away < best) {
            best = away;
            nearest = names[i];
        }
    }
    return nearest;
}

/* --- unknown keys: every place of the text against the schema --- */

/* The value below `at` that the path's first step leads to; *rest is what remains. NULL: there is no such key. */
static const cyaml_schema_value_t *schema_step(const cyaml_schema_value_t *at, const char *path, const char **rest)
{
    if (path[0] == '[') {
        const char *end = strchr(path, ']'); /* NULL: a key that contains the bracket */
        *rest = end ? end + 1 : "";
        bool list = at->type == CYAML_SEQUENCE || at->type == CYAML_SEQUENCE_FIXED;
        return list ? at->sequence.entry : at;
    }
    if (at->type != CYAML_MAPPING) {
        *rest = "";
        return at; /* of the wrong shape: libcyaml says so better */
    }
    path += path[0] == '.';
    size_t size = strcspn(path, ".[");
    *rest = path + size;
    for (const cyaml_schema_field_t *field = at->mapping.fields; field->key; field++)
        if (strlen(field->key) == size && memcmp(field->key, path, size) == 0)
            return &field->value;
    return NULL;
}

static enum wire_status refuse_key(const char *where, const char *key, const cyaml_schema_value_t *mapping,
                                   struct wire_problem *problem)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (const cyaml_schema_field_t *field = mapping->mapping.fields; field->key && count < NAMES_MAX; field++)
        names[count++] = field->key;
    const char *nearest = link_nearest(key, names, count);
    if (nearest)
        return wire_failf(problem, WIRE_INVALID, where, "未知的项“%s”，是否应为“%s”？",
                          "unknown key \"%s\"; did you mean \"%s\"?", key, nearest);
    return wire_failf(problem, WIRE_INVALID, where, "未知的项“%s”，请删除", "unknown key \"%s\"; remove it", key);
}

static void where_is(char out[256], const char *name, unsigned line, unsigned column)
{
    snprintf(out, 256, "%s:%u:%u", name, line, column);
}

static enum wire_status check_key(const char *name, const struct link_place *place, const cyaml_schema_value_t *top,
                                  struct wire_problem *problem)
{
    const cyaml_schema_value_t *at = top;
    for (const char *path = place->path; *path;) {
        const char *rest;
        const cyaml_schema_value_t *below = schema_step(at, path, &rest);
        if (!below) {
            char key[WORD_MAX + 1], where[256];
            path += path[0] == '.';
            snprintf(key, sizeof key, "%.*s", (int)(rest - path), path);
            where_is(where, name, place->line, place->column);
            return refuse_key(where, key, at, problem);
        }
        at = below;
        path = rest;
    }
    return WIRE_OK;
}

static enum wire_status check_keys(const char *name, const char *text, size_t size, const cyaml_schema_value_t *top,
                                   struct wire_problem *problem)
{
    struct link_places places;
    enum wire_status status = link_places_read(name, text, size, &places, problem);
    if (status != WIRE_OK)
        return status;
    for (size_t i = 0; status == WIRE_OK && i < places.count; i++)
        status = check_key(name, &places.item[i], top, problem);
    link_places_close(&places);
    return status;
}

/* --- libcyaml's own complaints: it tells them by its log --- */

struct complaint {
    char text[160]; /* the first line */
    unsigned line, column;
};

static void hear(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    struct complaint *complaint = context;
    char line[256];
    (void)level;
    vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\n")] = '\0';
    const char *place = strstr(line, "(line: ");
    if (place && !complaint->line)
        (void)sscanf(place, "(line: %u, column: %u)", &complaint->line, &complaint->column);
    if (!place && !complaint->text[0] && !strstr(line, "Backtrace"))
        snprintf(complaint->text, sizeof complaint->text, "%.150s", strncmp(line, "Load: ", 6) == 0 ? line + 6 : line);
}

static const char *meaning(cyaml_err_t error)
{
    switch (error) {
    case CYAML_ERR_INVALID_VALUE:
        return "取值或形式不符";
    case CYAML_ERR_MAPPING_FIELD_MISSING:
        return "缺少必填的项";
    case CYAML_ERR_STRING_LENGTH_MIN:
        return "文字太短";
    case CYAML_ERR_STRING_LENGTH_MAX:
        return "文字太长";
    case CYAML_ERR_SEQUENCE_ENTRIES_MIN:
        return "条目太少";
    case CYAML_ERR_SEQUENCE_ENTRIES_MAX:
        return "条目太多";
    default:
        return "无法按要求读取";
    }
}

static enum wire_status complain(const char *name, cyaml_err_t error, const struct complaint *complaint,
                                 struct wire_problem *problem)
{
    char where[256];
    if (error == CYAML_ERR_OOM)
        return wire_fail(problem, WIRE_NO_MEMORY, name, "内存不足", "out of memory");
    if (complaint->line)
        where_is(where, name, complaint->line, complaint->column);
    else
        snprintf(where, sizeof where, "%s", name);
    const char *text = complaint->text[0] ? complaint->text : cyaml_strerror(error);
    return wire_failf(problem, WIRE_INVALID, where, "%s（%s）", "%.0s%s", meaning(error), text);
}

static cyaml_config_t configuration(struct complaint *complaint)
{
    return (cyaml_config_t){.log_fn = complaint ? hear : NULL,
                            .log_ctx = complaint,
                            .log_level = CYAML_LOG_ERROR,
                            .mem_fn = cyaml_mem,
                            .flags = CYAML_CFG_NO_ALIAS};
}

enum wire_status link_yaml_load_text(const char *name, const char *text, size_t size, const cyaml_schema_value_t *top,
                                     void **out, struct wire_problem *problem)
{
    *out = NULL;
    if (size > LINK_YAML_BYTES_MAX)
        return wire_failf(problem, WIRE_INVALID, name, "文件过大（上限 %d 字节）",
                          "the file is too large (at most %d bytes)", (int)LINK_YAML_BYTES_MAX);
    enum wire_status status = check_keys(name, text, size, top, problem);
    if (status != WIRE_OK)
        return status;
    struct complaint complaint = {0};
    cyaml_config_t config = configuration(&complaint);
    cyaml_err_t error = cyaml_load_data((const uint8_t *)text, size, &config, top, out, NULL);
    if (error != CYAML_OK) {
        *out = NULL;
        return complain(name, error, &complaint, problem);
    }
    if (!*out)
        return wire_fail(problem, WIRE_SYNTAX, name, "文件是空的", "the file is empty");
    return WIRE_OK;
}

/* All of it, or one byte more than is allowed; NULL: no memory. */
static char *read_text(FILE *file, size_t *size)
{
    char *text = NULL;
    *size = 0;
    for (size_t room = 4096;; room *= 2) {
        room = room < LINK_YAML_BYTES_MAX + 1 ? room : LINK_YAML_BYTES_MAX + 1;
        char *grown = realloc(text, room);
        if (grown == NULL) {
            free(text);
            return NULL;
        }
        text = grown;
        *size += fread(text + *size, 1, room - *size, file);
        if (*size < room || room > LINK_YAML_BYTES_MAX)
            return text;
    }
}

enum wire_status link_yaml_read(const char *path, char **out, size_t *size, struct wire_problem *problem)
{
    FILE *file = fopen(path, "rb");
    char *text = file ? read_text(file, size) : NULL;
    bool failed = !text || ferror(file);
    int error = errno;
    if (file)
        fclose(file);
    if (!failed) {
        *out = text;
        return WIRE_OK;
    }
    free(text);
    *size = 0;
    return wire_failf(problem, error == ENOENT ? WIRE_NOT_FOUND : WIRE_IO, path, "无法读取文件：%s",
                      "cannot read the file: %s", strerror(error));
}

enum wire_status link_yaml_load_file(const char *path, const cyaml_schema_value_t *top, void **out,
                                     struct wire_problem *problem)
{
    char *text;
    size_t size;
    *out = NULL;
    enum wire_status status = link_yaml_read(path, &text, &size, problem);
    if (status != WIRE_OK)
        return status;
    status = link_yaml_load_text(path, text, size, top, out, problem);
    free(text);
    return status;
}

void link_yaml_free(const cyaml_schema_value_t *top, void *loaded)
{
    cyaml_config_t config = configuration(NULL);
    if (loaded)
        cyaml_free(&config, top, loaded, 0);
}
