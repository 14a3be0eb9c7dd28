/* Cells that become a message at once: what the reader of JSON would have made of them, or nothing. */
#include "link/json.h"
#include "node/api/import.h"
#include "support.h"

enum { ARENA_BYTES = 1024 * 1024 };

static struct api_import job;
static uint8_t memory[ARENA_BYTES];
static struct import_value values[2];

static void open_job(const char *profile, const char *csv, size_t size)
{
    char path[512];
    struct api_charset_text text = {.text = NULL};
    job = (struct api_import){.values = values, .now_ms = INT64_C(1581472800000)};
    snprintf(path, sizeof path, TEST_DATA "/profiles/%s.yaml", profile);
    size_t profile_size;
    job.profile_text = read_file(path, &profile_size);
    cr_assert_eq(api_profile_read(profile, job.profile_text, profile_size, &job.profile, NULL), WIRE_OK);
    cr_assert_eq(api_charset_decode(wire_bytes(csv, size), &text, NULL), WIRE_OK);
    cr_assert_eq(api_csv_read(&text, &job.csv, NULL), WIRE_OK);
    job.rows = calloc(job.csv.row_count, sizeof *job.rows);
    job.columns = calloc(job.profile->fields_count + 1, sizeof *job.columns);
    cr_assert(job.rows != NULL && job.columns != NULL);
    for (unsigned i = 0; i < job.profile->fields_count; i++) {
        job.columns[i].column = import_find_column(&job.csv, job.profile, job.profile->fields[i].column);
        job.columns[i].when = import_find_column(&job.csv, job.profile, job.profile->fields[i].when);
    }
    import_columns_pair(&job);
    for (size_t i = 0; i < job.csv.row_count; i++)
        job.rows[i].csv = &job.csv.rows[i];
}

static void close_job(void)
{
    for (size_t i = 0; i < job.csv.row_count; i++)
        free(job.rows[i].problem);
    free(job.rows);
    free(job.columns);
    free(job.profile_text);
    api_profile_close(&job.profile);
    api_csv_close(&job.csv);
}

/* Whether it is read at once; both ways agree. */
static bool same(const uint32_t *rows, size_t count)
{
    static uint8_t packed[2][ARENA_BYTES / 2];
    struct wire_text noted[2] = {{.grow = realloc}, {.grow = realloc}};
    wire_arena_over(&job.arena, memory, sizeof memory);
    ProtobufCMessage *message = import_message(&job, rows, count, &noted[0]);
    json_t *json = import_payload(&job, rows, count, &noted[1]);
    ProtobufCMessage *by_json = link_json_value_to_message(job.profile->kind->payload, json, &job.arena, true, NULL);
    cr_assert(message == NULL || by_json != NULL);
    if (message != NULL) {
        size_t size = protobuf_c_message_pack(message, packed[0]);
        cr_assert_eq(protobuf_c_message_pack(by_json, packed[1]), size);
        cr_expect_arr_eq(packed[0], packed[1], size);
        cr_assert_eq(noted[0].size, noted[1].size);
        cr_expect_arr_eq(noted[0].data, noted[1].data, noted[0].size);
    }
    cr_expect(message != NULL || by_json == NULL, "row %u is right and was left to JSON",
              job.rows[rows[0]].csv->number);
    json_decref(json);
    free(noted[0].data);
    free(noted[1].data);
    return message != NULL;
}

static size_t read_real(const char *name)
{
    char path[512];
    size_t size, taken = 0;
    snprintf(path, sizeof path, TEST_DATA "/2020/%s.csv", name);
    char *csv = read_file(path, &size);
    open_job(name, csv, size);
    for (uint32_t row = 1; row < job.csv.row_count; row++)
        taken += same(&row, 1);
    for (uint32_t row = 1; job.profile->entry_list != NULL && row + 2 < job.csv.row_count; row += 3)
        same((uint32_t[]){row, row + 1, row + 2}, 3);
    close_job();
    free(csv);
    return taken;
}

Test(import_message, the_files_of_2020_need_no_json)
{
    cr_expect_gt(read_real("contact-notices-2020"), 0);
    cr_expect_gt(read_real("supply-needs-2020"), 0);
    cr_expect_gt(read_real("measures-2020"), 0);
}

static bool contact(const char *sex, const char *day)
{
    char csv[1024];
    int size =
        snprintf(csv, sizeof csv,
                 "病例编号,通报地区,关联地区,性别,年龄,发病日期,确诊日期,行程日期,交通方式,出发地,到达地,密接人数\n"
                 "c1,310000,330000,%s,40,2020-01-19,2020-01-26,%s,自驾,310000,330000,3\n",
                 sex, day);
    open_job("contact-notices-2020", csv, (size_t)size);
    bool taken = same((uint32_t[]){1}, 1);
    close_job();
    return taken;
}

Test(import_message, what_is_wrong_is_left_to_json)
{
    cr_expect(contact("男", "2020-01-21"));
    cr_expect_not(contact("公", "2020-01-21"), "no such word");
    cr_expect_not(contact("男", "2020-02-31"), "no such day");
}
