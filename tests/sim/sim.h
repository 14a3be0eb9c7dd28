/* The deterministic simulator: both cores, their stores in memory, a network, people and faults, all from one seed.
 *
 *   world.c     one run: set up, go, heal, demand convergence        queue.c    what happens when, in virtual time
 *   random.c    all chance there is                                  network.c  connections that delay, stall and die
 *   trust.c     toy keys and a directory that all copy               policy.c   the mechanisms, in three versions
 *   process.c   what broker and node have in common: life, clock, commits
 *   broker_shell.c, broker_post.c, broker_own.c                      as broker/perform.c, post.c, parts.c, own.c,
 * intake.c node_shell.c, node_intake.c, node_seal.c, node_post.c            as node/perform.c, jobs.c, intake.c,
 * seal.c, post.c officer.c   people who publish, answer, correct, withdraw        fault.c    what the seed lets go
 * wrong plan.c      what is done to a world, from a seed or a script     shrink.c   fewer acts that fail as well
 * reminders.c once a term                                               attempt.c  a world in its own process
 * worlds.c    many of them                                               canary.c   bugs planted on purpose
 * model.c     what must be true of every envelope                  invariant_NN.c  the checkers, by number (DESIGN)
 * owed.c      what is owed until when                              answers.c       who answered what
 *
 * The shells here do what the real ones do with sockets and disks: look up, step, perform. Whatever is decided is
 * decided by the real cores; hashes, Merkle trees, rows and codecs are the real ones, signatures are keyed hashes. */
#pragma once
#include "broker/ledger/ledger.h"
#include "keep/memory.h"
#include "node/store/store.h"
#include "wire/codec.h"
#include "wire/ensure.h"
#include <stdio.h>

enum {
    SIM_NODES_MAX = 44, /* with clones */
    SIM_REGIONS = 34,
    SIM_BROKERS_MAX = 2,
    SIM_POLICIES = 4,
    SIM_RECORDS_MAX = 1024,
    SIM_IMAGES = 3,
    SIM_HOARD = 4,
    SIM_HOARD_BYTES = 4096,
    SIM_SIGNATURE_BYTES = 32,
    SIM_TAG_BYTES = 16,
    SIM_MARK_BYTES = 16,
};

#define SIM_MS     1000LL
#define SIM_S      1000000LL
#define SIM_MINUTE (60 * SIM_S)

struct sim;
struct sim_conn;

/* --- random.c ----------------------------------------------------------------------------------------------------- */
struct sim_random {
    uint64_t s[4];
};
void sim_random_seed(struct sim_random *random, uint64_t seed);
uint64_t sim_random_next(struct sim_random *random);

/* --- queue.c: what is to be done, by virtual time, then by the order it was asked for
 * ---------------------------------- */
typedef void sim_do(struct sim *sim, void *what, uint64_t number);
struct sim_due {
    int64_t at_us;
    uint64_t order;
    sim_do *run;
    void *what;
    uint64_t number;
};
struct sim_queue {
    struct sim_due *heap;
    size_t count, capacity;
    uint64_t order;
};
void sim_queue_add(struct sim_queue *queue, int64_t at_us, sim_do *run, void *what, uint64_t number);
bool sim_queue_take(struct sim_queue *queue, struct sim_due *out);

/* --- process.c ---------------------------------------------------------------------------------------------------- */
struct sim_process {
    struct sim *sim;
    char name[16];
    uint32_t region; /* 0: a broker */
    bool up;
    uint64_t life; /* rises with every end; what was to be done in an earlier life is not done */
    int64_t mono_zero_us, skew_ms, paused_until_us;
    int64_t drift_ppm, drift_since_us;
    bool disk_full;                    /* its store takes nothing */
    bool broken;                       /* an append was refused */
    uint64_t ticket_last, ticket_own;  /* the core's last append; those of the shell after it */
    uint32_t key_file, erased_through; /* rest.c */
    bool keys_lost;                    /* ever */
    int64_t started_us, clock_us;      /* when it started, when its clock was set last */
    uint64_t rechecks;                 /* of the newest look at who is enrolled now */
    struct keep *keep;
    bool commit_due;
    int64_t commit_us; /* how long a commit takes at most */
    int64_t slow_until_us;
    struct keep_image *image[SIM_IMAGES]; /* backups */
    size_t image_count;
    int64_t wake_at_us; /* of the newest WAKE */
    uint64_t wakes;
    void (*stored)(struct sim_process *process); /* something was committed or fetched */
    void (*crash)(struct sim_process *process);
    void (*start)(struct sim_process *process);
    void (*timer)(struct sim_process *process);
    void (*room)(struct sim_process *process);    /* look whether there is room */
    void (*recheck)(struct sim_process *process); /* a certificate may have ended, or the clock was moved */
};
int64_t sim_mono_ms(const struct sim_process *process);
int64_t sim_wall_ms(const struct sim_process *process);
int64_t sim_true_ms(const struct sim *sim); /* what a wall clock should show */
/* Rows were appended or a fetch was asked for: there will be a commit, and then word of it. */
void sim_process_touch(struct sim_process *process);
void sim_process_fetched(struct sim_process *process);
void sim_process_wake(struct sim_process *process, int64_t mono_ms);
/* True: it is paused; the same will be done afterwards, in the same order. */
bool sim_process_defer(struct sim_process *process, sim_do *run, void *what, uint64_t number);
/* Loses what is not committed, and starts again in a while (0: not by itself). */
void sim_process_crash(struct sim_process *process, int64_t restart_us);
void sim_process_image(struct sim_process *process);
/* The disk is full from now on, or no longer; the process sees it within a second, as the real ones do. */
void sim_process_disk(struct sim_process *process, bool full);
/* Recheck when by its own clock the next certificate of its directory ends. */
void sim_process_recheck(struct sim_process *process, uint64_t epoch);
/* The clock is set off by skew_ms, and runs on by drift_ppm too fast. */
void sim_process_clock(struct sim_process *process, int64_t skew_ms, int64_t drift_ppm);

/* --- rest.c: payloads at rest, and appends ------------------------------------------------------------------------ */
/* An append of the core's. */
void sim_process_append(struct sim_process *process, const struct wire_row *rows, size_t count, uint64_t ticket);
/* The core's last ticket that is durable. */
uint64_t sim_process_committed(const struct sim_process *process);
/* A payload row's value in the arena; .data NULL: the day is over. */
struct wire_bytes sim_rest_seal(struct sim_process *process, uint32_t day, struct wire_bytes a, struct wire_bytes b);
/* What was sealed; .data NULL: erased, or its key file is lost. */
struct wire_bytes sim_rest_open(const struct sim_process *process, uint32_t day, struct wire_bytes row);
void sim_rest_lose(struct sim_process *process);
void sim_rest_erase_keys(struct sim_process *process, uint32_t day);
/* Until a little after the next midnight of its clock. */
int64_t sim_rest_next_us(const struct sim_process *process);
/* Rows whose key begins with a day, and (payload_of) those that they point to. */
struct sim_rest_table {
    uint8_t by_day, payload;
    struct broker_key (*payload_of)(struct wire_bytes key);
};
/* Some rows of days that are over; true: there are more. */
bool sim_rest_erase_rows(struct sim_process *process, const struct sim_rest_table *table, size_t tables, uint32_t day);

/* --- trust.c ------------------------------------------------------------------------------------------------------ */
struct sim_record {
    uint32_t region, generation; /* region 0: brokers; generation = index of the broker */
    bool revoked;
    int64_t at_us;
    int64_t until_ms; /* the last moment at which it is valid */
};
/* One history; whoever knows of it knows a beginning of it: `epoch` records. */
struct sim_trust {
    struct sim_record record[SIM_RECORDS_MAX];
    uint64_t epoch;
    uint8_t secret[WIRE_HASH_BYTES];
};
struct sim_key {
    uint32_t region, generation;
};
/* Which broker a broker's key is of: they take turns. */
static inline unsigned sim_broker_of(struct sim_key key)
{
    return (key.generation - 1) % SIM_BROKERS_MAX;
}
enum { SIM_RECORD_BYTES = 40 };
enum sim_usage { SIM_IDENTITY = 1, SIM_SEAL = 2 };
void sim_trust_issue(struct sim *sim, uint32_t region, uint32_t generation, int64_t until_ms);
void sim_trust_revoke(struct sim *sim, uint32_t region, uint32_t generation);
/* A certificate of it was ever revoked, or may have ended. */
bool sim_has_left(const struct sim *sim, uint32_t region);
/* When the next certificate ends after now_ms; INT64_MAX: none does. */
int64_t sim_trust_next_ms(const struct sim *sim, uint64_t epoch, int64_t now_ms);
void sim_trust_encode(const struct sim *sim, uint64_t epoch, uint8_t out[SIM_RECORD_BYTES]);
bool sim_enrolled(const struct sim *sim, uint64_t epoch, uint32_t region, int64_t at_ms);
/* Of the newest key of a region that is valid at at_ms; 0: none. */
uint32_t sim_generation(const struct sim *sim, uint64_t epoch, uint32_t region, int64_t at_ms);
void sim_certificate(const struct sim *sim, enum sim_usage usage, struct sim_key key, uint8_t out[WIRE_HASH_BYTES]);
/* OK, UNKNOWN_SIGNER, SIGNER_REVOKED, SIGNER_EXPIRED (by at_ms; INT64_MIN: any time will do). */
enum wire_status sim_certificate_check(const struct sim *sim, uint64_t epoch, enum sim_usage usage,
                                       struct wire_bytes certificate, int64_t at_ms, struct sim_key *out);
void sim_sign_batch(const struct sim *sim, struct sim_key key, Wire__BatchSeal *seal, struct wire_arena *arena);
enum wire_status sim_verify_batch(const struct sim *sim, uint64_t epoch, const Wire__BatchSeal *seal, int64_t at_ms,
                                  uint32_t *region);
/* Fills what is blank of all of them: leaves of one root. */
void sim_sign_statements(const struct sim *sim, struct sim_key key, Wire__Signed **blank, size_t count,
                         struct wire_arena *arena);
enum wire_status sim_verify_signed(const struct sim *sim, uint64_t epoch, const Wire__Signed *signed_, uint32_t region,
                                   int64_t at_ms);
/* A key box of 32 bytes for the holder of a seal key, and its opening. */
void sim_box(const struct sim *sim, struct sim_key key, const uint8_t box_key[32], uint8_t cms[40]);
bool sim_unbox(const struct sim *sim, uint32_t region, struct wire_bytes cms, uint8_t box_key[32]);
/* data in place; tag over key, id and text. */
void sim_crypt(const struct sim *sim, const uint8_t key[32], const uint8_t *id, uint8_t *data, size_t size);
void sim_tag(const struct sim *sim, const uint8_t key[32], const uint8_t *id, struct wire_bytes data,
             uint8_t tag[SIM_TAG_BYTES]);

/* --- policy.c ----------------------------------------------------------------------------------------------------- */
struct sim_policy {
    struct rules_policy *policy;
    uint64_t version;
    int64_t in_force_ms;
    struct wire_digest digest;
    uint8_t *bytes; /* what travels: a toy SignedPolicy */
    size_t size;
};
void sim_policies_make(struct sim *sim);
void sim_policies_free(struct sim *sim);
/* Whose bytes these are; NULL: nobody's. */
const struct sim_policy *sim_policy_of(const struct sim *sim, struct wire_bytes bytes);

/* --- network.c ---------------------------------------------------------------------------------------------------- */
/* What the broker at the other end does not do honestly: leaves a part out, sends one twice, says another running hash
 * with it, signs for other queues than it delivered. */
enum sim_lie { SIM_LIE_NONE, SIM_LIE_OMIT, SIM_LIE_TWICE, SIM_LIE_CHAIN, SIM_LIE_TWO_HISTORIES };
struct sim_conn {
    enum sim_lie lie;
    bool told, noticed;
    uint64_t id;
    unsigned node, link, broker;
    bool node_end, broker_end; /* who still knows it */
    uint64_t node_life, broker_life;
    int64_t last_us[2], stalled_us[2];
    uint64_t next[2], done[2], limit[2];     /* messages: sent, arrived, how many will ever arrive. [0] to the broker */
    uint64_t plain_bytes[2], flash_bytes[2]; /* in flight: all counted lanes but flash; flash */
    struct sim_message *first[2], **last[2]; /* in flight, the oldest first */
};
struct sim_path {
    int64_t latency_us, jitter_us;
    uint64_t bytes_per_ms;
    int64_t parted_until_us; /* nothing connects */
};
void sim_net_connect(struct sim *sim, unsigned node, unsigned link, int64_t in_us);
/* Copies. */
void sim_net_send(struct sim *sim, struct sim_conn *conn, bool to_broker, struct wire_bytes bytes, int lane);
/* One end goes; the other hears of it later, or never. */
void sim_net_leave(struct sim *sim, struct sim_conn *conn, bool broker);
/* The network ends it for both. */
void sim_net_cut(struct sim *sim, struct sim_conn *conn);
struct sim_conn *sim_conn_find(struct sim *sim, uint64_t id);
void sim_net_free(struct sim *sim);

/* --- the broker --------------------------------------------------------------------------------------------------- */
struct sim_entry;
struct sim_broker {
    struct sim_process process; /* first */
    unsigned index;
    struct ledger ledger;
    void *memory;
    struct broker_core *core;
    uint64_t ticket_told, ticket_last;
    uint64_t epoch, policies; /* told */
    struct sim_entry *first, **last;
    size_t post_bytes;
    uint32_t generation; /* of its key; sim_broker_of */
    bool flushing, full; /* full: as the core was told */
    bool own_waits;
    uint64_t own_request;
    char own_mechanism[WIRE_MECHANISM_BYTES_MAX + 1];
    Wire__Lane own_lane;
    size_t own_count;
    struct broker_draft own[BROKER_SEAL_DRAFTS_MAX];
    const struct broker_event *stepping;
    uint64_t losses; /* how often an older image was put in its place */
    bool lost_bytes; /* ever */
    int64_t rolled_since_us;
    bool enrolled[SIM_REGIONS];         /* as it was told */
    int64_t revoked_at_us[SIM_REGIONS]; /* when it was told; 0: it is enrolled, or was never told */
};
void sim_broker_init(struct sim *sim, unsigned index);
void sim_broker_free(struct sim_broker *broker);
void sim_broker_step(struct sim_broker *broker, struct broker_event *event);
void sim_broker_message(struct sim_broker *broker, struct sim_conn *conn, struct wire_bytes bytes);
void sim_broker_down(struct sim_broker *broker, struct sim_conn *conn);
/* SIGHUP: directory and policies of the world. */
void sim_broker_reload(struct sim_broker *broker);
void sim_broker_operate(struct sim_broker *broker, enum broker_operation operation, uint32_t region);
/* broker_post.c */
void sim_post_send(struct sim_broker *broker, const struct broker_send *send);
void sim_post_other(struct sim_broker *broker, int what, uint64_t peer, uint64_t after, uint64_t from, uint64_t to);
void sim_post_cut(struct sim_broker *broker, const struct broker_cut *cut);
void sim_post_flush(struct sim_broker *broker);
void sim_post_drop(struct sim_broker *broker);
enum { SIM_POST_FRAME, SIM_POST_POLICY, SIM_POST_DIRECTORY, SIM_POST_CUT };
/* broker_own.c */
void sim_own_take(struct sim_broker *broker, const struct broker_seal *seal);

/* --- the node ----------------------------------------------------------------------------------------------------- */
struct sim_job;
struct sim_line {
    struct sim_conn *conn; /* NULL: down */
    uint64_t session;
    int64_t alive_us;
    uint32_t failures; /* attempts in a row */
    uint8_t *piece;
    size_t piece_size;
};
struct sim_node {
    struct sim_process process; /* first */
    unsigned index, region_index;
    bool exists;         /* clones come and go */
    uint32_t generation; /* of its key */
    struct node_options options;
    struct store store;
    void *memory;
    struct node_core *core;
    uint64_t ticket_told;
    uint64_t epoch; /* of its directory */
    struct sim_line line[SIM_BROKERS_MAX];
    struct sim_entry *first, **last;
    struct sim_job *job, **job_last;
    bool job_running, flushing, full;
    const struct node_event *stepping;
    const struct wire_bytes *plain, *salt, *carried; /* of the event being stepped */
    uint64_t publish;                                /* requests */
    bool lost_bytes;                                 /* its store was restored, cloned or emptied */
    struct sim_seen *seen;                           /* last seq of each stream in the inbox */
    size_t seen_count;
    struct sim_hoard *hoard; /* SIM_HOARD of them, when it is hostile */
};
/* A frame that a hostile node keeps to send it again. */
struct sim_hoard {
    size_t size;
    uint8_t bytes[SIM_HOARD_BYTES];
};
struct sim_seen {
    uint8_t key[WIRE_KEY_BYTES_MAX];
    size_t size;
    uint64_t seq;
};
void sim_node_init(struct sim *sim, unsigned index, unsigned region_index);
void sim_node_free(struct sim_node *node);
void sim_node_step(struct sim_node *node, struct node_event *event);
void sim_node_up(struct sim_node *node, unsigned link, struct sim_conn *conn);
void sim_node_down(struct sim_node *node, struct sim_conn *conn);
void sim_node_cut(struct sim_node *node, unsigned link);
/* A row of PAYLOAD or CARRIED, opened; .data NULL: erased, or its keys are lost. */
struct wire_bytes sim_node_payload(struct sim_node *node, enum node_table table, uint32_t day, enum node_side side,
                                   uint64_t number, struct wire_arena *arena);
/* node_intake.c */
void sim_node_message(struct sim_node *node, struct sim_conn *conn, struct wire_bytes bytes);
void sim_node_policy(struct sim_node *node, const struct sim_policy *policy, bool stored);
void sim_node_enrolment(struct sim_node *node, struct node_directory *out);
/* node_seal.c */
void sim_node_seal(struct sim_node *node, const struct node_seal *seal);
/* Asks the node's rules about an envelope of ours, without its lane, form and keep-until. */
enum wire_status sim_node_decide(struct sim_node *node, const Wire__Header *header, bool choose_mechanism,
                                 struct rules_decision *decision);
/* node_post.c */
void sim_node_send(struct sim_node *node, const struct node_send *send);
void sim_node_flush(struct sim_node *node);
void sim_node_post_end(struct sim_node *node, unsigned link, uint64_t committed);

/* --- plan.c, officer.c, fault.c ----------------------------------------------------------------------------------- */
enum {
    SIM_ACT_NONE,
    SIM_ACT_PUBLISH,
    SIM_ACT_BURST,
    SIM_ACT_WITHDRAW,
    SIM_ACT_HAND_OVER,
    SIM_ACT_SHIFT,
    SIM_ACT_IMAGE,
    SIM_ACT_FAULTS,
    SIM_ACTS_MAX = SIM_ACT_FAULTS + 64
};
struct sim_act {
    int64_t at_us;
    unsigned kind;   /* SIM_ACT_…, or SIM_ACT_FAULTS + a row of fault.c */
    uint64_t number; /* seeds all chance in it */
};
/* Everything that is done to a world; what the cores, network and stores make of it follows from `seed` and this. */
struct sim_plan {
    uint64_t seed;
    unsigned nodes, brokers;
    int64_t pulse_s; /* 0: as usual. Long ones are for years */
    int64_t life_s;  /* of certificates; 0: they do not end */
    int64_t end_us;  /* of faults and officers */
    struct sim_act *act;
    size_t count, capacity;
};
struct sim_options;
void sim_plan_make(const struct sim_options *options, struct sim_plan *plan);
/* false: said on stderr. */
bool sim_plan_read(const char *path, struct sim_plan *plan);
bool sim_plan_write(const char *path, const struct sim_plan *plan, const char *remark);
void sim_plan_free(struct sim_plan *plan);

/* SIM_ACT_PUBLISH to _SHIFT by some node. */
void sim_officer(struct sim *sim, unsigned deed);
/* Kinds of faults are bits by row of the table in fault.c. */
uint64_t sim_faults_choose(struct sim_random *random);
/* The bit of a kind; 0: there is none of this name. */
uint64_t sim_fault_bit(const char *name);
/* An act of one of these kinds, by weight; SIM_ACT_NONE: there are none. */
unsigned sim_fault_pick(uint64_t kinds, uint64_t number);
void sim_fault(struct sim *sim, unsigned kind);
/* A certificate with a new key for a region; its node is started (again) with it. */
void sim_enrol(struct sim *sim, unsigned region_index);
const char *sim_act_name(unsigned kind);
unsigned sim_act_find(const char *name);
/* All of it ends: whoever is down comes up, operators answer what is asked of them. */
void sim_heal(struct sim *sim);
/* What an operator does in the course of time: accept a fork, accept a loss, enrol again. */
void sim_operator(struct sim *sim, void *what, uint64_t number);

/* --- hostile.c ---------------------------------------------------------------------------------------------------- */
/* A frame of a node, as it is about to leave; and when it has left. Nothing happens to those of honest ones. */
void sim_hostile_frame(struct sim_node *node, Wire__Frame *frame, struct wire_arena *arena);
void sim_hostile_sent(struct sim_node *node, struct sim_conn *conn, struct wire_bytes bytes);
/* From now on its broker lies on this connection; before what is sent is signed; how often a frame is sent. */
void sim_lie_begin(struct sim *sim, struct sim_conn *conn);
void sim_lie_before_signing(struct sim *sim, struct sim_conn *conn, Wire__Frame *frame, struct wire_arena *arena);
unsigned sim_lie_of(struct sim *sim, struct sim_conn *conn, Wire__Frame *frame, struct wire_arena *arena);
void sim_lie_noticed(struct sim_conn *conn);
/* There, let in, and honest: what is promised is promised to it. */
static inline bool sim_owed(const struct sim *sim, unsigned region_index);

/* --- model.c ------------------------------------------------------------------------------------------------------ */
struct sim_envelope {
    uint32_t origin; /* 0 with an empty id: a free slot; brokers' own have origin 0 */
    uint8_t id[WIRE_ID_BYTES];
    bool used;
    bool known; /* status and plain are set */
    Wire__Status status;
    uint64_t plain;                  /* hash of the payload as written */
    uint64_t given[SIM_BROKERS_MAX]; /* by index of region: the rules gave it to these */
    uint64_t ticket[SIM_BROKERS_MAX], life[SIM_BROKERS_MAX];
    uint64_t admitted_serial[SIM_BROKERS_MAX];
    uint32_t judged;  /* how often: a ledger that lost it judges it anew */
    uint64_t excused; /* regions that refused it, for its signer was revoked when the broker did not know yet */
    uint8_t verdict;  /* the first signed one that its origin verified: Wire__VerdictCode */
    uint64_t verdict_losses;
    uint32_t who, duty; /* of a reminder: who owes what */
    uint32_t by_origin; /* of what is over: which envelope ended it */
    uint8_t by[WIRE_ID_BYTES];
};
struct sim_model {
    struct sim_envelope *slot;
    size_t count, capacity;
};
struct sim_envelope *sim_model_find(struct sim *sim, uint32_t origin, const uint8_t *id);
struct sim_envelope *sim_model_add(struct sim *sim, uint32_t origin, const uint8_t *id);
uint64_t sim_hash64(const void *data, size_t size);
unsigned sim_region_index(const struct sim *sim, uint32_t region); /* SIM_REGIONS: none of ours */

/* --- answers.c ---------------------------------------------------------------------------------------------------- */
enum { SIM_ANYBODY = 0, SIM_ANY_DUTY = 0 }; /* of a cancel */
struct sim_answer {
    uint32_t origin; /* of what is answered */
    uint8_t id[WIRE_ID_BYTES];
    uint32_t who, duty; /* Wire__Duty */
};
struct sim_answers {
    struct sim_answer *list;
    size_t count, capacity;
};
void sim_answers_add(struct sim_answers *answers, const Wire__Reference *about, uint32_t who, uint32_t duty);
/* All that this acknowledgement, outcome or cancel ends; nothing for any other envelope. */
void sim_answers_of(struct sim_answers *answers, const Wire__Header *header);
void sim_answers_sort(struct sim_answers *answers);
bool sim_answers_have(const struct sim_answers *answers, uint32_t origin, const uint8_t *id, uint32_t who,
                      uint32_t duty); /* sorted */
void sim_answers_free(struct sim_answers *answers);

/* --- the checkers: each in the file of its number
 * ---------------------------------------------------------------------- */
/* 1: a signed receipt of the broker was verified by its origin. */
void sim_check_verdicts(struct sim_node *node, unsigned broker, const Wire__ReceiptStatement *statement);
/* 2: a frame leaves the broker. */
void sim_check_durable(struct sim_broker *broker, const Wire__Frame *frame, uint32_t region);
/* ... and a broker that is shown a receipt of its own that it has no batch of knows that it was put back. */
void sim_check_rolled_back(struct sim_broker *broker, const Wire__ReceiptStatement *shown);
/* reminders.c: an envelope of the broker's own is admitted. */
void sim_check_reminder(struct sim_broker *broker, const Wire__Header *header);
/* owed.c: an answer or cancel is admitted; the broker is about to say that something is due; and at the end. */
void sim_note_answer(struct sim_broker *broker, const struct broker_envelope_look *look, const Wire__Header *header);
void sim_check_due(struct sim_broker *broker, const struct broker_draft *draft);
void sim_check_owed(struct sim *sim);
/* 3: rows of a node, as they are appended; and at the end. */
void sim_check_inbox(struct sim_node *node, const struct wire_row *row);
/* ... an envelope of the broker's own is sealed. */
void sim_check_own_seq(struct sim_broker *broker, const Wire__Header *header);
/* What is delivered was not confirmed before, in a world without faults. */
void sim_check_cursor(struct sim_broker *broker, const struct sim_node *node, const Wire__Deliver *deliver);
/* The store is another one than before: what it holds. */
void sim_check_inbox_restart(struct sim_node *node);
void sim_check_inboxes(struct sim *sim);
/* 4: the model of who may have what, made when the ledger admits; and what leaves and arrives. */
void sim_note_admission(struct sim_broker *broker, const struct broker_append *append);
void sim_check_given(struct sim_broker *broker, const Wire__Frame *frame, uint32_t region);
void sim_check_taken(struct sim_node *node, uint32_t origin, const uint8_t *id, struct wire_bytes header);
/* 5: at the end, every envelope of every inbox verifies by what the node itself keeps of it. */
void sim_check_evidence(struct sim *sim);
/* 6: at the end, every envelope of every store has its verdict. */
void sim_check_outboxes(struct sim *sim);
/* 7: nothing waits any more. Says what does. */
bool sim_converged(struct sim *sim, char *why, size_t size);
/* 8: what stands in front of a flash. */
void sim_check_ahead(struct sim *sim, const struct sim_conn *conn, bool to_broker, int lane, size_t bytes);
/* 9: bounds. */
void sim_check_bounds(struct sim_broker *broker);
/* 10: nothing goes to or comes from whom the broker knows as revoked. */
void sim_check_revoked(struct sim_broker *broker, uint32_t region);
/* 11 */
void sim_check_status(struct sim_node *node, const Wire__Header *header, struct wire_bytes plain, bool readable);
/* 12: the world of these options a second time; digest: of the first run. Says in the report if it was another. */
void sim_check_twice(const struct sim_options *options, uint64_t digest);
/* 13: no bytes of a person's payload reach the broker in clear. */
void sim_check_secret(struct sim *sim, struct wire_bytes bytes);

/* 14: what is over cannot be read; now and then, and at the end. */
void sim_check_erased(struct sim *sim, bool at_end);
/* --- attempt.c: a world in a process of its own ------------------------------------------------------------------- */
/* Of all worlds of one run of the program. */
struct sim_totals {
    uint64_t worlds, steps, frames, published, handed, admitted, refused, delivered, own, crashes, forks, losses,
        erased_days, false_frames, lies, noticed;
    int64_t virtual_us;
    uint64_t act[SIM_ACTS_MAX];
};
enum { SIM_AUDIT = -1, SIM_STRANGE = -2, SIM_TOO_LONG = -3 };
struct sim_report {
    bool ended; /* all was well */
    uint64_t digest;
    int invariant; /* the number of a checker; 0: an honest peer was not understood; SIM_AUDIT: an ENSURE of the
                      product; SIM_STRANGE: anything else, in the simulator itself; SIM_TOO_LONG */
    int64_t at_us; /* virtual; of the failure or the end */
    int64_t real_us;
    uint64_t steps, published, delivered;
    struct sim_totals totals;
    char text[512]; /* what failed; or one line of numbers */
};
struct sim_options;
struct sim_attempt;
/* Begins in the background; `seconds` of a processor at most. */
struct sim_attempt *sim_attempt_begin(const struct sim_options *options, unsigned seconds);
/* Waits for any of them to end. The report is the caller's to read until sim_attempt_free. */
struct sim_attempt *sim_attempt_wait(struct sim_attempt **running, unsigned count);
const struct sim_report *sim_attempt_report(const struct sim_attempt *attempt);
const struct sim_options *sim_attempt_options(const struct sim_attempt *attempt);
void sim_attempt_free(struct sim_attempt **attempt);
/* What it wrote on stderr: the trace. */
void sim_attempt_said(const struct sim_attempt *attempt);
/* One, to its end. */
void sim_attempt(const struct sim_options *options, unsigned seconds, struct sim_report *out);
/* "invariant 4", "audit", … */
const char *sim_report_kind(const struct sim_report *report, char text[32]);

/* --- shrink.c ----------------------------------------------------------------------------------------------------- */
/* Leaves out what is not needed for the same failure, for at most `seconds`; returns how many worlds were run. */
unsigned sim_shrink(const struct sim_options *options, const struct sim_report *failure, unsigned seconds,
                    struct sim_plan *plan);

/* --- world.c ------------------------------------------------------------------------------------------------------ */
struct sim;
void sim_totals_add(struct sim_totals *totals, const struct sim *sim);
void sim_totals_print(const struct sim_totals *totals);

struct sim_options {
    uint64_t seed;
    const struct sim_plan *plan; /* NULL: made from the seed, and what follows */
    unsigned nodes;              /* 0: the seed chooses */
    int64_t minutes;             /* of faults; 0: the seed chooses */
    int64_t pace_ms;             /* on average between two deeds of officers; 0: the seed chooses */
    uint64_t with;               /* kinds of faults that this world has in any case */
    bool only;                   /* and no others */
    bool trace;                  /* keep the text of the last steps, and print it */
    size_t trace_last;           /* how many */
    bool calm;                   /* no faults at all */
    bool years;                  /* two of them, with little in them */
    bool steady;                 /* one broker, and officers do nothing but publish */
    bool twice;                  /* two runs must do the same */
    struct sim_report *report;   /* filled in as it ends; may be NULL */
    struct sim_totals *totals;   /* NULL, or what is added up over worlds */
};
struct sim {
    struct sim_options options;
    struct sim_random random;
    struct sim_queue queue;
    int64_t now_us;
    uint64_t steps, digest;
    struct wire_hash hash;
    struct sim_trust trust;
    struct sim_policy policy[SIM_POLICIES];
    size_t policy_count, policy_out; /* made; published by the secretary so far */
    struct sim_broker broker[SIM_BROKERS_MAX];
    unsigned broker_count;
    struct sim_node node[SIM_NODES_MAX];
    unsigned node_count;
    uint32_t region[SIM_REGIONS];
    unsigned region_count;
    bool revoked[SIM_REGIONS];          /* for good */
    int64_t enrolment_us;               /* when it changed last who is enrolled */
    unsigned home[SIM_REGIONS];         /* index of its node */
    bool hostile[SIM_REGIONS];          /* its node lies; nothing is promised to it */
    bool absent[SIM_REGIONS];           /* not there yet, or left; may come (again) */
    uint8_t mark[SIM_MARK_BYTES];       /* stands in every payload about persons */
    uint8_t other_mark[SIM_MARK_BYTES]; /* stands in every other payload */
    uint32_t key_files;
    int64_t scale; /* of waiting: 1, or how much longer pulses are than usual */
    struct sim_path path[SIM_NODES_MAX][SIM_BROKERS_MAX];
    struct sim_conn **conn;
    size_t conn_count, conn_capacity;
    struct sim_plan plan;
    bool clock_faults; /* the plan has some: dispositions may differ for a while */
    bool healed;
    struct sim_model model;
    struct broker_out *broker_out;
    void *broker_out_memory;
    struct node_out *node_out;
    void *node_out_memory;
    struct wire_arena arena;  /* of the event being handled */
    struct wire_arena post;   /* of what is being sent */
    struct wire_arena checks; /* of a checker; reset by each */
    void *arena_memory, *post_memory, *checks_memory;
    struct rules_decision decision, decision_check;
    char **trace; /* ring of trace_last */
    size_t trace_count;
    struct {
        uint64_t published, handed, admitted, refused, delivered, crashes, cuts, forks, losses, own, frames,
            erased_days, false_frames, lies, noticed;
        uint64_t act[SIM_ACTS_MAX]; /* by kind */
    } count;
};
/* One run from one seed. Returns the digest of everything that was done; ends the program when an invariant is broken.
 */
uint64_t sim_run(const struct sim_options *options);
_Noreturn void sim_fail(struct sim *sim, int invariant, const char *format, ...) __attribute__((format(printf, 3, 4)));
void sim_trace(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_mix(struct sim *sim, const void *data, size_t size); /* into the digest */
static inline void sim_mix_number(struct sim *sim, uint64_t number)
{
    sim_mix(sim, &number, sizeof number);
}

static inline bool sim_owed(const struct sim *sim, unsigned region_index)
{
    return !sim->revoked[region_index] && !sim->absent[region_index] && !sim->hostile[region_index];
}
static inline uint64_t sim_below(struct sim *sim, uint64_t n)
{
    return n == 0 ? 0 : sim_random_next(&sim->random) % n;
}
static inline int64_t sim_between(struct sim *sim, int64_t low, int64_t high)
{
    return low + (int64_t)sim_below(sim, (uint64_t)(high - low + 1));
}
static inline bool sim_chance(struct sim *sim, unsigned permille)
{
    return sim_below(sim, 1000) < permille;
}
void sim_random_bytes(struct sim *sim, void *out, size_t size);
static inline void sim_after(struct sim *sim, int64_t in_us, sim_do *run, void *what, uint64_t number)
{
    sim_queue_add(&sim->queue, sim->now_us + in_us, run, what, number);
}
static inline struct wire_bytes sim_bytes(ProtobufCBinaryData data)
{
    return wire_bytes(data.data, data.len);
}
static inline ProtobufCBinaryData sim_bin(const void *data, size_t size)
{
    return (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)data};
}
