/* Reading safetensors files. The header is walked once with the JSON cursor;
 * then the tensors are sorted, once by name for duplicates and once by place to
 * see that they tile the data, so that a hostile header of n entries costs
 * n log n. Writing is in tensorfile_write.c. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/tensorfile.h"

/* The limit of the format's own library: it opens no file with a longer one. */
#define MAX_HEADER 100000000

static const struct {
	const char *name;
	size_t size;
} dtypes[] = {
	[TF_BOOL] = {"BOOL", 1}, [TF_U8] = {"U8", 1},   [TF_I8] = {"I8", 1},
	[TF_I16] = {"I16", 2},   [TF_U16] = {"U16", 2}, [TF_F16] = {"F16", 2},
	[TF_BF16] = {"BF16", 2}, [TF_I32] = {"I32", 4}, [TF_U32] = {"U32", 4},
	[TF_F32] = {"F32", 4},   [TF_F64] = {"F64", 8}, [TF_I64] = {"I64", 8},
	[TF_U64] = {"U64", 8},
};
#define DTYPES (sizeof dtypes / sizeof dtypes[0])

const char *tf_dtype_name(enum tf_dtype d)
{
	return dtypes[d].name;
}

size_t tf_dtype_size(enum tf_dtype d)
{
	return dtypes[d].size;
}

/* Header strings are data: in messages they are cut to a line's length. */
#define NAME "'%.100s'"

static int read_dtype(struct json_reader *r, struct tf_tensor *t, struct err *e)
{
	char *name;
	size_t d = 0;
	if (json_get_string(r, &name, NULL, e))
		return -1;
	while (d < DTYPES && strcmp(name, dtypes[d].name) != 0)
		d++;
	if (d == DTYPES)
		err_set(e, "the dtype " NAME " is not known", name);
	else
		t->dtype = (enum tf_dtype)d;
	mem_free(name);
	return d == DTYPES ? -1 : 0;
}

static int read_shape(struct json_reader *r, struct tf_tensor *t, struct err *e)
{
	int more;
	t->count = 1;
	if (json_enter_array(r, e))
		return -1;
	while ((more = json_next_item(r, e)) > 0) {
		uint64_t size;
		if (t->ndim == TF_DIMS)
			return err_set(e, "it has more than %d dimensions", TF_DIMS);
		if (json_get_uint(r, &size, e))
			return -1;
		if (size && t->count > UINT64_MAX / size)
			return err_set(e, "its shape has more elements than can be counted");
		t->shape[t->ndim++] = size;
		t->count *= size;
	}
	return more;
}

static int read_offsets(struct json_reader *r, struct tf_tensor *t, struct err *e)
{
	uint64_t at[2] = {0};
	int n = 0, more;
	if (json_enter_array(r, e))
		return -1;
	while ((more = json_next_item(r, e)) > 0) {
		if (n == 2)
			return err_set(e, "data_offsets has more than two numbers");
		if (json_get_uint(r, &at[n++], e))
			return -1;
	}
	if (more < 0)
		return -1;
	if (n < 2)
		return err_set(e, "data_offsets has fewer than two numbers");
	if (at[0] > at[1])
		return err_set(e, "data_offsets run backwards, from %" PRIu64 " to %" PRIu64, at[0], at[1]);
	t->begin = at[0];
	t->bytes = at[1] - at[0];
	return 0;
}

/* The description of one tensor, and whether its range lies within the data
 * and has the size that its shape wants. */
static int read_tensor(struct json_reader *r, struct tf_tensor *t, uint64_t data, struct err *e)
{
	static const struct {
		const char *key;
		int (*read)(struct json_reader *, struct tf_tensor *, struct err *);
	} parts[] = {{"dtype", read_dtype}, {"shape", read_shape}, {"data_offsets", read_offsets}};
	bool seen[3] = {false};
	char *key;
	int more;
	if (json_enter_object(r, e))
		return -1;
	while ((more = json_next_key(r, &key, e)) > 0) {
		int i = 0, bad = 0;
		while (i < 3 && strcmp(key, parts[i].key) != 0)
			i++;
		if (i == 3)
			bad = err_set(e, "the key " NAME " has no meaning there", key);
		else if (seen[i])
			bad = err_set(e, "%s is given twice", parts[i].key);
		mem_free(key);
		if (bad || parts[i].read(r, t, e))
			return -1;
		seen[i] = true;
	}
	if (more < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		if (!seen[i])
			return err_set(e, "%s is missing", parts[i].key);

	size_t size = dtypes[t->dtype].size;
	if (t->begin + t->bytes > data)
		return err_set(e, "it ends at byte %" PRIu64 " of the data, which has only %" PRIu64,
		               t->begin + t->bytes, data);
	if (t->bytes % size || t->bytes / size != t->count)
		return err_set(e, "its range has %" PRIu64 " bytes, but its shape wants %" PRIu64 " elements of %s",
		               t->bytes, t->count, dtypes[t->dtype].name);
	return 0;
}

static int read_meta(struct json_reader *r, struct tensorfile *f, struct err *e)
{
	size_t cap = 0;
	char *key;
	int more;
	if (json_enter_object(r, e))
		return -1;
	while ((more = json_next_key(r, &key, e)) > 0) {
		struct tf_meta *list = mem_grow(f->meta, f->nmeta, &cap, sizeof *list, e);
		if (!list) {
			mem_free(key);
			return -1;
		}
		f->meta = list;
		struct tf_meta *m = &list[f->nmeta++];
		*m = (struct tf_meta){.key = key};
		if (json_get_string(r, &m->value, NULL, e))
			return err_wrap(e, "the value of " NAME, key);
	}
	return more;
}

static int read_header(struct tensorfile *f, const char *text, size_t len, uint64_t data, struct err *e)
{
	struct json_reader r;
	bool meta = false;
	size_t cap = 0;
	char *key;
	int more;
	json_open(&r, text, len);
	if (json_enter_object(&r, e))
		return -1;
	while ((more = json_next_key(&r, &key, e)) > 0) {
		if (strcmp(key, "__metadata__") == 0) {
			mem_free(key);
			if (meta)
				return err_set(e, "__metadata__ is given twice");
			if (read_meta(&r, f, e))
				return err_wrap(e, "__metadata__");
			meta = true;
			continue;
		}
		struct tf_tensor *list = mem_grow(f->tensors, f->n, &cap, sizeof *list, e);
		if (!list) {
			mem_free(key);
			return -1;
		}
		f->tensors = list;
		struct tf_tensor *t = &list[f->n++];
		*t = (struct tf_tensor){.name = key};
		if (read_tensor(&r, t, data, e))
			return err_wrap(e, "tensor " NAME, key);
	}
	return more < 0 ? -1 : json_finish(&r, e);
}

static int by_name(const void *a, const void *b)
{
	const struct tf_tensor *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static int by_place(const void *a, const void *b)
{
	const struct tf_tensor *x = a, *y = b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int by_string(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* No key of the metadata twice; their order is kept. */
static int check_meta(const struct tensorfile *f, struct err *e)
{
	int res = 0;
	if (f->nmeta < 2)
		return 0;
	const char **keys = mem_new(f->nmeta, sizeof *keys, e);
	if (!keys)
		return -1;
	for (size_t i = 0; i < f->nmeta; i++)
		keys[i] = f->meta[i].key;
	qsort(keys, f->nmeta, sizeof *keys, by_string);
	for (size_t i = 1; i < f->nmeta && !res; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			res = err_set(e, "__metadata__: the key " NAME " is there twice", keys[i]);
	mem_free(keys);
	return res;
}

/* No name twice, and the tensors tile the data: no hole, no overlap, nothing
 * behind the last. Leaves them in the order in which they lie in the file. */
static int check_tensors(const struct tensorfile *f, uint64_t data, struct err *e)
{
	struct tf_tensor *t = f->tensors;
	uint64_t end = 0;
	if (f->n)
		qsort(t, f->n, sizeof *t, by_name);
	for (size_t i = 1; i < f->n; i++)
		if (strcmp(t[i - 1].name, t[i].name) == 0)
			return err_set(e, "tensor " NAME " is there twice", t[i].name);
	if (f->n)
		qsort(t, f->n, sizeof *t, by_place);
	for (size_t i = 0; i < f->n; i++) {
		if (t[i].begin < end)
			return err_set(e, "tensors " NAME " and " NAME " overlap", t[i - 1].name, t[i].name);
		if (t[i].begin > end)
			return err_set(e, "bytes %" PRIu64 " to %" PRIu64 " of the data, before tensor " NAME
			               ", belong to no tensor", end, t[i].begin, t[i].name);
		end = t[i].begin + t[i].bytes;
	}
	if (end < data)
		return err_set(e, "%" PRIu64 " bytes too many at the end of the file", data - end);
	return 0;
}

static int parse(struct tensorfile *f, struct err *e)
{
	uint64_t header = 0;
	if (f->len < 8)
		return err_set(e, "not a safetensors file: it has %zu bytes, too few even for the header's length", f->len);
	for (int i = 7; i >= 0; i--)
		header = header << 8 | f->bytes[i];
	uint64_t rest = f->len - 8;
	if (header > rest)
		return err_set(e, "not a safetensors file, or one cut short: its header would take %" PRIu64
		               " bytes, but only %" PRIu64 " follow", header, rest);
	if (header > MAX_HEADER)
		return err_set(e, "its header of %" PRIu64 " bytes is longer than the format allows (%d)", header,
		               MAX_HEADER);
	const char *text = (const char *)f->bytes + 8;
	if (header == 0 || text[0] != '{')
		return err_set(e, "not a safetensors file: its header does not start with '{'");
	f->data = f->bytes + 8 + header;
	if (read_header(f, text, header, rest - header, e) || check_meta(f, e))
		return err_wrap(e, "bad header");
	return check_tensors(f, rest - header, e);
}

int tf_open(struct tensorfile *f, const char *path, struct err *e)
{
	*f = (struct tensorfile){0};
	if (io_read_all(path, &f->bytes, &f->len, e))
		return -1;
	if (parse(f, e)) {
		tf_close(f);
		return err_wrap(e, "%s", strcmp(path, "-") ? path : "standard input");
	}
	return 0;
}

int tf_parse(struct tensorfile *f, const unsigned char *bytes, size_t len, struct err *e)
{
	*f = (struct tensorfile){.len = len};
	f->bytes = mem_resize(NULL, len, 1, e);
	if (f->bytes && len)
		memcpy(f->bytes, bytes, len);
	if (f->bytes && parse(f, e) == 0)
		return 0;
	tf_close(f);
	return -1;
}

void tf_close(struct tensorfile *f)
{
	for (size_t i = 0; i < f->n; i++)
		mem_free(f->tensors[i].name);
	for (size_t i = 0; i < f->nmeta; i++) {
		mem_free(f->meta[i].key);
		mem_free(f->meta[i].value);
	}
	mem_free(f->tensors);
	mem_free(f->meta);
	mem_free(f->bytes);
	*f = (struct tensorfile){0};
}

const struct tf_tensor *tf_find(const struct tensorfile *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->tensors[i].name, name) == 0)
			return &f->tensors[i];
	return NULL;
}

const char *tf_meta(const struct tensorfile *f, const char *key)
{
	for (size_t i = 0; i < f->nmeta; i++)
		if (strcmp(f->meta[i].key, key) == 0)
			return f->meta[i].value;
	return NULL;
}
