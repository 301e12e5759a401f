/* draw_text.c - text by cairo, character by character: which font has it, how wide it is, where the line must break.
 *
 * There is no shaping: letters stand one after the other, from left to right, as cairo's own show_text sets them. Marks that only join or
 * vary emoji are passed over.                                                                                             */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cairo-ft.h>
#include <fontconfig/fontconfig.h>

#include "vision/draw_canvas.h"

static const double LEADING = 1.3;
static const char ELLIPSIS[] = "\xe2\x80\xa6";

static bool continues(char byte) { return ((unsigned char)byte & 0xc0) == 0x80; }    /* inside a UTF-8 character */

/* Cairo's context stops for good at text that is not UTF-8: each such byte becomes '?'. malloc'd, as long as it was. */
static char *clean(const char *text)
{
    size_t n = strlen(text), out = 0;
    char  *s = malloc(n + 1);
    REQUIRE(s, "canvas_text: no memory");
    for (size_t i = 0; i < n;) {
        unsigned char b = (unsigned char)text[i];
        size_t  more = b < 0x80 ? 0 : b >= 0xc2 && b < 0xe0 ? 1 : b >= 0xe0 && b < 0xf0 ? 2 : b >= 0xf0 && b < 0xf5 ? 3 : 9, k = 1;
        while (k <= more && more != 9 && continues(text[i + k])) k++;
        unsigned char second = (unsigned char)text[i + (b ? 1 : 0)];
        bool odd = (b == 0xe0 && second < 0xa0) || (b == 0xed && second > 0x9f) || (b == 0xf0 && second < 0x90) || (b == 0xf4 && second > 0x8f);
        if (more == 9 || k <= more || odd) {
            s[out++] = '?';
            i++;
            continue;
        }
        for (size_t j = 0; j <= more; j++)
            s[out++] = (b < 0x20 && b != '\n') || b == 0x7f ? ' ' : text[i + j];
        i += more + 1;
    }
    s[out] = 0;
    return s;
}

/* ---- a character ------------------------------------------------------------------------------------------------------- */
typedef struct Character { uint32_t point; const char *at; int bytes; } Character;

/* Of clean text. */
static Character character_at(const char *text)
{
    unsigned char b = (unsigned char)*text;
    int      more = b < 0x80 ? 0 : b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
    uint32_t point = more ? b & (0x3fu >> more) : b;
    for (int i = 1; i <= more; i++) point = point << 6 | ((unsigned char)text[i] & 0x3fu);
    return (Character){ point, text, more + 1 };
}

/* Joiners, variation selectors, tags. */
static bool is_silent(uint32_t p) { return (p >= 0x200b && p <= 0x200f) || (p >= 0xfe00 && p <= 0xfe0f) || (p >= 0xe0000 && p <= 0xe01ff); }

/* Scripts that are written without blanks, and emoji: a line may break on either side. */
static bool stands_alone(uint32_t p)
{
    return (p >= 0x2e80 && p <= 0xd7ff) || (p >= 0xf900 && p <= 0xfaff) || (p >= 0xff00 && p <= 0xffef) || (p >= 0x1f000 && p <= 0x3ffff);
}

/* cairo's "sans-serif" is whatever fontconfig prefers: DejaVu Sans where it is there, and something readable elsewhere. */
static void set_font(Canvas *c, double size, bool bold)
{
    cairo_select_font_face(c->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c->cr, size);
    cairo_font_options_t *o = cairo_font_options_create();
    cairo_font_options_set_antialias(o, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(o, CAIRO_HINT_STYLE_SLIGHT);
    cairo_font_options_set_hint_metrics(o, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(c->cr, o);
    cairo_font_options_destroy(o);
}

/* By the font that is set. Index 0: it has no such character. */
static bool find_glyph(Canvas *c, Character ch, cairo_glyph_t *out, double *advance)
{
    cairo_glyph_t *glyph = NULL;
    int            count = 0;
    cairo_text_extents_t e = { 0 };
    cairo_scaled_font_t *font = cairo_get_scaled_font(c->cr);

    bool ok = cairo_scaled_font_text_to_glyphs(font, 0, 0, ch.at, ch.bytes, &glyph, &count, NULL, NULL, NULL) == CAIRO_STATUS_SUCCESS && count == 1;
    if (ok) {
        *out = *glyph;
        cairo_scaled_font_glyph_extents(font, glyph, 1, &e);
        *advance = e.x_advance;
    }
    cairo_glyph_free(glyph);
    return ok && out->index != 0;
}

/* A font of the system that has the character, or NULL. */
static cairo_font_face_t *match_face(uint32_t point)
{
    FcPattern *wanted = FcPatternCreate(), *found = NULL;
    FcCharSet *set = FcCharSetCreate(), *has = NULL;
    FcResult   result;
    cairo_font_face_t *face = NULL;

    FcCharSetAddChar(set, point);
    FcPatternAddCharSet(wanted, FC_CHARSET, set);
    FcPatternAddString(wanted, FC_FAMILY, (const FcChar8 *)"sans-serif");
    FcConfigSubstitute(NULL, wanted, FcMatchPattern);
    FcDefaultSubstitute(wanted);
    found = FcFontMatch(NULL, wanted, &result);
    if (found && FcPatternGetCharSet(found, FC_CHARSET, 0, &has) == FcResultMatch && FcCharSetHasChar(has, point))
        face = cairo_ft_font_face_create_for_pattern(found);
    if (found) FcPatternDestroy(found);
    FcPatternDestroy(wanted);
    FcCharSetDestroy(set);
    return face;
}

/* Sets the font that shows the character; gives its glyph and how far it leads on. */
static double set_character(Canvas *c, Character ch, double size, bool bold, cairo_glyph_t *glyph)
{
    double advance = 0;

    *glyph = (cairo_glyph_t){ 0 };
    if (is_silent(ch.point)) return 0;
    set_font(c, size, bold);
    if (find_glyph(c, ch, glyph, &advance) || ch.point < 0x80) return advance;
    for (int i = 0; i < c->faces; i++) {
        cairo_set_font_face(c->cr, c->face[i]);
        if (find_glyph(c, ch, glyph, &advance)) return advance;
    }
    cairo_font_face_t *face = c->faces < CANVAS_FACES ? match_face(ch.point) : NULL;
    if (face) {
        c->face[c->faces++] = face;
        cairo_set_font_face(c->cr, face);
        if (find_glyph(c, ch, glyph, &advance)) return advance;
    }
    set_font(c, size, bold);                     /* its sign for what it does not have */
    find_glyph(c, ch, glyph, &advance);
    return advance;
}

static double advance_of(Canvas *c, Character ch, double size, bool bold)
{
    cairo_glyph_t ignored;
    return set_character(c, ch, size, bold, &ignored);
}

/* Draws it with its baseline at y. */
static double draw_character(Canvas *c, Character ch, double x, double y, double size, bool bold, uint32_t rgb)
{
    cairo_glyph_t glyph;
    double advance = set_character(c, ch, size, bold, &glyph);

    glyph.x = x;
    glyph.y = y;
    canvas_color(c, rgb);
    if (!is_silent(ch.point) && ch.point != ' ') cairo_show_glyphs(c->cr, &glyph, 1);
    return advance;
}

static double ascent(Canvas *c, double size, bool bold)
{
    cairo_font_extents_t f;
    set_font(c, size, bold);
    cairo_font_extents(c->cr, &f);
    return f.ascent;
}

/* ---- lines ------------------------------------------------------------------------------------------------------------- */
static const CanvasSpan *span_at(const CanvasText *t, size_t at)
{
    for (int i = 0; i < t->span_count; i++)
        if ((int64_t)at >= t->spans[i].from && (int64_t)at < t->spans[i].to) return &t->spans[i];
    return NULL;
}

static double width_at(Canvas *c, const CanvasText *t, const char *text, size_t at)
{
    return advance_of(c, character_at(text + at), t->size, span_at(t, at) != NULL);
}

typedef struct Line { size_t from, to, next; bool cut; } Line;       /* cut: an ellipsis follows */

static size_t without_blanks(const char *text, size_t from, size_t to)
{
    while (to > from && text[to - 1] == ' ') to--;
    return to;
}

static Line cut_line(Canvas *c, const CanvasText *t, const char *text, size_t from)
{
    double room = t->max_width - advance_of(c, character_at(ELLIPSIS), t->size, false);
    size_t at = from;

    while (text[at] && text[at] != '\n' && (room -= width_at(c, t, text, at)) >= 0) at += (size_t)character_at(text + at).bytes;
    return (Line){ from, without_blanks(text, from, at), strlen(text), true };
}

/* As many words as fit; a word that is wider than a line is broken. */
static Line next_line(Canvas *c, const CanvasText *t, const char *text, size_t from, bool last)
{
    size_t at, stop = 0;                         /* stop: where the line may end, the last such place; 0: nowhere yet */
    double room = t->max_width > 0 ? t->max_width : HUGE_VAL;

    while (text[from] == ' ') from++;
    for (at = from; text[at] && text[at] != '\n'; at += (size_t)character_at(text + at).bytes) {
        bool alone = stands_alone(character_at(text + at).point);
        if (at > from && (text[at] == ' ' || alone)) stop = at;
        room -= width_at(c, t, text, at);
        if (room < 0 && at > from && text[at] != ' ') break;
        if (alone) stop = at + (size_t)character_at(text + at).bytes;
    }
    bool whole = !text[at] || text[at] == '\n';
    size_t end = whole ? at : stop > from && stop <= at ? stop : at, next = whole && text[at] ? at + 1 : end;
    if (last && text[next + strspn(text + next, " \n")]) return cut_line(c, t, text, from);
    return (Line){ from, without_blanks(text, from, end), next, false };
}

static void draw_line(Canvas *c, const CanvasText *t, const char *text, Line line, double x, double baseline)
{
    for (size_t at = line.from; at < line.to; at += (size_t)character_at(text + at).bytes) {
        const CanvasSpan *s = span_at(t, at);
        x += draw_character(c, character_at(text + at), x, baseline, t->size, s != NULL, s ? s->rgb : t->rgb);
    }
    if (line.cut) draw_character(c, character_at(ELLIPSIS), x, baseline, t->size, false, t->rgb);
}

static double wrap(Canvas *c, const CanvasText *t, bool draw, double x, double y)
{
    char  *text = clean(t->utf8);
    double up = ascent(c, t->size, false);
    int    lines = 0;

    for (size_t at = 0; text[at + strspn(text + at, " ")]; lines++) {
        if (t->max_lines && lines == t->max_lines) break;
        Line line = next_line(c, t, text, at, t->max_lines && lines + 1 == t->max_lines);
        if (draw) draw_line(c, t, text, line, x, y + lines * LEADING * t->size + up);
        at = line.next;
    }
    free(text);
    return lines * LEADING * t->size;
}

double canvas_wrapped_height(Canvas *c, const CanvasText *t) { return wrap(c, t, false, 0, 0); }
double canvas_wrapped(Canvas *c, const CanvasText *t, double x, double y) { return wrap(c, t, true, x, y); }

double canvas_paragraph(Canvas *c, const char *utf8, double x, double y, double size, uint32_t rgb, double max_width)
{
    return canvas_wrapped(c, &(CanvasText){ .utf8 = utf8, .size = size, .max_width = max_width, .rgb = rgb }, x, y);
}

/* ---- one line ---------------------------------------------------------------------------------------------------------- */
/* Stops when it is wider than `enough`. */
static double width_of(Canvas *c, const char *text, double size, bool bold, double enough)
{
    double width = 0;
    for (size_t at = 0; text[at] && width <= enough; at += (size_t)character_at(text + at).bytes)
        width += advance_of(c, character_at(text + at), size, bold);
    return width;
}

static char *one_line(const char *utf8)
{
    char *text = clean(utf8);
    for (char *s = text; *s; s++)
        if (*s == '\n') *s = ' ';
    return text;
}

double canvas_text_width(Canvas *c, const char *utf8, double size, bool bold)
{
    char  *text = one_line(utf8);
    double width = width_of(c, text, size, bold, HUGE_VAL);
    free(text);
    return width;
}

double canvas_text(Canvas *c, const char *utf8, double x, double y, double size, bool bold, uint32_t rgb, double max_width)
{
    char  *text = one_line(utf8);
    bool   cut = max_width > 0 && width_of(c, text, size, bold, max_width) > max_width;
    double room = cut ? max_width - advance_of(c, character_at(ELLIPSIS), size, bold) : HUGE_VAL, baseline = y + ascent(c, size, bold);
    size_t end = 0;

    while (text[end] && (room -= advance_of(c, character_at(text + end), size, bold)) >= 0) end += (size_t)character_at(text + end).bytes;
    end = cut ? without_blanks(text, 0, end) : end;
    double width = 0;
    for (size_t at = 0; at < end; at += (size_t)character_at(text + at).bytes)
        width += draw_character(c, character_at(text + at), x + width, baseline, size, bold, rgb);
    if (cut) width += draw_character(c, character_at(ELLIPSIS), x + width, baseline, size, bold, rgb);
    free(text);
    return width;
}
