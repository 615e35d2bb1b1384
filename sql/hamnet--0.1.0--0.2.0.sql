-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION hamnet UPDATE TO '0.2.0'" to load this file. \quit

CREATE FUNCTION hamnet_combine_models(name text, models text[], heads boolean DEFAULT true, replace boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION hamnet_combine_models(text, text[], boolean, boolean) IS
	'store a model with the heads of several that compute the same fingerprint, or with none; returns its identity (SHA-256)';

---------------------------------------------------------------------------
-- Predictions: the column novelty, and without a model those of all built-in models
---------------------------------------------------------------------------

DROP FUNCTION hamnet_predictions(text);
DROP FUNCTION hamnet_predictions(text, text);

CREATE FUNCTION hamnet_predictions(smiles text, OUT property text, OUT value double precision, OUT unit text,
	OUT sd double precision, OUT novelty double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000 ROWS 10;
COMMENT ON FUNCTION hamnet_predictions(text) IS 'every property that the built-in models predict';

CREATE FUNCTION hamnet_predictions(smiles text, model text, OUT property text, OUT value double precision, OUT unit text,
	OUT sd double precision, OUT novelty double precision) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50000 ROWS 10;
COMMENT ON FUNCTION hamnet_predictions(text, text) IS 'every property that a named model predicts';
