/* The node's local API: HTTP/1.1 with JSON for duty officers' programs, the command line and monitoring, on a Unix
 * socket and on loopback. node/api/openapi.yaml says every call; node/api/backend.h says what it asks of the node.
 *
 * It decides nothing about who gets what: it reads requests strictly, checks payloads by their kind, shows what the
 * node's copy of the rules says, queues. Persons are masked in every answer unless a duty officer gives a reason, which
 * is audited. Errors are {"status", "where", "zh", "en"}: Chinese and English are always both there.
 *
 * All calls on the loop's thread. */
#pragma once
#include "link/config.h"
#include "link/log.h"
#include "node/api/backend.h"
#include <uv.h>

struct api;

/* Loads the tokens (config->tokens), listens on config->http. `config` is copied where needed; `backend` is copied,
 * its context and `log` are borrowed until api_close. NULL in *out on failure. */
enum wire_status api_open(uv_loop_t *loop, const struct link_node_config *config, const struct api_backend *backend,
                          struct link_log *log, struct api **out, struct wire_problem *problem);
/* Reads the file of tokens again (SIGHUP), as the configuration names it now; NULL: there is none. On failure the old
 * ones stay. */
enum wire_status api_reload_tokens(struct api *api, const char *path, struct wire_problem *problem);
/* Port of the TCP listener; 0: none. */
uint16_t api_port(const struct api *api);
/* Ends streams, answers what still waits with 503, closes; takes the api. `done` and `wake` of the backend must not be
 * called afterwards (on_event(NULL) is called). The loop must run once more so that its handles close. */
void api_close(struct api **api);
