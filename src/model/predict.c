/*
 * predict.c: what heads need, and what they predict.
 */
#include "hamnet/predict.h"

#include <math.h>
#include <string.h>

#include "hamnet/joint.h"
#include "hamnet/known.h"
#include "parts.h"

HnNeeds
hn_model_needs(const HnModel *model)
{
	HnNeeds		needs = {.descriptors = NULL};

	for (int h = 0; h < model->head_count; h++)
		for (int kind = 0; kind < HN_PARTS; kind++)
			if (model->heads[h].parts[kind] && hn_head_parts[kind]->add_needs)
				hn_head_parts[kind]->add_needs(&model->heads[h], &needs);
	return needs;
}

HnStatus
hn_heads_pack(HnContext *context, HnModel *model)
{
	for (int h = 0; h < model->head_count; h++)
	{
		HnHead	   *head = &model->heads[h];
		HnPackedHead *packed;

		HN_NEW_ZERO(context, packed, 1);
		for (int kind = 0; kind < HN_PARTS; kind++)
			if (head->parts[kind] && hn_head_parts[kind]->pack)
				HN_TRY(hn_head_parts[kind]->pack(context, model, head, &packed->parts[kind]));
		head->packed = packed;
	}
	return HN_OK;
}

/*
 * Whether a part of a joint head is asked: not where its share is 0, unless it is
 * wanted for the deviation, of classes or by the Gaussian process, or for the
 * nearest rows.
 */
static bool
is_asked(const HnHead *head, HnPartKind kind, const HnPrediction *prediction)
{
	if (hn_joint(head)->shares[kind] != 0)
		return true;
	return (prediction->sds && (head->task == HN_CLASSIFICATION || kind == HN_GP)) ||
		(prediction->nearest && kind == HN_GP);
}

static HnStatus
predict_joint(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
			  const HnPrediction *prediction)
{
	size_t		size = (size_t) inputs->count * head->target_count;
	HnPrediction parts[HN_PARTS] = {0};

	for (int kind = 0; kind < HN_PARTS; kind++)
	{
		HnPrediction *part = &parts[kind];

		if (head->parts[kind] == NULL || hn_head_parts[kind]->predict == NULL)
			continue;
		HN_NEW_ZERO(context, part->values, size);
		if (prediction->sds)
			HN_NEW_ZERO(context, part->sds, size);
		if (kind == HN_GP)
			part->nearest = prediction->nearest;
		if (is_asked(head, kind, prediction))
			HN_TRY(hn_head_parts[kind]->predict(context, model, head, inputs, part));
	}
	hn_joint_combine(head, parts, inputs->count, prediction->values, prediction->sds);
	return HN_OK;
}

/* Predict by all parts of a head, or by its only one. */
static HnStatus
predict_head(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
			 const HnPrediction *prediction)
{
	if (head->parts[HN_JOINT])
		return predict_joint(context, model, head, inputs, prediction);
	for (int kind = 0; kind < HN_PARTS; kind++)
		if (head->parts[kind] && hn_head_parts[kind]->predict)
			return hn_head_parts[kind]->predict(context, model, head, inputs, prediction);
	return hn_fail(context, HN_INTERNAL, "head \"%s\" has no part that predicts", head->name);
}

static HnStatus
predict(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
		const HnPrediction *prediction)
{
	size_t		count = (size_t) inputs->count * (size_t) head->target_count;

	HN_TRY(predict_head(context, model, head, inputs, prediction));

	/* The scale of a target may be so large that a value which was finite is so no more. */
	for (size_t i = 0; i < count; i++)
		if (!isfinite(prediction->values[i]) || (prediction->sds && isinf(prediction->sds[i])))
			return hn_fail(context, HN_NOT_FINITE, "head \"%s\" of the model is not finite", head->name);
	return HN_OK;
}

HnStatus
hn_predict(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
		   double *values, double *sds)
{
	return predict(context, model, head, inputs, &(HnPrediction) {values, sds, NULL});
}

HnStatus
hn_predict_novelty(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
				   double *values, double *sds, double *novelties)
{
	int32_t    *nearest;

	if (hn_known(head) == NULL || !hn_known_by_gp(head))
	{
		HN_TRY(hn_predict(context, model, head, inputs, values, sds));
		return hn_known_novelty(context, head, inputs->fingerprints, inputs->count, novelties);
	}
	HN_NEW(context, nearest, inputs->count);
	HN_TRY(predict(context, model, head, inputs, &(HnPrediction) {values, sds, nearest}));
	for (int i = 0; i < inputs->count; i++)
		novelties[i] = hn_known_scaled(head, nearest[i]);
	return HN_OK;
}

void
hn_scatter_targets(const HnHead *head, const double *values, int count, double *all, int targets, int first)
{
	for (size_t i = 0; i < (size_t) count; i++)
		memcpy(all + i * targets + first, values + i * head->target_count, head->target_count * sizeof(*all));
}
