/* Why will this go where it goes: sentences that a duty officer can read aloud. Pure text; nothing of the payload. */
#pragma once
#include "rules/decide.h"
#include "wire/json.h"

/* Mechanism, rule, recipients by name and desk, who is left out and why, terms with their source, lane, until when it
 * is kept; for a refusal what is wrong and what would be allowed. `decision` must be what rules_decide gave for
 * `question`. */
void rules_explain_text(struct wire_text *out, const struct rules_policy *policy, const struct rules_question *question,
                        const struct rules_decision *decision, enum wire_language language);
/* One line for a list: "发往 江苏省、浙江省，加急，30 分钟内签收" / "to 江苏省, 浙江省; urgent; sign for within 30
 * min". */
void rules_explain_line(struct wire_text *out, const struct rules_decision *decision, enum wire_language language);
/* The whole mechanism, rule by rule, as one would read it to the members. */
void rules_mechanism_text(struct wire_text *out, const struct rules_mechanism *mechanism, enum wire_language language);
void rules_rule_text(struct wire_text *out, const struct rules_mechanism *mechanism, const struct rules_rule *rule,
                     enum wire_language language);
/* "30 min", "4 h office hours", "7 days"; "30 分钟", "4 小时（工作时间）". */
void rules_term_text(struct wire_text *out, const struct rules_term *term, enum wire_language language);
/* "320000 江苏省"; only the number when the region has no name. */
void rules_region_text(struct wire_text *out, uint32_t region);
