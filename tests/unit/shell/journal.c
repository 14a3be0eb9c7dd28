/* Tickets of the core and rows of the shell's own between them; what a store that fails means. */
#include "keep/memory.h"
#include "shell/rest.h"
#include "shell/shell.h"

#include <criterion/criterion.h>
#include <sysexits.h>

static struct shell shell;

static void open_shell(void)
{
    static const char *const tables[] = {"one"};
    struct keep_options options = {.application = "test",
                                   .format = 1,
                                   .format_oldest = 1,
                                   .tables = tables,
                                   .table_count = 1,
                                   .map_bytes_max = 1 << 20};
    shell = (struct shell){.words = {"test", "读", "cannot read", "写", "cannot write"}};
    shell_open_crypto(&shell);
    shell.daykeys = daykeys_open_memory();
    cr_assert_eq(keep_open_memory(&options, false, &shell.keep, NULL), WIRE_OK);
}

static void close_shell(void)
{
    keep_close(&shell.keep);
    shell_close(&shell);
    shell_close(&shell);
}

TestSuite(journal, .init = open_shell, .fini = close_shell);
TestSuite(rest, .init = open_shell, .fini = close_shell);

static struct wire_row row_of(const char *key)
{
    return (struct wire_row){.table = 0, .key = wire_bytes(key, strlen(key)), .value = wire_bytes("x", 1)};
}

Test(journal, a_ticket_of_the_core_is_told_once)
{
    uint64_t ticket = 99;
    struct wire_row row = row_of("a");
    cr_expect_not(shell_newly_committed(&shell, &ticket));
    shell_append(&shell, &row, 1, 1);
    cr_expect_eq(shell_committed(&shell), 0, "appended is not durable");
    cr_expect_not(shell_newly_committed(&shell, &ticket));
    cr_assert_eq(keep_sync(shell.keep), WIRE_OK);
    cr_expect(shell_newly_committed(&shell, &ticket));
    cr_expect_eq(ticket, 1);
    cr_expect_not(shell_newly_committed(&shell, &ticket), "told already");
}

Test(journal, own_rows_stand_between_the_tickets_of_the_core)
{
    uint64_t ticket;
    struct wire_row a = row_of("a"), b = row_of("b"), c = row_of("c");
    shell_append(&shell, &a, 1, 1);
    shell_append_own(&shell, &b, 1);
    shell_append_own(&shell, &c, 1);
    cr_assert_eq(keep_sync(shell.keep), WIRE_OK);
    cr_expect(shell_newly_committed(&shell, &ticket));
    cr_expect_eq(ticket, 1, "two rows of the shell's own are no ticket of the core");
    shell_append_own(&shell, &a, 1);
    cr_assert_eq(keep_sync(shell.keep), WIRE_OK);
    cr_expect_not(shell_newly_committed(&shell, &ticket));
    shell_append(&shell, &b, 1, 2);
    cr_assert_eq(keep_sync(shell.keep), WIRE_OK);
    cr_expect(shell_newly_committed(&shell, &ticket));
    cr_expect_eq(ticket, 2);
}

Test(journal, a_failed_commit_ends_the_process, .exit_code = EX_IOERR)
{
    uint64_t ticket;
    struct wire_row row = row_of("a");
    keep_memory_fail_at(shell.keep, 1);
    shell_append(&shell, &row, 1, 1);
    keep_sync(shell.keep);
    shell_newly_committed(&shell, &ticket);
}

Test(journal, a_full_disk_says_that_trying_again_may_help, .exit_code = EX_TEMPFAIL)
{
    struct wire_row row = row_of("a");
    keep_memory_disk_full(shell.keep, true);
    shell_append(&shell, &row, 1, 1);
}

Test(rest, what_is_sealed_opens_in_its_row_only)
{
    enum { DAY = 20200207, SIZE = 5 };
    uint8_t room[SIZE + CERT_REST_OVERHEAD], copy[sizeof(room)], key[DAYKEY_BYTES];
    struct wire_bytes plain, row = wire_bytes("row", 3);
    memcpy(room + CERT_REST_NONCE_BYTES, "plain", SIZE);
    cr_assert(shell_rest_seal(&shell, DAY, row, room, SIZE));
    memcpy(copy, room, sizeof(room));
    cr_assert_eq(daykeys_find(shell.daykeys, DAY, key), WIRE_OK);
    cr_expect_eq(shell_rest_open(&shell, key, wire_bytes("raw", 3), wire_bytes(copy, sizeof(copy)), &plain),
                 WIRE_DAMAGED);
    cr_expect_eq(plain.size, 0);
    cr_assert_eq(shell_rest_open(&shell, key, row, wire_bytes(room, sizeof(room)), &plain), WIRE_OK);
    cr_assert_eq(plain.size, SIZE);
    cr_expect_arr_eq(plain.data, "plain", SIZE);
    cr_expect_eq(shell_rest_open(&shell, key, row, wire_bytes(room, CERT_REST_OVERHEAD - 1), &plain), WIRE_DAMAGED);
}

Test(rest, nothing_is_written_for_a_day_that_is_over)
{
    uint8_t room[CERT_REST_OVERHEAD + 1] = {0};
    struct wire_bytes row = wire_bytes("row", 3);
    cr_assert(shell_rest_seal(&shell, 20200207, row, room, 1));
    cr_expect(shell_rest_erase_keys(&shell, 20200207));
    cr_expect_not(shell_rest_erase_keys(&shell, 20200207), "done before");
    cr_expect_not(shell_rest_seal(&shell, 20200207, row, room, 1));
    cr_expect_not(shell_rest_seal(&shell, 20200206, row, room, 1));
    cr_expect(shell_rest_seal(&shell, 20200208, row, room, 1));
}
