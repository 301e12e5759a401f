/* test_arena.c - alignment, marks, reuse of what is given back, one block after a round of many, poison. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/base/arena.h"
#include "tensor/base/rng.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

Test(arena, pieces_are_aligned_and_apart)
{
    Arena *a = arena_new(1000);
    char  *piece[200];
    for (int i = 0; i < 200; i++) {
        piece[i] = arena_alloc(a, (size_t)i * 7);
        cr_expect_eq((uintptr_t)piece[i] % 64, 0);
        memset(piece[i], i, (size_t)i * 7);
    }
    for (int i = 0; i < 200; i++)
        for (int k = 0; k < i * 7; k++) cr_assert_eq(piece[i][k], (char)i);
    arena_free(a);
    arena_free(NULL);
}

Test(arena, zeros_are_zeros_also_in_reused_memory)
{
    Arena *a = arena_new(1 << 16);
    memset(arena_alloc(a, 5000), 0xAB, 5000);
    arena_reset(a);
    unsigned char *p = arena_zeros(a, 5000);
    for (int i = 0; i < 5000; i++) cr_assert_eq(p[i], 0);
    arena_free(a);
}

Test(arena, copies_and_prints_text)
{
    Arena *a = arena_new(64);
    cr_expect_str_eq(arena_text(a, "h.0.ln_1"), "h.0.ln_1");
    cr_expect_str_eq(arena_printf(a, "%s.%d", "h", 12), "h.12");
    char big[5000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    cr_expect_eq(strlen(arena_printf(a, "%s!", big)), 5000);
    arena_free(a);
}

Test(arena, release_ends_what_came_after_the_mark_in_all_blocks)
{
    Arena *a = arena_new(4096);
    char  *before = arena_text(a, "stays");
    size_t live = arena_live(a);
    ArenaMark m = arena_mark(a);
    char *first = arena_alloc(a, 100);
    for (int i = 0; i < 50; i++) arena_alloc(a, 3000);
    arena_release(a, m);
    cr_expect_eq(arena_live(a), live);
    cr_expect_eq(arena_alloc(a, 100), first);
    cr_expect_str_eq(before, "stays");
    cr_expect(arena_peak(a) >= 50 * 3000);
    arena_free(a);
}

Test(arena, release_to_the_mark_of_an_empty_arena_ends_everything)
{
    Arena *a = arena_new(4096);
    ArenaMark m = arena_mark(a);
    for (int i = 0; i < 10; i++) arena_alloc(a, 3000);
    arena_release(a, m);
    cr_expect_eq(arena_live(a), 0);
    arena_free(a);
}

Test(arena, given_back_neighbours_join_and_the_best_fit_is_reused)
{
    Arena *a = arena_new(1 << 20);
    char *p[6];
    for (int i = 0; i < 6; i++) p[i] = arena_alloc(a, 1000);
    char *small = arena_alloc(a, 300), *last = arena_alloc(a, 10);
    arena_give_back(a, p[1]);
    arena_give_back(a, p[3]);
    arena_give_back(a, p[2]);                            /* joins three */
    arena_give_back(a, small);
    cr_expect_eq(arena_alloc(a, 250), small, "the smaller hole fits better");
    cr_expect_eq(arena_alloc(a, 3000), p[1], "three pieces are one hole now");
    cr_expect(arena_alloc(a, 3000) > (void *)last, "and it is taken");
    arena_give_back(a, NULL);
    arena_free(a);
}

Test(arena, everything_given_back_in_any_order_leaves_nothing_live)
{
    Arena  *a = arena_new(1 << 14);
    Rng     r = rng_stream(1, RNG_TEST, 0);
    int32_t order[300];
    char   *piece[300];
    size_t  peak = 0;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 300; i++) {
            size_t bytes = (size_t)rng_below(&r, 3000);
            piece[i] = arena_alloc(a, bytes);
            memset(piece[i], i, bytes);
            order[i] = i;
        }
        rng_shuffle(&r, order, 300);
        for (int i = 0; i < 300; i++) arena_give_back(a, piece[order[i]]);
        cr_assert_eq(arena_live(a), 0);
        if (round == 4) peak = arena_peak(a);
    }
    cr_expect(arena_peak(a) < 2 * peak, "memory is reused");
    arena_free(a);
}

Test(arena, live_pieces_are_never_overlapped_under_random_use)
{
    enum { N = 400 };
    Arena *a = arena_new(1 << 13);
    Rng    r = rng_stream(2, RNG_TEST, 0);
    struct { unsigned char *at; size_t bytes; unsigned char mark; } live[N] = { { 0 } };
    for (int step = 0; step < 20000; step++) {
        int i = (int)rng_below(&r, N);
        for (size_t k = 0; live[i].at && k < live[i].bytes; k++) cr_assert_eq(live[i].at[k], live[i].mark);
        arena_give_back(a, live[i].at);
        live[i].bytes = (size_t)rng_below(&r, 700);
        live[i].mark  = (unsigned char)step;
        live[i].at    = arena_alloc(a, live[i].bytes);
        memset(live[i].at, live[i].mark, live[i].bytes);
    }
    arena_reset(a);
    cr_expect_eq(arena_live(a), 0);
    arena_free(a);
}

Test(arena, after_a_round_of_many_blocks_the_next_fits_in_one)
{
    Arena *a = arena_new(4096);
    for (int i = 0; i < 100; i++) arena_alloc(a, 10000);
    arena_reset(a);
    char *first = arena_alloc(a, 10000), *each = first;
    for (int i = 1; i < 100; i++) {
        char *next = arena_alloc(a, 10000);
        cr_assert_eq(next - each, 10000 / 64 * 64 + 64 + 64, "pieces follow one another");
        each = next;
    }
    arena_reset(a);
    cr_expect_eq(arena_alloc(a, 10000), first, "and the block stays");
    arena_free(a);
}

Test(arena, a_mark_taken_before_a_give_back_may_be_released)
{
    Arena *a = arena_new(1 << 16);
    char *low = arena_alloc(a, 500);
    arena_alloc(a, 64);
    size_t live = arena_live(a);
    ArenaMark m = arena_mark(a);
    char *x = arena_alloc(a, 500);
    arena_alloc(a, 500);
    arena_give_back(a, x);
    arena_release(a, m);
    cr_expect_eq(arena_live(a), live);
    char *y = arena_alloc(a, 500), *z = arena_alloc(a, 500);
    cr_expect(y == x && z > y, "the free list has forgotten x");
    arena_give_back(a, low);
    cr_expect_eq(arena_alloc(a, 500), low);
    arena_free(a);
}

Test(arena, big_pieces_get_a_block_of_their_size)
{
    Arena *a = arena_new(1 << 16);
    char *p = arena_alloc(a, 40u << 20);
    p[0] = 1, p[(40u << 20) - 1] = 2;
    cr_expect_eq((uintptr_t)p % 64, 0);
    arena_give_back(a, p);
    cr_expect_eq(arena_alloc(a, 30u << 20), p);
    arena_free(a);
}

Test(arena, giving_back_twice_is_a_bug, .signal = SIGABRT)
{
    Arena *a = arena_new(1 << 16);
    char *p = arena_alloc(a, 100);
    arena_alloc(a, 100);
    arena_give_back(a, p);
    arena_give_back(a, p);
}

Test(arena, an_impossible_size_ends_the_program_with_status_one, .exit_code = 1)
{
    arena_alloc(arena_new(64), SIZE_MAX / 2);
}

Test(arena, red_zones_and_poison_catch_strays)
{
#if defined(__SANITIZE_ADDRESS__)
    Arena *a = arena_new(1 << 16);
    char *p = arena_alloc(a, 100), *q = arena_alloc(a, 128);
    cr_expect(!__asan_region_is_poisoned(p, 100) && !__asan_region_is_poisoned(q, 128));
    cr_expect(__asan_address_is_poisoned(p + 100) && __asan_address_is_poisoned(p - 1) && __asan_address_is_poisoned(q - 1));
    cr_expect(__asan_address_is_poisoned(q + 128));
    arena_give_back(a, p);
    cr_expect(__asan_address_is_poisoned(p) && __asan_address_is_poisoned(p + 99));
    ArenaMark m = arena_mark(a);
    char *r = arena_alloc(a, 1000);
    arena_release(a, m);
    cr_expect(__asan_address_is_poisoned(r) && __asan_address_is_poisoned(r + 999));
    arena_reset(a);
    cr_expect(__asan_address_is_poisoned(q));
    arena_free(a);
#else
    cr_skip_test("needs AddressSanitizer");
#endif
}
