/*
 * model/store.c: where models come from.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"

#include "model/store.h"
#include "server/extension.h"
#include "server/share_file.h"

/* Columns of _hamnet_model that are read here; see the install script. */
#define Anum_model_name 1
#define Anum_model_id 2
#define Anum_model_weights 3

/* Generated from the files when the extension is built. */
const BuiltinModel builtin_models[] = {
#include "model/builtin_models.h"
};

const int	builtin_model_count = lengthof(builtin_models);

const BuiltinModel *
DefaultModel(void)
{
	return FindBuiltinByName("hamnet-base");
}

const BuiltinModel *
FindBuiltinByName(const char *name)
{
	for (int i = 0; i < builtin_model_count; i++)
		if (strcmp(builtin_models[i].name, name) == 0)
			return &builtin_models[i];
	return NULL;
}

const BuiltinModel *
FindBuiltinById(const char *id)
{
	for (int i = 0; i < builtin_model_count; i++)
		if (strcmp(builtin_models[i].id, id) == 0)
			return &builtin_models[i];
	return NULL;
}

const BuiltinModel *
FindBuiltinByTarget(const char *target)
{
	for (int i = 0; i < builtin_model_count; i++)
		for (const char *const *name = builtin_models[i].targets; *name != NULL; name++)
			if (strcmp(*name, target) == 0)
				return &builtin_models[i];
	return NULL;
}

bytea *
ReadBuiltinModel(const BuiltinModel *model)
{
	bytea	   *content = ReadShareFile(model->file);
	char		id[MODEL_ID_LENGTH + 1];

	Sha256Hex(content, id);
	if (strcmp(id, model->id) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("model file \"%s\" does not belong to this version of hamnet", model->file),
				 errdetail("Its SHA-256 is %s, expected %s.", id, model->id),
				 errhint("Install the extension's files again.")));
	return content;
}

Oid
ModelTableOid(void)
{
	return ExtensionRelation(MODEL_TABLE);
}

/*
 * Fetch one column of the model whose key column equals value, copied; NULL
 * if there is none. The scan uses the query's snapshot, as a SELECT there
 * would. Both key columns have collation "C".
 */
static struct varlena *
FetchModelColumn(AttrNumber key_column, const char *index_name, const char *value, AttrNumber column)
{
	Relation	table = OpenExtensionTable(MODEL_TABLE, AccessShareLock);
	Oid			index = IndexOfTable(table, index_name);
	struct varlena *result = NULL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, key_column, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(value));
	scan = systable_beginscan(table, index, OidIsValid(index), GetActiveSnapshot(), 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		datum = heap_getattr(tuple, column, RelationGetDescr(table), &isnull);

		if (!isnull)
			result = PG_DETOAST_DATUM_COPY(datum);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return result;
}

bool
FindStoredModel(const char *name, char id[MODEL_ID_LENGTH + 1])
{
	struct varlena *found = FetchModelColumn(Anum_model_name, "_hamnet_model_pkey", name, Anum_model_id);

	if (found == NULL)
		return false;
	text_to_cstring_buffer((text *) found, id, MODEL_ID_LENGTH + 1);
	pfree(found);
	return true;
}

bytea *
ReadStoredModel(const char *id)
{
	return (bytea *) FetchModelColumn(Anum_model_id, "_hamnet_model_id", id, Anum_model_weights);
}

bool
FindStoredModelByPrefix(const char *prefix, char id[MODEL_ID_LENGTH + 1])
{
	Relation	table = OpenExtensionTable(MODEL_TABLE, AccessShareLock);
	SysScanDesc scan = systable_beginscan(table, InvalidOid, false, GetActiveSnapshot(), 0, NULL);
	HeapTuple	tuple;
	bool		found = false;

	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		datum = heap_getattr(tuple, Anum_model_id, RelationGetDescr(table), &isnull);

		if (isnull)
			continue;
		text_to_cstring_buffer(DatumGetTextPP(datum), id, MODEL_ID_LENGTH + 1);
		found = strncmp(id, prefix, strlen(prefix)) == 0;
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

bool
StoredModelExists(const char *id)
{
	struct varlena *found = FetchModelColumn(Anum_model_id, "_hamnet_model_id", id, Anum_model_id);

	if (found == NULL)
		return false;
	pfree(found);
	return true;
}
