-- MoleculeNet and QM9 with their fixed splits, a table of the schema dataset for
-- each. In the repository's directory:
--
--     psql -v data=/path/to/data -f models/datasets.sql
--
-- A table has the number of the row in its source, from 0; SMILES without blanks
-- at its ends; labels, NULL where nothing was measured, named as the targets of
-- models, with units as comments; and for each split the part: train, valid or test. Rows that RDKit
-- cannot parse (eleven of BBBP) have no part and are left out. Nothing else is,
-- but QM9's molecules that failed its own check of consistency, from all parts.
-- Structures that stand in several rows stay, as the splits want it:
-- results/splits.csv says how many rows of each test part are met outside it.
--
-- Tables that are there stay. models/splits.py compares the files with the
-- checksums that the splits were made from.

\set ON_ERROR_STOP on
SET client_min_messages = warning;
\setenv DATA :data

-- One session loads, others wait for it.
SELECT pg_advisory_lock(hashtext('hamnet models/datasets.sql')) IS NULL AS locked \gset
SELECT to_regclass('dataset.muv') IS NULL AS absent \gset
\if :absent
BEGIN;
CREATE SCHEMA dataset;
CREATE TEMP TABLE checked (dataset text, split text, train int, valid int, test int, repeated int) ON COMMIT DROP;
\copy checked FROM PROGRAM 'python3 models/splits.py "$DATA"' WITH (FORMAT csv, HEADER)

CREATE TEMP TABLE split (row int PRIMARY KEY, smiles text, random0 text, random1 text, random2 text, random3 text, random4 text, scaffold text) ON COMMIT DROP;

-- Join the tables source and split into one of the given labels, and empty them.
CREATE PROCEDURE pg_temp.finish(name text, labels text) LANGUAGE plpgsql AS $$
DECLARE
	wrong int;
BEGIN
	SELECT count(*) INTO wrong FROM split LEFT JOIN source USING (row)
	WHERE source.row IS NULL OR split.smiles <> btrim(source.smiles);
	IF wrong > 0 OR NOT EXISTS (SELECT FROM split) THEN
		RAISE 'data set %: % rows of the splits are not in the table', name, wrong;
	END IF;
	EXECUTE format($q$
		CREATE TABLE dataset.%I AS
		SELECT row, btrim(source.smiles) AS smiles, %s, random0, random1, random2, random3, random4, split.scaffold
		FROM split JOIN source USING (row) ORDER BY row$q$, name, labels);
	EXECUTE format('ALTER TABLE dataset.%I ADD PRIMARY KEY (row)', name);
	EXECUTE format('ANALYZE dataset.%I', name);
	DROP TABLE source;
	TRUNCATE split;
END
$$;

CREATE TEMP TABLE source (row int GENERATED ALWAYS AS IDENTITY (MINVALUE 0), a text, b text, c text, d text, e text, f text, g text, h text, label float8, smiles text);
\copy source (a, b, c, d, e, f, g, h, label, smiles) FROM PROGRAM 'zcat "$DATA"/moleculenet/delaney-processed.csv.gz' WITH (FORMAT csv, HEADER)
\copy split FROM PROGRAM 'zcat "$DATA"/splits/ESOL.csv.gz' WITH (FORMAT csv, HEADER)
CALL pg_temp.finish('esol', 'label AS solubility');

CREATE TEMP TABLE source (row int GENERATED ALWAYS AS IDENTITY (MINVALUE 0), name text, smiles text, label float8, computed text);
\copy source (name, smiles, label, computed) FROM PROGRAM 'zcat "$DATA"/moleculenet/SAMPL.csv.gz' WITH (FORMAT csv, HEADER)
\copy split FROM PROGRAM 'zcat "$DATA"/splits/FreeSolv.csv.gz' WITH (FORMAT csv, HEADER)
CALL pg_temp.finish('freesolv', 'label AS hydration_energy');

CREATE TEMP TABLE source (row int GENERATED ALWAYS AS IDENTITY (MINVALUE 0), id text, label float8, smiles text);
\copy source (id, label, smiles) FROM PROGRAM 'zcat "$DATA"/moleculenet/Lipophilicity.csv.gz' WITH (FORMAT csv, HEADER)
\copy split FROM PROGRAM 'zcat "$DATA"/splits/Lipophilicity.csv.gz' WITH (FORMAT csv, HEADER)
CALL pg_temp.finish('lipophilicity', 'label AS lipophilicity');

CREATE TEMP TABLE source (row int GENERATED ALWAYS AS IDENTITY (MINVALUE 0), label float8, smiles text);
\copy source (label, smiles) FROM PROGRAM 'zcat "$DATA"/moleculenet/BBBP.csv.gz' WITH (FORMAT csv, HEADER)
\copy split FROM PROGRAM 'zcat "$DATA"/splits/BBBP.csv.gz' WITH (FORMAT csv, HEADER)
CALL pg_temp.finish('bbbp', 'label = 1 AS bbb_permeable');

CREATE TEMP TABLE source (row int GENERATED ALWAYS AS IDENTITY (MINVALUE 0), a float8, b float8, c float8, d float8, e float8, f float8, g float8, h float8, i float8, j float8, k float8, l float8, id text, smiles text);
\copy source (a, b, c, d, e, f, g, h, i, j, k, l, id, smiles) FROM PROGRAM 'zcat "$DATA"/moleculenet/tox21.csv.gz' WITH (FORMAT csv, HEADER)
\copy split FROM PROGRAM 'zcat "$DATA"/splits/Tox21.csv.gz' WITH (FORMAT csv, HEADER)
CALL pg_temp.finish('tox21', $$a = 1 AS "NR-AR", b = 1 AS "NR-AR-LBD", c = 1 AS "NR-AhR", d = 1 AS "NR-Aromatase", e = 1 AS "NR-ER", f = 1 AS "NR-ER-LBD",
	g = 1 AS "NR-PPAR-gamma", h = 1 AS "SR-ARE", i = 1 AS "SR-ATAD5", j = 1 AS "SR-HSE", k = 1 AS "SR-MMP", l = 1 AS "SR-p53"$$);

CREATE TEMP TABLE source (row int GENERATED ALWAYS AS IDENTITY (MINVALUE 0), smiles text, activity text, label float8);
\copy source (smiles, activity, label) FROM PROGRAM 'zcat "$DATA"/moleculenet/HIV.csv.gz' WITH (FORMAT csv, HEADER)
\copy split FROM PROGRAM 'zcat "$DATA"/splits/HIV.csv.gz' WITH (FORMAT csv, HEADER)
CALL pg_temp.finish('hiv', 'label = 1 AS hiv_active');

CREATE TEMP TABLE source (row int GENERATED ALWAYS AS IDENTITY (MINVALUE 0), index int CHECK (index = row + 1), smiles text, smiles_deepchem text, "A" text, "B" text, "C" text,
	mu float8, alpha float8, homo float8, lumo float8, gap float8, r2 float8, zpve float8, u0 float8, u298 float8, h298 float8, g298 float8, cv float8,
	u0_atom text, u298_atom text, h298_atom text, g298_atom text, g4mp2 text, g4mp2_split text, uncharacterized int, has_geometry text);
\copy source (index, smiles, smiles_deepchem, "A", "B", "C", mu, alpha, homo, lumo, gap, r2, zpve, u0, u298, h298, g298, cv, u0_atom, u298_atom, h298_atom, g298_atom, g4mp2, g4mp2_split, uncharacterized, has_geometry) FROM PROGRAM 'zcat "$DATA"/qm9/qm9_targets.csv.gz' WITH (FORMAT csv, HEADER)
\copy split (row, random0, random1, random2, scaffold) FROM PROGRAM 'zcat "$DATA"/splits/QM9.csv.gz' WITH (FORMAT csv, HEADER)
DELETE FROM split USING source WHERE source.row = split.row AND uncharacterized = 1;
CALL pg_temp.finish('qm9', 'mu, alpha, homo, lumo, gap, r2, zpve, u0, u298, h298, g298, cv');

-- MUV has no splits; models/retrieval.sql searches it.
CREATE TABLE dataset.muv (row int GENERATED ALWAYS AS IDENTITY (MINVALUE 0) PRIMARY KEY, "MUV-466" float8, "MUV-548" float8, "MUV-600" float8, "MUV-644" float8,
	"MUV-652" float8, "MUV-689" float8, "MUV-692" float8, "MUV-712" float8, "MUV-713" float8, "MUV-733" float8, "MUV-737" float8, "MUV-810" float8,
	"MUV-832" float8, "MUV-846" float8, "MUV-852" float8, "MUV-858" float8, "MUV-859" float8, id text, smiles text);
\copy dataset.muv ("MUV-466", "MUV-548", "MUV-600", "MUV-644", "MUV-652", "MUV-689", "MUV-692", "MUV-712", "MUV-713", "MUV-733", "MUV-737", "MUV-810", "MUV-832", "MUV-846", "MUV-852", "MUV-858", "MUV-859", id, smiles) FROM PROGRAM 'zcat "$DATA"/moleculenet/muv.csv.gz' WITH (FORMAT csv, HEADER)
ANALYZE dataset.muv;

-- Units, which models show with their predictions.
COMMENT ON COLUMN dataset.esol.solubility IS 'log10(mol/L)';
COMMENT ON COLUMN dataset.freesolv.hydration_energy IS 'kcal/mol';
COMMENT ON COLUMN dataset.lipophilicity.lipophilicity IS 'logD at pH 7.4';
COMMENT ON COLUMN dataset.qm9.mu IS 'D';
COMMENT ON COLUMN dataset.qm9.alpha IS 'bohr^3';
COMMENT ON COLUMN dataset.qm9.homo IS 'hartree';
COMMENT ON COLUMN dataset.qm9.lumo IS 'hartree';
COMMENT ON COLUMN dataset.qm9.gap IS 'hartree';
COMMENT ON COLUMN dataset.qm9.r2 IS 'bohr^2';
COMMENT ON COLUMN dataset.qm9.zpve IS 'hartree';
COMMENT ON COLUMN dataset.qm9.u0 IS 'hartree';
COMMENT ON COLUMN dataset.qm9.u298 IS 'hartree';
COMMENT ON COLUMN dataset.qm9.h298 IS 'hartree';
COMMENT ON COLUMN dataset.qm9.g298 IS 'hartree';
COMMENT ON COLUMN dataset.qm9.cv IS 'cal/(mol K)';
COMMIT;
\endif
SELECT pg_advisory_unlock(hashtext('hamnet models/datasets.sql')) AS unlocked \gset
