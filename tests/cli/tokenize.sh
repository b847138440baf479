#!/bin/sh
# rnnlm tokenize
# shellcheck disable=SC2016 # dollars in single quotes are awk's or an inner shell's
. tests/cli/lib.sh

tok() {
	"$RNNLM" tokenize "$@"
}

# any CONDITION: a line of the output fulfils it, in awk's words.
any() {
	ok awk "$1 { found = 1 } END { exit !found }" "$TMP/out"
}
# lines N: so many there are.
lines() {
	ok awk "END { exit NR != $1 }" "$TMP/out"
}

# --- texts -------------------------------------------------------------------
small=$TMP/small       # 5 kinds of symbols
mixed=$TMP/mixed       # several scripts, a bad byte
english=$TMP/english
scripts=$TMP/scripts
latin1=$TMP/latin1
random=$TMP/random
empty=$TMP/empty
printf 'hello\nhello' >"$small"
printf 'a\303\251\n\342\202\254\377' >"$mixed"
i=0
while [ "$i" -lt 200 ]; do
	echo "Line $i: the quick brown fox jumps over the lazy dog, \"twice\"."
	i=$((i + 1))
done >"$english"
printf '%s\n' 'English' 'Español ¿qué?' 'Ελληνικά' 'Русский' 'עברית' 'العربية' 'हिन्दी' '日本語 ひらがな カタカナ' \
	'한국어' 'emoji 😀👩‍👩‍👧' 'combining é' >"$scripts"
printf 'caf\351 na\357ve \377\376 \200\n\300\200\355\240\200\364\220\200\200' >"$latin1"
awk 'BEGIN { srand(3); for (i = 0; i < 20000; i++) printf "%c", 1 + int(rand() * 255) }' >"$random"
printf '\000\001\000' >>"$random"
: >"$empty"

# model FILE UNIT VOCABULARY: a model file without weights.
model() {
	header='{"__metadata__":{"format":"rnnlm-1","unit":"'$2'","vocab":"'$3'"}}'
	while [ $((${#header} % 8)) != 0 ]; do
		header="$header "
	done
	{
		# shellcheck disable=SC2059 # the length as a byte
		printf "\\$(printf %03o ${#header})"
		printf '\000\000\000\000\000\000\000%s' "$header"
	} >"$1"
}
model "$TMP/char.safetensors" char '[10,101,104,108,111,8364,56575,-1]'
model "$TMP/byte.safetensors" byte '[10,97,195,-1]'

# --- summary -----------------------------------------------------------------
t "summary"
run 0 tok "$small"
out_has "bytes                 11"
any '$1 == "characters" && $2 == 11'
any '$1 == "lines" && $2 == 2'
any '$1 == "vocabulary" && $2 == 5'
any '$1 == "entropy" && $2 == 2.1867'
any '$1 == "not" && $3 == "0"'
any 'last == "most frequent" && $2 == "U+006C" && $3 == 4 && $4 == "36.3636%" && $5 == "l" { found = 1 } { last = $0 } 0'
err_is ""

t "summary lists the rarest when there are more than ten kinds"
run 0 tok "$english"
any 'last == "rarest" && $2 == "U+0030" && $3 == 30 { found = 1 } { last = $0 } 0'
any '/U\+/ && ++n == 20'

t "summary as json"
run 0 tok --json "$mixed"
out_has '{"unit":"char","bytes":8,"chars":5,"symbols":5,"lines":2,"vocab":5,"entropy_bits":2.32192'
out_has '"not_utf8":1,"frequent":[{"id":0,"code":"U+000A","count":1,"share":0.2,"symbol":"\n"}'
out_has '"code":"0xFF","count":1,"share":0.2,"symbol":"\udcff"'
out_has '"rarest":[]}'
lines 1

t "summary of bytes"
run 0 tok --unit=byte --json "$mixed"
out_has '"unit":"byte","bytes":8,"chars":5,"symbols":8,"lines":2,"vocab":8,"entropy_bits":4.8,"not_utf8":1'

t "summary of nothing"
run 0 tok "$empty"
any '$1 == "bytes" && $2 == "0"'
any '$1 == "vocabulary" && $2 == "0"'
any '$1 == "entropy" && $2 == "0.0000"'

t "standard input is read without a file and for -"
run 0 tok "$small"
cp "$TMP/out" "$TMP/want"
run 0 tok <"$small"
same "$TMP/out" "$TMP/want"
run 0 tok - <"$small"
same "$TMP/out" "$TMP/want"

t "several files are one text"
cat "$small" "$mixed" | tok --vocab >"$TMP/want"
run 0 tok --vocab "$small" - <"$mixed"
same "$TMP/out" "$TMP/want"

# --- ids ---------------------------------------------------------------------
t "ids are code points, one line per line"
run 0 tok --ids "$mixed"
printf '97 233 10\n8364 56575\n' >"$TMP/want"
same "$TMP/out" "$TMP/want"

t "ids of bytes"
run 0 tok --ids --unit=byte "$mixed"
printf '97 195 169 10\n226 130 172 255\n' >"$TMP/want"
same "$TMP/out" "$TMP/want"

t "ids as json"
run 0 tok --ids --json "$mixed"
out_is '{"line":1,"ids":[97,233,10]}
{"line":2,"ids":[8364,56575]}'

t "ids of nothing"
run 0 tok --ids "$empty"
same "$TMP/out" "$empty"

t "decode"
printf '97 233\t10 \r\n\n  8364\n56575' >"$TMP/ids"
run 0 tok --decode "$TMP/ids"
same "$TMP/out" "$mixed"
run 0 tok --decode <"$TMP/ids"
same "$TMP/out" "$mixed"
run 0 tok --decode "$TMP/ids" "$TMP/ids"
cat "$mixed" "$mixed" >"$TMP/want"
same "$TMP/out" "$TMP/want"

t "decode as json"
printf '97 10 56575' >"$TMP/ids"
run 0 tok --decode --json "$TMP/ids"
out_is '{"text":"a\n\udcff"}'

t "decode nothing"
run 0 tok --decode "$empty"
same "$TMP/out" "$empty"

for text in small mixed english scripts latin1 random empty; do
	for unit in char byte; do
		t "round trip of $text as $unit"
		run 0 tok --ids --unit="$unit" "$TMP/$text"
		mv "$TMP/out" "$TMP/ids"
		run 0 tok --decode --unit="$unit" "$TMP/ids"
		same "$TMP/out" "$TMP/$text"
	done
done

t "round trip of text longer than any buffer"
cat "$english" "$english" "$english" "$english" "$english" "$english" "$english" "$english" >"$TMP/long"
tr '\n' ' ' <"$TMP/long" >"$TMP/one-line"
for text in long one-line; do
	run 0 tok --ids "$TMP/$text"
	mv "$TMP/out" "$TMP/ids"
	run 0 tok --decode "$TMP/ids"
	same "$TMP/out" "$TMP/$text"
done

# --- vocabulary --------------------------------------------------------------
t "vocabulary"
run 0 tok --vocab "$mixed"
out_has '     4  0xFF                1   20.0000%  \xFF'
any 'NR == 1 && $1 == "id" && $2 == "code" && $3 == "count" && $4 == "share" && $5 == "symbol"'
any 'NR == 2 && $1 == 0 && $2 == "U+000A" && $3 == 1 && $4 == "20.0000%" && $5 == "\\n"'
lines 6

t "vocabulary as json"
run 0 tok --vocab --json "$small"
out_has '{"id":3,"code":"U+006C","count":4,"share":0.36363636363636365,"symbol":"l"}'
lines 5

t "vocabulary of bytes"
run 0 tok --vocab --unit=byte "$mixed"
any '$2 == "0xE2"'

# --- a model's vocabulary ----------------------------------------------------
t "ids of a model"
run 0 tok --ids -m "$TMP/char.safetensors" "$small"
out_is '2 1 3 3 4 0
2 1 3 3 4'
err_is ""

t "unknown symbols are told"
run 0 tok --ids -m "$TMP/char.safetensors" "$mixed"
out_is '7 7 0
5 6'
err_has "2 symbols are unknown to the model"

t "decode a model's ids"
printf '2 1 3 3 4 0 2 1 3 3 4' >"$TMP/ids"
run 0 tok --decode --model="$TMP/char.safetensors" "$TMP/ids"
same "$TMP/out" "$small"
printf '7 5' >"$TMP/ids"
run 0 tok --decode -m "$TMP/char.safetensors" "$TMP/ids"
out_is "$(printf '\357\277\275\342\202\254')"
err_has "1 id stands for a symbol unknown"

t "a model of bytes"
run 0 tok --ids -m "$TMP/byte.safetensors" "$mixed"
out_is '1 2 3 0
3 3 3 3'
err_has "5 symbols are unknown"
run 0 tok --ids -m "$TMP/byte.safetensors" --unit=byte "$mixed"

t "vocabulary of a model needs no text"
run 0 tok --vocab -m "$TMP/char.safetensors" </dev/null
any 'NR == 2 && $2 == "U+000A" && $3 == "-"'
any 'NR == 9 && $1 == 7 && $2 == "-" && $5 == "<unk>"'
lines 9
run 0 tok --vocab --json -m "$TMP/char.safetensors"
out_has '{"id":7,"code":null,"symbol":null}'

t "vocabulary of a model with a text's counts"
run 0 tok --vocab -m "$TMP/char.safetensors" "$mixed"
any '$1 == 7 && $3 == 2 && $4 == "40.0000%"'

t "summary with a model"
run 0 tok -m "$TMP/char.safetensors" "$mixed"
any '$1 == "unknown" && $2 == 2'
run 0 tok --json -m "$TMP/char.safetensors" "$mixed"
out_has '"vocab":4,"model_vocab":8,"unknown":2'

t "not a model"
run 1 tok --ids -m "$english" "$small"
err_has "$english"
out_is ""
run 1 tok --ids -m "$TMP/missing.safetensors" "$small"
err_has "missing.safetensors"

t "a model with a broken vocabulary"
model "$TMP/bad.safetensors" char '[98,97,-1]'
run 1 tok --ids -m "$TMP/bad.safetensors" "$small"
err_has "bad.safetensors"
err_has "97 follows 98"
model "$TMP/bad.safetensors" syllable '[97,98,-1]'
run 1 tok --ids -m "$TMP/bad.safetensors" "$small"
err_has "syllable"

t "a unit that is not the model's"
run 1 tok --ids -m "$TMP/char.safetensors" --unit=byte "$small"
err_has "its unit is char, not byte"

# --- errors ------------------------------------------------------------------
t "missing file"
run 1 tok "$TMP/no-such-file"
err_has "no-such-file"
err_has "No such file"
out_is ""
run 1 tok --decode "$TMP/no-such-file"
err_has "no-such-file"

t "directory"
run 1 tok "$TMP"
err_has "$TMP"
err_has "irectory"

if [ "$(id -u)" != 0 ]; then
	t "unreadable file"
	cp "$small" "$TMP/secret"
	chmod 000 "$TMP/secret"
	run 1 tok "$TMP/secret"
	err_has "secret"
	err_has "denied"
fi

t "standard input twice"
run 1 tok --ids - - <"$small"
err_has "twice"

# bad IDS MESSAGE [OPTION...]
bad() {
	printf '%b' "$1" >"$TMP/ids"
	wanted=$2
	shift 2
	run 1 tok --decode "$@" "$TMP/ids"
	err_has "$TMP/ids: $wanted"
}
t "bad ids name the place and the range"
bad '97 98\n99 x7 100' 'line 2, item 2: "x7" is not an id: code points are 0 to 55295'
bad '\n\n-1' 'line 3, item 1: "-1"'
bad '1114112' 'line 1, item 1: "1114112"'
bad '55296' 'line 1, item 1: "55296"'
bad '56575 56576' 'line 1, item 2: "56576"'
bad '4294967393' 'line 1, item 1: "4294967393"'
bad '99999999999999999999999999999999999999999999999999' 'line 1, item 1: "9999999999999999999999999999999999999999..."'
bad '1.5' 'line 1, item 1: "1.5"'
bad '97\0098' 'line 1, item 1: "97\x00'
bad '255 256' 'line 1, item 2: "256" is not an id: bytes are 0 to 255' --unit=byte
bad '7 8' 'line 1, item 2: "8" is not an id: the model'\''s ids are 0 to 7' -m "$TMP/char.safetensors"

t "what stands before a bad id is printed"
printf '104 105 10\n?' >"$TMP/ids"
run 1 tok --decode "$TMP/ids"
out_is "hi"

t "half an object is not printed"
run 1 tok --decode --json "$TMP/ids"
out_is ""

t "bad ids from standard input"
run 1 tok --decode <"$TMP/ids"
err_has 'standard input: line 2, item 1: "?"'

t "unknown option"
run 2 tok --idz "$small"
err_has "idz"
err_has "--ids"
out_is ""
run 2 tok --unit=syllable "$small"
err_has "syllable"

t "options that exclude each other"
run 2 tok --ids --decode "$small"
err_has "exclude each other"
run 2 tok --ids --vocab "$small"

t "help"
run 0 tok --help
out_has "--decode"
out_has "rnnlm tokenize --ids book.txt"

if [ -c /dev/full ]; then
	t "a full disk is an error"
	for option in --ids --vocab --json; do
		run 1 sh -c '"$RNNLM" tokenize "$1" "$2" >/dev/full' sh "$option" "$english"
		err_has "standard output"
	done
fi

t "a reader that goes away ends it"
run 0 sh -c '"$RNNLM" tokenize --ids "$1" | head -n 1' sh "$TMP/long"
out_has "76 105 110 101 32 48"

t "failing allocations are errors, not crashes"
printf '97 98 8364' >"$TMP/ids"
for option in --ids --vocab --json --decode; do
	file=$mixed
	[ "$option" = --decode ] && file=$TMP/ids
	n=1
	while [ "$n" -le 12 ]; do
		RNNLM_FAIL_ALLOC=$n "$RNNLM" tokenize "$option" "$file" >"$TMP/out" 2>"$TMP/err"
		status=$?
		ok test "$status" -le 1
		[ "$status" = 0 ] || err_has "memory"
		n=$((n + 1))
	done
done

finish
