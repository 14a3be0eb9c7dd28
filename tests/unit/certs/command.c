#include "certs/authority.h"
#include "certs/ca_command.h"
#include "certs/file.h"
#include "certs/identity.h"
#include "certs/policy.h"
#include "fixture.h"
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static char root[] = "/tmp/lianfang-command-XXXXXX";
static char *out_text, *err_text;
static size_t out_size, err_size;

static void setup(void)
{
    cr_assert_not_null(mkdtemp(root));
    cr_assert_eq(chdir(root), 0);
    setenv("LIANFANG_CA", "ca", 1);
    setenv("LC_ALL", "en_US.UTF-8", 1);
}

static void teardown(void)
{
    free(out_text);
    free(err_text);
    zoo_remove_tree(root);
}

TestSuite(command, .init = setup, .fini = teardown);

/* Splits at blanks; no argument here holds one. */
static int run_at(const char *line, int64_t now_ms)
{
    char copy[1024], *argv[64] = {(char *)(uintptr_t) "lianfang-ca"}, *rest = NULL;
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *at = strtok_r(copy, " ", &rest); at != NULL; at = strtok_r(NULL, " ", &rest))
        argv[argc++] = at;
    free(out_text);
    free(err_text);
    FILE *out = open_memstream(&out_text, &out_size), *err = open_memstream(&err_text, &err_size);
    int code = cert_ca_run(argc, argv, out, err, now_ms);
    fclose(out);
    fclose(err);
    return code;
}

static int run(const char *line)
{
    return run_at(line, NOW);
}

Test(command, from_nothing_to_a_working_installation)
{
    cr_assert_eq(run("init ca --name delta"), EX_OK, "%s", err_text);
    cr_expect_not_null(strstr(out_text, "no passphrase"));
    cr_assert_eq(run("issue node 310000 --out n"), EX_OK, "%s", err_text);
    cr_assert_eq(run("issue broker --out b"), EX_OK, "%s", err_text);
    cr_assert_eq(run("issue secretary 310000 --id delta-office --out s --days=10"), EX_OK, "%s", err_text);
    cr_assert_eq(run("list"), EX_OK);
    cr_expect_not_null(strstr(out_text, "delta-office"));
    cr_expect_not_null(strstr(out_text, "transport"));
    cr_assert_eq(run("verify n b s n/seal.pem ca/crl.der"), EX_OK, "%s%s", out_text, err_text);
    struct cert_identity *identity;
    cr_assert_eq(cert_identity_load("n", &(struct cert_identity_options){.now_ms = NOW}, &identity, NULL), WIRE_OK);
    cr_expect_str_eq(cert_identity_installation(identity), "delta");
    cert_identity_free(&identity);
}

Test(command, revoked_and_expired_do_not_verify)
{
    cr_assert_eq(run("init ca --name delta"), EX_OK);
    cr_assert_eq(run("issue node 310000 --out n --days 2"), EX_OK);
    cr_assert_eq(run("issue node 330000 --out m"), EX_OK);
    cr_assert_eq(run("revoke 330000 --reason superseded"), EX_OK, "%s", err_text);
    cr_expect_not_null(strstr(out_text, "3 certificates"));
    cr_expect_eq(run("verify m"), EX_DATAERR);
    cr_expect_not_null(strstr(out_text, "m: revoked"), "%s", out_text);
    cr_expect_eq(run_at("verify n/identity.pem", NOW + 3 * DAY), EX_DATAERR);
    cr_expect_not_null(strstr(out_text, "expired"), "%s", out_text);
    cr_expect_eq(run_at("verify ca/crl.der", NOW + 31 * DAY), EX_DATAERR);
    cr_expect_eq(run("verify ca/index"), EX_DATAERR);
    cr_expect_eq(run("verify absent"), EX_DATAERR);
    cr_expect_eq(run("verify"), EX_USAGE);
}

Test(command, renewing_keeps_the_earlier_seal)
{
    cr_assert_eq(run("init ca --name delta"), EX_OK);
    cr_assert_eq(run("issue node 310000 --out n"), EX_OK);
    cr_expect_eq(run("issue node 310000 --out m"), EX_CANTCREAT);
    cr_expect_not_null(strstr(err_text, "renew"));
    cr_assert_eq(run_at("renew node 310000 --out m --previous n", NOW + DAY), EX_OK, "%s", err_text);
    struct cert_identity *identity;
    cr_assert_eq(cert_identity_load("m", &(struct cert_identity_options){.now_ms = NOW + DAY}, &identity, NULL),
                 WIRE_OK);
    cert_identity_free(&identity);
    cr_assert_eq(run_at("renew node 310000 --out o --previous m", NOW + 2 * DAY), EX_OK, "%s", err_text);
    cr_expect_eq(system("test $(ls o/seal-*.key | wc -l) = 2 && test $(ls o/seal-*.pem | wc -l) = 2"), 0);
    cr_expect_eq(run_at("renew node 310000 --out p --previous absent", NOW + 3 * DAY), EX_NOINPUT);
    cr_expect_neq(access("p", F_OK), 0, "nothing was issued");
    cr_expect_eq(run_at("revoke 310000 --older --reason superseded", NOW + 3 * DAY), EX_OK);
    cr_expect_not_null(strstr(out_text, "6 certificates"));
}

Test(command, renewing_twice_within_a_second)
{
    cr_assert_eq(run("init ca --name delta"), EX_OK);
    cr_assert_eq(run("issue node 310000 --out n"), EX_OK);
    cr_assert_eq(run("renew node 310000 --out m --previous n"), EX_OK, "%s", err_text);
    cr_assert_eq(run("renew node 310000 --out o --previous m"), EX_OK, "%s", err_text);
    cr_expect_eq(system("test $(md5sum o/seal*.key | cut -c-32 | sort -u | wc -l) = 3"), 0,
                 "three keys, and none is another under its name");
    struct cert_identity *identity;
    cr_assert_eq(cert_identity_load("o", &(struct cert_identity_options){.now_ms = NOW}, &identity, NULL), WIRE_OK);
    cert_identity_free(&identity);
}

Test(command, passphrases_come_from_files)
{
    cr_assert_eq(cert_file_write("p", wire_bytes("open sesame\n", 12), 0600, false, NULL), WIRE_OK);
    cr_assert_eq(cert_file_write("wrong", wire_bytes("open barley\n", 12), 0600, false, NULL), WIRE_OK);
    cr_assert_eq(run("init ca --name delta --passphrase-file p"), EX_OK, "%s", err_text);
    cr_expect_null(strstr(out_text, "no passphrase"));
    cr_expect_eq(run("issue node 310000 --out n --passphrase-file wrong"), EX_DATAERR);
    cr_expect_eq(run("issue node 310000 --out n --passphrase-file p --key-passphrase-file p"), EX_OK, "%s", err_text);
    cr_expect_eq(run("list"), EX_OK, "reading needs no passphrase");
    cr_expect_eq(run("directory --out d.bin"), EX_OK);
    cr_expect_eq(run("verify n --key-passphrase-file p"), EX_OK, "%s", out_text);
    cr_expect_eq(run("verify n"), EX_DATAERR);
    cr_assert_eq(chmod("p", 0644), 0);
    cr_expect_eq(run("crl --passphrase-file p"), EX_DATAERR);
    cr_expect_not_null(strstr(err_text, "chmod 600"));
}

Test(command, languages)
{
    cr_expect_eq(run("init"), EX_USAGE);
    cr_expect_not_null(strstr(err_text, "expected"));
    cr_expect_eq(run("init --lang zh"), EX_USAGE);
    cr_expect_not_null(strstr(err_text, "应为"));
    setenv("LC_ALL", "", 1);
    setenv("LC_MESSAGES", "", 1);
    setenv("LANG", "zh_CN.UTF-8", 1);
    cr_expect_eq(run("init"), EX_USAGE);
    cr_expect_not_null(strstr(err_text, "应为"));
    setenv("LANG", "C", 1);
    cr_expect_eq(run("init"), EX_USAGE);
    cr_expect_not_null(strstr(err_text, "应为"), "Chinese first");
    setenv("LANG", "en_GB.UTF-8", 1);
    cr_expect_eq(run("init"), EX_USAGE);
    cr_expect_not_null(strstr(err_text, "expected"));
}

Test(command, wrong_arguments)
{
    static const char *const lines[] = {"",
                                        "burn",
                                        "init ca",
                                        "init ca --name",
                                        "init ca --name x --days soon",
                                        "init ca --name x --days 0",
                                        "init ca --name x --from yesterday",
                                        "init ca --name x --lang fr",
                                        "init ca --name x --json=yes",
                                        "list --colour",
                                        "issue node 310000",
                                        "issue node --out n",
                                        "issue queen --out n",
                                        "revoke --serial 12",
                                        "policy --out p"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_expect(run(lines[i]) == EX_USAGE || strcmp(lines[i], "issue queen --out n") == 0, "%s: %s", lines[i],
                  err_text);
    cr_expect_eq(run("--help"), EX_OK);
    cr_expect_not_null(strstr(out_text, "revoke"));
    cr_expect_eq(run("list --ca absent"), EX_NOINPUT);
    cr_expect_eq(access("ca", F_OK), -1, "nothing was made on the way");
}

Test(command, busy)
{
    cr_assert_eq(run("init ca --name delta"), EX_OK);
    struct cert_authority *authority;
    cr_assert_eq(cert_authority_open("ca", &(struct cert_authority_options){.now_ms = NOW}, &authority, NULL), WIRE_OK);
    cr_expect_eq(run("list"), EX_TEMPFAIL);
    cert_authority_free(&authority);
    cr_expect_eq(run("init ca --name delta"), EX_CANTCREAT);
}

/* Small, but enough to notice a missing comma or quote: nesting, strings and separators. */
static bool json_looks_right(const char *text)
{
    int depth = 0;
    bool in_string = false;
    char last = 0;
    for (; *text != '\0'; text++) {
        if (in_string) {
            if (*text == '\\')
                text++;
            else if (*text == '"')
                in_string = false;
            continue;
        }
        if (isspace((unsigned char)*text))
            continue;
        if (*text == '"') {
            if (last == '"' || last == '}')
                return false;
            in_string = true;
        }
        depth += (*text == '{' || *text == '[') - (*text == '}' || *text == ']');
        if (depth < 0 || (*text == ',' && (last == ',' || last == '{' || last == '[')))
            return false;
        last = *text;
    }
    return depth == 0 && !in_string;
}

Test(command, json)
{
    cr_assert_eq(run("init ca --name delta"), EX_OK);
    cr_assert_eq(run("list --json"), EX_OK);
    cr_expect_str_eq(out_text, "[]\n");
    cr_assert_eq(run("issue node 310000 --out n"), EX_OK);
    cr_assert_eq(run("revoke node 310000"), EX_OK);
    cr_assert_eq(run("list --json"), EX_OK);
    cr_expect(json_looks_right(out_text), "%s", out_text);
    cr_expect_not_null(strstr(out_text, "\"reason\":\"unspecified\""));
    cr_expect_not_null(strstr(out_text, "\"region\":\"310000\""));
    cr_assert_eq(run("verify --json n absent ca/crl.der"), EX_DATAERR);
    cr_expect(json_looks_right(out_text), "%s", out_text);
    cr_expect_not_null(strstr(out_text, "\"status\":\"signer-revoked\""), "%s", out_text);
    cr_expect_not_null(strstr(out_text, "\"status\":\"not-found\""));
}

Test(command, policy_is_signed_and_verifies)
{
    cr_assert_eq(run("init ca --name delta"), EX_OK);
    cr_assert_eq(run("issue secretary 310000 --id office --out s"), EX_OK);
    cr_assert_eq(run("issue node 310000 --out n"), EX_OK);
    cr_assert_eq(cert_file_write("delta.yaml", wire_bytes("id: delta\n", 10), 0644, false, NULL), WIRE_OK);
    cr_assert_eq(run("policy --identity s --policy-version 3 --out p.bin --in-force 2020-03-01 delta.yaml"), EX_OK,
                 "%s", err_text);
    cr_expect_eq(run("policy --identity s --policy-version 3 --out p.bin delta.yaml"), EX_CANTCREAT);
    cr_expect_neq(run("policy --identity n --policy-version 3 --out q.bin delta.yaml"), EX_OK);
    struct cert_file ca, file;
    struct cert_directory *directory;
    struct cert_policy policy;
    static uint8_t memory[64 * 1024];
    struct wire_arena arena;
    wire_arena_over(&arena, memory, sizeof memory);
    cr_assert_eq(cert_file_read("ca/ca.pem", false, &ca, NULL), WIRE_OK);
    cr_assert_eq(cert_file_read("p.bin", false, &file, NULL), WIRE_OK);
    cr_assert_eq(cert_directory_new(wire_bytes(ca.data, ca.size), "delta", &directory, NULL), WIRE_OK);
    cr_assert_eq(cert_policy_verify(directory, wire_bytes(file.data, file.size), NOW, &arena, &policy, NULL), WIRE_OK);
    cr_expect_eq(policy.text->version, 3);
    cr_expect_eq(policy.text->n_file, 1);
    cr_expect_str_eq(policy.text->file[0]->name, "delta.yaml");
    cert_directory_free(&directory);
    cert_file_close(&ca);
    cert_file_close(&file);
}
