-- pgvector's IVFFlat, where it is installed; it finds more with more probes.
SELECT NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS skip \gset
\if :skip
\else
CREATE EXTENSION IF NOT EXISTS vector;
CREATE INDEX bench_index ON compound USING ivfflat ((fp::real[]::vector(256)) vector_l2_ops) WITH (lists = 300);
SET ivfflat.probes = 30;
SET ivfflat.iterative_scan = relaxed_order;
SET bench.ranking = 'fp::real[]::vector(256) <-> %L::hfp::real[]::vector(256)';
SET max_parallel_workers_per_gather = 0;
SET enable_seqscan = off;
\endif
