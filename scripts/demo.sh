#!/bin/sh
# Half a minute from text to a model: trains on the stories that come with the
# program, writes some text, and asks the model which order of words is likeliest.
set -u
cd "$(dirname "$0")/.." || exit 1
model=build/demo.safetensors
right="the clouds are in the sky"

# Shows the command as a person would type it, then runs it.
show() {
	line="$ rnnlm"
	for word; do
		case $word in
		*' '*) line="$line \"$word\"" ;;
		*) line="$line $word" ;;
		esac
	done
	printf '\n%s\n' "$line"
	./rnnlm "$@" || {
		echo "demo: that command failed" >&2
		exit 1
	}
}

mkdir -p build && rm -f "$model" || exit 1
show train data/stories.txt --layers=1 --for 30s -o "$model"
show sample -m "$model" --length 400 --temp 0.7
echo
set -- "$right" "sky the in are clouds the" "the sky in clouds are the" "are the clouds sky the in" \
	"in the the clouds sky are"
show score --rank -m "$model" "$@"

if ./rnnlm score --rank --json -m "$model" "$@" | grep -E '"rank": ?1[,}]' | grep -qF "\"$right\""; then
	printf '\nThe right order of words is the likeliest, as it should be.\n'
else
	printf '\ndemo: "%s" should have ranked first and did not\n' "$right" >&2
	exit 1
fi
