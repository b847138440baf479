/* The files of rnnlm train: the checkpoint and the log. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

void train_corpus_facts(const struct corpus *c, struct train_fact f[TRAIN_FACTS])
{
	f[0].key = "corpus_bytes";
	snprintf(f[0].value, sizeof f[0].value, "%zu", c->bytes);
	f[1].key = "corpus_hash";
	snprintf(f[1].value, sizeof f[1].value, "fnv1a64:%016llx", (unsigned long long)c->hash);
	f[2].key = "train_symbols";
	snprintf(f[2].value, sizeof f[2].value, "%zu", c->ntrain);
	f[3].key = "val_symbols";
	snprintf(f[3].value, sizeof f[3].value, "%zu", c->nval);
	f[4].key = "val_chars";
	snprintf(f[4].value, sizeof f[4].value, "%zu", c->val_chars);
}

static int put_facts(struct tf_writer *w, const struct corpus *c, struct err *e)
{
	struct train_fact f[TRAIN_FACTS];
	int rc = 0;
	train_corpus_facts(c, f);
	for (int i = 0; rc == 0 && i < TRAIN_FACTS; i++)
		rc = tf_put_meta(w, f[i].key, f[i].value, e);
	return rc;
}

int train_describe(struct tf_writer *w, const struct train_options *o, const struct corpus *c, const char *vocab,
                   const struct model_config *cfg, uint64_t best_step, double val_nats, struct err *e)
{
	return ckpt_put_config(w, cfg, e) || tf_put_meta(w, "unit", unit_names[c->vocab.unit], e) ||
	       tf_put_meta(w, "vocab", vocab, e) || tf_put_meta(w, "corpus", c->stem, e) || put_facts(w, c, e) ||
	       tf_put_meta(w, "corpus_utf8", c->invalid ? "no" : "yes", e) ||
	       put_text(w, "best_step", e, "%llu", (unsigned long long)best_step) ||
	       (isfinite(val_nats) && put_text(w, "val_nats", e, "%.6f", val_nats)) || put_options(w, o, e) ? -1 : 0;
}

int train_write(struct tf_writer *w, const char *path, bool *written, struct err *e)
{
	char backup[4096];
	int had = *written ? 0 : io_backup_link(path, backup, sizeof backup, e);
	if (had < 0)
		return -1;
	if (tf_write(w, path, e)) {
		if (had)
			io_backup_undo(path, backup);
		return -1;
	}
	if (had)
		cmd_note("the model that was %s is kept as %s", path, backup);
	*written = true;
	return 0;
}

int train_save(void *arg, struct train *t, struct err *e)
{
	struct train_session *r = arg;
	const struct train_progress *p = train_progress(t);
	struct tf_writer w = {0};

	/* After a crash of the machine the log, too, has all up to the checkpoint. */
	if (r->log)
		fsync(fileno(r->log));
	int rc = train_describe(&w, r->o, r->corpus, r->vocab, &r->model->cfg, p->offer_step, p->offer_nats, e) ||
	         train_put(t, &w, e) || train_write(&w, r->path, &r->written, e) ? -1 : 0;
	if (rc == 0)
		r->saved_step = p->step;
	tf_writer_free(&w);
	r->save_failed = rc != 0;
	return rc;
}

void train_save_failed(void *arg, const struct err *e)
{
	struct train_session *r = arg;
	train_erase_line(r);
	cmd_note("checkpoint not saved, to be tried again: %s", e->msg);
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

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	if (stat(a, &x) || stat(b, &y))
		return strcmp(a, b) == 0;
	return S_ISREG(x.st_mode) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

const char train_log_header[] = "step\tepoch\tseconds\ttokens\ttrain_nats\tval_nats\tlr\tgrad_norm\ttokens_per_s\n";

int train_name_log(struct train_session *r, struct err *e)
{
	const char *given = r->o->log;
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
	return 0;
}

int train_check_apart(const struct train_options *o, const char *path, const char *const *files, int nfiles, struct err *e)
{
	struct train_session r = {.o = o, .path = path};
	int rc = -1;
	if (train_name_log(&r, e))
		return -1;
	const char *out[] = {path, r.log_path}, *what[] = {"the model (-o)", "the log (--log)"};
	for (int w = 0; w < 2; w++) {
		for (int i = -1; out[w] && i < nfiles; i++) {
			const char *text = i < 0 ? o->val : files[i];
			if (text && same_file(out[w], text)) {
				err_set(e, "%s is a text to train on or to validate on: %s would take its place; name another file", text,
				        what[w]);
				goto out;
			}
		}
	}
	if (r.log_path && same_file(path, r.log_path))
		err_set(e, "%s cannot be both the model (-o) and the log (--log): name another file for one of them", path);
	else
		rc = 0;
out:
	mem_free(r.log_path);
	return rc;
}

int train_open_log(struct train_session *r, bool resumed, uint64_t step, struct err *e)
{
	char backup[4096];
	if (!r->log_path)
		return 0;
	if (io_mkdirs_for(r->log_path, e))
		return -1;
	int more = resumed ? train_resume_log(r->log_path, step, e) : 0;
	if (more < 0 || (!more && io_backup(r->log_path, backup, sizeof backup, e) < 0))
		return -1;
	r->log = fopen(r->log_path, more ? "a" : "w");
	if (!r->log)
		return err_sys(e, "cannot write the log %s", r->log_path);
	if (!more)
		fputs(train_log_header, r->log);
	fflush(r->log);
	return 0;
}
