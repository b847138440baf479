#!/bin/sh
# rnnlm sample
# shellcheck disable=SC2016,SC2317 # dollars in single quotes are awk's or an inner shell's; run calls functions
. tests/cli/lib.sh

# --- models ------------------------------------------------------------------
train() { # NAME CORPUS [OPTION...]
	name=$1 corpus=$2
	shift 2
	if ! "$RNNLM" train --layers=1 --hidden=24 --batch=4 --seq=16 --steps=60 --warmup=0 --dropout=0 --val-frac=0 \
		--threads=1 --log=none "$@" -o "$TMP/$name.safetensors" "$corpus" 2>"$TMP/err"; then
		t "model $name"
		ok false
		cat "$TMP/err"
	fi
}
sample() { # MODEL [OPTION...]
	name=$1
	shift
	"$RNNLM" sample -m "$TMP/$name.safetensors" "$@"
}
# size N: so many bytes on stdout.
size() {
	ok test "$(wc -c <"$TMP/out")" -eq "$1"
}
differ() {
	ok sh -c '! cmp -s "$1" "$2"' - "$1" "$2"
}

i=0
while [ "$i" -lt 150 ]; do
	echo "the cat number $i sat on the mat,"
	i=$((i + 1))
done >"$TMP/lines.txt"
tr '\n' ' ' <"$TMP/lines.txt" >"$TMP/flat.txt"
i=0
while [ "$i" -lt 400 ]; do
	printf '\342\202\254'
	i=$((i + 1))
done >"$TMP/euro.txt"
# Every other letter is rare: the unknown symbol is the most frequent.
awk 'BEGIN { for (i = 0; i < 3000; i++) printf "%c%c", 97 + i % 2, 48 + i % 40; print "" }' >"$TMP/rare.txt"
train lines "$TMP/lines.txt"
train flat "$TMP/flat.txt"
train bytes "$TMP/euro.txt" --unit=byte --min-count=1
train chars "$TMP/euro.txt"
train rare "$TMP/rare.txt" --min-count=200
tr '\202\254' '\342\342' <"$TMP/euro.txt" >"$TMP/heads.txt"
train heads "$TMP/heads.txt" --unit=byte --min-count=1

# --- what is written ---------------------------------------------------------
t "length, and a newline behind it"
run 0 sample flat -n 50 --seed=1
size 51
run 0 sample flat --seed=1
size 401
run 0 sample flat --json -n 50 --seed=1
ok test "$(number tokens)" = 50

t "the prompt comes first and does not count"
run 0 sample flat -n 10 --prompt 'the cat' --seed=1
size 18
ok grep -q '^the cat' "$TMP/out"
run 0 sample flat -n 0 --prompt 'the cat'
out_is 'the cat'
run 0 sample flat --length=0
size 0

t "prompt from a file and from standard input"
run 0 sample flat -n 20 --prompt 'the cat' --seed=5
cp "$TMP/out" "$TMP/want"
printf 'the cat' >"$TMP/prompt"
run 0 sample flat -n 20 --prompt-file "$TMP/prompt" --seed=5
same "$TMP/out" "$TMP/want"
run 0 sh -c 'cat "$1" | "$RNNLM" sample -m "$2" -n 20 --prompt-file - --seed=5' - "$TMP/prompt" "$TMP/flat.safetensors"
same "$TMP/out" "$TMP/want"
run 1 sample flat --prompt-file "$TMP/missing"
err_has missing
run 2 sample flat --prompt a --prompt-file "$TMP/prompt"
err_has '--prompt and --prompt-file'

t "a long prompt is read in pieces"
run 0 sample flat -n 30 --temp=0 --prompt-file "$TMP/flat.txt" --json
ok test "$(number tokens)" = 30
run 0 sample flat -n 30 --temp=0 --prompt-file "$TMP/flat.txt" --threads=2
tail -c 31 "$TMP/out" >"$TMP/once"
cut -c 1-2000 "$TMP/flat.txt" | tr -d '\n' >"$TMP/prompt"
run 0 sample flat -n 30 --temp=0 --prompt-file "$TMP/prompt"
size 2031

t "an empty prompt is none"
run 0 sample lines -n 40 --seed=2
cp "$TMP/out" "$TMP/want"
run 0 sample lines -n 40 --seed=2 --prompt ''
same "$TMP/out" "$TMP/want"

t "without newline and prompt the first symbol is read"
run 0 sample flat -n 40 --temp=0
cp "$TMP/out" "$TMP/want"
run 0 sample flat -n 40 --temp=0 --prompt ' '
tail -c 41 "$TMP/out" >"$TMP/got"
same "$TMP/got" "$TMP/want"

# --- drawing -----------------------------------------------------------------
t "the same seed at any number of threads, another seed"
run 0 sample lines -n 300 --temp=1 --seed=7 --threads=1
cp "$TMP/out" "$TMP/want"
for n in 2 3 0; do
	run 0 sample lines -n 300 --temp=1 --seed=7 --threads="$n"
	same "$TMP/out" "$TMP/want"
done
run 0 sample lines -n 300 --temp=1 --seed=8
differ "$TMP/out" "$TMP/want"

t "without a seed a new one, which is named"
run 0 sample lines -n 300 --temp=1
cp "$TMP/out" "$TMP/want"
err_has '--seed='
seed=$(sed -n 's/.*\(--seed=[0-9]*\).*/\1/p' "$TMP/err")
run 0 sample lines -n 300 --temp=1
differ "$TMP/out" "$TMP/want"
run 0 sample lines -n 300 --temp=1 "$seed"
same "$TMP/out" "$TMP/want"
run 0 sample lines -n 5 --json
ok test "$(number seed)" -ge 0

t "greedy, and rules that leave one symbol"
run 0 sample lines -n 200 --temp=0
cp "$TMP/out" "$TMP/want"
ok test ! -s "$TMP/err"
run 0 sample lines -n 200 --temp=0 --seed=9
same "$TMP/out" "$TMP/want"
run 0 sample lines -n 200 --temp=1 --top-k=1 --seed=3
same "$TMP/out" "$TMP/want"
run 0 sample lines -n 200 --temp=1 --top-p=1e-9 --seed=3
same "$TMP/out" "$TMP/want"
run 0 sample lines -n 200 --temp=1 --min-p=1 --seed=3
same "$TMP/out" "$TMP/want"
run 0 sample lines -n 200 --temp=1e-9 --seed=3
same "$TMP/out" "$TMP/want"
run 0 sample lines -n 200 --temp=1 --seed=3
differ "$TMP/out" "$TMP/want"

t "the rules change what is drawn"
run 0 sample lines -n 400 --temp=1 --seed=3
cp "$TMP/out" "$TMP/want"
for rule in --top-k=3 --top-p=0.5 --min-p=0.3 --temp=2; do
	run 0 sample lines -n 400 --temp=1 --seed=3 "$rule"
	differ "$TMP/out" "$TMP/want"
done
run 0 sample lines -n 400 --temp=1 --seed=3 --top-k=100000 --top-p=1 --min-p=0
same "$TMP/out" "$TMP/want"

t "the unknown symbol is never drawn"
run 0 sample rare -n 500 --temp=1 --seed=1 --json
ok test "$(number tokens)" = 500
ok sh -c '! LC_ALL=C grep -q "$(printf "\357\277\275")" "$1"' - "$TMP/out"
run 0 sample rare -n 500 --temp=0
ok test "$(tr -d 'ab\n' <"$TMP/out" | wc -c)" -eq 0

t "unknown symbols in the prompt"
run 0 sample lines -n 10 --prompt 'the Éß' --seed=1
ok grep -q '^the Éß' "$TMP/out"
err_has 'É'
err_has 'byte 5'
err_has '2 of 6 symbols'
err_has 'read as the unknown symbol'
run 0 sample lines -n 10 --prompt 'the Éa' --seed=1
err_has 'does not know "É" (byte 5); read as the unknown symbol'
run 0 sample lines -n 10 --prompt 'the cat' --seed=1
ok sh -c '! grep -q "does not know" "$1"' - "$TMP/err"
printf 'a\001b' >"$TMP/prompt"
run 0 sample lines -n 10 --prompt-file "$TMP/prompt" --seed=1
err_has '\x01'

t "nats are the model's"
for temp in 0.5 1; do
	run 0 sample lines -n 60 --temp="$temp" --top-k=10 --seed=4 --prompt 'the cat' --json
	got=$(number nats)
	run 0 sample lines -n 60 --temp="$temp" --top-k=10 --seed=4 --prompt 'the cat'
	head -c 67 "$TMP/out" >"$TMP/text"
	run 0 "$RNNLM" score -m "$TMP/lines.safetensors" --json -f "$TMP/text"
	all=$(number nats)
	run 0 "$RNNLM" score -m "$TMP/lines.safetensors" --json 'the cat'
	ok awk "BEGIN { d = $all - $(number nats) - $got; exit !(d * d < 1e-6 && $got > 1) }"
done

# --- where it ends -----------------------------------------------------------
t "stop"
run 0 sample lines -n 5000 --seed=1 --temp=0.5 --stop 'mat'
ok grep -q 'mat$' "$TMP/out"
ok test "$(tr '\n' ' ' <"$TMP/out" | grep -o mat | wc -l)" -eq 1
run 0 sample lines -n 5000 --seed=1 --temp=0.5 --stop 'mat' --prompt 'mat '
ok test "$(wc -c <"$TMP/out")" -gt 6
run 0 sample lines -n 20 --seed=1 --stop ''
run 2 sample lines --stop 'a\q'
err_has '--stop'

t "one line each"
run 0 sample lines -n 5000 --seed=1 --stop '\n' --separator '' --count=5
ok test "$(wc -l <"$TMP/out")" -eq 5
ok test "$(sort -u "$TMP/out" | wc -l)" -ge 2

t "several samples"
run 0 sample flat -n 20 --seed=6 --count=3
size $((3 * 21 + 2))
head -n 1 "$TMP/out" >"$TMP/first"
ok test "$(sed -n 2p "$TMP/out")" = ''
ok test "$(sort -u "$TMP/out" | wc -l)" -eq 4
run 0 sample flat -n 20 --seed=6
same "$TMP/out" "$TMP/first"
run 0 sample flat -n 20 --seed=6 --count=2 --separator '--\0'
size $((2 * 21 + 3))
run 0 sample flat -n 5 --seed=6 --count=2 --prompt 'the'
ok test "$(grep -c '^the' "$TMP/out")" -eq 2

t "the same texts however many are drawn at once"
run 0 sample lines -n 60 --temp=1 --seed=6 --count=30 --stop 'mat' --json --batch=1
cp "$TMP/out" "$TMP/want"
ok test "$(wc -l <"$TMP/want")" -eq 30
ok test "$(grep -c '"stopped":true' "$TMP/want")" -ge 1
ok test "$(grep -c '"stopped":false' "$TMP/want")" -ge 1
ok test "$(sed 's/"sample":[0-9]*//' "$TMP/want" | sort -u | wc -l)" -eq 30
for how in --batch=2 --batch=7 --batch=64 --threads=3 '--batch=30 --threads=2'; do
	# shellcheck disable=SC2086 # two options
	run 0 sample lines -n 60 --temp=1 --seed=6 --count=30 --stop 'mat' --json $how
	same "$TMP/out" "$TMP/want"
done
run 0 sample lines -n 60 --temp=1 --seed=6 --first=17 --stop 'mat' --json
sed -n 18p "$TMP/want" >"$TMP/one"
same "$TMP/out" "$TMP/one"
run 0 sample lines -n 60 --temp=1 --seed=6 --first=20 --count=10 --stop 'mat' --json --batch=4
tail -n 10 "$TMP/want" >"$TMP/some"
same "$TMP/out" "$TMP/some"
for precision in f32 bf16; do
	run 0 sample lines -n 60 --temp=1 --seed=6 --count=9 --precision=$precision --batch=1
	cp "$TMP/out" "$TMP/want"
	run 0 sample lines -n 60 --temp=1 --seed=6 --count=9 --precision=$precision
	same "$TMP/out" "$TMP/want"
done
run 2 sample lines --first=4294967295 --count=2
err_has '--first'
run 0 sample lines -n 2 --first=4294967295 --seed=1 --json
out_has '"sample":4294967295,'

t "no symbols, many times"
run 0 sample flat -n 0 --count=300 --prompt x --separator ''
ok test "$(wc -l <"$TMP/out")" -eq 300
run 0 sample flat -n 0 --count=300 --json
ok test "$(grep -c '"tokens":0,"nats":0,"stopped":false' "$TMP/out")" -eq 300

t "objects"
run 0 sample lines -n 20 --seed=6 --count=3 --json --prompt 'a"b'
ok test "$(wc -l <"$TMP/out")" -eq 3
ok test "$(number sample)" = 2
out_has '{"sample":0,"seed":6,"prompt":"a\"b","text":"'
out_has '"tokens":20,"nats":'
out_has ',"stopped":false}'

t "a UTF-8 sequence is never broken"
for n in 1 2 3 4 5 6 7; do
	run 0 sample bytes -n "$n" --temp=0 --prompt '€'
	size $((3 + (n + 2) / 3 * 3 + 1))
	run 0 sample bytes -n "$n" --temp=0 --prompt '€' --json
	ok test "$(number tokens)" = $(((n + 2) / 3 * 3))
done
out_has '"text":"€€€"'
run 0 sample chars -n 7 --temp=0 --prompt '€'
out_is '€€€€€€€€'
# The string to stop at is the first byte of a character.
run 0 sample chars -n 7 --temp=0 --prompt 'a€' --stop "$(printf '\342')" --json
out_has '"text":"","tokens":1,'
out_has '"stopped":true'
# Bytes that always begin a sequence and never end one: three more symbols, and what
# is not whole then is left out.
run 0 sample heads -n 5 --temp=0
size 8
ok test "$(tr -d '\342\n' <"$TMP/out" | wc -c)" -eq 0
run 0 sample heads -n 5 --temp=0 --count=3 --json
ok test "$(number tokens)" = 8
out_has '"text":"\udce2\udce2\udce2\udce2\udce2\udce2\udce2","tokens":8'

t "what a model of UTF-8 draws is UTF-8, however little it has learnt"
i=0
while [ "$i" -lt 20 ]; do
	printf '%s\n' '　吾輩は猫である。名前はまだ無い。' 'どこで生れたかとんと見当がつかぬ。' 'Жалеть! зачем 𝄞?'
	i=$((i + 1))
done >"$TMP/utf8.txt"
for unit in byte bpe word; do
	train weak "$TMP/utf8.txt" --unit=$unit --steps=3
	for how in "-n 300 --temp=3 --count=9 --seed=1" "-n 300 --temp=0" "-n 99 --temp=3 --top-k=5 --seed=2" \
		"-n 40 --beam=6 --count=6" "-n 99 --temp=100 --top-p=0.5 --min-p=0.01 --stop=z --seed=3"; do
		# shellcheck disable=SC2086 # words
		run 0 sample weak $how
		ok iconv -f UTF-8 -t UTF-8 "$TMP/out"
	done
	# Half a character in the prompt is made whole.
	printf 'a\346\234' >"$TMP/half"
	for how in "--temp=3 --seed=4" "--beam=3"; do
		# shellcheck disable=SC2086 # words
		run 0 sample weak -n 50 --prompt-file="$TMP/half" $how
		ok iconv -f UTF-8 -t UTF-8 "$TMP/out"
	done
	printf 'a\346\234\nb\n' >"$TMP/turns"
	run 0 sh -c '"$RNNLM" sample -m "$1" --interactive -n 60 --temp=3 --seed=5 <"$2"' - "$TMP/weak.safetensors" "$TMP/turns"
	ok sh -c 'printf "a\346\234" | cat - "$1" | iconv -f UTF-8 -t UTF-8' - "$TMP/out"
done
run 0 "$RNNLM" info --json "$TMP/weak.safetensors"
ok is "$(str corpus_utf8)" yes

t "a model of other text draws that"
awk 'BEGIN { for (i = 0; i < 40; i++) printf "\326\301\314\305\324\330 \332\301\336\305\315 " }' >"$TMP/koi8.txt"
train koi8 "$TMP/koi8.txt" --unit=byte
run 0 sample koi8 -n 300 --temp=0
ok test "$(tr -dc '\300-\337' <"$TMP/out" | wc -c)" -gt 200
run 0 "$RNNLM" info "$TMP/koi8.safetensors"
ok grep -q '^corpus_utf8  *no$' "$TMP/out"

t "a prompt that the unit splits"
run 0 sample bytes -n 3 --temp=0 --prompt 'ä€'
out_is 'ä€€'
err_has 'does not know 2 of 5 symbols, the first is "ä" (byte 1)'

# --- what can go wrong -------------------------------------------------------
t "values out of range"
for bad in --top-p=0 --top-p=1.1 --top-p=-1 --min-p=-0.1 --min-p=1.1 --temp=-1 --temp=101 --temp=nan --temp=x \
	--top-k=-1 --length=-1 --length=x --count=0 --first=-1 --batch=0 --batch=257 --beam=-1 --seed=-1 --threads=-1; do
	run 2 sample lines "$bad"
	err_has "${bad%%=*}"
	ok test ! -s "$TMP/out"
done
run 2 sample lines --tmep=1
err_has 'temp'
run 2 sample lines extra

t "models that are none"
run 1 "$RNNLM" sample -m "$TMP/none.safetensors"
err_has none.safetensors
run 1 "$RNNLM" sample -m "$TMP/lines.txt"
err_has lines.txt
head -c 500 "$TMP/lines.safetensors" >"$TMP/cut.safetensors"
run 1 "$RNNLM" sample -m "$TMP/cut.safetensors"
err_has cut.safetensors

t "a reader that goes away"
run 0 sh -c '"$RNNLM" sample -m "$1" -n 1000000000 --seed=1 2>"$2" | head -c 100' - "$TMP/lines.safetensors" "$TMP/note"
size 100
ok test ! -s "$TMP/note"

if [ -c /dev/full ]; then
	t "a full disk"
	run 1 sh -c '"$RNNLM" sample -m "$1" -n 1000000000 --seed=1 >/dev/full' - "$TMP/lines.safetensors"
	err_has 'standard output'
fi

t "Ctrl-C finishes the line"
for signal in INT TERM; do
	rm -f "$TMP/long" # what the one before wrote is no sign of life
	"$RNNLM" sample -m "$TMP/flat.safetensors" -n 1000000000 --seed=1 >"$TMP/long" 2>/dev/null &
	child=$!
	until_there "$TMP/long" "$child" 1001
	kill -"$signal" "$child"
	run 130 wait "$child"
	ok test "$(tail -c 1 "$TMP/long" | wc -l)" -eq 1
	ok test "$(wc -c <"$TMP/long")" -gt 1000
done
# Of several at once only the first that is not printed.
"$RNNLM" sample -m "$TMP/flat.safetensors" -n 1000000 --count=20 --seed=1 --json >"$TMP/long" 2>/dev/null &
child=$!
sleep 1
kill -INT "$child"
run 130 wait "$child"
ok test "$(grep -c '"sample":0,' "$TMP/long")" -eq 1
ok test "$(wc -l <"$TMP/long")" -eq 1

t "text comes while it is drawn"
rm -f "$TMP/long"
"$RNNLM" sample -m "$TMP/flat.safetensors" -n 1000000000 --seed=1 >"$TMP/long" 2>/dev/null &
child=$!
until_there "$TMP/long" "$child" 101
ok test "$(wc -c <"$TMP/long")" -gt 100
kill -INT "$child"
wait "$child"

t "failing allocations"
failing_allocations 30 400 "$RNNLM" sample -m "$TMP/lines.safetensors" -n 5 --count=3 --json --seed=1 --prompt ab --stop c

finish
