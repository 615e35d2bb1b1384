-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION hamnet UPDATE TO '0.3.0'" to load this file. \quit

---------------------------------------------------------------------------
-- Fingerprints from arrays of other integers
---------------------------------------------------------------------------

CREATE FUNCTION hfp_from_array(smallint[], integer, boolean) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 120;
COMMENT ON FUNCTION hfp_from_array(smallint[], integer, boolean) IS
	'convert smallint[] to a fingerprint of unknown model';

CREATE FUNCTION hfp_from_array(bigint[], integer, boolean) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 120;
COMMENT ON FUNCTION hfp_from_array(bigint[], integer, boolean) IS
	'convert bigint[] to a fingerprint of unknown model';

CREATE CAST (smallint[] AS hfp)
	WITH FUNCTION hfp_from_array(smallint[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (smallint[] AS hfp) IS
	'fingerprint of unknown model';

CREATE CAST (bigint[] AS hfp)
	WITH FUNCTION hfp_from_array(bigint[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (bigint[] AS hfp) IS
	'fingerprint of unknown model';

---------------------------------------------------------------------------
-- Names of columns: place, part, kernels
---------------------------------------------------------------------------

DROP FUNCTION hamnet_enrich_report(regclass, name, name);
DROP FUNCTION hamnet_training_log();
DROP FUNCTION hamnet_version();

CREATE FUNCTION hamnet_version(OUT hamnet text, OUT rdkit text, OUT blas text, OUT simd text) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamnet_version() IS 'versions of hamnet, RDKit and BLAS, and the instruction set chosen on this machine';

CREATE FUNCTION hamnet_enrich_report("table" regclass, smiles_column name, fp_column name,
	OUT relation regclass, OUT ctid tid, OUT smiles text, OUT reason text) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 100;
COMMENT ON FUNCTION hamnet_enrich_report(regclass, name, name) IS
	'rows that have a SMILES but no fingerprint, and what is wrong with the SMILES; no reason where it was not tried yet';

CREATE FUNCTION hamnet_training_log(OUT run bigint, OUT model text, OUT network text, OUT member int, OUT epoch int,
	OUT epochs int, OUT loss double precision, OUT metric text, OUT value double precision,
	OUT learning_rate double precision, OUT molecules_per_second double precision, OUT estimated_end timestamptz,
	OUT logged timestamptz) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000 ROWS 100;
COMMENT ON FUNCTION hamnet_training_log() IS 'epochs of training runs, also of those at work now';

COMMENT ON COLUMN _hamnet_training.state IS 'running, done, or abandoned for another run, which was "given up" before 0.3.0; a run that nobody works on any more was interrupted';
COMMENT ON COLUMN _hamnet_training_epoch.part IS 'network that is trained';
COMMENT ON COLUMN _hamnet_checkpoint.part IS 'number of the checkpoint in its run';

---------------------------------------------------------------------------
-- Molecules
---------------------------------------------------------------------------

-- Stable, not immutable: results depend on RDKit's version. A lenient form
-- returns NULL, or no row, where hamnet_smiles_error has a reason.

CREATE FUNCTION hamnet_try_smiles(smiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION hamnet_try_smiles(text) IS
	'the SMILES itself, NULL where it cannot be used (see hamnet_smiles_error): makes any function that it is given to lenient';

CREATE FUNCTION hamnet_canonical_smiles(smiles text, atom_maps boolean) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION hamnet_canonical_smiles(text, boolean) IS
	'RDKit''s canonical isomeric SMILES, with the atom-map numbers of a reaction or without; may change with RDKit''s version';

CREATE FUNCTION hamnet_from_cxsmiles(cxsmiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION hamnet_from_cxsmiles(text) IS
	'the SMILES in front of a CXSMILES extension or a name; the rest is dropped';

CREATE FUNCTION hamnet_try_predict(smiles text, property text) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION hamnet_try_predict(text, text) IS
	'a property of a molecule, as hamnet_predict gives it; NULL where the molecule has none';

CREATE FUNCTION hamnet_try_predict(smiles text, property text, model text) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION hamnet_try_predict(text, text, text) IS
	'a property of a molecule by a named model, as hamnet_predict gives it; NULL where the molecule has none';

CREATE FUNCTION hamnet_try_predictions(smiles text, OUT property text, OUT value double precision, OUT unit text,
	OUT sd double precision, OUT novelty double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000 ROWS 10;
COMMENT ON FUNCTION hamnet_try_predictions(text) IS
	'every property that the built-in models predict; no row where the molecule has none';

CREATE FUNCTION hamnet_try_predictions(smiles text, model text, OUT property text, OUT value double precision, OUT unit text,
	OUT sd double precision, OUT novelty double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000 ROWS 10;
COMMENT ON FUNCTION hamnet_try_predictions(text, text) IS
	'every property that a named model predicts; no row where the molecule has none';

CREATE FUNCTION hamnet_try_embed(smiles text, seed int DEFAULT 0) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION hamnet_try_embed(text, int) IS
	'a conformation as hamnet_embed makes it; NULL where the molecule has none';

CREATE FUNCTION hamnet_try_descriptors(smiles text, OUT name text, OUT value double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000 ROWS 205;
COMMENT ON FUNCTION hamnet_try_descriptors(text) IS
	'RDKit''s two-dimensional descriptors, NULL where a molecule has no value; no row where it is no usable molecule';

-- one form of a molecule

CREATE FUNCTION hamnet_standardize(smiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20000;
COMMENT ON FUNCTION hamnet_standardize(text) IS
	'a molecule cleaned up by RDKit: metals disconnected, functional groups normalised, the strongest acids ionised';

CREATE FUNCTION hamnet_parent(smiles text, isotopes boolean DEFAULT true, stereo boolean DEFAULT true) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 40000;
COMMENT ON FUNCTION hamnet_parent(text, boolean, boolean) IS
	'the largest organic fragment of a molecule, uncharged and cleaned up, with its isotopes and stereochemistry or without';

CREATE FUNCTION hamnet_tautomer(smiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION hamnet_tautomer(text) IS
	'RDKit''s canonical tautomer of a molecule';

CREATE FUNCTION hamnet_fingerprint_query(query text, model text, standardize text) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION hamnet_fingerprint_query(text, text, text) IS
	'the rows of a query, whose column smiles is read, with a fingerprint by a named model of the molecule as it is (none), cleaned up (clean) or of its parent (parent)';

CREATE FUNCTION hamnet_try_standardize(smiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20000;
COMMENT ON FUNCTION hamnet_try_standardize(text) IS
	'a molecule cleaned up as by hamnet_standardize; NULL where that fails';

CREATE FUNCTION hamnet_try_parent(smiles text, isotopes boolean DEFAULT true, stereo boolean DEFAULT true) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 40000;
COMMENT ON FUNCTION hamnet_try_parent(text, boolean, boolean) IS
	'the parent of a molecule as hamnet_parent gives it; NULL where it has none';

CREATE FUNCTION hamnet_try_tautomer(smiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION hamnet_try_tautomer(text) IS
	'the canonical tautomer of a molecule; NULL where it has none';

-- substructures and single descriptors

CREATE FUNCTION hamnet_has_substructure(smiles text, smarts text) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION hamnet_has_substructure(text, text) IS
	'whether a molecule has a substructure, given in SMARTS';

CREATE FUNCTION hamnet_count_substructure(smiles text, smarts text) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION hamnet_count_substructure(text, text) IS
	'how many different sets of atoms of a molecule match a substructure, given in SMARTS';

CREATE FUNCTION hamnet_descriptor(smiles text, name text) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 8000;
COMMENT ON FUNCTION hamnet_descriptor(text, text) IS
	'one of RDKit''s two-dimensional descriptors, as hamnet_descriptors names it; NULL where a molecule has no value';

-- other formats

CREATE FUNCTION hamnet_from_molblock(molblock text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION hamnet_from_molblock(text) IS
	'the canonical SMILES of a MOL block (V2000 or V3000)';

CREATE FUNCTION hamnet_molblock(smiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20000;
COMMENT ON FUNCTION hamnet_molblock(text) IS
	'a MOL block with two-dimensional coordinates, atoms in the order of the SMILES';

CREATE FUNCTION hamnet_inchi(smiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20000;
COMMENT ON FUNCTION hamnet_inchi(text) IS
	'the standard InChI of a molecule';

CREATE FUNCTION hamnet_inchikey(smiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20000;
COMMENT ON FUNCTION hamnet_inchikey(text) IS
	'the standard InChIKey of a molecule: 27 letters';

CREATE FUNCTION hamnet_read_sdf(sdf text, OUT record int, OUT smiles text, OUT molblock text, OUT properties jsonb, OUT problem text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 1000;
COMMENT ON FUNCTION hamnet_read_sdf(text) IS
	'the records of an SD file: canonical SMILES, MOL block and properties; a record that holds no usable molecule has a problem instead of a SMILES';

CREATE FUNCTION hamnet_scaffold(smiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION hamnet_scaffold(text) IS
	'Murcko scaffold of a molecule, its rings and what links them, as SMILES without stereochemistry; empty without rings';

CREATE FUNCTION hamnet_split(smiles text, kind text DEFAULT 'random', seed int DEFAULT 0) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION hamnet_split(text, text, int) IS
	'a number from 0 to 1, 1 excluded, to divide rows by: the same for every spelling of a molecule, or for all molecules of one scaffold';

CREATE FUNCTION hamnet_formula(smiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION hamnet_formula(text) IS
	'molecular formula, carbon and hydrogen first, with the charge';

---------------------------------------------------------------------------
-- Pictures
---------------------------------------------------------------------------

-- Stable, not immutable: what RDKit draws depends on its version.

CREATE FUNCTION hamnet_svg(smiles text, options jsonb DEFAULT '{}') RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION hamnet_svg(text, jsonb) IS
	'a drawing of the molecule as an SVG element; options are width, height, bond_width, atom_numbers, smarts, legend, atoms, weights, largest_weight';

CREATE FUNCTION hamnet_svg_grid(smiles text[], legends text[] DEFAULT '{}', options jsonb DEFAULT '{}') RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500000;
COMMENT ON FUNCTION hamnet_svg_grid(text[], text[], jsonb) IS
	'drawings of molecules side by side as one SVG element; options are those of hamnet_svg that fit all molecules, and columns';

---------------------------------------------------------------------------
-- Conformers
---------------------------------------------------------------------------

-- What hamnet_conformer returned is hamnet_engine_positions now: a view on it has to say which of the two it means.
DROP FUNCTION hamnet_conformer(text);
DROP FUNCTION hamnet_conformer(text, text);

CREATE FUNCTION hamnet_engine_positions(smiles text, model text, OUT atom int, OUT element text,
	OUT x double precision, OUT y double precision, OUT z double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20000 ROWS 30;
COMMENT ON FUNCTION hamnet_engine_positions(text, text) IS 'where the Hamiltonian Engine of a named model leaves the atoms, in angstrom, atoms counted from 1 as in the SMILES';

CREATE FUNCTION hamnet_engine_positions(smiles text, OUT atom int, OUT element text,
	OUT x double precision, OUT y double precision, OUT z double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000 ROWS 30;
COMMENT ON FUNCTION hamnet_engine_positions(text) IS 'where the Hamiltonian Engine leaves the atoms, in angstrom: what the network reads, no usable structure; atoms counted from 1 as in the SMILES';

CREATE FUNCTION hamnet_conformer(smiles text, OUT atom int, OUT element text,
	OUT x double precision, OUT y double precision, OUT z double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000000 ROWS 30;
COMMENT ON FUNCTION hamnet_conformer(text) IS 'the conformer of lowest energy that hamnet_conformers finds: positions of the atoms in angstrom, atoms counted from 1 as in the SMILES';

CREATE FUNCTION hamnet_conformers(smiles text, n int DEFAULT 10, options jsonb DEFAULT '{}',
	OUT conformer int, OUT energy double precision, OUT weight double precision, OUT molblock text) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000000 ROWS 10;
COMMENT ON FUNCTION hamnet_conformers(text, int, jsonb) IS 'at most n conformers of a molecule by RDKit (ETKDG, MMFF94 or UFF), checked, by energy in kcal/mol, as MOL blocks with hydrogens';

CREATE FUNCTION hamnet_try_conformers(smiles text, n int DEFAULT 10, options jsonb DEFAULT '{}',
	OUT conformer int, OUT energy double precision, OUT weight double precision, OUT molblock text) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000000 ROWS 10;
COMMENT ON FUNCTION hamnet_try_conformers(text, int, jsonb) IS 'at most n conformers of a molecule, or no row for a molecule that has none';

CREATE FUNCTION hamnet_rmsd(a text, b text) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20000;
COMMENT ON FUNCTION hamnet_rmsd(text, text) IS 'root mean square distance in angstrom of the heavy atoms of two MOL blocks of one molecule, over the best rotation and the molecule''s symmetries';

CREATE FUNCTION hamnet_shape(molblock text) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION hamnet_shape(text) IS 'shape of a conformation: USRCAT of its heavy atoms, 60 scaled numbers, for search by <-> among shapes';

CREATE FUNCTION hamnet_try_shape(molblock text) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION hamnet_try_shape(text) IS 'shape of a conformation, or NULL where a MOL block has none';

CREATE FUNCTION hamnet_geometry_descriptors(molblock text, OUT name text, OUT value double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000 ROWS 11;
COMMENT ON FUNCTION hamnet_geometry_descriptors(text) IS 'surface, solvation and shape of a conformation as numbers, NULL where a force field has no charges';

CREATE FUNCTION hamnet_polar_surface(smiles text, epsilon double precision DEFAULT 78.5) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000000;
COMMENT ON FUNCTION hamnet_polar_surface(text, double precision) IS 'mean polar surface of a molecule''s conformers in square angstrom, weighed as in a solvent of this dielectric constant';

CREATE FUNCTION hamnet_svg_explain(smiles text, property text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000000;
COMMENT ON FUNCTION hamnet_svg_explain(text, text) IS
	'a drawing whose colours say which atoms raise and lower a predicted property; see hamnet_explain';

CREATE FUNCTION hamnet_svg_explain(smiles text, property text, model text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000000;
COMMENT ON FUNCTION hamnet_svg_explain(text, text, text) IS
	'a drawing whose colours say which atoms raise and lower what a named model predicts';

CREATE FUNCTION hamnet_svg_similarity(a text, b text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000000;
COMMENT ON FUNCTION hamnet_svg_similarity(text, text) IS
	'a drawing of two molecules whose colours say which atoms make their fingerprints alike';

CREATE FUNCTION hamnet_svg_similarity(a text, b text, model text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000000;
COMMENT ON FUNCTION hamnet_svg_similarity(text, text, text) IS
	'a drawing of two molecules whose colours say which atoms make their fingerprints by a named model alike';

CREATE FUNCTION hamnet_svg_training(run bigint) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION hamnet_svg_training(bigint) IS
	'charts of loss and metric by epoch of one of the caller''s training runs';

CREATE FUNCTION hamnet_svg_parity(model text, query text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION hamnet_svg_parity(text, text) IS
	'charts of predicted against measured for each column of a query, with intervals; of classes, how often a probability comes true';

---------------------------------------------------------------------------
-- Explanations
---------------------------------------------------------------------------

CREATE FUNCTION hamnet_explain(smiles text, property text, OUT atom int, OUT element text, OUT contribution double precision,
	OUT unit text, OUT baseline double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000000 ROWS 30;
COMMENT ON FUNCTION hamnet_explain(text, text) IS
	'what each atom contributes to a predicted property: contributions add up to its difference from the baseline, the prediction for methane';

CREATE FUNCTION hamnet_explain(smiles text, property text, model text, OUT atom int, OUT element text, OUT contribution double precision,
	OUT unit text, OUT baseline double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000000 ROWS 30;
COMMENT ON FUNCTION hamnet_explain(text, text, text) IS
	'what each atom contributes to a property that a named model predicts';

-- It never was what it was said to be.
COMMENT ON FUNCTION hamnet_atom_weights(text) IS 'attention that the last read-out round pays each atom, in sum 1; it explains no prediction, see hamnet_explain';
COMMENT ON FUNCTION hamnet_atom_weights(text, text) IS 'attention that the last read-out round of a named model pays each atom, in sum 1';

---------------------------------------------------------------------------
-- Filter columns of hamnet indexes
---------------------------------------------------------------------------

-- Strategies are those of btree. Function 2 is its comparison, by which the
-- access method knows how to store a value.

CREATE OPERATOR FAMILY integer_ops USING hamnet;
COMMENT ON OPERATOR FAMILY integer_ops USING hamnet IS
	'filter by integers';

CREATE OPERATOR CLASS int2_ops
	DEFAULT FOR TYPE smallint USING hamnet FAMILY integer_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 2 pg_catalog.btint2cmp(smallint, smallint);
COMMENT ON OPERATOR CLASS int2_ops USING hamnet IS
	'filter by integers';

CREATE OPERATOR CLASS int4_ops
	DEFAULT FOR TYPE integer USING hamnet FAMILY integer_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 2 pg_catalog.btint4cmp(integer, integer);
COMMENT ON OPERATOR CLASS int4_ops USING hamnet IS
	'filter by integers';

CREATE OPERATOR CLASS int8_ops
	DEFAULT FOR TYPE bigint USING hamnet FAMILY integer_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 2 pg_catalog.btint8cmp(bigint, bigint);
COMMENT ON OPERATOR CLASS int8_ops USING hamnet IS
	'filter by integers';

ALTER OPERATOR FAMILY integer_ops USING hamnet ADD
	OPERATOR 1 pg_catalog.< (smallint, integer),
	OPERATOR 2 pg_catalog.<= (smallint, integer),
	OPERATOR 3 pg_catalog.= (smallint, integer),
	OPERATOR 4 pg_catalog.>= (smallint, integer),
	OPERATOR 5 pg_catalog.> (smallint, integer),
	OPERATOR 1 pg_catalog.< (smallint, bigint),
	OPERATOR 2 pg_catalog.<= (smallint, bigint),
	OPERATOR 3 pg_catalog.= (smallint, bigint),
	OPERATOR 4 pg_catalog.>= (smallint, bigint),
	OPERATOR 5 pg_catalog.> (smallint, bigint),
	OPERATOR 1 pg_catalog.< (integer, smallint),
	OPERATOR 2 pg_catalog.<= (integer, smallint),
	OPERATOR 3 pg_catalog.= (integer, smallint),
	OPERATOR 4 pg_catalog.>= (integer, smallint),
	OPERATOR 5 pg_catalog.> (integer, smallint),
	OPERATOR 1 pg_catalog.< (integer, bigint),
	OPERATOR 2 pg_catalog.<= (integer, bigint),
	OPERATOR 3 pg_catalog.= (integer, bigint),
	OPERATOR 4 pg_catalog.>= (integer, bigint),
	OPERATOR 5 pg_catalog.> (integer, bigint),
	OPERATOR 1 pg_catalog.< (bigint, smallint),
	OPERATOR 2 pg_catalog.<= (bigint, smallint),
	OPERATOR 3 pg_catalog.= (bigint, smallint),
	OPERATOR 4 pg_catalog.>= (bigint, smallint),
	OPERATOR 5 pg_catalog.> (bigint, smallint),
	OPERATOR 1 pg_catalog.< (bigint, integer),
	OPERATOR 2 pg_catalog.<= (bigint, integer),
	OPERATOR 3 pg_catalog.= (bigint, integer),
	OPERATOR 4 pg_catalog.>= (bigint, integer),
	OPERATOR 5 pg_catalog.> (bigint, integer);

CREATE OPERATOR FAMILY float_ops USING hamnet;
COMMENT ON OPERATOR FAMILY float_ops USING hamnet IS
	'filter by floating-point numbers';

CREATE OPERATOR CLASS float4_ops
	DEFAULT FOR TYPE real USING hamnet FAMILY float_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 2 pg_catalog.btfloat4cmp(real, real);
COMMENT ON OPERATOR CLASS float4_ops USING hamnet IS
	'filter by floating-point numbers';

CREATE OPERATOR CLASS float8_ops
	DEFAULT FOR TYPE double precision USING hamnet FAMILY float_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 2 pg_catalog.btfloat8cmp(double precision, double precision);
COMMENT ON OPERATOR CLASS float8_ops USING hamnet IS
	'filter by floating-point numbers';

ALTER OPERATOR FAMILY float_ops USING hamnet ADD
	OPERATOR 1 pg_catalog.< (real, double precision),
	OPERATOR 2 pg_catalog.<= (real, double precision),
	OPERATOR 3 pg_catalog.= (real, double precision),
	OPERATOR 4 pg_catalog.>= (real, double precision),
	OPERATOR 5 pg_catalog.> (real, double precision),
	OPERATOR 1 pg_catalog.< (double precision, real),
	OPERATOR 2 pg_catalog.<= (double precision, real),
	OPERATOR 3 pg_catalog.= (double precision, real),
	OPERATOR 4 pg_catalog.>= (double precision, real),
	OPERATOR 5 pg_catalog.> (double precision, real);

CREATE OPERATOR FAMILY oid_ops USING hamnet;
COMMENT ON OPERATOR FAMILY oid_ops USING hamnet IS
	'filter by object identifiers';

CREATE OPERATOR CLASS oid_ops
	DEFAULT FOR TYPE oid USING hamnet FAMILY oid_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 2 pg_catalog.btoidcmp(oid, oid);
COMMENT ON OPERATOR CLASS oid_ops USING hamnet IS
	'filter by object identifiers';

CREATE OPERATOR FAMILY date_ops USING hamnet;
COMMENT ON OPERATOR FAMILY date_ops USING hamnet IS
	'filter by dates';

CREATE OPERATOR CLASS date_ops
	DEFAULT FOR TYPE date USING hamnet FAMILY date_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 2 pg_catalog.date_cmp(date, date);
COMMENT ON OPERATOR CLASS date_ops USING hamnet IS
	'filter by dates';

CREATE OPERATOR FAMILY timestamp_ops USING hamnet;
COMMENT ON OPERATOR FAMILY timestamp_ops USING hamnet IS
	'filter by timestamps';

CREATE OPERATOR CLASS timestamp_ops
	DEFAULT FOR TYPE timestamp USING hamnet FAMILY timestamp_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 2 pg_catalog.timestamp_cmp(timestamp, timestamp);
COMMENT ON OPERATOR CLASS timestamp_ops USING hamnet IS
	'filter by timestamps';

CREATE OPERATOR FAMILY timestamptz_ops USING hamnet;
COMMENT ON OPERATOR FAMILY timestamptz_ops USING hamnet IS
	'filter by timestamps with time zone';

CREATE OPERATOR CLASS timestamptz_ops
	DEFAULT FOR TYPE timestamptz USING hamnet FAMILY timestamptz_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 2 pg_catalog.timestamptz_cmp(timestamptz, timestamptz);
COMMENT ON OPERATOR CLASS timestamptz_ops USING hamnet IS
	'filter by timestamps with time zone';

CREATE OPERATOR FAMILY bool_ops USING hamnet;
COMMENT ON OPERATOR FAMILY bool_ops USING hamnet IS
	'filter by truth values';

CREATE OPERATOR CLASS bool_ops
	DEFAULT FOR TYPE boolean USING hamnet FAMILY bool_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 2 pg_catalog.btboolcmp(boolean, boolean);
COMMENT ON OPERATOR CLASS bool_ops USING hamnet IS
	'filter by truth values';

CREATE OPERATOR FAMILY uuid_ops USING hamnet;
COMMENT ON OPERATOR FAMILY uuid_ops USING hamnet IS
	'filter by UUIDs';

CREATE OPERATOR CLASS uuid_ops
	DEFAULT FOR TYPE uuid USING hamnet FAMILY uuid_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 2 pg_catalog.uuid_cmp(uuid, uuid);
COMMENT ON OPERATOR CLASS uuid_ops USING hamnet IS
	'filter by UUIDs';

---------------------------------------------------------------------------
-- hamnet indexes
---------------------------------------------------------------------------

DROP FUNCTION hamnet_index_stats(regclass);
CREATE FUNCTION hamnet_index_stats(index regclass, OUT version int, OUT metric text, OUT dim int, OUT model text,
	OUT coordinates int, OUT row_count bigint, OUT null_rows bigint, OUT uncoded_rows bigint, OUT bytes bigint,
	OUT fill double precision, OUT ordered double precision, OUT median_error double precision, OUT built_height double precision,
	OUT median_height double precision, OUT candidates double precision, OUT advice text) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION hamnet_index_stats(regclass) IS
	'what a hamnet index holds, how tight its bounds are, and whether to rebuild it';

CREATE FUNCTION hamnet_last_search(OUT index regclass, OUT pages bigint, OUT rows_coded bigint, OUT rows_looked_up bigint,
	OUT passes int, OUT milliseconds double precision) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION hamnet_last_search() IS
	'what the last search in a hamnet index did, in this session';

-- Indexes of 0.2.0 are of another format.
DO $$
DECLARE
	index pg_catalog.regclass;
BEGIN
	FOR index IN
		SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am a ON a.oid OPERATOR(pg_catalog.=) c.relam
		WHERE a.amname OPERATOR(pg_catalog.=) 'hamnet' AND c.relkind OPERATOR(pg_catalog.=) 'i'
	LOOP
		RAISE WARNING 'index % has the format of hamnet 0.2.0 and cannot be used', index
			USING HINT := pg_catalog.format('REINDEX INDEX %s;', index);
	END LOOP;
END
$$;

---------------------------------------------------------------------------
-- Similarity
---------------------------------------------------------------------------

CREATE FUNCTION hamnet_calibrate(name text, model text, smiles text[], replace boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION hamnet_calibrate(text, text, text[], boolean) IS
	'store a model with the scale of similarity that pairs of these molecules define; returns its identity (SHA-256)';

CREATE FUNCTION hamnet_similarity(a hfp, b hfp) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION hamnet_similarity(hfp, hfp) IS
	'similarity of two fingerprints, 0 to 1, on the scale of their model: 0.5 is nearer than 999 of 1,000 random pairs of molecules';

---------------------------------------------------------------------------
-- Cross-validation
---------------------------------------------------------------------------

CREATE TABLE _hamnet_training_prediction (
	run bigint NOT NULL,
	target text COLLATE "C" NOT NULL,
	fold int NOT NULL,
	smiles text COLLATE "C" NOT NULL,
	label double precision NOT NULL,
	value double precision NOT NULL,
	sd double precision
);
CREATE INDEX _hamnet_training_prediction_run ON _hamnet_training_prediction (run);
REVOKE ALL ON _hamnet_training_prediction FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('_hamnet_training_prediction', '');

COMMENT ON TABLE _hamnet_training_prediction IS 'predictions of training runs with folds, for rows that the model of a fold had not learned from';
COMMENT ON COLUMN _hamnet_training_prediction.label IS 'what the query returned; 1 and 0 for a class';

CREATE FUNCTION hamnet_training_predictions(run bigint, OUT smiles text, OUT target text, OUT fold int,
	OUT label double precision, OUT value double precision, OUT sd double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000 ROWS 1000;
COMMENT ON FUNCTION hamnet_training_predictions(bigint) IS
	'what a training run of the caller with folds predicted for each row by a model that had not learned from it';

---------------------------------------------------------------------------
-- What keeps results of an earlier version
---------------------------------------------------------------------------

CREATE FUNCTION hamnet_upgrade_report(OUT kind text, OUT object text, OUT command text) RETURNS SETOF record
	LANGUAGE sql STABLE PARALLEL SAFE COST 100000 ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
WITH RECURSIVE
-- Functions that compute from molecules, and what calls them: functions, operators and views. Of a function whose body is
-- a string the server knows no dependencies, so its text is searched for calls.
changed (classid, objid) AS (
	SELECT d.classid, d.objid
	FROM pg_extension e
	JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_proc'::regclass
	JOIN pg_proc p ON p.oid = d.objid
	WHERE e.extname = 'hamnet' AND p.proargnames && '{smiles,molblock,query}'
	UNION
	SELECT n.classid, n.objid
	FROM changed c CROSS JOIN LATERAL (
		SELECT d.classid, d.objid FROM pg_depend d
		WHERE d.refclassid = c.classid AND d.refobjid = c.objid
			AND d.classid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_rewrite'::regclass)
		UNION ALL
		SELECT 'pg_class'::regclass, v.oid FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class
		WHERE c.classid = 'pg_rewrite'::regclass AND r.oid = c.objid AND v.relkind IN ('v', 'm')
		UNION ALL
		SELECT 'pg_proc'::regclass, p.oid FROM pg_proc called JOIN pg_proc p
			ON p.prosrc ~* ('\m' || regexp_replace(called.proname, '(\W)', '\\\1', 'g') || '"?\s*\(')
		JOIN pg_language l ON l.oid = p.prolang
		WHERE c.classid = 'pg_proc'::regclass AND called.oid = c.objid AND p.oid >= 16384 AND l.lanname NOT IN ('c', 'internal')
	) n
),
dependent AS (
	SELECT DISTINCT d.classid, d.objid
	FROM changed c JOIN pg_depend d ON d.refclassid = c.classid AND d.refobjid = c.objid
),
relation AS (
	SELECT c.oid, c.relkind, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname) AS name
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE NOT pg_is_other_temp_schema(n.oid)
),
result (step, kind, object, command) AS (
	-- Rows that move to the partition of their key
	SELECT 1, 'partition key', r.name,
		(SELECT format('UPDATE %s SET %2$I = %2$I;', r.name, a.attname) FROM pg_depend k JOIN pg_attribute a ON a.attrelid = k.objid AND a.attnum = k.objsubid
			WHERE k.classid = 'pg_class'::regclass AND k.objid = r.oid AND k.objsubid > 0
				AND k.refclassid = 'pg_class'::regclass AND k.refobjid = r.oid AND k.refobjsubid = 0 ORDER BY a.attnum LIMIT 1)
	FROM dependent d JOIN relation r ON r.oid = d.objid
	WHERE d.classid = 'pg_class'::regclass AND r.relkind = 'p'
	UNION ALL
	-- An update computes a generated column anew if it names a column that this is computed from.
	SELECT 2, 'generated column', format('%s.%I', r.name, a.attname),
		coalesce(
			(SELECT format('UPDATE %s SET %2$I = %2$I;', r.name, s.attname) FROM pg_depend k JOIN pg_attribute s ON s.attrelid = k.refobjid AND s.attnum = k.refobjsubid
				WHERE k.classid = 'pg_attrdef'::regclass AND k.objid = f.oid AND k.refclassid = 'pg_class'::regclass AND k.refobjid = r.oid
					AND k.refobjsubid NOT IN (0, a.attnum) ORDER BY s.attnum LIMIT 1),
			format('ALTER TABLE %s DROP COLUMN %2$I, ADD COLUMN %2$I %3$s GENERATED ALWAYS AS (%4$s) STORED;',
				r.name, a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(f.adbin, r.oid)))
	FROM dependent d JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
	JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
	JOIN relation r ON r.oid = f.adrelid
	WHERE a.attgenerated = 's' AND a.attinhcount = 0
	UNION ALL
	SELECT 3, 'materialized view', r.name, format('REFRESH MATERIALIZED VIEW %s;', r.name)
	FROM changed d JOIN relation r ON r.oid = d.objid
	WHERE d.classid = 'pg_class'::regclass AND r.relkind = 'm'
	UNION ALL
	SELECT 4, CASE WHEN i.indisexclusion THEN 'exclusion constraint' WHEN i.indisunique THEN 'unique index' ELSE 'index' END, r.name,
		format('REINDEX INDEX %s;', r.name)
	FROM dependent d JOIN relation r ON r.oid = d.objid
	JOIN pg_index i ON i.indexrelid = r.oid
	WHERE d.classid = 'pg_class'::regclass AND r.relkind = 'i'
	UNION ALL
	SELECT 5, 'check constraint', format('%I of %s', k.conname, r.name),
		format('ALTER TABLE %s DROP CONSTRAINT %2$I, ADD CONSTRAINT %2$I %3$s;', r.name, k.conname, pg_get_constraintdef(k.oid))
	FROM dependent d JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
	JOIN relation r ON r.oid = k.conrelid
	WHERE k.contype = 'c' AND k.convalidated AND k.coninhcount = 0 AND r.relkind IN ('r', 'p')
	UNION ALL
	SELECT 6, 'domain constraint', format('%I of %I.%I', k.conname, n.nspname, t.typname),
		format('ALTER DOMAIN %1$I.%2$I DROP CONSTRAINT %3$I; ALTER DOMAIN %1$I.%2$I ADD CONSTRAINT %3$I %4$s;', n.nspname, t.typname, k.conname, pg_get_constraintdef(k.oid))
	FROM dependent d JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
	JOIN pg_type t ON t.oid = k.contypid
	JOIN pg_namespace n ON n.oid = t.typnamespace
	WHERE k.convalidated
)
SELECT kind, object, command FROM result ORDER BY step, object COLLATE "C"
$$;
COMMENT ON FUNCTION hamnet_upgrade_report() IS
	'indexes, constraints, generated columns, partition keys and materialized views that keep results of hamnet''s functions, each with the command that computes them anew';

DO $$
DECLARE
	kept record;
BEGIN
	FOR kept IN SELECT kind, object, command FROM hamnet_upgrade_report()
	LOOP
		RAISE WARNING '% % holds results of an earlier version of hamnet', kept.kind, kept.object
			USING HINT := kept.command;
	END LOOP;
END
$$;

---------------------------------------------------------------------------
-- More than one server
---------------------------------------------------------------------------

CREATE FUNCTION hamnet_search("table" regclass, fp_column name, query hfp, k int, filter text DEFAULT NULL, operator text DEFAULT '<->',
	columns name[] DEFAULT NULL, OUT relation regclass, OUT ctid tid, OUT distance double precision, OUT "row" jsonb) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 10;
COMMENT ON FUNCTION hamnet_search(regclass, name, hfp, int, text, text, name[]) IS
	'the k nearest rows of a table whose partitions, foreign ones too, are all asked at once';

CREATE FUNCTION hamnet_export_model(name text) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION hamnet_export_model(text) IS
	'the file of a model, as hamnet_load_model takes it';

CREATE FUNCTION hamnet_load_axes(content bytea) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION hamnet_load_axes(bytea) IS
	'store axes that another server fitted, column content of _hamnet_axes there; returns their name, which is made from their content';

CREATE FUNCTION hamnet_node(OUT hamnet text, OUT rdkit text, OUT blas text, OUT simd text, OUT models text, OUT axes text,
	OUT results text) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION hamnet_node() IS
	'what this server computes with: versions, and digests of the models and axes there are and of results; servers that agree in results compute the same bits';

CREATE FUNCTION hamnet_predict_pinned(smiles text, property text, model_id text) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION hamnet_predict_pinned(text, text, text) IS
	'a property of a molecule by the model with this identity (SHA-256)';

CREATE FUNCTION hamnet_predict_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamnet_predict_support(internal) IS
	'planner support of hamnet_predict';

ALTER FUNCTION hamnet_predict(text, text) SUPPORT hamnet_predict_support;
