#!/usr/bin/env python3
"""make_seeds.py - first inputs for the fuzz targets, written to FOLDER/TARGET/.

    python3 tests/fuzz/make_seeds.py FOLDER

run.sh gives them to libFuzzer; what it found interesting of them and made of them is kept in tests/fuzz/corpus."""
import bz2
import gzip
import io
import lzma
import json
import pathlib
import pickle
import shutil
import struct
import sys
import tarfile

FOLDER = pathlib.Path(sys.argv[1])
ZOO = pathlib.Path(__file__).parents[1] / "fixtures" / "image-zoo"


def seed(target, name, data):
    folder = FOLDER / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


def pictures():
    for path in sorted(ZOO.iterdir()):
        if path.suffix in (".jpg", ".png") and path.stat().st_size <= 4096:
            (FOLDER / {".jpg": "jpeg", ".png": "png"}[path.suffix]).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, FOLDER / {".jpg": "jpeg", ".png": "png"}[path.suffix] / path.name)


def exif():
    """The directories of the zoo's JPEGs, without their JPEGs."""
    for path in sorted(ZOO.glob("exif-*.jpg")):
        data = path.read_bytes()
        at = data.find(b"Exif\0\0")
        if at >= 0:
            end = at - 2 + struct.unpack(">H", data[at - 2:at])[0]
            seed("exif", path.stem, data[at + 6:end])


BOXES = """<annotation><filename>1.jpg</filename><size><width>500</width><height>333</height><depth>3</depth></size>
<object><name>5</name><name>7</name><bndbox><xmin>1</xmin><ymin>21</ymin><xmax>88</xmax><ymax>333</ymax></bndbox></object>
<object><name>6</name><scene>1</scene><nobndbox>0</nobndbox></object></annotation>
"""
SENTENCE = "[/EN#5/people A man] with [/EN#7/bodyparts/clothing an orange hat] starring at [/EN#0/notvisual something] .\n"


def entities():
    seed("entities_boxes", "plain", BOXES)
    seed("entities_boxes", "declared", '<?xml version="1.0" encoding="utf-8"?><!-- a & b -->' + BOXES.replace("<size>", '<size unit="px">'))
    seed("entities_boxes", "latin", '<?xml version="1.0" encoding="ISO-8859-1"?>' + BOXES)
    seed("entities_boxes", "utf-16", BOXES.encode("utf-16"))
    seed("entities_boxes", "doctype", '<!DOCTYPE a [<!ENTITY b "&#x41;"><!ENTITY c SYSTEM "file:///etc/hostname">]><annotation>&b;&c;</annotation>')
    seed("entities_boxes", "cdata", BOXES.replace("<name>5</name>", "<name><![CDATA[5]]>&#x30;</name>"))
    seed("entities_boxes", "names", BOXES.replace("<name>5</name>", "<name>5</name>" * 64))
    seed("entities_boxes", "deep", "<a>" * 15 + "<b/>" + "</a>" * 15)
    seed("entities_sentence", "plain", SENTENCE)
    seed("entities_sentence", "nested", "[/EN#1/a [/EN#2/b x] y] ] [ [/EN#/z ] [/EN#3/c] never [/EN#4/d closed")


def tables():
    seed("text_lines", "csv", ',image,caption,n\n1.jpg,"a ""dog"", runs\nfar",0\n\n2.jpg,"",1\n')
    seed("text_lines", "tsv", "\timage\tx0\n1.jpg\t0.5\n2.jpg\t\n")
    seed("text_lines", "bar", "|\xef\xbb\xbfimage_name| comment\r\n1.jpg| a dog .\r\n")
    seed("text_lines", "broken", ',a,b\n"open,1\n"x"y,2\n1,2,3\n5,"6\n')
    seed("text_lines", "wide", "," + "," * 1024 + "\na\n")
    seed("text_lines", "lines", ',a\n"' + "\n" * 300 + '"\n')
    seed("text_lines", "cr", ',a,b\r1,2\r3,4\r')


def sources():
    image = '{"id": 1, "file_name": "1.jpg", "width": 64, "height": 48}'
    seed("sources", "coco", 'c{"info": {}, "images": [' + image + '], "categories": [{"id": 2, "name": "dog"}], "annotations": '
         '[{"id": 3, "image_id": 1, "caption": "A dog .", "category_id": 2, "bbox": [1, 2.5, 3e1, "4"], "iscrowd": 0}, '
         '{"id": 4, "image_id": 1, "caption": "Ein \\u00fc \\ud83d\\ude00", "category_id": 2, "bbox": [0, 0, 9, 9], "iscrowd": 0}]}')
    seed("sources", "karpathy", 'k{"images": [{"filepath": "val2014", "filename": "1.jpg", "imgid": 0, "split": "restval", '
         '"sentences": [{"raw": "A dog .", "tokens": ["a", "dog"], "sentid": 0}], "cocoid": 1}], "dataset": "coco"}')
    seed("sources", "genome", 'g[{"id": 1, "image_id": 1, "width": 8, "height": 9, "url": "https://a/VG_100K/1.jpg", "regions": '
         '[{"region_id": 5, "image_id": 1, "phrase": "a dog", "x": 1, "y": 2, "width": 3, "height": 4}]}]')
    seed("sources", "flickr8k", "81.jpg#0\tA dog .\n1.jpg#1\tAnother .\n2.jpg#0\t\n1.jpg\n")
    seed("sources", "flickr30k", "3image_name| comment_number| comment\n1.jpg| 0| A dog .\n1.jpg| 1| b | c\n")
    seed("sources", "phrases", "pimage\tx0\ty0\tx1\ty1\tphrase\tsplit\tsize_known\tcaption\n1.jpg\t0\t0.1\t.5\t1\ta dog\ttrain\t1\t0\n")
    seed("sources", "lines", 'l{"image": "1.jpg", "name": "one", "split": "train", "width": 64, "height": 48, "captions": ["A dog ."], "boxes": '
         '[{"box": [1, 2, 3.5, 4], "phrase": "A dog", "kind": "phrase", "entity": 7, "caption": 0, "span": [0, 5]}]}\n{"image": "2.jpg", "caption": "x"}\n')
    seed("sources", "folder", 'i{"file_name": "train/1.jpg", "text": "A dog .", "objects": {"bbox": [[1, 2, 3, 4]], "categories": ["dog"], "id": [3]}}\n'
         '{"file_name": "a\\\\..//./2.jpg", "captions": ["x", "y"], "split": "validation", "objects": [{"bbox": [1, 2, 3, 4], "category": 5}]}\n')
    seed("sources", "table", "vfile_name,text,split\n1.jpg,\"A dog , twice\",dev\n../val/1.jpg,x,\n")
    refs = [{"ref_id": 4, "ann_id": 3, "file_name": "COCO_train2014_1_3.jpg", "image_id": 1, "split": "testA", "category_id": 2, "sent_ids": [5],
             "sentences": [{"sent_id": 5, "sent": "the dog", "raw": "The dog.", "tokens": ["the", "dog"]}]}]
    instances = ('{"images": [{"id": 1, "file_name": "COCO_train2014_000000000001.jpg", "width": 64, "height": 48}], '
                 '"annotations": [{"id": 3, "image_id": 1, "bbox": [1, 2, 3, 4]}]}')
    values = refs + [None, True, -1, 300, 70000, 1 << 40, -0.5, "\u00fc", b"\xff", (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [[]], {},
                     refs[0]["sentences"]]
    for protocol in range(6):
        seed("pickle", f"values-{protocol}", pickle.dumps(values, protocol))
    seed("pickle", "code", pickle.dumps(print, 0))
    for protocol in (0, 2, 4):
        seed("sources", f"refcoco-{protocol}", b"r" + pickle.dumps(refs, protocol) + b"\n\n" + instances.encode())
    seed("sources", "entities", "e" + SENTENCE + SENTENCE + "\n" + BOXES)


def models():
    words = ["<pad>", "<bos>", "<eos>", "<unk>", "a", "dog"]
    word = {"version": "1.0", "added_tokens": [{"id": i, "content": w, "special": True} for i, w in enumerate(words[:4])],
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Lowercase"}, {"type": "Replace", "pattern": {"Regex": "[^\\p{L}\\p{N}\\p{M}'-]+"}, "content": " "}]},
            "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": None, "decoder": None,
            "model": {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(words)}, "unk_token": "<unk>"}}
    seed("tokenizer", "word", json.dumps(word) + "\0A dog <eos> runs")
    header = json.dumps({"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
                         "b": {"dtype": "BF16", "shape": [], "data_offsets": [8, 10]}}).encode()
    seed("safetensors", "two", struct.pack("<Q", len(header)) + header + bytes(10))
    for version, length in ((1, "<H"), (2, "<I")):
        for kind, size in (("<f2", 2), ("<f4", 4), ("<f8", 8)):
            text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': (2, 1, 3), }}\n".encode()
            seed("vectors_npy", f"{kind[1:]}-{version}", b"1.jpg\r\n2.jpg\n\0\x93NUMPY" + bytes([version, 0]) + struct.pack(length, len(text))
                 + text + bytes(6 * size))


def edit(kind, which, where, data=b"", count=None):
    """An edit as input.h says: put 0, insert 1, remove 2, cut 3."""
    return bytes([kind, which]) + struct.pack("<H", where) + bytes([len(data) if count is None else count]) + data


def stores():
    for kind in range(3):
        seed("store_file", f"whole-{kind}", bytes([kind]))
        seed("store_file", f"parts-{kind}", bytes([kind]) + edit(0, 0, 30, b"at 16385"))
        seed("store_file", f"cut-{kind}", bytes([kind]) + edit(3, 0, 25000))
        for part in range(0, 42):
            seed("store_file", f"part-{kind}-{part}", bytes([kind]) + edit(0, 0x80 + part, part, b"\x55\xaa"))
        for mended in (0, 0x80):
            seed("store_journal", f"whole-{kind}-{mended}", bytes([kind + mended]))
            seed("store_journal", f"cut-{kind}-{mended}", bytes([kind + mended]) + edit(3, 0, 700))
            seed("store_journal", f"sizes-{kind}-{mended}", bytes([kind + mended]) + edit(0, 0, 8, b"\xff\xff") + edit(1, 0, 300, b"abc"))
            numbers = struct.pack("<8i", 9, 9, 4, 4, 1, 1, 1, 1)
            seed("store_journal", f"numbers-{kind}-{mended}", bytes([kind + mended]) + edit(0, 0, 104, numbers))
        for array in range(41):
            seed("store_tables", f"put-{kind}-{array}", bytes([kind + 0x80]) + edit(0, array, 8, struct.pack("<q", 1)))
        for array in range(0, 41, 5):
            seed("store_tables", f"remove-{kind}-{array}", bytes([kind]) + edit(2, array, 0, count=8) + edit(3, array + 2, 8))
    table = ("limn store, layout 2\nat 16384 bytes 8 sha256 " + 64 * "a" + " structure\nat 16392 bytes 5 checked by item images/files\n"
             "sha256 " + 64 * "0" + "\n")
    seed("store_parts", "two", struct.pack("<q", 16397) + table.encode())
    many = "limn store, layout 2\n" + "at 16384 bytes 0 checked by item a\n" * 70
    seed("store_parts", "many", struct.pack("<q", 16384) + many.encode())
    seed("store_parts", "none", struct.pack("<q", 16384) + b"limn store, layout 2\n")


def streams():
    seed("captions", "results", '0[{"image_id": 1, "caption": "A dog runs."}, {"image_id": 2, "caption": "a cat \\u00e9 1 1/2"}, '
                                '{"image_id": 1, "caption": ""}]')
    seed("captions", "annotations", '2{"images": [{"id": 1}], "annotations": [{"image_id": 1, "id": 3, "caption": "A dog runs, does it?"}, '
                                    '{"image_id": "2", "id": 3, "caption": "don\'t"}]}')
    seed("captions", "lines", '1{"image_id": 1, "caption": "A dog runs runs runs runs"}\n\n{"caption": "a\\rb", "image_id": 2.0}\n')
    seed("captions", "null", '0[{"image_id": 1, "caption": null}]')
    seed("captions", "number", '3{"image_id": 1, "caption": 7}')
    seed("json_stream", "list", ' [{"a": [1, "]"]}, "\\"", -1.5e3,\n true, "\\ud83d\\ude00"]\n')
    seed("json_stream", "object", '{"info": {"images": [1]}, "images": [{"id": 1}, 2],\n"annotations" : [ ], "n": 5, "\\u0061": null}')
    seed("json_stream", "marked", b"\xef\xbb\xbf[1]")


def shards():
    """Of each form and compression; headers without times, so that they are the same each time."""
    members = (("a/1.jpg", b"x"), ("a/1.txt", b"A dog .\n"), ("a/1.json", b'{"caption": "A dog .", "width": 4, "height": 3, "split": "val"}'),
               ("2.png", b"xy"), ("\u00fc.jpeg", b""))
    for name, form in (("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=form) as tar:
            for member, data in members:
                info = tarfile.TarInfo("long/" * 30 * (name == "gnu" and member == "2.png") + member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        data = file.getvalue().rstrip(b"\0")
        data += bytes(-len(data) % 512 + 1024)
        seed("tar", name, data)
        seed("tar", name + "-gzip", gzip.compress(data, mtime=0))
        seed("tar", name + "-xz", lzma.compress(data))
        seed("tar", name + "-bzip2", bz2.compress(data))


for make in (pictures, exif, entities, tables, sources, models, stores, streams, shards):
    make()
