/*
 * combine.c: one model of several: the heads of models that compute one
 * fingerprint, or an ensemble of models that differ in their parameters.
 */
#include <stdio.h>
#include <string.h>

#include "inputs.h"
#include "networks.h"
#include "parts.h"

/*
 * What two models have in common
 */

static size_t
tensor_bytes(const HnTensor *tensor)
{
	return (size_t) tensor->shape[0] * tensor->shape[1] * sizeof(real);
}

/* Return whether two lists are of tensors with the same names and shapes. */
static bool
same_shapes(const HnTensorList *a, const HnTensorList *b)
{
	if (a->count != b->count)
		return false;
	for (int i = 0; i < a->count; i++)
		if (strcmp(a->tensors[i].name, b->tensors[i].name) != 0 || a->tensors[i].shape[0] != b->tensors[i].shape[0] ||
			a->tensors[i].shape[1] != b->tensors[i].shape[1])
			return false;
	return true;
}

/* Return whether two lists of the same shapes hold the same values. */
static bool
same_values(const HnTensorList *a, const HnTensorList *b)
{
	HN_ASSERT(a->count == b->count);
	for (int i = 0; i < a->count; i++)
		if (memcmp(*a->tensors[i].data, *b->tensors[i].data, tensor_bytes(&a->tensors[i])) != 0)
			return false;
	return true;
}

static void
copy_values(const HnTensorList *from, const HnTensorList *to)
{
	for (int i = 0; i < from->count; i++)
		memcpy(*to->tensors[i].data, *from->tensors[i].data, tensor_bytes(&from->tensors[i]));
}

/* Return whether two scales of similarity, or none, are the same. */
static bool
same_similarity(const HnFingerprintConfig *a, const HnFingerprintConfig *b)
{
	return a->calibrated == b->calibrated
		&& (!a->calibrated || memcmp(a->similarity, b->similarity, sizeof(a->similarity)) == 0);
}

/* Return whether engine and generators are configured the same, as far as the shapes of their tensors do not say so. */
static bool
same_configuration(const HnModel *a, const HnModel *b)
{
	return a->features == b->features &&
		a->engine_config.enabled == b->engine_config.enabled &&
		a->engine_config.steps == b->engine_config.steps &&
		a->engine_config.tau == b->engine_config.tau &&
		a->engine_config.dissipate == b->engine_config.dissipate &&
		a->fingerprint_config.rounds == b->fingerprint_config.rounds &&
		a->fingerprint_config.bond_messages == b->fingerprint_config.bond_messages &&
		a->fingerprint_config.projection == b->fingerprint_config.projection &&
		same_similarity(&a->fingerprint_config, &b->fingerprint_config);
}

/* List the tensors of engine and generators, which come before those of heads. */
static HnStatus
network_tensors(HnContext *context, const HnModel *model, HnTensorList *list)
{
	HnModel		copy = *model;

	copy.head_count = 0;
	return hn_model_tensors(context, &copy, &list->tensors, &list->count);
}

static HnStatus
same_network(HnContext *context, const HnModel *a, const HnModel *b, bool *same)
{
	HnTensorList of_a;
	HnTensorList of_b;

	HN_TRY(network_tensors(context, a, &of_a));
	HN_TRY(network_tensors(context, b, &of_b));
	*same = same_configuration(a, b) && same_shapes(&of_a, &of_b) && same_values(&of_a, &of_b);
	return HN_OK;
}

/*
 * Heads of several models
 */

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

/*
 * Ensembles
 */

static bool
same_inputs(const HnHeadInputs *a, const HnHeadInputs *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->standardised == b->standardised && a->descriptors == b->descriptors && a->counts == b->counts
		&& memcmp(a->center, b->center, (size_t) a->scaled_width * sizeof(*a->center)) == 0
		&& memcmp(a->scale, b->scale, (size_t) a->scaled_width * sizeof(*a->scale)) == 0;
}

static bool
same_target(const HnTarget *a, const HnTarget *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->unit, b->unit) == 0 && a->mean == b->mean && a->std == b->std;
}

/* Return whether two heads with tensors of the same shapes predict the same from the same inputs, but for their weights. */
static bool
same_head(const HnHead *a, const HnHead *b)
{
	if (a->task != b->task || a->target_count != b->target_count ||
		!same_inputs(hn_networks(a)->inputs, hn_networks(b)->inputs))
		return false;
	for (int t = 0; t < a->target_count; t++)
		if (!same_target(&a->targets[t], &b->targets[t]))
			return false;
	return true;
}

/* Return whether a head has one network and nothing else. */
static bool
is_single_network(const HnHead *head)
{
	for (int kind = 0; kind < HN_PARTS; kind++)
		if (head->parts[kind] && kind != HN_NETWORKS && kind != HN_KNOWN)
			return false;
	return hn_networks(head) && hn_networks(head)->member_count <= 1;
}

/* Check that a model is a member that can be joined with the first. */
static HnStatus
check_member(HnContext *context, const HnModel *first, const HnModel *member, int index)
{
	HnModel		a = *first;
	HnModel		b = *member;
	HnTensorList of_a;
	HnTensorList of_b;
	bool		same;

	if (member->other_count > 0)
		return hn_fail(context, HN_INVALID_ARGUMENT, "member %d of the ensemble is itself an ensemble", index);
	for (int i = 0; i < member->head_count; i++)
		if (!is_single_network(&member->heads[i]))
			return hn_fail(context, HN_INVALID_ARGUMENT, "head \"%s\" of member %d is not a single network",
						   member->heads[i].name, index);
	HN_TRY(hn_model_tensors(context, &a, &of_a.tensors, &of_a.count));
	HN_TRY(hn_model_tensors(context, &b, &of_b.tensors, &of_b.count));
	same = same_configuration(first, member) && same_shapes(&of_a, &of_b) && first->head_count == member->head_count;
	for (int i = 0; same && i < first->head_count; i++)
		same = same_head(&first->heads[i], &member->heads[i]);
	if (!same)
		return hn_fail(context, HN_INVALID_ARGUMENT, "member %d of the ensemble differs from member 0 in its configuration",
					   index);
	return HN_OK;
}

/* Make the joined model without values: the first member's configuration, with members. */
static HnStatus
prepare_joined(HnContext *context, const HnModel *first, int count, bool generators_differ, HnModel *joined)
{
	*joined = *first;
	joined->other_count = generators_differ ? count - 1 : 0;
	HN_NEW(context, joined->heads, joined->head_count);
	for (int i = 0; i < joined->head_count; i++)
	{
		HnNetworks *networks = NULL;

		joined->heads[i] = first->heads[i];
		HN_TRY(hn_networks_copy(context, hn_networks(&first->heads[i]), count, &networks));
		joined->heads[i].parts[HN_NETWORKS] = networks;
		joined->heads[i].parts[HN_KNOWN] = NULL;
	}
	HN_TRY(hn_model_allocate(context, joined));
	for (int i = 0; i < joined->head_count; i++)
		hn_inputs_copy_scales(hn_networks(&first->heads[i])->inputs, hn_networks(&joined->heads[i])->inputs);
	return HN_OK;
}

/* Copy the weights of the networks of each member's head into those of the joined one. */
static void
copy_members(const HnModel *const *members, int count, int index, HnHead *joined)
{
	HnNetworks *networks = hn_networks(joined);

	for (int m = 0; m < count; m++)
		for (int k = 0; k < networks->layer_count; k++)
		{
			const HnLinear *from = &hn_networks(&members[m]->heads[index])->layers[k];
			HnLinear   *to = &networks->layers[m * networks->layer_count + k];

			memcpy(to->weight, from->weight, (size_t) to->out * to->in * sizeof(real));
			memcpy(to->bias, from->bias, (size_t) to->out * sizeof(real));
		}
}

HnStatus
hn_model_join(HnContext *context, const HnModel *const *members, int count, HnModel *joined)
{
	HnTensorList engine;
	HnTensorList generator;
	HnTensorList other;
	bool		generators_differ = false;
	bool		engines_differ = false;

	HN_TRY(hn_check_range(context, "the number of members", count, 1, HN_MAX_MEMBERS));
	HN_TRY(hn_engine_tensors(context, (HnModel *) members[0], &engine));
	HN_TRY(hn_generator_tensors(context, (HnModel *) members[0], &generator));
	for (int m = 0; m < count; m++)
	{
		HN_TRY(check_member(context, members[0], members[m], m));
		HN_TRY(hn_generator_tensors(context, (HnModel *) members[m], &other));
		generators_differ |= !same_values(&generator, &other);
		HN_TRY(hn_engine_tensors(context, (HnModel *) members[m], &other));
		engines_differ |= !same_values(&engine, &other);
	}
	if (engines_differ)
		return hn_fail(context, HN_INVALID_ARGUMENT, "the members of the ensemble have different engines");

	HN_TRY(prepare_joined(context, members[0], count, generators_differ, joined));
	HN_TRY(hn_engine_tensors(context, joined, &other));
	copy_values(&engine, &other);
	for (int g = 0; g <= joined->other_count; g++)
	{
		HN_TRY(hn_generator_tensors(context, (HnModel *) members[g], &generator));
		HN_TRY(hn_generator_tensors(context, g == 0 ? joined : &joined->others[g - 1], &other));
		copy_values(&generator, &other);
	}
	for (int i = 0; i < joined->head_count; i++)
		copy_members(members, count, i, &joined->heads[i]);
	return HN_OK;
}
