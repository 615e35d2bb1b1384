/*
 * model/cache.c: parsed models, kept by each backend.
 *
 * Models are kept under their identity, which never changes its meaning, so a
 * cached model cannot be out of date: it can only have been dropped. Whether it
 * is there, names and identities are looked up in the table each time, by the
 * query's snapshot. A change of the table _hamnet_model reaches every backend
 * as a relcache invalidation (a trigger on the table sends it); the next
 * look-up then frees the models that the table no longer holds.
 */
#include "postgres.h"

#include "fmgr.h"
#include "commands/trigger.h"
#include "lib/ilist.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "model/cache.h"
#include "server/core.h"
#include "server/share_file.h"
#include "server/version.h"

/* A backend keeps this many users' models that are not preloaded; others are always kept. */
#define MAX_STORED_MODELS 8

typedef struct CacheEntry
{
	dlist_node	node;			/* most recently used first */
	MemoryContext memory;		/* holds this entry and the model's arena */
	HnArena		arena;
	CachedModel cached;
} CacheEntry;

static dlist_head entries = DLIST_STATIC_INIT(entries);
static MemoryContext cache_memory = NULL;

/* The table as last seen, and whether it changed since. */
static Oid	watched_table = InvalidOid;
static bool table_changed = false;

static void
NoticeTableChange(Datum argument, Oid relation)
{
	if (relation == InvalidOid || relation == watched_table)
		table_changed = true;
}

void
InitModelCache(void)
{
	cache_memory = AllocSetContextCreate(TopMemoryContext, "hamnet models", ALLOCSET_SMALL_SIZES);
	CacheRegisterRelcacheCallback(NoticeTableChange, (Datum) 0);
}

static void
DropEntry(CacheEntry *entry)
{
	dlist_delete(&entry->node);
	MemoryContextDelete(entry->memory);
}

/* Free the models that the table no longer holds. */
static void
DropVanishedModels(void)
{
	dlist_mutable_iter iter;

	if (!table_changed)
		return;
	/* Cleared first: a look-up below may receive the next change. */
	table_changed = false;
	dlist_foreach_modify(iter, &entries)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

		if (!entry->cached.kept && !StoredModelExists(entry->cached.id))
			DropEntry(entry);
	}
}

/* Make room for one more user's model by freeing the one unused for longest. */
static void
LimitStoredModels(void)
{
	CacheEntry *oldest = NULL;
	dlist_iter	iter;
	int			count = 0;

	dlist_foreach(iter, &entries)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

		if (!entry->cached.kept)
		{
			oldest = entry;
			count++;
		}
	}
	if (count >= MAX_STORED_MODELS)
		DropEntry(oldest);
}

static CacheEntry *
FindEntry(const char *id)
{
	dlist_iter	iter;

	dlist_foreach(iter, &entries)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

		if (strcmp(entry->cached.id, id) == 0)
		{
			dlist_move_head(&entries, &entry->node);
			return entry;
		}
	}
	return NULL;
}

/* The first 32 bits of an identity; 0 is taken, it means unknown. */
static uint32
ModelTag(const char *id)
{
	char		prefix[9];
	uint32		tag;

	strlcpy(prefix, id, sizeof(prefix));
	tag = (uint32) strtoul(prefix, NULL, 16);
	return tag == 0 ? 1 : tag;
}

/* Memory for one more entry, which goes with the query unless AddEntry succeeds. */
static MemoryContext
NewEntryMemory(void)
{
	return AllocSetContextCreate(CurrentMemoryContext, "hamnet model", ALLOCSET_SMALL_SIZES);
}

/* Parse and pack a model, whose file lies in the entry's memory, and keep it. */
static const CachedModel *
AddEntry(const char *id, MemoryContext memory, const bytea *weights, bool kept)
{
	CacheEntry *entry = MemoryContextAllocZero(memory, sizeof(CacheEntry));
	HnContext	context;

	entry->memory = memory;
	hn_arena_init(&entry->arena, ContextAllocator(memory));
	InitCoreContext(&context, &entry->arena);
	if (hn_model_read_in_place(&context, (const unsigned char *) VARDATA_ANY(weights),
							   VARSIZE_ANY_EXHDR(weights), &entry->cached.model) != HN_OK ||
		hn_model_pack(&context, &entry->cached.model) != HN_OK ||
		hn_heads_pack(&context, &entry->cached.model) != HN_OK)
		ReportCoreError(&context, NULL);
	strlcpy(entry->cached.id, id, sizeof(entry->cached.id));
	entry->cached.tag = ModelTag(id);
	entry->cached.kept = kept;
	entry->cached.bytes = VARSIZE_ANY_EXHDR(weights);

	/* Nothing can fail any more: from the query's memory to the cache's. */
	MemoryContextSetParent(memory, cache_memory);
	dlist_push_head(&entries, &entry->node);
	return &entry->cached;
}

const CachedModel *
GetBuiltinModel(const BuiltinModel *builtin)
{
	CacheEntry *entry = FindEntry(builtin->id);
	MemoryContext memory;
	MemoryContext caller;
	bytea	   *weights;

	if (entry)
		return &entry->cached;
	memory = NewEntryMemory();
	caller = MemoryContextSwitchTo(memory);
	weights = ReadBuiltinModel(builtin);
	MemoryContextSwitchTo(caller);
	return AddEntry(builtin->id, memory, weights, true);
}

const CachedModel *
GetFileModel(const char *path)
{
	MemoryContext memory = NewEntryMemory();
	MemoryContext caller = MemoryContextSwitchTo(memory);
	bytea	   *weights = ReadModelFile(path, NULL);
	CacheEntry *entry;
	char		id[MODEL_ID_LENGTH + 1];

	MemoryContextSwitchTo(caller);
	Sha256Hex(weights, id);
	entry = FindEntry(id);
	if (entry == NULL)
		return AddEntry(id, memory, weights, true);
	MemoryContextDelete(memory);
	return &entry->cached;
}

const CachedModel *
GetDefaultModel(void)
{
	RequireExtensionVersion();
	return GetBuiltinModel(DefaultModel());
}

/* A user's model by identity; NULL if there is none. */
static const CachedModel *
GetStoredModel(const char *id)
{
	CacheEntry *entry;
	MemoryContext memory;
	MemoryContext caller;
	bytea	   *weights;

	watched_table = ModelTableOid();
	DropVanishedModels();
	entry = FindEntry(id);
	if (entry)
		return &entry->cached;
	memory = NewEntryMemory();
	caller = MemoryContextSwitchTo(memory);
	weights = ReadStoredModel(id);
	MemoryContextSwitchTo(caller);
	if (weights == NULL)
	{
		MemoryContextDelete(memory);
		return NULL;
	}
	LimitStoredModels();
	return AddEntry(id, memory, weights, false);
}

const CachedModel *
GetModelByName(const char *name, bool missing_ok)
{
	const BuiltinModel *builtin = FindBuiltinByName(name);
	const CachedModel *cached = NULL;
	char		id[MODEL_ID_LENGTH + 1];

	RequireExtensionVersion();
	if (builtin)
		return GetBuiltinModel(builtin);
	if (FindStoredModel(name, id))
		cached = GetStoredModel(id);
	if (cached == NULL && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", name),
				 errhint("See hamnet_models() for the models there are.")));
	return cached;
}

const CachedModel *
GetModelById(const char *id, bool missing_ok)
{
	const BuiltinModel *builtin = FindBuiltinById(id);
	const CachedModel *cached = NULL;

	RequireExtensionVersion();
	if (builtin)
		return GetBuiltinModel(builtin);
	if (strlen(id) != MODEL_ID_LENGTH || strspn(id, "0123456789abcdef") != MODEL_ID_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid model identity: \"%s\"", id),
				 errdetail("An identity is a SHA-256 of 64 lower-case hexadecimal digits."),
				 errhint("See column \"id\" of hamnet_models().")));
	if (StoredModelExists(id))
		cached = GetStoredModel(id);
	if (cached == NULL && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no model has the identity %s", id),
				 errhint("See hamnet_models() for the models there are; a model must be loaded, "
						 "or its table restored, before fingerprints that are pinned to it.")));
	return cached;
}

const CachedModel *
GetModelByTag(uint32 tag)
{
	char		prefix[9];
	char		id[MODEL_ID_LENGTH + 1];

	for (int i = 0; i < builtin_model_count; i++)
		if (ModelTag(builtin_models[i].id) == tag)
			return GetBuiltinModel(&builtin_models[i]);
	snprintf(prefix, sizeof(prefix), "%08x", tag);
	return FindStoredModelByPrefix(prefix, id) ? GetStoredModel(id) : NULL;
}

PG_FUNCTION_INFO_V1(_hamnet_model_changed);

/* Trigger on _hamnet_model: tell every backend, when the transaction commits. */
PGDLLEXPORT Datum
_hamnet_model_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"_hamnet_model_changed\" must be called as a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}
