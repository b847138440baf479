/* base/json: what is read, what is refused and with which words, what is
 * written, and that the two fit together. */
#include <float.h>
#include <stdlib.h>

#include "base/json.h"
#include "test.h"

static int skip_all(const char *text, size_t len, struct err *e)
{
	struct json_reader r;
	json_open(&r, text, len);
	return json_skip(&r, e) ? -1 : json_finish(&r, e);
}

static void accepts(void)
{
	static const char *const good[] = {
		"{}", "[]", " [ ] ", "\t\r\n{ \"a\" : 1 , \"b\" : [ 1 , 2 ] } ", "0", "-0", "-1.5e+10",
		"1E5", "123456789012345678901234567890", "true", "false", "null", "\"\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", "\"\\ud83d\\ude00\"", "\"\\udc80\\udcff\"",
		"\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\x7f\"",
		"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "{\"a\":{\"a\":{}},\"b\":[{},[],{}]}",
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct err e = {{0}};
		CHECK_INT(skip_all(good[i], strlen(good[i]), &e), 0);
		CHECK_STR(e.msg, "");
	}
}

static void refuses(void)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{"", "byte 0: a value expected, but the text ends"},
		{" ", "byte 1: a value expected"},
		{"{\"a\":1,}", "byte 7: a string expected, not '}'"},
		{"{,}", "a string expected, not ','"},
		{"[1,]", "byte 3: a value expected, not ']'"},
		{"[,1]", "byte 1: a value expected, not ','"},
		{"[1 2]", "byte 3: ',' or ']' expected, not '2'"},
		{"[1}", "',' or ']' expected, not '}'"},
		{"{\"a\" 1}", "byte 5: ':' after a key expected, not '1'"},
		{"{\"a\":1", "',' or '}' expected, but the text ends"},
		{"{a:1}", "a string expected, not 'a'"},
		{"{1:1}", "a string expected, not '1'"},
		{"{\"a\":}", "a value expected, not '}'"},
		{"[", "a value expected, but the text ends"},
		{"]", "a value expected, not ']'"},
		{"1 1", "byte 2: the end of the text expected, not '1'"},
		{"{}{}", "the end of the text expected"},
		{"01", "the end of a number expected, not '1'"},
		{"-", "a number expected, but the text ends"},
		{"+1", "a value expected, not '+'"},
		{".5", "a value expected, not '.'"},
		{"1.", "a digit expected"},
		{"1e", "a digit expected"},
		{"1e+-1", "a digit expected, not '-'"},
		{"0x10", "the end of a number expected, not 'x'"},
		{"NaN", "a value expected, not 'N'"},
		{"-Infinity", "a number expected, not 'I'"},
		{"tru", "true, false or null expected"},
		{"trueish", "the end of a word expected, not 'i'"},
		{"nul!", "true, false or null expected, not '!'"},
		{"// x\n1", "a value expected, not '/'"},
		{"'a'", "a value expected, not '''"},
		{"\"a", "the '\"' that ends a string expected, but the text ends"},
		{"\"\\", "an escape"},
		{"\"\\x41\"", "an escape"},
		{"\"\\u12g4\"", "a hexadecimal digit of \\uXXXX expected, not 'g'"},
		{"\"\\u12", "a hexadecimal digit"},
		{"\"a\nb\"", "byte 2: the control character 0x0a must be written \\u000a"},
		{"\"\\ud800\"", "byte 1: \\ud800 is half of a surrogate pair"},
		{"\"\\ud800\\u0041\"", "half of a surrogate pair"},
		{"\"\\ud800\\ud800\"", "half of a surrogate pair"},
		{"\"\\udc00\"", "half of a surrogate pair"},
		{"\"\\udc7f\"", "half of a surrogate pair"},
		{"\"\\udd00\"", "half of a surrogate pair"},
		{"\"\\udfff\"", "half of a surrogate pair"},
		{"\"a\x80\"", "byte 2: 0x80 starts no UTF-8 sequence"},
		{"\"\xC0\xAF\"", "starts no UTF-8"},     /* overlong */
		{"\"\xE0\x80\xAF\"", "starts no UTF-8"}, /* overlong */
		{"\"\xED\xA0\x80\"", "starts no UTF-8"}, /* a surrogate */
		{"\"\xF0\x80\x80\xAF\"", "starts no UTF-8"},
		{"\"\xF4\x90\x80\x80\"", "starts no UTF-8"},
		{"\"\xF5\x80\x80\x80\"", "starts no UTF-8"},
		{"\"\xE2\x82\"", "starts no UTF-8"},
		{"\"\xE2\x82", "starts no UTF-8"},
		{"\x01", "not the byte 0x01"},
		{"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", "byte 16: nested deeper than 16"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {{0}};
		CHECK_INT(skip_all(bad[i].text, strlen(bad[i].text), &e), -1);
		CHECK_HAS(e.msg, bad[i].message);
	}
	struct err e = {{0}};
	CHECK_INT(skip_all("[1\0]", 4, &e), -1); /* reading does not stop at 0 */
	CHECK_INT(skip_all("1\0", 2, &e), -1);
}

static void walks(void)
{
	static const char text[] = "{\"s\":\"a\\u0000b\",\"list\":[1,-2,3.5],\"t\":true,\"f\":false,"
	                           "\"o\":{\"x\":[[]]},\"n\":null}";
	struct json_reader r;
	struct err e = {{0}};
	char *key = NULL, *s = NULL;
	size_t n = 0;
	int64_t i = 0;
	double d = 0;
	bool b = false;
	json_open(&r, text, sizeof text - 1);
	CHECK_INT(json_peek(&r), JSON_OBJECT);
	CHECK_INT(json_enter_array(&r, &e), -1);
	CHECK_INT(json_enter_object(&r, &e), 0);
	CHECK_INT(json_next_item(&r, &e), -1);
	CHECK_HAS(e.msg, "not inside a list");
	CHECK_INT(json_next_key(&r, &key, &e), 1);
	CHECK_STR(key, "s");
	mem_free(key);
	CHECK_INT(json_peek(&r), JSON_STRING);
	CHECK_INT(json_get_string(&r, &s, &n, &e), 0);
	CHECK_INT(n, 3);
	CHECK(s && memcmp(s, "a\0b", 4) == 0);
	mem_free(s);
	CHECK_INT(json_next_key(&r, &key, &e), 1);
	mem_free(key);
	CHECK_INT(json_peek(&r), JSON_ARRAY);
	CHECK_INT(json_enter_array(&r, &e), 0);
	CHECK_INT(json_next_key(&r, &key, &e), -1);
	CHECK(key == NULL);
	CHECK_INT(json_next_item(&r, &e), 1);
	CHECK_INT(json_peek(&r), JSON_NUMBER);
	CHECK_INT(json_get_int(&r, &i, &e), 0);
	CHECK_INT(i, 1);
	CHECK_INT(json_next_item(&r, &e), 1);
	CHECK_INT(json_get_int(&r, &i, &e), 0);
	CHECK_INT(i, -2);
	CHECK_INT(json_next_item(&r, &e), 1);
	CHECK_INT(json_get_number(&r, &d, &e), 0);
	CHECK_NEAR(d, 3.5, 0);
	CHECK_INT(json_next_item(&r, &e), 0);
	CHECK_INT(json_next_key(&r, &key, &e), 1);
	mem_free(key);
	CHECK_INT(json_get_bool(&r, &b, &e), 0);
	CHECK(b);
	CHECK_INT(json_next_key(&r, &key, &e), 1);
	mem_free(key);
	CHECK_INT(json_get_bool(&r, &b, &e), 0);
	CHECK(!b);
	CHECK_INT(json_next_key(&r, &key, &e), 1);
	CHECK_STR(key, "o");
	mem_free(key);
	CHECK_INT(json_skip(&r, &e), 0);
	CHECK_INT(json_next_key(&r, &key, &e), 1);
	mem_free(key);
	CHECK_INT(json_peek(&r), JSON_NULL);
	CHECK_INT(json_get_bool(&r, &b, &e), -1);
	CHECK_INT(json_finish(&r, &e), -1); /* still inside */
	CHECK_INT(json_skip(&r, &e), 0);
	CHECK_INT(json_next_key(&r, &key, &e), 0);
	CHECK_INT(json_finish(&r, &e), 0);
	CHECK_INT(json_peek(&r), JSON_END);
	CHECK_INT(json_next_key(&r, &key, &e), -1);

	/* A string that holds U+0000 where the caller cannot tell. */
	json_open(&r, "\"a\\u0000b\"", 10);
	CHECK_INT(json_get_string(&r, &s, NULL, &e), -1);
	CHECK_HAS(e.msg, "\\u0000");
	CHECK(s == NULL);
}

static void numbers(void)
{
	static const struct {
		const char *text;
		bool ok_int, ok_uint, ok_number;
		int64_t i;
		uint64_t u;
		double d;
	} t[] = {
		{"0", true, true, true, 0, 0, 0},
		{"-0", true, false, true, 0, 0, 0},
		{" 42", true, true, true, 42, 42, 42},
		{"9223372036854775807", true, true, true, INT64_MAX, INT64_MAX, 9223372036854775807.0},
		{"9223372036854775808", false, true, true, 0, (uint64_t)INT64_MAX + 1, 9223372036854775808.0},
		{"-9223372036854775808", true, false, true, INT64_MIN, 0, -9223372036854775808.0},
		{"-9223372036854775809", false, false, true, 0, 0, -9223372036854775808.0},
		{"18446744073709551615", false, true, true, 0, UINT64_MAX, 18446744073709551615.0},
		{"18446744073709551616", false, false, true, 0, 0, 18446744073709551616.0},
		{"99999999999999999999999", false, false, true, 0, 0, 1e23},
		{"1.0", false, false, true, 0, 0, 1},
		{"1e2", false, false, true, 0, 0, 100},
		{"1e308", false, false, true, 0, 0, 1e308},
		{"1e309", false, false, false, 0, 0, 0},
		{"-1e999", false, false, false, 0, 0, 0},
		{"1e-999", false, false, true, 0, 0, 0},
		{"0.1000000000000000055511151231257827021181583404541015625000000000000", false, false, true, 0, 0, 0.1},
		{"\"1\"", false, false, false, 0, 0, 0},
		{"", false, false, false, 0, 0, 0},
	};
	for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
		struct json_reader r;
		struct err e = {{0}};
		int64_t i = 0;
		uint64_t u = 0;
		double d = 0;
		json_open(&r, t[k].text, strlen(t[k].text));
		CHECK_INT(json_get_int(&r, &i, &e), t[k].ok_int ? 0 : -1);
		CHECK(!t[k].ok_int || i == t[k].i);
		json_open(&r, t[k].text, strlen(t[k].text));
		CHECK_INT(json_get_uint(&r, &u, &e), t[k].ok_uint ? 0 : -1);
		CHECK(!t[k].ok_uint || u == t[k].u);
		json_open(&r, t[k].text, strlen(t[k].text));
		CHECK_INT(json_get_number(&r, &d, &e), t[k].ok_number ? 0 : -1);
		CHECK(!t[k].ok_number || d == t[k].d);
	}
}

static void utf8(void)
{
	CHECK_INT(json_utf8("", 0), 0);
	CHECK_INT(json_utf8("\0", 1), 1);
	CHECK_INT(json_utf8("\xC2\x80", 2), 2);
	CHECK_INT(json_utf8("\xC2\x80", 1), 0);
	CHECK_INT(json_utf8("\xC1\xBF", 2), 0);
	CHECK_INT(json_utf8("\xED\x9F\xBF", 3), 3);
	CHECK_INT(json_utf8("\xEE\x80\x80", 3), 3);
	CHECK_INT(json_utf8("\xF0\x90\x80\x80", 4), 4);
	CHECK_INT(json_utf8("\xF0\x90\x80\x80", 3), 0);
	CHECK_INT(json_utf8("\xE2\x28\xA1", 3), 0);
}

static void writes(void)
{
	struct buf b = {0};
	struct json_writer w = {.b = &b};
	json_object_begin(&w);
	json_key(&w, "s");
	json_string(&w, "\"\\/\b\f\n\r\t\x01\x7f\0\xC3\xA9\xFF\x80", 15);
	json_key(&w, "list");
	json_array_begin(&w);
	json_int(&w, INT64_MIN);
	json_uint(&w, UINT64_MAX);
	json_array_begin(&w);
	json_array_end(&w);
	json_object_begin(&w);
	json_object_end(&w);
	json_bool(&w, true);
	json_bool(&w, false);
	json_null(&w);
	json_array_end(&w);
	json_key(&w, "");
	json_cstring(&w, "x");
	json_object_end(&w);
	CHECK(!w.failed);
	CHECK_STR(b.p, "{\"s\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f\\u0000\xC3\xA9\\udcff\\udc80\","
	               "\"list\":[-9223372036854775808,18446744073709551615,[],{},true,false,null],\"\":\"x\"}");
	struct err e = {{0}};
	CHECK_INT(skip_all(b.p, b.len, &e), 0);
	mem_fail_at(1);
	for (int i = 0; i < 100; i++)
		json_cstring(&w, "long enough to need more room");
	CHECK(w.failed);
	mem_fail_at(0);
	CHECK_INT(json_end_line(&w, &e), -1); /* what failed before is told here */
	CHECK_STR(e.msg, "out of memory");
	w.failed = false;
	buf_clear(&b);
	json_null(&w);
	CHECK_INT(json_end_line(&w, &e), 0);
	CHECK(b.len > 1 && b.p[b.len - 1] == '\n');
	buf_free(&b);
}

static void writes_numbers(void)
{
	static const struct {
		double v;
		const char *text;
	} t[] = {
		{0, "0"}, {-0.0, "-0"}, {1, "1"}, {-100, "-100"}, {123456789, "123456789"}, {0.1, "0.1"},
		{1.5, "1.5"}, {1e15, "1e+15"}, {1e22, "1e+22"}, {5e-324, "5e-324"}, {0.30000000000000004, "0.30000000000000004"},
		{DBL_MAX, "1.7976931348623157e+308"}, {2.2250738585072014e-308, "2.2250738585072014e-308"},
		{INFINITY, "null"}, {-INFINITY, "null"}, {NAN, "null"}, {1234.5, "1234.5"}, {0.0001, "0.0001"},
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct buf b = {0};
		struct json_writer w = {.b = &b};
		json_number(&w, t[i].v);
		CHECK_STR(b.p, t[i].text);
		buf_free(&b);
	}
	/* Bit patterns from all over read back the same. */
	uint64_t x = 88172645463325252u;
	for (int i = 0; i < 5000; i++) {
		struct buf b = {0};
		struct json_writer w = {.b = &b};
		double v;
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		memcpy(&v, &x, sizeof v);
		json_number(&w, v);
		CHECK(!isfinite(v) || strtod(b.p, NULL) == v);
		buf_free(&b);
	}
}

/* Every byte string comes back as it was. */
static void round_trip(void)
{
	uint64_t x = 1234567;
	for (int i = 0; i < 3000; i++) {
		static const char alphabet[] = "a\"\\\0\n\x80\xBF\xC3\xA9\xE2\x82\xAC\xED\xA0\xF0\x9F\x98\x80\xFF";
		char text[24], *back = NULL;
		size_t n = (size_t)i % sizeof text, m = 0;
		for (size_t k = 0; k < n; k++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			text[k] = alphabet[x % (sizeof alphabet - 1)];
		}
		struct buf b = {0};
		struct json_writer w = {.b = &b};
		struct json_reader r;
		struct err e = {{0}};
		json_string(&w, text, n);
		json_open(&r, b.p, b.len);
		CHECK_INT(json_get_string(&r, &back, &m, &e), 0);
		CHECK_INT(m, n);
		CHECK(back && m == n && memcmp(back, text, n) == 0);
		CHECK_INT(json_finish(&r, &e), 0);
		mem_free(back);
		buf_free(&b);
	}
}

static void out_of_memory(void)
{
	static const char text[] = "{\"a key\":\"a string\",\"n\":"
	                           "1.00000000000000000000000000000000000000000000000000000000000000000001}";
	long n = 1;
	for (bool done = false; !done; n++) {
		struct json_reader r;
		struct err e = {{0}};
		char *key = NULL, *s = NULL;
		double v = 0;
		json_open(&r, text, sizeof text - 1);
		mem_fail_at(n);
		done = json_enter_object(&r, &e) == 0 && json_next_key(&r, &key, &e) == 1;
		done = done && json_get_string(&r, &s, NULL, &e) == 0;
		mem_free(key);
		mem_free(s);
		key = NULL;
		done = done && json_next_key(&r, &key, &e) == 1 && json_get_number(&r, &v, &e) == 0;
		mem_free(key);
		mem_fail_at(0);
		if (!done)
			CHECK_HAS(e.msg, "out of memory");
		else
			CHECK_NEAR(v, 1, 0);
	}
	CHECK_INT(n, 6); /* four allocations, then the call that succeeds */
}

TEST_MAIN("json", {"accepts", accepts}, {"refuses", refuses}, {"walks", walks}, {"numbers", numbers},
          {"utf8", utf8}, {"writes", writes}, {"writes_numbers", writes_numbers},
          {"round_trip", round_trip}, {"out_of_memory", out_of_memory})
