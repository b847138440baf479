/* rnnlm sample --interactive. A turn is a line of text, which the model reads behind
 * all that came before, and the continuation that it then writes. Lines that begin
 * with a colon are commands. Editing a line is the terminal's business.
 *
 * Ctrl-C ends the text that is being written; at the prompt a second one in a row ends
 * the program. Signals are let in only while text is drawn and while a line is
 * waited for, so none is lost between looking and waiting. When turns come from a file or
 * pipe there is nobody to ask again: Ctrl-C ends the program, as without the option. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "base/io.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/sample_talk.h"
#include "mat/kern.h"

static volatile sig_atomic_t pressed, terminated;

static void on_signal(int number)
{
	if (number == SIGINT)
		pressed = 1;
	else
		terminated = 1;
}

/* The signals that on_signal takes: from now on shut out, or let in. */
static void hold_signals(bool hold)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void catch_signals(void)
{
	/* Writing goes on after a signal; pselect returns whatever the flags. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigemptyset(&action.sa_mask);
	hold_signals(true);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* --- lines --------------------------------------------------------------------------- */

enum heard { HEARD_LINE, HEARD_END, HEARD_SIGNAL, HEARD_ERROR };

static enum heard read_some(struct talk *t, struct err *e)
{
	char bytes[4096];
	sigset_t open;
	fd_set in;
	FD_ZERO(&in);
	FD_SET(STDIN_FILENO, &in);
	sigprocmask(SIG_BLOCK, NULL, &open);
	sigdelset(&open, SIGINT);
	sigdelset(&open, SIGTERM);
	if (pressed || terminated || (pselect(STDIN_FILENO + 1, &in, NULL, NULL, NULL, &open) < 0 && errno == EINTR))
		return HEARD_SIGNAL;
	ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return HEARD_LINE;
	if (n < 0) {
		err_sys(e, "standard input");
		return HEARD_ERROR;
	}
	t->eof = n == 0;
	return buf_add(&t->input, bytes, (size_t)n, e) ? HEARD_ERROR : HEARD_LINE;
}

/* Appends the next line to *line, without its newline. */
static enum heard read_line(struct talk *t, struct buf *line, struct err *e)
{
	for (;;) {
		size_t left = t->input.len - t->used;
		char *from = t->input.p + t->used, *newline = left ? memchr(from, '\n', left) : NULL;
		if (newline || (t->eof && left)) {
			size_t n = newline ? (size_t)(newline - from) : left;
			t->used += n + (newline != NULL);
			return buf_add(line, from, n, e) ? HEARD_ERROR : HEARD_LINE;
		}
		if (t->eof)
			return HEARD_END;
		if (left)
			memmove(t->input.p, from, left);
		t->input.len = left;
		t->used = 0;
		enum heard h = read_some(t, e);
		if (h != HEARD_LINE)
			return h;
	}
}

static void show_prompt(const struct talk *t, const char *prompt)
{
	if (t->tty) {
		fputs(prompt, stderr);
		fflush(stderr);
	}
}

/* What is typed in a turn: a line, and for as long as lines end in a backslash the
 * next, with a newline between them. */
static enum heard read_turn(struct talk *t, struct buf *turn, struct err *e)
{
	buf_clear(turn);
	show_prompt(t, "> ");
	for (;;) {
		enum heard h = read_line(t, turn, e);
		if (h == HEARD_END && turn->len)
			return HEARD_LINE;
		if (h != HEARD_LINE || !turn->len || turn->p[0] == ':' || turn->p[turn->len - 1] != '\\')
			return h;
		turn->p[turn->len - 1] = '\n';
		show_prompt(t, "  ");
	}
}

/* --- turns --------------------------------------------------------------------------- */

int talk_reset(struct talk *t, struct err *e)
{
	state_copy(&t->state, 0, &t->s->start, 0);
	t->last = t->s->last;
	t->bare = t->s->bare;
	t->drawn = 0;
	buf_clear(&t->text);
	return buf_add(&t->text, t->s->prompt, t->s->prompt_len, e);
}

static int listen(struct talk *t, const char *text, size_t len, struct err *e)
{
	uint32_t *ids;
	size_t n;
	int rc = -1;
	if (sample_encode(t->s, "line", text, len, &ids, &n, e) || buf_add(&t->text, text, len, e))
		goto out;
	if (n) {
		if (!t->bare)
			sample_read(t->work, &t->state, &t->last, 1);
		sample_read(t->work, &t->state, ids, n - 1);
		t->last = ids[n - 1];
		t->bare = false;
	}
	rc = 0;
out:
	mem_free(ids);
	return rc;
}

/* One more symbol, of the sample and of all text. */
static int draw(struct talk *t, struct sample *a, struct err *e)
{
	struct block block = {.T = 1, .B = 1, .in = &t->last};
	size_t ld, before = a->text.len;
	work_forward(t->work, &block, &t->state);
	const real *z = work_logits(t->work, 0, 1, &ld);
	double all = (double)kern_get()->logsumexp(t->sampler.vocab, z);
	t->bare = false;
	t->sampler.allow = whole_allowed(&t->s->whole, a->state);
	t->last = sampler_draw(&t->sampler, z, sample_uniform(t->s->seed, 0, t->drawn++));
	if (sample_add(t->s, a, t->last, all - (double)z[t->last], pressed || terminated, e))
		return -1;
	if (a->text.len < before) /* bytes of a sequence that was never finished */
		t->text.len -= before - a->text.len;
	else if (buf_add(&t->text, a->text.p + before, a->text.len - before, e))
		return -1;
	sample_stream(t->s, a, false);
	return 0;
}

static int answer(struct talk *t, struct err *e)
{
	struct sample a = {.last = -1, .flushed = io_now(), .done = t->o->length == 0};
	int rc = 0;
	a.state = whole_after(t->text.p, t->text.len);
	t->sampler.cfg = sample_rules(t->s);
	hold_signals(false);
	while (rc == 0 && !a.done && !cmd_out_failed())
		rc = draw(t, &a, e);
	hold_signals(true);
	if (rc == 0)
		rc = sample_finish(t->s, &a, e);
	sample_free(&a);
	return rc;
}

/* --- the talk -------------------------------------------------------------------------- */

static int take_turn(struct talk *t, struct buf *turn, struct err *e)
{
	const char *text = turn->len ? turn->p : "";
	size_t len = turn->len;
	if (len && text[0] == ':' && !(len > 1 && text[1] == ':')) {
		struct err wrong = {{0}};
		if (talk_obey(t, turn->p + 1, &wrong))
			cmd_fail(&wrong);
		return 0;
	}
	if (len && text[0] == ':') {
		text++;
		len--;
	}
	if (listen(t, text, len, e))
		return -1;
	return answer(t, e);
}

/* What a signal means here: whether the talk goes on. */
static bool go_on(struct talk *t, bool at_prompt)
{
	bool again = pressed && t->tty && !terminated && !(at_prompt && t->pressed);
	if (t->tty && at_prompt)
		fputc('\n', stderr);
	if (again && at_prompt)
		cmd_note("Ctrl-C again, Ctrl-D or :quit ends");
	t->pressed = true;
	if (again || t->tty)
		pressed = 0;
	return again;
}

static int talk(struct talk *t, struct err *e)
{
	struct buf turn = {0};
	int rc = 0;
	while (rc == 0 && !t->quit && !cmd_out_failed()) {
		enum heard h = read_turn(t, &turn, e);
		if (h == HEARD_SIGNAL) {
			t->quit = !go_on(t, true);
		} else if (h == HEARD_LINE) {
			t->pressed = false;
			rc = take_turn(t, &turn, e);
			if (pressed || terminated)
				t->quit |= !go_on(t, false);
		} else {
			rc = h == HEARD_ERROR ? -1 : 0;
			t->quit = true;
			if (t->tty)
				fputc('\n', stderr);
		}
	}
	buf_free(&turn);
	return rc;
}

int sample_interactive(struct sampling *s, struct sample_options *o, int *code, struct err *e)
{
	struct talk t = {.s = s, .o = o, .tty = term_is_tty(STDIN_FILENO)};
	struct work_config shape = {.T = READ_STEPS, .B = 1};
	struct sampler_config rules = sample_rules(s);
	struct buf prompt = {0};
	int rc = -1;
	catch_signals();
	o->seed = (int64_t)s->seed;
	if (!(t.work = work_new(&s->l.model, &shape, s->pool, e)) || state_new(&t.state, &s->l.model, 1, e) ||
	    sampler_new(&t.sampler, &rules, s->l.vocab.size, e) || talk_reset(&t, e))
		goto out;
	if (t.tty)
		cmd_note("type a text to go on from; :help lists commands, Ctrl-D ends");
	if (t.text.len) {
		if (buf_add(&prompt, t.text.p, t.text.len, e) ||
		    (t.text.p[t.text.len - 1] != '\n' && buf_puts(&prompt, "\n", e)))
			goto out;
		cmd_out(&prompt);
	}
	rc = talk(&t, e);
	*code = pressed || terminated ? EXIT_INTERRUPTED : EXIT_OK;
out:
	buf_free(&prompt);
	buf_free(&t.text);
	buf_free(&t.input);
	sampler_free(&t.sampler);
	state_free(&t.state);
	work_free(t.work);
	return rc;
}
