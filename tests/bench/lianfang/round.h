/* What rounds are made of. */
#pragma once
#include "lianfang/world.h"

enum { ROUND_IDLE_NS = 2000000 }; /* at most so long does the loop sleep */

/* Connects those who are wanted, some at a time, and waits until all are live. */
void round_connect(struct world *world, bool publishers, bool recipients);
/* Says PULSE for whoever it is time. */
void round_pulses(struct world *world, uint64_t now_ns);
/* After the last message is out: until each is confirmed, in hands, and its origin knows. */
void round_settle(struct world *world);
/* Around what is measured: time, the server's CPU, ours. */
void round_begin(struct world *world);
void round_end(struct world *world);
/* The round is void unless recipients hold exactly what was published. */
void round_check(struct world *world);
/* One batch, if credit and plan allow it; false: all of the plan's messages are published. */
bool round_publish(struct world *world);
/* The member of a publisher of the plan. */
struct member *round_publisher(struct world *world, uint64_t turn);
uint64_t round_published(const struct world *world);
/* One alert of a flow: bears the serials 0, 1, … of all publishers together. */
void round_alert(struct world *world, struct member *member, uint32_t flow);

/* flow.c: PLAN_FLOW and PLAN_ALERT, PLAN_PING */
void round_flow(struct world *world);
void round_ping(struct world *world);
/* kept.c: --extra away=1, the recipients stay away and --messages are published; --extra catchup=1, the recipients come
 * and get what an earlier round of the same plan published. */
void round_away(struct world *world);
void round_catchup(struct world *world);
/* crowd.c: with `crowd` in the roles. All connect; an alert to all; ten seconds of nothing; then "idle" is said on
 * stdout, and with the line "restarted" on stdin all come back. */
void round_crowd(struct world *world);
