-- What a training learns from and what it is validated on, and which targets it can learn.
BEGIN;
SELECT plan(49);
SET LOCAL client_min_messages = warning;

-- a model in no time: what it predicts is of no interest here
CREATE FUNCTION learn(model text, query text, options jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE plpgsql AS $f$
BEGIN
	EXECUTE format('CALL hamnet_train(%L, %L, %L)', model, query,
		'{"head": "full", "base": "scratch", "dim": 4, "layers": 1, "units": 0, "epochs": 1, "workers": 1, "known": 0}' || options);
	RETURN (SELECT report FROM hamnet_training_runs() AS r WHERE r.model = learn.model ORDER BY run DESC LIMIT 1);
END$f$;
CREATE FUNCTION divided(query text, options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS
	$$SELECT concat_ws(' + ', report ->> 'train', report ->> 'validation') FROM learn('m', query, options) AS report$$;
CREATE FUNCTION id_of(text) RETURNS text LANGUAGE sql AS 'SELECT id FROM hamnet_models() WHERE name = $1';

-- amines: 600 molecules, each once, and `copies` rows of one more
CREATE FUNCTION plates(copies int, molecules int) RETURNS TABLE (smiles text, y float8) LANGUAGE sql AS $$
	SELECT 'OCCS', i % 7 FROM generate_series(1, copies) AS i
	UNION ALL (SELECT repeat('C', a) || 'N' || repeat('C', b) || s, a + b / 10.0
		FROM generate_series(1, 24) AS a, generate_series(1, 24) AS b, unnest(ARRAY['F', 'Cl']) AS s ORDER BY a, b, s LIMIT molecules)$$;

SELECT is(divided('SELECT * FROM plates(400, 600)'), '900 + 100', 'a tenth is validated on, though two fifths of the rows are one molecule');
SELECT is(divided('SELECT * FROM plates(500, 60)', jsonb_build_object('seed', seed)), '504 + 56', 'a tenth is validated on, though most rows are one molecule, seed ' || seed)
FROM generate_series(0, 3) AS seed;
SELECT is(divided('SELECT * FROM plates(400, 600)', '{"validation": 0.3}'), '700 + 300', 'three tenths are validated on if asked for');
SELECT is(divided('SELECT * FROM plates(1, 599)'), '540 + 60', 'a tenth is validated on where each row is a molecule');

-- ten molecules of sixty rows each, then four of twenty-five
CREATE FUNCTION repeated(molecules int, rows int) RETURNS TABLE (smiles text, y float8) LANGUAGE sql AS
	$$SELECT repeat('C', n) || 'O', n + i / 100.0 FROM generate_series(1, molecules) AS n, generate_series(1, rows) AS i$$;
SELECT is(divided('SELECT * FROM repeated(10, 60)', '{"validation": 0.2}'), '480 + 120', 'as many molecules are validated on as make up the fraction');
SELECT is(divided('SELECT * FROM repeated(4, 25)'), '75 + 25', 'one molecule is validated on where it is more than the fraction');
SELECT is(divided('SELECT * FROM repeated(10, 60)', '{"validation": 0.16}'), '480 + 120', 'a molecule more is validated on if that is nearer to the fraction');
SELECT is(divided('SELECT * FROM repeated(10, 60)', '{"validation": 0.14}'), '540 + 60', 'a molecule less is validated on if that is nearer to the fraction');
SELECT is(divided('SELECT * FROM repeated(1, 95) UNION ALL SELECT ''CCCO'', i FROM generate_series(1, 5) AS i'), '95 + 5', 'the smaller of two molecules is validated on');
SELECT throws_ok($$SELECT divided('SELECT * FROM repeated(1, 95)')$$, '22000', 'rows cannot be divided into a training and a validation set', 'one molecule cannot be divided');

-- scaffolds: one of 400 rows and 100 of one row each; then all of one size
CREATE FUNCTION series(many int, others int) RETURNS TABLE (smiles text, y float8) LANGUAGE sql AS $$
	SELECT 'c1ccccc1' || repeat('C', 1 + i % 40) || repeat('N', i / 40), i % 9 FROM generate_series(1, many) AS i
	UNION ALL SELECT 'C1CC1' || repeat('C', i) || 'C1CC1', i % 7 FROM generate_series(1, others) AS i$$;
SELECT is(divided('SELECT * FROM series(400, 100)', '{"validation": "scaffold"}'), '450 + 50', 'a tenth is validated on, though most molecules have one scaffold');
SELECT is(divided('SELECT * FROM series(400, 20)', '{"validation": "scaffold"}'), '400 + 20', 'a scaffold that is more than a tenth is learned from');
SELECT is(divided('SELECT * FROM series(0, 100)', '{"validation": "scaffold"}'), '90 + 10', 'a tenth is validated on where each molecule has a scaffold of its own');

-- classes, and numbers, stay where they are learned from
CREATE TABLE panel AS SELECT repeat('C', n) || s AS smiles, n > 5 AS a1, (n + length(s)) % 3 = 0 AS a2, false AS a3, n % 2 = 0 AS a4, false AS a5, n AS y
FROM generate_series(1, 15) n, unnest(ARRAY['O', 'N', 'C(=O)O', 'Cl']) s;
SELECT is(divided('SELECT smiles, a1, smiles = ''CCCCCCCO'' AS r FROM panel', jsonb_build_object('seed', seed)), '54 + 6', 'the only molecule of a class is learned from, seed ' || seed)
FROM unnest(ARRAY[0, 3, 7, 11, 14]) AS seed;
SELECT is(count(*), 20::bigint, 'the only molecule of a class is learned from, whatever the seed')
FROM generate_series(0, 19) AS seed, LATERAL divided('SELECT smiles, smiles = ''CCCCCCCO'' AS r FROM panel', jsonb_build_object('seed', seed, 'validation', 0.4)) AS d WHERE d = '36 + 24';
SELECT is(count(*), 10::bigint, 'two of three labels of a number are learned from at least, whatever the seed')
FROM generate_series(0, 9) AS seed, LATERAL divided('SELECT smiles, a1, CASE WHEN y < 4 AND smiles LIKE ''%O'' AND smiles NOT LIKE ''%=O)O'' THEN y END AS few FROM panel', jsonb_build_object('seed', seed, 'validation', 0.4)) AS d WHERE d = '36 + 24';
-- targets that cannot be learned: all in one error
CREATE FUNCTION refusal(query text, options jsonb DEFAULT '{}') RETURNS text[] LANGUAGE plpgsql AS $f$
DECLARE message text; detail text; hint text;
BEGIN
	PERFORM learn('refused', query, options);
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN ARRAY[message, detail, hint];
END$f$;
SELECT is(refusal('SELECT smiles, a1, a2, a3, a4, a5, 2.5 AS z FROM panel'), ARRAY['3 of 6 targets cannot be learned',
	E'target "a3" has labels of one class only, 0, in 54 rows\ntarget "a5" has labels of one class only, 0, in 54 rows\ntarget "z" has the same value, 2.5, in all 54 labelled rows',
	'To train the others, set option "skip_unusable" to true.'], 'all targets that cannot be learned are named at once');
SELECT is(refusal('SELECT smiles, a1, a5 FROM panel'), ARRAY['target "a5" has labels of one class only, 0, in 54 rows', '',
	'To train the others, set option "skip_unusable" to true.'], 'one target that cannot be learned is the message');
SELECT is(refusal('SELECT smiles, a5 FROM panel'), ARRAY['target "a5" has labels of one class only, 0, in 54 rows', '', ''], 'no hint is given where no other target is left');
SELECT is(refusal('SELECT smiles, a3, a5 FROM panel', '{"skip_unusable": true}'), ARRAY['2 of 2 targets cannot be learned',
	E'target "a3" has labels of one class only, 0, in 54 rows\ntarget "a5" has labels of one class only, 0, in 54 rows', ''], 'where no target can be learned, skipping does not help');

-- or left out
SELECT is(learn('skipped', 'SELECT smiles, a3, y, a1, a2, a4, a5 FROM panel', '{"skip_unusable": true}') -> 'skipped',
	'[{"target": "a3", "reason": "has labels of one class only, 0, in 54 rows"}, {"target": "a5", "reason": "has labels of one class only, 0, in 54 rows"}]',
	'the report names the targets that were skipped');
SELECT is((SELECT targets FROM hamnet_models() WHERE name = 'skipped'), ARRAY['y', 'a1', 'a2', 'a4'], 'a model predicts the targets that were not skipped');
SELECT is(learn('without', 'SELECT smiles, y, a1, a2, a4 FROM panel') -> 'skipped', '[]', 'no target is skipped where all can be learned');
SELECT is(id_of('skipped'), id_of('without'), 'a model with targets skipped is the model of a query without them');
SELECT is(learn('skipped', 'SELECT smiles, a3, y, a1 FROM panel', '{"skip_unusable": true, "weights": {"a3": 2, "a1": 0.5}}') -> 'skipped' -> 0 ->> 'target', 'a3', 'weights may name targets that are skipped');
SELECT isnt(learn('without', 'SELECT smiles, y, a1 FROM panel', '{"weights": {"a1": 0.5}}'), NULL, 'the same with weights, without the target that was skipped');
SELECT is(id_of('skipped'), id_of('without'), 'weights keep to their targets when another is skipped');
SELECT isnt(learn('skipped', 'SELECT smiles, a5, CASE WHEN a1 THEN 1 ELSE -1 END AS side, y FROM panel',
	'{"skip_unusable": true, "contrast": "side", "projection": true, "features": "hamnet-2026-counts", "fingerprint_counts": 16}'), NULL, 'targets are skipped beside groups');
SELECT isnt(learn('without', 'SELECT smiles, CASE WHEN a1 THEN 1 ELSE -1 END AS side, y FROM panel',
	'{"contrast": "side", "projection": true, "features": "hamnet-2026-counts", "fingerprint_counts": 16}'), NULL, 'the same groups, without the target that was skipped');
SELECT is(id_of('skipped'), id_of('without'), 'groups keep to their column when a target is skipped');
CALL hamnet_train('joint', 'SELECT smiles, a3, y, a1 FROM panel', '{"head": "joint", "epochs": 2, "members": 2, "units": 4, "skip_unusable": true}');
SELECT is((SELECT targets FROM hamnet_models() WHERE name = 'joint'), ARRAY['y', 'a1'], 'joint heads skip targets too');

-- a division of one's own
SELECT ok(bool_and(hamnet_split(smiles) >= 0 AND hamnet_split(smiles) < 1), 'hamnet_split gives numbers from 0 to 1') FROM panel;
SELECT is(hamnet_split('OCC', 'random', 3), hamnet_split('CCO', seed => 3), 'hamnet_split does not depend on spelling');
SELECT is(hamnet_split('[CH3:1]CO'), hamnet_split('CCO'), 'hamnet_split does not depend on atom maps');
SELECT is(count(DISTINCT hamnet_split(smiles)), 60::bigint, 'hamnet_split tells molecules apart') FROM panel;
SELECT isnt(hamnet_split('CCO', seed => 1), hamnet_split('CCO'), 'another seed divides otherwise');
SELECT is(hamnet_split('Cc1ccccc1', 'scaffold'), hamnet_split('OC(=O)c1ccccc1CN', 'scaffold'), 'molecules of one scaffold are divided together');
SELECT isnt(hamnet_split('C1CCCC1', 'scaffold'), hamnet_split('c1ccccc1', 'scaffold'), 'two scaffolds are divided apart');
SELECT is(hamnet_split('CCO', NULL), NULL, 'hamnet_split of NULL is NULL');
SELECT throws_ok($$SELECT hamnet_split('CCO', 'time')$$, '22023', 'unrecognized kind of split: "time"', 'hamnet_split refuses other kinds');
SELECT throws_ok($$SELECT hamnet_split('C(C')$$, '22P02', NULL, 'hamnet_split refuses what is no molecule');
/* 12,000 molecules: four deviations of a fifth of them are 0.0146 */
SELECT cmp_ok(abs(avg((hamnet_split(repeat('C', a) || s || repeat('C', b)) < 0.2)::int) - 0.2), '<', 0.02, 'a fifth of the molecules is below a fifth')
FROM generate_series(1, 60) AS a, generate_series(1, 50) AS b, unnest(ARRAY['N', 'OC(=O)', 'S', 'C(=O)N']) AS s;

SELECT finish();
ROLLBACK;
