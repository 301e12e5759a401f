/* gradcheck.c - `limn gradcheck`: hands over to limn-double, the same program built with `real` = double. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/commands/command.h"
#include "tensor/base/file.h"

/* Beside this binary in a build folder, in ../libexec/limn when installed. */
static char *find_double(void)
{
    static const char *const PLACES[] = { "limn-double", "../libexec/limn/limn-double", NULL };
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (n <= 0) return NULL;
    self[n] = 0;
    const char *folder = dirname(self);
    for (const char *const *p = PLACES; *p; p++) {
        char *path = path_join(folder, *p);
        if (access(path, X_OK) == 0) return path;
        free(path);
    }
    return NULL;
}

static int run(int argc, char **argv)
{
    Err err = { 0 };
    char *path = find_double();

    (void)argc;
    if (!path) fail(&err, "limn-double is neither beside this program nor in ../libexec/limn; install it, or build it with `ninja`");
    else {
        execv(path, argv);
        fail(&err, "%s: cannot be started: %s", path, strerror(errno));
        free(path);
    }
    return command_end("gradcheck", &err);
}

const Command command_gradcheck = { "gradcheck", "every gradient against finite differences, in double", run };
