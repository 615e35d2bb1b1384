-- Loading, replacing, pinning and dropping models, and who may.
\set weights `base64 -w 0 test/golden/small.safetensors`
BEGIN;
SELECT plan(44);

CREATE TEMP TABLE file AS SELECT decode(:'weights', 'base64') AS weights;
GRANT SELECT ON file TO PUBLIC;
-- another model: one bit of the last weight changed
CREATE TEMP TABLE other AS SELECT set_bit(weights, octet_length(weights) * 8 - 30, 1 - get_bit(weights, octet_length(weights) * 8 - 30)) AS weights FROM file;
GRANT SELECT ON other TO PUBLIC;

-- the built-in models
SELECT results_eq($$SELECT name, built_in, dim, features, targets, owner FROM hamnet_models()$$,
	$$VALUES ('hamnet-base', true, 256, 'hamnet-2026-counts', '{}'::text[], NULL::name), ('hamnet-engine', true, 256, 'hamnet-2021', '{}', NULL),
		('hamnet-properties', true, 256, 'hamnet-2026',
			'{solubility,hydration_energy,lipophilicity,bbb_permeable,NR-AR,NR-AR-LBD,NR-AhR,NR-Aromatase,NR-ER,NR-ER-LBD,NR-PPAR-gamma,SR-ARE,SR-ATAD5,SR-HSE,SR-MMP,SR-p53,hiv_active,mu,alpha,homo,lumo,gap,r2,zpve,u0,u298,h298,g298,cv}', NULL),
		('hamnet-untrained', true, 256, 'hamnet-2021', '{}', NULL)$$,
	'hamnet_models lists the built-in models');
SELECT is(hamnet_fingerprint('CCO', 'hamnet-base'), hamnet_fingerprint('CCO'), 'the default model can be named');
SELECT is(hamnet_fingerprint_pinned('CCO', id), hamnet_fingerprint('CCO'), 'the default model can be pinned') FROM hamnet_models() WHERE name = 'hamnet-base';
SELECT is((SELECT array_agg(property ORDER BY n) FROM hamnet_predictions('CCO') WITH ORDINALITY AS p (property, value, unit, sd, novelty, n)), targets, 'every property is predicted')
	FROM hamnet_models() WHERE name = 'hamnet-properties';
SELECT ok(bool_and(sd > 0 AND novelty >= 0 AND value BETWEEN '-Infinity' AND 'Infinity'), 'every built-in prediction is finite, with a deviation and a novelty') FROM hamnet_predictions('CCO');
SELECT throws_ok($$SELECT hamnet_load_model('hamnet-untrained', weights) FROM file$$, '42939', NULL, 'the name of a built-in model is reserved');
SELECT throws_ok($$SELECT hamnet_drop_model('hamnet-untrained')$$, '2BP01', NULL, 'a built-in model cannot be dropped');

-- damaged and misnamed models
SELECT throws_ok($$SELECT hamnet_load_model('m', ''::bytea)$$, '22P03', NULL, 'an empty file is no model');
SELECT throws_ok($$SELECT hamnet_load_model('m', substr(weights, 1, 1000)) FROM file$$, '22P03', NULL, 'a file that was cut is no model');
SELECT throws_ok($$SELECT hamnet_load_model('', weights) FROM file$$, '42602', NULL, 'a model''s name is not empty');
SELECT throws_ok($$SELECT hamnet_load_model(repeat('m', 64), weights) FROM file$$, '42602', NULL, 'a model''s name has less than 64 bytes');
SELECT throws_ok($$SELECT hamnet_fingerprint('CCO', 'm')$$, '42704', 'model "m" does not exist', 'a fingerprint by an unrecognized model is refused');
SELECT throws_ok($$SELECT hamnet_drop_model('m')$$, '42704', 'model "m" does not exist', 'an unrecognized model cannot be dropped');
SELECT throws_ok($$SELECT hamnet_fingerprint_pinned('CCO', repeat('0', 64))$$, '42704', NULL, 'a fingerprint by an unrecognized identity is refused');
SELECT throws_ok($$SELECT hamnet_fingerprint_pinned('CCO', 'abc')$$, '22023', NULL, 'a malformed identity is refused');

-- load, replace, drop
SELECT is(hamnet_load_model('m', weights), encode(sha256(weights), 'hex'), 'hamnet_load_model returns the identity') FROM file;
SELECT results_eq($$SELECT id, built_in, dim, features, targets, bytes, owner, created_at FROM hamnet_models() WHERE name = 'm'$$,
	$$SELECT encode(sha256(weights), 'hex'), false, 24, 'hamnet-2021', ARRAY['solubility', 'lipophilicity', 'bbbp'],
		octet_length(weights)::bigint, current_user, now() FROM file$$, 'hamnet_models lists a loaded model');
SELECT is(hamnet_dims(hamnet_fingerprint('CCO', 'm')), 24, 'a loaded model can be used at once');
SELECT is(hamnet_fingerprint_pinned('CCO', id), hamnet_fingerprint('CCO', 'm'), 'a loaded model can be pinned') FROM hamnet_models() WHERE name = 'm';
SELECT throws_ok($$SELECT hamnet_fingerprint('CCO', 'm') <-> hamnet_fingerprint('CCO')$$, NULL, NULL, 'fingerprints of different models have no distance');
SELECT throws_ok($$SELECT hamnet_load_model('m', weights) FROM file$$, '42710', 'model "m" already exists', 'hamnet_load_model refuses a name that is taken');
CREATE TEMP TABLE before AS SELECT hamnet_predict('CCO', 'bbbp', 'm') AS value;
SELECT isnt(hamnet_load_model('m', weights, true), (SELECT encode(sha256(weights), 'hex') FROM file), 'hamnet_load_model replaces a model if asked') FROM other;
SELECT isnt(hamnet_predict('CCO', 'bbbp', 'm') + hamnet_predict('CCO', 'solubility', 'm') + hamnet_predict('CCO', 'lipophilicity', 'm'),
	NULL, 'a replaced model predicts at once');
SELECT is(hamnet_fingerprint('CCO', 'm'), hamnet_fingerprint_pinned('CCO', id), 'a replaced model has its new identity') FROM hamnet_models() WHERE name = 'm';
SELECT throws_ok(format('SELECT hamnet_fingerprint_pinned(%L, %L)', 'CCO', encode(sha256(weights), 'hex')), '42704', NULL,
	'the identity that was replaced is gone') FROM file;

-- predictions by name
SELECT throws_ok($$SELECT hamnet_predict('CCO', 'm')$$, '42P08', NULL, 'a model with several targets needs the target''s name');
SELECT throws_ok($$SELECT hamnet_predict('CCO', 'm', 'm')$$, '42704', 'model "m" does not predict "m"', 'a target that the model lacks is refused');
SELECT ok(hamnet_predict('CCO', 'bbbp', 'm') BETWEEN 0 AND 1, 'the prediction of a class is a probability');
SELECT results_eq($$SELECT property, unit, sd FROM hamnet_predictions('CCO', 'm')$$,
	$$VALUES ('solubility', 'log10(mol/L)', NULL::float8), ('lipophilicity', 'logD7.4', NULL), ('bbbp', 'probability', NULL)$$,
	'units of predictions come from the model');

-- privileges
CREATE ROLE hamnet_test_alice;
CREATE ROLE hamnet_test_bob;
SET LOCAL ROLE hamnet_test_alice;
SELECT throws_ok($$INSERT INTO _hamnet_model (name, weights, dim, features, targets, owner) VALUES ('x', '', 1, '', '{}', 'x')$$,
	'42501', NULL, '_hamnet_model cannot be written directly');
SELECT lives_ok($$SELECT hamnet_load_model('alice', weights) FROM file$$, 'anybody may load a model');
SELECT is(owner, 'hamnet_test_alice', 'a loaded model belongs to whoever loaded it') FROM hamnet_models() WHERE name = 'alice';
SELECT throws_ok($$SELECT hamnet_load_model('m', weights, true) FROM file$$, '42501', 'must be owner of model "m"', 'the model of another role cannot be replaced');
SELECT throws_ok($$SELECT hamnet_drop_model('m')$$, '42501', 'must be owner of model "m"', 'the model of another role cannot be dropped');
SELECT is(hamnet_dims(hamnet_fingerprint('CCO', 'm')), 24, 'everybody may use the model of another role');
SET LOCAL ROLE hamnet_test_bob;
SELECT throws_ok($$SELECT hamnet_drop_model('alice')$$, '42501', NULL, 'a role that is no member of the owner cannot drop its model');
RESET ROLE;
GRANT hamnet_test_alice TO hamnet_test_bob;
SET LOCAL ROLE hamnet_test_bob;
SELECT lives_ok($$SELECT hamnet_load_model('alice', weights, true) FROM other$$, 'a member of the owning role may replace its model');
SELECT is(owner, 'hamnet_test_alice', 'a model that a member replaced keeps its owner') FROM hamnet_models() WHERE name = 'alice';
SELECT is(current_user, 'hamnet_test_bob', 'the caller has its own role after replacing a model');

-- a search path full of traps changes nothing
RESET ROLE;
CREATE SCHEMA trap;
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped'; END$$;
CREATE FUNCTION trap.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped'; END$$;
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.equal);
SELECT set_config('path.trap', 'trap, pg_catalog, ' || current_setting('search_path'), true) AS ignored \gset
CREATE FUNCTION in_trap(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('search_path');
	result text;
BEGIN
	PERFORM set_config('search_path', current_setting('path.trap'), true);
	EXECUTE query INTO result;
	PERFORM set_config('search_path', path, true);
	RETURN result;
END$$;
SELECT throws_ok($$SELECT in_trap('SELECT ''a''::text = ''b''::text')$$, 'trapped', 'the trap in the search path works');
SELECT is(in_trap('SELECT hamnet_load_model(''alice'', weights, true) FROM file'), (SELECT encode(sha256(weights), 'hex') FROM file),
	'replacing does not follow the search path');
SELECT is(in_trap('SELECT hamnet_drop_model(''alice'')'), '', 'dropping does not follow the search path');

SELECT lives_ok($$SELECT hamnet_drop_model('m')$$, 'the owner of the database may drop a model');
SELECT is_empty($$SELECT * FROM hamnet_models() WHERE NOT built_in$$, 'no loaded model is left after dropping');

SELECT * FROM finish();
ROLLBACK;
