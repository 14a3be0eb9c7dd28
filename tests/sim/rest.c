/* Payloads at rest, as broker/rest.c and node/rest.c keep them: each under the key of its keep-until day, in a key file
 * outside database and backups. What is encrypted is no matter here: a row begins with the number of the key file that
 * it was written under, and can be read as long as that file is there and the key of its day is not destroyed. */
#include "sim.h"

#include "wire/time.h"

enum { FILE_BYTES = 4, ERASE_ROWS = 512, CALM_S = 60, OWN_BITS = 24 };

struct wire_bytes sim_rest_seal(struct sim_process *process, uint32_t day, struct wire_bytes a, struct wire_bytes b)
{
    if (day <= process->erased_through)
        return wire_bytes(NULL, 0);
    uint8_t *row = wire_arena_take(&process->sim->arena, FILE_BYTES + a.size + b.size);
    ENSURE(row != NULL);
    uint8_t *at = wire_put_u32(row, process->key_file);
    if (a.size > 0)
        memcpy(at, a.data, a.size);
    if (b.size > 0)
        memcpy(at + a.size, b.data, b.size);
    return wire_bytes(row, FILE_BYTES + a.size + b.size);
}

struct wire_bytes sim_rest_open(const struct sim_process *process, uint32_t day, struct wire_bytes row)
{
    if (day <= process->erased_through || row.size < FILE_BYTES || wire_get_u32(row.data) != process->key_file)
        return wire_bytes(NULL, 0);
    return wire_bytes(row.data + FILE_BYTES, row.size - FILE_BYTES);
}

void sim_rest_lose(struct sim_process *process)
{
    process->key_file = ++process->sim->key_files;
    process->erased_through = 0;
    process->keys_lost = true;
    sim_trace(process->sim, "%s: its day keys are lost", process->name);
}

void sim_rest_erase_keys(struct sim_process *process, uint32_t day)
{
    if (day <= process->erased_through)
        return;
    process->erased_through = day;
    process->sim->count.erased_days++;
    sim_trace(process->sim, "%s: keys of days up to %u are destroyed", process->name, day);
}

int64_t sim_rest_next_us(const struct sim_process *process)
{
    int64_t now_ms = sim_wall_ms(process);
    int64_t midnight_ms = wire_day_start(wire_day_add(wire_day_of(now_ms), 1)) - now_ms;
    return midnight_ms * SIM_MS + sim_between(process->sim, 1, CALM_S * SIM_S);
}

/* --- appends, the core's and the shell's own ---------------------------------------------------------------------- */

static void append(struct sim_process *process, const struct wire_row *rows, size_t count, uint64_t ticket)
{
    enum wire_status status = keep_append(process->keep, rows, count, ticket);
    if (status == WIRE_AGAIN && keep_sync(process->keep) == WIRE_OK)
        status = keep_append(process->keep, rows, count, ticket);
    if (status == WIRE_AGAIN || status == WIRE_IO || status == WIRE_DISK_FULL) {
        process->broken = true; /* it ends, with the next word of the store */
        sim_process_fetched(process);
        return;
    }
    if (status != WIRE_OK)
        sim_fail(process->sim, 0, "%s: append: %s", process->name, wire_status_name(status));
    sim_process_touch(process);
}

void sim_process_append(struct sim_process *process, const struct wire_row *rows, size_t count, uint64_t ticket)
{
    process->ticket_last = ticket;
    append(process, rows, count, ticket << OWN_BITS);
}

uint64_t sim_process_committed(const struct sim_process *process)
{
    return keep_committed(process->keep) >> OWN_BITS;
}

/* --- rows of days that are over ----------------------------------------------------------------------------------- */

struct erasing {
    struct sim_process *process;
    const struct sim_rest_table *table;
    struct wire_row *rows;
    size_t count, found;
    uint32_t day;
};

static struct wire_row erased(struct erasing *erasing, uint8_t table, struct wire_bytes key)
{
    void *copy = wire_arena_copy(&erasing->process->sim->arena, key.data, key.size);
    return (struct wire_row){.table = table, .erase = true, .key = wire_bytes(copy, key.size)};
}

static bool visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct erasing *erasing = context;
    (void)value;
    if (wire_get_u32(key.data) > erasing->day)
        return false;
    erasing->rows[erasing->count++] = erased(erasing, erasing->table->by_day, key);
    if (erasing->table->payload_of != NULL) {
        struct broker_key payload = erasing->table->payload_of(key);
        erasing->rows[erasing->count++] =
            erased(erasing, erasing->table->payload, wire_bytes(payload.data, payload.size));
    }
    return ++erasing->found < ERASE_ROWS;
}

bool sim_rest_erase_rows(struct sim_process *process, const struct sim_rest_table *table, size_t tables, uint32_t day)
{
    struct erasing erasing = {.process = process, .day = day};
    erasing.rows = wire_arena_take(&process->sim->arena, 2 * ERASE_ROWS * sizeof(*erasing.rows));
    ENSURE(erasing.rows != NULL);
    for (size_t i = 0; i < tables && erasing.found < ERASE_ROWS; i++) {
        erasing.table = &table[i];
        ENSURE(keep_scan(process->keep, &(struct keep_range){.table = table[i].by_day}, visit, &erasing, NULL) ==
               WIRE_OK);
    }
    if (erasing.count > 0 && !process->broken)
        append(process, erasing.rows, erasing.count, (process->ticket_last << OWN_BITS) | ++process->ticket_own);
    return erasing.found == ERASE_ROWS;
}
