#include "node/cli/evidence_check.h"
#include "certs/hash.h"
#include "node/cli/words.h"
#include "wire/codec.h"
#include "wire/ensure.h"
#include "wire/id.h"
#include "wire/label.h"
#include "wire/region.h"
#include "wire/time.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct checking {
    const struct cli_evidence_input *input;
    struct cli_evidence *out;
    struct cert_directory *directory;
    struct wire_hash hash;
    const Wire__Evidence *evidence;
    const Wire__BatchSeal *seal;
    uint32_t index; /* leaf of the envelope */
};

/* Both formats take the same arguments. */
static void find(struct cli_evidence *out, enum cli_grade grade, const char *what, const char *zh, const char *en, ...)
    __attribute__((format(printf, 4, 6), format(printf, 5, 6)));

static void find(struct cli_evidence *out, enum cli_grade grade, const char *what, const char *zh, const char *en, ...)
{
    if (out->count == out->capacity) {
        out->capacity = out->capacity == 0 ? 16 : 2 * out->capacity;
        out->finding = realloc(out->finding, out->capacity * sizeof *out->finding);
        ENSURE(out->finding != NULL);
    }
    struct cli_finding *finding = &out->finding[out->count++];
    va_list arguments, again;
    va_start(arguments, en);
    va_copy(again, arguments);
    *finding = (struct cli_finding){.grade = grade, .what = what};
    vsnprintf(finding->zh, sizeof finding->zh, zh, arguments);
    vsnprintf(finding->en, sizeof finding->en, en, again);
    va_end(again);
    va_end(arguments);
    if (grade > out->worst)
        out->worst = grade;
}

/* A status is said in each language: %1$s is Chinese, %2$s English in both formats. */
static void find_status(struct cli_evidence *out, const char *what, const char *zh, const char *en,
                        enum wire_status status)
{
    find(out, CLI_GRADE_BAD, what, "%1$s：%3$s%2$.0s%4$.0s", "%2$s: %4$s%1$.0s%3$.0s", zh, en,
         wire_status_text(status, WIRE_CHINESE), wire_status_text(status, WIRE_ENGLISH));
}

static const char *region_name(uint32_t region, char out[64])
{
    const struct wire_region *found = wire_region_find(region);
    snprintf(out, 64, "%06u%s%s", region, found == NULL ? "" : " ", found == NULL ? "" : found->name);
    return out;
}

static bool same(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* --- reading --- */

static bool read_evidence(struct checking *c)
{
    enum wire_status status;
    struct wire_bytes raw = c->input->evidence;
    size_t budget = 2 * wire_arena_budget(raw.size);
    c->out->memory = malloc(budget);
    ENSURE(c->out->memory != NULL);
    wire_arena_over(&c->out->arena, c->out->memory, budget);
    ProtobufCMessage *message = wire_decode(&wire__evidence__descriptor, raw, WIRE_STRICT_ALL, &c->out->arena, &status);
    c->evidence = (const Wire__Evidence *)message;
    if (message == NULL)
        find_status(c->out, "file", "不是凭证文件", "this is no evidence file", status);
    else if (c->evidence->version != 1 || c->evidence->part->n_envelope != 1)
        find(c->out, CLI_GRADE_BAD, "file", "凭证版本 %u 本程序不认识", "version %u of evidence is not known here",
             c->evidence->version);
    else
        c->seal = c->evidence->part->seal;
    return c->seal != NULL;
}

/* --- certificates --- */

static bool open_directory(struct checking *c)
{
    struct wire_problem problem = {.status = WIRE_OK};
    if (cert_directory_new(c->input->ca, NULL, &c->directory, &problem) != WIRE_OK) {
        find(c->out, CLI_GRADE_BAD, "ca", "CA 证书：%s%.0s", "the CA certificate: %.0s%s", problem.zh, problem.en);
        return false;
    }
    if (strcmp(cert_directory_installation(c->directory), c->evidence->installation) == 0)
        return true;
    find(c->out, CLI_GRADE_BAD, "ca", "凭证属于“%s”，CA 证书属于“%s”",
         "the evidence is of \"%s\", the CA certificate of \"%s\"", c->evidence->installation,
         cert_directory_installation(c->directory));
    return false;
}

static void add_certificates(struct checking *c)
{
    struct wire_problem problem = {.status = WIRE_OK};
    uint64_t epoch = 0;
    for (size_t i = 0; i < c->evidence->n_certificate; i++) {
        Wire__DirectoryRecord record = WIRE__DIRECTORY_RECORD__INIT;
        record.epoch = epoch + 1;
        record.certificate = c->evidence->certificate[i];
        if (cert_directory_add(c->directory, &record, &problem) == WIRE_OK)
            epoch++;
        else
            find(c->out, CLI_GRADE_REMARK, "certificate", "第 %zu 份证书不可用：%s%.0s",
                 "certificate %zu is of no use: %.0s%s", i + 1, problem.zh, problem.en);
    }
}

static void add_crl(struct checking *c)
{
    struct wire_problem problem = {.status = WIRE_OK};
    char time[WIRE_TIME_TEXT];
    if (c->input->crl.data == NULL) {
        find(c->out, CLI_GRADE_NOTE, "crl", "未给出吊销列表（--crl），吊销情况未核对",
             "no revocation list (--crl) was given: revocation is not checked");
        return;
    }
    if (cert_directory_crl(c->directory, c->input->crl, &problem) != WIRE_OK) {
        find(c->out, CLI_GRADE_BAD, "crl", "吊销列表：%s%.0s", "the revocation list: %.0s%s", problem.zh, problem.en);
        return;
    }
    wire_time_text(cert_directory_crl_next_ms(c->directory), time);
    if (cert_directory_crl_next_ms(c->directory) < c->input->now_ms)
        find(c->out, CLI_GRADE_REMARK, "crl", "吊销列表已过期（%s），请取新的",
             "the revocation list is out of date (%s); get a newer one", time);
    else
        find(c->out, CLI_GRADE_GOOD, "crl", "已核对吊销列表（有效至 %s）",
             "checked against the revocation list (good until %s)", time);
}

/* --- what the origin signed --- */

static bool check_part(struct checking *c)
{
    const Wire__Part *part = c->evidence->part;
    Wire__Header **headers = wire_arena_take(&c->out->arena, WIRE_BATCH_ENVELOPES_MAX * sizeof(Wire__Header *));
    struct wire_digest leaves[1];
    uint32_t at = 0;
    char number[WIRE_NUMBER_TEXT];
    if (headers == NULL) {
        find_status(c->out, "place", "凭证过大", "the evidence is too large", WIRE_OVER_BUDGET);
        return false;
    }
    enum wire_status status = wire_part_check(&c->hash, part, &c->out->arena, headers, leaves, &at);
    c->index = part->envelope[0]->index;
    if (status != WIRE_OK && status != WIRE_TAMPERED) {
        find_status(c->out, "place", "不属于所签的批次", "it does not belong to the signed batch", status);
        return false;
    }
    c->out->header = headers[0];
    if (headers[0] == NULL) {
        find(c->out, CLI_GRADE_REMARK, "place", "信头属于所签的批次，但本版本无法读取",
             "its header belongs to the signed batch but is not "
             "readable by this version");
        return true;
    }
    struct wire_number n = {headers[0]->origin, headers[0]->number_date, headers[0]->number_serial};
    find(c->out, CLI_GRADE_GOOD, "place", "%s 是所签批次（%u 份）中的第 %u 份",
         "%s is, of a signed batch of %u, number %u", wire_number_text(n, number), c->seal->count, c->index + 1);
    if (status == WIRE_TAMPERED)
        find_status(c->out, "content", "内容", "the content", status);
    return true;
}

static void check_content(struct checking *c)
{
    const Wire__PartEnvelope *envelope = c->evidence->part->envelope[0];
    if (c->out->header == NULL || c->out->worst == CLI_GRADE_BAD)
        return;
    if (!envelope->has_payload)
        find(c->out, CLI_GRADE_REMARK, "content", "内容已销毁，信头仍可核验",
             "the content is erased; the header still verifies");
    else if (c->out->header->form == WIRE__PAYLOAD_FORM__SEALED)
        find(c->out, CLI_GRADE_GOOD, "content", "密文与摘要相符（%zu 字节，仅收件地区能解开）",
             "the sealed content matches its digest (%zu bytes; only the region it is for can open it)",
             envelope->payload.len);
    else
        find(c->out, CLI_GRADE_GOOD, "content", "内容与摘要相符（%zu 字节）",
             "the content matches its digest (%zu bytes)", envelope->payload.len);
}

/* --- the broker's word --- */

static ProtobufCMessage *statement_of(struct checking *c, const Wire__Signed *signed_,
                                      const ProtobufCMessageDescriptor *type, enum wire_status *status)
{
    return wire_decode(type, wire_bytes(signed_->statement.data, signed_->statement.len), WIRE_STRICT_NONE,
                       &c->out->arena, status);
}

/* The broker's certificate was good when it says it signed, and nobody else has had its key since. */
static bool trustworthy(const struct checking *c, const Wire__Signed *signed_, int64_t at_ms)
{
    const struct cert_entry *broker = cert_directory_find(c->directory, signed_->signer.data);
    return broker != NULL && !broker->compromised && cert_entry_at(broker, at_ms) == WIRE_OK;
}

static const Wire__Verdict *verdict_of(const struct checking *c, const Wire__ReceiptStatement *receipt)
{
    for (size_t i = 0; c->out->header != NULL && i < receipt->n_verdict; i++)
        if (same(&receipt->verdict[i]->id, &c->out->header->id))
            return receipt->verdict[i];
    return NULL;
}

static void say_recipients(struct checking *c, const Wire__Disposition *disposition)
{
    char text[360] = "", name[64];
    size_t size = 0;
    for (size_t i = 0; i < disposition->n_to + disposition->n_cc && size < sizeof text - 70; i++) {
        bool owes = i < disposition->n_to;
        uint32_t region = owes ? disposition->to[i] : disposition->cc[i - disposition->n_to];
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%s%s", i == 0 ? "" : ", ", owes ? "" : "cc ",
                                 region_name(region, name));
    }
    find(c->out, CLI_GRADE_GOOD, "recipients", "依规则 %s 分发：%s", "given by rule %s to: %s", disposition->rule_name,
         text);
}

static void say_verdict(struct checking *c, const Wire__Verdict *verdict, int64_t at_ms)
{
    char time[WIRE_TIME_TEXT], name[WIRE_ENUM_NAME], zh[200], en[200];
    wire_enum_name(&wire__verdict_code__descriptor, (int)verdict->code, name);
    snprintf(zh, sizeof zh, "%s", cli_state_word(WIRE_CHINESE, name));
    snprintf(en, sizeof en, "%s", cli_state_word(WIRE_ENGLISH, name));
    if (verdict->has_reason && verdict->reason != WIRE_OK) {
        const char *detail = verdict->detail == NULL ? "" : verdict->detail;
        snprintf(zh, sizeof zh, "%s，%s %.60s", cli_state_word(WIRE_CHINESE, name),
                 wire_status_text(verdict->reason, WIRE_CHINESE), detail);
        snprintf(en, sizeof en, "%s, %s %.60s", cli_state_word(WIRE_ENGLISH, name),
                 wire_status_text(verdict->reason, WIRE_ENGLISH), detail);
    }
    find(c->out, verdict->code == WIRE__VERDICT_CODE__ADMITTED ? CLI_GRADE_GOOD : CLI_GRADE_REMARK, "receipt",
         "交换中心 %1$s 的回执：%2$s%3$.0s", "the broker's receipt of %1$s: %3$s%2$.0s", wire_time_text(at_ms, time),
         zh, en);
    if (verdict->disposition != NULL)
        say_recipients(c, verdict->disposition);
}

/* Returns the broker's time, 0: none that can be trusted. */
static int64_t check_receipt(struct checking *c)
{
    const Wire__Signed *signed_ = c->evidence->receipt;
    enum wire_status status;
    if (signed_ == NULL)
        return 0;
    status = signed_->type != WIRE__STATEMENT_TYPE__RECEIPT_STATEMENT
                 ? WIRE_BAD_FRAME
                 : cert_verify_signed(c->directory, &c->hash, signed_, WIRE__ROLE__ROLE_BROKER, 0, CERT_ANY_TIME);
    const Wire__ReceiptStatement *receipt =
        status != WIRE_OK
            ? NULL
            : (const Wire__ReceiptStatement *)statement_of(c, signed_, &wire__receipt_statement__descriptor, &status);
    if (receipt == NULL) {
        find_status(c->out, "receipt", "交换中心的回执", "the broker's receipt", status);
        return 0;
    }
    const Wire__Verdict *verdict = verdict_of(c, receipt);
    if (!same(&receipt->root, &c->seal->root) || verdict == NULL) {
        find(c->out, CLI_GRADE_BAD, "receipt", "回执说的是另一批信息", "the receipt speaks of another batch");
        return 0;
    }
    say_verdict(c, verdict, receipt->at_ms);
    if (trustworthy(c, signed_, receipt->at_ms))
        return receipt->at_ms;
    find(c->out, CLI_GRADE_REMARK, "receipt", "交换中心的证书当时无效或私钥已泄露，其时间不足为证",
         "the broker's certificate was not valid then, or its key is compromised: its time proves nothing");
    return 0;
}

/* --- signature and time --- */

static void say_validity(struct checking *c)
{
    static const enum cli_grade grades[] = {
        [CERT_VALID_NOW] = CLI_GRADE_GOOD,     [CERT_VALID_WHEN_ADMITTED] = CLI_GRADE_REMARK,
        [CERT_REVOKED_BEFORE] = CLI_GRADE_BAD, [CERT_NO_WITNESS] = CLI_GRADE_REMARK,
        [CERT_INVALID] = CLI_GRADE_BAD,
    };
    enum cert_validity validity = c->out->validity;
    char time[WIRE_TIME_TEXT] = "";
    if (c->out->admitted_ms != 0)
        find(c->out, CLI_GRADE_GOOD, "witness", "交换中心证明于 %s 作出判定",
             "the broker witnesses that it was judged at %s", wire_time_text(c->out->admitted_ms, time));
    else
        find(c->out, CLI_GRADE_NOTE, "witness", "没有可信的时间证明", "nothing trustworthy says when it was judged");
    find(c->out, grades[validity], "validity", "%s%.0s", "%.0s%s", cert_validity_text(validity, WIRE_CHINESE),
         cert_validity_text(validity, WIRE_ENGLISH));
}

static bool check_signature(struct checking *c, int64_t receipt_ms)
{
    char name[64];
    enum wire_status status =
        cert_verify_evidence(c->directory, &c->hash, c->seal, c->evidence->witness, c->input->now_ms, &c->out->arena,
                             &c->out->validity, &c->out->admitted_ms);
    if (c->out->admitted_ms == 0 && receipt_ms != 0 &&
        cert_verify_batch(c->directory, c->seal, CERT_ANY_TIME) == WIRE_OK) {
        c->out->admitted_ms = receipt_ms;
        c->out->validity =
            cert_validity(cert_directory_find(c->directory, c->seal->signer.data), receipt_ms, c->input->now_ms);
        status = c->out->validity == CERT_INVALID ? WIRE_SIGNER_EXPIRED : WIRE_OK;
    }
    if (status != WIRE_OK) {
        find_status(c->out, "signature", "发送方的签名", "the origin's signature", status);
        return false;
    }
    find(c->out, CLI_GRADE_GOOD, "signature", "由 %s 的节点签名", "signed by the node of %s",
         c->seal->origin == 0 ? "000000" : region_name(c->seal->origin, name));
    if (c->evidence->witness != NULL && c->out->admitted_ms == 0)
        find(c->out, CLI_GRADE_REMARK, "witness", "所附的时间证明无效",
             "the witness of time that came with it is worth nothing");
    say_validity(c);
    return true;
}

/* --- arrivals --- */

static const Wire__Arrival *arrival_of(const struct checking *c, const Wire__ArrivedStatement *statement)
{
    for (size_t i = 0; i < statement->n_arrival; i++)
        if (statement->arrival[i]->index == c->index)
            return statement->arrival[i];
    return NULL;
}

static void check_arrived(struct checking *c, const Wire__Signed *signed_)
{
    enum wire_status status = WIRE_BAD_FRAME;
    char name[64], time[WIRE_TIME_TEXT], code[WIRE_ENUM_NAME];
    const Wire__ArrivedStatement *statement =
        signed_->type == WIRE__STATEMENT_TYPE__ARRIVED_STATEMENT
            ? (const Wire__ArrivedStatement *)statement_of(c, signed_, &wire__arrived_statement__descriptor, &status)
            : NULL;
    if (statement != NULL)
        status = cert_verify_signed(c->directory, &c->hash, signed_, WIRE__ROLE__ROLE_NODE, statement->recipient,
                                    statement->at_ms);
    if (statement == NULL || status != WIRE_OK) {
        find(c->out, CLI_GRADE_REMARK, "arrived", "一份送达证明无效：%s%.0s",
             "one statement of arrival is worth nothing: %.0s%s", wire_status_text(status, WIRE_CHINESE),
             wire_status_text(status, WIRE_ENGLISH));
        return;
    }
    const Wire__Arrival *arrival = arrival_of(c, statement);
    if (!same(&statement->root, &c->seal->root) || arrival == NULL) {
        find(c->out, CLI_GRADE_REMARK, "arrived", "%s 的送达证明说的是另一份信息",
             "the statement of %s speaks of something else", region_name(statement->recipient, name));
        return;
    }
    bool good = arrival->code == WIRE__VERDICT_CODE__ARRIVED;
    wire_enum_name(&wire__verdict_code__descriptor, (int)arrival->code, code);
    find(c->out, good ? CLI_GRADE_GOOD : CLI_GRADE_REMARK, "arrived", "%1$s 于 %2$s 收到%3$s%4$.0s",
         "%1$s has it since %2$s%4$s%3$.0s", region_name(statement->recipient, name),
         wire_time_text(statement->at_ms, time), good ? "" : "，但无法读取或拒收",
         good ? "" : ", but could not read or take it");
}

/* --- all of it --- */

static void check_all(struct checking *c)
{
    if (!open_directory(c))
        return;
    add_certificates(c);
    add_crl(c);
    if (!check_part(c))
        return;
    check_content(c);
    int64_t receipt_ms = check_receipt(c);
    if (!check_signature(c, receipt_ms))
        return;
    for (size_t i = 0; i < c->evidence->n_arrived; i++)
        check_arrived(c, c->evidence->arrived[i]);
}

void cli_evidence_check(const struct cli_evidence_input *input, struct cli_evidence *out)
{
    *out = (struct cli_evidence){.validity = CERT_INVALID};
    struct checking checking = {.input = input, .out = out, .hash = cert_hash_new()};
    if (read_evidence(&checking))
        check_all(&checking);
    cert_directory_free(&checking.directory);
    cert_hash_close(&checking.hash);
}

void cli_evidence_close(struct cli_evidence *evidence)
{
    free(evidence->finding);
    free(evidence->memory);
    *evidence = (struct cli_evidence){.validity = CERT_INVALID};
}
