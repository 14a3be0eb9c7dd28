#include "certs/authority.h"
#include "certs/ca_options.h"
#include <openssl/crypto.h>
#include <termios.h>

static bool read_line(FILE *terminal, char out[CERT_PASSPHRASE_BYTES_MAX + 1])
{
    bool read = fgets(out, CERT_PASSPHRASE_BYTES_MAX + 1, terminal) != NULL;
    if (read)
        out[strcspn(out, "\r\n")] = '\0';
    return read && out[0] != '\0';
}

/* On the controlling terminal itself, so that redirections do not swallow it; without echo. */
static enum wire_status ask(const struct ca_run *run, const char *zh, const char *en,
                            char out[CERT_PASSPHRASE_BYTES_MAX + 1], struct wire_problem *problem)
{
    struct termios before, silent;
    FILE *terminal = fopen("/dev/tty", "r+e");
    if (terminal == NULL || tcgetattr(fileno(terminal), &before) != 0) {
        if (terminal != NULL)
            fclose(terminal);
        return wire_fail(problem, WIRE_INVALID, "--passphrase-file",
                         "没有终端可询问口令。请用 --passphrase-file 指定口令文件",
                         "there is no terminal to ask for the passphrase; name a file with --passphrase-file");
    }
    setvbuf(terminal, NULL, _IONBF, 0); /* no copy of the passphrase in a buffer */
    silent = before;
    silent.c_lflag &= (tcflag_t)~ECHO;
    tcsetattr(fileno(terminal), TCSAFLUSH, &silent); /* first: what is typed at the prompt is neither shown nor lost */
    fprintf(terminal, "%s", run->language == WIRE_CHINESE ? zh : en);
    bool read = read_line(terminal, out);
    tcsetattr(fileno(terminal), TCSADRAIN, &before);
    fputc('\n', terminal);
    fclose(terminal);
    return read ? WIRE_OK : wire_fail(problem, WIRE_INVALID, "/dev/tty", "口令为空", "the passphrase is empty");
}

enum wire_status ca_passphrase(struct ca_run *run, const char *folder, struct wire_problem *problem)
{
    if (run->options.passphrase_file != NULL)
        return cert_passphrase_read(run->options.passphrase_file, run->passphrase, problem);
    if (!cert_authority_locked(folder))
        return WIRE_OK;
    return ask(run, "根密钥口令：", "Passphrase of the CA's key: ", run->passphrase, problem);
}

enum wire_status ca_new_passphrase(struct ca_run *run, struct wire_problem *problem)
{
    if (run->options.passphrase_file != NULL)
        return cert_passphrase_read(run->options.passphrase_file, run->passphrase, problem);
    if (!run->options.ask_passphrase)
        return WIRE_OK;
    char again[CERT_PASSPHRASE_BYTES_MAX + 1] = "";
    enum wire_status status = ask(run, "新口令：", "New passphrase: ", run->passphrase, problem);
    if (status == WIRE_OK)
        status = ask(run, "再输一次：", "Once more: ", again, problem);
    if (status == WIRE_OK && strcmp(run->passphrase, again) != 0)
        status = wire_fail(problem, WIRE_INVALID, "/dev/tty", "两次输入不一致", "the two are not the same");
    OPENSSL_cleanse(again, sizeof again);
    return status;
}
