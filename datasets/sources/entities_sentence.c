/* entities_sentence.c - one pass over a marked sentence. */
#include "datasets/sources/entities_sentence.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char OPENS[] = "[/EN#", BLANKS[] = " \t\r\v\f";

typedef struct Pass {
    Sentence   *s;
    Catalog    *c;
    const char *name;
    Place       at;
    int         depth;                           /* of open phrases                                                     */
    int64_t     entity;                          /* of the outer one; -1: it is not kept                                */
    size_t      from;
} Pass;

static void list(const Pass *p, const char *what) { catalog_problem(p->c, PROBLEM_BAD_RECORD, p->name, p->at, "%s", what); }

static bool ends_with_blank(const Buffer *text) { return !text->used || text->p[text->used - 1] == ' '; }

/* "283585/people/vehicles": its number, -1: there is none. */
static int64_t head_number(const char *head, const char *end)
{
    char *stop;
    errno = 0;
    long long id = isdigit((unsigned char)*head) ? strtoll(head, &stop, 10) : -1;
    return id >= 0 && !errno && (stop == end || *stop == '/') ? id : -1;
}

/* At "[/EN#": gives where the words begin. */
static const char *open_phrase(Pass *p, const char *text)
{
    const char *head = text + strlen(OPENS), *end = head + strcspn(head, " \t\r\v\f[]");
    int64_t entity = head_number(head, end);

    if (p->depth++) list(p, "a phrase within a phrase; the inner one is left out");
    else {
        if (entity < 0) list(p, "a phrase without the number of its entity; it is left out");
        p->entity = entity;
        p->from = p->s->text.used;
    }
    return end + strspn(end, BLANKS);
}

static void close_phrase(Pass *p)
{
    size_t to = p->s->text.used;

    if (--p->depth || p->entity < 0) return;
    while (to > p->from && p->s->text.p[to - 1] == ' ') to--;
    if (to == p->from) list(p, "a phrase without words; it is left out");
    else buffer_add(&p->s->phrases, &(Phrase){ p->entity, (int32_t)p->from, (int32_t)to }, sizeof(Phrase));
}

void sentence_parse(Sentence *s, Catalog *c, const char *name, const Line *line)
{
    Pass p = { .s = s, .c = c, .name = name, .at = line->at };

    s->text.used = s->phrases.used = 0;
    for (const char *t = line->text; *t;) {
        if (strncmp(t, OPENS, strlen(OPENS)) == 0) {
            t = open_phrase(&p, t);
            continue;
        }
        if (*t == ']' && p.depth) close_phrase(&p);
        else if (!strchr(BLANKS, *t)) buffer_add(&s->text, t, 1);
        else if (!ends_with_blank(&s->text)) buffer_add(&s->text, " ", 1);
        t++;
    }
    if (p.depth) list(&p, "a phrase that is never closed; it is left out");
    if (s->text.used && ends_with_blank(&s->text)) s->text.used--;
    buffer_add(&s->text, "", 1);
    s->text.used--;
}

int64_t sentence_phrases(const Sentence *s)          { return (int64_t)(s->phrases.used / sizeof(Phrase)); }
Phrase  sentence_phrase(const Sentence *s, int64_t i) { return ((const Phrase *)(const void *)s->phrases.p)[i]; }

void sentence_free(Sentence *s)
{
    free(s->text.p);
    free(s->phrases.p);
}
