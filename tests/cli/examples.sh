#!/bin/sh
# Every example of every help text runs, on stand-ins for the files that it names: the
# commands as they are printed, made short by a wrapper.
# shellcheck disable=SC2016,SC2317 # the wrapper's dollars are its own; run calls functions
. tests/cli/lib.sh

here=$TMP/here
mkdir -p "$here/bin" "$here/home/.config/fish/completions" "$here/models"

# Options that come later win. What fails is noted: in a pipe only the last command's
# status is seen.
cat >"$here/bin/rnnlm" <<'EOF'
#!/bin/sh
command=$1
case "$*" in
*--help* | help*) ;;
train*--resume*)
	set -- "$@" --threads=1
	case "$*" in *--for*) set -- "$@" --for=1s ;; esac
	;;
train*)
	long=yes
	for o; do
		case $o in
		--epochs=*) set -- "$@" --epochs=1 && long= ;;
		--for) set -- "$@" --for=1s && long= ;;
		esac
	done
	[ -z "$long" ] || set -- "$@" --steps=3
	case "$*" in
	*--init-from* | *--tie*) ;;
	*--residual*) set -- "$@" --layers=2 --hidden=8 ;;
	*) set -- "$@" --layers=1 --hidden=8 ;;
	esac
	set -- "$@" --batch=2 --seq=8 --threads=1
	;;
bench*) set -- "$@" --seconds=0 --shape=rnn:1x8:2x4 --threads=1 ;;
esac
"$RNNLM" "$@"
status=$?
[ $status = 0 ] || echo "$command: $status" >>"$FAILED"
exit $status
EOF
chmod +x "$here/bin/rnnlm"
if ! command -v jq >/dev/null 2>&1; then
	printf '#!/bin/sh\ncat\n' >"$here/bin/jq"
	chmod +x "$here/bin/jq"
fi
FAILED=$TMP/failed
HOME=$here/home
PATH=$here/bin:$PATH
export FAILED HOME PATH

# Fewer lines than head prints: nobody meets a closed pipe.
stand_ins() {
	for file in corpus.txt book.txt notes.txt more.txt letters.txt letter.txt crawl.txt access.log log valid.txt; do
		head -n 8 "$OLDPWD/data/stories.txt" >$file
	done
	printf 'Anna\nBob\nCleo\nDora\nEmil\nFay\nGus\nHugo\n' >names.txt
	printf '1\tthe cat sat\n1\tthe sat cat\n2\tgood day\n' >nbest.tsv
	"$RNNLM" train --hidden=8 --layers=1 --steps=3 --batch=2 --seq=8 --threads=1 --log=none -o models/book.safetensors \
		book.txt 2>/dev/null
	for model in book mine all small log; do
		cp models/book.safetensors $model.safetensors
	done
}
cd "$here" && stand_ins

# example COMMAND-LINE: bash, if there is one, as some examples are for it.
shell=$(command -v bash || command -v sh)
example() {
	: >"$FAILED"
	line=$(printf '%s\n' "$1" | sed 's/tail -f/tail -n 3/')
	printf 'The cat\n' | "$shell" -c "$line"
}

# train comes first: others use what it makes
for command in train tokenize sample score correct bench info help; do
	t "examples of $command"
	# the newest from here on, and of characters, as correct wants it
	[ ! -e models/corpus.safetensors ] || touch models/corpus.safetensors
	COLUMNS=500 "$RNNLM" $command --help | sed '1,/^Examples:$/d' | grep '^  [^ ]' | sed 's/^  //' >"$TMP/examples"
	ok test -s "$TMP/examples"
	while read -r line <&3; do
		case $line in
		*'<('*) [ "${shell##*/}" = bash ] || continue ;;
		esac
		run 0 example "$line"
		ok test ! -s "$FAILED"
	done 3<"$TMP/examples"
done

# An option that no example shows is one that nobody has tried as printed. --help is the
# same everywhere.
for command in train tokenize sample score correct bench info help; do
	t "every option of $command is in an example"
	COLUMNS=500 "$RNNLM" $command --help >"$TMP/help"
	sed '1,/^Examples:$/d' "$TMP/help" | sed -n '/^  [^ ]/s/$/ /p' | tr '=' ' ' >"$TMP/examples"
	sed '/^Examples:$/,$d' "$TMP/help" | sed -n 's/^ *\(-[a-z]\)\{0,1\},\{0,1\} *\(--[a-z0-9-]*\).*/\2 \1/p' >"$TMP/options"
	ok grep -q -e '^--help' "$TMP/options"
	missing=
	while read -r option letter <&3; do
		[ "$option" = --help ] || grep -qF -e " $option " -e " ${letter:-$option} " "$TMP/examples" || missing="$missing $option"
	done 3<"$TMP/options"
	ok is "$missing" ''
done

finish
