"""Pictures a second of `limn prepare` beside a pipeline of Pillow, img2dataset's resizer (OpenCV) and the bound, on the same pictures.

    python3 -m venv peers && peers/bin/pip install pillow img2dataset opencv-python-headless
    peers/bin/python bench/peers/prepare_speed.py input FLICKR8K PICTURES       # once: Flickr8k, the longer side at 500 px, quality 90
    peers/bin/python bench/peers/prepare_speed.py time PICTURES --limn build/limn

All read the same files, resize to the same size and encode JPEG of the same quality, with the same number of processes (limn: threads).
The peers write a file a picture; limn writes its store, with captions, checksums and hashes. "decode_encode" decodes each file
and encodes as many pixels as go out, in C, and does nothing else: nobody who uses this libjpeg can be faster. The contenders take turns;
each is a whole process from start to end, the first round is not counted, and ratios are medians over rounds of what was measured in
the same round. One JSON line a contender: wall and CPU (user + system, workers included) seconds, pictures a second of wall time.
"""
import argparse
import io
import json
import multiprocessing
import os
import pathlib
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

FILTERS = {"bilinear": 2, "bicubic": 3}            # Pillow's numbers
CHUNK = 32


# ---- the pictures ------------------------------------------------------------------------------------------------------
def enlarge(job):
    from PIL import Image
    source, target, side = job
    image = Image.open(source).convert("RGB")
    scale = side / max(image.size)
    image.resize([max(1, round(n * scale)) for n in image.size], Image.Resampling.BICUBIC).save(target, quality=90)


def make_input(flickr8k, folder, side, processes):
    folder.mkdir(parents=True)
    captions = {}
    for line in (flickr8k / "Flickr8k.token.txt").read_text().splitlines():
        name, text = line.split("\t", 1)
        captions.setdefault(name.split("#")[0], text)
    names = sorted(p.name for p in (flickr8k / "images").glob("*.jpg"))
    with multiprocessing.Pool(processes) as pool:
        for _ in pool.imap_unordered(enlarge, [(flickr8k / "images" / n, folder / n, side) for n in names], CHUNK):
            pass
    lines = [json.dumps({"file_name": n, "text": captions.get(n, "a photograph")}) for n in names]
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    print(f"{len(names)} pictures in {folder}")


# ---- the peers: each in a process of its own -----------------------------------------------------------------------------
def pillow_one(job):
    from PIL import Image, ImageOps
    source, target, o = job
    with Image.open(source) as image:
        ImageOps.exif_transpose(image, in_place=True)      # no copy where nothing is to be done
        if image.mode != "RGB":
            image = image.convert("RGB")
        if o["resize"] == "squash":
            image = image.resize((o["size"], o["size"]), FILTERS[o["filter"]])
        else:
            scale = o["size"] / min(image.size)
            image = image.resize([max(o["size"], round(n * scale)) for n in image.size], FILTERS[o["filter"]])
            left, top = ((n - o["size"]) // 2 for n in image.size)
            image = image.crop((left, top, left + o["size"], top + o["size"]))
        image.save(target, "JPEG", quality=o["quality"])


RESIZER = None


def img2dataset_start(o):
    global RESIZER
    from img2dataset.resizer import Resizer
    RESIZER = Resizer(o["size"], "center_crop", False, upscale_interpolation="lanczos", downscale_interpolation=o["interpolation"],
                      encode_quality=o["quality"], encode_format="jpg")


def img2dataset_one(job):
    source, target, _ = job
    with open(source, "rb") as f:
        data, *_, error = RESIZER(io.BytesIO(f.read()))
    if error:
        raise RuntimeError(error)
    with open(target, "wb") as f:
        f.write(data)


def nothing(_):
    pass


def run_peer(name, o, folder, out):
    start, one = {"pillow": (nothing, pillow_one), "img2dataset": (img2dataset_start, img2dataset_one)}[name]
    jobs = [(p, os.path.join(out, p.name), o) for p in sorted(pathlib.Path(folder).glob("*.jpg"))]
    pool = multiprocessing.Pool(o["processes"], start, (o,))
    for _ in pool.imap_unordered(one, jobs, CHUNK):
        pass
    pool.close()
    pool.join()                                     # so that the workers' time is counted


# ---- timing ------------------------------------------------------------------------------------------------------------
def timed(command, out):
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\nfailed:\n{done.stdout}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def contenders(a, folder, out, bound):
    o = {"size": a.size, "resize": a.resize, "filter": a.filter, "quality": a.quality, "processes": a.processes}
    peer = lambda name, options: [sys.executable, __file__, "peer", name, json.dumps(options), str(folder), out]
    return {
        "limn": [a.limn, "prepare", "imagefolder", str(folder), "--out", out + "/store.h5", "--size", str(a.size), "--resize", a.resize,
                 "--filter", a.filter, "--format", "jpeg", "--quality", str(a.quality), "--workers", str(a.processes), "--quiet"],
        "pillow": peer("pillow", o),
        "img2dataset area": peer("img2dataset", o | {"interpolation": "area"}),      # its default
        f"img2dataset {a.filter}": peer("img2dataset", o | {"interpolation": a.filter}),
        "decode_encode": [bound, str(folder), str(a.size), str(a.quality), str(a.processes)],
    }


def versions():
    import PIL
    from importlib.metadata import version
    from PIL import features
    return {"pillow": PIL.__version__, "pillow_libjpeg": features.version("libjpeg_turbo"), "img2dataset": version("img2dataset"),
            "opencv": version("opencv-python-headless"), "python": platform.python_version()}


def cpu():
    names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return names[0] if names else platform.machine()


def measure(a):
    pictures = len(list(a.folder.glob("*.jpg")))
    with tempfile.TemporaryDirectory(prefix="prepare-speed-") as temporary:
        bound, out = temporary + "/decode_encode", temporary + "/out"
        source = pathlib.Path(__file__).with_name("decode_encode.c")
        subprocess.run(["cc", "-O2", str(source), "-o", bound, "-ljpeg", "-pthread"], check=True)
        commands = contenders(a, a.folder, out, bound)
        times = {name: [] for name in commands}
        for turn in range(a.rounds + 1):
            for name, command in commands.items():
                result = timed(command, out)
                if turn:
                    times[name].append(result)
    common = {"pictures": pictures, "size": a.size, "resize": a.resize, "filter": a.filter, "quality": a.quality,
              "processes": a.processes, "rounds": a.rounds, "cpu": cpu(), **versions()}
    for name, rows in times.items():
        ratio = lambda i: round(statistics.median(row[i] / own[i] for row, own in zip(rows, times["limn"])), 3)
        print(json.dumps({"contender": name, "pictures_per_s": round(pictures / statistics.median(r[0] for r in rows), 1),
                          "wall_s": [round(r[0], 3) for r in rows], "cpu_s": [round(r[1], 3) for r in rows],
                          "limn_faster_by_wall": ratio(0), "limn_faster_by_cpu": ratio(1), **common}), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = p.add_subparsers(dest="verb", required=True)
    v = verbs.add_parser("input")
    v.add_argument("flickr8k", type=pathlib.Path)
    v.add_argument("folder", type=pathlib.Path)
    v.add_argument("--side", type=int, default=500)
    v.add_argument("--processes", type=int, default=2)
    v = verbs.add_parser("time")
    v.add_argument("folder", type=pathlib.Path)
    v.add_argument("--limn", required=True)
    v.add_argument("--size", type=int, default=224)
    v.add_argument("--resize", choices=("squash", "crop"), default="squash")
    v.add_argument("--filter", choices=FILTERS, default="bicubic")
    v.add_argument("--quality", type=int, default=95)
    v.add_argument("--processes", type=int, default=2)
    v.add_argument("--rounds", type=int, default=5)
    v = verbs.add_parser("peer")
    v.add_argument("name")
    v.add_argument("options", type=json.loads)
    v.add_argument("folder")
    v.add_argument("out")
    a = p.parse_args()
    if a.verb == "input":
        make_input(a.flickr8k, a.folder, a.side, a.processes)
    elif a.verb == "time":
        measure(a)
    else:
        run_peer(a.name, a.options, a.folder, a.out)


if __name__ == "__main__":
    main()
