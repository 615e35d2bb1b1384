/*
 * train/team_segment.c: the layout of what the processes of a team share.
 */
#include "postgres.h"

#include "storage/shmem.h"		/* for add_size()/mul_size() */

#include "hamnet/predict.h"

#include "server/guc.h"
#include "train/team_segment.h"

/* Arrays of the segment begin at cache lines of their own. */
#define SEGMENT_ALIGN(size) TYPEALIGN(PG_CACHE_LINE_SIZE, (size))

Size
FrozenPart(const HnModel *model, const HnTraining *training, int atom_count)
{
	if (training->trained == HN_TRAIN_HEADS || training->trained == HN_TRAIN_PROJECTION)
		return model->fingerprint_config.dim;
	if (training->trained == HN_TRAIN_GENERATOR && model->engine_config.enabled)
		return (Size) atom_count * 2 * model->engine_config.dim;
	return 0;
}

Size
FrozenSize(const HnModel *model, const HnTraining *training, int atom_count)
{
	return FrozenPart(model, training, atom_count) + (training->keep > 0 ? model->fingerprint_config.dim : 0);
}

/* Take bytes at the end for an array; returns where it begins. */
static Size
Allot(Size *end, Size count, Size size)
{
	Size		begin = *end;

	*end = add_size(begin, SEGMENT_ALIGN(mul_size(count, size)));
	return begin;
}

/* Numbers that the frozen parts give for all molecules; 0 if they do not fit into hamnet.training_memory. */
static Size
FrozenTotal(const TeamShared *shared, const HnModel *model, const TrainingSet *set)
{
	Size		total = 0;

	for (int i = 0; i < set->count; i++)
		total += FrozenSize(model, &shared->training, GetMolecule(set, i)->atom_count);
	if (set->size + total * sizeof(real) <= (Size) hamnet_training_memory * 1024)
		return total;
	if (shared->training.keep > 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("fingerprints that are to be kept do not fit into %d MB", hamnet_training_memory / 1024),
				 errhint("Raise \"hamnet.training_memory\", or train on a sample.")));
	return 0;
}

Size
LayOutSegment(TeamShared *shared, HnModel *model, const TrainingSet *set, const HnInputs *inputs)
{
	Size		end = SEGMENT_ALIGN(sizeof(TeamShared));
	Size		frozen = FrozenTotal(shared, model, set);
	Size		output = Max(shared->target_count * sizeof(double), sizeof(HnConformationError));

	shared->members_at = Allot(&end, shared->shares, sizeof(TeamMember));
	shared->sums_at = Allot(&end, shared->shares, sizeof(HnLossSum));
	shared->model_at = Allot(&end, shared->model_size, 1);
	shared->offsets_at = Allot(&end, set->count, sizeof(Size));
	shared->set_at = Allot(&end, set->size, 1);
	shared->parameters_at = Allot(&end, shared->parameter_count, sizeof(real));
	shared->weights_at = Allot(&end, shared->parameter_count, sizeof(real));
	shared->gradients_at = Allot(&end, mul_size(shared->shares, shared->parameter_count), sizeof(real));
	shared->indexes_at = Allot(&end, set->count, sizeof(int));
	shared->outputs_at = Allot(&end, set->count, output);
	shared->target_weights_at = Allot(&end, shared->training.weights ? hn_model_target_count(model) : 0, sizeof(double));
	shared->frozen_offsets_at = Allot(&end, set->count, sizeof(Size));
	shared->has_frozen = frozen > 0;
	shared->frozen_at = Allot(&end, frozen, sizeof(real));
	if (inputs && inputs->descriptors)
		shared->descriptor_count = hn_model_needs(model).descriptors->count;
	for (int i = 0; inputs && inputs->counts && i < set->count; i++)
		shared->entry_count += inputs->counts[i].length;
	shared->descriptors_at = Allot(&end, mul_size(set->count, shared->descriptor_count), sizeof(real));
	shared->count_lengths_at = Allot(&end, shared->entry_count > 0 ? set->count : 0, sizeof(int));
	shared->count_columns_at = Allot(&end, shared->entry_count, sizeof(uint16));
	shared->count_values_at = Allot(&end, shared->entry_count, sizeof(uint8));
	return end;
}

/* Fill the segment with what heads read of the molecules. */
static void
FillInputs(TeamShared *shared, const HnModel *model, const HnInputs *inputs)
{
	Size		count = shared->example_count;
	uint16	   *columns = At(shared, shared->count_columns_at);
	uint8	   *values = At(shared, shared->count_values_at);

	if (shared->descriptor_count > 0)
		memcpy(At(shared, shared->descriptors_at), inputs->descriptors,
			   count * shared->descriptor_count * sizeof(real));
	for (Size i = 0; i < count && shared->entry_count > 0; i++)
	{
		const HnCounts *counts = &inputs->counts[i];

		((int *) At(shared, shared->count_lengths_at))[i] = counts->length;
		memcpy(columns, counts->columns, counts->length * sizeof(uint16));
		memcpy(values, counts->counts, counts->length * sizeof(uint8));
		columns += counts->length;
		values += counts->length;
	}

	/* Fingerprints of a frozen generator lie one after another. */
	if (shared->has_frozen && shared->training.trained == HN_TRAIN_HEADS)
	{
		memcpy(At(shared, shared->frozen_at), inputs->fingerprints,
			   count * model->fingerprint_config.dim * sizeof(real));
		shared->frozen = true;
	}
}

void
FillSegment(TeamShared *shared, const HnModel *model, const unsigned char *file, const TrainingSet *set,
			const HnInputs *inputs)
{
	Size	   *frozen = At(shared, shared->frozen_offsets_at);
	Size		next = 0;

	memset(Members(shared), 0, shared->shares * sizeof(TeamMember));
	for (int p = 0; p < shared->shares; p++)
		pg_atomic_init_u64(&Members(shared)[p].done, 0);
	pg_atomic_init_u64(&shared->number, 0);
	pg_atomic_init_u32(&shared->stop, 0);
	memcpy(At(shared, shared->model_at), file, shared->model_size);
	memcpy(At(shared, shared->offsets_at), set->offsets, set->count * sizeof(Size));
	memcpy(At(shared, shared->set_at), set->data, set->size);
	memcpy(At(shared, shared->parameters_at), model->parameters, shared->parameter_count * sizeof(real));
	memset(Gradient(shared, 0), 0, shared->shares * shared->parameter_count * sizeof(real));
	for (int i = 0; i < set->count; i++)
	{
		frozen[i] = next;
		next += FrozenSize(model, &shared->training, GetMolecule(set, i)->atom_count);
	}
	if (shared->training.weights)
		memcpy(At(shared, shared->target_weights_at), shared->training.weights,
			   hn_model_target_count(model) * sizeof(double));
	if (inputs)
		FillInputs(shared, model, inputs);
}
