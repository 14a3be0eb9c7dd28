#include "certs/verify.h"
#include "shell/post.h"
#include "shell/shell.h"

void shell_sign(struct shell *shell, Wire__Signed **blank, size_t count, struct wire_arena *arena)
{
    struct cert_statement *items = wire_arena_take(arena, count * sizeof(*items));
    Wire__Signed *made = wire_arena_take(arena, count * sizeof(*made));
    ENSURE(items != NULL && made != NULL);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct cert_statement){.type = blank[i]->type,
                                           .statement = wire_bytes(blank[i]->statement.data, blank[i]->statement.len)};
    enum wire_status status = cert_sign_statements(shell->identity, &shell->hash, items, count, arena, made);
    if (status != WIRE_OK)
        shell_fail(shell, "无法签名", "cannot sign", status);
    for (size_t i = 0; i < count; i++)
        *blank[i] = made[i];
}
