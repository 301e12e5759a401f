/* test_file.c - whole or not at all: writing aside, faults, kills, locks, logs; SHA-256; JSON files. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tensor/base/file.h"
#include "tensor/base/json.h"

static char folder[64], path[128];

static void set_up(void)
{
    strcpy(folder, "/tmp/limn-test-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/it", folder);
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "chmod -R u+w '%s'; rm -rf '%s'", folder, folder);
    cr_assert(system(command) == 0);
}

TestSuite(file, .init = set_up, .fini = tear_down);

static void expect_content(const char *text)
{
    Err    err = { 0 };
    size_t bytes;
    char  *got = file_read(path, &bytes, &err);
    cr_assert(got, "%s", err.text);
    cr_expect_str_eq(got, text);
    cr_expect_eq(bytes, strlen(text));
    free(got);
}

static int files_in_folder(void)
{
    int  n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d)); ) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void put(const char *text)
{
    Err err = { 0 };
    cr_assert(file_put(path, text, strlen(text), &err), "%s", err.text);
}

Test(file, written_is_there_whole_after_commit_and_not_before)
{
    Err err = { 0 };
    put("old");
    FileWriter *w = file_begin(path, &err);
    cr_assert(w && file_write(w, "new ", 4, &err) && file_printf(w, &err, "%d", 42));
    expect_content("old");
    cr_assert(file_commit(w, &err), "%s", err.text);
    expect_content("new 42");
    cr_expect_eq(files_in_folder(), 1);
}

Test(file, abandoned_leaves_what_was_there)
{
    Err err = { 0 };
    put("old");
    FileWriter *w = file_begin(path, &err);
    cr_assert(w && file_write(w, "new", 3, &err));
    file_abandon(w);
    file_abandon(NULL);
    expect_content("old");
    cr_expect_eq(files_in_folder(), 1);
}

Test(file, larger_than_the_buffer_is_whole)
{
    Err    err = { 0 };
    size_t bytes = 5000000, got_bytes, step = 0;
    char  *data = malloc(bytes), *got = NULL;
    for (size_t i = 0; i < bytes; i++) data[i] = (char)(i * 2654435761u >> 13);
    FileWriter *w = file_begin(path, &err);
    for (size_t at = 0; at < bytes; at += step) {
        step = 1 + (at * 7919) % 1500000;                /* smaller and larger than the buffer */
        if (step > bytes - at) step = bytes - at;
        cr_assert(file_write(w, data + at, step, &err));
    }
    cr_assert(file_commit(w, &err) && (got = file_read(path, &got_bytes, &err)));
    cr_expect(got_bytes == bytes && memcmp(got, data, bytes) == 0);
    free(data), free(got);
}

Test(file, that_meets_a_full_disk_is_one_error_and_the_old_one_stays)
{
    static const char *const FAULTS[] = { "write:4:ENOSPC", "write:5:EDQUOT", "write:9:EIO", "fsync:EIO" };
    static const char *const CAUSES[] = { "No space left on device", "quota exceeded", "Input/output error", "Input/output error" };
    put("old");                                          /* 3 bytes through the seam; then 6 more, each in a fresh process */
    for (int i = 0; i < 4; i++) {
        pid_t child = fork();
        if (child == 0) {
            Err err = { 0 };
            setenv("LIMN_FAULT", FAULTS[i], 1);
            bool put_it = file_put(path, "abcdef", 6, &err);
            bool said   = strstr(err.text, path) && strstr(err.text, CAUSES[i]) && strstr(err.text, "unchanged");
            if (put_it || !said) fprintf(stderr, "%s: '%s'\n", FAULTS[i], err.text);
            _exit(put_it || !said);
        }
        int status;
        waitpid(child, &status, 0);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", FAULTS[i]);
        expect_content("old");
        cr_expect_eq(files_in_folder(), 1);
    }
}

Test(file, whose_writer_is_killed_is_old_or_new_and_the_left_over_goes)
{
    static char text[3000000];
    memset(text, 'n', sizeof text - 1);
    for (int at = 1; at < 3200000; at += 400001) {
        put("old");
        pid_t child = fork();
        if (child == 0) {
            char fault[32];
            Err  err = { 0 };
            snprintf(fault, sizeof fault, "kill:%d", at + 100000);
            setenv("LIMN_FAULT", fault, 1);
            _exit(!file_put(path, text, sizeof text - 1, &err));
        }
        int status;
        waitpid(child, &status, 0);
        bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        cr_expect(killed == (at + 100000 < 3000010), "at %d", at);
        expect_content(killed ? "old" : text);
        cr_expect_eq(files_in_folder(), killed ? 2 : 1);
        put("next");
        cr_expect_eq(files_in_folder(), 1, "the part of the dead is removed");
    }
}

Test(file, parts_of_the_dead_go_from_a_whole_folder_at_once)
{
    Err   err = { 0 };
    char  part[160];
    pid_t child = fork();
    if (child == 0) {
        setenv("LIMN_FAULT", "kill:3", 1);
        _exit(!file_put_among(path, "abcdef", 6, &err));
    }
    waitpid(child, NULL, 0);
    snprintf(part, sizeof part, "%s.part-%d", path, (int)getppid());
    fclose(fopen(part, "w"));
    cr_assert_eq(files_in_folder(), 2);
    put("whole");
    folder_forget_parts(folder);
    cr_expect(file_exists(part), "that of the living stays");
    cr_expect_eq(files_in_folder(), 2);
    expect_content("whole");
}

/* A dead process of the same number left its part, and nobody looked for it. */
Test(file, one_of_many_is_written_over_a_part_of_its_own_name)
{
    Err  err = { 0 };
    char part[160];
    snprintf(part, sizeof part, "%s.part-%d", path, (int)getpid());
    fclose(fopen(part, "w"));
    cr_assert(file_put_among(path, "abcdef", 6, &err), "%s", err.text);
    expect_content("abcdef");
    cr_expect_eq(files_in_folder(), 1);
}

Test(file, parts_of_the_living_are_not_touched)
{
    Err  err = { 0 };
    char part[160];
    snprintf(part, sizeof part, "%s.part-%d", path, (int)getppid());
    FILE *f = fopen(part, "w");
    fclose(f);
    FileWriter *w = file_begin(path, &err);
    cr_assert(w);
    cr_expect(file_exists(part));
    cr_expect_null(file_begin(path, &err), "and nobody writes one path twice at a time");
    file_abandon(w);
}

Test(file, errors_name_the_path_and_the_cause)
{
    Err a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
    size_t n;
    cr_expect_null(file_read("/no/such", &n, &a));
    cr_expect_str_eq(a.text, "cannot read /no/such: No such file or directory");
    cr_expect_null(file_read(folder, &n, &b));
    cr_expect(strstr(b.text, "Is a directory"), "%s", b.text);
    cr_expect_null(file_begin("/no/such/folder", &c));
    cr_expect_str_eq(c.text, "cannot write /no/such/folder: No such file or directory");
    cr_expect_null(file_begin(folder, &d));
    cr_expect(strstr(d.text, "Is a directory"), "%s", d.text);
}

Test(file, folders_are_made_with_their_parents)
{
    Err err = { 0 }, second = { 0 };
    char deep[160];
    snprintf(deep, sizeof deep, "%s/a/b//c/", folder);
    cr_assert(folder_make(deep, &err) && folder_make(deep, &err), "%s", err.text);
    cr_expect(folder_exists(deep) && !file_exists(deep));
    put("x");
    snprintf(deep, sizeof deep, "%s/it/b", folder);
    cr_expect_not(folder_make(deep, &second));
    cr_expect(strstr(second.text, "cannot make the folder"), "%s", second.text);
}

Test(file, paths_are_joined_with_one_slash)
{
    static const char *const CASES[][3] = { { "a", "b/c", "a/b/c" }, { "a/", "b", "a/b" }, { "/", "b", "/b" }, { "", "b", "b" } };
    for (int i = 0; i < 4; i++) {
        char *joined = path_join(CASES[i][0], CASES[i][1]);
        cr_expect_str_eq(joined, CASES[i][2]);
        free(joined);
    }
}

Test(file, logs_grow_and_are_cut_back)
{
    Err err = { 0 };
    FileLog *l = filelog_open(path, -1, &err);
    cr_assert(l && filelog_append(l, "one\n", 4, &err) && filelog_append(l, "two\n", 4, &err));
    cr_expect_eq(filelog_size(l), 8);
    setenv("LIMN_FAULT", "write:11:ENOSPC", 1);
    cr_expect_not(filelog_append(l, "three\n", 6, &err), "8 bytes before, the 3rd of these fails");
    unsetenv("LIMN_FAULT");
    expect_content("one\ntwo\n");
    cr_assert(filelog_close(l, &err));
    cr_assert(l = filelog_open(path, 4, &err));
    cr_assert(filelog_append(l, "2\n", 2, &err) && filelog_close(l, &err));
    expect_content("one\n2\n");
    Err trouble = { 0 };
    cr_expect_null(filelog_open(path, 100, &trouble));
    cr_expect(strstr(trouble.text, "has 6 bytes, but 100 were written"), "%s", trouble.text);
}

Test(file, locks_keep_a_second_process_out_and_name_the_holder)
{
    Err err = { 0 };
    int ready[2];
    char byte, holder[64];
    cr_assert(pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        bool held = folder_lock(folder, &err) != NULL;
        if (write(ready[1], held ? "y" : "n", 1) != 1) _exit(1);
        pause();
    }
    cr_assert(read(ready[0], &byte, 1) == 1 && byte == 'y');
    cr_expect_null(folder_lock(folder, &err));
    snprintf(holder, sizeof holder, "is in use by process %d (", (int)child);
    cr_expect(strstr(err.text, holder), "%s", err.text);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    Err second = { 0 };
    FolderLock *lock = folder_lock(folder, &second);
    cr_expect(lock, "free after the holder's death: %s", second.text);
    folder_unlock(lock);
    folder_unlock(NULL);
}

Test(file, sha256_gives_the_published_answers)
{
    /* FIPS 180-2, appendix B, and NIST's SHA256ShortMsg for the empty message. */
    static char million[1000000];
    char hex[65];
    Err  err = { 0 };
    memset(million, 'a', sizeof million);
    sha256_hex("", 0, hex);
    cr_expect_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_hex("abc", 3, hex);
    cr_expect_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    cr_expect_str_eq(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    cr_assert(file_put(path, million, sizeof million, &err) && file_sha256(path, hex, &err));
    cr_expect_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

Test(file, json_is_read_back_as_written)
{
    Err err = { 0 };
    json_t *j = json_pack("{s:i, s:f, s:b, s:s, s:n}", "steps", 12, "rate", 0.1, "flip", 1, "name", "b\xc3\xbc" "cher", "none");
    cr_assert(json_write_file(path, j, &err), "%s", err.text);
    json_t *k = json_read_file(path, &err);
    cr_assert(k && json_equal(j, k), "%s", err.text);
    int64_t i; double x; bool b; const char *t;
    cr_assert(json_get_int(k, "steps", 3, &i, path, &err) && i == 12);
    cr_assert(json_get_int(k, "none", 3, &i, path, &err) && i == 3, "null is the default");
    cr_assert(json_get_real(k, "rate", 3, &x, path, &err) && x == 0.1);
    cr_assert(json_get_real(k, "steps", 3, &x, path, &err) && x == 12);
    cr_assert(json_get_bool(k, "flip", false, &b, path, &err) && b);
    cr_assert(json_get_bool(k, "absent", true, &b, path, &err) && b);
    cr_assert(json_get_text(k, "name", "", &t, path, &err));
    cr_expect_str_eq(t, "b\xc3\xbc" "cher");
    cr_expect_not(json_get_int(k, "rate", 3, &i, path, &err));
    cr_expect(strstr(err.text, path) && strstr(err.text, "rate wants a whole number, got 0.1"), "%s", err.text);
    cr_expect_not(json_get_text(k, "steps", "", &t, path, &err) || json_get_bool(k, "steps", 0, &b, path, &err));
    cr_expect_not(json_get_real(k, "name", 0, &x, path, &err));
    json_decref(j), json_decref(k);
}

Test(file, that_is_no_json_is_an_error_with_its_line)
{
    static const char *const BAD[] = { "", "{\n\"a\": 1,\n}", "{\"a\":1,\"a\":2}", "{\"a\": \"\xff\"}", "[1] x" };
    for (int i = 0; i < 5; i++) {
        Err err = { 0 };
        put(BAD[i]);
        cr_expect_null(json_read_file(path, &err));
        cr_expect(strstr(err.text, path) && strstr(err.text, "not JSON"), "%s", err.text);
        if (i == 1) cr_expect(strstr(err.text, "it:3:"), "%s", err.text);
    }
}
