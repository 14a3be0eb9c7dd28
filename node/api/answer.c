/* Replies and errors, and the small readings that many calls share. */
#include "link/json.h"
#include "link/yaml.h"
#include "node/api/inside.h"
#include "wire/kind.h"
#include "wire/time.h"
#include <errno.h>
#include <stdio.h>

/* clang-format off */
static const struct {
    enum wire_status status;
    unsigned http;
} HTTP[] = {
    {WIRE_OK, 200},
    {WIRE_INVALID, 400},           {WIRE_SYNTAX, 400},         {WIRE_UNKNOWN_FIELD, 400}, {WIRE_UNKNOWN_REGION, 400},
    {WIRE_UNKNOWN_UNIT, 400},      {WIRE_UNKNOWN_KIND, 400},   {WIRE_BAD_STRING, 400},    {WIRE_BAD_HEADER, 400},
    {WIRE_NOT_AUTHENTICATED, 401}, {WIRE_NOT_PERMITTED, 403},  {WIRE_NOT_FOUND, 404},     {WIRE_ERASED, 404},
    {WIRE_EXISTS, 409},            {WIRE_ALREADY_JUDGED, 409}, {WIRE_NO_MEMORY, 413},     {WIRE_OVER_BUDGET, 413},
    {WIRE_FRAME_TOO_LARGE, 413},   {WIRE_STORE_FULL, 507},     {WIRE_DISK_FULL, 507},     {WIRE_NO_POLICY, 503},
    {WIRE_AGAIN, 503},             {WIRE_SHUTTING_DOWN, 503},  {WIRE_OVERLOADED, 503},    {WIRE_CLOCK_UNSURE, 503},
    {WIRE_CLOSED, 503},
};
/* clang-format on */

unsigned api_http_status(enum wire_status status)
{
    for (size_t i = 0; i < sizeof HTTP / sizeof *HTTP; i++)
        if (HTTP[i].status == status)
            return HTTP[i].http;
    return status >= 100 && status < 200 ? 422 : 500; /* what the rules refuse; what should not happen */
}

void api_reply_json(struct link_http_request *request, unsigned http_status, struct api_json *json)
{
    wire_text_add(&json->text, "\n", 1);
    ENSURE(!json->text.cut);
    link_http_reply(request, &(struct link_http_reply){.status = http_status,
                                                       .body = wire_bytes(json->text.data, json->text.size)});
    api_json_close(json);
}

void api_answer(struct api_call *call, unsigned http_status, struct api_json *json)
{
    api_reply_json(call->request, http_status, json);
    call->request = NULL;
}

void api_answer_bytes(struct api_call *call, const char *content_type, struct wire_bytes body)
{
    link_http_reply(call->request,
                    &(struct link_http_reply){.status = 200, .content_type = content_type, .body = body});
    call->request = NULL;
}

void api_json_problem(struct api_json *json, const struct wire_problem *problem)
{
    api_json_text(json, "status", wire_status_name(problem->status));
    api_json_text(json, "where", problem->where);
    api_json_text(json, "zh", problem->zh[0] ? problem->zh : wire_status_text(problem->status, WIRE_CHINESE));
    api_json_text(json, "en", problem->en[0] ? problem->en : wire_status_text(problem->status, WIRE_ENGLISH));
}

void api_problem(struct api_call *call, const struct wire_problem *problem)
{
    struct api_json json;
    call->api->refused_calls++;
    api_json_start(&json);
    api_json_open(&json, NULL);
    api_json_problem(&json, problem);
    api_json_end(&json);
    api_answer(call, api_http_status(problem->status), &json);
}

void api_refuse(struct api_call *call, enum wire_status status, const char *where, const char *zh, const char *en)
{
    struct wire_problem problem;
    wire_fail(&problem, status, where, zh, en);
    api_problem(call, &problem);
}

struct wire_arena *api_arena(struct api_call *call)
{
    if (call->arena_memory == NULL) {
        call->arena_memory = malloc(API_ARENA_BYTES);
        ENSURE(call->arena_memory != NULL);
        wire_arena_over(&call->arena, call->arena_memory, API_ARENA_BYTES);
    }
    return &call->arena;
}

/* --- bodies --- */

enum wire_status api_known_keys(const json_t *object, const char *const *keys, size_t count,
                                struct wire_problem *problem)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;
        while (i < count && strcmp(keys[i], key) != 0)
            i++;
        if (i < count)
            continue;
        const char *nearest = link_nearest(key, keys, count);
        if (nearest == NULL)
            return wire_failf(problem, WIRE_UNKNOWN_FIELD, key, "没有“%.60s”这一项，请删除",
                              "there is no \"%.60s\"; remove it", key);
        return wire_failf(problem, WIRE_UNKNOWN_FIELD, key, "没有“%.60s”这一项，是否应为“%s”？",
                          "there is no \"%.60s\"; did you mean \"%s\"?", key, nearest);
    }
    return WIRE_OK;
}

json_t *api_body(struct api_call *call, const char *const *keys, size_t key_count)
{
    struct wire_problem problem = {0};
    struct wire_bytes body = link_http_body(call->request);
    if (body.size > API_ENVELOPE_BODY_MAX) {
        api_refuse(call, WIRE_OVER_BUDGET, "body", "内容过大，请分成几份", "the body is too large; split it");
        return NULL;
    }
    json_t *object = link_json_parse((const char *)body.data, body.size, &problem);
    if (object != NULL && !json_is_object(object))
        wire_fail(&problem, WIRE_SYNTAX, "body", "正文应为 JSON 对象 {…}", "the body should be a JSON object {…}");
    else if (object != NULL && keys != NULL)
        api_known_keys(object, keys, key_count, &problem);
    if (object != NULL && problem.status == WIRE_OK)
        return object;
    json_decref(object);
    api_problem(call, &problem);
    return NULL;
}

static size_t characters_in(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

enum wire_status api_text_member(const json_t *object, const char *key, size_t characters, const char **out,
                                 struct wire_problem *problem)
{
    const json_t *value = json_object_get(object, key);
    *out = json_string_value(value);
    if (value == NULL)
        return WIRE_OK;
    if (*out == NULL)
        return wire_fail(problem, WIRE_INVALID, key, "这里应为文本，请加引号填写", "a text in quotes belongs here");
    size_t count = characters_in(*out);
    if (count > characters)
        return wire_failf(problem, WIRE_INVALID, key, "共 %zu 字，超过 %zu 字的上限，请缩短",
                          "has %zu characters, more than the limit of %zu; shorten it", count, characters);
    return WIRE_OK;
}

/* --- names of envelopes --- */

bool api_name_parse(const char *text, struct api_name *out)
{
    *out = (struct api_name){0};
    out->by_id = wire_id_parse(text, out->id);
    return out->by_id || wire_number_parse(text, &out->number);
}

bool api_path_name(struct api_call *call, struct api_name *out)
{
    const char *text = link_http_part(call->request, "id");
    ENSURE(text != NULL);
    if (api_name_parse(text, out))
        return true;
    api_refuse(call, WIRE_INVALID, "id", "应为信息编号（如 310000-20200207-0012）或其标识（UUID）",
               "should be the number of a notice (like 310000-20200207-0012) or its id (a UUID)");
    return false;
}

static bool refuse_missing(struct api_call *call, enum wire_status status, bool inbox)
{
    if (status == WIRE_OK)
        return true;
    if (status == WIRE_NOT_FOUND && inbox)
        api_refuse(call, status, "id", "收件中没有这份信息，请核对编号",
                   "the inbox holds no such notice; check the number");
    else if (status == WIRE_NOT_FOUND)
        api_refuse(call, status, "id", "发件中没有这份信息，请核对编号",
                   "the outbox holds no such notice; check the number");
    else
        api_refuse(call, status, "id", "", "");
    return false;
}

bool api_inbox_find(struct api_call *call, struct api_inbox_row *row)
{
    const struct api_backend *backend = &call->api->backend;
    struct api_name name;
    if (!api_path_name(call, &name))
        return false;
    enum wire_status status =
        backend->inbox_one(backend->context, name.by_id ? name.id : NULL, &name.number, api_arena(call), row);
    return refuse_missing(call, status, true);
}

bool api_outbox_find(struct api_call *call, struct api_outbox_row *row)
{
    const struct api_backend *backend = &call->api->backend;
    struct api_name name;
    if (!api_path_name(call, &name))
        return false;
    enum wire_status status =
        backend->outbox_one(backend->context, name.by_id ? name.id : NULL, &name.number, api_arena(call), row);
    return refuse_missing(call, status, false);
}

/* --- what lists are asked for --- */

static bool refuse_query(struct api_call *call, const char *where, const char *zh, const char *en)
{
    api_refuse(call, WIRE_INVALID, where, zh, en);
    return false;
}

static bool read_count(const char *text, uint64_t max, uint64_t *out)
{
    errno = 0;
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
        return false;
    *out = strtoull(text, NULL, 10);
    return errno == 0 && *out <= max;
}

static bool is_yes(const char *text)
{
    return text != NULL && strcmp(text, "0") != 0 && strcmp(text, "false") != 0;
}

bool api_list_query(struct api_call *call, struct api_list_query *out)
{
    const char *limit = link_http_query(call->request, "limit"), *since = link_http_query(call->request, "since");
    const char *kind = link_http_query(call->request, "kind"), *after = link_http_query(call->request, "after");
    const char *payload = link_http_query(call->request, "payload");
    uint64_t count = API_LIST_DEFAULT;
    *out = (struct api_list_query){.oldest_first = is_yes(link_http_query(call->request, "oldest_first"))};
    if (limit != NULL && (!read_count(limit, API_LIST_MAX, &count) || count == 0))
        return refuse_query(call, "limit", "应为 1 到 5000 的整数", "should be a whole number from 1 to 5000");
    if (since != NULL && !wire_time_parse(since, strlen(since), &out->since_ms))
        return refuse_query(call, "since", "应为日期或时间，如 2020-02-07", "should be a day or time, like 2020-02-07");
    if (after != NULL && !read_count(after, UINT64_MAX, &out->after))
        return refuse_query(call, "after", "应为整数", "should be a whole number");
    const struct wire_kind *found = kind == NULL ? NULL : wire_kind_by_name(kind);
    if (kind != NULL && found == NULL)
        return refuse_query(call, "kind", "没有这种信息，应如 contact-notice",
                            "there is no such kind; they are like contact-notice");
    out->limit = (size_t)count;
    out->kind = found == NULL ? WIRE_KIND_NONE : found->number;
    out->oldest_first = out->oldest_first || after != NULL;
    out->payload = (payload == NULL || is_yes(payload)) && api_may(call, API_READERS);
    return true;
}
