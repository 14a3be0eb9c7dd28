/* The command line taken apart. Options may stand anywhere; "--" ends them; "--name value" and "--name=value" are the
 * same. Which options a command takes is said in the table of commands. */
#pragma once
#include "wire/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLI_WORDS_MAX = 512, CLI_LIST_MAX = 64 };

/* An option that may be given more than once; commas separate too, when its values are split (cli_list_each). */
struct cli_list {
    const char *at[CLI_LIST_MAX];
    size_t count;
};

struct cli_options {
    const struct cli_command *command; /* NULL: none given */
    const char *word[CLI_WORDS_MAX];   /* what is neither command nor option */
    size_t words;

    /* for every command */
    const char *node, *token_file, *lang;
    bool json, help;

    const char *file, *mechanism, *reason, *status, *lane, *urgency, *severity, *certainty, *incident, *issuer;
    const char *effective, *expires, *due, *keep_until, *in_reply_to;
    struct cli_list to, cc, concerns;
    const char *profile, *report, *kind, *state, *since, *reveal, *desk, *officer, *returned, *broker, *out, *ca, *crl;
    const char *identity, *in_force, *format, *origin, *at, *label, *unit, *roles, *policy, *passphrase_file;
    struct cli_list enrolled;
    int64_t wait, limit, version; /* 0: not given */
    bool preview, anyway, dry_run, is_unsigned, follow, final, generate, all, table;
};

/* WIRE_INVALID with a problem that names the nearest known word. */
enum wire_status cli_options_parse(struct cli_options *options, int argc, char **argv, struct wire_problem *problem);
