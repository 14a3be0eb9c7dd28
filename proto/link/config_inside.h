/* What loading the two configurations shares. Internal to link. */
#pragma once
#include "link/config.h"
#include "link/yaml.h"
#include "link/yaml_places.h"

/* One file while it is loaded: every failure names file:line:column of the key path it is about. */
struct config_file {
    const char *path;
    struct link_places places;
    struct wire_problem *problem;
};

/* Takes what the schema read to a configuration, which holds what was taken when it fails, too. */
typedef enum wire_status config_take(struct config_file *file, const void *raw, void *out);
/* Reads the file, checks its keys, loads it by the schema, takes it. */
enum wire_status config_load(const char *path, const cyaml_schema_value_t *top, config_take *take, void *out,
                             struct wire_problem *problem);

/* `key`: "brokers[0].name". Formats as wire_failf. */
enum wire_status config_refuse(struct config_file *file, const char *key, const char *zh, const char *en, ...)
    __attribute__((format(printf, 3, 5), format(printf, 4, 5)));

/* Each takes what was read (NULL: absent) to *out, a copy on the heap. */
enum wire_status config_installation(struct config_file *file, const char *read, char **out);
enum wire_status config_path(struct config_file *file, const char *key, const char *read, bool required, char **out);
enum wire_status config_endpoint(struct config_file *file, const char *key, const char *read, char **out);
enum wire_status config_http(struct config_file *file, char *const *read, unsigned count,
                             struct link_http_address *out);
/* Mechanism ids; `all` alone stands for none. */
enum wire_status config_mechanisms(struct config_file *file, const char *key, char *const *read, unsigned count,
                                   char ***out, unsigned *out_count);
enum wire_status config_map(struct config_file *file, uint64_t mib, uint64_t *bytes);
enum wire_status config_pulse(struct config_file *file, uint32_t read, uint32_t *out);

struct config_log_raw {
    char *format, *level, *language, *file;
};
extern const cyaml_schema_field_t config_log_fields[];
extern const cyaml_schema_value_t config_word;
enum wire_status config_log(struct config_file *file, const struct config_log_raw *read, struct link_log_config *out);

void config_http_close(struct link_http_address *http);
void config_list_free(char **list, unsigned count);
/* A folder or file that must be there and readable; NULL is fine. */
enum wire_status config_check_readable(const char *path, bool folder, struct wire_problem *problem);
/* The data folder: there and writable, or can be made. */
enum wire_status config_check_data(const char *path, struct wire_problem *problem);
