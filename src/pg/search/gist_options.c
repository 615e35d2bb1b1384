/*
 * search/gist_options.c: options of the GiST operator classes for fingerprints.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "fmgr.h"
#include "miscadmin.h"

#include "search/axes.h"
#include "search/gist.h"

#include "hamnet/sketch.h"

/* The option coordinates is at least this, and 0 where it is not given. */
#define MIN_COORDINATES 8

/*
 * Ensure, when an index is created, that axes are named as hamnet_fit_axes does
 * it, and exist: an index without rows does not use them, but nothing could be
 * inserted. pg_upgrade creates indexes before it brings the table's rows.
 */
static void
CheckAxesOption(const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	if (strlen(value) != AXES_ID_LENGTH || strspn(value, "0123456789abcdef") != AXES_ID_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"axes\": \"%s\"", value),
				 errhint("hamnet_fit_axes fits axes to fingerprints and returns their name.")));
	if (!IsBinaryUpgrade)
		GetAxes(value);
}

/*
 * Store the option as a string. The server reads the options of an index before
 * it plans a query or opens the index, when locks may still be waited for.
 */
static Size
FillAxesOption(const char *value, void *place)
{
	if (value == NULL)
		return 0;
	if (place != NULL)
	{
		strcpy(place, value);
		LoadAxes(value);
	}
	return strlen(value) + 1;
}

PG_FUNCTION_INFO_V1(ghfp_options);
PGDLLEXPORT Datum
ghfp_options(PG_FUNCTION_ARGS)
{
	local_relopts *relopts = (local_relopts *) PG_GETARG_POINTER(0);

	init_local_reloptions(relopts, sizeof(GistHfpOptions));
	add_local_string_reloption(relopts, "axes", "name of the axes to compute keys with, as hamnet_fit_axes returns it",
							   "", CheckAxesOption, FillAxesOption, offsetof(GistHfpOptions, axes));
	add_local_int_reloption(relopts, "coordinates", "numbers in a key, rounded up to a multiple of 8",
							0, MIN_COORDINATES, HN_SKETCH_MAX, offsetof(GistHfpOptions, coordinates));
	PG_RETURN_VOID();
}

/* Keys are made and read by GiST alone. */
