#include "text/corpus.h"

#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "text/utf8.h"

#define MILLION 1000000u

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
#define FNV_START UINT64_C(0xcbf29ce484222325)
static uint64_t fnv1a(uint64_t hash, const unsigned char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ s[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* --- cutting --- */

size_t corpus_cut(size_t n, int64_t val_millionths)
{
	if (val_millionths <= 0)
		return n;
	if (val_millionths >= (int64_t)MILLION)
		return 0;
	/* n * keep / 1e6 without the product that could overflow. */
	size_t keep = MILLION - (size_t)val_millionths;
	return n / MILLION * keep + n % MILLION * keep / MILLION;
}

size_t corpus_offset(enum unit unit, const unsigned char *text, size_t len, size_t index)
{
	if (unit == UNIT_BYTE)
		return index < len ? index : len;
	size_t pos = 0;
	uint32_t cp;
	for (; index && pos < len; index--)
		pos += text[pos] < 0x80 ? 1 : utf8_decode(text + pos, len - pos, &cp);
	return pos;
}

/* --- reading --- */

static bool is_stdin(const char *file)
{
	return strcmp(file, "-") == 0;
}

int corpus_read(const char *const *files, int nfiles, unsigned char **text, size_t *len,
                struct err *e)
{
	unsigned char *all = NULL, *one = NULL;
	size_t total = 0, n = 0;
	int stdins = 0;
	if (nfiles < 1)
		return err_set(e, "no text: name a file, or - for standard input");
	for (int i = 0; i < nfiles; i++) {
		if (is_stdin(files[i]) && stdins++) {
			err_set(e, "standard input (-) is named twice: it can be read once");
			goto fail;
		}
		if (io_read_all(files[i], &one, &n, e))
			goto fail;
		if (i == 0) { /* most often the only one: not copied */
			all = one;
			total = n;
			one = NULL;
			continue;
		}
		unsigned char *grown = n < SIZE_MAX - total ? mem_resize(all, total + n + 1, 1, e) : NULL;
		if (!grown) {
			err_wrap(e, "%s", files[i]);
			goto fail;
		}
		all = grown;
		memcpy(all + total, one, n + 1);
		total += n;
		mem_free(one);
		one = NULL;
	}
	*text = all;
	*len = total;
	return 0;
fail:
	mem_free(one);
	mem_free(all);
	return -1;
}

/* "books/carroll.en.txt" -> "carroll.en". A leading dot begins a name, not an
 * extension. */
char *corpus_stem(const char *file, struct err *e)
{
	if (is_stdin(file))
		return mem_strndup("stdin", 5, e);
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	const char *dot = strrchr(name, '.');
	return mem_strndup(name, dot && dot > name ? (size_t)(dot - name) : strlen(name), e);
}

static int check_source(const struct corpus_source *s, struct err *e)
{
	if (s->nfiles < 1)
		return err_set(e, "no corpus: name a file, or - for standard input");
	if (!s->val_file && (s->val_millionths < 0 || s->val_millionths >= (int64_t)MILLION))
		return err_set(e, "the fraction to hold out must be at least 0 and less than 1");
	if (!s->val_file || !is_stdin(s->val_file))
		return 0;
	for (int i = 0; i < s->nfiles; i++)
		if (is_stdin(s->files[i]))
			return err_set(e, "standard input (-) cannot be both corpus and validation text");
	return 0;
}

/* At least one target is needed, and the symbol before it. */
static int check_enough(const struct corpus_source *s, size_t len, size_t symbols, size_t train,
                        struct err *e)
{
	const char *more = s->nfiles > 1 ? " (with the files after it)" : "";
	const char *name = is_stdin(s->files[0]) ? "standard input" : s->files[0];
	if (len == 0)
		return err_set(e, "%s%s: empty: there is nothing to train on", name, more);
	if (train >= 2)
		return 0;
	if (symbols >= 2)
		return err_set(e, "%s%s: too short: with the held-out part cut off, %zu of %zu symbols %s left "
		                  "to train on, and at least 2 are needed; give more text or hold out less",
		               name, more, train, symbols, train == 1 ? "is" : "are");
	return err_set(e, "%s%s: too short: one symbol, and training needs at least 2", name, more);
}

int corpus_load(struct corpus *c, const struct corpus_source *s, struct err *e)
{
	unsigned char *text = NULL, *held = NULL;
	size_t len = 0, held_len = 0;
	enum unit unit = s->fixed ? s->fixed->unit : s->base ? s->base->unit : s->unit;
	struct vocab own = {0};
	int rc = -1;

	*c = (struct corpus){0};
	if (check_source(s, e))
		goto out;
	c->stem = corpus_stem(s->files[0], e);
	if (!c->stem || corpus_read(s->files, s->nfiles, &text, &len, e))
		goto out;
	if (s->val_file && corpus_read(&s->val_file, 1, &held, &held_len, e))
		goto out;
	c->bytes = len + held_len;
	c->hash = fnv1a(fnv1a(FNV_START, text, len), held, held_len);

	/* Whatever the unit, the same characters are held out. */
	size_t chars = vocab_chars(text, len);
	size_t train_len = s->val_file ? len : corpus_offset(UNIT_CHAR, text, len, corpus_cut(chars, s->val_millionths));
	if (len == 0 && check_enough(s, 0, 0, 0, e))
		goto out;
	if (s->val_file && held_len == 0) {
		err_set(e, "%s: empty: there is nothing to validate on",
		        is_stdin(s->val_file) ? "standard input" : s->val_file);
		goto out;
	}
	const unsigned char *val = s->val_file ? held : text + train_len; /* the held-out part */
	size_t val_len = s->val_file ? held_len : len - train_len;

	if (s->fixed ? vocab_copy(&c->vocab, s->fixed, e)
	             : vocab_build_sized(&own, unit, text, train_len, s->min_count, s->vocab_size, e))
		goto out;
	if (s->base && vocab_merge(&c->vocab, s->base, &own, e))
		goto out;
	if (!s->fixed && !s->base) {
		c->vocab = own;
		own = (struct vocab){0};
	}
	if (vocab_encode(&c->vocab, text, train_len, &c->train, &c->ntrain, NULL, e) ||
	    vocab_encode(&c->vocab, val, val_len, &c->val, &c->nval, &c->unknown_val, e) ||
	    check_enough(s, len, c->ntrain + (s->val_file ? 0 : c->nval), c->ntrain, e))
		goto out;
	size_t bad_train = 0, bad_val = 0;
	c->train_chars = utf8_count(text, train_len, &bad_train);
	c->val_chars = utf8_count(val, val_len, &bad_val);
	c->invalid = bad_train + bad_val;
	rc = 0;
out:
	mem_free(text);
	mem_free(held);
	vocab_free(&own);
	if (rc)
		corpus_free(c);
	return rc;
}

void corpus_free(struct corpus *c)
{
	vocab_free(&c->vocab);
	mem_free(c->train);
	mem_free(c->val);
	mem_free(c->stem);
	*c = (struct corpus){0};
}
