/*
 * inputs.c: what the networks of a head read: fingerprint, descriptors and
 * counts side by side.
 */
#include "inputs.h"

#include <math.h>
#include <string.h>

#include "hamnet/simd.h"
#include "standardise.h"

/* The columns that are standardised. */
static HnColumns
scaled_columns(const HnHeadInputs *inputs)
{
	return (HnColumns)
	{
		.fingerprint = inputs->standardised ? inputs->fingerprint_width : 0,
		.width = inputs->scaled_width,
		.center = inputs->center,
		.scale = inputs->scale
	};
}

/* log(1 + count) by column, folded; several columns may fall on one. */
static void
join_counts(const HnCounts *counts, int width, real *row)
{
	memset(row, 0, (size_t) width * sizeof(real));
	for (int k = 0; k < counts->length; k++)
		row[counts->columns[k] % width] += counts->counts[k];
	for (int k = 0; k < width; k++)
		if (row[k] > 0)
			row[k] = hn_log1p(row[k]);
}

HnStatus
hn_inputs_join(HnContext *context, const HnHead *head, const HnInputs *inputs, const real **rows)
{
	const HnHeadInputs *config = hn_networks(head)->inputs;
	HnColumns	columns;
	real	   *joined;

	*rows = inputs->fingerprints;
	if (config == NULL)
		return HN_OK;
	if ((config->descriptors && inputs->descriptors == NULL) || (config->counts > 0 && inputs->counts == NULL))
		return hn_fail(context, HN_INVALID_ARGUMENT, "head \"%s\" needs more than the fingerprint", head->name);
	columns = scaled_columns(config);
	HN_NEW(context, joined, (size_t) inputs->count * config->width);
	for (int i = 0; i < inputs->count; i++)
	{
		int			D = config->fingerprint_width;
		real	   *row = joined + (size_t) i * config->width;
		real	   *scaled = config->standardised ? row : row + D;

		if (!config->standardised)
			memcpy(row, inputs->fingerprints + (size_t) i * D, (size_t) D * sizeof(real));
		hn_standardise(&columns, inputs, i, scaled);
		for (int k = 0; k < columns.width; k++)
			scaled[k] *= 1 / HN_BYTE_STEPS;
		if (config->counts > 0)
			join_counts(&inputs->counts[i], config->counts, row + config->width - config->counts);
	}
	*rows = joined;
	return HN_OK;
}

void
hn_inputs_backward(const HnHead *head, const HnInputs *inputs, int dim, const real *d_rows, real *d_fingerprints)
{
	const HnHeadInputs *config = hn_networks(head)->inputs;

	if (config == NULL)
	{
		hn_simd()->add_scaled(d_fingerprints, 1, d_rows, (size_t) inputs->count * dim);
		return;
	}
	for (int i = 0; i < inputs->count; i++)
		for (int k = 0; k < dim; k++)
		{
			real		d_row = d_rows[(size_t) i * config->width + k];
			real		x = inputs->fingerprints[(size_t) i * dim + k];

			/* What is cut has no derivative. */
			if (config->standardised)
				d_row = (real) (d_row * (fabs((hn_fingerprint_log(x) - config->center[k]) * config->scale[k]) > 127 ? 0
										 : config->scale[k] / HN_BYTE_STEPS / (1 + fabs(x))));
			d_fingerprints[(size_t) i * dim + k] += d_row;
		}
}

HnStatus
hn_inputs_measure(HnContext *context, const HnInputs *inputs, const int *rows, int count, int dim,
				  HnHeadInputs *config)
{
	HnColumns	columns;

	config->fingerprint_width = dim;
	config->scaled_width = (config->standardised ? dim : 0) + (config->descriptors ? config->descriptors->count : 0);
	HN_NEW(context, config->center, config->scaled_width);
	HN_NEW(context, config->scale, config->scaled_width);
	columns = scaled_columns(config);
	hn_measure_columns(&columns, inputs, rows, count);
	return HN_OK;
}

HnStatus
hn_inputs_read(HnContext *context, const HnSection *section, HnHeadInputs **inputs)
{
	static const char *const keys[] = {"fingerprint", "descriptors", "counts", NULL};
	static const char *const fingerprints[] = {"raw", "standardised"};
	HnSection	own;
	int			choice = 0;

	*inputs = NULL;
	if (json_object_get(section->object, "inputs") == NULL)
		return HN_OK;
	HN_TRY(hn_section_enter_key(context, section, "inputs", keys, &own));
	HN_NEW_ZERO(context, *inputs, 1);
	HN_TRY(hn_section_choice(context, &own, "fingerprint", fingerprints, 2, &choice));
	(*inputs)->standardised = choice == 1;
	if (json_object_get(own.object, "descriptors"))
		HN_TRY(hn_section_descriptors(context, &own, "descriptors", &(*inputs)->descriptors));
	if (json_object_get(own.object, "counts"))
		HN_TRY(hn_section_int(context, &own, "counts", &(*inputs)->counts));
	return HN_OK;
}

json_t *
hn_inputs_write(const HnHeadInputs *inputs)
{
	json_t	   *object = json_pack("{s:s}", "fingerprint", inputs->standardised ? "standardised" : "raw");

	if (inputs->descriptors)
		object = hn_json_with(object, "descriptors", json_string(inputs->descriptors->name));
	if (inputs->counts > 0)
		object = hn_json_with(object, "counts", json_integer(inputs->counts));
	return object;
}

void
hn_inputs_shape(const HnModel *model, HnHeadInputs *inputs)
{
	int			descriptors = inputs->descriptors ? inputs->descriptors->count : 0;

	inputs->fingerprint_width = model->fingerprint_config.dim;
	inputs->scaled_width = (inputs->standardised ? inputs->fingerprint_width : 0) + descriptors;
	inputs->width = inputs->fingerprint_width + descriptors + inputs->counts;
}

void
hn_inputs_copy_scales(const HnHeadInputs *from, HnHeadInputs *to)
{
	if (from == NULL || from->scaled_width == 0)
		return;
	memcpy(to->center, from->center, (size_t) from->scaled_width * sizeof(float));
	memcpy(to->scale, from->scale, (size_t) from->scaled_width * sizeof(float));
}
