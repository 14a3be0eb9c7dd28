#include "link/policy_yaml.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static enum wire_status fail(const char *path, int error, struct wire_problem *problem)
{
    return wire_failf(problem, error == ENOENT ? WIRE_NOT_FOUND : WIRE_IO, path, "无法读取：%s", "cannot be read: %s",
                      strerror(error));
}

static enum wire_status read_stream(FILE *stream, const char *path, struct link_policy_file *out,
                                    struct wire_problem *problem)
{
    char *text = malloc(LINK_POLICY_FILE_BYTES_MAX + 1);
    if (text == NULL)
        return wire_fail(problem, WIRE_NO_MEMORY, path, "内存不足", "no memory");
    size_t size = fread(text, 1, LINK_POLICY_FILE_BYTES_MAX + 1, stream);
    if (ferror(stream) || size > LINK_POLICY_FILE_BYTES_MAX) {
        free(text);
        return ferror(stream) ? fail(path, EIO, problem)
                              : wire_failf(problem, WIRE_SYNTAX, path, "文件超过 %d 字节", "the file is over %d bytes",
                                           LINK_POLICY_FILE_BYTES_MAX);
    }
    char *fitting = realloc(text, size + 1);
    out->text = fitting == NULL ? text : fitting;
    out->size = size;
    return WIRE_OK;
}

static enum wire_status add_file(struct link_policy_files *files, const char *path, struct wire_problem *problem)
{
    const char *slash = strrchr(path, '/');
    struct link_policy_file *grown = realloc(files->file, (files->count + 1) * sizeof *grown);
    if (grown == NULL)
        return wire_fail(problem, WIRE_NO_MEMORY, path, "内存不足", "no memory");
    files->file = grown;
    struct link_policy_file *file = &grown[files->count];
    *file = (struct link_policy_file){.name = strdup(slash == NULL ? path : slash + 1)};
    FILE *stream = file->name == NULL ? NULL : fopen(path, "rbe");
    enum wire_status status = stream == NULL ? fail(path, errno, problem) : read_stream(stream, path, file, problem);
    if (stream != NULL)
        fclose(stream);
    if (status == WIRE_OK)
        files->count++;
    else
        free((char *)file->name);
    return status;
}

static int is_yaml(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 5 && strcmp(entry->d_name + size - 5, ".yaml") == 0;
}

static int in_byte_order(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum wire_status add_folder(struct link_policy_files *files, const char *folder, struct wire_problem *problem)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_yaml, in_byte_order);
    enum wire_status status = count < 0 ? fail(folder, errno, problem) : WIRE_OK;
    for (int i = 0; i < count; i++) {
        char path[4096];
        int size = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (status == WIRE_OK && (size < 0 || (size_t)size >= sizeof path))
            status = fail(folder, ENAMETOOLONG, problem);
        if (status == WIRE_OK)
            status = add_file(files, path, problem);
        free(entries[i]);
    }
    free(entries);
    if (count == 0)
        return wire_fail(problem, WIRE_NOT_FOUND, folder, "目录中没有 .yaml 文件", "no .yaml file in the folder");
    return status;
}

enum wire_status link_policy_files_open(const char *path, struct link_policy_files *files, struct wire_problem *problem)
{
    struct stat about;
    *files = (struct link_policy_files){0};
    if (stat(path, &about) != 0)
        return fail(path, errno, problem);
    enum wire_status status =
        S_ISDIR(about.st_mode) ? add_folder(files, path, problem) : add_file(files, path, problem);
    if (status != WIRE_OK)
        link_policy_files_close(files);
    return status;
}

void link_policy_files_close(struct link_policy_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free((char *)files->file[i].name);
        free((char *)files->file[i].text);
    }
    free(files->file);
    *files = (struct link_policy_files){0};
}

enum wire_status link_policy_load_path(const char *path, uint64_t version, struct rules_policy **policy,
                                       struct wire_problem *problem)
{
    struct link_policy_files files;
    enum wire_status status = link_policy_files_open(path, &files, problem);
    if (status != WIRE_OK)
        return status;
    status = link_policy_load(files.file, files.count, version, NULL, policy, problem);
    link_policy_files_close(&files);
    return status;
}
