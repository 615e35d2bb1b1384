/*
 * search/axes.c: fitting principal axes to fingerprints, storing and finding them.
 *
 * Stored form, in network order: int32 dimensions, int32 coordinates, then the
 * values of an HnCodeSpace as float8.
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "hamnet/random.h"
#include "hamnet/sketch.h"
#include "search/axes.h"
#include "server/core.h"
#include "server/extension.h"
#include "server/query.h"
#include "server/sha256.h"
#include "type/hfp.h"

/* Columns of _hamnet_axes; see the install script. */
#define Anum_axes_id 1
#define Anum_axes_content 2
#define Natts_axes 2

/* As many axes as keys can use; an index may use fewer. */
#define FITTED_AXES HN_SKETCH_MAX

/* A sample has so many rows at most, and so many numbers: 64 MB. */
#define SAMPLE_ROWS 10000
#define SAMPLE_VALUES (8 * 1024 * 1024)

/* Fingerprints of a query, a random sample of fixed size. */
typedef struct Sample
{
	int			dim;			/* 0 before the first */
	int			room;			/* rows */
	int			rows;			/* in the sample */
	uint64		seen;			/* rows of the query */
	uint64		random;			/* state of the generator */
	double	   *values;			/* [room, dim] */
} Sample;

typedef struct CachedAxes
{
	char		id[AXES_ID_LENGTH + 1];	/* hash key */
	HnCodeSpace *space;
	bool		fresh;			/* stored by the present transaction */
} CachedAxes;

/*
 * Axes in use by this backend. They stay: what a name stands for cannot
 * change, and there are about as many as there are indexes. Only those that the
 * present transaction has stored go with it, since it may roll them back; an
 * index that is built with axes that no other backend can find is of no use.
 */
static HTAB *cached_axes = NULL;
static bool any_fresh = false;

/* The name of axes, by their content. */
static void
AxesIdentity(const bytea *content, char id[AXES_ID_LENGTH + 1])
{
	char		whole[SHA256_HEX_LENGTH + 1];

	Sha256Hex(content, whole);
	strlcpy(id, whole, AXES_ID_LENGTH + 1);
}

static bytea *
SerialiseAxes(const HnCodeSpace *space)
{
	size_t		count = hn_code_space_values(space->dim, space->coordinates);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint32(&message, space->dim);
	pq_sendint32(&message, space->coordinates);
	for (size_t i = 0; i < count; i++)
		pq_sendfloat8(&message, space->values[i]);
	return pq_endtypsend(&message);
}

/*
 * Return what is wrong with axes, NULL if nothing is. Bounds of distances are
 * proven for finite numbers, steps in single precision and orthonormal axes only.
 */
static const char *
FlawOfAxes(const HnCodeSpace *space)
{
	size_t		count = hn_code_space_values(space->dim, space->coordinates);

	for (size_t i = 0; i < count; i++)
		if (!isfinite(space->values[i]))
			return "have elements that are not finite";
	for (int i = 0; i < space->coordinates; i++)
		if (!(hn_code_step(space)[i] >= 0 && hn_code_step(space)[i] == (float) hn_code_step(space)[i]))
			return "have a step that is negative or not in single precision";
	if (!(hn_code_space_skew(space) <= HN_CODE_SKEW))
		return "are not orthonormal";
	return NULL;
}

/* Read axes back; the result is one piece of memory of that context, or NULL with what is wrong with them. */
static HnCodeSpace *
DeserialiseAxes(const bytea *content, MemoryContext memory, const char **flaw)
{
	StringInfoData message = {.data = (char *) VARDATA_ANY(content)};	/* only read from */
	int			dim = 0;
	int			coordinates = 0;
	size_t		count;
	HnCodeSpace *space;

	message.len = message.maxlen = VARSIZE_ANY_EXHDR(content);
	if (message.len >= 2 * (int) sizeof(int32))
	{
		dim = pq_getmsgint(&message, sizeof(int32));
		coordinates = pq_getmsgint(&message, sizeof(int32));
	}
	if (dim < 1 || dim > HFP_MAX_DIM || coordinates < 1 || coordinates > HN_CODE_MAX ||
		message.len - message.cursor != hn_code_space_values(dim, coordinates) * sizeof(float8))
	{
		*flaw = "have an invalid length";
		return NULL;
	}

	count = hn_code_space_values(dim, coordinates);
	space = MemoryContextAlloc(memory, MAXALIGN(sizeof(HnCodeSpace)) + count * sizeof(double));
	space->dim = dim;
	space->coordinates = coordinates;
	space->values = (double *) ((char *) space + MAXALIGN(sizeof(HnCodeSpace)));
	for (size_t i = 0; i < count; i++)
		space->values[i] = pq_getmsgfloat8(&message);
	*flaw = FlawOfAxes(space);
	if (*flaw == NULL)
		return space;
	pfree(space);
	return NULL;
}

/*
 * Look for axes in the table; NULL if there are none. The scan uses a new
 * snapshot, since there may be no other while an index is written to. fresh
 * tells whether the present transaction has stored them. Damage is reported at
 * that level; below ERROR, damaged axes are none.
 *
 * A search that asks for axes has a page of the index locked, which holds off
 * interrupts. Whoever waited for another lock then could not be cancelled, and
 * if its holder waits for the page, the server would not notice. So axes are
 * loaded before, by LoadAxes; a search that still has to read them waits for no
 * lock of the table, which is small enough to do without its index.
 */
static HnCodeSpace *
ReadAxes(const char *id, MemoryContext memory, int elevel, bool *fresh)
{
	bool		may_wait = InterruptHoldoffCount == 0;
	Relation	table = may_wait ? OpenExtensionTable("_hamnet_axes", AccessShareLock) :
		OpenExtensionTableNoWait("_hamnet_axes", AccessShareLock);
	Oid			index = may_wait ? IndexOfTable(table, "_hamnet_axes_pkey") : InvalidOid;
	HnCodeSpace *space = NULL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_axes_id, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(id));
	scan = systable_beginscan(table, index, OidIsValid(index), NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		bytea	   *content = DatumGetByteaPP(heap_getattr(tuple, Anum_axes_content,
														   RelationGetDescr(table), &isnull));
		char		found[AXES_ID_LENGTH + 1];
		const char *flaw = NULL;

		AxesIdentity(content, found);
		if (strcmp(found, id) == 0)
			space = DeserialiseAxes(content, memory, &flaw);
		else
			ereport(elevel,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("axes \"%s\" were changed", id),
					 errdetail("The SHA-256 of their content begins with %s.", found)));
		if (flaw)
			ereport(elevel,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("axes \"%s\" %s", id, flaw)));
		*fresh = TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return space;
}

static void
ForgetFreshAxes(void)
{
	HASH_SEQ_STATUS scan;
	CachedAxes *entry;

	if (!any_fresh)
		return;
	hash_seq_init(&scan, cached_axes);
	while ((entry = hash_seq_search(&scan)) != NULL)
		if (entry->fresh)
		{
			pfree(entry->space);
			hash_search(cached_axes, entry->id, HASH_REMOVE, NULL);
		}
	any_fresh = false;
}

/* Keep axes that are committed. */
static void
KeepFreshAxes(void)
{
	HASH_SEQ_STATUS scan;
	CachedAxes *entry;

	if (!any_fresh)
		return;
	hash_seq_init(&scan, cached_axes);
	while ((entry = hash_seq_search(&scan)) != NULL)
		entry->fresh = false;
	any_fresh = false;
}

static void
AtTransactionEnd(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT)
		KeepFreshAxes();
	else if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		ForgetFreshAxes();
}

static void
AtSubtransactionEnd(SubXactEvent event, SubTransactionId self, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		ForgetFreshAxes();
}

static void
InitAxesCache(void)
{
	HASHCTL		control = {.keysize = AXES_ID_LENGTH + 1,.entrysize = sizeof(CachedAxes)};

	cached_axes = hash_create("hamnet axes", 8, &control, HASH_ELEM | HASH_STRINGS);
	RegisterXactCallback(AtTransactionEnd, NULL);
	RegisterSubXactCallback(AtSubtransactionEnd, NULL);
}

/* Find axes in the cache or the table; NULL if there are none. Damage is reported as by ReadAxes. */
static const HnCodeSpace *
FindAxes(const char *id, int elevel)
{
	CachedAxes *entry;
	HnCodeSpace *space;
	bool		fresh = false;

	if (cached_axes == NULL)
		InitAxesCache();
	entry = hash_search(cached_axes, id, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->space;

	space = ReadAxes(id, TopMemoryContext, elevel, &fresh);
	if (space == NULL)
		return NULL;
	entry = hash_search(cached_axes, id, HASH_ENTER, NULL);
	entry->space = space;
	entry->fresh = fresh;
	any_fresh |= fresh;
	return space;
}

void
LoadAxes(const char *id)
{
	/* An error here would keep the index from being opened, and so from being dropped. */
	if (id[0] != '\0')
		FindAxes(id, DEBUG1);
}

const HnCodeSpace *
GetAxes(const char *id)
{
	const HnCodeSpace *space = FindAxes(id, ERROR);

	if (space == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("axes \"%s\" do not exist", id),
				 errdetail("Axes are rows of the table _hamnet_axes, which a dump without data leaves out."),
				 errhint("Copy them from the database where they were fitted, by pg_dump --data-only --table='*._hamnet_axes'; "
						 "or drop the index, and create it with the name that hamnet_fit_axes returns here.")));
	return space;
}

/* Take a row into the sample, in place of a random one once there is no room (reservoir sampling). */
static void
AddToSample(Sample *sample, const Hfp *h)
{
	uint64		row = sample->seen++;

	if (sample->dim == 0)
	{
		sample->dim = h->dim;
		sample->room = Min(SAMPLE_ROWS, SAMPLE_VALUES / h->dim);
		sample->values = MemoryContextAllocHuge(CurrentMemoryContext,
												sizeof(double) * sample->room * sample->dim);
	}
	if (h->dim != sample->dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different hfp dimensions %d and %d", sample->dim, h->dim)));

	if (row >= sample->room)
		row = hn_next_congruent(&sample->random) % sample->seen;
	if (row >= sample->room)
		return;
	sample->rows = Max(sample->rows, (int) row + 1);
	for (int i = 0; i < h->dim; i++)
		sample->values[row * sample->dim + i] = h->x[i];
}

/* Run the query, as whoever called, and sample its fingerprints. The caller has connected to SPI. */
static void
SampleQuery(const char *text, Oid hfp_type, Sample *sample)
{
	UserQuery	query;
	HeapTuple	row;

	PrepareUserQuery(&query, text);
	if (query.columns->natts != 1 || TupleDescAttr(query.columns, 0)->atttypid != hfp_type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the query must return one column of type hfp")));
	OpenUserQuery(&query);
	while ((row = NextRow(&query)) != NULL)
	{
		bool		isnull;
		Datum		datum = SPI_getbinval(row, query.columns, 1, &isnull);
		Hfp		   *h;

		if (isnull)
			continue;
		h = DatumGetHfp(datum);
		AddToSample(sample, h);
		if ((Pointer) h != DatumGetPointer(datum))
			pfree(h);
	}
	CloseUserQuery(&query);
}

/* Store axes unless they are there. */
static void
StoreAxes(const char *id, bytea *content)
{
	/* Nobody else stores the same ones meanwhile */
	Relation	table = OpenExtensionTable("_hamnet_axes", ShareRowExclusiveLock);
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet axes", ALLOCSET_SMALL_SIZES);
	bool		fresh;

	if (ReadAxes(id, memory, ERROR, &fresh) == NULL)
	{
		Datum		values[Natts_axes];
		bool		nulls[Natts_axes] = {false};
		HeapTuple	tuple;

		values[Anum_axes_id - 1] = CStringGetTextDatum(id);
		values[Anum_axes_content - 1] = PointerGetDatum(content);
		tuple = heap_form_tuple(RelationGetDescr(table), values, nulls);
		CatalogTupleInsert(table, tuple);
		CommandCounterIncrement();
	}
	MemoryContextDelete(memory);
	table_close(table, NoLock);
}

PG_FUNCTION_INFO_V1(hamnet_fit_axes);

/* hamnet_fit_axes(query text) → identity */
PGDLLEXPORT Datum
hamnet_fit_axes(PG_FUNCTION_ARGS)
{
	char	   *query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Sample		sample = {.random = 1};
	HnCodeSpace space;
	HnContext  *context;
	bytea	   *content;
	char		id[AXES_ID_LENGTH + 1];

	/* The type lies in the schema of its functions */
	Oid			hfp_type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("hfp"),
										   ObjectIdGetDatum(get_func_namespace(fcinfo->flinfo->fn_oid)));

	PreventCommandIfReadOnly("hamnet_fit_axes()");
	SPI_connect();
	SampleQuery(query, hfp_type, &sample);
	if (sample.rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the query returned no fingerprints to fit axes to")));

	space.dim = sample.dim;
	space.coordinates = FITTED_AXES;
	space.values = palloc(sizeof(double) * hn_code_space_values(space.dim, space.coordinates));
	context = BeginCore();
	if (hn_code_space_fit(context, sample.values, sample.rows, &space) != HN_OK)
		ReportCoreError(context, NULL);
	content = SerialiseAxes(&space);
	AxesIdentity(content, id);
	StoreAxes(id, content);
	SPI_finish();

	PG_RETURN_TEXT_P(cstring_to_text(id));
}

PG_FUNCTION_INFO_V1(hamnet_load_axes);

/* hamnet_load_axes(content bytea) → identity */
Datum
hamnet_load_axes(PG_FUNCTION_ARGS)
{
	bytea	   *content = PG_GETARG_BYTEA_PP(0);
	char		id[AXES_ID_LENGTH + 1];
	const char *flaw;

	PreventCommandIfReadOnly("hamnet_load_axes()");
	AxesIdentity(content, id);
	if (DeserialiseAxes(content, CurrentMemoryContext, &flaw) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid axes: they %s", flaw)));
	StoreAxes(id, content);
	PG_RETURN_TEXT_P(cstring_to_text(id));
}
