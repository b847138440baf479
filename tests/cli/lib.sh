# shellcheck shell=sh
# Sourced by the scripts in tests/cli, which run from the top of the tree with
# RNNLM (absolute path of the program) and TMP (an empty folder to write in).
#
#   . tests/cli/lib.sh
#   t "empty file"                        a case: one behaviour
#   run 0 "$RNNLM" tokenize --ids empty   stdout in $TMP/out, stderr in $TMP/err;
#                                         the case fails if the status is not 0
#   out_is ""                             more checks, see below
#   finish                                "cli-NAME: N passed, N failed"
#
# A case with a failed check, or with none, has failed. Checks count wherever
# they are made, behind a pipe and in a subshell too.

set -u
LC_ALL=C # bytes are bytes, for tr and grep too
export LC_ALL
unset COLUMNS RNNLM_MODEL RNNLM_FAIL_ALLOC

RNNLM=${RNNLM:-$PWD/rnnlm}
export RNNLM
lib_name=cli-$(basename "$0" .sh)
if ! [ -x "$RNNLM" ]; then
	echo "$RNNLM: no such program: run make, or set RNNLM"
	echo "$lib_name: 0 passed, 1 failed"
	exit 1
fi
lib_made=
if [ -z "${TMP-}" ]; then
	TMP=$(mktemp -d) || exit 1
	lib_made=$TMP
fi
export TMP
lib=$TMP/.lib
mkdir -p "$lib" || exit 1

lib_case='' lib_passed=0 lib_failed=0 lib_finished=

# What the last command was and what it printed, cut short.
lib_show() {
	echo "    command: $(cat "$lib/command" 2>/dev/null)"
	for lib_file in out err; do
		[ -s "$TMP/$lib_file" ] || continue
		echo "    std$lib_file:"
		head -n 20 "$TMP/$lib_file" | tr -c '\n\t -~' '?' | cut -c 1-300 | sed 's/^/      /'
	done
}

lib_fail() {
	if ! [ -s "$lib/bad" ]; then
		{
			echo "    $*"
			lib_show
		} >>"$lib/bad"
	else
		echo "    $*" >>"$lib/bad"
	fi
}

lib_check() {
	echo . >>"$lib/checks"
}

lib_close() {
	[ -n "$lib_case" ] || return 0
	if ! [ -s "$lib/checks" ]; then
		lib_fail "no check was made"
	fi
	if [ -s "$lib/bad" ]; then
		echo "FAIL $lib_name: $lib_case"
		cat "$lib/bad"
		lib_failed=$((lib_failed + 1))
	else
		lib_passed=$((lib_passed + 1))
	fi
	lib_case=
}

# The text of a file without NULs, which no variable can hold, and without the
# line breaks at its end.
lib_text() {
	tr -d '\000' <"$1"
}

lib_end() {
	lib_status=$?
	if [ -z "$lib_finished" ]; then
		lib_case=${lib_case:-end}
		lib_fail "the script ended here, status $lib_status, without finish"
		lib_close
		echo "$lib_name: $lib_passed passed, $lib_failed failed"
		lib_status=1
	fi
	[ -n "$lib_made" ] && rm -rf "$lib_made"
	exit "$lib_status"
}
trap lib_end EXIT

# --- what scripts use --------------------------------------------------------

# t NAME: a case begins.
t() {
	lib_close
	lib_case=$1
	: >"$lib/checks"
	: >"$lib/bad"
	: >"$lib/command"
	: >"$TMP/out"
	: >"$TMP/err"
}

# run STATUS COMMAND [ARG...]
run() {
	lib_want=$1
	shift
	printf '%s\n' "$*" >"$lib/command"
	lib_check
	lib_got=0
	"$@" >"$TMP/out" 2>"$TMP/err" || lib_got=$?
	[ "$lib_got" = "$lib_want" ] || lib_fail "exit status $lib_got, not $lib_want"
}

# out_is TEXT: stdout is the text; line breaks at the end do not count.
out_is() {
	lib_check
	[ "$(lib_text "$TMP/out")" = "$(printf '%s' "$1")" ] || lib_fail "stdout is not: $1"
}
err_is() {
	lib_check
	[ "$(lib_text "$TMP/err")" = "$(printf '%s' "$1")" ] || lib_fail "stderr is not: $1"
}

# out_has TEXT, err_has TEXT: it occurs, as it stands.
lib_has() {
	lib_check
	case $1 in '') lib_fail "a text to look for is needed" ;; esac
	case $(lib_text "$TMP/$2") in
	*"$1"*) ;;
	*) lib_fail "std$2 lacks: $1" ;;
	esac
}
out_has() {
	lib_has "$1" out
}
err_has() {
	lib_has "$1" err
}

# same FILE FILE: byte for byte.
same() {
	lib_check
	cmp "$1" "$2" >"$lib/note" 2>&1 || lib_fail "not the same: $(cat "$lib/note")"
}

# ok COMMAND [ARG...]: it succeeds.
ok() {
	lib_check
	"$@" >"$lib/note" 2>&1 || lib_fail "failed: $* $(head -n 5 "$lib/note")"
}

# nap SECONDS: a fraction where sleep knows fractions.
nap() {
	sleep "$1" 2>/dev/null || sleep 1
}

# until_there FILE CHILD [BYTES]: waits until the file has so many (1), as long as the
# child lives. Waiting for a sign of life, unlike a pause, is right on a slow machine too.
until_there() {
	while kill -0 "$2" 2>/dev/null && ! { [ -e "$1" ] && [ "$(wc -c <"$1")" -ge "${3:-1}" ]; }; do
		nap 0.02
	done
}

# Values of a key in the JSON of stdout, or of a file, a line each: numbers, and texts.
# number: the last one.
num() { # KEY [FILE]
	sed -n "s/.*\"$1\":\([^],}]*\).*/\1/p" "${2:-$TMP/out}"
}
str() { # KEY [FILE]
	sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "${2:-$TMP/out}"
}
number() { # KEY [FILE]
	sed -n "s/.*\"$1\":\([-0-9.e+]*\)[],}].*/\1/p" "${2:-$TMP/out}" | tail -n 1
}

# is A B: the same text; for ok, which shows what is printed.
is() {
	[ "$1" = "$2" ] || {
		echo "'$1' is not '$2'"
		return 1
	}
}

# sentences WORD: 400 lines of a few words, this one among them, which a tiny model learns in
# a moment.
sentences() {
	awk -v words="the $1 cat dog sat ran on under mat tree and then slept" 'BEGIN {
		split(words, w, " ")
		for (i = 0; i < 400; i++) {
			line = ""
			for (k = 0; k < 3 + i % 5; k++)
				line = line (k ? " " : "") w[1 + (i * 7 + k * k * 3 + k) % 13]
			print line "."
		}
	}'
}

# failing_allocations LEAST MOST COMMAND...: with its n-th allocation failing, for n = 1 and
# on, the command fails with a message and is never ended by a signal, until many in a
# row do well (a few may be done without); at least LEAST fail, and MOST are tried.
failing_allocations() {
	lib_least=$1 lib_most=$2
	shift 2
	lib_n=1 lib_good=0 lib_worse=0
	while [ "$lib_good" -lt 12 ] && [ "$lib_n" -lt "$lib_most" ]; do
		lib_got=0
		(
			RNNLM_FAIL_ALLOC=$lib_n
			export RNNLM_FAIL_ALLOC
			"$@"
		) >"$TMP/out" 2>"$TMP/err" || lib_got=$?
		case $lib_got in
		0) lib_good=$((lib_good + 1)) ;;
		1 | 2)
			ok test -s "$TMP/err"
			lib_good=0
			lib_worse=$((lib_worse + 1))
			;;
		*)
			ok test "allocation $lib_n failed: status $lib_got" = ''
			break
			;;
		esac
		lib_n=$((lib_n + 1))
	done
	ok test "$lib_worse" -gt "$lib_least"
}

# Last line of a script.
finish() {
	lib_close
	lib_finished=yes
	[ $((lib_passed + lib_failed)) -gt 0 ] || lib_failed=1
	echo "$lib_name: $lib_passed passed, $lib_failed failed"
	[ "$lib_failed" = 0 ]
	exit
}
