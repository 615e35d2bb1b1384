-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION hamnet" to load this file. \quit

--
-- type hfp
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
-- where main moves the text. plain would do the same but refuse fingerprints
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
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION hamnet_inner_product(hfp, hfp) IS
	'inner product of two fingerprints';

CREATE FUNCTION hamnet_l2_distance(hfp, hfp) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION hamnet_l2_distance(hfp, hfp) IS
	'Euclidean distance of two fingerprints';

CREATE FUNCTION hamnet_cosine_distance(hfp, hfp) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION hamnet_cosine_distance(hfp, hfp) IS
	'cosine distance of two fingerprints, 0 to 2; 1 if one of them is zero, 0 if both are';

CREATE FUNCTION hamnet_negative_inner_product(hfp, hfp) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION hamnet_negative_inner_product(hfp, hfp) IS
	'negative inner product of two fingerprints: the more similar, the smaller';

CREATE FUNCTION hamnet_tanimoto_distance(hfp, hfp) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
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
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_hash(hfp) IS
	'hash of a fingerprint';

CREATE FUNCTION hfp_hash_extended(hfp, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
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
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_from_array(real[], integer, boolean) IS
	'convert real[] to a fingerprint of unknown model';

CREATE FUNCTION hfp_from_array(double precision[], integer, boolean) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_from_array(double precision[], integer, boolean) IS
	'convert double precision[] to a fingerprint of unknown model';

CREATE FUNCTION hfp_from_array(numeric[], integer, boolean) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_from_array(numeric[], integer, boolean) IS
	'convert numeric[] to a fingerprint of unknown model';

CREATE FUNCTION hfp_from_array(integer[], integer, boolean) RETURNS hfp
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_from_array(integer[], integer, boolean) IS
	'convert integer[] to a fingerprint of unknown model';

CREATE FUNCTION hfp_to_float4(hfp) RETURNS real[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hfp_to_float4(hfp) IS
	'convert a fingerprint to real[]';

CREATE FUNCTION hfp_to_float8(hfp) RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
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
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION hfp_accum(double precision[], hfp) IS
	'transition function of sum(hfp) and avg(hfp)';

CREATE FUNCTION hfp_combine(double precision[], double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
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
