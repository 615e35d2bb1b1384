/*
 * model/admin.c: SQL functions that load, drop and list models.
 *
 * The table _hamnet_model is readable by everybody and written by its owner,
 * who owns the extension's objects. These functions write it on behalf of any
 * caller, after checking what a caller may do: load a model under a free
 * name; replace or drop it as its owner, as a member of the owning role, or
 * as the owner of the database.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "model/admin.h"
#include "model/cache.h"
#include "model/target.h"
#include "server/core.h"
#include "server/extension.h"
#include "server/srf.h"
#include "server/table_owner.h"

/*
 * Whether a model of that name is there. If so, the caller must be allowed to
 * change it; nobody changes the table meanwhile if it is locked. The caller is
 * the role with whose rights its code runs, as in a function with SECURITY
 * DEFINER or in the maintenance of another's table, whoever has logged in.
 */
static bool
FindOwnModel(Relation table, const char *name, Oid caller)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(name)};
	char	   *owner;
	Oid			role;

	ExecuteOnTable(table, "SELECT owner::pg_catalog.text FROM %s WHERE name = $1", 1, types, values, NULL, SPI_OK_SELECT);
	if (SPI_processed == 0)
		return false;
	owner = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	role = get_role_oid(owner, true);
	if (!(OidIsValid(role) && has_privs_of_role(caller, role)) && !OwnsDatabase(caller))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", name),
				 errdetail("It belongs to role \"%s\".", owner)));
	return true;
}

/* The names of a model's targets, as text[]. */
static ArrayType *
TargetNames(const HnModel *model)
{
	Datum	   *names;
	int			count = 0;

	for (int h = 0; h < model->head_count; h++)
		count += model->heads[h].target_count;
	names = palloc((count + 1) * sizeof(Datum));
	count = 0;
	for (int h = 0; h < model->head_count; h++)
		for (int t = 0; t < model->heads[h].target_count; t++)
			names[count++] = CStringGetTextDatum(LabelToServer(model->heads[h].targets[t].name));
	return construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT);
}

/* The same of a built-in model. */
static ArrayType *
BuiltinTargetNames(const BuiltinModel *builtin)
{
	Datum	   *names;
	int			count = 0;

	while (builtin->targets[count] != NULL)
		count++;
	names = palloc((count + 1) * sizeof(Datum));
	for (int i = 0; i < count; i++)
		names[i] = CStringGetTextDatum(LabelToServer(builtin->targets[i]));
	return construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT);
}

void
CheckModelName(const char *name)
{
	const BuiltinModel *rival;

	if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid model name: \"%s\"", name),
				 errdetail("A name has 1 to %d bytes.", NAMEDATALEN - 1)));
	if (FindBuiltinByName(name))
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("model name \"%s\" is reserved for a built-in model", name)));
	rival = FindBuiltinByTarget(name);	/* built-in targets are ASCII: nothing to convert */
	if (rival)
		ereport(NOTICE,
				(errmsg("hamnet_predict(smiles, '%s') still uses built-in model \"%s\"", name, rival->name),
				 errhint("Choose another name, or name the model too: hamnet_predict(smiles, target, '%s').", name)));
}

static void
WriteModel(Relation table, Oid caller, const char *name, bytea *weights, const HnModel *model, bool replace)
{
	Oid			types[6] = {TEXTOID, BYTEAOID, INT4OID, TEXTOID, TEXTARRAYOID, NAMEOID};
	Datum		values[6];
	NameData	owner;

	namestrcpy(&owner, GetUserNameFromId(caller, false));
	values[0] = CStringGetTextDatum(name);
	values[1] = PointerGetDatum(weights);
	values[2] = Int32GetDatum(model->fingerprint_config.dim);
	values[3] = CStringGetTextDatum(model->features->name);
	values[4] = PointerGetDatum(TargetNames(model));
	values[5] = NameGetDatum(&owner);

	if (!FindOwnModel(table, name, caller))
		ExecuteOnTable(table, "INSERT INTO %s (name, weights, dim, features, targets, owner) "
					   "VALUES ($1, $2, $3, $4, $5, $6)", 6, types, values, NULL, SPI_OK_INSERT);
	else if (replace)
		ExecuteOnTable(table, "UPDATE %s SET weights = $2, dim = $3, features = $4, targets = $5, "
					   "created_at = pg_catalog.now() WHERE name = $1", 5, types, values, NULL, SPI_OK_UPDATE);
	else
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" already exists", name),
				 errhint("To replace it, call with replace => true.")));
}

bytea *
ModelFile(HnContext *context, HnModel *model)
{
	unsigned char *file;
	size_t		size;
	bytea	   *weights;

	if (hn_model_write(context, model, &file, &size) != HN_OK)
		ReportCoreError(context, NULL);
	if (size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model is too large to be stored")));
	weights = palloc(VARHDRSZ + size);
	SET_VARSIZE(weights, VARHDRSZ + size);
	memcpy(VARDATA(weights), file, size);
	return weights;
}

void
CheckModelReplaceable(const char *name)
{
	Relation	table = OpenExtensionTable(MODEL_TABLE, AccessShareLock);
	Impersonation before = ActAsTableOwner(table);

	(void) FindOwnModel(table, name, before.user);
	ActAsSelf(before);
	table_close(table, NoLock);
}

void
StoreModel(const char *name, bytea *weights, const HnModel *model, bool replace)
{
	Relation	table = OpenExtensionTable(MODEL_TABLE, ShareRowExclusiveLock);
	Impersonation before = ActAsTableOwner(table);

	WriteModel(table, before.user, name, weights, model, replace);
	ActAsSelf(before);
	table_close(table, NoLock);
}

PG_FUNCTION_INFO_V1(hamnet_load_model);

/* hamnet_load_model(name text, weights bytea, replace boolean) → identity */
PGDLLEXPORT Datum
hamnet_load_model(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bytea	   *weights = PG_GETARG_BYTEA_PP(1);
	bool		replace = PG_GETARG_BOOL(2);
	HnContext  *context = BeginCore();
	HnModel		model;
	char		id[MODEL_ID_LENGTH + 1];

	CheckModelName(name);
	if (hn_model_read(context, (const unsigned char *) VARDATA_ANY(weights),
					  VARSIZE_ANY_EXHDR(weights), &model) != HN_OK)
		ReportCoreError(context, NULL);
	Sha256Hex(weights, id);
	SPI_connect();
	StoreModel(name, weights, &model, replace);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(id));
}

PG_FUNCTION_INFO_V1(hamnet_export_model);

/* hamnet_export_model(name text) → the file, as hamnet_load_model takes it */
PGDLLEXPORT Datum
hamnet_export_model(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const BuiltinModel *builtin = FindBuiltinByName(name);
	bytea	   *weights = NULL;
	char		id[MODEL_ID_LENGTH + 1];

	if (builtin)
		PG_RETURN_BYTEA_P(ReadBuiltinModel(builtin));
	if (pg_class_aclcheck(ModelTableOid(), GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table %s", MODEL_TABLE)));
	if (FindStoredModel(name, id))
		weights = ReadStoredModel(id);
	if (weights == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", name),
				 errhint("See hamnet_models() for the models there are.")));
	PG_RETURN_BYTEA_P(weights);
}

/* The models that an array names, copied into the context's memory, where no change of the cache reaches them. */
static HnModel **
ReadModels(HnContext *context, ArrayType *names, int *count)
{
	Datum	   *elements;
	bool	   *nulls;
	HnModel   **models;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, count);
	if (*count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no models to combine")));
	models = palloc(*count * sizeof(HnModel *));
	for (int i = 0; i < *count; i++)
	{
		HnModel		cached;
		unsigned char *file;
		size_t		size;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("name of a model to combine is NULL")));
		cached = GetModelByName(TextDatumGetCString(elements[i]), false)->model;
		models[i] = palloc(sizeof(HnModel));
		if (hn_model_write(context, &cached, &file, &size) != HN_OK ||
			hn_model_read(context, file, size, models[i]) != HN_OK)
			ReportCoreError(context, NULL);
	}
	return models;
}

PG_FUNCTION_INFO_V1(hamnet_combine_models);

/* hamnet_combine_models(name text, models text[], heads boolean, replace boolean) → identity */
PGDLLEXPORT Datum
hamnet_combine_models(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnArena		arena;
	HnContext	context;
	HnModel	  **models;
	HnModel		combined;
	bytea	   *weights;
	int			count;
	char		id[MODEL_ID_LENGTH + 1];

	CheckModelName(name);
	hn_arena_init(&arena, ContextAllocator(CurrentMemoryContext));
	InitCoreContext(&context, &arena);
	models = ReadModels(&context, PG_GETARG_ARRAYTYPE_P(1), &count);
	if (hn_model_combine(&context, (const HnModel *const *) models, count, PG_GETARG_BOOL(2), &combined) != HN_OK)
		ReportCoreError(&context, NULL);
	weights = ModelFile(&context, &combined);
	Sha256Hex(weights, id);
	SPI_connect();
	StoreModel(name, weights, &combined, PG_GETARG_BOOL(3));
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(id));
}

PG_FUNCTION_INFO_V1(hamnet_drop_model);

/* hamnet_drop_model(name text) */
PGDLLEXPORT Datum
hamnet_drop_model(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {PointerGetDatum(PG_GETARG_TEXT_PP(0))};
	Relation	table;
	Impersonation before;

	if (FindBuiltinByName(name))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop built-in model \"%s\"", name)));

	table = OpenExtensionTable(MODEL_TABLE, ShareRowExclusiveLock);
	before = ActAsTableOwner(table);
	SPI_connect();
	if (!FindOwnModel(table, name, before.user))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", name)));
	ExecuteOnTable(table, "DELETE FROM %s WHERE name = $1", 1, types, values, NULL, SPI_OK_DELETE);
	SPI_finish();
	ActAsSelf(before);
	table_close(table, NoLock);
	PG_RETURN_VOID();
}

/* Columns of hamnet_models(). */
#define MODEL_COLUMNS 9

/* From what was noted when the extension was built: no file is read. */
static void
AddBuiltinModels(RowSet *rows)
{
	for (int i = 0; i < builtin_model_count; i++)
	{
		const BuiltinModel *builtin = &builtin_models[i];
		bool		nulls[MODEL_COLUMNS] = {false};
		Datum		row[MODEL_COLUMNS] = {0};

		row[0] = CStringGetTextDatum(builtin->name);
		row[1] = CStringGetTextDatum(builtin->id);
		row[2] = BoolGetDatum(true);
		row[3] = Int32GetDatum(builtin->dim);
		row[4] = CStringGetTextDatum(builtin->features);
		row[5] = PointerGetDatum(BuiltinTargetNames(builtin));
		row[6] = Int64GetDatum(builtin->bytes);
		nulls[7] = true;		/* owner: whoever installed the extension */
		nulls[8] = true;		/* created_at: with the extension's version */
		AddRow(rows, row, nulls);
	}
}

/* Models of the table. They are listed as they are used: also for those who may not read the weights. */
static void
AddStoredModels(RowSet *rows)
{
	Relation	table = OpenExtensionTable(MODEL_TABLE, AccessShareLock);
	Impersonation before;

	SPI_connect();
	before = ActAsTableOwner(table);
	ExecuteOnTable(table, "SELECT name, id, false, dim, features, targets, "
				   "pg_catalog.octet_length(weights)::pg_catalog.int8, owner, created_at "
				   "FROM %s ORDER BY name", 0, NULL, NULL, NULL, SPI_OK_SELECT);
	ActAsSelf(before);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		nulls[MODEL_COLUMNS];
		Datum		row[MODEL_COLUMNS];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, row, nulls);
		AddRow(rows, row, nulls);
	}
	SPI_finish();
	table_close(table, AccessShareLock);
}

PG_FUNCTION_INFO_V1(hamnet_models);

/* hamnet_models() → (name, id, built_in, dim, features, targets, bytes, owner, created_at) */
PGDLLEXPORT Datum
hamnet_models(PG_FUNCTION_ARGS)
{
	RowSet		rows = BeginRows(fcinfo);

	AddBuiltinModels(&rows);
	AddStoredModels(&rows);
	return (Datum) 0;
}
