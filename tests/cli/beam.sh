#!/bin/sh
# rnnlm sample --beam
# shellcheck disable=SC2016,SC2317 # dollars in single quotes are an inner shell's; run calls functions
. tests/cli/lib.sh

i=0
while [ "$i" -lt 150 ]; do
	echo "the cat number $i sat on the mat,"
	i=$((i + 1))
done >"$TMP/lines.txt"
i=0
while [ "$i" -lt 400 ]; do
	printf '\342\202\254'
	i=$((i + 1))
done >"$TMP/euro.txt"
for how in "lines char" "euro byte"; do
	"$RNNLM" train --layers=1 --hidden=24 --batch=4 --seq=16 --steps=60 --warmup=0 --dropout=0 --val-frac=0 --threads=1 \
		--log=none --unit="${how#* }" -o "$TMP/${how% *}.safetensors" "$TMP/${how% *}.txt" 2>"$TMP/err" || cat "$TMP/err"
done
beam() { # MODEL [OPTION...]
	name=$1
	shift
	"$RNNLM" sample -m "$TMP/$name.safetensors" "$@"
}
numbers() { # KEY: one a line
	sed -n "s/.*\"$1\":\([-0-9.e+]*\)[,}].*/\1/p" "$TMP/out"
}

t "a beam of one is greedy"
run 0 beam lines -n 50 --temp=0 --prompt 'the cat'
cp "$TMP/out" "$TMP/want"
run 0 beam lines -n 50 --beam=1 --prompt 'the cat'
same "$TMP/out" "$TMP/want"
err_has 'text 1: log probability -'
err_has '50 symbols'

t "the likeliest first, the same each time, at any number of threads"
run 0 beam lines -n 30 --beam=12 --count=5 --json --prompt 'the'
cp "$TMP/out" "$TMP/want"
ok test "$(wc -l <"$TMP/out")" -eq 5
ok sh -c 'sort -n "$1" | cmp - "$1"' - "$(numbers nats >"$TMP/nats" && echo "$TMP/nats")"
ok test "$(sort -u "$TMP/nats" | wc -l)" -eq 5
ok test "$(sed 's/.*"text"://' "$TMP/out" | sort -u | wc -l)" -eq 5
out_has '{"sample":0,"prompt":"the","text":"'
for threads in 1 2 3; do
	run 0 beam lines -n 30 --beam=12 --count=5 --json --prompt 'the' --threads=$threads
	same "$TMP/out" "$TMP/want"
done
run 0 beam lines -n 30 --beam=12 --json --prompt 'the'
head -n 1 "$TMP/want" >"$TMP/first"
same "$TMP/out" "$TMP/first"

t "no less likely than the greedy text"
run 0 beam lines -n 30 --temp=0 --json --prompt 'the'
greedy=$(numbers nats)
ok awk "BEGIN { exit !($(head -n 1 "$TMP/nats") <= $greedy + 1e-6) }"

t "nats are what score says"
run 0 beam lines -n 30 --beam=12 --prompt 'the cat'
tr -d '\n' <"$TMP/out" >"$TMP/text"
ok test "$(wc -c <"$TMP/text")" -ge 30
run 0 beam lines -n 30 --beam=12 --prompt 'the cat' --json
got=$(numbers nats)
head -c 37 "$TMP/text" >"$TMP/cut"
run 0 beam lines -n 30 --beam=12 --prompt 'the cat' --stop ' '
cp "$TMP/out" "$TMP/stopped"
run 0 "$RNNLM" score -m "$TMP/lines.safetensors" --json 'the cat'
all=$(numbers nats)
if [ "$(wc -c <"$TMP/text")" -eq 37 ]; then
	run 0 "$RNNLM" score -m "$TMP/lines.safetensors" --json -f "$TMP/cut"
	ok awk "BEGIN { d = $(numbers nats) - $all - $got; exit !(d * d < 1e-6) }"
else
	ok test "$got" # a newline was written: the text is not that of the output
fi

t "those that end are kept and compared"
run 0 beam lines -n 40 --beam=20 --count=20 --stop ' ' --json --prompt 'the cat '
ok test "$(grep -c '"stopped":true' "$TMP/out")" -ge 10
ok sh -c '! grep "stopped\":true" "$1" | grep -v " \",\"tokens"' - "$TMP/out"
numbers nats >"$TMP/nats"
ok sh -c 'sort -n "$1" | cmp - "$1"' - "$TMP/nats"
run 0 beam lines -n 40 --beam=20 --stop ' ' --prompt 'the cat '
err_has 'ended by --stop'

t "separated as samples are"
run 0 beam lines -n 4 --beam=4 --count=3 --separator '--\n' --prompt 'a'
ok test "$(grep -c '^--$' "$TMP/out")" -eq 2
ok test "$(grep -c '^a' "$TMP/out")" -eq 3

t "nothing to write"
run 0 beam lines -n 0 --beam=4 --prompt 'abc'
out_is abc
run 0 beam lines -n 0 --beam=4 --json --count=4
ok test "$(wc -l <"$TMP/out")" -eq 1

t "a sequence that is cut is left out"
run 0 beam euro -n 4 --beam=3 --prompt '€'
out_is '€€'
run 0 beam euro -n 4 --beam=3 --prompt '€' --json
out_has '"text":"€","tokens":4'

t "what it does not go with"
for option in --temp=1 --top-k=3 --top-p=0.5 --min-p=0.1 --seed=1 --first=2 --batch=3; do
	run 2 beam lines --beam=4 "$option"
	err_has "--beam and ${option%%=*} exclude each other"
done
run 2 beam lines --beam=4 --count=5
err_has '--beam=5 or more'
run 2 beam lines --beam=5000
run 2 beam lines --beam=x
run 1 beam lines --beam=4096 -n 1000000000
err_has 'smaller length'

t "Ctrl-C prints what there is"
"$RNNLM" sample -m "$TMP/lines.safetensors" -n 10000000 --beam=8 >"$TMP/long" 2>/dev/null &
child=$!
sleep 1
kill -INT "$child"
run 130 wait "$child"
ok test "$(wc -c <"$TMP/long")" -gt 10

t "failing allocations"
failing_allocations 30 400 "$RNNLM" sample -m "$TMP/lines.safetensors" -n 5 --beam=3 --count=2 --json --stop 'at'

finish
