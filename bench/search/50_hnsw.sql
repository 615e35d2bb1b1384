-- pgvector's HNSW, where it is installed.
SELECT NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS skip \gset
\if :skip
\else
CREATE EXTENSION IF NOT EXISTS vector;
CREATE INDEX bench_index ON compound USING hnsw ((fp::real[]::vector(256)) vector_l2_ops);
SET hnsw.ef_search = 100;
SET hnsw.iterative_scan = strict_order;
SET bench.ranking = 'fp::real[]::vector(256) <-> %L::hfp::real[]::vector(256)';
SET max_parallel_workers_per_gather = 0;
SET enable_seqscan = off;
\endif
