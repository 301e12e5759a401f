/* test_command.c - limn as a person meets it: help, mistakes, bad files. One clear error each, the right exit status, nothing lost. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "tests/shell.h"

/* One sentence that names the place, and the exit status that scripts rely on. */
static void refused(Shell s, int status, const char *naming)
{
    cr_assert_eq(s.status, status, "status %d, wanted %d: %s", s.status, status, s.err);
    cr_assert(says(&s, naming), "'%s' is not in: %s", naming, s.err);
    cr_assert(!says(&s, "Sanitizer") && !says(&s, "limn: bug"), "%s", s.err);
}

Test(command, help_lists_every_command)
{
    Shell s = shell("limn --help");
    cr_assert_eq(s.status, 0);
    cr_assert(strstr(s.out, "prepare") && strstr(s.out, "train") && strstr(s.out, "evaluate") && strstr(s.out, "caption")
              && strstr(s.out, "gradcheck"));
}

Test(command, each_command_explains_itself)
{
    static const char *const NAMES[] = { "prepare", "inspect", "export", "train", "sweep", "runs", "evaluate", "caption", "gradcheck" };
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        Shell s = shell("limn %s --help", NAMES[i]);
        cr_assert_eq(s.status, 0, "%s: %s", NAMES[i], s.err);
        cr_assert(strstr(s.out, "Usage:"));
    }
}

Test(command, version_names_the_backends)
{
    Shell s = shell("limn --version");
    cr_assert_eq(s.status, 0);
    cr_assert(strstr(s.out, "OpenBLAS") && strstr(s.out, "reference"));
}

Test(command, wrong_usage_exits_with_2)
{
    refused(shell("limn nonsense"), 2, "nonsense");
    refused(shell("limn train"), 2, "CONFIG");
    refused(shell("limn caption"), 2, "MODEL");
    refused(shell("limn prepare scenes"), 2, "--out");
    refused(shell("limn prepare nowhere --out @/x.h5"), 2, "nowhere");
    refused(shell("limn prepare scenes --resize crop --out @/x.h5"), 2, "do not apply");
    refused(shell("limn prepare coco . --vocabulary none --min-count 2 --out @/x.h5"), 2, "--min-count");
    refused(shell("limn caption model x.jpg --beam many"), 2, "many");
    refused(shell("limn train @/none.yaml"), 2, "none.yaml");
}

Test(command, five_mistakes_in_a_config_are_told_at_once_with_their_lines)
{
    Shell s = shell("printf 'data:\\n  store: x.h5\\n  fractoin: 1\\ntrain:\\n  pictures: many\\n  rate: -1\\n  schedule: square\\nencoder:\\n"
                    "  width: 1.5\\n' >@/bad.yaml; limn train @/bad.yaml --run @/run");
    refused(s, 2, "bad.yaml:3");
    cr_assert(says(&s, "fraction"), "names the nearest key: %s", s.err);
    cr_assert(says(&s, "bad.yaml:5") && says(&s, "bad.yaml:6") && says(&s, "bad.yaml:7") && says(&s, "bad.yaml:9"), "%s", s.err);
    cr_assert_neq(access(shell_folder(), F_OK), -1);
}

Test(command, a_missing_or_broken_store_is_refused)
{
    tiny_experiment();
    refused(shell("limn inspect @/none.h5"), 1, "none.h5");
    refused(shell("head -c 20000 @/tiny.h5 >@/cut.h5; limn inspect @/cut.h5"), 1, "cut.h5");
    refused(shell("head -c 3000 /dev/urandom >@/noise.h5; limn inspect @/noise.h5"), 1, "noise.h5");
    refused(shell("limn train @/tiny.yaml --run @/r data.store=@/cut.h5"), 1, "cut.h5");
}

/* Three of four pictures are one PNG of 16 x 16, one of them with a byte behind its end: another file that looks the same. */
static void leaking_store(void)
{
    Shell s = shell("mkdir -p @/leak && cd @/leak && /usr/bin/python3 - <<'END'\n"
        "import json, struct, zlib\n"
        "chunk = lambda kind, data: struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))\n"
        "rows = zlib.compress(b''.join(bytes(1) + bytes(range(y, 48 + y)) for y in range(16)))\n"
        "png = bytes.fromhex('89504e470d0a1a0a') + chunk(b'IHDR', struct.pack('>IIBBBBB', 16, 16, 8, 2, 0, 0, 0)) + chunk(b'IDAT', rows) + chunk(b'IEND', b'')\n"
        "for name, data in (('a', png), ('b', png), ('c', png + b'x'), ('d', b'no picture')): open(name + '.jpg', 'wb').write(data)\n"
        "rows = [('a', 'train', ['A dog  runs.', 'a cat']), ('b', 'test', ['a dog runs.', 'a red bird']), ('c', 'val', ['a bird']), ('d', 'val', ['x'])]\n"
        "f = open('data.jsonl', 'w')\n"
        "for name, split, captions in rows:\n"
        "    boxes = [{'box': [0, 0, 8, 16], 'phrase': 'the dog', 'kind': 'referring'}]\n"
        "    print(json.dumps({'image': name + '.jpg', 'split': split, 'captions': captions, 'boxes': boxes}), file=f)\n"
        "END\n"
        "cd / && limn prepare jsonl @/leak/data.jsonl --size 16 --min-count 1 --out @/leak.h5");
    cr_assert_eq(s.status, 0, "%s", s.err);
}

Test(command, inspect_tells_what_is_in_a_store_and_what_leaks)
{
    leaking_store();
    Shell s = shell("limn inspect @/leak.h5");
    cr_assert_eq(s.status, 0, "%s", s.err);
    static const char *const SAID[] = { "3 pictures, 5 captions, 3 boxes", "\nSplits", "\nPictures", "\nCaptions", "\nVocabulary", "\nBoxes", "50.00 %",
        "  ! 1 picture of test is also in train: the same file\n      b.jpg (test) and a.jpg (train)\n", "  ! 1 picture of val looks like one of train",
        "  ! 1 caption of test (50.0 %) stands in train, too, word for word\n      \"a dog runs.\": 1 in test, 1 in train\n",
        "missing most often: bird (2) red (1)", "\nRejected: 1\n  1 damaged-image", "d.jpg (data.jsonl:4)", "source jsonl", "sha256" };
    for (size_t i = 0; i < sizeof SAID / sizeof *SAID; i++) cr_assert(strstr(s.out, SAID[i]), "'%s' is not in: %s", SAID[i], s.out);
    s = shell("limn inspect @/leak.h5 | awk 'length($0) > 100'");
    cr_assert_str_empty(s.out);
    s = shell("limn inspect --json @/leak.h5 | /usr/bin/python3 -c \"import json, sys; d = json.load(sys.stdin)['duplicates']; "
              "print([(l['of'], l['in'], l['count']) for k in ('pictures', 'near_pictures', 'captions') for l in d[k]['leaks']])\"");
    cr_assert_str_eq(s.out, "[('test', 'train', 1), ('val', 'train', 1), ('val', 'test', 1), ('test', 'train', 1)]\n");
    refused(shell("limn inspect @/leak.h5 --near 17"), 2, "--near");
}

Test(command, inspect_verify_names_what_is_damaged)
{
    tiny_experiment();
    Shell s = shell("limn inspect --verify @/tiny.h5");
    cr_assert(s.status == 0 && strstr(s.out, "is intact"), "%s%s", s.out, s.err);
    s = shell("cp @/tiny.h5 @/bad.h5; printf x | dd of=@/bad.h5 bs=1 seek=2000000 conv=notrunc; limn inspect --verify @/bad.h5");
    refused(s, 1, "1 of 864 pictures");
    cr_assert(strstr(s.out, "picture ") && strstr(s.out, "(bytes "), "%s", s.out);
    s = shell("limn inspect --verify --json @/bad.h5");
    cr_assert(s.status == 1 && strstr(s.out, "\"intact\": false") && strstr(s.out, "\"kind\": \"picture\""), "%s", s.out);
    s = shell("printf x | dd of=@/bad.h5 bs=1 seek=20000 conv=notrunc; limn inspect --verify @/bad.h5");
    refused(s, 1, "1 of 36 parts");
    cr_assert(strstr(s.out, "structure ("), "%s", s.out);
    refused(shell("limn inspect @/bad.h5"), 1, "--verify");
    refused(shell("head -c 20000 @/tiny.h5 >@/cut.h5; limn inspect --verify @/cut.h5"), 1, "36 of 36 parts");
    refused(shell("limn inspect --verify @/none.h5"), 1, "none.h5");
    refused(shell("head -c 3000 /dev/urandom >@/noise.h5; limn inspect --verify @/noise.h5"), 1, "not a store");
}

Test(command, a_store_of_another_size_is_refused)
{
    tiny_experiment();
    refused(shell("limn train @/tiny.yaml --run @/r encoder.image=72"), 2, "encoder.image");
}

Test(command, pictures_that_cannot_be_read_are_told_and_the_others_captioned)
{
    tiny_experiment();
    Shell s = shell("limn train @/tiny.yaml --run @/run -q train.steps=2");
    cr_assert_eq(s.status, 0, "%s", s.err);
    cr_assert_eq(shell("limn caption @/run --from @/tiny.h5 --split test-iid --count 2 --attention @/sheet.png").status, 0);
    shell(": >@/empty.jpg; head -c 500 @/sheet.png >@/cut.png; echo hello >@/text.png");
    refused(shell("limn caption @/run @/empty.jpg"), 1, "empty.jpg");
    refused(shell("limn caption @/run @/cut.png"), 1, "cut.png");
    refused(shell("limn caption @/run @/text.png"), 1, "text.png");
    refused(shell("limn caption @/run @/none.png"), 1, "none.png");
    refused(shell("limn caption @/run @"), 1, "");
    s = shell("limn caption @/run @/empty.jpg @/sheet.png");
    refused(s, 1, "empty.jpg");
    cr_assert_eq(lines(s.out), 1, "the good picture is captioned: %s", s.out);
}

Test(command, a_checkpoint_that_does_not_fit_says_every_mismatch)
{
    tiny_experiment();
    Shell s = shell("limn train @/tiny.yaml --run @/run -q train.steps=2 && sed -i 's/\"n_layer\": 1/\"n_layer\": 2/' @/run/model/config.json"
                    " && limn caption @/run --from @/tiny.h5 --split val");
    refused(s, 1, "h.1.");
    cr_assert(lines(s.err) > 5, "all of them: %s", s.err);
    refused(shell("head -c 1000 @/run/model/model.safetensors >@/cut && cp @/cut @/run/model/model.safetensors;"
                  " limn caption @/run --from @/tiny.h5 --split val"), 1, "model.safetensors");
    refused(shell("rm @/run/model/model.safetensors; limn caption @/run --from @/tiny.h5 --split val"), 1, "model.safetensors");
    refused(shell("limn caption @/nowhere x.png"), 1, "nowhere");
}

Test(command, a_checkpoint_of_another_model_says_what_is_missing_and_what_is_left_over)
{
    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/run -q train.steps=2 decoder.depth=2").status, 0);
    refused(shell("sed -i '/^decoder:/,/^train:/s/depth: 2/depth: 3/' @/run/config.yaml; limn train @/run -q"), 1, "h.2.mlp.c_fc.weight is missing");
    refused(shell("sed -i '/^decoder:/,/^train:/s/depth: 3/depth: 1/' @/run/config.yaml; limn train @/run -q"), 1, "h.1.mlp.c_fc.weight is none");
    refused(shell("sed -i '/^decoder:/,/^train:/s/depth: 1/depth: 2/; s/hidden: .*/hidden: 48/' @/run/config.yaml; limn train @/run -q"), 1,
            "h.1.mlp.c_fc.weight is (16,64), the model wants (16,48)");
    refused(shell("head -c 3000 @/run/checkpoints/last.safetensors >@/cut; cp @/cut @/run/checkpoints/last.safetensors; limn train @/run -q"), 1,
            "last.safetensors");
}

Test(command, a_run_is_not_begun_over)
{
    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/run -q train.steps=2").status, 0);
    refused(shell("limn train @/tiny.yaml --run @/run -q train.steps=2"), 2, "holds a run");
    refused(shell("limn train @/tiny.yaml --run @/run -q --resume train.steps=3"), 2, "another config");
    cr_assert_eq(shell("limn train @/run -q").status, 0);
    refused(shell("limn train @/run --run @/other -q"), 2, "--run");
}

Test(command, a_store_may_move_but_not_change)
{
    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/run -q train.steps=2").status, 0);
    Shell s = shell("cp @/tiny.h5 @/moved.h5; limn train @/run -q data.store=@/moved.h5");
    cr_assert_eq(s.status, 0, "%s", s.err);
    cr_assert_eq(shell("limn prepare scenes --preset quick --count 64 --seed 2 --out @/moved.h5").status, 0);
    refused(shell("limn train @/run -q"), 1, "began with data of hash");
}

Test(command, what_is_not_there_is_not_made)
{
    tiny_experiment();
    refused(shell("limn evaluate @/nowhere --store @/tiny.h5"), 1, "nowhere");
    refused(shell("limn evaluate @/nowhere"), 1, "nowhere");
    cr_assert_neq(shell("test -e @/nowhere").status, 0);
}

Test(command, a_file_name_that_is_not_utf8_stays_in_the_json)
{
    tiny_experiment();
    cr_assert_eq(shell("limn train @/tiny.yaml --run @/run -q train.steps=2").status, 0);
    Shell s = shell("limn caption @/run --from @/tiny.h5 --split test-iid --count 1 --attention @/caf\351.png && "
                    "limn caption @/run @/caf\351.png --json");
    cr_assert_eq(s.status, 0, "%s", s.err);
    cr_assert(strstr(s.out, "caf?.png"), "%s", s.out);
}

Test(command, a_full_disk_is_one_error_and_loses_nothing)
{
    tiny_experiment();
    refused(shell("LIMN_FAULT=write:30000:ENOSPC limn train @/tiny.yaml --run @/run -q"), 1, "No space left");
    Shell s = shell("limn train @/tiny.yaml --run @/run -q --resume");
    cr_assert_eq(s.status, 0, "%s", s.err);
    refused(shell("cp @/tiny.h5 @/keep.h5; LIMN_FAULT=write:30000:ENOSPC limn prepare scenes --preset quick --count 64 --seed 2 --out @/tiny.h5"),
            1, "No space left");
    refused(shell("mkdir @/folder; limn prepare scenes --out @/folder"), 1, "is a folder");
    cr_assert_eq(shell("cmp @/tiny.h5 @/keep.h5").status, 0, "the old store is untouched");
}

Test(command, a_folder_that_cannot_be_written_is_refused)
{
    tiny_experiment();
    if (geteuid() == 0) {                        /* root may write anywhere: become nobody */
        Shell s = shell("chmod 755 @; mkdir @/closed && chmod 555 @/closed && cd / && setpriv --reuid=65534 --regid=65534 --clear-groups "
                        "env ASAN_OPTIONS=detect_leaks=0 limn train @/tiny.yaml --run @/closed/run");
        if (s.status == 127 || says(&s, "setpriv: ") || says(&s, "env: ")) cr_skip_test("cannot become another user here");
        refused(s, 1, "closed");
    } else refused(shell("mkdir @/closed && chmod 555 @/closed && limn train @/tiny.yaml --run @/closed/run"), 1, "closed");
}

Test(command, gradcheck_checks_ops_and_the_model_of_a_config)
{
    Shell s = shell("limn gradcheck --op layer_norm");
    cr_assert_eq(s.status, 0, "%s", s.err);
    cr_assert(strstr(s.out, "ok") && strstr(s.out, "layer_norm") && strstr(s.out, " 0 wrong"), "%s", s.out);
    s = shell("limn gradcheck \"$LIMN_ROOT\"/experiments/configs/scenes-quick.yaml | tail -n 2");
    cr_assert(strstr(s.out, "scenes-quick.yaml") && strstr(s.out, " 0 wrong"), "%s%s", s.out, s.err);
    refused(shell("limn gradcheck --op nonsense"), 2, "nonsense");
    refused(shell("limn gradcheck @/none.yaml"), 2, "none.yaml");
}

Test(command, two_processes_do_not_share_a_run)
{
    tiny_experiment();
    refused(shell("mkdir -p @/run && flock @/run/.lock limn train @/tiny.yaml --run @/run -q"), 1, "run");
}

Test(command, a_closed_pipe_is_a_failure_not_a_crash)
{
    Shell s = shell("limn train --help-config >/dev/full");
    cr_assert_eq(s.status, 1);
}

/* ---- export and contact sheets ----------------------------------------------------------------------------------------- */
Test(command, an_export_is_prepared_back_to_the_same_captions_and_boxes)
{
    tiny_experiment();
    Shell s = shell("limn export @/tiny.h5 --to jsonl --out @/open --quiet --json && limn prepare jsonl @/open --size 96 --out @/back.h5 --strict --quiet");
    cr_assert_eq(s.status, 0, "%s", s.err);
    cr_assert(strstr(s.out, "\"to\": \"jsonl\"") && strstr(s.out, "\"left_out\": 0"), "%s", s.out);
    cr_assert_eq(shell("limn export @/back.h5 --to jsonl --out @/again --quiet --no-images && "
                       "sed 's/, \"truth\".*//' @/open/data.jsonl >@/one && sed 's/}$//' @/again/data.jsonl >@/two && cmp @/one @/two").status, 0);
    s = shell("limn export @/tiny.h5 --to jsonl --out @/open --quiet");
    cr_assert(s.status == 0 && strstr(s.out, "were there already"), "%s%s", s.out, s.err);
    s = shell("limn export @/tiny.h5 --to coco --out @/coco --split test-iid --split val && ls @/coco @/coco/annotations");
    cr_assert(s.status == 0 && strstr(s.out, "captions_test-iid.json") && strstr(s.out, "phrases_val.json") && !strstr(s.out, "train"), "%s%s", s.out, s.err);
    s = shell("limn export --list");
    cr_assert(s.status == 0 && strstr(s.out, "data.jsonl") && strstr(s.out, "tokens_positive"), "%s", s.out);
}

Test(command, an_export_that_cannot_be_is_refused)
{
    tiny_experiment();
    refused(shell("limn export"), 2, "STORE");
    refused(shell("limn export @/tiny.h5 --out @/x"), 2, "--to coco");
    refused(shell("limn export @/tiny.h5 --to coco"), 2, "--out DIR");
    refused(shell("limn export @/tiny.h5 --to voc --out @/x"), 2, "coco or jsonl");
    refused(shell("limn export @/tiny.h5 --to coco --out @/x --split dev"), 2, "train");
    refused(shell("limn export @/none.h5 --to coco --out @/x"), 1, "none.h5");
    refused(shell("limn export @ --to coco --out @/x"), 1, "not a file");
    refused(shell("limn export @/tiny.h5 --to coco --out @"), 1, "not empty");
    cr_assert_neq(shell("test -e @/x").status, 0);
    refused(shell("LIMN_FAULT=write:200000:ENOSPC limn export @/tiny.h5 --to coco --out @/full --quiet"), 1, "No space left");
    cr_assert_eq(shell("test ! -e @/full/annotations/captions_test-pairs.json && limn export @/tiny.h5 --to coco --out @/full --quiet").status, 0);
    Shell s = shell("limn export @/tiny.h5 --to coco --out @/full2 >/dev/full");
    cr_assert_eq(s.status, 1);
}

Test(command, a_contact_sheet_is_drawn)
{
    tiny_experiment();
    Shell s = shell("limn inspect @/tiny.h5 --sheet @/sheet.png --sheet-count 5 --split val && head -c 4 @/sheet.png");
    cr_assert(s.status == 0 && strstr(s.out, "PNG"), "%s", s.err);
    refused(shell("limn inspect @/tiny.h5 --sheet @/sheet.png --split dev"), 2, "dev");
    refused(shell("limn inspect @/tiny.h5 --sheet @/sheet.gif"), 2, "sheet.gif");
    refused(shell("limn inspect @/tiny.h5 --sheet @/sheet.png --sheet-count 0"), 2, "--sheet-count");
    refused(shell("limn inspect @/tiny.h5 --split val"), 2, "--sheet");
    refused(shell("limn inspect @/tiny.h5 --sheet @/no/where.png"), 1, "where.png");
    refused(shell("LIMN_FAULT=write:9:ENOSPC limn inspect @/tiny.h5 --sheet @/full.png"), 1, "No space left");
    cr_assert_neq(shell("test -e @/full.png").status, 0);
}
