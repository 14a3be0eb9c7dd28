/* The table of commands: one row a command; `lianfang help` and the parser go by it. Adding a command = a row here and
 * a function in the file of its topic. */
#pragma once
#include "node/cli/cli.h"

struct cli_command {
    const char *name; /* "publish"; "rules check" for a command of two words */
    int (*run)(struct cli *cli);
    size_t words_min, words_max;         /* of what is not an option */
    const char *usage_zh, *usage_en;     /* after the name */
    const char *summary_zh, *summary_en; /* one line */
    const char *options;                 /* " --to --cc " that it takes besides those of all commands */
};

size_t cli_command_count(void);
const struct cli_command *cli_command_at(size_t index);
/* By its name: `first`, or "first second" (*took tells how many words); NULL: none. */
const struct cli_command *cli_command_find(const char *first, const char *second, size_t *took);
/* "publish", or NULL when nothing is near. */
const char *cli_command_nearest(const char *word);

int cli_publish(struct cli *cli);
int cli_update(struct cli *cli);
int cli_import(struct cli *cli);
int cli_inbox(struct cli *cli);
int cli_outbox(struct cli *cli);
int cli_show(struct cli *cli);
int cli_ack(struct cli *cli);
int cli_reply(struct cli *cli);
int cli_cancel(struct cli *cli);
int cli_withdraw(struct cli *cli);
int cli_links(struct cli *cli);
int cli_regions(struct cli *cli);
int cli_status(struct cli *cli);
int cli_check(struct cli *cli);
int cli_events(struct cli *cli);
int cli_evidence(struct cli *cli);
int cli_verify(struct cli *cli);
int cli_rules_explain(struct cli *cli);
int cli_rules_check(struct cli *cli);
int cli_rules_diff(struct cli *cli);
int cli_rules_test(struct cli *cli);
int cli_rules_sign(struct cli *cli);
int cli_hash_token(struct cli *cli);
int cli_help(struct cli *cli);
