/* The files of rnnlm train: the checkpoint and the log. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "cmd/cmd.h"
#include "cmd/train.h"
#include "nn/ckpt.h"

static int put_text(struct tf_writer *w, const char *key, struct err *e, const char *fmt, ...) ERR_PRINTF(4, 5);
static int put_text(struct tf_writer *w, const char *key, struct err *e, const char *fmt, ...)
{
	char text[128];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return tf_put_meta(w, key, text, e);
}

/* Options as given, for those who want to know and for resuming. */
static int put_options(struct tf_writer *w, const struct train_options *o, struct err *e)
{
	struct buf value = {0};
	int rc = 0;
	for (const struct opt *t = train_table; rc == 0 && t->name; t++) {
		char key[64];
		if (!(t->flags & OPT_STORED))
			continue;
		snprintf(key, sizeof key, "option.%s", t->name);
		buf_clear(&value);
		rc = opt_text(t, o, &value, e) || tf_put_meta(w, key, value.p ? value.p : "", e) ? -1 : 0;
	}
	buf_free(&value);
	return rc;
}

int train_save(void *arg, struct train *t, struct err *e)
{
	struct train_session *r = arg;
	const struct corpus *c = r->corpus;
	const struct train_progress *p = train_progress(t);
	struct tf_writer w = {0};
	char backup[4096];
	int rc = -1;

	if (ckpt_put_config(&w, &r->model->cfg, e) || tf_put_meta(&w, "unit", unit_names[c->vocab.unit], e) ||
	    tf_put_meta(&w, "vocab", r->vocab, e) || tf_put_meta(&w, "corpus", c->stem, e) ||
	    put_text(&w, "corpus_bytes", e, "%zu", c->bytes) ||
	    put_text(&w, "corpus_hash", e, "fnv1a64:%016llx", (unsigned long long)c->hash) ||
	    put_text(&w, "train_symbols", e, "%zu", c->ntrain) || put_text(&w, "val_symbols", e, "%zu", c->nval) ||
	    put_text(&w, "val_chars", e, "%zu", c->val_chars) ||
	    put_text(&w, "best_step", e, "%llu", (unsigned long long)p->offer_step) ||
	    (isfinite(p->offer_nats) && put_text(&w, "val_nats", e, "%.6f", p->offer_nats)) || put_options(&w, r->o, e) ||
	    train_put(t, &w, e))
		goto out;
	if (!r->written) {
		int had = io_backup(r->path, backup, sizeof backup, e);
		if (had < 0)
			goto out;
		if (had)
			cmd_note("the model that was %s is kept as %s", r->path, backup);
	}
	if (tf_write(&w, r->path, e))
		goto out;
	r->written = true;
	rc = 0;
out:
	tf_writer_free(&w);
	if (rc)
		cmd_note("checkpoint not saved: %s", e->msg);
	return rc;
}

/* Finds out before training whether the model can be written where it is to go. */
int train_check_writable(const char *path, struct err *e)
{
	struct io_atomic probe;
	if (io_mkdirs_for(path, e) || io_atomic_open(&probe, path, e))
		return -1;
	io_atomic_abort(&probe);
	return 0;
}

int train_open_log(struct train_session *r, struct err *e)
{
	const char *given = r->o->log;
	char backup[4096];
	if (given && strcmp(given, "none") == 0)
		return 0;
	struct buf name = {0};
	if (given) {
		if (buf_puts(&name, given, e))
			return -1;
	} else {
		size_t n = strlen(r->path), cut = n;
		static const char ending[] = ".safetensors";
		if (n > sizeof ending - 1 && strcmp(r->path + n - (sizeof ending - 1), ending) == 0)
			cut -= sizeof ending - 1;
		if (buf_add(&name, r->path, cut, e) || buf_puts(&name, ".tsv", e))
			return -1;
	}
	r->log_path = name.p;
	if (io_mkdirs_for(r->log_path, e) || io_backup(r->log_path, backup, sizeof backup, e) < 0)
		return -1;
	r->log = fopen(r->log_path, "w");
	if (!r->log)
		return err_sys(e, "cannot write the log %s", r->log_path);
	fputs("step\tepoch\tseconds\ttokens\ttrain_nats\tval_nats\tlr\tgrad_norm\ttokens_per_s\n", r->log);
	return 0;
}
