/* Tensors of a file as numbers: little-endian, unaligned, of any dtype. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/tensorfile.h"

const unsigned char *tf_raw(const struct tensorfile *f, const struct tf_tensor *t)
{
	return f->data + t->begin;
}

static uint64_t little_endian(const unsigned char *p, size_t n)
{
	uint64_t v = 0;
	while (n--)
		v = v << 8 | p[n];
	return v;
}

static double from_f32(uint32_t bits)
{
	float v;
	memcpy(&v, &bits, sizeof v);
	return v;
}

/* IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */
static double from_f16(uint32_t bits)
{
	int exponent = bits >> 10 & 31;
	double fraction = bits & 1023, v;
	if (exponent == 31)
		v = fraction ? NAN : INFINITY;
	else
		v = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
	return bits >> 15 ? -v : v;
}

static double get_real(const unsigned char *p, enum tf_dtype d)
{
	uint64_t bits = little_endian(p, tf_dtype_size(d));
	double v;
	switch (d) {
	case TF_F32:
		return from_f32((uint32_t)bits);
	case TF_BF16:
		return from_f32((uint32_t)bits << 16);
	case TF_F16:
		return from_f16((uint32_t)bits);
	default:
		memcpy(&v, &bits, sizeof v);
		return v;
	}
}

static int want_floats(const struct tf_tensor *t, struct err *e)
{
	if (t->dtype == TF_F32 || t->dtype == TF_F64 || t->dtype == TF_F16 || t->dtype == TF_BF16)
		return 0;
	return err_set(e, "tensor '%.100s' is %s; F32, F64, F16 or BF16 expected", t->name,
	               tf_dtype_name(t->dtype));
}

static int bad_value(const struct tf_tensor *t, uint64_t i, double v, struct err *e)
{
	return err_set(e, "tensor '%.100s': element %" PRIu64 " is %g, %s", t->name, i, v,
	               isfinite(v) ? "more than float32 can hold" : "not a finite number");
}

int tf_get_f32(const struct tensorfile *f, const struct tf_tensor *t, float *dst, struct err *e)
{
	const unsigned char *p = tf_raw(f, t);
	size_t size = tf_dtype_size(t->dtype);
	if (want_floats(t, e))
		return -1;
	for (uint64_t i = 0; i < t->count; i++, p += size) {
		double v = get_real(p, t->dtype);
		if (!(fabs(v) <= FLT_MAX))
			return bad_value(t, i, v, e);
		dst[i] = (float)v;
	}
	return 0;
}

int tf_get_f64(const struct tensorfile *f, const struct tf_tensor *t, double *dst, struct err *e)
{
	const unsigned char *p = tf_raw(f, t);
	size_t size = tf_dtype_size(t->dtype);
	if (want_floats(t, e))
		return -1;
	for (uint64_t i = 0; i < t->count; i++, p += size) {
		dst[i] = get_real(p, t->dtype);
		if (!isfinite(dst[i]))
			return bad_value(t, i, dst[i], e);
	}
	return 0;
}

int tf_get_i64(const struct tensorfile *f, const struct tf_tensor *t, int64_t *dst, struct err *e)
{
	const unsigned char *p = tf_raw(f, t);
	size_t size = tf_dtype_size(t->dtype);
	bool is_signed = t->dtype == TF_I8 || t->dtype == TF_I16 || t->dtype == TF_I32 || t->dtype == TF_I64;
	if (!is_signed && t->dtype != TF_U8 && t->dtype != TF_U16 && t->dtype != TF_U32 && t->dtype != TF_U64)
		return err_set(e, "tensor '%.100s' is %s; integers expected", t->name, tf_dtype_name(t->dtype));
	for (uint64_t i = 0; i < t->count; i++, p += size) {
		uint64_t v = little_endian(p, size), sign = (uint64_t)1 << (8 * size - 1);
		if (is_signed) {
			/* Without a conversion that the implementation may define. */
			dst[i] = v & sign ? -(int64_t)(sign - 1 - (v ^ sign)) - 1 : (int64_t)v;
			continue;
		}
		if (v > INT64_MAX)
			return err_set(e, "tensor '%.100s': element %" PRIu64 " is %" PRIu64
			               ", more than a signed 64-bit integer can hold", t->name, i, v);
		dst[i] = (int64_t)v;
	}
	return 0;
}
