/* Any bytes as a model file: what is accepted must tile its data, and every
 * tensor of it can be read. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/tensorfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool so)
{
	if (!so)
		abort();
}

static void read_tensor(const struct tensorfile *f, const struct tf_tensor *t)
{
	struct err e = {{0}};
	float *f32 = mem_new(t->count, sizeof *f32, NULL);
	double *f64 = mem_new(t->count, sizeof *f64, NULL);
	int64_t *i64 = mem_new(t->count, sizeof *i64, NULL);
	if (f32 && f64 && i64) {
		bool single = tf_get_f32(f, t, f32, &e) == 0, wide = tf_get_f64(f, t, f64, &e) == 0;
		bool whole = tf_get_i64(f, t, i64, &e) == 0;
		require(!(wide && whole)); /* a dtype is one or the other */
		require(!single || wide);
		for (uint64_t i = 0; single && i < t->count; i++)
			require(isfinite(f32[i]) && (float)f64[i] == f32[i]);
	}
	mem_free(f32);
	mem_free(f64);
	mem_free(i64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tensorfile f;
	struct err e = {{0}};
	uint64_t end = 0;
	if (tf_parse(&f, data, size, &e)) {
		require(e.msg[0] && !f.tensors && !f.meta && !f.bytes);
		return 0;
	}
	for (size_t i = 0; i < f.n; i++) {
		const struct tf_tensor *t = &f.tensors[i];
		require(t->begin == end && t->ndim <= TF_DIMS);
		require(t->bytes == t->count * tf_dtype_size(t->dtype));
		require(tf_find(&f, t->name) == t);
		end += t->bytes;
		read_tensor(&f, t);
	}
	require(f.data + end == f.bytes + size);
	for (size_t i = 0; i < f.nmeta; i++)
		require(tf_meta(&f, f.meta[i].key) == f.meta[i].value);
	tf_close(&f);
	return 0;
}
