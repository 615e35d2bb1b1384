-- What several servers need: predictions that are fixed, models and axes that can be carried, and a comparison.
BEGIN;
SELECT plan(29);

\set weights `base64 --wrap=0 test/golden/small.safetensors`
SELECT hamnet_load_model('small', decode(:'weights', 'base64')) AS id \gset

-- pinned predictions
SELECT is(hamnet_predict_pinned('CCO', 'solubility', :'id'), hamnet_predict('CCO', 'solubility', 'small'),
	'a stored model predicts the same by its identity as by its name');
SELECT is(hamnet_predict_pinned('CCO', 'solubility', id), hamnet_predict('CCO', 'solubility', 'hamnet-properties'), 'and a built-in one')
FROM hamnet_models() WHERE name = 'hamnet-properties';
SELECT throws_ok(format('SELECT hamnet_predict_pinned(%L, %L, %L)', 'CCO', 'nothing', :'id'), '42704',
	format('model "%s" does not predict "nothing"', :'id'), 'a property that the model lacks is an error');
SELECT throws_ok($$SELECT hamnet_predict_pinned('CCO', 'solubility', repeat('0', 64))$$, '42704', NULL, 'and so is a model that is not there');
SELECT throws_ok($$SELECT hamnet_predict_pinned('CCO', 'solubility', 'small')$$, '22023', NULL, 'and a name in place of an identity');

CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		result := result || line || E'\n';
	END LOOP;
	RETURN result;
END
$$;
CREATE TABLE molecule (smiles text, property text);
INSERT INTO molecule VALUES ('CCO', 'solubility'), ('c1ccccc1', 'lipophilicity');
SELECT matches(plan_of($$SELECT hamnet_predict(smiles, 'solubility') FROM molecule$$), 'hamnet_predict_pinned\(smiles, ''solubility''::text, ''[0-9a-f]{64}''::text\)',
	'a property of a built-in model is pinned by the planner');
SELECT doesnt_match(plan_of($$SELECT hamnet_predict(smiles, 'small') FROM molecule$$), 'pinned', 'one of a stored model is not');
SELECT doesnt_match(plan_of('SELECT hamnet_predict(smiles, property) FROM molecule'), 'pinned', 'nor one that is no constant');
SELECT doesnt_match(plan_of($$SELECT hamnet_predict(smiles, 'solubility', 'hamnet-properties') FROM molecule$$), 'pinned', 'nor where a model is named');
SELECT is(hamnet_predict(smiles, 'solubility'), hamnet_predict(smiles, 'solubility', 'hamnet-properties'), 'it predicts the same') FROM molecule LIMIT 1;
SELECT lives_ok($$CREATE INDEX predicted ON molecule (hamnet_predict(smiles, 'solubility'))$$, 'it can stand in an index');
SELECT throws_ok($$CREATE INDEX ON molecule (hamnet_predict(smiles, 'small'))$$, '42P17', NULL, 'which one of a stored model cannot');

-- carrying models
SELECT is(hamnet_export_model('small'), decode(:'weights', 'base64'), 'a stored model is exported as it was loaded');
SELECT is(encode(sha256(hamnet_export_model(name)), 'hex'), id, 'a built-in one as its identity says') FROM hamnet_models() WHERE name = 'hamnet-base';
SELECT throws_ok($$SELECT hamnet_export_model('nothing')$$, '42704', 'model "nothing" does not exist', 'one that is not there is an error');

-- carrying axes
SELECT hamnet_fit_axes($$SELECT hamnet_fingerprint(s, 'small') FROM unnest('{CC,CO,CN,CCO,CCN,CCC,c1ccccc1}'::text[]) AS s$$) AS axes \gset
SELECT content AS content FROM _hamnet_axes WHERE id = :'axes' \gset
SELECT is(hamnet_load_axes(:'content'), :'axes', 'axes that are there are named by their content');
DELETE FROM _hamnet_axes WHERE id = :'axes';
SELECT is(hamnet_load_axes(:'content'), :'axes', 'and so are axes that are not');
SELECT is(count(*), 1::bigint, 'which then are') FROM _hamnet_axes WHERE id = :'axes' AND content = :'content';
CREATE FUNCTION refused(content bytea) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM hamnet_load_axes(content);
	RETURN false;
EXCEPTION WHEN invalid_binary_representation THEN
	RETURN true;
END
$$;
SELECT is_empty(format($$
	SELECT damage FROM unnest(ARRAY['', '\x00', substr(%1$L::bytea, 1, 8), substr(%1$L::bytea, 1, 50), %1$L::bytea || '\x00',
		overlay(%1$L::bytea PLACING '\x7ff8000000000000' FROM 9), set_byte(%1$L, length(%1$L::bytea) - 8, 64), set_byte(%1$L, 0, 255)]::bytea[]) AS damage
	WHERE NOT refused(damage)$$, :'content'), 'damaged axes are refused');

-- comparing
SELECT * FROM hamnet_node() \gset before_
SELECT hamnet_load_model('other', decode(:'weights', 'base64')) AS other \gset
SELECT is(results, :'before_results', 'results do not depend on stored models') FROM hamnet_node();
SELECT isnt(models, :'before_models', 'which are told apart') FROM hamnet_node();
SELECT is((hamnet, rdkit, blas, simd)::text, (hamnet_version())::text, 'versions are those of hamnet_version') FROM hamnet_node();

-- rows that lie elsewhere
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
CREATE TABLE mixed (id int, smiles text, fp hfp) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE mixed_far PARTITION OF mixed FOR VALUES FROM (0) TO (10) SERVER far;
SELECT throws_ok($$CALL hamnet_enrich('mixed', 'smiles', 'fp')$$, '42809', 'all rows of "mixed" are stored by other servers', 'a table of foreign partitions alone is not enriched');
CREATE TABLE mixed_here PARTITION OF mixed FOR VALUES FROM (10) TO (20);
CREATE TABLE mixed_there PARTITION OF mixed FOR VALUES FROM (20) TO (30);
INSERT INTO mixed VALUES (10, 'CCO'), (11, 'CCN'), (20, 'CCC'), (21, 'C1CC'), (22, NULL);
SELECT lives_ok($$CALL hamnet_enrich('mixed', 'smiles', 'fp', '{"model": "small"}')$$, 'foreign partitions beside others are left out');
SELECT is((SELECT count(fp) FROM mixed_here) + (SELECT count(fp) FROM mixed_there), 3::bigint, 'and the others are enriched');

CREATE TABLE shell (id int, smiles text, fp hfp);
CREATE INDEX shell_fp_idx ON shell USING hamnet (fp);
SELECT is((hamnet_index_stats('shell_fp_idx')).advice, NULL, 'an index of an empty table needs no advice');
SET LOCAL allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass);	-- as Citus has it
INSERT INTO pg_catalog.pg_dist_partition VALUES ('shell');
SELECT throws_ok($$CALL hamnet_enrich('shell', 'smiles', 'fp')$$, '42809', 'the rows of "shell" are in the shards of a distributed table',
	'a distributed table is not enriched into nothing');
SELECT matches((hamnet_index_stats('shell_fp_idx')).advice, 'run_command_on_shards', 'statistics of its index say where to ask');
SELECT lives_ok($$CALL hamnet_enrich('mixed_here', 'smiles', 'fp')$$, 'other tables beside it are enriched');

SELECT * FROM finish();
ROLLBACK;
