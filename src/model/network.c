/*
 * network.c: engine, then generators.
 */
#include "hamnet/network.h"

#include <string.h>

HnStatus
hn_coordinates(HnContext *context, const HnModel *model, const HnBatch *batch, HnEngineTrace *engine,
			   const real **coordinates)
{
	*coordinates = NULL;
	if (!model->engine_config.enabled)
		return HN_OK;
	HN_TRY(hn_engine_forward(context, model, batch, engine));
	*coordinates = engine->coordinates;
	return HN_OK;
}

HnStatus
hn_fingerprints(HnContext *context, const HnModel *model, const HnBatch *batch,
				real **fingerprints)
{
	HnEngineTrace engine;
	HnFingerprintTrace trace;
	const real *coordinates;

	HN_TRY(hn_coordinates(context, model, batch, &engine, &coordinates));
	HN_TRY(hn_fingerprint_forward(context, model, batch, coordinates, &trace));
	*fingerprints = trace.fingerprint;
	return HN_OK;
}

HnStatus
hn_all_fingerprints(HnContext *context, const HnModel *model, const HnBatch *batch, real **fingerprints)
{
	size_t		size = (size_t) batch->graph_count * model->fingerprint_config.dim;
	const real *coordinates;
	HnEngineTrace engine;

	HN_NEW(context, *fingerprints, (size_t) (model->other_count + 1) * size);
	HN_TRY(hn_coordinates(context, model, batch, &engine, &coordinates));
	for (int g = 0; g <= model->other_count; g++)
	{
		const HnModel *generator = g == 0 ? model : &model->others[g - 1];
		HnArenaMark mark = hn_arena_mark(context->arena);
		HnFingerprintTrace trace;

		HN_TRY(hn_fingerprint_forward(context, generator, batch, coordinates, &trace));
		memcpy(*fingerprints + g * size, trace.fingerprint, size * sizeof(real));
		hn_arena_rewind(context->arena, mark);
	}
	return HN_OK;
}
