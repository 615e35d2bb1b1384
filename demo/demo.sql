-- The demo of hamnet: what "make demo" runs with psql, in a new and empty
-- database. Everything below can be pasted into a database of your own, from
-- CREATE EXTENSION on; the compounds come with Debian's package rdkit-data.

SET client_min_messages = notice;
\set VERBOSITY terse
\pset footer off
\pset null '(null)'

\echo
\echo == 1. The extension
\echo
\set ECHO queries

CREATE EXTENSION hamnet;

SELECT * FROM hamnet_version();

SELECT name, built_in, dim, targets, bytes FROM hamnet_models();

\set ECHO none
\echo
\echo == 2. The compounds: 4,999 structures of the NCI open database
\echo
\set ECHO queries

CREATE TABLE compound (smiles text NOT NULL, id integer PRIMARY KEY, fp hfp);

\set ECHO none
\echo '\\copy compound (smiles, id) FROM ''/usr/share/RDKit/Data/NCI/first_5K.smi'' WITH (FORMAT csv, DELIMITER E''\t'')'
\echo
\copy compound (smiles, id) FROM '/usr/share/RDKit/Data/NCI/first_5K.smi' WITH (FORMAT csv, DELIMITER E'\t')

\echo
\echo == 3. Their fingerprints, by background workers that commit as they go
\echo
\set ECHO queries

CALL hamnet_enrich('compound', 'smiles', 'fp', '{"notice_seconds": 2}');

\set ECHO none
\echo
\echo A structure that RDKit rejects has no fingerprint; hamnet_smiles_error says why.
\echo
\set ECHO queries

SELECT count(*) AS compounds, count(fp) AS fingerprints, count(*) - count(fp) AS rejected FROM compound;

SELECT id, smiles, hamnet_smiles_error(smiles) AS reason
FROM compound WHERE fp IS NULL ORDER BY id;

\set ECHO none
\echo
\echo == 4. The compounds most like three known drugs
\echo
\set ECHO queries

CREATE TABLE drug (name text, smiles text);

INSERT INTO drug VALUES
	('aspirin', 'CC(=O)Oc1ccccc1C(=O)O'),
	('caffeine', 'Cn1cnc2c1c(=O)n(C)c(=O)n2C'),
	('ibuprofen', 'CC(C)Cc1ccc(cc1)C(C)C(=O)O');

SELECT drug.name AS drug, near.rank, near.id AS nci_id, round(near.distance::numeric, 4) AS distance, near.smiles
FROM drug,
	 LATERAL (SELECT row_number() OVER () AS rank, n.*
			  FROM (SELECT id, smiles, fp <-> hamnet_fingerprint(drug.smiles) AS distance
					FROM compound WHERE fp IS NOT NULL
					ORDER BY fp <-> hamnet_fingerprint(drug.smiles) LIMIT 5) AS n) AS near
ORDER BY drug.name, near.rank;

\set ECHO none
\echo
\echo == 5. Predicted properties of ibuprofen
\echo
\set ECHO queries

SELECT property, round(value::numeric, 3) AS value, unit, round(sd::numeric, 3) AS sd, round(novelty::numeric, 2) AS novelty
FROM hamnet_predictions('CC(C)Cc1ccc(cc1)C(C)C(=O)O');

\set ECHO none
\echo
\echo == 6. Inside the network: aspirin
\echo
\echo A conformer in angstrom, and the energies of the Hamiltonian Engine, which has learned from QM9.
\echo
\set ECHO queries

SELECT atom, element, round(x::numeric, 4) AS x, round(y::numeric, 4) AS y, round(z::numeric, 4) AS z
FROM hamnet_conformer('CC(=O)Oc1ccccc1C(=O)O');

SELECT step, kinetic, potential, dissipated
FROM hamnet_trajectory('CC(=O)Oc1ccccc1C(=O)O') WHERE step % 5 = 0;

\set ECHO none
\echo
\echo What each atom contributes to the predicted lipophilicity.
\echo
\set ECHO queries

SELECT atom, element, round(contribution::numeric, 2) AS contribution, unit
FROM hamnet_explain('CC(=O)Oc1ccccc1C(=O)O', 'lipophilicity') ORDER BY contribution DESC;

\set ECHO none
\echo
\echo == 7. What is not a molecule
\echo
\set ECHO queries

SELECT smiles, hamnet_try_fingerprint(smiles) IS NULL AS rejected, hamnet_smiles_error(smiles)
FROM unnest(ARRAY['CCO', 'CC(C', 'C(C)(C)(C)(C)C']) AS smiles;

\set ECHO none
\echo
\echo == 8. A model of your own, from measurements
\echo
\echo 1,017 compounds of a ChEMBL document with their measured activities. One in ten is
\echo kept apart. Four kinds of models are tried within a minute, and the best is kept.
\echo
\set ECHO queries

CREATE TABLE structure (smiles text, id bigint PRIMARY KEY);

CREATE TABLE measured (id bigint PRIMARY KEY, activity double precision);

\set ECHO none
\echo '\\copy structure FROM ''/usr/share/RDKit/Contrib/FreeWilson/data/CHEMBL2321810.smi'' WITH (FORMAT csv, DELIMITER '' '')'
\echo '\\copy measured FROM ''/usr/share/RDKit/Contrib/FreeWilson/data/CHEMBL2321810_act.csv'' WITH (FORMAT csv, HEADER)'
\echo
\copy structure FROM '/usr/share/RDKit/Contrib/FreeWilson/data/CHEMBL2321810.smi' WITH (FORMAT csv, DELIMITER ' ')
\copy measured FROM '/usr/share/RDKit/Contrib/FreeWilson/data/CHEMBL2321810_act.csv' WITH (FORMAT csv, HEADER)
\set ECHO queries

CREATE TABLE assay AS SELECT id, smiles, activity FROM structure JOIN measured USING (id);

CALL hamnet_train('my_assay', 'SELECT smiles, activity FROM assay WHERE id % 10 <> 0', '{"minutes": 1}');

SELECT target, metric, round(value::numeric, 3) AS value, n
FROM hamnet_evaluate('my_assay', 'SELECT smiles, activity FROM assay WHERE id % 10 = 0');

SELECT a.id, a.activity, round(p.value::numeric, 2) AS predicted, round(p.sd::numeric, 2) AS sd
FROM assay AS a, LATERAL hamnet_predictions(a.smiles, 'my_assay') AS p
WHERE a.id % 10 = 0 ORDER BY p.value DESC LIMIT 5;

\set ECHO none
\echo
\echo The same for a class: is a compound more active than half of them?
\echo
\set ECHO queries

CREATE TABLE assay_class AS
SELECT id, smiles, activity > (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY activity) FROM assay) AS active FROM assay;

CALL hamnet_train('my_class', 'SELECT smiles, active FROM assay_class WHERE id % 10 <> 0', '{"head": "kernel"}');

SELECT target, metric, round(value::numeric, 3) AS value, n
FROM hamnet_evaluate('my_class', 'SELECT smiles, active FROM assay_class WHERE id % 10 = 0');

\set ECHO none
\echo
\echo The cluster of this demo is dropped now. README.md says how to use hamnet in a database of your own.
