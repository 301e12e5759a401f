/* test_sources_text.c - Flickr8k, Flickr30k, Flickr30k Entities and phrase boxes, and the lines and rows that they are made of: what ends
 * up in the catalog, and that every damage is listed with its place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/sources/source.h"
#include "datasets/sources/text_lines.h"
#include "source_case.h"
#include "tensor/base/file.h"

TestSuite(sources_text, .init = source_begin, .fini = source_end);

/* ---- lines ------------------------------------------------------------------------------------------------------------- */
/* "1:first|3:third|" of DIR/x, and then the problems. */
static char *lines_of(const char *data, size_t bytes)
{
    char  *text = NULL, *path = path_join(folder, "x");
    size_t size;
    FILE  *f = open_memstream(&text, &size);
    Err    err = { 0 };

    put_bytes("x", data, bytes);
    Lines *l = lines_open(catalog, path, "x", &err);
    cr_assert(l, "%s", err.text);
    for (Line line; lines_next(l, &line);) {
        cr_expect(strlen(line.text) == line.bytes);
        fprintf(f, "%s:%lld:%.20s|", line.at.file, (long long)line.at.line, line.text);
    }
    cr_expect(lines_close(l, &err), "%s", err.text);
    for (int64_t i = 0; i < catalog_problems(catalog); i++) {
        Problem p = catalog_problem_at(catalog, i);
        fprintf(f, "%s %s:%lld %s|", problem_name(p.kind), p.file, (long long)p.line, p.reason);
    }
    fclose(f);
    free(path);
    return text;
}

#define LINES(literal) lines_of(literal, sizeof literal - 1)

Test(sources_text, lines_end_with_lf_or_crlf_and_the_last_with_nothing)
{
    expect(LINES("\xEF\xBB\xBFone\r\ntwo \r three\n\nfour"), "x:1:one|x:2:two \r three|x:3:|x:4:four|");
    expect(LINES(""), "");
    expect(LINES("\n"), "x:1:|");
    expect(LINES("\xEF\xBB\xBF"), "");
}

Test(sources_text, lines_end_with_a_lone_cr_where_there_is_no_lf) { expect(LINES("one\rtwo\r\rfour\r"), "x:1:one|x:2:two|x:3:|x:4:four|"); }

Test(sources_text, lines_with_a_nul_are_listed)
{
    expect(LINES("one\nt\0wo\nthree"), "x:1:one|x:3:three|invalid-text x:2 a line with a NUL character in it|");
}

Test(sources_text, lines_may_cross_chunks_and_those_too_long_are_listed)
{
    size_t bytes = 0;
    char  *data = malloc(3 * (size_t)LINES_LONGEST);

    memset(data, 'a', 100000), bytes = 100000;
    data[bytes++] = '\n';
    memset(data + bytes, 'b', LINES_LONGEST), bytes += LINES_LONGEST;
    data[bytes++] = '\n';
    memset(data + bytes, 'c', LINES_LONGEST + 1), bytes += LINES_LONGEST + 1;
    data[bytes++] = '\n';
    data[bytes++] = 'd';
    expect(lines_of(data, bytes), "x:1:aaaaaaaaaaaaaaaaaaaa|x:2:bbbbbbbbbbbbbbbbbbbb|x:4:d|bad-record x:3 a line longer than 4 MiB|");
    free(data);
}

Test(sources_text, lines_end_the_same_wherever_a_chunk_ends)
{
    for (size_t lead = 65530; lead < 65540; lead++) {
        char data[65600], wanted[64];
        memset(data, 'a', lead);
        strcpy(data + lead, "\r\nb\r\nc");
        put_bytes("x", data, lead + 6);
        snprintf(wanted, sizeof wanted, "x:1:aaaaaaaaaaaaaaaaaaaa|x:2:b|x:3:c|");
        expect(lines_of(data, lead + 6), wanted);
    }
}

/* ---- rows -------------------------------------------------------------------------------------------------------------- */
/* "1:a;b|…" and then the problems. */
static char *rows_of(const char *data, char delimiter)
{
    char  *text = NULL, *path = path_join(folder, "x");
    size_t size;
    FILE  *f = open_memstream(&text, &size);
    Err    err = { 0 };

    put("x", data);
    Rows *r = rows_open(catalog, path, "x", delimiter, &err);
    free(path);
    if (!r) {
        fprintf(f, "%s", strstr(err.text, "has no"));
        fclose(f);
        return text;
    }
    int a = rows_column(r, "a"), b = rows_column(r, "b");
    cr_expect(rows_column(r, "absent") == -1);
    for (Row row; rows_next(r, &row);) {
        cr_expect(strlen(row.field[a]) == row.bytes[a] && strlen(row.field[b]) == row.bytes[b]);
        fprintf(f, "%lld:%s;%s|", (long long)row.at.line, row.field[a], row.field[b]);
    }
    cr_expect(rows_close(r, &err), "%s", err.text);
    for (int64_t i = 0; i < catalog_problems(catalog); i++) {
        Problem p = catalog_problem_at(catalog, i);
        fprintf(f, "%lld %s|", (long long)p.line, p.reason);
    }
    fclose(f);
    return text;
}

Test(sources_text, rows_are_those_of_rfc_4180)
{
    expect(rows_of("\xEF\xBB\xBF b ,a\r\n1,2\r\n\"x, y\",\"say \"\"no\"\"\"\r\n\r\n\"two\r\nlines\",\"\"\r\n,\r\n3 \"q\",4", ','),
           "2:2;1|3:say \"no\";x, y|5:;two\nlines|7:;|8:4;3 \"q\"|");
}

Test(sources_text, rows_have_any_delimiter_and_tsv_has_no_quotes)
{
    expect(rows_of("a|b\n1| \"two\n", '|'), "2:1; \"two|");
    expect(rows_of("a\tb\n\"1\t2, 3\"\n", '\t'), "2:\"1;2, 3\"|");
}

Test(sources_text, rows_that_are_none_are_listed_and_reading_goes_on_at_the_next_line)
{
    expect(rows_of("a,b\n1,2,3\n4\n5,6\n", ','), "4:5;6|2 a row of 3 fields; the header has 2|3 a row of 1 fields; the header has 2|");
}

Test(sources_text, rows_with_a_stray_quote_lose_no_other_row)
{
    expect(rows_of("a,b\n1,\"open\n2,fine\n3,\"good\"\n4,\"open\n5,end\n", ','),
           "3:2;fine|4:3;good|6:5;end|2 a row with text behind a closing quote|5 a row with a quote that is never closed|");
}

Test(sources_text, rows_stop_looking_for_the_end_of_a_quote)
{
    Buffer text = { 0 };
    char   line[32];

    buffer_add(&text, "a,b\n1,\"open\n", 12);
    for (int i = 0; i < 1000; i++) buffer_add(&text, line, (size_t)snprintf(line, sizeof line, "%d,x\n", i));
    buffer_add(&text, "9,\"b\"\n", 7);
    char *got = rows_of(text.p, ',');
    cr_expect(strstr(got, "3:0;x|4:1;x|") == got && strstr(got, "1002:999;x|1003:9;b|2 a row with a quote that is never closed|"));
    free(got);
    free(text.p);
}

Test(sources_text, rows_want_a_header)
{
    expect(rows_of("", ','), "has no header: its first line must name the columns");
    expect(rows_of("\"a,b\n1,2\n", ','), "has no header: its first line must name the columns");
}

/* ---- Flickr8k ---------------------------------------------------------------------------------------------------------- */
static void put_flickr8k(void)
{
    put("images/a.jpg", "never read here");
    put("images/stray.jpg", "never read here");
    put("Flickr_8k.trainImages.txt", "b.jpg\na.jpg\nb.jpg\n../leads/out.jpg\n");
    put("Flickr_8k.devImages.txt", "c.jpg\r\na.jpg\r\n\r\n");
    put("Flickr_8k.testImages.txt", "d.jpg");
}

Test(sources_text, flickr8k_reads_lists_then_captions_and_lists_every_damage)
{
    put_flickr8k();
    put_bytes("Flickr8k.token.txt",
#define TOKENS "a.jpg#0\tA dog .\na.jpg#1\t  Two dogs .  \na.jpg#0\tAgain .\nno tab here\nno number\tx\na.jpg#x\ty\na.jpg#64\ty\n" \
               "a.jpg#2\t \na.jpg#3\tbad \xff byte\nb.jpg#0\tN\0L\n\xfe.jpg#0\tx\nunlisted.jpg#0\tx\n/etc/x.jpg#0\tx\nb#c.jpg#4\tlast"
              TOKENS, sizeof TOKENS - 1);
    expect(read_by("flickr8k"),
           "picture b.jpg file=DIR/images/b.jpg split=train at=Flickr_8k.trainImages.txt:1\n"
           "picture a.jpg file=DIR/images/a.jpg split=train at=Flickr_8k.trainImages.txt:2\n"
           "  caption \"A dog .\"\n"
           "  caption \"Two dogs .\"\n"
           "picture c.jpg file=DIR/images/c.jpg split=val at=Flickr_8k.devImages.txt:1\n"
           "picture d.jpg file=DIR/images/d.jpg split=test at=Flickr_8k.testImages.txt:1\n"
           "picture unlisted.jpg file=DIR/images/unlisted.jpg at=Flickr8k.token.txt:12 left-out\n"
           "  caption \"x\"\n"
           "picture b#c.jpg file=DIR/images/b#c.jpg at=Flickr8k.token.txt:14 left-out\n"
           "  caption \"last\"\n"
           "problem duplicate b.jpg at=Flickr_8k.trainImages.txt:3 is in the list of train twice\n"
           "problem bad-path ../leads/out.jpg at=Flickr_8k.trainImages.txt:4 leads out of the folder of pictures\n"
           "problem duplicate a.jpg at=Flickr_8k.devImages.txt:2 is said to be in val too; stays in train\n"
           "problem duplicate a.jpg at=Flickr8k.token.txt:3 has a caption 0 already; this one is left out\n"
           "problem bad-record  at=Flickr8k.token.txt:4 is not \"NAME#K<tab>caption\"\n"
           "problem bad-record  at=Flickr8k.token.txt:5 is not \"NAME#K<tab>caption\"\n"
           "problem bad-record a.jpg at=Flickr8k.token.txt:6 'x' is no number of a caption (0 to 63)\n"
           "problem bad-record a.jpg at=Flickr8k.token.txt:7 '64' is no number of a caption (0 to 63)\n"
           "problem empty-text a.jpg at=Flickr8k.token.txt:8 a caption is empty\n"
           "problem invalid-text a.jpg at=Flickr8k.token.txt:9 a caption is not valid UTF-8\n"
           "problem invalid-text  at=Flickr8k.token.txt:10 a line with a NUL character in it\n"
           "problem invalid-text \xfe.jpg at=Flickr8k.token.txt:11 the picture's name is not valid UTF-8\n"
           "problem bad-path /etc/x.jpg at=Flickr8k.token.txt:13 leads out of the folder of pictures\n"
           "problem no-split unlisted.jpg at=Flickr8k.token.txt:12 is in none of the lists of splits\n"
           "problem no-split b#c.jpg at=Flickr8k.token.txt:14 is in none of the lists of splits\n"
           "problem no-caption stray.jpg at=images/stray.jpg nothing is said about this picture\n");
}

Test(sources_text, flickr8k_names_the_file_that_is_missing)
{
    put_flickr8k();
    expect_failure("flickr8k", "there is no Flickr8k.token.txt here");
}

Test(sources_text, flickr8k_wants_a_folder_of_pictures)
{
    put("Flickr8k.token.txt", "");
    expect_failure("flickr8k", "no folder of pictures");
}

/* ---- Flickr30k --------------------------------------------------------------------------------------------------------- */
static const char FLICKR30K[] =
    "picture 1.jpg file=DIR/%s/1.jpg at=%s:%d\n  caption \"Two men , one hat .\"\n  caption \"Men \"talk\" .\"\n"
    "picture 2.jpg file=DIR/%s/2.jpg at=%s:%d\n  caption \"A cat .\"\n";

static char *flickr30k_of(const char *images, const char *file, int first, int second, const char *problems)
{
    static char text[1024];
    int used = snprintf(text, sizeof text, FLICKR30K, images, file, first, images, file, second);
    snprintf(text + used, sizeof text - (size_t)used, "%s", problems);
    return text;
}

Test(sources_text, flickr30k_reads_the_token_file)
{
    put("flickr30k-images/1.jpg", "");
    put("results_20130124.token", "1.jpg#0\tTwo men , one hat .\n1.jpg#1\tMen \"talk\" .\n2.jpg#0\tA cat .\n");
    expect(read_by("flickr30k"), flickr30k_of("flickr30k-images", "results_20130124.token", 1, 3, ""));
}

Test(sources_text, flickr30k_reads_the_table_with_bars)
{
    put("flickr30k_images/flickr30k_images/1.jpg", "");
    put("flickr30k_images/results.csv", "image_name| comment_number| comment\n1.jpg| 0| Two men , one hat .\n1.jpg| 1| Men \"talk\" .\n"
        "2.jpg| 4   A cat without its bar .\n 2.jpg | 0| A cat .\n1.jpg| one| x\n1.jpg| 1| again\n");
    expect(read_by("flickr30k"), flickr30k_of("flickr30k_images/flickr30k_images", "flickr30k_images/results.csv", 2, 5,
           "problem bad-record  at=flickr30k_images/results.csv:4 a row of 2 fields; the header has 3\n"
           "problem bad-record 1.jpg at=flickr30k_images/results.csv:6 ' one' is no number of a caption (0 to 63)\n"
           "problem duplicate 1.jpg at=flickr30k_images/results.csv:7 has a caption 1 already; this one is left out\n"));
}

Test(sources_text, flickr30k_reads_the_table_with_commas)
{
    put("Images/1.jpg", "");
    put("captions.txt", "image,caption\n1.jpg,\"Two men , one hat .\"\n1.jpg,\"Men \"\"talk\"\" .\"\n2.jpg,A cat .\n");
    expect(read_by("flickr30k"), flickr30k_of("Images", "captions.txt", 2, 4, ""));
}

Test(sources_text, flickr30k_with_all_lists_stores_what_they_name)
{
    put("images/1.jpg", "");
    put("train.txt", "2\n");
    put("val.txt", "3.jpg\n");
    put("test.txt", "\n");
    put("results.csv", "image,caption\n1.jpg,x\n2.jpg,y\n");
    expect(read_by("flickr30k"),
           "picture 2.jpg file=DIR/images/2.jpg split=train at=train.txt:1\n  caption \"y\"\n"
           "picture 3.jpg file=DIR/images/3.jpg split=val at=val.txt:1\n"
           "picture 1.jpg file=DIR/images/1.jpg at=results.csv:2 left-out\n  caption \"x\"\n"
           "problem no-split 1.jpg at=results.csv:2 is in none of the lists of splits\n");
}

Test(sources_text, flickr30k_wants_columns_of_names_and_captions)
{
    put("images/1.jpg", "");
    put("results.csv", "image,words\n1.jpg,x\n");
    expect_failure("flickr30k", "there is no comment");
}

/* ---- Flickr30k Entities ------------------------------------------------------------------------------------------------ */
#define SIZE "<annotation>\n<filename>1.jpg</filename><size><width>50</width><height>40</height><depth>3</depth></size>\n"
#define BOX(names, x0, y0, x1, y1) "<object>" names "<bndbox><xmin>" #x0 "</xmin><ymin>" #y0 "</ymin><xmax>" #x1 "</xmax><ymax>" #y1 \
                                   "</ymax></bndbox></object>\n"
#define PICTURE1 "picture 1.jpg file=DIR/images/1.jpg"

Test(sources_text, entities_give_a_row_for_each_box_of_a_phrase)
{
    put("images/1.jpg", "");
    put("train.txt", "1\n");
    put("val.txt", "");
    put("test.txt", "");
    put("Sentences/1.txt", " [/EN#7/people Two  men] with [/EN#8/clothing/other a hat ]\ton [/EN#9/scene the street] see [/EN#0/notvisual it] .\n"
                           "[/EN#8/clothing Hat] of [10] men ]\n\n");
    put("Annotations/1.xml", SIZE BOX("<name>7</name>", 1, 2, 11, 22) BOX("<name>7</name><name>8</name>", 0, 5, 50, 40)
        "<object><name>9</name><scene>1</scene><nobndbox>0</nobndbox></object></annotation>\n");
    expect(read_by("flickr30k-entities"), PICTURE1 " split=train size=50x40 at=train.txt:1\n"
           "  caption \"Two men with a hat on the street see it .\"\n"
           "  caption \"Hat of [10] men ]\"\n"
           "  box phrase 0 1 11 22 entity=7 caption=0 span=0,7 \"Two men\" at=Sentences/1.txt:1\n"
           "  box phrase 0 4 50 40 entity=7 caption=0 span=0,7 \"Two men\" at=Sentences/1.txt:1\n"
           "  box phrase 0 4 50 40 entity=8 caption=0 span=13,18 \"a hat\" at=Sentences/1.txt:1\n"
           "  box none 0 0 0 0 entity=9 caption=0 span=22,32 \"the street\" at=Sentences/1.txt:1\n"
           "  box none 0 0 0 0 entity=0 caption=0 span=37,39 \"it\" at=Sentences/1.txt:1\n"
           "  box phrase 0 4 50 40 entity=8 caption=1 span=0,3 \"Hat\" at=Sentences/1.txt:2\n");
}

Test(sources_text, entities_with_odd_brackets_keep_their_words)
{
    put("images/1.jpg", "");
    put("Sentences/1.txt", "[/EN#7/people A [/EN#8/x red] man] [/EN#8/x ] runs\n[/EN#x/people A] cat [/EN#8 sits\n[/EN#7/people bad \xff]\n"
                           "[/EN#99999999999999999999/x A] dog\n[/EN#7/x ]\n[/EN#7");
    put("Annotations/1.xml", SIZE BOX("<name>7</name>", 1, 1, 9, 9) BOX("<name>8</name>", 1, 1, 9, 9) "</annotation>");
    expect(read_by("flickr30k-entities"), PICTURE1 " size=50x40 at=Sentences/1.txt\n"
           "  caption \"A red man runs\"\n  caption \"A cat sits\"\n  caption \"A dog\"\n"
           "  box phrase 0 0 9 9 entity=7 caption=0 span=0,9 \"A red man\" at=Sentences/1.txt:1\n"
           "problem bad-record 1.jpg at=Sentences/1.txt:1 a phrase within a phrase; the inner one is left out\n"
           "problem bad-record 1.jpg at=Sentences/1.txt:1 a phrase without words; it is left out\n"
           "problem bad-record 1.jpg at=Sentences/1.txt:2 a phrase without the number of its entity; it is left out\n"
           "problem bad-record 1.jpg at=Sentences/1.txt:2 a phrase that is never closed; it is left out\n"
           "problem invalid-text 1.jpg at=Sentences/1.txt:3 a caption is not valid UTF-8\n"
           "problem bad-record 1.jpg at=Sentences/1.txt:4 a phrase without the number of its entity; it is left out\n"
           "problem bad-record 1.jpg at=Sentences/1.txt:5 a phrase without words; it is left out\n"
           "problem empty-text 1.jpg at=Sentences/1.txt:5 a caption is empty\n"
           "problem bad-record 1.jpg at=Sentences/1.txt:6 a phrase that is never closed; it is left out\n"
           "problem empty-text 1.jpg at=Sentences/1.txt:6 a caption is empty\n"
           "problem bad-record 1.jpg at=Annotations/1.xml:4 an object of entity 8, of which no phrase speaks; it is left out\n");
}

Test(sources_text, entities_list_objects_that_are_none)
{
    put("images/1.jpg", "");
    put("Sentences/1.txt", "[/EN#7/people A man] of [/EN#6/people no object]\n");
    put("Annotations/1.xml",
        "<annotation><size><width>0</width></size>\n" BOX("<name>7</name>", 9, 9, 2, 2) BOX("", 1, 1, 2, 2)
        BOX("<name>7</name>", nan, 1, 2, 2) BOX("<name>seven</name>", 1, 1, 2, 2) "<object><name>7</name></object>\n"
        "<object><name>7</name><bndbox><xmin>1</xmin></bndbox></object>\n"
        BOX("<name>7</name>", 1, 1, 2, 2</ymax><ymax>3)
        BOX("<name>7</name>", 1, 1, 2, 1e9)
        "<object><name>0000000000000000000000000000000000000000000000000000000000000000007</name></object>\n</annotation>");
    expect(read_by("flickr30k-entities"), PICTURE1 " at=Sentences/1.txt\n  caption \"A man of no object\"\n"
           "  box phrase 8 8 2 2 entity=7 caption=0 span=0,5 \"A man\" at=Sentences/1.txt:1\n"
           "problem bad-record 1.jpg at=Annotations/1.xml:1 a size that is none; boxes are taken to be in the picture's pixels\n"
           "problem bad-record 1.jpg at=Annotations/1.xml:3 an object without a name\n"
           "problem bad-record 1.jpg at=Annotations/1.xml:4 an element whose text is not a number\n"
           "problem bad-record 1.jpg at=Annotations/1.xml:5 an object whose name is not the number of an entity\n"
           "problem bad-record 1.jpg at=Annotations/1.xml:6 an object with neither a box nor word that there is none\n"
           "problem bad-record 1.jpg at=Annotations/1.xml:7 an object whose box lacks a corner\n"
           "problem bad-record 1.jpg at=Annotations/1.xml:8 an object with an element twice\n"
           "problem bad-record 1.jpg at=Annotations/1.xml:9 an element whose text is not a number\n"
           "problem bad-record 1.jpg at=Annotations/1.xml:10 an element whose text is too long\n"
           "problem bad-record 1.jpg at=Sentences/1.txt:1 a phrase of entity 6, of which the annotation knows nothing; it is left out\n");
}

/* A damaged annotation costs its boxes and nothing else. */
static void expect_damaged(const char *xml, const char *place_and_reason)
{
    char wanted[512];
    put("images/1.jpg", "");
    put("Sentences/1.txt", "[/EN#7/people A man] sees [/EN#0/notvisual it]\n");
    put("Annotations/none.txt", "");
    if (xml) put("Annotations/1.xml", xml);
    snprintf(wanted, sizeof wanted, PICTURE1 " at=Sentences/1.txt\n  caption \"A man sees it\"\n"
             "  box none 0 0 0 0 entity=0 caption=0 span=11,13 \"it\" at=Sentences/1.txt:1\nproblem damaged-file 1.jpg at=Annotations/1.xml%s\n",
             place_and_reason);
    expect(read_by("flickr30k-entities"), wanted);
}

Test(sources_text, entities_without_annotation_keep_their_captions) { expect_damaged(NULL, " is not there"); }

Test(sources_text, entities_with_a_truncated_annotation_keep_their_captions)
{
    expect_damaged(SIZE BOX("<name>7</name>", 1, 1, 2, 2) "<object><na", ":4 is not well-formed XML: unclosed token");
}

Test(sources_text, entities_of_another_document_type_are_refused)
{
    expect_damaged("<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">"
                   "<!ENTITY c SYSTEM \"file:///etc/passwd\">]>\n<annotation>&b;&c;</annotation>",
                   ":2 declares a document type, which no annotation needs");
}

Test(sources_text, entities_too_deep_are_refused)
{
    char xml[512] = "";
    for (int i = 0; i < 100; i++) strcat(xml, "<a>");
    expect_damaged(xml, ":1 has elements more than 16 deep");
}

Test(sources_text, entities_with_an_annotation_but_no_sentences_are_listed)
{
    put("images/1.jpg", "");
    put("flickr30k_entities/Sentences/1.txt", "A man\n");
    put("flickr30k_entities/Annotations/1.xml", SIZE "</annotation>");
    put("flickr30k_entities/Annotations/2.xml", SIZE "</annotation>");
    expect(read_by("flickr30k-entities"), PICTURE1 " size=50x40 at=flickr30k_entities/Sentences/1.txt\n  caption \"A man\"\n"
           "problem no-caption 2 at=flickr30k_entities/Annotations/2.xml an annotation of a picture without sentences\n");
    const json_t *inputs = catalog_inputs(catalog);
    cr_assert(json_array_size(inputs) == 2);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(inputs, 1), "name")), "flickr30k_entities/Annotations/*.xml");
    cr_expect(json_integer_value(json_object_get(json_array_get(inputs, 1), "files")) == 2);
}

Test(sources_text, entities_want_sentences)
{
    put("images/1.jpg", "");
    expect_failure("flickr30k-entities", "no folder Sentences");
}

/* ---- phrase boxes ------------------------------------------------------------------------------------------------------ */
#define AT_TABLE(line) " at=phrase_boxes.tsv:" #line "\n"

Test(sources_text, phrase_boxes_join_the_layout_of_flickr8k)
{
    put_flickr8k();
    put("Flickr_8k.trainImages.txt", "a.jpg\n");
    put("Flickr_8k.devImages.txt", "");
    put("Flickr8k.token.txt", "a.jpg#0\tA dog with a ball .\nd.jpg#0\tA cat .\n");
    put("phrase_boxes.tsv",
        "image\tsplit\tx0\ty0\tx1\ty1\tsize_known\tphrase\tcaption\n"
        "a.jpg\ttrain\t0.25\t0\t1\t0.5\t0\ta ball\t0\n"
        "d.jpg\ttest\t0\t0\t1\t1\t1\tA cat\t\n"
        "d.jpg\ttest\t0\t0\t1\t1\t0\tA guess\t\n"
        "d.jpg\ttrain\t0\t0\t1\t1\t0\tstays in test\t\n"
        "a.jpg\ttrain\t0\t0\t1\t1\t1\ta horse\t0\n"
        "a.jpg\ttrain\t0\t0\t1\t1\t1\tA dog\t1\n"
        "a.jpg\ttrain\t0\tzero\t1\t1\t1\tx\t\n"
        "a.jpg\ttrain\t0\tinf\t1\t1\t1\tx\t\n"
        "a.jpg\ttrain\t0\t0\t1\t1\t2\tx\t\n"
        "a.jpg\tverification\t0\t0\t1\t1\t1\tx\t\n"
        "a.jpg\ttrain\t0\t0\t1\t1\t1\t \t\n"
        "a.jpg\ttrain\t0\n"
        "../a.jpg\ttrain\t0\t0\t1\t1\t1\tx\t\n"
        "e.jpg\tdev\t0\t0\t1\t1\t1\tno captions\t");
    expect(read_by("phrase-boxes"),
           "picture a.jpg file=DIR/images/a.jpg split=train at=Flickr_8k.trainImages.txt:1\n"
           "  caption \"A dog with a ball .\"\n"
           "  box phrase 0.25 0 1 0.5 fractions caption=0 span=11,17 \"a ball\"" AT_TABLE(2)
           "  box phrase 0 0 1 1 fractions \"a horse\"" AT_TABLE(6)
           "  box phrase 0 0 1 1 fractions \"A dog\"" AT_TABLE(7)
           "picture d.jpg file=DIR/images/d.jpg split=test at=Flickr_8k.testImages.txt:1\n"
           "  caption \"A cat .\"\n"
           "  box phrase 0 0 1 1 fractions \"A cat\"" AT_TABLE(3)
           "picture e.jpg file=DIR/images/e.jpg split=val at=phrase_boxes.tsv:15\n"
           "  box phrase 0 0 1 1 fractions \"no captions\"" AT_TABLE(15)
           "problem duplicate d.jpg at=phrase_boxes.tsv:5 is said to be in train too; stays in test\n"
           "problem bad-span a.jpg at=phrase_boxes.tsv:6 the phrase is not in caption '0'\n"
           "problem bad-span a.jpg at=phrase_boxes.tsv:7 the phrase is not in caption '1'\n"
           "problem bad-record a.jpg at=phrase_boxes.tsv:8 wants corners in 0 to 1, not 'zero'\n"
           "problem bad-record a.jpg at=phrase_boxes.tsv:9 wants corners in 0 to 1, not 'inf'\n"
           "problem bad-record a.jpg at=phrase_boxes.tsv:10 wants size_known 0 or 1, not '2'\n"
           "problem bad-record a.jpg at=phrase_boxes.tsv:11 wants a split train, dev, val or test, not 'verification'\n"
           "problem empty-text a.jpg at=phrase_boxes.tsv:12 the phrase of a box is empty\n"
           "problem bad-record  at=phrase_boxes.tsv:13 a row of 3 fields; the header has 9\n"
           "problem bad-path ../a.jpg at=phrase_boxes.tsv:14 leads out of the folder of pictures\n"
           "problem no-caption stray.jpg at=images/stray.jpg nothing is said about this picture\n");
}

Test(sources_text, phrase_boxes_do_without_captions)
{
    put("images/a.jpg", "");
    put("phrase_boxes.tsv", "phrase\timage\tx0\ty0\tx1\ty1\r\na dog\ta.jpg\t0\t0\t1\t1\r\n");
    expect(read_by("phrase-boxes"), "picture a.jpg file=DIR/images/a.jpg at=phrase_boxes.tsv:2\n"
                                    "  box phrase 0 0 1 1 fractions \"a dog\"" AT_TABLE(2));
}

Test(sources_text, phrase_boxes_want_their_columns)
{
    put("images/a.jpg", "");
    put("phrase_boxes.tsv", "image\tx0\ty0\tx1\tphrase\n");
    expect_failure("phrase-boxes", "has no column 'y1'");
}

/* ---- into a store ------------------------------------------------------------------------------------------------------ */
Test(sources_text, entities_become_a_store_that_lists_boxes_without_area)
{
    put_photo("images/1.jpg", 50, 40);
    put("train.txt", "1\n");
    put("Sentences/1.txt", "[/EN#7/people A man] and [/EN#8/people a dog] see [/EN#0/notvisual it]\n");
    put("Annotations/1.xml", SIZE BOX("<name>7</name>", 1, 1, 20, 20) BOX("<name>8</name>", 9, 9, 8, 20) "</annotation>");
    PrepareSummary s = store_by("flickr30k-entities");
    cr_expect(s.pictures == 1 && s.captions == 1 && s.boxes == 2, "%lld %lld %lld", (long long)s.pictures, (long long)s.captions, (long long)s.boxes);
    cr_expect(s.rejected == 1 && s.problems[PROBLEM_BAD_BOX] == 1);
}

Test(sources_text, flickr30k_becomes_a_store_that_lists_pictures_not_there)
{
    put_photo("images/1.jpg", 50, 40);
    put("results.csv", "image,caption\n1.jpg,x\n2.jpg,y\n");
    PrepareSummary s = store_by("flickr30k");
    cr_expect(s.pictures == 1 && s.captions == 1 && s.rejected == 1 && s.problems[PROBLEM_NO_IMAGE] == 1);
}

Test(sources_text, phrase_boxes_become_a_store)
{
    put_photo("images/a.jpg", 50, 40);
    put("phrase_boxes.tsv", "phrase\timage\tx0\ty0\tx1\ty1\na dog\ta.jpg\t0\t0\t1\t1\na flat dog\ta.jpg\t0.5\t0\t0.5\t1\n");
    PrepareSummary s = store_by("phrase-boxes");
    cr_expect(s.pictures == 1 && s.boxes == 1 && s.problems[PROBLEM_BAD_BOX] == 1);
}

/* ---- the data sets themselves ------------------------------------------------------------------------------------------ */
Test(sources_text, flickr8k_as_it_is_has_its_pictures_captions_and_boxes)
{
    char path[512];
    const char *root = getenv("LIMN_ROOT");
    snprintf(path, sizeof path, "%s/../shared/data/flickr8k", root ? root : ".");
    if (!folder_exists(path)) cr_skip_test("%s is not here", "../shared/data/flickr8k");

    const char    *input = path;
    PrepareOptions o = prepare_defaults();
    Err            err = { 0 };
    o.inputs = &input;
    o.input_count = 1;
    cr_assert(source_phrase_boxes.read(catalog, &o, &err) && catalog_finish(catalog, &err), "%s", err.text);

    int64_t captions = 0, boxes = 0, left_out = 0;
    for (int64_t i = 0; i < catalog_count(catalog); i++) {
        CatalogEntry e;
        cr_assert(catalog_entry(catalog, i, &e, &err), "%s", err.text);
        captions += e.caption_count;
        boxes += e.box_count;
        left_out += e.left_out;
        catalog_entry_free(&e);
    }
    /* 91 photographs are in none of the lists; of 35,896 rows 7,942 have guessed corners and are not of train. */
    cr_expect(catalog_count(catalog) == 8091 && captions == 40455 && left_out == 91 && boxes == 27954 && catalog_problems(catalog) == 91,
              "%lld pictures, %lld captions, %lld left out, %lld boxes, %lld problems", (long long)catalog_count(catalog), (long long)captions,
              (long long)left_out, (long long)boxes, (long long)catalog_problems(catalog));
}
