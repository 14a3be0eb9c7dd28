/* One client a broker. The broker's CURVE key is pinned by the configuration; a key that it rolls over to is tried
 * beside it when the directory knows that key as a broker's. */
#include "node.h"

static uint32_t on_random(void *ctx)
{
    (void)ctx;
    uint32_t random;
    cert_random(&random, sizeof(random));
    return random;
}

static void on_up(void *ctx)
{
    struct node_line *line = ctx;
    struct node *node = line->node;
    line->up = true;
    line->cutting = false;
    wire_arena_reset(&node->arena);
    struct node_event event = {.kind = NODE_ON_UP};
    event.u.link = line->index;
    node_step(node, &event);
}

static void on_message(void *ctx, struct wire_bytes payload)
{
    struct node_line *line = ctx;
    if (!line->cutting)
        node_on_message(line->node, line->index, payload);
}

/* The handshake fails alike for a wrong key and a broken network: the other key gets its turn. */
static void try_other_key(struct node_line *line)
{
    if (line->key_count < 2)
        return;
    line->key_now = 1 - line->key_now;
    link_client_set_server(line->client, NULL, line->key[line->key_now]);
}

static void log_down(const struct node_line *line, enum link_lost why, bool was_up, int retry_ms)
{
    const struct node *node = line->node;
    bool calm = why == LINK_LOST_BY_OWNER || (!was_up && why == LINK_LOST_CONNECT);
    link_log_line(node->shell.log, calm ? LINK_INFO : LINK_WARNING, "link", was_up ? "连接结束" : "连接未成",
                  was_up ? "connection ended" : "not connected",
                  LINK_TEXT("link", node->config.brokers[line->index].name), LINK_TEXT("why", link_lost_name(why)),
                  LINK_NUMBER("retry_ms", retry_ms));
}

static void on_down(void *ctx, enum link_lost why, bool was_up, int retry_ms)
{
    struct node_line *line = ctx;
    struct node *node = line->node;
    bool told = line->cutting;
    log_down(line, why, was_up, retry_ms);
    line->up = line->cutting = false;
    line->session++;
    if (node->shell.stopping)
        return;
    if (why == LINK_LOST_HANDSHAKE)
        try_other_key(line);
    node_post_end(node, line->index);
    if (!was_up || told)
        return;
    wire_arena_reset(&node->arena);
    struct node_event event = {.kind = NODE_ON_LOST};
    event.u.link = line->index;
    node_step(node, &event);
}

void node_link_cut(struct node *node, uint8_t link)
{
    struct node_line *line = &node->line[link];
    if (line->client == NULL || !line->up || line->cutting)
        return;
    shell_post_flush(node->post, shell_committed(&node->shell)); /* the BYE that says why */
    node_post_end(node, link);
    line->cutting = true;
    line->session++;
    link_client_reconnect(line->client);
}

void node_link_next_key(struct node *node, uint8_t link, const uint8_t key[LINK_CLIENT_KEY_BYTES])
{
    struct node_line *line = &node->line[link];
    const struct cert_entry *entry = NULL;
    if (memcmp(line->key[line->key_now], key, LINK_CLIENT_KEY_BYTES) == 0)
        return;
    if (cert_directory_admit(node->shell.directory, key, shell_wall_ms(), &entry) != WIRE_OK ||
        entry->subject.role != WIRE__ROLE__ROLE_BROKER) {
        link_log_line(node->shell.log, LINK_WARNING, "link", "交换中心预告的密钥不在目录中，未采用",
                      "the key that the broker announces is not in the directory, not taken",
                      LINK_TEXT("link", node->config.brokers[link].name), LINK_HEX("key", key, 8));
        return;
    }
    memcpy(line->key[1 - line->key_now], key, LINK_CLIENT_KEY_BYTES);
    line->key_count = 2;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static enum wire_status key_from_certificate(struct node *node, const char *path, uint8_t key[LINK_CLIENT_KEY_BYTES],
                                             struct wire_problem *problem)
{
    struct cert_subject subject;
    enum wire_status status =
        cert_subject_load(path, cert_identity_ca(node->shell.identity), node->config.installation, &subject, problem);
    if (status != WIRE_OK)
        return status;
    if (subject.role != WIRE__ROLE__ROLE_BROKER || subject.usage != WIRE__USAGE__USAGE_TRANSPORT)
        return wire_fail(problem, WIRE_INVALID, path, "这不是交换中心的传输证书（transport.pem）",
                         "not a broker's transport certificate (transport.pem)");
    memcpy(key, subject.curve, LINK_CLIENT_KEY_BYTES);
    return WIRE_OK;
}

enum wire_status node_links_check(struct node *node, struct wire_problem *problem)
{
    for (unsigned i = 0; i < node->config.broker_count; i++) {
        const struct link_broker_link *broker = &node->config.brokers[i];
        struct node_line *line = &node->line[i];
        line->node = node;
        line->index = (uint8_t)i;
        line->key_count = 1;
        if (broker->has_key) {
            memcpy(line->key[0], broker->key, LINK_CLIENT_KEY_BYTES);
            continue;
        }
        enum wire_status status = key_from_certificate(node, broker->certificate, line->key[0], problem);
        if (status != WIRE_OK)
            return status;
    }
    return WIRE_OK;
}

enum wire_status node_links_open(struct node *node, struct wire_problem *problem)
{
    for (unsigned i = 0; i < node->config.broker_count; i++) {
        struct node_line *line = &node->line[i];
        struct link_client_options options = {
            .endpoint = node->config.brokers[i].endpoint,
            .public_key = cert_identity_curve_public(node->shell.identity),
            .secret_key = cert_identity_curve_secret(node->shell.identity),
            .server_key = line->key[0],
            .pulse_ms = (int)node->config.pulse_ms,
        };
        struct link_client_callbacks callbacks = {
            .ctx = line, .random = on_random, .on_up = on_up, .on_message = on_message, .on_down = on_down};
        enum wire_status status =
            link_client_open(&node->shell.loop, node->shell.zmq, &options, &callbacks, &line->client, problem);
        if (status != WIRE_OK)
            return status;
    }
    return WIRE_OK;
}

void node_links_close(struct node *node)
{
    for (unsigned i = 0; i < NODE_LINKS_MAX; i++)
        if (node->line[i].client != NULL)
            link_client_close(&node->line[i].client, NULL, NULL);
}
