/* test_prepare_kill.c - killed at any moment, stopped, or out of disk, and started again, limn prepare ends with the bytes of an undisturbed
 * run; what must not go on is refused with a sentence. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/prepare_case.h"
#include "tests/shell.h"

enum { PHOTOS = 64, KILLS = 20 };

/* Of each: a folder of files, shards, composed pictures. */
static const char FOLDER[] = "flickr8k @/data --size 40 --min-count 2 --resize pad",
                  SHARDS[] = "webdataset @/shards --size 40 --min-count 2 --format jpeg --split val=0.2",
                  SCENES[] = "scenes --preset quick --count 64";

static void begin(void)
{
    strcpy(folder, shell_folder());
    put_flickr8k(PHOTOS);
    put("data/images/p07.jpg", "damaged");
    put("data/images/p40.jpg", "");
    Shell s = shell("mkdir @/shards && cd @/data/images && for i in p*.jpg; do echo \"A picture $i.\" >${i%%.jpg}.txt; done && "
                    "tar --format=ustar -cf @/shards/0.tar p0* p1* p2* && tar --format=ustar -cf - p3* p4* | gzip >@/shards/1.tar.gz && "
                    "tar --format=ustar -cf @/shards/2.tar p5* p6* && rm p*.txt");
    cr_assert_eq(s.status, 0, "%s", s.err);
}

TestSuite(prepare_kill, .init = begin);

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The undisturbed run, "@/whole.h5"; how long it took. */
static double make_whole(const char *what)
{
    double start = now();
    Shell  s = shell("limn prepare %s --out @/whole.h5 --quiet", what);
    cr_assert_eq(s.status, 0, "%s", s.err);
    return now() - start;
}

/* Goes on to the end in "@/k"; how many pictures were there already. */
static int finish(const char *what, const char *when)
{
    Shell s = shell("limn prepare %s --out @/k/whole.h5 --quiet --json", what);
    cr_assert_eq(s.status, 0, "%s: %s", when, s.err);
    const char *resumed = strstr(s.out, "\"resumed\": ");
    cr_assert(resumed);
    Shell same = shell("cmp @/whole.h5 @/k/whole.h5 && if test -e @/whole.h5.report.jsonl; then cmp @/whole.h5.report.jsonl @/k/whole.h5.report.jsonl; fi");
    cr_assert_eq(same.status, 0, "%s: %s%s", when, same.out, same.err);
    same = shell("ls -A @/k | grep -v -x -e whole.h5 -e whole.h5.report.jsonl");
    cr_assert_str_empty(same.out, "%s: left behind", when);
    return atoi(resumed + strlen("\"resumed\": "));
}

static void kill_at(const char *what, double moment)
{
    int pid = shell_start("limn prepare %s --out @/k/whole.h5 --quiet", what), status;
    nanosleep(&(struct timespec){ (time_t)moment, (long)(1e9 * (moment - (double)(time_t)moment)) }, NULL);
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
}

/* Each kill on a new store. */
Test(prepare_kill, at_any_moment_of_a_folder_of_files, .timeout = 300)
{
    double length = make_whole(FOLDER);
    int    resumed = 0;
    srand(7);
    for (int i = 0; i < KILLS; i++) {
        char   when[64];
        double moment = length * (i + rand() / (RAND_MAX + 1.0)) / KILLS;
        snprintf(when, sizeof when, "killed at %.3f s of %.3f s", moment, length);
        shell("rm -rf @/k && mkdir @/k");
        kill_at(FOLDER, moment);
        resumed += finish(FOLDER, when);
    }
    cr_assert_gt(resumed, 0, "no kill fell into the work");
}

/* Kills of one and the same store, each a little later in a run. */
static void kill_again_and_again(const char *what, int kills)
{
    double length = make_whole(what);
    shell("mkdir @/k");
    srand(11);
    for (int i = 0; i < kills; i++) kill_at(what, length * (0.3 + 0.4 * i / kills + 0.3 * (rand() / (RAND_MAX + 1.0))));
    finish(what, "killed again and again");
}

Test(prepare_kill, again_and_again_of_shards, .timeout = 300) { kill_again_and_again(SHARDS, KILLS); }
Test(prepare_kill, again_and_again_of_composed_pictures, .timeout = 300) { kill_again_and_again(SCENES, KILLS / 2); }

static long bytes_of(const char *name)
{
    Shell s = shell("wc -c <@/%s", name);
    return atol(s.out);
}

/* In the journal, in the store that is assembled from it, in the report. Journal and store are about as large as each other. */
static void kill_at_bytes(const char *what, int steps)
{
    make_whole(what);
    long all = 2 * bytes_of("whole.h5");
    int  most = 0;
    shell("mkdir -p @/k");
    for (int i = 0; i <= steps; i++) {
        char when[64];
        long at = 1 + all * i / steps + 137 * i;
        snprintf(when, sizeof when, "killed after %ld bytes", at);
        Shell s = shell("rm -rf @/k/*; LIMN_FAULT=kill:%ld limn prepare %s --out @/k/whole.h5 --quiet", at, what);
        cr_assert(s.status != 0 || i == steps, "%s: %d", when, s.status);
        int resumed = finish(what, when);
        if (resumed > most) most = resumed;
    }
    cr_assert_gt(most, 30, "what was done was thrown away");
}

Test(prepare_kill, inside_a_write_of_a_folder_of_files, .timeout = 300) { kill_at_bytes(FOLDER, 9); }
Test(prepare_kill, inside_a_write_of_shards, .timeout = 300)            { kill_at_bytes(SHARDS, 5); }
Test(prepare_kill, inside_a_write_of_composed_pictures, .timeout = 300) { kill_at_bytes(SCENES, 3); }

/* A picture's record has 5 kB: two kills lose the two records that they tore, and nothing that was done between them. */
Test(prepare_kill, twice_inside_a_record_loses_these_two_records_alone, .timeout = 300)
{
    make_whole(FOLDER);
    shell("mkdir @/k");
    for (int i = 0; i < 2; i++)
        cr_assert_neq(shell("LIMN_FAULT=kill:100000 limn prepare %s --out @/k/whole.h5 --quiet", FOLDER).status, 0);
    int resumed = finish(FOLDER, "killed twice");
    cr_assert_gt(resumed, 30, "%d were there", resumed);
}

/* ---- a full disk --------------------------------------------------------------------------------------------------------- */
static void refused(Shell s, const char *words)
{
    cr_assert_eq(s.status, 1, "status %d: %s", s.status, s.err);
    cr_assert(says(&s, words) && !says(&s, "Sanitizer"), "'%s' is not in: %s", words, s.err);
    cr_assert_eq(lines(s.err), 1, "one error: %s", s.err);
}

Test(prepare_kill, a_full_disk_is_one_error_and_the_same_command_goes_on, .timeout = 300)
{
    make_whole(FOLDER);
    long all = 2 * bytes_of("whole.h5");
    shell("mkdir @/k && limn prepare %s --out @/k/whole.h5 --quiet --resize crop && cp @/k/whole.h5 @/before.h5", FOLDER);
    for (int i = 0; i < 6; i++) {
        long at = 1 + all * i / 6 + 311 * i;
        refused(shell("rm -f @/k/*; cp @/before.h5 @/k/whole.h5; LIMN_FAULT=write:%ld:ENOSPC limn prepare %s --out @/k/whole.h5 --quiet", at, FOLDER),
                "No space left");
        Shell s = shell("cmp @/before.h5 @/k/whole.h5 && limn inspect @/k/whole.h5 --verify");
        cr_assert_eq(s.status, 0, "after %ld bytes what was there is not whole: %s%s", at, s.out, s.err);
        int resumed = finish(FOLDER, "after a full disk");
        if (i == 4) cr_assert_gt(resumed, 30, "what was done was thrown away");
    }
}

/* A disk of 300 kB, which becomes larger. */
Test(prepare_kill, a_disk_that_is_truly_full_is_the_same, .timeout = 300)
{
    if (shell("mkdir @/k && mount -t tmpfs -o size=300k none @/k").status) cr_skip_test("no disk can be mounted here");
    make_whole(FOLDER);
    Shell s = shell("limn prepare %s --out @/k/whole.h5 --quiet", FOLDER), larger = shell("mount -o remount,size=8m @/k");
    if (larger.status == 0 && s.status == 1) cr_expect_gt(finish(FOLDER, "on a disk that was full"), 10);
    shell("umount @/k");
    refused(s, "No space left");
}

/* ---- stopped, and what may not go on ------------------------------------------------------------------------------------- */
/* Photographs large enough to take some seconds; the first process is in the middle of them. */
static int start_long(const char *out)
{
    put_striped("large/images/p.jpg", 1, 1000, 700);
    Shell s = shell("cd @/large; for i in $(seq 100 249); do ln -f images/p.jpg images/$i.jpg; echo \"$i.jpg#0\tA picture.\"; done >Flickr8k.token.txt; "
                    "ls images >Flickr_8k.trainImages.txt; echo 100.jpg >Flickr_8k.devImages.txt; : >Flickr_8k.testImages.txt");
    cr_assert_eq(s.status, 0, "%s", s.err);
    int pid = shell_start("limn prepare flickr8k @/large --size 64 --workers 1 --out @/%s", out);
    for (int i = 0; i < 600 && bytes_of("large.h5.journal") < 20000; i++) usleep(20000);
    return pid;
}

#define LARGE "limn prepare flickr8k @/large --size 64 --out @/large.h5 --quiet "

Test(prepare_kill, while_one_process_writes_a_second_is_refused_and_ctrl_c_keeps_what_was_done, .timeout = 300)
{
    int pid = start_long("large.h5"), status;
    refused(shell(LARGE), "another process is writing this store");
    kill(-pid, SIGINT);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %d", status);
    cr_assert_eq(shell("test -s @/large.h5.journal && ! test -e @/large.h5").status, 0);

    refused(shell(LARGE "--resize pad"), "--restart");
    refused(shell(LARGE "--filter nearest"), "--restart");
    refused(shell("cd @/large; cp Flickr8k.token.txt kept; echo '100.jpg#1\tOne more.' >>Flickr8k.token.txt; " LARGE), "--restart");
    shell("cd @/large; cp kept Flickr8k.token.txt; cp images/100.jpg picture; rm images/100.jpg; echo other >images/100.jpg");
    refused(shell(LARGE), "--restart");
    Shell s = shell("cd @/large; mv picture images/100.jpg; limn prepare flickr8k @/large --size 64 --out @/large.h5 --workers 2 --json");
    cr_assert_eq(s.status, 0, "%s", s.err);
    const char *resumed = strstr(s.out, "\"resumed\": ");
    cr_assert(resumed && atoi(resumed + 11) > 0, "%s", s.out);
}

Test(prepare_kill, ctrl_c_says_how_to_go_on_and_restart_throws_away, .timeout = 300)
{
    int pid = start_long("large.h5"), status;
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    Shell s = shell("limn prepare flickr8k @/large --size 64 --out @/large.h5 --workers 1 & "
                    "while kill -0 $! && test $(wc -c <@/large.h5.journal) -lt 100000; do sleep 0.02; done; kill -INT $!; wait $!");
    cr_assert_eq(s.status, 1, "status %d: %s", s.status, s.err);
    cr_assert(says(&s, "the same command goes on"), "%s", s.err);
    s = shell(LARGE "--resize crop --size 16 --restart --json --quiet");
    cr_assert_eq(s.status, 0, "%s", s.err);
    cr_assert(strstr(s.out, "\"resumed\": 0,"), "%s", s.out);
}
