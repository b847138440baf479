#!/bin/sh
# rnnlm sample --interactive, from a pipe and on a terminal
# shellcheck disable=SC2016,SC2317 # dollars in single quotes are an inner shell's; run calls functions
. tests/cli/lib.sh

i=0
while [ "$i" -lt 150 ]; do
	echo "the cat number $i sat on the mat,"
	i=$((i + 1))
done >"$TMP/lines.txt"
tr '\n' ' ' <"$TMP/lines.txt" >"$TMP/flat.txt"
for name in lines flat; do
	"$RNNLM" train --layers=1 --hidden=24 --batch=4 --seq=16 --steps=60 --warmup=0 --dropout=0 --val-frac=0 --threads=1 \
		--log=none -o "$TMP/$name.safetensors" "$TMP/$name.txt" 2>"$TMP/err" || cat "$TMP/err"
done
# talk INPUT [OPTION...]: turns from a pipe (printf's escapes).
talk() {
	# shellcheck disable=SC2059 # it is a format
	printf "$1" >"$TMP/in"
	shift
	"$RNNLM" sample -m "$TMP/flat.safetensors" --interactive "$@" <"$TMP/in"
}
sample() {
	"$RNNLM" sample -m "$TMP/flat.safetensors" "$@"
}

t "a turn is the sample from that prompt, without the prompt"
run 0 sample --prompt 'the cat' -n 40 --seed=3
tail -c 41 "$TMP/out" >"$TMP/want"
run 0 talk 'the cat\n' -n 40 --seed=3
same "$TMP/out" "$TMP/want"
ok test ! -s "$TMP/err"
run 0 talk 'the cat' -n 40 --seed=3 # no newline at the end
same "$TMP/out" "$TMP/want"

t "the text so far is the context"
run 0 sample --prompt 'the cat' -n 60 --temp=0
tail -c 61 "$TMP/out" >"$TMP/want"
run 0 talk 'the cat\n\n\n' -n 20 --temp=0
ok test "$(wc -l <"$TMP/out")" -eq 3
tr -d '\n' <"$TMP/out" >"$TMP/got"
echo >>"$TMP/got"
same "$TMP/got" "$TMP/want"
first=$(head -n 1 "$TMP/out")
run 0 sample --prompt "the cat${first}on the" -n 20 --temp=0
tail -c 21 "$TMP/out" >"$TMP/want"
run 0 talk 'the cat\non the\n' -n 20 --temp=0
tail -n 1 "$TMP/out" >"$TMP/got"
same "$TMP/got" "$TMP/want"

t "--prompt is read first and printed"
run 0 sample --prompt 'the cat' -n 20 --temp=0
tail -c 21 "$TMP/out" >"$TMP/want"
run 0 talk ' cat\n' --prompt the -n 20 --temp=0
ok test "$(head -n 1 "$TMP/out")" = the
tail -n 1 "$TMP/out" >"$TMP/got"
same "$TMP/got" "$TMP/want"
run 0 talk '' --prompt the
out_is the

t "nothing in, nothing out"
run 0 talk '' -n 20
out_is ''
err_has '--seed='
run 0 talk '' -n 20 --seed=1
err_is ''

t "commands set what the options set"
run 0 sample --prompt 'the cat' -n 30 --temp=0.5 --top-k=7 --top-p=0.9 --min-p=0.01 --seed=9
tail -c 31 "$TMP/out" >"$TMP/want"
run 0 talk ':temp 0.5\n:top-k 7\n:top-p=0.9\n:min-p 0.01\n:length   30\n:seed 9\nthe cat\n' --seed=1
same "$TMP/out" "$TMP/want"
run 0 talk ':temp\n:temp 2\n:temp\n:length\n:seed\n' --seed=4
err_has ':temp 0.8'
err_has ':temp 2'
err_has ':length 400'
err_has ':seed 4'
run 0 sample -n 300 --seed=1 --stop at
tail -n 1 "$TMP/out" >"$TMP/want"
run 0 talk ':stop at\n\n:stop\n:length 50\n\n' -n 300 --seed=1
head -n 1 "$TMP/out" >"$TMP/got"
same "$TMP/got" "$TMP/want"
ok test "$(tail -n 1 "$TMP/out" | wc -c)" -eq 51

t "reset and seed begin anew"
run 0 talk 'the cat\n:reset\nthe cat\n:reset\nthe cat\n' -n 40 --seed=3
ok test "$(wc -l <"$TMP/out")" -eq 3
ok test "$(sort -u "$TMP/out" | wc -l)" -eq 1

t "lines that go on, and a colon"
run 0 "$RNNLM" sample -m "$TMP/lines.safetensors" --prompt 'the mat,
the cat' -n 30 --temp=0
tail -c 31 "$TMP/out" >"$TMP/want"
run 0 sh -c 'printf "the mat,\\\\\nthe cat\n" | "$RNNLM" sample -m "$1" -i -n 30 --temp=0' - "$TMP/lines.safetensors"
same "$TMP/out" "$TMP/want"
run 0 talk '::a\n' -n 10 --temp=0
err_has 'line: the model does not know ":" (byte 1); read as the unknown symbol'

t "save"
run 0 talk 'the cat\n:save '"$TMP"'/text\non\n:save '"$TMP"'/text\n' -n 20 --temp=0
{ printf 'the cat' && head -n 1 "$TMP/out" | tr -d '\n'; } >"$TMP/want"
same "$TMP/text.~1~" "$TMP/want"
{ cat "$TMP/want" && printf on && tail -n 1 "$TMP/out" | tr -d '\n'; } >"$TMP/all"
same "$TMP/text" "$TMP/all"
err_has 'text.~1~'
run 0 talk ':save '"$TMP"'/no/such/folder/text\n:save\n' --seed=1
err_has 'no/such/folder'
err_has ':save needs'

t "what is no command"
run 0 talk ':tmep 1\n:topk 3\n:qwertyuiop\n:\n:temp x\n:temp 101\n:top-p 0\n:length -1\n:stop a\\q\n:quit now\na\n' -n 5 --seed=1
err_has 'unknown command :tmep; did you mean :temp?'
err_has 'did you mean :top-k?'
err_has 'unknown command :qwertyuiop; :help'
err_has "--temp: 'x'"
err_has "'101' is out of range"
err_has ':top-p: 0'
err_has '--length'
err_has '--stop: \q'
err_has ':quit takes no value'
ok test "$(wc -l <"$TMP/out")" -eq 1 # and it went on

t "help and quit"
run 0 talk ':help\n:quit\na\n' --seed=1
out_is ''
for c in temp top-k top-p min-p length seed stop reset save help quit; do
	err_has "  :$c"
done

t "what it does not go with"
for option in --json --count=2 --first=1 --batch=2 --separator=x --beam=2; do
	run 2 talk 'a\n' "$option"
	err_has "--interactive and ${option%%=*} exclude each other"
done
run 2 talk 'a\n' --prompt-file -
err_has 'standard input'

t "a reader that goes away"
run 0 sh -c 'yes "" | "$RNNLM" sample -m "$1" -i --seed=1 2>"$2" | head -c 100' - "$TMP/flat.safetensors" "$TMP/note"
ok test "$(wc -c <"$TMP/out")" -eq 100
ok test ! -s "$TMP/note"

t "failing allocations"
n=1 good=0 bad=0
while [ "$good" -lt 12 ] && [ "$n" -lt 400 ]; do
	status=0
	printf 'ab\n:temp\n:stop at\n:help\nc\n' | env RNNLM_FAIL_ALLOC=$n "$RNNLM" sample -m "$TMP/flat.safetensors" -n 5 -i \
		--seed=1 --prompt ab >"$TMP/out" 2>"$TMP/err" || status=$?
	case $status in
	0 | 1 | 2)
		# A command that fails says so, and the talk goes on.
		if grep -q memory "$TMP/err"; then good=0 bad=$((bad + 1)); else good=$((good + 1)); fi
		;;
	*)
		ok test "allocation $n failed: status $status" = ''
		break
		;;
	esac
	n=$((n + 1))
done
ok test "$bad" -gt 20

# --- a terminal --------------------------------------------------------------
if ${CC:-cc} -o "$TMP/pty" tests/cli/pty.c 2>"$TMP/pty.err"; then
	on_terminal() { # STEP... ; on the model with endless texts
		"$TMP/pty" "$@" -- "$RNNLM" sample -m "$TMP/flat.safetensors" -i --seed=1 -n 1000000000
	}

	t "a prompt, Ctrl-C stops a text, Ctrl-D ends"
	run 0 on_terminal 'expect=:help' 'expect=> ' 'send=the cat^M' 'expect=sat on' 'send=^C' 'expect=> ' \
		'send=:length 5^M' 'expect=:length 5' 'expect=> ' 'send=^M' 'expect=> ' 'send=^D'

	t "a second Ctrl-C in a row ends"
	run 0 on_terminal 'expect=> ' 'send=the cat^M' 'expect=sat on' 'send=^C' 'expect=> ' 'send=^C'
	run 0 on_terminal 'expect=> ' 'send=^C' 'expect=Ctrl-C again' 'expect=> ' 'send=^C'
	run 0 on_terminal 'expect=> ' 'send=^C' 'expect=again' 'expect=> ' 'send=:temp 1^M' 'expect=:temp 1' 'expect=> ' \
		'send=^C' 'expect=again' 'expect=> ' 'send=:quit^M'

	t "a line that goes on"
	run 0 on_terminal 'expect=> ' 'send=:length 5^M' 'expect=> ' 'send=a\^M' 'expect=  ' 'send=b^M' 'expect=> ' 'send=^D'
else
	echo "  no C compiler: tests on a terminal are left out"
fi

finish
