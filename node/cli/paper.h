/* One notice as an officer reads it, in the style of an official paper (GB/T 9704): marking, title, document number,
 * number, from, to, terms; the content; who drafted and approved it. */
#pragma once
#include "node/cli/walk.h"
#include "wire/kind.h"

/* `envelope`: what GET /v1/inbox/{id} or /v1/outbox/{id} answers. */
void cli_paper_envelope(const struct cli_paper *paper, const json_t *envelope);
/* The content alone, without `common`. */
void cli_paper_payload(const struct cli_paper *paper, const struct wire_kind *kind, const json_t *payload);

/* Renderings of their own; every other kind is read by its schema. Adding one = a function and a row in paper.c. */
void cli_paper_contact_notice(const struct cli_paper *paper, const struct wire_kind *kind, const json_t *payload);
void cli_paper_supply_request(const struct cli_paper *paper, const struct wire_kind *kind, const json_t *payload);
void cli_paper_reminder(const struct cli_paper *paper, const struct wire_kind *kind, const json_t *payload);
