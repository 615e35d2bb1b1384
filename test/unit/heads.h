/*
 * heads.h: what tests of heads share: molecules that never were, targets, one part
 * of a head, and the way through a model file.
 */
#ifndef HAMNET_TEST_HEADS_H
#define HAMNET_TEST_HEADS_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "hamnet/predict.h"

/*
 * Make molecules with fingerprints [count, dim] of 0 to 4, descriptors by their
 * number in all rows, and counts.
 */
static inline HnInputs
make_inputs(int count, int dim, real (*descriptor) (int number), HnCounts (*make_counts) (void))
{
	int			width = hn_descriptors_rdkit_2d.count;
	real	   *fingerprints = GET(real, count * dim);
	real	   *descriptors = GET(real, count * width);
	HnCounts   *counts = GET(HnCounts, count);

	for (int i = 0; i < count * dim; i++)
		fingerprints[i] = (real) (4 * uniform());
	for (int i = 0; i < count * width; i++)
		descriptors[i] = descriptor(i);
	for (int i = 0; i < count; i++)
		counts[i] = make_counts();
	return (HnInputs) {count, fingerprints, descriptors, counts};
}

/* Make counts in so many columns, one in each run of `step`, somewhere in its first `spread`. */
static inline HnCounts
make_counts(int length, int step, int spread)
{
	uint16_t   *columns = GET(uint16_t, length);
	uint8_t    *values = GET(uint8_t, length);

	for (int k = 0; k < length; k++)
	{
		columns[k] = (uint16_t) (step * k + (int) (spread * uniform()));
		values[k] = (uint8_t) (1 + (int) (3 * uniform()));
	}
	return (HnCounts) {length, columns, values};
}

static inline void
expect_close(const char *what, double actual, double expected, double tolerance)
{
	if (!(fabs(actual - expected) <= tolerance))
		fail_msg("%s is %.9g, not %.9g", what, actual, expected);
}

/* Make targets "a", "b", "c" in units of their own. */
static inline HnTarget *
make_targets(int count)
{
	static const char *const names[] = {"a", "b", "c"};
	HnTarget   *targets = GET(HnTarget, count);

	for (int t = 0; t < count; t++)
		targets[t] = (HnTarget) {names[t], "", 0, 1};
	return targets;
}

/* A model with random weights and one network head. */
static inline HnModel
network_model(int dim, uint64_t seed)
{
	HnModel		model = {.features = &hn_features_2021};
	HnTensor   *tensors;
	int			count;
	HnHead	   *network = GET(HnHead, 1);

	model.fingerprint_config = (HnFingerprintConfig)
	{
		.dim = dim, .edge_dim = 5, .layers = 1, .rounds = 1
	};
	*network = (HnHead) {
		.name = "net", .target_count = 2, .targets = make_targets(2), .parts = {GET(HnNetworks, 1)}
	};
	*hn_networks(network) = (HnNetworks) {.layer_count = 2, .layers = GET(HnLinear, 2)};
	hn_networks(network)->layers[0].out = 4;
	network->targets[0].std = network->targets[1].std = 2;
	model.head_count = 1;
	model.heads = network;
	must(hn_model_allocate(&context, &model));
	must(hn_model_tensors(&context, &model, &tensors, &count));
	hn_model_initialise(tensors, count, seed);
	return model;
}

/* Return a head with one of the parts of another. */
static inline HnHead
only_part(const HnHead *head, HnPartKind kind)
{
	HnHead		only = *head;

	for (int k = 0; k < HN_PARTS; k++)
		if ((HnPartKind) k != kind)
			only.parts[k] = NULL;
	only.packed = NULL;
	return only;
}

/* Write a model and read it again; if that goes well, check that it is written the same. */
static inline HnStatus
write_and_read(HnModel *model, HnModel *again)
{
	unsigned char *bytes;
	unsigned char *exact;
	size_t		size;
	HnStatus	status;

	must(hn_model_write(&context, model, &bytes, &size));
	exact = malloc(size);		/* so that a sanitiser sees a read beyond it */
	assert_non_null(exact);
	memcpy(exact, bytes, size);
	status = hn_model_read(&context, exact, size, again);
	if (status == HN_OK)
	{
		unsigned char *second;
		size_t		second_size;

		must(hn_model_write(&context, again, &second, &second_size));
		assert_int_equal(size, second_size);
		assert_memory_equal(exact, second, size);
	}
	free(exact);
	return status;
}

/* Check that the file of a model is refused, with these words. */
static inline void
expect_damage(HnModel *model, const char *words)
{
	HnModel		again;

	assert_int_equal(write_and_read(model, &again), HN_INVALID_MODEL);
	if (strstr(context.message, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", context.message, words);
}

/* Write a model, read it as copy, and check that its head number h predicts the same. */
static inline void
check_file(HnModel *model, int h, const HnInputs *queries, HnModel *copy)
{
	int			size = queries->count * model->heads[h].target_count;
	double	   *values[2] = {GET(double, size), GET(double, size)};
	double	   *sds[2] = {GET(double, size), GET(double, size)};

	must(write_and_read(model, copy));
	must(hn_predict(&context, model, &model->heads[h], queries, values[0], sds[0]));
	must(hn_predict(&context, copy, &copy->heads[h], queries, values[1], sds[1]));
	assert_memory_equal(values[0], values[1], size * sizeof(double));
	for (int i = 0; i < size; i++)
		assert_true(sds[0][i] == sds[1][i] || (isnan(sds[0][i]) && isnan(sds[1][i])));
}

#endif
