/* How the command line speaks: one language at a time, errors as what, where and remedy on standard error. */
#pragma once
#include "node/cli/cli.h"
#include "wire/json.h"

/* Whichever is asked for. */
static inline const char *cli_pick(const struct cli *cli, const char *zh, const char *en)
{
    return cli->language == WIRE_CHINESE ? zh : en;
}

/* One of two formats with the same arguments, with a line end. */
void cli_say(const struct cli *cli, FILE *to, const char *zh, const char *en, ...)
    __attribute__((format(printf, 3, 5), format(printf, 4, 5)));

struct cli_complaint {
    const char *status;                                  /* "nobody-for" */
    const char *where, *zh, *en, *remedy_zh, *remedy_en; /* each may be NULL */
};
/* 错误（nobody-for）concerns[0]：…  */
void cli_complain(const struct cli *cli, const struct cli_complaint *complaint);
/* Prints the problem and returns the exit code that its status stands for. */
int cli_fail(const struct cli *cli, const struct wire_problem *problem);
/* Usage errors: 64. */
int cli_fail_usage(const struct cli *cli, const char *where, const char *zh, const char *en, ...)
    __attribute__((format(printf, 3, 5), format(printf, 4, 5)));
int cli_exit_of_status(enum wire_status status);
int cli_exit_of_http(unsigned http);

enum cli_paint { CLI_PLAIN, CLI_BOLD, CLI_RED, CLI_YELLOW, CLI_GREEN, CLI_DIM };
/* The escape that begins it, "" without colour; CLI_PLAIN ends it. */
const char *cli_paint(const struct cli *cli, enum cli_paint paint);

/* Prints and frees what was gathered. */
void cli_flush(const struct cli *cli, struct wire_text *text);
