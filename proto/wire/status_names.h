/* The generated names behind status.h, in the order of WIRE_STATUS_LIST (generator/status_names.c writes them). */
#pragma once

extern const char *const wire_status_names[];
