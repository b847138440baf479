/* Writing safetensors files: a list of what is to be written, then all at once. */
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/tensorfile.h"

#define META_KEY "__metadata__"

struct tf_wtensor {
	char *name;
	enum tf_dtype dtype;
	int ndim;
	uint64_t shape[TF_DIMS];
	uint64_t bytes;
	const void *data; /* the caller's, until tf_write */
};

static bool is_utf8(const char *s)
{
	for (size_t n = strlen(s), len; n; s += len, n -= len)
		if (!(len = json_utf8(s, n)))
			return false;
	return true;
}

/* A copy of s in which bytes that are not UTF-8 are U+FFFD. */
static char *replace_bytes(const char *s, struct err *e)
{
	struct buf b = {0};
	size_t n = strlen(s);
	int bad = buf_add(&b, NULL, 0, e); /* so that an empty text is one too */
	while (n && !bad) {
		size_t len = json_utf8(s, n), step = len ? len : 1;
		bad = len ? buf_add(&b, s, len, e) : buf_puts(&b, "\xEF\xBF\xBD", e);
		s += step;
		n -= step;
	}
	if (bad)
		buf_free(&b);
	return b.p;
}

int tf_put_meta(struct tf_writer *w, const char *key, const char *value, struct err *e)
{
	if (!is_utf8(key))
		return err_set(e, "a metadata key is not UTF-8");
	char *text = replace_bytes(value, e);
	if (!text)
		return -1;
	for (size_t i = 0; i < w->nmeta; i++) {
		if (strcmp(w->meta[i].key, key) == 0) {
			mem_free(w->meta[i].value);
			w->meta[i].value = text;
			return 0;
		}
	}
	struct tf_meta *list = mem_grow(w->meta, w->nmeta, &w->capmeta, sizeof *list, e);
	char *name = NULL;
	if (list) {
		w->meta = list;
		name = mem_strndup(key, strlen(key), e);
	}
	if (!name) {
		mem_free(text);
		return -1;
	}
	list[w->nmeta++] = (struct tf_meta){.key = name, .value = text};
	return 0;
}

int tf_put(struct tf_writer *w, const char *name, enum tf_dtype d, int ndim, const uint64_t *shape,
           const void *data, struct err *e)
{
	struct tf_wtensor t = {.dtype = d, .ndim = ndim, .bytes = tf_dtype_size(d), .data = data};
	if (!is_utf8(name) || strcmp(name, META_KEY) == 0)
		return err_set(e, "tensor '%.100s': a tensor cannot have this name", name);
	if (ndim < 0 || ndim > TF_DIMS)
		return err_set(e, "tensor '%.100s': %d dimensions; at most %d are possible", name, ndim, TF_DIMS);
	for (int i = 0; i < ndim; i++) {
		t.shape[i] = shape[i];
		if (shape[i] && t.bytes > INT64_MAX / shape[i])
			return err_set(e, "tensor '%.100s': its shape is too large for a file", name);
		t.bytes *= shape[i];
	}
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->t[i].name, name) == 0)
			return err_set(e, "tensor '%.100s' is there twice", name);
	struct tf_wtensor *list = mem_grow(w->t, w->n, &w->cap, sizeof *list, e);
	if (!list)
		return -1;
	w->t = list;
	if (!(t.name = mem_strndup(name, strlen(name), e)))
		return -1;
	w->t[w->n++] = t;
	return 0;
}

static void put_tensor(struct json_writer *j, const struct tf_wtensor *t, uint64_t begin)
{
	json_key(j, t->name);
	json_object_begin(j);
	json_key(j, "dtype");
	json_cstring(j, tf_dtype_name(t->dtype));
	json_key(j, "shape");
	json_array_begin(j);
	for (int i = 0; i < t->ndim; i++)
		json_uint(j, t->shape[i]);
	json_array_end(j);
	json_key(j, "data_offsets");
	json_array_begin(j);
	json_uint(j, begin);
	json_uint(j, begin + t->bytes);
	json_array_end(j);
	json_object_end(j);
}

static int make_header(const struct tf_writer *w, struct buf *b, struct err *e)
{
	struct json_writer j = {.b = b};
	uint64_t end = 0;
	json_object_begin(&j);
	if (w->nmeta) {
		json_key(&j, META_KEY);
		json_object_begin(&j);
		for (size_t i = 0; i < w->nmeta; i++) {
			json_key(&j, w->meta[i].key);
			json_cstring(&j, w->meta[i].value);
		}
		json_object_end(&j);
	}
	for (size_t i = 0; i < w->n; i++) {
		put_tensor(&j, &w->t[i], end);
		end += w->t[i].bytes;
	}
	json_object_end(&j);
	while (b->len % 8 && !j.failed)
		j.failed = buf_puts(b, " ", NULL) != 0;
	return j.failed ? err_set(e, "out of memory while the header of a model file was made") : 0;
}

/* Elements in the file's byte order, which is little-endian. */
static void write_data(struct io_atomic *out, const struct tf_wtensor *t)
{
	const unsigned char *p = t->data;
	const uint16_t one = 1;
	size_t size = tf_dtype_size(t->dtype);
	if (*(const unsigned char *)&one == 1) {
		io_atomic_write(out, p, t->bytes);
		return;
	}
	for (uint64_t i = 0; i < t->bytes; i += size)
		for (size_t b = size; b-- > 0;)
			io_atomic_write(out, p + i + b, 1);
}

int tf_write(struct tf_writer *w, const char *path, struct err *e)
{
	struct io_atomic file = {0};
	struct buf header = {0};
	unsigned char length[8];
	int res = -1;
	if (make_header(w, &header, e) || io_atomic_open(&file, path, e))
		goto out;
	for (int i = 0; i < 8; i++)
		length[i] = (unsigned char)((uint64_t)header.len >> 8 * i);
	io_atomic_write(&file, length, sizeof length);
	io_atomic_write(&file, header.p, header.len);
	for (size_t i = 0; i < w->n; i++)
		write_data(&file, &w->t[i]);
	res = io_atomic_commit(&file, e);
out:
	buf_free(&header);
	return res;
}

void tf_writer_free(struct tf_writer *w)
{
	for (size_t i = 0; i < w->n; i++)
		mem_free(w->t[i].name);
	for (size_t i = 0; i < w->nmeta; i++) {
		mem_free(w->meta[i].key);
		mem_free(w->meta[i].value);
	}
	mem_free(w->t);
	mem_free(w->meta);
	*w = (struct tf_writer){0};
}
