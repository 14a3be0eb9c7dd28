/* Letters that wait for a commit, in order for each peer: what may go goes, and no peer waits for another's commit.
 *
 * A letter waits for the ticket it names, or for that of an earlier letter to the same peer if that is higher; so its
 * place is known when it comes. There is one list for each ticket under way and one of what may go; taking in,
 * releasing and taking out cost the same however many peers and letters there are, and nothing is allocated for a peer.
 */
#pragma once
#include "shell/post.h"

struct shell_list {
    struct shell_letter *first, *last; /* last: only when there is a first */
};

struct shell_queue {
    struct shell_list ready;
    struct shell_list *waiting; /* of ticket t at t % size, for released < t ≤ released + size */
    uint64_t size, released, newest;
    uint64_t *held; /* of each order: the highest ticket that a letter of it waits, or waited, for */
    uint32_t orders;
};

/* `orders`: peers are told apart by a number below it (shell_letter.order). */
void shell_queue_open(struct shell_queue *queue, uint32_t orders);
/* Frees the letters in it. */
void shell_queue_close(struct shell_queue *queue);
/* The letter's order and after are set. Tickets rise by one; those that are waited for lie close together. */
void shell_queue_add(struct shell_queue *queue, struct shell_letter *letter);
/* In front of everything, whatever it waits for. */
void shell_queue_add_first(struct shell_queue *queue, struct shell_letter *letter);
/* What waits for `committed` or less may go. */
void shell_queue_release(struct shell_queue *queue, uint64_t committed);
/* The letters that wait for this ticket, by letter->next; they stay where they are. */
struct shell_letter *shell_queue_waiting(const struct shell_queue *queue, uint64_t ticket);
/* The next that may go, now the caller's; NULL: none. */
struct shell_letter *shell_queue_take(struct shell_queue *queue);
/* Frees all that `match`; for what is rare, it walks over everything. */
void shell_queue_drop(struct shell_queue *queue, bool (*match)(const void *context, const struct shell_letter *letter),
                      const void *context);
