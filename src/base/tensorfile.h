/* safetensors files: u64 little-endian header length, JSON header, raw
 * little-endian tensors (https://github.com/huggingface/safetensors). Reading
 * trusts nothing: the header's length and every tensor's range are checked
 * against the file's size before anything is allocated; holes, overlaps,
 * duplicate names, unknown dtypes, shapes that do not fit their range and
 * trailing bytes are refused, each with its own message. */
#ifndef RNNLM_BASE_TENSORFILE_H
#define RNNLM_BASE_TENSORFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TF_DIMS 4

/* The dtypes of the format; those that this program uses can be read as
 * numbers, the others are only known by size. */
enum tf_dtype { TF_BOOL, TF_U8, TF_I8, TF_I16, TF_U16, TF_F16, TF_BF16, TF_I32, TF_U32, TF_F32, TF_F64, TF_I64, TF_U64 };

struct tf_tensor {
	char *name;
	enum tf_dtype dtype;
	int ndim;
	uint64_t shape[TF_DIMS];
	uint64_t count; /* elements */
	uint64_t begin, bytes; /* in the data part */
};

struct tf_meta {
	char *key, *value;
};

struct tensorfile {
	struct tf_tensor *tensors; /* in file order */
	size_t n;
	struct tf_meta *meta; /* __metadata__ in file order */
	size_t nmeta;
	unsigned char *bytes; /* the whole file */
	size_t len;
	const unsigned char *data; /* where the tensors start */
};

/* Reads a whole file ("-" is stdin), or takes bytes that are already in
 * memory (copied). On failure the struct is zero. */
int tf_open(struct tensorfile *f, const char *path, struct err *e);
int tf_parse(struct tensorfile *f, const unsigned char *bytes, size_t len, struct err *e);
void tf_close(struct tensorfile *f);

const struct tf_tensor *tf_find(const struct tensorfile *f, const char *name); /* or NULL */
const char *tf_meta(const struct tensorfile *f, const char *key);              /* or NULL */
const char *tf_dtype_name(enum tf_dtype d);
size_t tf_dtype_size(enum tf_dtype d);

/* Copies t to dst with conversion. The floats: from F32, F64, F16 or BF16; a
 * value that is not finite is refused by its name and index. tf_get_i64: from
 * any integer dtype; U64 above INT64_MAX is refused. dst holds t->count. */
int tf_get_f32(const struct tensorfile *f, const struct tf_tensor *t, float *dst, struct err *e);
int tf_get_f64(const struct tensorfile *f, const struct tf_tensor *t, double *dst, struct err *e);
int tf_get_i64(const struct tensorfile *f, const struct tf_tensor *t, int64_t *dst, struct err *e);
const unsigned char *tf_raw(const struct tensorfile *f, const struct tf_tensor *t);

/* Writing: collect, then write in one go, atomically. Names and values are
 * copied, the tensors' data must stay until tf_write. data is host-endian and
 * of the dtype given. Files are written in the order of adding; the offsets of
 * all tensors are multiples of 8 only if their sizes are, so add the wide
 * dtypes first. The header is padded with spaces to a multiple of 8.
 * A key that is put again replaces its value. Other readers refuse text that is
 * not UTF-8: bytes of a value that are not become U+FFFD, in keys and names they
 * are an error. */
struct tf_writer {
	struct tf_wtensor *t;
	size_t n, cap;
	struct tf_meta *meta;
	size_t nmeta, capmeta;
};
int tf_put_meta(struct tf_writer *w, const char *key, const char *value, struct err *e);
int tf_put(struct tf_writer *w, const char *name, enum tf_dtype d, int ndim, const uint64_t *shape,
           const void *data, struct err *e);
int tf_write(struct tf_writer *w, const char *path, struct err *e);
void tf_writer_free(struct tf_writer *w);

#endif
