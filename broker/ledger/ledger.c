#include "broker/ledger/ledger.h"

#include "wire/codec.h"

#include <stdio.h>

void ledger_tables(const char *names[BROKER_TABLES])
{
    names[0] = "none"; /* no table has number 0, so that a forgotten number is an error of its own */
    for (uint32_t table = 1; table < BROKER_TABLES; table++)
        names[table] = broker_table_name(table);
}

enum wire_status ledger_open(const char *folder, uint64_t map_bytes, struct ledger *out, struct wire_problem *problem)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/ledger", folder) >= (int)sizeof(path))
        return wire_fail(problem, WIRE_INVALID, folder, "路径太长", "the path is too long");
    const char *tables[BROKER_TABLES];
    ledger_tables(tables);
    struct keep_options options = {
        .application = "lianfang-broker",
        .format = LEDGER_FORMAT,
        .format_oldest = LEDGER_FORMAT,
        .tables = tables,
        .table_count = BROKER_TABLES,
        .map_bytes_max = (size_t)map_bytes,
    };
    struct keep *keep;
    enum wire_status status = keep_open_lmdb(path, &options, &keep, problem);
    if (status == WIRE_OK)
        ledger_over(keep, out);
    return status;
}

void ledger_over(struct keep *keep, struct ledger *out)
{
    *out = (struct ledger){.keep = keep};
}

void ledger_close(struct ledger *ledger)
{
    keep_close(&ledger->keep);
    keep_value_close(&ledger->value);
}

struct boot {
    uint8_t table;
    bool (*row)(void *context, const struct wire_row *row);
    void *context;
};

static bool boot_visit(void *context, struct wire_bytes key, struct wire_bytes value)
{
    struct boot *boot = context;
    return boot->row(boot->context, &(struct wire_row){.table = boot->table, .key = key, .value = value});
}

enum wire_status ledger_boot(struct ledger *ledger, bool (*row)(void *context, const struct wire_row *row),
                             void *context)
{
    for (uint8_t table = 1; table < BROKER_TABLES; table++) {
        if (!broker_table_boots(table))
            continue;
        struct boot boot = {.table = table, .row = row, .context = context};
        enum wire_status status =
            keep_scan(ledger->keep, &(struct keep_range){.table = table}, boot_visit, &boot, NULL);
        if (status != WIRE_OK)
            return status;
    }
    return WIRE_OK;
}

struct wire_bytes ledger_row(struct ledger *ledger, uint8_t table, struct wire_bytes key, struct wire_arena *arena,
                             enum wire_status *status)
{
    *status = keep_get(ledger->keep, table, key, &ledger->value);
    if (*status != WIRE_OK)
        return (struct wire_bytes){0};
    void *copy = wire_arena_copy(arena, ledger->value.data, ledger->value.size);
    if (copy == NULL)
        *status = WIRE_NO_MEMORY;
    return wire_bytes(copy, copy == NULL ? 0 : ledger->value.size);
}

static ProtobufCMessage *decoded_row(struct ledger *ledger, uint8_t table, struct broker_key key,
                                     const ProtobufCMessageDescriptor *type, struct wire_arena *arena,
                                     enum wire_status *status)
{
    *status = keep_get(ledger->keep, table, wire_bytes(key.data, key.size), &ledger->value);
    if (*status != WIRE_OK)
        return NULL;
    ProtobufCMessage *message =
        wire_decode(type, wire_bytes(ledger->value.data, ledger->value.size), WIRE_STRICT_NONE, arena, status);
    if (message == NULL && *status != WIRE_OVER_BUDGET)
        *status = WIRE_DAMAGED;
    return message;
}

Wire__LedgerBatch *ledger_batch(struct ledger *ledger, uint64_t serial, struct wire_arena *arena,
                                enum wire_status *status)
{
    return (Wire__LedgerBatch *)decoded_row(ledger, BROKER_BATCH, broker_key_serial(serial),
                                            &wire__ledger_batch__descriptor, arena, status);
}

Wire__LedgerHeaders *ledger_headers(struct ledger *ledger, uint64_t serial, struct wire_arena *arena,
                                    enum wire_status *status)
{
    return (Wire__LedgerHeaders *)decoded_row(ledger, BROKER_HEADERS, broker_key_serial(serial),
                                              &wire__ledger_headers__descriptor, arena, status);
}
