/*
 * naive_trees.h: trees by their definition, and molecules for them.
 */
#ifndef HAMNET_TEST_NAIVE_TREES_H
#define HAMNET_TEST_NAIVE_TREES_H

#include "heads.h"

#include "hamnet/trees.h"

static inline int
descriptor_count(void)
{
	return hn_descriptors_rdkit_2d.count;
}

/* Descriptor 3 is constant, 5 never known, others are not known here and there. */
static inline real
some_descriptor(int number)
{
	int			k = number % descriptor_count();

	return k == 3 ? 2 : k == 5 || number % 97 == 0 ? NAN : (real) (10 * uniform());
}

/* The last column is the same in all rows. */
static inline HnCounts
some_counts(void)
{
	HnCounts	counts = make_counts(4, 1000, 20);
	uint16_t   *columns = GET(uint16_t, 5);
	uint8_t    *values = GET(uint8_t, 5);

	memcpy(columns, counts.columns, 4 * sizeof(*columns));
	memcpy(values, counts.counts, 4);
	columns[4] = 4000;
	values[4] = 7;
	return (HnCounts) {5, columns, values};
}

static inline HnInputs
random_inputs(int count, int dim)
{
	return make_inputs(count, dim, some_descriptor, some_counts);
}

/* A code by its definition. */
static inline int
naive_code(const HnTrees *trees, const HnInputs *inputs, int row, int column)
{
	int			width = descriptor_count();
	int			code = 0;

	if (column < width)
	{
		for (int k = 0; k < HN_TREE_CODES - 1; k++)
			code += trees->thresholds[column * (HN_TREE_CODES - 1) + k] < inputs->descriptors[row * width + column];
		return code;
	}
	for (int k = 0; k < inputs->counts[row].length; k++)
		if (inputs->counts[row].columns[k] == column - width)
			code = inputs->counts[row].counts[k];
	return code;
}

/* The node after the last of a subtree: its form alone says where that is. */
static inline int
end_of(const HnTrees *trees, int node)
{
	if (trees->columns[node] == HN_TREE_LEAF)
		return node + 1;
	return end_of(trees, end_of(trees, node + 1));
}

static inline int
naive_leaf(const HnTrees *trees, const HnInputs *inputs, int row, int node)
{
	while (trees->columns[node] != HN_TREE_LEAF)
		node = naive_code(trees, inputs, row, trees->columns[node]) > trees->codes[node]
			? end_of(trees, node + 1) : node + 1;
	return node;
}

/* Where tree number k begins. */
static inline int
naive_root(const HnTrees *trees, int k)
{
	int			node = 0;

	for (int i = 0; i < k; i++)
		node = end_of(trees, node);
	return node;
}

#endif
