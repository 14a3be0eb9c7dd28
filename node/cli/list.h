/* Lists of envelopes, of what came in and of what was sent. */
#pragma once
#include "node/cli/call.h"

enum cli_list_of { CLI_LIST_INBOX, CLI_LIST_OUTBOX };

/* --kind, --since, --limit onto the target; 64 when the kind is none. */
int cli_list_target(struct cli *cli, char target[CLI_TARGET_MAX]);
void cli_list_print(const struct cli *cli, const struct cli_answer *answer, enum cli_list_of of);
/* One that came in while following. */
void cli_list_line(const struct cli *cli, const json_t *envelope);
/* Is it of the kind that --kind names, and not signed for if --unsigned? */
bool cli_list_wanted(const struct cli *cli, const json_t *envelope);
