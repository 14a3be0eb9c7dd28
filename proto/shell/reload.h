/* A configuration that was read again while the daemon runs (SIGHUP). What can change changes; what cannot is said in
 * the log with the remedy, and stays as it is until a restart. A file that is wrong changes nothing.
 *
 * Each function compares one key of what is held and what was read. */
#pragma once
#include "shell/shell.h"

/* Takes the level; format, language and file need a restart. */
void shell_reload_log(struct shell *shell, const struct link_log_config *held, const struct link_log_config *read);
/* Takes the text: both owners have the other's then. */
void shell_reload_text(char **held, char **read);

/* The others say "restart" when they differ. Texts may be NULL. */
void shell_reload_same(struct shell *shell, const char *key, bool same);
void shell_reload_same_text(struct shell *shell, const char *key, const char *held, const char *read);
void shell_reload_same_number(struct shell *shell, const char *key, uint64_t held, uint64_t read);
void shell_reload_same_http(struct shell *shell, const struct link_http_address *held,
                            const struct link_http_address *read);
/* In the same order. */
bool shell_reload_lists_equal(char *const *held, unsigned held_count, char *const *read, unsigned read_count);
bool shell_reload_texts_equal(const char *held, const char *read);
