/*
 * model/molecule_batch.c: many molecules through the network, batch by batch.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "server/guc.h"
#include "hamnet/training.h"
#include "model/molecule_batch.h"

/*
 * Atoms of a batch: enough that the matrix products run at full speed, few
 * enough that the activations of one layer stay in the processor's cache.
 */
#define BATCH_ATOMS 256

/* What does not change from batch to batch. */
typedef struct Visit
{
	const HnModel *model;
	HnNeeds		needs;
	int			generators;			/* 1 or all */
	const Molecules *molecules;
	BatchVisitor visitor;
} Visit;

/* Some molecules, parsed; a molecule has an atom, so no batch has more of them. */
typedef struct Parsed
{
	int			count;
	HnGraph		graphs[BATCH_ATOMS];
	HnDescription descriptions[BATCH_ATOMS];
	int			indexes[BATCH_ATOMS];
} Parsed;

/* Put what heads read of several molecules side by side. */
static HnStatus
CollectInputs(HnContext *context, HnNeeds needs, const HnDescription *descriptions, HnInputs *inputs)
{
	HnCounts   *counts;
	real	   *descriptors = NULL;

	HN_NEW(context, counts, inputs->count);
	if (needs.descriptors)
		HN_NEW(context, descriptors, (size_t) inputs->count * needs.descriptors->count);
	for (int i = 0; i < inputs->count; i++)
	{
		counts[i] = descriptions[i].counts;
		if (needs.descriptors)
			memcpy(descriptors + (size_t) i * needs.descriptors->count, descriptions[i].descriptors,
				   needs.descriptors->count * sizeof(real));
	}
	inputs->descriptors = descriptors;
	inputs->counts = counts;
	return HN_OK;
}

static HnStatus
TryBatch(HnContext *context, const Visit *visit, const Parsed *parsed, int first, int count)
{
	MoleculeBatch molecules = {.context = context, .indexes = parsed->indexes + first, .inputs.count = count};
	HnBatch		batch;
	real	   *fingerprints;

	HN_TRY(hn_batch_build(context, parsed->graphs + first, count, &batch));
	if (visit->generators == 1)
		HN_TRY(hn_fingerprints(context, visit->model, &batch, &fingerprints));
	else
		HN_TRY(hn_all_fingerprints(context, visit->model, &batch, &fingerprints));
	molecules.inputs.fingerprints = fingerprints;
	HN_TRY(CollectInputs(context, visit->needs, parsed->descriptions + first, &molecules.inputs));
	return visit->visitor.computed(visit->visitor.state, &molecules);
}

/* Pass a molecule to the visitor that has failed as the context says. */
static void
Fail(HnContext *context, const Visit *visit, int index)
{
	visit->visitor.failed(visit->visitor.state, context, index,
						  visit->molecules->smiles ? visit->molecules->smiles[index] : NULL);
}

/*
 * Run a batch. Should one of its molecules break the arithmetic, each is run
 * alone, so that it cannot take the others with it.
 */
static void
RunBatch(HnContext *context, const Visit *visit, const Parsed *parsed, int first, int count)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	HnStatus	status = TryBatch(context, visit, parsed, first, count);

	hn_arena_rewind(context->arena, mark);
	if (status == HN_OK)
		return;
	ReportFailure(context, NULL, true);
	if (count == 1)
		Fail(context, visit, parsed->indexes[first]);
	else
		for (int i = first; i < first + count; i++)
			RunBatch(context, visit, parsed, i, 1);
}

/* Find the graph and the description of a molecule that was parsed before. */
static HnStatus
TakeParsed(HnContext *context, const Visit *visit, int index, HnGraph *graph, HnDescription *description)
{
	const Molecules *molecules = visit->molecules;
	int			i = molecules->indexes ? molecules->indexes[index] : index;

	memset(description, 0, sizeof(*description));
	if (molecules->valid && !molecules->valid[i])
		return hn_fail(context, HN_INVALID_SMILES, "molecule cannot be described");
	*graph = molecules->graphs[i];
	if (visit->needs.descriptors)
		description->descriptors = (real *) molecules->described->descriptors + (Size) i * visit->needs.descriptors->count;
	if (visit->needs.counts)
		description->counts = molecules->described->counts[i];
	return HN_OK;
}

/* Parse a molecule, unless that was done before. */
static HnStatus
ParseOne(HnContext *context, const Visit *visit, int index, HnGraph *graph, HnDescription *description)
{
	const char *smiles;

	if (visit->molecules->smiles == NULL)
		return TakeParsed(context, visit, index, graph, description);
	HN_TRY(hn_standardize(context, visit->molecules->smiles[index], visit->molecules->standard, hamnet_max_atoms, &smiles));
	return hn_describe_smiles(context, smiles, visit->model->features, visit->needs,
							  hamnet_max_atoms, graph, description);
}

/* Parse molecules from index `next` on until a batch is full; returns the next index. */
static int
ParseBatch(HnContext *context, const Visit *visit, int next, Parsed *parsed)
{
	const Molecules *molecules = visit->molecules;
	int			atoms = 0;

	for (parsed->count = 0; next < molecules->count && atoms < BATCH_ATOMS; next++)
	{
		HnGraph    *graph = &parsed->graphs[parsed->count];

		if (molecules->smiles && molecules->smiles[next] == NULL)
			continue;
		if (ParseOne(context, visit, next, graph, &parsed->descriptions[parsed->count]) == HN_OK)
		{
			atoms += graph->atom_count;
			parsed->indexes[parsed->count++] = next;
		}
		else
		{
			ReportFailure(context, molecules->smiles ? molecules->smiles[next] : NULL, true);
			Fail(context, visit, next);
		}
	}
	return next;
}

void
VisitMolecules(const HnModel *model, HnNeeds needs, int generators,
			   const Molecules *molecules, BatchVisitor visitor)
{
	Visit		visit = {model, needs, generators, molecules, visitor};
	Parsed		parsed;
	int			next = 0;

	while (next < molecules->count)
	{
		HnContext  *context = BeginCore();

		CHECK_FOR_INTERRUPTS();
		next = ParseBatch(context, &visit, next, &parsed);
		if (parsed.count > 0)
			RunBatch(context, &visit, &parsed, 0, parsed.count);
	}
}

/* Give each target of a head, from column first on, the head's novelty: all [count, targets]. */
static void
ScatterNovelties(const HnHead *head, const double *novelties, int count, double *all, int targets, int first)
{
	for (Size i = 0; i < count; i++)
		for (int t = 0; t < head->target_count; t++)
			all[i * targets + first + t] = novelties[i];
}

HnStatus
PredictHeads(HnContext *context, const HnModel *model, const HnInputs *inputs, double *predictions,
			 double *sds, double *novelties)
{
	int			targets = hn_model_target_count(model);
	int			first = 0;

	for (int h = 0; h < model->head_count; h++)
	{
		const HnHead *head = &model->heads[h];
		double	   *values;
		double	   *deviations = NULL;
		double	   *novelty;

		HN_NEW(context, values, (size_t) inputs->count * head->target_count);
		if (sds)
			HN_NEW(context, deviations, (size_t) inputs->count * head->target_count);
		if (novelties)
		{
			HN_NEW(context, novelty, inputs->count);
			HN_TRY(hn_predict_novelty(context, model, head, inputs, values, deviations, novelty));
			ScatterNovelties(head, novelty, inputs->count, novelties, targets, first);
		}
		else
			HN_TRY(hn_predict(context, model, head, inputs, values, deviations));
		hn_scatter_targets(head, values, inputs->count, predictions, targets, first);
		if (sds)
			hn_scatter_targets(head, deviations, inputs->count, sds, targets, first);
		first += head->target_count;
	}
	return HN_OK;
}
