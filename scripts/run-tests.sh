#!/bin/sh
# Runs tests and sums what they report.
#
#   sh scripts/run-tests.sh [FOLDER...] [cli] [fuzz]
#
# FOLDER is a build folder (build/release): every test program in it is run.
# "cli" runs tests/cli/*.sh against $RNNLM (./rnnlm); "fuzz" replays the corpora
# of tests/fuzz with the programs of the first FOLDER. The layers of the source
# are checked too.
#
# A test ends with the line "SUITE: N passed, N failed". One that crashes, takes
# longer than $TEST_TIMEOUT (300) seconds or lacks that line is one failure, and
# its output is shown. The last line here is "N passed, N failed".
#
# $JOBS (2) tests run at a time. Each is a call of this script with --one.
set -u

# Runs the command with a time limit; status 124 when it struck.
limited() {
	limit=${TEST_TIMEOUT:-300}
	# In the foreground, so that Ctrl-C reaches the test.
	if timeout --foreground 5 true 2>/dev/null; then
		timeout --foreground -k 5 "$limit" "$@"
		return
	fi
	"$@" &
	child=$!
	(
		while [ "$limit" -gt 0 ] && kill -0 "$child"; do
			sleep 1
			limit=$((limit - 1))
		done
		kill -9 "$child" && : >"$base.timeout"
	) >/dev/null 2>&1 &
	wait "$child"
	status=$?
	[ -f "$base.timeout" ] && status=124
	return "$status"
}

# --one WORK KIND:PATH: runs one test, prints its line, leaves "passed failed"
# in WORK.
one() {
	work=$1 kind=${2%%:*} path=${2#*:}
	base=$work/$(printf %s "$kind-$path" | tr / -)
	start=$(date +%s)
	case $kind in
	bin)    limited "./$path" ;;
	fuzz)   limited "./$path" "tests/fuzz/corpus/${path##*/}" ;;
	layers) limited sh scripts/check-layers.sh ;;
	cli)
		TMP=$PWD/$base.tmp
		mkdir "$TMP" || exit 1
		export TMP
		TMPDIR=$TMP limited sh "$path"
		;;
	esac </dev/null >"$base.out" 2>&1
	status=$?
	seconds=$(($(date +%s) - start))

	counts=$(tail -n 1 "$base.out" | tr -d '\r' |
		sed -n 's/^[^ ].*: \([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p')
	why=
	case $status in
	0 | 1) ;;
	124)   why="took longer than ${TEST_TIMEOUT:-300} s" ;;
	*)     why="exit status $status" ;;
	esac
	if [ -z "$counts" ]; then
		counts="0 1"
		why="${why:+$why, }no line of results"
	elif [ "${counts% *}" = 0 ] && [ "${counts#* }" = 0 ]; then
		counts="0 1"
		why="${why:+$why, }no case was run"
	elif [ "$status" != 0 ] && [ "${counts#* }" = 0 ]; then
		counts="${counts% *} 1"
		why="exit status $status"
	fi
	passed=${counts% *} failed=${counts#* }

	if [ "$failed" = 0 ]; then
		printf '%4d s  %s: %d passed\n' "$seconds" "$path" "$passed"
		rm -rf "$base.tmp"
	else
		{
			printf -- '---- %s: %d passed, %d failed%s (%d s)\n' "$path" "$passed" "$failed" \
				"${why:+; $why}" "$seconds"
			cat "$base.out"
			printf -- '----\n'
		} >"$base.report"
		# One report at a time: reports are longer than a pipe passes on in one piece.
		tries=0
		until mkdir "$work/printing" 2>/dev/null || [ "$tries" = 10 ]; do
			sleep 1
			tries=$((tries + 1))
		done
		cat "$base.report"
		rmdir "$work/printing" 2>/dev/null
	fi
	echo "$passed $failed" >"$base.counts"
}

if [ "${1-}" = --one ]; then
	one "$2" "$3"
	exit 0
fi

cd "$(dirname "$0")/.." || exit 1
# What a person has set for daily use must not change what the tests see.
unset RNNLM_MODEL RNNLM_FAIL_ALLOC NO_COLOR
RNNLM=${RNNLM:-rnnlm}
case $RNNLM in
/*) ;;
*) RNNLM=$PWD/$RNNLM ;;
esac
# Tests ask for more memory than there is; malloc must say no, not end the program.
ASAN_OPTIONS=allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}
TSAN_OPTIONS=allocator_may_return_null=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}
export RNNLM ASAN_OPTIONS TSAN_OPTIONS

work=build/tmp/run.$$
rm -rf "$work"
mkdir -p "$work" || exit 1
missing=0
none() {
	echo "run-tests: $*" >&2
	missing=$((missing + 1))
}

# A program whose source is gone is left over from an earlier build.
programs() { # KIND FOLDER SUBFOLDER...
	kind=$1 folder=$2 found=0
	shift 2
	for sub; do
		for program in "$folder/tests/$sub"/*; do
			case ${program##*/} in *.*) continue ;; esac
			if [ -x "$program" ] && [ -f "tests/$sub/${program##*/}.c" ]; then
				echo "$kind:$program" >>"$work/list"
				found=1
			fi
		done
	done
	[ "$found" = 1 ] || none "no tests in $folder/tests: make VARIANT=${folder##*/} bins"
}

echo "layers:scripts/check-layers.sh" >"$work/list"
first=
for arg; do
	case $arg in
	cli)
		[ -x "$RNNLM" ] || none "no program $RNNLM: run make, or set RNNLM"
		found=0
		for script in tests/cli/*.sh; do
			if [ "$script" != tests/cli/lib.sh ] && [ -f "$script" ]; then
				echo "cli:$script" >>"$work/list"
				found=1
			fi
		done
		[ "$found" = 1 ] || none "no tests in tests/cli"
		;;
	fuzz)
		programs fuzz "${first:-build/release}" fuzz
		;;
	*)
		if ! [ -d "$arg" ]; then
			echo "run-tests: $arg is no build folder (nor cli, nor fuzz)" >&2
			exit 2
		fi
		first=${first:-${arg%/}}
		programs bin "${arg%/}" unit kern grad golden
		;;
	esac
done

jobs=${JOBS:-2}
if echo | xargs -P "$jobs" -n 1 true 2>/dev/null; then
	xargs -P "$jobs" -n 1 sh scripts/run-tests.sh --one "$work" <"$work/list"
else
	xargs -n 1 sh scripts/run-tests.sh --one "$work" <"$work/list"
fi

# A test that left no counts has failed, whatever became of it.
total=$(cat "$work"/*.counts 2>/dev/null | awk -v tests="$(wc -l <"$work/list")" -v missing="$missing" '
	{ passed += $1; failed += $2 }
	END { print passed + 0, failed + tests - NR + missing }')
passed=${total% *} failed=${total#* }
if [ "$failed" = 0 ]; then
	rm -rf "$work"
else
	echo "Outputs are kept in $work."
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
