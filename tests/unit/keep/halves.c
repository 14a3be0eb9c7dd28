/* The two halves of the journal, by what keep_journal_read finds. */
#include "keep/journal.h"
#include "stores.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char *folder;
static struct keep_pending pending;
static struct keep_journal journal;
static uint64_t ticket;

static void open_journal(void)
{
    memset(&journal, 0, sizeof journal);
    cr_assert(keep_journal_open(&journal, folder));
}

static void setup(void)
{
    folder = test_folder();
    ticket = 0;
    keep_pending_init(&pending);
    open_journal();
}

static void teardown(void)
{
    keep_journal_close(&journal);
    keep_pending_close(&pending);
    test_folder_remove(folder);
}

TestSuite(keep_halves, .init = setup, .fini = teardown, .timeout = 60);

static struct keep_appended *group(size_t value_bytes)
{
    static uint8_t value[20 * 1024 * 1024];
    char key[16];
    snprintf(key, sizeof key, "%u", (unsigned)++ticket);
    struct wire_row row = {T_A, false, text(key), wire_bytes(value, value_bytes)};
    struct keep_appended *appended = keep_pending_take(&pending, &row, 1, ticket);
    cr_assert_not_null(appended);
    return appended;
}

/* `count` records, each of one row whose key is its number. */
static void write_records(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(keep_journal_write(&journal, group(100)), 0);
}

static char seen[256];

static int visit(void *context, const struct wire_row *row)
{
    (void)context;
    size_t at = strlen(seen);
    snprintf(seen + at, sizeof seen - at, "%.*s ", (int)row->key.size, (const char *)row->key.data);
    return 0;
}

/* What a start finds when LMDB has everything up to `number`; "damage". */
static const char *found_above(uint64_t number)
{
    keep_journal_close(&journal);
    open_journal();
    *seen = '\0';
    enum wire_status status = keep_journal_read(&journal, number, visit, NULL);
    cr_assert(status == WIRE_OK || status == WIRE_DAMAGED);
    return status == WIRE_OK ? seen : "damage";
}

static void spoil(uint64_t at)
{
    uint8_t byte;
    cr_assert_eq(pread(journal.fd, &byte, 1, (off_t)at), 1);
    byte ^= 1;
    cr_assert_eq(pwrite(journal.fd, &byte, 1, (off_t)at), 1);
}

enum { BLOCK = 4096, SECOND = KEEP_JOURNAL_HALF_BYTES, IN_A_RECORD = 40 };

Test(keep_halves, one_after_the_other)
{
    write_records(2);
    keep_journal_turn(&journal);
    write_records(1);
    cr_expect_str_eq(found_above(0), "1 2 3 ", "LMDB was getting the first half");
    cr_expect_str_eq(found_above(1), "2 3 ");
    cr_expect_str_eq(found_above(2), "3 ", "LMDB had it");
    cr_expect_str_eq(found_above(3), "");
    cr_expect_eq(journal.number, 3);
}

Test(keep_halves, what_was_left_from_an_earlier_round_is_passed_over)
{
    write_records(3);
    keep_journal_turn(&journal);
    write_records(2);
    keep_journal_turn(&journal);
    write_records(1); /* over the first of three */
    cr_expect_str_eq(found_above(3), "4 5 6 ", "the second half has the older ones");
    cr_expect_str_eq(found_above(5), "6 ");
    cr_expect_str_eq(found_above(6), "");
    cr_expect_str_eq(found_above(2), "damage",
                     "the third is there, behind a later one: LMDB is older than the journal");
}

Test(keep_halves, nothing_written_since_the_turn)
{
    write_records(2);
    keep_journal_turn(&journal);
    write_records(2);
    keep_journal_turn(&journal);
    cr_expect_str_eq(found_above(2), "3 4 ");
    cr_expect_str_eq(found_above(4), "");
}

Test(keep_halves, only_the_last_record_of_all_may_be_broken)
{
    write_records(2);
    keep_journal_turn(&journal);
    write_records(2);
    keep_journal_turn(&journal);
    write_records(1);
    spoil(IN_A_RECORD);
    cr_expect_str_eq(found_above(2), "3 4 ", "the fifth was promised to nobody");
    spoil(IN_A_RECORD);
    cr_expect_str_eq(found_above(2), "3 4 5 ");
    spoil(SECOND + BLOCK + IN_A_RECORD);
    cr_expect_str_eq(found_above(2), "damage", "the fourth has a fifth behind it");
    spoil(SECOND + BLOCK + IN_A_RECORD);
    spoil(SECOND + IN_A_RECORD);
    cr_expect_str_eq(found_above(2), "damage", "so has the third");
    cr_expect_str_eq(found_above(3), "damage", "the fourth stands behind what cannot be read");
    cr_expect_str_eq(found_above(4), "5 ", "LMDB has both");
}

Test(keep_halves, after_a_start_the_first_half_comes_first)
{
    write_records(2);
    keep_journal_turn(&journal);
    write_records(2);
    cr_expect_str_eq(found_above(0), "1 2 3 4 ");
    ticket = 4;
    write_records(2); /* LMDB has what was found */
    cr_expect_str_eq(found_above(4), "5 6 ");
}

Test(keep_halves, a_large_group_goes_into_the_second_half)
{
    struct keep_appended *large = group(KEEP_JOURNAL_HALF_BYTES);
    cr_expect_not(keep_journal_fits(&journal, large));
    keep_journal_turn(&journal);
    cr_expect(keep_journal_fits(&journal, large));
    cr_assert_eq(keep_journal_write(&journal, large), 0);
    cr_expect(keep_journal_fits(&journal, large));
    keep_journal_turn(&journal);
    write_records(1);
    cr_expect_str_eq(found_above(0), "1 2 ");
}
