/*
 * layers.c: linear layers, softmax, and the check for finite numbers.
 */
#include "hamnet/layers.h"

#include <string.h>

#include "hamnet/simd.h"
#include "hamnet/linear.h"

HnStatus
hn_packed_allocate(HnContext *context, int out, int in, bool biased, HnPacked *packed)
{
	size_t		whole = (size_t) (out - out % HN_PANEL) * in;
	size_t		size = hn_panels_size(out, in);

	packed->out = out;
	packed->in = in;
	packed->bias = NULL;
	HN_NEW(context, packed->panels, size);
	memset(packed->panels + whole, 0, (size - whole) * sizeof(real));
	if (biased)
		HN_NEW_ZERO(context, packed->bias, out);
	return HN_OK;
}

HnStatus
hn_pack_linear(HnContext *context, const HnLinear *layer, HnPacked *packed)
{
	HN_TRY(hn_packed_allocate(context, layer->out, layer->in, layer->bias != NULL, packed));
	hn_pack(packed->panels, layer->in, 0, 0, layer->out, layer->in, 1, layer->weight, (size_t) layer->in, 1);
	if (layer->bias)
		memcpy(packed->bias, layer->bias, (size_t) layer->out * sizeof(real));
	return HN_OK;
}

void
hn_linear_forward(const HnLinear *layer, int rows, const real *x, int ldx,
				  real *out, int ldout)
{
	hn_fill_rows(rows, layer->out, layer->bias, out, ldout);
	hn_gemm_nt(rows, layer->out, layer->in, 1, x, ldx, layer->weight, layer->in, 1, out, ldout);
}

real
hn_dot(const real *w, const real *x, int n)
{
	real		sum = 0;

	for (int k = 0; k < n; k++)
		sum += w[k] * x[k];
	return sum;
}

void
hn_softmax(real *x, int n)
{
	real		largest;
	real		sum = 0;

	if (n == 0)
		return;

	/* Without the largest taken off, exp overflows for scores above 88. */
	largest = x[0];
	for (int k = 1; k < n; k++)
		largest = x[k] > largest ? x[k] : largest;
	for (int k = 0; k < n; k++)
		x[k] -= largest;
	hn_simd()->exp(x, (size_t) n);
	for (int k = 0; k < n; k++)
		sum += x[k];
	for (int k = 0; k < n; k++)
		x[k] /= sum;
}

bool
hn_all_finite(const real *x, size_t n)
{
	int			bad = 0;

	/* x * 0 is 0 for a finite x and NaN otherwise; without a branch, this becomes vector code. */
	for (size_t k = 0; k < n; k++)
		bad |= x[k] * 0 != 0;
	return !bad;
}
