/* rnnlm tokenize --vocab, and the summary. */
#include "cmd/tokenize.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "text/utf8.h"

#define LISTED 10 /* symbols in each list of the summary */

/* "U+0041", or "0xE9" for a byte or what stands for one; "-" for the unknown and for
 * pieces of several characters. */
static const char *code_text(const struct vocab *v, uint32_t id, const struct buf *symbol, char text[16])
{
	const unsigned char *s = (const unsigned char *)symbol->p;
	uint32_t cp;
	if (id == v->size - 1 || utf8_decode(s, symbol->len, &cp) < symbol->len)
		return "-";
	if (v->unit == UNIT_BYTE || utf8_is_escape(cp))
		snprintf(text, 16, "0x%02X", (unsigned)s[0]);
	else
		snprintf(text, 16, "U+%04X", (unsigned)cp);
	return text;
}

static double share(uint64_t count, uint64_t total)
{
	return total ? (double)count / (double)total : 0;
}

/* The members of a symbol's object. */
static int put_symbol_json(struct json_writer *w, const struct vocab *v, uint32_t id, bool counted,
                           uint64_t total, struct err *e)
{
	struct buf symbol = {0};
	char code[16];
	if (vocab_decode(v, id, &symbol, e)) {
		buf_free(&symbol);
		return -1;
	}
	json_object_begin(w);
	json_key(w, "id");
	json_uint(w, id);
	json_key(w, "code");
	const char *shown = code_text(v, id, &symbol, code);
	if (*shown == '-')
		json_null(w);
	else
		json_cstring(w, shown);
	if (counted) {
		json_key(w, "count");
		json_uint(w, v->counts[id]);
		json_key(w, "share");
		json_number(w, share(v->counts[id], total));
	}
	json_key(w, "symbol");
	if (id == v->size - 1)
		json_null(w);
	else
		json_string(w, symbol.p, symbol.len);
	json_object_end(w);
	buf_free(&symbol);
	return 0;
}

static int put_symbol(struct buf *out, const struct vocab *v, uint32_t id, bool counted,
                      uint64_t total, struct err *e)
{
	char code[16], count[24] = "-", part[24] = "-";
	struct buf symbol = {0};
	if (counted) {
		snprintf(count, sizeof count, "%" PRIu64, v->counts[id]);
		snprintf(part, sizeof part, "%.4f%%", 100 * share(v->counts[id], total));
	}
	int rc = vocab_decode(v, id, &symbol, e) ||
	         buf_printf(out, e, "%6" PRIu32 "  %-8s %12s %10s  ", id, code_text(v, id, &symbol, code), count, part) ||
	         vocab_show(v, id, out, e) || buf_puts(out, "\n", e) ? -1 : 0;
	buf_free(&symbol);
	return rc;
}

static uint64_t sum_counts(const struct vocab *v)
{
	uint64_t total = 0;
	for (uint32_t id = 0; id < v->size; id++)
		total += v->counts[id];
	return total;
}

int tokenize_vocab(const struct vocab *v, uint32_t ids, bool counted, bool json, struct err *e)
{
	struct buf out = {0};
	uint64_t total = sum_counts(v);
	int rc = json ? 0 : buf_puts(&out, "    id  code            count      share  symbol\n", e);
	for (uint32_t id = 0; rc == 0 && id < ids && !cmd_out_failed(); id++) {
		struct json_writer w = {.b = &out};
		if (!json)
			rc = put_symbol(&out, v, id, counted, total, e);
		else if ((rc = put_symbol_json(&w, v, id, counted, total, e)) == 0)
			rc = json_end_line(&w, e);
		if (out.len >= TOKENIZE_FLUSH)
			cmd_out(&out);
	}
	cmd_out(&out);
	buf_free(&out);
	return rc;
}

struct summary {
	const struct vocab *v;
	bool model;
	size_t bytes, chars, lines, invalid;
	uint64_t symbols;
	uint32_t distinct; /* kinds of symbols that occur */
	double bits;       /* unigram entropy per character */
	uint32_t *order;   /* (distinct) ids, the most frequent first */
	uint32_t nfrequent, nrare; /* how many of each end to list; they do not overlap */
};

struct ranked {
	uint64_t count;
	uint32_t id;
};

static int by_count(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int summarise(struct summary *s, const struct vocab *v, const unsigned char *text, size_t len,
                     struct err *e)
{
	struct ranked *ranked = mem_new(v->size, sizeof *ranked, e);
	s->order = ranked ? mem_new(v->size, sizeof *s->order, e) : NULL;
	if (!s->order) {
		mem_free(ranked);
		return -1;
	}
	s->v = v;
	s->bytes = len;
	s->chars = utf8_count(text, len, &s->invalid);
	s->symbols = sum_counts(v);
	for (size_t i = 0; i < len; i++)
		s->lines += text[i] == '\n';
	s->lines += len && text[len - 1] != '\n';
	for (uint32_t id = 0; id < v->size; id++) {
		double p = share(v->counts[id], s->symbols);
		if (p > 0) {
			s->bits -= p * log2(p) * (double)s->symbols / (double)s->chars;
			ranked[s->distinct++] = (struct ranked){v->counts[id], id};
		}
	}
	qsort(ranked, s->distinct, sizeof *ranked, by_count);
	for (uint32_t i = 0; i < s->distinct; i++)
		s->order[i] = ranked[i].id;
	s->nfrequent = s->distinct < LISTED ? s->distinct : LISTED;
	s->nrare = s->distinct - s->nfrequent < LISTED ? s->distinct - s->nfrequent : LISTED;
	mem_free(ranked);
	return 0;
}

static int put_summary(struct buf *out, const struct summary *s, struct err *e)
{
	const struct vocab *v = s->v;
	int rc = buf_printf(out, e, "bytes       %12zu\ncharacters  %12zu\n", s->bytes, s->chars);
	if (v->unit != UNIT_CHAR)
		rc |= buf_printf(out, e, "symbols     %12" PRIu64 "  %s\n", s->symbols,
		                 v->unit == UNIT_BYTE ? "bytes" : v->unit == UNIT_WORD ? "words and what spells them" : "bpe pieces");
	rc |= buf_printf(out, e, "lines       %12zu\nvocabulary  %12" PRIu32 "  kinds of symbols\n",
	                 s->lines, s->distinct);
	if (s->model)
		rc |= buf_printf(out, e, "model       %12" PRIu32 "  ids\nunknown     %12" PRIu64
		                 "  symbols that the model lacks\n", v->size, v->counts[v->size - 1]);
	rc |= buf_printf(out, e, "entropy     %12.4f  bits/char, each symbol for itself\n"
	                 "not UTF-8   %12zu  bytes\n", s->bits, s->invalid);
	for (uint32_t i = 0; rc == 0 && i < s->nfrequent + s->nrare; i++) {
		bool rare = i >= s->nfrequent;
		if (i == 0 || i == s->nfrequent)
			rc |= buf_printf(out, e, "\n%s\n", rare ? "rarest" : "most frequent");
		/* The rarest of all comes first in its list. */
		uint32_t at = rare ? s->distinct - 1 - (i - s->nfrequent) : i;
		rc |= put_symbol(out, v, s->order[at], true, s->symbols, e);
	}
	return rc;
}

static int put_summary_json(struct buf *out, const struct summary *s, struct err *e)
{
	const struct vocab *v = s->v;
	struct json_writer w = {.b = out};
	int rc = 0;
	json_object_begin(&w);
	json_key(&w, "unit");
	json_cstring(&w, unit_names[v->unit]);
	json_key(&w, "bytes");
	json_uint(&w, s->bytes);
	json_key(&w, "chars");
	json_uint(&w, s->chars);
	json_key(&w, "symbols");
	json_uint(&w, s->symbols);
	json_key(&w, "lines");
	json_uint(&w, s->lines);
	json_key(&w, "vocab");
	json_uint(&w, s->distinct);
	if (s->model) {
		json_key(&w, "model_vocab");
		json_uint(&w, v->size);
		json_key(&w, "unknown");
		json_uint(&w, v->counts[v->size - 1]);
	}
	json_key(&w, "entropy_bits");
	json_number(&w, s->bits);
	json_key(&w, "not_utf8");
	json_uint(&w, s->invalid);
	json_key(&w, "frequent");
	json_array_begin(&w);
	for (uint32_t i = 0; rc == 0 && i < s->nfrequent; i++)
		rc = put_symbol_json(&w, v, s->order[i], true, s->symbols, e);
	json_array_end(&w);
	json_key(&w, "rarest");
	json_array_begin(&w);
	for (uint32_t i = 0; rc == 0 && i < s->nrare; i++)
		rc = put_symbol_json(&w, v, s->order[s->distinct - 1 - i], true, s->symbols, e);
	json_array_end(&w);
	json_object_end(&w);
	if (rc == 0)
		rc = json_end_line(&w, e);
	return rc;
}

int tokenize_summary(const struct tokenize_options *o, const struct vocab *v, const unsigned char *text,
                         size_t len, struct err *e)
{
	struct summary s = {.model = o->model != NULL};
	struct buf out = {0};
	int rc = summarise(&s, v, text, len, e);
	if (rc == 0)
		rc = o->json ? put_summary_json(&out, &s, e) : put_summary(&out, &s, e);
	if (rc == 0)
		cmd_out(&out);
	buf_free(&out);
	mem_free(s.order);
	return rc;
}
