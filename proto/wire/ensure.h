/* ENSURE: our own bugs. Always on; says where and aborts. Not for what the world or a peer does (wire/status.h). */
#pragma once

_Noreturn void wire_ensure_failed(const char *condition, const char *file, int line);

#define ENSURE(condition) ((condition) ? (void)0 : wire_ensure_failed(#condition, __FILE__, __LINE__))
