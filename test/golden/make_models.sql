-- Make small model files, one for each form that this version writes and earlier ones did not, and write down what it
-- computes with them: see test/pgtap/model_forms.sql, which reads them. From the top of the source tree, in an empty
-- database of a server with the extension:
--
--	mkdir test/golden/models-VERSION
--	DIRECTORY=test/golden/models-VERSION psql -X -f test/golden/make_models.sql
--
-- Once a version is released its files stay as they are; what a later version writes goes beside them.
\set ON_ERROR_STOP on
\set QUIET on
\o /dev/null
SET client_min_messages = warning;
CREATE EXTENSION hamnet;

-- The engine of all of them: 0.1.0 trained it, and it is small.
CREATE TEMP TABLE stored (weights text);
\copy stored FROM PROGRAM 'base64 -w 0 test/golden/models-0.1.0/engine.safetensors'
SELECT FROM stored, hamnet_load_model('engine', decode(weights, 'base64'));

CREATE TABLE assay (smiles text, logs double precision, size double precision, basic boolean);
INSERT INTO assay
SELECT smiles, 0.9 - 0.12 * length(smiles) + 0.3 * length(regexp_replace(smiles, '[^ON]', '', 'g')),
	CASE WHEN place % 3 > 0 THEN length(smiles) END, CASE WHEN place % 4 > 0 THEN smiles ~* 'N' END
FROM unnest('{CCO,CCCCO,CC(C)O,OCCO,CCN,CCCCCN,NCCN,CC(=O)O,CC(=O)N,CCOC(C)=O,c1ccccc1,Cc1ccccc1,Oc1ccccc1,Nc1ccccc1,c1ccncc1,C1CCCCC1,C1CCNCC1,
	F/C=C/F,OC[C@H](N)C,[Na+].[Cl-]}'::text[]) WITH ORDINALITY AS molecule (smiles, place);

CREATE PROCEDURE train(model text, columns text, options jsonb) LANGUAGE sql AS $$
	CALL hamnet_train(model, 'SELECT smiles, ' || columns || ' FROM assay',
		'{"epochs": 3, "units": 3, "lr": 0.01, "dropout": 0, "batch": 4, "workers": 1, "seed": 2, "validation": "none", "counts": 16}'::jsonb || options)
$$;

-- new generators
CALL train('features', 'logs AS "logs [log10(mol/L)]"', '{"head": "full", "base": "engine", "generator": "new", "features": "hamnet-2026", "dim": 4, "edge_dim": 2, "layers": 1, "known": 0}');
CALL train('bonds', 'logs AS "logs [log10(mol/L)]", basic', '{"head": "full", "base": "engine", "generator": "new", "features": "hamnet-2026", "bond_messages": true,
	"dim": 4, "edge_dim": 2, "layers": 2, "known": 0}');
CALL train('bonds_members', 'logs, basic', '{"head": "full", "base": "bonds", "members": 2, "known": 8}');
CALL train('bonds_2021', 'logs', '{"head": "full", "base": "engine", "generator": "new", "bond_messages": true, "engine": false, "dim": 4, "edge_dim": 1, "layers": 2, "known": 0}');

-- heads on them
CALL train('inputs', 'logs, basic', '{"head": "mlp", "base": "bonds"}');
CALL train('inputs_members', 'size AS "Größe [µm]"', '{"head": "mlp", "base": "engine", "inputs": "descriptors", "members": 2, "units": 0}');
CALL train('inputs_raw', 'basic', '{"head": "full", "base": "bonds", "inputs": "counts", "known": 5}');
CALL train('kernel_regression', 'logs, size', '{"head": "kernel", "base": "bonds"}');
CALL train('kernel_classes', 'basic', '{"head": "kernel", "base": "bonds", "known": 0}');
CALL train('joint', 'logs, basic', '{"head": "joint", "base": "bonds", "members": 2, "validation": 0.3}');
CALL train('joint_full', 'size, logs', '{"head": "joint", "base": "bonds", "networks": "full", "members": 2, "validation": 0.3, "known": 6}');
CALL train('joint_forest', 'logs', '{"head": "joint", "base": "bonds", "members": 2, "trees": 3}');
CALL train('joint_networks', 'basic', '{"head": "joint", "base": "bonds", "members": 2, "trees": 3, "validation": 0.3, "seed": 1}');
CALL train('joint_single', 'basic', '{"head": "joint", "base": "engine", "inputs": "fingerprint", "members": 1, "known": 0}');

-- heads of several models
CALL train('alkaline', 'basic AS alkaline', '{"head": "mlp", "base": "bonds", "inputs": "fingerprint", "members": 2, "known": 4}');
SELECT FROM hamnet_combine_models('combined', '{kernel_regression,alkaline}');
SELECT FROM hamnet_drop_model('alkaline');
SELECT FROM hamnet_drop_model('engine');

\copy (SELECT name, translate(encode(weights, 'base64'), E'\n', '') FROM _hamnet_model) TO PROGRAM 'while read -r form weights; do echo "$weights" | base64 -d >"$DIRECTORY/$form.safetensors"; done'

-- The value of each property, its deviation and the novelty of the molecule.
\pset format unaligned
\pset tuples_only on
\o | cat >"$DIRECTORY/expected.jsonl"
SELECT jsonb_build_object('model', name, 'id', id, 'smiles', smiles, 'fingerprint', to_jsonb(hamnet_fingerprint(smiles, name)::real[]), 'predictions',
	(SELECT jsonb_object_agg(property, jsonb_build_array(value, sd, novelty)) FROM hamnet_predictions(smiles, name)))
FROM hamnet_models() CROSS JOIN unnest('{CC(=O)Oc1ccccc1C(=O)O,BrCCBr,F/C=C/F,OCC1CCN[C@H](C)C1,[Na+].[Cl-],CCN}'::text[]) AS smiles
WHERE NOT built_in ORDER BY name COLLATE "C", smiles COLLATE "C";
\o
