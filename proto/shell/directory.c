#include "shell/trust.h"

#include "wire/codec.h"

#include <stdlib.h>
#include <string.h>

struct visit {
    struct shell *shell;
    struct wire_arena *arena;
    enum wire_status status;
    struct wire_problem *problem;
};

static bool on_record(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct visit *visit = context;
    (void)key;
    wire_arena_reset(visit->arena);
    const Wire__DirectoryRecord *record = (const Wire__DirectoryRecord *)wire_decode(
        &wire__directory_record__descriptor, value, WIRE_STRICT_NONE, visit->arena, &visit->status);
    if (record != NULL)
        visit->status = cert_directory_add(visit->shell->directory, record, visit->problem);
    else
        visit->status = wire_fail(visit->problem, WIRE_DAMAGED, "directory", "存储的目录记录损坏",
                                  "a stored directory record is damaged");
    return visit->status == WIRE_OK;
}

enum wire_status shell_directory_rows(struct shell *shell, uint8_t table, struct wire_arena *arena, bool *broken,
                                      struct wire_problem *problem)
{
    struct visit visit = {.shell = shell, .arena = arena, .problem = problem};
    enum wire_status status = keep_scan(shell->keep, &(struct keep_range){.table = table}, on_record, &visit, NULL);
    *broken = visit.status != WIRE_OK;
    if (status != WIRE_OK)
        return wire_fail(problem, status, "directory", shell->words.read_zh, shell->words.read_en);
    return visit.status;
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
