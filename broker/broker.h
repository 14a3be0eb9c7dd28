/* The broker as a process: what its shell files share. main.c wires it up; each file beside it does one thing.
 *
 *   waiting.c  whose turn it is of what came in: a flash first
 *   intake.c   a message from a peer → gate → look-ups → event
 *   perform.c  effects → ledger, fetches, queue of sends, timer
 *   post.c     what leaves: completed, signed after the sync, sent in order
 *   parts.c    DELIVER from the stored batch; those just admitted and a few others kept decoded
 *   rest.c     payload rows under their day keys; erasing
 *   own.c      the broker's own envelopes (reminder, overdue)
 *   trust.c    directory, revocation, policy: files → events
 *   reload.c   SIGHUP: what of configuration and files can change while it runs
 *   watch.c    /metrics, links, status, operator commands over HTTP
 *
 * One thread, the loop's. The core decides; nothing here does. */
#pragma once
#include "broker/core/core.h"
#include "broker/gate/gate.h"
#include "broker/ledger/ledger.h"
#include "link/http.h"
#include "link/server.h"
#include "shell/shell.h"

struct broker_waiting;
struct broker_post;
struct broker_parts;
struct broker_trust;
struct broker_own;

enum { BROKER_STATUSES = 400 };

/* An exact FETCH of the core, its bytes copied. */
struct broker_exact {
    struct broker_fetch fetch;
    uint8_t from[WIRE_KEY_BYTES_MAX], prefix[WIRE_KEY_BYTES_MAX];
};

/* Lines of one kind in this second: nobody fills the log from outside. */
struct broker_quiet {
    uint32_t lines;
    uint64_t left_out;
};
enum { BROKER_TOPICS_MAX = 64 };

struct broker {
    struct shell shell;
    struct link_broker_config config;
    struct gate gate;
    struct ledger ledger;

    struct broker_core *core;
    struct broker_out out;
    struct wire_arena frame_arena; /* one message and its look-ups; reset for each */
    struct broker_own *own;        /* a SEAL that waits; NULL: none */

    struct broker_waiting *waiting;
    struct broker_post *post;
    struct broker_parts *parts;
    struct broker_trust *trust;
    struct link_server *server;
    struct link_http *http;
    char endpoint[LINK_LISTEN_MAX][LINK_ENDPOINT_BYTES];

    uv_timer_t seal;                               /* a SEAL waits: made in a loop turn of its own */
    uv_timer_t leave;                              /* the post's: peers that were told to go */
    uv_idle_t turn;                                /* active while frames wait for their turn */
    struct broker_exact exact[BROKER_FETCHES_MAX]; /* asked for in this step, answered before any other event */
    size_t exact_count;
    struct broker_quiet refused_quiet, note_quiet[BROKER_TOPICS_MAX];
    uint64_t refused_frames[BROKER_STATUSES]; /* by wire status, for /metrics */
    uint64_t seconds;
    bool descriptors_scarce; /* said so */
    bool erasing, damaged;
    bool booted; /* the core is; before that it takes no event */
};

/* Steps the core with the event (times and randomness are filled in here) and performs everything that follows. */
void broker_step(struct broker *broker, struct broker_event *event);
/* Ends the process in order, with this exit code; what is committed stays, what is not was never acknowledged. */
void broker_stop(struct broker *broker, int exit_code);
/* notes.c: what happened, for the log */
/* A peer or stranger that is not accepted: counted by reason; true when it may be logged too. */
bool broker_refused(struct broker *broker, enum wire_status status);
void broker_notes_add(struct broker *broker, const struct broker_note *note);
void broker_notes_second(struct broker *broker); /* every second: what was left out in the last one is said */

/* waiting.c */
struct broker_waiting *broker_waiting_new(struct broker *broker);
void broker_waiting_free(struct broker_waiting **waiting);
void broker_on_message(void *ctx, link_peer peer, const char *user_id, struct wire_bytes payload);
void broker_on_turn_end(void *ctx);
/* What of a peer that is gone still waits is heard now, or dropped. */
void broker_waiting_end(struct broker_waiting *waiting, link_peer peer, bool heard);
/* intake.c */
/* A message whose turn it is. */
void broker_hear(struct broker *broker, link_peer peer, const char *user_id, struct wire_bytes payload);
void broker_on_down(void *ctx, link_peer peer, const char *user_id, enum link_down why);
/* perform.c */
void broker_on_stored(struct broker *broker);
/* Tells the core when the ledger is nearly full, and when it no longer is. */
void broker_watch_room(struct broker *broker);
/* post.c */
struct broker_post *broker_post_new(struct broker *broker);
void broker_post_free(struct broker_post **post);
void broker_post_send(struct broker_post *post, const struct broker_send *send);
void broker_post_policy(struct broker_post *post, const struct broker_send_policy *send);
void broker_post_directory(struct broker_post *post, const struct broker_send_directory *send);
/* A DIRECTORY piece with the revocation list and no record. */
void broker_post_crl(struct broker_post *post, link_peer peer);
void broker_post_cut(struct broker_post *post, const struct broker_cut *cut);
/* BYE with this reason, then CUT. */
void broker_post_bye(struct broker_post *post, link_peer peer, enum wire_status status);
/* It was told to go: nothing that it still says counts. */
bool broker_post_leaving(const struct broker_post *post, link_peer peer);
/* Sends what goes after `committed` or earlier. */
void broker_post_flush(struct broker_post *post, uint64_t committed);
/* Makes what goes after this ticket, while there is nothing else to do. */
void broker_post_ahead(struct broker_post *post, uint64_t ticket);
/* parts.c */
struct broker_parts *broker_parts_new(struct broker *broker);
void broker_parts_free(struct broker_parts **parts);
/* An append with a payload, and all its rows: the batch is kept decoded for those who get it. */
void broker_parts_put(struct broker_parts *parts, const struct broker_append *append, const struct wire_row *row,
                      size_t count);
/* Completes a DELIVER: part, given, and the witness's statement without its signature. Memory of the arena. */
enum wire_status broker_parts_fill(struct broker_parts *parts, const struct broker_part_source *source,
                                   Wire__Deliver *deliver, struct wire_arena *arena);
/* Wipes what is kept decoded: after an erasure no payload outlives its key here. */
void broker_parts_forget(struct broker_parts *parts);
/* rest.c */
/* PAYLOAD and PAYLOAD_DAY rows of an append; returns how many were written to rows. */
size_t broker_rest_rows(struct broker *broker, const struct broker_append *append, struct wire_arena *arena,
                        struct wire_row *rows, size_t rows_max);
/* The payloads of a batch that are kept until one day, opened. NULL with *status ERASED or NOT_FOUND. */
Wire__LedgerPayloads *broker_rest_open(struct broker *broker, uint64_t serial, uint32_t day, struct wire_arena *arena,
                                       enum wire_status *status);
/* Destroys the keys of all days up to `day` (yyyymmdd of Asia/Shanghai) and a bounded number of their rows; true: rows
 * are left. */
bool broker_rest_erase(struct broker *broker, uint32_t day);
/* own.c */
/* SEAL: what is asked for is copied; the batch is made in a loop turn of its own (broker_own_seal) and answered with
 * SEALED: a thousand reminders that fall due at once do not stop the loop. */
void broker_own_take(struct broker *broker, const struct broker_seal *seal);
void broker_own_seal(struct broker *broker);
/* trust.c */
struct broker_trust *broker_trust_new(struct broker *broker);
void broker_trust_free(struct broker_trust **trust);
/* Directory and CRL of ledger and files, before anything listens. */
enum wire_status broker_trust_load(struct broker_trust *trust, struct wire_problem *problem);
/* For -n: the policy file verifies and compiles. */
enum wire_status broker_trust_check(struct broker_trust *trust, struct wire_problem *problem);
/* Events for the core: at boot; after SIGHUP (each file counts for itself: a wrong policy does not keep a revocation
 * out; the first problem is returned); each second, when a certificate began, ended or was to be revoked by now. */
void broker_trust_boot(struct broker_trust *trust);
enum wire_status broker_trust_reload(struct broker_trust *trust, struct wire_problem *problem);
void broker_trust_second(struct broker_trust *trust);
bool broker_trust_allow(void *ctx, const uint8_t key[LINK_KEY_BYTES], char user_id[LINK_USER_ID_BYTES]);
/* Encoded SignedPolicy of a version, in the arena. */
struct wire_bytes broker_trust_policy(struct broker_trust *trust, uint64_t version, struct wire_arena *arena);
/* Sends the revocation list to everybody who has a session. */
void broker_trust_send_crl(struct broker_trust *trust);
/* reload.c */
/* Logs what is wrong; the first problem is returned too. */
enum wire_status broker_reload(struct broker *broker, struct wire_problem *problem);
/* watch.c */
enum wire_status broker_watch_open(struct broker *broker, struct wire_problem *problem);
