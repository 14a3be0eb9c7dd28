/* Policies and the directory as they change, and who must hear of it. */
#include "broker/core/inside.h"
#include "wire/canary.h"

/* The newest whose time has come. Slots are in order of version. */
const struct policy_slot *broker_policy_now(const struct broker_core *core)
{
    for (uint32_t i = core->policy_count; i-- > 0;) {
        if (core->policies[i].in_force_ms <= core->wall_ms)
            return &core->policies[i];
    }
    return NULL;
}

uint64_t broker_policy_newest(const struct broker_core *core)
{
    return core->policy_count == 0 ? 0 : core->policies[core->policy_count - 1].version;
}

/* Forgets those that a later one in force has replaced, and if need be the oldest. */
static void policies_trim(struct broker_core *core)
{
    const struct policy_slot *now = broker_policy_now(core);
    uint32_t drop = now == NULL ? 0 : (uint32_t)(now - core->policies);
    if (drop == 0 && core->policy_count == POLICIES_MAX)
        drop = 1;
    core->policy_count -= drop;
    memmove(core->policies, core->policies + drop, core->policy_count * sizeof core->policies[0]);
}

void broker_on_policy(struct broker_core *core, const struct broker_event *event)
{
    const struct broker_policy *policy = &event->policy;
    if (policy->version <= broker_policy_newest(core)) {
        broker_note(core, BROKER_NOTE_POLICY, WIRE_EXISTS, 0, policy->version, 0, 0);
        return;
    }
    policies_trim(core);
    core->policies[core->policy_count++] =
        (struct policy_slot){policy->policy, policy->version, policy->digest, policy->in_force_ms};
    if (policy->bytes.size > 0) {
        broker_rows_open(core);
        broker_row_put(core, BROKER_POLICY, broker_key_version(policy->version), policy->bytes);
        broker_rows_close(core);
    }
    broker_note(core, BROKER_NOTE_POLICY, WIRE_OK, 0, policy->version, 0, 0);
    broker_tell_all(core, TELL_POLICY);
}

void broker_send_policies(struct broker_core *core, struct region *region)
{
    for (uint32_t i = 0; i < core->policy_count; i++) {
        uint64_t version = core->policies[i].version;
        if (version <= region->policy_version)
            continue;
        broker_effect(core, BROKER_SEND_POLICY)->send_policy =
            (struct broker_send_policy){region->peer, core->ticket, version};
        region->policy_version = version;
    }
}

void broker_send_directory(struct broker_core *core, struct region *region)
{
    if (region->directory_epoch >= core->directory_epoch)
        return;
    broker_effect(core, BROKER_SEND_DIRECTORY)->send_directory =
        (struct broker_send_directory){region->peer, core->ticket, region->directory_epoch, core->directory_epoch};
    region->directory_epoch = core->directory_epoch;
}

static void enrol(struct broker_core *core, const struct broker_change *change)
{
    struct region *region = change->region == WIRE_REGION_BROKER ? NULL
                            : change->enrolled                   ? broker_region_make(core, change->region)
                                                                 : broker_region_find(core, change->region);
    if (region == NULL)
        return;
    region->enrolled = change->enrolled;
    if (!region->enrolled && region->peer != 0 && !CANARY(FORGET_REVOCATION)) {
        region->cut_status = WIRE_REVOKED;
        broker_tell(core, region, TELL_CUT);
    }
}

void broker_on_directory(struct broker_core *core, const struct broker_event *event)
{
    const struct broker_directory *directory = &event->directory;
    for (size_t i = 0; i < directory->change_count; i++)
        enrol(core, &directory->changes[i]);
    if (directory->record_count > 0) {
        broker_rows_open(core);
        for (size_t i = 0; i < directory->record_count; i++)
            broker_row_put(core, BROKER_DIRECTORY, broker_key_version(directory->records[i].epoch),
                           directory->records[i].bytes);
        broker_rows_close(core);
    }
    if (directory->epoch > core->directory_epoch)
        core->directory_epoch = directory->epoch;
    broker_note(core, BROKER_NOTE_DIRECTORY, WIRE_OK, 0, core->directory_epoch, 0, 0);
    broker_tell_all(core, TELL_DIRECTORY);
}

void broker_on_room(struct broker_core *core, const struct broker_event *event)
{
    core->full = event->room.full; /* broker_reason_changed tells the sessions */
}
