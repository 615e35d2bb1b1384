-- What the generator of hamnet-base was trained on, as lines of results/base.csv, from the tables
-- and runs that base.sql leaves. In the repository's directory and its database:
--
--     psql -f models/base_report.sql > models/results/base.csv

\set ON_ERROR_STOP on
\set QUIET on
\pset format csv
\set identity `sha256sum models/hamnet-base.safetensors | cut -c1-64`

CREATE TEMP VIEW trained AS
SELECT coalesce(options ->> 'engine', 'true')::boolean AS engine, report, options, extract(epoch FROM finished - started) AS seconds, dim
FROM hamnet_training_runs() AS r JOIN hamnet_models() AS m ON m.name = r.model
WHERE state = 'done' AND r.options ->> 'generator' = 'new';

CREATE TEMP VIEW count AS
SELECT (SELECT count(*) FROM library) AS read, (SELECT count(*) FROM library WHERE length(smiles) > 120) AS long, (SELECT count(*) FROM readable WHERE smiles IS NULL) AS wrong,
	(SELECT count(DISTINCT smiles) FROM readable) AS molecules, (SELECT count(*) FROM molecule) AS kept, (SELECT count(*) FROM reserved) AS reserved;

SELECT key, value, note FROM (
	SELECT 1 AS place, 'identity of hamnet-base' AS key, :'identity' AS value, 'SHA-256 of its file' AS note
	UNION ALL SELECT 2, 'compounds of the library', to_char(read, 'FM999,999,999'), 'rows read, the small ones and a random part of the others' FROM count
	UNION ALL SELECT 3, 'not taken', to_char(long + wrong, 'FM999,999,999'), format('%s are longer than 120 characters, %s are no molecules', long, wrong) FROM count
	UNION ALL SELECT 4, 'distinct molecules', to_char(molecules, 'FM999,999,999'), 'by canonical SMILES' FROM count
	UNION ALL SELECT 5, 'dropped', to_char(molecules - kept, 'FM999,999,999'),
		format('because a split of some data set, QM9 too, validates or tests with them; there are %s such molecules', reserved) FROM count
	UNION ALL SELECT 6 + 2 * (NOT engine)::int, CASE WHEN engine THEN 'learned from' ELSE 'learned from, engine off' END, to_char((report ->> 'train')::int, 'FM999,999,999'),
		format('and %s to validate; %s descriptors of RDKit, %s epochs, %s minutes from its start to its end, with what stopped it in between', report ->> 'validation', (SELECT count(*) FROM descriptor), options ->> 'epochs', round(seconds / 60)) FROM trained
	UNION ALL SELECT 7 + 2 * (NOT engine)::int, CASE WHEN engine THEN 'error of the descriptors' ELSE 'error of the descriptors, engine off' END,
		round((report -> 'candidates' -> 'full' ->> 'validation')::numeric, 4)::text, 'RMSE on validation molecules, in standard deviations' FROM trained
) AS line ORDER BY place;
