#include "node/cli/compose.h"
#include "certs/file.h"
#include "link/json.h"
#include "link/yaml.h"
#include "node/cli/fields.h"
#include "node/cli/say.h"
#include "rules/words.h"
#include "wire/label.h"
#include "wire/region.h"
#include "wire/time.h"
#include "wire/unit.h"
#include <stdlib.h>
#include <string.h>

enum { KINDS_MAX = 64, STDIN_MAX = 4 * 1024 * 1024 };

const struct wire_kind *cli_kind(const struct cli *cli, const char *name)
{
    const char *names[KINDS_MAX];
    size_t count = wire_kind_count();
    const struct wire_kind *kind = wire_kind_by_name(name);
    if (kind != NULL)
        return kind;
    for (size_t i = 0; i < count && i < KINDS_MAX; i++)
        names[i] = wire_kind_at(i)->name;
    const char *nearest = link_nearest(name, names, count < KINDS_MAX ? count : KINDS_MAX);
    if (nearest != NULL)
        cli_fail_usage(cli, name, "没有这种信息，是否为 %s？", "there is no such kind; did you mean %s?", nearest);
    else
        cli_fail_usage(cli, name, "没有这种信息。lianfang help publish 列出各种",
                       "there is no such kind; lianfang help "
                       "publish lists them");
    return NULL;
}

uint32_t cli_region(const struct cli *cli, const char *where, const char *text)
{
    uint32_t region = wire_region_parse(text, strlen(text));
    if (region == 0)
        region = wire_region_by_name(text, 0);
    if (region == 0)
        cli_fail_usage(cli, where, "“%s”不是六位行政区划代码，也不是唯一的地区名；用 lianfang regions 查找",
                       "\"%s\" is neither a code of six digits nor the name of exactly one region; lianfang regions "
                       "finds it",
                       text);
    return region;
}

int cli_list_each(const struct cli_list *list, int (*take)(void *context, const char *value), void *context)
{
    char value[256];
    int code = CLI_OK;
    for (size_t i = 0; i < list->count && code == CLI_OK; i++)
        for (const char *at = list->at[i]; code == CLI_OK && *at != '\0';) {
            size_t size = strcspn(at, ",");
            snprintf(value, sizeof value, "%.*s", (int)(size < 255 ? size : 255), at);
            if (size > 0)
                code = take(context, value);
            at += size + (at[size] == ',');
        }
    return code;
}

/* --- payload --- */

static int read_stdin(struct cli *cli, struct cert_file *out)
{
    size_t size = 0, got;
    char *text = malloc(STDIN_MAX + 1);
    if (text == NULL)
        return CLI_SOFTWARE;
    while (size < STDIN_MAX && (got = fread(text + size, 1, STDIN_MAX - size, cli->in)) > 0)
        size += got;
    text[size] = '\0';
    *out = (struct cert_file){.data = (uint8_t *)text, .size = size};
    return CLI_OK;
}

static int read_payload(struct cli *cli, json_t **out)
{
    struct wire_problem problem = {.status = WIRE_OK};
    struct cert_file file = {.data = NULL};
    const char *path = cli->options.file;
    if (strcmp(path, "-") == 0) {
        int code = read_stdin(cli, &file);
        if (code != CLI_OK)
            return code;
    } else if (cert_file_read(path, false, &file, &problem) != WIRE_OK)
        return cli_fail(cli, &problem);
    *out = link_json_parse((const char *)file.data, file.size, &problem);
    if (*out != NULL && !json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        wire_fail(&problem, WIRE_SYNTAX, path, "应为 JSON 对象 {…}", "should be a JSON object {...}");
    }
    cert_file_close(&file);
    return *out == NULL ? cli_fail(cli, &problem) : CLI_OK;
}

static int set_fields(struct cli *cli, const struct wire_kind *kind, size_t first, json_t *payload)
{
    struct wire_problem problem = {.status = WIRE_OK};
    for (size_t i = first; i < cli->options.words; i++)
        if (cli_field_set(payload, kind->payload, cli->options.word[i], &problem) != WIRE_OK)
            return cli_fail(cli, &problem);
    return CLI_OK;
}

int cli_compose_payload(struct cli *cli, const struct wire_kind *kind, size_t first, json_t **out)
{
    int code = CLI_OK;
    *out = NULL;
    if (cli->options.file != NULL)
        code = read_payload(cli, out);
    else
        *out = json_object();
    if (code == CLI_OK)
        code = set_fields(cli, kind, first, *out);
    if (code != CLI_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return code;
}

/* --- header --- */

struct composing {
    const struct cli *cli;
    json_t *list;
    const char *where;
};

static uint32_t unit_of(const struct cli *cli, const char *where, const char *text)
{
    uint32_t unit = wire_unit_parse(text);
    if (unit == WIRE_UNIT_NONE)
        cli_fail_usage(cli, where, "没有单位“%s”，应如 cdc、command、commerce",
                       "there is no unit \"%s\"; units are like "
                       "cdc, command, commerce",
                       text);
    return unit;
}

/* "330300/cdc", "温州市/疾控中心", "330300", "/cdc" (own: the region itself). */
static int address(const struct cli *cli, const char *where, const char *text, bool own, json_t **out)
{
    char region_text[200];
    const char *slash = strchr(text, '/');
    size_t size = slash == NULL ? strlen(text) : (size_t)(slash - text);
    snprintf(region_text, sizeof region_text, "%.*s", (int)(size < 199 ? size : 199), text);
    uint32_t region = own && size == 0 ? 0 : cli_region(cli, where, region_text);
    if (region == 0 && !(own && size == 0))
        return CLI_USAGE;
    uint32_t unit = slash == NULL ? WIRE_UNIT_NONE : unit_of(cli, where, slash + 1);
    if (slash != NULL && unit == WIRE_UNIT_NONE)
        return CLI_USAGE;
    *out = json_object();
    if (region != 0)
        json_object_set_new(*out, "region", json_integer(region));
    if (unit != WIRE_UNIT_NONE)
        json_object_set_new(*out, "unit", json_string(wire_unit_id(unit)));
    return CLI_OK;
}

static int take_address(void *context, const char *value)
{
    struct composing *composing = context;
    json_t *one;
    int code = address(composing->cli, composing->where, value, false, &one);
    if (code == CLI_OK)
        json_array_append_new(composing->list, one);
    return code;
}

static int take_region(void *context, const char *value)
{
    struct composing *composing = context;
    uint32_t region = cli_region(composing->cli, composing->where, value);
    if (region == 0)
        return CLI_USAGE;
    json_array_append_new(composing->list, json_integer(region));
    return CLI_OK;
}

static int put_list(const struct cli *cli, json_t *body, const char *key, const char *where,
                    const struct cli_list *from, int (*take)(void *context, const char *value))
{
    if (from->count == 0)
        return CLI_OK;
    struct composing composing = {.cli = cli, .list = json_array(), .where = where};
    json_object_set_new(body, key, composing.list);
    return cli_list_each(from, take, &composing);
}

static int put_time(const struct cli *cli, json_t *body, const char *key, const char *where, const char *text)
{
    char iso[WIRE_TIME_TEXT];
    int64_t ms;
    if (text == NULL)
        return CLI_OK;
    if (!wire_time_parse(text, strlen(text), &ms))
        return cli_fail_usage(cli, where, "“%s”不是时间，例如 2020-02-08T10:00",
                              "\"%s\" is no time; write it like "
                              "2020-02-08T10:00",
                              text);
    json_object_set_new(body, key, json_string(wire_time_iso(ms, iso)));
    return CLI_OK;
}

static void put_text(json_t *body, const char *key, const char *text)
{
    if (text != NULL)
        json_object_set_new(body, key, json_string(text));
}

/* The value that a word means, by the schema's names or the words of the rule language ("测试", "加急"). */
static bool read_enum(const ProtobufCEnumDescriptor *type, const struct rules_spelling *words, const char *text,
                      int *value)
{
    if (wire_enum_parse(type, text, strlen(text), value))
        return true;
    uint32_t number = words == NULL ? UINT32_MAX : rules_spelling_parse(words, text, strlen(text), UINT32_MAX);
    *value = (int)number;
    return number != UINT32_MAX;
}

/* As the API's enums are called. */
static int put_enum(const struct cli *cli, json_t *body, const char *key, const char *where,
                    const ProtobufCEnumDescriptor *type, const struct rules_spelling *words, const char *text)
{
    int value;
    char name[WIRE_ENUM_NAME];
    if (text == NULL)
        return CLI_OK;
    if (!read_enum(type, words, text, &value)) {
        struct wire_text known = {.grow = realloc};
        for (unsigned i = 0; i < type->n_values; i++)
            wire_text_format(&known, "%s%s", i == 0 ? "" : ", ", wire_enum_name(type, type->values[i].value, name));
        int code =
            cli_fail_usage(cli, where, "没有“%s”，可用：%s", "there is no \"%s\"; use one of %s", text, known.data);
        free(known.data);
        return code;
    }
    json_object_set_new(body, key, json_string(wire_enum_name(type, value, name)));
    return CLI_OK;
}

static int put_enums(const struct cli *cli, json_t *body)
{
    const struct cli_options *o = &cli->options;
    const struct {
        const char *key, *where, *text;
        const ProtobufCEnumDescriptor *type;
        const struct rules_spelling *words;
    } enums[] = {
        {"status", "--status", o->status, &wire__status__descriptor, rules_status_words},
        {"lane", "--lane", o->lane, &wire__lane__descriptor, rules_lane_words},
        {"urgency", "--urgency", o->urgency, &wire__urgency__descriptor, rules_urgency_words},
        {"severity", "--severity", o->severity, &wire__severity__descriptor, NULL},
        {"certainty", "--certainty", o->certainty, &wire__certainty__descriptor, NULL},
    };
    int code = CLI_OK;
    for (size_t i = 0; i < sizeof enums / sizeof *enums && code == CLI_OK; i++)
        code = put_enum(cli, body, enums[i].key, enums[i].where, enums[i].type, enums[i].words, enums[i].text);
    return code;
}

static int put_times(const struct cli *cli, json_t *body)
{
    const struct cli_options *o = &cli->options;
    const struct {
        const char *key, *where, *text;
    } times[] = {
        {"effective", "--effective", o->effective}, {"expires", "--expires", o->expires}, {"due", "--due", o->due}};
    int code = CLI_OK;
    for (size_t i = 0; i < sizeof times / sizeof *times && code == CLI_OK; i++)
        code = put_time(cli, body, times[i].key, times[i].where, times[i].text);
    put_text(body, "keep_until", o->keep_until);
    return code;
}

static int put_header(struct cli *cli, const struct wire_kind *kind, json_t *body)
{
    const struct cli_options *o = &cli->options;
    put_text(body, "kind", kind->name);
    put_text(body, "mechanism", o->mechanism);
    put_text(body, "mechanism_reason", o->reason);
    put_text(body, "incident", o->incident);
    put_text(body, "in_reply_to", o->in_reply_to);
    if (o->anyway)
        json_object_set_new(body, "submit_anyway", json_true());
    int code = put_list(cli, body, "to", "--to", &o->to, take_address);
    if (code == CLI_OK)
        code = put_list(cli, body, "cc", "--cc", &o->cc, take_address);
    if (code == CLI_OK)
        code = put_list(cli, body, "concerns", "--concerns", &o->concerns, take_region);
    if (code == CLI_OK && o->issuer != NULL) {
        json_t *issuer = NULL;
        code = address(cli, "--issuer", o->issuer, true, &issuer);
        if (code == CLI_OK)
            json_object_set_new(body, "issuer", issuer);
    }
    if (code == CLI_OK)
        code = put_enums(cli, body);
    return code == CLI_OK ? put_times(cli, body) : code;
}

static bool has_other_kind(const struct cli *cli, const struct wire_kind *kind, const json_t *body)
{
    const char *name = json_string_value(json_object_get(body, "kind"));
    if (name == NULL || wire_kind_by_name(name) == kind)
        return false;
    cli_fail_usage(cli, "kind", "文件里写的是 %s，不是 %s", "the file says %s, not %s", name, kind->name);
    return true;
}

int cli_compose(struct cli *cli, const struct wire_kind *kind, size_t first, json_t **out)
{
    json_t *file = json_object();
    int code = CLI_OK;
    *out = NULL;
    if (cli->options.file != NULL) {
        json_decref(file);
        code = read_payload(cli, &file);
    }
    if (code != CLI_OK)
        return code;
    bool whole = json_is_object(json_object_get(file, "payload"));
    *out = whole ? file : json_pack("{s:o}", "payload", file);
    if (whole && has_other_kind(cli, kind, *out))
        code = CLI_USAGE;
    if (code == CLI_OK)
        code = set_fields(cli, kind, first, json_object_get(*out, "payload"));
    if (code == CLI_OK)
        code = put_header(cli, kind, *out);
    if (code != CLI_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return code;
}

bool cli_status_option(const struct cli *cli, const char **out)
{
    static const char *const names[] = {"actual", "exercise", "test"};
    int value;
    const char *text = cli->options.status;
    *out = NULL;
    if (text == NULL)
        return true;
    if (!read_enum(&wire__status__descriptor, rules_status_words, text, &value)) {
        cli_fail_usage(cli, "--status", "没有“%s”，可用：actual, exercise, test",
                       "there is no \"%s\"; use one of actual, exercise, test", text);
        return false;
    }
    *out = names[value];
    return true;
}
