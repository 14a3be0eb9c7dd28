#include "certs/index.h"
#include "certs/held.h"
#include "wire/ensure.h"
#include "wire/id.h"
#include "wire/json.h"
#include "wire/time.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void *room_for_one(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    size_t wider = *capacity == 0 ? 64 : *capacity * 2;
    void *memory = reallocarray(array, wider, size);
    if (memory != NULL)
        *capacity = wider;
    return memory;
}

static enum wire_status add_event(struct cert_index *index, const struct cert_event *event)
{
    void *memory = room_for_one(index->event, index->event_count, &index->event_capacity, sizeof *index->event);
    if (memory == NULL)
        return WIRE_NO_MEMORY;
    index->event = memory;
    index->event[index->event_count++] = *event;
    return WIRE_OK;
}

enum wire_status cert_index_issue(struct cert_index *index, const struct cert_subject *subject)
{
    void *memory = room_for_one(index->issued, index->issued_count, &index->issued_capacity, sizeof *index->issued);
    if (memory == NULL)
        return WIRE_NO_MEMORY;
    index->issued = memory;
    struct cert_event event = {.issued = (uint32_t)index->issued_count};
    enum wire_status status = add_event(index, &event);
    if (status == WIRE_OK)
        index->issued[index->issued_count++] = (struct cert_issued){.subject = *subject, .epoch = index->event_count};
    return status;
}

enum wire_status cert_index_revoke(struct cert_index *index, uint32_t issued, int64_t at_ms, const char *reason)
{
    ENSURE(issued < index->issued_count && index->issued[issued].revoked_ms == 0 && at_ms > 0);
    struct cert_event event = {.revoke = true, .issued = issued, .revoked_ms = at_ms};
    snprintf(event.reason, sizeof event.reason, "%s", reason);
    enum wire_status status = add_event(index, &event);
    if (status != WIRE_OK)
        return status;
    struct cert_issued *revoked = &index->issued[issued];
    revoked->revoked_ms = at_ms;
    revoked->epoch = index->event_count;
    memcpy(revoked->reason, event.reason, sizeof revoked->reason);
    return WIRE_OK;
}

enum { WORDS_MAX = 10, ISSUE_WORDS = 10, REVOKE_WORDS = 6 };

static size_t split(char *line, char *word[WORDS_MAX])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *at = strtok_r(line, " ", &rest); at != NULL; at = strtok_r(NULL, " ", &rest)) {
        if (count == WORDS_MAX)
            return 0;
        word[count++] = at;
    }
    return count;
}

static bool parse_issue(struct cert_index *index, char *const word[WORDS_MAX])
{
    struct cert_subject subject = {.region = 0};
    char *end;
    if (!wire_unhex(word[2], CERT_SERIAL_BYTES, subject.serial) || strlen(word[2]) != 2 * CERT_SERIAL_BYTES ||
        !wire_unhex(word[3], WIRE_HASH_BYTES, subject.digest) || strlen(word[3]) != 2 * WIRE_HASH_BYTES ||
        !cert_role_parse(word[4], &subject.role) || !cert_usage_parse(word[5], &subject.usage) ||
        strlen(word[7]) > CERT_NAME_BYTES_MAX || !wire_time_parse(word[8], strlen(word[8]), &subject.from_ms) ||
        !wire_time_parse(word[9], strlen(word[9]), &subject.until_ms))
        return false;
    subject.region = (uint32_t)strtoul(word[6], &end, 10);
    snprintf(subject.name, sizeof subject.name, "%s", word[7]);
    return *end == '\0' && cert_index_issue(index, &subject) == WIRE_OK;
}

static bool parse_revoke(struct cert_index *index, char *const word[WORDS_MAX])
{
    uint8_t digest[WIRE_HASH_BYTES];
    int64_t at_ms;
    if (!wire_unhex(word[3], WIRE_HASH_BYTES, digest) || !wire_time_parse(word[4], strlen(word[4]), &at_ms) ||
        !cert_reason_known(word[5]) || at_ms <= 0)
        return false;
    for (size_t i = 0; i < index->issued_count; i++)
        if (memcmp(index->issued[i].subject.digest, digest, sizeof digest) == 0)
            return index->issued[i].revoked_ms == 0 && cert_index_revoke(index, (uint32_t)i, at_ms, word[5]) == WIRE_OK;
    return false;
}

static bool parse_line(struct cert_index *index, char *line)
{
    char *word[WORDS_MAX];
    size_t words = split(line, word);
    if (words < 2 || strtoull(word[0], NULL, 10) != index->event_count + 1)
        return false;
    if (words == ISSUE_WORDS && strcmp(word[1], "issue") == 0)
        return parse_issue(index, word);
    return words == REVOKE_WORDS && strcmp(word[1], "revoke") == 0 && parse_revoke(index, word);
}

enum wire_status cert_index_parse(struct cert_index *index, const char *text, const char *where,
                                  struct wire_problem *problem)
{
    char line[512];
    for (size_t number = 1; *text != '\0'; number++) {
        size_t length = strcspn(text, "\n");
        bool whole = text[length] == '\n' && length < sizeof line;
        if (whole) {
            memcpy(line, text, length);
            line[length] = '\0';
        }
        if (!whole || number > CERT_ISSUED_MAX || !parse_line(index, line))
            return wire_failf(problem, WIRE_DAMAGED, where, "索引第 %zu 行损坏。请从备份恢复证书目录",
                              "line %zu of the index is damaged; restore the CA's folder from a backup", number);
        text += length + 1;
    }
    return WIRE_OK;
}

static void format_event(const struct cert_index *index, size_t at, struct wire_text *text)
{
    const struct cert_event *event = &index->event[at];
    const struct cert_subject *subject = &index->issued[event->issued].subject;
    char serial[2 * CERT_SERIAL_BYTES + 1], digest[2 * WIRE_HASH_BYTES + 1], from[WIRE_TIME_TEXT],
        until[WIRE_TIME_TEXT];
    wire_hex(subject->serial, CERT_SERIAL_BYTES, serial);
    wire_hex(subject->digest, WIRE_HASH_BYTES, digest);
    if (event->revoke)
        wire_text_format(text, "%zu revoke %s %s %s %s\n", at + 1, serial, digest,
                         wire_time_iso(event->revoked_ms, from), event->reason);
    else
        wire_text_format(text, "%zu issue %s %s %s %s %06u %s %s %s\n", at + 1, serial, digest,
                         cert_role_name(subject->role), cert_usage_name(subject->usage), subject->region, subject->name,
                         wire_time_iso(subject->from_ms, from), wire_time_iso(subject->until_ms, until));
}

enum wire_status cert_index_format(const struct cert_index *index, struct cert_file *out)
{
    struct wire_text text = {.grow = realloc};
    for (size_t i = 0; i < index->event_count; i++)
        format_event(index, i, &text);
    *out = (struct cert_file){.data = (uint8_t *)text.data, .size = text.size};
    if (!text.cut)
        return WIRE_OK;
    cert_file_close(out);
    return WIRE_NO_MEMORY;
}

void cert_index_close(struct cert_index *index)
{
    free(index->issued);
    free(index->event);
    *index = (struct cert_index){.issued = NULL};
}
