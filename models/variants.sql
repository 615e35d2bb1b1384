-- What is measured: base and options of every variant, included by properties.sql.
-- A variant has the options of `ours`, then its own for all data sets, then
-- its own for one; a null takes an option away. The validation query is added.

CREATE TEMP VIEW variant (variant, dataset, base, options) AS
VALUES
	('ours', '*', 'hamnet-base', '{"head": "joint", "members": 5, "workers": 1}'::jsonb),
	('ours', 'tox21', NULL, '{"kernel_rows": 3000}'),
	('ours', 'hiv', NULL, '{"members": 2, "kernel_rows": 5000}'),
	('ours', 'qm9', NULL, '{"head": "full", "members": 1}'),
	('engine off', '*', 'base_no_engine', '{}'),
	('without counts', '*', NULL, '{"inputs": "descriptors"}'),
	('single member', '*', NULL, '{"members": 1}'),
	('kernel alone', '*', NULL, '{"head": "kernel", "members": null}'),
	('network alone', '*', NULL, '{"head": "full"}'),
	('frozen network', '*', NULL, '{"head": "mlp"}'),
	('untrained base', '*', 'hamnet-untrained', '{}'),
	('from scratch', '*', 'scratch', '{"head": "full"}');
