/* CSV as offices send it, in any encoding, under the profiles of tests/data. Oracles: what was read lies in the text,
 * is UTF-8, within the limits; written with every cell quoted it is read as the same cells; the payload of rows is JSON
 * that the payload's reader takes or refuses with words. */
#include "link/json.h"
#include "node/api/import.h"
#include "target.h"
#include "wire/utf8.h"
#include <stdio.h>

static const char *const names[] = {"contact-notices-2020", "measures-2020", "supply-needs-2020"};

static const struct api_profile *profile_of(uint8_t which)
{
    static struct api_profile *profiles[3];
    which %= 3;
    if (profiles[which] != NULL)
        return profiles[which];
    char path[512], text[8192];
    snprintf(path, sizeof path, "%s/tests/data/profiles/%s.yaml", SOURCE_DIR, names[which]);
    FILE *file = fopen(path, "rb");
    ENSURE(file != NULL);
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    fclose(file);
    ENSURE(api_profile_read(names[which], text, size, &profiles[which], NULL) == WIRE_OK);
    return profiles[which];
}

static bool read(struct wire_bytes bytes, struct api_csv *out)
{
    struct api_charset_text text = {.text = NULL};
    struct wire_problem problem = {.status = WIRE_OK};
    enum wire_status status = api_charset_decode(bytes, &text, &problem);
    if (status == WIRE_OK) {
        ENSURE(wire_utf8_text((const uint8_t *)text.text, text.size) && strlen(text.text) == text.size);
        status = api_csv_read(&text, out, &problem);
    }
    ENSURE(status == WIRE_OK || (problem.zh[0] != '\0' && problem.en[0] != '\0'));
    return status == WIRE_OK;
}

static void add_quoted(struct wire_text *out, const char *cell)
{
    wire_text_add(out, "\"", 1);
    for (; *cell != '\0'; cell++) {
        wire_text_add(out, cell, 1);
        if (*cell == '"')
            wire_text_add(out, cell, 1);
    }
    wire_text_add(out, "\"", 1);
}

/* Rows that are blank were left out, cells lost the blanks around them: so the second reading is the first. */
static void ensure_same_again(const struct api_csv *csv)
{
    static char memory[512 * 1024];
    struct wire_text text = {.data = memory, .capacity = sizeof memory};
    struct api_csv again = {.text = NULL};
    for (size_t i = 0; i < csv->row_count; i++) {
        for (uint32_t j = 0; j < csv->rows[i].count; j++) {
            wire_text_string(&text, j > 0 ? "," : "");
            add_quoted(&text, api_csv_cell(csv, &csv->rows[i], j));
        }
        wire_text_string(&text, "\r\n");
    }
    if (text.cut)
        return;
    ENSURE(read(wire_bytes(text.data, text.size), &again) && again.row_count == csv->row_count);
    for (size_t i = 0; i < csv->row_count; i++)
        for (uint32_t j = 0; j < csv->rows[i].count; j++)
            ENSURE(strcmp(api_csv_cell(csv, &csv->rows[i], j), api_csv_cell(&again, &again.rows[i], j)) == 0);
    api_csv_close(&again);
}

static void ensure_right(const struct api_csv *csv)
{
    ENSURE(csv->row_count >= 1 && csv->row_count <= API_CSV_ROWS_MAX + 1);
    for (size_t i = 0; i < csv->row_count; i++) {
        const struct api_csv_row *row = &csv->rows[i];
        ENSURE(row->count <= API_CSV_COLUMNS_MAX && row->first + row->count <= csv->cell_count);
        ENSURE(i == 0 || row->number > csv->rows[i - 1].number);
        ENSURE(api_csv_cell(csv, row, row->count)[0] == '\0');
    }
}

/* What is read of the cells at once is what the reader of JSON makes of them. NULL: that is left to it. */
static void same_message(struct api_import *job, const uint32_t *rows, size_t count, const ProtobufCMessage *by_json,
                         const struct wire_text *noted)
{
    static uint8_t memory[1024 * 1024], packed[2][512 * 1024];
    struct wire_text content = {.grow = realloc};
    wire_arena_over(&job->arena, memory, sizeof memory);
    ProtobufCMessage *message = import_message(job, rows, count, &content);
    if (message != NULL) {
        ENSURE(by_json != NULL && content.size == noted->size &&
               (content.size == 0 || memcmp(content.data, noted->data, content.size) == 0));
        size_t size = protobuf_c_message_get_packed_size(message);
        ENSURE(size <= sizeof packed[0] && size == protobuf_c_message_get_packed_size(by_json));
        protobuf_c_message_pack(message, packed[0]);
        protobuf_c_message_pack(by_json, packed[1]);
        ENSURE(memcmp(packed[0], packed[1], size) == 0);
    }
    free(content.data);
}

static void payload_of(struct api_import *job, uint32_t row, size_t count)
{
    struct wire_text content = {.grow = realloc};
    struct wire_arena arena;
    struct wire_problem problem = {.status = WIRE_OK};
    const char *bad = "";
    uint32_t rows[2] = {row, row + 1}, concerns[IMPORT_CONCERNS_MAX];
    size_t concerned = 0;
    json_t *json = import_payload(job, rows, count, &content);
    ENSURE(json != NULL);
    fuzz_arena(0, 1024 * 1024, &arena);
    ProtobufCMessage *payload = link_json_value_to_message(job->profile->kind->payload, json, &arena, true, &problem);
    same_message(job, rows, count, payload, &content);
    if (payload == NULL)
        ENSURE(problem.zh[0] != '\0' && problem.en[0] != '\0' && import_column_of(job, problem.where) >= -1);
    if (!import_concerns(job, row, concerns, &concerned, &bad))
        ENSURE(bad != NULL);
    ENSURE(concerned <= IMPORT_CONCERNS_MAX);
    json_decref(json);
    free(content.data);
}

static void import(struct api_import *job, const struct api_profile *profile)
{
    static struct import_value values[2];
    job->profile = (struct api_profile *)(uintptr_t)profile;
    job->values = values;
    job->now_ms = INT64_C(1581472800000);
    job->columns = calloc(profile->fields_count + 1, sizeof *job->columns);
    job->rows = calloc(job->csv.row_count, sizeof *job->rows);
    ENSURE(job->columns != NULL && job->rows != NULL);
    for (unsigned i = 0; i < profile->fields_count; i++) {
        job->columns[i].column = import_find_column(&job->csv, profile, profile->fields[i].column);
        job->columns[i].when = import_find_column(&job->csv, profile, profile->fields[i].when);
    }
    import_columns_pair(job);
    job->concerns = import_find_column(&job->csv, profile, profile->concerns);
    for (size_t i = 0; i < job->csv.row_count; i++)
        job->rows[i].csv = &job->csv.rows[i];
    for (uint32_t i = 1; i < job->csv.row_count && i <= 2; i++) {
        uint32_t row = i == 1 ? 1 : (uint32_t)job->csv.row_count - 1; /* the last is often cut off */
        payload_of(job, row, row + 1 < job->csv.row_count && profile->entry_list != NULL ? 2 : 1);
    }
    for (size_t i = 0; i < job->csv.row_count; i++)
        free(job->rows[i].problem);
    free(job->columns);
    free(job->rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    struct api_import job = {.api = NULL};
    if (size > 32 * 1024)
        return 0;
    uint8_t which = fuzz_u8(&input);
    if (read(fuzz_rest(&input), &job.csv)) {
        ensure_right(&job.csv);
        ensure_same_again(&job.csv);
        import(&job, profile_of(which));
    }
    api_csv_close(&job.csv);
    return 0;
}
