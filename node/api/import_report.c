/* A report a person can work with: one item a row, what became of it, what to correct. */
#include "node/api/import.h"
#include "wire/personal.h"

static const char *const NAMES[] = {"queued", "queued", "update", "unchanged", "duplicate", "refused", "foreign"};

struct totals {
    size_t queued, updates, unchanged, refused_groups;
    size_t duplicates, refused, foreign;
};

static enum import_outcome outcome_of(const struct api_import *job, const struct import_row *row)
{
    return row->outcome != IMPORT_PENDING ? row->outcome : job->groups[row->group].outcome;
}

static struct totals count(const struct api_import *job)
{
    struct totals totals = {0};
    for (size_t i = 1; i < job->csv.row_count; i++) {
        enum import_outcome outcome = outcome_of(job, &job->rows[i]);
        totals.duplicates += outcome == IMPORT_DUPLICATE;
        totals.refused += outcome == IMPORT_REFUSED;
        totals.foreign += outcome == IMPORT_FOREIGN;
    }
    for (size_t i = 0; i < job->group_count; i++) {
        totals.queued += job->groups[i].outcome == IMPORT_QUEUED;
        totals.updates += job->groups[i].outcome == IMPORT_UPDATE;
        totals.unchanged += job->groups[i].outcome == IMPORT_UNCHANGED;
    }
    return totals;
}

/* The cell that a problem is about, masked where the field is personal: reports are passed around. */
static void put_cell(struct api_json *json, const struct api_import *job, const struct import_row *row)
{
    char scratch[WIRE_MASK_SCRATCH];
    const char *value = api_csv_cell(&job->csv, row->csv, row->column_index);
    enum wire_mask mask = WIRE_MASK_NUMBERS;
    for (unsigned i = 0; i < job->profile->fields_count; i++) {
        const struct api_profile_field *field = &job->profile->fields[i];
        const struct wire_field *known = wire_field_of(field->path[field->depth - 1]);
        if (job->columns[i].column == (int)row->column_index && known != NULL && known->mask != WIRE_MASK_NONE)
            mask = known->mask;
    }
    const char *masked = wire_mask(mask, value, scratch, sizeof scratch);
    api_json_text(json, "column", row->column);
    api_json_text(json, "value", masked != NULL ? masked : value);
}

static void put_problem(struct api_json *json, const struct wire_problem *problem)
{
    api_json_text(json, "status", problem->status == WIRE_OK ? "remark" : wire_status_name(problem->status));
    api_json_text(json, "field", problem->where);
    api_json_text(json, "zh", problem->zh[0] ? problem->zh : wire_status_text(problem->status, WIRE_CHINESE));
    api_json_text(json, "en", problem->en[0] ? problem->en : wire_status_text(problem->status, WIRE_ENGLISH));
}

static void put_duplicate(struct api_json *json, uint32_t of)
{
    char text[80];
    struct wire_text out = {.data = text, .capacity = sizeof text};
    api_json_unsigned(json, "of", of);
    wire_text_format(&out, "与第 %u 行完全相同，未重复导入", of);
    api_json_text(json, "zh", text);
    out = (struct wire_text){.data = text, .capacity = sizeof text};
    wire_text_format(&out, "the same as row %u; not imported twice", of);
    api_json_text(json, "en", text);
}

static void put_group(struct api_json *json, const struct import_group *group)
{
    if (group->outcome != IMPORT_REFUSED || group->number.serial != 0)
        api_json_id(json, "id", group->id);
    api_json_number_text(json, "number", group->number);
}

static void put_item(struct api_json *json, const struct api_import *job, const struct import_row *row)
{
    const struct import_group *group = row->outcome == IMPORT_PENDING ? &job->groups[row->group] : NULL;
    const struct wire_problem *problem = group != NULL && group->problem != NULL ? group->problem : row->problem;
    api_json_open(json, NULL);
    api_json_unsigned(json, "row", row->csv->number);
    api_json_text(json, "result", NAMES[outcome_of(job, row)]);
    if (group != NULL)
        put_group(json, group);
    if (row->outcome == IMPORT_DUPLICATE)
        put_duplicate(json, row->duplicate_of);
    else if (problem != NULL)
        put_problem(json, problem);
    if (problem == row->problem && row->column != NULL)
        put_cell(json, job, row);
    api_json_end(json);
}

static void put_missing_columns(struct api_json *json, const struct api_import *job)
{
    api_json_list(json, "missing_columns");
    for (unsigned i = 0; i < job->profile->fields_count; i++) {
        const struct api_profile_field *field = &job->profile->fields[i];
        if (field->column != NULL && job->columns[i].column < 0)
            api_json_text(json, NULL, field->column);
    }
    api_json_list_end(json);
}

void import_report(struct api_import *job, struct api_json *json)
{
    struct totals totals = count(job);
    api_json_open(json, NULL);
    if (job->store_full) {
        struct wire_problem problem;
        wire_fail(&problem, WIRE_STORE_FULL, "", "存储已满，部分行未能排队：腾出空间后再次导入同一文件即可，不会重复",
                  "the store is full and some rows could not be queued: make room and import the same file again; "
                  "nothing is repeated");
        api_json_problem(json, &problem);
    }
    api_json_text(json, "profile_name", job->profile->name);
    api_json_text(json, "kind", job->profile->kind->name);
    api_json_text(json, "charset", job->charset);
    api_json_bool(json, "dry_run", job->dry_run);
    api_json_unsigned(json, "rows", job->csv.row_count - 1);
    api_json_unsigned(json, "envelopes", job->group_count);
    api_json_unsigned(json, "queued", totals.queued);
    api_json_unsigned(json, "updates", totals.updates);
    api_json_unsigned(json, "unchanged", totals.unchanged);
    api_json_unsigned(json, "duplicates", totals.duplicates);
    api_json_unsigned(json, "refused", totals.refused);
    api_json_unsigned(json, "foreign", totals.foreign);
    put_missing_columns(json, job);
    api_json_list(json, "items");
    for (size_t i = 1; i < job->csv.row_count; i++)
        put_item(json, job, &job->rows[i]);
    api_json_list_end(json);
    api_json_text(json, "profile", job->profile_text); /* printed with the report: what the office's constants were */
    api_json_end(json);
}
