#include "shell/queue.h"

#include "wire/ensure.h"

#include <stdlib.h>

enum { TICKETS = 256 /* under way at first */, TICKETS_MAX = 1 << 24 };

void shell_queue_open(struct shell_queue *queue, uint32_t orders)
{
    *queue = (struct shell_queue){.size = TICKETS, .orders = orders};
    queue->waiting = calloc(TICKETS, sizeof(*queue->waiting));
    queue->held = calloc(orders, sizeof(*queue->held));
    ENSURE(queue->waiting != NULL && queue->held != NULL);
}

static bool any(const void *context, const struct shell_letter *letter)
{
    (void)context;
    (void)letter;
    return true;
}

void shell_queue_close(struct shell_queue *queue)
{
    shell_queue_drop(queue, any, NULL);
    free(queue->waiting);
    free(queue->held);
    *queue = (struct shell_queue){0};
}

void shell_letter_free(struct shell_letter *letter)
{
    free(letter->made);
    free(letter);
}

static struct shell_list *list_of(const struct shell_queue *queue, uint64_t ticket)
{
    return &queue->waiting[ticket % queue->size];
}

static void list_add(struct shell_list *list, struct shell_letter *first, struct shell_letter *last)
{
    if (list->first == NULL)
        list->first = first;
    else
        list->last->next = first;
    list->last = last;
}

/* Lists for all tickets up to this one. */
static void make_room(struct shell_queue *queue, uint64_t ticket)
{
    struct shell_queue grown = *queue;
    while (ticket - queue->released > grown.size)
        grown.size *= 2;
    if (grown.size == queue->size)
        return;
    ENSURE(grown.size <= TICKETS_MAX);
    grown.waiting = calloc(grown.size, sizeof(*grown.waiting));
    ENSURE(grown.waiting != NULL);
    for (uint64_t t = queue->released + 1; t <= queue->newest; t++)
        *list_of(&grown, t) = *list_of(queue, t);
    free(queue->waiting);
    *queue = grown;
}

void shell_queue_add(struct shell_queue *queue, struct shell_letter *letter)
{
    ENSURE(letter->order < queue->orders);
    uint64_t *held = &queue->held[letter->order];
    letter->next = NULL;
    if (letter->after < *held)
        letter->after = *held;
    if (letter->after <= queue->released) {
        list_add(&queue->ready, letter, letter);
        return;
    }
    *held = letter->after;
    make_room(queue, letter->after);
    if (letter->after > queue->newest)
        queue->newest = letter->after;
    list_add(list_of(queue, letter->after), letter, letter);
}

void shell_queue_add_first(struct shell_queue *queue, struct shell_letter *letter)
{
    letter->next = queue->ready.first;
    if (queue->ready.first == NULL)
        queue->ready.last = letter;
    queue->ready.first = letter;
}

void shell_queue_release(struct shell_queue *queue, uint64_t committed)
{
    if (committed <= queue->released)
        return;
    for (uint64_t t = queue->released + 1; t <= committed && t <= queue->newest; t++) {
        struct shell_list *list = list_of(queue, t);
        if (list->first != NULL)
            list_add(&queue->ready, list->first, list->last);
        *list = (struct shell_list){0};
    }
    queue->released = committed;
}

struct shell_letter *shell_queue_waiting(const struct shell_queue *queue, uint64_t ticket)
{
    return ticket > queue->released && ticket <= queue->newest ? list_of(queue, ticket)->first : NULL;
}

struct shell_letter *shell_queue_take(struct shell_queue *queue)
{
    struct shell_letter *letter = queue->ready.first;
    if (letter != NULL)
        queue->ready.first = letter->next;
    return letter;
}

static void drop(struct shell_list *list, bool (*match)(const void *context, const struct shell_letter *letter),
                 const void *context)
{
    struct shell_list kept = {0};
    for (struct shell_letter *letter = list->first, *next; letter != NULL; letter = next) {
        next = letter->next;
        letter->next = NULL;
        if (match(context, letter))
            shell_letter_free(letter);
        else
            list_add(&kept, letter, letter);
    }
    *list = kept;
}

void shell_queue_drop(struct shell_queue *queue, bool (*match)(const void *context, const struct shell_letter *letter),
                      const void *context)
{
    drop(&queue->ready, match, context);
    for (uint64_t t = queue->released + 1; t <= queue->newest; t++)
        drop(list_of(queue, t), match, context);
}
