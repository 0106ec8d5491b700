# Bruco. `make help` lists the targets.
# CC, CFLAGS, CPPFLAGS, LDFLAGS, PREFIX, DESTDIR and PYTHON are respected.

PYTHON  ?= /usr/bin/python3
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))
comma   := ,

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wvla -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
HARDEN  := -fstack-protector-strong -fPIE $(if $(SANITIZE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -Ilib -Icmd -I$(BUILD)/gen $(HARDEN) $(WARN) $(if $(DEV),-Werror) \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined -fno-omit-frame-pointer) \
	-ffile-prefix-map=$(CURDIR)=. -MMD -MP $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)

# ---- rooms: which objects each program is made of
room     = $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard $(1)/*.c)))
COMMON  := $(call room,lib/base) $(call room,lib/frame) $(call room,lib/stats) $(call room,lib/lane) $(call room,lib/config)
KAFKA   := $(call room,lib/kafka)
PROGRAMS := bruco bruco-source bruco-worker bruco-sink bruco-broker
BINARIES := $(PROGRAMS:%=$(BUILD)/bin/%)

pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)
LIBS_bruco        := $(call pkg,--libs,yaml-0.1) -lm
LIBS_bruco-source := $(call pkg,--libs,rdkafka jansson yaml-0.1) -lm
LIBS_bruco-sink   := $(LIBS_bruco-source)
LIBS_bruco-broker := $(call pkg,--libs,rdkafka)
LIBS_bruco-worker := $(call pkg,--libs,yaml-0.1) $(shell $(PYTHON)-config --embed --ldflags 2>/dev/null) -lm
PYTHON_CFLAGS     := $(patsubst -I%,-isystem %,$(shell $(PYTHON)-config --includes 2>/dev/null))

all: $(BINARIES) $(BUILD)/lib/bruco/python ## build everything (the default)

$(BUILD)/bin/bruco: $(COMMON) $(call room,cmd/bruco)
$(BUILD)/bin/bruco-source: $(COMMON) $(KAFKA) $(call room,cmd/bruco-source)
$(BUILD)/bin/bruco-sink: $(COMMON) $(KAFKA) $(call room,cmd/bruco-sink)
$(BUILD)/bin/bruco-worker: $(COMMON) $(call room,cmd/bruco-worker)
$(BUILD)/bin/bruco-broker: $(call room,lib/base) $(call room,cmd/bruco-broker)

$(BUILD)/bin/%:
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_$*)

$(BUILD)/obj/cmd/bruco-worker/%.o: EXTRA = $(PYTHON_CFLAGS)
$(BUILD)/obj/cmd/bruco-worker/%.o $(BUILD)/obj/cmd/bruco/%.o: EXTRA += -DBRUCO_PYTHON='"$(PYTHON)"'

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(EXTRA) -c -o $@ $<

$(BUILD)/lib/bruco/python: $(wildcard lib/python/*/*)
	@mkdir -p $@ && cp -r lib/python/. $@/ && touch $@

-include $(shell test -d $(BUILD)/obj && find $(BUILD)/obj -name '*.d')

clean: ## remove all that was built
	rm -rf build

.PHONY: all clean
.DELETE_ON_ERROR:
