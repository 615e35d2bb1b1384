-- GiST with the column of the filters before the fingerprint.
CREATE EXTENSION IF NOT EXISTS btree_gist;
SELECT hamnet_fit_axes('SELECT fp FROM compound') AS axes \gset
CREATE INDEX bench_index ON compound USING gist (part, fp gist_hfp_l2_ops (axes = :'axes'));
SET max_parallel_workers_per_gather = 0;
SET enable_seqscan = off;
