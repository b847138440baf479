# Learning curves as SVG, for scripts/plot.sh: reads training logs, draws at the
# end. Variables: axis (step epoch seconds tokens), unit (nats bits), logx (0 1);
# the heading is $PLOT_TITLE, which -v would read escapes in.
#
# Any POSIX awk. Arrays: of log f there are n[f] points; S step, X, T training
# loss, V held-out loss at [f, i], T and V "" where the log has none.

BEGIN {
	FS = "\t"
	LN2 = log(2)
	HUES = 7
	SHAPES = 4
	numeric = "^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?$"
}

# --- reading -----------------------------------------------------------------

function die(message) {
	print "plot: " message | "cat 1>&2"
	close("cat 1>&2")
	failed = 1
	exit 1
}

function need(column) {
	if (!(column in col))
		die(path ": not a training log: its first line lacks the column " column)
}

function begin_log(    i) {
	end_log()
	logs++
	path = FILENAME == "-" || FILENAME == "" ? "standard input" : FILENAME
	sub(/^\.\//, "", path)
	paths[logs] = path
	header = $0
	ncol = NF
	n[logs] = bad = offset = 0
	split("", col)
	for (i = 1; i <= NF; i++)
		col[$i] = i
	need("step")
	need(axis)
	need("train_nats")
	need("val_nats")
}

function end_log() {
	if (!logs || n[logs] > 1)
		return
	if (n[logs] == 1)
		die(path ": only one row, and a curve takes two: wait for the run's next report")
	die(path ": no rows yet: wait for the run's first report")
}

# A loss, or "" where there is none: an empty field, or one that is not finite.
function loss(field, column) {
	if (field ~ numeric)
		return unit == "bits" ? field / LN2 : field + 0
	if (field != "" && tolower(field) !~ /^[-+]?(nan|inf)/)
		die(path ", line " FNR ": " column " is not a number: " substr(field, 1, 40))
	return ""
}

{ sub(/\r$/, "") }
FNR == 1 {
	begin_log()
	next
}
# A run that goes on may write its header again.
$0 == header || $0 == "" { next }
{
	# The last line of a run under way may be half written.
	if (bad)
		die(path ", line " bad ": it has " badcols " columns, the first line has " ncol)
	if (NF != ncol) {
		bad = FNR
		badcols = NF
		next
	}
	f = logs
	step = $(col["step"])
	x = $(col[axis])
	if (step !~ numeric || x !~ numeric)
		die(path ", line " FNR ": " (step !~ numeric ? "step" : axis) " is not a number")
	t = loss($(col["train_nats"]), "train_nats")
	v = loss($(col["val_nats"]), "val_nats")
	# A run that went on from an earlier step has made void what was written after that
	# step; its clock may have begun again.
	while (n[f] && S[f, n[f]] > step + 0)
		n[f]--
	x += offset
	if (n[f] && x < X[f, n[f]]) {
		offset += X[f, n[f]] - x
		x = X[f, n[f]]
	}
	# Two rows of one step are one point.
	if (n[f] && S[f, n[f]] == step + 0) {
		if (v != "")
			V[f, n[f]] = v
		next
	}
	if (logx && x <= 0)
		next
	n[f]++
	S[f, n[f]] = step + 0
	X[f, n[f]] = x
	T[f, n[f]] = t
	V[f, n[f]] = v
}

# --- numbers -----------------------------------------------------------------

function ceil(x) { return x == int(x) || x < 0 ? int(x) : int(x) + 1 }
function floor(x) { return -ceil(-x) }
function log10(x) { return log(x) / log(10) }
function min(a, b) { return a < b ? a : b }
function max(a, b) { return a > b ? a : b }

# The round number (1, 2 or 5 times a power of ten) nearest to a distance of ticks.
function nice(x,    p, m) {
	p = exp(log(10) * floor(log10(x) + 1e-9))
	m = x / p
	return p * (m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10)
}

# With as many places as ticks so far apart need.
function places(distance,    d) {
	d = -floor(log10(distance) + 1e-9)
	return d > 0 ? d : 0
}

# --- scales ------------------------------------------------------------------

function find_x(    f, i) {
	xlo = -1
	xhi = 0
	for (f = 1; f <= logs; f++) {
		if (n[f] < 2)
			die(paths[f] ": fewer than two rows that a logarithmic axis can show")
		if (xlo < 0 || X[f, 1] < xlo)
			xlo = X[f, 1]
		xhi = max(xhi, X[f, n[f]])
	}
	if (!logx)
		xlo = 0
	if (xhi <= xlo)
		die(paths[1] ": " axis " does not grow, there is nothing to draw")
	per = 1
	suffix = ""
	if (axis == "seconds") {
		per = xhi <= 180 ? 1 : xhi <= 3 * 3600 ? 60 : 3600
		xtitle = "time (" (per == 1 ? "s" : per == 60 ? "min" : "h") ")"
	} else if (axis == "epoch") {
		xtitle = "epochs (passes over the training text)"
	} else {
		xtitle = axis == "step" ? "optimiser steps" : "symbols trained on"
		if (xhi >= 10000 && !logx) {
			per = xhi < 2e6 ? 1e3 : xhi < 2e9 ? 1e6 : 1e9
			suffix = per == 1e3 ? "k" : per == 1e6 ? "M" : "G"
		}
	}
}

# Up to the training loss at 3 % of each run, so that the first steep steps do not
# flatten the rest. Held-out losses that rise later are shown, unless they are above
# what the run began with: then it went wrong, and the curve leaves the picture.
function find_y(    f, i, from, top, first) {
	ylo = yhi = ""
	for (f = 1; f <= logs; f++) {
		from = logx ? 0 : 0.03 * X[f, n[f]]
		top = first = ""
		for (i = 1; i <= n[f]; i++) {
			if (T[f, i] != "") {
				if (first == "")
					first = T[f, i]
				if (top == "" && X[f, i] >= from)
					top = T[f, i]
				ylo = ylo == "" ? T[f, i] : min(ylo, T[f, i])
			}
			if (V[f, i] != "") {
				ylo = ylo == "" ? V[f, i] : min(ylo, V[f, i])
				if (X[f, i] >= from && (first == "" || V[f, i] <= first))
					top = top == "" ? V[f, i] : max(top, V[f, i])
			}
		}
		if (top != "")
			yhi = yhi == "" ? top : max(yhi, top)
	}
	if (ylo == "")
		die(paths[1] ": it holds no loss that is a number")
	if (yhi == "" || yhi - ylo < 1e-9 * max(1, ylo))
		yhi = ylo + 0.1
	ylo -= 0.05 * (yhi - ylo)
	yhi += 0.03 * (yhi - ylo)
}

function px(x) { return left + width * (logx ? log(x / xlo) / log(xhi / xlo) : (x - xlo) / (xhi - xlo)) }
function py(y) { return top + height * (yhi - y) / (yhi - ylo) }

# --- drawing -----------------------------------------------------------------

function xml(s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s)
	gsub(/"/, "\\&quot;", s)
	gsub(/[\001-\037\177]/, "?", s)
	return s
}

function text(x, y, class, s, more) {
	printf "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\"%s>%s</text>\n", x, y, class, more, xml(s)
}

function line(x1, y1, x2, y2, class) {
	printf "<line x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\" class=\"%s\"/>\n", x1, y1, x2, y2, class
}

# One shape per log too, for those who do not see the hues. hint: shown by browsers.
function marker(f, x, y, r, class, hint,    shape, end) {
	shape = (f - 1) % SHAPES
	end = sprintf(" class=\"%s\"", class)
	if (hint == "")
		end = end "/>"
	else
		end = end "><title>" xml(hint) "</title></" (shape == 0 ? "circle>" : "path>")
	if (shape == 0)
		printf "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"%.1f\"", x, y, r
	else if (shape == 1)
		printf "<path d=\"M%.2f %.2fh%.1fv%.1fh-%.1fz\"", x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r, 1.8 * r
	else if (shape == 2)
		printf "<path d=\"M%.2f %.2fl%.1f %.1fh-%.1fz\"", x, y - 1.3 * r, 1.2 * r, 2.1 * r, 2.4 * r
	else
		printf "<path d=\"M%.2f %.2fl%.1f %.1fl-%.1f %.1fl-%.1f -%.1fz\"", x, y - 1.4 * r, 1.2 * r, 1.4 * r, \
			1.2 * r, 1.4 * r, 1.2 * r, 1.4 * r
	print end
}

function hue(f) { return (f - 1) % HUES }
function dashes(f) { return f > HUES ? " dash" : "" }

function style(    i, light, dark) {
	# Okabe and Ito's palette, which people see apart whatever their eyes, without its
	# yellow; for a dark page the same hues, lighter.
	split("#0072b2 #d55e00 #009e73 #b45f93 #c98500 #3a9bd1 #222222", light, " ")
	split("#4ba3e3 #f08a4b #2fc597 #e3a3c9 #f0b93a #a3d8f7 #eeeeee", dark, " ")
	print "<style>"
	print "text{font-family:system-ui,-apple-system,\"Segoe UI\",\"DejaVu Sans\",Arial,sans-serif;font-size:12px;fill:#222}"
	print ".title{font-size:16px;font-weight:600}.name{font-weight:600}.dim{fill:#5c5c5c}"
	print ".bg{fill:#fff}.grid{stroke:#e4e4e4}.axis{stroke:#777}"
	print ".train,.val,.lead{fill:none;stroke-linejoin:round;stroke-linecap:round}"
	print ".train{stroke-width:1;opacity:.7}.val{stroke-width:2.4}.lead{stroke-width:1.2;stroke-dasharray:.1 4;opacity:.8}"
	print ".dash{stroke-dasharray:7 4}.key{stroke:#5c5c5c;fill:none}.keydot{fill:#5c5c5c}.best{stroke-width:1.6;fill:#fff}"
	for (i = 0; i < HUES; i++)
		printf ".s%d{stroke:%s}.f%d{fill:%s}%s", i, light[i + 1], i, light[i + 1], (i == HUES - 1 ? "\n" : "")
	print "@media (prefers-color-scheme:dark){"
	print "text{fill:#e6e6e6}.dim{fill:#a8a8a8}.bg,.best{fill:#15181d}.grid{stroke:#2d323a}.axis{stroke:#8a8a8a}"
	print ".key{stroke:#a8a8a8}.keydot{fill:#a8a8a8}"
	for (i = 0; i < HUES; i++)
		printf ".s%d{stroke:%s}.f%d{fill:%s}%s", i, dark[i + 1], i, dark[i + 1], (i == HUES - 1 ? "}\n" : "")
	print "</style>"
}

function x_tick(x, label) {
	line(px(x), top, px(x), top + height, "grid")
	text(px(x), top + height + 18, "tick x", label, " text-anchor=\"middle\"")
}

function x_axis(    d, i, k, m, ms, marks, all) {
	if (!logx) {
		d = nice((xhi - xlo) / per / 7)
		for (i = 0; i * d * per <= xhi * (1 + 1e-9); i++)
			x_tick(i * d * per, sprintf("%.*f", places(d), i * d) (i ? suffix : ""))
		return
	}
	# 1, 2 and 5 of each power of ten, or the powers alone where these are many.
	all = log10(xhi / xlo) < 3
	marks = split(all ? "1 2 5" : "1", ms, " ")
	for (k = floor(log10(xlo / per)); k <= log10(xhi / per) + 1; k++)
		for (m = 1; m <= marks; m++) {
			d = ms[m] * exp(log(10) * k) * per
			if (d >= xlo * (1 - 1e-9) && d <= xhi * (1 + 1e-9))
				x_tick(d, count(d / per))
		}
}

# "50", "2k", "10M": of powers of ten, exact.
function count(x,    p, names) {
	if (x < 1000 * (1 - 1e-9))
		return sprintf("%.6g", x)
	split("k M G T", names, " ")
	for (p = 0; p < 4 && x >= 1000 * (1 - 1e-9); p++)
		x /= 1000
	return sprintf("%.6g%s", x, names[p])
}

function y_axis(    d, i) {
	d = nice((yhi - ylo) / 6)
	for (i = ceil(ylo / d - 1e-9); i * d <= yhi + 1e-9 * d; i++) {
		line(left, py(i * d), left + width, py(i * d), "grid")
		text(left - 8, py(i * d) + 4, "tick y", sprintf("%.*f", places(d), i * d), " text-anchor=\"end\"")
	}
}

# A line through what there is; points nearer than half a pixel would not be seen.
function curve(f, which, class,    i, y, pen, lastx, d) {
	d = ""
	for (i = 1; i <= n[f]; i++) {
		y = which == "T" ? T[f, i] : V[f, i]
		if (y == "") {
			# No held-out figure: between validations. No training loss: a step that failed.
			if (which == "T")
				pen = 0
			continue
		}
		if (pen && i < n[f] && px(X[f, i]) - lastx < 0.5)
			continue
		d = d sprintf("%s%.2f %.2f", pen ? "L" : "M", px(X[f, i]), max(-1e4, py(y)))
		lastx = px(X[f, i])
		pen = 1
	}
	if (d != "")
		printf "<path class=\"%s\" d=\"%s\"/>\n", class, d
}

function tip(f, i) { return name[f] ", step " S[f, i] ": " sprintf("%.4f", V[f, i]) " " unit }

function points(f,    i, r) {
	r = vals[f] <= 30 ? 3 : vals[f] <= 80 ? 2.2 : 1.5
	for (i = 1; i <= n[f]; i++)
		if (V[f, i] != "" && i != best[f] && py(V[f, i]) >= top)
			marker(f, px(X[f, i]), py(V[f, i]), r, "f" hue(f), tip(f, i))
	if (best[f] && py(V[f, best[f]]) >= top)
		marker(f, px(X[f, best[f]]), py(V[f, best[f]]), 4.2, "best s" hue(f), "best: " tip(f, best[f]))
}

# What stands beside a curve, and where the curve ends.
function measure(    f, i, stem) {
	for (f = 1; f <= logs; f++) {
		stem = paths[f]
		sub(/^.*\//, "", stem)
		sub(/\.tsv$/, "", stem)
		name[f] = stem
		stems[stem]++
		best[f] = vals[f] = 0
		for (i = 1; i <= n[f]; i++) {
			if (V[f, i] != "") {
				vals[f]++
				endval[f] = i
				if (!best[f] || V[f, i] < V[f, best[f]])
					best[f] = i
			}
			if (T[f, i] != "")
				endtrain[f] = i
		}
		i = vals[f] ? endval[f] : endtrain[f]
		endx[f] = px(X[f, i])
		endy[f] = min(max(py(vals[f] ? V[f, i] : T[f, i]), top), top + height)
		if (!vals[f])
			figures[f] = sprintf("training %.3f", T[f, i])
		else if (best[f] == endval[f])
			figures[f] = sprintf("best %.3f", V[f, i])
		else
			figures[f] = sprintf("best %.3f, last %.3f", V[f, best[f]], V[f, i])
	}
	for (f = 1; f <= logs; f++) {
		if (stems[name[f]] > 1) { # of the same name in several folders
			name[f] = paths[f]
			sub(/\.tsv$/, "", name[f])
		}
		if (length(name[f]) > 26) {
			name[f] = "..." substr(name[f], length(name[f]) - 22)
			sub(/^\.\.\.[\200-\277]+/, "...", name[f]) # not in the midst of a character
		}
	}
}

# Labels in the order of the curves' ends, pushed apart until none covers another.
function place_labels(gap,    f, i, j, k) {
	for (f = 1; f <= logs; f++) {
		for (j = f; j > 1 && endy[order[j - 1]] > endy[f]; j--)
			order[j] = order[j - 1]
		order[j] = f
	}
	for (i = 1; i <= logs; i++) {
		labely[order[i]] = max(endy[order[i]], top + 8)
		if (i > 1)
			labely[order[i]] = max(labely[order[i]], labely[order[i - 1]] + gap)
	}
	for (i = logs; i >= 1; i--) {
		k = i == logs ? top + height - gap / 2 : labely[order[i + 1]] - gap
		labely[order[i]] = min(labely[order[i]], k)
	}
}

function labels(    f, x, y) {
	for (f = 1; f <= logs; f++) {
		x = left + width + 26
		y = labely[f]
		printf "<path class=\"lead s%d\" d=\"M%.2f %.2fL%.2f %.2fL%.2f %.2f\"/>\n", hue(f), \
			endx[f] + 4, endy[f], max(endx[f] + 4, left + width + 6), endy[f], x - 8, y
		marker(f, x, y, 4, "f" hue(f), "")
		text(x + 10, y + 4, "name", name[f], "")
		text(x + 10, y + 19, "dim figures", figures[f], "")
	}
}

function key(    y) {
	y = top - 13
	line(left, y, left + 22, y, "key")
	text(left + 28, y + 4, "dim", "training", "")
	printf "<path class=\"key\" style=\"stroke-width:2.4\" d=\"M%.1f %.1fh22\"/>\n", left + 92, y
	printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" class=\"keydot\"/>\n", left + 103, y
	text(left + 120, y + 4, "dim", "held out", "")
	printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" class=\"key\" style=\"stroke-width:1.6\"/>\n", left + 192, y
	text(left + 202, y + 4, "dim", "best", "")
}

END {
	if (failed)
		exit 1
	if (logs < ARGC - 1)
		die("a log is empty: there is no line in it")
	end_log()
	find_x()
	find_y()

	title = ENVIRON["PLOT_TITLE"]
	left = 66
	width = 600
	gap = 38
	top = title == "" ? 34 : 62
	height = max(380, logs * gap + 10)
	measure()
	place_labels(gap)
	longest = 0
	for (f = 1; f <= logs; f++)
		longest = max(longest, max(7.6 * length(name[f]), 6.9 * length(figures[f])))
	W = int(left + width + 26 + 10 + longest + 14)
	H = int(top + height + 52)

	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n", W, H, W, H
	printf "<title>%s</title>\n", (title == "" ? "Learning curves" : xml(title))
	style()
	printf "<clipPath id=\"frame\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></clipPath>\n", left, top, width + 1, height
	printf "<rect class=\"bg\" width=\"%d\" height=\"%d\"/>\n", W, H
	if (title != "")
		text(left, 26, "title", title, "")
	key()
	x_axis()
	y_axis()
	line(left, top + height, left + width, top + height, "axis")
	text(left + width / 2, H - 12, "xtitle", xtitle, " text-anchor=\"middle\"")
	text(0, 0, "ytitle", "loss (" unit " per symbol)", \
		sprintf(" text-anchor=\"middle\" transform=\"translate(18 %.1f) rotate(-90)\"", top + height / 2))
	print "<g clip-path=\"url(#frame)\">"
	for (f = 1; f <= logs; f++)
		curve(f, "T", "train s" hue(f) dashes(f))
	for (f = 1; f <= logs; f++)
		curve(f, "V", "val s" hue(f) dashes(f))
	print "</g>"
	for (f = 1; f <= logs; f++)
		points(f)
	labels()
	print "</svg>"
}
