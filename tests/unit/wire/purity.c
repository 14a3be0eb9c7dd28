/* The pure rooms need nothing of the world: no clock, socket, file, log, malloc, library but protobuf-c's. What their
 * archives leave undefined is compared with this list. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const functions[] = {
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    "memchr",
    "strlen",
    "strnlen",
    "strcmp",
    "strncmp",
    "strcasecmp",
    "strchr",
    "strrchr",
    "strstr",
    "strspn",
    "strcspn",
    "strpbrk",
    "snprintf",
    "vsnprintf",
    "qsort",
    "bsearch",
    "strtol",
    "strtoll",
    "strtoul",
    "strtoull",
    "abs",
    /* ENSURE says where, then aborts */
    "abort",
    "fprintf",
    "stderr",
    /* the compiler's */
    "bcmp",
    "__stack_chk_fail",
    "_GLOBAL_OFFSET_TABLE_",
    "__memcpy_chk",
    "__memset_chk",
    "__memmove_chk",
    "__snprintf_chk",
    "__vsnprintf_chk",
    "__fprintf_chk",
    "__isoc23_strtol",
    "__isoc23_strtoull",
};

static const char *const prefixes[] = {
    "wire_", "rules_", "broker_", "node_", "protobuf_c_", "__asan_", "__ubsan_", "__sanitizer_", "__sancov_", "__lsan_",
};

static bool allowed(const char *symbol)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(symbol, functions[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(symbol, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* How many symbols the archive needs; each that is not allowed fails the test. */
static size_t check(const char *archive)
{
    char command[512], line[512];
    size_t count = 0;

    snprintf(command, sizeof command, "nm -u %s 2>/dev/null", archive);
    FILE *names = popen(command, "r");
    cr_assert_not_null(names);
    while (fgets(line, sizeof line, names) != NULL) {
        char symbol[400];

        if (sscanf(line, " U %399s", symbol) != 1)
            continue;
        count++;
        cr_expect(allowed(symbol), "%s needs %s", archive, symbol);
    }
    pclose(names);
    return count;
}

Test(purity, wire)
{
    cr_assert_gt(check(BUILD_DIR "/libwire.a"), 10);
}

/* The other pure rooms, as far as they are built. */
Test(purity, rules_and_cores)
{
    static const char *const archives[] = {"librules.a", "libbroker-core.a", "libnode-core.a"};
    char path[512];

    for (size_t i = 0; i < sizeof archives / sizeof *archives; i++) {
        snprintf(path, sizeof path, "%s/%s", BUILD_DIR, archives[i]);
        if (access(path, R_OK) == 0)
            cr_expect_gt(check(path), 0, "%s: nm found nothing", path);
    }
}
