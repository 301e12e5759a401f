/* test_decoding.c - the options of decoding as a person meets them: limn caption and limn evaluate, mistakes, and what --json says. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/shell.h"

static void refused(Shell s, int status, const char *naming)
{
    cr_assert_eq(s.status, status, "status %d, wanted %d: %s", s.status, status, s.err);
    cr_assert(says(&s, naming), "'%s' is not in: %s", naming, s.err);
    cr_assert(!says(&s, "Sanitizer") && !says(&s, "limn: bug"), "%s", s.err);
}

/* Two runs of one experiment: "@/a" and "@/b". */
static void two_runs(void)
{
    static bool made;
    if (made) return;
    made = true;
    tiny_experiment();
    Shell s = shell("limn train @/tiny.yaml --run @/a -q seed=1 && limn train @/tiny.yaml --run @/b -q seed=2 train.steps=4");
    cr_assert_eq(s.status, 0, "%s", s.err);
}

static Shell good(Shell s)
{
    cr_assert_eq(s.status, 0, "%s", s.err);
    return s;
}

Test(decoding, options_that_contradict_each_other_are_refused)
{
    refused(shell("limn caption run x.jpg --top-k 5"), 2, "--samples");
    refused(shell("limn caption run x.jpg --samples 2 --beam 3"), 2, "--beam");
    refused(shell("limn evaluate run --samples 2 --require dog"), 2, "--require");
    refused(shell("limn evaluate run --alpha 0.5"), 2, "--length gnmt");
    refused(shell("limn evaluate run --alpha 0.5 --length average"), 2, "--length gnmt");
    refused(shell("limn caption run x.jpg --diversity 1"), 2, "--groups");
    refused(shell("limn caption run x.jpg --groups 2 --require dog"), 2, "--groups");
    refused(shell("limn caption run x.jpg --min-length 5 --max-length 4"), 2, "--min-length");
    refused(shell("limn caption run x.jpg --length short"), 2, "gnmt");
    refused(shell("limn caption run x.jpg --samples 2 --top-p 1.5"), 2, "--top-p");
    refused(shell("limn caption run x.jpg --word-attention"), 2, "--json");
    refused(shell("limn caption run x.jpg --score 'a dog' --beam 2"), 2, "--score");
    refused(shell("limn evaluate run --word-attention"), 2, "--details");
}

Test(decoding, options_that_do_not_fit_the_model_are_refused)
{
    two_runs();
    refused(shell("limn caption @/a --from @/tiny.h5 --split val --max-length 41"), 2, "40 positions");
    refused(shell("limn caption @/a --from @/tiny.h5 --split val --min-length 13"), 2, "12 tokens");
    refused(shell("limn caption @/a --from @/tiny.h5 --split val --beam 4 --groups 3"), 2, "--groups 3");
    refused(shell("limn caption @/a --from @/tiny.h5 --split val --require dog,cat --max-length 1"), 2, "--require");
    refused(shell("limn caption @/a --from @/tiny.h5 --split val --require cta"), 2, "'cta'; the nearest it has are");
    refused(shell("limn evaluate @/a --split val --forbid 'a dgo' -q"), 2, "'dgo'; the nearest it has are 'dog'");
    refused(shell("limn caption @/a --from @/tiny.h5 --split val --require ,"), 2, "--require");
    refused(shell("limn caption @/a --from @/tiny.h5 --split val --ensemble @/nowhere"), 1, "nowhere");
    refused(shell("limn caption @/a --from @/tiny.h5 --split val --require dog --forbid dog --count 1"), 1, "no caption keeps all the rules");
}

Test(decoding, a_caption_may_be_as_long_as_the_decoder)
{
    two_runs();
    Shell s = good(shell("limn caption @/a --from @/tiny.h5 --split val --count 1 --max-length 40 --min-length 40 | cut -f 2 | wc -w"));
    cr_assert_eq(atoi(s.out), 40, "%s", s.out);
}

Test(decoding, samples_depend_on_the_seed_and_on_nothing_else)
{
    two_runs();
    Shell s = good(shell("limn caption @/a --from @/tiny.h5 --split val --count 5 --samples 3 --seed 7 --top-p 0.9 --threads 1"));
    Shell t = good(shell("limn caption @/a --from @/tiny.h5 --split val --count 2 --samples 3 --seed 7 --top-p 0.9 --threads 2"));
    Shell u = good(shell("limn caption @/a --from @/tiny.h5 --split val --count 2 --samples 3 --seed 8 --top-p 0.9"));
    cr_assert_eq(lines(s.out), 15);
    cr_assert_eq(strncmp(s.out, t.out, strlen(t.out)), 0, "%s%s", s.out, t.out);
    cr_assert_neq(strcmp(t.out, u.out), 0);
}

Test(decoding, of_a_file_samples_depend_on_its_pixels_and_not_on_its_name_or_place)
{
    two_runs();
    good(shell("limn caption @/a --from @/tiny.h5 --split val --count 1 --attention @/one.png && "
               "limn caption @/a --from @/tiny.h5 --split val --count 2 --attention @/two.png && cp @/one.png @/copy.png"));
    Shell s = good(shell("limn caption @/a @/one.png --samples 1"));
    Shell t = good(shell("limn caption @/a @/two.png @/copy.png --samples 1 | tail -n 1 | cut -f 2"));
    cr_assert_str_eq(s.out, t.out);
}

Test(decoding, required_words_are_said_and_forbidden_ones_are_not)
{
    two_runs();
    Shell s = good(shell("limn caption @/a --from @/tiny.h5 --split val --count 6 --require 'dog|dogs,red ball' | grep -E 'dogs?' | grep -c 'red ball'"));
    cr_assert_eq(atoi(s.out), 6, "%s", s.out);
    s = good(shell("limn caption @/a --from @/tiny.h5 --split val --count 6 --require a --forbid 'red ball' >@/free && "
                   "limn caption @/a --from @/tiny.h5 --split val --count 6 --forbid a,the | cut -f 2 | grep -cwE 'a|the' || true"));
    cr_assert_eq(atoi(s.out), 0, "%s", s.out);
}

Test(decoding, json_tells_every_token_and_where_it_looked)
{
    two_runs();
    good(shell("limn caption @/a --from @/tiny.h5 --split val --count 2 --best 2 --json --word-attention | python3 -c \"\n"
        "import json, sys\n"
        "for p in json.load(sys.stdin):\n"
        "    assert p['caption'] == p['captions'][0]['caption'] and len(p['captions']) == 2\n"
        "    for c in p['captions']:\n"
        "        words = [t for t in c['tokens'] if t['token'] != '<eos>']\n"
        "        assert ' '.join(t['token'] for t in words) == c['caption']\n"
        "        assert abs(sum(t['log_prob'] for t in c['tokens']) - c['log_prob']) < 1e-6\n"
        "        assert abs(c['log_prob'] / len(c['tokens']) - c['score']) < 1e-6\n"
        "        assert all(len(t['attention']) == 4 and len(t['attention'][0]) == 4 for t in words)\n"
        "        assert all(0 < sum(map(sum, t['attention'])) < 1.0001 for t in words)\""));
}

Test(decoding, a_found_caption_scores_what_it_was_found_with)
{
    two_runs();
    Shell s = good(shell("limn caption @/a --from @/tiny.h5 --split val --count 2 --beam 2 --json >@/found.json && python3 -c \"\n"
        "import json; print('\\n'.join(p['caption'] for p in json.load(open('@/found.json'))))\" >@/lines.txt && "
        "limn caption @/a --from @/tiny.h5 --split val --count 2 --score-file @/lines.txt --score 'a zebrafish' --json >@/scored.json && python3 -c \"\n"
        "import json\n"
        "found, scored = json.load(open('@/found.json')), json.load(open('@/scored.json'))\n"
        "for i in 0, 1:\n"
        "    f, s = found[i]['captions'][0], scored[i]['captions'][1 + i]\n"
        "    assert s['given'] == f['caption'] and s['ended'] and scored[i]['captions'][0]['given'] == 'a zebrafish'\n"
        "    for x, y in zip(f['tokens'], s['tokens']): assert x['token'] == y['token'] and abs(x['log_prob'] - y['log_prob']) < 1e-4\""));
    cr_assert(says(&s, "<unk>: 1 of the words of 'a zebrafish'"), "%s", s.err);
    s = good(shell("limn caption @/a --from @/tiny.h5 --split val --count 1 --score 'a dog' --score 'a cat'"));
    cr_assert(lines(s.out) == 2 && strstr(s.out, "\t3\ta dog\n"), "%s", s.out);
}

Test(decoding, an_ensemble_of_a_run_with_itself_is_the_run)
{
    two_runs();
    good(shell("limn caption @/a --from @/tiny.h5 --split val --count 3 >@/one && limn caption @/a --from @/tiny.h5 --split val --count 3 "
                         "--ensemble @/a,@/a >@/three && cmp @/one @/three && limn evaluate @/a --split val --pictures 6 -q --json --out @/ea && "
                         "limn evaluate @/a --ensemble @/a --split val --pictures 6 -q --json --out @/eaa && cmp @/ea/captions-val.json @/eaa/captions-val.json && python3 -c \"\n"
        "import json\n"
        "a, b = (json.load(open('@/' + d + '/metrics-val.json')) for d in ('ea', 'eaa'))\n"
        "assert abs(a['loss'] - b['loss']) < 1e-6 and a['tokens'] == b['tokens'] and b['search']['ensemble'], (a, b)\""));
    good(shell("limn evaluate @/a --ensemble @/b --split val --pictures 6 -q"));
    good(shell("limn prepare scenes --preset quick --count 8 --seed 3 --out @/few.h5 --quiet && limn train @/tiny.yaml --run @/few -q data.store=@/few.h5 train.steps=1"));
    refused(shell("limn caption @/a --ensemble @/few --from @/tiny.h5 --split val"), 1, "must share their vocabulary: token ");
}

Test(decoding, what_was_decided_is_in_the_metrics_and_all_captions_in_the_details)
{
    two_runs();
    good(shell("limn evaluate @/a --split val --pictures 4 --samples 3 --temperature 0.8 --seed 5 --details -q && python3 -c \"\n"
        "import json\n"
        "s = json.load(open('@/a/metrics-val.json'))['search']\n"
        "assert s == {'samples': 3, 'temperature': 0.8, 'seed': 5, 'max_length': 12}, s\n"
        "for c in json.load(open('@/a/captions-val.json')):\n"
        "    assert len(c['captions']) == 3 and c['captions'][0]['caption'] == c['caption']\""));
    good(shell("limn evaluate @/a --split val --pictures 4 --length gnmt --no-repeat 2 --forbid red --best 2 -q && python3 -c \"\n"
        "import json\n"
        "s = json.load(open('@/a/metrics-val.json'))['search']\n"
        "assert s == {'beam': 2, 'best': 2, 'length': 'gnmt', 'alpha': 0.6, 'no_repeat': 2, 'forbid': 'red', 'max_length': 12}, s\n"
        "assert 'captions' not in json.load(open('@/a/captions-val.json'))[0]\""));
}
