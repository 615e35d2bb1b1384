-- The same, beside an index of the filter's column; the planner chooses.
CREATE INDEX bench_index ON compound USING hamnet (fp);
CREATE INDEX IF NOT EXISTS bench_part ON compound (part);
ANALYZE compound;
SET max_parallel_workers_per_gather = 0;
