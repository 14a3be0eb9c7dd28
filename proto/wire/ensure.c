#include "wire/ensure.h"
#include <stdio.h>
#include <stdlib.h>

_Noreturn void wire_ensure_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: 内部断言失败 / internal check failed: %s\n", file, line, condition);
    abort();
}
