/* The node as a process: what its shell files share. main.c wires it up; each file beside it does one thing.
 *
 *   links.c     one client a broker: up, down, messages
 *   intake.c    a message from a broker → decoded, verified, looked up → event
 *   deliver.c   the same for DELIVER: part, signatures, own box, payloads
 *   perform.c   effects → store, jobs, queue of sends, timer
 *   jobs.c      what the core wants done and answered: rows, a sealed batch, a policy, erasing
 *   seal.c      drafts → batch: rules, key boxes, ciphertext, headers, root, signature
 *   post.c      what leaves: filled, signed after the sync, sent in order
 *   rest.c      payloads under their day keys; erasing
 *   trust.c     directory, revocation, policy: rows, files and pieces → events
 *   reload.c    SIGHUP: what of configuration and files can change while it runs
 *   notes.c     notes → log, event ring, alarms
 *   desk.c      what people ask over the local API: publish, withdraw, preview
 *   show.c      what they may see: inbox, outbox, links, status
 *   evidence.c  one envelope for somebody else to check
 *
 * One thread, the loop's. The core decides; nothing here does. */
#pragma once
#include "certs/seal.h"
#include "certs/verify.h"
#include "link/client.h"
#include "node/api/backend.h"
#include "node/core/core.h"
#include "node/store/store.h"
#include "shell/post.h"
#include "shell/shell.h"

struct api;
struct node_desk;
struct node_jobs;
struct node_notes;
struct node_trust;

enum { NODE_STATUSES = 400 };

/* One broker. */
struct node_line {
    struct node *node;
    uint8_t index; /* of the core's links */
    struct link_client *client;
    uint64_t session; /* rises with every end of one: what was to be sent in it is dropped */
    bool up, cutting;
    uint8_t key[2][LINK_CLIENT_KEY_BYTES]; /* the broker's CURVE key, and the one it rolls over to */
    size_t key_count, key_now;
};

struct node {
    struct shell shell;
    struct link_node_config config;
    struct cert_payload *payload;
    uint8_t import_secret[WIRE_HASH_BYTES]; /* of the identity, which stays as long as the process */
    struct store store;

    struct node_core *core;
    struct node_options core_options;
    struct node_out out;
    void *out_memory;
    struct wire_arena arena; /* one event, its look-ups and payload rows; reset by who makes the event */
    /* What payloads of the event being stepped the core may name. */
    struct {
        const struct node_event *event;
        const struct wire_bytes *plain; /* one a draft of PUBLISH */
        const struct wire_bytes *salt;  /* one a draft of SEALED, … */
        const struct wire_bytes *carried;
        /* The batch of SEALED as it travels: sent in the same step it need not be put together again. */
        struct wire_bytes whole;
        struct node_key whole_key; /* of its BATCH row */
    } stepping;

    struct node_line line[NODE_LINKS_MAX];
    struct shell_post *post;
    struct node_jobs *jobs;
    struct node_trust *trust;
    struct node_notes *notes;
    struct node_desk *desk;
    struct api *api;

    uint64_t refused_frames[NODE_STATUSES]; /* by wire status */
    uint64_t seconds;
};

/* Steps the core with the event (times and randomness are filled in here), performs everything that follows, and does
 * the jobs that come of it, but when it is called from within such a job. */
void node_step(struct node *node, struct node_event *event);
/* Ends the process in order, with this exit code; what is committed stays, what is not was never acknowledged. */
void node_stop(struct node *node, int exit_code);
/* perform.c */
void node_on_stored(struct node *node);

/* links.c */
enum wire_status node_links_open(struct node *node, struct wire_problem *problem);
/* Reads the brokers' keys: what -n checks. */
enum wire_status node_links_check(struct node *node, struct wire_problem *problem);
void node_links_close(struct node *node);
/* CUT: the core knows. */
void node_link_cut(struct node *node, uint8_t link);
/* The broker says which CURVE key it will have; taken when the directory knows it as a broker's. */
void node_link_next_key(struct node *node, uint8_t link, const uint8_t key[LINK_CLIENT_KEY_BYTES]);

/* intake.c */
void node_on_message(struct node *node, uint8_t link, struct wire_bytes payload);
/* deliver.c */
void node_take_deliver(struct node *node, uint8_t link, const Wire__Deliver *deliver, size_t frame_bytes);
/* The witness of a DELIVER when it is the broker's and of this root; else NULL. */
Wire__WitnessStatement *node_witness(struct node *node, const Wire__Signed *signed_, ProtobufCBinaryData root,
                                     struct wire_arena *arena);
/* Opens what a header says was sealed to us. out: carried.size - CERT_TAG_BYTES. */
enum wire_status node_open_sealed(struct node *node, const uint8_t box_key[CERT_KEY_BYTES], const Wire__Header *header,
                                  struct wire_bytes carried, uint8_t *out);

/* jobs.c */
struct node_jobs *node_jobs_new(struct node *node);
void node_jobs_free(struct node_jobs **jobs);
void node_jobs_fetch(struct node_jobs *jobs, const struct node_fetch *fetch);
void node_jobs_seal(struct node_jobs *jobs, const struct node_seal *seal);
void node_jobs_erase(struct node_jobs *jobs, uint32_t day);
/* Takes `bytes` (malloc). */
void node_jobs_policy(struct node_jobs *jobs, uint8_t link, void *bytes, size_t size);
/* Does what is waiting, and what that brings. Not from within a job. */
void node_jobs_run(struct node_jobs *jobs);

/* seal.c */
/* The answer to SEAL, stepped. */
void node_seal_drafts(struct node *node, const struct node_seal *seal, struct wire_arena *arena);
/* Asks the rules of now about an envelope of ours: lane, form and keep_until of the header are not compared (a
 * preview), its mechanism is chosen when so asked. What it answers or corrects is looked up; an original without a
 * receipt counts as given to whom the rules would give it. NO_POLICY while there is none. */
enum wire_status node_decide(struct node *node, const Wire__Header *header, bool choose_mechanism,
                             struct wire_arena *arena, struct rules_question *question,
                             struct rules_decision *decision);

/* post.c */
struct shell_post *node_post_new(struct node *node);
void node_post_send(struct node *node, const struct node_send *send);
/* The session ends: what has not gone is dropped. */
void node_post_end(struct node *node, uint8_t link);

/* rest.c */
/* PAYLOAD and CARRIED rows of an append; returns how many were written to rows (at most append->payload_count). */
size_t node_rest_rows(struct node *node, const struct node_append *append, struct wire_arena *arena,
                      struct wire_row *rows);
/* The payload of an envelope of ours as written. *out.data NULL: there is none. OK, ERASED (or never there), DAMAGED.
 */
enum wire_status node_rest_plain(struct node *node, uint32_t day, uint64_t place, struct wire_arena *arena,
                                 struct wire_bytes *out);
/* Salt and payload as they travelled: of ours by place, of others' by order in the inbox. */
enum wire_status node_rest_carried(struct node *node, uint32_t day, enum node_side side, uint64_t number,
                                   struct wire_arena *arena, struct wire_bytes *salt, struct wire_bytes *payload);
/* Destroys the keys of all days up to `day` and a bounded number of their rows; true: rows are left. */
bool node_rest_erase(struct node *node, uint32_t day);

/* trust.c */
struct node_trust *node_trust_new(struct node *node);
void node_trust_free(struct node_trust **trust);
/* Directory and CRL of store and files, before anything connects. */
enum wire_status node_trust_load(struct node_trust *trust, struct wire_problem *problem);
/* For -n: the newest policy of the store verifies and compiles. */
enum wire_status node_trust_check(struct node_trust *trust, struct wire_problem *problem);
/* DIRECTORY and POLICY events after the boot. */
void node_trust_boot(struct node_trust *trust);
/* SIGHUP: the directory file again. */
enum wire_status node_trust_reload(struct node_trust *trust, struct wire_problem *problem);
/* Each minute: whose certificates have begun or ended. */
void node_trust_refresh(struct node_trust *trust);
void node_trust_piece(struct node_trust *trust, uint8_t link, const Wire__DirectoryPiece *piece);
void node_trust_keep_piece(struct node_trust *trust, const struct node_piece *piece, ProtobufCBinaryData bytes);
/* A whole SignedPolicy from a broker. */
void node_trust_policy(struct node_trust *trust, uint8_t link, struct wire_bytes bytes);
/* The text of the policy in force, decoded; NULL: none. */
const Wire__PolicyText *node_trust_policy_text(struct node_trust *trust, struct wire_arena *arena);
bool node_enrolled(void *node, uint32_t region);

/* reload.c */
void node_reload(struct node *node);

/* notes.c */
struct node_notes *node_notes_new(struct node *node);
void node_notes_free(struct node_notes **notes);
void node_notes_add(struct node_notes *notes, const struct node_note *note);
/* Alarms that the shell itself raises and ends. `topic` and words are literals. */
void node_alarm(struct node_notes *notes, const char *topic, bool on, const char *zh, const char *en);
uint64_t node_notes_visit(struct node_notes *notes, uint64_t after,
                          bool (*visit)(void *context, const struct api_event *event), void *context);
void node_notes_wake(struct node_notes *notes, void (*wake)(void *context), void *context);

/* desk.c */
struct node_desk *node_desk_new(struct node *node);
void node_desk_free(struct node_desk **desk);
/* DONE: the caller is told when `after` is committed. */
void node_desk_done(struct node_desk *desk, const struct node_done *done);
void node_desk_flush(struct node_desk *desk, uint64_t committed);
void node_desk_publish(void *node, struct api_draft *drafts, size_t count,
                       void (*done)(void *context, const struct api_result *results, size_t count), void *context);
enum wire_status node_desk_preview(void *node, struct api_draft *draft, struct wire_arena *arena,
                                   struct api_preview *out, struct wire_problem *problem);
void node_desk_withdraw(void *node, const uint8_t id[WIRE_ID_BYTES],
                        void (*done)(void *context, const struct api_result *results, size_t count), void *context);

/* show.c: the rest of struct api_backend */
struct api_backend node_backend(struct node *node);

/* evidence.c */
enum wire_status node_evidence(void *node, const uint8_t id[WIRE_ID_BYTES], bool inbox, struct wire_arena *arena,
                               struct wire_bytes *out);
