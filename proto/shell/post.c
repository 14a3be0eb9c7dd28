#include "shell/post.h"

#include "shell/queue.h"
#include "wire/codec.h"
#include "wire/ensure.h"

#include <stdlib.h>

enum {
    ARENA_BYTES = 64 * 1024 * 1024, /* untouched pages cost nothing */
    TURN_LETTERS = 128,             /* signed and sent together */
    TURN_BYTES = 8 * 1024 * 1024,   /* completed together */
    TURN_STATEMENTS = 4096,         /* signed together; one frame has at most FRAME_STATEMENTS */
    FRAME_STATEMENTS = 1024,
};

struct blanks {
    Wire__Signed **list; /* NULL: they are only counted */
    size_t count;
};

struct shell_post {
    struct shell_post_options options;
    struct shell_queue queue;
    struct blanks blanks; /* of the turn */
    struct wire_arena own_arena;
    bool flushing;
};

struct shell_post *shell_post_new(const struct shell_post_options *options)
{
    struct shell_post *post = calloc(1, sizeof(*post));
    ENSURE(post != NULL);
    post->options = *options;
    post->blanks.list = malloc(TURN_STATEMENTS * sizeof(*post->blanks.list));
    ENSURE(post->blanks.list != NULL);
    shell_queue_open(&post->queue, options->orders);
    if (options->arena != NULL)
        return post;
    void *memory = malloc(ARENA_BYTES);
    ENSURE(memory != NULL);
    wire_arena_over(&post->own_arena, memory, ARENA_BYTES);
    post->options.arena = &post->own_arena;
    return post;
}

void shell_post_free(struct shell_post **post)
{
    if (*post == NULL)
        return;
    shell_queue_close(&(*post)->queue);
    free((*post)->blanks.list);
    free((*post)->own_arena.base);
    free(*post);
    *post = NULL;
}

struct wire_arena *shell_post_arena(struct shell_post *post)
{
    return post->options.arena;
}

/* --- statements that are to be signed ----------------------------------------------------------------------------- */

static void add_blank(struct blanks *blanks, Wire__Signed *signed_)
{
    if (signed_ == NULL || signed_->signature.len > 0)
        return;
    ENSURE(blanks->list == NULL || blanks->count < TURN_STATEMENTS);
    if (blanks->list != NULL)
        blanks->list[blanks->count] = signed_;
    blanks->count++;
}

static void add_blanks_of(struct blanks *blanks, const Wire__Frame *frame)
{
    if (frame->body_case == WIRE__FRAME__BODY_RECEIPT)
        add_blank(blanks, frame->receipt->signed_);
    else if (frame->body_case == WIRE__FRAME__BODY_DELIVER)
        add_blank(blanks, frame->deliver->witness);
    else if (frame->body_case == WIRE__FRAME__BODY_WELCOME)
        for (size_t i = 0; i < frame->welcome->n_completeness; i++)
            add_blank(blanks, frame->welcome->completeness[i]);
    else if (frame->body_case == WIRE__FRAME__BODY_PULSE)
        for (size_t i = 0; i < frame->pulse->n_completeness; i++)
            add_blank(blanks, frame->pulse->completeness[i]);
    else if (frame->body_case == WIRE__FRAME__BODY_ARRIVED)
        for (size_t i = 0; i < frame->arrived->n_part; i++)
            add_blank(blanks, frame->arrived->part[i]->signed_);
}

/* --- letters ------------------------------------------------------------------------------------------------------ */

static struct shell_letter *letter_new(size_t struct_bytes, uint32_t order, size_t size)
{
    struct shell_letter *letter = calloc(1, struct_bytes + size);
    ENSURE(letter != NULL);
    letter->order = order;
    letter->size = size;
    return letter;
}

struct shell_letter *shell_post_add(struct shell_post *post, size_t struct_bytes, uint32_t order, uint64_t after,
                                    const Wire__Frame *frame)
{
    struct blanks blanks = {0};
    size_t size = frame == NULL ? 0 : protobuf_c_message_get_packed_size(&frame->base);
    struct shell_letter *letter = letter_new(struct_bytes, order, size);
    letter->after = after;
    if (frame != NULL) {
        letter->bytes = (uint8_t *)letter + struct_bytes;
        protobuf_c_message_pack(&frame->base, letter->bytes);
        add_blanks_of(&blanks, frame);
    }
    letter->open = blanks.count > 0;
    shell_queue_add(&post->queue, letter);
    return letter;
}

struct shell_letter *shell_post_add_first(struct shell_post *post, size_t struct_bytes, uint32_t order)
{
    struct shell_letter *letter = letter_new(struct_bytes, order, 0);
    shell_queue_add_first(&post->queue, letter);
    return letter;
}

void shell_post_drop(struct shell_post *post, bool (*match)(const void *context, const struct shell_letter *letter),
                     const void *context)
{
    shell_queue_drop(&post->queue, match, context);
}

/* --- a turn ------------------------------------------------------------------------------------------------------- */

/* An own encoding lacks required fields on purpose (what is filled in, signatures), so the strict decoder of the wire
 * is not asked. */
static bool prepare(struct shell_post *post, struct shell_letter *letter)
{
    if (!letter->open)
        return true;
    if (letter->bytes != NULL) {
        letter->frame = wire__frame__unpack(&post->options.arena->allocator, letter->size, letter->bytes);
        ENSURE(letter->frame != NULL);
    }
    if (!post->options.complete(post->options.context, letter))
        return false;
    add_blanks_of(&post->blanks, letter->frame);
    return true;
}

static void finish(struct shell_post *post, struct shell_letter *letter)
{
    struct wire_arena *arena = post->options.arena;
    size_t mark = wire_arena_mark(arena);
    struct wire_bytes bytes = wire_bytes(letter->bytes, letter->size);
    if (letter->frame != NULL) {
        bytes = wire_encode(&letter->frame->base, arena);
        ENSURE(bytes.data != NULL);
    }
    post->options.send(post->options.context, letter, bytes);
    wire_arena_back(arena, mark);
    shell_letter_free(letter);
}

static bool turn_has_room(const struct shell_post *post, size_t count)
{
    return count < TURN_LETTERS && post->options.arena->used < TURN_BYTES &&
           post->blanks.count + FRAME_STATEMENTS <= TURN_STATEMENTS;
}

static void begin_turn(struct shell_post *post)
{
    wire_arena_reset(post->options.arena);
    post->blanks.count = 0;
}

static void sign_turn(struct shell_post *post)
{
    if (post->blanks.count > 0)
        post->options.sign(post->options.context, post->blanks.list, post->blanks.count, post->options.arena);
}

static void run_turn(struct shell_post *post)
{
    struct shell_letter *letters[TURN_LETTERS], *letter;
    size_t count = 0;
    begin_turn(post);
    while (turn_has_room(post, count) && (letter = shell_queue_take(&post->queue)) != NULL) {
        if (prepare(post, letter))
            letters[count++] = letter;
        else
            shell_letter_free(letter);
    }
    sign_turn(post);
    for (size_t i = 0; i < count; i++)
        finish(post, letters[i]);
}

static void keep_made(struct shell_letter *letter)
{
    letter->size = protobuf_c_message_get_packed_size(&letter->frame->base);
    letter->bytes = letter->made = malloc(letter->size);
    ENSURE(letter->made != NULL);
    protobuf_c_message_pack(&letter->frame->base, letter->made);
    letter->frame = NULL;
    letter->open = false;
}

void shell_post_ahead(struct shell_post *post, uint64_t ticket)
{
    struct shell_letter *letters[TURN_LETTERS];
    size_t count = 0;
    if (post->flushing)
        return;
    begin_turn(post);
    for (struct shell_letter *letter = shell_queue_waiting(&post->queue, ticket);
         letter != NULL && turn_has_room(post, count); letter = letter->next) {
        if (letter->open && prepare(post, letter))
            letters[count++] = letter;
        else
            letter->frame = NULL; /* what cannot be completed is left out when it would go */
    }
    sign_turn(post);
    for (size_t i = 0; i < count; i++)
        keep_made(letters[i]);
}

void shell_post_flush(struct shell_post *post, uint64_t committed)
{
    shell_queue_release(&post->queue, committed);
    if (post->flushing) /* from within send: the turn that runs goes on with what was added */
        return;
    post->flushing = true;
    while (post->queue.ready.first != NULL)
        run_turn(post);
    post->flushing = false;
}
