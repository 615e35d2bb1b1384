-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION hamnet_pgvector" to load this file. \quit

-- Bodies are parsed here, so that no search path decides later what they mean.

CREATE FUNCTION hfp_to_vector(hfp) RETURNS vector
	LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN $1::real[]::vector;
COMMENT ON FUNCTION hfp_to_vector(hfp) IS
	'convert a fingerprint to vector, which has no model';

CREATE FUNCTION hfp_to_halfvec(hfp) RETURNS halfvec
	LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN $1::real[]::halfvec;
COMMENT ON FUNCTION hfp_to_halfvec(hfp) IS
	'convert a fingerprint to halfvec, which rounds it and has no model';

CREATE FUNCTION hfp_from_vector(vector) RETURNS hfp
	LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN $1::real[]::hfp;
COMMENT ON FUNCTION hfp_from_vector(vector) IS
	'convert vector to a fingerprint of unknown model';

CREATE FUNCTION hfp_from_halfvec(halfvec) RETURNS hfp
	LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN $1::real[]::hfp;
COMMENT ON FUNCTION hfp_from_halfvec(halfvec) IS
	'convert halfvec to a fingerprint of unknown model';

CREATE CAST (hfp AS vector) WITH FUNCTION hfp_to_vector(hfp) AS ASSIGNMENT;
COMMENT ON CAST (hfp AS vector) IS 'the same numbers, without the model';

CREATE CAST (hfp AS halfvec) WITH FUNCTION hfp_to_halfvec(hfp) AS ASSIGNMENT;
COMMENT ON CAST (hfp AS halfvec) IS 'the numbers rounded to 16 bits, without the model';

CREATE CAST (vector AS hfp) WITH FUNCTION hfp_from_vector(vector) AS ASSIGNMENT;
COMMENT ON CAST (vector AS hfp) IS 'fingerprint of unknown model';

CREATE CAST (halfvec AS hfp) WITH FUNCTION hfp_from_halfvec(halfvec) AS ASSIGNMENT;
COMMENT ON CAST (halfvec AS hfp) IS 'fingerprint of unknown model';
