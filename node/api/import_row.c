/* One row: whose it is, whether it is right, whether it was there before, which envelope it belongs to. */
#include "link/json.h"
#include "node/api/import.h"
#include "wire/personal.h"
#include "wire/region.h"
#include <stdio.h>

static struct wire_problem *keep(const struct wire_problem *problem)
{
    struct wire_problem *kept = malloc(sizeof *kept);
    ENSURE(kept != NULL);
    *kept = *problem;
    return kept;
}

void import_row_refuse(struct api_import *job, uint32_t row, const struct wire_problem *problem)
{
    struct import_row *at = &job->rows[row];
    int column = import_column_of(job, problem->where);
    free(at->problem);
    at->outcome = IMPORT_REFUSED;
    at->problem = keep(problem);
    at->column = column < 0 ? NULL : api_csv_cell(&job->csv, &job->csv.rows[0], (size_t)column);
    at->column_index = (uint32_t)column;
}

static void refuse_cell(struct api_import *job, uint32_t row, int column, const struct wire_problem *problem)
{
    import_row_refuse(job, row, problem);
    job->rows[row].column = api_csv_cell(&job->csv, &job->csv.rows[0], (size_t)column);
    job->rows[row].column_index = (uint32_t)column;
}

/* --- whose --- */

static uint32_t region_of(const char *text)
{
    uint32_t region = wire_region_parse(text, strlen(text));
    if (region == 0)
        region = wire_region_by_name(text, 0);
    return wire_region_find(region) == NULL ? 0 : region;
}

/* Whether this node speaks for the region: itself, or one below it that no nearer node speaks for. The nation's node
 * speaks for the nation alone here: a province's list is not its own. */
static bool speaks_for(const struct api *api, uint32_t region)
{
    for (uint32_t at = region; at != 0; at = wire_region_upper(at)) {
        if (at == api->region)
            return at != WIRE_REGION_NATION || region == WIRE_REGION_NATION;
        if (api->backend.enrolled(api->backend.context, at))
            return false;
    }
    return false;
}

static bool find_issuer(struct api_import *job, uint32_t row)
{
    struct import_row *at = &job->rows[row];
    struct wire_problem problem;
    at->issuer = job->api->region;
    if (job->issuer < 0)
        return true;
    const char *cell = import_cell(job, row, job->issuer);
    at->issuer = region_of(cell);
    if (at->issuer == 0) {
        wire_failf(&problem, WIRE_UNKNOWN_REGION, job->profile->issuer,
                   "“%.60s”不是行政区划代码或全国唯一的地区名称，请按 GB/T 2260 填写六位代码",
                   "\"%.60s\" is no region code or name that only one region bears; give the six digits of GB/T 2260",
                   cell);
        refuse_cell(job, row, job->issuer, &problem);
        return false;
    }
    if (speaks_for(job->api, at->issuer))
        return true;
    wire_failf(&problem, WIRE_NOT_ISSUER, job->profile->issuer,
               "%06u 不由本节点（%06u）发布：请在该地区的节点导入，本行未导入",
               "%06u does not publish through this node (%06u): import it at that region's node; this row was left out",
               at->issuer, job->api->region);
    refuse_cell(job, row, job->issuer, &problem);
    at->outcome = IMPORT_FOREIGN;
    return false;
}

/* --- right --- */

struct concerns {
    uint32_t *out;
    size_t count;
    const char *bad;
};

static bool take_region(void *context, const char *piece, size_t size)
{
    struct concerns *concerns = context;
    char text[80];
    snprintf(text, sizeof text, "%.*s", (int)size, piece);
    uint32_t region = region_of(text);
    if (region == 0 || concerns->count == IMPORT_CONCERNS_MAX) {
        concerns->bad = piece;
        return false;
    }
    for (size_t i = 0; i < concerns->count; i++)
        if (concerns->out[i] == region)
            return true;
    concerns->out[concerns->count++] = region;
    return true;
}

bool import_concerns(const struct api_import *job, uint32_t row, uint32_t out[IMPORT_CONCERNS_MAX], size_t *count,
                     const char **bad)
{
    struct concerns concerns = {.out = out};
    import_split(import_cell(job, row, job->concerns), take_region, &concerns);
    *count = concerns.count;
    *bad = concerns.bad;
    return concerns.bad == NULL;
}

static bool check_concerns(struct api_import *job, uint32_t row)
{
    uint32_t regions[IMPORT_CONCERNS_MAX];
    struct wire_problem problem;
    const char *bad;
    size_t count;
    if (!import_concerns(job, row, regions, &count, &bad))
        wire_failf(&problem, WIRE_UNKNOWN_REGION, job->profile->concerns,
                   "“%.60s”不是行政区划代码或全国唯一的地区名称，请按 GB/T 2260 填写六位代码",
                   "\"%.60s\" is no region code or name that only one region bears; give the six digits of GB/T 2260",
                   bad);
    else if (job->profile->kind->persons && count != 1)
        wire_fail(&problem, WIRE_ONE_REGION, job->profile->concerns,
                  "涉及个人的信息须写明一个、且只能一个关联地区；多个地区请分成几行",
                  "a kind with persons concerns exactly one region; give one row a region");
    else
        return true;
    if (job->concerns >= 0)
        refuse_cell(job, row, job->concerns, &problem);
    else
        import_row_refuse(job, row, &problem);
    return false;
}

static bool check_width(struct api_import *job, uint32_t row)
{
    const struct api_csv_row *csv = job->rows[row].csv;
    struct wire_problem problem;
    uint32_t headings = job->csv.rows[0].count;
    for (uint32_t i = headings; i < csv->count; i++)
        if (api_csv_cell(&job->csv, csv, i)[0] != '\0') {
            wire_failf(&problem, WIRE_INVALID, "row", "本行有 %u 个单元格，列名只有 %u 个：含逗号的内容请加引号",
                       "this row has %u cells and there are %u headings: put cells with commas in quotes", csv->count,
                       headings);
            import_row_refuse(job, row, &problem);
            return false;
        }
    return true;
}

static bool check_mechanism(struct api_import *job, uint32_t row)
{
    const char *cell = import_cell(job, row, job->mechanism);
    struct wire_problem problem;
    if (strspn(cell, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(cell) &&
        strlen(cell) <= WIRE_MECHANISM_BYTES_MAX)
        return true;
    wire_failf(&problem, WIRE_NO_MECHANISM, job->profile->mechanism, "“%.60s”不是机制代号，应如 yangtze-delta",
               "\"%.60s\" is no mechanism's id, which is like yangtze-delta", cell);
    refuse_cell(job, row, job->mechanism, &problem);
    return false;
}

void import_row_forget(struct import_row *row)
{
    void *data = (void *)(uintptr_t)row->payload.data;
    if (data != NULL)
        explicit_bzero(data, row->payload.size); /* it may be about persons */
    free(data);
    row->payload = (struct wire_bytes){0};
}

/* Most rows are an envelope of their own, which need not be read and checked a second time. */
static void keep_payload(struct api_import *job, struct import_row *row, const ProtobufCMessage *payload)
{
    size_t size = protobuf_c_message_get_packed_size(payload);
    if (size == 0 || job->kept_bytes + size > IMPORT_KEPT_BYTES)
        return;
    uint8_t *data = malloc(size);
    ENSURE(data != NULL);
    row->payload = wire_bytes(data, protobuf_c_message_pack(payload, data));
    job->kept_bytes += size;
}

/* The row alone, as if it were an envelope: what is wrong then is wrong with this row. */
static bool check_payload(struct api_import *job, uint32_t row)
{
    const struct wire_kind *kind = job->profile->kind;
    struct wire_problem problem = {0};
    size_t mark = wire_arena_mark(&job->arena);
    ProtobufCMessage *payload = import_read(job, &row, 1, job->rows[row].content, &problem);
    enum wire_status status = payload == NULL ? problem.status : kind->check(payload, job->now_ms, &problem);
    if (status == WIRE_OK)
        keep_payload(job, &job->rows[row], payload);
    wire_arena_back(&job->arena, mark);
    if (status == WIRE_OK)
        return true;
    problem.status = status;
    import_row_refuse(job, row, &problem);
    return false;
}

/* --- the same, again --- */

static void put_piece(struct wire_text *text, const char *piece)
{
    wire_text_format(text, "%zu:", strlen(piece));
    wire_text_string(text, piece);
}

static bool is_new(struct api_import *job, uint32_t row)
{
    struct wire_text text = {.grow = realloc};
    uint8_t digest[32];
    for (uint32_t i = 0; i < job->csv.rows[0].count; i++)
        put_piece(&text, api_csv_cell(&job->csv, job->rows[row].csv, i));
    job->api->backend.sha256(job->api->backend.context, wire_bytes(text.data, text.size), digest);
    free(text.data);
    uint32_t before = import_index_put(&job->contents, digest, row);
    if (before == 0)
        return true;
    job->rows[row].outcome = IMPORT_DUPLICATE;
    job->rows[row].duplicate_of = job->rows[before].csv->number;
    return false;
}

/* Rows of one key are one envelope; without a list of entries only one row may have it. */
static void join(struct api_import *job, uint32_t row)
{
    struct wire_text text = {.grow = realloc};
    uint8_t digest[32];
    put_piece(&text, job->profile->kind->name);
    for (unsigned i = 0; i < job->profile->key_count; i++)
        put_piece(&text, import_cell(job, row, job->key[i]));
    put_piece(&text, import_cell(job, row, job->mechanism));
    job->api->backend.import_key(job->api->backend.context, wire_bytes(text.data, text.size), digest);
    free(text.data);
    uint32_t found = import_index_put(&job->keys, digest, (uint32_t)job->group_count + 1);
    if (found == 0) {
        if (job->group_count == job->group_capacity) {
            job->group_capacity = 2 * job->group_capacity + 64;
            job->groups = realloc(job->groups, job->group_capacity * sizeof *job->groups);
            ENSURE(job->groups != NULL);
        }
        struct import_group *group = &job->groups[job->group_count++];
        *group = (struct import_group){.first_row = row, .last_row = row};
        memcpy(group->key, digest, sizeof digest);
        job->rows[row].group = (uint32_t)job->group_count - 1;
        return;
    }
    struct import_group *group = &job->groups[found - 1];
    if (job->profile->entry_list == NULL) {
        struct wire_problem problem;
        wire_failf(&problem, WIRE_EXISTS, "key", "与第 %u 行的键相同而内容不同，一个键只能有一行：请合并或改正",
                   "has the key of row %u with other content; one key, one row: merge or correct them",
                   job->rows[group->first_row].csv->number);
        import_row_refuse(job, row, &problem);
        return;
    }
    job->rows[group->last_row].next = row;
    group->last_row = row;
    job->rows[row].group = found - 1;
}

void import_row(struct api_import *job, uint32_t row)
{
    if (find_issuer(job, row) && check_width(job, row) && check_concerns(job, row) && check_mechanism(job, row) &&
        check_payload(job, row) && is_new(job, row))
        join(job, row);
}
