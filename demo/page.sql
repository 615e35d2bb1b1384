-- A page to look at, from the database that demo.sql leaves: SQL writes it as
-- HTML with its pictures in it, and nothing is fetched when it is opened.
--
--     psql -f demo/demo.sql -v page=demo.html -f demo/page.sql

\set ON_ERROR_STOP on
\set ECHO none
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;

-- Text as it may stand in HTML
CREATE FUNCTION pg_temp.html(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT replace(replace(replace(replace($1, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;') $$;

-- A share of one as a bar
CREATE FUNCTION pg_temp.bar(share double precision) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT format('<svg xmlns="http://www.w3.org/2000/svg" width="164" height="16" viewBox="0 0 164 16"><rect x="0" y="5" width="160" height="6" rx="3" fill="#e8e8e8"/>'
		'<path d="M80 2 v12" stroke="#bbb"/><circle cx="%s" cy="8" r="5" fill="#0072b2"/></svg>', round(5 + 150 * share::numeric, 1)) $$;

-- What is drawn of QM9's computed quantities means nothing for drugs.
CREATE TEMP TABLE shown AS
SELECT property FROM hamnet_predictions('C')
WHERE property NOT IN ('mu', 'alpha', 'homo', 'lumo', 'gap', 'r2', 'zpve', 'u0', 'u298', 'h298', 'g298', 'cv');

-- The scale of percentiles
CREATE TEMP TABLE scale AS
SELECT p.property, p.value
FROM (SELECT smiles FROM compound WHERE fp IS NOT NULL ORDER BY md5(id::text) LIMIT 300) AS c, LATERAL hamnet_try_predictions(c.smiles) AS p
JOIN shown USING (property);

\o :page

SELECT '<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>hamnet: what SQL can show of molecules</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #f6f6f4; margin: 0 }
main { max-width: 1180px; margin: 0 auto; padding: 24px }
h1 { margin: 8px 0 0 } h2 { margin: 0 0 4px } h3 { margin: 18px 0 4px; font-size: 16px }
section { background: #fff; border-radius: 8px; padding: 20px 24px; margin: 20px 0; box-shadow: 0 1px 3px #0002 }
p { margin: 4px 0 12px; color: #555; max-width: 80ch }
code { font-size: 14px; background: #f1f1ee; padding: 1px 4px; border-radius: 3px }
svg { max-width: 100%; height: auto } td svg { vertical-align: middle }
.row { display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start }
table { border-collapse: collapse; font-size: 14px } th { text-align: left; border-bottom: 2px solid #ccc; padding: 4px 14px 4px 0 }
td { border-bottom: 1px solid #eee; padding: 3px 14px 3px 0 } td.n { text-align: right; font-variant-numeric: tabular-nums } .new { color: #b35c00 }
</style>
</head>
<body>
<main>
<h1>What SQL can show of molecules</h1>';

SELECT format('<p>Made by <code>psql</code> from %s compounds of the NCI, with hamnet %s and RDKit %s. Every picture is the result of a query.</p>',
	to_char((SELECT count(fp) FROM compound), 'FM999,999'), hamnet, rdkit)
FROM hamnet_version();

SELECT '<section>
<h2>The nearest compounds</h2>
<p>Each drug, and the five compounds whose fingerprints are nearest, with their distances.
<code>ORDER BY fp &lt;-&gt; hamnet_fingerprint(smiles) LIMIT 5</code></p>';

SELECT hamnet_svg_grid(array_agg(smiles ORDER BY drug, rank), array_agg(legend ORDER BY drug, rank), '{"columns": 6, "width": 188, "height": 190}')
FROM (SELECT name AS drug, 0 AS rank, smiles, name AS legend FROM drug
	  UNION ALL
	  SELECT drug.name, row_number() OVER (PARTITION BY drug.name ORDER BY near.distance, near.id), near.smiles,
		format(E'%s\nNCI %s', to_char(near.distance, 'FM990.00'), near.id)
	  FROM drug, LATERAL (SELECT id, smiles, fp <-> hamnet_fingerprint(drug.smiles) AS distance
						  FROM compound WHERE fp IS NOT NULL ORDER BY fp <-> hamnet_fingerprint(drug.smiles) LIMIT 5) AS near) AS grid;

SELECT '</section>
<section>
<h2>Ibuprofen: what is predicted</h2>
<p>The dot says where the prediction stands among those of 300 compounds: at the left are the smallest, at the right the largest.
Novelty above 1 warns that nothing like it was learned from. <code>hamnet_predictions(smiles)</code></p>
<div class="row">';

SELECT hamnet_svg(smiles, '{"width": 300, "height": 240, "legend": "ibuprofen", "atom_numbers": true}') FROM drug WHERE name = 'ibuprofen';

SELECT '<table><tr><th>property</th><th>value</th><th>unit</th><th>sd</th><th>novelty</th><th>among others</th></tr>';
SELECT format('<tr><td>%s</td><td class="n">%s</td><td>%s</td><td class="n">%s</td><td class="n%s">%s</td><td>%s</td></tr>', pg_temp.html(p.property),
	to_char(p.value, 'FM9990.00'), pg_temp.html(CASE WHEN p.unit = '' THEN 'probability' ELSE p.unit END), to_char(p.sd, 'FM9990.00'),
	CASE WHEN p.novelty > 1 THEN ' new' ELSE '' END, to_char(p.novelty, 'FM9990.00'),
	pg_temp.bar((SELECT avg((scale.value < p.value)::int) FROM scale WHERE scale.property = p.property)))
FROM drug, LATERAL hamnet_predictions(drug.smiles) AS p JOIN shown USING (property)
WHERE drug.name = 'ibuprofen';
SELECT '</table>
</div>
</section>
<section>
<h2>Why</h2>
<p>Green atoms raise the prediction, purple ones lower it; together they are the difference from methane.
<code>hamnet_svg_explain(smiles, property)</code></p>
<div class="row">';

SELECT hamnet_svg_explain(smiles, property)
FROM drug, unnest(ARRAY['lipophilicity', 'solubility', 'bbb_permeable']) WITH ORDINALITY AS p (property, place)
WHERE name = 'ibuprofen' ORDER BY place;

SELECT '</div>
<h3>What makes two molecules alike</h3>
<p>Caffeine and the compound that is nearest to it without being it. <code>hamnet_svg_similarity(a, b)</code></p>';

SELECT hamnet_svg_similarity(drug.smiles, near.smiles)
FROM drug, LATERAL (SELECT smiles FROM compound WHERE fp IS NOT NULL AND fp <-> hamnet_fingerprint(drug.smiles) > 0.01
					ORDER BY fp <-> hamnet_fingerprint(drug.smiles) LIMIT 1) AS near
WHERE drug.name = 'caffeine';

SELECT '</section>
<section>
<h2>A model of your own</h2>';
SELECT format('<p>Learned from %s measured compounds by one <code>CALL hamnet_train</code>: %s was best of what was tried.</p>', report ->> 'rows',
	pg_temp.html(report ->> 'head'))
FROM hamnet_training_runs() WHERE model = 'my_assay' AND state = 'done' ORDER BY run DESC LIMIT 1;
SELECT hamnet_svg_training(max(run)) FROM hamnet_training_log() WHERE model = 'my_assay' HAVING count(*) > 0;
SELECT '<h3>How far it can be trusted</h3>
<p>Compounds that were kept apart, with intervals that should hold nine of ten; and how often it is right that an activity is above the median.
<code>hamnet_svg_parity(model, query)</code></p>
<div class="row">';
SELECT hamnet_svg_parity('my_assay', 'SELECT smiles, activity FROM assay WHERE id % 10 = 0');
SELECT hamnet_svg_parity('my_class', 'SELECT smiles, active FROM assay_class WHERE id % 10 = 0');
SELECT '</div>
</section>
</main>
</body>
</html>';
\o
