/*
 * fuzz_options.c: JSON as options of a training, as the configuration of a
 * model, and as text.
 *
 * A server checks its options before the core sees them. Here the core sees
 * whatever a JSON object can say, and has to refuse it itself.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hamnet/chem.h"
#include "hamnet/json.h"
#include "hamnet/training.h"

#define EXAMPLES 3

const HnStatus fuzz_failures[] = {HN_INVALID_MODEL, HN_INVALID_ARGUMENT, HN_NOT_FINITE, HN_OK};

static const HnStatus configuration_failures[] = {HN_INVALID_MODEL, HN_OK};

static void
set_number(const json_t *options, const char *key, double *value)
{
	const json_t *found = json_object_get(options, key);

	if (json_is_number(found))
		*value = json_number_value(found);
}

/* As a double, a string reaches what JSON has no number for. */
static void
set_special(const json_t *options, const char *key, double *value)
{
	const json_t *found = json_object_get(options, key);

	set_number(options, key, value);
	if (json_is_string(found))
		*value = strtod(json_string_value(found), NULL);
}

static int64_t
integer(const json_t *options, const char *key, int64_t least, int64_t most, int64_t otherwise)
{
	const json_t *found = json_object_get(options, key);
	int64_t		value = json_is_integer(found) ? json_integer_value(found) : otherwise;

	return value < least || value > most ? otherwise : value;
}

static void
set_options(const json_t *json, HnTraining *training, HnOptimiserOptions *options)
{
	training->trained = (HnTrained) integer(json, "trained", HN_TRAIN_HEADS, HN_TRAIN_ALL, training->trained);
	training->seed = (uint64_t) integer(json, "seed", INT64_MIN, INT64_MAX, 0);
	training->micro_batch = (int) integer(json, "micro_batch", INT_MIN, INT_MAX, training->micro_batch);
	set_special(json, "dropout", &training->dropout);
	set_special(json, "huber", &training->huber);
	set_special(json, "adj3", &training->adj3_weight);
	set_special(json, "head_rate", &training->head_rate);
	set_special(json, "rate", &options->rate);
	set_special(json, "final_rate", &options->final_rate);
	set_special(json, "beta1", &options->beta1);
	set_special(json, "beta2", &options->beta2);
	set_special(json, "epsilon", &options->epsilon);
	set_special(json, "weight_decay", &options->weight_decay);
	set_special(json, "clip", &options->clip);
	set_special(json, "average_decay", &options->average_decay);
	options->warmup_steps = integer(json, "warmup_steps", INT64_MIN, INT64_MAX, 0);
	options->total_steps = integer(json, "total_steps", INT64_MIN, INT64_MAX, 1000);
	options->averaging = (HnAveraging) integer(json, "averaging", HN_AVERAGE_NONE, HN_AVERAGE_EXPONENTIAL,
											   HN_AVERAGE_NONE);
}

/* Three molecules, one without all labels. */
static HnStatus
make_examples(HnContext *context, const json_t *json, HnExample *examples)
{
	static const char *const smiles[EXAMPLES] = {"CCO", "c1ccncc1", "C"};
	static double targets[EXAMPLES][3] = {{-1, 2, 0}, {3, 0.5, 1}, {NAN, 1, NAN}};
	HnGraph    *graphs;

	/* A label may be anything. */
	targets[0][0] = -1;
	set_special(json, "label", &targets[0][0]);
	HN_NEW(context, graphs, EXAMPLES);
	for (int i = 0; i < EXAMPLES; i++)
	{
		HN_TRY(hn_graph_from_smiles(context, smiles[i], &hn_features_2021, 10, &graphs[i]));
		examples[i] = (HnExample)
		{
			.graph = &graphs[i], .number = (uint64_t) i, .targets = targets[i]
		};
	}
	return HN_OK;
}

/* A copy of the golden model with weights of its own. */
static HnStatus
copy_model(HnContext *context, HnModel *copy)
{
	const HnModel *golden = fuzz_model(&hn_features_2021);

	HN_TRY(hn_model_with_heads(context, golden, golden->heads, golden->head_count, 1, copy));
	FUZZ_CHECK(hn_model_target_count(copy) == 3);
	return HN_OK;
}

/* Two steps of a training. */
static HnStatus
train(HnContext *context, const json_t *json, FuzzDigest *digest)
{
	HnTraining	training = hn_training_defaults;
	HnOptimiserOptions options = hn_optimiser_defaults;
	HnOptimiser optimiser;
	HnParameterGroup *groups;
	int			group_count;
	HnExample	examples[EXAMPLES];
	HnModel		model;
	real	   *gradient;

	set_options(json, &training, &options);
	HN_TRY(copy_model(context, &model));
	HN_TRY(make_examples(context, json, examples));
	HN_TRY(hn_training_standardise(context, &model, examples, EXAMPLES));
	HN_TRY(hn_training_groups(context, &model, &training, &groups, &group_count));
	HN_TRY(hn_optimiser_init(context, &options, groups, group_count, model.parameters, model.parameter_count,
							 &optimiser));
	HN_NEW(context, gradient, model.parameter_count);
	for (int step = 0; step < 2; step++)
	{
		HnLossSum	sum = {0};
		HnStepReport report;

		memset(gradient, 0, (size_t) model.parameter_count * sizeof(real));
		HN_TRY(hn_gradient_add(context, &model, &training, step, examples, EXAMPLES, gradient, &sum));
		FUZZ_CHECK(isfinite(sum.loss) && sum.loss >= 0);
		HN_TRY(hn_optimiser_step(context, &optimiser, gradient, sum.count, &report));
		FUZZ_CHECK(report.rate >= 0 && isfinite(report.rate) && report.gradient_norm >= 0);
		fuzz_digest(digest, &sum, sizeof(sum));
	}
	fuzz_check_finite(hn_optimiser_weights(&optimiser), (size_t) model.parameter_count);
	fuzz_digest(digest, hn_optimiser_weights(&optimiser), (size_t) model.parameter_count * sizeof(real));
	return HN_OK;
}

/* As the configuration of a model whose tensors are missing, which may be refused for another reason first. */
static HnStatus
configure(HnContext *context, const char *text)
{
	unsigned char *bytes;
	size_t		size;
	HnModel		model;
	HnStatus	status = hn_safetensors_write(context, NULL, 0, text, &bytes, &size);

	if (status == HN_OK)
	{
		status = hn_model_read(context, bytes, size, &model);
		FUZZ_CHECK(status != HN_OK);
	}
	if (fuzz_from_outside(status))
		return status;
	fuzz_check_failure(context, status, configuration_failures);
	return HN_OK;
}

/* What is written of an object reads as the same object. */
static HnStatus
round_trip(HnContext *context, const json_t *json, FuzzDigest *digest)
{
	const char *text;
	json_t	   *again;
	HnStatus	status;

	HN_TRY(hn_json_text(context, json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17), &text));
	FUZZ_CHECK(fuzz_is_utf8(text));
	fuzz_digest(digest, text, strlen(text));
	status = hn_json_parse(context, "the text", text, strlen(text), &again);
	if (status == HN_OK)
		FUZZ_CHECK(json_equal(json, again));
	json_decref(again);
	return status;
}

static HnStatus
try_options(HnContext *context, const json_t *json, const char *text, FuzzDigest *digest)
{
	HN_TRY(round_trip(context, json, digest));
	HN_TRY(configure(context, text));
	return train(context, json, digest);
}

/* Text that is called a label or an identifier must be fit for one; whatever is quoted, for a message. */
static void
check_text(const char *text, size_t most)
{
	if (hn_is_label(text, most))
		FUZZ_CHECK(fuzz_is_utf8(text) && *text != '\0' && strlen(text) <= most && strpbrk(text, "\n\t\x7f") == NULL);
	if (hn_is_identifier(text, most))
		FUZZ_CHECK(hn_is_label(text, most));
	FUZZ_CHECK(fuzz_is_utf8(hn_quoted(text).text));
}

HnStatus
fuzz_input(HnContext *context, const uint8_t *data, size_t size, FuzzDigest *digest)
{
	char	   *text = fuzz_text(data, size);
	json_t	   *json;
	HnStatus	status;

	check_text(text, size);
	check_text(text, size / 2);
	status = hn_json_parse(context, "the options", text, size, &json);
	if (status == HN_OK)
		status = try_options(context, json, text, digest);
	json_decref(json);
	free(text);
	return status;
}
