/* What a run takes from an older file: with --resume all of it, with --init-from the
 * weights, the vocabulary and the shape. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "cmd/cmd.h"
#include "cmd/train.h"

static const char OPTION[] = "option.";

/* --- options ------------------------------------------------------------------------------ */

/* The run's options as its file keeps them. */
static int stored_options(struct train_options *o, const struct loaded *old, struct err *e)
{
	const size_t skip = sizeof OPTION - 1;
	if (opt_defaults(cmd_train.opt, o, e))
		return -1;
	for (size_t i = 0; i < old->file.nmeta; i++) {
		const struct tf_meta *m = &old->file.meta[i];
		if (strncmp(m->key, OPTION, skip) == 0 && opt_set(cmd_train.opt, o, m->key + skip, m->value, e))
			return err_wrap(e, "%s, options that it was trained with", old->path);
	}
	return 0;
}

/* Both values as a user would type them, if they differ: 1; the same: 0. */
static int differ(const struct opt *t, const void *a, const void *b, struct buf *as, struct buf *bs, struct err *e)
{
	buf_clear(as);
	buf_clear(bs);
	if (opt_text(t, a, as, e) || opt_text(t, b, bs, e))
		return -1;
	return strcmp(as->len ? as->p : "", bs->len ? bs->p : "") != 0;
}

/* The command line once more, on top of what the file says. which: the options that
 * the file decides; given another value they are refused, and why says what to do. */
static int parse_over(struct train_options *o, const struct train_options *base, const struct train_args *args,
                      bool (*which)(const struct opt *), const char *path, const char *why, struct err *e)
{
	struct buf given = {0}, kept = {0};
	bool help;
	int nargs, rc = -1, other;
	*o = *base;
	char **argv = mem_new((size_t)args->argc + 1, sizeof *argv, e); /* parsing changes the order */
	if (!argv)
		return -1;
	memcpy(argv, args->argv, (size_t)args->argc * sizeof *argv);
	if (opt_parse(cmd_train.opt, args->argc, argv, o, &nargs, &help, e))
		goto out;
	for (const struct opt *t = train_table; t->name; t++) {
		if (!which(t))
			continue;
		if ((other = differ(t, o, base, &given, &kept, e)) < 0)
			goto out;
		if (other) {
			err_set(e, "--%s=%s: %s has --%s=%s%s%s", t->name, given.p ? given.p : "", path, t->name,
			        kept.p ? kept.p : "", why, path);
			goto out;
		}
	}
	rc = 0;
out:
	buf_free(&given);
	buf_free(&kept);
	mem_free(argv);
	return rc;
}

static bool fixed_by_run(const struct opt *t)
{
	/* A run is in one precision, whatever "auto" means on this machine: looked at apart. */
	return (t->flags & OPT_STORED) && !(t->flags & OPT_RESUME) && strcmp(t->name, "precision") != 0;
}

static bool fixed_by_model(const struct opt *t)
{
	static const char *const names[] = {"unit", "cell", "layers", "hidden", "embed", "tie", "residual"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(t->name, names[i]) == 0)
			return true;
	return false;
}

static void set_shape(struct train_options *o, const struct loaded *old)
{
	const struct model_config *m = &old->model.cfg;
	o->unit = (int)old->vocab.unit;
	o->cell = m->cell;
	o->layers = m->layers;
	o->hidden = m->hidden;
	o->embed = m->embed;
	o->tie = m->tie;
	o->residual = m->residual;
}

static int resume_options(struct train_options *o, const struct loaded *old, const struct train_args *args, struct err *e)
{
	struct train_options stored, shape, given = *o;
	struct buf a = {0}, b = {0};
	if (!tf_find(&old->file, "train.counters"))
		return err_set(e, "%s holds a model but no training to go on with (it was stripped, or made elsewhere); "
		                  "--init-from=%s starts a new training from its weights", old->path, old->path);
	if (stored_options(&stored, old, e))
		return -1;
	shape = stored;
	set_shape(&shape, old);
	for (const struct opt *t = train_table; t->name; t++) {
		int other = fixed_by_model(t) ? differ(t, &stored, &shape, &a, &b, e) : 0;
		if (other > 0)
			err_set(e, "%s contradicts itself: trained with --%s=%s, but the model has %s", old->path, t->name, a.p, b.p);
		if (other) {
			buf_free(&a);
			buf_free(&b);
			return -1;
		}
	}
	buf_free(&a);
	buf_free(&b);
	if (parse_over(o, &stored, args, fixed_by_run, old->path,
	               ", and a run that goes on keeps it; a new training from its weights is started by --init-from=", e))
		return -1;
	if (given.precision && cmd_precision(given.precision) != old->model.cfg.precision)
		return err_set(e, "--precision=%s: %s is trained with --precision=%s, and a run that goes on keeps it; a new training "
		                  "from its weights is started by --init-from=%s", cmd_precision_names[given.precision], old->path,
		               cmd_precision_names[old->model.cfg.precision == PREC_BF16 ? 2 : 1], old->path);
	o->precision = stored.precision;
	if (given.seconds > 0 || given.epochs > 0 || given.steps > 0) {
		o->seconds = given.seconds;
		o->epochs = given.epochs;
		o->steps = given.steps;
	}
	return 0;
}

int train_open_resumed(struct train_options *o, const struct train_args *args, const char *path,
                       struct loaded *old, struct err *e)
{
	struct stat st;
	if (stat(path, &st) && errno == ENOENT)
		return err_set(e, "there is no %s to go on with: -o names another, and without --resume a new run begins", path);
	return loaded_open(old, path, e) || resume_options(o, old, args, e) ? -1 : 0;
}

int train_init_options(struct train_options *o, const struct loaded *old, const struct train_args *args, struct err *e)
{
	struct train_options base;
	if (opt_defaults(cmd_train.opt, &base, e))
		return -1;
	set_shape(&base, old);
	return parse_over(o, &base, args, fixed_by_model, old->path,
	                  ", and weights can be taken over only into the same shape: leave the option out, or "
	                  "train without --init-from=", e);
}

/* --- text ----------------------------------------------------------------------------------- */

int train_check_corpus(const struct loaded *old, const struct corpus *c, struct err *e)
{
	struct train_fact now[TRAIN_FACTS];
	const char *then[TRAIN_FACTS];
	train_corpus_facts(c, now);
	for (int i = 0; i < TRAIN_FACTS; i++)
		if (!(then[i] = tf_meta(&old->file, now[i].key)))
			return err_set(e, "%s does not say what text it was trained on (\"%s\" is missing), so that the run cannot go on; "
			                  "--init-from=%s starts a new training from its weights", old->path, now[i].key, old->path);
	if (strcmp(then[0], now[0].value) != 0 || strcmp(then[1], now[1].value) != 0)
		return err_set(e, "this is not the text that %s is trained on: %s bytes, %s, and not %.30s bytes, %.40s; give the "
		                  "same files in the same order (and --val, if the run had it), or start a new training from its "
		                  "weights with --init-from=%s", old->path, now[0].value, now[1].value, then[0], then[1], old->path);
	if (strcmp(then[2], now[2].value) != 0 || strcmp(then[3], now[3].value) != 0)
		return err_set(e, "this is the text that %s is trained on, but cut elsewhere: %s symbols to train on and %s held out, "
		                  "and not %.30s and %.30s; give --val for the file that it was for when the run began",
		               old->path, now[2].value, now[3].value, then[2], then[3]);
	return 0;
}

int train_take_weights(struct model *m, const struct loaded *old, const struct corpus *c, struct err *e)
{
	uint32_t *from = mem_new(c->vocab.size, sizeof *from, e);
	if (!from)
		return -1;
	vocab_map(&c->vocab, &old->vocab, from);
	int rc = model_take(m, &old->model, from, e);
	mem_free(from);
	uint32_t added = c->vocab.size - old->vocab.size;
	if (rc == 0)
		cmd_note("weights from %s; its vocabulary of %u and %u new symbol%s of this text", old->path,
		         (unsigned)old->vocab.size, (unsigned)added, added == 1 ? "" : "s");
	return rc;
}

/* --- log -------------------------------------------------------------------------------------- */

/* How much of a log tells of the steps up to this one (bytes; 0: there is no log), and the
 * seconds in its last row. */
static int log_upto(const char *path, uint64_t step, size_t *keep, double *seconds, struct err *e)
{
	unsigned char *text = NULL;
	size_t len = 0, head = strlen(train_log_header);
	struct stat st;
	*keep = 0;
	*seconds = 0;
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return 0;
	if (io_read_all(path, &text, &len, e))
		return -1;
	if (len < head || memcmp(text, train_log_header, head) != 0)
		head = len = 0;
	*keep = head;
	while (*keep < len) {
		const char *row = (const char *)text + *keep, *end = memchr(row, '\n', len - *keep);
		char *p = NULL; /* the text ends with a 0: numbers have an end */
		if (!end || *row < '0' || *row > '9' || strtoull(row, &p, 10) > step || *p != '\t')
			break;
		strtod(p + 1, &p); /* epoch */
		*seconds = strtod(p, &p);
		*keep += (size_t)(end - row) + 1;
	}
	mem_free(text);
	return 0;
}

int train_resume_log(const char *path, uint64_t step, struct err *e)
{
	size_t keep;
	double seconds;
	struct stat st;
	if (log_upto(path, step, &keep, &seconds, e))
		return -1;
	if (!keep)
		return 0;
	if (stat(path, &st) == 0 && (uint64_t)st.st_size > keep && truncate(path, (off_t)keep))
		return err_sys(e, "cannot cut the log %s off behind step %llu", path, (unsigned long long)step);
	return 1;
}

/* --- the run ------------------------------------------------------------------------------------ */

int train_take_up(struct train_session *r, struct train *t, const struct loaded *old, struct err *e)
{
	const struct train_progress *p = train_progress(t);
	size_t keep;
	double seconds = 0;
	if (train_get(t, &old->file, e))
		return err_wrap(e, "%s", old->path);
	r->written = true;
	r->saved_step = p->step;
	if (p->seconds <= 0 && r->log_path && log_upto(r->log_path, p->step, &keep, &seconds, e))
		return -1;
	train_add_seconds(t, seconds);
	if (train_done(t)) {
		cmd_note("%s has come to its end, at step %llu: nothing is left to do; to go on, give a longer length "
		         "(--for, --epochs or --steps)", r->path, (unsigned long long)p->step);
		r->train_nats = p->smooth_nats;
		return 1;
	}
	cmd_note("going on with %s at step %llu", r->path, (unsigned long long)p->step);
	return 0;
}
