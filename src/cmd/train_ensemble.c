/* rnnlm train --ensemble: members trained one after the other, and joined. Each is a run
 * like any other in a file of its own, with all that this means for stopping, killing
 * and going on; the model itself is written whenever a member is finished. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "cmd/cmd.h"
#include "cmd/train.h"
#include "nn/ckpt.h"
#include "nn/join.h"

/* --- files of the members ------------------------------------------------------------------ */

int train_member_path(const char *path, int k, struct buf *out, struct err *e)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
	size_t stem = dot && dot > (slash ? slash + 1 : path) ? (size_t)(dot - path) : strlen(path);
	buf_clear(out);
	return buf_add(out, path, stem, e) || buf_printf(out, e, ".member%d%s", k, path + stem) ? -1 : 0;
}

int train_retire_members(const char *path, struct err *e)
{
	struct buf member = {0};
	char backup[4096];
	int rc = 0;
	for (int k = 1; rc == 0 && (rc = train_member_path(path, k, &member, e)) == 0; k++) {
		rc = io_backup(member.p, backup, sizeof backup, e);
		if (rc == 0)
			break;
		if (rc > 0)
			cmd_note("a member of an earlier, unfinished run, %s, is kept as %s", member.p, backup);
		rc = rc < 0 ? -1 : 0;
	}
	buf_free(&member);
	return rc;
}

static int remove_members(const char *path, int members, struct err *e)
{
	struct buf member = {0};
	int rc = 0;
	for (int k = 1; rc == 0 && k <= members; k++)
		if ((rc = train_member_path(path, k, &member, e)) == 0 && unlink(member.p))
			rc = err_sys(e, "cannot remove %s, which is in %s now", member.p, path);
	buf_free(&member);
	return rc;
}

/* --- joining -------------------------------------------------------------------------------- */

/* The first n members, from their files, as one model. */
static int join(const char *path, int n, struct model *joint, struct err *e)
{
	struct buf name = {0};
	struct loaded member = {0};
	int rc = 0;
	for (int k = 0; rc == 0 && k < n; k++) {
		struct model_config cfg;
		rc = train_member_path(path, k + 1, &name, e) || loaded_open(&member, name.p, e) ||
		     (k == 0 && (join_config(&member.model.cfg, n, &cfg, e) || model_new(joint, &cfg, e))) ||
		     join_member(joint, &member.model, k, n, e) ? -1 : 0;
		loaded_close(&member);
	}
	buf_free(&name);
	return rc;
}

static int save(const struct train_options *o, const struct train_job *j, const char *path, const struct model *joint,
                const struct train_end *end, bool *written, struct err *e)
{
	struct tf_writer w = {0};
	int rc = train_describe(&w, o, &j->corpus, j->vocab.p, &joint->cfg, end->best_step, end->val_nats, e) ||
	         ckpt_put_block(&w, joint, "", joint->w, e) || train_write(&w, path, written, e) ? -1 : 0;
	tf_writer_free(&w);
	return rc;
}

/* Joins the first n members, and writes them as one model; of all of them also how good
 * they are together. */
static int join_and_save(const struct train_options *o, const struct train_job *j, const char *path, int n, bool *written,
                         struct train_end *end, struct err *e)
{
	struct model joint = {0};
	int rc = join(path, n, &joint, e);
	if (rc == 0 && n > 1) {
		end->val_nats = NAN;
		if (n == o->ensemble)
			rc = train_val_nats(&joint, &j->data, j->pool, NULL, &end->val_nats, e); /* seconds, and all is done then */
	}
	if (rc == 0)
		rc = save(o, j, path, &joint, end, written, e);
	end->params = joint.count;
	model_free(&joint);
	return rc;
}

/* --- the members ------------------------------------------------------------------------------ */

/* The file of a member that was begun, if it was. */
static int open_member(const char *name, const struct train_options *o, struct loaded *old, struct err *e)
{
	char seed[32];
	if (!o->resume || access(name, F_OK))
		return 0;
	if (loaded_open(old, name, e))
		return -1;
	const char *its = tf_meta(&old->file, "option.seed");
	snprintf(seed, sizeof seed, "%lld", (long long)o->seed);
	if (!its || strcmp(its, seed) != 0 || !tf_find(&old->file, "train.counters"))
		return err_set(e, "%s is not of this run (seed %s instead of %.30s): remove it, and the member is trained again",
		               name, its ? its : "unknown", seed);
	return 0;
}

/* Of the time that is left the share of the members to come, and time to look at them all. */
static double share(const struct train_options *o, const struct train_job *j, int k, double spent, const struct train_end *all)
{
	double n = (double)o->ensemble;
	if (o->resume || !(o->seconds > 0))
		return o->seconds / n;
	double pace = all->seconds > 0 ? (double)all->tokens / all->seconds : INFINITY;
	double look = (double)j->corpus.nval * n / (2 * pace); /* a pass forward is a third of a step, and less */
	return fmax(o->seconds - spent - look, 0.01 * o->seconds) / (n - k);
}

static void add_up(struct train_end *all, const struct train_end *one)
{
	all->steps += one->steps;
	all->tokens += one->tokens;
	all->seconds += one->seconds;
	all->train_nats = one->train_nats;
	all->tokens_per_s = one->tokens_per_s;
	all->best_step = one->best_step;
	all->val_nats = one->val_nats;
	all->stopped = one->stopped > 0;
}

static void note_member(const struct train_job *j, int members, const struct train_end *one)
{
	double bits = train_bits_per_char(one->val_nats, j->corpus.nval, j->corpus.val_chars);
	if (isfinite(bits))
		cmd_note("member %d of %d, held out: %.4f nats, %.4f bits per character", j->member, members, bits * LN2, bits);
}

int train_ensemble(const struct train_options *o, struct train_job *j, const char *path, struct loaded *old,
                   struct train_end *all, struct err *e)
{
	int members = (int)o->ensemble, finished = 0, rc = 0;
	double start = io_now();
	struct buf name = {0}, log = {0};
	struct train_end one = {0};
	struct train_baseline base = {.unigram = NAN, .ngram = NAN};
	bool written = false;

	for (int k = 0; rc == 0 && k < members && !all->stopped; k++) {
		struct train_options mo = *o;
		mo.seed += k;
		j->member = k + 1;
		j->seconds = share(o, j, k, io_now() - start, all);
		rc = -1;
		if (train_member_path(path, j->member, &name, e) || (k > 0 && open_member(name.p, &mo, old, e)))
			break;
		if (o->log && strcmp(o->log, "none") != 0) {
			if (train_member_path(o->log, j->member, &log, e))
				break;
			mo.log = log.p;
		}
		if (!o->dry_run)
			cmd_note("member %d of %d, seed %lld", j->member, members, (long long)mo.seed);
		if ((rc = train_one(&mo, j, name.p, old, &one, e)) || o->dry_run)
			goto out;
		add_up(all, &one);
		if (one.stopped > 0)
			break;
		finished++;
		note_member(j, members, &one);
		struct err why;
		/* The members' own files hold all that has been done. */
		if (finished < members && one.stopped == 0 && join_and_save(o, j, path, finished, &written, all, &why))
			cmd_note("%s not written, to be tried again after the next member: %s", path, why.msg);
	}
	if (rc == 0 && (finished == members || (!written && one.written)))
		rc = join_and_save(o, j, path, finished ? finished : 1, &written, all, e);
	if (rc)
		goto out;
	if (finished < members) {
		cmd_note("stopped in member %d of %d; %s holds %s; --resume goes on", j->member, members, path,
		         finished ? "the members before it" : "what there is of it");
		goto out;
	}
	rc = remove_members(path, members, e);
	train_baseline(&base, &j->corpus);
	train_print_summary(o, path, &j->corpus, all, &base);
out:
	buf_free(&name);
	buf_free(&log);
	return rc;
}
