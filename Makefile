# Built with PGXS. Targets for users: all, install, demo, check; see README.md.

EXTENSION = hamnet
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" hamnet.control)
MODULE_big = hamnet

# Everything without postgres.h is the core: one static library, linked into
# the module and into the unit tests.
CORE_C = $(wildcard src/nn/*.c src/chem/*.c src/model/*.c)
CORE_OBJS = $(filter-out src/nn/kernels.o,$(CORE_C:.c=.o)) src/chem/rdkit_adapter.o $(KERNEL_OBJS)
CORE = libhamnet_core.a

OBJS = $(patsubst %.c,%.o,$(wildcard src/pg/*.c))
DATA = $(wildcard sql/*--*.sql)

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=$(EXTENSION)

UNIT_TESTS = $(patsubst %.c,%,$(wildcard test/unit/test_*.c))

# src/nn/kernels.c is compiled once for each instruction set and chosen at run time.
ifneq (,$(findstring x86_64,$(shell $(CC) -dumpmachine)))
KERNEL_SETS = portable avx2 avx512
else
KERNEL_SETS = portable
endif
KERNEL_OBJS = $(KERNEL_SETS:%=src/nn/kernels_%.o)
KERNEL_FLAGS_avx2 = -mavx2 -mfma
KERNEL_FLAGS_avx512 = -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma

# A server process must not grow threads, so BLAS is the single-threaded build,
# found by its own path whatever the system's default BLAS is.
OPENBLAS_LIBDIR ?= $(firstword $(wildcard /usr/lib/*/openblas-serial))
BLAS_LIBS = $(if $(OPENBLAS_LIBDIR),-L$(OPENBLAS_LIBDIR) -Wl$(comma)-rpath$(comma)$(OPENBLAS_LIBDIR)) -lopenblas
comma = ,

RDKIT_INCLUDE ?= /usr/include/rdkit
RDKIT_LIBS = -lRDKitSmilesParse -lRDKitGraphMol -lRDKitRDGeneral
CORE_LIBS = $(RDKIT_LIBS) -ljansson $(BLAS_LIBS) -lstdc++ -lm

WARNINGS = -Wall -Wextra $(if $(WERROR),-Werror)
CORE_CFLAGS = -std=gnu11 -O3 -g -fPIC -fvisibility=hidden -fno-math-errno -fno-trapping-math \
	-Iinclude $(WARNINGS) $(SANITIZE) $(OPTFLAGS)
CORE_CXXFLAGS = -std=c++17 -O2 -g -fPIC -fvisibility=hidden -Iinclude -isystem $(RDKIT_INCLUDE) \
	$(WARNINGS) $(SANITIZE) $(OPTFLAGS)

PG_CPPFLAGS = -Iinclude -DHAMNET_VERSION='"$(EXTVERSION)"' $(WARNINGS) -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
SHLIB_LINK = $(CORE) $(CORE_LIBS)
EXTRA_CLEAN = $(CORE) $(CORE_OBJS) $(UNIT_TESTS) src/nn/kernels_*.o

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Bitcode serves inlining into SQL expressions; nothing here is small enough to gain.
override with_llvm := no
override CFLAGS := $(filter-out -Wdeclaration-after-statement,$(CFLAGS))

$(shlib): $(CORE)

$(CORE): $(CORE_OBJS)
	rm -f $@
	$(AR) crs $@ $^

CORE_HEADERS = $(wildcard include/hamnet/*.h)

$(filter-out $(KERNEL_OBJS) %rdkit_adapter.o,$(CORE_OBJS)): %.o: %.c $(CORE_HEADERS)
	$(CC) $(CORE_CFLAGS) -c -o $@ $<

$(KERNEL_OBJS): src/nn/kernels_%.o: src/nn/kernels.c $(CORE_HEADERS)
	$(CC) $(CORE_CFLAGS) $(KERNEL_FLAGS_$*) -DHN_KERNEL_SET=$* -c -o $@ $<

src/chem/rdkit_adapter.o: src/chem/rdkit_adapter.cpp $(CORE_HEADERS)
	$(CXX) $(CORE_CXXFLAGS) -c -o $@ $<

$(OBJS): $(CORE_HEADERS) $(wildcard src/pg/*.h)

test/unit/test_%: test/unit/test_%.c $(wildcard test/unit/*.h) $(CORE)
	$(CC) $(CORE_CFLAGS) -Itest/unit -o $@ $< $(CORE) -lcmocka $(CORE_LIBS)

.PHONY: unit
unit: $(UNIT_TESTS)
	@set -e; for t in $(UNIT_TESTS); do ./$$t; done
