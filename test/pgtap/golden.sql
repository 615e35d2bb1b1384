-- Every golden case through SQL: fingerprint, positions, energies, attention,
-- predictions, to the specification's tolerance.
\set golden `cat test/golden/small.json`
\set weights `base64 -w 0 test/golden/small.safetensors`

BEGIN;
SELECT plan(8);

CREATE TABLE golden AS SELECT (:'golden'::jsonb ->> 'sha256') AS id, molecule.*
	FROM jsonb_to_recordset(:'golden'::jsonb -> 'cases') AS molecule(smiles text, atoms int, "order" int[],
		positions jsonb, energies jsonb, attention jsonb, fingerprint jsonb, predictions jsonb);
SELECT is(count(*), 15::bigint, 'there are fifteen golden cases') FROM golden;
-- RDKit from 2025.03 on reads no phosphorus with six bonds that has no charge.
DELETE FROM golden WHERE smiles = 'F[P](F)(F)(F)(F)F' AND hamnet_smiles_error(smiles) IS NOT NULL;
SELECT is(hamnet_load_model('golden', decode(:'weights', 'base64')), (SELECT id FROM golden LIMIT 1),
	'the golden model''s identity is the SHA-256 of its file');

CREATE FUNCTION close(value double precision, expected double precision) RETURNS boolean IMMUTABLE LANGUAGE sql
	RETURN abs(value - expected) <= 1e-4 + 1e-4 * abs(expected);

-- Numbers that are missing on either side compare as NULL, so each test counts.
SELECT is(count(*) FILTER (WHERE close(value, expected)), (SELECT count(*) * 24 FROM golden), 'fingerprints equal the golden ones')
	FROM golden, unnest(hamnet_fingerprint(smiles, 'golden')::real[],
		ARRAY(SELECT e::float8 FROM jsonb_array_elements_text(fingerprint) e)) AS t(value, expected);

-- expected values stand in canonical order, rows of the functions in the order of the SMILES
CREATE VIEW expected_atom AS
	SELECT smiles, "order"[place] + 1 AS atom,
		(positions -> place::int - 1 -> 0)::float8 AS x, (positions -> place::int - 1 -> 1)::float8 AS y,
		(positions -> place::int - 1 -> 2)::float8 AS z, (attention -> place::int - 1)::float8 AS weight
	FROM golden, generate_series(1, atoms) place;
SELECT is(count(*) FILTER (WHERE close(a.x, e.x) AND close(a.y, e.y) AND close(a.z, e.z)),
		(SELECT sum(atoms) FROM golden), 'engine positions equal the golden ones')
	FROM golden g CROSS JOIN hamnet_engine_positions(g.smiles, 'golden') a
		JOIN expected_atom e ON e.smiles = g.smiles AND e.atom = a.atom;
SELECT is(count(*) FILTER (WHERE close(a.weight, e.weight)), (SELECT sum(atoms) FROM golden), 'atom weights equal the golden attention')
	FROM golden g CROSS JOIN hamnet_atom_weights(g.smiles, 'golden') a
		JOIN expected_atom e ON e.smiles = g.smiles AND e.atom = a.atom;
SELECT is(count(*) FILTER (WHERE close(kinetic, (energies -> step -> 0)::float8)
		AND close(potential, (energies -> step -> 1)::float8)
		AND close(dissipated, (energies -> step -> 2)::float8)),
		(SELECT sum(jsonb_array_length(energies)) FROM golden), 'energies equal the golden ones')
	FROM golden, hamnet_trajectory(smiles, 'golden');
SELECT is(count(*) FILTER (WHERE close(value, (predictions -> property)::float8)), (SELECT count(*) * 3 FROM golden),
		'predictions equal the golden ones')
	FROM golden, hamnet_predictions(smiles, 'golden');
SELECT is(count(*) FILTER (WHERE close(hamnet_predict(smiles, p.key, 'golden'), p.value::float8)),
		(SELECT count(*) * 3 FROM golden), 'single predictions equal the golden ones')
	FROM golden, jsonb_each(predictions) p;

SELECT * FROM finish();
ROLLBACK;
