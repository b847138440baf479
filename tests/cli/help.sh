#!/bin/sh
# Help, man page, completion: all made from the option tables.
# shellcheck disable=SC2016 # dollars in single quotes are an inner shell's
. tests/cli/lib.sh

"$RNNLM" help --completion=fish >"$TMP/fish"
"$RNNLM" help --completion=bash >"$TMP/bash"
"$RNNLM" help --completion=zsh >"$TMP/zsh"
"$RNNLM" help --man >"$TMP/man" 2>/dev/null
commands=$(sed -n 's/.*__fish_use_subcommand -a \([a-z]*\) .*/\1/p' "$TMP/fish")
# options COMMAND: the long names in its table.
options() {
	sed -n "s/.*__fish_seen_subcommand_from $1' -l \\([a-z0-9-]*\\) .*/\\1/p" "$TMP/fish"
}

t "the commands"
for c in tokenize train sample score correct info help; do
	ok test "$(echo "$commands" | grep -cx "$c")" -eq 1
done
ok test "$(options train | wc -l)" -ge 20
ok test "$(options sample | wc -l)" -ge 10

for c in $commands; do
	t "$c --help"
	run 0 "$RNNLM" "$c" --help
	out_has "usage: rnnlm $c"
	ok test ! -s "$TMP/err"
	ok grep -q -e '-h, --help' "$TMP/out"
	for o in $(options "$c"); do
		ok grep -q -e "--\\(\\[no-\\]\\)\\{0,1\\}$o\\( \\|\$\\)" "$TMP/out"
		ok grep -q -e "--${o}[\" )|]" "$TMP/bash"
		ok grep -q -e "--$o" "$TMP/zsh"
		ok grep -q -e "-$(echo "$o" | sed 's/-/.\\{0,1\\}-/g')" "$TMP/man"
	done
	ok awk 'length > 100 { exit 1 }' "$TMP/out"
	cp "$TMP/out" "$TMP/want"
	run 0 "$RNNLM" help "$c"
	same "$TMP/out" "$TMP/want"
	run 0 "$RNNLM" "$c" -h
	same "$TMP/out" "$TMP/want"

	t "$c knows the options that its help names"
	grep -o -e '^ *\(-., \)\{0,1\}--[a-z][a-z0-9-]*' "$TMP/want" | grep -o -e '--.*' | grep -v -e '--help' >"$TMP/names"
	while read -r o; do
		"$RNNLM" "$c" "$o=$(printf '\001')" --help >/dev/null 2>"$TMP/err" </dev/null
		ok sh -c '! grep -q "unknown option" "$1"' - "$TMP/err"
	done <"$TMP/names"
	run 2 "$RNNLM" "$c" --no-such-option-anywhere
	err_has '--no-such-option-anywhere'
	err_has "rnnlm $c --help"
	err_has 'unknown option'

	t "$c: an option nearly right"
	for o in $(options "$c"); do
		[ ${#o} -ge 5 ] || continue
		run 2 "$RNNLM" "$c" "--${o}x"
		err_has "--$o?"
		break
	done
	ok true
done

t "defaults"
run 0 "$RNNLM" train --help
tr -s ' \n' ' ' <"$TMP/out" >"$TMP/flat"
ok grep -q -e '--hidden N units of a layer ([^)]*default 256)' "$TMP/flat"
run 0 "$RNNLM" sample --help
tr -s ' \n' ' ' <"$TMP/out" >"$TMP/flat"
ok grep -q -e '--temp T [^)]*(0 to 100; default 0.8)' "$TMP/flat"
ok grep -q -e '-n, --length N [^)]*default 400)' "$TMP/flat"

t "narrow and wide"
for width in 20 40 80 100; do
	run 0 env COLUMNS=$width "$RNNLM" train --help
	out_has --weight-decay
done
run 0 env COLUMNS=100 "$RNNLM" train --help
ok awk 'length > 100 { exit 1 }' "$TMP/out"

t "no colours off a terminal"
run 0 "$RNNLM" train --help
ok sh -c '! grep -q "$(printf "\033")" "$1"' - "$TMP/out"

t "man page"
run 0 "$RNNLM" help --man
out_has '.TH RNNLM 1'
for c in $commands; do
	out_has ".SS rnnlm $c"
done
for part in ENVIRONMENT FILES 'EXIT STATUS'; do
	out_has ".SH $part"
done
cp "$TMP/out" "$TMP/rnnlm.1"
if command -v groff >/dev/null; then
	run 0 groff -man -Tascii -ww -P-cbou "$TMP/rnnlm.1"
	ok test ! -s "$TMP/err"
	out_has 'EXIT STATUS'
	out_has '--weight-decay'
fi

t "completion"
for shell in bash zsh fish; do
	run 0 "$RNNLM" help --completion=$shell
	ok test -s "$TMP/out"
	ok test ! -s "$TMP/err"
	cp "$TMP/out" "$TMP/completion"
	if command -v $shell >/dev/null; then
		run 0 $shell -n "$TMP/completion"
		ok test ! -s "$TMP/err"
	fi
done
run 2 "$RNNLM" help --completion=csh
err_has bash
err_has fish

# complete WORD...: what bash offers for the last word, one per line.
if command -v bash >/dev/null; then
	t "what bash completes"
	cat >"$TMP/complete" <<'END'
. "$TMP/bash"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_rnnlm
printf '%s\n' "${COMPREPLY[@]}"
END
	run 0 bash "$TMP/complete" rnnlm tr
	ok grep -qx 'train *' "$TMP/out"
	run 0 bash "$TMP/complete" rnnlm train --hid
	ok grep -qx -e '--hidden *' "$TMP/out"
	run 0 bash "$TMP/complete" rnnlm train --cell gr
	ok grep -qx 'gru *' "$TMP/out"
	run 0 bash "$TMP/complete" rnnlm sample --cell
	ok sh -c '! grep -q cell "$1"' - "$TMP/out"
fi

t "version"
run 0 "$RNNLM" --version
ok grep -qx 'rnnlm [0-9][0-9.]*' "$TMP/out"

t "overview"
run 0 "$RNNLM" --help
cp "$TMP/out" "$TMP/want"
for c in $commands; do
	ok grep -q "^  $c " "$TMP/want"
done
run 0 "$RNNLM" help
same "$TMP/out" "$TMP/want"
run 0 "$RNNLM" -h
same "$TMP/out" "$TMP/want"

t "no command"
run 2 "$RNNLM"
out_is ''
err_has tokenize
run 2 "$RNNLM" ''

t "unknown command"
run 2 "$RNNLM" trian
err_has "did you mean 'train'"
out_is ''
run 2 "$RNNLM" xyzzy
err_has "unknown command 'xyzzy'"
run 2 "$RNNLM" help sampel
err_has "did you mean 'sample'"
run 2 "$RNNLM" --cell=gru train
err_has 'a command comes first'
run 2 "$RNNLM" help train sample
run 2 "$RNNLM" help --man train

t "unknown instruction set"
run 2 env RNNLM_CPU=nonsense "$RNNLM" sample
err_has 'RNNLM_CPU=nonsense'
err_has scalar
run 0 env RNNLM_CPU=nonsense "$RNNLM" help
run 0 env RNNLM_CPU=scalar "$RNNLM" sample --help

if [ -c /dev/full ]; then
	t "a full disk"
	for arguments in --help --version help 'train --help' 'help --man'; do
		# shellcheck disable=SC2086
		run 1 sh -c '"$RNNLM" "$@" >/dev/full' - $arguments
		err_has 'standard output'
	done
fi

finish
