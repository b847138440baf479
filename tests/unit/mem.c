/* base/err and base/mem. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "test.h"

static void err_texts(void)
{
	struct err e = {{0}};
	CHECK_INT(err_set(&e, "line %d of %s", 3, "x.txt"), -1);
	CHECK_STR(e.msg, "line 3 of x.txt");
	CHECK_INT(err_wrap(&e, "model %s", "m"), -1);
	CHECK_STR(e.msg, "model m: line 3 of x.txt");
	errno = ENOENT;
	CHECK_INT(err_sys(&e, "cannot open %s", "y"), -1);
	CHECK_STR(e.msg, "cannot open y: No such file or directory");
	err_set(&e, "[%s]", e.msg); /* its own message as an argument */
	CHECK_STR(e.msg, "[cannot open y: No such file or directory]");
	e.msg[0] = 0;
	err_wrap(&e, "alone");
	CHECK_STR(e.msg, "alone");
	CHECK_INT(err_set(NULL, "nobody %d", 1), -1);
	CHECK_INT(err_sys(NULL, "nobody"), -1);
	CHECK_INT(err_wrap(NULL, "nobody"), -1);
}

static void err_cut(void)
{
	static const char *const symbols[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
	char text[2 * ERR_MAX + 8];
	struct err e = {{0}};
	for (size_t s = 0; s < 4; s++) {
		size_t len = strlen(symbols[s]), room = ERR_MAX - 1;
		for (size_t lead = 0; lead < 5; lead++) {
			size_t n = lead;
			memset(text, '.', lead);
			while (n + len < sizeof text) {
				memcpy(text + n, symbols[s], len);
				n += len;
			}
			text[n] = 0;
			err_set(&e, "%s", text);
			CHECK_INT(strlen(e.msg), lead + (room - lead) / len * len);
			CHECK(strncmp(e.msg, text, strlen(e.msg)) == 0);
			err_wrap(&e, "%.*s", (int)lead, "12345");
			CHECK(strlen(e.msg) < ERR_MAX && strlen(e.msg) > ERR_MAX - 8);
			CHECK_INT((strlen(e.msg) - 2 * lead - 2) % len, 0);
		}
	}
	memset(text, 0x80, sizeof text); /* not UTF-8 at all: any cut will do */
	text[sizeof text - 1] = 0;
	err_set(&e, "%s", text);
	CHECK_INT(strlen(e.msg), ERR_MAX - 1);
}

static void sizes(void)
{
	struct err e = {{0}};
	CHECK(mem_new(SIZE_MAX, 2, &e) == NULL);
	CHECK_HAS(e.msg, "out of memory");
	CHECK(mem_new(SIZE_MAX / 2 + 2, 1, &e) == NULL);
	CHECK(mem_block(SIZE_MAX / 16, 32, &e) == NULL);
	CHECK(mem_strndup("", SIZE_MAX, &e) == NULL);
	CHECK(mem_strndup("", SIZE_MAX - 1, &e) == NULL);
	char *p = mem_strndup("abc", 2, &e);
	CHECK_STR(p, "ab");
	CHECK(mem_resize(p, SIZE_MAX / 2, 3, &e) == NULL);
	CHECK_STR(p, "ab"); /* untouched */
	char *q = mem_resize(p, 100, 1, &e);
	CHECK_STR(q, "ab");
	mem_free(q);
	void *none = mem_new(0, 8, &e);
	CHECK(none != NULL);
	mem_free(none);
	mem_free(NULL);
}

static void blocks(void)
{
	static const size_t bytes[] = {0, 1, 63, 64, 4096, (2u << 20) - 1, 2u << 20, (4u << 20) + 7};
	struct err e = {{0}};
	for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
		unsigned char *p = mem_block(bytes[i], 1, &e);
		uintptr_t align = bytes[i] >= 2u << 20 ? 2u << 20 : 64;
		size_t set = 0;
		CHECK(p != NULL);
		CHECK_INT((uintptr_t)p % align, 0);
		for (size_t k = 0; k < bytes[i]; k++)
			set += p[k] != 0;
		CHECK_INT(set, 0);
		if (bytes[i])
			memset(p, 0xff, bytes[i]);
		mem_free(p);
	}
}

static void failing(void)
{
	struct err e = {{0}};
	long before = mem_count();
	mem_fail_at(2);
	void *first = mem_new(1, 1, &e), *second = mem_block(1, 1, &e), *third = mem_new(1, 1, &e);
	CHECK(first != NULL);
	CHECK(second == NULL);
	CHECK(third != NULL);
	CHECK_INT(mem_count() - before, 3);
	CHECK_HAS(e.msg, "out of memory");
	mem_fail_at(1);
	mem_fail_at(0);
	void *fourth = mem_strndup("x", 1, &e);
	CHECK(fourth != NULL);
	setenv("RNNLM_FAIL_ALLOC", "1", 1);
	mem_init();
	CHECK(mem_resize(NULL, 4, 4, &e) == NULL);
	unsetenv("RNNLM_FAIL_ALLOC");
	mem_init();
	void *fifth = mem_new(1, 1, NULL);
	CHECK(fifth != NULL);
	mem_free(first);
	mem_free(third);
	mem_free(fourth);
	mem_free(fifth);
}

static void growing(void)
{
	struct err e = {{0}};
	int *list = NULL;
	size_t cap = 0, n;
	for (n = 0; n < 100; n++) {
		int *more = mem_grow(list, n, &cap, sizeof *list, &e);
		CHECK(more && cap > n);
		if (!more)
			break;
		list = more;
		list[n] = (int)n;
	}
	CHECK_INT(list[99], 99);
	mem_fail_at(1);
	size_t full = cap;
	CHECK(mem_grow(list, full, &cap, sizeof *list, &e) == NULL);
	CHECK_INT(cap, full);
	CHECK_INT(list[50], 50);
	mem_free(list);
}

static void bufs(void)
{
	struct err e = {{0}};
	struct buf b = {0};
	CHECK_INT(buf_add(&b, NULL, 0, &e), 0);
	CHECK_STR(b.p, "");
	CHECK_INT(buf_puts(&b, "one ", &e), 0);
	CHECK_INT(buf_printf(&b, &e, "%d %s", 2, "three"), 0);
	CHECK_STR(b.p, "one 2 three");
	CHECK_INT(b.len, 11);
	for (int i = 0; i < 1000; i++)
		CHECK_INT(buf_printf(&b, &e, "%03d", i), 0);
	CHECK_INT(b.len, 3011);
	CHECK_STR(b.p + 3005, "998999");
	CHECK_INT(buf_add(&b, "a\0b", 3, &e), 0);
	CHECK_INT(b.len, 3014);
	CHECK(memcmp(b.p + 3011, "a\0b", 4) == 0);
	buf_clear(&b);
	CHECK_INT(b.len, 0);
	CHECK_STR(b.p, "");
	buf_free(&b);
	CHECK(b.p == NULL && b.cap == 0);
	buf_free(&b);
	buf_clear(&b);

	/* There is always room for the 0, whatever the length. */
	for (int i = 0; i < 300; i++) {
		CHECK_INT(buf_add(&b, "y", 1, &e), 0);
		CHECK(b.len < b.cap && b.p[b.len] == 0);
	}
	buf_free(&b);

	/* A failure keeps what was there. */
	buf_puts(&b, "kept", &e);
	char big[200];
	memset(big, 'x', sizeof big);
	mem_fail_at(1);
	CHECK_INT(buf_add(&b, big, sizeof big, &e), -1);
	CHECK_STR(b.p, "kept");
	mem_fail_at(1);
	CHECK_INT(buf_printf(&b, &e, "%0200d", 1), -1);
	CHECK_STR(b.p, "kept");
	CHECK_INT(buf_add(&b, big, SIZE_MAX - 2, &e), -1);
	CHECK_STR(b.p, "kept");
	buf_free(&b);
}

TEST_MAIN("mem", {"err_texts", err_texts}, {"err_cut", err_cut}, {"sizes", sizes}, {"blocks", blocks},
          {"failing", failing}, {"growing", growing}, {"bufs", bufs})
