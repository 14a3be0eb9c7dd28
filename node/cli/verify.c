/* lianfang verify: evidence of one envelope, checked offline. Exit 0 valid, 1 valid with remarks, 65 invalid. */
#include "certs/file.h"
#include "node/cli/command.h"
#include "node/cli/evidence_check.h"
#include "node/cli/evidence_file.h"
#include "node/cli/say.h"
#include "node/cli/text.h"
#include "wire/id.h"
#include "wire/kind.h"
#include "wire/label.h"
#include "wire/time.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *id, *zh, *en;
    enum cli_paint paint;
} grades[] = {{"good", "合格", "ok", CLI_GREEN},
              {"note", "说明", "note", CLI_DIM},
              {"remark", "注意", "remark", CLI_YELLOW},
              {"bad", "无效", "INVALID", CLI_RED}};
enum { GRADE_COLUMNS = 9 };

static const char *result_id(enum cli_grade worst)
{
    return worst == CLI_GRADE_BAD ? "invalid" : worst == CLI_GRADE_REMARK ? "valid-with-remarks" : "valid";
}

static int exit_of(enum cli_grade worst)
{
    return worst == CLI_GRADE_BAD ? CLI_DATA : worst == CLI_GRADE_REMARK ? CLI_WARNING : CLI_OK;
}

static void print_json(const struct cli *cli, const struct cli_evidence *evidence)
{
    json_t *list = json_array(), *out = json_object();
    char number[WIRE_NUMBER_TEXT], iso[WIRE_TIME_TEXT];
    json_object_set_new(out, "result", json_string(result_id(evidence->worst)));
    json_object_set_new(out, "validity", json_string(cert_validity_name(evidence->validity)));
    if (evidence->header != NULL) {
        struct wire_number n = {evidence->header->origin, evidence->header->number_date,
                                evidence->header->number_serial};
        json_object_set_new(out, "number", json_string(wire_number_text(n, number)));
    }
    if (evidence->admitted_ms != 0)
        json_object_set_new(out, "admitted", json_string(wire_time_iso(evidence->admitted_ms, iso)));
    for (size_t i = 0; i < evidence->count; i++) {
        const struct cli_finding *f = &evidence->finding[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s*, s:s*}", "what", f->what, "grade", grades[f->grade].id,
                                              "zh", f->zh, "en", f->en));
    }
    json_object_set_new(out, "findings", list);
    char *text = json_dumps(out, JSON_COMPACT);
    fprintf(cli->out, "%s\n", text == NULL ? "null" : text);
    free(text);
    json_decref(out);
}

static void print_about(const struct cli *cli, const Wire__Header *header)
{
    char number[WIRE_NUMBER_TEXT], time[WIRE_TIME_TEXT];
    const struct wire_kind *kind = wire_kind_find(header->kind);
    struct wire_number n = {header->origin, header->number_date, header->number_serial};
    const char *name = kind == NULL ? "?" : cli_pick(cli, kind->zh, kind->en);
    const char *mark = header->status == WIRE__STATUS__ACTUAL     ? ""
                       : header->status == WIRE__STATUS__EXERCISE ? cli_pick(cli, "【演练】", "[EXERCISE] ")
                                                                  : cli_pick(cli, "【测试】", "[TEST] ");
    cli_say(cli, cli->out, "%s%s  %s  创建 %s  机制 %s", "%s%s  %s  created %s  mechanism %s", mark,
            wire_number_text(n, number), name, wire_time_text(header->created_ms, time), header->mechanism);
}

static void print_findings(const struct cli *cli, const struct cli_evidence *evidence)
{
    struct wire_text out = {.grow = realloc};
    for (size_t i = 0; i < evidence->count; i++) {
        const struct cli_finding *f = &evidence->finding[i];
        const char *grade = cli_pick(cli, grades[f->grade].zh, grades[f->grade].en);
        wire_text_format(&out, "  %s%s%s", cli_paint(cli, grades[f->grade].paint), grade, cli_paint(cli, CLI_PLAIN));
        cli_text_pad(&out, GRADE_COLUMNS - cli_width(grade));
        cli_text_clean(&out, cli_pick(cli, f->zh, f->en), false);
        wire_text_string(&out, "\n");
    }
    cli_flush(cli, &out);
}

static void print_text(const struct cli *cli, const struct cli_evidence *evidence)
{
    static const char *const zh[] = {"有效", "有效", "有效，有需注意之处", "无效"};
    static const char *const en[] = {"valid", "valid", "valid, with remarks", "INVALID"};
    if (evidence->header != NULL)
        print_about(cli, evidence->header);
    print_findings(cli, evidence);
    cli_say(cli, cli->out, "%s结论：%s%s", "%sresult: %s%s", cli_paint(cli, grades[evidence->worst].paint),
            cli_pick(cli, zh[evidence->worst], en[evidence->worst]), cli_paint(cli, CLI_PLAIN));
}

struct files {
    struct cert_file evidence, ca, crl;
    uint8_t *bytes;
    size_t size;
};

static int read_files(struct cli *cli, struct files *files)
{
    struct wire_problem problem = {.status = WIRE_OK};
    enum wire_status status = cert_file_read(cli->options.word[0], false, &files->evidence, &problem);
    if (status == WIRE_OK)
        status = cert_file_read(cli->options.ca, false, &files->ca, &problem);
    if (status == WIRE_OK && cli->options.crl != NULL)
        status = cert_file_read(cli->options.crl, false, &files->crl, &problem);
    if (status != WIRE_OK)
        return cli_fail(cli, &problem);
    if (!cli_evidence_bytes(wire_bytes(files->evidence.data, files->evidence.size), &files->bytes, &files->size))
        cli_evidence_bytes(wire_bytes("", 0), &files->bytes, &files->size); /* judged as what it is: no evidence */
    return CLI_OK;
}

static void close_files(struct files *files)
{
    cert_file_close(&files->evidence);
    cert_file_close(&files->ca);
    cert_file_close(&files->crl);
    free(files->bytes);
}

int cli_verify(struct cli *cli)
{
    struct files files = {.bytes = NULL};
    struct cli_evidence evidence;
    int64_t now_ms = cli->world->now_ms(cli->world->context);
    if (cli->options.ca == NULL)
        return cli_fail_usage(cli, "--ca", "请指定 CA 证书", "name the CA certificate");
    if (cli->options.at != NULL && !wire_time_parse(cli->options.at, strlen(cli->options.at), &now_ms))
        return cli_fail_usage(cli, "--at", "不是时间，例如 2020-02-08T10:00",
                              "is no time; write it like 2020-02-08T10:00");
    int code = read_files(cli, &files);
    if (code == CLI_OK) {
        struct cli_evidence_input input = {.evidence = wire_bytes(files.bytes, files.size),
                                           .ca = wire_bytes(files.ca.data, files.ca.size),
                                           .crl = wire_bytes(files.crl.data, files.crl.size),
                                           .now_ms = now_ms};
        cli_evidence_check(&input, &evidence);
        if (cli->options.json)
            print_json(cli, &evidence);
        else
            print_text(cli, &evidence);
        code = exit_of(evidence.worst);
        cli_evidence_close(&evidence);
    }
    close_files(&files);
    return code;
}
