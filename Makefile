# Bruco. `make help` lists the targets.
#
# RDKAFKA=2.11.1 (or a folder, or a file) runs tests with another librdkafka than the system's.
# CC, CFLAGS, CPPFLAGS, LDFLAGS, PREFIX and DESTDIR are respected. PYTHON is the Python to embed,
# EMBED=no embeds none. WITHOUT=nats leaves NATS out. DEV=1 makes warnings errors,
# SANITIZE=address,undefined builds in a folder of its own, V=1 shows the commands.

PYTHON  ?= /usr/bin/python3
PREFIX  ?= /usr/local
DESTDIR ?=
comma   := ,
BUILD   ?= build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))
CFLAGS  ?= -O2 -g
Q       := $(if $(V),,@)

WARN    := -Wall -Wextra -Wshadow -Wvla -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 $(if $(DEV),-Werror)
# Of what protects the programs, all that this compiler knows for this processor. Zeroed variables cost the
# data path a tenth of its time, so it goes without.
accepted = $(foreach flag,$(1),$(if $(shell out=$$(mktemp) && $(CC) -Werror $(flag) -x c -c -o $$out /dev/null 2>&1; rm -f $$out),,$(flag)))
HARDEN  := -fPIE $(call accepted,-fstack-protector-strong -fstack-clash-protection -fcf-protection \
	-mbranch-protection=standard) \
	$(if $(SANITIZE)$(filter -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
ZEROED  := $(call accepted,-ftrivial-auto-var-init=zero)
FAST    := lib/frame lib/lane lib/stage lib/stats lib/tap lib/kafka cmd/bruco-source cmd/bruco-worker cmd/bruco-sink
zeroed   = $(if $(filter $(FAST:%=$(BUILD)/obj/%/%.o) $(MODULE_OBJECTS),$@),,$(ZEROED))
CHECKED := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer)
ALL_CFLAGS  = -std=c11 -D_GNU_SOURCE -Ilib -Icmd $(WITHOUT:nats=-DWITHOUT_NATS) $(HARDEN) $(zeroed) $(WARN) $(CHECKED) \
	-ffile-prefix-map=$(CURDIR)=. -MMD -MP $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(CHECKED) $(LDFLAGS)

.DEFAULT_GOAL := all

# ---- libraries

pkg        = $(shell pkg-config --libs $(1) 2>/dev/null)
RDKAFKA_LIBS := $(call pkg,rdkafka)
YAML      := $(call pkg,yaml-0.1)
JANSSON   := $(call pkg,jansson)
MICROHTTPD := $(call pkg,libmicrohttpd)
NATS      := $(if $(filter nats,$(WITHOUT)),,$(call pkg,libnats))
NCURSES   := $(call pkg,ncursesw)
# Sanitizers have an allocator of their own.
JEMALLOC  := $(if $(SANITIZE),,$(call pkg,jemalloc))
# Debian's headers for its debug build are links, which -isystem looks through.
PYTHON_CFLAGS  := $(patsubst -I%,-isystem %,$(shell $(PYTHON)-config --includes 2>/dev/null)) \
	$(if $(findstring d,$(shell $(PYTHON)-config --abiflags 2>/dev/null)),-DPy_DEBUG)
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("-DBRUCO_PYTHON_MAJOR=%d \
	-DBRUCO_PYTHON_MINOR=%d" % sys.version_info[:2])' 2>/dev/null)
PYTHON_HOME    := $(shell $(PYTHON) -c 'import sys; print(sys.base_prefix)' 2>/dev/null)
PYTHON_LDFLAGS := $(shell $(PYTHON)-config --embed --ldflags 2>/dev/null)
# A Python outside the system's folders is found again at run time; one that is linked in statically
# shows its functions to extension modules.
PYTHON_LIBS    := -Wl,--export-dynamic $(PYTHON_LDFLAGS) $(patsubst -L%,-Wl$(comma)-rpath$(comma)%,\
	$(filter-out -L/usr/lib% -L/lib%,$(filter -L%,$(PYTHON_LDFLAGS))))
# Where the distribution ships the static library whole (Debian 12 does, 13 without its hash functions),
# the worker is linked with it, as the distribution's own interpreter is: the shared one takes 8 % more
# instructions for a handler. It is not compiled for PIE. All of it is taken, for extension modules use
# what the worker does not.
PYTHON_BUILT   := $(if $(SANITIZE),,$(shell $(PYTHON) -c 'from sysconfig import get_config_var as v; \
	print(v("LIBPL") + "/" + v("LIBRARY"), v("MODLIBS"), v("LIBS"))' 2>/dev/null))
PYTHON_ARCHIVE := $(filter /usr/lib/%,$(wildcard $(firstword $(PYTHON_BUILT))))
PYTHON_STATIC  := $(if $(PYTHON_ARCHIVE),-Wl$(comma)--export-dynamic -no-pie -Wl$(comma)--whole-archive \
	$(PYTHON_ARCHIVE) -Wl$(comma)--no-whole-archive $(filter -l%,$(PYTHON_BUILT)))

# ---- modules, with the folders in them, and which of them each program is made of

ABSENT := $(foreach part,$(WITHOUT),lib/$(part)/%.c cmd/bruco-source/kinds/$(part)%.c cmd/bruco-sink/kinds/$(part)%.c)
module  = $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(filter-out $(ABSENT),$(wildcard $(1)/*.c $(1)/*/*.c))))
BASE   := $(call module,lib/base)
COMMON := $(foreach name,base frame stats tap lane control config,$(call module,lib/$(name)))
STAGE  := $(call module,lib/stage)
STREAM := $(STAGE) $(foreach name,kafka nats state json subprocess,$(call module,lib/$(name)))

PROGRAMS := bruco bruco-source bruco-worker bruco-sink bruco-broker
BINARIES := $(PROGRAMS:%=$(BUILD)/bin/%)
$(BUILD)/bin/bruco:        $(COMMON) $(call module,lib/json) $(call module,cmd/bruco)
$(BUILD)/bin/bruco-source: $(COMMON) $(STREAM) $(call module,cmd/bruco-source)
$(BUILD)/bin/bruco-worker: $(COMMON) $(STAGE) $(call module,lib/json)
$(BUILD)/bin/bruco-sink:   $(COMMON) $(STREAM) $(call module,cmd/bruco-sink)
$(BUILD)/bin/bruco-broker: $(BASE) $(call module,cmd/bruco-broker)
LIBS_bruco        := $(JANSSON) $(MICROHTTPD) $(NCURSES) $(YAML)
LIBS_bruco-source := $(JEMALLOC) $(RDKAFKA_LIBS) $(NATS) $(JANSSON) $(MICROHTTPD) $(YAML)
LIBS_bruco-worker := $(JANSSON) $(YAML)
PYTHON_bruco-worker := $(filter-out no,$(or $(EMBED),yes))
LIBS_bruco-sink   := $(JEMALLOC) $(RDKAFKA_LIBS) $(NATS) $(JANSSON) $(YAML)
LIBS_bruco-broker := $(RDKAFKA_LIBS)

# What the programs find beside themselves: ../lib/bruco/python, ../share/bruco and ../share/man.
PACKAGE := $(patsubst lib/python/%,%,$(sort $(wildcard lib/python/*.* lib/python/bruco/*.*)))
MAN     := $(sort $(wildcard man/*.[1-8]))
PAGES   := $(foreach page,$(MAN),share/man/man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page)))
PROJECT := $(sort $(shell find share -type f ! -name '*.pyc'))
SHARED  := $(PACKAGE:%=lib/bruco/python/%) lib/bruco/worker.py $(PROJECT:share/%=share/bruco/%) $(PAGES)

# ---- the worker as a module, for the Pythons that are not embedded. One of this file's runs makes the one
# for PYTHON; what does not see Python.h is compiled once.

MODULE_HEADERS := $(shell $(PYTHON) -c 'import sysconfig as s; \
	print("-isystem", s.get_path("include"), "-isystem", s.get_path("platinclude"))' 2>/dev/null)
MODULE_SUFFIX  := $(if $(SANITIZE),,$(shell $(PYTHON) -c 'import sysconfig as s; \
	print(s.get_config_var("EXT_SUFFIX"))' 2>/dev/null))
MODULE         := $(if $(MODULE_SUFFIX),$(BUILD)/lib/bruco/modules/_bruco_worker$(MODULE_SUFFIX))
MODULE_WORKER  := $(patsubst $(BUILD)/obj/%,$(BUILD)/modules/$(MODULE_SUFFIX)/%,$(filter-out %/main.o %/outside.o %/front.o,\
	$(call module,cmd/bruco-worker)))
MODULE_OBJECTS := $(patsubst $(BUILD)/obj/%,$(BUILD)/modules/any/%,$(COMMON) $(STAGE) $(call module,lib/json)) \
	$(MODULE_WORKER)
# Where no Python is embedded, it is what executes one that loads the module.
WORKER_FRONT   := $(patsubst %,$(BUILD)/obj/cmd/bruco-worker/%.o,outside front options idle_signals python/python_home \
	io/codec io/json io/lines)
$(BUILD)/bin/bruco-worker: $(if $(PYTHON_bruco-worker),\
	$(filter-out %/module.o %/outside.o,$(call module,cmd/bruco-worker)),$(WORKER_FRONT))

all: $(BINARIES) $(MODULE) $(SHARED:%=$(BUILD)/%) ## build the programs (the default)

# ---- tests: tests/unit/test_X.c with unit.c and COMMON, tools on librdkafka, the bench's loop

UNIT    := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
TOOLS   := kafka-fill kafka-copy kafka-compare kafka-offsets kafka-watch kafka-mock \
	bench-loop bench-span bench-latency
PRELOAD := short_io.so clock_jump.so no_processes.so allocations.so ballast.so
MODELS  := model-alo model-eos
TESTS   := $(UNIT:%=$(BUILD)/tests/%) $(TOOLS:%=$(BUILD)/tests/%)
tests_obj = $(patsubst %,$(BUILD)/obj/tests/%.o,$(1))

$(foreach test,$(UNIT),$(eval $(BUILD)/tests/$(test): $(call tests_obj,unit/$(test) unit/unit)))
$(UNIT:%=$(BUILD)/tests/%): $(COMMON)
$(foreach test,$(UNIT),$(eval LIBS_$(test) := $(YAML)))
# Whatever a test needs from cmd/ it names here.
SINK_LANES := $(patsubst %,$(BUILD)/obj/cmd/bruco-sink/%.o,lane tickets deaths succession failure_policy dead_letter tapped answers cut)
$(filter $(BUILD)/tests/test_config_%,$(TESTS)): $(call tests_obj,unit/config_file)
$(BUILD)/tests/test_supervise: $(BUILD)/obj/cmd/bruco/driver/supervise.o
$(BUILD)/tests/test_repeats: $(BUILD)/obj/cmd/bruco/log/repeats.o
$(BUILD)/tests/test_relay: $(patsubst %,$(BUILD)/obj/cmd/bruco/log/%.o,relay repeats writer)
$(BUILD)/tests/test_places: $(call module,lib/state)
$(BUILD)/tests/test_overview: $(patsubst %,$(BUILD)/obj/cmd/bruco/monitor/%.o,overview metrics summary)
$(BUILD)/tests/test_top_history: $(BUILD)/obj/cmd/bruco/top/history.o
$(BUILD)/tests/test_top_chart: $(BUILD)/obj/cmd/bruco/top/chart.o
$(BUILD)/tests/test_top_bottleneck: $(patsubst %,$(BUILD)/obj/cmd/bruco/top/%.o,bottleneck activity)
$(BUILD)/tests/test_top_view: $(patsubst %,$(BUILD)/obj/cmd/bruco/%.o,monitor/amounts monitor/printable_answer $(patsubst %,top/%,view snapshot activity history))
LIBS_test_top_view += $(JANSSON)
$(BUILD)/tests/test_driver_messages: $(BUILD)/obj/cmd/bruco/driver/messages.o
$(BUILD)/tests/test_restarts: $(BUILD)/obj/cmd/bruco/driver/restarts.o
$(BUILD)/tests/test_judge: $(patsubst %,$(BUILD)/obj/cmd/bruco/driver/%.o,judge exit_text supervise)
$(BUILD)/tests/test_lanes: $(patsubst %,$(BUILD)/obj/cmd/bruco-source/%.o,lanes blame)
$(BUILD)/tests/test_exec_queue: $(BUILD)/obj/cmd/bruco-sink/kinds/exec_queue.o
$(BUILD)/tests/test_backlog: $(BUILD)/obj/cmd/bruco-source/backlog.o
$(patsubst %,$(BUILD)/tests/test_%,failure_policy dead_letters sink_cut): $(call tests_obj,unit/failing_sink) $(SINK_LANES)
$(BUILD)/tests/test_diff: $(patsubst %,$(BUILD)/obj/cmd/bruco/testing/%.o,diff outcomes capture) $(call module,lib/json)
LIBS_test_diff += $(JANSSON)
$(BUILD)/tests/test_base64: $(BUILD)/obj/lib/json/base64.o
$(BUILD)/tests/test_health: $(call module,lib/kafka) $(call module,lib/json)
LIBS_test_health += $(RDKAFKA_LIBS) $(JANSSON)
$(BUILD)/tests/test_cut: $(call module,lib/kafka) $(call module,lib/json)
LIBS_test_cut += $(RDKAFKA_LIBS) $(JANSSON)
$(BUILD)/tests/test_refusal: $(call module,lib/kafka) $(call module,lib/json)
LIBS_test_refusal += $(RDKAFKA_LIBS) $(JANSSON)
$(BUILD)/tests/test_redact: $(call module,lib/kafka) $(call module,lib/json)
LIBS_test_redact += $(RDKAFKA_LIBS) $(JANSSON)
$(BUILD)/tests/test_token_answer: $(BUILD)/obj/lib/json/token_answer.o
LIBS_test_token_answer += $(JANSSON)
$(BUILD)/tests/test_publish_answer: $(BUILD)/obj/lib/json/publish_answer.o
LIBS_test_publish_answer += $(JANSSON)
LIBS_test_known_properties += $(RDKAFKA_LIBS)
$(BUILD)/tests/test_tap: $(BUILD)/obj/cmd/bruco/monitor/tap_reader.o
$(BUILD)/tests/test_watchdog: $(BUILD)/obj/cmd/bruco/driver/watchdog.o
$(BUILD)/tests/test_protocol: $(call tests_obj,unit/protocol_sink unit/protocol_broker unit/protocol_workers) $(patsubst %,$(BUILD)/obj/cmd/bruco-source/%.o,lanes blame backlog) $(SINK_LANES)
$(BUILD)/tests/test_collection: $(BUILD)/obj/cmd/bruco-worker/run/collection.o
$(BUILD)/tests/test_ready_queue: $(BUILD)/obj/cmd/bruco-worker/async/ready_queue.o
$(BUILD)/tests/test_reorder: $(BUILD)/obj/cmd/bruco-worker/async/reorder.o
$(BUILD)/tests/test_retry_policy: $(BUILD)/obj/cmd/bruco-worker/run/retry_policy.o

$(BUILD)/tests/kafka-fill:    $(call tests_obj,kafka/fill kafka/client) $(BASE)
$(BUILD)/tests/kafka-copy:    $(call tests_obj,kafka/copy kafka/client) $(BASE)
$(BUILD)/tests/kafka-compare: $(call tests_obj,kafka/compare kafka/table kafka/samples kafka/client) $(BASE)
$(BUILD)/tests/kafka-offsets: $(call tests_obj,kafka/offsets kafka/client) $(BASE)
$(BUILD)/tests/kafka-watch:   $(call tests_obj,kafka/watch kafka/client) $(BASE)
$(BUILD)/tests/kafka-mock:    $(call tests_obj,kafka/mock kafka/client) $(BASE)
$(BUILD)/tests/bench-loop:    $(call tests_obj,bench/loop kafka/client) $(BASE)
$(BUILD)/tests/bench-span:    $(call tests_obj,bench/span kafka/client) $(BASE)
$(BUILD)/tests/bench-latency: $(call tests_obj,bench/latency kafka/client) $(BASE)
$(foreach tool,$(TOOLS),$(eval LIBS_$(tool) := $(RDKAFKA_LIBS)))
LIBS_bench-loop := $(JEMALLOC) $(RDKAFKA_LIBS)
PYTHON_bench-loop := yes

# The protocol's models.
$(BUILD)/tests/model-%: tests/model/%.cpp tests/model/engine.h
	@mkdir -p $(@D)
	@echo "  CXX  $@"
	$(Q)$(CXX) -std=c++17 -O2 -Wall -Wextra $(if $(DEV),-Werror) -o $@ $<

# Libraries that the chaos scenarios and the bench preload.
define PRELOADED
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 -g -fPIC -shared $(WARN) -o $@ $<
endef
$(BUILD)/tests/%.so: tests/chaos/%.c
	$(PRELOADED)
$(BUILD)/tests/%.so: tests/bench/%.c
	$(PRELOADED)

# ---- fuzzing: tests/fuzz/X.c with fuzz.c, COMMON and lib/json, by clang's libFuzzer

FUZZ    := $(filter-out fuzz,$(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*.c))))
FUZZERS := $(FUZZ:%=$(BUILD)/fuzz/%)
$(foreach name,$(FUZZ),$(eval $(BUILD)/fuzz/$(name): $(call tests_obj,fuzz/$(name) fuzz/fuzz)))
$(FUZZERS): $(COMMON) $(call module,lib/json)
$(foreach name,$(FUZZ),$(eval LIBS_$(name) := -fsanitize=fuzzer $(JANSSON) $(YAML)))
# Whatever a target needs from cmd/ it names here.
$(BUILD)/fuzz/metadata: $(BUILD)/obj/cmd/bruco-source/kinds/kafka_metadata.o
$(BUILD)/fuzz/board: $(patsubst %,$(BUILD)/obj/cmd/bruco/monitor/%.o,overview overview_json metrics summary) $(BUILD)/obj/cmd/bruco/driver/watchdog.o
$(BUILD)/fuzz/log_lines: $(patsubst %,$(BUILD)/obj/cmd/bruco/log/%.o,claimed_lines stage_output relay repeats writer)
$(BUILD)/fuzz/places: $(call module,lib/state)
$(BUILD)/fuzz/lane: $(SINK_LANES)
$(BUILD)/fuzz/console: $(BUILD)/obj/cmd/bruco/monitor/console.o $(BUILD)/obj/cmd/bruco/monitor/console_path.o
$(BUILD)/fuzz/http: $(BUILD)/obj/cmd/bruco/monitor/http.o
LIBS_http += $(MICROHTTPD)
$(BUILD)/fuzz/tap: $(BUILD)/obj/cmd/bruco/monitor/tap_reader.o
$(BUILD)/fuzz/requests: $(patsubst %,$(BUILD)/obj/cmd/bruco/driver/%.o,requests requests_pause requests_tap pauses supervise) $(patsubst %,$(BUILD)/obj/cmd/bruco/monitor/%.o,console console_path overview overview_json)
$(BUILD)/fuzz/capture: $(BUILD)/obj/cmd/bruco/testing/capture.o

# ---- rules

LINK = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_$(@F)) -lm
$(BINARIES) $(TESTS) $(FUZZERS):
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(if $(PYTHON_$(@F)),$(if $(PYTHON_STATIC),$(LINK) $(PYTHON_STATIC) 2>/dev/null || )$(LINK) $(PYTHON_LIBS),$(LINK))

$(BUILD)/obj/cmd/bruco-worker/%.o $(BUILD)/obj/tests/bench/%.o: EXTRA += $(PYTHON_CFLAGS)
EMBEDDED = $(if $(PYTHON_bruco-worker),-DBRUCO_PYTHON='"$(PYTHON)"' $(PYTHON_VERSION) -DBRUCO_PYTHON_HOME='"$(PYTHON_HOME)"')
$(BUILD)/obj/lib/config/python.o: EXTRA += $(EMBEDDED)
$(MODULE_OBJECTS): EXTRA += -fPIC -fvisibility=hidden
$(MODULE_WORKER): EXTRA += $(MODULE_HEADERS)

$(MODULE): $(MODULE_OBJECTS)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) $(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC -shared $(filter-out -pie,$(ALL_LDFLAGS)) -o $@ $^ $(LIBS_bruco-worker) -lm

define COMPILE
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(EXTRA) -c -o $@ $<
endef
$(BUILD)/modules/any/%.o: %.c | $(BUILD)/libraries-found
	$(COMPILE)
$(MODULE_WORKER): $(BUILD)/modules/$(MODULE_SUFFIX)/%.o: %.c | $(BUILD)/libraries-found
	$(COMPILE)

$(BUILD)/obj/%.o: %.c | $(BUILD)/libraries-found
	$(COMPILE)

$(BUILD)/libraries-found:
	@pkg-config --exists --print-errors rdkafka yaml-0.1 jansson jemalloc libmicrohttpd libnats ncursesw && \
		$(PYTHON)-config --embed --includes >/dev/null || \
		{ echo "libraries are missing; on Debian: make dependencies" >&2; exit 1; }
	@mkdir -p $(@D) && touch $@

$(BUILD)/lib/bruco/python/%: lib/python/%
	@mkdir -p $(@D) && cp $< $@

$(BUILD)/lib/bruco/worker.py: cmd/bruco-worker/worker.py
	@mkdir -p $(@D) && cp $< $@

$(BUILD)/share/bruco/%: share/%
	@mkdir -p $(@D) && cp $< $@

$(foreach page,$(PAGES),$(eval $(BUILD)/$(page): man/$(notdir $(page))))
$(PAGES:%=$(BUILD)/%):
	@mkdir -p $(@D) && cp $< $@

BUILT_BEFORE := $(wildcard $(BUILD)/obj $(BUILD)/modules)
-include $(if $(BUILT_BEFORE),$(shell find $(BUILT_BEFORE) -name '*.d'))

# ---- what people call

build_now = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc))

demo: ## show a small pipeline at work (installs what is missing, on Debian)
	@tools/dependencies build
	@$(build_now) all
	@BRUCO_BIN=$(abspath $(BUILD))/bin tools/demo

# Handlers of the tests ask for more memory than there is, and crash: that is for Python and the driver.
CHECKS = $(if $(SANITIZE),PATIENCE=5 ASAN_OPTIONS=allocator_may_return_null=1:handle_segv=0 UBSAN_OPTIONS=print_stacktrace=1)

# Other programs of the tests, Java and Python, do not mind the folder in front of the system's.
OTHER_RDKAFKA = $(if $(RDKAFKA),folder=$$(tools/rdkafka $(RDKAFKA)) || exit; LD_LIBRARY_PATH=$$folder)

check: ## run all tests, or those named in ONLY= (installs what is missing, on Debian)
	@tools/dependencies build test
	@$(build_now) all tests
	@$(OTHER_RDKAFKA) $(CHECKS) BRUCO_BIN=$(abspath $(BUILD))/bin tools/run-tests $(ONLY)

CHAOS = $(OTHER_RDKAFKA) BRUCO_BIN=$(abspath $(BUILD))/bin tests/chaos

chaos: all tests ## the long chaos scenarios (or ONLY= some), report in tests/chaos; two hours
	@status=0; $(CHAOS)/chaos --long --report tests/chaos $(ONLY) || status=1; \
	$(if $(ONLY),,$(CHAOS)/syscalls --seconds 150 --report tests/chaos || status=1; \
		$(CHAOS)/syscalls --exactly-once --seconds 150 --report tests/chaos || status=1;) exit $$status

chaos-mutants: ## build Bruco broken on purpose and show that each break is caught
	@tests/chaos/mutants/run --report tests/chaos/MUTANTS.md $(ONLY)

# PYTHONS, or each pythonX.Y with headers in PATH and among pyenv's versions.
modules: all ## build the worker's module for each Python that is found, or for those in PYTHONS=
	@for python in $(or $(PYTHONS),$$(tools/pythons)); do \
		$(MAKE) --no-print-directory PYTHON=$$python BUILD=$(BUILD) module || exit; done
module: $(MODULE)

tests: $(TESTS) $(MODELS:%=$(BUILD)/tests/%) $(PRELOAD:%=$(BUILD)/tests/%) ## build the tests

bench: all tests ## compare Bruco with others, on Kafka, into tests/bench/RESULTS.md; 23 minutes
	@BRUCO_BIN=$(abspath $(BUILD))/bin PYTHON=$(PYTHON) $(PYTHON) tests/bench/bench \
		--work $(abspath $(BUILD))/bench --report tests/bench \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(RECORDS),--records $(RECORDS)) \
		$(if $(MINUTES),--minutes $(MINUTES)) $(ONLY)

# Each for 2 seconds in `make check`. What is found is kept in tests/fuzz/seeds.
fuzz: ## fuzz every decoder, each target for SECONDS= (60), or ONLY= some
	@tools/dependencies build test
	@tests/fuzz/run --keep --seconds $(or $(SECONDS),60) $(ONLY)

FUZZ_BUILD := build/fuzz
fuzzers:
	@$(MAKE) --no-print-directory CC=clang SANITIZE=fuzzer-no-link,address,undefined \
		CFLAGS='-O1 -g' BUILD=$(FUZZ_BUILD) fuzzers-here
fuzzers-here: $(FUZZERS)

DOCUMENTS := README.md $(wildcard docs/*.md) $(filter-out %/monitoring/README.md examples/README.md,$(sort $(wildcard examples/*/README.md))) $(MAN)
pages: all tests ## run the examples of README, docs, examples and man pages, and write what they print into them
	@BRUCO_BIN=$(abspath $(BUILD))/bin tools/keys > docs/keys.md
	@BRUCO_BIN=$(abspath $(BUILD))/bin tools/pages --write $(or $(ONLY),$(DOCUMENTS))

dependencies: ## install the libraries and tools that build and tests need (Debian)
	@tools/dependencies build test

check-deps: ## hold the directions between the modules
	@tools/check-deps

lint: ## check the man pages, and the C code where cppcheck is installed
	@tools/lint $(MAN)

format: ## clang-format all C files
	clang-format -i $(sort $(shell find lib cmd tests -name '*.[ch]'))

# Made by running the programs, so that they are no part of `all`, which may be for another machine.
COMPLETIONS := $(PROGRAMS:%=share/bash-completion/completions/%) share/zsh/site-functions/_bruco \
	$(PROGRAMS:%=share/fish/vendor_completions.d/%.fish)
$(BUILD)/$(firstword $(COMPLETIONS)): tools/completions $(BINARIES)
	@$(PYTHON) tools/completions $(BUILD)/bin $(BUILD)/share
completions: $(BUILD)/$(firstword $(COMPLETIONS)) ## make the completions for bash, zsh and fish

UNITS := lib/systemd/system/bruco@.service lib/sysusers.d/bruco.conf
MODULES  := $(sort $(patsubst $(BUILD)/%,%,$(MODULE) $(wildcard $(BUILD)/lib/bruco/modules/*.so)))
INSTALLED := $(PROGRAMS:%=bin/%) $(MODULES) $(SHARED) $(COMPLETIONS)
EXAMPLES  := $(sort $(shell find examples -name env -prune -o -type f ! -name '*.pyc' ! -name '*.joblib' -print))
sbom: $(BUILD)/bruco.cdx.json ## write a bill of materials, CycloneDX, into build/bruco.cdx.json
$(BUILD)/bruco.cdx.json: $(BINARIES) tools/sbom
	@$(PYTHON) tools/sbom $(BUILD)/bin $(PYTHON_ARCHIVE) > $@

install: all completions sbom ## install into DESTDIR/PREFIX
	@for file in $(INSTALLED); do \
		install -D -m $$(test -x $(BUILD)/$$file && echo 755 || echo 644) \
			$(BUILD)/$$file $(DESTDIR)$(PREFIX)/$$file || exit; done
	@install -D -m 644 $(BUILD)/bruco.cdx.json $(DESTDIR)$(PREFIX)/share/doc/bruco/bruco.cdx.json
	@install -d $(dir $(UNITS:%=$(DESTDIR)$(PREFIX)/%))
	@sed 's,/usr/bin/bruco,$(PREFIX)/bin/bruco,' packaging/bruco@.service > $(DESTDIR)$(PREFIX)/$(firstword $(UNITS))
	@install -m 644 packaging/sysusers.conf $(DESTDIR)$(PREFIX)/$(lastword $(UNITS))
	@for file in $(wildcard README.md) $(EXAMPLES); do \
		install -D -m 644 $$file $(DESTDIR)$(PREFIX)/share/doc/bruco/$$file || exit; done

deb: ## make the Debian package, as lintian likes it, in build/deb (installs what is missing)
	@tools/dependencies build deb
	@tools/deb $(BUILD)/deb

wheel: ## make the Python wheel, for every Python with headers here, in build/wheel (installs what is missing)
	@tools/dependencies build wheel
	@tools/wheel $(BUILD)/wheel $(ARCH)

uninstall: ## remove what install put there
	cd $(DESTDIR)$(PREFIX) && rm -rf $(PROGRAMS:%=bin/%) $(PAGES) $(COMPLETIONS) $(UNITS) lib/bruco share/bruco share/doc/bruco

clean: ## remove all that was built
	rm -rf build

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

.PHONY: all module modules sbom completions demo bench check fuzz fuzzers fuzzers-here chaos chaos-mutants tests pages dependencies check-deps lint format install wheel uninstall clean help
.DELETE_ON_ERROR:
