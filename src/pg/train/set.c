/*
 * train/set.c: molecules with what is to be learned from them, packed.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "storage/shmem.h"		/* for add_size()/mul_size() */
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#include "server/guc.h"
#include "train/set.h"

/* Where the arrays of a molecule lie, counted from its beginning. */
typedef struct Layout
{
	Size		bonds;			/* int [m][2] */
	Size		atom_features;	/* real [n, F] */
	Size		bond_features;	/* real [m, B] */
	Size		mass;			/* real [n] */
	Size		element;		/* unsigned char [n] */
	Size		count_columns;	/* uint16 [k] */
	Size		counts;			/* uint8 [k] */
	Size		labels;			/* double [targets], or real [n, 3] */
	Size		end;
} Layout;

/* Take room for an array; returns where it begins. */
static Size
Take(Size *end, Size count, Size size)
{
	Size		begin = *end;

	*end = add_size(begin, MAXALIGN(mul_size(count, size)));
	return begin;
}

static Layout
LayOut(const HnFeatureSet *features, int atoms, int bonds, int counts, int targets)
{
	Layout		layout;
	Size		end = MAXALIGN(sizeof(PackedMolecule));

	layout.bonds = Take(&end, bonds, sizeof(int[2]));
	layout.atom_features = Take(&end, mul_size(atoms, features->atom_columns), sizeof(real));
	layout.bond_features = Take(&end, mul_size(bonds, features->bond_columns), sizeof(real));
	layout.mass = Take(&end, atoms, sizeof(real));
	layout.element = Take(&end, atoms, 1);
	layout.count_columns = Take(&end, counts, sizeof(uint16));
	layout.counts = Take(&end, counts, 1);
	layout.labels = end;
	if (targets > 0)
		(void) Take(&end, targets, sizeof(double));
	else
		(void) Take(&end, mul_size(atoms, 3), sizeof(real));
	layout.end = end;
	return layout;
}

static Layout
LayoutOf(const TrainingSet *set, const PackedMolecule *molecule)
{
	return LayOut(set->features, molecule->atom_count, molecule->bond_count, molecule->count_length,
				  molecule->target_count);
}

void
InitTrainingSet(TrainingSet *set, const HnFeatureSet *features, int target_count)
{
	memset(set, 0, sizeof(TrainingSet));
	set->features = features;
	set->target_count = target_count;
	set->max_offsets = 256;
	set->offsets = palloc(set->max_offsets * sizeof(Size));
	set->capacity = 1024 * 1024;
	set->data = palloc(set->capacity);
}

/* Make room for one more molecule, twice as much as before when there is too little. */
static void
Reserve(TrainingSet *set, Size size)
{
	Size		limit = (Size) hamnet_training_memory * 1024;
	Size		needed = add_size(set->size, size);

	if (needed > limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("training set does not fit into %d MB", hamnet_training_memory / 1024),
				 errdetail("It is kept in memory; %d molecules were read.", set->count),
				 errhint("Raise \"hamnet.training_memory\", or train on a sample.")));
	if (needed > set->capacity)
	{
		set->capacity = Max(needed, Min(2 * set->capacity, limit));
		set->data = repalloc_huge(set->data, set->capacity);
	}
	if (set->count == set->max_offsets)
	{
		set->max_offsets *= 2;
		set->offsets = repalloc_huge(set->offsets, set->max_offsets * sizeof(Size));
	}
}

void
AddMolecule(TrainingSet *set, const HnGraph *graph, int row, int source, const double *targets,
			const real *positions)
{
	Layout		layout = LayOut(set->features, graph->atom_count, graph->bond_count, graph->counts.length,
								set->target_count);
	PackedMolecule *molecule;
	char	   *base;

	Reserve(set, layout.end);
	set->offsets[set->count++] = set->size;
	base = set->data + set->size;
	set->size += layout.end;

	/* Zeroed, because padding is hashed as well. */
	memset(base, 0, layout.end);
	memcpy(base + layout.bonds, graph->bonds, graph->bond_count * sizeof(int[2]));
	memcpy(base + layout.atom_features, graph->atom_features,
		   (Size) graph->atom_count * set->features->atom_columns * sizeof(real));
	memcpy(base + layout.bond_features, graph->bond_features,
		   (Size) graph->bond_count * set->features->bond_columns * sizeof(real));
	memcpy(base + layout.mass, graph->mass, graph->atom_count * sizeof(real));
	memcpy(base + layout.element, graph->element, graph->atom_count);
	if (graph->counts.length > 0)
	{
		memcpy(base + layout.count_columns, graph->counts.columns, graph->counts.length * sizeof(uint16));
		memcpy(base + layout.counts, graph->counts.counts, graph->counts.length);
	}
	if (targets)
		memcpy(base + layout.labels, targets, set->target_count * sizeof(double));
	else
		memcpy(base + layout.labels, positions, (Size) graph->atom_count * 3 * sizeof(real));

	molecule = (PackedMolecule *) base;
	molecule->atom_count = graph->atom_count;
	molecule->bond_count = graph->bond_count;
	molecule->target_count = set->target_count;
	molecule->count_length = graph->counts.length;
	molecule->row = row;
	molecule->source = source;
	molecule->graph_hash = hash_bytes_extended((unsigned char *) base + layout.bonds,
											   layout.labels - layout.bonds, graph->atom_count);
	molecule->label_hash = hash_bytes_extended((unsigned char *) base + layout.labels,
											   layout.end - layout.labels, 0);
}

PackedMolecule *
GetMolecule(const TrainingSet *set, int i)
{
	return (PackedMolecule *) (set->data + set->offsets[i]);
}

static int
CompareMolecules(const void *a, const void *b, void *data)
{
	const PackedMolecule *left = (const PackedMolecule *) ((char *) data + *(const Size *) a);
	const PackedMolecule *right = (const PackedMolecule *) ((char *) data + *(const Size *) b);

	if (left->graph_hash != right->graph_hash)
		return left->graph_hash < right->graph_hash ? -1 : 1;
	if (left->label_hash != right->label_hash)
		return left->label_hash < right->label_hash ? -1 : 1;
	return left->source - right->source;
}

void
SortTrainingSet(TrainingSet *set)
{
	qsort_arg(set->offsets, set->count, sizeof(Size), CompareMolecules, set->data);
}

double *
MoleculeTargets(const TrainingSet *set, int i)
{
	PackedMolecule *molecule = GetMolecule(set, i);

	return (double *) ((char *) molecule + LayoutOf(set, molecule).labels);
}

void
PointExample(const TrainingSet *set, int i, HnGraph *graph, HnExample *example)
{
	PackedMolecule *molecule = GetMolecule(set, i);
	Layout		layout = LayoutOf(set, molecule);
	char	   *base = (char *) molecule;

	memset(graph, 0, sizeof(HnGraph));
	graph->features = set->features;
	graph->atom_count = molecule->atom_count;
	graph->bond_count = molecule->bond_count;
	graph->bonds = (int (*)[2]) (base + layout.bonds);
	graph->atom_features = (real *) (base + layout.atom_features);
	graph->bond_features = (real *) (base + layout.bond_features);
	graph->mass = (real *) (base + layout.mass);
	graph->element = (unsigned char *) base + layout.element;
	graph->counts = (HnCounts)
	{
		molecule->count_length, (uint16 *) (base + layout.count_columns), (uint8 *) base + layout.counts
	};

	memset(example, 0, sizeof(HnExample));
	example->graph = graph;
	example->number = i;
	if (molecule->target_count > 0)
		example->targets = (double *) (base + layout.labels);
	else
	{
		example->conformation_count = 1;
		example->conformations = (real *) (base + layout.labels);
	}
}

bytea *
DigestTrainingSet(const TrainingSet *set, const char *text)
{
	Size		length = strlen(text);
	Size		size = VARHDRSZ + length + set->count * (2 * sizeof(uint64) + sizeof(int32));
	bytea	   *bytes = palloc_extended(size, MCXT_ALLOC_HUGE);
	char	   *next = VARDATA(bytes);
	bytea	   *digest;

	SET_VARSIZE(bytes, size);
	memcpy(next, text, length);
	next += length;
	for (int i = 0; i < set->count; i++)
	{
		PackedMolecule *molecule = GetMolecule(set, i);

		memcpy(next, &molecule->graph_hash, sizeof(uint64));
		memcpy(next + sizeof(uint64), &molecule->label_hash, sizeof(uint64));
		memcpy(next + 2 * sizeof(uint64), &molecule->source, sizeof(int32));
		next += 2 * sizeof(uint64) + sizeof(int32);
	}
	digest = DatumGetByteaPCopy(DirectFunctionCall1(sha256_bytea, PointerGetDatum(bytes)));
	pfree(bytes);
	return digest;
}
