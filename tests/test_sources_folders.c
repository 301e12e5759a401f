/* test_sources_folders.c - folders of pictures with metadata: what ends up in the catalog, and that every damage is listed with its place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/sources/split_names.h"
#include "source_case.h"

TestSuite(sources_folders, .init = source_begin, .fini = source_end);

/* ---- words of splits --------------------------------------------------------------------------------------------------- */
static const char *or_none(const char *split) { return split ? split : "none"; }

Test(sources_folders, splits_are_named_by_whole_folders_or_by_words_of_shards)
{
    cr_expect_str_eq(or_none(split_of_folders("data/Validation/1.jpg")), "val");
    cr_expect_str_eq(or_none(split_of_folders("eval/train/1.jpg")), "test");
    cr_expect_str_eq(or_none(split_of_folders("training-camp/test.jpg")), "none");
    cr_expect_str_eq(or_none(split_of_words("a/train/0001.tar")), "train");
    cr_expect_str_eq(or_none(split_of_words("flickr-dev-0001.tar")), "val");
    cr_expect_str_eq(or_none(split_of_words("latest_000.tar")), "none");
    cr_expect_str_eq(or_none(split_of_words("")), "none");
}

/* ---- imagefolder ------------------------------------------------------------------------------------------------------- */
Test(sources_folders, imagefolder_reads_metadata_of_each_split)
{
    put("train/metadata.jsonl", "\xEF\xBB\xBF{\"file_name\": \"0001.png\", \"text\": \"A golden retriever .\"}\n"
                                "{\"file_name\": \"deep/2.jpg\", \"text\": \"Two dogs .\", \"width\": 640, \"height\": 480}\r\n\n");
    put("validation/metadata.csv", "file_name,text\n3.jpg,\"A cat, asleep .\"\n");
    put("test/metadata.tsv", "text\tfile_name\n\"Quoted\" .\t4.jpg\n");
    put("train/0001.png", ""), put("train/deep/2.jpg", ""), put("train/deep/9.JPG", ""), put("validation/3.jpg", "");
    expect(read_by("imagefolder"),
           "picture test/4.jpg file=DIR/test/4.jpg split=test at=test/metadata.tsv:2\n"
           "  caption \"\"Quoted\" .\"\n"
           "picture train/0001.png file=DIR/train/0001.png split=train at=train/metadata.jsonl:1\n"
           "  caption \"A golden retriever .\"\n"
           "picture train/deep/2.jpg file=DIR/train/deep/2.jpg split=train size=640x480 at=train/metadata.jsonl:2\n"
           "  caption \"Two dogs .\"\n"
           "picture validation/3.jpg file=DIR/validation/3.jpg split=val at=validation/metadata.csv:2\n"
           "  caption \"A cat, asleep .\"\n"
           "problem no-caption train/deep/9.JPG at=train/deep/9.JPG nothing is said about this picture\n");
}

Test(sources_folders, imagefolder_reads_metadata_of_the_whole_and_splits_by_column_or_folder)
{
    put("metadata.csv", "file_name,split,caption\ntrain/1.jpg,,one\nimages\\2.jpg,validation,two\nimages//./3.jpg, test ,three\n"
                        "train/../images/2.jpg,validation,two again\nimages/4.jpg,extra,four\n");
    expect(read_by("imagefolder"),
           "picture train/1.jpg file=DIR/train/1.jpg split=train at=metadata.csv:2\n"
           "  caption \"one\"\n"
           "picture images/2.jpg file=DIR/images/2.jpg split=val at=metadata.csv:3\n"
           "  caption \"two\"\n"
           "  caption \"two again\"\n"
           "picture images/3.jpg file=DIR/images/3.jpg split=test at=metadata.csv:4\n"
           "  caption \"three\"\n"
           "picture images/4.jpg file=DIR/images/4.jpg split=extra at=metadata.csv:6\n"
           "  caption \"four\"\n");
}

Test(sources_folders, imagefolder_reads_a_folder_once_whatever_links_lead_back_to_it)
{
    char link[96];
    put("deep/metadata.csv", "file_name,text\n1.jpg,one\n");
    put("deep/1.jpg", ""), put("deep/2.jpg", "");
    snprintf(link, sizeof link, "%s/deep/latest", folder);
    cr_assert_eq(symlink(".", link), 0);
    snprintf(link, sizeof link, "%s/deep/up", folder);
    cr_assert_eq(symlink("..", link), 0);
    expect(read_by("imagefolder"), "picture deep/1.jpg file=DIR/deep/1.jpg at=deep/metadata.csv:2\n  caption \"one\"\n"
                                   "problem no-caption deep/2.jpg at=deep/2.jpg nothing is said about this picture\n");
}

Test(sources_folders, imagefolder_takes_the_first_text_there_is_and_lists_of_texts)
{
    put("metadata.jsonl", "{\"file_name\": \"a.jpg\", \"prompt\": \"no\", \"caption\": \"yes\"}\n"
                          "{\"file_name\": \"b.jpg\", \"text\": null, \"captions\": [\"one\", \"two\"]}\n"
                          "{\"file_name\": \"c.jpg\", \"prompt\": \"asked\"}\n{\"file_name\": \"d.jpg\", \"captions\": []}\n"
                          "{\"file_name\": \"b.jpg\", \"text\": \"three\"}\n");
    expect(read_by("imagefolder"),
           "picture a.jpg file=DIR/a.jpg at=metadata.jsonl:1\n  caption \"yes\"\n"
           "picture b.jpg file=DIR/b.jpg at=metadata.jsonl:2\n  caption \"one\"\n  caption \"two\"\n  caption \"three\"\n"
           "picture c.jpg file=DIR/c.jpg at=metadata.jsonl:3\n  caption \"asked\"\n"
           "picture d.jpg file=DIR/d.jpg at=metadata.jsonl:4\n");
}

Test(sources_folders, imagefolder_reads_objects_as_boxes)
{
    put("metadata.jsonl", "{\"file_name\": \"a.jpg\", \"objects\": {\"bbox\": [[302.0, 109.0, 73.0, 52.5], [0, 0, 1, 1]], \"categories\": [0, \"dog\"]}}\n"
                          "{\"file_name\": \"b.jpg\", \"objects\": {\"id\": [7], \"bbox\": [[1, 2, 3, 4]], \"category\": [\"cat\"], \"area\": [12]}}\n"
                          "{\"file_name\": \"c.jpg\", \"objects\": [{\"bbox\": [1, 2, 3, 4], \"category\": \"cow\", \"id\": 8}]}\n"
                          "{\"file_name\": \"d.jpg\", \"objects\": {\"bbox\": [], \"categories\": []}, \"text\": \"nothing\"}\n");
    expect(read_by("imagefolder"),
           "picture a.jpg file=DIR/a.jpg at=metadata.jsonl:1\n"
           "  box object 302 109 375 161.5 \"0\" at=metadata.jsonl:1\n"
           "  box object 0 0 1 1 \"dog\" at=metadata.jsonl:1\n"
           "picture b.jpg file=DIR/b.jpg at=metadata.jsonl:2\n"
           "  box object 1 2 4 6 entity=7 \"cat\" at=metadata.jsonl:2\n"
           "picture c.jpg file=DIR/c.jpg at=metadata.jsonl:3\n"
           "  box object 1 2 4 6 entity=8 \"cow\" at=metadata.jsonl:3\n"
           "picture d.jpg file=DIR/d.jpg at=metadata.jsonl:4\n"
           "  caption \"nothing\"\n");
}

Test(sources_folders, imagefolder_lists_every_damage_of_json)
{
    static const char LINES[] =
        "{\"file_name\": \"a.jpg\", \"text\": \"bad \xff byte\"}\n"
        "{\"file_name\": \"a.jpg\", \"text\": \"a \\u0000 in it\"}\n"
        "{\"file_name\": \"a.jpg\", \"text\": \"cut\n"
        "[1]\n17\n"
        "{\"text\": \"of what?\"}\n{\"file_name\": 5, \"text\": \"x\"}\n{\"file_name\": \"\", \"text\": \"x\"}\n"
        "{\"file_name\": \"../out.jpg\", \"text\": \"x\"}\n{\"file_name\": \"/etc/passwd\", \"text\": \"x\"}\n{\"file_name\": \"\\\\etc\\\\passwd\", \"text\": \"x\"}\n"
        "{\"file_name\": \"b.jpg\", \"text\": 5}\n{\"file_name\": \"b.jpg\", \"text\": [1, \" \"]}\n"
        "{\"file_name\": \"b.jpg\", \"objects\": 3}\n{\"file_name\": \"b.jpg\", \"objects\": {\"bbox\": [[1, 2, 3]], \"categories\": [\"x\"]}}\n"
        "{\"file_name\": \"b.jpg\", \"objects\": {\"bbox\": [[1, 2, 3, 4]], \"categories\": []}}\n"
        "{\"file_name\": \"b.jpg\", \"objects\": {\"bbox\": [[1, 2, 3, \"4\"], 5, [1, 2, 3, 4]], \"categories\": [\"x\", \"y\", \"\"]}}\n"
        "{\"file_name\": \"b.jpg\", \"text\": \"x\", \"text\": \"y\"}\n"
        "{\"file_name\": \"c.jpg\", \"text\": \"x\"}\n";
    put_bytes("metadata.jsonl", LINES, sizeof LINES - 1);
    expect(read_by("imagefolder"),
           "picture b.jpg file=DIR/b.jpg at=metadata.jsonl:12\n"
           "picture c.jpg file=DIR/c.jpg at=metadata.jsonl:19\n"
           "  caption \"x\"\n"
           "problem invalid-text  at=metadata.jsonl:1 is not JSON: unable to decode byte 0xff near '\"bad '\n"
           "problem invalid-text  at=metadata.jsonl:2 is not JSON: a text with a NUL character in it\n"
           "problem bad-record  at=metadata.jsonl:3 is not JSON: premature end of input near '\"cut'\n"
           "problem bad-record  at=metadata.jsonl:4 is not a JSON object\n"
           "problem bad-record  at=metadata.jsonl:5 is not a JSON object\n"
           "problem bad-record  at=metadata.jsonl:6 has no \"file_name\"\n"
           "problem bad-record  at=metadata.jsonl:7 has no \"file_name\"\n"
           "problem bad-record  at=metadata.jsonl:8 has no \"file_name\"\n"
           "problem bad-path ../out.jpg at=metadata.jsonl:9 leads out of the folder of the pictures\n"
           "problem bad-path /etc/passwd at=metadata.jsonl:10 leads out of the folder of the pictures\n"
           "problem bad-path \\etc\\passwd at=metadata.jsonl:11 leads out of the folder of the pictures\n"
           "problem bad-record b.jpg at=metadata.jsonl:12 a caption is no text\n"
           "problem bad-record b.jpg at=metadata.jsonl:13 a caption is no text\n"
           "problem empty-text b.jpg at=metadata.jsonl:13 a caption is empty\n"
           "problem bad-record b.jpg at=metadata.jsonl:14 \"objects\" has no list of boxes\n"
           "problem bad-record b.jpg at=metadata.jsonl:15 an object has no bbox of four numbers\n"
           "problem bad-record b.jpg at=metadata.jsonl:16 an object has no category\n"
           "problem bad-record b.jpg at=metadata.jsonl:17 an object has no bbox of four numbers\n"
           "problem bad-record b.jpg at=metadata.jsonl:17 an object has no bbox of four numbers\n"
           "problem empty-text b.jpg at=metadata.jsonl:17 the phrase of a box is empty\n"
           "problem bad-record  at=metadata.jsonl:18 is not JSON: duplicate object key near '\"text\"'\n");
}

Test(sources_folders, imagefolder_lists_every_damage_of_tables)
{
    put("metadata.csv", "file_name,text\na.jpg,x,y\n,x\n../a.jpg,x\na.jpg,\nb\xff.jpg,x\nc.jpg,\"bad \xff\"\n.,x\nd.jpg,fine\n");
    expect(read_by("imagefolder"),
           "picture a.jpg file=DIR/a.jpg at=metadata.csv:5\n"
           "picture c.jpg file=DIR/c.jpg at=metadata.csv:7\n"
           "picture d.jpg file=DIR/d.jpg at=metadata.csv:9\n"
           "  caption \"fine\"\n"
           "problem bad-record  at=metadata.csv:2 a row of 3 fields; the header has 2\n"
           "problem bad-record  at=metadata.csv:3 has no \"file_name\"\n"
           "problem bad-path ../a.jpg at=metadata.csv:4 leads out of the folder of the pictures\n"
           "problem empty-text a.jpg at=metadata.csv:5 a caption is empty\n"
           "problem invalid-text b\xff.jpg at=metadata.csv:6 the picture's name is not valid UTF-8\n"
           "problem invalid-text c.jpg at=metadata.csv:7 a caption is not valid UTF-8\n"
           "problem invalid-text  at=metadata.csv:8 the picture has no name\n");
}

Test(sources_folders, imagefolder_keeps_what_the_first_metadata_says_of_a_picture)
{
    put("metadata.csv", "file_name,text\ntrain/a.jpg,whole\n");
    put("train/metadata.csv", "file_name,text\na.jpg,part\n../b.jpg,up\n/c.jpg,absolute\n");
    expect(read_by("imagefolder"),
           "picture train/a.jpg file=DIR/train/a.jpg split=train at=metadata.csv:2\n  caption \"whole\"\n"
           "picture b.jpg file=DIR/b.jpg at=train/metadata.csv:3\n  caption \"up\"\n"
           "problem duplicate train/a.jpg at=train/metadata.csv:2 was named by another metadata file before; this row is left out\n"
           "problem bad-path /c.jpg at=train/metadata.csv:4 leads out of the folder of the pictures\n");
}

Test(sources_folders, imagefolder_looks_for_pictures_elsewhere_when_told)
{
    static const char *const INPUT[] = { "text", NULL };
    put("text/train/metadata.csv", "file_name,text\na.jpg,x\n");
    put("pictures/train/a.jpg", ""), put("pictures/b.jpg", "");
    expect(read_inputs("imagefolder", INPUT, "pictures"),
           "picture train/a.jpg file=DIR/pictures/train/a.jpg split=train at=train/metadata.csv:2\n  caption \"x\"\n"
           "problem no-caption b.jpg at=b.jpg nothing is said about this picture\n");
}

Test(sources_folders, imagefolder_says_what_is_missing)
{
    put("dog/1.jpg", ""), put("cat/1.jpg", "");
    expect_failure("imagefolder", "Pictures in folders named by their class have labels, not captions");
    put("metadata.parquet", "");
    expect_failure("imagefolder", "metadata.parquet is not read; write it as metadata.csv or metadata.jsonl");
    put("metadata.csv", "file_name,label\n");
    expect_failure("imagefolder", "metadata.csv: has no column text");
    put("metadata.csv", "image,text\n");
    expect_failure("imagefolder", "metadata.csv: has no column file_name");
    put("metadata.jsonl", "");
    expect_failure("imagefolder", "metadata.csv and metadata.jsonl: one of them, please");
    put("train/metadata.csv", "file_name,text\na.jpg,x\n");
    expect_inputs_failure("imagefolder", (const char *const[]){ "train/metadata.csv", NULL }, NULL, "wants one input, a folder");
}

Test(sources_folders, imagefolder_says_when_no_line_has_a_text)
{
    put("metadata.jsonl", "{\"file_name\": \"a.jpg\", \"description\": \"x\"}\n");
    expect_failure("imagefolder", "metadata.jsonl: no line says anything about its picture: wants \"text\"");
}

Test(sources_folders, imagefolder_becomes_a_store)
{
    put_photo("train/a.jpg", 50, 40), put_photo("test/b.jpg", 50, 40), put("test/c.jpg", "no picture");
    put("train/metadata.jsonl", "{\"file_name\": \"a.jpg\", \"text\": \"x\", \"objects\": {\"bbox\": [[0, 0, 10, 10], [60, 0, 5, 5]], \"categories\": [1, 2]}}\n");
    put("test/metadata.jsonl", "{\"file_name\": \"b.jpg\", \"text\": \"y\"}\n{\"file_name\": \"c.jpg\", \"text\": \"y\"}\n");
    PrepareSummary s = store_by("imagefolder");
    cr_expect(s.pictures == 2 && s.captions == 2 && s.boxes == 1 && s.splits == 2);
    cr_expect(s.problems[PROBLEM_BAD_IMAGE] == 1 && s.problems[PROBLEM_BAD_BOX] == 1 && s.rejected == 2, "%lld", (long long)s.rejected);
}
