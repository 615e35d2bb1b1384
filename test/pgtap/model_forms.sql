-- Every form of model file that an earlier version wrote is read and means what it meant.
--
-- test/golden/models-VERSION holds a small file for each form that the version was the first to write, and what it computed
-- with them; test/golden/make_models.sql makes them. Files of a released version never change. Those of 0.1.0 are:
--   network            a generator without an engine, heads of both tasks
--   engine             without heads, from hamnet_train_engine
--   full               engine, generator and head
--   members            ensemble on one generator
--   generators         ensemble with a generator for each member
--   kernel_regression  kernel head with descriptors and deviation
--   kernel_gaussian    the same, its kernel function exchanged by hand
--   kernel_counts      kernel head with counts of substructures
--   kernel_classes     kernel head of a class
--   kernel_both        two kernel heads, one of two targets, of which one has a name that is not ASCII
-- And those of 0.2.0:
--   features           a new generator by feature set hamnet-2026, after an engine of 0.1.0 that was widened
--   bonds              the same with bond messages, heads of both tasks
--   bonds_members      the same with two generators; heads know molecules by a table
--   bonds_2021         bond messages by feature set hamnet-2021, without the engine
--   inputs             networks that read the fingerprint standardised, descriptors and counts
--   inputs_members     two of them, of descriptors without counts, each a single layer
--   inputs_raw         the fingerprint as it is, descriptors and counts
--   kernel_regression  distances of counts, a range of labels, molecules known by the kernel's rows
--   kernel_classes     distances of counts, of a class, without known molecules
--   joint              kernel and two networks, of both tasks, weighed by validation
--   joint_full         the same with a generator for each network and a kernel without fingerprints; known by a table
--   joint_forest       kernel, two networks and a forest
--   joint_networks     two networks alone, since validation gave kernel and forest no share
--   joint_single       kernel and one network, which reads the fingerprint alone
--   combined           heads of several models, by hamnet_combine_models
BEGIN;
SELECT plan(9);

CREATE TEMP TABLE file (version text, form text, weights text, PRIMARY KEY (version, form));
\copy file FROM PROGRAM 'cd test/golden && for f in models-*/*.safetensors; do v=${f%%/*}; n=${f##*/}; printf "%s\t%s\t" "${v#models-}" "${n%.*}"; base64 -w 0 $f; echo; done'

CREATE TEMP TABLE line (version text, content jsonb);
\copy line FROM PROGRAM 'cd test/golden && for d in models-*; do sed "s/^/${d#models-}\t/" $d/expected.jsonl; done' WITH (FORMAT csv, DELIMITER E'\t', QUOTE E'\x01')
CREATE TEMP TABLE expected AS
	SELECT version || ' ' || model AS model, id, smiles, fingerprint, predictions
	FROM line, jsonb_to_record(content) AS e(model text, id text, smiles text, fingerprint jsonb, predictions jsonb);

SELECT cmp_ok(count(*), '>=', 25::bigint, 'there is a file of every form of model') FROM file;
SELECT lives_ok('SELECT hamnet_load_model(version || '' '' || form, decode(weights, ''base64'')) FROM file', 'every form of model file is read');
SELECT set_eq('SELECT name, id FROM hamnet_models() WHERE NOT built_in', 'SELECT model, id FROM expected', 'every form of model file keeps its identity');

CREATE FUNCTION close(value double precision, expected double precision) RETURNS boolean IMMUTABLE LANGUAGE sql
	RETURN value IS NOT DISTINCT FROM expected OR coalesce(abs(value - expected) <= 1e-4 + 1e-4 * abs(expected), false);

SELECT is_empty($$
	SELECT model, smiles, place, value, expected
	FROM expected, LATERAL (SELECT hamnet_fingerprint(smiles, model)::real[] AS fp) AS now,
		generate_series(1, greatest(cardinality(fp), jsonb_array_length(fingerprint))) AS place,
		LATERAL (SELECT fp[place] AS value, (fingerprint ->> place - 1)::float8 AS expected) AS pair
	WHERE NOT close(value, expected)$$, 'every form of model gives the fingerprints that it gave');

CREATE TEMP TABLE prediction AS
	SELECT model, smiles, property, value, sd, novelty, predictions -> property AS expected
	FROM expected LEFT JOIN LATERAL hamnet_predictions(smiles, model) ON true;
SELECT is_empty('SELECT * FROM prediction WHERE NOT close(value, (expected ->> 0)::float8)', 'every form of model gives the predictions that it gave');
SELECT is_empty('SELECT * FROM prediction WHERE NOT close(sd, (expected ->> 1)::float8)', 'every form of model gives the deviations that it gave');
SELECT is_empty('SELECT * FROM prediction WHERE NOT close(novelty, (expected ->> 2)::float8)', 'every form of model gives the novelty that it gave');
SELECT set_eq('SELECT model, smiles, property FROM prediction WHERE property IS NOT NULL',
	'SELECT model, smiles, jsonb_object_keys(predictions) FROM expected', 'every form of model predicts the properties that it predicted');

-- A base gives its network away to a new file, which this version writes.
CREATE TEMP TABLE assay AS SELECT repeat('C', n) || a AS smiles, n * 0.5 + ascii(a) / 20.0 AS y
	FROM generate_series(1, 6) AS n, unnest(ARRAY['O', 'N']) AS a;
DO $$
DECLARE
	model text;
BEGIN
	SET LOCAL client_min_messages = warning;
	FOR model IN SELECT version || ' ' || form FROM file LOOP
		CALL hamnet_train('on ' || model, 'SELECT smiles, y FROM assay',
			jsonb_build_object('base', model, 'head', 'mlp', 'units', 4, 'epochs', 1, 'validation', 'none'));
	END LOOP;
END
$$;
SELECT is_empty($$SELECT model, smiles FROM expected
	WHERE hamnet_fingerprint(smiles, model)::real[] <> hamnet_fingerprint(smiles, 'on ' || model)::real[]$$,
	'every form of model keeps its fingerprints as the base of a training');

SELECT * FROM finish();
ROLLBACK;
