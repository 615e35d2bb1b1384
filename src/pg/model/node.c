/*
 * model/node.c: hamnet_node, what this server computes with, to be compared with others.
 *
 * A model's identity does not say all that a fingerprint depends on: RDKit's
 * perception of molecules changes with its versions, and the last bits with the
 * processor's instructions. So molecules that touch what has changed before are
 * computed, and the results are part of the answer.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "hamnet/chem.h"
#include "hamnet/linear.h"
#include "hamnet/simd.h"
#include "hamnet/training.h"

#include "model/compute.h"
#include "server/extension.h"
#include "server/table_owner.h"

/* Aromaticity, charges, tautomers, stereochemistry, metals, rings, valences, isotopes. */
static const char *const probes[] = {
	"CC(=O)Oc1ccccc1C(=O)O", "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "C[C@H](N)C(=O)O", "C[C@@H]1CC[C@H](C(C)C)C[C@H]1O", "C/C=C/C(=O)O",
	"C[N+](C)(C)CC([O-])=O", "[Na+].[O-]C(=O)c1ccccn1", "c1ccc2c(c1)[nH]c1ccccc12", "O=c1cc[nH]cc1", "Cc1nnn[nH]1", "CS(=O)c1ccccc1",
	"CP(=O)(O)O", "FS(F)(F)(F)(F)F", "C1CC2CCC1C2", "C12C3C4C1C5C2C3C45", "[2H]C([2H])([2H])O", "c1ccc2cccc-2cc1", "O=[N+]([O-])c1ccc(cc1)C#N",
	"CN(C)C(=N)NC(=N)N", "[O-][n+]1ccccc1", "c1ccsc1B(O)O", "C[Si](C)(C)Cl", "Clc1ccc(cc1)C(c1ccc(Cl)cc1)C(Cl)(Cl)Cl", "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O"
};

/* Return the SHA-256 of what was collected. */
static Datum
Digest(const StringInfo content)
{
	bytea	   *value = palloc(VARHDRSZ + content->len);
	char		hex[SHA256_HEX_LENGTH + 1];

	SET_VARSIZE(value, VARHDRSZ + content->len);
	memcpy(VARDATA(value), content->data, content->len);
	Sha256Hex(value, hex);
	return CStringGetTextDatum(hex);
}

/* Add the bits of what a model computes of the probes; where it computes nothing, a zero. */
static void
AppendResults(StringInfo results, const BuiltinModel *builtin)
{
	const CachedModel *model = GetBuiltinModel(builtin);
	int			targets = hn_model_target_count(&model->model);
	Hfp		   *fingerprints[lengthof(probes)];
	double	   *predictions[lengthof(probes)];

	ComputeMolecules(model, &(Molecules) {.count = lengthof(probes), .smiles = probes}, true,
					 &(MoleculeResults) {.fingerprints = fingerprints, .predictions = targets > 0 ? predictions : NULL});
	for (int i = 0; i < lengthof(probes); i++)
	{
		if (fingerprints[i] == NULL)
		{
			appendStringInfoChar(results, '\0');
			continue;
		}
		appendBinaryStringInfo(results, (const char *) fingerprints[i]->x, fingerprints[i]->dim * sizeof(float));
		if (targets > 0)
			appendBinaryStringInfo(results, (const char *) predictions[i], targets * sizeof(double));
	}
}

/* Return the digest of what the default model and those that predict compute. */
static Datum
ResultsDigest(void)
{
	StringInfoData results;

	initStringInfo(&results);
	for (int i = 0; i < builtin_model_count; i++)
		if (&builtin_models[i] == DefaultModel() || builtin_models[i].targets[0] != NULL)
			AppendResults(&results, &builtin_models[i]);
	return Digest(&results);
}

/* Add what a query on one of the extension's tables returns, one text a row. */
static void
AppendRows(StringInfo lines, const char *table_name, const char *query)
{
	Relation	table = OpenExtensionTable(table_name, AccessShareLock);
	MemoryContext memory = CurrentMemoryContext;
	Impersonation before;

	SPI_connect();
	before = ActAsTableOwner(table);
	ExecuteOnTable(table, query, 0, NULL, NULL, NULL, SPI_OK_SELECT);
	ActAsSelf(before);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext spi = MemoryContextSwitchTo(memory);

		appendStringInfo(lines, "%s\n", SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	table_close(table, AccessShareLock);
}

static Datum
ModelsDigest(void)
{
	StringInfoData lines;

	initStringInfo(&lines);
	for (int i = 0; i < builtin_model_count; i++)
		appendStringInfo(&lines, "%s %s\n", builtin_models[i].id, builtin_models[i].name);
	AppendRows(&lines, MODEL_TABLE, "SELECT pg_catalog.concat(id, ' ', name) FROM %s ORDER BY name");
	return Digest(&lines);
}

static Datum
AxesDigest(void)
{
	StringInfoData lines;

	initStringInfo(&lines);
	AppendRows(&lines, "_hamnet_axes", "SELECT id FROM %s ORDER BY id");
	return Digest(&lines);
}

#define NODE_COLUMNS 7

PG_FUNCTION_INFO_V1(hamnet_node);

/* hamnet_node() → (hamnet, rdkit, blas, simd, models, axes, results) */
PGDLLEXPORT Datum
hamnet_node(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	Datum		values[NODE_COLUMNS];
	bool		nulls[NODE_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(HAMNET_VERSION);
	values[1] = CStringGetTextDatum(hn_rdkit_version());
	values[2] = CStringGetTextDatum(hn_blas_version());
	values[3] = CStringGetTextDatum(hn_simd()->name);
	values[4] = ModelsDigest();
	values[5] = AxesDigest();
	values[6] = ResultsDigest();
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
