/* plain_runner.c - runs Criterion's tests where Criterion cannot: under qemu-user it may not start its own worker processes.
 *
 * The tests are compiled and listed by Criterion's headers as ever (pointers in the section cr_tst, suites in cr_sts). This main()
 * forks for each of them, calls it, and prints TAP as Criterion does. What a test calls in libcriterion to report is defined here instead.   */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FAILED = 113, SKIPPED = 114 };            /* exit statuses of a test's process */

/* The linker's names for the ends of the two sections; a file of tests need not have suites. */
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak)), *__stop_cr_sts[] __attribute__((weak));

static bool failed;

/* ---- what tests call ------------------------------------------------------------------------------------------------- */
void criterion_send_assert(struct criterion_assert_stats *a)
{
    if (a->passed) return;
    printf("%s:%u: %s\n", a->file, a->line, a->message);
    failed = true;
}
void criterion_abort_test(void) { fflush(stdout), _exit(FAILED); }
void criterion_continue_test(void) { }
void cri_asserts_passed_incr(void) { }
void criterion_internal_test_setup(void) { }
void criterion_internal_test_teardown(void) { }
void criterion_internal_test_main(void (*test)(void)) { test(); }

void criterion_skip_test(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args), printf("\n"), fflush(stdout);
    va_end(args);
    _exit(failed ? FAILED : SKIPPED);
}

void cr_log(enum criterion_severity severity, const char *format, ...)
{
    va_list args;
    (void)severity;
    va_start(args, format);
    vprintf(format, args), printf("\n");
    va_end(args);
}

/* ---- one test in a process of its own ---------------------------------------------------------------------------------- */
static const struct criterion_suite *suite_of(const struct criterion_test *t)
{
    for (struct criterion_suite **s = __start_cr_sts; s < __stop_cr_sts; s++)
        if (*s && strcmp((*s)->name, t->category) == 0) return *s;
    return NULL;
}

static void call(const struct criterion_test *t)
{
    const struct criterion_suite *s = suite_of(t);

    if (s && s->data->init) s->data->init();
    if (t->data->init) t->data->init();
    t->test();
    if (t->data->fini) t->data->fini();
    if (s && s->data->fini) s->data->fini();
    fflush(stdout);
    exit(failed ? FAILED : 0);
}

/* What the test said, below its line, which is printed first. */
static void repeat(FILE *said)
{
    char line[1024];
    rewind(said);
    while (fgets(line, sizeof line, said)) printf("# %s", line);
    fclose(said);
}

int main(void)
{
    int number = 0, failures = 0;

    printf("TAP version 13\n1..%d\n", (int)(__stop_cr_tst - __start_cr_tst));
    for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst; t++) {
        int   status;
        FILE *said = tmpfile();
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) dup2(fileno(said), STDOUT_FILENO), call(*t);
        if (child < 0 || waitpid(child, &status, 0) != child) return perror("plain_runner"), 1;

        const struct criterion_test_extra_data *wanted = (*t)->data;
        bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED;
        bool passed = skipped || (WIFSIGNALED(status) ? WTERMSIG(status) == wanted->signal
                                                      : !wanted->signal && WEXITSTATUS(status) == wanted->exit_code);
        failures += !passed;
        printf("%sok %d - %s::%s%s\n", passed ? "" : "not ", ++number, (*t)->category, (*t)->name, skipped ? " # SKIP" : "");
        if (WIFSIGNALED(status) && !passed) printf("# it ended with signal %d\n", WTERMSIG(status));
        repeat(said);
    }
    return failures > 0;
}
