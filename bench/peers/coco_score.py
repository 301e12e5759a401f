"""BLEU, ROUGE-L and CIDEr of a run's captions by pycocoevalcap, the field's reference scorer (needs Java).

    python3 -m venv peers && peers/bin/pip install pycocoevalcap
    peers/bin/python bench/peers/coco_score.py RUN [SPLIT]      reads RUN/references-SPLIT.json and RUN/captions-SPLIT.json
"""
import contextlib
import io
import json
import sys

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer


def main(run, split="test"):
    references, candidates = {}, {}
    for a in json.load(open(f"{run}/references-{split}.json"))["annotations"]:
        references.setdefault(a["image_id"], []).append({"caption": a["caption"]})
    for c in json.load(open(f"{run}/captions-{split}.json")):
        candidates[c["image_id"]] = [{"caption": c["caption"]}]
    tokenizer = PTBTokenizer()
    references, candidates = tokenizer.tokenize(references), tokenizer.tokenize(candidates)
    with contextlib.redirect_stdout(io.StringIO()):
        bleu, _ = Bleu(4).compute_score(references, candidates)
        cider, _ = Cider().compute_score(references, candidates)
        rouge, _ = Rouge().compute_score(references, candidates)
    print(f"{len(candidates)} pictures: BLEU-1 {bleu[0]:.4f}  BLEU-4 {bleu[3]:.4f}  ROUGE-L {rouge:.4f}  CIDEr {cider:.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
