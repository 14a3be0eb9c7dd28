/* Rows of one key → one draft: new, an update of what was imported before, or nothing. */
#include "link/json.h"
#include "node/api/import.h"
#include "wire/codec.h"

static struct wire_problem *keep(const struct wire_problem *problem)
{
    struct wire_problem *kept = malloc(sizeof *kept);
    ENSURE(kept != NULL);
    *kept = *problem;
    return kept;
}

void import_group_refuse(struct api_import *job, struct import_group *group, const struct wire_problem *problem)
{
    (void)job;
    free(group->problem);
    group->outcome = IMPORT_REFUSED;
    group->problem = keep(problem);
}

/* HMAC(key ‖ content ‖ predecessor) as a UUID (import.h says why its time is none). */
static void derive_id(struct api_import *job, struct import_group *group, const uint8_t *predecessor)
{
    static const char title[] = "lianfang import id v1";
    uint8_t text[sizeof title + 32 + 32 + WIRE_ID_BYTES], digest[32];
    size_t size = 0;
    memcpy(text, title, sizeof title);
    size += sizeof title;
    memcpy(text + size, group->key, 32);
    memcpy(text + size + 32, group->content, 32);
    size += 64;
    if (predecessor != NULL) {
        memcpy(text + size, predecessor, WIRE_ID_BYTES);
        size += WIRE_ID_BYTES;
    }
    job->api->backend.import_key(job->api->backend.context, wire_bytes(text, size), digest);
    memcpy(group->id, digest, WIRE_ID_BYTES);
    group->id[6] = (uint8_t)(0x70 | (group->id[6] & 0x0F));
    group->id[8] = (uint8_t)(0x80 | (group->id[8] & 0x3F));
}

/* --- the form --- */

static void put_head(const struct api_import *job, uint32_t first_row, struct wire_text *content)
{
    wire_text_format(content, "%s\x1F%u\x1F%s\x1F%s\x1E", job->profile->kind->name, job->rows[first_row].issuer,
                     import_cell(job, first_row, job->mechanism), import_cell(job, first_row, job->concerns));
}

/* By way of JSON, whose reader says what is wrong. */
static ProtobufCMessage *read_json(struct api_import *job, const uint32_t *rows, size_t count, struct wire_text *text,
                                   struct wire_problem *problem)
{
    json_t *json = import_payload(job, rows, count, text);
    ProtobufCMessage *payload =
        link_json_value_to_message(job->profile->kind->payload, json, &job->arena, true, problem);
    json_decref(json);
    return payload;
}

ProtobufCMessage *import_read(struct api_import *job, const uint32_t *rows, size_t count, uint8_t content[32],
                              struct wire_problem *problem)
{
    struct wire_text text = {.grow = realloc};
    size_t mark = wire_arena_mark(&job->arena);
    bool exhausted = job->arena.exhausted;
    put_head(job, rows[0], &text);
    size_t head = text.size;
    ProtobufCMessage *payload = import_message(job, rows, count, &text);
    if (payload == NULL) {
        wire_arena_back(&job->arena, mark);
        job->arena.exhausted = exhausted;
        text.size = head;
        payload = read_json(job, rows, count, &text, problem);
    }
    job->api->backend.sha256(job->api->backend.context, wire_bytes(text.data, text.size), content);
    free(text.data);
    return payload;
}

/* The only row of its group: read and checked already. false: its payload was not kept. */
static bool take_kept(struct api_import *job, struct import_group *group, struct api_form *form)
{
    struct import_row *row = &job->rows[group->first_row];
    enum wire_status status;
    if (row->next != 0 || row->payload.data == NULL)
        return false;
    form->payload = wire_decode(form->kind->payload, row->payload, WIRE_STRICT_NONE, &job->arena, &status);
    memcpy(group->content, row->content, sizeof group->content);
    job->kept_bytes -= row->payload.size;
    import_row_forget(row);
    return form->payload != NULL;
}

/* The payload of all rows of the group into the form's arena; false: the group was refused. */
static bool read_payload(struct api_import *job, struct import_group *group, struct api_form *form)
{
    struct wire_problem problem = {0};
    size_t count = 0;
    if (take_kept(job, group, form)) {
        enum wire_status status = api_form_encode(job->api, form, &job->arena, &problem);
        if (status != WIRE_OK)
            import_group_refuse(job, group, &problem);
        return status == WIRE_OK;
    }
    for (uint32_t row = group->first_row; row != 0; row = job->rows[row].next)
        count++;
    uint32_t *rows = calloc(count, sizeof *rows);
    ENSURE(rows != NULL);
    count = 0;
    for (uint32_t row = group->first_row; row != 0; row = job->rows[row].next)
        rows[count++] = row;
    form->payload = import_read(job, rows, count, group->content, &problem);
    free(rows);
    enum wire_status status =
        form->payload == NULL ? problem.status : api_form_payload(job->api, form, &job->arena, &problem);
    if (status != WIRE_OK)
        import_group_refuse(job, group, &problem);
    return status == WIRE_OK;
}

static bool put_concerns(struct api_import *job, struct import_group *group, Wire__Header *header)
{
    uint32_t regions[IMPORT_CONCERNS_MAX];
    const char *bad;
    size_t count;
    ENSURE(import_concerns(job, group->first_row, regions, &count, &bad)); /* checked with the row */
    header->n_concerns = count;
    header->concerns = count == 0 ? NULL : wire_arena_copy(&job->arena, regions, count * sizeof *regions);
    return count == 0 || header->concerns != NULL;
}

static void put_header(struct api_import *job, struct import_group *group, struct api_form *form)
{
    Wire__Header *header = &form->header;
    const char *mechanism = import_cell(job, group->first_row, job->mechanism);
    header->issuer_region = job->rows[group->first_row].issuer;
    header->status = job->profile->status;
    put_concerns(job, group, header);
    if (mechanism[0] == '\0')
        return;
    header->mechanism = wire_arena_text(&job->arena, mechanism, strlen(mechanism));
    form->draft.choose_mechanism = false;
}

/* --- what was imported before --- */

/* Whether it lives: an update may name it. What was refused, withdrawn or expired never reached anybody. */
static bool is_alive(const Wire__NodeState *state)
{
    return state->state != WIRE__NODE_OUTBOX_STATE__NODE_REFUSED &&
           state->state != WIRE__NODE_OUTBOX_STATE__NODE_EXPIRED &&
           state->state != WIRE__NODE_OUTBOX_STATE__NODE_WITHDRAWN;
}

static void correct(struct api_import *job, struct import_group *group, struct api_form *form,
                    const struct api_outbox_row *row)
{
    struct api_form update;
    api_form_correct(job->api, &update, row, WIRE__ACTION__UPDATE, &job->arena);
    update.payload = form->payload;
    update.remark = form->remark;
    update.draft.payload = form->draft.payload;
    update.draft.last_exposure = form->draft.last_exposure;
    update.draft.valid_until = form->draft.valid_until;
    update.header.urgency = form->header.urgency;
    update.header.has_subject_count = form->header.has_subject_count;
    update.header.subject_count = form->header.subject_count;
    *form = update;
    form->draft.header = &form->header;
    group->outcome = IMPORT_UPDATE;
}

static bool id_is_taken(struct api_import *job, const uint8_t *id)
{
    const struct api_backend *backend = &job->api->backend;
    struct api_outbox_row row = {0};
    return backend->outbox_one(backend->context, id, NULL, &job->arena, &row) == WIRE_OK;
}

/* New, update or unchanged; false: unchanged. */
static bool compare(struct api_import *job, struct import_group *group, struct api_form *form)
{
    const struct api_backend *backend = &job->api->backend;
    struct api_outbox_row row = {0};
    uint8_t known[WIRE_ID_BYTES], content[32];
    group->outcome = IMPORT_QUEUED;
    derive_id(job, group, NULL);
    if (!backend->import_known(backend->context, group->key, known, content))
        return true;
    if (backend->outbox_one(backend->context, known, NULL, &job->arena, &row) != WIRE_OK)
        return true; /* its row is gone: the same id again, which the broker knows */
    bool same = memcmp(content, group->content, sizeof content) == 0;
    group->number = (struct wire_number){job->api->region, row.state->number_date, row.state->number_serial};
    group->again = same && row.state->state == WIRE__NODE_OUTBOX_STATE__NODE_REFUSED;
    if (same && !group->again) {
        memcpy(group->id, known, WIRE_ID_BYTES);
        group->outcome = IMPORT_UNCHANGED;
        return false;
    }
    if (id_is_taken(job, group->id)) /* said before, then otherwise, now so again */
        derive_id(job, group, known);
    if (is_alive(row.state))
        correct(job, group, form, &row);
    return true;
}

/* --- the rules --- */

/* false: it cannot be queued. What the rules refuse is queued all the same, so that a signed refusal of the broker
 * exists; the report says beforehand what it will be. */
static bool ask_rules(struct api_import *job, struct import_group *group, struct api_form *form)
{
    struct wire_problem problem;
    struct api_preview preview;
    bool can_queue;
    enum wire_status status = api_form_preview(job->api, form, &job->arena, &preview, &can_queue, &problem);
    if (status == WIRE_OK)
        return true;
    if (group->again) { /* refused then, refused now: once is enough */
        uint8_t content[32];
        job->api->backend.import_known(job->api->backend.context, group->key, group->id, content);
        group->outcome = IMPORT_UNCHANGED;
        group->problem = keep(&problem);
        return false;
    }
    if (!can_queue || job->dry_run) {
        import_group_refuse(job, group, &problem);
        return false;
    }
    free(group->problem);
    group->problem = keep(&problem);
    return true;
}

struct api_form *import_group(struct api_import *job, struct import_group *group)
{
    struct api_form *form = wire_arena_take(&job->arena, sizeof *form);
    if (form == NULL)
        return NULL;
    uint32_t unit = job->profile->unit != 0 ? job->profile->unit : api_kind_unit(job->profile->kind->number);
    api_form_start(job->api, form, job->profile->kind, unit, group->id, &job->arena);
    put_header(job, group, form);
    if (job->arena.exhausted || !read_payload(job, group, form) || !compare(job, group, form) ||
        !ask_rules(job, group, form))
        return NULL;
    memcpy(form->header.id.data, group->id, WIRE_ID_BYTES);
    return form;
}
