-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION hamnet UPDATE TO '0.2.0'" to load this file. \quit

CREATE FUNCTION hamnet_combine_models(name text, models text[], heads boolean DEFAULT true, replace boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION hamnet_combine_models(text, text[], boolean, boolean) IS
	'store a model with the heads of several that compute the same fingerprint, or with none; returns its identity (SHA-256)';
