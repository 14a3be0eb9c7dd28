/* lianfang-node: arguments → configuration → wire up → run → ordered close. */
#include "node.h"

#include "certs/file.h"
#include "node/api/api.h"
#include "wire/time.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <zmq.h>

enum {
    ARENA_BYTES = 96 * 1024 * 1024, /* one event, its look-ups and payload rows; untouched pages cost nothing */
    CERTIFICATE_WARN_MS = 30 * 24 * 3600 * 1000LL,
};

/* --- wiring up ---------------------------------------------------------------------------------------------------- */

static enum wire_status check_identity(struct node *node, struct wire_problem *problem)
{
    uint32_t region = cert_identity_region(node->shell.identity);
    if (cert_identity_role(node->shell.identity) != WIRE__ROLE__ROLE_NODE)
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
    const struct link_node_config *config = &node->config;
    enum wire_status status = shell_open_identity(&node->shell, config->identity, config->installation, problem);
    if (status == WIRE_OK)
        status = check_identity(node, problem);
    if (status == WIRE_OK && cert_identity_secret(node->shell.identity, "import", node->import_secret) != WIRE_OK)
        status = wire_fail(problem, WIRE_CRYPTO, config->identity, "无法导出密钥", "cannot derive a key");
    if (status == WIRE_OK)
        status = shell_open_directory(&node->shell, config->ca, config->installation, problem);
    return status;
}

static enum wire_status open_stores(struct node *node, struct wire_problem *problem)
{
    const struct link_node_config *config = &node->config;
    enum wire_status status = cert_folder_make(config->data, problem);
    if (status == WIRE_OK)
        status = store_open(config->data, config->map_bytes, &node->store, problem);
    node->shell.keep = node->store.keep;
    return status == WIRE_OK ? shell_open_daykeys(&node->shell, config->data, problem) : status;
}

/* The core's options borrow from the configuration, which lives as long. */
static enum wire_status core_options(struct node *node, struct wire_problem *problem)
{
    struct node_options *options = &node->core_options;
    options->region = node->config.region;
    options->software = "lianfang-node/1";
    options->hash = &node->shell.hash;
    options->link_count = node->config.broker_count;
    for (unsigned i = 0; i < node->config.broker_count; i++) {
        const struct link_broker_link *broker = &node->config.brokers[i];
        if (strlen(broker->name) > NODE_LINK_NAME_MAX)
            return wire_failf(problem, WIRE_INVALID, node->shell.config_path, "链路名“%s”过长，至多 %d 个字符",
                              "the link name \"%s\" is too long, %d characters at most", broker->name,
                              (int)NODE_LINK_NAME_MAX);
        if (broker->mechanism_count > NODE_LINK_MECHANISMS_MAX)
            return wire_failf(problem, WIRE_INVALID, node->shell.config_path, "链路“%s”列出的机制多于 %d 个",
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
    node->core = node_core_init(shell_pages(size), size, &node->core_options);
    node->out_memory = shell_pages(NODE_OUT_BYTES);
    node_out_init(&node->out, node->out_memory, NODE_OUT_BYTES);
    wire_arena_over(&node->arena, shell_pages(ARENA_BYTES), ARENA_BYTES);
    node->post = node_post_new(node);
    node->jobs = node_jobs_new(node);
    node->desk = node_desk_new(node);
}

static void watch_room(struct node *node)
{
    if (!shell_room_changed(&node->shell))
        return;
    struct node_event event = {.kind = NODE_ON_ROOM, .u.room = !node->shell.full};
    node_step(node, &event);
}

static bool boot_row(void *context, const struct wire_row *row)
{
    struct node *node = context;
    struct node_event event = {.kind = NODE_ON_BOOT_ROW, .u.row = *row};
    event.mono_ms = shell_mono_ms();
    event.wall_ms = shell_wall_ms();
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
        status = api_open(&node->shell.loop, &node->config, &backend, node->shell.log, &node->api, problem);
    node->shell.zmq = zmq_ctx_new();
    ENSURE(node->shell.zmq != NULL);
    return status == WIRE_OK ? node_links_open(node, problem) : status;
}

/* --- the loop's timers and signals -------------------------------------------------------------------------------- */

static void on_stored(void *daemon)
{
    struct node *node = daemon;
    wire_arena_reset(&node->arena);
    watch_room(node); /* before what was committed gives credit back */
    node_on_stored(node);
}

static void on_wake(void *daemon)
{
    struct node *node = daemon;
    struct node_event event = {.kind = NODE_ON_TIMER};
    wire_arena_reset(&node->arena);
    node_step(node, &event);
}

static void on_second(void *daemon)
{
    struct node *node = daemon;
    wire_arena_reset(&node->arena);
    watch_room(node);
    if (++node->seconds % 60 != 1)
        return;
    wire_arena_reset(&node->arena);
    node_trust_refresh(node->trust);
    bool ends = cert_identity_until_ms(node->shell.identity) - shell_wall_ms() < CERTIFICATE_WARN_MS;
    node_alarm(node->notes, "certificate-ends", ends, "本节点证书将在三十天内到期，请换发",
               "a certificate of this node ends within thirty days; have it renewed");
}

static void on_reload(void *daemon)
{
    struct node *node = daemon;
    wire_arena_reset(&node->arena);
    node_reload(node);
}

static void on_stop(void *daemon, int exit_code)
{
    node_stop(daemon, exit_code);
}

static const struct shell_calls calls = {on_stored, on_wake, on_second, on_reload, on_stop};

/* --- ordered close ------------------------------------------------------------------------------------------------ */

/* What was asked for is stored and answered before the doors close. */
void node_stop(struct node *node, int exit_code)
{
    if (node->shell.stopping)
        return;
    node->shell.exit_code = exit_code;
    link_log_line(node->shell.log, LINK_NOTICE, "node", "正在停止", "stopping", LINK_NUMBER("exit", exit_code));
    keep_sync(node->shell.keep);
    node_on_stored(node);
    keep_sync(node->shell.keep); /* what that brought; nothing wakes the loop after this */
    node->shell.stopping = true;
    if (node->api != NULL)
        api_close(&node->api);
    node_links_close(node);
    shell_close_handles(&node->shell);
}

static void close_all(struct node *node)
{
    store_close(&node->store);
    shell_post_free(&node->post);
    node_jobs_free(&node->jobs);
    node_desk_free(&node->desk);
    node_notes_free(&node->notes);
    node_trust_free(&node->trust);
    cert_payload_free(&node->payload);
    cert_wipe(node->import_secret, sizeof(node->import_secret));
    free(node->core);
    free(node->out_memory);
    free(node->arena.base);
    shell_close(&node->shell);
    link_node_config_close(&node->config);
}

/* --- main --------------------------------------------------------------------------------------------------------- */

static int refuse(const struct node *node, const struct wire_problem *problem)
{
    return shell_refuse(&node->shell, node->config.log.language, problem);
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
    link_log_line(node->shell.log, LINK_NOTICE, "node", "就绪", "ready", LINK_UNSIGNED("region", node->config.region),
                  LINK_TEXT("http", at->host == NULL ? "" : at->host),
                  LINK_UNSIGNED("port", node->api == NULL ? 0 : api_port(node->api)),
                  LINK_TEXT("unix", at->unix_path == NULL ? "" : at->unix_path),
                  LINK_UNSIGNED("ms", (uv_hrtime() - started_ns) / 1000000));
}

static int serve(struct node *node, bool only_check)
{
    struct wire_problem problem = {0};
    uint64_t started_ns = uv_hrtime();
    shell_open_crypto(&node->shell);
    node->payload = cert_payload_new();
    node->trust = node_trust_new(node);
    node->notes = node_notes_new(node);
    uv_loop_init(&node->shell.loop);
    enum wire_status status = prepare(node, &problem);
    if (status == WIRE_OK && only_check)
        status = check_only(node, &problem);
    if (status != WIRE_OK || only_check) {
        int code = status == WIRE_OK ? EX_OK : refuse(node, &problem);
        uv_loop_close(&node->shell.loop);
        close_all(node);
        return code;
    }
    open_core(node);
    shell_start_handles(&node->shell, &calls, node);
    status = boot_core(node, &problem);
    if (status == WIRE_OK)
        status = open_sockets(node, &problem);
    if (status != WIRE_OK) {
        node_stop(node, refuse(node, &problem));
    } else {
        shell_start_seconds(&node->shell);
        log_ready(node, started_ns);
    }
    uv_run(&node->shell.loop, UV_RUN_DEFAULT);
    store_close(&node->store); /* its writer may wake the loop up to here */
    uv_loop_close(&node->shell.loop);
    int code = node->shell.exit_code;
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

static int run(struct node *node, bool only_check)
{
    struct wire_problem problem = {0};
    if (link_node_config_load(node->shell.config_path, &node->config, &problem) != WIRE_OK)
        return refuse(node, &problem);
    if (shell_open_log(&node->shell, &node->config.log, &problem) == WIRE_OK)
        return serve(node, only_check);
    int code = refuse(node, &problem);
    link_node_config_close(&node->config);
    return code;
}

int main(int argc, char **argv)
{
    struct node *node = shell_pages(sizeof(*node));
    bool only_check;
    setlocale(LC_ALL, "");
    node->shell.words = (struct shell_words){"node", "节点存储读取失败", "the store cannot be read", "节点存储写入失败",
                                             "the store cannot be written"};
    node->shell.config_path = "/etc/lianfang/node.yaml";
    int code = shell_arguments(&node->shell, argc, argv, &only_check) == argc ? run(node, only_check) : usage();
    free(node);
    return code;
}
