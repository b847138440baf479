#!/bin/sh
# What can be said about the source without running it. A check whose tool is
# not installed is left out and named.
set -u
cd "$(dirname "$0")/.." || exit 1
# The makes below are not part of a make that runs this script.
unset MAKEFLAGS MFLAGS MAKELEVEL
jobs=${JOBS:-2}
mkdir -p build || exit 1
log=build/lint.log
passed=0 failed=0

# check NAME COMMAND...: quiet when it succeeds.
check() {
	name=$1
	shift
	if "$@" >"$log" 2>&1; then
		echo "ok    $name"
		passed=$((passed + 1))
	else
		cat "$log"
		echo "FAIL  $name"
		failed=$((failed + 1))
	fi
}
have() {
	command -v "$1" >/dev/null 2>&1 || {
		echo "      $1 is not installed"
		return 1
	}
}

# All files of the tree that people write: tracked, or new and not ignored.
sources() {
	git ls-files -co --exclude-standard 2>/dev/null |
		grep . ||
		find . -path ./build -prune -o -path ./.git -prune -o -type f ! -name rnnlm -print
}
# Corpora and fuzzing inputs are data: any bytes go.
sources | sed 's|^\./||' | grep -v -e '^data/' -e '^models/' -e '^tests/fuzz/corpus/' \
	-e '\.safetensors$' >build/lint.files

no_match() { # PATTERN: no line of any file has it
	xargs grep -nIE -e "$1" /dev/null <build/lint.files >build/lint.found
	cat build/lint.found
	! [ -s build/lint.found ]
}
ends_with_newline() {
	bad=0
	while read -r file; do
		if [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ]; then
			echo "$file: no newline at the end"
			bad=1
		fi
	done <build/lint.files
	return "$bad"
}
compile_python() {
	PYTHONPYCACHEPREFIX=$PWD/build/pycache python3 -m py_compile scripts/*.py
}

tab=$(printf '\t')
check "no white space at the end of a line" no_match "[ $tab]+\$"
check "no space before a tab" no_match "^$tab* +$tab"
check "no carriage returns" no_match "$(printf '\r')"
check "files end with a newline" ends_with_newline
check "layers" sh scripts/check-layers.sh

for cc in gcc clang; do
	have "$cc" || continue
	check "$cc: headers stand alone" make VARIANT="lint-$cc" CC="$cc" WERROR=1 headers
	check "$cc: no warnings" make -j "$jobs" VARIANT="lint-$cc" CC="$cc" WERROR=1 bins
	check "$cc: no warnings in double" \
		make -j "$jobs" VARIANT="lint-$cc-double" CC="$cc" WERROR=1 CFLAGS=-O1 bins
done

if have shellcheck; then
	check shellcheck shellcheck -x -P SCRIPTDIR:. scripts/*.sh tests/cli/*.sh .ci/run
fi
if have python3; then
	check "python compiles" compile_python
fi

rm -f "$log" build/lint.files build/lint.found
echo "lint: $passed passed, $failed failed"
[ "$failed" = 0 ]
