/* What the tests of keep share: options, folders, rows in short. */
#pragma once
#include "keep/keep.h"
#include "keep/memory.h"

enum { T_A, T_B, T_C, T_COUNT };

struct keep_options test_options(void);
/* A new folder under /tmp, remembered; test_folder_remove takes it away with what is in it. */
char *test_folder(void);
void test_folder_remove(char *folder);

struct wire_bytes text(const char *zero_terminated);
struct wire_row put(uint8_t table, const char *key, const char *value);
struct wire_row erase(uint8_t table, const char *key);
/* One row, its own append; fails the test if it is refused. */
void append(struct keep *keep, uint64_t ticket, struct wire_row row);
/* "key=value key=value …" of a range, "+more" at the end when there is more. In a static buffer. */
const char *scanned(struct keep *keep, struct keep_range range);
/* The value as text in a static buffer, or "-" when there is none. */
const char *got(struct keep *keep, uint8_t table, const char *key);
/* Waits for the next finished fetch, ten seconds at most. */
struct keep_fetched fetched(struct keep *keep);
