/* Mechanism files named on the command line: files and folders mixed. */
#pragma once
#include "link/policy_yaml.h"
#include "node/cli/cli.h"

/* All *.yaml of them, in one list; link_policy_files_close. 0, or an exit code with the reason said. */
int cli_policy_files(const struct cli *cli, const char *const *paths, size_t count, struct link_policy_files *out);
/* Read and compiled; link_policy_free. */
int cli_policy_load(const struct cli *cli, const char *const *paths, size_t count, struct rules_policy **policy);
