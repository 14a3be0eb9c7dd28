/* The two daemons' configuration files: YAML, loaded and checked whole before anything else happens (`-n` stops there).
 * Paths in them are relative to the file's folder and come out absolute or relative to the working directory as the
 * file was named. Unknown keys are refused with the nearest known one. All memory belongs to the config; close frees
 * it. */
#pragma once
#include "link/log.h"
#include "wire/region.h"
#include "wire/status.h"

enum {
    LINK_LISTEN_MAX = 8,
    LINK_BROKERS_MAX = 8,
    LINK_HOSTED_MAX = 256,
    LINK_MAP_MIB_DEFAULT = 4096,
    LINK_MAP_MIB_MIN = 16,
    LINK_PULSE_MS_MIN = 100,
    LINK_PULSE_MS_MAX = 60000,
};

/* Where HTTP listens. Both may be absent: no HTTP. */
struct link_http_address {
    char *host;      /* "127.0.0.1", "::1", "localhost"; NULL: no TCP */
    uint16_t port;   /* 0: picked by the kernel */
    char *unix_path; /* NULL: no Unix socket */
};

struct link_log_config {
    enum link_log_format format;
    enum link_level level;
    enum wire_language language;
    char *path; /* NULL: standard error */
};

/* installation: 长三角联防            # 1 to 63 bytes, the same at all parties
 * data: /var/lib/lianfang-broker     # folder of the ledger and the day keys
 * identity: identity                 # folder of certificates and keys made by lianfang-ca
 * ca: ca.pem
 * directory: directory.bin           # the signed directory
 * crl: crl.pem
 * policy: policy.bin                 # the signed policy
 * listen: [tcp://0.0.0.0:7440]       # 1 to 8
 * http: [127.0.0.1:7441, broker.sock] # loopback host:port and/or the path of a Unix socket; absent: none
 * hosts: [yangtze-delta]             # mechanisms; absent or empty: all in the policy
 * map_mib: 4096                      # the ledger's limit
 * log: {format: text, level: info, language: zh, file: broker.log}
 * pulse_ms: 5000 */
struct link_broker_config {
    char *installation, *data, *identity, *ca, *directory, *crl, *policy;
    char **listen;
    unsigned listen_count;
    struct link_http_address http;
    char **hosts;
    unsigned hosts_count;
    uint64_t map_bytes;
    struct link_log_config log;
    uint32_t pulse_ms;
};

struct link_broker_link {
    char *name;      /* unique in the file */
    char *endpoint;  /* "tcp://host:port" */
    uint8_t key[32]; /* the broker's CURVE key, when has_key */
    bool has_key;
    char *certificate;        /* else: the path of the broker's transport certificate */
    char **mechanisms;        /* ids */
    unsigned mechanism_count; /* 0: all that no other link names */
};

/* region: 330300
 * installation: 长三角联防
 * data: /var/lib/lianfang-node
 * identity: identity
 * ca: ca.pem
 * directory: directory.bin           # optional: the first one; later ones come from the broker
 * brokers:
 *   - name: delta
 *     endpoint: tcp://broker.example:7440
 *     key: 5f…                       # 64 hex digits, or the path of the broker's transport certificate
 *     mechanisms: [yangtze-delta]    # or [all], also when absent: what no other link names
 * http: [127.0.0.1:7442, node.sock]  # loopback host:port and/or the path of a Unix socket
 * tokens: tokens.yaml                # token digests → label, roles
 * map_mib: 1024
 * log: {…}
 * pulse_ms: 5000 */
struct link_node_config {
    uint32_t region; /* adcode */
    char *installation, *data, *identity, *ca, *directory;
    struct link_broker_link *brokers;
    unsigned broker_count;
    struct link_http_address http;
    char *tokens;
    uint64_t map_bytes;
    struct link_log_config log;
    uint32_t pulse_ms;
};

/* Checks form and values, not whether the files named in it are there (link_*_config_check_files). */
enum wire_status link_broker_config_load(const char *path, struct link_broker_config *out,
                                         struct wire_problem *problem);
enum wire_status link_broker_config_check_files(const struct link_broker_config *config, struct wire_problem *problem);
void link_broker_config_close(struct link_broker_config *config);

enum wire_status link_node_config_load(const char *path, struct link_node_config *out, struct wire_problem *problem);
enum wire_status link_node_config_check_files(const struct link_node_config *config, struct wire_problem *problem);
void link_node_config_close(struct link_node_config *config);

enum { LINK_TOKENS_MAX = 256, LINK_TOKEN_LABEL_MAX = 120 };
enum link_role {
    LINK_ROLE_DUTY = 1,
    LINK_ROLE_LOGISTICS = 2,
    LINK_ROLE_OPERATOR = 4,
    LINK_ROLE_AUDITOR = 8,
    LINK_ROLE_ADMIN = 16,
};

/* tokens:
 *   - digest: 9f86d0…      # SHA-256 of the token's text, 64 hex digits: the file never holds a token
 *     label: 值班一席        # person or desk; logged and shown with what was done
 *     unit: cdc            # optional
 *     roles: [duty, logistics] */
struct link_token {
    uint8_t digest[32];
    char *label;
    char *unit;     /* NULL: none */
    unsigned roles; /* of enum link_role */
};
struct link_tokens {
    struct link_token *list;
    unsigned count;
};
/* Refuses a file that others may read (mode & 077). */
enum wire_status link_tokens_load(const char *path, struct link_tokens *out, struct wire_problem *problem);
void link_tokens_close(struct link_tokens *tokens);
