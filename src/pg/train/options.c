/*
 * train/options.c: what the caller of the procedure may ask for.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "hamnet/gp.h"
#include "hamnet/known.h"

#include "train/split.h"
#include "chem/standard.h"
#include "train/train.h"

/* Candidates that may be asked for. */
static const char *const heads[] = {"kernel", "mlp", "full", "joint", NULL};

/* Inputs of heads: each the one before and more. */
static const char *const head_inputs[] = {"fingerprint", "descriptors", "counts", "conformer", NULL};

/* When kernels compare fingerprints. */
static const char *const kernel_fingerprints[] = {"always", "never", "best", NULL};

/* What a full network trains beside its heads. */
static const char *const learned[] = {"generator", "projection", NULL};

static const char *const generators[] = {"base", "new", NULL};

static const char *const feature_sets[] = {"hamnet-2021", "hamnet-2026", "hamnet-2026-counts", NULL};

/* Each takes the time of a training. */
#define MAX_FOLDS 100

/* Message layers of a generator: more have never been of use, and cost memory for each atom. */
#define MAX_LAYERS 8

/* 0 is no valid value of these where it is the default: it means "derive from the data or from other options". */
static const Option train_options[] = {
	{"base", OPTION_TEXT, offsetof(TrainOptions, base)},
	{"head", OPTION_TEXT, offsetof(TrainOptions, head), .text = {NULL, heads}},
	SPLIT_OPTIONS(TrainOptions),
	{"standardize", OPTION_TEXT, offsetof(TrainOptions, standardize), .text = {"none", standard_names}},
	{"inputs", OPTION_TEXT, offsetof(TrainOptions, inputs), .text = {NULL, head_inputs}},
	{"counts", OPTION_INTEGER, offsetof(TrainOptions, counts), .integer = {1024, 1, HN_COUNT_COLUMNS}},
	{"kernel_rows", OPTION_INTEGER, offsetof(TrainOptions, kernel_rows),
	.integer = {HN_MAX_GP_ROWS, MIN_TRAINING_ROWS, HN_MAX_GP_ROWS}},
	{"kernel_fingerprint", OPTION_TEXT, offsetof(TrainOptions, kernel_fingerprint), .text = {"always", kernel_fingerprints}},
	{"trees", OPTION_INTEGER, offsetof(TrainOptions, trees), .integer = {200, 0, HN_MAX_TREES}},
	{"boosting", OPTION_INTEGER, offsetof(TrainOptions, boosting), .integer = {600, 0, HN_MAX_TREES}},
	{"epochs", OPTION_INTEGER, offsetof(TrainOptions, epochs), .integer = {0, 1, 100000}},
	{"batch", OPTION_INTEGER, offsetof(TrainOptions, batch), .integer = {32, 1, 100000}},
	{"epoch_rows", OPTION_INTEGER, offsetof(TrainOptions, epoch_rows), .integer = {0, 1, PG_INT32_MAX}},
	{"lr", OPTION_NUMBER, offsetof(TrainOptions, lr), .number = {0, 0, 1, true}},
	{"seed", OPTION_INTEGER, offsetof(TrainOptions, seed), .integer = {0, 0, PG_INT32_MAX}},
	{"members", OPTION_INTEGER, offsetof(TrainOptions, members), .integer = {0, 1, HN_MAX_MEMBERS}},
	{"patience", OPTION_INTEGER, offsetof(TrainOptions, patience), .integer = {20, 0, 100000}},
	{"generator", OPTION_TEXT, offsetof(TrainOptions, generator), .text = {"base", generators}},
	{"engine", OPTION_BOOLEAN, offsetof(TrainOptions, engine), .boolean = true},
	{"features", OPTION_TEXT, offsetof(TrainOptions, features), .text = {NULL, feature_sets}},
	{"bond_messages", OPTION_BOOLEAN, offsetof(TrainOptions, bond_messages), .boolean = false},
	{"projection", OPTION_BOOLEAN, offsetof(TrainOptions, projection), .boolean = false},
	{"fingerprint_counts", OPTION_INTEGER, offsetof(TrainOptions, fingerprint_counts), .integer = {0, 1, HN_COUNT_COLUMNS}},
	{"dim", OPTION_INTEGER, offsetof(TrainOptions, dim), .integer = {128, 4, HN_MAX_WIDTH}},
	{"edge_dim", OPTION_INTEGER, offsetof(TrainOptions, edge_dim), .integer = {0, 1, HN_MAX_WIDTH}},
	{"layers", OPTION_INTEGER, offsetof(TrainOptions, layers), .integer = {0, 1, MAX_LAYERS}},
	{"learn", OPTION_TEXT, offsetof(TrainOptions, learn), .text = {"generator", learned}},
	{"weights", OPTION_JSON, offsetof(TrainOptions, weights)},
	{"contrast", OPTION_TEXT, offsetof(TrainOptions, contrast), .text = {NULL, NULL}},
	{"contrast_weight", OPTION_NUMBER, offsetof(TrainOptions, contrast_weight), .number = {1, 0, 1e6, true}},
	{"keep", OPTION_NUMBER, offsetof(TrainOptions, keep), .number = {0, 0, 1e6, false}},
	{"units", OPTION_INTEGER, offsetof(TrainOptions, units), .integer = {256, 0, HN_MAX_WIDTH}},
	{"decay", OPTION_NUMBER, offsetof(TrainOptions, decay), .number = {1e-4, 0, 10, false}},
	{"huber", OPTION_NUMBER, offsetof(TrainOptions, huber), .number = {0, 0, 100, false}},
	{"dropout", OPTION_NUMBER, offsetof(TrainOptions, dropout), .number = {0.1, 0, 0.9, false}},
	{"workers", OPTION_INTEGER, offsetof(TrainOptions, workers), .integer = {2, 1, 64}},
	{"minutes", OPTION_NUMBER, offsetof(TrainOptions, minutes), .number = {10, 0, 100000, true}},
	{"checkpoint", OPTION_NUMBER, offsetof(TrainOptions, checkpoint), .number = {30, 0, 86400, false}},
	{"known", OPTION_INTEGER, offsetof(TrainOptions, known), .integer = {HN_MAX_KNOWN, 0, HN_MAX_KNOWN}},
	{"folds", OPTION_INTEGER, offsetof(TrainOptions, folds), .integer = {0, 2, MAX_FOLDS}},
	{"refit", OPTION_BOOLEAN, offsetof(TrainOptions, refit), .boolean = false},
	{"skip_unusable", OPTION_BOOLEAN, offsetof(TrainOptions, skip_unusable), .boolean = false},
};

bool
HasNewGenerator(const TrainOptions *options)
{
	return strcmp(options->generator, "new") == 0 || (options->base && strcmp(options->base, "scratch") == 0);
}

/* The first option given that says what shape a new generator has; NULL for none. */
static const char *
OptionOfNewGenerator(const TrainOptions *options)
{
	return !options->engine ? "engine" : options->features ? "features" :
		options->bond_messages ? "bond_messages" : options->projection ? "projection" :
		options->fingerprint_counts > 0 ? "fingerprint_counts" : options->edge_dim > 0 ? "edge_dim" :
		options->layers > 0 ? "layers" : NULL;
}

/* Refuse folds beside another validation set, or for nothing. */
static void
CheckFolds(const TrainOptions *options, SplitKind split)
{
	if (options->folds == 0)
		return;
	if (options->validation.number > 0 || split == SPLIT_NONE || split == SPLIT_QUERY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"%s\" and \"folds\" exclude each other",
						split == SPLIT_QUERY ? "validation_query" : "validation"),
				 errhint("With folds every row is validated on once; \"validation\" may only be \"random\" or \"scaffold\".")));
	if (!options->refit)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"folds\" needs \"refit\""),
				 errhint("The model of a cross-validation is the one that learned from all rows.")));
}

/* Heads that read an option; the others would ignore it. Options that are not here are of every head, or checked below. */
enum
{
	OF_KERNEL = 1,
	OF_MLP = 2,
	OF_FULL = 4,
	OF_JOINT = 8,
	OF_NETWORKS = OF_MLP | OF_FULL | OF_JOINT,
	OF_GENERATORS = OF_KERNEL | OF_FULL		/* a kernel may stand on a generator that knows nothing */
};

static const struct
{
	const char *key;
	int			heads;
}			readers[] = {
	{"inputs", OF_NETWORKS}, {"counts", OF_NETWORKS}, {"epochs", OF_NETWORKS}, {"batch", OF_NETWORKS},
	{"epoch_rows", OF_NETWORKS}, {"lr", OF_NETWORKS}, {"members", OF_NETWORKS}, {"patience", OF_NETWORKS},
	{"units", OF_NETWORKS}, {"dropout", OF_NETWORKS}, {"decay", OF_NETWORKS}, {"huber", OF_NETWORKS}, {"weights", OF_NETWORKS},
	{"kernel_rows", OF_KERNEL | OF_JOINT}, {"kernel_fingerprint", OF_KERNEL | OF_JOINT},
	{"trees", OF_JOINT}, {"boosting", OF_JOINT},
	{"contrast_weight", OF_FULL}, {"dim", OF_GENERATORS}
};

/* Whether the caller has given an option a value. */
static bool
IsGiven(const Jsonb *json, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer((JsonbContainer *) &json->root, key, strlen(key), &buffer);

	return value != NULL && value->type != jbvNull;
}

/* Return the heads of a set in words: "mlp", "full" or "joint". */
static char *
HeadNames(int set)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int h = 0; heads[h] != NULL; h++)
		if (set & (1 << h))
			appendStringInfo(&names, "%s\"%s\"", names.len == 0 ? "" : set >> (h + 1) ? ", " : " or ", heads[h]);
	return names.data;
}

bool
ReadsConformer(const TrainOptions *options)
{
	return options->inputs && strcmp(options->inputs, "conformer") == 0;
}

/* Refuse options that the head ignores: whoever gives one expects something of it. */
static void
CheckReaders(const Jsonb *json, const TrainOptions *options)
{
	int			head = 0;

	while (options->head && strcmp(heads[head], options->head) != 0)
		head++;
	for (int i = 0; options->head && i < lengthof(readers); i++)
	{
		/* A kernel reads descriptors and counts in any case; only a conformation adds to them. */
		if (strcmp(readers[i].key, "inputs") == 0 && ReadsConformer(options))
			continue;
		if (!(readers[i].heads & (1 << head)) && IsGiven(json, readers[i].key))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" has no effect with head \"%s\"", readers[i].key, options->head),
					 errhint("Leave it out, or choose head %s.", HeadNames(readers[i].heads))));
	}
	if (IsGiven(json, "contrast_weight") && options->contrast == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" has no effect without option \"%s\"", "contrast_weight", "contrast")));
	if (IsGiven(json, "dim") && !HasNewGenerator(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" requires a new generator", "dim"),
				 errhint("Add \"generator\": \"new\".")));
}

static void
CheckOptions(const TrainOptions *options)
{
	SplitKind	split = ChooseSplit(&options->validation, options->validation_query);

	CheckFolds(options, split);
	if (split == SPLIT_NONE && options->head == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"head\" is needed when nothing is held out for validation"),
				 errhint("Without option \"head\", the head that validates best is kept.")));
	if ((options->contrast || options->keep > 0 || strcmp(options->learn, "projection") == 0) &&
		(options->head == NULL || strcmp(options->head, "full") != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" requires head \"full\"",
						options->contrast ? "contrast" : options->keep > 0 ? "keep" : "learn"),
				 errhint("Add \"head\": \"full\".")));
	if (HasNewGenerator(options))
	{
		if (options->head && (strcmp(options->head, "mlp") == 0 || strcmp(options->head, "joint") == 0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("head \"%s\" needs a base whose fingerprint was learned", options->head),
					 errhint("Use head \"full\" to learn from scratch.")));
		return;
	}
	if (OptionOfNewGenerator(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" requires a new generator", OptionOfNewGenerator(options)),
				 errhint("Add \"generator\": \"new\".")));
}

void
ReportTrainOptions(const TrainOptions *options, StringInfo json)
{
	AppendOptions(json, train_options, lengthof(train_options), options);
}

void
ReadTrainOptions(const Jsonb *json, TrainOptions *options)
{
	ReadOptions(json, train_options, lengthof(train_options), options);
	if (options->folds > 0 && !IsGiven(json, "refit"))
		options->refit = true;
	if (ChooseSplit(&options->validation, options->validation_query) == SPLIT_NONE)
		options->refit = false;
	CheckOptions(options);
	CheckReaders(json, options);
}
