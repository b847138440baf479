/* Errors as values. Every function of base, mat, text and nn that can fail
 * returns -1 (or NULL) with a message in a struct err; only src/cmd prints.
 * A message says what is wrong, where, and where possible what to do. Context
 * is put in front on the way up with err_wrap. */
#ifndef RNNLM_BASE_ERR_H
#define RNNLM_BASE_ERR_H

#define ERR_MAX 1024

struct err {
	char msg[ERR_MAX];
};

#if defined(__GNUC__)
#define ERR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define ERR_PRINTF(f, a)
#endif

/* Stores the message (cut at ERR_MAX, never inside a UTF-8 sequence).
 * e may be NULL. Always returns -1, so that callers can return it. */
int err_set(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

/* The same with ": " and strerror(errno) behind it. */
int err_sys(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

/* Puts "fmt...: " in front of the message that is there. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

#endif
