#include "test.h"

#include <stdbool.h>

#include "base/mem.h"
#include "text/bpe.h"
#include "text/split.h"

/* --- the plain method: everything is counted anew for each merge ------------------ */

enum { MOST_IDS = 20000, MOST_MERGES = 200, IDS = BPE_BYTES + MOST_MERGES };

struct plain {
	uint32_t id[MOST_IDS], stretch[MOST_IDS]; /* of the whole text; to which stretch it belongs */
	size_t n;
	struct bpe_merge merge[MOST_MERGES];
	uint32_t merges;
};

static void plain_apply(struct plain *p, uint32_t left, uint32_t right, uint32_t id)
{
	size_t to = 0;
	for (size_t i = 0; i < p->n; to++) {
		bool pair = i + 1 < p->n && p->stretch[i] == p->stretch[i + 1] && p->id[i] == left && p->id[i + 1] == right;
		p->stretch[to] = p->stretch[i];
		p->id[to] = pair ? id : p->id[i];
		i += pair ? 2 : 1;
	}
	p->n = to;
}

static void plain_cut(struct plain *p, const unsigned char *text, size_t len)
{
	p->n = 0;
	for (size_t i = 0, n, stretch = 0; i < len; i += n, stretch++) {
		n = split_next(SPLIT_BPE, text + i, len - i);
		for (size_t b = 0; b < n; b++) {
			p->id[p->n] = text[i + b];
			p->stretch[p->n++] = (uint32_t)stretch;
		}
	}
}

static void plain_train(struct plain *p, const unsigned char *text, size_t len, uint32_t most, uint32_t min_count)
{
	static uint32_t count[IDS][IDS];
	plain_cut(p, text, len);
	for (p->merges = 0; p->merges < most; p->merges++) {
		uint32_t best = 0, left = 0, right = 0;
		memset(count, 0, sizeof count);
		for (size_t i = 0; i + 1 < p->n; i++)
			if (p->stretch[i] == p->stretch[i + 1])
				count[p->id[i]][p->id[i + 1]]++;
		for (uint32_t a = 0; a < BPE_BYTES + p->merges; a++)
			for (uint32_t b = 0; b < BPE_BYTES + p->merges; b++)
				if (count[a][b] > best) {
					best = count[a][b];
					left = a;
					right = b;
				}
		if (best < min_count)
			break;
		p->merge[p->merges] = (struct bpe_merge){left, right};
		plain_apply(p, left, right, BPE_BYTES + p->merges);
	}
}

/* The same merges, and the same ids of the text. */
static void compare(const char *name, const unsigned char *text, size_t len, uint32_t most, uint32_t min_count)
{
	static struct plain p;
	struct bpe b = {0};
	struct pieces pieces = {0};
	struct err e = {{0}};
	CHECK(len <= MOST_IDS && most <= MOST_MERGES);
	plain_train(&p, text, len, most, min_count);
	CHECK_INT(bpe_train(&b, text, len, most, min_count, &e), 0);
	CHECK_INT(b.n, p.merges);
	for (uint32_t i = 0; i < b.n && i < p.merges; i++) {
		CHECK_INT(b.merge[i].left, p.merge[i].left);
		CHECK_INT(b.merge[i].right, p.merge[i].right);
		if (b.merge[i].left != p.merge[i].left || b.merge[i].right != p.merge[i].right) {
			printf("  %s: merge %u\n", name, i);
			break;
		}
	}
	CHECK_INT(bpe_finish(&b, &pieces, &e), 0);
	CHECK_INT(pieces.n, BPE_BYTES + b.n);
	for (int round = 0; round < 2; round++) { /* the second from memory */
		size_t at = 0, byte = 0;
		for (size_t i = 0, n; i < len; i += n) {
			uint32_t ids[SPLIT_MOST];
			n = split_next(SPLIT_BPE, text + i, len - i);
			size_t k = bpe_encode(&b, text + i, n, ids), size;
			for (size_t j = 0; j < k; j++, at++) {
				const unsigned char *s = pieces_get(&pieces, ids[j], &size);
				CHECK(at < p.n && ids[j] == p.id[at]);
				CHECK(byte + size <= len && memcmp(s, text + byte, size) == 0);
				byte += size;
			}
		}
		CHECK_INT(at, p.n);
		CHECK_INT(byte, len);
	}
	pieces_free(&pieces);
	bpe_free(&b);
}

static void compare_text(const char *text, uint32_t most, uint32_t min_count)
{
	compare(text, (const unsigned char *)text, strlen(text), most, min_count);
}

static void as_the_plain_method(void)
{
	compare_text("", 10, 2);
	compare_text("a", 10, 1);
	compare_text("aaaaaaaaaaaaa aaa aaaa aa", 20, 1);
	compare_text("abababa bababab abba baab", 30, 1);
	compare_text("low low low low low lower lower newest newest newest newest newest newest widest widest widest", 40, 2);
	compare_text("\xE3\x81\xAE\xE3\x81\xAF\xE3\x81\xAE\xE3\x81\xAB \xE3\x81\xAE\xE3\x81\xAF", 20, 1);
	compare_text("the cat\nthe hat\nthat's  what the cat's\n\n\nhat's at... at... 1999 1998 199\xFF\xFE\xFF\xFE", 60, 1);
}

static void as_the_plain_method_on_random_text(void)
{
	static unsigned char text[6000];
	uint32_t x = 7;
	for (uint32_t letters = 2; letters <= 26; letters += 4) {
		for (size_t i = 0; i < sizeof text; i++) {
			x = x * 1664525u + 1013904223u;
			uint32_t r = (x >> 16) % (letters + 3);
			text[i] = r < letters ? (unsigned char)('a' + r * r % letters) : r == letters ? '\n' : ' ';
		}
		compare("random letters", text, letters < 10 ? 2000 : sizeof text, 60, 2);
	}
	for (size_t i = 0; i < 3000; i++) {
		x = x * 1664525u + 1013904223u;
		text[i] = (unsigned char)(x >> 24);
	}
	compare("random bytes", text, 3000, 30, 2);
}

static void min_count(void)
{
	struct bpe b = {0};
	const char *text = "ab ab ab cd cd";
	CHECK_INT(bpe_train(&b, (const unsigned char *)text, strlen(text), 100, 3, NULL), 0);
	CHECK_INT(b.n, 1); /* ab; with its space it occurs twice only */
	CHECK_INT(b.merge[0].left, 'a');
	CHECK_INT(b.merge[0].right, 'b');
	bpe_free(&b);
	bpe_free(&b);
}

static void refused(void)
{
	struct bpe b = {0};
	struct pieces pieces = {0};
	struct err e = {{0}};
	CHECK_INT(bpe_add(&b, 256, 97, &e), -1);
	CHECK_HAS(e.msg, "id 256 cannot be made of 256 and 97");
	CHECK_INT(bpe_add(&b, 97, UINT32_MAX, &e), -1);
	CHECK_INT(bpe_add(&b, 97, 98, &e), 0);
	CHECK_INT(bpe_add(&b, 97, 98, &e), -1);
	CHECK_HAS(e.msg, "256 and 257 are made of the same two");
	/* doubling: 2, 4, 8 ... 64 bytes are allowed */
	for (uint32_t i = 0; i < 5; i++)
		CHECK_INT(bpe_add(&b, 256 + i, 256 + i, &e), 0);
	CHECK_INT(bpe_finish(&b, &pieces, &e), 0);
	CHECK_INT(pieces.start[pieces.n] - pieces.start[pieces.n - 1], 64);
	pieces_free(&pieces);
	mem_free(b.cache);
	b.cache = NULL;
	CHECK_INT(bpe_add(&b, 261, 97, &e), 0);
	CHECK_INT(bpe_finish(&b, &pieces, &e), -1);
	CHECK_HAS(e.msg, "id 262 is longer than 64 bytes");
	pieces_free(&pieces);
	bpe_free(&b);
}

static void failing_allocations(void)
{
	static const char text[] = "every allocation fails in turn, every allocation is given back";
	long failed = 0;
	for (long n = 1; n < 400; n++) {
		struct bpe b = {0};
		struct pieces pieces = {0};
		struct err e = {{0}};
		mem_fail_at(n);
		int rc = bpe_train(&b, (const unsigned char *)text, sizeof text - 1, 50, 1, &e) || bpe_finish(&b, &pieces, &e);
		mem_fail_at(0);
		CHECK(!rc || strstr(e.msg, "memory"));
		failed += rc != 0;
		bpe_free(&b);
		pieces_free(&pieces);
	}
	CHECK(failed > 10 && failed < 399);
}

TEST_MAIN("bpe", {"as-the-plain-method", as_the_plain_method},
          {"as-the-plain-method-on-random-text", as_the_plain_method_on_random_text}, {"min-count", min_count},
          {"refused", refused}, {"failing-allocations", failing_allocations})
