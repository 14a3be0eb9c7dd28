/* Files that hold keys and certificates: read whole, written so that a crash leaves the old one or the new one. */
#pragma once
#include "wire/bytes.h"
#include "wire/status.h"
#include <stdbool.h>
#include <sys/types.h>

enum { CERT_FILE_BYTES_MAX = 64 * 1024 * 1024, CERT_PASSPHRASE_BYTES_MAX = 256, CERT_PATH_BYTES_MAX = 4096 };

struct cert_file {
    uint8_t *data; /* NUL-terminated behind size */
    size_t size;
};

/* secret: refuses a file that group or others may read or write, and one of another owner (root excepted). NOT_FOUND,
 * IO, INVALID. */
enum wire_status cert_file_read(const char *path, bool secret, struct cert_file *out, struct wire_problem *problem);
void cert_file_close(struct cert_file *file); /* wipes and frees; idempotent */

/* Writes a temporary beside it, fsync, rename, fsync of the folder. replace false: EXISTS when there is one, and there
 * is no moment in which it could be overwritten (link, not rename). */
enum wire_status cert_file_write(const char *path, struct wire_bytes bytes, mode_t mode, bool replace,
                                 struct wire_problem *problem);
/* Creates the folder (0700) if it is not there. */
enum wire_status cert_folder_make(const char *path, struct wire_problem *problem);
/* The first line of a secret file, without its line end. */
enum wire_status cert_passphrase_read(const char *path, char out[CERT_PASSPHRASE_BYTES_MAX + 1],
                                      struct wire_problem *problem);
