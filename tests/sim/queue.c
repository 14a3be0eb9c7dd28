#include "sim.h"

#include <stdlib.h>

static bool before(const struct sim_due *a, const struct sim_due *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void sim_queue_add(struct sim_queue *queue, int64_t at_us, sim_do *run, void *what, uint64_t number)
{
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity == 0 ? 1024 : 2 * queue->capacity;
        queue->heap = realloc(queue->heap, queue->capacity * sizeof(*queue->heap));
        ENSURE(queue->heap != NULL);
    }
    struct sim_due due = {at_us, ++queue->order, run, what, number};
    size_t i = queue->count++;
    while (i > 0 && before(&due, &queue->heap[(i - 1) / 2])) {
        queue->heap[i] = queue->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    queue->heap[i] = due;
}

bool sim_queue_take(struct sim_queue *queue, struct sim_due *out)
{
    if (queue->count == 0)
        return false;
    *out = queue->heap[0];
    struct sim_due last = queue->heap[--queue->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= queue->count)
            break;
        if (child + 1 < queue->count && before(&queue->heap[child + 1], &queue->heap[child]))
            child++;
        if (before(&last, &queue->heap[child]))
            break;
        queue->heap[i] = queue->heap[child];
        i = child;
    }
    if (queue->count > 0)
        queue->heap[i] = last;
    return true;
}
