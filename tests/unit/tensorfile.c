/* base/tensorfile: what is written comes back, conversions, and every way in
 * which a file can be wrong with the message it gets. */
#include <float.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/tensorfile.h"
#include "test.h"

/* A file from its header and so many bytes of data (counting from 0). */
static int parse(struct tensorfile *f, const char *header, size_t data, struct err *e)
{
	struct buf b = {0};
	for (int i = 0; i < 8; i++)
		buf_add(&b, &(char){(char)(strlen(header) >> 8 * i)}, 1, e);
	buf_puts(&b, header, e);
	for (size_t i = 0; i < data; i++)
		buf_add(&b, &(char){(char)i}, 1, e);
	int res = tf_parse(f, (unsigned char *)b.p, b.len, e);
	buf_free(&b);
	return res;
}

#define T(name, dtype, shape, from, to) \
	"\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"

static void accepts(void)
{
	static const struct {
		const char *header;
		size_t data, n;
	} good[] = {
		{"{}", 0, 0},
		{"{ }     ", 0, 0},
		{"{\"__metadata__\":{}}", 0, 0},
		{"{" T("a", "F32", "[2,3]", 0, 24) "}", 24, 1},
		{"{" T("a", "F32", "[]", 0, 4) "}", 4, 1},
		{"{" T("a", "F32", "[0,7]", 0, 0) "}", 0, 1},
		{"{" T("b", "U8", "[4]", 4, 8) "," T("a", "F32", "[1]", 0, 4) "}", 8, 2},
		{"{" T("z", "U8", "[0]", 4, 4) "," T("b", "U8", "[4]", 4, 8) "," T("a", "F32", "[1]", 0, 4) "}", 8, 3},
		{"{" T("a", "BOOL", "[1,1,1,2]", 0, 2) ",\"__metadata__\":{\"k\":\"v\"}}", 2, 1},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct tensorfile f;
		struct err e = {{0}};
		CHECK_INT(parse(&f, good[i].header, good[i].data, &e), 0);
		CHECK_STR(e.msg, "");
		CHECK_INT(f.n, good[i].n);
		for (size_t k = 1; k < f.n; k++)
			CHECK(f.tensors[k].begin >= f.tensors[k - 1].begin);
		tf_close(&f);
	}
	struct tensorfile zero = {0};
	tf_close(&zero);
	CHECK(tf_find(&zero, "a") == NULL);
}

static void refuses(void)
{
	static const struct {
		const char *header;
		size_t data;
		const char *message;
	} bad[] = {
		{"", 0, "does not start with '{'"},
		{" {}", 0, "does not start with '{'"},
		{"[]", 0, "does not start with '{'"},
		{"{", 0, "bad header: JSON, byte 1"},
		{"{}x", 0, "the end of the text expected"},
		{"{}", 3, "3 bytes too many at the end"},
		{"{" T("a", "F32", "[1]", 0, 4) "}", 3, "tensor 'a': it ends at byte 4 of the data, which has only 3"},
		{"{" T("a", "F32", "[1]", 0, 4) "}", 5, "1 bytes too many"},
		{"{" T("a", "F32", "[1]", 1, 5) "}", 5, "bytes 0 to 1 of the data, before tensor 'a'"},
		{"{" T("a", "U8", "[2]", 0, 2) "," T("b", "U8", "[2]", 3, 5) "}", 5, "bytes 2 to 3"},
		{"{" T("a", "U8", "[2]", 0, 2) "," T("b", "U8", "[2]", 1, 3) "}", 3, "'a' and 'b' overlap"},
		{"{" T("a", "U8", "[2]", 0, 2) "," T("b", "U8", "[2]", 0, 2) "}", 2, "'a' and 'b' overlap"},
		{"{" T("a", "U8", "[2]", 0, 2) "," T("b", "U8", "[0]", 1, 1) "}", 2, "'a' and 'b' overlap"},
		{"{" T("a", "U8", "[2]", 0, 2) "," T("b", "U8", "[1]", 2, 3) "," T("a", "U8", "[2]", 3, 5) "}", 5,
		 "tensor 'a' is there twice"},
		{"{" T("a", "U8", "[2]", 0, 2) "," T("\\u0061", "U8", "[2]", 2, 4) "}", 4, "tensor 'a' is there twice"},
		{"{" T("a", "F99", "[1]", 0, 4) "}", 4, "tensor 'a': the dtype 'F99' is not known"},
		{"{" T("a", "f32", "[1]", 0, 4) "}", 4, "the dtype 'f32' is not known"},
		{"{" T("a", "F32", "[2]", 0, 4) "}", 4, "its range has 4 bytes, but its shape wants 2 elements of F32"},
		{"{" T("a", "F32", "[1]", 0, 5) "}", 5, "its range has 5 bytes"},
		{"{" T("a", "F32", "[0]", 0, 4) "}", 4, "its range has 4 bytes"},
		{"{" T("a", "F32", "[4611686018427387905]", 0, 4) "}", 4, "its shape wants 4611686018427387905"},
		{"{" T("a", "U8", "[4294967296,4294967296,1]", 0, 0) "}", 0, "more elements than can be counted"},
		{"{" T("a", "U8", "[18446744073709551616]", 0, 0) "}", 0, "the integer is too large"},
		{"{" T("a", "U8", "[1,1,1,1,1]", 0, 1) "}", 1, "tensor 'a': it has more than 4 dimensions"},
		{"{" T("a", "U8", "[-1]", 0, 1) "}", 1, "must not be negative"},
		{"{" T("a", "U8", "[1.0]", 0, 1) "}", 1, "an integer expected"},
		{"{" T("a", "U8", "1", 0, 1) "}", 1, "a list expected"},
		{"{" T("a", "U8", "[1]", 1, 0) "}", 1, "data_offsets run backwards, from 1 to 0"},
		{"{" T("a", "U8", "[1]", 0, 18446744073709551615) "}", 1, "ends at byte 18446744073709551615"},
		{"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, "fewer than two"},
		{"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1, "more than two"},
		{"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "tensor 'a': data_offsets is missing"},
		{"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "shape is missing"},
		{"{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "dtype is missing"},
		{"{\"a\":{\"shape\":[1],\"shape\":[1]}}", 1, "shape is given twice"},
		{"{\"a\":{\"strides\":[1]}}", 1, "tensor 'a': the key 'strides' has no meaning"},
		{"{\"a\":[]}", 0, "an object expected"},
		{"{\"a\\u0000\":{}}", 0, "\\u0000"},
		{"{\"__metadata__\":{\"a\":1}}", 0, "__metadata__: the value of 'a': JSON, byte 21: a string expected"},
		{"{\"__metadata__\":{\"a\":\"\",\"b\":\"\",\"a\":\"\"}}", 0, "the key 'a' is there twice"},
		{"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ is given twice"},
		{"{\"__metadata__\":[]}", 0, "__metadata__: JSON, byte 16: an object expected"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct tensorfile f;
		struct err e = {{0}};
		CHECK_INT(parse(&f, bad[i].header, bad[i].data, &e), -1);
		CHECK_HAS(e.msg, bad[i].message);
		CHECK(f.n == 0 && f.tensors == NULL && f.meta == NULL && f.bytes == NULL);
	}
}

static void refuses_raw(void)
{
	struct tensorfile f;
	struct err e = {{0}};
	CHECK_INT(tf_parse(&f, NULL, 0, &e), -1);
	CHECK_HAS(e.msg, "it has 0 bytes");
	CHECK_INT(tf_parse(&f, (const unsigned char *)"\2\0\0\0\0\0\0", 7, &e), -1);
	CHECK_HAS(e.msg, "it has 7 bytes");
	CHECK_INT(tf_parse(&f, (const unsigned char *)"\3\0\0\0\0\0\0\0{}", 10, &e), -1);
	CHECK_HAS(e.msg, "would take 3 bytes, but only 2 follow");
	CHECK_INT(tf_parse(&f, (const unsigned char *)"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, &e), -1);
	CHECK_HAS(e.msg, "would take 18446744073709551615 bytes");
	CHECK_INT(tf_parse(&f, (const unsigned char *)"just some text here", 19, &e), -1);
	CHECK_HAS(e.msg, "not a safetensors file");
	size_t big = 100000009 + 8; /* a header longer than the format allows */
	unsigned char *p = mem_new(big, 1, &e);
	memcpy(p, "\x01\xe1\xf5\x05\0\0\0\0{", 9); /* 100,000,001 */
	CHECK_INT(tf_parse(&f, p, big, &e), -1);
	CHECK_HAS(e.msg, "longer than the format allows");
	mem_free(p);
	CHECK_INT(tf_open(&f, "/nonexistent/model", &e), -1);
	CHECK_HAS(e.msg, "/nonexistent/model");
	CHECK_INT(tf_open(&f, "/dev/null", &e), -1);
	CHECK_HAS(e.msg, "/dev/null: not a safetensors file");
}

/* Numbers from bytes: each dtype, by its bits. */
static void floats(void)
{
	struct tensorfile f = {.data = (const unsigned char *)"\0\0\x80\x3f\xff\xff\x7f\x7f\x01\0\0\x80"};
	struct tf_tensor t = {.name = (char *)"t", .dtype = TF_F32, .ndim = 1, .shape = {3}, .count = 3, .bytes = 12};
	struct err e = {{0}};
	float v[8];
	double d[8];
	int64_t i[8];
	CHECK_INT(tf_get_f32(&f, &t, v, &e), 0);
	CHECK(v[0] == 1 && v[1] == FLT_MAX && v[2] == -0x1p-149f);
	CHECK_INT(tf_get_f64(&f, &t, d, &e), 0);
	CHECK(d[0] == 1 && d[1] == (double)FLT_MAX && d[2] == -0x1p-149);
	CHECK_INT(tf_get_i64(&f, &t, i, &e), -1);
	CHECK_HAS(e.msg, "tensor 't' is F32; integers expected");

	/* Unaligned on purpose: the data starts at an odd address. */
	f.data = (const unsigned char *)"_\x00\x3c\xff\x7b\x01\x00\x00\x84\xff\x83\x00\x80" + 1;
	t = (struct tf_tensor){.name = (char *)"h", .dtype = TF_F16, .count = 6, .bytes = 12};
	CHECK_INT(tf_get_f64(&f, &t, d, &e), 0);
	CHECK(d[0] == 1 && d[1] == 65504 && d[2] == 0x1p-24 && d[3] == -0x1p-14 && d[4] == -0x1.ff8p-15);
	CHECK(d[5] == 0 && signbit(d[5]));
	CHECK_INT(tf_get_f32(&f, &t, v, &e), 0);
	CHECK(v[1] == 65504 && v[4] == -0x1.ff8p-15f);

	f.data = (const unsigned char *)"_\x80\x3f\x7f\x7f\x49\xc0" + 1;
	t = (struct tf_tensor){.name = (char *)"b", .dtype = TF_BF16, .count = 3, .bytes = 6};
	CHECK_INT(tf_get_f32(&f, &t, v, &e), 0);
	CHECK(v[0] == 1 && v[1] == 0x1.fep127f && v[2] == -3.140625f);

	static const struct {
		enum tf_dtype d;
		const char *bits, *message;
	} bad[] = {
		{TF_F32, "\0\0\x80\x3f\0\0\x80\x7f", "element 1 is inf, not a finite number"},
		{TF_F32, "\0\0\x80\x3f\0\0\x80\xff", "element 1 is -inf"},
		{TF_F32, "\0\0\x80\x3f\x01\0\xc0\x7f", "element 1 is nan"},
		{TF_F16, "\0\x3c\0\x7c", "element 1 is inf"},
		{TF_F16, "\0\x3c\x01\x7c", "element 1 is nan"},
		{TF_BF16, "\x80\x3f\x80\xff", "element 1 is -inf"},
		{TF_F64, "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\xf0\x7f", "element 1 is inf"},
	};
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		f.data = (const unsigned char *)bad[k].bits;
		t = (struct tf_tensor){.name = (char *)"x", .dtype = bad[k].d, .count = 2};
		CHECK_INT(tf_get_f32(&f, &t, v, &e), -1);
		CHECK_HAS(e.msg, bad[k].message);
		CHECK_INT(tf_get_f64(&f, &t, d, &e), -1);
		CHECK_HAS(e.msg, bad[k].message);
	}
	f.data = (const unsigned char *)"\0\0\0\0\0\0\xf0\x7e";
	t = (struct tf_tensor){.name = (char *)"x", .dtype = TF_F64, .count = 1};
	CHECK_INT(tf_get_f64(&f, &t, d, &e), 0);
	CHECK_INT(tf_get_f32(&f, &t, v, &e), -1);
	CHECK_HAS(e.msg, "more than float32 can hold");
}

static void integers(void)
{
	static const struct {
		enum tf_dtype d;
		const char *bits;
		int64_t v;
	} t[] = {
		{TF_U8, "\xff", 255}, {TF_I8, "\xff", -1}, {TF_I8, "\x80", -128}, {TF_I8, "\x7f", 127},
		{TF_U16, "\xfe\xff", 65534}, {TF_I16, "\xfe\xff", -2}, {TF_U32, "\xff\xff\xff\xff", 4294967295},
		{TF_I32, "\0\0\0\x80", INT32_MIN}, {TF_I64, "\0\0\0\0\0\0\0\x80", INT64_MIN},
		{TF_I64, "\xff\xff\xff\xff\xff\xff\xff\x7f", INT64_MAX},
		{TF_U64, "\xff\xff\xff\xff\xff\xff\xff\x7f", INT64_MAX}, {TF_U64, "\1\2\0\0\0\0\0\0", 513},
	};
	struct tensorfile f = {0};
	struct err e = {{0}};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct tf_tensor x = {.name = (char *)"x", .dtype = t[i].d, .count = 1};
		int64_t v = 7;
		float r;
		f.data = (const unsigned char *)t[i].bits;
		CHECK_INT(tf_get_i64(&f, &x, &v, &e), 0);
		CHECK_INT(v, t[i].v);
		CHECK_INT(tf_get_f32(&f, &x, &r, &e), -1);
		CHECK_HAS(e.msg, "F32, F64, F16 or BF16 expected");
	}
	struct tf_tensor x = {.name = (char *)"x", .dtype = TF_U64, .count = 1};
	int64_t v;
	f.data = (const unsigned char *)"\0\0\0\0\0\0\0\x80";
	CHECK_INT(tf_get_i64(&f, &x, &v, &e), -1);
	CHECK_HAS(e.msg, "element 0 is 9223372036854775808");
	x.dtype = TF_BOOL;
	CHECK_INT(tf_get_i64(&f, &x, &v, &e), -1);
}

static const float weights[6] = {1, -2, 0.5f, 1e-30f, 3e38f, 0};
static const uint64_t big[1] = {UINT64_MAX};
static const int64_t ids[2] = {INT64_MIN, 5};
static const unsigned char odd[3] = {1, 2, 3};

static int fill(struct tf_writer *w, struct err *e)
{
	if (tf_put_meta(w, "format", "pt", e) || tf_put_meta(w, "empty", "", e) ||
	    tf_put_meta(w, "text", "line\n\"quoted\" \xC3\xA9 \xFF.", e) || tf_put_meta(w, "format", "rnnlm-1", e))
		return -1;
	if (tf_put(w, "ids", TF_I64, 2, (uint64_t[]){1, 2}, ids, e) ||
	    tf_put(w, "big", TF_U64, 0, NULL, big, e) ||
	    tf_put(w, "rnn.w\xC3\xA9", TF_F32, 2, (uint64_t[]){2, 3}, weights, e) ||
	    tf_put(w, "none", TF_F32, 3, (uint64_t[]){2, 0, 3}, NULL, e) ||
	    tf_put(w, "odd", TF_U8, 1, (uint64_t[]){3}, odd, e))
		return -1;
	return 0;
}

static void round_trip(void)
{
	char path[32];
	struct tf_writer w = {0};
	struct tensorfile f;
	struct err e = {{0}};
	float v[6];
	int64_t i[2];
	strcpy(path, access("build", W_OK) ? "/tmp/test-tf-XXXXXX" : "build/test-tf-XXXXXX");
	int fd = mkstemp(path);
	CHECK(fd >= 0);
	close(fd);
	for (long n = 1, done = 0; !done; n++) {
		mem_fail_at(n);
		done = fill(&w, &e) == 0 && tf_write(&w, path, &e) == 0;
		if (!done)
			CHECK_HAS(e.msg, "out of memory");
		tf_writer_free(&w);
	}
	mem_fail_at(0);
	CHECK_INT(fill(&w, &e), 0);
	CHECK_INT(tf_put(&w, "odd", TF_U8, 1, (uint64_t[]){3}, odd, &e), -1);
	CHECK_HAS(e.msg, "there twice");
	CHECK_INT(tf_write(&w, path, &e), 0);
	CHECK_INT(tf_write(&w, "/nonexistent/x", &e), -1);
	CHECK_HAS(e.msg, "/nonexistent/x");
	tf_writer_free(&w);
	for (long n = 1, done = 0; !done; n++) {
		mem_fail_at(n);
		done = tf_open(&f, path, &e) == 0;
		mem_fail_at(0);
		if (!done) {
			CHECK_HAS(e.msg, "out of memory");
			CHECK(f.tensors == NULL && f.bytes == NULL && f.meta == NULL);
		}
	}
	CHECK_INT(f.n, 5);
	CHECK_INT(f.nmeta, 3);
	CHECK_STR(f.meta[0].key, "format");
	CHECK_STR(tf_meta(&f, "format"), "rnnlm-1");
	CHECK_STR(tf_meta(&f, "empty"), "");
	CHECK_STR(tf_meta(&f, "text"), "line\n\"quoted\" \xC3\xA9 \xEF\xBF\xBD.");
	CHECK(tf_meta(&f, "nothing") == NULL);
	CHECK_INT((f.data - f.bytes) % 8, 0);
	const struct tf_tensor *t = tf_find(&f, "rnn.w\xC3\xA9");
	CHECK(t && t->ndim == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->dtype == TF_F32);
	CHECK(t && tf_get_f32(&f, t, v, &e) == 0 && memcmp(v, weights, sizeof v) == 0);
	t = tf_find(&f, "ids");
	CHECK(t && tf_get_i64(&f, t, i, &e) == 0 && memcmp(i, ids, sizeof i) == 0);
	t = tf_find(&f, "big");
	CHECK(t && t->ndim == 0 && t->count == 1 && tf_get_i64(&f, t, i, &e) == -1);
	t = tf_find(&f, "odd");
	CHECK(t && memcmp(tf_raw(&f, t), odd, 3) == 0);
	t = tf_find(&f, "none");
	CHECK(t && t->count == 0 && t->ndim == 3 && tf_get_f32(&f, t, v, &e) == 0);
	CHECK(tf_find(&f, "rnn") == NULL);
	tf_close(&f);
	unlink(path);
}

static void writer_refuses(void)
{
	struct tf_writer w = {0};
	struct err e = {{0}};
	CHECK_INT(tf_put(&w, "\xFF", TF_U8, 0, NULL, odd, &e), -1);
	CHECK_INT(tf_put(&w, "__metadata__", TF_U8, 0, NULL, odd, &e), -1);
	CHECK_HAS(e.msg, "cannot have this name");
	CHECK_INT(tf_put(&w, "a", TF_U8, 5, (uint64_t[]){1, 1, 1, 1, 1}, odd, &e), -1);
	CHECK_HAS(e.msg, "at most 4");
	CHECK_INT(tf_put(&w, "a", TF_F32, 2, (uint64_t[]){UINT64_MAX / 2, 3}, odd, &e), -1);
	CHECK_HAS(e.msg, "too large");
	CHECK_INT(tf_put_meta(&w, "\xFF", "x", &e), -1);
	CHECK_INT(w.n + w.nmeta, 0);
	tf_writer_free(&w);
	tf_writer_free(&w);
}

/* Many tensors, listed backwards: the cost must not be quadratic. */
static void many(void)
{
	enum {N = 100000};
	struct buf b = {0};
	struct tensorfile f;
	struct err e = {{0}};
	buf_puts(&b, "{", &e);
	for (int i = N - 1; i >= 0; i--)
		buf_printf(&b, &e, "\"%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}%s", i, i, i + 1,
		           i ? "," : "}");
	double start = io_now();
	CHECK_INT(parse(&f, b.p, N, &e), 0);
	CHECK(io_now() - start < 20);
	CHECK_INT(f.n, N);
	CHECK_STR(f.tensors[777].name, "777");
	tf_close(&f);
	buf_free(&b);
}

static void dtypes(void)
{
	CHECK_STR(tf_dtype_name(TF_BF16), "BF16");
	CHECK_STR(tf_dtype_name(TF_U64), "U64");
	CHECK_INT(tf_dtype_size(TF_BOOL), 1);
	CHECK_INT(tf_dtype_size(TF_F16), 2);
	CHECK_INT(tf_dtype_size(TF_F64), 8);
}

TEST_MAIN("tensorfile", {"accepts", accepts}, {"refuses", refuses}, {"refuses_raw", refuses_raw},
          {"floats", floats}, {"integers", integers}, {"round_trip", round_trip},
          {"writer_refuses", writer_refuses}, {"many", many}, {"dtypes", dtypes})
