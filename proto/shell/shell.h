/* A daemon as a process: what the shells of broker and node have in common. Each embeds one struct shell and has left
 * for itself only what is its own: what comes in, what its core wants done, what it shows.
 *
 *   start.c    arguments, log, identity, CA, day keys; what is said when it cannot start
 *   loop.c     clocks, the loop's handles, signals, timers
 *   journal.c  appends under the core's tickets, what is committed, when the store is full
 *   reload.h   what of a configuration that was read again can change while the daemon runs
 *   post.h     what leaves: held back until it is durable, completed, signed together, in order for each peer
 *   trust.h    directory, enrolment and policies: from rows and files
 *   rest.h     payloads at rest under their day keys; erasing
 *
 * Like the shells themselves all of it runs on the loop's thread. What fails for good ends the process (shell_fail):
 * what is committed stays, what is not was never acknowledged. */
#pragma once
#include "certs/directory.h"
#include "certs/file.h"
#include "certs/hash.h"
#include "certs/identity.h"
#include "certs/rest.h"
#include "keep/daykeys.h"
#include "keep/keep.h"
#include "link/config.h"
#include "link/log.h"
#include "wire/ensure.h"
#include <uv.h>

/* How a daemon speaks of itself. Literals. */
struct shell_words {
    const char *area; /* "broker": its program is lianfang-broker, its log lines have this area */
    const char *read_zh, *read_en, *write_zh, *write_en; /* its store cannot be read, cannot be written */
};

/* What the loop brings to the daemon; each is called with `daemon`. */
struct shell_calls {
    void (*stored)(void *daemon);              /* the store committed or fetched something */
    void (*wake)(void *daemon);                /* the time that shell_wake_at named has come */
    void (*second)(void *daemon);              /* every second, from shell_start_seconds on */
    void (*reload)(void *daemon);              /* SIGHUP */
    void (*stop)(void *daemon, int exit_code); /* SIGTERM, SIGINT */
};

struct shell {
    struct shell_words words;
    struct shell_calls calls;
    void *daemon;
    const char *config_path;
    struct link_log *log;

    uv_loop_t loop;
    void *zmq;
    uv_async_t stored;
    uv_timer_t wake, seconds;
    uv_signal_t signals[3];

    struct cert_identity *identity;
    struct cert_directory *directory;
    struct wire_hash hash;
    struct cert_rest *rest;
    struct daykeys *daykeys;
    struct keep *keep; /* of the daemon's ledger or store, which owns it; NULL: not open */

    uint64_t ticket_last; /* of the core */
    uint64_t ticket_own;  /* appends of the shell since then */
    uint64_t ticket_told; /* to the core, as committed */
    bool full, stopping;
    int exit_code;
};

/* Zero pages, resident only when touched. Aborts when there is no memory. Free with free. */
void *shell_pages(size_t size);

/* --- start.c ------------------------------------------------------------------------------------------------------ */

/* `-c FILE`, `-n`. config_path NULL: as it was. Returns how many of argv were read; 0: say how the program is used. */
int shell_arguments(struct shell *shell, int argc, char **argv, bool *only_check);
enum wire_status shell_open_log(struct shell *shell, const struct link_log_config *config,
                                struct wire_problem *problem);
void shell_open_crypto(struct shell *shell);
/* Our certificates and keys, valid now; their role and region are the daemon's to check. */
enum wire_status shell_open_identity(struct shell *shell, const char *folder, const char *installation,
                                     struct wire_problem *problem);
/* An empty directory under the CA, which must be the one that issued our certificates. */
enum wire_status shell_open_directory(struct shell *shell, const char *ca, const char *installation,
                                      struct wire_problem *problem);
/* `folder`/daykeys. */
enum wire_status shell_open_daykeys(struct shell *shell, const char *folder, struct wire_problem *problem);
/* Everything above and the ZeroMQ context, idempotent; the daemon has closed what uses them, and its store. */
void shell_close(struct shell *shell);

/* folder/name; INVALID when that is too long. */
enum wire_status shell_path(const char *folder, const char *name, char path[CERT_PATH_BYTES_MAX],
                            struct wire_problem *problem);
/* Says on standard error why the program does not start, in both languages as long as the configuration has not said
 * which (no log yet). Returns the sysexits code. */
int shell_refuse(const struct shell *shell, enum wire_language language, const struct wire_problem *problem);

/* --- loop.c ------------------------------------------------------------------------------------------------------- */

int64_t shell_wall_ms(void);
int64_t shell_mono_ms(void);
/* Handles and signals, after uv_loop_init and with the store open; the store wakes the loop from then on. */
void shell_start_handles(struct shell *shell, const struct shell_calls *calls, void *daemon);
void shell_start_seconds(struct shell *shell);
void shell_close_handles(struct shell *shell);
/* calls.wake at this time (mono); replaces the earlier one. */
void shell_wake_at(struct shell *shell, int64_t mono_ms);
/* The same for a timer of the daemon's own. */
void shell_timer_at(uv_timer_t *timer, int64_t mono_ms, uv_timer_cb callback);

/* --- journal.c ---------------------------------------------------------------------------------------------------- */

/* Rows under the core's next ticket. A full queue is waited for; what cannot be written ends the process. */
void shell_append(struct shell *shell, const struct wire_row *rows, size_t count, uint64_t ticket);
/* Rows of the shell's own, in order with those of the core. */
void shell_append_own(struct shell *shell, const struct wire_row *rows, size_t count);
/* The core's tickets that are durable. */
uint64_t shell_committed(const struct shell *shell);
/* true: more of them are than the core was told; it is to be told *ticket now. A failed commit ends the process. */
bool shell_newly_committed(struct shell *shell, uint64_t *ticket);
/* true: the store became scarce, or no longer is (shell->full). */
bool shell_room_changed(struct shell *shell);

/* A row that cannot be read, a write that failed: nothing more may be acknowledged. */
_Noreturn void shell_fail(struct shell *shell, const char *zh, const char *en, enum wire_status status);
/* shell_fail unless OK: of a look-up. NO_MEMORY is a failure too: arenas are far larger than frames. */
void shell_check(struct shell *shell, enum wire_status status);
