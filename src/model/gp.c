/*
 * gp.c: the part of a head that is a Gaussian process.
 */
#include "hamnet/gp.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hamnet/simd.h"
#include "covariance.h"
#include "floats.h"
#include "parts.h"

/* Queries that are compared with the training rows at a time: bounds memory to so many rows of covariance. */
#define QUERY_BLOCK 64

/*
 * In a model file
 */

static const char *const covariance_names[] = {
	[HN_GAUSSIAN] = "gaussian",
	[HN_MATERN] = "matern"
};

static HnStatus
read_blocks(HnContext *context, const HnSection *section, HnGp *gp)
{
	static const char *const descriptor_keys[] = {"set", "weight", NULL};
	static const char *const count_keys[] = {"weight", "share", "entries", NULL};
	HnSection	block;

	if (json_object_get(section->object, "fingerprint"))
		HN_TRY(hn_section_double(context, section, "fingerprint", &gp->fingerprint_weight));

	if (json_object_get(section->object, "descriptors"))
	{
		HN_TRY(hn_section_enter_key(context, section, "descriptors", descriptor_keys, &block));
		HN_TRY(hn_section_descriptors(context, &block, "set", &gp->descriptors));
		HN_TRY(hn_section_double(context, &block, "weight", &gp->descriptor_weight));
	}
	if (json_object_get(section->object, "counts"))
	{
		HN_TRY(hn_section_enter_key(context, section, "counts", count_keys, &block));
		if (json_object_get(block.object, "weight"))
			HN_TRY(hn_section_double(context, &block, "weight", &gp->count_weight));
		HN_TRY(hn_section_double(context, &block, "share", &gp->count_share));
		HN_TRY(hn_section_int(context, &block, "entries", &gp->entry_count));
	}
	return HN_OK;
}

/* Measurements of a regression have noise, classes a prior probability. */
static HnStatus
read_process(HnContext *context, const HnSection *gp, int index, json_t *value, HnTask task, HnProcess *process)
{
	static const char *const regression_keys[] = {"variance", "noise", "least", "most", NULL};
	static const char *const classification_keys[] = {"variance", "offset", NULL};
	HnSection	section;

	snprintf(section.name, sizeof(section.name), "%.24s.processes[%d]", gp->name, index);
	HN_TRY(hn_section_enter(context, &section, value, task == HN_REGRESSION ? regression_keys : classification_keys));
	HN_TRY(hn_section_double(context, &section, "variance", &process->variance));
	if (task == HN_CLASSIFICATION)
		return hn_section_double(context, &section, "offset", &process->offset);
	if (json_object_get(section.object, "least") || json_object_get(section.object, "most"))
	{
		HN_TRY(hn_section_double(context, &section, "least", &process->least));
		HN_TRY(hn_section_double(context, &section, "most", &process->most));
	}
	return hn_section_double(context, &section, "noise", &process->noise);
}

static HnStatus
read_gp(HnContext *context, const HnSection *head_section, HnHead *head)
{
	static const char *const own_keys[] = {
		"function", "rows", "rank", "fingerprint", "descriptors", "counts", "processes", NULL
	};
	HnSection	section;
	HnGp	   *gp;
	json_t	   *processes = NULL;
	int			function = 0;

	HN_NEW_ZERO(context, gp, 1);
	head->parts[HN_GP] = gp;
	HN_TRY(hn_section_enter_key(context, head_section, "kernel", own_keys, &section));
	HN_TRY(hn_section_choice(context, &section, "function", covariance_names, 2, &function));
	gp->function = (HnCovariance) function;
	HN_TRY(hn_section_int(context, &section, "rows", &gp->rows));
	HN_TRY(hn_section_int(context, &section, "rank", &gp->rank));
	HN_TRY(read_blocks(context, &section, gp));
	HN_TRY(hn_section_target_array(context, &section, "processes", head, &processes));
	HN_NEW_ZERO(context, gp->processes, head->target_count);
	for (int k = 0; k < head->target_count; k++)
		HN_TRY(read_process(context, &section, k, json_array_get(processes, k), head->task, &gp->processes[k]));
	return HN_OK;
}

static json_t *
write_process(HnTask task, const HnProcess *process)
{
	if (task == HN_CLASSIFICATION)
		return json_pack("{s:f,s:f}", "variance", process->variance, "offset", process->offset);
	if (process->least < process->most)
		return json_pack("{s:f,s:f,s:f,s:f}", "variance", process->variance, "noise", process->noise,
						 "least", process->least, "most", process->most);
	return json_pack("{s:f,s:f}", "variance", process->variance, "noise", process->noise);
}

static json_t *
write_gp(const HnHead *head, json_t *object)
{
	const HnGp *gp = hn_gp(head);
	json_t	   *processes = json_array();
	json_t	   *own;

	for (int t = 0; t < head->target_count; t++)
		processes = hn_json_append(processes, write_process(head->task, &gp->processes[t]));
	own = json_pack("{s:s,s:i,s:i,s:o}", "function", covariance_names[gp->function],
					"rows", gp->rows, "rank", gp->rank, "processes", processes);
	if (gp->fingerprint_weight > 0)
		own = hn_json_with(own, "fingerprint", json_real(gp->fingerprint_weight));
	if (gp->descriptors)
		own = hn_json_with(own, "descriptors", json_pack("{s:s,s:f}", "set", gp->descriptors->name,
														 "weight", gp->descriptor_weight));
	if (hn_gp_uses_counts(gp))
	{
		json_t	   *counts = json_pack("{s:f,s:i}", "share", gp->count_share, "entries", gp->entry_count);

		if (gp->count_weight > 0)
			counts = hn_json_with(counts, "weight", json_real(gp->count_weight));
		own = hn_json_with(own, "counts", counts);
	}
	return hn_json_with(object, "kernel", own);
}

static HnStatus
check_gp(HnContext *context, const HnHead *head)
{
	const HnGp *gp = hn_gp(head);

	HN_TRY(hn_check_count(context, head, "number of rows", gp->rows, 1, HN_MAX_GP_ROWS));
	HN_TRY(hn_check_count(context, head, "rank", gp->rank, 0, head->task == HN_CLASSIFICATION ? 0 :
						  gp->rows < HN_MAX_GP_RANK ? gp->rows : HN_MAX_GP_RANK));
	HN_TRY(hn_check_number(context, head, "the fingerprint's weight", gp->fingerprint_weight, 0, HN_MAX_WEIGHT));
	HN_TRY(hn_check_number(context, head, "the descriptors' weight", gp->descriptor_weight, 0, HN_MAX_WEIGHT));
	HN_TRY(hn_check_number(context, head, "the counts' weight", gp->count_weight, 0, HN_MAX_WEIGHT));
	HN_TRY(hn_check_number(context, head, "the counts' share", gp->count_share, 0, 1));
	if ((gp->descriptors != NULL) != (gp->descriptor_weight > 0))
		return hn_fail(context, HN_INVALID_MODEL, "the descriptors' weight of head \"%s\" must be above 0 where it uses them",
					   head->name);
	if ((gp->entry_count != 0) != hn_gp_uses_counts(gp))
		return hn_fail(context, HN_INVALID_MODEL, "the counts' share or weight of head \"%s\" must be above 0 where it uses them",
					   head->name);
	if ((gp->count_share < 1) !=
		(gp->fingerprint_weight > 0 || gp->descriptor_weight > 0 || gp->count_weight > 0))
		return hn_fail(context, HN_INVALID_MODEL,
					   "head \"%s\" must weigh fingerprint, descriptors or counts unless the counts' share is 1",
					   head->name);
	/* An environment for each atom at least, and every column at most. */
	if (hn_gp_uses_counts(gp))
		HN_TRY(hn_check_count(context, head, "number of count entries", gp->entry_count, gp->rows,
							  gp->rows * HN_COUNT_COLUMNS));
	for (int t = 0; t < head->target_count; t++)
	{
		const HnProcess *process = &gp->processes[t];

		HN_TRY(hn_check_number(context, head, "a variance", process->variance, 0, HN_MAX_WEIGHT));
		HN_TRY(hn_check_number(context, head, "a noise", process->noise, 0, HN_MAX_WEIGHT));
		HN_TRY(hn_check_number(context, head, "an offset", process->offset, -HN_MAX_WEIGHT, HN_MAX_WEIGHT));
		HN_TRY(hn_check_number(context, head, "the smallest label", process->least, -HN_MAX_WEIGHT, 0));
		HN_TRY(hn_check_number(context, head, "the largest label", process->most, 0, HN_MAX_WEIGHT));
	}
	return HN_OK;
}

static HnStatus
shape_gp(HnContext *context, const HnModel *model, HnHead *head)
{
	HnGp	   *gp = hn_gp(head);

	(void) context;
	gp->fingerprint_width = gp->fingerprint_weight > 0 ? model->fingerprint_config.dim : 0;
	gp->width = gp->fingerprint_width + (gp->descriptors ? gp->descriptors->count : 0);
	return HN_OK;
}

static void
list_tables(HnTableList *list, const HnHead *head)
{
	HnGp	   *gp = hn_gp(head);
	int			n = gp->rows;
	int			m = gp->rank;

	if (gp->width > 0)
	{
		hn_list_table(list, head, "center", HN_F32, 1, gp->width, 1, &gp->center);
		hn_list_table(list, head, "scale", HN_F32, 1, gp->width, 1, &gp->scale);
		hn_list_table(list, head, "inputs", HN_I8, 2, n, gp->width, &gp->inputs);
	}
	if (hn_gp_uses_counts(gp))
	{
		hn_list_table(list, head, "count_lengths", HN_U16, 1, n, 1, &gp->count_lengths);
		hn_list_table(list, head, "count_columns", HN_U16, 1, gp->entry_count, 1, &gp->count_columns);
		hn_list_table(list, head, "count_values", HN_U8, 1, gp->entry_count, 1, &gp->count_values);
	}
	hn_list_table(list, head, "weights", HN_F32, 2, head->target_count, n, &gp->weights);
	if (m > 0)
		hn_list_table(list, head, "factors", HN_F32, 2, head->target_count, (int) HN_TRIANGLE(m),
				  &gp->factors);
}

/* Check what the tables hold beyond their shapes. */
static HnStatus
link_gp(HnContext *context, const HnHead *head)
{
	const HnGp *gp = hn_gp(head);
	int			offset = 0;

	for (int k = 0; k < gp->width; k++)
		if (gp->scale[k] < 0)
			return hn_fail(context, HN_INVALID_MODEL, "scale %d of head \"%s\" is negative", k, head->name);
	if (!hn_gp_uses_counts(gp))
		return HN_OK;
	for (int i = 0; i < gp->rows; i++)
	{
		if (gp->count_lengths[i] == 0 || gp->count_lengths[i] > gp->entry_count - offset)
			return hn_fail(context, HN_INVALID_MODEL, "count_lengths of head \"%s\" do not fit its %d entries",
						   head->name, gp->entry_count);
		for (int k = offset; k < offset + gp->count_lengths[i]; k++)
			if (gp->count_columns[k] >= HN_COUNT_COLUMNS || gp->count_values[k] == 0
				|| (k > offset && gp->count_columns[k] <= gp->count_columns[k - 1]))
				return hn_fail(context, HN_INVALID_MODEL,
							   "entry %d of the counts of head \"%s\" is out of range or out of order", k, head->name);
		offset += gp->count_lengths[i];
	}
	if (offset != gp->entry_count)
		return hn_fail(context, HN_INVALID_MODEL, "count_lengths of head \"%s\" leave %d of its %d entries over",
					   head->name, gp->entry_count - offset, gp->entry_count);
	return HN_OK;
}

static void
add_needs(const HnHead *head, HnNeeds *needs)
{
	const HnGp *gp = hn_gp(head);

	if (gp->descriptors)
		needs->descriptors = gp->descriptors;
	needs->counts |= hn_gp_uses_counts(gp);
}

/*
 * Predicting
 */

/* Put the factors of so many targets into panels, see HN_TRIANGLE_PANELS. */
static HnStatus
pack_factors(HnContext *context, const HnGp *gp, int targets, HnPackedGp *packed)
{
	int			m = gp->rank;
	size_t		size = HN_TRIANGLE_PANELS((size_t) m);
	const float *factor = gp->factors;

	HN_NEW_ZERO(context, packed->factors, targets * size);
	for (int t = 0; t < targets; t++)
		for (int i = 0; i < m; i++)
		{
			real	   *panel = packed->factors + t * size + HN_TRIANGLE_PANELS((size_t) i / HN_PANEL * HN_PANEL);

			for (int k = 0; k <= i; k++)
				panel[(size_t) k * HN_PANEL + i % HN_PANEL] = *factor++;
		}
	return HN_OK;
}

/* |R k|² of queries [count] of one target, from their covariance k [count, n], of which the first m numbers count. */
static void
explained_variances(const HnGp *gp, const HnPackedGp *packed, int target, int count, const real *k,
					double *explained)
{
	const real *panel = packed->factors + target * HN_TRIANGLE_PANELS((size_t) gp->rank);
	real		products[QUERY_BLOCK * HN_PANEL];

	memset(explained, 0, (size_t) count * sizeof(double));
	for (int first = 0; first < gp->rank; first += HN_PANEL)
	{
		int			end = first + HN_PANEL < gp->rank ? first + HN_PANEL : gp->rank;

		hn_simd()->product(count, HN_PANEL, end, k, (size_t) gp->rows, panel, NULL, 0, products, HN_PANEL);
		for (int i = 0; i < count; i++)
			for (int lane = 0; lane < HN_PANEL; lane++)
			{
				double		product = products[i * HN_PANEL + lane];

				explained[i] += product * product;
			}
		panel += (size_t) HN_PANEL * (first + HN_PANEL);
	}
}

/* Values of every target for a query whose covariance is k [n]. */
static HnStatus
predict_values(HnContext *context, const HnHead *head, const real *k, double *values)
{
	const HnGp *gp = hn_gp(head);
	const float *row;

	HN_TRY(hn_as_floats(context, k, (size_t) gp->rows, &row));
	for (int t = 0; t < head->target_count; t++)
	{
		const HnProcess *process = &gp->processes[t];
		const HnTarget *scale = &head->targets[t];
		double		sum = process->offset
			+ hn_simd()->wide_dot(gp->weights + (size_t) t * gp->rows, row, (size_t) gp->rows);

		if (!isfinite(sum))
			return hn_fail(context, HN_NOT_FINITE, "head \"%s\" of the model is not finite", head->name);
		if (process->least < process->most)
			sum = fmin(fmax(sum, process->least), process->most);
		values[t] = head->task == HN_REGRESSION ? sum * scale->std + scale->mean : 1 / (1 + exp(-sum));
	}
	return HN_OK;
}

/* Deviations of every target for queries [count] whose covariance is k [count, n]. */
static void
predict_deviations(const HnHead *head, const HnPackedGp *packed, int count, const real *k, double *sds)
{
	const HnGp *gp = hn_gp(head);
	bool		known = gp->rank > 0;
	double		explained[QUERY_BLOCK];

	for (int t = 0; t < head->target_count; t++)
	{
		const HnProcess *process = &gp->processes[t];

		if (known)
			explained_variances(gp, packed, t, count, k, explained);
		for (int i = 0; i < count; i++)
			sds[(size_t) i * head->target_count + t] = !known ? NAN
				: sqrt(fmax(process->variance - explained[i], 0) + process->noise) * head->targets[t].std;
	}
}

static HnStatus
pack_gp(HnContext *context, const HnModel *model, const HnHead *head, void **packed)
{
	HnPackedGp *own;

	(void) model;
	HN_NEW(context, own, 1);
	HN_TRY(hn_covariance_pack(context, hn_gp(head), own));
	HN_TRY(pack_factors(context, hn_gp(head), head->target_count, own));
	*packed = own;
	return HN_OK;
}

/* Predict a block of molecules from number first on. */
static HnStatus
predict_block(HnContext *context, const HnHead *head, const HnPackedGp *packed, const HnInputs *inputs, int first,
			  int count, const HnPrediction *prediction)
{
	const HnGp *gp = hn_gp(head);
	size_t		done = (size_t) first * head->target_count;
	real	   *steps;
	real	   *k;

	HN_NEW(context, steps, (size_t) count * gp->width);
	HN_NEW(context, k, (size_t) count * gp->rows);
	for (int i = 0; i < count; i++)
		hn_gp_standardise(gp, inputs, first + i, steps + (size_t) i * gp->width);
	HN_TRY(hn_covariance_rows(context, gp, packed, count, steps, inputs->counts ? inputs->counts + first : NULL, k,
							  prediction->nearest ? prediction->nearest + first : NULL));
	for (int i = 0; i < count; i++)
		HN_TRY(predict_values(context, head, k + (size_t) i * gp->rows,
							  prediction->values + done + (size_t) i * head->target_count));
	if (prediction->sds)
		predict_deviations(head, packed, count, k, prediction->sds + done);
	return HN_OK;
}

static HnStatus
predict_gp(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
		   const HnPrediction *prediction)
{
	const HnPackedGp *packed = hn_packed_part(head, HN_GP);
	HnArenaMark packed_mark = hn_arena_mark(context->arena);
	HnPackedGp	own;

	(void) model;
	if (packed == NULL)
	{
		HN_TRY(hn_covariance_pack(context, hn_gp(head), &own));
		if (prediction->sds)
			HN_TRY(pack_factors(context, hn_gp(head), head->target_count, &own));
		packed = &own;
	}
	for (int first = 0; first < inputs->count; first += QUERY_BLOCK)
	{
		HnArenaMark mark = hn_arena_mark(context->arena);
		int			count = inputs->count - first < QUERY_BLOCK ? inputs->count - first : QUERY_BLOCK;

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		HN_TRY(predict_block(context, head, packed, inputs, first, count, prediction));
		hn_arena_rewind(context->arena, mark);
	}
	hn_arena_rewind(context->arena, packed_mark);
	return HN_OK;
}

static const char *const keys[] = {"kernel", NULL};

extern const HnHeadPart hn_gp_part;
const HnHeadPart hn_gp_part = {
	.keys = keys,
	.share = "share",
	.read = read_gp,
	.write = write_gp,
	.check = check_gp,
	.shape = shape_gp,
	.list_tables = list_tables,
	.link = link_gp,
	.add_needs = add_needs,
	.pack = pack_gp,
	.fit = hn_gp_fit,
	.predict = predict_gp
};
