/* test_prepare_damage_sources.c - what only the layouts of particular sources can have wrong: ids, lists, numbers, tables, XML, shards. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/file.h"
#include "tests/planted.h"

TestSuite(prepare_damage_sources, .init = source_begin, .fini = source_end);

static void put_good(const char *folder_name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        char path[128];
        snprintf(path, sizeof path, "data/%s/%s", folder_name, names[i]);
        put_striped(path, i, 30, 20);
    }
    planted_good = count;
}

/* Of another file, or of a picture about which no line says anything. */
static void plant_at(const char *file, int64_t at, const char *kind, const char *name, const char *words)
{
    planted_file(file);
    line = at;
    plant(kind, name, words);
    planted_file_abandon();
}

Test(prepare_damage_sources, lists_and_numbered_captions)
{
    static const char *const GOOD[] = { "a.jpg", "b.jpg", "c.jpg" };
    static const char RECORD[] = "bad-record", TWICE[] = "duplicate", PATH[] = "bad-path";
    put_good("images", GOOD, 3);
    put_striped("data/images/mute.jpg", 1, 8, 8);
    put("data/images/readme.txt", "not a picture, and nobody says so");
    plant_at("images/mute.jpg", 0, "no-caption", "mute.jpg", "nothing is said");

    planted_file("Flickr_8k.trainImages.txt");
    say("a.jpg");
    BAD(TWICE, "a.jpg", "twice", "a.jpg");
    BAD("no-image", "absent.jpg", "no such file", "absent.jpg");
    BAD(PATH, "../a.jpg", "leads out", "../a.jpg");
    BAD("invalid-text", "caf?.jpg", "not valid UTF-8", "caf\xe9.jpg");
    say("%s", "");
    BAD("no-caption", "silent.jpg", "nothing is said", "silent.jpg");
    planted_file_end();
    planted_file("Flickr_8k.devImages.txt");
    say("b.jpg");
    BAD(TWICE, "a.jpg", "stays in train", "a.jpg");
    planted_file_end();
    put("data/Flickr_8k.testImages.txt", "c.jpg\n");

    planted_file("Flickr8k.token.txt");
    say("a.jpg#0\tA dog.\nb.jpg#0\tA cat.\nc.jpg#0\tA hat.\nabsent.jpg#0\tA ghost.");
    line = 4;
    BAD(TWICE, "a.jpg", "caption 0 already", "a.jpg#0\tAnother dog.");
    BAD(RECORD, "a.jpg", "no number", "a.jpg#99\tToo high.");
    BAD(RECORD, "a.jpg", "no number", "a.jpg#-1\tToo low.");
    BAD(RECORD, "a.jpg", "no number", "a.jpg#one\tA word.");
    BAD(RECORD, "a.jpg", "no number", "a.jpg#\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
                                      "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4x\xc3\xa4\tCut in the middle of a letter.");
    BAD(RECORD, "", "NAME#K", "a.jpg\tNo number.");
    BAD(RECORD, "", "NAME#K", "a.jpg#1 A blank for the tab.");
    BAD("empty-text", "b.jpg", "is empty", "b.jpg#1\t");
    BAD("empty-text", "b.jpg", "is empty", "b.jpg#2\t  \t ");
    BAD("invalid-text", "b.jpg", "not valid UTF-8", "b.jpg#3\tLatin \xe9 one.");
    BAD("invalid-text", "", "NUL", "b.jpg#4\tA%cNUL.", 0);
    BAD("no-split", "unlisted.jpg", "none of the lists", "unlisted.jpg#0\tIn no list.");
    BAD(PATH, "/etc/hosts", "leads out", "/etc/hosts#0\tAn absolute path.");
    planted_file_end();
    expect_damage("flickr8k", case_options("a.h5"), "a.h5");
}

Test(prepare_damage_sources, ids_of_coco)
{
    static const char *const GOOD[] = { "a.png", "b.png", "c.png" };
    static const char RECORD[] = "bad-record", TWICE[] = "duplicate";
    put_good("train2017", GOOD, 3);

    planted_file("annotations/captions_train2017.json");
    say("{\"images\": [{\"id\": 1, \"file_name\": \"a.png\", \"width\": 30, \"height\": 20},");
    say("{\"id\": 2, \"file_name\": \"b.png\"}, {\"id\": 3, \"file_name\": \"c.png\"},");
    BAD(RECORD, "d.png", "has no id", "{\"file_name\": \"d.png\"},");
    BAD(RECORD, "", "no file_name", "{\"id\": 4},");
    BAD(TWICE, "d.png", "has an id that another image has", "{\"id\": 3, \"file_name\": \"d.png\"},");
    BAD("bad-path", "/tmp/e.png", "leads out", "{\"id\": 5, \"file_name\": \"/tmp/e.png\"},");
    BAD("no-image", "f.png", "no such file", "{\"id\": 6, \"file_name\": \"f.png\"}, ");
    BAD(RECORD, "", "no id", "7, ");
    BAD("no-caption", "g.png", "nothing is said", "{\"id\": 8, \"file_name\": \"g.png\"}], ");
    say("\"annotations\": [{\"id\": 1, \"image_id\": 1, \"caption\": \"A dog.\"}, {\"id\": 2, \"image_id\": 2, \"caption\": \"A cat.\"},");
    say("{\"id\": 3, \"image_id\": 3, \"caption\": \"A hat.\"}, {\"id\": 4, \"image_id\": 6, \"caption\": \"A ghost.\"},");
    BAD(TWICE, "1", "another annotation", "{\"id\": 1, \"image_id\": 1, \"caption\": \"Again.\"},");
    BAD("no-image", "99", "the file does not have", "{\"id\": 5, \"image_id\": 99, \"caption\": \"Nobody's.\"},");
    BAD(RECORD, "", "no caption", "{\"id\": 6, \"image_id\": 1},");
    BAD(RECORD, "", "no id or no image_id", "{\"id\": 7, \"caption\": \"Whose?\"},");
    BAD("empty-text", "a.png", "is empty", "{\"id\": 8, \"image_id\": 1, \"caption\": \"\"}]}");
    planted_file_end();

    planted_file("annotations/instances_train2017.json");
    say("{\"images\": [{\"id\": 1, \"file_name\": \"a.png\"}, {\"id\": 2, \"file_name\": \"b.png\"}],");
    say("\"categories\": [{\"id\": 1, \"name\": \"dog\"},");
    BAD(TWICE, "cat", "another category", "{\"id\": 1, \"name\": \"cat\"},");
    BAD(RECORD, "", "no name", "{\"id\": 2}],");
    BAD("bad-box", "a.png", "no area", "\"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 0, 5]},");
    BAD("bad-box", "a.png", "no area", "{\"id\": 2, \"image_id\": 1, \"category_id\": 1, \"bbox\": [9, 9, -5, -5]},");
    BAD("bad-box", "a.png", "outside", "{\"id\": 3, \"image_id\": 1, \"category_id\": 1, \"bbox\": [31, 2, 5, 5]},");
    BAD("clipped-box", "a.png", "reached out", "{\"id\": 4, \"image_id\": 1, \"category_id\": 1, \"bbox\": [20, 2, 15, 5]},");
    BAD(RECORD, "", "category", "{\"id\": 5, \"image_id\": 1, \"category_id\": 7, \"bbox\": [1, 2, 5, 5]},");
    BAD(RECORD, "", "bbox of four", "{\"id\": 6, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 5]}]}");
    planted_file_end();
    expect_damage("coco", case_options("a.h5"), "a.h5");
}

#define OBJECT(name, x0, y0, x1, y1) "<object><name>" name "</name><bndbox><xmin>" x0 "</xmin><ymin>" y0 "</ymin><xmax>" x1 "</xmax>" \
    "<ymax>" y1 "</ymax></bndbox></object>"

Test(prepare_damage_sources, sentences_and_annotations_of_entities)
{
    static const char *const GOOD[] = { "1.jpg", "2.jpg", "3.jpg" };
    static const char RECORD[] = "bad-record";
    put_good("flickr30k-images", GOOD, 3);
    put("data/train.txt", "1\n2\n3\n");
    put("data/val.txt", "4\n");
    put("data/test.txt", "5\n");
    plant_at("val.txt", 1, "no-caption", "4.jpg", "nothing is said");
    plant_at("test.txt", 1, "no-caption", "5.jpg", "nothing is said");

    planted_file("Sentences/1.txt");
    say("[/EN#1/people A man] runs .");
    BAD(RECORD, "1.jpg", "knows nothing", "[/EN#9/people A stranger] waits .");
    BAD(RECORD, "1.jpg", "never closed", "[/EN#1/people A man .");
    BAD(RECORD, "1.jpg", "without words", "[/EN#1/people ] runs .");
    BAD(RECORD, "1.jpg", "without the number", "[/EN#x/people A man] runs .");
    BAD(RECORD, "1.jpg", "within a phrase", "[/EN#1/people A man in [/EN#2/clothing a hat]] runs .");
    BAD("invalid-text", "1.jpg", "not valid UTF-8", "[/EN#1/people A man\xff] runs .");
    BAD("bad-box", "1.jpg", "outside", "[/EN#2/clothing A hat] flies .");
    planted_file_end();
    planted_file("Annotations/1.xml");
    say("<annotation><size><width>30</width><height>20</height></size>");
    say(OBJECT("1", "2", "3", "9", "9"));
    say(OBJECT("2", "40", "3", "49", "9"));
    BAD(RECORD, "1.jpg", "no phrase speaks", OBJECT("77", "2", "3", "9", "9"));
    BAD(RECORD, "1.jpg", "not a number", OBJECT("1", "left", "3", "9", "9"));
    BAD(RECORD, "1.jpg", "without a name", "<object><nobndbox>1</nobndbox></object>");
    BAD(RECORD, "1.jpg", "lacks a corner", "<object><name>1</name><bndbox><xmin>1</xmin></bndbox></object>");
    say("</annotation>");
    planted_file_end();

    put("data/Sentences/2.txt", "[/EN#5/animals A dog] barks .\n");
    planted_file("Annotations/2.xml");
    say("<annotation>");
    BAD("damaged-file", "2.jpg", "not well-formed", "<object><name>5</object>");
    planted_file_end();
    put("data/Sentences/3.txt", "A cat sleeps .\n");
    plant_at("Annotations/3.xml", 0, "damaged-file", "3.jpg", "is not there");
    put("data/Annotations/6.xml", "<annotation></annotation>\n");
    plant_at("Annotations/6.xml", 0, "no-caption", "6", "without sentences");
    expect_damage("flickr30k-entities", case_options("a.h5"), "a.h5");
}

Test(prepare_damage_sources, rows_of_a_table_of_boxes)
{
    static const char *const GOOD[] = { "a.jpg" };
    static const char RECORD[] = "bad-record";
    put_good("images", GOOD, 1);
    put("data/Flickr8k.token.txt", "a.jpg#0\tA gr\xc3\xbcn dog.\n");

    planted_file("phrase_boxes.tsv");
    say("image\tx0\ty0\tx1\ty1\tphrase\tsplit\tsize_known\tcaption");
    say("a.jpg\t0.1\t0.1\t0.5\t0.5\tdog\ttrain\t1\t0");
    BAD(RECORD, "a.jpg", "not 'nan'", "a.jpg\tnan\t0.1\t0.5\t0.5\tdog\ttrain\t1\t0");
    BAD(RECORD, "a.jpg", "not 'inf'", "a.jpg\t0.1\tinf\t0.5\t0.5\tdog\ttrain\t1\t0");
    BAD(RECORD, "a.jpg", "not ''", "a.jpg\t\t0.1\t0.5\t0.5\tdog\ttrain\t1\t0");
    BAD("bad-box", "a.jpg", "no area", "a.jpg\t0.6\t0.1\t0.5\t0.5\tdog\ttrain\t1\t0");
    BAD("bad-box", "a.jpg", "outside", "a.jpg\t1.6\t0.1\t2.5\t0.5\tdog\ttrain\t1\t0");
    BAD("clipped-box", "a.jpg", "reached out", "a.jpg\t-0.6\t0.1\t0.5\t0.5\tdog\ttrain\t1\t0");
    BAD("bad-span", "a.jpg", "not in caption", "a.jpg\t0.1\t0.1\t0.5\t0.5\tcat\ttrain\t1\t0");
    BAD("bad-span", "a.jpg", "not in caption", "a.jpg\t0.1\t0.1\t0.5\t0.5\tdog\ttrain\t1\t7");
    BAD(RECORD, "a.jpg", "wants a split", "a.jpg\t0.1\t0.1\t0.5\t0.5\tdog\tmaybe\t1\t0");
    BAD(RECORD, "a.jpg", "size_known", "a.jpg\t0.1\t0.1\t0.5\t0.5\tdog\ttrain\tyes\t0");
    BAD("empty-text", "a.jpg", "is empty", "a.jpg\t0.1\t0.1\t0.5\t0.5\t \ttrain\t1\t");
    BAD(RECORD, "", "2 fields", "a.jpg\t0.1");
    BAD("no-image", "ghost.jpg", "no such file", "ghost.jpg\t0.1\t0.1\t0.5\t0.5\tdog\ttrain\t1\t");
    planted_file_end();
    expect_damage("phrase-boxes", case_options("a.h5"), "a.h5");
}

static void tar(const char *shard, const char *members)
{
    char command[1024];
    snprintf(command, sizeof command, "cd %s/data && tar --format=ustar -cf %s %s && rm -rf in", folder, shard, members);
    cr_assert_eq(system(command), 0);
}

Test(prepare_damage_sources, samples_of_shards)
{
    size_t bytes;
    Err    err = { 0 };

    planted_good = 3;
    put_striped("data/in/a.jpg", 1, 30, 20);
    put("data/in/a.txt", "A dog.");
    put("data/in/b.txt", "A cat without its picture.");
    put("data/in/c.jpg", "no picture");
    put("data/in/c.txt", "A hat.");
    put_striped("data/in/d.jpg", 2, 30, 20);
    put("data/in/d.json", "{\"caption\": \"cut");
    put_striped("data/in/e.png", 3, 30, 20);
    put("data/in/e.txt", "A tree \xff.");
    put("data/in/e.json", "{\"captions\": [\"A tree.\", 4]}");
    put_striped("data/in/f.jpg", 4, 30, 20);
    put("data/in/f.txt", " \n");
    tar("train-0.tar", "in/a.jpg in/a.txt in/b.txt in/c.jpg in/c.txt in/d.jpg in/d.json in/e.png in/e.txt in/e.json in/f.jpg in/f.txt");
    plant_at("train-0.tar", 0, "no-image", "in/b", "texts and no");
    plant_at("train-0.tar", 0, "damaged-image", "in/c.jpg", "neither");
    plant_at("train-0.tar", 0, "bad-record", "in/d.jpg", "not JSON");
    plant_at("train-0.tar", 0, "no-caption", "in/d.jpg", "nothing is said");
    plant_at("train-0.tar", 0, "invalid-text", "in/e.png", "not valid UTF-8");
    plant_at("train-0.tar", 0, "bad-record", "in/e.png", "no text");
    plant_at("train-0.tar", 0, "empty-text", "in/f.jpg", "is empty");
    plant_at("train-0.tar", 0, "no-caption", "in/f.jpg", "nothing is said");

    put_striped("data/in/g.jpg", 5, 30, 20);
    put("data/in/g.txt", "A boat.");
    put_striped("data/in/h.jpg", 6, 200, 200);
    put("data/in/h.txt", "A moon behind the cut.");
    tar("train-1.tar", "in/g.jpg in/g.txt in/h.jpg in/h.txt");
    char *whole = file_read(in_folder("data/train-1.tar"), &bytes, &err);
    put_bytes("data/train-1.tar", whole, bytes / 2);
    free(whole);
    plant_at("train-1.tar", 0, "damaged-file", "in/h", "cannot be read on");
    put("data/val-0.tar", "this is no archive");
    plant_at("val-0.tar", 0, "damaged-file", "", "not a tar archive");
    put("data/val-1.tar", "");
    plant_at("val-1.tar", 0, "damaged-file", "", "not a tar archive");
    expect_damage("webdataset", case_options("a.h5"), "a.h5");
}
