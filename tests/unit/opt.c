/* Parsing by table: every type, every form, every error's message; values to
 * text and back; the texts made from the table. */
#include "base/opt.h"

#include <stddef.h>
#include <stdlib.h>

#include "test.h"

struct options {
	bool json, carry, hidden_set, val_set;
	int64_t hidden, steps, count, any;
	double lr, seconds, temp;
	int64_t val_frac;
	int cell, precision;
	const char *out, *prompt;
};

static const char *const cells[] = {"rnn", "lstm", "gru", NULL};
static const char *const precisions[] = {"automatic", "float32", "bfloat16", "tensorfloat", NULL};

#define AT(m) .offset = offsetof(struct options, m)
static const struct opt table[] = {
	{.name = "cell", .letter = 'c', .type = OPT_CHOICE, AT(cell), .def = "lstm", .choices = cells,
	 .group = "Model", .help = "recurrent cell", .flags = OPT_STORED},
	{.name = "hidden", .letter = 'H', .type = OPT_INT, AT(hidden), .def = "256", .min = 1, .max = 65536,
	 .set_offset = offsetof(struct options, hidden_set), .flags = OPT_STORED,
	 .help = "units per layer; a text that is long enough to be wrapped at eighty columns, as it ought to be"},
	{.name = "precision", .type = OPT_CHOICE, AT(precision), .choices = precisions, .help = "of products"},
	{.name = "steps", .type = OPT_INT, AT(steps), .min = 0, .max = 9e15, .group = "Length", .help = "steps"},
	{.name = "any", .type = OPT_INT, AT(any), .help = "any number"},
	{.name = "for", .type = OPT_DURATION, AT(seconds), .def = "3m", .min = 1, .max = 86400, .help = "time"},
	{.name = "lr", .type = OPT_REAL, AT(lr), .def = "0.002", .min = 0, .max = 10, .help = "learning rate"},
	{.name = "temp", .letter = 't', .type = OPT_REAL, AT(temp), .help = "temperature"},
	{.name = "val-frac", .type = OPT_FRACTION, AT(val_frac), .def = "0.1", .min = 0, .max = 0.5,
	 .help = "part held out", .set_offset = offsetof(struct options, val_set)},
	{.name = "json", .letter = 'j', .type = OPT_FLAG, AT(json), .group = "Output", .help = "it's JSON: [a] 'b'"},
	{.name = "carry", .type = OPT_FLAG, AT(carry), .def = "true", .help = "carry the state"},
	{.name = "output", .letter = 'o', .type = OPT_STRING, AT(out), .arg = "FILE", .help = ".roff's \\fBtrap"},
	{.name = "prompt", .type = OPT_STRING, AT(prompt), .help = "text"},
	{.name = "secret", .type = OPT_INT, AT(count), .flags = OPT_HIDDEN, .help = "for tests"},
	{0},
};
static const struct opt_example examples[] = {{"rnnlm train a.txt -o 'b c'", "train on it"}, {0}};
static const struct opt_command cmd = {
	.name = "train", .synopsis = "[options] FILE...", .summary = "train a model",
	.text = "First paragraph that explains what this is for, at some length, so that it wraps.\n\n"
	        "  .kept as it is\n\nLast.",
	.opts = table, .examples = examples, .min_args = 0, .max_args = 2,
};
static const struct opt no_options[] = {{0}};
static const struct opt_command help_cmd = {.name = "help", .synopsis = "[COMMAND]", .summary = "help",
                                            .opts = no_options, .max_args = 1};
static const struct opt_command *const cmds[] = {&cmd, &help_cmd, NULL};

/* Parses the words of line (separated by blanks). */
static struct options o;
static struct err e;
static int nargs;
static bool help;
static char line_buf[512];
static char *words[64];

static int parse(const char *line)
{
	int n = 0;
	snprintf(line_buf, sizeof(line_buf), "%s", line);
	for (char *w = strtok(line_buf, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	memset(&o, 0xAA, sizeof(o));
	e.msg[0] = 0;
	CHECK_INT(opt_defaults(&cmd, &o, &e), 0);
	return opt_parse(&cmd, n, words, &o, &nargs, &help, &e);
}

#define OK(line)                                                                           \
	do {                                                                                   \
		CHECK_INT(parse(line), 0);                                                         \
		CHECK_STR(e.msg, "");                                                              \
	} while (0)
#define BAD(line, message)                                                                 \
	do {                                                                                   \
		CHECK_INT(parse(line), -1);                                                        \
		CHECK_STR(e.msg, message);                                                         \
	} while (0)

static void defaults(void)
{
	OK("");
	CHECK_INT(o.cell, 1);
	CHECK_INT(o.hidden, 256);
	CHECK_INT(o.steps, 0);
	CHECK(o.seconds == 180);
	CHECK(o.lr == 0.002);
	CHECK_INT(o.val_frac, 100000);
	CHECK(!o.json && o.carry && !o.hidden_set && !o.val_set);
	CHECK(o.out == NULL && o.prompt == NULL);
	CHECK_INT(nargs, 0);
	CHECK(!help);
}

static void forms(void)
{
	OK("--hidden 512 --cell=gru -o x -oyy --json");
	CHECK_INT(o.hidden, 512);
	CHECK(o.hidden_set && !o.val_set);
	CHECK_INT(o.cell, 2);
	CHECK_STR(o.out, "yy");
	CHECK(o.json);
	OK("-H512 -c rnn --no-carry -j --no-json");
	CHECK_INT(o.hidden, 512);
	CHECK_INT(o.cell, 0);
	CHECK(!o.carry && !o.json);
	OK("--json=true --carry=false --prompt= --output -");
	CHECK(o.json && !o.carry);
	CHECK_STR(o.prompt, "");
	CHECK_STR(o.out, "-");
	OK("--prompt --hidden"); /* a value may look like an option */
	CHECK_STR(o.prompt, "--hidden");
	OK("--temp -1.5 --any -3");
	CHECK(o.temp == -1.5);
	CHECK_INT(o.any, -3);
	OK("--prompt=a=b");
	CHECK_STR(o.prompt, "a=b");
	OK("--hidden 3 --hidden 4"); /* the last counts */
	CHECK_INT(o.hidden, 4);
}

static void positionals(void)
{
	OK("a --hidden 3 -");
	CHECK_INT(nargs, 2);
	CHECK_STR(words[0], "a");
	CHECK_STR(words[1], "-");
	OK("-j -- --hidden -x");
	CHECK_INT(nargs, 2);
	CHECK_STR(words[0], "--hidden");
	CHECK_STR(words[1], "-x");
	BAD("a b c d", "unexpected argument 'c': rnnlm train [options] FILE...");
	struct opt_command least = cmd;
	least.min_args = 1;
	CHECK_INT(opt_parse(&least, 0, words, &o, &nargs, &help, &e), -1);
	CHECK_STR(e.msg, "an argument is missing: rnnlm train [options] FILE...");
}

static void asks_help(void)
{
	OK("a --help --nonsense");
	CHECK(help);
	OK("-h");
	CHECK(help);
	OK("-- -h");
	CHECK(!help);
	OK("--prompt -h");
	CHECK(!help);
}

static void unknown(void)
{
	BAD("--hiden 3", "unknown option --hiden; did you mean --hidden?");
	BAD("--hidden=3 --hdiden=4", "unknown option --hdiden; did you mean --hidden?");
	BAD("--temperature 1", "unknown option --temperature; did you mean --temp?");
	BAD("--prec bf16", "unknown option --prec; did you mean --precision?");
	BAD("--hidde 3", "unknown option --hidde; did you mean --hidden?"); /* no abbreviations */
	BAD("--no-cary", "unknown option --no-cary; did you mean --no-carry?");
	BAD("--hepl", "unknown option --hepl; did you mean --help?");
	BAD("--zzzzzzzz", "unknown option --zzzzzzzz");
	BAD("--secre 1", "unknown option --secre");
	BAD("--no-hidden", "unknown option --no-hidden: --hidden is not a flag");
	BAD("--no-json=true", "--no-json takes no value");
	BAD("-J", "unknown option -J; did you mean -j?");
	BAD("-x", "unknown option -x (a text that begins with a dash goes behind --)");
	BAD("-prompt x", "unknown option -prompt; did you mean --prompt?");
	BAD("-jc", "-j takes no value, and short options are not joined: -jc");
	BAD("--=3", "unknown option --");
	parse("--xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	CHECK_HAS(e.msg, "unknown option --xxxx");
}

static void missing_values(void)
{
	BAD("--hidden", "--hidden needs a value: --hidden N");
	BAD("-c", "--cell needs a value: --cell rnn|lstm|gru");
	BAD("x -o", "--output needs a value: --output FILE");
}

static void integers(void)
{
	OK("--steps 5k");
	CHECK_INT(o.steps, 5000);
	OK("--steps 2M");
	CHECK_INT(o.steps, 2000000);
	OK("--steps 3g");
	CHECK_INT(o.steps, 3000000000);
	OK("--hidden 1 --any 9223372036854775807");
	CHECK_INT(o.any, INT64_MAX);
	OK("--hidden 65536 --any=-9223372036854775808");
	CHECK_INT(o.any, INT64_MIN);
	BAD("--hidden 0", "--hidden: '0' is out of range; allowed is 1 to 65536");
	BAD("--hidden 65537", "--hidden: '65537' is out of range; allowed is 1 to 65536");
	BAD("--steps -1", "--steps: '-1' is out of range; allowed is at least 0");
	BAD("--any 9223372036854775808", "--any: '9223372036854775808' does not fit in 64 bits");
	BAD("--any 9223372036854775807k", "--any: '9223372036854775807k' does not fit in 64 bits");
	static const char *const wrong[] = {"x", "1.5", "1e3", "12x", "5kk", "0x10", "--5", "k", "+", "5 "};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_INT(opt_set(&cmd, &o, "any", wrong[i], &e), -1);
		CHECK_HAS(e.msg, "is not a whole number");
	}
	CHECK_INT(opt_set(&cmd, &o, "any", "", &e), -1);
	CHECK_INT(opt_set(&cmd, &o, "any", " 5", &e), -1);
	CHECK_INT(opt_set(&cmd, &o, "any", "+5", &e), 0);
	CHECK_INT(o.any, 5);
}

static void reals(void)
{
	OK("--lr 1e-3");
	CHECK(o.lr == 1e-3);
	OK("--lr .5 --temp 1e300");
	CHECK(o.lr == 0.5 && o.temp == 1e300);
	BAD("--lr 11", "--lr: '11' is out of range; allowed is 0 to 10");
	BAD("--lr -0.1", "--lr: '-0.1' is out of range; allowed is 0 to 10");
	static const char *const wrong[] = {"", "x", "nan", "inf", "-inf", "1e999", "0x1p3", "1,5", "1 ", " 1", "1.5x", "."};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_INT(opt_set(&cmd, &o, "temp", wrong[i], &e), -1);
		CHECK_HAS(e.msg, "is not a number");
	}
}

static void durations(void)
{
	static const struct {
		const char *text;
		double seconds;
	} good[] = {{"90", 90}, {"90s", 90}, {"3m", 180}, {"1h", 3600}, {"1h30m", 5400}, {"1h2m3s", 3723},
	            {"1h5s", 3605}, {"1.5h", 5400}, {"2.5", 2.5}, {"90m", 5400}};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_INT(opt_set(&cmd, &o, "for", good[i].text, &e), 0);
		CHECK_NEAR(o.seconds, good[i].seconds, 0);
	}
	static const char *const wrong[] = {"", "x", "1h30", "1m1h", "1m1m", "3d", "-3m", "m", "1 m", "0x3m", "inf"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_INT(opt_set(&cmd, &o, "for", wrong[i], &e), -1);
		CHECK_HAS(e.msg, "is not a duration (write 90, 90s, 3m or 1h30m); allowed is 1s to 24h");
	}
	BAD("--for 25h", "--for: '25h' is out of range; allowed is 1s to 24h");
}

static void fractions(void)
{
	static const struct {
		const char *text;
		int64_t millionths;
	} good[] = {{"0", 0}, {"0.1", 100000}, {".25", 250000}, {"0.5", 500000}, {"0.000001", 1}, {"0.", 0},
	            {"0.123456", 123456}, {"00.10", 100000}};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_INT(opt_set(&cmd, &o, "val-frac", good[i].text, &e), 0);
		CHECK_INT(o.val_frac, good[i].millionths);
	}
	BAD("--val-frac 0.500001", "--val-frac: '0.500001' is out of range; allowed is 0 to 0.5");
	BAD("--val-frac -0.1", "--val-frac: '-0.1' is out of range; allowed is 0 to 0.5");
	BAD("--val-frac 0.1234567", "--val-frac: '0.1234567' has more than six decimals; allowed is 0 to 0.5");
	BAD("--val-frac 99999999999999999999999", "--val-frac: '99999999999999999999999' is out of range; allowed is 0 to 0.5");
	static const char *const wrong[] = {"", ".", "-", "x", "1e-1", "10%", "0.1.2"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_INT(opt_set(&cmd, &o, "val-frac", wrong[i], &e), -1);
		CHECK_HAS(e.msg, "is not a decimal fraction");
	}
}

static void choices(void)
{
	BAD("--cell lst", "--cell: 'lst' is not one of rnn, lstm, gru; did you mean lstm?");
	BAD("--cell transformer", "--cell: 'transformer' is not one of rnn, lstm, gru");
	BAD("--cell LSTM", "--cell: 'LSTM' is not one of rnn, lstm, gru");
	BAD("--json=maybe", "--json: 'maybe' is neither true nor false; a flag needs no value");
	/* Values may come from a file: nothing that drives a terminal. */
	CHECK_INT(opt_set(&cmd, &o, "cell", "\033[2J", &e), -1);
	CHECK_HAS(e.msg, "'?[2J'");
	char text[400];
	memset(text, 'a', sizeof(text));
	memcpy(text + 63, "\xc3\xa9\xc3\xa9\xc3\xa9", 6);
	text[399] = 0;
	CHECK_INT(opt_set(&cmd, &o, "cell", text, &e), -1);
	CHECK_HAS(e.msg, "aaa\xc3\xa9...'");
}

static void text_and_back(void)
{
	static const char *const values[][2] = {
		{"cell", "gru"}, {"hidden", "77"}, {"steps", "123456789012"}, {"any", "-5"}, {"for", "1h1s"},
		{"for", "12.3456789s"}, {"for", "24h"}, {"lr", "0.1"}, {"temp", "0.30000000000000004"},
		{"temp", "-1e+300"}, {"val-frac", "0.1"}, {"val-frac", "0"}, {"val-frac", "0.000001"},
		{"json", "true"}, {"carry", "false"}, {"prompt", "a b"}, {"prompt", ""}};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct buf b = {0};
		CHECK_INT(opt_defaults(&cmd, &o, &e), 0);
		CHECK_INT(opt_set(&cmd, &o, values[i][0], values[i][1], &e), 0);
		for (const struct opt *row = table; row->name; row++)
			if (strcmp(row->name, values[i][0]) == 0)
				CHECK_INT(opt_text(row, &o, &b, &e), 0);
		CHECK_STR(b.p, values[i][1]);
		CHECK(!o.hidden_set); /* only a user gives */
		buf_free(&b);
	}
	CHECK_INT(opt_set(&cmd, &o, "nonsense", "1", &e), -1);
	CHECK_STR(e.msg, "unknown option --nonsense");
}

static void required(void)
{
	static const struct opt rows[] = {{.name = "hidden", .type = OPT_INT, AT(hidden), .flags = OPT_REQUIRED,
	                                   .set_offset = offsetof(struct options, hidden_set), .help = "x"},
	                                  {0}};
	struct opt_command c = cmd;
	c.opts = rows;
	char *one[] = {(char *)"--hidden=3"};
	CHECK_INT(opt_defaults(&c, &o, &e), 0);
	CHECK_INT(opt_parse(&c, 0, one, &o, &nargs, &help, &e), -1);
	CHECK_STR(e.msg, "--hidden is missing");
	CHECK_INT(opt_parse(&c, 1, one, &o, &nargs, &help, &e), 0);
}

static void bad_default(void)
{
	static const struct opt rows[] = {{.name = "hidden", .type = OPT_INT, AT(hidden), .def = "x", .help = "x"}, {0}};
	struct opt_command c = cmd;
	c.opts = rows;
	CHECK_INT(opt_defaults(&c, &o, &e), -1);
	CHECK_STR(e.msg, "default of train: --hidden: 'x' is not a whole number");
}

static void distance(void)
{
	CHECK_INT(opt_distance("", ""), 0);
	CHECK_INT(opt_distance("abc", ""), 3);
	CHECK_INT(opt_distance("", "ab"), 2);
	CHECK_INT(opt_distance("kitten", "sitting"), 3);
	CHECK_INT(opt_distance("hidden", "hdiden"), 1);
	CHECK_INT(opt_distance("ab", "ba"), 1);
	CHECK_INT(opt_distance("same", "same"), 0);
	static const char *const list[] = {"train", "sample", "score", NULL};
	CHECK_STR(opt_nearest("trian", list), "train");
	CHECK_STR(opt_nearest("smaple", list), "sample");
	CHECK_STR(opt_nearest("sc", list), "score");
	CHECK(opt_nearest("xyzzy", list) == NULL);
	CHECK(opt_nearest("", list) == NULL);
	CHECK(opt_nearest("t", list) == NULL);
}

static size_t longest_line(const char *s)
{
	size_t most = 0;
	while (*s) {
		size_t n = strcspn(s, "\n");
		most = n > most ? n : most;
		s += n + (s[n] != 0);
	}
	return most;
}

static void help_text(void)
{
	struct buf b = {0};
	CHECK_INT(opt_help(&cmd, 80, false, &b, &e), 0);
	CHECK_HAS(b.p, "usage: rnnlm train [options] FILE...\n\ntrain a model\n\nFirst paragraph");
	CHECK_HAS(b.p, "\nModel:\n  -c, --cell rnn|lstm|gru   recurrent cell (default lstm)\n");
	CHECK_HAS(b.p, "  -H, --hidden N            units per layer;");
	CHECK_HAS(b.p, "(1 to\n                            65536; default 256)\n");
	CHECK_HAS(b.p, "(one of automatic, float32, bfloat16,\n                            tensorfloat)\n");
	CHECK_HAS(b.p, "\n\nLength:\n      --steps N             steps (at least 0)\n");
	CHECK_HAS(b.p, "      --for TIME            time (1s to 24h; default 3m)\n");
	CHECK_HAS(b.p, "      --val-frac F          part held out (0 to 0.5; default 0.1)\n");
	CHECK_HAS(b.p, "      --[no-]carry          carry the state (default on)\n");
	CHECK_HAS(b.p, "  -h, --help                show this help and exit\n");
	CHECK_HAS(b.p, "\nExamples:\n  rnnlm train a.txt -o 'b c'\n      train on it\n");
	CHECK_HAS(b.p, "\n\n  .kept as it is\n\nLast.\n\n");
	CHECK(!strstr(b.p, "secret"));
	CHECK(!strchr(b.p, '\033'));
	CHECK(longest_line(b.p) <= 80);
	CHECK(longest_line(b.p) >= 60);
	buf_clear(&b);
	CHECK_INT(opt_help(&cmd, 40, false, &b, &e), 0);
	CHECK(longest_line(b.p) <= 40);
	buf_clear(&b);
	CHECK_INT(opt_help(&cmd, -1, true, &b, &e), 0);
	CHECK_HAS(b.p, "\033[1mModel\033[0m:");
	buf_clear(&b);
	CHECK_INT(opt_overview("rnnlm", "what it is", cmds, 80, false, &b, &e), 0);
	CHECK_STR(b.p, "usage: rnnlm COMMAND [options] [arguments]\n\nwhat it is\n\nCommands:\n"
	               "  train  train a model\n  help   help\n\n"
	               "rnnlm COMMAND --help tells all about a command.\n");
	buf_free(&b);
}

static void man_text(void)
{
	struct buf b = {0};
	CHECK_INT(opt_man("rnnlm", "what it is", "1.2", cmds, &b, &e), 0);
	CHECK_HAS(b.p, ".TH RNNLM 1 \"\" \"rnnlm 1.2\" \"User Commands\"\n.SH NAME\nrnnlm \\- what it is\n");
	CHECK_HAS(b.p, "\n.SS rnnlm train\n");
	CHECK_HAS(b.p, "\n.TP\n\\fB\\-H\\fR, \\fB\\-\\-hidden\\fR \\fIN\\fR\nunits per layer;");
	CHECK_HAS(b.p, "\n\\&.roff\\(aqs \\efBtrap\n");
	CHECK_HAS(b.p, ".nf\n  .kept as it is\n.fi\n");
	CHECK_HAS(b.p, "\n.SH EXAMPLES\n.TP\n\\fBrnnlm train a.txt \\-o \\(aqb c\\(aq\\fR\ntrain on it\n");
	CHECK(!strstr(b.p, "secret"));
	buf_free(&b);
}

/* Runs a shell, if it is there, on a completion script; what it printed. */
static const char *shell(const char *name, const char *script, const char *more)
{
	static char out[4096];
	char path[] = "/tmp/rnnlm-opt-XXXXXX", line[256];
	snprintf(line, sizeof(line), "command -v %s >/dev/null", name);
	if (system(line) != 0)
		return NULL;
	int fd = mkstemp(path);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	CHECK(f != NULL);
	if (!f)
		return "";
	fprintf(f, "%s\n%s\n", script, more);
	fclose(f);
	snprintf(line, sizeof(line), "%s %s 2>&1", name, path);
	FILE *p = popen(line, "r");
	size_t n = p ? fread(out, 1, sizeof(out) - 1, p) : 0;
	out[n] = 0;
	CHECK(p && pclose(p) == 0);
	remove(path);
	return out;
}

static void completion(void)
{
	struct buf b = {0};
	CHECK_INT(opt_complete_bash("rnnlm", cmds, &b, &e), 0);
	CHECK(!strstr(b.p, "secret"));
	const char *got = shell("bash", b.p,
		"try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _rnnlm; echo \"<${COMPREPLY[*]}>\"; }\n"
		"cd \"$(mktemp -d)\" && touch 'one two' only\n"
		"try rnnlm ''\ntry rnnlm tr\ntry rnnlm train --h\ntry rnnlm train --cell ''\n"
		"try rnnlm train --cell = l\ntry rnnlm train --cell =\ntry rnnlm train -c g\n"
		"try rnnlm train on\ntry rnnlm train -o onl\ntry rnnlm train --hidden ''\ntry rnnlm help t\n"
		"try rnnlm train --no\ntry rnnlm train -- --\ntry rnnlm nonsense ''\n"
		"rm -r \"$PWD\"\n");
	if (got)
		CHECK_STR(got, "<train help --help --version>\n<train>\n<--hidden --help>\n<rnn lstm gru>\n"
		               "<lstm>\n<rnn lstm gru>\n<gru>\n<one two only>\n<only>\n<>\n<train>\n"
		               "<--no-carry>\n<>\n<>\n");
	buf_clear(&b);
	CHECK_INT(opt_complete_zsh("rnnlm", cmds, &b, &e), 0);
	CHECK_HAS(b.p, "#compdef rnnlm\n");
	CHECK_HAS(b.p, "'(-c --cell)'{-c+,--cell=}'[recurrent cell]:cell:(rnn lstm gru)' \\\n");
	CHECK_HAS(b.p, "{-j,--json}'[it'\\''s JSON\\: \\[a\\] '\\''b'\\'']' \\\n");
	CHECK_HAS(b.p, "'*:argument:_files'");
	CHECK_HAS(b.p, "'*:argument:(train help)'");
	CHECK(!strstr(b.p, "secret"));
	got = shell("zsh -n", b.p, "");
	if (got)
		CHECK_STR(got, "");
	buf_clear(&b);
	CHECK_INT(opt_complete_fish("rnnlm", cmds, &b, &e), 0);
	CHECK_HAS(b.p, "-l cell -s c -x -a 'rnn lstm gru' -d 'recurrent cell'\n");
	CHECK_HAS(b.p, "-l output -s o -r -F -d '.roff\\'s \\\\fBtrap'\n");
	CHECK(!strstr(b.p, "secret"));
	got = shell("fish", b.p, "complete -C 'rnnlm train --cell g'; complete -C 'rnnlm he'");
	if (got) {
		CHECK_HAS(got, "gru");
		CHECK_HAS(got, "help");
	}
	buf_free(&b);
}

static int all_texts(struct buf *b)
{
	static char arg[] = "--cell=lst";
	char *argv[] = {arg};
	int bad = opt_parse(&cmd, 1, argv, &o, &nargs, &help, &e);
	CHECK_INT(bad, -1);
	if (!strstr(e.msg, "did you mean"))
		return -1;
	if (opt_help(&cmd, 80, true, b, &e) < 0 || opt_overview("rnnlm", "x", cmds, 80, true, b, &e) < 0 ||
	    opt_man("rnnlm", "x", "1", cmds, b, &e) < 0 || opt_complete_bash("rnnlm", cmds, b, &e) < 0 ||
	    opt_complete_zsh("rnnlm", cmds, b, &e) < 0 || opt_complete_fish("rnnlm", cmds, b, &e) < 0)
		return -1;
	return 0;
}

static void no_memory(void)
{
	int status = -1;
	long n = 0;
	while (status < 0 && n < 100000) {
		struct buf b = {0};
		e.msg[0] = 0;
		mem_fail_at(++n);
		status = all_texts(&b);
		CHECK(status == 0 || e.msg[0]);
		buf_free(&b);
	}
	mem_fail_at(0);
	CHECK_INT(status, 0);
	CHECK(n > 20);
}

TEST_MAIN("opt", {"defaults", defaults}, {"forms", forms}, {"positionals", positionals},
          {"asks_help", asks_help}, {"unknown", unknown}, {"missing_values", missing_values},
          {"integers", integers}, {"reals", reals}, {"durations", durations}, {"fractions", fractions},
          {"choices", choices}, {"text_and_back", text_and_back}, {"required", required},
          {"bad_default", bad_default}, {"distance", distance}, {"help_text", help_text},
          {"man_text", man_text}, {"completion", completion}, {"no_memory", no_memory})
