-- GiST without axes: keys of norms of blocks.
CREATE INDEX bench_index ON compound USING gist (fp);
SET max_parallel_workers_per_gather = 0;
SET enable_seqscan = off;
