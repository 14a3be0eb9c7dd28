/* A request for one envelope out of what stands on the command line. */
#pragma once
#include "node/cli/cli.h"
#include "wire/kind.h"
#include <jansson.h>

/* The payload: --file first, then the "field=value" words from `first` on. 0 with *out (caller decrefs), or an exit
 * code. */
int cli_compose_payload(struct cli *cli, const struct wire_kind *kind, size_t first, json_t **out);
/* The whole request: payload, and kind, addressees, mechanism, times as the options say. --file may also hold a whole
 * request ({"concerns": …, "payload": {…}}); options go before what stands in it. */
int cli_compose(struct cli *cli, const struct wire_kind *kind, size_t first, json_t **out);
/* "330300", "温州市": 0 when it is none, and it was said. */
uint32_t cli_region(const struct cli *cli, const char *where, const char *text);
/* Every value of an option that may be given several times or with commas; `take` returns an exit code. */
int cli_list_each(const struct cli_list *list, int (*take)(void *context, const char *value), void *context);
/* The kind of that name, or NULL, and it was said. */
const struct wire_kind *cli_kind(const struct cli *cli, const char *name);
/* --status as the API spells it, NULL when it was not given; false: it is none, and it was said. */
bool cli_status_option(const struct cli *cli, const char **out);
