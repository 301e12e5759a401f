#!/usr/bin/env python3
"""synthetic_annotations.py - annotation files as large as the real ones, to measure memory and speed of `limn prepare`.

    python3 bench/peers/synthetic_annotations.py coco OUT            120,000 pictures, 600,000 captions (as COCO 2017)
    python3 bench/peers/synthetic_annotations.py visual-genome OUT   100,000 pictures, 5,000,000 regions
        [--pictures N]                                               in proportion

Every picture is the same small JPEG under another name (hard links), so that the annotations are what costs."""
import argparse
import json
import os
import random

WORDS = "a the man woman dog cat red blue small large on in under near sitting standing holding table street grass ball tree".split()
JPEG = bytes.fromhex(  # 16 x 16 gray
    "ffd8ffdb004300" + "10" * 64 + "ffc0000b080010001001011100ffc4001f0000010501010101010100000000000000000102030405060708090a0b"
    "ffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718"
    "191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999a"
    "a2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda0008010100003f00"
    "28a28aff00ffd9")


def link(folder, names):
    os.makedirs(folder, exist_ok=True)
    source = None
    for i, name in enumerate(names):
        if i % 30000 == 0:  # file systems limit the links of one file
            source = os.path.join(folder, name)
            with open(source, "wb") as f:
                f.write(JPEG)
        else:
            path = os.path.join(folder, name)
            if not os.path.exists(path):
                os.link(source, path)


def sentence(r, n):
    return " ".join(r.choice(WORDS) for _ in range(n))


def coco(out, pictures):
    r = random.Random(1)
    names = [f"{i:012d}.jpg" for i in range(1, pictures + 1)]
    os.makedirs(os.path.join(out, "annotations"), exist_ok=True)
    with open(os.path.join(out, "annotations", "captions_train2017.json"), "w") as f:
        f.write('{"info": {"year": 2017}, "licenses": [], "images": [')
        for i, name in enumerate(names, 1):
            f.write(("" if i == 1 else ", ") + json.dumps({"license": 4, "file_name": name, "coco_url": "http://images/" + name, "height": 16,
                                                           "width": 16, "date_captured": "2013-11-14 17:02:52", "id": i}))
        f.write('], "annotations": [')
        order = [i for i in range(1, pictures + 1) for _ in range(5)]
        r.shuffle(order)
        for k, i in enumerate(order, 1):
            f.write(("" if k == 1 else ", ") + json.dumps({"image_id": i, "id": k, "caption": sentence(r, 10).capitalize() + "."}))
        f.write("]}")
    link(os.path.join(out, "train2017"), names)


def visual_genome(out, pictures):
    r = random.Random(1)
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "region_descriptions.json"), "w") as f:
        f.write("[")
        region = 0
        for i in range(1, pictures + 1):
            regions = []
            for _ in range(50):
                region += 1
                x, y = r.randrange(12), r.randrange(12)
                regions.append({"region_id": region, "width": r.randrange(1, 16 - x), "height": r.randrange(1, 16 - y), "image_id": i,
                                "phrase": sentence(r, 5), "y": y, "x": x})
            f.write(("" if i == 1 else ", ") + json.dumps({"regions": regions, "id": i}))
        f.write("]")
    link(os.path.join(out, "VG_100K"), [f"{i}.jpg" for i in range(1, pictures + 1)])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["coco", "visual-genome"])
    p.add_argument("out")
    p.add_argument("--pictures", type=int)
    a = p.parse_args()
    if a.what == "coco":
        coco(a.out, a.pictures or 120000)
    else:
        visual_genome(a.out, a.pictures or 100000)


main()
