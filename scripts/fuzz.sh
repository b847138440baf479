#!/bin/sh
# Runs each libFuzzer program of FOLDER for SECONDS.
#
#   sh scripts/fuzz.sh FOLDER SECONDS
#
# The corpora are copied to FOLDER/corpus, where new inputs gather from run to
# run; what crashes lands in FOLDER/crashes. Nothing is written beside tests/.
set -u
if [ $# != 2 ]; then
	echo "usage: fuzz.sh FOLDER SECONDS" >&2
	exit 2
fi
folder=$1 seconds=$2
ASAN_OPTIONS=allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export ASAN_OPTIONS
mkdir -p "$folder/corpus" "$folder/crashes" "$folder/logs" || exit 1

passed=0 failed=0
for program in "$folder"/tests/fuzz/*; do
	name=${program##*/}
	case $name in *.*) continue ;; esac
	[ -f "tests/fuzz/$name.c" ] || continue
	mkdir -p "$folder/corpus/$name"
	if [ -d "tests/fuzz/corpus/$name" ]; then
		cp -R "tests/fuzz/corpus/$name/." "$folder/corpus/$name/"
	fi
	log=$folder/logs/$name
	if "./$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$folder/crashes/$name-" "$folder/corpus/$name" >"$log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		echo "ok    $name: ${runs:-?} inputs in $seconds s"
		passed=$((passed + 1))
	else
		tail -n 40 "$log"
		echo "FAIL  $name: whole output in $log, the input in $folder/crashes"
		failed=$((failed + 1))
	fi
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
