/* Status codes: one list for what a function returns, what a verdict or BYE carries and what a person reads.
 *
 * STATUS(name, wire code, English, Chinese). Wire codes are append-only. Codes below 100 are ours alone (they never
 * travel); 100-199 are reasons of a verdict; 200-299 of a failed batch or frame; 300-399 of a session or of credit.
 * The texts are the short form; the place that fails adds what, where and the remedy (struct wire_problem).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define WIRE_STATUS_LIST(STATUS) \
    STATUS(OK,                   0, "ok",                                       "正常") \
    /* ours alone */ \
    STATUS(NO_MEMORY,            1, "the memory budget is used up",             "内存预算已用完") \
    STATUS(TOO_SMALL,            2, "the buffer is too small",                  "缓冲区太小") \
    STATUS(NOT_FOUND,            3, "not found",                                "未找到") \
    STATUS(EXISTS,               4, "exists already",                           "已存在") \
    STATUS(IO,                   5, "input or output failed",                   "读写失败") \
    STATUS(DISK_FULL,            6, "the disk or the store is full",            "磁盘或存储已满") \
    STATUS(NEWER_STORE,          7, "the store was written by a newer version", "存储由更新的版本写成") \
    STATUS(IN_USE,               8, "in use by another process",                "正被另一进程使用") \
    STATUS(DAMAGED,              9, "damaged",                                  "已损坏") \
    STATUS(SYNTAX,              10, "cannot be read as what it should be",      "格式无法识别") \
    STATUS(INVALID,             11, "a value is not allowed",                   "取值不允许") \
    STATUS(AGAIN,               12, "not now, try again",                       "暂不可行，请重试") \
    STATUS(ERASED,              13, "content erased",                           "内容已销毁") \
    STATUS(CRYPTO,              14, "a cryptographic operation failed",         "密码运算失败") \
    STATUS(CLOSED,              15, "closed",                                   "已关闭") \
    STATUS(NOT_AUTHENTICATED,   16, "no token, or one that is not known",       "没有令牌，或令牌无效") \
    STATUS(NOT_PERMITTED,       17, "the role of this token does not allow it", "该令牌的角色无此权限") \
    /* reasons of a verdict */ \
    STATUS(NO_MECHANISM,       100, "no such mechanism in the policy",          "政策中没有该机制") \
    STATUS(NOT_IN_FORCE,       101, "the mechanism is not in force",            "该机制未生效或已失效") \
    STATUS(NOT_A_MEMBER,       102, "the origin is not a member",               "发送方不是成员") \
    STATUS(NO_RULE,            103, "no rule allows this kind from this unit",  "没有规则允许该单位发此类信息") \
    STATUS(ADDRESSEE_NOT_ALLOWED, 104, "the rules do not give it to this addressee", "规则不允许发给该对象") \
    STATUS(NOBODY_FOR,         105, "nobody enrolled for the region",           "该地区无已接入节点") \
    STATUS(NOBODY,             106, "nobody enrolled among the recipients",     "接收方均未接入") \
    STATUS(NARROWER_EXISTS,    107, "a narrower mechanism covers this",         "有更小范围的机制适用") \
    STATUS(NOT_SEALED,         108, "a kind with persons must be sealed",       "涉及个人的信息必须加密") \
    STATUS(NOT_CLEAR,          109, "this kind is not sealed",                  "此类信息不应加密") \
    STATUS(ONE_REGION,         110, "a kind with persons concerns exactly one region", "涉及个人的信息只能关联一个地区") \
    STATUS(STALE_SEAL,         111, "sealed to another region or a revoked certificate", "加密对象已变更或证书已吊销") \
    STATUS(WRONG_LANE,         112, "the rule sets another lane",               "规则规定的通道不同") \
    STATUS(EXPIRED_TERM,       113, "expired before it was judged",             "在判定前已失效") \
    STATUS(NO_PARENT,          114, "what it answers or names is not known",    "所答复或引用的信息不存在") \
    STATUS(NOT_GIVEN,          115, "the sender was not given what it answers", "发送方未收到所答复的信息") \
    STATUS(UNKNOWN_KIND,       116, "the kind is not known",                    "未知的信息种类") \
    STATUS(UNKNOWN_REGION,     117, "the region is not known",                  "未知的地区") \
    STATUS(UNKNOWN_UNIT,       118, "the unit is not known",                    "未知的单位") \
    STATUS(ALREADY_JUDGED,     119, "this id has a verdict already",            "该编号已有判定") \
    STATUS(KEEP_TOO_LONG,      120, "kept longer than the rule allows",         "保存期超过规则规定") \
    STATUS(TOO_LARGE_FOR_LANE, 121, "too large for its lane",                   "超过该通道的大小限制") \
    STATUS(BAD_HEADER,         122, "a header field is missing or impossible",  "信头字段缺失或不可能") \
    STATUS(NOT_HOSTED,         123, "this broker does not host the mechanism",  "本交换中心不承载该机制") \
    STATUS(NOT_ISSUER,         124, "the origin does not speak for the issuer", "发送方无权代表发布单位") \
    STATUS(WRONG_STATUS,       125, "an answer must have the status of what it answers", "答复与原件的状态（实际/演练/测试）不一致") \
    STATUS(UNREADABLE,         126, "the recipient cannot read it",             "接收方无法读取") \
    STATUS(FOREIGN,            127, "the recipient's rules do not give it",     "接收方规则不允许接收") \
    STATUS(TAMPERED,           128, "payload does not match its digest",        "内容与摘要不符") \
    STATUS(CANNOT_OPEN,        129, "the seal cannot be opened",                "无法解密") \
    /* a failed batch or frame */ \
    STATUS(BAD_FRAME,          200, "the frame cannot be decoded",              "帧无法解码") \
    STATUS(FRAME_TOO_LARGE,    201, "the frame is too large",                   "帧过大") \
    STATUS(MULTI_PART,         202, "more than one payload frame",              "多于一个数据帧") \
    STATUS(OVER_BUDGET,        203, "decoding would take too much memory",      "解码所需内存超出预算") \
    STATUS(UNKNOWN_FIELD,      204, "a field of an unknown number",             "未知字段") \
    STATUS(BAD_STRING,         205, "a text with NUL or invalid UTF-8",         "文本含空字符或非法编码") \
    STATUS(UNEXPECTED_FRAME,   206, "not allowed in this state of the session", "当前会话状态不允许此帧") \
    STATUS(FOREIGN_ORIGIN,     207, "the origin is not the peer",               "来源不是对端") \
    STATUS(BAD_SIGNATURE,      208, "the signature does not verify",            "签名无效") \
    STATUS(BAD_ROOT,           209, "the Merkle root does not match",           "默克尔根不符") \
    STATUS(UNKNOWN_SIGNER,     210, "the signer's certificate is not known",    "签名证书未知") \
    STATUS(SIGNER_REVOKED,     211, "the signer's certificate is revoked",      "签名证书已吊销") \
    STATUS(SIGNER_EXPIRED,     212, "the signer's certificate is not valid now", "签名证书不在有效期") \
    STATUS(GAP,                213, "a sequence number is missing",             "序号不连续") \
    STATUS(CUT_DIFFERENTLY,    214, "the same numbers in another batch",        "相同序号的批次内容不同") \
    STATUS(MIXED_BATCH,        215, "a header does not belong to its batch",    "信头与批次不符") \
    STATUS(OVER_CREDIT,        216, "sent beyond the credit",                   "超出额度发送") \
    STATUS(WRONG_SUITE,        217, "the suite is not supported",               "不支持的密码套件") \
    STATUS(BAD_BOX,            218, "a key box is wrong",                       "密钥盒错误") \
    /* sessions and credit */ \
    STATUS(VERSION,            300, "no common protocol version",               "没有共同的协议版本") \
    STATUS(REVOKED,            301, "the certificate is revoked",               "证书已吊销") \
    STATUS(NOT_ENROLLED,       302, "not in the directory",                     "未在目录中登记") \
    STATUS(CRL_STALE,          303, "the revocation list is too old",           "吊销列表过期") \
    STATUS(ROLLED_BACK,        304, "the ledger is older than what it signed",  "账本早于其已签署的内容") \
    STATUS(CLOCK_UNSURE,       305, "the clock jumped and is not trusted yet",  "时钟跳变，暂不可信") \
    STATUS(OVERLOADED,         306, "overloaded",                               "过载") \
    STATUS(STORE_FULL,         307, "the store is full",                        "存储已满") \
    STATUS(REPLACED,           308, "a newer session of the same node",         "同一节点的新会话已建立") \
    STATUS(SHUTTING_DOWN,      309, "shutting down",                            "正在停止") \
    STATUS(FORKED,             310, "an older or foreign copy of the store",    "存储为旧副本或克隆") \
    STATUS(FORK_STOPPED,       311, "stopped after three forks in an hour",     "一小时内三次分叉，已停止") \
    STATUS(SILENT,             312, "no pulse",                                 "无心跳") \
    STATUS(NOT_CONFIRMED,      313, "the lineage token is not confirmed",       "沿袭令牌未确认") \
    STATUS(NO_POLICY,          314, "no policy in force",                       "没有生效的政策") \
    STATUS(OTHER_INSTALLATION, 315, "another installation",                     "不属于本系统")
/* clang-format on */

enum wire_status {
#define WIRE_STATUS_ENUM(name, code, en, zh) WIRE_##name = code,
    WIRE_STATUS_LIST(WIRE_STATUS_ENUM)
#undef WIRE_STATUS_ENUM
};

enum wire_language { WIRE_CHINESE, WIRE_ENGLISH };

/* "nobody-for", "disk-full", …: the name in lower case with hyphens; "unknown-status" for a number not in the list. */
const char *wire_status_name(uint32_t code);
const char *wire_status_text(uint32_t code, enum wire_language language);
/* The code of a name as wire_status_name gives it; WIRE_NOT_FOUND if there is none. */
enum wire_status wire_status_parse(const char *name);

/* What a person is told: which status, where (file:line:column, field path, row), what was found and the remedy.
 * Texts are cut, never overrun. `detail` and `remedy` are in both languages because the place that fails knows both. */
struct wire_problem {
    enum wire_status status;
    char where[256];
    char zh[512];
    char en[512];
};

/* Fills `problem` (NULL is allowed: nothing is filled) and returns `status`, so that a failure is one line:
 *   return wire_fail(problem, WIRE_INVALID, "人员[3].证件号码", "校验位错误…", "the check digit is wrong…"); */
enum wire_status wire_fail(struct wire_problem *problem, enum wire_status status, const char *where, const char *zh,
                           const char *en);
enum wire_status wire_failf(struct wire_problem *problem, enum wire_status status, const char *where,
                            const char *zh_format, const char *en_format, ...)
    __attribute__((format(printf, 4, 6), format(printf, 5, 6))); /* both formats take the same arguments */
