/*
 * training_setup.c: what a training run begins with: which parameters learn,
 * the scale of the targets, heads, and who computes which example when.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/simd.h"
#include "hamnet/random.h"
#include "hamnet/text.h"
#include "hamnet/training.h"
#include "inputs.h"
#include "networks.h"

int
hn_model_target_count(const HnModel *model)
{
	int			count = 0;

	for (int h = 0; h < model->head_count; h++)
		count += model->heads[h].target_count;
	return count;
}

static bool
begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Return whether a tensor learns: it is not frozen and the loss depends on it. */
static bool
is_trained(const char *name, HnTrained trained)
{
	switch (trained)
	{
		case HN_TRAIN_ENGINE:
			return begins_with(name, "engine.");
		case HN_TRAIN_ALL:
			/* Targets say nothing about the positions, and decay alone would ruin them. */
			return !begins_with(name, "engine.position.");
		case HN_TRAIN_GENERATOR:
			return !begins_with(name, "engine.");
		case HN_TRAIN_PROJECTION:
			return begins_with(name, "fingerprint.projection.") || begins_with(name, "fingerprint.counts.") ||
				begins_with(name, "head.");
		case HN_TRAIN_HEADS:
			return begins_with(name, "head.");
	}
	return false;
}

HnStatus
hn_training_groups(HnContext *context, HnModel *model, const HnTraining *training,
				   HnParameterGroup **groups, int *group_count)
{
	HnTensor   *tensors = NULL;
	int			count = 0;

	HN_TRY(hn_model_tensors(context, model, &tensors, &count));
	HN_NEW(context, *groups, count);
	*group_count = 0;
	for (int i = 0; i < count; i++)
	{
		const HnTensor *tensor = &tensors[i];

		if (is_trained(tensor->name, training->trained))
			(*groups)[(*group_count)++] = (HnParameterGroup)
			{
				.begin = *tensor->data - model->parameters,
				.count = (int64_t) tensor->shape[0] * tensor->shape[1],
				.rate = begins_with(tensor->name, "head.") ? training->head_rate : 1,
				.decay = tensor->dims > 1
			};
	}
	return HN_OK;
}

/* Mean and standard deviation of target t over its labels; sets n to their number. */
static void
label_statistics(const HnExample *examples, int count, int t, double *mean, double *std, int *n)
{
	double		sum = 0;
	double		squares = 0;

	*n = 0;
	for (int i = 0; i < count; i++)
		if (!isnan(examples[i].targets[t]))
		{
			sum += examples[i].targets[t];
			(*n)++;
		}
	*mean = sum / *n;
	for (int i = 0; i < count; i++)
		if (!isnan(examples[i].targets[t]))
			squares += (examples[i].targets[t] - *mean) * (examples[i].targets[t] - *mean);
	*std = sqrt(squares / *n);
}

/* Whether all labels of a target are the same. */
static bool
is_constant(const HnExample *examples, int count, int t)
{
	double		first = NAN;

	for (int i = 0; i < count; i++)
	{
		double		label = examples[i].targets[t];

		if (isnan(first))
			first = label;
		else if (!isnan(label) && label != first)
			return false;
	}
	return true;
}

static HnStatus
check_classes(HnContext *context, const HnExample *examples, int count, int t)
{
	for (int i = 0; i < count; i++)
	{
		double		label = examples[i].targets[t];

		if (!isnan(label) && label != 0 && label != 1)
			return hn_fail(context, HN_INVALID_ARGUMENT, "is a class but has label %g, which is neither 0 nor 1", label);
	}
	return HN_OK;
}

HnStatus
hn_training_check_target(HnContext *context, HnTask task, const HnExample *examples, int count, int t)
{
	double		mean;
	double		std;
	int			n;

	if (task == HN_CLASSIFICATION)
		HN_TRY(check_classes(context, examples, count, t));
	label_statistics(examples, count, t, &mean, &std, &n);
	if (n == 0)
		return hn_fail(context, HN_INVALID_ARGUMENT, "has no label");
	if (!isfinite(mean) || !isfinite(std))
		return hn_fail(context, HN_INVALID_ARGUMENT, "has a label that is not finite or far too large");

	if (is_constant(examples, count, t))
		return task == HN_CLASSIFICATION ?
			hn_fail(context, HN_INVALID_ARGUMENT, "has labels of one class only, %g, in %d rows", mean, n) :
			hn_fail(context, HN_INVALID_ARGUMENT, "has the same value, %g, in all %d labelled rows", mean, n);
	if (task == HN_REGRESSION && std <= HN_MIN_LABEL_SPREAD * fabs(mean))
		return hn_fail(context, HN_INVALID_ARGUMENT,
					   "has values about %g that differ by %g only, too little beside their size: subtract %g from all", mean, std, mean);
	return HN_OK;
}

HnStatus
hn_training_standardise(HnContext *context, HnModel *model, const HnExample *examples, int count)
{
	int			index = 0;

	for (int h = 0; h < model->head_count; h++)
	{
		HnHead	   *head = &model->heads[h];

		for (int t = 0; t < head->target_count; t++, index++)
		{
			HnTarget   *target = &head->targets[t];
			int			n;

			if (hn_training_check_target(context, head->task, examples, count, index) != HN_OK)
			{
				const char *reason = NULL;

				HN_TRY(hn_copy_string(context, context->message, &reason));
				return hn_fail(context, HN_INVALID_ARGUMENT, "target \"%s\" %s", target->name, reason);
			}
			if (head->task == HN_REGRESSION)
				label_statistics(examples, count, index, &target->mean, &target->std, &n);
		}
	}
	return HN_OK;
}

/* Copy a head, of whose parts networks alone, without their weights. */
static HnStatus
copy_head(HnContext *context, const HnHead *head, HnHead *copy)
{
	HnNetworks *networks = NULL;

	*copy = (HnHead) {.task = head->task, .target_count = head->target_count};
	HN_TRY(hn_copy_string(context, head->name, &copy->name));
	HN_TRY(hn_networks_copy(context, hn_networks(head), hn_networks(head)->member_count, &networks));
	copy->parts[HN_NETWORKS] = networks;
	HN_NEW(context, copy->targets, head->target_count);
	for (int t = 0; t < head->target_count; t++)
	{
		copy->targets[t] = head->targets[t];
		HN_TRY(hn_copy_string(context, head->targets[t].name, &copy->targets[t].name));
		HN_TRY(hn_copy_string(context, head->targets[t].unit, &copy->targets[t].unit));
	}
	return HN_OK;
}

HnStatus
hn_model_with_heads(HnContext *context, const HnModel *base, const HnHead *heads, int head_count,
					uint64_t seed, HnModel *model)
{
	HnModel		source = *base;
	HnTensor   *originals = NULL;
	HnTensor   *tensors = NULL;
	int			original_count = 0;
	int			count = 0;
	int			first = 0;

	memset(model, 0, sizeof(*model));
	model->features = base->features;
	model->engine_config = base->engine_config;
	model->fingerprint_config = base->fingerprint_config;
	model->head_count = head_count;
	HN_NEW(context, model->heads, head_count);
	for (int h = 0; h < head_count; h++)
		HN_TRY(copy_head(context, &heads[h], &model->heads[h]));
	HN_TRY(hn_model_allocate(context, model));
	for (int h = 0; h < head_count; h++)
		hn_inputs_copy_scales(hn_networks(&heads[h])->inputs, hn_networks(&model->heads[h])->inputs);
	HN_TRY(hn_model_tensors(context, model, &tensors, &count));

	/*
	 * The tensors of the heads come last, those before them are the same in
	 * both models. Those of a model read in place do not lie in one block.
	 */
	HN_TRY(hn_model_tensors(context, &source, &originals, &original_count));
	while (first < count && !begins_with(tensors[first].name, "head."))
	{
		memcpy(*tensors[first].data, *originals[first].data,
			   (size_t) tensors[first].shape[0] * tensors[first].shape[1] * sizeof(real));
		first++;
	}
	hn_model_initialise(tensors + first, count - first, seed);
	return HN_OK;
}

/* Copy a block of columns of a matrix [rows, old_in], from `from` on, to those from `to` on of another. */
static void
copy_columns(const real *old, int old_in, int from, int rows, int columns, real *new, int new_in, int to)
{
	for (int i = 0; i < rows; i++)
		memcpy(new + (size_t) i * new_in + to, old + (size_t) i * old_in + from, (size_t) columns * sizeof(real));
}

/*
 * Copy an engine to one that sees more atom columns, all of whose weights are
 * zero. The atoms' features are what the gate sees first and last, all that
 * the first convolution sees, and the first part of what the LSTM sees.
 */
static void
widen_engine(const HnModel *base, HnModel *model)
{
	const HnEngineWeights *old = &base->engine;
	const HnEngineWeights *new = &model->engine;
	int			few = base->features->atom_columns;
	int			many = model->features->atom_columns;
	int			bond = base->features->bond_columns;
	int			rest = old->lstm.in - few;
	int			gates = old->lstm.gates * old->lstm.hidden;

	copy_columns(old->gate.weight, old->gate.in, 0, 1, few, new->gate.weight, new->gate.in, 0);
	copy_columns(old->gate.weight, old->gate.in, few, 1, bond, new->gate.weight, new->gate.in, many);
	copy_columns(old->gate.weight, old->gate.in, few + bond, 1, few, new->gate.weight, new->gate.in, many + bond);
	copy_columns(old->gcn1.weight, few, 0, old->gcn1.out, few, new->gcn1.weight, many, 0);
	copy_columns(old->lstm.weight_ih, old->lstm.in, 0, gates, few, new->lstm.weight_ih, new->lstm.in, 0);
	copy_columns(old->lstm.weight_ih, old->lstm.in, few, gates, rest, new->lstm.weight_ih, new->lstm.in, many);
}

HnStatus
hn_model_with_generator(HnContext *context, const HnModel *base, const HnFeatureSet *features,
						const HnFingerprintConfig *shape, uint64_t seed, HnModel *model)
{
	HnTensor   *originals = NULL;
	HnTensor   *tensors = NULL;
	int			original_count = 0;
	int			count = 0;
	int			first = 0;

	if (base && !hn_features_extend(features, base->features))
		return hn_fail(context, HN_INVALID_ARGUMENT, "an engine of feature set \"%s\" cannot read feature set \"%s\"",
					   base->features->name, features->name);
	memset(model, 0, sizeof(*model));
	model->features = features;
	model->fingerprint_config = *shape;
	if (base)
		model->engine_config = base->engine_config;
	HN_TRY(hn_model_allocate(context, model));
	HN_TRY(hn_model_tensors(context, model, &tensors, &count));
	HN_ASSERT(base != NULL || !model->engine_config.enabled);
	if (model->engine_config.enabled)
	{
		HnModel		source = *base;

		/* The tensors of the engine come first, in both models. */
		HN_TRY(hn_model_tensors(context, &source, &originals, &original_count));
		for (; begins_with(tensors[first].name, "engine."); first++)
		{
			size_t		size = (size_t) tensors[first].shape[0] * tensors[first].shape[1] * sizeof(real);

			if (tensors[first].shape[1] == originals[first].shape[1])
				memcpy(*tensors[first].data, *originals[first].data, size);
			else
				memset(*tensors[first].data, 0, size);
		}
		if (features != base->features)
			widen_engine(base, model);
	}
	hn_model_initialise(tensors + first, count - first, seed);
	return HN_OK;
}

/* Numbers that are summed at a time: they stay in the nearest cache. */
#define SUM_CHUNK 1024

void
hn_gradient_sum(const real *const *blocks, int block_count, int64_t begin, int64_t end, real *sum)
{
	real		total[SUM_CHUNK];

	for (int64_t at = begin; at < end; at += SUM_CHUNK)
	{
		size_t		n = (size_t) (end - at < SUM_CHUNK ? end - at : SUM_CHUNK);

		memset(total, 0, n * sizeof(real));
		for (int w = 0; w < block_count; w++)
			hn_simd()->add_scaled(total, 1, blocks[w] + at, n);
		memcpy(sum + at, total, n * sizeof(real));
	}
}

void
hn_share(int count, int workers, int worker, int *begin, int *end)
{
	*begin = (int) ((int64_t) count * worker / workers);
	*end = (int) ((int64_t) count * (worker + 1) / workers);
}

void
hn_epoch_order(uint64_t seed, int64_t epoch, int n, int *order)
{
	uint64_t	state = hn_derive_seed(seed, (uint64_t) epoch);

	hn_random_order(&state, hn_random_below, order, n);
}

/* A number of an order, with the place of its run and its own. */
typedef struct Member
{
	double		group;			/* INFINITY for none */
	int			run;			/* place in the order of the run's first member */
	int			place;
	int			number;
} Member;

static int
compare_groups(const void *a, const void *b)
{
	const Member *left = a;
	const Member *right = b;

	if (left->group != right->group)
		return left->group < right->group ? -1 : 1;
	return left->place < right->place ? -1 : left->place > right->place;
}

static int
compare_runs(const void *a, const void *b)
{
	const Member *left = a;
	const Member *right = b;

	if (left->run != right->run)
		return left->run < right->run ? -1 : 1;
	return left->place < right->place ? -1 : left->place > right->place;
}

HnStatus
hn_epoch_order_in_runs(HnContext *context, uint64_t seed, int64_t epoch, int n, const double *group, int run,
					   int *order)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	Member	   *members;
	int			length = 0;		/* of the present run */

	hn_epoch_order(seed, epoch, n, order);
	HN_NEW(context, members, n);
	for (int i = 0; i < n; i++)
		members[i] = (Member)
	{
		.group = isnan(group[order[i]]) ? INFINITY : fabs(group[order[i]]), .place = i, .number = order[i]
	};
	qsort(members, (size_t) n, sizeof(*members), compare_groups);
	for (int i = 0; i < n; i++)
	{
		bool		follows = i > 0 && members[i].group == members[i - 1].group && members[i].group < INFINITY
			&& length < run;

		length = follows ? length + 1 : 1;
		members[i].run = follows ? members[i - 1].run : members[i].place;
	}
	qsort(members, (size_t) n, sizeof(*members), compare_runs);
	for (int i = 0; i < n; i++)
		order[i] = members[i].number;
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}
