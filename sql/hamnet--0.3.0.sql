-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION hamnet" to load this file. \quit

--
-- type hfp
--
-- Costs are those of 256 dimensions, in units of an addition of two double
-- precision numbers.
--

CREATE TYPE hfp;

CREATE FUNCTION hfp_in(cstring, oid, integer) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_in(cstring, oid, integer) IS
	'text input of hfp';

CREATE FUNCTION hfp_out(hfp) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_out(hfp) IS
	'text output of hfp';

CREATE FUNCTION hfp_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_typmod_in(cstring[]) IS
	'type modifier of hfp: its dimensions';

CREATE FUNCTION hfp_recv(internal, oid, integer) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_recv(internal, oid, integer) IS
	'binary input of hfp';

CREATE FUNCTION hfp_send(hfp) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_send(hfp) IS
	'binary output of hfp';

-- Storage main, because the table of a similarity search is read whole and a
-- detoasted value costs more than a distance. A fingerprint of 256 dimensions
-- is 1,036 bytes; beside a long text in a row of more than 2 kB, extended and
-- external would move the fingerprint out of line first, as the larger value,
-- where main moves the text: a scan that computes distances then takes a
-- fraction of the time. plain would do the same but refuse fingerprints
-- of more than about 2,000 dimensions, which do not fit a page.
CREATE TYPE hfp (
	INPUT     = hfp_in,
	OUTPUT    = hfp_out,
	TYPMOD_IN = hfp_typmod_in,
	RECEIVE   = hfp_recv,
	SEND      = hfp_send,
	ALIGNMENT = int4,
	STORAGE   = main
);
COMMENT ON TYPE hfp IS
	'fingerprint of a molecule: a vector of real with the identity of its model, as in 1a2b3c4d:[0.5,0,1.25]';

-- properties

CREATE FUNCTION hamnet_dims(hfp) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamnet_dims(hfp) IS
	'number of dimensions of a fingerprint';

CREATE FUNCTION hamnet_norm(hfp) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamnet_norm(hfp) IS
	'Euclidean length of a fingerprint';

CREATE FUNCTION hamnet_model_of(hfp) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamnet_model_of(hfp) IS
	'first eight hexadecimal digits of the SHA-256 of the model that made a fingerprint, NULL if unknown';

-- distances; both fingerprints must have the same dimensions, and the same
-- model where both models are known

CREATE FUNCTION hamnet_inner_product(hfp, hfp) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION hamnet_inner_product(hfp, hfp) IS
	'inner product of two fingerprints';

CREATE FUNCTION hamnet_l2_distance(hfp, hfp) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION hamnet_l2_distance(hfp, hfp) IS
	'Euclidean distance of two fingerprints';

CREATE FUNCTION hamnet_cosine_distance(hfp, hfp) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION hamnet_cosine_distance(hfp, hfp) IS
	'cosine distance of two fingerprints, 0 to 2; 1 if one of them is zero, 0 if both are';

CREATE FUNCTION hamnet_negative_inner_product(hfp, hfp) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION hamnet_negative_inner_product(hfp, hfp) IS
	'negative inner product of two fingerprints: the more similar, the smaller';

CREATE FUNCTION hamnet_tanimoto_distance(hfp, hfp) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION hamnet_tanimoto_distance(hfp, hfp) IS
	'Tanimoto distance of two fingerprints, 1 - a.b / (a.a + b.b - a.b); 1 if one of them is zero, 0 if both are';

CREATE OPERATOR <-> (
	LEFTARG = hfp, RIGHTARG = hfp, FUNCTION = hamnet_l2_distance,
	COMMUTATOR = <->
);
COMMENT ON OPERATOR <-> (hfp, hfp) IS
	'Euclidean distance';

CREATE OPERATOR <=> (
	LEFTARG = hfp, RIGHTARG = hfp, FUNCTION = hamnet_cosine_distance,
	COMMUTATOR = <=>
);
COMMENT ON OPERATOR <=> (hfp, hfp) IS
	'cosine distance';

CREATE OPERATOR <#> (
	LEFTARG = hfp, RIGHTARG = hfp, FUNCTION = hamnet_negative_inner_product,
	COMMUTATOR = <#>
);
COMMENT ON OPERATOR <#> (hfp, hfp) IS
	'negative inner product';

CREATE OPERATOR <%> (
	LEFTARG = hfp, RIGHTARG = hfp, FUNCTION = hamnet_tanimoto_distance,
	COMMUTATOR = <%>
);
COMMENT ON OPERATOR <%> (hfp, hfp) IS
	'Tanimoto distance';

-- order and equality: two values are equal if their texts are, so a known
-- model differs from an unknown one

CREATE FUNCTION hfp_lt(hfp, hfp) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_lt(hfp, hfp) IS
	'implementation of operator <';

CREATE FUNCTION hfp_le(hfp, hfp) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_le(hfp, hfp) IS
	'implementation of operator <=';

CREATE FUNCTION hfp_eq(hfp, hfp) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_eq(hfp, hfp) IS
	'implementation of operator =';

CREATE FUNCTION hfp_ne(hfp, hfp) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_ne(hfp, hfp) IS
	'implementation of operator <>';

CREATE FUNCTION hfp_ge(hfp, hfp) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_ge(hfp, hfp) IS
	'implementation of operator >=';

CREATE FUNCTION hfp_gt(hfp, hfp) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_gt(hfp, hfp) IS
	'implementation of operator >';

CREATE FUNCTION hfp_cmp(hfp, hfp) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_cmp(hfp, hfp) IS
	'order of two fingerprints, by dimensions, elements and model: -1, 0 or 1';

CREATE FUNCTION hfp_hash(hfp) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION hfp_hash(hfp) IS
	'hash of a fingerprint';

CREATE FUNCTION hfp_hash_extended(hfp, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION hfp_hash_extended(hfp, bigint) IS
	'hash of a fingerprint with a seed';

CREATE OPERATOR < (
	LEFTARG = hfp, RIGHTARG = hfp, FUNCTION = hfp_lt,
	COMMUTATOR = >, NEGATOR = >=,
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (hfp, hfp) IS
	'less than';

CREATE OPERATOR <= (
	LEFTARG = hfp, RIGHTARG = hfp, FUNCTION = hfp_le,
	COMMUTATOR = >=, NEGATOR = >,
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (hfp, hfp) IS
	'less than or equal';

CREATE OPERATOR = (
	LEFTARG = hfp, RIGHTARG = hfp, FUNCTION = hfp_eq,
	COMMUTATOR = =, NEGATOR = <>,
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR = (hfp, hfp) IS
	'equal: same dimensions, elements and model';

CREATE OPERATOR <> (
	LEFTARG = hfp, RIGHTARG = hfp, FUNCTION = hfp_ne,
	COMMUTATOR = <>, NEGATOR = =,
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (hfp, hfp) IS
	'not equal';

CREATE OPERATOR >= (
	LEFTARG = hfp, RIGHTARG = hfp, FUNCTION = hfp_ge,
	COMMUTATOR = <=, NEGATOR = <,
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (hfp, hfp) IS
	'greater than or equal';

CREATE OPERATOR > (
	LEFTARG = hfp, RIGHTARG = hfp, FUNCTION = hfp_gt,
	COMMUTATOR = <, NEGATOR = <=,
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (hfp, hfp) IS
	'greater than';

-- Equal values have equal bytes, so btree may merge duplicates (function 4).
CREATE OPERATOR CLASS hfp_ops
	DEFAULT FOR TYPE hfp USING btree AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 hfp_cmp(hfp, hfp),
	FUNCTION 4 pg_catalog.btequalimage(oid);
COMMENT ON OPERATOR CLASS hfp_ops USING btree IS
	'order of fingerprints, by dimensions, elements and model';
COMMENT ON OPERATOR FAMILY hfp_ops USING btree IS
	'order of fingerprints, by dimensions, elements and model';

CREATE OPERATOR CLASS hfp_ops
	DEFAULT FOR TYPE hfp USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 hfp_hash(hfp),
	FUNCTION 2 hfp_hash_extended(hfp, bigint);
COMMENT ON OPERATOR CLASS hfp_ops USING hash IS
	'equality of fingerprints';
COMMENT ON OPERATOR FAMILY hfp_ops USING hash IS
	'equality of fingerprints';

-- casts; those to arrays forget the model, so none of them is implicit

CREATE FUNCTION hfp(hfp, integer, boolean) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp(hfp, integer, boolean) IS
	'check the dimensions of a fingerprint against a type modifier';

CREATE FUNCTION hfp_from_array(real[], integer, boolean) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 120;
COMMENT ON FUNCTION hfp_from_array(real[], integer, boolean) IS
	'convert real[] to a fingerprint of unknown model';

CREATE FUNCTION hfp_from_array(double precision[], integer, boolean) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 120;
COMMENT ON FUNCTION hfp_from_array(double precision[], integer, boolean) IS
	'convert double precision[] to a fingerprint of unknown model';

CREATE FUNCTION hfp_from_array(numeric[], integer, boolean) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 120;
COMMENT ON FUNCTION hfp_from_array(numeric[], integer, boolean) IS
	'convert numeric[] to a fingerprint of unknown model';

CREATE FUNCTION hfp_from_array(smallint[], integer, boolean) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 120;
COMMENT ON FUNCTION hfp_from_array(smallint[], integer, boolean) IS
	'convert smallint[] to a fingerprint of unknown model';

CREATE FUNCTION hfp_from_array(bigint[], integer, boolean) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 120;
COMMENT ON FUNCTION hfp_from_array(bigint[], integer, boolean) IS
	'convert bigint[] to a fingerprint of unknown model';

CREATE FUNCTION hfp_from_array(integer[], integer, boolean) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 120;
COMMENT ON FUNCTION hfp_from_array(integer[], integer, boolean) IS
	'convert integer[] to a fingerprint of unknown model';

CREATE FUNCTION hfp_to_float4(hfp) RETURNS real[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 70;
COMMENT ON FUNCTION hfp_to_float4(hfp) IS
	'convert a fingerprint to real[]';

CREATE FUNCTION hfp_to_float8(hfp) RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 70;
COMMENT ON FUNCTION hfp_to_float8(hfp) IS
	'convert a fingerprint to double precision[]';

CREATE CAST (hfp AS hfp)
	WITH FUNCTION hfp(hfp, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (hfp AS hfp) IS
	'check the dimensions';

CREATE CAST (real[] AS hfp)
	WITH FUNCTION hfp_from_array(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS hfp) IS
	'fingerprint of unknown model';

CREATE CAST (double precision[] AS hfp)
	WITH FUNCTION hfp_from_array(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS hfp) IS
	'fingerprint of unknown model';

CREATE CAST (numeric[] AS hfp)
	WITH FUNCTION hfp_from_array(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS hfp) IS
	'fingerprint of unknown model';

CREATE CAST (smallint[] AS hfp)
	WITH FUNCTION hfp_from_array(smallint[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (smallint[] AS hfp) IS
	'fingerprint of unknown model';

CREATE CAST (bigint[] AS hfp)
	WITH FUNCTION hfp_from_array(bigint[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (bigint[] AS hfp) IS
	'fingerprint of unknown model';

CREATE CAST (integer[] AS hfp)
	WITH FUNCTION hfp_from_array(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS hfp) IS
	'fingerprint of unknown model';

CREATE CAST (hfp AS real[])
	WITH FUNCTION hfp_to_float4(hfp) AS ASSIGNMENT;
COMMENT ON CAST (hfp AS real[]) IS
	'elements; the model is lost';

CREATE CAST (hfp AS double precision[])
	WITH FUNCTION hfp_to_float8(hfp) AS ASSIGNMENT;
COMMENT ON CAST (hfp AS double precision[]) IS
	'elements; the model is lost';

-- aggregates; sums are kept in double precision and rounded once

CREATE FUNCTION hfp_accum(double precision[], hfp) RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 7;
COMMENT ON FUNCTION hfp_accum(double precision[], hfp) IS
	'transition function of sum(hfp) and avg(hfp)';

CREATE FUNCTION hfp_combine(double precision[], double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 7;
COMMENT ON FUNCTION hfp_combine(double precision[], double precision[]) IS
	'combine function of sum(hfp) and avg(hfp)';

CREATE FUNCTION hfp_sum_final(double precision[]) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_sum_final(double precision[]) IS
	'final function of sum(hfp)';

CREATE FUNCTION hfp_avg_final(double precision[]) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_avg_final(double precision[]) IS
	'final function of avg(hfp)';

CREATE AGGREGATE sum(hfp) (
	SFUNC = hfp_accum,
	STYPE = double precision[],
	FINALFUNC = hfp_sum_final,
	COMBINEFUNC = hfp_combine,
	INITCOND = '{0,0,0}',
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(hfp) IS
	'sum of fingerprints, NULL over no rows; it has a model if all rows have that one';

CREATE AGGREGATE avg(hfp) (
	SFUNC = hfp_accum,
	STYPE = double precision[],
	FINALFUNC = hfp_avg_final,
	COMBINEFUNC = hfp_combine,
	INITCOND = '{0,0,0}',
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(hfp) IS
	'mean of fingerprints, NULL over no rows; it has a model if all rows have that one';

---------------------------------------------------------------------------
-- Models
---------------------------------------------------------------------------

-- The underscore is first in the order in which pg_dump writes tables of one
-- schema: models are restored before tables whose generated columns need them.
CREATE TABLE _hamnet_model (
	name text COLLATE "C" PRIMARY KEY,
	id text COLLATE "C" NOT NULL GENERATED ALWAYS AS (pg_catalog.encode(pg_catalog.sha256(weights), 'hex')) STORED,
	weights bytea NOT NULL,
	dim int NOT NULL,
	features text NOT NULL,
	targets text[] NOT NULL,
	owner name NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE INDEX _hamnet_model_id ON _hamnet_model (id);

-- Weights are random bits to a compressor.
ALTER TABLE _hamnet_model ALTER COLUMN weights SET STORAGE EXTERNAL;
REVOKE ALL ON _hamnet_model FROM PUBLIC;
GRANT SELECT ON _hamnet_model TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('_hamnet_model', '');

COMMENT ON TABLE _hamnet_model IS 'models loaded by users; written by hamnet_load_model, hamnet_drop_model and training';
COMMENT ON COLUMN _hamnet_model.id IS 'SHA-256 of the weights';
COMMENT ON COLUMN _hamnet_model.weights IS 'safetensors file';
COMMENT ON COLUMN _hamnet_model.owner IS 'role that may replace and drop the model';

CREATE FUNCTION _hamnet_model_changed() RETURNS trigger
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION _hamnet_model_changed() IS 'tell every backend that cached models may be gone';
CREATE TRIGGER _hamnet_model_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON _hamnet_model
	FOR EACH STATEMENT EXECUTE FUNCTION _hamnet_model_changed();
COMMENT ON TRIGGER _hamnet_model_changed ON _hamnet_model IS 'tell every backend that cached models may be gone';

CREATE FUNCTION hamnet_load_model(name text, weights bytea, replace boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION hamnet_load_model(text, bytea, boolean) IS 'store a model file under a name; returns its identity (SHA-256)';

CREATE FUNCTION hamnet_combine_models(name text, models text[], heads boolean DEFAULT true, replace boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION hamnet_combine_models(text, text[], boolean, boolean) IS
	'store a model with the heads of several that compute the same fingerprint, or with none; returns its identity (SHA-256)';

CREATE FUNCTION hamnet_calibrate(name text, model text, smiles text[], replace boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION hamnet_calibrate(text, text, text[], boolean) IS
	'store a model with the scale of similarity that pairs of these molecules define; returns its identity (SHA-256)';

CREATE FUNCTION hamnet_similarity(a hfp, b hfp) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION hamnet_similarity(hfp, hfp) IS
	'similarity of two fingerprints, 0 to 1, on the scale of their model: 0.5 is nearer than 999 of 1,000 random pairs of molecules';

CREATE FUNCTION hamnet_drop_model(name text) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION hamnet_drop_model(text) IS 'remove a stored model';

---------------------------------------------------------------------------
-- Fingerprints
---------------------------------------------------------------------------

CREATE FUNCTION hamnet_fingerprint(smiles text) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION hamnet_fingerprint(text) IS 'fingerprint of a molecule by the default model';

CREATE FUNCTION hamnet_fingerprint(smiles text, model text) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION hamnet_fingerprint(text, text) IS 'fingerprint of a molecule by a named model';

CREATE FUNCTION hamnet_fingerprint_pinned(smiles text, model_id text) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION hamnet_fingerprint_pinned(text, text) IS 'fingerprint of a molecule by the model with this identity (SHA-256)';

CREATE FUNCTION hamnet_try_fingerprint(smiles text) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION hamnet_try_fingerprint(text) IS 'fingerprint by the default model, NULL where the molecule has none (see hamnet_smiles_error)';

CREATE FUNCTION hamnet_try_fingerprint(smiles text, model text) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION hamnet_try_fingerprint(text, text) IS 'fingerprint by a named model, NULL where the molecule has none (see hamnet_smiles_error)';

CREATE FUNCTION hamnet_fingerprints(smiles text[]) RETURNS hfp[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500000;
COMMENT ON FUNCTION hamnet_fingerprints(text[]) IS 'fingerprints of many molecules at once by the default model, NULL where a molecule has none';

CREATE FUNCTION hamnet_fingerprints(smiles text[], model text) RETURNS hfp[]
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500000;
COMMENT ON FUNCTION hamnet_fingerprints(text[], text) IS 'fingerprints of many molecules at once by a named model, NULL where a molecule has none';

---------------------------------------------------------------------------
-- Predictions
---------------------------------------------------------------------------

CREATE FUNCTION hamnet_predict(smiles text, property text) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION hamnet_predict(text, text) IS 'a property of a molecule, by the built-in model that has this target or by a stored model of this name with a single target';

CREATE FUNCTION hamnet_predict(smiles text, property text, model text) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION hamnet_predict(text, text, text) IS 'a property of a molecule by a named model';

CREATE FUNCTION hamnet_predictions(smiles text, OUT property text, OUT value double precision, OUT unit text,
	OUT sd double precision, OUT novelty double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000 ROWS 10;
COMMENT ON FUNCTION hamnet_predictions(text) IS 'every property that the built-in models predict';

CREATE FUNCTION hamnet_predictions(smiles text, model text, OUT property text, OUT value double precision, OUT unit text,
	OUT sd double precision, OUT novelty double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000 ROWS 10;
COMMENT ON FUNCTION hamnet_predictions(text, text) IS 'every property that a named model predicts';

---------------------------------------------------------------------------
-- What the network sees
---------------------------------------------------------------------------

CREATE FUNCTION hamnet_engine_positions(smiles text, OUT atom int, OUT element text,
	OUT x double precision, OUT y double precision, OUT z double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000 ROWS 30;
COMMENT ON FUNCTION hamnet_engine_positions(text) IS 'where the Hamiltonian Engine leaves the atoms, in angstrom: what the network reads, no usable structure; atoms counted from 1 as in the SMILES';

CREATE FUNCTION hamnet_engine_positions(smiles text, model text, OUT atom int, OUT element text,
	OUT x double precision, OUT y double precision, OUT z double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20000 ROWS 30;
COMMENT ON FUNCTION hamnet_engine_positions(text, text) IS 'where the Hamiltonian Engine of a named model leaves the atoms, in angstrom, atoms counted from 1 as in the SMILES';

CREATE FUNCTION hamnet_trajectory(smiles text, OUT step int, OUT kinetic double precision,
	OUT potential double precision, OUT dissipated double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000 ROWS 21;
COMMENT ON FUNCTION hamnet_trajectory(text) IS 'energies of the Hamiltonian system before each step and at the end';

CREATE FUNCTION hamnet_trajectory(smiles text, model text, OUT step int, OUT kinetic double precision,
	OUT potential double precision, OUT dissipated double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20000 ROWS 21;
COMMENT ON FUNCTION hamnet_trajectory(text, text) IS 'energies of a named model''s Hamiltonian system before each step and at the end';

CREATE FUNCTION hamnet_atom_weights(smiles text, OUT atom int, OUT element text, OUT weight double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50000 ROWS 30;
COMMENT ON FUNCTION hamnet_atom_weights(text) IS 'attention that the last read-out round pays each atom, in sum 1; it explains no prediction, see hamnet_explain';

CREATE FUNCTION hamnet_atom_weights(smiles text, model text, OUT atom int, OUT element text, OUT weight double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000 ROWS 30;
COMMENT ON FUNCTION hamnet_atom_weights(text, text) IS 'attention that the last read-out round of a named model pays each atom, in sum 1';

---------------------------------------------------------------------------
-- SMILES
---------------------------------------------------------------------------

CREATE FUNCTION hamnet_smiles_error(smiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION hamnet_smiles_error(text) IS 'why a SMILES cannot be used, NULL where it can';

CREATE FUNCTION hamnet_canonical_smiles(smiles text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION hamnet_canonical_smiles(text) IS 'RDKit''s canonical isomeric SMILES; may change with RDKit''s version';

---------------------------------------------------------------------------
-- About the extension
---------------------------------------------------------------------------

CREATE FUNCTION hamnet_models(OUT name text, OUT id text, OUT built_in boolean, OUT dim int, OUT features text,
	OUT targets text[], OUT bytes bigint, OUT owner name, OUT created_at timestamptz) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION hamnet_models() IS 'every model, built-in and stored';

CREATE FUNCTION hamnet_version(OUT hamnet text, OUT rdkit text, OUT blas text, OUT simd text) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamnet_version() IS 'versions of hamnet, RDKit and BLAS, and the instruction set chosen on this machine';

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

---------------------------------------------------------------------------
-- Enriching tables
---------------------------------------------------------------------------

CREATE PROCEDURE hamnet_enrich("table" regclass, smiles_column name, fp_column name, options jsonb DEFAULT '{}')
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE hamnet_enrich(regclass, name, name, jsonb) IS
	'fill the missing fingerprints of a table in batches, with a commit after each';

CREATE FUNCTION hamnet_fingerprint_query(query text) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION hamnet_fingerprint_query(text) IS
	'the rows of a query, whose column smiles is read, with a fingerprint by the default model added; NULL where a molecule has none';

CREATE FUNCTION hamnet_fingerprint_query(query text, model text) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION hamnet_fingerprint_query(text, text) IS
	'the rows of a query, whose column smiles is read, with a fingerprint by a named model added; NULL where a molecule has none';

CREATE FUNCTION hamnet_enrich_progress(OUT pid int, OUT role regrole, OUT relation regclass, OUT workers int,
	OUT rows_total bigint, OUT rows_filled bigint, OUT rows_invalid bigint, OUT molecules_per_second double precision,
	OUT started_at timestamptz, OUT estimated_end timestamptz) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 1;
COMMENT ON FUNCTION hamnet_enrich_progress() IS
	'how far the running calls of hamnet_enrich in this database are, as far as the caller may see them';

CREATE FUNCTION hamnet_enrich_report("table" regclass, smiles_column name, fp_column name,
	OUT relation regclass, OUT ctid tid, OUT smiles text, OUT reason text) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 100;
COMMENT ON FUNCTION hamnet_enrich_report(regclass, name, name) IS
	'rows that have a SMILES but no fingerprint, and what is wrong with the SMILES; no reason where it was not tried yet';

---------------------------------------------------------------------------
-- Training
---------------------------------------------------------------------------

-- Written by the training procedures on behalf of their callers, and read
-- through functions that show each caller the runs of its own roles.
CREATE TABLE _hamnet_training (
	id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	kind text NOT NULL,
	model text COLLATE "C" NOT NULL,
	owner name NOT NULL,
	digest bytea NOT NULL,
	options jsonb NOT NULL,
	state text NOT NULL,
	started timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	finished timestamptz,
	report jsonb
);
CREATE INDEX _hamnet_training_model ON _hamnet_training (model);
REVOKE ALL ON _hamnet_training FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('_hamnet_training', '');
SELECT pg_catalog.pg_extension_config_dump('_hamnet_training_id_seq', '');

COMMENT ON TABLE _hamnet_training IS 'runs of the training procedures';
COMMENT ON SEQUENCE _hamnet_training_id_seq IS 'numbers of training runs';
COMMENT ON COLUMN _hamnet_training.digest IS 'SHA-256 of all that decides the result: query, options, base and data';
COMMENT ON COLUMN _hamnet_training.state IS 'running, done, or abandoned for another run, which was "given up" before 0.3.0; a run that nobody works on any more was interrupted';
COMMENT ON COLUMN _hamnet_training.report IS 'what was tried, what was kept and why, and the molecules that were left out';

CREATE TABLE _hamnet_training_epoch (
	run bigint NOT NULL,
	part text COLLATE "C" NOT NULL,
	member int NOT NULL,
	epoch int NOT NULL,
	epochs int NOT NULL,
	loss double precision NOT NULL,
	metric text,
	value double precision,
	learning_rate double precision NOT NULL,
	molecules_per_second double precision NOT NULL,
	estimated_end timestamptz NOT NULL,
	logged timestamptz NOT NULL,
	PRIMARY KEY (run, part, member, epoch)
);
REVOKE ALL ON _hamnet_training_epoch FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('_hamnet_training_epoch', '');

COMMENT ON TABLE _hamnet_training_epoch IS 'epochs of training runs';
COMMENT ON COLUMN _hamnet_training_epoch.part IS 'network that is trained';

-- Not dumped: a checkpoint serves to go on in the same database.
CREATE TABLE _hamnet_checkpoint (
	run bigint NOT NULL,
	part int NOT NULL,
	state bytea NOT NULL,
	PRIMARY KEY (run, part)
);
ALTER TABLE _hamnet_checkpoint ALTER COLUMN state SET STORAGE EXTERNAL;
REVOKE ALL ON _hamnet_checkpoint FROM PUBLIC;

COMMENT ON TABLE _hamnet_checkpoint IS 'where unfinished training runs go on';
COMMENT ON COLUMN _hamnet_checkpoint.part IS 'number of the checkpoint in its run';

CREATE PROCEDURE hamnet_train(model text, query text, options jsonb DEFAULT '{}')
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE hamnet_train(text, text, jsonb) IS 'make a model that predicts the columns of a query after its first, which is SMILES';

CREATE PROCEDURE hamnet_train_engine(model text, query text, options jsonb DEFAULT '{}')
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE hamnet_train_engine(text, text, jsonb) IS 'make a model whose engine predicts the conformations of a query: MOL blocks, or SMILES and coordinates';

CREATE FUNCTION hamnet_evaluate(model text, query text, OUT target text, OUT metric text, OUT value double precision,
	OUT n bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000000 ROWS 3;
COMMENT ON FUNCTION hamnet_evaluate(text, text) IS 'how well a model predicts the columns of a query after its first, which is SMILES';

CREATE FUNCTION hamnet_evaluate_engine(model text, query text, OUT metric text, OUT value double precision,
	OUT n bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000000 ROWS 2;
COMMENT ON FUNCTION hamnet_evaluate_engine(text, text) IS 'how well a model predicts the conformations of a query: MOL blocks, or SMILES and coordinates';

CREATE FUNCTION hamnet_training_runs(OUT run bigint, OUT kind text, OUT model text, OUT state text, OUT owner name,
	OUT started timestamptz, OUT finished timestamptz, OUT options jsonb, OUT report jsonb) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION hamnet_training_runs() IS 'training runs of the caller, or of everybody for the owner of the database';

CREATE FUNCTION hamnet_training_log(OUT run bigint, OUT model text, OUT network text, OUT member int, OUT epoch int,
	OUT epochs int, OUT loss double precision, OUT metric text, OUT value double precision,
	OUT learning_rate double precision, OUT molecules_per_second double precision, OUT estimated_end timestamptz,
	OUT logged timestamptz) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000 ROWS 100;
COMMENT ON FUNCTION hamnet_training_log() IS 'epochs of training runs, also of those at work now';

---------------------------------------------------------------------------
-- What RDKit computes
---------------------------------------------------------------------------

-- Stable, not immutable: results depend on RDKit's version.

CREATE FUNCTION hamnet_embed(smiles text, seed int DEFAULT 0) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION hamnet_embed(text, int) IS 'a conformation by RDKit (ETKDG and MMFF94) as a MOL block, atoms in the order of the SMILES; each seed may give another';

CREATE FUNCTION hamnet_descriptors(smiles text, OUT name text, OUT value double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000 ROWS 205;
COMMENT ON FUNCTION hamnet_descriptors(text) IS 'RDKit''s two-dimensional descriptors, NULL where a molecule has no value';

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
-- Range search
---------------------------------------------------------------------------

-- Balls exist for index conditions only: the planner makes them of calls of
-- hamnet_within and its kin.
CREATE TYPE hfp_ball;

CREATE FUNCTION hfp_ball_in(cstring) RETURNS hfp_ball
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_ball_in(cstring) IS
	'text input of hfp_ball';

CREATE FUNCTION hfp_ball_out(hfp_ball) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_ball_out(hfp_ball) IS
	'text output of hfp_ball';

CREATE TYPE hfp_ball (
	INPUT     = hfp_ball_in,
	OUTPUT    = hfp_ball_out,
	ALIGNMENT = double,
	STORAGE   = main
);
COMMENT ON TYPE hfp_ball IS
	'fingerprint and radius, as in <[0.5,0,1.25],0.3>: the operand of a range search in an index condition';

CREATE FUNCTION hfp_ball(centre hfp, radius double precision) RETURNS hfp_ball
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_ball(hfp, double precision) IS
	'ball of a centre and a radius';

-- Euclidean distance; the operator and the function share the support function,
-- which makes one of the other
CREATE FUNCTION hamnet_within_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hamnet_within_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamnet_within_support(internal) IS
	'planner support of hamnet_within';

CREATE FUNCTION hfp_in_l2_ball(hfp, hfp_ball) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3 SUPPORT hamnet_within_support;
COMMENT ON FUNCTION hfp_in_l2_ball(hfp, hfp_ball) IS
	'implementation of operator <@->';

CREATE OPERATOR <@-> (
	LEFTARG = hfp, RIGHTARG = hfp_ball, FUNCTION = hfp_in_l2_ball,
	RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR <@-> (hfp, hfp_ball) IS
	'Euclidean distance to the centre is at most the radius';

CREATE FUNCTION hamnet_within(fp hfp, query hfp, radius double precision) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3 SUPPORT hamnet_within_support;
COMMENT ON FUNCTION hamnet_within(hfp, hfp, double precision) IS
	'Euclidean distance of two fingerprints is at most the radius; uses an index on fp';

-- cosine distance; the operator and the function share the support function,
-- which makes one of the other
CREATE FUNCTION hamnet_within_cosine_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hamnet_within_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamnet_within_cosine_support(internal) IS
	'planner support of hamnet_within_cosine';

CREATE FUNCTION hfp_in_cosine_ball(hfp, hfp_ball) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3 SUPPORT hamnet_within_cosine_support;
COMMENT ON FUNCTION hfp_in_cosine_ball(hfp, hfp_ball) IS
	'implementation of operator <@=>';

CREATE OPERATOR <@=> (
	LEFTARG = hfp, RIGHTARG = hfp_ball, FUNCTION = hfp_in_cosine_ball,
	RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR <@=> (hfp, hfp_ball) IS
	'cosine distance to the centre is at most the radius';

CREATE FUNCTION hamnet_within_cosine(fp hfp, query hfp, radius double precision) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3 SUPPORT hamnet_within_cosine_support;
COMMENT ON FUNCTION hamnet_within_cosine(hfp, hfp, double precision) IS
	'cosine distance of two fingerprints is at most the radius; uses an index on fp';

-- Tanimoto distance; the operator and the function share the support function,
-- which makes one of the other
CREATE FUNCTION hamnet_within_tanimoto_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'hamnet_within_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamnet_within_tanimoto_support(internal) IS
	'planner support of hamnet_within_tanimoto';

CREATE FUNCTION hfp_in_tanimoto_ball(hfp, hfp_ball) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3 SUPPORT hamnet_within_tanimoto_support;
COMMENT ON FUNCTION hfp_in_tanimoto_ball(hfp, hfp_ball) IS
	'implementation of operator <@%>';

CREATE OPERATOR <@%> (
	LEFTARG = hfp, RIGHTARG = hfp_ball, FUNCTION = hfp_in_tanimoto_ball,
	RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR <@%> (hfp, hfp_ball) IS
	'Tanimoto distance to the centre is at most the radius';

CREATE FUNCTION hamnet_within_tanimoto(fp hfp, query hfp, radius double precision) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3 SUPPORT hamnet_within_tanimoto_support;
COMMENT ON FUNCTION hamnet_within_tanimoto(hfp, hfp, double precision) IS
	'Tanimoto distance of two fingerprints is at most the radius; uses an index on fp';

---------------------------------------------------------------------------
-- GiST
---------------------------------------------------------------------------

-- Axes are named by their content, so that no index is ever read with other
-- ones than it was built with. The underscore as for _hamnet_model.
CREATE TABLE _hamnet_axes (
	id text COLLATE "C" PRIMARY KEY,
	content bytea NOT NULL
);
ALTER TABLE _hamnet_axes ALTER COLUMN content SET STORAGE EXTERNAL;
REVOKE ALL ON _hamnet_axes FROM PUBLIC;
GRANT SELECT ON _hamnet_axes TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('_hamnet_axes', '');

COMMENT ON TABLE _hamnet_axes IS 'principal axes that index keys are computed with; written by hamnet_fit_axes';
COMMENT ON COLUMN _hamnet_axes.id IS 'first 32 hexadecimal digits of the SHA-256 of the content';
COMMENT ON COLUMN _hamnet_axes.content IS 'dimensions, number of axes, mean, intervals and axes';

CREATE FUNCTION hamnet_fit_axes(query text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION hamnet_fit_axes(text) IS
	'fit principal axes to the fingerprints that a query returns, and store them; returns their name, for the option axes of a GiST index';

CREATE TYPE ghfp;

CREATE FUNCTION ghfp_in(cstring) RETURNS ghfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ghfp_in(cstring) IS
	'text input of ghfp: always an error';

CREATE FUNCTION ghfp_out(ghfp) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ghfp_out(ghfp) IS
	'text output of ghfp: always an error';

-- Storage plain, so that keys come from a page as they are.
CREATE TYPE ghfp (
	INPUT     = ghfp_in,
	OUTPUT    = ghfp_out,
	ALIGNMENT = int4,
	STORAGE   = plain
);
COMMENT ON TYPE ghfp IS
	'key of a fingerprint in a GiST index';

CREATE FUNCTION ghfp_compress(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ghfp_compress(internal) IS
	'GiST: key of a fingerprint';

CREATE FUNCTION ghfp_cosine_compress(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ghfp_cosine_compress(internal) IS
	'GiST: key of a fingerprint scaled to length 1';

CREATE FUNCTION ghfp_union(internal, internal) RETURNS ghfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ghfp_union(internal, internal) IS
	'GiST: smallest key that covers others';

CREATE FUNCTION ghfp_same(ghfp, ghfp, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ghfp_same(ghfp, ghfp, internal) IS
	'GiST: equality of keys';

CREATE FUNCTION ghfp_penalty(internal, internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ghfp_penalty(internal, internal, internal) IS
	'GiST: cost of adding a fingerprint below a key';

CREATE FUNCTION ghfp_picksplit(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ghfp_picksplit(internal, internal) IS
	'GiST: split of a page';

CREATE FUNCTION ghfp_distance(internal, hfp, smallint, oid, internal) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION ghfp_distance(internal, hfp, smallint, oid, internal) IS
	'GiST: lower bound of the distance to a key';

CREATE FUNCTION ghfp_consistent(internal, hfp, smallint, oid, internal) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION ghfp_consistent(internal, hfp, smallint, oid, internal) IS
	'GiST: whether a ball may reach a key';

-- Servers before 14 have no sorted builds.

CREATE FUNCTION ghfp_sortsupport(internal) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ghfp_sortsupport(internal) IS
	'GiST: order of keys for building';

CREATE FUNCTION ghfp_options(internal) RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ghfp_options(internal) IS
	'GiST: options of the operator classes';

CREATE OPERATOR CLASS gist_hfp_l2_ops
	DEFAULT FOR TYPE hfp USING gist AS
	OPERATOR 1 <-> (hfp, hfp) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 2 <@-> (hfp, hfp_ball),
	FUNCTION 1 ghfp_consistent(internal, hfp, smallint, oid, internal),
	FUNCTION 2 ghfp_union(internal, internal),
	FUNCTION 3 ghfp_compress(internal),
	FUNCTION 5 ghfp_penalty(internal, internal, internal),
	FUNCTION 6 ghfp_picksplit(internal, internal),
	FUNCTION 7 ghfp_same(ghfp, ghfp, internal),
	FUNCTION 8 (hfp, hfp) ghfp_distance(internal, hfp, smallint, oid, internal),
	FUNCTION 10 (hfp, hfp) ghfp_options(internal),
	STORAGE ghfp;
COMMENT ON OPERATOR CLASS gist_hfp_l2_ops USING gist IS
	'Euclidean nearest neighbours and range search';
COMMENT ON OPERATOR FAMILY gist_hfp_l2_ops USING gist IS
	'Euclidean nearest neighbours and range search';

CREATE OPERATOR CLASS gist_hfp_cosine_ops
	FOR TYPE hfp USING gist AS
	OPERATOR 3 <=> (hfp, hfp) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 4 <@=> (hfp, hfp_ball),
	FUNCTION 1 ghfp_consistent(internal, hfp, smallint, oid, internal),
	FUNCTION 2 ghfp_union(internal, internal),
	FUNCTION 3 ghfp_cosine_compress(internal),
	FUNCTION 5 ghfp_penalty(internal, internal, internal),
	FUNCTION 6 ghfp_picksplit(internal, internal),
	FUNCTION 7 ghfp_same(ghfp, ghfp, internal),
	FUNCTION 8 (hfp, hfp) ghfp_distance(internal, hfp, smallint, oid, internal),
	FUNCTION 10 (hfp, hfp) ghfp_options(internal),
	STORAGE ghfp;
COMMENT ON OPERATOR CLASS gist_hfp_cosine_ops USING gist IS
	'cosine nearest neighbours and range search';
COMMENT ON OPERATOR FAMILY gist_hfp_cosine_ops USING gist IS
	'cosine nearest neighbours and range search';

CREATE OPERATOR CLASS gist_hfp_tanimoto_ops
	FOR TYPE hfp USING gist AS
	OPERATOR 5 <%> (hfp, hfp) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 6 <@%> (hfp, hfp_ball),
	FUNCTION 1 ghfp_consistent(internal, hfp, smallint, oid, internal),
	FUNCTION 2 ghfp_union(internal, internal),
	FUNCTION 3 ghfp_compress(internal),
	FUNCTION 5 ghfp_penalty(internal, internal, internal),
	FUNCTION 6 ghfp_picksplit(internal, internal),
	FUNCTION 7 ghfp_same(ghfp, ghfp, internal),
	FUNCTION 8 (hfp, hfp) ghfp_distance(internal, hfp, smallint, oid, internal),
	FUNCTION 10 (hfp, hfp) ghfp_options(internal),
	STORAGE ghfp;
COMMENT ON OPERATOR CLASS gist_hfp_tanimoto_ops USING gist IS
	'Tanimoto nearest neighbours and range search';
COMMENT ON OPERATOR FAMILY gist_hfp_tanimoto_ops USING gist IS
	'Tanimoto nearest neighbours and range search';

-- Everything is named with its schema: a superuser runs this, and whoever owns
-- the target schema may have put functions there that fit better.
DO $$
DECLARE
	class pg_catalog.name;
BEGIN
	IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 140000 THEN
		FOREACH class IN ARRAY ARRAY['gist_hfp_l2_ops', 'gist_hfp_cosine_ops', 'gist_hfp_tanimoto_ops']::pg_catalog.name[] LOOP
			EXECUTE pg_catalog.format('ALTER OPERATOR FAMILY %I USING gist ADD FUNCTION 11 (hfp, hfp) ghfp_sortsupport(internal)', class);
		END LOOP;
	END IF;
END
$$;

-- Index access method hamnet
---------------------------------------------------------------------------

CREATE FUNCTION hamnet_handler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamnet_handler(internal) IS
	'handler of the access method hamnet';

CREATE ACCESS METHOD hamnet TYPE INDEX HANDLER hamnet_handler;
COMMENT ON ACCESS METHOD hamnet IS
	'exact nearest neighbours by scanning compact codes under proven bounds';

-- Function 1 is the distance, by which the access method knows the bounds.
CREATE OPERATOR CLASS hfp_l2_ops
	DEFAULT FOR TYPE hfp USING hamnet AS
	OPERATOR 1 <-> (hfp, hfp) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 2 <@-> (hfp, hfp_ball),
	FUNCTION 1 hamnet_l2_distance(hfp, hfp);
COMMENT ON OPERATOR CLASS hfp_l2_ops USING hamnet IS
	'search by Euclidean distance';
COMMENT ON OPERATOR FAMILY hfp_l2_ops USING hamnet IS
	'search by Euclidean distance';

CREATE OPERATOR CLASS hfp_cosine_ops
	FOR TYPE hfp USING hamnet AS
	OPERATOR 1 <=> (hfp, hfp) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 2 <@=> (hfp, hfp_ball),
	FUNCTION 1 hamnet_cosine_distance(hfp, hfp);
COMMENT ON OPERATOR CLASS hfp_cosine_ops USING hamnet IS
	'search by cosine distance';
COMMENT ON OPERATOR FAMILY hfp_cosine_ops USING hamnet IS
	'search by cosine distance';

CREATE OPERATOR CLASS hfp_ip_ops
	FOR TYPE hfp USING hamnet AS
	OPERATOR 1 <#> (hfp, hfp) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 hamnet_negative_inner_product(hfp, hfp);
COMMENT ON OPERATOR CLASS hfp_ip_ops USING hamnet IS
	'search by inner product';
COMMENT ON OPERATOR FAMILY hfp_ip_ops USING hamnet IS
	'search by inner product';

CREATE OPERATOR CLASS hfp_tanimoto_ops
	FOR TYPE hfp USING hamnet AS
	OPERATOR 1 <%> (hfp, hfp) FOR ORDER BY pg_catalog.float_ops,
	OPERATOR 2 <@%> (hfp, hfp_ball),
	FUNCTION 1 hamnet_tanimoto_distance(hfp, hfp);
COMMENT ON OPERATOR CLASS hfp_tanimoto_ops USING hamnet IS
	'search by Tanimoto distance';
COMMENT ON OPERATOR FAMILY hfp_tanimoto_ops USING hamnet IS
	'search by Tanimoto distance';

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

CREATE FUNCTION hamnet_index_check(index regclass) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION hamnet_index_check(regclass) IS
	'check that a hamnet index is sound and holds every row of its table; returns how many, or reports an error';

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
