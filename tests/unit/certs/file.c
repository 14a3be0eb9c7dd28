#include "certs/file.h"
#include "support/zoo.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/lianfang-file-XXXXXX";

static void setup(void)
{
    cr_assert_not_null(mkdtemp(root));
    cr_assert_eq(chdir(root), 0);
}

static void teardown(void)
{
    zoo_remove_tree(root);
}

TestSuite(file, .init = setup, .fini = teardown);

static mode_t mode_of(const char *path)
{
    struct stat stat_;
    cr_assert_eq(stat(path, &stat_), 0);
    return stat_.st_mode & 07777;
}

Test(file, written_and_read_back)
{
    struct cert_file file;
    cr_assert_eq(cert_file_write("a", wire_bytes("hello", 5), 0640, false, NULL), WIRE_OK);
    cr_expect_eq(mode_of("a"), 0640);
    cr_assert_eq(cert_file_read("a", false, &file, NULL), WIRE_OK);
    cr_expect_eq(file.size, 5);
    cr_expect_str_eq((char *)file.data, "hello");
    cert_file_close(&file);
    cert_file_close(&file);
}

Test(file, not_overwritten_unless_told_to)
{
    struct wire_problem problem;
    struct cert_file file;
    cr_assert_eq(cert_file_write("a", wire_bytes("one", 3), 0600, false, NULL), WIRE_OK);
    cr_expect_eq(cert_file_write("a", wire_bytes("two", 3), 0600, false, &problem), WIRE_EXISTS);
    cr_expect_str_eq(problem.where, "a");
    cr_assert_eq(cert_file_read("a", true, &file, NULL), WIRE_OK);
    cr_expect_str_eq((char *)file.data, "one");
    cert_file_close(&file);
    cr_expect_eq(cert_file_write("a", wire_bytes("two", 3), 0600, true, NULL), WIRE_OK);
    cr_assert_eq(cert_file_read("a", true, &file, NULL), WIRE_OK);
    cr_expect_str_eq((char *)file.data, "two");
    cert_file_close(&file);
    cr_expect_eq(access("a.XXXXXX", F_OK), -1);
}

Test(file, secrets_that_others_may_read_are_refused)
{
    static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0610};
    struct cert_file file;
    struct wire_problem problem;
    cr_assert_eq(cert_file_write("a", wire_bytes("x", 1), 0600, false, NULL), WIRE_OK);
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        cr_assert_eq(chmod("a", open_modes[i]), 0);
        cr_expect_eq(cert_file_read("a", true, &file, &problem), WIRE_INVALID, "%o", (unsigned)open_modes[i]);
        cr_expect_not_null(strstr(problem.en, "chmod 600"));
        cr_expect_not_null(strstr(problem.zh, "chmod 600"));
    }
    cr_assert_eq(chmod("a", 0400), 0);
    cr_expect_eq(cert_file_read("a", true, &file, NULL), WIRE_OK);
    cert_file_close(&file);
}

Test(file, what_is_no_file)
{
    struct cert_file file;
    cr_expect_eq(cert_file_read("absent", false, &file, NULL), WIRE_NOT_FOUND);
    cr_expect_eq(cert_file_read(".", false, &file, NULL), WIRE_INVALID);
    cr_assert_eq(mkfifo("pipe", 0600), 0);
    cr_expect_eq(cert_file_read("pipe", false, &file, NULL), WIRE_INVALID); /* and does not wait for a writer */
    cr_expect_neq(cert_file_write("absent/a", wire_bytes("x", 1), 0600, false, NULL), WIRE_OK);
}

Test(file, folder_is_private_and_made_once)
{
    cr_expect_eq(cert_folder_make("f", NULL), WIRE_OK);
    cr_expect_eq(mode_of("f"), 0700);
    cr_expect_eq(cert_folder_make("f", NULL), WIRE_OK);
    cr_assert_eq(cert_file_write("g", wire_bytes("x", 1), 0600, false, NULL), WIRE_OK);
    cr_expect_neq(cert_folder_make("g", NULL), WIRE_OK);
}

Test(file, passphrase_is_the_first_line)
{
    char passphrase[CERT_PASSPHRASE_BYTES_MAX + 1];
    cr_assert_eq(cert_file_write("p", wire_bytes("open sesame\r\nmore", 17), 0600, false, NULL), WIRE_OK);
    cr_expect_eq(cert_passphrase_read("p", passphrase, NULL), WIRE_OK);
    cr_expect_str_eq(passphrase, "open sesame");
    cr_assert_eq(cert_file_write("q", wire_bytes("\n", 1), 0600, false, NULL), WIRE_OK);
    cr_expect_eq(cert_passphrase_read("q", passphrase, NULL), WIRE_INVALID);
    cr_assert_eq(chmod("p", 0644), 0);
    cr_expect_eq(cert_passphrase_read("p", passphrase, NULL), WIRE_INVALID);
}
