/*
 * model_file.c: a model as one safetensors file (model specification, section 5;
 * doc/model-format.md).
 *
 * Reading goes from the small to the large: the container, the configuration,
 * the widths it implies, the file's tensors against those widths, and only
 * then memory for the parameters, which the file's own size bounds by now.
 */
#include "hamnet/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hamnet/half.h"
#include "hamnet/safetensors.h"
#include "floats.h"
#include "head_file.h"
#include "parts.h"

#define FORMAT 1

/* Digits that bring every double back as it was. */
#define DOUBLE_DIGITS 17

/* Reading: the configuration */

static HnStatus
read_engine(HnContext *context, json_t *value, HnEngineConfig *engine)
{
	static const char *const keys[] = {"enabled", "dim", "hidden", "steps", "tau", "dissipate", NULL};
	HnSection	section = {.name = "engine"};

	HN_TRY(hn_section_enter(context, &section, value, keys));
	HN_TRY(hn_section_bool(context, &section, "enabled", &engine->enabled));
	if (!engine->enabled)
		return HN_OK;			/* the others mean nothing */
	HN_TRY(hn_section_int(context, &section, "dim", &engine->dim));
	HN_TRY(hn_section_int(context, &section, "hidden", &engine->hidden));
	HN_TRY(hn_section_int(context, &section, "steps", &engine->steps));
	HN_TRY(hn_section_double(context, &section, "tau", &engine->tau));
	return hn_section_bool(context, &section, "dissipate", &engine->dissipate);
}

/* Cosine distances that fall from at most 2 and stay above 0. */
static HnStatus
read_similarity(HnContext *context, const HnSection *section, HnFingerprintConfig *fingerprint)
{
	json_t	   *knots = NULL;
	double		last = 2;

	if (json_object_get(section->object, "similarity") == NULL)
		return HN_OK;
	HN_TRY(hn_section_array(context, section, "similarity", &knots));
	if (json_array_size(knots) != HN_SIMILARITY_KNOTS)
		return hn_fail(context, HN_INVALID_MODEL, "similarity of %s has %zu numbers, not %d", section->name,
					   json_array_size(knots), HN_SIMILARITY_KNOTS);
	for (int k = 0; k < HN_SIMILARITY_KNOTS; k++)
	{
		json_t	   *knot = json_array_get(knots, (size_t) k);
		double		distance = json_number_value(knot);

		if (!json_is_number(knot) || !(distance > 0 && (k == 0 ? distance <= last : distance < last)))
			return hn_fail(context, HN_INVALID_MODEL, "similarity of %s is not a list of numbers that fall from 2 and stay above 0",
						   section->name);
		fingerprint->similarity[k] = last = distance;
	}
	fingerprint->calibrated = true;
	return HN_OK;
}

static HnStatus
read_fingerprint(HnContext *context, json_t *value, HnFingerprintConfig *fingerprint, int *other_count)
{
	static const char *const keys[] = {"dim", "edge_dim", "layers", "rounds", "bond_messages", "generators",
		"projection", "counts", "similarity", NULL};
	HnSection	section = {.name = "fingerprint"};
	int			generators = 1;

	HN_TRY(hn_section_enter(context, &section, value, keys));
	HN_TRY(hn_section_several(context, &section, "generators", &generators));
	*other_count = generators - 1;
	if (json_object_get(section.object, "bond_messages"))
		HN_TRY(hn_section_bool(context, &section, "bond_messages", &fingerprint->bond_messages));
	if (json_object_get(section.object, "projection"))
		HN_TRY(hn_section_bool(context, &section, "projection", &fingerprint->projection));
	if (json_object_get(section.object, "counts"))
		HN_TRY(hn_section_int(context, &section, "counts", &fingerprint->counts));
	HN_TRY(read_similarity(context, &section, fingerprint));
	HN_TRY(hn_section_int(context, &section, "dim", &fingerprint->dim));
	HN_TRY(hn_section_int(context, &section, "edge_dim", &fingerprint->edge_dim));
	HN_TRY(hn_section_int(context, &section, "layers", &fingerprint->layers));
	return hn_section_int(context, &section, "rounds", &fingerprint->rounds);
}

/* Read the bits of each weight of the networks: 32 if the configuration does not say. */
static HnStatus
read_weight_bits(HnContext *context, const HnSection *section, bool *half)
{
	int			bits = 0;

	if (json_object_get(section->object, "weight_bits") == NULL)
		return HN_OK;
	HN_TRY(hn_section_int(context, section, "weight_bits", &bits));
	if (bits != 16)
		return hn_fail(context, HN_INVALID_MODEL, "weight_bits of %s is %d, expected 16 or no such key", section->name, bits);
	*half = true;
	return HN_OK;
}

/* Format and features come first: in a file of another format, other keys may be right. */
static HnStatus
read_configuration(HnContext *context, json_t *root, HnModel *model)
{
	static const char *const keys[] = {"format", "features", "weight_bits", "engine", "fingerprint", "heads", NULL};
	HnSection	section = {.object = root, .name = "the configuration"};
	int			format = 0;
	const char *features = NULL;
	json_t	   *heads = NULL;

	HN_TRY(hn_section_int(context, &section, "format", &format));
	if (format != FORMAT)
		return hn_fail(context, HN_INVALID_MODEL, "the model has format %d, only format %d is supported",
					   format, FORMAT);
	HN_TRY(hn_section_string(context, &section, "features", &features));
	model->features = hn_feature_set(features);
	if (model->features == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "unrecognized feature set \"%s\", expected \"%s\" or \"%s\"",
					   hn_quoted(features).text, hn_features_2021.name, hn_features_2026.name);
	HN_TRY(hn_json_known_keys(context, section.name, root, keys));

	HN_TRY(read_weight_bits(context, &section, &model->half));
	HN_TRY(read_engine(context, json_object_get(root, "engine"), &model->engine_config));
	HN_TRY(read_fingerprint(context, json_object_get(root, "fingerprint"), &model->fingerprint_config,
							&model->other_count));
	HN_TRY(hn_section_array(context, &section, "heads", &heads));
	model->head_count = (int) json_array_size(heads);
	HN_NEW(context, model->heads, model->head_count);
	for (int i = 0; i < model->head_count; i++)
		HN_TRY(hn_head_read(context, i, json_array_get(heads, i), &model->heads[i]));
	return HN_OK;
}

/* Reading: the tensors */

/* A width that the configuration does not name: the rows of this tensor. */
static HnStatus
width_from_tensor(HnContext *context, const HnSafetensors *file, const char *name, int *width)
{
	const HnStoredTensor *tensor = hn_safetensors_find(file, name);

	if (tensor == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" is missing", name);
	if (tensor->shape[0] > HN_MAX_WIDTH)
		return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" has %" PRId64 " rows, at most %d are allowed",
					   name, tensor->shape[0], HN_MAX_WIDTH);
	*width = (int) tensor->shape[0];
	return HN_OK;
}

/* A shape as "[2, 3]". */
typedef struct ShapeText
{
	char		text[64];
} ShapeText;

static ShapeText
shape_text(int dims, int64_t rows, int64_t columns)
{
	ShapeText	shape;

	if (dims == 1)
		snprintf(shape.text, sizeof(shape.text), "[%" PRId64 "]", rows);
	else
		snprintf(shape.text, sizeof(shape.text), "[%" PRId64 ", %" PRId64 "]", rows, columns);
	return shape;
}

/* What a model's tensors and tables are matched against. */
typedef struct Matching
{
	const HnSafetensors *file;
	bool	   *expected;		/* [file->tensor_count] */
} Matching;

/* The stored tensor of that name, which must have this type and shape. */
static HnStatus
match(HnContext *context, Matching *matching, const char *name, HnDtype dtype, int dims, const int *shape,
	  const HnStoredTensor **stored)
{
	const HnStoredTensor *found = hn_safetensors_find(matching->file, name);
	ShapeText	wanted = shape_text(dims, shape[0], shape[1]);

	if (found == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" is missing, its shape is %s", name, wanted.text);
	if (found->dims != dims || found->shape[0] != shape[0] || found->shape[1] != shape[1])
		return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" has shape %s, the configuration implies %s",
					   name, shape_text(found->dims, found->shape[0], found->shape[1]).text, wanted.text);
	if (found->dtype != dtype)
		return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" has another dtype than it must have", name);
	/* Names of heads and numbers of members might compose one name in two ways. */
	if (matching->expected[found - matching->file->tensors])
		return hn_fail(context, HN_INVALID_MODEL, "two tensors of the model are named \"%s\"", name);
	matching->expected[found - matching->file->tensors] = true;
	*stored = found;
	return HN_OK;
}

static HnStatus
refuse_others(HnContext *context, const Matching *matching)
{
	for (int i = 0; i < matching->file->tensor_count; i++)
	{
		const HnStoredTensor *tensor = &matching->file->tensors[i];

		if (!matching->expected[i])
			return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" of shape %s does not belong to the model",
						   tensor->name, shape_text(tensor->dims, tensor->shape[0], tensor->shape[1]).text);
	}
	return HN_OK;
}

/* Point the tensors to the file's values, or to copies of those that cannot be used there. */
static HnStatus
use_in_place(HnContext *context, const HnTensor *tensors, const HnStoredTensor *const *stored, int count)
{
	for (int i = 0; i < count; i++)
	{
		const real *values = hn_stored_values_in_place(stored[i]);
		real	   *copy;

		if (values == NULL)
		{
			HN_NEW(context, copy, (size_t) tensors[i].shape[0] * tensors[i].shape[1]);
			hn_stored_values(stored[i], copy);
			values = copy;
		}
		*tensors[i].data = (real *) values;
	}
	return HN_OK;
}

/* Point the tables to the file's values, or to copies. */
static HnStatus
use_tables_in_place(HnContext *context, const HnTable *tables, const HnStoredTensor *const *stored, int count)
{
	for (int i = 0; i < count; i++)
	{
		const void *values = hn_stored_in_place(stored[i]);
		char	   *copy;

		if (values == NULL)
		{
			HN_NEW(context, copy, (size_t) tables[i].shape[0] * tables[i].shape[1] * hn_dtype_size(tables[i].dtype));
			hn_stored_copy(stored[i], copy);
			values = copy;
		}
		hn_table_place(&tables[i], values);
	}
	return HN_OK;
}

static HnStatus
read_tensors(HnContext *context, const HnSafetensors *file, bool in_place, HnModel *model)
{
	HnTensor   *tensors = NULL;
	HnTable    *tables = NULL;
	const HnStoredTensor **stored_tensors;
	const HnStoredTensor **stored_tables;
	Matching	matching = {.file = file};
	int			tensor_count = 0;
	int			table_count = 0;

	if (model->engine_config.enabled)
	{
		HN_TRY(width_from_tensor(context, file, "engine.potential.weight",
								 &model->engine_config.potential_width));
		HN_TRY(width_from_tensor(context, file, "engine.dissipation.weight",
								 &model->engine_config.dissipation_width));
	}
	HN_TRY(hn_model_shape(context, model));
	HN_TRY(hn_model_tensors(context, model, &tensors, &tensor_count));
	HN_TRY(hn_model_tables(context, model, &tables, &table_count));
	HN_NEW_ZERO(context, matching.expected, file->tensor_count);
	HN_NEW(context, stored_tensors, tensor_count);
	HN_NEW(context, stored_tables, table_count);
	for (int i = 0; i < tensor_count; i++)
		HN_TRY(match(context, &matching, tensors[i].name, model->half ? HN_F16 : HN_F32, tensors[i].dims, tensors[i].shape,
					 &stored_tensors[i]));
	for (int i = 0; i < table_count; i++)
		HN_TRY(match(context, &matching, tables[i].name, tables[i].dtype, tables[i].dims, tables[i].shape,
					 &stored_tables[i]));
	HN_TRY(refuse_others(context, &matching));

	if (in_place)
	{
		HN_TRY(use_in_place(context, tensors, stored_tensors, tensor_count));
		hn_model_share_engine(model);
		HN_TRY(use_tables_in_place(context, tables, stored_tables, table_count));
	}
	else
	{
		HN_TRY(hn_model_allocate(context, model));
		HN_TRY(hn_model_tensors(context, model, &tensors, &tensor_count));
		for (int i = 0; i < tensor_count; i++)
			hn_stored_values(stored_tensors[i], *tensors[i].data);
		HN_TRY(hn_model_tables(context, model, &tables, &table_count));
		for (int i = 0; i < table_count; i++)
			hn_stored_copy(stored_tables[i], hn_table_data(&tables[i]));
	}
	for (int h = 0; h < model->head_count; h++)
		for (int kind = 0; kind < HN_PARTS; kind++)
			if (model->heads[h].parts[kind] && hn_head_parts[kind]->link)
				HN_TRY(hn_head_parts[kind]->link(context, &model->heads[h]));
	return HN_OK;
}

static HnStatus
read_model(HnContext *context, const unsigned char *bytes, size_t size, bool in_place, HnModel *model)
{
	HnSafetensors file;
	json_t	   *root;
	HnStatus	status;

	memset(model, 0, sizeof(*model));
	HN_TRY(hn_safetensors_open(context, bytes, size, &file));
	if (file.metadata == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "the file holds no hamnet model: __metadata__.hamnet is missing");

	HN_TRY(hn_json_parse(context, "the configuration", file.metadata, strlen(file.metadata), &root));
	status = read_configuration(context, root, model);
	json_decref(root);
	HN_TRY(status);
	return read_tensors(context, &file, in_place, model);
}

HnStatus
hn_model_read(HnContext *context, const unsigned char *bytes, size_t size, HnModel *model)
{
	return read_model(context, bytes, size, false, model);
}

HnStatus
hn_model_read_in_place(HnContext *context, const unsigned char *bytes, size_t size, HnModel *model)
{
	return read_model(context, bytes, size, true, model);
}

static json_t *
write_engine(const HnEngineConfig *engine)
{
	if (!engine->enabled)
		return json_pack("{s:b}", "enabled", 0);
	return json_pack("{s:b,s:i,s:i,s:i,s:f,s:b}", "enabled", 1,
					 "dim", engine->dim, "hidden", engine->hidden, "steps", engine->steps,
					 "tau", engine->tau, "dissipate", (int) engine->dissipate);
}

static json_t *
write_fingerprint(const HnModel *model)
{
	const HnFingerprintConfig *fingerprint = &model->fingerprint_config;
	json_t	   *packed = json_pack("{s:i,s:i,s:i,s:i}", "dim", fingerprint->dim, "edge_dim", fingerprint->edge_dim,
								   "layers", fingerprint->layers, "rounds", fingerprint->rounds);

	if (fingerprint->bond_messages)
		packed = hn_json_with(packed, "bond_messages", json_true());
	if (fingerprint->projection)
		packed = hn_json_with(packed, "projection", json_true());
	if (fingerprint->counts > 0)
		packed = hn_json_with(packed, "counts", json_integer(fingerprint->counts));
	if (fingerprint->calibrated)
	{
		json_t	   *knots = json_array();

		for (int k = 0; k < HN_SIMILARITY_KNOTS; k++)
			knots = hn_json_append(knots, json_real(fingerprint->similarity[k]));
		packed = hn_json_with(packed, "similarity", knots);
	}
	if (model->other_count > 0)
		packed = hn_json_with(packed, "generators", json_integer(model->other_count + 1));
	return packed;
}

/* The configuration as JSON, which the caller releases; NULL without memory. */
static json_t *
write_configuration(const HnModel *model, bool half)
{
	json_t	   *heads = json_array();

	for (int i = 0; i < model->head_count; i++)
		heads = hn_json_append(heads, hn_head_write(&model->heads[i]));
	return json_pack("{s:i,s:s,s:o*,s:o,s:o,s:o}", "format", FORMAT, "features", model->features->name,
					 "weight_bits", half ? json_integer(16) : NULL,
					 "engine", write_engine(&model->engine_config),
					 "fingerprint", write_fingerprint(model),
					 "heads", heads);
}

/* Writing: the tensors */

/* Return whether every weight is a number of 16 bits, so that the file needs no more for it. */
static bool
all_halves(const HnTensor *tensors, int count)
{
	for (int i = 0; i < count; i++)
		for (size_t k = 0; k < (size_t) tensors[i].shape[0] * tensors[i].shape[1]; k++)
		{
			real		value = (*tensors[i].data)[k];
			uint16_t	half = hn_half_nearest((float) value);

			if (hn_half_is_not_finite(half) || hn_half_to_float(half) != value)
				return false;
		}
	return true;
}

/* Describe a tensor for the file, with its values in 16 or 32 bits. */
static HnStatus
prepare_tensor(HnContext *context, const HnTensor *tensor, bool half, HnStoredTensor *stored)
{
	size_t		count = (size_t) tensor->shape[0] * tensor->shape[1];
	uint16_t   *halves;
	const float *values;

	*stored = (HnStoredTensor)
	{
		.name = tensor->name,
		.dtype = half ? HN_F16 : HN_F32,
		.dims = tensor->dims,
		.shape = {tensor->shape[0], tensor->shape[1]}
	};
	if (!half)
	{
		HN_TRY(hn_as_floats(context, *tensor->data, count, &values));
		stored->data = (const unsigned char *) values;
		return HN_OK;
	}
	HN_NEW(context, halves, count);
	for (size_t k = 0; k < count; k++)
		halves[k] = hn_half_nearest((float) (*tensor->data)[k]);
	stored->data = (const unsigned char *) halves;
	return HN_OK;
}

HnStatus
hn_model_write(HnContext *context, HnModel *model, unsigned char **bytes, size_t *size)
{
	HnTensor   *tensors = NULL;
	HnTable    *tables = NULL;
	HnStoredTensor *stored;
	int			count = 0;
	int			table_count = 0;
	bool		half;
	const char *text = NULL;
	json_t	   *configuration;
	HnStatus	status;

	HN_TRY(hn_model_tensors(context, model, &tensors, &count));
	HN_TRY(hn_model_tables(context, model, &tables, &table_count));
	HN_NEW(context, stored, (size_t) count + table_count);
	half = all_halves(tensors, count);
	for (int i = 0; i < count; i++)
		HN_TRY(prepare_tensor(context, &tensors[i], half, &stored[i]));
	for (int i = 0; i < table_count; i++)
		stored[count + i] = (HnStoredTensor)
		{
			.name = tables[i].name,
			.dtype = tables[i].dtype,
			.dims = tables[i].dims,
			.shape = {tables[i].shape[0], tables[i].shape[1]},
			.data = hn_table_data(&tables[i])
		};

	configuration = write_configuration(model, half);
	status = hn_json_text(context, configuration, JSON_REAL_PRECISION(DOUBLE_DIGITS), &text);
	json_decref(configuration);
	HN_TRY(status);
	return hn_safetensors_write(context, stored, count + table_count, text, bytes, size);
}
