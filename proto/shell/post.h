/* What leaves a daemon: held back until what it says is durable, completed, signed together, sent in order.
 *
 * A letter goes when the append it names is committed. Nothing overtakes an earlier letter to the same peer, so a peer
 * sees one order; peers do not wait for each other. What goes at one time is signed at one time: every statement
 * without a signature in those frames (receipts, witnesses, completeness, arrivals) is a leaf under one root.
 *
 * What a letter is beyond a frame, how it is completed and what sending means is the daemon's: it puts a struct
 * shell_letter first in a struct of its own. */
#pragma once
#include "schema/frame.pb-c.h"
#include "wire/arena.h"
#include "wire/bytes.h"

struct shell;
struct shell_post;

struct shell_letter {
    struct shell_letter *next;
    uint32_t order; /* of its peer, below shell_post_options.orders */
    uint64_t after; /* the core's ticket it waits for */
    bool open;      /* has to be completed */
    uint8_t *bytes; /* the frame, encoded, behind the daemon's struct or in `made`; NULL: none yet */
    size_t size;
    uint8_t *made;      /* the letter's; NULL: it was not completed ahead */
    Wire__Frame *frame; /* while it is completed, in the arena */
};

struct shell_post_options {
    uint32_t orders;          /* how many peers there may be at one time */
    struct wire_arena *arena; /* of the turns, where what goes together is completed; borrowed. NULL: one of its own */
    void *context;            /* for those below */
    /* Completes letter->frame (NULL when the letter has no bytes: then it is made). false: it need not go any more. */
    bool (*complete)(void *context, struct shell_letter *letter);
    /* Signs `count` ≥ 1 statements in place, with one signature; its bytes lie in the arena. */
    void (*sign)(void *context, Wire__Signed **blank, size_t count, struct wire_arena *arena);
    /* bytes: the frame; .data NULL: the letter has none. May add letters, and flush, which the flush under way does. */
    void (*send)(void *context, struct shell_letter *letter, struct wire_bytes bytes);
};

struct shell_post *shell_post_new(const struct shell_post_options *options);
/* Frees the letters in it. */
void shell_post_free(struct shell_post **post);

/* Reset by each turn. */
struct wire_arena *shell_post_arena(struct shell_post *post);

/* A zeroed letter of `struct_bytes` and behind it the frame (NULL: none), encoded; open when it holds statements to be
 * signed. The post owns it and frees it. */
struct shell_letter *shell_post_add(struct shell_post *post, size_t struct_bytes, uint32_t order, uint64_t after,
                                    const Wire__Frame *frame);
/* The same without frame; it goes next and waits for nothing. */
struct shell_letter *shell_post_add_first(struct shell_post *post, size_t struct_bytes, uint32_t order);
/* Frees all that match. Not from within complete or sign. */
void shell_post_drop(struct shell_post *post, bool (*match)(const void *context, const struct shell_letter *letter),
                     const void *context);
/* Completes and signs what waits for this ticket, so that nothing but sending is left when it is committed. For when
 * there is nothing else to do meanwhile; what comes later is completed when it goes, as ever. */
void shell_post_ahead(struct shell_post *post, uint64_t ticket);
/* Sends what goes after `committed` or earlier. */
void shell_post_flush(struct shell_post *post, uint64_t committed);

void shell_letter_free(struct shell_letter *letter);

/* Signs as this daemon: what shell_post_options.sign does. Ends the process when it cannot. */
void shell_sign(struct shell *shell, Wire__Signed **blank, size_t count, struct wire_arena *arena);
