/* picture.c - decode, turn upright, resize, encode, hash; boxes and problems follow. */
#include "datasets/prepare/picture.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vision/phash.h"

typedef struct Work {
    const PictureJob   *job;
    const CatalogEntry *e;
    ImageInfo           info;
    Placement           placement;
    Buffer              problems;                /* Problem; reasons are ours                                           */
    StoreBox           *boxes; int box_count;
    MadePicture         made;
} Work;

static void problem(Work *w, ProblemKind kind, Place at, const char *format, ...) __attribute__((format(printf, 4, 5)));

static void problem(Work *w, ProblemKind kind, Place at, const char *format, ...)
{
    char    *what = NULL, *reason = NULL;
    va_list  ap;
    va_start(ap, format);
    if (vasprintf(&what, format, ap) < 0) REQUIRE(false, "out of memory");
    va_end(ap);
    if (asprintf(&reason, "%s%s", place_text(at).text, what) < 0) REQUIRE(false, "out of memory");
    free(what);

    Problem p = { kind, w->e->name, at.file ? at.file : "", at.line, reason };
    buffer_add(&w->problems, &p, sizeof p);
}

/* What a decoder said without the name, which is listed beside it. */
static const char *without_name(const char *said, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(said, name, n) == 0) said += n;
    return said + strspn(said, ": ");
}

/* ---- boxes ------------------------------------------------------------------------------------------------------------- */
/* Were these boxes drawn on the picture as it is stored, or on one that was turned upright? Where the declared size tells, it decides.
 * Else they are taken as drawn on the stored pixels: so were COCO's and all of its time, whose tools knew nothing of EXIF. */
static bool drawn_upright(const Work *w)
{
    BoxFrame frame = w->job->o->frame;
    bool     turned = w->info.orientation >= 5 && w->info.width != w->info.height;

    if (frame != FRAME_AUTO) return frame == FRAME_UPRIGHT;
    return turned && w->e->width == w->info.width && w->e->height == w->info.height;
}

/* By the options, or because the declared size is that of one and not of the other. */
static bool turn_is_known(const Work *w)
{
    bool tells = w->info.orientation >= 5 && w->info.width != w->info.height && w->e->width > 0;
    return w->info.orientation == 1 || w->job->o->frame != FRAME_AUTO || tells;
}

/* In pixels of the upright picture. */
static void upright_box(const Work *w, const CatalogBox *b, bool upright, double out[4])
{
    bool   turned = w->info.orientation >= 5;
    int    W = upright || !turned ? w->info.width : w->info.height, H = upright || !turned ? w->info.height : w->info.width;
    double declared_w = b->fractions ? 1 : w->e->width ? w->e->width : W, declared_h = b->fractions ? 1 : w->e->height ? w->e->height : H;
    double box[4] = { b->x0 * W / declared_w, b->y0 * H / declared_h, b->x1 * W / declared_w, b->y1 * H / declared_h };

    if (upright) memcpy(out, box, sizeof box);
    else         image_upright_box(w->info.orientation, w->info.width, w->info.height, box, out);
}

/* Annotations round: a pixel over the edge is cut without a word. */
static bool fits(Work *w, const CatalogBoxAt *b, double box[4])
{
    const double W = w->info.width, H = w->info.height, most = 1;
    const char *what = b->box.phrase ? b->box.phrase : "without a phrase";

    /* As it was given: turning upright puts corners in order. */
    const double given[4] = { b->box.x0, b->box.y0, b->box.x1, b->box.y1 };

    for (int i = 0; i < 4; i++)
        if (!isfinite(given[i]) || !isfinite(box[i])) return problem(w, PROBLEM_BAD_BOX, b->at, "a box (%s) is not finite", what), false;
    if (given[2] <= given[0] || given[3] <= given[1])
        return problem(w, PROBLEM_BAD_BOX, b->at, "a box (%s) has no area: %g %g %g %g", what, given[0], given[1], given[2], given[3]), false;
    if (box[0] >= W || box[1] >= H || box[2] <= 0 || box[3] <= 0)
        return problem(w, PROBLEM_BAD_BOX, b->at, "a box (%s) is outside the picture: %g %g %g %g", what, given[0], given[1], given[2],
                       given[3]), false;
    if (box[0] < -most || box[1] < -most || box[2] > W + most || box[3] > H + most)
        problem(w, PROBLEM_CLIPPED_BOX, b->at, "a box (%s) reached out of the picture: %g %g %g %g", what, given[0], given[1], given[2],
                given[3]);
    box[0] = fmax(box[0], 0), box[1] = fmax(box[1], 0), box[2] = fmin(box[2], W), box[3] = fmin(box[3], H);
    return true;
}

static bool begins_character(const char *text, int32_t at) { return ((unsigned char)text[at] & 0xc0) != 0x80; }

static void place_span(Work *w, const CatalogBoxAt *b, StoreBox *out)
{
    int32_t c = b->box.caption, from = b->box.from, to = b->box.to;
    const char *text = c >= 0 && c < w->e->caption_count ? w->e->captions[c] : NULL;

    out->caption = -1;
    if (c < 0) return;
    if (!text || from < 0 || from >= to || (size_t)to > strlen(text) || !begins_character(text, from) || !begins_character(text, to)) {
        problem(w, PROBLEM_BAD_SPAN, b->at, "the span of a phrase (%s), bytes %d to %d of caption %d, is not there",
                b->box.phrase ? b->box.phrase : "", from, to, c);
        return;
    }
    out->caption = c;
    out->from = from;
    out->to = to;
}

static void place_box(Work *w, const CatalogBoxAt *b, bool upright)
{
    StoreBox out = { .phrase = b->box.phrase, .kind = b->box.kind, .entity = b->box.entity };
    double   box[4];
    float    corners[4];

    if (b->box.kind != BOX_NONE) {
        upright_box(w, &b->box, upright, box);
        if (!fits(w, b, box)) return;
        if (placement_box(&w->placement, box, corners) <= 0) {
            problem(w, PROBLEM_CUT_AWAY, b->at, "the crop leaves nothing of a box (%s)", b->box.phrase ? b->box.phrase : "without a phrase");
            return;
        }
        out.x0 = corners[0], out.y0 = corners[1], out.x1 = corners[2], out.y1 = corners[3];
    }
    place_span(w, b, &out);
    w->boxes[w->box_count++] = out;
}

static void place_boxes(Work *w)
{
    bool upright = drawn_upright(w), turned = w->info.orientation >= 5;
    int  W = upright || !turned ? w->info.width : w->info.height, H = upright || !turned ? w->info.height : w->info.width;

    w->boxes = calloc((size_t)w->e->box_count + 1, sizeof *w->boxes);
    REQUIRE(w->boxes, "out of memory");
    if (w->e->box_count && w->e->width && (w->e->width != W || w->e->height != H))
        problem(w, PROBLEM_OTHER_SIZE, w->e->at, "is %d x %d, its annotations speak of %d x %d: boxes are scaled", W, H, w->e->width, w->e->height);
    if (w->e->box_count && !turn_is_known(w))
        problem(w, PROBLEM_UNKNOWN_TURN, w->e->at, "EXIF turns it (orientation %d), and its size does not tell whether boxes were drawn before or after "
                "that: taken as before", w->info.orientation);
    for (int i = 0; i < w->e->box_count; i++) place_box(w, &w->e->boxes[i], upright);
}

/* ---- the picture ------------------------------------------------------------------------------------------------------- */
/* A JPEG file that is upright and of its stored size already is kept as it is: encoding it again would only lose. */
static bool is_ready(const Work *w)
{
    return w->info.orientation == 1 && strcmp(w->info.format, "JPEG") == 0 && w->placement.out_width == w->info.width
        && w->placement.out_height == w->info.height && w->placement.scale_x == 1 && w->placement.scale_y == 1;
}

static Placement as_it_is(int width, int height)
{
    return (Placement){ .scale_x = 1, .scale_y = 1, .width = width, .height = height, .out_width = width, .out_height = height };
}

static int nibble(char hex) { return hex <= '9' ? hex - '0' : hex - 'a' + 10; }

static void store(Work *w, const Image *im, const PictureBytes *read, const uint8_t *file, size_t file_bytes, const char *split,
                  const char sha256[65])
{
    StoreItem item = { .name = w->e->name, .split = split, .width = w->info.width, .height = w->info.height, .stored_width = im->width,
                       .stored_height = im->height, .pixels = file ? NULL : im->pixels, .file = file, .file_bytes = file_bytes,
                       .phash = image_phash(im), .source_bytes = (int64_t)read->bytes, .captions = w->e->captions,
                       .caption_count = w->e->caption_count, .boxes = w->boxes, .box_count = w->box_count };
    for (int i = 0; i < 32; i++) item.source_sha256[i] = (uint8_t)(nibble(sha256[2 * i]) << 4 | nibble(sha256[2 * i + 1]));
    w->made.record = store_record(&item, (const Problem *)(const void *)w->problems.p, (int)(w->problems.used / sizeof(Problem)));
    w->made.stored = true;
}

static bool make(Work *w, const char *split, const PictureBytes *read, const char sha256[65], Err *err)
{
    const PrepareOptions *o = w->job->o;
    const char *name = w->e->name;
    bool        original = o->format == FORMAT_ORIGINAL;
    uint8_t    *jpeg = NULL;
    size_t      jpeg_bytes = 0;
    Image       whole, im;

    TRY(image_info(read->data, read->bytes, name, &w->info, err));
    w->placement = original ? as_it_is(w->info.width, w->info.height) : preprocess_placement(&w->job->preprocess, w->info.width, w->info.height);
    int side = o->draft && !original && w->job->preprocess.mode != RESIZE_KEEP ? preprocess_draft_side(&w->job->preprocess) : 0;
    TRY(image_decode_draft(read->data, read->bytes, name, side, &whole, err));
    bool ready = original || (o->format == FORMAT_JPEG && is_ready(w));
    if (ready) im = whole;
    else {
        im = preprocess_resize(&w->job->preprocess, &whole);
        image_free(&whole);
    }
    bool ok = ready || o->format != FORMAT_JPEG || image_encode_jpeg(&im, o->quality, &jpeg, &jpeg_bytes, err);
    if (ok) {
        place_boxes(w);
        store(w, &im, read, ready ? (const uint8_t *)read->data : jpeg, ready ? read->bytes : jpeg_bytes, split, sha256);
    }
    free(jpeg);
    image_free(&im);
    return ok;
}

MadePicture prepare_picture(const PictureJob *job, const CatalogEntry *e, const char *split, const PictureBytes *read, const char sha256[65])
{
    Work w = { .job = job, .e = e };
    Err  err = { 0 };

    if (!e->left_out) {
        if (e->caption_count == 0 && e->box_count == 0) problem(&w, PROBLEM_NO_CAPTION, e->at, "nothing is said about this picture");
        else if (!read->data) problem(&w, read->why, e->at, "%s", read->reason);
        else if (!make(&w, split, read, sha256, &err)) problem(&w, PROBLEM_BAD_IMAGE, e->at, "%s", without_name(err.text, e->name));
    }
    w.made.bytes = (int64_t)read->bytes;
    int count = (int)(w.problems.used / sizeof(Problem));
    Problem *p = (Problem *)(void *)w.problems.p;
    if (!w.made.record) w.made.record = store_record(NULL, p, count);
    for (int i = 0; i < count; i++) free((char *)p[i].reason);
    free(w.problems.p);
    free(w.boxes);
    return w.made;
}
