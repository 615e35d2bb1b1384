-- How many of the 50 nearest neighbours of active molecules are active: prints
-- lines of results/retrieval.csv. models/retrieval.sh calls this, with the variables
--
--     data      folder of the data sets
--     model     whose fingerprints are searched
--     morgan    true: RDKit's Morgan fingerprints too
--     commit    what was measured
--
-- For HIV, and for the target of MUV that has the most actives, 200 of them drawn
-- by the hash of their row, or all where there are fewer, search the molecules
-- that were labelled. The query itself does not count, and equal
-- distances are ordered by row.

\set ON_ERROR_STOP on
\pset format csv
\pset tuples_only on
SET client_min_messages = warning;
\ir datasets.sql

SELECT quote_ident(target) AS muv, target AS muv_name
FROM dataset.muv, LATERAL jsonb_each_text(to_jsonb(muv)) AS label (target, value)
WHERE target LIKE 'MUV-%' AND value = '1' GROUP BY target ORDER BY count(*) DESC, target LIMIT 1 \gset

CREATE TEMP TABLE assayed AS
SELECT 'HIV' AS dataset, row, hiv_active AS active, smiles FROM dataset.hiv WHERE hiv_active IS NOT NULL
UNION ALL
SELECT :'muv_name', row, :muv = 1, smiles FROM dataset.muv WHERE :muv IS NOT NULL;

CREATE TEMP TABLE molecule AS
SELECT dataset, row, active, smiles, fp, active AND row_number() OVER (PARTITION BY dataset, active ORDER BY md5(row::text), row) <= 200 AS query
FROM hamnet_fingerprint_query('SELECT dataset, row, active, smiles FROM assayed', :'model') AS f (dataset text, row int, active boolean, smiles text, fp hfp)
WHERE fp IS NOT NULL;
ANALYZE molecule;

CREATE TEMP VIEW size AS
SELECT dataset, count(*) FILTER (WHERE query) AS queries, 50.0 * (count(*) FILTER (WHERE active) - 1) / (count(*) - 1) AS chance, count(*) AS molecules, count(*) FILTER (WHERE active) AS actives
FROM molecule GROUP BY dataset;

SELECT dataset, :'model', distance, queries, 50, round(found::numeric / queries, 4), round(chance, 4), molecules, actives, id, :'commit', (now() AT TIME ZONE 'UTC')::date
FROM (
	SELECT q.dataset, distance, count(*) FILTER (WHERE neighbour.active) AS found
	FROM molecule AS q, (VALUES ('Euclidean'), ('cosine'), ('Tanimoto')) AS d (distance),
		LATERAL (SELECT m.active FROM molecule AS m WHERE m.dataset = q.dataset AND m.row <> q.row
			ORDER BY CASE distance WHEN 'Euclidean' THEN q.fp <-> m.fp WHEN 'cosine' THEN q.fp <=> m.fp ELSE q.fp <%> m.fp END, m.row LIMIT 50) AS neighbour
	WHERE q.query GROUP BY q.dataset, distance) AS f
JOIN size USING (dataset), hamnet_models() AS h
WHERE h.name = :'model' ORDER BY dataset, distance;

\if :morgan
\setenv COMMIT :commit
\copy (SELECT dataset, row, active::int, query::int, smiles FROM molecule ORDER BY dataset, row) TO PROGRAM '/usr/bin/python3 models/morgan.py "$COMMIT"' WITH (FORMAT csv)
\endif
