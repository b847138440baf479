# rnnlm: build, demo, tests. GNU Make; a C11 compiler; nothing else.
#
#   make            the program, ./rnnlm
#   make demo       build, train half a minute on the shipped corpus, sample, score
#   make test       every test; ends with "N passed, N failed"
#   make bench      training speed of six shapes here (BENCH=options of rnnlm bench)
#   make quick      the tests that take a moment
#   make soak       training killed 200 times and resumed (SOAK=kills)
#   make asan tsan  the tests under AddressSanitizer + UBSan, ThreadSanitizer
#   make fuzz       libFuzzer programs (clang) for FUZZ_SECONDS each
#   make lint       warnings as errors with gcc and clang, layers, shellcheck
#   make interop    models to PyTorch and back (needs Python, torch, safetensors)
#   make install    PREFIX=/usr/local DESTDIR=
#   make clean
#
# One folder per variant under build/; V=1 shows the commands.

VERSION := 0.1.0
CC      ?= cc
CFLAGS  ?=
LDFLAGS ?=
PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
VARIANT ?= release
B       := build/$(VARIANT)
# A variant may have a name before its kind: lint-gcc-double is built like double.
KIND    := $(lastword $(subst -, ,$(VARIANT)))

ifneq ($(V),1)
Q := @
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
ifeq ($(WERROR),1)
WARN += -Werror
endif

# -fno-math-errno and -fno-trapping-math let plain loops become vector code and
# change no result; contraction is off so that a*b+c rounds as written.
BASE_CFLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L -Isrc $(WARN) -O3 -g \
	-fno-math-errno -fno-trapping-math -ffp-contract=off -pthread \
	-DRNNLM_VERSION='"$(VERSION)"' -DRNNLM_DATADIR='"$(PREFIX)/share/rnnlm"'
LIBS := -lm -pthread

SAN_asan := -Wno-pass-failed -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
SAN_tsan := -Wno-pass-failed -fsanitize=thread -O1
SAN_double := -DREAL_DOUBLE
SAN_fuzz := -Wno-pass-failed -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -O1
VARIANT_CFLAGS := $(SAN_$(KIND))

ALL_CFLAGS := $(BASE_CFLAGS) $(VARIANT_CFLAGS) $(CFLAGS)

# --- sources -----------------------------------------------------------------
# Files compiled once per instruction set: the cells (plain C that the compiler
# vectorises). A kernel set is one file with the flags of its set.
ARCH := $(shell $(CC) -dumpmachine 2>/dev/null | cut -d- -f1)
ISAS := base
ifneq ($(filter x86_64 amd64,$(ARCH)),)
# Double has no other set; what is fuzzed does not multiply, and the instrumented
# kernels would take minutes to compile.
ifeq ($(filter double fuzz,$(KIND)),)
ISAS += avx2 avx512
endif
endif
FLAGS_base   :=
FLAGS_avx2   := -mavx2 -mfma
FLAGS_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512
# Sets beyond these are built if the compiler knows their instructions.
accepted = $(if $(filter avx512,$(ISAS)),$(shell $(CC) $1 -E -x c /dev/null >/dev/null 2>&1 && echo $1))
FLAGS_bf16 := $(call accepted,$(FLAGS_avx512) -mavx512bf16)
FLAGS_amx  := $(call accepted,$(FLAGS_avx512) -mavx512bf16 -mamx-tile -mamx-bf16)
ifeq ($(words $(ISAS)),1)
ALL_CFLAGS += -DONLY_BASE
endif

CELLS     := $(wildcard src/nn/cell_*.c)
LIB_SRC   := $(filter-out $(CELLS),$(wildcard src/base/*.c src/mat/*.c src/text/*.c src/nn/*.c))
CMD_SRC   := $(wildcard src/cmd/*.c)
LIB_OBJ   := $(LIB_SRC:%.c=$B/%.o) $(foreach i,$(ISAS),$(CELLS:%.c=$B/%.$i.o))
CMD_OBJ   := $(CMD_SRC:%.c=$B/%.o)

$B/src/mat/kern_avx2.o:   SET_CFLAGS := $(if $(filter avx2,$(ISAS)),$(FLAGS_avx2))
$B/src/mat/kern_avx512.o: SET_CFLAGS := $(if $(filter avx512,$(ISAS)),$(FLAGS_avx512))
$B/src/mat/kern_avx512bf16.o: SET_CFLAGS := $(FLAGS_bf16)
$B/src/mat/kern_amx.o:    SET_CFLAGS := $(FLAGS_amx)

ifeq ($(VARIANT),release)
PROGRAM := rnnlm
else
PROGRAM := $B/rnnlm
endif

.PHONY: all demo bench test quick soak asan tsan fuzz fuzz-bins lint headers interop install uninstall clean bins help
.DELETE_ON_ERROR:
all: $(PROGRAM)
help:
	@sed -n '3,18s/^# \{0,1\}//p' Makefile

# A change of compiler or flags rebuilds everything of the variant.
STAMP := $(CC) $(ALL_CFLAGS) $(LDFLAGS) $(ISAS)
$B/flags: FORCE
	@mkdir -p $B
	@echo '$(subst ','\'',$(STAMP))' | cmp -s - $@ || echo '$(subst ','\'',$(STAMP))' > $@
.PHONY: FORCE

define compile
	@mkdir -p $(@D)
	$(if $(Q),@echo '  CC   $@')
	$(Q)$(CC) $(ALL_CFLAGS) $(SET_CFLAGS) -MMD -MP -c -o $@ $<
endef

$B/%.o: %.c $B/flags
	$(compile)
define isa_rule
$B/src/nn/cell_%.$1.o: SET_CFLAGS := $(FLAGS_$1) -DCELL_ISA=$1
$B/src/nn/cell_%.$1.o: src/nn/cell_%.c $B/flags
	$$(compile)
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$i)))

$B/librnnlm.a: $(LIB_OBJ)
	$(if $(Q),@echo '  AR   $@')
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(PROGRAM): $B/src/main.o $(CMD_OBJ) $B/librnnlm.a
	$(if $(Q),@echo '  LD   $@')
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# --- tests -------------------------------------------------------------------
# Gradients need double; golden numbers are checked in both.
ifeq ($(KIND),double)
TEST_SRC := $(wildcard tests/grad/*.c tests/golden/*.c)
else
TEST_SRC := $(wildcard tests/unit/*.c tests/kern/*.c tests/golden/*.c)
endif
TEST_BIN := $(TEST_SRC:%.c=$B/%)
$(TEST_BIN): $B/%: $B/%.o $B/librnnlm.a
	$(if $(Q),@echo '  LD   $@')
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
$(TEST_SRC:%.c=$B/%.o): ALL_CFLAGS += -Itests
bins: $(PROGRAM) $(TEST_BIN)

# One make at a time works in a variant's folder; each uses all CPUs.
PARALLEL := $(MAKE) --no-print-directory -j$(JOBS)
test:
	$(Q)$(PARALLEL) VARIANT=release bins
	$(Q)$(PARALLEL) VARIANT=double bins
	$(Q)sh scripts/run-tests.sh cli build/release build/double fuzz

quick:
	$(Q)$(PARALLEL) VARIANT=release bins
	$(Q)QUICK=1 sh scripts/run-tests.sh build/release

SOAK ?= 200
soak: all
	$(Q)KILLS=$(SOAK) sh tests/cli/resume.sh

asan:
	$(Q)$(PARALLEL) VARIANT=asan bins
	$(Q)QUICK=1 RNNLM=build/asan/rnnlm sh scripts/run-tests.sh cli build/asan fuzz

tsan:
	$(Q)$(PARALLEL) VARIANT=tsan bins
	$(Q)QUICK=1 RNNLM=build/tsan/rnnlm sh scripts/run-tests.sh build/tsan

# --- fuzzing -----------------------------------------------------------------
FUZZ_SECONDS ?= 20
FUZZ_SRC := $(wildcard tests/fuzz/*.c)
ifeq ($(KIND),fuzz)
FUZZ_BIN := $(FUZZ_SRC:%.c=$B/%)
$(FUZZ_BIN): $B/%: $B/%.o $B/librnnlm.a
	$(Q)$(CC) $(subst fuzzer-no-link,fuzzer,$(ALL_CFLAGS)) $(LDFLAGS) -o $@ $^ $(LIBS)
fuzz-bins: $(FUZZ_BIN)
else
# Without libFuzzer the same entry points replay their corpora.
REPLAY_BIN := $(FUZZ_SRC:%.c=$B/%)
$(REPLAY_BIN): $B/%: $B/%.o $B/tests/replay.o $B/librnnlm.a
	$(if $(Q),@echo '  LD   $@')
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
ifneq ($(KIND),double)
bins: $(REPLAY_BIN)
endif
endif
fuzz:
	$(Q)$(PARALLEL) VARIANT=fuzz CC=clang fuzz-bins
	$(Q)sh scripts/fuzz.sh build/fuzz $(FUZZ_SECONDS)

# --- the rest ----------------------------------------------------------------
demo:
	$(Q)$(PARALLEL) all
	$(Q)sh scripts/demo.sh
bench: all
	$(Q)./rnnlm bench $(BENCH)
lint:
	$(Q)sh scripts/lint.sh
# Every header stands alone; a template is included with macros that it names.
HEADERS := $(filter-out %_tmpl.h,$(wildcard src/*/*.h))
headers:
	$(Q)for h in $(HEADERS:src/%=%); do \
		printf '#include "%s"\n' $$h | $(CC) $(ALL_CFLAGS) -fsyntax-only -x c - || \
		{ echo "$$h does not stand alone"; exit 1; }; \
	done
interop: all
	$(Q)sh scripts/interop.sh

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/rnnlm \
		$(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 755 rnnlm $(DESTDIR)$(PREFIX)/bin/rnnlm
	install -m 644 models/small.safetensors $(DESTDIR)$(PREFIX)/share/rnnlm/
	./rnnlm help --man > $(DESTDIR)$(PREFIX)/share/man/man1/rnnlm.1
	./rnnlm help --completion=bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/rnnlm
	./rnnlm help --completion=zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_rnnlm
	./rnnlm help --completion=fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/rnnlm.fish
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/rnnlm $(DESTDIR)$(PREFIX)/share/man/man1/rnnlm.1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/rnnlm \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_rnnlm \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/rnnlm.fish
	rm -rf $(DESTDIR)$(PREFIX)/share/rnnlm
clean:
	rm -rf build rnnlm

-include $(shell find $B -name '*.d' 2>/dev/null)
