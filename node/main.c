/* lianfang-node: arguments → configuration → wire up → run → ordered close. */
#include "node.h"

#include "certs/file.h"
#include "node/api/api.h"
#include "wire/time.h"

#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <zmq.h>

enum {
    ARENA_BYTES = 96 * 1024 * 1024, /* one event, its look-ups and payload rows; untouched pages cost nothing */
    CERTIFICATE_WARN_MS = 30 * 24 * 3600 * 1000LL,
};

void node_fail(struct node *node, const char *zh, const char *en, enum wire_status status)
{
    struct wire_problem problem = {0};
    keep_failed(node->store.keep, &problem);
    link_log_line(node->log, LINK_ERROR, "node", zh, en, LINK_TEXT("status", wire_status_name(status)),
                  LINK_TEXT("where", problem.where), LINK_TEXT("what", problem.en));
    exit(status == WIRE_DISK_FULL ? EX_TEMPFAIL : EX_IOERR);
}

/* --- wiring up ---------------------------------------------------------------------------------------------------- */

static void *pages(size_t size)
{
    void *memory = calloc(1, size); /* large: fresh zero pages, resident only when touched */
    ENSURE(memory != NULL);
    return memory;
}

static enum wire_status check_identity(struct node *node, struct wire_problem *problem)
{
    uint32_t region = cert_identity_region(node->identity);
    if (cert_identity_role(node->identity) != WIRE__ROLE__ROLE_NODE)
        return wire_fail(problem, WIRE_INVALID, node->config.identity,
                         "这不是节点的证书；请用 lianfang-ca issue node 签发",
                         "not a node's certificates; issue them with lianfang-ca issue node");
    if (region != node->config.region)
        return wire_failf(problem, WIRE_INVALID, node->config.identity,
                          "证书属于 %06u，而配置的地区是 %06u；请核对 region 与 identity",
                          "the certificates are of %06u, the configuration says %06u; compare region and identity",
                          region, node->config.region);
    return WIRE_OK;
}

static enum wire_status open_identity(struct node *node, struct wire_problem *problem)
{
    struct cert_identity_options options = {.installation = node->config.installation, .now_ms = node_wall_ms()};
    enum wire_status status = cert_identity_load(node->config.identity, &options, &node->identity, problem);
    if (status == WIRE_OK)
        status = check_identity(node, problem);
    if (status != WIRE_OK)
        return status;
    struct cert_file ca = {0};
    status = cert_file_read(node->config.ca, false, &ca, problem);
    if (status == WIRE_OK)
        status = cert_directory_new(wire_bytes(ca.data, ca.size), node->config.installation, &node->directory, problem);
    cert_file_close(&ca);
    if (status == WIRE_OK &&
        memcmp(cert_directory_domain(node->directory), cert_identity_domain(node->identity), WIRE_HASH_BYTES) != 0)
        status = wire_fail(problem, WIRE_OTHER_INSTALLATION, node->config.ca, "该 CA 未签发本节点的证书",
                           "this CA did not issue this node's certificates");
    return status;
}

static enum wire_status open_stores(struct node *node, struct wire_problem *problem)
{
    char path[4096];
    enum wire_status status = cert_folder_make(node->config.data, problem);
    if (status == WIRE_OK)
        status = store_open(node->config.data, node->config.map_bytes, &node->store, problem);
    if (status != WIRE_OK)
        return status;
    snprintf(path, sizeof(path), "%s/daykeys", node->config.data);
    return daykeys_open(path, &node->daykeys, problem);
}

/* The core's options borrow from the configuration, which lives as long. */
static enum wire_status core_options(struct node *node, struct wire_problem *problem)
{
    struct node_options *options = &node->core_options;
    options->region = node->config.region;
    options->software = "lianfang-node/1";
    options->hash = &node->hash;
    options->link_count = node->config.broker_count;
    for (unsigned i = 0; i < node->config.broker_count; i++) {
        const struct link_broker_link *broker = &node->config.brokers[i];
        if (strlen(broker->name) > NODE_LINK_NAME_MAX)
            return wire_failf(problem, WIRE_INVALID, node->config_path, "链路名“%s”过长，至多 %d 个字符",
                              "the link name \"%s\" is too long, %d characters at most", broker->name,
                              (int)NODE_LINK_NAME_MAX);
        if (broker->mechanism_count > NODE_LINK_MECHANISMS_MAX)
            return wire_failf(problem, WIRE_INVALID, node->config_path, "链路“%s”列出的机制多于 %d 个",
                              "link \"%s\" lists more than %d mechanisms", broker->name, (int)NODE_LINK_MECHANISMS_MAX);
        options->link[i].name = broker->name;
        options->link[i].mechanism_count = broker->mechanism_count;
        for (unsigned j = 0; j < broker->mechanism_count; j++)
            options->link[i].mechanism[j] = broker->mechanisms[j];
    }
    return WIRE_OK;
}

static void open_core(struct node *node)
{
    size_t size = node_core_size(&node->core_options);
    node->core = node_core_init(pages(size), size, &node->core_options);
    node->out_memory = pages(NODE_OUT_BYTES);
    node_out_init(&node->out, node->out_memory, NODE_OUT_BYTES);
    wire_arena_over(&node->arena, pages(ARENA_BYTES), ARENA_BYTES);
    node->post = node_post_new(node);
    node->jobs = node_jobs_new(node);
    node->desk = node_desk_new(node);
}

static void watch_room(struct node *node)
{
    struct keep_room room = keep_room(node->store.keep);
    bool full = keep_room_scarce(&room);
    if (full == node->full)
        return;
    node->full = full;
    struct node_event event = {.kind = NODE_ON_ROOM, .u.room = !full};
    node_step(node, &event);
}

static bool boot_row(void *context, const struct wire_row *row)
{
    struct node *node = context;
    struct node_event event = {.kind = NODE_ON_BOOT_ROW, .u.row = *row};
    event.mono_ms = node_mono_ms();
    event.wall_ms = node_wall_ms();
    node_core_step(node->core, &event, &node->out);
    ENSURE(node->out.count == 0 && !node->out.more);
    return true;
}

static enum wire_status boot_core(struct node *node, struct wire_problem *problem)
{
    enum wire_status status = store_boot(&node->store, boot_row, node);
    if (status != WIRE_OK)
        return wire_fail(problem, status, node->config.data, "节点存储无法读取", "the store cannot be read");
    struct node_event event = {.kind = NODE_ON_BOOT_DONE};
    node_step(node, &event);
    wire_arena_reset(&node->arena);
    watch_room(node); /* before anything is taken in */
    node_trust_boot(node->trust);
    return WIRE_OK;
}

static enum wire_status open_sockets(struct node *node, struct wire_problem *problem)
{
    struct api_backend backend = node_backend(node);
    enum wire_status status = WIRE_OK;
    if (node->config.http.host != NULL || node->config.http.unix_path != NULL)
        status = api_open(&node->loop, &node->config, &backend, node->log, &node->api, problem);
    node->zmq = zmq_ctx_new();
    ENSURE(node->zmq != NULL);
    return status == WIRE_OK ? node_links_open(node, problem) : status;
}

/* --- the loop's timers and signals -------------------------------------------------------------------------------- */

static void on_stored(uv_async_t *async)
{
    struct node *node = async->data;
    if (node->stopping)
        return;
    wire_arena_reset(&node->arena);
    watch_room(node); /* before what was committed gives credit back */
    node_on_stored(node);
}

static void wake_loop(void *context)
{
    uv_async_send(context);
}

static void on_second(uv_timer_t *timer)
{
    struct node *node = timer->data;
    wire_arena_reset(&node->arena);
    watch_room(node);
    if (++node->seconds % 60 != 1)
        return;
    wire_arena_reset(&node->arena);
    node_trust_refresh(node->trust);
    bool ends = cert_identity_until_ms(node->identity) - node_wall_ms() < CERTIFICATE_WARN_MS;
    node_alarm(node->notes, "certificate-ends", ends, "本节点证书将在三十天内到期，请换发",
               "a certificate of this node ends within thirty days; have it renewed");
}

static void reload(struct node *node)
{
    struct wire_problem problem = {0};
    link_log_reopen(node->log, NULL);
    wire_arena_reset(&node->arena);
    enum wire_status trust = node_trust_reload(node->trust, &problem);
    if (trust != WIRE_OK)
        link_log_problem(node->log, LINK_ERROR, "node", &problem);
    enum wire_status tokens = node->api == NULL ? WIRE_OK : api_reload_tokens(node->api, &problem);
    if (tokens != WIRE_OK) /* a bad directory file keeps no withdrawn token alive, nor the other way round */
        link_log_problem(node->log, LINK_ERROR, "node", &problem);
    if (trust == WIRE_OK && tokens == WIRE_OK)
        link_log_line(node->log, LINK_NOTICE, "node", "已重新载入", "reloaded", LINK_TEXT("config", node->config_path));
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct node *node = signal->data;
    if (number == SIGHUP)
        reload(node);
    else
        node_stop(node, EX_OK);
}

static void start_handles(struct node *node)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    uv_async_init(&node->loop, &node->stored, on_stored);
    uv_timer_init(&node->loop, &node->wake);
    uv_timer_init(&node->loop, &node->second);
    node->stored.data = node->wake.data = node->second.data = node;
    for (size_t i = 0; i < 3; i++) {
        uv_signal_init(&node->loop, &node->signals[i]);
        node->signals[i].data = node;
        uv_signal_start(&node->signals[i], on_signal, numbers[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    keep_on_committed(node->store.keep, wake_loop, &node->stored);
}

/* --- ordered close ------------------------------------------------------------------------------------------------ */

static void close_handles(struct node *node)
{
    uv_close((uv_handle_t *)&node->stored, NULL);
    uv_close((uv_handle_t *)&node->wake, NULL);
    uv_close((uv_handle_t *)&node->second, NULL);
    for (size_t i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&node->signals[i], NULL);
}

/* What was asked for is stored and answered before the doors close. */
void node_stop(struct node *node, int exit_code)
{
    if (node->stopping)
        return;
    node->exit_code = exit_code;
    link_log_line(node->log, LINK_NOTICE, "node", "正在停止", "stopping", LINK_NUMBER("exit", exit_code));
    keep_sync(node->store.keep);
    node_on_stored(node);
    keep_sync(node->store.keep); /* what that brought; nothing wakes the loop after this */
    node->stopping = true;
    if (node->api != NULL)
        api_close(&node->api);
    node_links_close(node);
    close_handles(node);
}

static void close_all(struct node *node)
{
    store_close(&node->store);
    if (node->zmq != NULL)
        zmq_ctx_term(node->zmq);
    daykeys_close(&node->daykeys);
    node_post_free(&node->post);
    node_jobs_free(&node->jobs);
    node_desk_free(&node->desk);
    node_notes_free(&node->notes);
    node_trust_free(&node->trust);
    cert_rest_free(&node->rest);
    cert_payload_free(&node->payload);
    cert_directory_free(&node->directory);
    cert_identity_free(&node->identity);
    cert_hash_close(&node->hash);
    free(node->core);
    free(node->out_memory);
    free(node->arena.base);
    link_log_close(&node->log);
    link_node_config_close(&node->config);
}

/* --- main --------------------------------------------------------------------------------------------------------- */

/* Before the configuration says which language, both are said. */
static int refuse(const struct node *node, const struct wire_problem *problem)
{
    bool zh = node->config.log.language == WIRE_CHINESE;
    if (node->log == NULL)
        fprintf(stderr, "lianfang-node: %s: %s / %s\n", problem->where, problem->zh, problem->en);
    else
        fprintf(stderr, "lianfang-node: %s: %s\n", problem->where, zh ? problem->zh : problem->en);
    switch (problem->status) {
    case WIRE_IN_USE:
        return EX_UNAVAILABLE;
    case WIRE_IO:
        return EX_IOERR;
    default:
        return EX_CONFIG;
    }
}

/* Everything that can be checked before anybody is spoken to. */
static enum wire_status prepare(struct node *node, struct wire_problem *problem)
{
    enum wire_status status = link_node_config_check_files(&node->config, problem);
    if (status == WIRE_OK)
        status = core_options(node, problem);
    if (status == WIRE_OK)
        status = open_identity(node, problem);
    if (status == WIRE_OK)
        status = node_links_check(node, problem);
    if (status == WIRE_OK)
        status = open_stores(node, problem);
    return status == WIRE_OK ? node_trust_load(node->trust, problem) : status;
}

static enum wire_status check_only(struct node *node, struct wire_problem *problem)
{
    struct link_tokens tokens = {0};
    enum wire_status status = node_trust_check(node->trust, problem);
    if (status == WIRE_OK && node->config.tokens != NULL)
        status = link_tokens_load(node->config.tokens, &tokens, problem);
    link_tokens_close(&tokens);
    return status;
}

static void log_ready(struct node *node, uint64_t started_ns)
{
    const struct link_http_address *at = &node->config.http;
    link_log_line(node->log, LINK_NOTICE, "node", "就绪", "ready", LINK_UNSIGNED("region", node->config.region),
                  LINK_TEXT("http", at->host == NULL ? "" : at->host),
                  LINK_UNSIGNED("port", node->api == NULL ? 0 : api_port(node->api)),
                  LINK_TEXT("unix", at->unix_path == NULL ? "" : at->unix_path),
                  LINK_UNSIGNED("ms", (uv_hrtime() - started_ns) / 1000000));
}

static int serve(struct node *node, bool only_check)
{
    struct wire_problem problem = {0};
    uint64_t started_ns = uv_hrtime();
    node->hash = cert_hash_new();
    node->rest = cert_rest_new();
    node->payload = cert_payload_new();
    node->trust = node_trust_new(node);
    node->notes = node_notes_new(node);
    uv_loop_init(&node->loop);
    enum wire_status status = prepare(node, &problem);
    if (status == WIRE_OK && only_check)
        status = check_only(node, &problem);
    if (status != WIRE_OK || only_check) {
        int code = status == WIRE_OK ? EX_OK : refuse(node, &problem);
        uv_loop_close(&node->loop);
        close_all(node);
        return code;
    }
    open_core(node);
    start_handles(node);
    status = boot_core(node, &problem);
    if (status == WIRE_OK)
        status = open_sockets(node, &problem);
    if (status != WIRE_OK) {
        node_stop(node, refuse(node, &problem));
    } else {
        uv_timer_start(&node->second, on_second, 1000, 1000);
        log_ready(node, started_ns);
    }
    uv_run(&node->loop, UV_RUN_DEFAULT);
    store_close(&node->store); /* its writer may wake the loop up to here */
    uv_loop_close(&node->loop);
    int code = node->exit_code;
    close_all(node);
    return code;
}

static int usage(void)
{
    fprintf(stderr, "用法 / usage: lianfang-node [-c node.yaml] [-n]\n"
                    "  -c FILE  配置 configuration [/etc/lianfang/node.yaml]\n"
                    "  -n       只检查配置、证书、政策和存储 check configuration, certificates, policy and store, then "
                    "exit\n");
    return EX_USAGE;
}

int main(int argc, char **argv)
{
    struct node *node = pages(sizeof(*node));
    struct wire_problem problem = {0};
    bool only_check = false;
    int option, code;
    setlocale(LC_ALL, "");
    node->config_path = "/etc/lianfang/node.yaml";
    while ((option = getopt(argc, argv, "c:nh")) != -1) {
        if (option == 'c')
            node->config_path = optarg;
        else if (option == 'n')
            only_check = true;
        else
            return usage();
    }
    if (optind < argc)
        return usage();
    if (link_node_config_load(node->config_path, &node->config, &problem) != WIRE_OK) {
        code = refuse(node, &problem);
        free(node);
        return code;
    }
    struct link_log_options log = {.level = node->config.log.level,
                                   .format = node->config.log.format,
                                   .language = node->config.log.language,
                                   .path = node->config.log.path};
    if (link_log_open(&log, &node->log, &problem) != WIRE_OK)
        code = refuse(node, &problem);
    else
        code = serve(node, only_check);
    free(node);
    return code;
}
