/* POST /v1/import: the request, and a job that the loop runs in slices. */
#include "node/api/import.h"
#include "link/json.h"
#include "link/yaml.h"
#include <stdio.h>

enum { ARENA_SLICE_BYTES = API_ARENA_BYTES / 2 }; /* a slice that has used so much goes first */

/* --- life --- */

static void job_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void job_free(struct api_import *job)
{
    if (job->next != NULL)
        job->next->previous = job->previous;
    if (job->previous != NULL)
        job->previous->next = job->next;
    else
        job->api->imports = job->next;
    for (size_t i = 0; job->rows != NULL && i < job->csv.row_count; i++) {
        import_row_forget(&job->rows[i]);
        free(job->rows[i].problem);
    }
    for (size_t i = 0; i < job->group_count; i++)
        free(job->groups[i].problem);
    free(job->rows);
    free(job->groups);
    free(job->columns);
    free(job->profile_text);
    free(job->arena_memory);
    free(job->values);
    api_profile_close(&job->profile);
    api_csv_close(&job->csv);
    import_index_close(&job->keys);
    import_index_close(&job->contents);
    uv_close((uv_handle_t *)&job->timer, job_closed);
}

static struct api_import *job_new(struct api_call *call)
{
    struct api *api = call->api;
    struct api_import *job = calloc(1, sizeof *job);
    ENSURE(job != NULL && uv_timer_init(api->loop, &job->timer) == 0);
    job->timer.data = job;
    job->api = api;
    job->now_ms = api->backend.now_ms(api->backend.context);
    job->arena_memory = malloc(API_ARENA_BYTES);
    job->values = malloc(2 * sizeof *job->values);
    ENSURE(job->arena_memory != NULL && job->values != NULL);
    wire_arena_over(&job->arena, job->arena_memory, API_ARENA_BYTES);
    job->next = api->imports;
    if (api->imports != NULL)
        api->imports->previous = job;
    api->imports = job;
    return job;
}

void api_imports_close(struct api *api)
{
    while (api->imports != NULL) {
        struct api_import *job = api->imports;
        struct wire_problem problem;
        struct api_json json;
        wire_fail(&problem, WIRE_SHUTTING_DOWN, "", "节点正在停止：重启后再次导入同一文件即可，不会重复",
                  "the node is stopping: import the same file again after its restart; nothing is repeated");
        api_json_start(&json);
        api_json_open(&json, NULL);
        api_json_problem(&json, &problem);
        api_json_end(&json);
        api_reply_json(job->request, 503, &json);
        job_free(job);
    }
}

static void finish(struct api_import *job)
{
    struct api_json json;
    api_json_start(&json);
    import_report(job, &json);
    api_reply_json(job->request, job->store_full ? 507 : 200, &json);
    job_free(job);
}

/* --- slices --- */

static void on_slice(uv_timer_t *timer);

static void go_on(struct api_import *job)
{
    uv_timer_start(&job->timer, on_slice, 0, 0);
}

static void take_result(struct api_import *job, struct import_group *group, const struct api_result *result)
{
    const struct api_backend *backend = &job->api->backend;
    if (result->status == WIRE_OK || result->status == WIRE_EXISTS) {
        group->number = result->number;
        backend->import_note(backend->context, group->key, group->id, group->content);
        return;
    }
    struct wire_problem problem = result->problem;
    problem.status = result->status;
    job->store_full |= result->status == WIRE_STORE_FULL || result->status == WIRE_DISK_FULL;
    import_group_refuse(job, group, &problem);
}

static void on_done(void *context, const struct api_result *results, size_t count)
{
    struct api_import *job = context;
    ENSURE(count == job->chunk_count);
    for (size_t i = 0; i < count; i++)
        take_result(job, &job->groups[job->chunk[i]], &results[i]);
    job->chunk_count = 0;
    go_on(job);
}

/* One more group into the slice; false: the arena is full and the slice goes first. */
static bool add_group(struct api_import *job, struct api_draft *drafts)
{
    struct import_group *group = &job->groups[job->group_at];
    struct api_form *form = import_group(job, group);
    if (job->arena.exhausted && job->chunk_count > 0)
        return false;
    if (job->arena.exhausted) {
        struct wire_problem problem;
        wire_fail(&problem, WIRE_NO_MEMORY, "key", "这一键下的行太多，请分成几份",
                  "too many rows have this key; split them");
        import_group_refuse(job, group, &problem);
        form = NULL;
    }
    if (form != NULL && !job->dry_run) {
        drafts[job->chunk_count] = form->draft;
        job->chunk[job->chunk_count++] = (uint32_t)job->group_at;
    }
    job->group_at++;
    return true;
}

static void slice_groups(struct api_import *job)
{
    struct api_draft drafts[IMPORT_GROUPS_A_SLICE];
    wire_arena_reset(&job->arena);
    for (size_t n = 0; n < IMPORT_GROUPS_A_SLICE && job->group_at < job->group_count; n++)
        if (job->arena.used > ARENA_SLICE_BYTES || !add_group(job, drafts))
            break;
    if (job->chunk_count > 0)
        job->api->backend.publish(job->api->backend.context, drafts, job->chunk_count, on_done, job);
    else
        go_on(job);
}

static void slice_rows(struct api_import *job)
{
    for (size_t n = 0; n < IMPORT_ROWS_A_SLICE && job->row_at < job->csv.row_count; n++) {
        wire_arena_reset(&job->arena);
        import_row(job, (uint32_t)job->row_at++);
    }
    go_on(job);
}

static void on_slice(uv_timer_t *timer)
{
    struct api_import *job = timer->data;
    if (job->row_at < job->csv.row_count)
        slice_rows(job);
    else if (job->group_at < job->group_count)
        slice_groups(job);
    else
        finish(job);
}

/* --- the request --- */

static const char *const KEYS[] = {"profile", "csv_base64", "csv"};

static enum wire_status take_text(const json_t *body, const char *key, char **out, size_t *size)
{
    const json_t *value = json_object_get(body, key);
    if (!json_is_string(value))
        return WIRE_NOT_FOUND;
    *size = json_string_length(value);
    *out = malloc(*size + 1);
    ENSURE(*out != NULL);
    memcpy(*out, json_string_value(value), *size + 1);
    return WIRE_OK;
}

static enum wire_status decode_base64(char *text, size_t *size, struct wire_problem *problem)
{
    uint8_t *bytes = malloc(*size / 4 * 3 + 3);
    ENSURE(bytes != NULL);
    size_t decoded = 0;
    bool good = api_unbase64(text, *size, bytes, &decoded);
    memcpy(text, bytes, good ? decoded : 0);
    *size = decoded;
    free(bytes);
    return good ? WIRE_OK : wire_fail(problem, WIRE_SYNTAX, "csv_base64", "不是 Base64", "is no base64");
}

static enum wire_status read_json_members(struct api_import *job, const json_t *body, char **csv, size_t *csv_size,
                                          struct wire_problem *problem)
{
    size_t size;
    enum wire_status status = api_known_keys(body, KEYS, 3, problem);
    if (status != WIRE_OK)
        return status;
    if (take_text(body, "profile", &job->profile_text, &size) != WIRE_OK)
        return wire_fail(problem, WIRE_INVALID, "profile", "请给出导入方案的 YAML 文本",
                         "give the profile's YAML text");
    if (take_text(body, "csv", csv, csv_size) == WIRE_OK)
        return WIRE_OK;
    if (take_text(body, "csv_base64", csv, csv_size) != WIRE_OK)
        return wire_fail(problem, WIRE_INVALID, "csv_base64", "请给出文件内容（Base64）",
                         "give the file's bytes in base64");
    return decode_base64(*csv, csv_size, problem);
}

/* {"profile": "yaml", "csv_base64": "…"} */
static enum wire_status read_json(struct api_import *job, struct wire_bytes body, char **csv, size_t *csv_size,
                                  struct wire_problem *problem)
{
    json_t *object = link_json_parse((const char *)body.data, body.size, problem);
    enum wire_status status = object == NULL ? problem->status
                              : !json_is_object(object)
                                  ? wire_fail(problem, WIRE_SYNTAX, "body", "应为 JSON 对象", "should be a JSON object")
                                  : read_json_members(job, object, csv, csv_size, problem);
    json_decref(object);
    return status;
}

/* The body is the file; ?profile=NAME names a profile in the node's data folder. */
static enum wire_status read_plain(struct api_call *call, struct api_import *job, char **csv, size_t *csv_size,
                                   struct wire_problem *problem)
{
    const char *name = link_http_query(call->request, "profile");
    struct wire_bytes body = link_http_body(call->request);
    char path[512];
    size_t size;
    if (name == NULL || !api_profile_name_right(name))
        return wire_fail(problem, WIRE_INVALID, "profile", "请用 ?profile= 写明导入方案的名称，或在 JSON 中附上其文本",
                         "name the profile with ?profile=, or send its text in JSON");
    snprintf(path, sizeof path, "%s/profiles/%s.yaml", call->api->data, name);
    enum wire_status status = link_yaml_read(path, &job->profile_text, &size, problem);
    if (status != WIRE_OK)
        return status;
    *csv = malloc(body.size + 1);
    ENSURE(*csv != NULL);
    memcpy(*csv, body.data, body.size);
    *csv_size = body.size;
    return WIRE_OK;
}

static enum wire_status read_request(struct api_call *call, struct api_import *job, struct wire_problem *problem)
{
    const char *type = link_http_header(call->request, "Content-Type");
    bool is_json = type != NULL && strncmp(type, "application/json", 16) == 0;
    struct api_charset_text text = {0};
    char *csv = NULL;
    size_t csv_size = 0;
    enum wire_status status = is_json ? read_json(job, link_http_body(call->request), &csv, &csv_size, problem)
                                      : read_plain(call, job, &csv, &csv_size, problem);
    if (status == WIRE_OK)
        status = api_profile_read("profile", job->profile_text, strlen(job->profile_text), &job->profile, problem);
    if (status == WIRE_OK)
        status = api_charset_decode(wire_bytes(csv, csv_size), &text, problem);
    job->charset = text.charset;
    if (status == WIRE_OK)
        status = api_csv_read(&text, &job->csv, problem);
    free(csv);
    return status;
}

/* --- columns --- */

static enum wire_status need_column(struct api_import *job, const char *name, int *out, struct wire_problem *problem)
{
    struct wire_text headings = {.grow = realloc};
    *out = import_find_column(&job->csv, job->profile, name);
    if (name == NULL || *out >= 0)
        return WIRE_OK;
    for (uint32_t i = 0; i < job->csv.rows[0].count; i++)
        wire_text_format(&headings, "%s%s", i == 0 ? "" : ", ", api_csv_cell(&job->csv, &job->csv.rows[0], i));
    wire_failf(problem, WIRE_INVALID, name, "文件中没有“%.80s”列（有：%.200s）：请核对导入方案或列名",
               "the file has no column \"%.80s\" (it has: %.200s): check the profile or the headings", name,
               headings.data == NULL ? "" : headings.data);
    free(headings.data);
    return WIRE_INVALID;
}

static enum wire_status find_columns(struct api_import *job, struct wire_problem *problem)
{
    const struct api_profile *profile = job->profile;
    enum wire_status status = need_column(job, profile->issuer, &job->issuer, problem);
    if (status == WIRE_OK)
        status = need_column(job, profile->concerns, &job->concerns, problem);
    for (unsigned i = 0; status == WIRE_OK && i < profile->key_count; i++)
        status = need_column(job, profile->key[i], &job->key[i], problem);
    job->mechanism = import_find_column(&job->csv, profile, profile->mechanism);
    job->columns = calloc(profile->fields_count + 1, sizeof *job->columns);
    ENSURE(job->columns != NULL);
    for (unsigned i = 0; i < profile->fields_count; i++)
        job->columns[i] = (struct import_column){
            .column = import_find_column(&job->csv, profile, profile->fields[i].column),
            .when = import_find_column(&job->csv, profile, profile->fields[i].when),
        };
    import_columns_pair(job);
    return status;
}

static void prepare_rows(struct api_import *job)
{
    job->rows = calloc(job->csv.row_count, sizeof *job->rows);
    ENSURE(job->rows != NULL);
    for (size_t i = 0; i < job->csv.row_count; i++)
        job->rows[i].csv = &job->csv.rows[i];
    job->row_at = 1;
}

static enum wire_status check_role(struct api_call *call, const struct api_import *job, struct wire_problem *problem)
{
    if (job->profile->kind->number == WIRE_KIND_SUPPLY_REQUEST || api_may(call, API_DUTY))
        return WIRE_OK;
    return wire_fail(problem, WIRE_NOT_PERMITTED, "profile", "物资岗位只能导入物资类信息",
                     "logistics may import kinds of supplies only");
}

void api_post_import(struct api_call *call)
{
    struct api_import *job = job_new(call);
    struct wire_problem problem = {0};
    const char *dry_run = link_http_query(call->request, "dry_run");
    job->dry_run = dry_run != NULL && strcmp(dry_run, "0") != 0 && strcmp(dry_run, "false") != 0;
    enum wire_status status = read_request(call, job, &problem);
    if (status == WIRE_OK)
        status = check_role(call, job, &problem);
    if (status == WIRE_OK)
        status = find_columns(job, &problem);
    if (status != WIRE_OK) {
        problem.status = status;
        api_problem(call, &problem);
        job_free(job);
        return;
    }
    api_audit(call, job->dry_run ? "import-dry-run" : "import", "%s, %zu rows", job->profile->name,
              job->csv.row_count - 1);
    prepare_rows(job);
    job->request = call->request;
    call->request = NULL;
    go_on(job);
}
