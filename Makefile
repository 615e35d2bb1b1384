# Targets, see README.md: demo, check, bench and reproduce set up everything they need themselves, and
# so do deb, and the longer tests, check-full and its parts fuzz, lint, check-sanitize, check-arm64 and check-install; report writes
# models/REPORT.md from stored results, pictures the pictures of README.md; all, install, uninstall and clean are PGXS's; unit,
# installcheck, check-pgtap and check-tap are the parts of check, for a server that has the extension.

# The commands for a fresh clone come without PGXS, which may not be installed yet.
ifneq (,$(filter setup demo check check-full deb fuzz lint check-sanitize check-arm64 check-install bench reproduce report pictures,$(MAKECMDGOALS)))

.PHONY: setup demo check check-full deb fuzz lint check-sanitize check-arm64 check-install bench reproduce report pictures
setup:
	@scripts/setup.sh --tests
demo:
	@scripts/demo.sh
check:
	@$(if $(SUITE),MAKEFLAGS= scripts/suite.sh $(SUITE) make check,scripts/check.sh)
check-full:
	@scripts/check.sh --full
deb:
	@$(if $(SUITE),MAKEFLAGS= scripts/suite.sh $(SUITE) make deb,scripts/deb.sh)
fuzz:
	@scripts/fuzz.sh $(FUZZ_SECONDS)
lint:
	@scripts/lint.sh
check-sanitize:
	@scripts/sanitize.sh
check-arm64:
	@$(if $(SUITE),MAKEFLAGS= scripts/suite.sh $(SUITE) make check-arm64,scripts/arm64.sh)
check-install:
	@MAKEFLAGS= scripts/check_install.sh $(or $(SUITE),trixie)
bench:
	@scripts/bench.sh
# DATA is PGXS's name too: the make that builds must not get it from MAKEFLAGS.
reproduce:
	@MAKEFLAGS= DATA="$(DATA)" ROW="$(ROW)" scripts/reproduce.sh
report:
	@python3 models/report.py
pictures:
	@scripts/pictures.sh

else

ifneq (,$(VPATH)$(if $(wildcard hamnet.control),,elsewhere))
$(error hamnet is built in the directory of its sources: run make there, without VPATH)
endif

EXTENSION = hamnet hamnet_pgvector
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" hamnet.control)
MODULE_big = hamnet

# Everything without postgres.h is the core: one static library, linked into
# the module and into the unit tests.
CORE_C = $(wildcard src/nn/*.c src/chem/*.c src/model/*.c src/index/*.c)
RDKIT_OBJS = $(patsubst %.cpp,%.o,$(filter-out $(if $(INCHI_HEADER),,src/chem/rdkit_inchi.cpp),$(wildcard src/chem/rdkit_*.cpp)))
CORE_OBJS = $(filter-out src/nn/simd.o src/nn/product.o,$(CORE_C:.c=.o)) $(RDKIT_OBJS) $(SIMD_OBJS) $(PRODUCT_OBJS)
CORE = libhamnet_core.a

# Drawing is a module of its own, see src/draw/module.c; the other one does not need what is in the core for it.
DRAW_OBJS = src/draw/module.o
DRAW = hamnet_draw$(DLSUFFIX)

# So is InChI, and is left out where its library's header is not found, or with INCHI_HEADER= .
INCHI_HEADER ?= $(firstword $(wildcard /usr/include/inchi_api.h /usr/local/include/inchi_api.h))
INCHI_OBJS = src/inchi/module.o
INCHI = $(if $(INCHI_HEADER),hamnet_inchi$(DLSUFFIX))

# The modules beside hamnet itself.
MODULES_BESIDE = $(DRAW) $(INCHI)

# The same in double precision, for the tests that compare gradients with finite differences.
DOUBLE = build/double/
DOUBLE_CORE = $(DOUBLE)$(CORE)

# The same with checks: sanitizers, which stop at the first error, and the core's own. For clang, whose fuzzer it serves.
CHECKED = build/checked/
CHECKED_CORE = $(CHECKED)$(CORE)
CHECKED_DOUBLE = build/checked-double/
CHECKED_DOUBLE_CORE = $(CHECKED_DOUBLE)$(CORE)
CHECKED_CC = clang
CHECKED_CXX = clang++
CHECKED_FLAGS = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined,float-cast-overflow,fuzzer-no-link \
	-fno-sanitize=vptr,function -fno-sanitize-recover=all -DHAMNET_CHECKS
# In C also every conversion that nobody wrote and that changes a value, its sign for one.
CHECKED_CFLAGS = $(CORE_CFLAGS) -fsanitize=implicit-conversion $(CHECKED_FLAGS)

OBJS = $(patsubst %.c,%.o,$(wildcard src/pg/*.c src/pg/*/*.c))
DATA = $(wildcard sql/*--*.sql) $(if $(MODELDIR),,$(TRAINED_MODELS))
DATA_built = $(if $(MODELDIR),,$(DRAWN_MODELS))

# The built-in models are installed beside the extension; their SHA-256 and
# what they predict are compiled into the module. With MODELDIR they are
# installed into that directory, where servers of several versions find them.
# Two are made here, because
# a seed draws all of their weights, or all but those of an engine.
DRAWN_MODELS = models/hamnet-untrained.safetensors models/hamnet-engine.safetensors
TRAINED_MODELS = $(filter-out $(DRAWN_MODELS),$(wildcard models/hamnet-*.safetensors))
BUILTIN_MODELS = src/pg/model/builtin_models.h
SHA256SUM ?= sha256sum

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=hamnet

UNIT_TESTS = $(patsubst %.c,%,$(filter-out $(if $(INCHI_HEADER),,test/unit/test_inchi.c),$(wildcard test/unit/test_*.c test/unit/double/test_*.c)))
CHECKED_UNIT_TESTS = $(UNIT_TESTS:%=$(CHECKED)%)
FUZZERS = $(patsubst test/fuzz/%.c,$(CHECKED)%,$(filter-out $(if $(INCHI_HEADER),,test/fuzz/fuzz_inchi.c),$(wildcard test/fuzz/fuzz_*.c)))

# src/nn/simd.c and product.c are compiled once for each instruction set and chosen at run time.
ifneq (,$(findstring x86_64,$(shell $(CC) -dumpmachine)))
SIMD_SETS = portable avx2 avx512 vnni
else
SIMD_SETS = portable
endif
SIMD_OBJS = $(SIMD_SETS:%=src/nn/simd_%.o)
PRODUCT_OBJS = $(SIMD_SETS:%=src/nn/product_%.o)
# No fused multiply-add: every set, compiler and processor computes the same bits.
SIMD_FLAGS = -ffp-contract=off
SIMD_FLAGS_avx2 = -mavx2
SIMD_FLAGS_avx512 = -mavx512f -mavx512bw -mavx512dq -mavx512vl
SIMD_FLAGS_vnni = $(SIMD_FLAGS_avx512) -mavx512vnni
# Except in the products of the network, which are half as fast without it.
PRODUCT_FLAGS = -ffp-contract=fast
PRODUCT_FLAGS_avx2 = $(SIMD_FLAGS_avx2) -mfma
PRODUCT_FLAGS_avx512 = $(SIMD_FLAGS_avx512) -mfma
PRODUCT_FLAGS_vnni = $(SIMD_FLAGS_vnni) -mfma

# A server process must not grow threads, so BLAS is the single-threaded build,
# found by its own path whatever the system's default BLAS is.
OPENBLAS_LIBDIR ?= $(firstword $(wildcard /usr/lib/*/openblas-serial))
OPENBLAS_INCLUDE ?= $(firstword $(wildcard /usr/include/*/openblas-serial))
BLAS_CFLAGS = $(OPENBLAS_INCLUDE:%=-I%)
BLAS_LIBS = $(if $(OPENBLAS_LIBDIR),-L$(OPENBLAS_LIBDIR) -Wl$(comma)-rpath$(comma)$(OPENBLAS_LIBDIR)) -lopenblas
comma = ,

RDKIT_INCLUDE ?= /usr/include/rdkit
# First those in which most symbols are: the loader looks in this order, which is half of a connection's first call.
RDKIT_LIBS = -lRDKitGraphMol -lRDKitRDGeneral -lRDKitChemTransforms -lRDKitDescriptors -lRDKitFingerprints -lRDKitPartialCharges -lRDKitSubstructMatch \
	-lRDKitDistGeomHelpers -lRDKitForceFieldHelpers -lRDKitForceField -lRDKitFileParsers \
	-lRDKitSmilesParse -lRDKitDataStructs -lRDKitRDGeometryLib -lRDKitMolStandardize -lRDKitDepictor
# Data files of RDKit, from Debian's rdkit-data.
RDKIT_DATA ?= /usr/share/RDKit/Data
FRAGMENTS = src/chem/fragments.h
INCHI_LIBS = -linchi -lRDKitSmilesParse -lRDKitSubstructMatch -lRDKitGraphMol -lRDKitRDGeneral -lRDKitRDGeometryLib -lstdc++ -lm
DRAW_LIBS = -lRDKitMolDraw2D -lRDKitSmilesParse -lRDKitSubstructMatch -lRDKitGraphMol -lRDKitRDGeneral -lRDKitRDGeometryLib -lstdc++ -lm
CORE_LIBS = $(RDKIT_LIBS) -ljansson $(BLAS_LIBS) -lstdc++ -lm

WARNINGS = -Wall -Wextra $(if $(WERROR),-Werror)
CORE_CFLAGS = -std=gnu11 -O3 -g -fPIC -fvisibility=hidden -fno-math-errno -fno-trapping-math \
	-Iinclude $(BLAS_CFLAGS) $(WARNINGS) $(SANITIZE) $(OPTFLAGS)
# RDKit 2026.09 needs C++20, which 2022.09 can do as well.
CORE_CXXFLAGS = -std=c++20 -O2 -g -fPIC -fvisibility=hidden -Iinclude -isystem $(RDKIT_INCLUDE) \
	$(patsubst %/inchi_api.h,-isystem %,$(filter-out /usr/include/%,$(INCHI_HEADER))) $(WARNINGS) $(SANITIZE) $(OPTFLAGS)

PG_CPPFLAGS = -Iinclude -Isrc/pg -DHAMNET_VERSION='"$(EXTVERSION)"' $(MODELDIR:%=-DHAMNET_MODELDIR='"%"') $(WARNINGS) -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
SHLIB_LINK = -Wl,--version-script=src/pg/exports.map $(CORE) $(CORE_LIBS)
EXTRA_CLEAN = build $(MODULES_BESIDE) $(DRAW_OBJS) $(INCHI_OBJS) $(CORE) $(CORE_OBJS) $(UNIT_TESTS) test/unit/*.o src/nn/simd_*.o src/nn/product_*.o \
	models/make_model models/pin_models models/round_model $(DRAWN_MODELS:=.new) bench/network bench/training_step bench/predictions bench/scan_limit bench/*.o $(BUILTIN_MODELS) $(BUILTIN_MODELS).new $(FRAGMENTS) $(FRAGMENTS).new

# Bitcode serves inlining into SQL expressions; nothing here is small enough to gain.
override with_llvm := no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)

# Not every package of the server has the program.
ifneq (,$(wildcard $(dir $(PGXS))../test/isolation/pg_isolation_regress))
ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=hamnet
endif
include $(PGXS)

override CFLAGS := $(filter-out -Wdeclaration-after-statement,$(CFLAGS))

# The server's flags and headers come from gcc, and use things that only gcc knows.
ifneq (,$(findstring clang,$(CC)))
override CFLAGS += -Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-ignored-attributes
endif

$(shlib): $(CORE) src/pg/exports.map

all: $(MODULES_BESIDE)

$(DRAW): $(DRAW_OBJS) $(CORE)
	$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_SL) -shared -o $@ $^ $(DRAW_LIBS)

hamnet_inchi$(DLSUFFIX): $(INCHI_OBJS) $(CORE)
	$(CC) $(CFLAGS) $(LDFLAGS) $(LDFLAGS_SL) -shared -o $@ $^ $(INCHI_LIBS)

install: install-beside
uninstall: uninstall-beside

.PHONY: install-beside uninstall-beside
install-beside: $(MODULES_BESIDE)
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_SHLIB) $(MODULES_BESIDE) '$(DESTDIR)$(pkglibdir)/'
uninstall-beside:
	rm -f $(MODULES_BESIDE:%='$(DESTDIR)$(pkglibdir)/%')

$(CORE): $(CORE_OBJS)
	rm -f $@
	$(AR) crs $@ $^

# Without the generated one, which is newer than objects that do not need it.
CORE_HEADERS = $(filter-out $(FRAGMENTS),$(wildcard include/hamnet/*.h src/nn/*.h src/chem/*.h src/model/*.h))

$(filter-out $(SIMD_OBJS) $(PRODUCT_OBJS) $(RDKIT_OBJS),$(CORE_OBJS)): %.o: %.c $(CORE_HEADERS)
	$(CC) $(CORE_CFLAGS) -c -o $@ $<

$(SIMD_OBJS): src/nn/simd_%.o: src/nn/simd.c $(CORE_HEADERS)
	$(CC) $(CORE_CFLAGS) $(SIMD_FLAGS) $(SIMD_FLAGS_$*) -DHN_SIMD_SET=$* -c -o $@ $<

$(PRODUCT_OBJS): src/nn/product_%.o: src/nn/product.c $(CORE_HEADERS)
	$(CC) $(CORE_CFLAGS) $(PRODUCT_FLAGS) $(PRODUCT_FLAGS_$*) -DHN_SIMD_SET=$* -c -o $@ $<

src/chem/rdkit_descriptors.o: $(FRAGMENTS)

$(FRAGMENTS): src/chem/make_fragments.sh $(RDKIT_DATA)/FragmentDescriptors.csv
	sh $^ > $@.new
	mv $@.new $@

$(RDKIT_OBJS): %.o: %.cpp $(CORE_HEADERS)
	$(CXX) $(CORE_CXXFLAGS) -c -o $@ $<

$(OBJS) $(DRAW_OBJS) $(INCHI_OBJS): $(CORE_HEADERS) $(BUILTIN_MODELS) $(wildcard src/pg/*/*.h)

# The version is compiled in.
src/pg/server/version.o: hamnet.control

models/make_model models/pin_models models/round_model: %: %.c models/files.h $(CORE)
	$(CC) $(CORE_CFLAGS) -o $@ $< $(CORE) $(CORE_LIBS)

models/hamnet-untrained.safetensors: SEED = 20210503
models/hamnet-untrained.safetensors: ID = 36e065f01b3d4fa171cc60bc3ccd8932541993e41d477f3f00d40e03b061034c

models/hamnet-engine.safetensors: SEED = 0
models/hamnet-engine.safetensors: ID = 496450e9397b4228093883c0fba569180164bf78f4c1f689d10246bb95a12eaa
models/hamnet-engine.safetensors: models/engine.safetensors

# Indexes and columns of users know a model by its SHA-256: another one is an error.
$(DRAWN_MODELS): models/make_model
	./models/make_model $@.new $(SEED) $(filter %.safetensors,$^)
	@sum=$$($(SHA256SUM) < $@.new); [ "$${sum%% *}" = $(ID) ] || \
		{ echo "$@ must have SHA-256 $(ID), but what was made has $${sum%% *}" >&2; exit 1; }
	mv $@.new $@

ifdef MODELDIR
all: $(DRAWN_MODELS)
install: install-models
.PHONY: install-models
install-models: $(DRAWN_MODELS)
	$(MKDIR_P) '$(DESTDIR)$(MODELDIR)'
	$(INSTALL_DATA) $(sort $(DRAWN_MODELS) $(TRAINED_MODELS)) '$(DESTDIR)$(MODELDIR)/'
uninstall: uninstall-models
.PHONY: uninstall-models
uninstall-models:
	rm -f $(patsubst models/%,'$(DESTDIR)$(MODELDIR)/%',$(sort $(DRAWN_MODELS) $(TRAINED_MODELS)))
endif

# Replaced only when it changes, so that the module is not rebuilt for nothing.
$(BUILTIN_MODELS): $(sort $(DRAWN_MODELS) $(TRAINED_MODELS)) models/pin_models.sh models/pin_models
	SHA256SUM="$(SHA256SUM)" sh models/pin_models.sh models/pin_models $(filter %.safetensors,$^) > $@.new
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

test/unit/test_%: test/unit/test_%.c $(wildcard test/unit/*.h) $(CORE)
	$(CC) $(CORE_CFLAGS) -Itest/unit -o $@ $< $(filter test/unit/%.o,$^) $(CORE) -lcmocka $(CORE_LIBS)

test/unit/test_draw $(CHECKED)test/unit/test_draw: CORE_LIBS += $(DRAW_LIBS)
test/unit/test_inchi $(CHECKED)test/unit/test_inchi: CORE_LIBS += -linchi -lm

test/unit/test_chem test/unit/test_network test/unit/test_descriptors test/unit/test_standardize: test/unit/respell.o
test/unit/test_simd test/unit/test_simd_network test/unit/test_simd_backward: test/unit/simd_naive.o

# A variant of the core mirrors the tree in a directory of its own:
# its directory, its compilers for C and C++ with their flags.
define CORE_VARIANT
$(1)$(CORE): $(CORE_OBJS:%=$(1)%)
	rm -f $$@
	$$(AR) crs $$@ $$^

$(addprefix $(1),$(filter-out $(SIMD_OBJS) $(PRODUCT_OBJS) $(RDKIT_OBJS),$(CORE_OBJS))): $(1)%.o: %.c $$(CORE_HEADERS)
	@mkdir -p $$(@D)
	$(2) -c -o $$@ $$<

$(SIMD_OBJS:%=$(1)%): $(1)src/nn/simd_%.o: src/nn/simd.c $$(CORE_HEADERS)
	@mkdir -p $$(@D)
	$(2) $$(SIMD_FLAGS) $$(SIMD_FLAGS_$$*) -DHN_SIMD_SET=$$* -c -o $$@ $$<

$(PRODUCT_OBJS:%=$(1)%): $(1)src/nn/product_%.o: src/nn/product.c $$(CORE_HEADERS)
	@mkdir -p $$(@D)
	$(2) $$(PRODUCT_FLAGS) $$(PRODUCT_FLAGS_$$*) -DHN_SIMD_SET=$$* -c -o $$@ $$<

$(1)src/chem/rdkit_descriptors.o: $(FRAGMENTS)

$(RDKIT_OBJS:%=$(1)%): $(1)%.o: %.cpp $$(CORE_HEADERS)
	@mkdir -p $$(@D)
	$(3) -c -o $$@ $$<
endef

$(eval $(call CORE_VARIANT,$(DOUBLE),$$(CC) $$(CORE_CFLAGS) -DHAMNET_DOUBLE,$$(CXX) $$(CORE_CXXFLAGS) -DHAMNET_DOUBLE))
$(eval $(call CORE_VARIANT,$(CHECKED),$$(CHECKED_CC) $$(CHECKED_CFLAGS),$$(CHECKED_CXX) $$(CORE_CXXFLAGS) $$(CHECKED_FLAGS)))
$(eval $(call CORE_VARIANT,$(CHECKED_DOUBLE),$$(CHECKED_CC) $$(CHECKED_CFLAGS) -DHAMNET_DOUBLE,\
	$$(CHECKED_CXX) $$(CORE_CXXFLAGS) $$(CHECKED_FLAGS) -DHAMNET_DOUBLE))

test/unit/double/test_%: test/unit/double/test_%.c $(wildcard test/unit/*.h) $(DOUBLE_CORE)
	$(CC) $(CORE_CFLAGS) -DHAMNET_DOUBLE -Itest/unit -o $@ $< $(DOUBLE_CORE) -lcmocka $(CORE_LIBS)

test/unit/respell.o: test/unit/respell.cpp
	$(CXX) $(CORE_CXXFLAGS) -c -o $@ $<

test/unit/simd_naive.o: test/unit/simd_naive.c test/unit/simd_naive.h $(CORE_HEADERS)
	$(CC) $(CORE_CFLAGS) -c -o $@ $<

$(CHECKED)test/unit/test_%: test/unit/test_%.c $(wildcard test/unit/*.h) $(CHECKED_CORE)
	@mkdir -p $(@D)
	$(CHECKED_CC) $(CHECKED_CFLAGS) -Itest/unit -o $@ $< $(filter test/unit/%.o,$^) $(CHECKED_CORE) -lcmocka $(CORE_LIBS)

$(CHECKED)test/unit/test_chem $(CHECKED)test/unit/test_network $(CHECKED)test/unit/test_descriptors $(CHECKED)test/unit/test_standardize: test/unit/respell.o
$(CHECKED)test/unit/test_simd $(CHECKED)test/unit/test_simd_network $(CHECKED)test/unit/test_simd_backward: test/unit/simd_naive.o

$(CHECKED)test/unit/double/test_%: test/unit/double/test_%.c $(wildcard test/unit/*.h) $(CHECKED_DOUBLE_CORE)
	@mkdir -p $(@D)
	$(CHECKED_CC) $(CHECKED_CFLAGS) -DHAMNET_DOUBLE -Itest/unit -o $@ $< $(CHECKED_DOUBLE_CORE) -lcmocka $(CORE_LIBS)

$(CHECKED)test/fuzz/fuzz.o: test/fuzz/fuzz.c test/fuzz/fuzz.h $(CORE_HEADERS)
	@mkdir -p $(@D)
	$(CHECKED_CC) $(CHECKED_CFLAGS) -c -o $@ $<

$(CHECKED)fuzz_%: test/fuzz/fuzz_%.c $(CHECKED)test/fuzz/fuzz.o $(CHECKED_CORE)
	$(CHECKED_CC) $(CHECKED_CFLAGS) -fsanitize=fuzzer -o $@ $(filter-out %.h,$^) $(CORE_LIBS)

$(CHECKED)fuzz_inchi: CORE_LIBS += -linchi -lm

# The type's input and output are server code: its files, with a stand-in for the server.
SERVER_FLAGS = -std=gnu11 -g -fwrapv -fno-strict-aliasing -Itest/fuzz $(CPPFLAGS) -Wno-ignored-attributes
HFP_OBJS = $(addprefix $(CHECKED),src/pg/type/hfp.o src/pg/type/io.o test/fuzz/server.o)

$(HFP_OBJS): $(CHECKED)%.o: %.c $(wildcard src/pg/*/*.h test/fuzz/*.h) $(CORE_HEADERS)
	@mkdir -p $(@D)
	$(CHECKED_CC) $(SERVER_FLAGS) $(CHECKED_FLAGS) -c -o $@ $<

$(CHECKED)fuzz_hfp_%: test/fuzz/fuzz_hfp_%.c $(CHECKED)test/fuzz/fuzz.o $(HFP_OBJS) $(CHECKED_CORE)
	$(CHECKED_CC) $(SERVER_FLAGS) $(CHECKED_FLAGS) -fsanitize=fuzzer -o $@ $^ -L$(pkglibdir) -L$(libdir) -lpgcommon -lpgport $(CORE_LIBS)

$(CHECKED)make_corpus: test/fuzz/make_corpus.c test/unit/golden.h $(CHECKED_CORE)
	$(CHECKED_CC) $(CHECKED_CFLAGS) -Itest/unit -o $@ $< $(CHECKED_CORE) $(CORE_LIBS)

bench/training_step bench/predictions bench/scan_limit: %: %.c bench/bench.h models/files.h $(CORE)
	$(CC) $(CORE_CFLAGS) -o $@ $< $(CORE) $(CORE_LIBS)

bench/rdkit_parse.o: bench/rdkit_parse.cpp
	$(CXX) $(CORE_CXXFLAGS) -c -o $@ $<

bench/network: bench/network.c bench/bench.h models/files.h bench/rdkit_parse.o $(CORE)
	$(CC) $(CORE_CFLAGS) -o $@ $< bench/rdkit_parse.o $(CORE) $(CORE_LIBS)

.PHONY: unit unit-programs checked-unit-programs fuzzers fuzz-corpus check-pgtap check-tap

unit-programs: $(UNIT_TESTS)
checked-unit-programs: $(CHECKED_UNIT_TESTS)
fuzzers: $(FUZZERS)

# Written again when inputs of a new kind are wanted; what is there stays.
fuzz-corpus: $(CHECKED)make_corpus
	./$<

# All of them run, whatever fails; under EMULATOR those for another architecture.
unit: unit-programs
	@status=0; for t in $(UNIT_TESTS); do $(EMULATOR) ./$$t || status=1; done; exit $$status

# On the server that PGHOST and so on name, each file in a database of its own.
check-pgtap:
	@prove $(PROVE_FLAGS) --exec scripts/pgtap.sh $(or $(PROVE_TESTS),$(sort $(wildcard test/pgtap/*.sql)))

# Starts servers of its own.
check-tap:
	@PG_CONFIG=$(PG_CONFIG) scripts/tap.sh $(PROVE_FLAGS) $(or $(PROVE_TESTS),$(sort $(wildcard test/t/*.pl)))

endif
