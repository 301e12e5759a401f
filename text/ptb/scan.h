/* scan.h - how text/ptb.c finds the next token: every rule that may begin at a place looks how far it reaches, and the one that reaches
 * furthest has it; of those that reach equally far, the one that stands first. (The way of lex, and of Stanford's tokenizer, whose
 * answers depend on it.)
 *
 * A rule may look beyond its token ("Inc." is followed by a capital letter): what it looked at counts, though the next token begins
 * where this one ends. The rules are hand-written matchers in tables, one table a file:
 *     words.c           words and clitics                         net.c       addresses, tags, names of files
 *     compounds.c       words with hyphens, slashes, &            spell.c     how a token is written
 *     numbers.c         numbers, dates, fractions, telephones     marks.c     quotes, brackets, smileys and other marks
 *     abbreviations.c   what keeps its full stop                  classes.c   classes of characters
 *                                                             lower.c     lower case
 * Texts are arrays of UTF-16 units, as Java has them, with PAST behind the end; PAST is of no class but END, so that matchers need not
 * look where a text ends.                                                                                                */
#ifndef LIMN_PTB_SCAN_H
#define LIMN_PTB_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint16_t Unit;
enum { PAST = 0xFFFF, NONCHARACTER = 0xDC00 };   /* the latter, by itself, stands for U+FFFF in a text */

/* Classes of units; a unit may be of several. */
enum {
    LETTER     = 1,       /* of Unicode 6, as Java 8 knows it             */
    LETTERISH  = 2,       /* what words are made of: letters, marks, the soft hyphen */
    DIGIT      = 4,
    UPPER      = 8,
    SPACE      = 16,
    NEWLINE    = 32,
    SYMBOL     = 64,      /* is a token by itself                          */
    HYPHEN     = 128,     /* joins words                                   */
    APOSTROPHE = 256,
    QUOTE      = 512,
    LATIN      = 1024,    /* A-Z a-z                                       */
    ARABIC     = 2048,    /* 0-9                                           */
    MARK       = 4096,    /* other ASCII                                   */
    END        = 8192,
    OTHER      = 16384    /* nothing that a token is made of, but in an address */
};
extern uint16_t ptb_classes[65536];
void ptb_classes_prepare(void);                  /* once, before anything is asked; safe from any thread */

static inline bool is(Unit c, unsigned classes) { return (ptb_classes[c] & classes) != 0; }
static inline bool between(Unit c, Unit first, Unit last) { return c >= first && c <= last; }
static inline Unit ascii_lower(Unit c) { return between(c, 'A', 'Z') ? c + 32 : c; }

/* Behind `lower`, an ASCII text in lower case, at p in either case; or NULL. */
static inline const Unit *literal(const Unit *p, const char *lower)
{
    while (*lower && ascii_lower(*p) == (unsigned char)*lower)
        p++, lower++;
    return *lower ? NULL : p;
}

static inline const Unit *skip(const Unit *p, unsigned classes)
{
    while (is(*p, classes))
        p++;
    return p;
}

/* The character of the ASCII set, or one more than ASCII. */
static inline bool any_of(Unit c, const char *set)
{
    for (; *set; set++)
        if (c == (unsigned char)*set)
            return true;
    return false;
}

typedef struct Match { const Unit *look, *end; } Match;              /* look NULL: none */
static inline Match none(void) { return (Match){ NULL, NULL }; }
static inline Match upto(const Unit *end) { return (Match){ end, end }; }            /* NULL: none */
static inline Match upto_before(const Unit *end, const Unit *look) { return (Match){ look, end }; }
static inline Match further(Match a, Match b) { return !a.look || (b.look && b.look > a.look) ? b : a; }
/* The further of two places, either of which may be NULL. */
static inline const Unit *later(const Unit *a, const Unit *b) { return !a || (b && b > a) ? b : a; }

/* A token as it is to be written: units, before lower case. */
typedef struct Spelling { Unit *units; size_t count; } Spelling;     /* room for SPELLING_ROOM(units of the token) */
#define SPELLING_ROOM(units) (5 * (units) + 8)
typedef void (*Spell)(Spelling *s, const Unit *p, const Unit *end);

typedef struct Rule {
    const char *name;
    unsigned    first;                           /* classes of the first unit             */
    Match     (*match)(const Unit *p);
    Spell       spell;                           /* NULL: it is no token, but skipped      */
    bool        again;                           /* its full stop ends the sentence, too: it is read again */
} Rule;
extern const Rule ptb_word_rules[], ptb_net_rules[], ptb_number_rules[], ptb_compound_rules[], ptb_abbreviation_rules[], ptb_file_rules[],
                  ptb_mark_rules[];

/* Shared by the files of rules. */
const Unit *ptb_letter(const Unit *p);           /* a letter of a word, written as itself or as an entity; or NULL */
const Unit *ptb_word_end(const Unit *p);         /* NULL when no word begins at p         */
const Unit *ptb_apostrophe(const Unit *p);       /* ' and its kin, or &apos;              */
const Unit *ptb_apostrophe_like(const Unit *p);  /* … or a mark that is written for one   */
const Unit *ptb_clitic(const Unit *p);           /* 's 'm 'd 're 've 'll                  */
const Unit *ptb_tag(const Unit *p);              /* an SGML tag                           */
const Unit *ptb_space(const Unit *p);            /* a space or a new line, or NULL        */
const Unit *ptb_initials(const Unit *p);         /* A.B.C. with all full stops that are there, or NULL */
bool        ptb_pause(Unit c);                   /* , ; : and their kin                   */

void spell_plain(Spelling *s, const Unit *p, const Unit *end);
void spell_whole(Spelling *s, const Unit *p, const Unit *end);
void spell_bracket(Spelling *s, const Unit *p, const Unit *end);
void spell_angle(Spelling *s, const Unit *p, const Unit *end);
void spell_brackets(Spelling *s, const Unit *p, const Unit *end);
void spell_quotes(Spelling *s, const Unit *p, const Unit *end);
void spell_opening(Spelling *s, const Unit *p, const Unit *end);
void spell_dashes(Spelling *s, const Unit *p, const Unit *end);
void spell_dash(Spelling *s, const Unit *p, const Unit *end);
void spell_ellipsis(Spelling *s, const Unit *p, const Unit *end);
void spell_money(Spelling *s, const Unit *p, const Unit *end);
void spell_fraction(Spelling *s, const Unit *p, const Unit *end);

size_t ptb_lower(const Unit *u, size_t count, char *to);              /* writes UTF-8, at most three bytes a unit; how many */

#endif
