/* A node behind the local API, for the fuzzer: real rules, an outbox that remembers, an inbox of one notice about a
 * person and one supply request. */
#pragma once
#include "node/api/inside.h"

/* The API over it; made at the first call, lives as long as the process. Its one token, "fuzz", has every role. */
struct api *api_node(void);
/* An empty outbox again. */
void api_node_reset(void);
/* Publishing and imports run to their end. */
void api_node_settle(void);
/* A route's path with its {part} filled in: an id or number of the outbox or inbox, or a wrong one. Good until the next
 * call. */
struct wire_bytes api_node_path(const char *pattern, uint8_t which);
/* The bytes hold the name or number of the person in the inbox. */
bool api_node_person(struct wire_bytes bytes);
