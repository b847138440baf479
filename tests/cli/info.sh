#!/bin/sh
# rnnlm info
# shellcheck disable=SC2016,SC2317 # dollars in single quotes are awk's or an inner shell's; run calls functions
. tests/cli/lib.sh

info() {
	"$RNNLM" info "$@"
}
# value NAME VALUE: a line of the output says so.
value() {
	ok awk -v name="$1" -v value="$2" '$1 == name && $2 == value { found = 1 } END { exit !found }' "$TMP/out"
}
# key NAME VALUE: the object on stdout has it.
key() {
	out_has "\"$1\":$2"
}

i=0
while [ "$i" -lt 100 ]; do
	echo "the cat number $i sat on the mat,"
	i=$((i + 1))
done >"$TMP/corpus.txt"
m=$TMP/m.safetensors
b=$TMP/b.safetensors
train() {
	if ! "$RNNLM" train --steps=20 --batch=4 --seq=16 --log=none "$@" 2>"$TMP/err"; then
		t "a model to look at"
		cat "$TMP/err"
		ok false
	fi
}
train --precision=f32 --cell=gru --layers=2 --hidden=24 --embed=24 --tie --residual --seed=5 -o "$m" "$TMP/corpus.txt"
train --cell=rnn --layers=1 --hidden=8 --unit=byte --val-frac=0 -o "$b" "$TMP/corpus.txt"

t "what a model is"
run 0 info "$m"
value model "$m"
value format rnnlm-1
value cell gru
value layers 2
value hidden 24
value embed 24
value tie yes
value residual yes
value unit char
value precision f32
value corpus corpus
value corpus_bytes "$(wc -c <"$TMP/corpus.txt" | tr -d ' ')"
value bytes "$(wc -c <"$m" | tr -d ' ')"
value option.seed 5
value option.tie true
out_has 'can go on from step 20 (1280 symbols read)'
out_has 'bits per character'
# 2 layers of 3 gates, the matrix of symbols once, the output's bias
vocab=$(awk '$1 == "vocab" { print $2 }' "$TMP/out")
value params $((2 * (2 * 72 * 24 + 2 * 72) + vocab * 24 + vocab))

t "with -m, and with neither"
run 0 info "$m"
cp "$TMP/out" "$TMP/want"
run 0 info -m "$m"
same "$TMP/out" "$TMP/want"
run 0 env RNNLM_MODEL="$m" "$RNNLM" info
same "$TMP/out" "$TMP/want"
run 2 info -m "$m" "$b"
err_has 'given twice'

t "another model"
run 0 info "$b"
value cell rnn
value embed 0
value unit byte
value tie no
value residual no
ok sh -c '! grep -q held-out "$1"' - "$TMP/out"

t "as an object"
run 0 info --json "$m"
ok test "$(wc -l <"$TMP/out")" -eq 1
key format '"rnnlm-1"'
key cell '"gru"'
key layers 2
key hidden 24
key embed 24
key tie true
key members 1
key residual true
key vocab "$vocab"
key unit '"char"'
key precision '"f32"'
key resumable true
key step 20
key tokens 1280
key corpus '"corpus"'
key options '{"'
key seed '"5"'
ok sh -c '! grep -q "\"tensors\"" "$1"' - "$TMP/out"
# both figures of the held-out loss, which fit together
nats=$(sed -n 's/.*"val_nats":\([-0-9.e+]*\),.*/\1/p' "$TMP/out")
bits=$(sed -n 's/.*"val_bits":\([-0-9.e+]*\),.*/\1/p' "$TMP/out")
ok awk "BEGIN { d = $nats / log(2) - $bits; exit !($nats > 0 && d * d < 1e-12) }"
run 0 info --json "$b"
key val_nats null
key val_bits null

t "tensors"
run 0 info --tensors "$m"
ok awk '$1 == "embed.weight" && $2 == "F32" && $3 == "('"$vocab"',24)" && $4 < 0 && $5 > 0 && $6 > 0 && $6 < $5 { found = 1 }
	END { exit !found }' "$TMP/out"
ok awk '$1 == "train.counters" && $2 == "I64" && $5 == 1280 { found = 1 } END { exit !found }' "$TMP/out"
ok grep -q '^rnn.weight_hh_l1 ' "$TMP/out"
run 0 info --tensors --json "$m"
key tensors '[{"name":'
out_has '{"name":"embed.weight","dtype":"F32","shape":['"$vocab"',24],"min":-'

# --- the copy ----------------------------------------------------------------
t "strip"
run 0 info --strip "$TMP/new/s.safetensors" "$m"
err_has 'only training needs'
out_is ''
run 0 info --json --tensors "$TMP/new/s.safetensors"
key resumable false
key step null
key cell '"gru"'
key seed '"5"'
key val_nats "$nats"
ok sh -c '! grep -q "\"train\\." "$1"' - "$TMP/out"
ok test "$(wc -c <"$TMP/new/s.safetensors")" -lt $(($(wc -c <"$m") / 2))
run 0 "$RNNLM" sample -m "$m" -n 50 --seed=1
cp "$TMP/out" "$TMP/want"
run 0 "$RNNLM" sample -m "$TMP/new/s.safetensors" -n 50 --seed=1
same "$TMP/out" "$TMP/want"
run 0 info --strip "$TMP/again.safetensors" "$TMP/new/s.safetensors"
err_has 'nothing that only training needs'
same "$TMP/again.safetensors" "$TMP/new/s.safetensors"

t "strip keeps what was there"
echo precious >"$TMP/out.safetensors"
run 0 info --strip "$TMP/out.safetensors" "$m"
err_has 'out.safetensors.~1~'
ok test "$(cat "$TMP/out.safetensors.~1~")" = precious
same "$TMP/out.safetensors" "$TMP/again.safetensors"
run 0 info --strip "$TMP/out.safetensors" "$m"
same "$TMP/out.safetensors.~2~" "$TMP/again.safetensors"

t "strip spares the model itself"
cp "$m" "$TMP/copy"
ln -s "$m" "$TMP/link.safetensors"
run 1 info --strip "$m" "$m"
err_has 'the model itself'
run 1 info --strip "$TMP/link.safetensors" "$m"
err_has 'the model itself'
run 1 info --strip "$TMP/./m.safetensors" "$TMP/link.safetensors"
same "$m" "$TMP/copy"
ok test ! -e "$m.~1~"

t "strip where nothing can be written"
run 1 info --strip "$TMP" "$m"
err_has directory
run 1 info --strip "$m/x" "$m"
run 1 info --strip - "$m"
ok test ! -e ./-
run 2 info --strip "$TMP/x" --json "$m"
ok test ! -e "$TMP/x"

# --- what can go wrong -------------------------------------------------------
t "no model"
run 1 info "$TMP/missing.safetensors"
err_has missing.safetensors
run 1 info "$TMP/corpus.txt"
err_has corpus.txt
run 1 info "$TMP"
err_has directory
: >"$TMP/empty"
run 1 info "$TMP/empty"
run 2 info "$m" "$b"
run 2 info --tensor "$m"
err_has tensors

t "a damaged model"
size=$(wc -c <"$m")
for n in 4 8 100 1000 $((size - 1)); do
	head -c "$n" "$m" >"$TMP/cut"
	run 1 info "$TMP/cut"
	err_has "$TMP/cut"
done
{
	cat "$m"
	echo
} >"$TMP/long"
run 1 info "$TMP/long"
# a weight that is not a number
{
	head -c $(($(wc -c <"$TMP/again.safetensors") - 4)) "$TMP/again.safetensors"
	printf '\000\000\300\177'
} >"$TMP/nan"
run 1 info "$TMP/nan"
err_has "$TMP/nan"

if [ -c /dev/full ]; then
	t "a full disk"
	run 1 sh -c '"$RNNLM" info "$1" >/dev/full' - "$m"
	err_has 'standard output'
fi

t "failing allocations"
silent_failure() {
	"$RNNLM" info --json --tensors "$b" || {
		failed=$?
		ok test ! -s "$TMP/out"
		return "$failed"
	}
}
failing_allocations 30 1500 silent_failure

finish
