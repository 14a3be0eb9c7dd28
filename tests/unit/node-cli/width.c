/* Widths of Chinese, fitted tables, wrapped texts, harmless texts. */
#include "node/cli/table.h"
#include "node/cli/text.h"
#include "run.h"
#include <stdlib.h>

static struct wire_text text;

static void setup(void)
{
    text = (struct wire_text){.grow = realloc};
}

static void teardown(void)
{
    free(text.data);
}

TestSuite(width, .init = setup, .fini = teardown);

Test(width, of_texts)
{
    cr_expect_eq(cli_width(""), 0);
    cr_expect_eq(cli_width("abc"), 3);
    cr_expect_eq(cli_width("温州市"), 6);
    cr_expect_eq(cli_width("G7302 次"), 8);
    cr_expect_eq(cli_width("（）"), 4);
    cr_expect_eq(cli_width("e\xcc\x81"), 1); /* e and a combining accent */
    cr_expect_eq(cli_width("\xff\xfe"), 2);  /* no UTF-8 */
    cr_expect_eq(cli_width("𠀀"), 2);        /* beyond the BMP */
}

Test(width, fitting_never_splits_a_character)
{
    size_t width;
    cr_expect_eq(cli_fit("温州市", 5, &width), 6);
    cr_expect_eq(width, 4);
    cr_expect_eq(cli_fit("温州市", 1, &width), 0);
    cr_expect_eq(cli_fit("ab", 9, &width), 2);
}

Test(width, what_others_wrote_cannot_move_the_cursor)
{
    cli_text_clean(&text,
                   "a\x1b[31mb\r\nc\xc2\x9b"
                   "d\xe2\x80\xae"
                   "e\xff",
                   false);
    cr_expect_str_eq(text.data, "a\xef\xbf\xbd[31mb c\xef\xbf\xbd"
                                "d\xef\xbf\xbd"
                                "e\xef\xbf\xbd");
}

Test(width, wrapping)
{
    cli_text_wrap(&text, "对经省际道口来沪的车辆逐车查验，测温。", 20, 2);
    cr_expect_str_eq(text.data, "对经省际道口来沪的车\n  辆逐车查验，测温。");
}

Test(width, no_line_begins_with_a_full_stop)
{
    cli_text_wrap(&text, "一二三四五六七八九十。", 20, 0);
    cr_expect_str_eq(text.data, "一二三四五六七八九\n十。");
}

Test(width, wrapping_words_and_a_word_that_is_too_long)
{
    cli_text_wrap(&text, "the quick brown fox 0123456789abcdef", 10, 0);
    cr_expect_str_eq(text.data, "the quick\nbrown fox\n0123456789\nabcdef");
}

static const struct cli_column columns[] = {{"编号", "Number", false, false},
                                            {"标题", "Title", false, true},
                                            {"数", "Count", true, false},
                                            {"空", "Empty", false, false}};

static void fill(struct cli_table *table)
{
    cli_table_open(table, columns, 4);
    cli_table_add(table, (const char *[]){"1", "黄梅县医院防护物资需求", "5", ""});
    cli_table_add(table, (const char *[]){"22", "masks", "1000", NULL});
}

Test(width, a_table_of_chinese_stands_straight)
{
    struct cli_table table;
    fill(&table);
    cli_table_write(&text, &table, WIRE_CHINESE, 0, 0);
    cr_expect_str_eq(text.data, "编号  标题                      数\n"
                                "1     黄梅县医院防护物资需求     5\n"
                                "22    masks                   1000\n");
    cli_table_close(&table);
}

Test(width, a_narrow_terminal_cuts_what_may_be_cut)
{
    struct cli_table table;
    fill(&table);
    cli_table_write(&text, &table, WIRE_ENGLISH, 25, 0);
    cr_expect_str_eq(text.data, "Number  Title       Count\n"
                                "1       黄梅县医…       5\n"
                                "22      masks        1000\n");
    cli_table_close(&table);
}

Test(width, a_terminal_of_no_use_cuts_nothing_that_may_not)
{
    struct cli_table table;
    fill(&table);
    cli_table_write(&text, &table, WIRE_ENGLISH, 3, 0);
    has(text.data, "Number");
    has(text.data, "1000");
    cli_table_close(&table);
}
