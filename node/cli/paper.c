#include "node/cli/paper.h"
#include "node/cli/call.h"
#include "node/cli/text.h"
#include "node/cli/words.h"
#include "rules/explain.h"
#include "schema/payload.pb-c.h"
#include <stdlib.h>
#include <string.h>

enum { RULER_COLUMNS = 72, LABELS_ZH = 8, LABELS_EN = 12 }; /* 首次反馈, Cancelled by */

static const struct {
    uint32_t kind;
    void (*write)(const struct cli_paper *paper, const struct wire_kind *kind, const json_t *payload);
} renderings[] = {
    {WIRE_KIND_CONTACT_NOTICE, cli_paper_contact_notice},
    {WIRE_KIND_SUPPLY_REQUEST, cli_paper_supply_request},
    {WIRE_KIND_REMINDER, cli_paper_reminder},
    {WIRE_KIND_OVERDUE, cli_paper_reminder},
};

void cli_paper_payload(const struct cli_paper *paper, const struct wire_kind *kind, const json_t *payload)
{
    static const char *const skip[] = {"common", NULL};
    for (size_t i = 0; i < sizeof renderings / sizeof *renderings; i++)
        if (renderings[i].kind == kind->number) {
            renderings[i].write(paper, kind, payload);
            return;
        }
    cli_walk_fields(paper, kind->payload, payload, skip);
}

/* --- head --- */

static size_t page_columns(const struct cli_paper *paper)
{
    return paper->columns > 0 && paper->columns < RULER_COLUMNS ? paper->columns : RULER_COLUMNS;
}

static void ruler(const struct cli_paper *paper)
{
    for (size_t i = 0; i < page_columns(paper); i++)
        wire_text_string(paper->out, "─");
    wire_text_string(paper->out, "\n");
}

static void centred(const struct cli_paper *paper, const char *text)
{
    struct wire_text clean = {.grow = realloc};
    cli_text_clean(&clean, text, false);
    size_t width = clean.data == NULL ? 0 : cli_width(clean.data), page = page_columns(paper);
    size_t left = width < page ? (page - width) / 2 : 0;
    cli_text_pad(paper->out, left);
    cli_text_wrap(paper->out, clean.data == NULL ? "" : clean.data, page, 0);
    wire_text_string(paper->out, "\n");
    free(clean.data);
}

/* 【测试】 on the left, 特急 on the right. */
static void write_marks(const struct cli_paper *paper, const json_t *envelope, const json_t *common)
{
    const char *mark = cli_reality_mark(paper->language, envelope);
    struct wire_text right = {.grow = realloc};
    cli_walk_member(&right, paper->language, &wire__common__descriptor, common, "precedence");
    size_t left = cli_width(mark), width = right.data == NULL ? 0 : cli_width(right.data);
    if (left + width > 0) {
        wire_text_string(paper->out, mark);
        if (width > 0 && left + width < page_columns(paper))
            cli_text_pad(paper->out, page_columns(paper) - left - width);
        wire_text_string(paper->out, width > 0 ? right.data : "");
        wire_text_string(paper->out, "\n");
    }
    free(right.data);
}

static void write_title(const struct cli_paper *paper, const json_t *envelope, const json_t *common)
{
    const char *title = cli_text_at(common, "title"), *doc_no = cli_text_at(common, "doc_no");
    const char *kind = cli_text_at(envelope, cli_paper_pick(paper, "kind_zh", "kind_en"));
    write_marks(paper, envelope, common);
    centred(paper, title != NULL ? title : (kind != NULL ? kind : ""));
    if (doc_no != NULL)
        centred(paper, doc_no);
    ruler(paper);
}

struct page {
    const struct cli_paper *paper;
    const json_t *envelope;
    size_t labels;
};

static void line(const struct page *page, const char *zh, const char *en, const char *value)
{
    struct wire_text clean = {.grow = realloc};
    if (value != NULL)
        cli_text_clean(&clean, value, false);
    cli_paper_line(page->paper, cli_paper_pick(page->paper, zh, en), page->labels, clean.data);
    free(clean.data);
}

static void places(const struct page *page, const char *zh, const char *en, const char *member)
{
    struct wire_text text = {.grow = realloc};
    const json_t *list = cli_at(page->envelope, member);
    if (json_is_object(list))
        cli_place_text(&text, page->paper->language, list);
    else
        cli_places_text(&text, page->paper->language, list);
    cli_paper_line(page->paper, cli_paper_pick(page->paper, zh, en), page->labels, text.data);
    free(text.data);
}

static void write_number(const struct page *page)
{
    struct wire_text text = {.grow = realloc};
    const json_t *e = page->envelope;
    const char *number = cli_text_at(e, "number"), *action = cli_text_at(e, "action");
    const char *kind = cli_text_at(e, cli_paper_pick(page->paper, "kind_zh", "kind_en"));
    wire_text_string(&text, number != NULL ? number : (cli_text_at(e, "id") != NULL ? cli_text_at(e, "id") : ""));
    wire_text_format(&text, "  %s", kind == NULL ? "" : kind);
    if (action != NULL && strcmp(action, "issue") != 0)
        wire_text_format(&text, cli_paper_pick(page->paper, "（%s）", " (%s)"),
                         cli_action_word(page->paper->language, action));
    line(page, "编号", "Number", text.data);
    free(text.data);
}

static void write_route(const struct page *page)
{
    struct wire_text text = {.grow = realloc};
    const json_t *e = page->envelope;
    const char *mechanism = cli_text_at(e, "mechanism"), *rule = cli_text_at(e, "disposition.rule_name");
    const char *reason = cli_text_at(e, "mechanism_reason");
    if (rule == NULL)
        rule = cli_text_at(e, "rule_name");
    wire_text_string(&text, mechanism == NULL ? "" : mechanism);
    if (rule != NULL && rule[0] != '\0')
        wire_text_format(&text, cli_paper_pick(page->paper, "，规则 %s", ", rule %s"), rule);
    if (cli_text_at(e, "lane") != NULL)
        wire_text_format(&text, cli_paper_pick(page->paper, "，%s通道", ", %s lane"),
                         cli_lane_word(page->paper->language, cli_text_at(e, "lane")));
    if (reason != NULL)
        wire_text_format(&text, cli_paper_pick(page->paper, "（理由：%s）", " (because: %s)"), reason);
    line(page, "机制", "Mechanism", text.data);
    free(text.data);
}

static void write_times(const struct page *page)
{
    static const struct {
        const char *member, *zh, *en;
    } times[] = {{"created", "创建", "Created"},       {"effective", "生效", "Effective"},
                 {"admitted", "接收", "Admitted"},     {"verdict_at", "判定", "Judged"},
                 {"arrived", "送达", "Arrived"},       {"due", "办理时限", "Due"},
                 {"expires", "失效", "Expires"},       {"signed_for", "签收", "Signed for"},
                 {"feedback", "首次反馈", "Feedback"}, {"closed", "办结", "Closed"}};
    char time[CLI_TIME_TEXT];
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        line(page, times[i].zh, times[i].en, cli_time(cli_text_at(page->envelope, times[i].member), time));
    line(page, "保存至", "Kept until", cli_text_at(page->envelope, "keep_until"));
}

/* "24 小时（工作时间）" where there is no due time: the broker keeps office hours. */
static void write_duration(struct wire_text *out, enum wire_language language, const json_t *term)
{
    struct rules_term length = {.minutes = (uint32_t)cli_number_at(term, "minutes"),
                                .office_hours = cli_flag_at(term, "office_hours")};
    rules_term_text(out, &length, language);
}

/* What is owed and by when. */
static void write_terms(const struct page *page)
{
    const json_t *terms = cli_at(page->envelope, "disposition.terms");
    const struct cli_paper *paper = page->paper;
    size_t i;
    json_t *term;
    char time[CLI_TIME_TEXT];
    terms = terms != NULL ? terms : cli_at(page->envelope, "terms");
    json_array_foreach((json_t *)(uintptr_t)terms, i, term)
    {
        struct wire_text text = {.grow = realloc};
        const char *due = cli_text_at(term, "due");
        wire_text_format(&text, "%s ", cli_duty_word(paper->language, cli_text_at(term, "duty")));
        if (due != NULL)
            wire_text_format(&text, cli_paper_pick(paper, "%s 前", "by %s"), cli_time(due, time));
        else
            write_duration(&text, paper->language, term);
        if (cli_flag_at(term, "met"))
            wire_text_string(&text, cli_paper_pick(paper, "，已完成", ", met"));
        line(page, i == 0 ? "时限" : "", i == 0 ? "Owed" : "", text.data);
        free(text.data);
    }
}

static void write_head(const struct page *page)
{
    const json_t *e = page->envelope;
    write_number(page);
    places(page, "来自", "From", "issuer");
    if (cli_number_at(e, "origin") != cli_number_at(e, "issuer.region")) {
        struct wire_text text = {.grow = realloc};
        cli_region_text(&text, page->paper->language, (uint32_t)cli_number_at(e, "origin"));
        line(page, "发送节点", "Sent by", text.data);
        free(text.data);
    }
    places(page, "主送", "To", cli_at(e, "disposition.to") != NULL ? "disposition.to" : "to");
    places(page, "抄送", "Copy", cli_at(e, "disposition.cc") != NULL ? "disposition.cc" : "cc");
    places(page, "关联地区", "Concerns", "concerns");
    write_route(page);
    line(page, "事件", "Incident", cli_text_at(e, "incident"));
    write_times(page);
    write_terms(page);
}

/* --- what became of it (outbox) --- */

static void write_recipient(const struct page *page, const json_t *one, bool first)
{
    struct wire_text text = {.grow = realloc};
    static const struct {
        const char *member, *zh, *en;
    } steps[] = {{"arrived_at", "送达", "arrived"},
                 {"signed_for", "签收", "signed for"},
                 {"feedback", "反馈", "feedback"},
                 {"closed", "办结", "closed"}};
    char time[CLI_TIME_TEXT];
    const char *arrived = cli_text_at(one, "arrived");
    cli_place_text(&text, page->paper->language, one);
    if (!cli_flag_at(one, "owes"))
        wire_text_string(&text, cli_paper_pick(page->paper, "（抄送）", " (copy)"));
    if (arrived == NULL)
        wire_text_string(&text, cli_paper_pick(page->paper, "，未送达", ", not arrived"));
    else if (strcmp(arrived, "arrived") != 0)
        wire_text_format(&text, "%s%s", cli_paper_pick(page->paper, "，", ", "),
                         cli_enum_word(page->paper->language, &wire__verdict_code__descriptor, arrived));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (cli_text_at(one, steps[i].member) != NULL)
            wire_text_format(&text, "%s%s %s", cli_paper_pick(page->paper, "，", ", "),
                             cli_paper_pick(page->paper, steps[i].zh, steps[i].en),
                             cli_time(cli_text_at(one, steps[i].member), time));
    line(page, first ? "收件方" : "", first ? "Recipients" : "", text.data);
    free(text.data);
}

static void write_fate(const struct page *page)
{
    size_t i;
    json_t *one;
    const struct cli_paper *paper = page->paper;
    struct wire_text replies = {.grow = realloc};
    line(page, "原因", "Reason", cli_text_at(page->envelope, cli_paper_pick(paper, "reason_zh", "reason_en")));
    line(page, "涉及", "Detail", cli_text_at(page->envelope, "detail"));
    line(page, "可行的是", "Allowed", cli_text_at(page->envelope, "allowed"));
    json_array_foreach((json_t *)(uintptr_t)cli_at(page->envelope, "recipients"), i, one)
    {
        write_recipient(page, one, i == 0);
    }
    places(page, "未接入", "Not enrolled", "not_enrolled");
    json_array_foreach((json_t *)(uintptr_t)cli_at(page->envelope, "replies"), i, one)
    {
        const char *number = cli_text_at(one, "number");
        wire_text_format(&replies, "%s%s", i == 0 ? "" : cli_paper_pick(paper, "、", ", "),
                         number == NULL ? "?" : number);
    }
    line(page, "答复", "Replies", replies.data);
    free(replies.data);
    line(page, "更新见", "Updated by", cli_text_at(page->envelope, "updated_by"));
    line(page, "撤销见", "Cancelled by", cli_text_at(page->envelope, "cancelled_by"));
    line(page, "换发为", "Replaced by", cli_text_at(page->envelope, "successor"));
}

static void write_state(const struct page *page)
{
    line(page, "状态", "State", cli_envelope_state(page->paper->language, page->envelope));
}

/* --- foot --- */

static void write_foot(const struct cli_paper *paper, const json_t *common)
{
    static const char *const skip[] = {"title", "doc_no", "precedence", NULL};
    if (common == NULL)
        return;
    ruler(paper);
    cli_walk_fields(paper, &wire__common__descriptor, common, skip);
}

static void write_content(const struct cli_paper *paper, const json_t *envelope)
{
    const char *name = cli_text_at(envelope, "kind");
    const struct wire_kind *kind = name == NULL ? NULL : wire_kind_by_name(name);
    const json_t *payload = cli_at(envelope, "payload");
    const char *why = cli_text_at(envelope, cli_paper_pick(paper, "payload_status_zh", "payload_status_en"));
    if (payload != NULL && kind != NULL)
        cli_paper_payload(paper, kind, payload);
    else if (why != NULL)
        cli_paper_heading(paper, why);
    if (cli_flag_at(envelope, "masked") && cli_flag_at(envelope, "persons"))
        cli_paper_heading(paper, cli_paper_pick(paper, "（个人信息已遮盖；--reveal 理由 可查看，并记入日志）",
                                                "(persons are masked; --reveal REASON shows them and is logged)"));
}

void cli_paper_envelope(const struct cli_paper *paper, const json_t *envelope)
{
    struct page page = {
        .paper = paper, .envelope = envelope, .labels = paper->language == WIRE_CHINESE ? LABELS_ZH : LABELS_EN};
    const json_t *common = cli_at(envelope, "payload.common");
    write_title(paper, envelope, common);
    write_head(&page);
    write_state(&page);
    write_fate(&page);
    ruler(paper);
    write_content(paper, envelope);
    write_foot(paper, common);
}
