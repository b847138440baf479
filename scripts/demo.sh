#!/bin/sh
# Half a minute from text to a model: trains on the stories that come with the
# program, writes some text, and asks the model which of several sentences is likeliest.
set -u
cd "$(dirname "$0")/.." || exit 1
model=build/demo.safetensors

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
# right SENTENCE OTHER...: the first must come out on top.
right() {
	show score --rank -m "$model" "$@"
	if ! ./rnnlm score --rank --json -m "$model" "$@" 2>/dev/null | grep -E '"rank": ?1[,}]' | grep -qF "\"$1\""; then
		printf '\ndemo: "%s" should have ranked first and did not\n' "$1" >&2
		exit 1
	fi
}

right "the clouds are in the sky" "the clouds are in the bottle" "the clouds are the in sky" "sky the in are clouds the" \
	"in the the clouds sky are"
right "The apple and pear salad" "The apple and pair salad" "The apple pear and salad"
printf '\nThe right sentences are the likeliest, as they should be.\n'
