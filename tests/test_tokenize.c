/* test_tokenize.c - `limn tokenize`: ptb and a model's tokens, files and standard input, and lines that are hard to read. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/shell.h"

static void prints(const char *command, const char *expected)
{
    Shell s = shell("%s", command);
    cr_assert_eq(s.status, 0, "%s: %s", command, s.err);
    cr_assert_str_eq(s.out, expected, "%s printed:\n%s", command, s.out);
    cr_assert_str_eq(s.err, "");
}

static Shell refused(const char *command, int status, const char *naming)
{
    Shell s = shell("%s", command);
    cr_assert_eq(s.status, status, "%s: status %d: %s", command, s.status, s.err);
    cr_assert(says(&s, naming), "'%s' is not in: %s", naming, s.err);
    return s;
}

Test(tokenize, ptb_prints_a_line_of_tokens_for_every_line)
{
    prints("printf \"A dog's ball isn't red.\\n\\n...\\nTwo dogs , (one) 1 1/2\" | limn tokenize ptb",
           "a dog 's ball is n't red\n\n\ntwo dogs -lrb- one -rrb- 1\xC2\xA0" "1/2\n");
    prints("printf 'One.\\n' >@/1; printf 'two\\r\\n' >@/2; echo three | limn tokenize ptb @/1 - @/2", "one\nthree\ntwo\n");
    prints("limn tokenize ptb </dev/null", "");
}

Test(tokenize, json_is_an_array_a_line)
{
    prints("printf 'He said \"go\"!\\n\\n1 1/2 \\\\*\\n' | limn tokenize --json ptb",
           "[\"he\", \"said\", \"go\"]\n[]\n[\"1\xC2\xA0" "1/2\", \"\\\\*\"]\n");
}

Test(tokenize, invalid_utf8_nuls_and_line_separators_are_read_and_noted)
{
    Shell s = shell("printf 'a dog\\na\\377b\\n\\377\\na\\0b\\rc\\n' | limn tokenize ptb");
    cr_assert_eq(s.status, 0);
    cr_assert_str_eq(s.out, "a dog\na b\n\na b c\n");
    cr_assert(says(&s, "standard input:2: invalid UTF-8 is read as U+FFFD (2 such lines)"), "%s", s.err);

    s = shell("printf 'a dog\\rb\\nx\\n' >@/cr && limn tokenize ptb @/cr");
    cr_assert_str_eq(s.out, "a dog b\nx\n");
    cr_assert(says(&s, "/cr:1: holds a line separator"), "%s", s.err);
}

Test(tokenize, a_line_has_any_length)
{
    Shell s = shell("awk 'BEGIN { for (i = 0; i < 200000; i++) printf \"(a \"; print \"\" }' | limn tokenize ptb | wc -lwc");
    int lines, words, bytes;
    cr_assert_eq(sscanf(s.out, "%d %d %d", &lines, &words, &bytes), 3, "%s", s.out);
    cr_assert(lines == 1 && words == 400000 && bytes == 200000 * 8, "%s", s.out);
}

Test(tokenize, a_model_prints_its_own_tokens)
{
    shell("mkdir -p @/run/model && cp \"$LIMN_ROOT\"/tests/fixtures/tokenizer/tokenizer.json @/run/model/ && cp -r @/run/model @/alone");
    prints("printf 'A dog, unheardof.\\nthe ball a\\0dog' | limn tokenize @/run", "a dog <unk>\nthe ball a dog\n");
    prints("echo 'A dog' | limn tokenize @/alone", "a dog\n");
    prints("echo 'A dog' | limn tokenize --json @/alone/tokenizer.json", "[\"a\", \"dog\"]\n");
}

Test(tokenize, says_what_is_wrong)
{
    refused("limn tokenize", 2, "which NAME?");
    refused("limn tokenize nothing </dev/null", 2, "there is no tokenizer 'nothing': NAME is ptb, a RUN, a MODEL or a tokenizer.json");
    refused("mkdir @/empty; limn tokenize @/empty </dev/null", 1, "holds neither tokenizer.json nor model/tokenizer.json");
    refused("echo '{}' >@/bad.json; limn tokenize @/bad.json </dev/null", 1, "bad.json");
    Shell s = refused("echo A >@/a; limn tokenize ptb @/a @/missing", 1, "missing: No such file or directory");
    cr_assert_str_eq(s.out, "a\n");
    refused("limn tokenize ptb @", 1, "Is a directory");
    refused("echo a | limn tokenize ptb >/dev/full", 1, "cannot write the results to standard output");
}

Test(tokenize, lists_and_explains_what_name_can_be)
{
    Shell list = shell("limn tokenize --list"), help = shell("limn tokenize --help");
    cr_assert(list.status == 0 && strstr(list.out, "ptb ") && strstr(list.out, "RUN or MODEL"), "%s", list.out);
    cr_assert(help.status == 0 && strstr(help.out, "NAME [FILE...]") && strstr(help.out, "PTBTokenizer 3.4.1"), "%s", help.out);
}
