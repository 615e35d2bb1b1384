-- The index access method hamnet: compact codes scanned under exact bounds.
CREATE INDEX bench_index ON compound USING hamnet (fp);
SET max_parallel_workers_per_gather = 0;
SET enable_seqscan = off;
