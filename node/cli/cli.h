/* `lianfang` as a function, so that tests run it in their own process: everything that comes from outside is in
 * `struct cli_world`. main.c fills it from the real one.
 *
 * Exit codes are sysexits where there is one (scripts rely on them):
 *   0 done · 1, 2, 3 verdicts of `check` (and 1: `verify` with remarks) · 64 usage · 65 data refused · 66 no such input
 * · 69 node not reachable · 70 the node failed · 73 cannot write · 74 input or output · 75 not now, try again (queued,
 *   store full) · 77 not allowed · 78 configuration (token, address) */
#pragma once
#include "node/cli/options.h"
#include "wire/status.h"
#include <stdio.h>

enum cli_exit {
    CLI_OK = 0,
    CLI_WARNING = 1,
    CLI_CRITICAL = 2,
    CLI_UNKNOWN = 3,
    CLI_USAGE = 64,
    CLI_DATA = 65,
    CLI_NO_INPUT = 66,
    CLI_UNREACHABLE = 69,
    CLI_SOFTWARE = 70,
    CLI_NO_OUTPUT = 73,
    CLI_IO = 74,
    CLI_AGAIN = 75,
    CLI_NOT_ALLOWED = 77,
    CLI_CONFIG = 78,
};

struct cli_world {
    FILE *in, *out, *err;
    bool tty;         /* `out` is a terminal: tables are fitted, colour is possible */
    unsigned columns; /* of the terminal; 0: not known */
    void *context;    /* of the three below */
    const char *(*variable)(void *context, const char *name); /* of the environment; NULL: not set */
    int64_t (*now_ms)(void *context);                         /* wall clock */
    void (*pause)(void *context, unsigned ms);
};

/* One run. Commands print to `out` what was asked for and to `err` what a person should know besides. */
struct cli {
    const struct cli_world *world;
    struct cli_options options;
    FILE *in, *out, *err;
    enum wire_language language;
    bool colour;
    unsigned columns; /* 0: nothing is fitted or cut */
};

int cli_main(int argc, char **argv, const struct cli_world *world);
/* zh where --lang, else the first of LC_ALL, LC_MESSAGES, LANG that is set, begins with "zh"; else English. */
enum wire_language cli_language(const struct cli_options *options, const struct cli_world *world);
