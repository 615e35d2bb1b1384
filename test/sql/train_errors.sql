-- Everything that training refuses, it refuses before any work.
CREATE TABLE assay AS
	SELECT repeat('C', n) || suffix AS smiles, n + ascii(suffix) / 100.0::float8 AS y, n > 4 AS active
	FROM generate_series(1, 8) AS n, unnest(ARRAY['O', 'N', 'Cl', 'F']) AS suffix;
\set VERBOSITY default

-- options
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"epoch": 3}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"epochs": 0}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"epochs": "many"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "forest"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"validation": 0.9}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"validation": "some"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"validation": "none"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "mlp", "base": "scratch"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "joint", "base": "scratch"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"inputs": "everything"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "joint", "networks": "full"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"kernel_rows": 10001}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "joint", "trees": 1001}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "kernel", "trees": 10}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"base": "nothing"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"features": "hamnet-2026"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"features": "hamnet-2020", "generator": "new"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"engine": false}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"layers": 9, "generator": "new"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "mlp", "generator": "new"}');
-- options that the head would ignore
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "kernel", "epochs": 5}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "kernel", "inputs": "counts"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "kernel", "weights": {"y": 2}}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "mlp", "kernel_rows": 100}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "full", "kernel_fingerprint": "never"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "joint", "dim": 8}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "full", "dim": 8}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"head": "full", "contrast_weight": 2}');
CALL hamnet_train('m', 'SELECT smiles FROM assay', '{"head": "kernel", "epochs": null}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '[]');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', NULL);
CALL hamnet_train('m', NULL);

-- names
CALL hamnet_train('', 'SELECT smiles, y FROM assay');
CALL hamnet_train('scratch', 'SELECT smiles, y FROM assay');
CALL hamnet_train('hamnet-untrained', 'SELECT smiles, y FROM assay');
CALL hamnet_train('solubility', 'SELECT smiles FROM assay');

-- queries
CALL hamnet_train('m', 'SELECT smiles, z FROM assay');
CALL hamnet_train('m', 'DELETE FROM assay');
CALL hamnet_train('m', 'DELETE FROM assay RETURNING smiles, y');
CALL hamnet_train('m', 'WITH gone AS (DELETE FROM assay RETURNING smiles, y) SELECT * FROM gone');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay FOR UPDATE');
CALL hamnet_train('m', 'SELECT smiles, y FROM (SELECT smiles, y FROM assay FOR SHARE) AS locked');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay WHERE EXISTS (SELECT FROM assay FOR UPDATE)');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay; SELECT 1');
CALL hamnet_train('m', '');
CALL hamnet_train('m', 'SELECT FROM assay');
CALL hamnet_train('m', 'SELECT smiles FROM assay');
CALL hamnet_train('m', 'SELECT y, smiles FROM assay');
CALL hamnet_train('m', 'SELECT smiles, smiles AS y FROM assay');
CALL hamnet_train('m', 'SELECT smiles, y, y FROM assay');
SELECT count(*) FROM assay;

-- data
CALL hamnet_train('m', 'SELECT smiles, y FROM assay WHERE false');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay LIMIT 9');
CALL hamnet_train('m', 'SELECT smiles, NULL::float8 AS y FROM assay');
CALL hamnet_train('m', 'SELECT ''C1CC'', y FROM assay');
CALL hamnet_train('m', 'SELECT smiles, 1.5 AS y FROM assay');
CALL hamnet_train('m', 'SELECT smiles, true AS active FROM assay');
CALL hamnet_train('m', 'SELECT smiles, y, false AS active FROM assay');
-- a spread that is small beside the size of the labels
CALL hamnet_train('m', 'SELECT smiles, y / 1e8 + 1000 AS y FROM assay');
CALL hamnet_train('m', 'SELECT smiles, y - 1e9 AS y FROM assay');
CALL hamnet_train('m', 'SELECT smiles, (1e15::numeric + y::numeric) AS y, active FROM assay', '{"head": "mlp"}');
CALL hamnet_train('m', 'SELECT smiles, 1600000000000 + ascii(smiles) + length(smiles) AS created FROM assay', '{"head": "full"}');
-- keys that SELECT * brings along
CREATE TABLE keyed AS SELECT smiles, row_number() OVER () AS id, (-row_number() OVER ())::int AS other, length(smiles) AS size, true AS ready FROM assay;
CALL hamnet_train('m', 'SELECT * FROM keyed');
CALL hamnet_train('m', 'SELECT smiles, id::float8 AS id, nullif(other, -3) AS other, ready FROM keyed');
CALL hamnet_train('m', 'SELECT smiles, other::smallint, ready FROM keyed');
DROP TABLE keyed;
-- a label in some row
CALL hamnet_train('m', $$VALUES ('CCO', 1.0::float8), ('CCN', 'NaN'), ('CCF', 2)$$);
CALL hamnet_train('m', $$VALUES ('CCO', 1.0::real, 1.0), (NULL, 2, 'Infinity')$$);
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', $${"validation_query": "SELECT smiles, CASE WHEN y > 3 THEN 'NaN' ELSE y END AS y FROM assay ORDER BY y"}$$);
-- classes written as numbers are told before the error that ends the call
CALL hamnet_train('m', 'SELECT smiles, active::int, true AS ready FROM assay');
CALL hamnet_train('m', 'SELECT smiles, y, active, true AS ready FROM assay');
CALL hamnet_train('m', 'SELECT smiles, length(smiles) % 3 AS klass, true AS ready FROM assay');
CALL hamnet_train('m', 'SELECT smiles, length(smiles) % 3 / 2.0 AS half, length(smiles) % 6 AS size, true AS ready FROM assay');
-- and so are numbers over powers of ten, if they have a logarithm
CALL hamnet_train('m', 'SELECT smiles, 10 ^ y AS dose, true AS ready FROM assay');
CALL hamnet_train('m', 'SELECT smiles, 10 ^ y - 1000 AS dose, true AS ready FROM assay');
-- a class that is too rare to be validated on
BEGIN;
CALL hamnet_train('m', 'SELECT smiles, smiles = ''CO'' AS rare FROM assay', '{"minutes": 1e-9}');
ROLLBACK;
CALL hamnet_train('m', 'SELECT smiles, y / nullif(y, 0) * ''NaN'' AS y FROM assay');
CALL hamnet_train('m', 'SELECT smiles, ''-Infinity''::real AS y FROM assay');
CALL hamnet_train('m', 'SELECT ''CCO'', y FROM assay');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"validation": "scaffold"}');
SET hamnet.training_memory = '1MB';
CALL hamnet_train('m', 'SELECT repeat(''C'', n % 40 + 10), n FROM generate_series(1, 1000) AS n');
RESET hamnet.training_memory;

-- rows to validate on
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"validation_query": "SELECT smiles, y FROM assay", "validation": 0.1}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"validation_query": "SELECT smiles FROM nothing"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"validation_query": "SELECT smiles, y, active FROM assay"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"validation_query": "SELECT smiles, y AS z FROM assay"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"validation_query": "SELECT smiles, y::real FROM assay"}');
CALL hamnet_train('m', 'SELECT smiles, y FROM assay', '{"validation_query": "SELECT smiles, y FROM assay WHERE false"}');
CALL hamnet_train_engine('m', 'SELECT smiles, ARRAY[1.0::float8] FROM assay', '{"validation_query": "SELECT smiles FROM assay"}');

-- engines
CALL hamnet_train_engine('m', 'SELECT smiles, y FROM assay');
CALL hamnet_train_engine('m', 'SELECT y FROM assay');
CALL hamnet_train_engine('m', 'SELECT smiles, ARRAY[1.0::float8], y FROM assay');
CALL hamnet_train_engine('m', 'SELECT smiles, ARRAY[1] FROM assay');
CALL hamnet_train_engine('m', 'SELECT smiles, ARRAY[1, 2]::real[] FROM assay');
CALL hamnet_train_engine('m', 'SELECT smiles, ARRAY[1, 2, 3]::real[] FROM assay');
CALL hamnet_train_engine('m', 'SELECT smiles FROM assay', '{"validation": "scaffold"}');
CALL hamnet_train_engine('m', 'SELECT smiles FROM assay', '{"head": "mlp"}');

-- evaluation
SELECT * FROM hamnet_evaluate('m', 'SELECT smiles, y FROM assay');
SELECT * FROM hamnet_evaluate('hamnet-untrained', 'SELECT smiles, y FROM assay');
SELECT * FROM hamnet_evaluate('hamnet-untrained', 'SELECT smiles FROM assay');
SELECT * FROM hamnet_evaluate('hamnet-properties', 'SELECT smiles, active::int AS bbb_permeable FROM assay');
SELECT * FROM hamnet_evaluate('hamnet-properties', 'SELECT smiles, active AS solubility FROM assay');
SELECT * FROM hamnet_evaluate_engine('m', 'SELECT smiles FROM assay');

-- nothing was begun, and nothing is left
SELECT * FROM hamnet_training_runs();
SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND pid = pg_backend_pid() AND classid = '_hamnet_training'::regclass;
