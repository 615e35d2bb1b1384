-- What the fingerprint of the built-in base promises to whoever searches.
BEGIN;
SELECT plan(12);

CREATE TABLE drug (name text, smiles text, fp hfp GENERATED ALWAYS AS (hamnet_fingerprint(smiles)) STORED);
INSERT INTO drug (name, smiles) VALUES
	('diazepam', 'CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21'), ('nordazepam', 'O=C1CN=C(c2ccccc2)c2cc(Cl)ccc2N1'),
	('oxazepam', 'O=C1Nc2ccc(Cl)cc2C(c2ccccc2)=NC1O'), ('alprazolam', 'Cc1nnc2n1-c1ccc(Cl)cc1C(c1ccccc1)=NC2'),
	('midazolam', 'Cc1ncc2n1-c1ccc(Cl)cc1C(c1ccccc1F)=NC2'), ('chlordiazepoxide', 'CNC1=Nc2ccc(Cl)cc2C(c2ccccc2)=[N+]([O-])C1'),
	('aspirin', 'CC(=O)Oc1ccccc1C(=O)O'), ('caffeine', 'Cn1cnc2c1c(=O)n(C)c(=O)n2C'), ('ethyl thiocyanate', 'CCSC#N'), ('ethanol', 'CCO'),
	('methane', 'C'), ('sodium', '[Na+]'), ('potassium', '[K+]'), ('penicillin G', 'CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O');

CREATE TABLE library (smiles text);
\copy library FROM PROGRAM 'cut -f1 /usr/share/RDKit/Data/NCI/first_5K.smi | head -n 500'
CREATE TABLE sample AS
SELECT row_number() OVER (ORDER BY smiles) AS id, hamnet_try_fingerprint(smiles) AS fp FROM (SELECT DISTINCT smiles FROM library) AS l;
DELETE FROM sample WHERE fp IS NULL;
CREATE TABLE pair AS
SELECT a.fp <-> b.fp AS distance, a.fp <=> b.fp AS cosine, hamnet_similarity(a.fp, b.fp) AS similarity FROM sample AS a JOIN sample AS b ON a.id < b.id;

-- one length
SELECT cmp_ok(max(abs(hamnet_norm(fp) - 16)), '<', 1e-3::float8, 'fingerprints of drugs, ions and thiocyanates have the length 16') FROM drug;
SELECT cmp_ok(max(abs(hamnet_norm(fp) - 16)), '<', 1e-3::float8, 'fingerprints of a library have the length 16') FROM sample;
SELECT cmp_ok(max(abs(distance ^ 2 - 512 * cosine)), '<', 0.1::float8, 'Euclidean distance and cosine rank alike') FROM pair;

-- neighbours
SELECT is(count(*) FILTER (WHERE hamnet_similarity(near.fp, diazepam.fp) > 1 / 3.0), 5::bigint, 'five close benzodiazepines are nearer to diazepam than 99 of 100 random pairs are')
	FROM drug AS near, drug AS diazepam
	WHERE diazepam.name = 'diazepam' AND near.name ~ '.(azepam|azolam|azepoxide)$' AND near.name <> 'diazepam';
SELECT is(array_agg(name ORDER BY name), '{alprazolam,nordazepam}', 'nordazepam and alprazolam are nearer to diazepam than drugs of other kinds')
	FROM (SELECT near.name, near.fp <-> diazepam.fp AS distance FROM drug AS near, drug AS diazepam
		WHERE diazepam.name = 'diazepam' AND near.name IN ('nordazepam', 'alprazolam', 'aspirin', 'caffeine', 'penicillin G') ORDER BY 2 LIMIT 2) AS n;
SELECT isnt((SELECT fp FROM drug WHERE name = 'sodium'), (SELECT fp FROM drug WHERE name = 'potassium'), 'metals have fingerprints of their own');

-- the scale
SELECT is(hamnet_similarity(fp, fp), 1::float8, 'a molecule has similarity 1 to itself') FROM drug WHERE name = 'diazepam';
SELECT ok(bool_and(similarity BETWEEN 0 AND 1), 'similarity is between 0 and 1') FROM pair;
SELECT cmp_ok(hamnet_similarity(a.fp, b.fp), '>', 0.5::float8, 'diazepam and nordazepam are more similar than 999 of 1,000 random pairs')
	FROM drug AS a, drug AS b WHERE a.name = 'diazepam' AND b.name = 'nordazepam';
SELECT cmp_ok(hamnet_similarity(a.fp, b.fp), '<', 0.4::float8, 'aspirin and caffeine are not similar') FROM drug AS a, drug AS b WHERE a.name = 'aspirin' AND b.name = 'caffeine';
SELECT ok(bool_and(hamnet_similarity(a.fp, b.fp) = hamnet_similarity(b.fp, a.fp)), 'similarity is symmetric') FROM drug AS a, drug AS b;
SELECT is(provolatile, 'i', 'similarity is immutable') FROM pg_proc WHERE proname = 'hamnet_similarity';

SELECT * FROM finish();
ROLLBACK;
