#include "link/message.h"
#include <stdlib.h>

struct link_lent {
    void (*release)(void *data, void *hint);
    void *hint;
    bool armed;
};

enum wire_status link_message_copy(zmq_msg_t *message, struct wire_bytes payload)
{
    if (zmq_msg_init_size(message, payload.size) != 0)
        return WIRE_NO_MEMORY;
    if (payload.size > 0)
        memcpy(zmq_msg_data(message), payload.data, payload.size);
    return WIRE_OK;
}

static void on_free(void *data, void *hint)
{
    struct link_lent *lent = hint;
    if (lent->armed)
        lent->release(data, lent->hint);
    free(lent);
}

enum wire_status link_message_lend(zmq_msg_t *message, void *data, size_t size, void (*release)(void *data, void *hint),
                                   void *hint, struct link_lent **lent)
{
    *lent = malloc(sizeof **lent);
    if (!*lent)
        return WIRE_NO_MEMORY;
    **lent = (struct link_lent){.release = release, .hint = hint};
    if (zmq_msg_init_data(message, data, size, on_free, *lent) == 0)
        return WIRE_OK;
    free(*lent);
    return WIRE_NO_MEMORY;
}

void link_message_arm(struct link_lent *lent)
{
    lent->armed = true;
}

void link_message_disarm(struct link_lent *lent)
{
    lent->armed = false;
}
