/*
 * fuzz_smiles.c: SMILES through RDKit to the graph, the network and all that
 * heads of a model may want to know of a molecule.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hamnet/chem.h"
#include "hamnet/network.h"
#include "hamnet/predict.h"

/* RDKit's canonical ranking takes the cube of the number of atoms of a chain. */
#define MAX_ATOMS 60

/* Descriptors cost ten times as much as all the rest: computed for one input in so many. */
#define DESCRIBED 8

/*
 * HN_INTERNAL is how exceptions of RDKit come out that say nothing about the
 * molecule.
 */
const HnStatus fuzz_failures[] = {HN_INVALID_SMILES, HN_TOO_LARGE, HN_NOT_FINITE, HN_INTERNAL, HN_OK};

static void
check_graph(const HnGraph *graph, FuzzDigest *digest)
{
	size_t		n = (size_t) graph->atom_count;
	size_t		m = (size_t) graph->bond_count;
	bool		seen[32 * MAX_ATOMS + 1024] = {false};

	FUZZ_CHECK(graph->atom_count >= 1 && graph->atom_count <= MAX_ATOMS && graph->bond_count >= 0);
	fuzz_check_finite(graph->atom_features, n * (size_t) graph->features->atom_columns);
	fuzz_check_finite(graph->bond_features, m * (size_t) graph->features->bond_columns);
	fuzz_check_finite(graph->mass, n);
	for (size_t i = 0; i < n; i++)
	{
		FUZZ_CHECK(graph->mass[i] > 0 && graph->element[i] <= 118);
		FUZZ_CHECK(graph->source_atom[i] >= 0 && (size_t) graph->source_atom[i] < n);
		FUZZ_CHECK(!seen[graph->source_atom[i]]);
		seen[graph->source_atom[i]] = true;
	}
	for (size_t k = 0; k < m; k++)
	{
		const int  *bond = graph->bonds[k];

		FUZZ_CHECK(bond[0] >= 0 && bond[0] < bond[1] && bond[1] < graph->atom_count);
		FUZZ_CHECK(k == 0 || bond[-2] < bond[0] || (bond[-2] == bond[0] && bond[-1] < bond[1]));
	}
	fuzz_digest(digest, graph->atom_features, n * (size_t) graph->features->atom_columns * sizeof(real));
	fuzz_digest(digest, graph->bond_features, m * (size_t) graph->features->bond_columns * sizeof(real));
	fuzz_digest(digest, graph->bonds, m * sizeof(*graph->bonds));
}

static void
check_description(HnNeeds needs, const HnDescription *description, FuzzDigest *digest)
{
	const HnCounts *counts = &description->counts;

	if (needs.descriptors)
		for (int i = 0; i < needs.descriptors->count; i++)
			FUZZ_CHECK(!isinf(description->descriptors[i]));
	for (int i = 0; i < counts->length; i++)
	{
		FUZZ_CHECK(counts->columns[i] < HN_COUNT_COLUMNS && counts->counts[i] > 0);
		FUZZ_CHECK(i == 0 || counts->columns[i - 1] < counts->columns[i]);
	}
	fuzz_digest(digest, counts->columns, (size_t) counts->length * sizeof(*counts->columns));
	fuzz_digest(digest, counts->counts, (size_t) counts->length * sizeof(*counts->counts));
}

/* Fingerprint and predictions of a golden model. */
static HnStatus
predict(HnContext *context, const HnGraph *graph, FuzzDigest *digest)
{
	const HnModel *model = fuzz_model(graph->features);
	size_t		dim = (size_t) model->fingerprint_config.dim;
	HnInputs	inputs = {.count = 1};
	real	   *fingerprint;
	HnBatch		batch;

	HN_TRY(hn_batch_build(context, graph, 1, &batch));
	HN_TRY(hn_all_fingerprints(context, model, &batch, &fingerprint));
	fuzz_check_finite(fingerprint, dim);
	for (size_t i = 0; i < dim; i++)
		FUZZ_CHECK(fingerprint[i] >= 0);
	fuzz_digest(digest, fingerprint, dim * sizeof(real));
	inputs.fingerprints = fingerprint;
	for (int h = 0; h < model->head_count; h++)
	{
		double		values[8];
		double		sds[8];

		FUZZ_CHECK(model->heads[h].target_count <= 8);
		HN_TRY(hn_predict(context, model, &model->heads[h], &inputs, values, sds));
		for (int t = 0; t < model->heads[h].target_count; t++)
			FUZZ_CHECK(isfinite(values[t]));
		fuzz_digest(digest, values, (size_t) model->heads[h].target_count * sizeof(double));
	}
	return HN_OK;
}

/* What else is made of a SMILES that is one. RDKit reads what it wrote, but for some molecules that never were. */
static HnStatus
rewrite(HnContext *context, const char *smiles, const HnFeatureSet *features, FuzzDigest *digest)
{
	const char *canonical;
	const char *scaffold;
	HnGraph		again;
	HnStatus	status;

	HN_TRY(hn_canonical_smiles(context, smiles, true, MAX_ATOMS, &canonical));
	FUZZ_CHECK(*canonical != '\0');
	fuzz_digest(digest, canonical, strlen(canonical));
	status = hn_graph_from_smiles(context, canonical, features, MAX_ATOMS, &again);
	if (fuzz_from_outside(status))
		return status;
	if (status == HN_OK)
		check_graph(&again, digest);
	else
		fuzz_check_failure(context, status, fuzz_failures);
	HN_TRY(hn_scaffold(context, smiles, MAX_ATOMS, &scaffold));
	fuzz_digest(digest, scaffold, strlen(scaffold));
	return HN_OK;
}

static HnStatus
try_smiles(HnContext *context, const char *smiles, const HnFeatureSet *features, bool described, FuzzDigest *digest)
{
	HnNeeds		needs = {.descriptors = described ? &hn_descriptors_rdkit_2d : NULL, .counts = described};
	HnDescription description;
	HnGraph		graph;

	HN_TRY(hn_describe_smiles(context, smiles, features, needs, MAX_ATOMS, &graph, &description));
	check_graph(&graph, digest);
	check_description(needs, &description, digest);
	HN_TRY(predict(context, &graph, digest));
	return rewrite(context, smiles, features, digest);
}

HnStatus
fuzz_input(HnContext *context, const uint8_t *data, size_t size, FuzzDigest *digest)
{
	FuzzDigest	choice = {1};
	char	   *smiles = fuzz_text(data, size);
	HnStatus	status;

	fuzz_digest(&choice, data, size);
	status = try_smiles(context, smiles, choice.sum >> 48 & 1 ? &hn_features_2021 : &hn_features_2026,
						(choice.sum >> 32) % DESCRIBED == 0, digest);
	free(smiles);
	return status;
}
