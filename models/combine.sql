-- The recipe of hamnet-properties: the heads of the six property models and of
-- QM9's, trained on random0's training sets by models/properties.sh, on the one
-- trunk that they share. In the repository's directory, in the same database:
--
--     psql -f models/combine.sql
--     psql -qAtc "SELECT encode(weights, 'base64') FROM _hamnet_model WHERE name = 'properties'" |
--         base64 -d > models/hamnet-properties.safetensors

\set ON_ERROR_STOP on
SELECT hamnet_combine_models('properties', '{esol_random0_ours,freesolv_random0_ours,lipophilicity_random0_ours,bbbp_random0_ours,tox21_random0_ours,hiv_random0_ours,qm9_random0_ours}',
	replace => true);
