/* An installation for fuzzers, made at the start of the process and never kept. */
#pragma once
#include "certs/directory.h"

/* With a CA and nobody in it; lives as long as the process. */
struct cert_directory *fuzz_directory_empty(void);
