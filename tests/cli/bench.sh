#!/bin/sh
# rnnlm bench, from outside: what it prints, not how fast it is.
# shellcheck disable=SC2016,SC2317 # dollars are awk's; run calls the functions
. tests/cli/lib.sh

# tiny [OPTION...]: a bench that takes a moment.
tiny() {
	"$RNNLM" bench --shape lstm:1x16:2x4 --seconds 0 --threads 1 "$@"
}
num() {
	sed -n "s/.*\"$1\":\([^],}]*\).*/\1/p" "$TMP/out"
}
str() {
	sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$TMP/out"
}
is() {
	[ "$1" = "$2" ] || {
		echo "'$1' is not '$2'"
		return 1
	}
}
# number VALUE CONDITION: of v; a value that is no number fails.
number() {
	echo "$1" | grep -Eqx -e '-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?' || {
		echo "'$1' is no number"
		return 1
	}
	awk -v v="$1" "BEGIN { exit !($2) }" || {
		echo "$1: not so: $2"
		return 1
	}
}

# --- JSON -------------------------------------------------------------------------

t "JSON has these keys, one object a shape"
run 0 tiny --json
ok is "$(wc -l <"$TMP/out" | tr -d ' ')" 1
ok is "$(grep -o '"[a-z_]*":' "$TMP/out" | tr -d '":' | tr '\n' ' ')" \
	"what shape vocab precision cpu threads tokens_per_s params gflops peak_gflops peak_share peak_mb "

t "it says what was measured"
run 0 tiny --json --vocab 30 --precision f32
ok is "$(str what),$(str shape),$(num vocab),$(str precision),$(num threads)" "train,lstm:1x16:2x4,30,f32,1"
# 4 gates: input (16,30), recurrent (16,16), two biases; output (30,16) and bias
ok is "$(num params)" $((4 * 16 * (30 + 16 + 2) + 30 * 16 + 30))
ok number "$(num tokens_per_s)" "v > 0"
ok number "$(num peak_mb)" "v > 0.1 && v < 500"
ok test -n "$(str cpu)"

t "the CPU's name ends with the instruction set in use"
run 0 env RNNLM_CPU=scalar "$RNNLM" bench --shape rnn:1x8:1x2 --seconds 0 --json
ok sh -c 'case $1 in *", scalar") ;; *) exit 1 ;; esac' - "$(str cpu)"

# check_flops FLOPS OPTION...: of the products for one symbol. Figures are rounded to
# thousandths of a GFLOP/s.
check_flops() {
	flops=$1
	shift
	run 0 "$RNNLM" bench --json --seconds 0 --threads 1 "$@"
	ok number "$(num gflops)" \
		"v > 0 && (v - $flops * $(num tokens_per_s)/1e9)^2 < (0.0006 + 1e-3 * v)^2"
	ok number "$(num peak_share)" "(v - $(num gflops)/$(num peak_gflops))^2 < (1e-4 + 1e-2 * v)^2"
}

t "GFLOP/s count the products that are done"
H=64 V=65
check_flops $((3 * 2 * (4 * H * H + V * H))) --shape lstm:1x64:4x4
check_flops $((3 * 2 * (3 * 4 * H * H + V * H))) --shape lstm:2x64:4x4
check_flops $((3 * 2 * (5 * H * H + V * H))) --shape rnn:3x64:4x4
check_flops $((3 * 2 * (3 * 3 * H * H + 20 * H))) --shape gru:2x64:4x4 --vocab 20
check_flops $((2 * (3 * 4 * H * H + V * H))) --shape lstm:2x64:4x4 --what score
check_flops $((2 * (3 * 3 * H * H + V * H))) --shape gru:2x64:4x4 --what sample

t "every cell, every task"
for cell in rnn rnn-relu lstm gru; do
	for what in train score sample; do
		run 0 "$RNNLM" bench --json --shape "$cell:2x8:3x5" --what "$what" --seconds 0
		ok is "$(str what) $(str shape)" "$what $cell:2x8:3x5"
		ok number "$(num tokens_per_s)" "v > 0"
	done
done

t "sampling is one stream: batch and seq do not matter"
run 0 "$RNNLM" bench --json --shape rnn:1x8:65536x2 --what sample --seconds 0 --threads 1
ok number "$(num tokens_per_s)" "v > 0"

t "the smallest of all"
for what in train score sample; do
	run 0 "$RNNLM" bench --shape rnn:1x1:1x1 --vocab 2 --what "$what" --seconds 0 --threads 1
done

t "threads, where none are asked for: for sampling a small model one"
run 0 "$RNNLM" bench --json --what sample --shape lstm:1x16:1x1 --seconds 0
ok is "$(num threads)" 1
run 0 "$RNNLM" bench --json --what score --shape lstm:1x16:2x4 --seconds 0
ok is "$(num threads)" "$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)"

t "more threads than units"
run 0 "$RNNLM" bench --shape gru:1x3:1x2 --seconds 0 --threads 5 --json
ok is "$(num threads)" 5

t "auto is a precision that this machine has; bf16 is measured or refused"
run 0 tiny --json
auto=$(str precision)
ok test "$auto" = f32 -o "$auto" = bf16
status=0
tiny --json --precision bf16 >"$TMP/out" 2>"$TMP/err" || status=$?
if [ "$status" = 0 ]; then
	ok is "$(str precision)" bf16
else
	ok is "$status" 2
	ok is "$auto" f32
	err_has "--precision=bf16"
	err_has "use f32 or auto"
fi

t "sampling has the speed of reading weights"
run 0 "$RNNLM" bench --json --what sample --shape lstm:2x64:1x1 --vocab 60 --precision f32 --seconds 0 --threads 1
ok is "$(grep -o '"[a-z_]*":' "$TMP/out" | tr -d '":' | tr '\n' ' ')" \
	"what shape vocab precision cpu threads tokens_per_s params gflops peak_gflops peak_share read_gb_s peak_read_gb_s read_share peak_mb "
# 3 matrices of 4 gates and the output, whose panels may be wider
ok number "$(num read_gb_s)" "v > 4 * (3*4*64*64 + 60*64) * $(num tokens_per_s)/1e9 * 0.99 - 0.001"
ok number "$(num read_gb_s)" "v < 4 * (3*4*64*64 + 128*64) * $(num tokens_per_s)/1e9 * 1.01 + 0.001"
ok number "$(num read_share)" "(v - $(num read_gb_s)/$(num peak_read_gb_s))^2 < (1e-3 + 1e-2 * v)^2"
run 0 "$RNNLM" bench --what sample --shape lstm:2x64:1x1 --seconds 0 --threads 1
ok is "$(sed -n 1p "$TMP/out" | tr -s ' ')" "what shape precision threads tokens/s ms/step min..max GB/s peak share MB"
ok is "$(awk '{ print NF }' "$TMP/out" | tr '\n' ' ')" "11 11 "

# --- table ------------------------------------------------------------------------

t "the table's columns"
run 0 tiny
ok is "$(sed -n 1p "$TMP/out" | tr -s ' ')" "what shape precision threads tokens/s ms/step min..max GFLOP/s peak share MB"
ok is "$(awk '{ print NF }' "$TMP/out" | tr '\n' ' ')" "11 11 "
ok is "$(awk 'NR == 2 { print $1, $2, $4 }' "$TMP/out")" "train lstm:1x16:2x4 1"
ok awk 'NR == 2 { split($7, a, /\.\./); exit !(a[1] > 0 && a[1] + 0 <= $6 + 0 && $6 + 0 <= a[2] + 0) }' "$TMP/out"
ok awk 'NR == 2 { d = $5 * $6 / 1000 - 8; exit !(d * d < 0.01) }' "$TMP/out"
err_has "vocabulary 65"

t "steps are measured for as long as was asked"
start=$(date +%s)
run 0 "$RNNLM" bench --shape lstm:1x128:16x16 --seconds 2 --threads 1
ok number $(($(date +%s) - start)) "v >= 1"

# --- wrong usage ------------------------------------------------------------------

# refused SHAPE TEXT: with the text in the message, and what a shape is.
refused() {
	run 2 "$RNNLM" bench --shape "$1"
	out_is ""
	err_has "--shape=$1: $2"
	err_has "CELL:LAYERSxHIDDEN:BATCHxSEQ"
}
t "a bad shape"
refused "" "no colon behind the cell"
refused lstm "no colon behind the cell"
refused lsmt:1x8:1x8 'no cell "lsmt"; did you mean lstm?'
refused transformer-with-a-name-that-is-far-too-long:1x8:1x8 "no cell"
refused lstm:2 'expected "x" behind layers 2'
refused lstm:x8:1x8 "expected a number (layers)"
refused lstm:1x8 'expected ":" behind hidden 8'
refused lstm:1x8:4 'expected "x" behind batch 4'
refused lstm:1x8:4x "expected a number (seq)"
refused lstm:1x8:4x-1 "expected a number (seq)"
refused "lstm:1x8:4x 1" "expected a number (seq)"
refused lstm:1x8:4x8x nothing
refused lstm:0x8:4x8 "layers must be from 1 to 64"
refused lstm:65x8:4x8 "layers must be from 1 to 64"
refused lstm:1x65537:4x8 "hidden must be from 1 to 65536"
refused lstm:1x8:0x8 "batch must be from 1 to"
refused lstm:1x8:4x99999999999999999999999 "seq must be from 1 to"

t "other wrong usage"
run 2 tiny --what fly
err_has "--what"
run 2 tiny --vocab 1
err_has "--vocab"
run 2 tiny --precision f64
err_has "--precision"
run 2 tiny --seconds -1
err_has "--seconds"
run 2 tiny lstm:1x8:1x8
out_is ""

# --- failures ---------------------------------------------------------------------

# Sanitizers need more address space than this.
if sh -c 'ulimit -v 4000000 && "$RNNLM" --version' >/dev/null 2>&1; then
	t "a shape too large for the memory is an error that names it"
	run 1 sh -c 'ulimit -v 4000000; exec "$RNNLM" bench --shape lstm:8x65536:1x1 --seconds 0 --json'
	out_is ""
	err_has "lstm:8x65536:1x1: "
	err_has "out of memory"
fi

t "memory that runs out is an error with a message"
n=1 failed=0 status=1
while [ "$status" = 1 ] && [ "$n" -lt 400 ]; do
	status=0
	RNNLM_FAIL_ALLOC=$n tiny --json >"$TMP/out" 2>"$TMP/err" || status=$?
	if [ "$status" = 1 ]; then
		err_has "out of memory"
		failed=$((failed + 1))
	fi
	n=$((n + 1))
done
ok is "$status" 0
ok test "$failed" -gt 20

t "a signal that only the first process gets ends both"
"$RNNLM" bench --shape lstm:2x128:16x32 --seconds 60 --threads 1 >"$TMP/out" 2>"$TMP/err" &
child=$!
sleep 1
start=$(date +%s)
kill -TERM "$child"
status=0
wait "$child" || status=$?
ok is "$status" 130
ok number $(($(date +%s) - start)) "v < 10"
ok is "$(wc -l <"$TMP/out" | tr -d ' ')" 1

if [ -c /dev/full ]; then
	t "a full disk is an error, found before the next shape is measured"
	run 1 sh -c '"$RNNLM" bench --seconds 0 --threads 1 >/dev/full'
	err_has "standard output"
fi

t "phases share out the whole time"
run 0 "$RNNLM" bench --shape lstm:2x16:4x8 --seconds 0.05 --profile --json
ok sh -c 'sed -n "s/.*\"phases\":{\([^}]*\)}.*/\1/p" "$1" | tr "," "\n" | awk -F: "{ s += \$2; n++ } END { exit !(n == 5 && s > 0.999 && s < 1.001) }"' - "$TMP/out"
run 0 "$RNNLM" bench --shape lstm:2x16:4x8 --seconds 0.05 --profile
out_has "products"

finish
