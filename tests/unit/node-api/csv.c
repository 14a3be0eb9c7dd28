/* CSV as offices have it, and its encodings. */
#include "node/api/csv.h"
#include <criterion/criterion.h>

static enum wire_status read_bytes(const char *bytes, size_t size, struct api_csv *csv, const char **charset,
                                   struct wire_problem *problem)
{
    struct api_charset_text text;
    *csv = (struct api_csv){0};
    enum wire_status status = api_charset_decode(wire_bytes(bytes, size), &text, problem);
    if (status != WIRE_OK)
        return status;
    if (charset != NULL)
        *charset = text.charset;
    return api_csv_read(&text, csv, problem);
}

static struct api_csv read_text(const char *text)
{
    struct api_csv csv;
    struct wire_problem problem;
    cr_assert_eq(read_bytes(text, strlen(text), &csv, NULL, &problem), WIRE_OK, "%s", problem.en);
    return csv;
}

static const char *cell(const struct api_csv *csv, size_t row, size_t column)
{
    return api_csv_cell(csv, &csv->rows[row], column);
}

TestSuite(api_csv, .timeout = 20);

Test(api_csv, quotes_line_breaks_and_row_numbers)
{
    struct api_csv csv = read_text("a,b\r\n\"x\r\ny\",\"say \"\"no\"\"\"\r\n\r\n  ,\n1, 2 \n");
    cr_assert_eq(csv.row_count, 3);
    cr_expect_str_eq(cell(&csv, 1, 0), "x\r\ny");
    cr_expect_str_eq(cell(&csv, 1, 1), "say \"no\"");
    cr_expect_eq(csv.rows[1].number, 2);
    cr_expect_eq(csv.rows[2].number, 5, "blank rows count and are left out");
    cr_expect_str_eq(cell(&csv, 2, 1), "2");
    cr_expect_str_eq(cell(&csv, 2, 7), "", "beyond the last cell");
    api_csv_close(&csv);
}

Test(api_csv, other_ends_of_line_and_separators)
{
    static const char *const texts[] = {"a,b\r1,2\r", "a,b\n1,2", "a\tb\n1\t2\n", "a;b\r\n1;2\r\n", "a,b\r\n1,2"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct api_csv csv = read_text(texts[i]);
        cr_assert_eq(csv.row_count, 2, "%zu", i);
        cr_expect_str_eq(cell(&csv, 0, 1), "b");
        cr_expect_str_eq(cell(&csv, 1, 0), "1");
        cr_expect_str_eq(cell(&csv, 1, 1), "2");
        api_csv_close(&csv);
    }
}

Test(api_csv, full_width_blanks_are_blanks)
{
    struct api_csv csv = read_text("甲,乙\n　张三　,\xC2\xA0x\n");
    cr_expect_str_eq(cell(&csv, 1, 0), "张三");
    cr_expect_str_eq(cell(&csv, 1, 1), "x");
    api_csv_close(&csv);
}

Test(api_csv, damage_names_the_row)
{
    static const struct {
        const char *text, *where;
    } list[] = {{"a,b\n1,\"2\n3,4\n", "row 2"}, {"a,b\n\"1\"x,2\n", "row 2"}, {"", "csv"}, {"\n\n", "csv"}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct api_csv csv;
        struct wire_problem problem = {0};
        cr_expect_eq(read_bytes(list[i].text, strlen(list[i].text), &csv, NULL, &problem), WIRE_SYNTAX, "%zu", i);
        cr_expect_str_eq(problem.where, list[i].where);
        cr_expect_neq(problem.zh[0], '\0');
        cr_expect_neq(problem.en[0], '\0');
        api_csv_close(&csv);
    }
}

Test(api_csv, encodings)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *charset;
    } list[] = {
        {"\xE5\x9F\x8E,b\n1,2\n", 10, "UTF-8"},
        {"\xEF\xBB\xBF\xE5\x9F\x8E,b\n1,2\n", 13, "UTF-8"},
        {"\xB3\xC7,b\n1,2\n", 9, "GB18030"},
        {"\xFF\xFE\xCE\x57,\0b\0\n\0001\0,\0002\0", 16, "UTF-16LE"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct api_csv csv;
        struct wire_problem problem = {0};
        const char *charset = NULL;
        cr_assert_eq(read_bytes(list[i].bytes, list[i].size, &csv, &charset, &problem), WIRE_OK, "%zu %s", i,
                     problem.en);
        cr_expect_str_eq(charset, list[i].charset);
        cr_expect_str_eq(cell(&csv, 0, 0), "城");
        cr_expect_str_eq(cell(&csv, 1, 1), "2");
        api_csv_close(&csv);
    }
}

Test(api_csv, what_is_no_text)
{
    static const char bytes[] = "a,b\n\0,\n", bad[] = "\xFF\xFF\xFF";
    struct api_csv csv;
    struct wire_problem problem = {0};
    cr_expect_eq(read_bytes(bytes, sizeof bytes - 1, &csv, NULL, &problem), WIRE_SYNTAX);
    cr_expect_eq(read_bytes(bad, sizeof bad - 1, &csv, NULL, &problem), WIRE_SYNTAX);
    cr_expect_not_null(strstr(problem.en, "UTF-8"), "the remedy is named");
}

Test(api_csv, every_cut_of_a_file_ends_well)
{
    static const char text[] = "a,\"b\"\r\n\"x\"\"\r\ny\", \"z\" ,\n1,2\r\n";
    for (size_t size = 0; size < sizeof text; size++) {
        struct api_csv csv;
        struct wire_problem problem;
        char *cut = malloc(size + 1); /* exact: the sanitizer sees a step beyond it */
        memcpy(cut, text, size);
        read_bytes(cut, size, &csv, NULL, &problem);
        api_csv_close(&csv);
        free(cut);
    }
}
