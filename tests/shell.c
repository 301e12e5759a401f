/* shell.c - running limn from a test. */
#include "tests/shell.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (folder[0] && system(command)) fputs("the temporary folder stays\n", stderr);
}

const char *shell_folder(void)
{
    if (!folder[0]) {
        strcpy(folder, "/tmp/limn-test-XXXXXX");
        if (!mkdtemp(folder)) abort();
        atexit(remove_folder);
    }
    return folder;
}

/* "limn" at the start of a word becomes the binary, "@" the folder. */
static void expand(const char *in, char *out, size_t size)
{
    const char *binary = getenv("LIMN_BINARY");
    size_t used = 0;

    for (const char *p = in; *p && used + 1 < size; ) {
        bool word = (p == in || strchr(" ;(|&", p[-1])) && !strncmp(p, "limn ", 5);
        const char *insert = word ? binary : *p == '@' ? shell_folder() : NULL;
        if (insert) used += (size_t)snprintf(out + used, size - used, "%s", insert);
        else out[used++] = *p;
        p += word ? 4 : 1;
    }
    out[used < size ? used : size - 1] = 0;
}

static void slurp(const char *name, char *out, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", shell_folder(), name);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(out, 1, size - 1, f) : 0;
    out[n] = 0;
    if (f) fclose(f);
}

Shell shell(const char *fmt, ...)
{
    char text[4096], command[8192], whole[8600];
    Shell s = { 0 };
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    expand(text, command, sizeof command);
    snprintf(whole, sizeof whole, "( %s ) >%s/.out 2>%s/.err </dev/null", command, shell_folder(), shell_folder());
    int status = system(whole);
    s.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    slurp(".out", s.out, sizeof s.out);
    slurp(".err", s.err, sizeof s.err);
    return s;
}

int shell_start(const char *fmt, ...)
{
    char text[4096], command[8192], whole[8300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    expand(text, command, sizeof command);
    snprintf(whole, sizeof whole, "exec %s >/dev/null 2>&1 </dev/null", command);
    int pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        execl("/bin/sh", "sh", "-c", whole, (char *)NULL);
        _exit(127);
    }
    return pid;
}

bool says(const Shell *s, const char *text) { return strstr(s->err, text) != NULL; }

int lines(const char *text)
{
    int n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

void tiny_experiment(void)
{
    static bool made;
    static const char *const CONFIG =
        "data:\n  store: tiny.h5\nencoder:\n  patch: 24\n  width: 16\n  depth: 1\n  heads: 2\ndecoder:\n  width: 16\n  depth: 1\n"
        "  heads: 2\n  length: 40\n  dropout: 0.1\ntrain:\n  epochs: 2\n  pictures: 8\n  captions: 2\n  checkpoint_every: 3\n"
        "validate:\n  every: 0.5\n  pictures: 8\ngenerate:\n  beam: 2\n  max_length: 12\n";
    char path[128];

    if (made) return;
    made = true;
    snprintf(path, sizeof path, "%s/tiny.yaml", shell_folder());
    FILE *f = fopen(path, "w");
    if (!f || fputs(CONFIG, f) < 0 || fclose(f)) abort();
    Shell s = shell("limn prepare scenes --preset quick --count 64 --out @/tiny.h5");
    if (s.status) {
        fputs(s.err, stderr);
        abort();
    }
}
