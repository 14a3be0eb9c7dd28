/* lianfang-broker: arguments → configuration → wire up → run → ordered close. */
#include "broker.h"
#include "command.h"

#include "certs/file.h"
#include "wire/region.h"
#include "wire/time.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>
#include <zmq.h>

enum {
    OUT_BYTES = BROKER_OUT_ARENA_BYTES,
    FRAME_ARENA_BYTES =
        96 * 1024 * 1024, /* one message, its look-ups and its payload rows; untouched pages cost nothing */
    DESCRIPTORS_EACH = 2, /* of a connection: libzmq's and our duplicate */
    CALM_S = 60,          /* nothing is erased before the clock has been watched for so long */
};

/* --- wiring up ---------------------------------------------------------------------------------------------------- */

static enum wire_status open_identity(struct broker *broker, struct wire_problem *problem)
{
    const struct link_broker_config *config = &broker->config;
    enum wire_status status = shell_open_identity(&broker->shell, config->identity, config->installation, problem);
    if (status == WIRE_OK && cert_identity_role(broker->shell.identity) != WIRE__ROLE__ROLE_BROKER)
        status = wire_fail(problem, WIRE_INVALID, config->identity,
                           "这不是交换中心的证书；请用 lianfang-ca issue broker 签发",
                           "not a broker's certificates; issue them with lianfang-ca issue broker");
    if (status == WIRE_OK)
        status = shell_open_directory(&broker->shell, config->ca, config->installation, problem);
    broker->gate = (struct gate){.hash = &broker->shell.hash, .directory = broker->shell.directory};
    return status;
}

static enum wire_status open_stores(struct broker *broker, struct wire_problem *problem)
{
    const struct link_broker_config *config = &broker->config;
    enum wire_status status = cert_folder_make(config->data, problem);
    if (status == WIRE_OK)
        status = ledger_open(config->data, config->map_bytes, &broker->ledger, problem);
    broker->shell.keep = broker->ledger.keep;
    return status == WIRE_OK ? shell_open_daykeys(&broker->shell, config->data, problem) : status;
}

/* For -n, which leaves no trace: a store that is not there yet is not made, and one in use belongs to the broker that
 * runs and read it. */
static enum wire_status check_stores(struct broker *broker, struct wire_problem *problem)
{
    char path[CERT_PATH_BYTES_MAX];
    enum wire_status status = shell_path(broker->config.data, "ledger", path, problem);
    if (status != WIRE_OK || (access(path, F_OK) != 0 && errno == ENOENT))
        return status;
    status = open_stores(broker, problem);
    if (status != WIRE_IN_USE)
        return status;
    link_log_line(broker->shell.log, LINK_NOTICE, "ledger", "账本正由运行中的交换中心使用，未检查",
                  "the ledger is in use by a running broker and was not checked", LINK_TEXT("path", path));
    ledger_close(&broker->ledger);
    return WIRE_OK;
}

static void open_core(struct broker *broker)
{
    struct broker_options options;
    broker_options_default(&options, &broker->shell.hash);
    options.pulse_ms = broker->config.pulse_ms;
    options.hosted = (const char *const *)broker->config.hosts;
    options.hosted_count = broker->config.hosts_count;
    size_t size = broker_core_size(&options);
    broker->core = broker_core_init(shell_pages(size), size, &options);
    wire_arena_over(&broker->out.arena, shell_pages(OUT_BYTES), OUT_BYTES);
    wire_arena_over(&broker->frame_arena, shell_pages(FRAME_ARENA_BYTES), FRAME_ARENA_BYTES);
    broker->waiting = broker_waiting_new(broker);
    broker->post = broker_post_new(broker);
    broker->parts = broker_parts_new(broker);
}

static bool boot_row(void *context, const struct wire_row *row)
{
    struct broker *broker = context;
    struct broker_event event = {.kind = BROKER_EVENT_BOOT_ROW, .boot_row = {.row = *row}};
    event.mono_ms = shell_mono_ms();
    event.wall_ms = shell_wall_ms();
    broker_core_step(broker->core, &event, &broker->out);
    ENSURE(!broker->out.more);
    for (size_t i = 0; i < broker->out.count; i++) {
        ENSURE(broker->out.effects[i].kind == BROKER_NOTE);
        broker->damaged = broker->damaged || broker->out.effects[i].note.topic == BROKER_NOTE_DAMAGED;
    }
    if (broker->damaged)
        link_log_line(broker->shell.log, LINK_ERROR, "ledger", "账本记录损坏", "a row of the ledger is damaged",
                      LINK_TEXT("table", broker_table_name(row->table)), LINK_HEX("key", row->key.data, row->key.size));
    return !broker->damaged;
}

static enum wire_status boot_core(struct broker *broker, struct wire_problem *problem)
{
    enum wire_status status = ledger_boot(&broker->ledger, boot_row, broker);
    if (status == WIRE_OK && broker->damaged)
        status = WIRE_DAMAGED;
    if (status != WIRE_OK)
        return wire_fail(problem, status, broker->config.data,
                         "账本无法读取。请从备份恢复数据目录，再用 recover --accept-loss 接受损失",
                         "the ledger cannot be read: restore the data folder from a backup, then accept the loss with "
                         "recover --accept-loss");
    struct broker_event event = {.kind = BROKER_EVENT_BOOT_DONE};
    broker->booted = true;
    broker_step(broker, &event);
    broker_watch_room(broker);
    broker_trust_boot(broker->trust);
    return WIRE_OK;
}

static enum wire_status open_sockets(struct broker *broker, struct wire_problem *problem)
{
    broker->shell.zmq = zmq_ctx_new();
    ENSURE(broker->shell.zmq != NULL);
    struct link_server_options options = {0};
    struct link_server_callbacks callbacks = {.ctx = broker,
                                              .allow = broker_trust_allow,
                                              .on_message = broker_on_message,
                                              .on_down = broker_on_down,
                                              .on_turn_end = broker_on_turn_end};
    enum wire_status status =
        link_server_open(&broker->shell.loop, broker->shell.zmq, &options, &callbacks, &broker->server, problem);
    for (unsigned i = 0; status == WIRE_OK && i < broker->config.listen_count; i++) {
        status = link_server_bind(broker->server, broker->config.listen[i],
                                  cert_identity_curve_secret(broker->shell.identity), broker->endpoint[i], problem);
        if (status == WIRE_OK)
            link_log_line(broker->shell.log, LINK_NOTICE, "broker", "已监听", "listening",
                          LINK_TEXT("endpoint", broker->endpoint[i]));
    }
    return status == WIRE_OK ? broker_watch_open(broker, problem) : status;
}

/* --- the loop's timers and signals -------------------------------------------------------------------------------- */

void broker_watch_room(struct broker *broker)
{
    struct broker_event event = {.kind = BROKER_EVENT_ROOM};
    if (!shell_room_changed(&broker->shell))
        return;
    event.room.full = broker->shell.full;
    broker_step(broker, &event);
}

/* Erasing cannot be undone: a clock that jumped must not do it. The step lets the core see the clock of now. */
static bool clock_sure(struct broker *broker)
{
    struct broker_totals totals;
    struct broker_event event = {.kind = BROKER_EVENT_TIMER};
    broker_step(broker, &event);
    broker_core_totals(broker->core, &totals);
    return totals.reason != WIRE_CLOCK_UNSURE && totals.reason != WIRE_ROLLED_BACK;
}

/* Keys at once, their rows by and by. */
static void erase_some(struct broker *broker)
{
    if (broker->seconds % CALM_S == 0)
        broker->erasing = true;
    if (!broker->erasing || !clock_sure(broker))
        return;
    broker->erasing = broker_rest_erase(broker, wire_day_add(wire_day_of(shell_wall_ms()), -1));
}

/* Descriptors run out before memory does, and libzmq then spins: said while there is time to do something. */
static void watch_descriptors(struct broker *broker)
{
    struct rlimit limit;
    const struct link_counters *counters = link_server_counters(broker->server);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    bool scarce = (uint64_t)counters->connections * DESCRIPTORS_EACH * 10 > (uint64_t)limit.rlim_cur * 7;
    if (scarce && !broker->descriptors_scarce)
        link_log_line(broker->shell.log, LINK_ERROR, "broker", "连接数已达文件描述符上限的七成，请提高 LimitNOFILE",
                      "connections take 70 % of the descriptors, raise LimitNOFILE",
                      LINK_UNSIGNED("connections", counters->connections), LINK_UNSIGNED("limit", limit.rlim_cur));
    broker->descriptors_scarce = scarce;
}

static void on_stored(void *daemon)
{
    broker_on_stored(daemon);
}

static void on_wake(void *daemon)
{
    struct broker *broker = daemon;
    struct broker_event event = {.kind = BROKER_EVENT_TIMER};
    wire_arena_reset(&broker->frame_arena);
    broker_step(broker, &event);
}

static void on_second(void *daemon)
{
    struct broker *broker = daemon;
    wire_arena_reset(&broker->frame_arena);
    broker->seconds++;
    broker_notes_second(broker);
    broker_watch_room(broker);
    watch_descriptors(broker);
    broker_trust_second(broker->trust);
    erase_some(broker);
}

static void on_reload(void *daemon)
{
    struct broker *broker = daemon;
    struct wire_problem problem;
    wire_arena_reset(&broker->frame_arena);
    broker_reload(broker, &problem);
}

static void on_stop(void *daemon, int exit_code)
{
    broker_stop(daemon, exit_code);
}

static void start_handles(struct broker *broker)
{
    static const struct shell_calls calls = {on_stored, on_wake, on_second, on_reload, on_stop};
    shell_start_handles(&broker->shell, &calls, broker);
    uv_timer_init(&broker->shell.loop, &broker->seal);
    uv_timer_init(&broker->shell.loop, &broker->leave);
    uv_idle_init(&broker->shell.loop, &broker->turn);
    broker->seal.data = broker->leave.data = broker->turn.data = broker;
}

/* --- ordered close ------------------------------------------------------------------------------------------------ */

void broker_stop(struct broker *broker, int exit_code)
{
    if (broker->shell.stopping)
        return;
    broker->shell.exit_code = exit_code;
    link_log_line(broker->shell.log, LINK_NOTICE, "broker", "正在停止", "stopping", LINK_NUMBER("exit", exit_code));
    struct broker_event event = {.kind = BROKER_EVENT_OPERATOR, .operator_ = {.operation = BROKER_SHUT_DOWN}};
    if (broker->booted) {
        broker_step(broker, &event);
        keep_sync(broker->shell.keep);
        broker_on_stored(broker);
    }
    broker->shell.stopping = true;
    link_http_close(&broker->http);
    link_server_close(&broker->server, NULL, NULL);
    ledger_close(&broker->ledger); /* ends its threads: they wake the loop, whose handles must be open until then */
    broker->shell.keep = NULL;
    shell_close_handles(&broker->shell);
    uv_close((uv_handle_t *)&broker->seal, NULL);
    uv_close((uv_handle_t *)&broker->leave, NULL);
    uv_close((uv_handle_t *)&broker->turn, NULL);
}

static void close_all(struct broker *broker)
{
    ledger_close(&broker->ledger); /* when it was not served from */
    broker_waiting_free(&broker->waiting);
    broker_post_free(&broker->post);
    broker_parts_free(&broker->parts);
    free(broker->own);
    broker_trust_free(&broker->trust);
    free(broker->core);
    free(broker->out.arena.base);
    free(broker->frame_arena.base);
    shell_close(&broker->shell);
    link_broker_config_close(&broker->config);
}

/* --- main --------------------------------------------------------------------------------------------------------- */

static int refuse(const struct broker *broker, const struct wire_problem *problem)
{
    return shell_refuse(&broker->shell, broker->config.log.language, problem);
}

static int serve(struct broker *broker, bool only_check)
{
    struct wire_problem problem = {0};
    uint64_t started_ns = uv_hrtime();
    shell_open_crypto(&broker->shell);
    enum wire_status status = link_broker_config_check_files(&broker->config, &problem);
    if (status == WIRE_OK)
        status = open_identity(broker, &problem);
    if (status == WIRE_OK)
        status = only_check ? check_stores(broker, &problem) : open_stores(broker, &problem);
    broker->trust = broker_trust_new(broker);
    if (status == WIRE_OK)
        status = broker_trust_load(broker->trust, &problem);
    if (status == WIRE_OK && only_check)
        status = broker_trust_check(broker->trust, &problem);
    if (status != WIRE_OK || only_check) {
        int code = status == WIRE_OK ? EX_OK : refuse(broker, &problem);
        close_all(broker);
        return code;
    }
    uv_loop_init(&broker->shell.loop);
    open_core(broker);
    start_handles(broker);
    status = boot_core(broker, &problem);
    if (status == WIRE_OK)
        status = open_sockets(broker, &problem);
    if (status != WIRE_OK) {
        broker_stop(broker, refuse(broker, &problem));
    } else {
        shell_start_seconds(&broker->shell);
        link_log_line(broker->shell.log, LINK_NOTICE, "broker", "就绪", "ready",
                      LINK_UNSIGNED("ms", (uv_hrtime() - started_ns) / 1000000));
    }
    uv_run(&broker->shell.loop, UV_RUN_DEFAULT);
    uv_loop_close(&broker->shell.loop);
    int code = broker->shell.exit_code;
    close_all(broker);
    return code;
}

static int usage(void)
{
    fprintf(
        stderr,
        "用法 / usage: lianfang-broker [-c broker.yaml] [-n]\n"
        "       lianfang-broker [-c broker.yaml] [--json] status | links | reload | accept-fork ADCODE | recover "
        "--accept-loss\n"
        "  -c FILE  配置 configuration [/etc/lianfang/broker.yaml]\n"
        "  -n       只检查配置、证书、政策和账本 check configuration, certificates, policy and ledger, then exit\n");
    return EX_USAGE;
}

static int run(struct broker *broker, bool only_check, int argc, char **argv)
{
    struct wire_problem problem = {0};
    if (link_broker_config_load(broker->shell.config_path, &broker->config, &problem) != WIRE_OK)
        return refuse(broker, &problem);
    if (argc > 0) {
        int code = broker_command(&broker->config, argc, argv);
        link_broker_config_close(&broker->config);
        return code;
    }
    if (shell_open_log(&broker->shell, &broker->config.log, &problem) == WIRE_OK)
        return serve(broker, only_check);
    int code = refuse(broker, &problem);
    link_broker_config_close(&broker->config);
    return code;
}

int main(int argc, char **argv)
{
    struct broker *broker = shell_pages(sizeof(*broker));
    bool only_check;
    setlocale(LC_ALL, "");
    broker->shell.words = (struct shell_words){"broker", "账本读取失败", "the ledger cannot be read", "账本写入失败",
                                               "the ledger cannot be written"};
    broker->shell.config_path = "/etc/lianfang/broker.yaml";
    int read = shell_arguments(&broker->shell, argc, argv, &only_check);
    int code = read == 0 ? EX_USAGE : run(broker, only_check, argc - read, argv + read);
    free(broker);
    return code == EX_USAGE ? usage() : code;
}
