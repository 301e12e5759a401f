"""`limn score` beside pycocoevalcap on as many captions as COCO's validation set has: time, memory, and whether the scores are the same.

    python3 -m venv peers && peers/bin/pip install pycocoevalcap                                     (it runs Java)
    python3 bench/peers/score_speed.py make FOLDER CAPTIONS...                          # once: 40,504 candidates, 162,016 references
    peers/bin/python bench/peers/score_speed.py time FOLDER --limn build/limn

CAPTIONS: COCO annotation files or Flickr8k.token.txt. An image's captions begin as those of one image there do, and end as any caption does
that has the same word: n-grams repeat as they do in such data.
Both tokenise and compute BLEU-1 … 4, ROUGE-L and CIDEr, corpus and by image, from the same files, each as a whole process from start to end,
by turns; limn also bootstraps its intervals unless --no-intervals. One JSON line a contender; ratios are medians over the rounds.
"""
import argparse
import collections
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import time

IMAGES, REFERENCES = 40504, 4


# ---- the captions ------------------------------------------------------------------------------------------------------
def read(path):
    """Captions by image, each a list of words."""
    images = collections.defaultdict(list)
    if path.suffix == ".json":
        for a in json.loads(path.read_text())["annotations"]:
            images[a["image_id"]].append(a["caption"].split())
    else:
        for line in path.read_text().splitlines():
            name, text = line.split("\t", 1)
            images[name.split("#")[0]].append(text.split())
    return list(images.values())


def crossed(words, followed, r):
    at = r.randrange(len(words))
    other, there = r.choice(followed[words[at]])
    return " ".join(words[:at] + other[there:])


def make(folder, sources):
    r = random.Random(1)
    images = [captions for path in sources for captions in read(path) if all(captions)]
    followed = collections.defaultdict(list)
    for words in (words for captions in images for words in captions):
        for at, word in enumerate(words):
            followed[word].append((words, at))
    annotations, results = [], []
    for i in range(IMAGES):
        captions = r.choice(images)
        annotations += [{"image_id": i, "id": len(annotations) + k, "caption": crossed(captions[k % len(captions)], followed, r)}
                        for k in range(REFERENCES)]
        results.append({"image_id": i, "caption": crossed(captions[-1], followed, r)})
    r.shuffle(annotations)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "references.json").write_text(json.dumps({"images": [{"id": i} for i in range(IMAGES)], "annotations": annotations}))
    (folder / "candidates.json").write_text(json.dumps(results))
    print(f"{len(results)} candidates, {len(annotations)} references in {folder}")


# ---- the peer, in a process of its own -----------------------------------------------------------------------------------
def peer(folder, out):
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
    gts, res = {}, {}
    for a in json.load(open(f"{folder}/references.json"))["annotations"]:
        gts.setdefault(a["image_id"], []).append(a)
    for c in json.load(open(f"{folder}/candidates.json")):
        res[c["image_id"]] = [c]
    gts = {i: gts[i] for i in res}
    tokenizer = PTBTokenizer()
    gts, res = tokenizer.tokenize(gts), tokenizer.tokenize(res)
    scores = {}
    for scorer, names in ((Bleu(4), ["Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4"]), (Rouge(), ["ROUGE_L"]), (Cider(), ["CIDEr"])):
        score, each = scorer.compute_score(gts, res)
        for name, value, values in zip(names, score if len(names) > 1 else [score], each if len(names) > 1 else [each]):
            scores[name] = (float(value), dict(zip(res, map(float, values))))
    with open(out, "w") as f:
        for i in res:
            f.write(json.dumps({"image_id": i, **{name: each[i] for name, (_, each) in scores.items()}}) + "\n")
    with open(f"{out}.corpus", "w") as f:
        json.dump({name: value for name, (value, _) in scores.items()}, f)


# ---- timing ------------------------------------------------------------------------------------------------------------
def timed(command, corpus):
    """Wall and CPU seconds, and the most MB that any process of it had at once (not their sum)."""
    start = time.monotonic()
    with open(corpus, "w") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)}: status {child.returncode}")
    return {"seconds": wall, "cpu_seconds": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}


def furthest(folder):
    """The largest difference of any score, of the corpus and of any image."""
    ours, theirs = json.load(open(folder / "limn.json")), json.load(open(folder / "peer.jsonl.corpus"))
    corpus = max(abs(ours[name] - value) for name, value in theirs.items())
    lines = ({s["image_id"]: s for s in map(json.loads, open(folder / f"{who}.jsonl"))} for who in ("limn", "peer"))
    ours, theirs = lines
    image = max(abs(ours[i][name] - value) for i, scores in theirs.items() for name, value in scores.items() if name != "image_id")
    return {"corpus": corpus, "image": image}


def compare(folder, limn, rounds, intervals):
    files = ["--references", f"{folder}/references.json", "--candidates", f"{folder}/candidates.json"]
    contenders = {
        "limn": [limn, "score", *files, "--json", "--metrics", "bleu,rouge,cider", "--per-image", f"{folder}/limn.jsonl",
                 *([] if intervals else ["--no-intervals"])],
        "pycocoevalcap": [sys.executable, __file__, "peer", str(folder), f"{folder}/peer.jsonl"],
    }
    taken = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, command in contenders.items():
            taken[name].append(timed(command, folder / f"{name}.json"))
    for name, all_rounds in taken.items():
        median = {key: statistics.median(t[key] for t in all_rounds) for key in all_rounds[0]}
        ratio = {key: statistics.median(t[key] / p[key] for t, p in zip(all_rounds, taken["pycocoevalcap"])) for key in all_rounds[0]}
        print(json.dumps({"contender": name, "rounds": rounds, **median, "of_pycocoevalcap": ratio, "cpus": os.cpu_count(),
                          "machine": platform.machine()}))
    print(json.dumps({"largest_difference": furthest(folder)}))


def main():
    if sys.argv[1:2] == ["peer"]:
        return peer(*sys.argv[2:])
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(dest="command", required=True)
    m = commands.add_parser("make")
    m.add_argument("folder", type=pathlib.Path)
    m.add_argument("captions", type=pathlib.Path, nargs="+")
    t = commands.add_parser("time")
    t.add_argument("folder", type=pathlib.Path)
    t.add_argument("--limn", default="build/limn")
    t.add_argument("--rounds", type=int, default=3)
    t.add_argument("--no-intervals", action="store_true")
    o = p.parse_args()
    if o.command == "make":
        return make(o.folder, o.captions)
    compare(o.folder, o.limn, o.rounds, not o.no_intervals)


if __name__ == "__main__":
    main()
