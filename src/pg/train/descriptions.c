/*
 * train/descriptions.c: what a training keeps of molecules beside their graphs.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "train/descriptions.h"

/* Allocate an array, or enlarge it. */
static void *
Resize(void *array, Size count, Size size)
{
	if (array == NULL)
		return palloc_extended(count * size, MCXT_ALLOC_HUGE);
	return repalloc_huge(array, count * size);
}

static void
Reserve(Descriptions *descriptions)
{
	Size		capacity;

	if (descriptions->count < descriptions->capacity)
		return;
	capacity = descriptions->capacity = Max(256, 2 * descriptions->capacity);
	descriptions->valid = Resize(descriptions->valid, capacity, sizeof(bool));
	if (descriptions->needs.descriptors)
		descriptions->descriptors = Resize(descriptions->descriptors, capacity,
										   descriptions->needs.descriptors->count * sizeof(real));
	if (descriptions->needs.counts)
		descriptions->counts = Resize(descriptions->counts, capacity, sizeof(HnCounts));
	if (descriptions->needs.scaffold)
		descriptions->scaffolds = Resize(descriptions->scaffolds, capacity, sizeof(uint64));
}

/* Copy counts, which lie in the memory of one row, into one block. */
static HnCounts
CopyCounts(const HnCounts *counts)
{
	uint16_t   *columns = palloc(counts->length * (sizeof(*columns) + sizeof(uint8_t)));
	uint8_t    *values = (uint8_t *) (columns + counts->length);

	memcpy(columns, counts->columns, counts->length * sizeof(*columns));
	memcpy(values, counts->counts, counts->length * sizeof(*values));
	return (HnCounts)
	{
		counts->length, columns, values
	};
}

void
AddDescription(Descriptions *descriptions, const HnDescription *description)
{
	static const HnDescription none = {0};
	int			i = descriptions->count;

	Reserve(descriptions);
	descriptions->count++;
	descriptions->valid[i] = description != NULL;
	if (descriptions->needs.descriptors)
	{
		Size		width = descriptions->needs.descriptors->count;

		if (description)
			memcpy(descriptions->descriptors + i * width, description->descriptors, width * sizeof(real));
		else
			memset(descriptions->descriptors + i * width, 0, width * sizeof(real));
	}
	if (descriptions->needs.counts)
		descriptions->counts[i] = CopyCounts(description ? &description->counts : &none.counts);
	if (descriptions->needs.scaffold)
	{
		const char *scaffold = description ? description->scaffold : "";

		descriptions->scaffolds[i] = hash_bytes_extended((const unsigned char *) scaffold, strlen(scaffold), 0);
	}
}

/* Return an array in the order of a set, and free it in that of rows. */
static void *
Order(char *array, Size size, const TrainingSet *set)
{
	char	   *ordered;

	if (array == NULL)
		return NULL;
	ordered = palloc_extended(Max(set->count, 1) * size, MCXT_ALLOC_HUGE);
	for (Size i = 0; i < set->count; i++)
		memcpy(ordered + i * size, array + GetMolecule(set, i)->row * size, size);
	pfree(array);
	return ordered;
}

void
OrderDescriptions(Descriptions *descriptions, const TrainingSet *set)
{
	Size		width = descriptions->needs.descriptors ? descriptions->needs.descriptors->count : 0;

	descriptions->valid = Order((char *) descriptions->valid, sizeof(bool), set);
	descriptions->descriptors = Order((char *) descriptions->descriptors, width * sizeof(real), set);
	descriptions->counts = Order((char *) descriptions->counts, sizeof(HnCounts), set);
	descriptions->scaffolds = Order((char *) descriptions->scaffolds, sizeof(uint64), set);
	descriptions->capacity = descriptions->count;
}

HnInputs
DescribedInputs(const Descriptions *descriptions)
{
	return (HnInputs)
	{
		.count = descriptions->count,
		.descriptors = descriptions->descriptors,
		.counts = descriptions->counts
	};
}
