#include "shell/shell.h"

#include <stdlib.h>
#include <sysexits.h>

/* The store's tickets: those of the core, with room between for rows of the shell's own (erasing, directory). */
enum { OWN_BITS = 24 };

static void append(struct shell *shell, const struct wire_row *rows, size_t count, uint64_t ticket)
{
    enum wire_status status = keep_append(shell->keep, rows, count, ticket);
    if (status == WIRE_AGAIN) { /* credit keeps the queue short; a slow disk may fill it all the same */
        if (keep_sync(shell->keep) == WIRE_OK)
            status = keep_append(shell->keep, rows, count, ticket);
    }
    if (status != WIRE_OK)
        shell_fail(shell, shell->words.write_zh, shell->words.write_en, status);
}

void shell_append(struct shell *shell, const struct wire_row *rows, size_t count, uint64_t ticket)
{
    shell->ticket_last = ticket;
    shell->ticket_own = 0;
    append(shell, rows, count, ticket << OWN_BITS);
}

void shell_append_own(struct shell *shell, const struct wire_row *rows, size_t count)
{
    append(shell, rows, count, (shell->ticket_last << OWN_BITS) | ++shell->ticket_own);
}

uint64_t shell_committed(const struct shell *shell)
{
    return keep_committed(shell->keep) >> OWN_BITS;
}

bool shell_newly_committed(struct shell *shell, uint64_t *ticket)
{
    enum wire_status failed = keep_failed(shell->keep, NULL);
    if (failed != WIRE_OK)
        shell_fail(shell, shell->words.write_zh, shell->words.write_en, failed);
    *ticket = shell_committed(shell);
    if (*ticket <= shell->ticket_told)
        return false;
    shell->ticket_told = *ticket;
    return true;
}

bool shell_room_changed(struct shell *shell)
{
    struct keep_room room = keep_room(shell->keep);
    bool full = keep_room_scarce(&room), changed = full != shell->full;
    shell->full = full;
    return changed;
}

void shell_fail(struct shell *shell, const char *zh, const char *en, enum wire_status status)
{
    struct wire_problem problem = {0};
    if (shell->keep != NULL)
        keep_failed(shell->keep, &problem);
    link_log_line(shell->log, LINK_ERROR, shell->words.area, zh, en, LINK_TEXT("status", wire_status_name(status)),
                  LINK_TEXT("where", problem.where), LINK_TEXT("what", problem.en));
    exit(status == WIRE_DISK_FULL ? EX_TEMPFAIL : EX_IOERR);
}

void shell_check(struct shell *shell, enum wire_status status)
{
    if (status != WIRE_OK)
        shell_fail(shell, shell->words.read_zh, shell->words.read_en, status);
}
