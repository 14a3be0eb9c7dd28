#include "shell/trust.h"

#include "wire/codec.h"

#include <stdlib.h>
#include <string.h>

enum { SLAB_ROWS = 1024, SLAB_BYTES = 1024 * 1024 + WIRE_PIECE_BYTES_MAX };

/* Rows are collected, since their certificates are checked many at a time. */
struct visit {
    struct shell *shell;
    struct wire_bytes row[SLAB_ROWS];
    size_t rows, used;
    uint8_t *bytes; /* SLAB_BYTES: what a row says is the store's only as long as it shows it */
    enum wire_status status;
    struct wire_problem *problem;
};

static void add_collected(struct visit *visit)
{
    struct cert_rows rows = {.raw = visit->row, .count = visit->rows, .strict = WIRE_STRICT_NONE, .where = "directory"};
    if (visit->status == WIRE_OK)
        visit->status = cert_directory_add_rows(visit->shell->directory, &rows, visit->problem);
    visit->rows = visit->used = 0;
}

static bool on_record(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct visit *visit = context;
    (void)key;
    if (value.size > WIRE_PIECE_BYTES_MAX)
        value.size = 0; /* none of ours: says nothing that could be decoded */
    if (visit->rows == SLAB_ROWS || value.size > SLAB_BYTES - visit->used)
        add_collected(visit);
    if (value.size > 0)
        memcpy(visit->bytes + visit->used, value.data, value.size);
    visit->row[visit->rows++] = wire_bytes(visit->bytes + visit->used, value.size);
    visit->used += value.size;
    return visit->status == WIRE_OK;
}

enum wire_status shell_directory_rows(struct shell *shell, uint8_t table, bool *broken, struct wire_problem *problem)
{
    struct visit *visit = calloc(1, sizeof *visit);
    ENSURE(visit != NULL);
    *visit = (struct visit){.shell = shell, .bytes = malloc(SLAB_BYTES), .problem = problem};
    ENSURE(visit->bytes != NULL);
    enum wire_status status = keep_scan(shell->keep, &(struct keep_range){.table = table}, on_record, visit, NULL);
    add_collected(visit);
    enum wire_status added = visit->status;
    free(visit->bytes);
    free(visit);
    *broken = added != WIRE_OK;
    if (status != WIRE_OK)
        return wire_fail(problem, status, "directory", shell->words.read_zh, shell->words.read_en);
    return added;
}

/* One walk over both sorted lists. */
void shell_enrolment_update(struct shell_enrolment *enrolment, const struct cert_directory *directory,
                            void (*change)(void *context, uint32_t region, bool enrolled), void *context)
{
    uint32_t now[SHELL_REGIONS_MAX];
    size_t i = 0, j = 0, count = cert_directory_regions(directory, shell_wall_ms(), now, SHELL_REGIONS_MAX);
    count = count > SHELL_REGIONS_MAX ? SHELL_REGIONS_MAX : count;
    while (i < enrolment->count || j < count) {
        uint32_t was = i < enrolment->count ? enrolment->region[i] : UINT32_MAX;
        uint32_t is = j < count ? now[j] : UINT32_MAX;
        if (was != is)
            change(context, was < is ? was : is, is < was);
        i += was <= is;
        j += is <= was;
    }
    memcpy(enrolment->region, now, count * sizeof(*now));
    enrolment->count = count;
}
