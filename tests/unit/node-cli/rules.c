/* lianfang rules: on the project's own mechanisms, and signing. */
#include "certs/directory.h"
#include "certs/file.h"
#include "certs/policy.h"
#include "run.h"
#include "support/zoo.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MECHANISMS SOURCE_DIR "/broker/mechanisms"
#define DELTA      MECHANISMS "/yangtze-delta.yaml"

static struct run run;

static void teardown(void)
{
    run_close(&run);
}

TestSuite(rules, .fini = teardown);

Test(rules, check_says_what_deserves_a_second_look)
{
    run_cli(&run, "rules", "check", MECHANISMS, NULL);
    cr_expect_eq(run.code, 1);
    has(run.out, "greater-bay.yaml:");
    run_cli(&run, "--lang", "zh", "rules", "check", DELTA, NULL);
    cr_expect_eq(run.code, 0);
    has(run.out, "1 个机制");
}

Test(rules, check_refuses_what_does_not_compile)
{
    char *folder = temp_folder(), *path = joined(folder, "bad.yaml");
    write_whole(path, "mechanism: bad\nfrom: never\n");
    run_cli(&run, "rules", "check", path, NULL);
    cr_expect_eq(run.code, 65);
    has(run.err, "bad.yaml:");
    free(path);
    remove_folder(folder);
}

Test(rules, explain_reads_a_mechanism_aloud)
{
    run_cli(&run, "rules", "explain", DELTA, "--lang", "zh", NULL);
    cr_expect_eq(run.code, 0);
    has(run.out, "yangtze-delta");
    has(run.out, "密接协查");
}

Test(rules, explain_says_who_and_why)
{
    run_cli(&run, "rules", "explain", MECHANISMS, "--kind", "contact-notice", "--origin", "上海市", "--issuer", "/cdc",
            "--concerns", "330300", "--at", "2020-02-08T10:00", NULL);
    cr_expect_eq(run.code, 0);
    has(run.out, "330000 浙江省");
    has(run.out, "sign for within 30 min");
    run_cli(&run, "rules", "explain", MECHANISMS, "--kind", "密接协查", "--origin", "310000", "--issuer", "/cdc",
            "--concerns", "330300", "--at", "2020-02-08", "--enrolled", "310000,320000", NULL);
    cr_expect_eq(run.code, 65);
    has(run.out, "330300");
}

Test(rules, explain_refuses_what_it_cannot_read)
{
    run_cli(&run, "rules", "explain", DELTA, "--kind", "contact-notise", "--origin", "310000", NULL);
    cr_expect_eq(run.code, 64);
    has(run.err, "contact-notice");
    run_cli(&run, "rules", "explain", DELTA, "--kind", "contact-notice", "--origin", "没有的地方", NULL);
    cr_expect_eq(run.code, 64);
    run_cli(&run, "rules", "explain", DELTA, "--kind", "contact-notice", "--origin", "310000", "--issuer", "/nounit",
            NULL);
    cr_expect_eq(run.code, 64);
}

Test(rules, diff)
{
    run_cli(&run, "rules", "diff", DELTA, MECHANISMS, NULL);
    cr_expect_eq(run.code, 0);
    has(run.out, "national");
    run_cli(&run, "rules", "diff", DELTA, "/nowhere", NULL);
    cr_expect_neq(run.code, 0);
}

Test(rules, test_runs_cases)
{
    run_cli(&run, "rules", "test", TEST_DATA "/rules", "--policy", MECHANISMS, NULL);
    cr_expect_eq(run.code, 0, "%s", run.out);
    run_cli(&run, "rules", "test", TEST_DATA "/rules/national.yaml", "--policy", DELTA, NULL);
    cr_expect_eq(run.code, 65);
    run_cli(&run, "rules", "test", TEST_DATA "/rules/national.yaml", NULL);
    cr_expect_eq(run.code, 64);
    has(run.err, "--policy");
}

/* --- sign --- */

static struct zoo zoo;
static char secretary[ZOO_PATH_MAX], out[ZOO_PATH_MAX];

static void open_zoo(void)
{
    zoo_open(&zoo, NOW);
    zoo_path(&zoo, "secretary", secretary);
    zoo_path(&zoo, "policy.bin", out);
}

static void close_zoo(void)
{
    run_close(&run);
    zoo_close(&zoo);
}

TestSuite(rules_sign, .init = open_zoo, .fini = close_zoo);

Test(rules_sign, a_node_takes_what_was_signed)
{
    run_cli(&run, "rules", "sign", "--identity", secretary, "--version", "7", "--in-force", "2020-02-10", "--out", out,
            DELTA, MECHANISMS "/national.yaml", NULL);
    cr_assert_eq(run.code, 0, "%s", run.err);
    struct cert_file file;
    cr_assert_eq(cert_file_read(out, false, &file, NULL), WIRE_OK);
    struct cert_directory *directory = zoo_directory(&zoo);
    struct wire_arena arena;
    struct cert_policy policy;
    size_t size = wire_arena_budget(file.size) * 2;
    void *memory = malloc(size);
    wire_arena_over(&arena, memory, size);
    cr_expect_eq(cert_policy_verify(directory, wire_bytes(file.data, file.size), NOW, &arena, &policy, NULL), WIRE_OK);
    cr_expect_eq(policy.text->version, 7);
    cr_expect_eq(policy.text->n_file, 2);
    cr_expect_str_eq(policy.text->file[0]->name, "yangtze-delta.yaml");
    cr_expect_eq(policy.text->in_force_ms, INT64_C(1581264000000));
    free(memory);
    cert_directory_free(&directory);
    cert_file_close(&file);
}

Test(rules_sign, what_does_not_compile_is_not_signed)
{
    char bad[ZOO_PATH_MAX];
    struct stat about;
    write_whole(zoo_path(&zoo, "bad.yaml", bad), "id: x\n");
    run_cli(&run, "rules", "sign", "--identity", secretary, "--version", "7", "--out", out, DELTA, bad, NULL);
    cr_expect_eq(run.code, 65);
    has(run.err, "bad.yaml:1:");
    cr_expect_neq(stat(out, &about), 0);
}

Test(rules_sign, only_a_secretary_signs)
{
    char node[ZOO_PATH_MAX];
    struct stat about;
    run_cli(&run, "rules", "sign", "--identity", zoo_path(&zoo, "310000", node), "--version", "7", "--out", out, DELTA,
            NULL);
    cr_expect_eq(run.code, 65);
    cr_expect_neq(stat(out, &about), 0);
    run_cli(&run, "rules", "sign", "--identity", secretary, "--out", out, DELTA, NULL);
    cr_expect_eq(run.code, 64);
}
