/* Directory rows, who came and went, policies by version. */
#include "shell/trust.h"
#include "keep/memory.h"
#include "support/zoo.h"
#include "wire/time.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { DIRECTORY, POLICY, TABLES };

static struct zoo zoo;
static struct shell shell;

static void open_shell(void)
{
    static const char *const tables[] = {"directory", "policy"};
    struct keep_options options = {.application = "test",
                                   .format = 1,
                                   .format_oldest = 1,
                                   .tables = tables,
                                   .table_count = TABLES,
                                   .map_bytes_max = 1 << 24};
    char path[ZOO_PATH_MAX];
    shell = (struct shell){.words = {"test", "读", "cannot read", "写", "cannot write"}};
    zoo_open(&zoo, shell_wall_ms());
    cr_assert_eq(keep_open_memory(&options, true, &shell.keep, NULL), WIRE_OK);
    cr_assert_eq(shell_open_identity(&shell, zoo_path(&zoo, "broker", path), ZOO_INSTALLATION, NULL), WIRE_OK);
    cr_assert_eq(shell_open_directory(&shell, zoo_path(&zoo, "ca/ca.pem", path), ZOO_INSTALLATION, NULL), WIRE_OK);
}

static void close_shell(void)
{
    keep_close(&shell.keep);
    shell_close(&shell);
    zoo_close(&zoo);
}

TestSuite(trust, .init = open_shell, .fini = close_shell);

static void store(uint8_t table, uint64_t number, struct wire_bytes value)
{
    uint8_t key[8];
    wire_put_u64(key, number);
    struct wire_row row = {.table = table, .key = wire_bytes(key, sizeof(key)), .value = value};
    shell_append_own(&shell, &row, 1);
}

/* The zoo's directory as rows; the one with epoch `bad` says something else. */
static uint64_t store_directory(uint64_t bad)
{
    struct cert_directory *whole = zoo_directory(&zoo);
    uint64_t epochs = cert_directory_epoch(whole);
    for (uint64_t epoch = 1; epoch <= epochs; epoch++)
        store(DIRECTORY, epoch, epoch == bad ? wire_bytes("bad", 3) : cert_directory_record(whole, epoch));
    cert_directory_free(&whole);
    return epochs;
}

Test(trust, the_directory_comes_back_from_its_rows)
{
    bool broken = true;
    uint64_t epochs = store_directory(0);
    cr_assert_eq(shell_directory_rows(&shell, DIRECTORY, &broken, NULL), WIRE_OK);
    cr_expect_not(broken);
    cr_expect_eq(cert_directory_epoch(shell.directory), epochs);
}

enum { MANY = 1100 /* more than are checked at a time */ };

/* The zoo's records over and over, each with a number of its own; the one with epoch `bad` says something else. */
static void store_many(uint64_t bad)
{
    static uint8_t packed[4096];
    struct cert_directory *whole = zoo_directory(&zoo);
    for (uint64_t epoch = 1; epoch <= MANY; epoch++) {
        struct wire_bytes raw = cert_directory_record(whole, (epoch - 1) % cert_directory_epoch(whole) + 1);
        Wire__DirectoryRecord *record = wire__directory_record__unpack(NULL, raw.size, raw.data);
        record->epoch = epoch;
        size_t size = wire__directory_record__pack(record, packed);
        wire__directory_record__free_unpacked(record, NULL);
        store(DIRECTORY, epoch, epoch == bad ? wire_bytes("bad", 3) : wire_bytes(packed, size));
    }
    cert_directory_free(&whole);
}

Test(trust, many_rows_come_back_in_their_order)
{
    bool broken = true;
    store_many(0);
    cr_assert_eq(shell_directory_rows(&shell, DIRECTORY, &broken, NULL), WIRE_OK);
    cr_expect_not(broken);
    cr_expect_eq(cert_directory_epoch(shell.directory), MANY);
}

Test(trust, of_many_rows_those_in_front_of_a_bad_one_are_in)
{
    bool broken = false;
    store_many(1050);
    cr_expect_eq(shell_directory_rows(&shell, DIRECTORY, &broken, NULL), WIRE_DAMAGED);
    cr_expect(broken);
    cr_expect_eq(cert_directory_epoch(shell.directory), 1049);
}

Test(trust, it_ends_before_the_first_row_that_cannot_be_read)
{
    bool broken = false;
    struct wire_problem problem = {0};
    store_directory(7);
    cr_expect_eq(shell_directory_rows(&shell, DIRECTORY, &broken, &problem), WIRE_DAMAGED);
    cr_expect(broken);
    cr_expect_eq(problem.status, WIRE_DAMAGED);
    cr_expect_eq(cert_directory_epoch(shell.directory), 6);
}

Test(trust, a_ca_that_did_not_issue_our_certificates_is_refused)
{
    char path[ZOO_PATH_MAX];
    struct wire_problem problem;
    cert_directory_free(&shell.directory);
    cr_expect_eq(shell_open_directory(&shell, zoo_path(&zoo, "other-ca/ca.pem", path), NULL, &problem),
                 WIRE_OTHER_INSTALLATION);
}

struct changes {
    uint32_t came[64], went[64];
    size_t came_count, went_count;
};

static void on_change(void *context, uint32_t region, bool enrolled)
{
    struct changes *changes = context;
    if (enrolled)
        changes->came[changes->came_count++] = region;
    else
        changes->went[changes->went_count++] = region;
}

Test(trust, who_came_and_went_is_said_once)
{
    static struct shell_enrolment enrolment;
    struct changes first = {0}, second = {0}, third = {0};
    bool broken;
    store_directory(0);
    cr_assert_eq(shell_directory_rows(&shell, DIRECTORY, &broken, NULL), WIRE_OK);
    shell_enrolment_update(&enrolment, shell.directory, on_change, &first);
    cr_assert_gt(first.came_count, 2);
    cr_expect_eq(first.went_count, 0);
    for (size_t i = 1; i < first.came_count; i++)
        cr_expect_lt(first.came[i - 1], first.came[i], "by rising adcode");
    shell_enrolment_update(&enrolment, shell.directory, on_change, &second);
    cr_expect_eq(second.came_count + second.went_count, 0);
    enrolment.region[1] = first.came[1] + 1; /* as if another had been there in its place */
    shell_enrolment_update(&enrolment, shell.directory, on_change, &third);
    cr_assert_eq(third.came_count, 1);
    cr_assert_eq(third.went_count, 1);
    cr_expect_eq(third.came[0], first.came[1]);
    cr_expect_eq(third.went[0], first.came[1] + 1);
}

Test(trust, versions_are_listed_in_order)
{
    for (uint64_t version = 200; version > 0; version--)
        store(POLICY, version * 3, wire_bytes("policy", 6));
    struct shell_versions versions = shell_policy_versions(&shell, POLICY);
    cr_assert_eq(versions.count, 200);
    for (size_t i = 0; i < versions.count; i++)
        cr_expect_eq(versions.list[i], 3 * (i + 1));
    free(versions.list);
    keep_close(&shell.keep);
    cr_expect_eq(shell_policy_versions(&shell, POLICY).count, 0, "without a store there are none");
}
