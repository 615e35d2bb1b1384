-- What is measured: base and options of every variant, included by properties.sql.
-- A variant has the options of `ours`, then its own for all data sets, then
-- its own for one; a null takes an option away. The validation query is added.
-- Where a variant says `tuned`, its base is not the one named, but what trunk.sql
-- makes of that for the split.

CREATE TEMP VIEW variant (variant, dataset, base, tuned, options) AS
VALUES
	('ours', '*', 'hamnet-base-0.2.0', true, '{"head": "joint", "members": 5, "units": 64, "counts": 512, "kernel_fingerprint": "best", "workers": 1}'::jsonb),
	('ours', 'bbbp', NULL, NULL, '{"trees": 200}'),
	('ours', 'tox21', NULL, NULL, '{"kernel_rows": 3000, "kernel_fingerprint": "never", "trees": 50}'),
	('ours', 'hiv', NULL, NULL, '{"members": 2, "kernel_rows": 4000, "kernel_fingerprint": "never", "trees": 200}'),
	('ours', 'qm9', NULL, NULL, '{"members": 2, "kernel_rows": 300, "kernel_fingerprint": "always", "units": 256}'),
	('engine off', '*', 'base_no_engine', true, '{}'),
	('single member', '*', 'hamnet-base-0.2.0', true, '{"head": "mlp", "members": 1, "kernel_fingerprint": null, "trees": null}'),
	('not tuned', '*', 'hamnet-base-0.2.0', false, '{}'),
	('frozen', '*', 'hamnet-base', false, '{}'),
	('conformer', '*', 'hamnet-base', false, '{"inputs": "conformer"}'),
	('kernel alone', '*', 'hamnet-base-0.2.0', true, '{"head": "kernel", "members": null, "trees": null}'),
	('large networks', '*', 'hamnet-base-0.2.0', true, '{"units": 256, "counts": 1024}'),
	('without counts', '*', 'hamnet-base-0.2.0', true, '{"inputs": "descriptors"}'),
	('network alone', '*', 'hamnet-base-0.2.0', false, '{"head": "full"}'),
	('untrained base', '*', 'hamnet-untrained', false, '{}'),
	('from scratch', '*', 'scratch', false, '{"head": "full"}');
