/* inspect.c - `limn inspect`: what is in a store, and is it intact. */
#include <stdio.h>

#include "experiments/commands/command.h"
#include "experiments/contact_sheet.h"
#include "experiments/inspect.h"
#include "experiments/progress.h"
#include "tensor/base/json.h"

enum { KEY_JSON = 256, KEY_NEAR, KEY_VERIFY, KEY_SHEET, KEY_SHEET_COUNT, KEY_SPLIT };

static const struct argp_option OPTIONS[] = {
    { "near", KEY_NEAR, "BITS", 0, "Pictures are near-duplicates when their perceptual hashes differ in at most so many of 64 bits, "
      "0 to 16 (6)", 0 },
    { "verify", KEY_VERIFY, 0, 0, "Prove the store intact instead: check every byte against its checksum, and name what is damaged. Status 1 when "
      "anything is", 0 },
    { "sheet", KEY_SHEET, "FILE.png", 0, "Draw a contact sheet instead: pictures evenly spread over the store, with boxes and a caption", 0 },
    { "sheet-count", KEY_SHEET_COUNT, "N", 0, "Pictures on the sheet, 1 to 200 (12)", 0 },
    { "split", KEY_SPLIT, "NAME", 0, "The sheet's pictures are of this split", 0 },
    { "json", KEY_JSON, 0, 0, "As JSON, with up to 10,000 groups and pairs of a kind, not only examples", 0 },
    { 0 }
};

typedef struct Arguments { const char *store, *sheet, *split; int near, sheet_count; bool verify, json; } Arguments;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    Arguments *a = state->input;

    switch (key) {
    case KEY_JSON: a->json = true; break;
    case KEY_NEAR: a->near = (int)option_number(state, "--near", arg, 0, NEAR_MOST_BITS); break;
    case KEY_VERIFY: a->verify = true; break;
    case KEY_SHEET: a->sheet = arg; break;
    case KEY_SHEET_COUNT: a->sheet_count = (int)option_number(state, "--sheet-count", arg, 1, CONTACT_SHEET_MOST); break;
    case KEY_SPLIT: a->split = arg; break;
    case ARGP_KEY_ARG:
        if (a->store) argp_error(state, "one STORE, please; '%s' is too much", arg);
        a->store = arg;
        break;
    case ARGP_KEY_END:
        if (!a->store) argp_error(state, "which STORE?");
        if (!a->sheet && (a->split || a->sheet_count)) argp_error(state, "--split and --sheet-count are for --sheet FILE.png");
        if (a->sheet && (a->verify || a->json)) argp_error(state, "--sheet draws; it goes without --verify and --json");
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static void print_json(json_t *j)
{
    json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(j);
}

static bool describe(const Arguments *a, Err *err)
{
    Inspection i;
    bool ok = inspect_open(&i, a->store, a->near, err);

    if (ok && a->json) print_json(inspect_json(&i));
    else if (ok) inspect_print(&i);
    inspect_close(&i);
    return ok;
}

/* ---- --verify ---------------------------------------------------------------------------------------------------------------- */
enum { LISTED = 100000, PRINTED = 50 };          /* damages in the JSON, and in the text                                */
typedef struct Verifying { const Arguments *a; Progress progress; json_t *list; int64_t damages; } Verifying;

static json_t *damage_json(const StoreDamage *d, const char *text)
{
    static const char *const KIND[] = { "table", "length", "part", "picture", "mask", "unchecked" };
    json_t *j = json_pack("{s:s, s:I, s:I, s:b, s:o}", "kind", KIND[d->kind], "from", (json_int_t)d->from, "to", (json_int_t)d->to, "missing",
                          d->missing, "text", json_text(text));
    if (d->part) json_object_set_new(j, "part", json_text(d->part));
    if (d->item >= 0) json_object_set_new(j, "picture", json_integer(d->item));
    if (d->item >= 0 && d->name) json_object_set_new(j, "name", json_text(d->name));
    if (d->mask >= 0) json_object_set_new(j, "mask", json_integer(d->mask));
    return j;
}

static void damaged(const StoreDamage *d, void *context)
{
    Verifying *v = context;
    char text[1024];

    store_damage_text(d, text, sizeof text);
    v->damages++;
    if (v->a->json && v->damages <= LISTED) json_array_append_new(v->list, damage_json(d, text));
    if (v->a->json || v->damages > PRINTED + 1) return;
    if (v->progress.terminal) progress_end(&v->progress);
    if (v->damages <= PRINTED) printf("%s\n", text);
    else printf("and more; --json lists them\n");
    fflush(stdout);
}

static bool step(int64_t done, int64_t total, void *context)
{
    Verifying *v = context;
    double spent = seconds_now() - v->progress.started;
    char note[64] = "";

    v->progress.total = total >> 20;
    if (spent > 0.2) snprintf(note, sizeof note, "%.0f MB/s", (double)done / spent / 1e6);
    if (total > 1 << 28) progress_show(&v->progress, done >> 20, note, 0, "");
    return !command_interrupted();
}

static bool verify(const Arguments *a, Err *err)
{
    Verifying v = { .a = a, .progress = progress_begin("verifying, MB", 0, 0, false), .list = json_array() };
    StoreProof p;

    command_catch_interrupts();
    bool ok = store_prove(a->store, &(ProofWatch){ damaged, step, &v }, &p, err);
    progress_end(&v.progress);
    if (a->json)
        print_json(json_pack("{s:o, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "store", json_text(a->store),
                             "intact", ok, "hash", p.hash, "bytes", (json_int_t)p.bytes, "parts", (json_int_t)p.parts, "pictures",
                             (json_int_t)p.pictures, "masks", (json_int_t)p.masks, "damaged_parts", (json_int_t)p.bad_parts,
                             "damaged_pictures", (json_int_t)p.bad_pictures, "damaged_masks", (json_int_t)p.bad_masks, "damages",
                             (json_int_t)p.damages, "list", json_incref(v.list), "error", ok ? json_null() : json_text(err->text)));
    else if (ok)
        printf("%s is intact: %lld bytes, %lld parts, %lld pictures, %lld masks, all as they were written\nhash %s\n", a->store, (long long)p.bytes,
               (long long)p.parts, (long long)p.pictures, (long long)p.masks, p.hash);
    json_decref(v.list);
    return ok;
}

static bool draw(const Arguments *a, Err *err)
{
    Store *s = store_open(a->store, err);
    bool   ok = s && contact_sheet_write(a->sheet, s, a->store, a->split, a->sheet_count ? a->sheet_count : CONTACT_SHEET_COUNT, err);
    store_close(s);
    return ok;
}

static int run(int argc, char **argv)
{
    static const struct argp ARGP = { OPTIONS, parse, "STORE",
        "What is in a store: splits, pictures, captions, vocabulary, boxes, duplicates and leaks between splits, what was rejected, provenance."
        "\vDuplicates are equal source files; near-duplicates look alike: saved again, resized, a little cut or brightened. Photographs of "
        "different things come as near as 8 bits by chance, plain drawings nearer. Captions are compared in lower case. A line with ! is a leak: "
        "what one split asks, another has shown.", 0, 0, 0 };
    Arguments a = { .near = DUPLICATES_NEAR };
    Err err = { 0 };

    argp_parse(&ARGP, argc, argv, 0, 0, &a);
    if (a.sheet) draw(&a, &err);
    else if (a.verify) verify(&a, &err);
    else describe(&a, &err);
    return command_end("inspect", &err);
}

const Command command_inspect = { "inspect", "what is in a store, what leaks between its splits, and is it intact", run };
