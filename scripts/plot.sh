#!/bin/sh
# Learning curves of training logs (the .tsv that rnnlm train leaves beside a
# model) as one SVG that needs nothing else: for a page, a paper, a README.
# Checks here what was asked for; scripts/plot.awk reads the logs and draws.
set -u
LC_ALL=C # 0.5, not 0,5
export LC_ALL

usage() {
	cat <<'END'
Usage: sh scripts/plot.sh [options] LOG.tsv... > curves.svg

Draws the learning curves of training logs: training loss thin, held-out loss
thick with points, the best figure beside each. - reads a log from a pipe.

  -x AXIS      step, epoch, seconds (default) or tokens
  -y UNIT      nats (default) or bits, per symbol
  -o FILE      write to FILE instead of standard output
  --log-x      logarithmic x axis
  --title TEXT heading
  --help       this

The y axis leaves out what is above the training loss at 3 % of a run, so that
the first steep steps do not flatten the rest; with --log-x all is shown.

Examples:
  sh scripts/plot.sh models/corpus.tsv > curves.svg
  sh scripts/plot.sh -x tokens -y bits --log-x -o cells.svg rnn.tsv gru.tsv lstm.tsv
END
}
wrong() { # usage
	echo "plot: $*; see sh scripts/plot.sh --help" >&2
	exit 2
}
fail() {
	echo "plot: $*" >&2
	exit 1
}

x=seconds y=nats out='' title='' logx=0
count=$#
while [ "$count" -gt 0 ]; do
	arg=$1
	shift
	count=$((count - 1))
	value='' has=0
	case $arg in
	--*=*) value=${arg#*=} has=1 arg=${arg%%=*} ;;
	-[xyo]?*) value=${arg#-?} has=1 arg=${arg%"$value"} ;;
	esac
	case $arg in
	-x | -y | -o | --title)
		if [ "$has" = 0 ]; then
			[ "$count" -gt 0 ] || wrong "$arg needs a value"
			value=$1
			shift
			count=$((count - 1))
		fi
		;;
	--?*) [ "$has" = 0 ] || wrong "$arg takes no value" ;;
	esac
	case $arg in
	-x) x=$value ;;
	-y) y=$value ;;
	-o) out=$value ;;
	--title) title=$value ;;
	--log-x) logx=1 ;;
	-h | --help)
		usage
		exit 0
		;;
	--) # the rest are logs
		while [ "$count" -gt 0 ]; do
			set -- "$@" "$1"
			shift
			count=$((count - 1))
		done
		;;
	-) set -- "$@" - ;;
	-*) wrong "unknown option $arg" ;;
	*) set -- "$@" "$arg" ;;
	esac
done
case $x in step | epoch | seconds | tokens) ;; *) wrong "-x $x: there are step, epoch, seconds and tokens" ;; esac
case $y in nats | bits) ;; *) wrong "-y $y: there are nats and bits" ;; esac
[ $# -gt 0 ] || wrong "which log? rnnlm train leaves one beside the model, with the ending .tsv"
[ -n "$out" ] || ! [ -t 1 ] || wrong "an SVG is nothing for a terminal: name a file with -o FILE"

for file; do
	shift
	# awk takes a=b for an assignment; ./a=b is a file.
	case $file in
	-)
		set -- "$@" -
		continue
		;;
	/*) path=$file ;;
	*) path=./$file ;;
	esac
	[ -e "$path" ] || fail "$file: no such file"
	! [ -d "$path" ] || fail "$file: a directory; a log is a file with the ending .tsv"
	[ -r "$path" ] || fail "$file: not readable"
	! [ -f "$path" ] || [ -s "$path" ] || fail "$file: empty; a log has a line of column names and one line per report"
	case $out in "$file" | "$path") fail "-o $out: that is one of the logs" ;; esac
	set -- "$@" "$path"
done

PLOT_TITLE=$title
export PLOT_TITLE
draw=$(dirname "$0")/plot.awk
if [ -z "$out" ]; then
	exec "${AWK:-awk}" -v axis="$x" -v unit="$y" -v logx="$logx" -f "$draw" "$@"
fi
# A drawing that fails leaves what was there.
tmp=$out.tmp$$
trap 'rm -f "$tmp"' EXIT
trap 'exit 130' INT TERM
{ true >"$tmp"; } 2>/dev/null || fail "-o $out: cannot be written"
"${AWK:-awk}" -v axis="$x" -v unit="$y" -v logx="$logx" -f "$draw" "$@" >"$tmp" && mv "$tmp" "$out"
