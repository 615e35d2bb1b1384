-- Every row, in one process.
SET max_parallel_workers_per_gather = 0;
SET enable_indexscan = off;
