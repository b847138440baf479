#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "text/corpus.h"
#include "text/utf8.h"

static char folder[] = "/tmp/rnnlm-corpus-XXXXXX";

/* Path of a file in the test's folder, with this content if data is given. */
static const char *file(const char *name, const char *data, size_t n)
{
	static char paths[8][128];
	static int next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	if (data) {
		FILE *f = fopen(path, "wb");
		CHECK(f && fwrite(data, 1, n, f) == n);
		if (f)
			fclose(f);
	}
	return path;
}

static const char *text_file(const char *name, const char *text)
{
	return file(name, text, strlen(text));
}

/* The text of ids. */
static const char *text_of(const struct corpus *c, const uint32_t *ids, size_t n)
{
	static struct buf out;
	buf_clear(&out);
	for (size_t i = 0; i < n; i++)
		CHECK_INT(vocab_decode(&c->vocab, ids[i], &out, NULL), 0);
	return n ? out.p : "";
}

static void cut(void)
{
	CHECK_INT(corpus_cut(1000, 100000), 900);
	CHECK_INT(corpus_cut(1001, 100000), 900); /* 900.9 */
	CHECK_INT(corpus_cut(1115394, 100000), 1003854);
	CHECK_INT(corpus_cut(7, 0), 7);
	CHECK_INT(corpus_cut(0, 100000), 0);
	CHECK_INT(corpus_cut(10, 999999), 0);
	CHECK_INT(corpus_cut(3, 1), 2);
	CHECK_INT(corpus_cut(5, 1000000), 0);
	/* where n * 1e6 would not fit */
	CHECK(corpus_cut(SIZE_MAX, 500000) == SIZE_MAX / 2);
	CHECK(corpus_cut(SIZE_MAX, 0) == SIZE_MAX);
	for (size_t n = 0; n < 3000; n++)
		CHECK_INT(corpus_cut(n, 123456), n * (1000000 - 123456) / 1000000);
}

static void offset(void)
{
	const unsigned char *s = (const unsigned char *)"a\xC3\xA9\xFF\xF0\x9F\x98\x80z";
	static const size_t want[] = {0, 1, 3, 4, 8, 9, 9};
	for (size_t i = 0; i < 7; i++)
		CHECK_INT(corpus_offset(UNIT_CHAR, s, 9, i), want[i]);
	CHECK_INT(corpus_offset(UNIT_BYTE, s, 9, 4), 4);
	CHECK_INT(corpus_offset(UNIT_BYTE, s, 9, 10), 9);
}

static void the_tail_is_held_out(void)
{
	const char *files[] = {text_file("ten.txt", "abcdefghi\xC3\xA9")};
	struct corpus_source s = {.files = files, .nfiles = 1, .val_millionths = 200000};
	struct corpus c;
	struct err e = {{0}};
	CHECK_INT(corpus_load(&c, &s, &e), 0);
	CHECK_INT(c.ntrain, 8);
	CHECK_INT(c.nval, 2);
	CHECK_INT(c.vocab.size, 9); /* of the training part: i is not in it */
	CHECK_INT(c.unknown_val, 2);
	CHECK_INT(c.bytes, 11);
	CHECK_INT(c.invalid, 0);
	CHECK_INT(c.train_chars, 8);
	CHECK_INT(c.val_chars, 2);
	CHECK_STR(text_of(&c, c.train, c.ntrain), "abcdefgh");
	CHECK_STR(c.stem, "ten");
	corpus_free(&c);
	corpus_free(&c);
}

static void bytes_as_units(void)
{
	const char *files[] = {text_file("bytes", "a\xC3\xA9z\xFF")};
	struct corpus_source s = {.files = files, .nfiles = 1, .val_millionths = 400000, .unit = UNIT_BYTE};
	struct corpus c;
	CHECK_INT(corpus_load(&c, &s, NULL), 0);
	CHECK_INT(c.ntrain, 3);
	CHECK_INT(c.nval, 2);
	CHECK_INT(c.train_chars, 2);
	CHECK_INT(c.val_chars, 2);
	CHECK_INT(c.invalid, 1);
	CHECK_STR(c.stem, "bytes");
	corpus_free(&c);
}

/* The same characters are held out whatever the unit, and the parts encoded apart. */
static void units_hold_out_the_same(void)
{
	static const char text[] = "caf\xC3\xA9 au lait, caf\xC3\xA9 noir, \xE3\x81\x82\xE3\x81\x84 thethe\nthe caf\xC3\xA9s the th\xC3\xA9s";
	const char *files[] = {text_file("units", text)};
	for (int unit = UNIT_CHAR; unit <= UNIT_BPE; unit++)
		for (int64_t f = 100000; f < 900000; f += 37000) {
			struct corpus_source s = {.files = files, .nfiles = 1, .val_millionths = f, .unit = (enum unit)unit,
			                          .min_count = 1, .vocab_size = unit_pieces((enum unit)unit) ? 290 : 0};
			struct corpus c;
			struct err e = {{0}};
			size_t chars = vocab_chars((const unsigned char *)text, sizeof text - 1), train = corpus_cut(chars, f);
			size_t byte = corpus_offset(UNIT_CHAR, (const unsigned char *)text, sizeof text - 1, train);
			CHECK_INT(corpus_load(&c, &s, &e), 0);
			CHECK_STR(e.msg, "");
			CHECK_INT(c.train_chars, train);
			CHECK_INT(c.val_chars, chars - train);
			CHECK(c.vocab.size <= 290);
			const char *back = text_of(&c, c.train, c.ntrain);
			CHECK(strlen(back) == byte && memcmp(back, text, byte) == 0);
			if (unit != UNIT_CHAR && unit != UNIT_BYTE)
				CHECK_STR(text_of(&c, c.val, c.nval), text + byte);
			corpus_free(&c);
		}
}

static void files_are_joined_in_order(void)
{
	/* a sequence that the border between two files cuts is whole again */
	const char *files[] = {text_file("one.en.txt", "ab\xC3"), text_file("two", ""),
	                       text_file("three", "\xA9" "cd")};
	struct corpus_source s = {.files = files, .nfiles = 3};
	struct corpus c;
	CHECK_INT(corpus_load(&c, &s, NULL), 0);
	CHECK_STR(text_of(&c, c.train, c.ntrain), "ab\xC3\xA9" "cd");
	CHECK_INT(c.ntrain, 5);
	CHECK_INT(c.nval, 0);
	CHECK_INT(c.invalid, 0);
	CHECK_STR(c.stem, "one.en");
	corpus_free(&c);
}

static void validation_file(void)
{
	const char *files[] = {text_file("t.txt", "foo")}, *val = text_file("v.txt", "bar\xFF");
	struct corpus_source s = {.files = files, .nfiles = 1, .val_file = val, .val_millionths = 100000};
	struct corpus c;
	CHECK_INT(corpus_load(&c, &s, NULL), 0);
	CHECK_INT(c.ntrain, 3); /* nothing is cut off */
	CHECK_INT(c.nval, 4);
	CHECK_INT(c.unknown_val, 4);
	CHECK_INT(c.bytes, 7);
	CHECK_INT(c.invalid, 1);
	corpus_free(&c);
}

/* FNV-1a's published value for "foobar". */
static void hash_of_all_bytes(void)
{
	const char *files[] = {text_file("foo", "foo")}, *two[] = {files[0], text_file("bar", "bar")};
	struct corpus_source s = {.files = files, .nfiles = 1, .val_file = two[1]};
	struct corpus c;
	CHECK_INT(corpus_load(&c, &s, NULL), 0);
	CHECK(c.hash == 0x85944171f73967e8ull);
	corpus_free(&c);
	s = (struct corpus_source){.files = two, .nfiles = 2};
	CHECK_INT(corpus_load(&c, &s, NULL), 0);
	CHECK(c.hash == 0x85944171f73967e8ull);
	corpus_free(&c);
}

static void fixed_vocabulary(void)
{
	struct vocab v;
	CHECK_INT(vocab_from_json(&v, UNIT_BYTE, "[97,98,195,-1]", 14, NULL), 0);
	const char *files[] = {text_file("x", "ab\xC3\xA9")};
	struct corpus_source s = {.files = files, .nfiles = 1, .unit = UNIT_CHAR, .fixed = &v};
	struct corpus c;
	CHECK_INT(corpus_load(&c, &s, NULL), 0);
	vocab_free(&v); /* a copy was made */
	CHECK_INT(c.vocab.unit, UNIT_BYTE);
	CHECK_INT(c.vocab.size, 4);
	CHECK_INT(c.ntrain, 4);
	CHECK_INT(c.train[2], 2);
	CHECK_INT(c.train[3], 3);
	corpus_free(&c);
}

static void rare_symbols(void)
{
	const char *files[] = {text_file("r", "aabbc")};
	struct corpus_source s = {.files = files, .nfiles = 1, .min_count = 2};
	struct corpus c;
	CHECK_INT(corpus_load(&c, &s, NULL), 0);
	CHECK_INT(c.vocab.size, 3);
	CHECK_INT(c.train[4], 2);
	corpus_free(&c);
}

static void binary_data(void)
{
	char data[1024];
	for (int i = 0; i < 1024; i++)
		data[i] = (char)(i * 37 + i / 256);
	const char *files[] = {file("bin.dat", data, sizeof data)};
	struct corpus_source s = {.files = files, .nfiles = 1, .val_millionths = 100000};
	struct corpus c;
	CHECK_INT(corpus_load(&c, &s, NULL), 0);
	size_t bad = 0;
	CHECK_INT(c.ntrain + c.nval, utf8_count((unsigned char *)data, sizeof data, &bad));
	CHECK_INT(c.invalid, bad);
	CHECK(bad > 100);
	corpus_free(&c);
}

static void standard_input(void)
{
	int kept = dup(0), fd = open(text_file("in", "piped text"), O_RDONLY);
	CHECK(kept >= 0 && fd >= 0 && dup2(fd, 0) == 0);
	const char *files[] = {"-"};
	struct corpus_source s = {.files = files, .nfiles = 1};
	struct corpus c;
	CHECK_INT(corpus_load(&c, &s, NULL), 0);
	CHECK_STR(c.stem, "stdin");
	CHECK_INT(c.ntrain, 10);
	corpus_free(&c);
	dup2(kept, 0);
	close(kept);
	close(fd);
}

static void stems(void)
{
	static const char *const cases[][2] = {
	    {"book.txt", "book"}, {"a.tar.gz", "a.tar"}, {".hidden", ".hidden"}, {"plain", "plain"}, {"dot.", "dot"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *files[] = {text_file(cases[i][0], "text")};
		struct corpus_source s = {.files = files, .nfiles = 1};
		struct corpus c;
		CHECK_INT(corpus_load(&c, &s, NULL), 0);
		CHECK_STR(c.stem, cases[i][1]);
		corpus_free(&c);
	}
}

static void refuse(const struct corpus_source *s, const char *name, const char *part)
{
	struct corpus c;
	struct err e = {{0}};
	memset(&c, 0x55, sizeof c);
	CHECK_INT(corpus_load(&c, s, &e), -1);
	CHECK_HAS(e.msg, name);
	CHECK_HAS(e.msg, part);
	CHECK(!c.train && !c.val && !c.stem && !c.vocab.symbols);
}

static void refused(void)
{
	const char *missing[] = {file("missing.txt", NULL, 0)}, *none[] = {text_file("empty.txt", "")};
	const char *one[] = {text_file("one.txt", "\xC3\xA9")}, *two[] = {text_file("two.txt", "ab")};
	const char *stdins[] = {"-", "-"}, *dir[] = {folder}, *good_bad[] = {two[0], missing[0]};
	struct corpus_source s = {.files = missing, .nfiles = 1};
	refuse(&s, "missing.txt", "No such file");
	s.files = dir;
	refuse(&s, folder, "irectory");
	s.files = none;
	refuse(&s, "empty.txt", "empty");
	s.files = one;
	refuse(&s, "one.txt", "one symbol");
	s.files = two;
	s.val_millionths = 100000;
	refuse(&s, "two.txt", "1 of 2 symbols");
	s.val_millionths = 1000000;
	refuse(&s, "fraction", "less than 1");
	s.val_millionths = -1;
	refuse(&s, "fraction", "less than 1");
	s.val_millionths = 0;
	s.val_file = none[0];
	refuse(&s, "empty.txt", "nothing to validate on");
	s.val_file = missing[0];
	refuse(&s, "missing.txt", "No such file");
	s = (struct corpus_source){.files = good_bad, .nfiles = 2};
	refuse(&s, "missing.txt", "No such file");
	s = (struct corpus_source){.files = stdins, .nfiles = 2};
	int kept = dup(0), fd = open("/dev/null", O_RDONLY);
	dup2(fd, 0);
	refuse(&s, "standard input", "twice");
	dup2(kept, 0);
	close(kept);
	close(fd);
	s.nfiles = 1;
	s.val_file = "-";
	refuse(&s, "standard input", "both");
	s = (struct corpus_source){.files = two, .nfiles = 0};
	refuse(&s, "no corpus", "name a file");
}

static void failing_allocations(void)
{
	const char *files[] = {text_file("f1", "some text"), text_file("f2", "and \xE3\x81\x82 more")};
	struct corpus_source s = {.files = files, .nfiles = 2, .val_millionths = 300000};
	struct vocab v;
	CHECK_INT(vocab_from_json(&v, UNIT_CHAR, "[97,98,-1]", 10, NULL), 0);
	for (int fixed = 0; fixed < 2; fixed++) {
		struct corpus c = {0};
		s.fixed = fixed ? &v : NULL;
		long before = mem_count();
		CHECK_INT(corpus_load(&c, &s, NULL), 0);
		long all = mem_count() - before, failed = 0;
		corpus_free(&c);
		/* Not every failure is one: giving back what was too much may fail. */
		for (long n = 1; n <= all; n++) {
			struct err e = {{0}};
			mem_fail_at(n);
			int rc = corpus_load(&c, &s, &e);
			failed += rc != 0;
			CHECK(rc == 0 || (!c.train && !c.stem && strstr(e.msg, "memory")));
			corpus_free(&c);
		}
		mem_fail_at(0);
		CHECK(failed >= 8);
	}
	vocab_free(&v);
}

static const struct test_case cases[] = {
    {"cut", cut},
    {"offset", offset},
    {"the-tail-is-held-out", the_tail_is_held_out},
    {"bytes-as-units", bytes_as_units},
    {"units-hold-out-the-same", units_hold_out_the_same},
    {"files-are-joined-in-order", files_are_joined_in_order},
    {"validation-file", validation_file},
    {"hash-of-all-bytes", hash_of_all_bytes},
    {"fixed-vocabulary", fixed_vocabulary},
    {"rare-symbols", rare_symbols},
    {"binary-data", binary_data},
    {"standard-input", standard_input},
    {"stems", stems},
    {"refused", refused},
    {"failing-allocations", failing_allocations},
};

int main(int argc, char **argv)
{
	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	int rc = test_run("corpus", cases, sizeof cases / sizeof *cases, argc, argv);
	char command[64];
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command) ? 1 : rc;
}
