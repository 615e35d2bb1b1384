-- The base of the property models: the base model, fine-tuned on the training
-- parts of one split of all data sets at once, without its heads.
-- properties.sql includes this where the trunk is not there, with the variables
--
--     trunk      name of the model to make
--     start      the base to begin with: hamnet-base-0.2.0, or base_no_engine
--     split      random0 .. random4, scaffold
--
-- A molecule that some data set validates or tests with in this split is not
-- learned from, whatever label it has elsewhere. Of HIV there are all active
-- molecules and a sixth of the others; of QM9 there is a thirteenth, and those
-- quantities that are not nearly sums over atoms. The small sets are seen more
-- than once in an epoch. Nothing is chosen by validation: the last epoch counts.

\set ON_ERROR_STOP on
SELECT pg_advisory_lock(hashtext('hamnet models/trunk.sql')) IS NULL AS locked \gset
SELECT to_regclass('dataset.labels') IS NULL AS absent \gset
\if :absent
BEGIN;
CREATE TABLE dataset.labels (dataset text, row int, smiles text, canonical text, random0 text, random1 text, random2 text, random3 text, random4 text, scaffold text,
	solubility float8, hydration_energy float8, lipophilicity float8, mu float8, alpha float8, homo float8, lumo float8, gap float8, bbb_permeable boolean,
	"NR-AR" boolean, "NR-AR-LBD" boolean, "NR-AhR" boolean, "NR-Aromatase" boolean, "NR-ER" boolean, "NR-ER-LBD" boolean, "NR-PPAR-gamma" boolean,
	"SR-ARE" boolean, "SR-ATAD5" boolean, "SR-HSE" boolean, "SR-MMP" boolean, "SR-p53" boolean, hiv_active boolean);
-- Columns meet by their names; what a data set does not have is NULL.
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY '{esol,freesolv,lipophilicity,bbbp,tox21,hiv,qm9}'::text[] LOOP
		EXECUTE format('INSERT INTO dataset.labels SELECT l.* FROM dataset.%I AS t, jsonb_populate_record(NULL::dataset.labels,
			to_jsonb(t) || jsonb_build_object(''dataset'', %L, ''canonical'', hamnet_canonical_smiles(t.smiles))) AS l', name, name);
	END LOOP;
END
$$;
ANALYZE dataset.labels;
COMMIT;
\endif
SELECT pg_advisory_unlock(hashtext('hamnet models/trunk.sql')) AS unlocked \gset

-- QM9 has three random splits only; with the others, any row that is not held out is learned from.
SELECT format($q$
	SELECT smiles, solubility, hydration_energy, lipophilicity, mu, alpha, homo, lumo, gap, bbb_permeable, "NR-AR", "NR-AR-LBD", "NR-AhR", "NR-Aromatase", "NR-ER",
		"NR-ER-LBD", "NR-PPAR-gamma", "SR-ARE", "SR-ATAD5", "SR-HSE", "SR-MMP", "SR-p53", hiv_active
	FROM dataset.labels JOIN (VALUES ('esol', 2), ('freesolv', 3), ('lipophilicity', 2), ('bbbp', 1), ('tox21', 1), ('hiv', 1), ('qm9', 1)) AS t (dataset, times) USING (dataset),
		generate_series(1, times)
	WHERE coalesce(%1$I, 'train') = 'train' AND canonical NOT IN (SELECT canonical FROM dataset.labels WHERE %1$I <> 'train')
		AND (dataset <> 'hiv' OR hiv_active OR row %% 6 = 0) AND (dataset <> 'qm9' OR row %% 13 = 0)
	ORDER BY dataset, row$q$, :'split') AS query \gset
CALL hamnet_train(:'trunk', :'query', jsonb_build_object('base', :'start', 'head', 'full', 'validation', 'none', 'epochs', 8, 'workers', 1, 'known', 0, 'checkpoint', 60));

-- The heads have done their work.
SELECT hamnet_combine_models(:'trunk', ARRAY[:'trunk'], heads => false, replace => true) AS trunk_id \gset
