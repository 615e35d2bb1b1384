/*
 * train/remember.c: giving the heads of a trained model the molecules that their
 * novelty is measured from.
 */
#include "postgres.h"

#include <math.h>

#include "hamnet/known.h"
#include "hamnet/random.h"

#include "model/head_inputs.h"
#include "server/core.h"
#include "train/remember.h"

/* Return whether a molecule has a label among those of a head, which begin at target `first`. */
static bool
HasLabel(const TrainingData *data, int index, int first, int count)
{
	for (int t = first; t < first + count; t++)
		if (!isnan(data->examples[index].targets[t]))
			return true;
	return false;
}

/*
 * Choose molecules of the training or validation set that have a label of a head,
 * at most `limit`: a random choice by the seed of more, in the order of the set.
 */
static int *
ChooseMolecules(const TrainingData *data, const int *set, int set_count, int first, int targets, int limit,
			 uint64 seed, int *count)
{
	int		   *indexes = palloc_extended((Size) Max(set_count, 1) * sizeof(int), MCXT_ALLOC_HUGE);
	int			labelled = 0;
	int			kept = 0;

	for (int i = 0; i < set_count; i++)
		if (HasLabel(data, set[i], first, targets))
			indexes[labelled++] = set[i];

	/* One after another, each with the probability that leaves room for as many as are wanted. */
	*count = Min(labelled, limit);
	for (int i = 0; i < labelled && kept < *count; i++)
		if (hn_next_random(&seed) % (uint64) (labelled - i) < (uint64) (*count - kept))
			indexes[kept++] = indexes[i];
	return indexes;
}

/* Fingerprints [*count, D] of the molecules at indexes, without those that the model cannot compute. */
static real *
Fingerprints(HnContext *context, const HnModel *model, const TrainingData *data, const int *indexes, int *count)
{
	Size		dim = model->fingerprint_config.dim;
	Molecules	molecules = {.count = *count, .indexes = indexes, .graphs = data->graphs};
	bool	   *valid = palloc(Max(*count, 1) * sizeof(bool));
	HnModel		first = *model;
	HnInputs	inputs;
	real	   *fingerprints;
	int			kept = 0;

	first.other_count = 0;
	ComputeHeadInputs(context, &first, (HnNeeds) {.descriptors = NULL}, &molecules, &inputs, valid);
	fingerprints = (real *) inputs.fingerprints;
	for (int i = 0; i < *count; i++)
		if (valid[i])
			memmove(fingerprints + dim * kept++, fingerprints + dim * i, dim * sizeof(real));
	*count = kept;
	pfree(valid);
	return fingerprints;
}

static void
RememberForHead(HnContext *context, const HnModel *model, HnHead *head, int first, const TrainingData *data,
				int limit, uint64 seed)
{
	int			known_count = 0;
	int			held_count;
	real	   *known = NULL;
	real	   *held;
	int		   *indexes;

	if (!hn_known_by_gp(head))
	{
		indexes = ChooseMolecules(data, data->train, data->train_count, first, head->target_count, limit, seed,
							  &known_count);
		known = Fingerprints(context, model, data, indexes, &known_count);
		pfree(indexes);
	}
	indexes = ChooseMolecules(data, data->validation, data->validation_count, first, head->target_count, HN_MAX_KNOWN, seed,
						  &held_count);
	held = Fingerprints(context, model, data, indexes, &held_count);
	pfree(indexes);
	if (hn_known_make(context, head, model->fingerprint_config.dim, known, known_count, held, held_count) != HN_OK)
		ReportCoreError(context, NULL);
}

void
RememberMolecules(HnContext *context, HnModel *model, const TrainingData *data, int limit, uint64 seed)
{
	int			first = 0;

	if (limit == 0)
		return;
	if (model->packed == NULL && hn_model_pack(context, model) != HN_OK)
		ReportCoreError(context, NULL);
	for (int h = 0; h < model->head_count; h++)
	{
		RememberForHead(context, model, &model->heads[h], first, data, limit, hn_derive_seed(seed, h));
		first += model->heads[h].target_count;
	}
}
