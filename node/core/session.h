/* A link's session: HELLO, WELCOME, confirmation, pulses, its end; what it brings of policy and directory. */
#pragma once
#include "node/core/table.h"

void node_on_up(struct node_step *s, uint8_t link);
void node_on_welcome(struct node_step *s);
void node_on_pulse(struct node_step *s);
void node_on_credit(struct node_step *s);
void node_on_room(struct node_step *s);
void node_on_bye(struct node_step *s);
void node_on_bad_frame(struct node_step *s);
/* The connection is gone, or was cut. */
void node_session_over(struct node_step *s, uint8_t link, enum wire_status why);
/* Asks the shell to end it, and counts it as ended. */
void node_session_cut(struct node_step *s, uint8_t link, enum wire_status why);
/* The fresh token is durable: the session is confirmed. */
void node_session_committed(struct node_step *s, uint8_t link);
/* Pulses due, silence, a HELLO without answer, receipts that do not come. */
void node_session_timer(struct node_step *s, uint8_t link);
int64_t node_session_next_ms(const struct node_core *core, uint8_t link); /* INT64_MAX: nothing to wait for */

/* WELCOME says where the broker's heads stand: what is sent again, what becomes drafts, what is missing. */
void node_lineage(struct node_step *s, uint8_t link, const Wire__Welcome *welcome);

void node_on_policy_piece(struct node_step *s);
void node_on_directory_piece(struct node_step *s);
void node_on_policy(struct node_step *s);
void node_on_directory(struct node_step *s);
/* The next policy's time has come. */
void node_policy_timer(struct node_step *s);
void node_take_enrolment(struct node_step *s, const struct node_directory *directory);

void node_pulse_send(struct node_step *s, uint8_t link);
