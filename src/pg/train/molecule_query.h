/*
 * train/molecule_query.h: rows of a user's query as molecules with what is known of
 * them. SPI must be connected; the query runs with the caller's rights.
 */
#ifndef HAMNET_TRAIN_MOLECULE_QUERY_H
#define HAMNET_TRAIN_MOLECULE_QUERY_H

#include "hamnet/model.h"

#include "server/query.h"

typedef struct TargetColumn
{
	char	   *name;			/* without the unit */
	const char *unit;			/* "" if the column's name has none */
	HnTask		task;			/* numbers are regressed, booleans classified */
	Oid			type;
} TargetColumn;

typedef struct MoleculeQuery
{
	/* Of a query for targets */
	int			target_count;
	TargetColumn *targets;

	/* Of a query for conformations */
	bool		molblocks;		/* the first column holds MOL blocks, and there is no other */
	Oid			coordinate_type;	/* of the elements of the second column */

	UserQuery	query;
	int64		rows;			/* read so far */
	MemoryContext row_memory;
} MoleculeQuery;

/* A row; valid until the next one is read. */
typedef struct MoleculeRow
{
	const char *molecule;		/* SMILES or MOL block; NULL where it is */
	double	   *targets;		/* [target_count] NaN where there is none, 0 and 1 for booleans */
	double	   *coordinates;	/* [atoms, 3]; NULL where they are NULL or not three for each atom */
	int			atoms;
} MoleculeRow;

/*
 * Prepare a query whose first column is SMILES and whose others are targets:
 * numbers or booleans. Errors name the column that is not. A column's name is
 * that of the target, and may end in the unit: "solubility [log10(mol/L)]".
 */
extern void PrepareTargetQuery(MoleculeQuery *query, const char *text);

/* The same for MOL blocks, or SMILES and an array of coordinates. */
extern void PrepareConformationQuery(MoleculeQuery *query, const char *text);

/* An error unless another query, which is that of an option, has the same columns. */
extern void CheckSameColumns(const MoleculeQuery *query, const MoleculeQuery *other, const char *option);

/* Start it, read its rows one by one until there is none, and close it. */
extern void StartMoleculeQuery(MoleculeQuery *query);
extern bool NextMolecule(MoleculeQuery *query, MoleculeRow *row);
extern void EndMoleculeQuery(MoleculeQuery *query);

#endif
