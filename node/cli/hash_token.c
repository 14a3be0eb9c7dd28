/* lianfang hash-token: the entry of the tokens file for one token, so that the file never holds a token itself. */
#include "certs/hash.h"
#include "link/config.h"
#include "node/cli/command.h"
#include "node/cli/say.h"
#include "wire/id.h"
#include <string.h>

enum { TOKEN_MAX = 256, TOKEN_BYTES = 24, TOKEN_MIN = 16 };

static int read_token(struct cli *cli, char token[TOKEN_MAX + 2])
{
    if (fgets(token, TOKEN_MAX + 2, cli->in) == NULL)
        token[0] = '\0';
    token[strcspn(token, "\r\n")] = '\0';
    size_t size = strlen(token);
    if (size < TOKEN_MIN || size > TOKEN_MAX)
        return cli_fail_usage(cli, "hash-token", "令牌应为 %d 至 %d 个字符，由标准输入给出；--generate 可生成一个",
                              "a token has %d to %d characters and comes on standard input; --generate makes one",
                              (int)TOKEN_MIN, (int)TOKEN_MAX);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)token[i] <= ' ' || (unsigned char)token[i] == 0x7f)
            return cli_fail_usage(cli, "hash-token", "令牌不能有空白或控制字符",
                                  "a token holds no blanks or control characters");
    return CLI_OK;
}

static void generate(struct cli *cli, char token[TOKEN_MAX + 2])
{
    uint8_t random[TOKEN_BYTES];
    cert_random(random, sizeof random);
    wire_hex(random, sizeof random, token);
    cert_wipe(random, sizeof random);
    cli_say(cli, cli->err, "令牌（只显示这一次，请存入本人的令牌文件，权限 0600）：\n%s",
            "the token (shown this once; keep it in its owner's token file, mode 0600):\n%s", token);
}

/* A YAML word in single quotes. */
static void write_word(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text != '\0'; text++)
        fputs(*text == '\'' ? "''" : (char[]){*text, '\0'}, out);
    fputc('\'', out);
}

static int check_words(const struct cli *cli)
{
    const char *const texts[] = {cli->options.label, cli->options.unit, cli->options.roles};
    for (size_t i = 0; i < 3; i++)
        for (const char *at = texts[i]; at != NULL && *at != '\0'; at++)
            if ((unsigned char)*at < ' ')
                return cli_fail_usage(cli, texts[i], "不能有换行或控制字符", "holds line breaks or control characters");
    return CLI_OK;
}

int cli_hash_token(struct cli *cli)
{
    char token[TOKEN_MAX + 2], hex[2 * WIRE_HASH_BYTES + 1];
    uint8_t digest[WIRE_HASH_BYTES];
    const struct cli_options *options = &cli->options;
    int code = check_words(cli);
    if (code == CLI_OK && options->generate)
        generate(cli, token);
    else if (code == CLI_OK)
        code = read_token(cli, token);
    if (code != CLI_OK)
        return code;
    cert_sha256(token, strlen(token), digest);
    cert_wipe(token, sizeof token);
    wire_hex(digest, sizeof digest, hex);
    fprintf(cli->out, "  - digest: %s\n    label: ", hex);
    write_word(cli->out, options->label == NULL ? cli_pick(cli, "值班席", "duty desk") : options->label);
    if (options->unit != NULL) {
        fputs("\n    unit: ", cli->out);
        write_word(cli->out, options->unit);
    }
    fprintf(cli->out, "\n    roles: [%s]\n", options->roles == NULL ? "duty" : options->roles);
    return CLI_OK;
}
