/* Server-sent events, read piece by piece (HTML Living Standard, 9.2.6). */
#include "link/http_client.h"
#include <stdlib.h>

enum { EVENT_BYTES_MAX = 4 * 1024 * 1024 };

static bool add(struct link_http_events *events, struct wire_bytes piece)
{
    if (events->size + piece.size > EVENT_BYTES_MAX)
        return false;
    if (events->size + piece.size + 1 > events->capacity) {
        size_t capacity = 2 * events->capacity + piece.size + 1;
        char *larger = realloc(events->data, capacity);
        if (!larger)
            return false;
        events->data = larger;
        events->capacity = capacity;
    }
    if (piece.size)
        memcpy(events->data + events->size, piece.data, piece.size);
    events->size += piece.size;
    events->data[events->size] = '\0';
    return true;
}

/* The value behind "name:" and one blank; NULL: another field. */
static char *value_of(char *line, const char *name)
{
    size_t size = strlen(name);
    if (strncmp(line, name, size) != 0 || line[size] != ':')
        return NULL;
    return line + size + 1 + (line[size + 1] == ' ');
}

/* One event's lines, in place: the data lines are joined with line feeds. */
static struct link_http_event_view read_event(char *lines, char *end)
{
    struct link_http_event_view view = {0};
    char *data = NULL, *data_end = NULL;
    for (char *line = lines, *next; line < end; line = next) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        next = stop ? stop + 1 : end;
        if (!stop)
            stop = end;
        *stop = '\0';
        if (stop > line && stop[-1] == '\r')
            *--stop = '\0';
        char *value = value_of(line, "data");
        if (!value) {
            view.id = value_of(line, "id") ? value_of(line, "id") : view.id;
            view.event = value_of(line, "event") ? value_of(line, "event") : view.event;
            continue;
        }
        size_t size = (size_t)(stop - value);
        if (data)
            *data_end++ = '\n';
        else
            data = data_end = value;
        memmove(data_end, value, size + 1);
        data_end += size;
    }
    view.data = data;
    return view;
}

/* The end of the first whole event: behind the empty line. NULL: there is none yet. */
static char *event_end(char *from, char *end)
{
    for (char *at = from; (at = memchr(at, '\n', (size_t)(end - at))); at++) {
        if (at + 1 < end && at[1] == '\n')
            return at + 2;
        if (at + 2 < end && at[1] == '\r' && at[2] == '\n')
            return at + 3;
    }
    return NULL;
}

bool link_http_events_feed(struct link_http_events *events, struct wire_bytes piece,
                           bool (*take)(void *context, const struct link_http_event_view *event), void *context)
{
    if (!add(events, piece))
        return false;
    bool go_on = true;
    char *from = events->data, *end = events->data + events->size, *next;
    while (go_on && (next = event_end(from, end))) {
        struct link_http_event_view view = read_event(from, next - 1);
        if (view.data || view.event || view.id)
            go_on = take(context, &view);
        from = next;
    }
    events->size = (size_t)(end - from);
    memmove(events->data, from, events->size);
    return go_on;
}

void link_http_events_close(struct link_http_events *events)
{
    free(events->data);
    *events = (struct link_http_events){0};
}
