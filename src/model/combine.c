/*
 * combine.c: one model with the heads of several that compute one fingerprint.
 */
#include <stdio.h>
#include <string.h>

#include "hamnet/model.h"

/* Whether a tensor belongs to a head; those of the network come before them. */
static bool
is_of_head(const HnTensor *tensor)
{
	return strncmp(tensor->name, "head.", 5) == 0;
}

/* Whether two models have the same tensors, with the same values, before their heads. */
static HnStatus
same_network(HnContext *context, const HnModel *one, const HnModel *other, bool *same)
{
	HnModel		a = *one;
	HnModel		b = *other;
	HnTensor   *of_a = NULL;
	HnTensor   *of_b = NULL;
	int			count_a;
	int			count_b;
	int			i;

	*same = false;
	HN_TRY(hn_model_tensors(context, &a, &of_a, &count_a));
	HN_TRY(hn_model_tensors(context, &b, &of_b, &count_b));
	for (i = 0; i < count_a && i < count_b && !is_of_head(&of_a[i]) && !is_of_head(&of_b[i]); i++)
		if (strcmp(of_a[i].name, of_b[i].name) != 0 ||
			of_a[i].shape[0] != of_b[i].shape[0] || of_a[i].shape[1] != of_b[i].shape[1] ||
			memcmp(*of_a[i].data, *of_b[i].data,
				   (size_t) of_a[i].shape[0] * (size_t) of_a[i].shape[1] * sizeof(real)) != 0)
			return HN_OK;
	*same = (i == count_a || is_of_head(&of_a[i])) && (i == count_b || is_of_head(&of_b[i])) &&
		one->features == other->features &&
		one->engine_config.steps == other->engine_config.steps &&
		one->engine_config.tau == other->engine_config.tau &&
		one->engine_config.dissipate == other->engine_config.dissipate &&
		one->fingerprint_config.rounds == other->fingerprint_config.rounds;
	return HN_OK;
}

/* A head under the name NUMBER.NAME, so that heads of several models have different ones. */
static HnStatus
take_head(HnContext *context, const HnHead *head, int number, HnHead *taken)
{
	char	   *name;

	HN_NEW(context, name, HN_MAX_HEAD_NAME + 1);
	snprintf(name, HN_MAX_HEAD_NAME + 1, "%d.%s", number, head->name);
	*taken = *head;
	taken->name = name;
	return HN_OK;
}

HnStatus
hn_model_combine(HnContext *context, const HnModel *const *models, int count, bool heads, HnModel *combined)
{
	HnModel		joined = *models[0];
	int			head_count = 0;
	unsigned char *file;
	size_t		size;

	for (int m = 0; m < count; m++)
	{
		bool		same;

		HN_TRY(same_network(context, models[0], models[m], &same));
		if (!same)
			return hn_fail(context, HN_INVALID_ARGUMENT,
						   "models 1 and %d do not compute the same fingerprint", m + 1);
		head_count += models[m]->head_count;
	}
	joined.head_count = 0;
	HN_NEW(context, joined.heads, head_count);
	for (int m = 0; heads && m < count; m++)
		for (int h = 0; h < models[m]->head_count; h++)
			HN_TRY(take_head(context, &models[m]->heads[h], m + 1, &joined.heads[joined.head_count++]));

	/* What a file may not say, such as one target twice, its reader finds. */
	HN_TRY(hn_model_write(context, &joined, &file, &size));
	return hn_model_read(context, file, size, combined);
}
