/* What the files of `rnnlm sample` share: sample.c has the options and reads the
 * prompt, sample_text.c makes and prints a sample's text, sample_run.c draws,
 * sample_beam.c searches, sample_interactive.c talks. */
#ifndef RNNLM_CMD_SAMPLE_H
#define RNNLM_CMD_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "cmd/loaded.h"
#include "nn/sampler.h"
#include "nn/work.h"
#include "text/whole.h"

enum { READ_STEPS = 64 }; /* of a prompt at a time */

struct sample_options {
	const char *model, *prompt, *prompt_file, *stop, *separator;
	int64_t length, top_k, count, first, batch, beam, seed, threads;
	double temp, top_p, min_p;
	int precision;
	bool json, interactive;
	bool seed_given, temp_given, top_k_given, top_p_given, min_p_given, count_given, first_given, batch_given,
		separator_given; /* on the command line */
};

/* The string to stop at, found in text that comes piece by piece (Knuth, Morris and
 * Pratt 1977). An empty one is never found. */
struct stop {
	struct buf text;
	uint32_t *border; /* (text.len) longest proper prefix that is a suffix of text[0..i] */
};

/* All that stays the same from sample to sample. */
struct sampling {
	const struct sample_options *o;
	struct loaded l;
	struct pool *pool;
	struct state start; /* one stream, before the last symbol that is to be read ... */
	uint32_t last;      /* ... which every sample reads itself, to get at the logits */
	bool bare;          /* last stands for nothing: there is neither newline nor prompt */
	unsigned char *prompt;
	size_t prompt_len;
	struct stop stop;
	struct whole whole; /* empty if the corpus was not all UTF-8, or symbols are characters */
	enum whole_state whole_start; /* behind the prompt */
	struct buf separator;
	uint64_t seed;
	bool tty; /* stdout is a terminal */
};

/* A sample on its way. */
struct sample {
	uint32_t number;
	struct buf text; /* drawn; what has been printed is taken out */
	size_t whole;    /* leading bytes of text in which every UTF-8 sequence is complete */
	enum whole_state state; /* what is missing of the sequence that prompt and text end in */
	uint32_t mark;   /* how much of the string to stop at the text ends with */
	int64_t drawn;   /* symbols */
	int over;        /* symbols drawn since it was to end, to finish a UTF-8 sequence */
	double nats;
	bool stopped, done;
	int last;       /* last byte printed, or -1 */
	double flushed; /* when */
};

/* --- sample.c ----------------------------------------------------------------------- */

/* The rules that the options name; the unknown symbol is banned: it stands for no text. */
struct sampler_config sample_rules(const struct sampling *s);
/* The ids of a text (mem_free); a note says how many symbols the model does not know
 * and what they become. what: "prompt". */
int sample_encode(const struct sampling *s, const char *what, const void *text, size_t len, uint32_t **ids, size_t *n,
                  struct err *e);
/* Reads n ids into a state of one stream with a work of at least READ_STEPS steps. */
void sample_read(struct work *w, struct state *state, const uint32_t *ids, size_t n);

/* --- sample_text.c ------------------------------------------------------------------- */

/* A string option with its escapes \n \t \0 \\ resolved. */
int sample_unescape(const char *option, const char *s, struct buf *out, struct err *e);
/* A stop from an option's text; replaces what it was. */
int stop_set(struct stop *stop, const char *escaped, struct err *e);
void stop_free(struct stop *stop);
/* Goes on from *mark (0 at first) over n bytes. Returns how many of them reach to the
 * end of the string's first occurrence, or 0 if it does not end in them. */
size_t stop_find(const struct stop *stop, uint32_t *mark, const char *p, size_t n);

/* A drawn symbol's text; looks for the end (stopped, done). nats: its cost. What the
 * symbol has behind the string to stop at is dropped. interrupted: it is to end now.
 * Once it is to end, at most three more symbols finish a UTF-8 sequence; if that
 * does not, its bytes are left out. */
int sample_add(const struct sampling *s, struct sample *a, uint32_t id, double nats, bool interrupted, struct err *e);
/* The sample is the next to be printed: separator (if it is not the first) and prompt
 * go in front of its text. */
int sample_head(const struct sampling *s, struct sample *a, bool first, struct err *e);
/* Prints what is complete, if it is time or now. */
void sample_stream(const struct sampling *s, struct sample *a, bool now);
/* The rest of a sample that is done: a newline where it lacks one, or its object. */
int sample_finish(const struct sampling *s, struct sample *a, struct err *e);
void sample_free(struct sample *a);

/* --- the rest ------------------------------------------------------------------------ */

/* Draws and prints the samples, many at once as lanes of one work. */
int sample_run(struct sampling *s, struct err *e);
/* Number position of sample number: uniform in [0, 1). */
double sample_uniform(uint64_t seed, uint32_t number, int64_t position);
/* Searches for the likeliest and prints them. */
int sample_beam(struct sampling *s, struct err *e);
/* Turn by turn on stdin; o is changed by the person. *code: exit code. */
int sample_interactive(struct sampling *s, struct sample_options *o, int *code, struct err *e);

#endif
