# GiST indexes of fingerprints: what they answer stays right after a crash, on
# a replica, and while rows are written.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %distances = (l2 => '<->', cosine => '<=>', tanimoto => '<%>');

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', 'autovacuum = off');
$primary->start;
$primary->backup('base');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($primary, 'base', has_streaming => 1);
$replica->start;

$primary->safe_psql(
	'postgres', q{
	CREATE EXTENSION hamnet;
	CREATE FUNCTION random_hfp() RETURNS hfp LANGUAGE sql VOLATILE AS
		'SELECT array_agg((random() + random() * (i % 5))::real)::hfp FROM generate_series(1, 100) i';
	CREATE TABLE compound (id serial PRIMARY KEY, fp hfp);
	INSERT INTO compound (fp) SELECT random_hfp() FROM generate_series(1, 1500);});
my $axes = $primary->safe_psql('postgres', q{SELECT hamnet_fit_axes('SELECT fp FROM compound')});
$primary->safe_psql('postgres', "CREATE INDEX fp_$_ ON compound USING gist (fp gist_hfp_${_}_ops (axes = '$axes'))")
	for keys %distances;

# The answers of some searches, by one way: the distances of the nearest, and who is within the last of them.
sub answers
{
	my ($node, $metric, $with_index) = @_;
	my $within = $metric eq 'l2' ? 'hamnet_within' : "hamnet_within_$metric";
	my ($seq, $index) = $with_index ? ('off', 'on') : ('on', 'off');

	return $node->safe_psql(
		'postgres', qq{
		SET enable_seqscan = $seq;
		SET enable_sort = $seq;
		SET enable_indexscan = $index;
		SET enable_bitmapscan = $index;
		DO \$\$
		DECLARE line text; plan text := '';
		BEGIN
			FOR line IN EXPLAIN SELECT id FROM compound ORDER BY fp $distances{$metric} (SELECT fp FROM compound WHERE id = 1) LIMIT 1 LOOP
				plan := plan || line;
			END LOOP;
			ASSERT (plan ~ 'Index Scan using fp_$metric') = ('$index' = 'on'), plan;
		END \$\$;
		SELECT q.id, n.*, (SELECT string_agg(c.id::text, ' ' ORDER BY c.id) FROM compound c WHERE $within(c.fp, q.fp, n.farthest))
		FROM (SELECT id, fp FROM compound ORDER BY id LIMIT 5) q, LATERAL
			(SELECT array_agg(d) AS nearest, max(d) AS farthest FROM
				(SELECT fp $distances{$metric} q.fp AS d FROM compound ORDER BY d LIMIT 15) x) n;});
}

sub check_answers
{
	my ($node, $when) = @_;

	for my $metric (sort keys %distances)
	{
		is(answers($node, $metric, 1), answers($node, $metric, 0), "$metric $when");
	}
}

sub check_replica
{
	my ($when) = @_;

	$primary->wait_for_catchup($replica);
	check_answers($replica, "on a replica $when");
	is(answers($replica, $_, 1), answers($primary, $_, 1), "$_ on a replica as on its primary $when") for sort keys %distances;
}

check_answers($primary, 'after the build');
check_replica('after the build');

# Changes, some of which are only in the log when the server crashes
$primary->safe_psql(
	'postgres', q{
	DELETE FROM compound WHERE id % 3 = 0;
	VACUUM compound;
	CHECKPOINT;
	INSERT INTO compound (fp) SELECT random_hfp() FROM generate_series(1, 1000);
	UPDATE compound SET fp = random_hfp() WHERE id % 5 = 0;
	DELETE FROM compound WHERE id % 7 = 0;
	VACUUM compound;
	INSERT INTO compound (fp) SELECT fp FROM compound WHERE id % 11 = 0;});
$primary->stop('immediate');
$primary->start;
check_answers($primary, 'after a crash');
check_replica('after changes');

# Searches beside writers: with the index and without, in one snapshot, for the
# queries of a stable function share that of its caller
$primary->safe_psql(
	'postgres', q{
	CREATE FUNCTION same_answers(query hfp) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
	DECLARE
		statement text := format('SELECT array_agg(d) FROM (SELECT fp <-> %L::hfp AS d FROM compound ORDER BY d LIMIT 10) x', query);
		found double precision[];
		expected double precision[];
	BEGIN
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
		EXECUTE statement INTO found;
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
		EXECUTE statement INTO expected;
		RETURN found = expected AND cardinality(found) = 10;
	END $$;});
$primary->pgbench(
	'--no-vacuum --client=4 --transactions=60',
	0,
	[qr{processed: 240/240}],
	[qr{^$}],
	'searches while rows are written',
	{
		'005_insert@3' => q{
			INSERT INTO compound (fp) SELECT random_hfp() FROM generate_series(1, 20);},
		'005_update@2' => q{
			UPDATE compound SET fp = random_hfp() WHERE id IN (SELECT id FROM compound ORDER BY random() LIMIT 5 FOR UPDATE SKIP LOCKED);},
		'005_delete@2' => q{
			DELETE FROM compound WHERE id IN (SELECT id FROM compound WHERE id > 20 ORDER BY random() LIMIT 10 FOR UPDATE SKIP LOCKED);},
		'005_vacuum@1' => q{
			VACUUM compound;},
		'005_search@4' => q{
			SELECT 1 / same_answers(random_hfp())::int;}
	});
check_answers($primary, 'after searches beside writers');
check_replica('after searches beside writers');

# A dump carries the axes, before it makes the indexes
my $dump = $primary->basedir . '/axes.dump';
$primary->command_ok([ 'pg_dump', '--format=custom', "--file=$dump", '--dbname', $primary->connstr('postgres') ], 'dump');
$primary->safe_psql('postgres', 'CREATE DATABASE restored');
$primary->command_like([ 'pg_restore', '--exit-on-error', '--dbname', $primary->connstr('restored'), $dump ], qr{^$}, 'restore');
is($primary->safe_psql('restored', "SET enable_seqscan = off; $_"), $primary->safe_psql('postgres', "SET enable_indexscan = off; $_"), 'the same answer after a restore')
  for 'SELECT array_agg(d) FROM (SELECT fp <-> (SELECT fp FROM compound WHERE id = 1) AS d FROM compound ORDER BY d LIMIT 10) x';

# Axes cannot change behind an index: they may be missing, which is an error
$primary->safe_psql('postgres', 'UPDATE _hamnet_axes SET content = set_byte(content, 100, 255 - get_byte(content, 100))');
my ($result, $output, $error) = $primary->psql('postgres',
	'SET enable_seqscan = off; SELECT id FROM compound ORDER BY fp <-> (SELECT fp FROM compound LIMIT 1) LIMIT 1');
like($error, qr/axes "$axes" were changed/, 'changed axes are refused');
$primary->safe_psql('postgres', 'DELETE FROM _hamnet_axes');
($result, $output, $error) = $primary->psql('postgres',
	'SET enable_seqscan = off; SELECT id FROM compound ORDER BY fp <-> (SELECT fp FROM compound LIMIT 1) LIMIT 1');
like($error, qr/axes "$axes" do not exist/, 'missing axes are an error');

done_testing();
