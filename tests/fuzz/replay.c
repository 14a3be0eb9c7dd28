/* Runs a fuzz target over inputs that are kept: files, or every file of a folder. No fuzzing engine is needed, so the
 * corpora are ordinary tests; an input that makes the target abort is reported by its path. */
#include "target.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat about;
    ENSURE(file != NULL && fstat(fileno(file), &about) == 0);
    size_t size = (size_t)about.st_size;
    uint8_t *data = malloc(size == 0 ? 1 : size); /* of its own, so that reading beyond it is seen */
    ENSURE(data != NULL && fread(data, 1, size, file) == size);
    fclose(file);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static size_t run_folder(const char *folder)
{
    struct dirent **list;
    int count = scandir(folder, &list, NULL, by_name);
    size_t ran = 0;
    ENSURE(count >= 0);
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
        if (list[i]->d_name[0] != '.') {
            run_file(path);
            ran++;
        }
        free(list[i]);
    }
    free(list);
    return ran;
}

int main(int argc, char **argv)
{
    size_t ran = 0;
    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        struct stat about;
        if (stat(argv[i], &about) != 0) {
            fprintf(stderr, "%s: not there\n", argv[i]);
            return 66;
        }
        if (S_ISDIR(about.st_mode)) {
            ran += run_folder(argv[i]);
        } else {
            run_file(argv[i]);
            ran++;
        }
    }
    printf("%zu inputs\n", ran);
    return ran > 0 ? 0 : 66;
}
