# A hamnet index stays exact, of flat fingerprints with a filter column and as of
# steep ones: on a replica, while many write and VACUUM runs,
# after kill -9 in the middle of that, and on a replica promoted after it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/../perl";
use Crash;

my $dim = 104;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', qq{
autovacuum = off
full_page_writes = on
checkpoint_timeout = 30s
restart_after_crash = on});
$primary->start;
$primary->safe_psql(
	'postgres', qq{
	CREATE EXTENSION hamnet;
	CREATE FUNCTION random_hfp(seed int) RETURNS hfp LANGUAGE sql VOLATILE AS \$\$
		SELECT array_agg(a * sin(j) + b * cos(j) + c * sin(2 * j) + 3 * random())::hfp
		FROM (SELECT seed * 0 + random() AS a, random() AS b, random() AS c) latent, generate_series(1, $dim) j
	\$\$;
	CREATE TABLE compound (id serial PRIMARY KEY, fp hfp, grp int GENERATED ALWAYS AS (id % 10) STORED);
	INSERT INTO compound (fp) SELECT random_hfp(i) FROM generate_series(1, 3000) i;
	INSERT INTO compound (fp) VALUES (NULL);
	CREATE INDEX compound_l2 ON compound USING hamnet (fp, grp);
	CREATE INDEX compound_tanimoto ON compound USING hamnet (fp hfp_tanimoto_ops) WITH (coordinates = 48);
	CREATE UNLOGGED TABLE fleeting AS SELECT fp FROM compound;
	CREATE INDEX fleeting_fp ON fleeting USING hamnet (fp);
	CREATE TABLE query AS SELECT random_hfp(i) AS q FROM generate_series(1, 5) i;});

$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

# The indexes give what a sequential scan gives, and check out.
sub exact
{
	my ($node, $when) = @_;

	foreach my $op ('<->', '<%>')
	{
		my $answers = qq{
			SELECT string_agg(d, E'\\n') FROM query,
				LATERAL (SELECT coalesce((fp $op q)::text, 'null') AS d FROM compound ORDER BY fp $op q LIMIT 200) s;
			SELECT string_agg(d, E'\\n') FROM query,
				LATERAL (SELECT coalesce((fp $op q)::text, 'null') AS d FROM compound WHERE grp = 3 ORDER BY fp $op q LIMIT 20) s;
			SELECT count(*), count(fp) FROM (SELECT fp FROM compound ORDER BY fp $op (SELECT q FROM query LIMIT 1)) s;};
		my $by_index = $node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; $answers");
		my $by_scan = $node->safe_psql('postgres', "SET enable_indexscan = off; SET enable_bitmapscan = off; $answers");

		is($by_index, $by_scan, "$when: $op is exact");
	}
	is( $node->safe_psql('postgres', q{SELECT hamnet_index_check('compound_l2') = hamnet_index_check('compound_tanimoto'),
		hamnet_index_check('compound_l2') = count(*) FROM compound}), 't|t', "$when: the indexes are sound");
}

my $plan = $primary->safe_psql('postgres', q{SET enable_seqscan = off; SET enable_sort = off;
	EXPLAIN (COSTS OFF) SELECT * FROM query, LATERAL (SELECT fp FROM compound ORDER BY fp <%> q LIMIT 200) s});
like($plan, qr/Index Scan using compound_tanimoto/, 'the comparison uses the index');

is($primary->safe_psql('postgres', q{SELECT coordinates FROM hamnet_index_stats('compound_l2')}), $dim, 'the fingerprints are flat');

exact($primary, 'built');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
exact($standby, 'replica');

# Replay of writing, vacuuming and filling up again
$primary->safe_psql(
	'postgres', q{
	DELETE FROM compound WHERE id % 3 = 0;
	UPDATE compound SET fp = random_hfp(id) WHERE id % 7 = 0;});
$primary->safe_psql('postgres', 'VACUUM compound');
$primary->safe_psql('postgres', 'INSERT INTO compound (fp) SELECT random_hfp(i) FROM generate_series(1, 1500) i');
exact($primary, 'written');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
exact($standby, 'replica of writing');

# Many clients. Each search compares itself with the rest of the table, in one snapshot.
my $write = $primary->basedir . '/write.sql';
my $search = $primary->basedir . '/search.sql';
my $vacuum = $primary->basedir . '/vacuum.sql';
append_to_file($write, q{
\set id random(1, 6000)
INSERT INTO compound (fp) SELECT random_hfp(i) FROM generate_series(1, 3) i;
UPDATE compound SET fp = random_hfp(id) WHERE id = :id;
DELETE FROM compound WHERE id IN (:id + 1, :id + 2);
});
append_to_file($search, q{
SET enable_seqscan = off;
SET enable_sort = off;
SELECT 1 / (CASE WHEN
	(SELECT array_agg(d) FROM (SELECT fp <-> (SELECT q FROM query OFFSET 2 LIMIT 1) AS d FROM compound
		ORDER BY fp <-> (SELECT q FROM query OFFSET 2 LIMIT 1) LIMIT 20) s)
	= (SELECT (array_agg(d ORDER BY d))[1:20] FROM (SELECT fp <-> (SELECT q FROM query OFFSET 2 LIMIT 1) AS d FROM compound) s)
	THEN 1 ELSE 0 END);
});
append_to_file($vacuum, "VACUUM compound;\n");

$primary->command_ok(
	[   'pgbench', '--no-vacuum', '--client=6', '--jobs=2', '--time=5',
		"--file=$write\@6", "--file=$search\@3", "--file=$vacuum\@1", 'postgres' ],
	'searches are exact while others write and VACUUM runs');
exact($primary, 'after concurrent writing');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
exact($standby, 'replica of concurrent writing');

# Other sessions than the one that asks
my $clients = q{pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()};

# kill -9 while clients write: of one backend, from which the server recovers by itself
sub start_writing
{
	my @command = ('pgbench', '--no-vacuum', '--client=4', '--time=60', '--host=' . $primary->host, '--port=' . $primary->port,
		"--file=$write\@8", "--file=$vacuum\@1", 'postgres');
	my ($out, $err) = ('', '');
	my $writing = IPC::Run::start(\@command, '<', \undef, '>', \$out, '2>', \$err);

	$primary->poll_query_until('postgres', "SELECT count(*) = 4 FROM $clients")
	  or die 'pgbench did not start';
	sleep(1);
	return $writing;
}

my $writing = start_writing();
my $victim = $primary->safe_psql('postgres', "SELECT pid FROM $clients LIMIT 1");
my $logged = kill_process($primary, $victim);
$writing->finish;
wait_until_recovered($primary, $logged);
exact($primary, 'after kill -9 of a backend');
is($primary->safe_psql('postgres', q{SET enable_seqscan = off; SELECT count(*) FROM (SELECT fp FROM fleeting ORDER BY fp <-> (SELECT q FROM query LIMIT 1)) s}),
	0, 'an unlogged table is empty after a crash, its index too');
$primary->safe_psql('postgres', 'INSERT INTO fleeting SELECT fp FROM compound LIMIT 10');
is($primary->safe_psql('postgres', q{SET enable_seqscan = off; SELECT count(*) FROM (SELECT fp FROM fleeting ORDER BY fp <-> (SELECT q FROM query LIMIT 1)) s}),
	10, 'an emptied index takes rows again');

# of the whole server; the replica takes over with what it has received
$writing = start_writing();
$primary->stop('immediate');
$writing->finish;
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
exact($standby, 'promoted after a crash');
$standby->safe_psql('postgres', 'INSERT INTO compound (fp) SELECT random_hfp(i) FROM generate_series(1, 500) i; DELETE FROM compound WHERE id % 2 = 0');
$standby->safe_psql('postgres', 'VACUUM compound');
exact($standby, 'promoted and written');

$primary->start;
exact($primary, 'restarted after a crash');

# A damaged index is noticed, not believed, also where the server has no checksums, which it has by default from 18 on
$primary->safe_psql('postgres', 'CHECKPOINT');
my $file = $primary->data_dir . '/' . $primary->safe_psql('postgres', q{SELECT pg_relation_filepath('compound_l2')});
$primary->stop;
open my $handle, '+<:raw', $file or die "$file: $!";
my $middle = int((-s $file) / 8192 / 2);
for my $block ($middle .. $middle + 6)
{
	seek($handle, $block * 8192 + 24, 0);
	print $handle "\xff" x 2048;
}
close $handle;
$primary->start;
my ($status, $out, $err) = $primary->psql('postgres', q{SET ignore_checksum_failure = on; SELECT hamnet_index_check('compound_l2')});
like($err, qr/index "compound_l2" is corrupted/, 'damage is found');
$primary->safe_psql('postgres', 'REINDEX INDEX compound_l2');
exact($primary, 'rebuilt');

$standby->stop;
$primary->stop;
done_testing();
