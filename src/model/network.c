/*
 * network.c: engine and generator in one call.
 */
#include "hamnet/network.h"

HnStatus
hn_fingerprints(HnContext *context, const HnModel *model, const HnBatch *batch,
				real **fingerprints)
{
	HnEngineTrace engine;
	HnFingerprintTrace trace;
	const real *coordinates = NULL;

	if (model->engine_config.enabled)
	{
		HN_TRY(hn_engine_forward(context, model, batch, &engine));
		coordinates = engine.coordinates;
	}
	HN_TRY(hn_fingerprint_forward(context, model, batch, coordinates, &trace));
	*fingerprints = trace.fingerprint;
	return HN_OK;
}
