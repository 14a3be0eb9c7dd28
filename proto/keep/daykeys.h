/* The day key file: one AES-256 key a keep-until day, outside the database and its backups. Payload rows lie encrypted
 * under the key of their day; erasing the key erases them all, whatever old pages the database file still holds.
 *
 * The file is an array of 64-byte slots, so that a slot never straddles a disk sector and is overwritten in place:
 *   slots 0, 1   heads, written in turn: magic, version, serial, "erased through" day, check
 *   slots 2 …    state (free, live, erased), day, key, check
 * A key is synced before it is handed out. Erasing overwrites the slot with zeros, raises "erased through" and syncs; a
 * day once erased never gets a key again, so a late row for it is refused (WIRE_ERASED). Mode 0600; one process at a
 * time. What a solid-state disk may still hold after an overwrite is told in docs/SECURITY.md. */
#pragma once
#include "wire/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DAYKEY_BYTES = 32, DAYKEYS_MAX = 4094 /* live at one time: eleven years of days */ };

struct daykeys;

/* Opens or creates. IN_USE, DAMAGED (both heads are unreadable, or not a day key file), NEWER_STORE, IO; with remedy.
 * Finishes an erasure that a crash interrupted. */
enum wire_status daykeys_open(const char *path, struct daykeys **out, struct wire_problem *problem);
/* Without a file, for tests and the simulator; survives as long as it is held. */
struct daykeys *daykeys_open_memory(void);
/* Wipes the keys from memory. NULL and *keys NULL are fine. */
void daykeys_close(struct daykeys **keys);

/* The key of the day (yyyymmdd); makes it from `random` if there is none and syncs it to the file before it returns.
 * ERASED: the day is gone. DISK_FULL: no free slot. IO: write or sync failed; the file is then not to be trusted, every
 * later get_or_make fails too, and the owner must exit. */
enum wire_status daykeys_get_or_make(struct daykeys *keys, uint32_t day, const uint8_t random[DAYKEY_BYTES],
                                     uint8_t out[DAYKEY_BYTES], struct wire_problem *problem);
/* OK, ERASED or NOT_FOUND. */
enum wire_status daykeys_find(const struct daykeys *keys, uint32_t day, uint8_t out[DAYKEY_BYTES]);
/* Erases the keys of all days up to and with `day`, for good; *count (may be NULL) says how many there were. Returns
 * after the sync. Overwrites slots that cannot be read, too: no one can tell what they held. */
enum wire_status daykeys_erase_through(struct daykeys *keys, uint32_t day, size_t *count, struct wire_problem *problem);
uint32_t daykeys_erased_through(const struct daykeys *keys); /* 0: nothing yet */
size_t daykeys_live(const struct daykeys *keys);
/* Slots whose check fails (torn by a crash, or a bad disk): they are not used; worth a warning. */
size_t daykeys_damaged(const struct daykeys *keys);
