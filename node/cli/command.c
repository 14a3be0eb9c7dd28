#include "node/cli/command.h"
#include "link/yaml.h"
#include <string.h>

#define HEADER_OPTIONS                                                                                                 \
    " --file --to --cc --concerns --mechanism --reason --status --issuer --lane --urgency --severity --certainty "     \
    "--incident --effective --expires --due --keep-until --in-reply-to --preview --anyway --wait "
enum { ANY = CLI_WORDS_MAX };

/* clang-format off */
static const struct cli_command commands[] = {
    {"publish", cli_publish, 1, ANY,
     "种类 [名称=值 …] [--file 内容.json|-] [--concerns 地区] [--to 地区/单位] [--cc 地区/单位] [--mechanism 机制 --reason 理由]\n"
     "  [--status actual|exercise|test] [--issuer 地区/单位] [--due 时间] [--expires 时间] [--preview] [--anyway] [--wait 秒]",
     "KIND [field=value ...] [--file payload.json|-] [--concerns REGION] [--to REGION/UNIT] [--cc REGION/UNIT]\n"
     "  [--mechanism M --reason TEXT] [--status actual|exercise|test] [--issuer REGION/UNIT] [--due TIME] [--expires TIME]\n"
     "  [--preview] [--anyway] [--wait SECONDS]",
     "发布一份信息；--preview 先看发给谁、依据哪条规则、保存到何时", "publish one notice; --preview shows who will get it, by which rule, kept until when",
     HEADER_OPTIONS},
    {"update", cli_update, 1, ANY, "编号 [名称=值 …] [--file 内容.json|-] [--wait 秒]", "NUMBER [field=value ...] [--file payload.json|-] [--wait SECONDS]",
     "更新已发布的信息（内容整份替换）", "update what was published (the whole content is replaced)", " --file --reason --wait "},
    {"import", cli_import, 1, 1, "文件.csv --profile 对照.yaml [--status actual|exercise|test] [--dry-run] [--report 退回.csv]", "FILE.csv --profile PROFILE.yaml [--status actual|exercise|test] [--dry-run] [--report out.csv]",
     "从表格导入；逐行说明结果，退回的行可改正后再导入", "import a table; says what became of every row, refused rows can be corrected and imported again",
     " --profile --status --dry-run --report "},
    {"inbox", cli_inbox, 0, 0, "[--unsigned] [--kind 种类] [--since 日期] [--limit N] [--follow]", "[--unsigned] [--kind KIND] [--since DAY] [--limit N] [--follow]",
     "收件", "what came in", " --unsigned --kind --since --limit --follow "},
    {"show", cli_show, 1, 1, "编号 [--reveal 理由]", "NUMBER [--reveal REASON]",
     "显示一份收件或发件；个人信息默认遮盖，--reveal 的理由记入日志", "show one notice; persons are masked unless --reveal gives a reason, which is logged", " --reveal "},
    {"ack", cli_ack, 1, 1, "编号 --desk 席位 --officer 姓名 [--return 退回理由] [--wait 秒]", "NUMBER --desk DESK --officer NAME [--return REASON] [--wait SECONDS]",
     "签收（或退回）", "sign for it (or return it)", " --desk --officer --return --wait "},
    {"reply", cli_reply, 1, ANY, "编号 [名称=值 …] [--file 反馈.json|-] [--final] [--wait 秒]", "NUMBER [field=value ...] [--file outcome.json|-] [--final] [--wait SECONDS]",
     "反馈办理结果；--final 终结", "feed back the outcome; --final closes it", " --file --final --wait "},
    {"outbox", cli_outbox, 0, 0, "[--state 状态] [--kind 种类] [--since 日期] [--limit N]", "[--state STATE] [--kind KIND] [--since DAY] [--limit N]",
     "发件及其办理情况", "what was sent and what became of it", " --state --kind --since --limit "},
    {"cancel", cli_cancel, 1, 1, "编号 --reason 理由 [--wait 秒]", "NUMBER --reason TEXT [--wait SECONDS]", "撤销已发布的信息", "cancel what was published", " --reason --wait "},
    {"withdraw", cli_withdraw, 1, 1, "编号", "NUMBER", "撤回尚未发出的信息", "withdraw what has not left yet", " "},
    {"links", cli_links, 0, 0, "[--broker 名称]", "[--broker NAME]", "与各交换中心的链路", "the links to the brokers", " --broker "},
    {"rules explain", cli_rules_explain, 1, ANY,
     "文件或目录 … [--kind 种类 --origin 地区 --issuer /单位 [--concerns 地区] [--to 地区/单位] [--at 时间] [--enrolled 地区]]",
     "FILE|FOLDER ... [--kind KIND --origin REGION --issuer /UNIT [--concerns REGION] [--to REGION/UNIT] [--at TIME] [--enrolled REGION]]",
     "逐条念出机制规则；给出 --kind 时说明某份信息会发给谁、为什么", "read the mechanisms aloud; with --kind: who would get a notice and why",
     " --kind --origin --issuer --concerns --to --cc --at --enrolled --mechanism --reason --urgency --status --due --expires "},
    {"rules check", cli_rules_check, 1, ANY, "文件或目录 …", "FILE|FOLDER ...", "检查机制文件", "check mechanism files", " "},
    {"rules diff", cli_rules_diff, 2, 2, "旧 新", "BEFORE AFTER", "两版规则有何变化", "what changes between two policies", " "},
    {"rules test", cli_rules_test, 1, ANY, "用例.yaml … --policy 文件或目录", "CASES.yaml ... --policy FILE|FOLDER", "用例检验规则", "try the rules with cases", " --policy "},
    {"rules sign", cli_rules_sign, 1, ANY, "机制.yaml … --identity 目录 --version N [--in-force 时间] --out 文件", "MECHANISM.yaml ... --identity FOLDER --version N [--in-force TIME] --out FILE",
     "以秘书证书签署政策", "sign a policy as its secretary", " --identity --version --in-force --out --passphrase-file "},
    {"regions", cli_regions, 0, 1, "[名称或代码] [--table]", "[NAME|CODE] [--table]", "已接入的地区；--table 查区划代码表（离线）", "enrolled regions; --table looks in the table of codes (offline)", " --table "},
    {"evidence", cli_evidence, 1, 1, "编号 --out 文件", "NUMBER --out FILE", "导出凭证，供任何人核验", "export evidence that anybody can verify", " --out "},
    {"verify", cli_verify, 1, 1, "凭证文件 --ca ca.pem [--crl crl.der]", "FILE --ca ca.pem [--crl crl.der]", "离线核验凭证：只需 CA 证书", "verify evidence offline: needs the CA certificate only", " --ca --crl --at "},
    {"check", cli_check, 0, 0, "[--format text|json|nagios|prometheus]", "[--format text|json|nagios|prometheus]", "健康检查：0 正常，1 警告，2 严重，3 不明", "health: 0 ok, 1 warning, 2 critical, 3 unknown", " --format "},
    {"status", cli_status, 0, 0, "", "", "节点概况", "the node in short", " "},
    {"events", cli_events, 0, 0, "", "", "持续显示事件", "follow events", " "},
    {"hash-token", cli_hash_token, 0, 0, "[--generate] [--label 席位] [--unit 单位] [--roles duty,…]", "[--generate] [--label DESK] [--unit UNIT] [--roles duty,...]",
     "由令牌（标准输入）生成令牌文件的一项", "make the entry of the tokens file for a token (standard input)", " --generate --label --unit --roles "},
    {"help", cli_help, 0, 2, "[命令]", "[COMMAND]", "帮助", "help", " "},
};
/* clang-format on */
enum { COMMANDS = sizeof commands / sizeof *commands };

size_t cli_command_count(void)
{
    return COMMANDS;
}

const struct cli_command *cli_command_at(size_t index)
{
    return &commands[index];
}

const struct cli_command *cli_command_find(const char *first, const char *second, size_t *took)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        const char *space = strchr(commands[i].name, ' ');
        *took = space == NULL ? 1 : 2;
        if (space == NULL && strcmp(commands[i].name, first) == 0)
            return &commands[i];
        size_t size = space == NULL ? 0 : (size_t)(space - commands[i].name);
        if (space != NULL && second != NULL && strlen(first) == size && strncmp(commands[i].name, first, size) == 0 &&
            strcmp(space + 1, second) == 0)
            return &commands[i];
    }
    *took = 0;
    return NULL;
}

const char *cli_command_nearest(const char *word)
{
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    return link_nearest(word, names, COMMANDS);
}
