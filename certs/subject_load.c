#include "certs/file.h"
#include "certs/subject.h"
#include "certs/x509.h"

static enum wire_status read_checked(const char *path, const struct cert_ca *ca, struct cert_subject *out,
                                     struct wire_problem *problem)
{
    struct cert_file file = {.data = NULL};
    enum wire_status status = cert_file_read(path, false, &file, problem);
    if (status != WIRE_OK)
        return status;
    X509 *x509 = cert_x509_parse(wire_bytes(file.data, file.size));
    cert_file_close(&file);
    if (x509 == NULL)
        return wire_fail(problem, WIRE_SYNTAX, path, "不是证书。请重新取得该文件",
                         "not a certificate; get the file again");
    status = cert_ca_check(ca, x509, path, out, problem);
    X509_free(x509);
    return status;
}

enum wire_status cert_subject_load(const char *path, struct wire_bytes ca, const char *installation,
                                   struct cert_subject *out, struct wire_problem *problem)
{
    struct cert_ca opened = {.x509 = NULL};
    enum wire_status status = cert_ca_open(&opened, ca, installation, path, problem);
    if (status == WIRE_OK)
        status = read_checked(path, &opened, out, problem);
    cert_ca_close(&opened);
    return status;
}
