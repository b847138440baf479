/* What the files of `rnnlm sample --interactive` share: sample_interactive.c listens and
 * answers, sample_commands.c obeys. */
#ifndef RNNLM_CMD_SAMPLE_TALK_H
#define RNNLM_CMD_SAMPLE_TALK_H

#include "cmd/sample.h"

struct talk {
	struct sampling *s;
	struct sample_options *o;
	struct work *work;
	struct sampler sampler;
	struct state state; /* one stream, before `last` */
	uint32_t last;      /* the newest symbol */
	bool bare;          /* it stands for nothing, as in struct sampling */
	int64_t drawn;      /* since the start or the last :reset or :seed */
	struct buf text;    /* all so far: prompt, lines, continuations */
	struct buf input;   /* read and not used yet, from `used` on */
	size_t used;
	bool tty, eof;      /* stdin is a terminal; has ended */
	bool pressed;       /* the last thing that happened was a Ctrl-C */
	bool quit;
};

/* Back to the beginning: the prompt is all that has been read. */
int talk_reset(struct talk *t, struct err *e);

/* Does what a command says; line is what stands behind the colon, and is changed. An
 * error is for the person: the talk goes on. */
int talk_obey(struct talk *t, char *line, struct err *e);

#endif
