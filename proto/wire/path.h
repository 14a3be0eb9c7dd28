/* Where in a message something is: "person[3].id_no" and "人员[3].证件号码" side by side. Entries count from 1, as the
 * lists that people see do. A path that is too long is cut. */
#pragma once
#include "wire/field.h"

struct wire_path {
    char en[224];
    char zh[224];
    size_t en_size;
    size_t zh_size;
};

struct wire_path_mark {
    size_t en_size;
    size_t zh_size;
};

/* Zero-initialise a path to start at the message itself. `entry`: from 1; 0 for a field that is no list or for the list
 * as a whole. Returns the mark to give to wire_path_leave. */
struct wire_path_mark wire_path_enter(struct wire_path *path, const ProtobufCMessageDescriptor *type,
                                      const ProtobufCFieldDescriptor *field, size_t entry);
/* For a name that no field has (an unknown key). */
struct wire_path_mark wire_path_enter_text(struct wire_path *path, const char *name);
void wire_path_leave(struct wire_path *path, struct wire_path_mark mark);
