/*
 * train/procedure.c: what the training procedures have in common.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "model/admin.h"
#include "model/store.h"
#include "server/core.h"
#include "train/procedure.h"

/* Whether the procedure must leave the transaction alone. */
static bool
IsAtomic(FunctionCallInfo fcinfo)
{
	return !(fcinfo->context && IsA(fcinfo->context, CallContext)) ||
		((CallContext *) fcinfo->context)->atomic || IsSubTransaction();
}

void
RunProcedure(FunctionCallInfo fcinfo, ProcedureBody body, Size size)
{
	bool		atomic = IsAtomic(fcinfo);
	Procedure  *procedure;
	const char *model;

	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("model, query and options must not be NULL")));

	PreventCommandIfReadOnly(psprintf("%s()", get_func_name(fcinfo->flinfo->fn_oid)));

	/* What is allocated from here on lives until SPI_finish, across commits. */
	if (SPI_connect_ext(atomic ? 0 : SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	procedure = palloc0(size);
	procedure->run.atomic = atomic;
	model = text_to_cstring(PG_GETARG_TEXT_PP(0));
	PG_TRY();
	{
		CheckModelName(model);
		if (strcmp(model, "scratch") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_RESERVED_NAME),
					 errmsg("model name \"scratch\" is reserved"),
					 errdetail("As option \"base\" it stands for a network that has learned nothing.")));
		LockModelName(&procedure->run, model);
		CheckModelReplaceable(model);
		body(procedure, text_to_cstring(PG_GETARG_TEXT_PP(1)),
			 (Jsonb *) PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(2)));
	}
	PG_FINALLY();
	{
		EndTeam(procedure->team);
		EndRun(&procedure->run);
	}
	PG_END_TRY();
	SPI_finish();
}

void
BeginProcedure(Procedure *procedure, const char *kind, const char *query, Jsonb *options, const TrainingData *data)
{
	/* The separators cannot occur in what they separate, or only at its end. */
	char	   *text = psprintf("%s\n%s\n%s\n%s\n%s", kind, HAMNET_VERSION,
								procedure->base_id ? procedure->base_id : "scratch",
								JsonbToCString(NULL, &options->root, VARSIZE(options)), query);

	BeginRun(&procedure->run, kind, DigestTrainingSet(&data->set, text), options);
}

char *
FinishProcedure(Procedure *procedure, HnContext *context, HnModel *model)
{
	char	   *id = palloc(MODEL_ID_LENGTH + 1);
	bytea	   *weights = ModelFile(context, model);

	Sha256Hex(weights, id);
	StoreModel(procedure->run.model, weights, model, true);
	return id;
}
