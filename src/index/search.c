/*
 * search.c: the least lower bounds among many.
 */
#include "hamnet/codes.h"

#include <stdlib.h>
#include <string.h>

static inline bool
is_less(HnCandidate a, HnCandidate b)
{
	return a.value < b.value || (a.value == b.value && a.id < b.id);
}

static inline void
swap(HnCandidate *a, HnCandidate *b)
{
	HnCandidate c = *a;

	*a = *b;
	*b = c;
}

/* Hoare's selection: the count least of n come first. 0 < count < n */
static void
select_least(HnCandidate *items, int n, int count)
{
	int			low = 0;
	int			high = n - 1;

	while (low < high)
	{
		HnCandidate pivot = items[low + (high - low) / 2];
		int			i = low;
		int			j = high;

		while (i <= j)
		{
			while (is_less(items[i], pivot))
				i++;
			while (is_less(pivot, items[j]))
				j--;
			if (i <= j)
				swap(&items[i++], &items[j--]);
		}
		if (count - 1 <= j)
			high = j;
		else if (count - 1 >= i)
			low = i;
		else
			break;
	}
}

static int
compare(const void *a, const void *b)
{
	const HnCandidate *x = a;
	const HnCandidate *y = b;

	return is_less(*x, *y) ? -1 : is_less(*y, *x);
}

void
hn_candidates_begin(HnCandidates *candidates, HnCandidate *items, int wanted, HnCandidate after, double limit)
{
	memset(candidates, 0, sizeof(*candidates));
	candidates->items = items;
	candidates->wanted = wanted;
	candidates->after = after;
	candidates->limit = candidates->last = (HnCandidate)
	{
		limit, UINT64_MAX
	};
}

void
hn_candidates_estimate(HnCandidates *candidates, double *estimates, int nearest)
{
	candidates->estimates = estimates;
	candidates->nearest = nearest;
	candidates->estimated = 0;
}

/* Leave out those that are beyond the last by now. */
static void
drop_beyond_last(HnCandidates *candidates)
{
	int			kept = 0;

	for (int i = 0; i < candidates->count; i++)
		if (!is_less(candidates->last, candidates->items[i]))
			candidates->items[kept++] = candidates->items[i];
	candidates->count = kept;
}

/* Keep the wanted ones at most, and take only lesser ones from now on. */
static void
throw_away(HnCandidates *candidates)
{
	int			wanted = candidates->wanted;

	drop_beyond_last(candidates);
	if (candidates->count <= wanted)
		return;
	select_least(candidates->items, candidates->count, wanted);
	candidates->count = wanted;
	candidates->last = candidates->items[0];
	for (int i = 1; i < wanted; i++)
		if (is_less(candidates->last, candidates->items[i]))
			candidates->last = candidates->items[i];
}

bool
hn_candidates_finish(HnCandidates *candidates)
{
	throw_away(candidates);
	qsort(candidates->items, candidates->count, sizeof(HnCandidate), compare);
	return is_less(candidates->last, candidates->limit);
}

void
hn_candidates_add(HnCandidates *candidates, double value, uint64_t id)
{
	HnCandidate candidate = {value, id};

	if (!is_less(candidates->after, candidate) || is_less(candidates->last, candidate))
		return;
	candidates->items[candidates->count++] = candidate;
	if (candidates->count == 2 * candidates->wanted)
		throw_away(candidates);
}

/* Move estimate i of the heap, the greatest first, down to where it belongs. */
static void
sift_down(double *heap, int count, double value)
{
	int			i = 0;

	for (int child = 1; child < count; child = 2 * i + 1)
	{
		if (child + 1 < count && heap[child + 1] > heap[child])
			child++;
		if (heap[child] <= value)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = value;
}

static void
sift_up(double *heap, int i, double value)
{
	for (; i > 0 && heap[(i - 1) / 2] < value; i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = value;
}

/* The greatest of the nearest ones limits what comes later. */
void
hn_candidates_add_estimate(HnCandidates *candidates, double estimate)
{
	if (candidates->estimated < candidates->nearest)
		sift_up(candidates->estimates, candidates->estimated++, estimate);
	else if (estimate < candidates->estimates[0])
		sift_down(candidates->estimates, candidates->nearest, estimate);
	if (candidates->estimated == candidates->nearest && candidates->estimates[0] < candidates->last.value)
		candidates->last = (HnCandidate)
	{
		candidates->estimates[0], UINT64_MAX
	};
}
