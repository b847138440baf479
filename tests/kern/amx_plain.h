/* The AMX product with its tiles in plain C, for machines without them: eight
 * tiles of 16 rows of 64 bytes, with the shapes that were configured, in the
 * instruction's order of additions. What the CPU would refuse ends the test. */
#ifndef RNNLM_TESTS_KERN_AMX_PLAIN_H
#define RNNLM_TESTS_KERN_AMX_PLAIN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mat/kern.h"

struct tile_config;

static struct plain_tile {
	size_t rows; /* 0: not configured */
	unsigned char row[16][64];
} plain_tiles[8];

static void tile_need(bool so, const char *what)
{
	if (so)
		return;
	printf("plain tiles: %s\n", what);
	exit(1);
}

static void tiles_config(const struct tile_config *cfg)
{
	const unsigned char *c = (const unsigned char *)cfg;
	tile_need(c[0] == 1 && c[1] == 0, "palette 1, no start row");
	for (int i = 2; i < 16; i++)
		tile_need(c[i] == 0, "reserved bytes are zero");
	memset(plain_tiles, 0, sizeof(plain_tiles));
	for (size_t t = 0; t < 8; t++) {
		uint16_t bytes;
		memcpy(&bytes, c + 16 + 2 * t, sizeof(bytes));
		tile_need(bytes == 64 && c[48 + t] >= 1 && c[48 + t] <= 16, "1 to 16 rows of 64 bytes");
		plain_tiles[t].rows = c[48 + t];
	}
	for (int i = 8; i < 16; i++)
		tile_need(c[16 + 2 * i] == 0 && c[17 + 2 * i] == 0 && c[48 + i] == 0, "there are eight tiles");
}

static void tiles_release(void)
{
	memset(plain_tiles, 0, sizeof(plain_tiles));
}

static struct plain_tile *tile_at(int t)
{
	tile_need(plain_tiles[t].rows > 0, "tiles are configured before use");
	return &plain_tiles[t];
}

static void tile_zero(int t)
{
	memset(tile_at(t)->row, 0, sizeof(plain_tiles[t].row));
}

/* Rows beyond those of the shape become zero. */
static void tile_load(int t, const void *p, size_t stride)
{
	tile_zero(t);
	for (size_t r = 0; r < tile_at(t)->rows; r++)
		memcpy(plain_tiles[t].row[r], (const char *)p + r * stride, 64);
}

static void tile_store(int t, void *p, size_t stride)
{
	for (size_t r = 0; r < tile_at(t)->rows; r++)
		memcpy((char *)p + r * stride, plain_tiles[t].row[r], 64);
}

static float tile_bf16(const struct plain_tile *t, size_t row, size_t i)
{
	uint16_t half;
	memcpy(&half, t->row[row] + 2 * i, sizeof(half));
	uint32_t u = (uint32_t)half << 16;
	float f;
	memcpy(&f, &u, sizeof(f));
	return f;
}

static void tile_madd(int c, int a, int b)
{
	const struct plain_tile *ta = tile_at(a), *tb = tile_at(b);
	struct plain_tile *tc = tile_at(c);
	tile_need(tc->rows == ta->rows && tb->rows == 16, "shapes fit");
	for (size_t m = 0; m < tc->rows; m++) {
		float sum[16];
		memcpy(sum, tc->row[m], sizeof(sum));
		for (size_t k = 0; k < 16; k++)
			for (size_t n = 0; n < 16; n++) {
				sum[n] += tile_bf16(ta, m, 2 * k) * tile_bf16(tb, k, 2 * n);
				sum[n] += tile_bf16(ta, m, 2 * k + 1) * tile_bf16(tb, k, 2 * n + 1);
			}
		memcpy(tc->row[m], sum, sizeof(sum));
	}
}

#ifdef __AVX512F__
#include <immintrin.h>
#endif
#include "mat/gemm_amx_tmpl.h"

#endif
