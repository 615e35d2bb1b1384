/*
 * search.c: the least lower bounds among many codes.
 */
#include "hamnet/codes.h"

#include <stdlib.h>

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
hn_candidates_begin(HnCandidates *candidates, HnCandidate *items, int wanted, HnCandidate after)
{
	candidates->items = items;
	candidates->wanted = wanted;
	candidates->count = 0;
	candidates->after = after;
	candidates->last = (HnCandidate)
	{
		INFINITY, UINT64_MAX
	};
}

/* Keep the wanted ones, and take only lesser ones from now on. */
static void
throw_away(HnCandidates *candidates)
{
	int			wanted = candidates->wanted;

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
	if (candidates->count > candidates->wanted)
		throw_away(candidates);
	qsort(candidates->items, candidates->count, sizeof(HnCandidate), compare);
	return candidates->last.id != UINT64_MAX;
}

static inline void
add(HnCandidates *candidates, HnCandidate candidate)
{
	if (!is_less(candidates->after, candidate) || !is_less(candidate, candidates->last))
		return;
	candidates->items[candidates->count++] = candidate;
	if (candidates->count == 2 * candidates->wanted)
		throw_away(candidates);
}

void
hn_code_search(const HnCodeBlock *block, const HnCodeQuery *query, HnMetric metric,
			   HnCandidates *candidates)
{
	const HnSimd *simd = hn_simd();
	int			rest_count = query->coordinates - HN_CODE_LEAD;
	HnCodeLimit limit = {.constant = INFINITY};
	uint16_t	rows[HN_CODE_BLOCK];
	float		sums[HN_CODE_BLOCK];
	int			kept;

	if (query->bounded)
		limit = hn_metric_limit(metric, query, candidates->last.value);
	kept = simd->code_filter(&block->columns, block->count, &query->target, limit, rows, sums);

	/* The rests lie apart, and likely in memory that was not read before. */
	for (int i = 0; i < kept; i++)
		__builtin_prefetch(block->rest + (size_t) rows[i] * rest_count);
	for (int i = 0; i < kept; i++)
	{
		int			row = rows[i];
		float		error = hn_short_to_float(block->columns.error[row]);
		HnCandidate candidate = {-INFINITY, 0};

		if (isnan(error))
			continue;
		if (query->bounded && !isinf(error))
		{
			float		sum = sums[i] + simd->code_sum(block->rest + (size_t) row * rest_count,
														  query->target.step + HN_CODE_LEAD,
														  query->target.origin + HN_CODE_LEAD, rest_count);
			double		bound = hn_code_bound(query, sum, error);

			candidate.value = hn_metric_bound(metric, query->length, bound,
											  block->columns.norm ? block->columns.norm[row] : 0);
			if (candidate.value > candidates->last.value)
				continue;
		}
		candidate.id = hn_code_id(block->ids + (size_t) row * HN_CODE_ID_SIZE);
		add(candidates, candidate);
	}
}
