#!/bin/sh
# The layers of the source: folders include only what lies below them, and only
# src/cmd and src/main.c print or end the program.
#
#   sh scripts/check-layers.sh [SRC]
#
# Prints each line that breaks a rule; the last line is "layers: N passed, N failed".
set -u
src=${1:-src}

if ! [ -d "$src/base" ]; then
	echo "check-layers: no folder $src/base: run it from the top of the tree" >&2
	echo "layers: 0 passed, 1 failed"
	exit 1
fi

# Comments and the contents of literals are blanked before calls are looked for.
# shellcheck disable=SC2016 # the dollars are awk's
rules='
BEGIN {
	may["base"] = " base "
	may["mat"] = " base mat "
	may["text"] = " base text "
	may["nn"] = " base mat nn "
	may["cmd"] = may["main.c"] = " base mat text nn cmd "
	call = "(^|[^A-Za-z0-9_])(v?f?printf|v?dprintf|f?puts|f?putc|putchar|perror|_?exit|_Exit|quick_exit|abort)[ \t]*\\("
}
FNR == 1 {
	layer = substr(FILENAME, length(root) + 2)
	sub("/.*", "", layer)
	comment = 0
	if (!(layer in may))
		bad("the folder " layer " is no layer")
}
function bad(why) {
	printf "%s:%d: %s: %s\n", FILENAME, FNR, why, $0
	wrong = 1
}
function code(s,    out, two, c, quote, n) {
	out = ""
	while (s != "") {
		two = substr(s, 1, 2)
		c = substr(s, 1, 1)
		n = 1
		if (comment) {
			if (two == "*/") { comment = 0; n = 2 }
		} else if (quote != "") {
			if (c == "\\") n = 2
			else if (c == quote) quote = ""
		} else if (two == "/*") {
			comment = 1
			n = 2
		} else if (two == "//") {
			break
		} else if (c == "\"" || c == "\047") {
			quote = c
		} else {
			out = out c
		}
		s = substr(s, n + 1)
	}
	return out
}
{
	text = code($0)
	if (text ~ /^[ \t]*#[ \t]*include/ && match($0, /"[^"]*"/)) {
		path = substr($0, RSTART + 1, RLENGTH - 2)
		folder = path
		if (!sub("/.*", "", folder))
			bad("write \"folder/" path "\"")
		else if (index(may[layer], " " folder " ") == 0)
			bad(layer " must not include " folder)
	}
	if (layer != "cmd" && layer != "main.c" && text ~ call)
		bad("only src/cmd prints or exits")
}
END { exit wrong }
'

if find "$src" -name '*.[ch]' -exec awk -v root="$src" "$rules" {} +; then
	echo "layers: 1 passed, 0 failed"
else
	echo "layers: 0 passed, 1 failed"
	exit 1
fi
